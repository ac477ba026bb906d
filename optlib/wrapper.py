"""Rules that change rules: a wrapper takes a rule and gives another.

A wrapper is written like a rule. It takes `g` and returns the gradient that the inner rule shall
see, or it takes `move`, what the inner rule returns, and returns another. Its other names mean what
they mean in a rule; a hyper-parameter without a default is the inner rule's. The two texts are
joined into one, so that a wrapped rule is a rule like any other: it prints its equations, and has a
source that can be read.
"""

import ast
import inspect
import linecache
from collections.abc import Callable
from typing import Any

from optlib.formula import Formula
from optlib.rule import Rule


class Wrapped(Rule):
    """A rule made of another; it is pickled as the call that makes it."""

    def __init__(self, function: Callable[..., Any], recipe: tuple[Any, ...]) -> None:
        super().__init__(function)
        self.recipe = recipe

    def __reduce__(self) -> Any:
        return _wrap, self.recipe


class Wrapper(Formula):
    """A change to a rule; calling it with a rule makes the changed one."""

    kind = "wrapper"
    given = ("theta", "g", "move", "t")
    keeps = frozenset(given)

    def _check_signature(self) -> None:
        if ("g" in self.arguments) == ("move" in self.arguments):
            raise TypeError(f"wrapper {self.name}: take either g or move")
        self.check(**{n: v for n, v in self.hyper.items() if v is not inspect.Parameter.empty})

    @property
    def result(self) -> str:  # type: ignore[override]
        """What it changes, `g` or `move`."""
        return "g" if "g" in self.arguments else "move"

    def __call__(
        self, rule: Rule, *, name: str | None = None, doc: str | None = None, **hyper: Any
    ) -> Rule:
        """The changed rule.

        Parameters
        ----------
        rule : Rule
            The inner rule.
        name : str, optional
            Name of the new one; by default the wrapper's and the rule's, as in `lookahead_adam`.
        doc : str, optional
            Its docstring; by default made of both.
        **hyper
            Defaults of the wrapper's own hyper-parameters.

        Raises
        ------
        TypeError
            The rule is none, lacks what the wrapper needs, or uses its names for something else.
        ValueError
            A hyper-parameter out of range.
        """
        return _wrap(self, rule, name, doc, hyper)


def _wrap(
    wrapper: Wrapper, rule: Rule, name: str | None, doc: str | None, hyper: dict[str, Any]
) -> Rule:
    if not isinstance(rule, Rule):
        raise TypeError(f"{wrapper.name} takes a rule, such as optlib.adam, got {rule!r}")
    empty = inspect.Parameter.empty
    own = wrapper.check(**hyper)
    own = {n: value for n, value in own.items() if value is not empty}
    if missing := sorted(wrapper.hyper.keys() - own.keys() - rule.hyper.keys()):
        raise TypeError(f"{wrapper.name}: {rule.name} has no {', '.join(missing)}")
    if wrapper.result == "g" and rule.needs_function:
        raise TypeError(f"{wrapper.name} changes the gradient, which {rule.name} takes itself")
    added = {*own, *wrapper.slots, *(n for n, _ in wrapper.lines())} - {"g", "move"}
    taken = {*rule.hyper, *rule.slots, *(n for n, _ in rule.lines())}
    if both := sorted(added & taken):
        raise TypeError(f"{rule.name} uses {', '.join(both)} already, as {wrapper.name} does")

    given = [n for n in ("theta", "g", "grad") if n in {*rule.arguments, *wrapper.arguments}]
    if rule.needs_function:
        given.remove("g") if "g" in given else None
    slots = {**rule.start, **wrapper.start}
    plain = [n for n, start in slots.items() if start is None]
    begun = [f"{n}={start!r}" for n, start in slots.items() if start is not None]
    step = ["t"] if "t" in {*rule.arguments, *wrapper.arguments} else []
    settings = [f"{n}={value!r}" for n, value in {**rule.hyper, **own}.items()]
    name = name or f"{wrapper.name}_{rule.name}"
    doc = doc or f"{_summary(rule)} {_summary(wrapper)}"
    body = [f"{n} = {ast.unparse(line)}" for n, line in _joined(wrapper, rule)]
    body[-1] = ", ".join([f"return {body[-1].removeprefix('move = ')}", *slots])
    text = "\n    ".join(
        [
            f"def {name}({', '.join([*given, *plain, *step, *begun])}, *, {', '.join(settings)}):",
            f'"""{doc}"""',
            *body,
        ]
    )
    return Wrapped(_compile(name, text + "\n", wrapper, rule), (wrapper, rule, name, doc, hyper))


def _joined(wrapper: Wrapper, rule: Rule) -> list[tuple[str, ast.expr]]:
    """The lines of both texts as one, the move last."""
    outer, inner = list(wrapper.lines()), list(rule.lines())
    *inner, (_, move) = inner
    if wrapper.result == "g":
        *before, (_, gradient) = outer
        put = _Put({"g": gradient})
        return [*before, *((n, put.visit(line)) for n, line in inner), ("move", put.visit(move))]
    put = _Put({"move": move})
    return [*inner, *((n, put.visit(line)) for n, line in outer)]


class _Put(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, expressions: dict[str, ast.expr]) -> None:
        self.expressions = expressions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.expressions.get(node.id, node)


def _summary(formula: Formula) -> str:
    return (formula.__doc__ or formula.name).splitlines()[0]


def _compile(name: str, text: str, *formulas: Formula) -> Callable[..., Any]:
    """The function that `text` defines, calling what the formulas call."""
    scope: dict[str, Any] = {}
    for formula in formulas:
        for n, value in formula.scope().items():
            if scope.setdefault(n, value) is not value:
                raise TypeError(
                    f"{name}: {n} means two things in {formulas[0].name} and {formulas[1].name}"
                )
    filename = f"<rule {name} {abs(hash(text))}>"
    scope["__name__"] = formulas[-1].function.__module__
    # inspect, and so the printed source, finds the text where it finds that of a notebook cell.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), scope)
    return scope[name]


def wrapper(function: Callable[..., Any]) -> Wrapper:
    """Make a `Wrapper` of a function that is written like an algorithm box."""
    return Wrapper(function)
