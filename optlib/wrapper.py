"""Rules that change rules: a wrapper takes a rule and gives another.

A wrapper is written like a rule. It takes `g` and returns the gradient that the inner rule shall
see, or it takes `move`, what the inner rule returns, and returns another. Its other names mean what
they mean in a rule; a hyper-parameter without a default is the inner rule's. The two texts are
joined into one, so that a wrapped rule is a rule like any other: it prints its equations, and has a
source that can be read.
"""

import ast
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from keyword import iskeyword
from typing import Any, overload

from optlib.formula import Formula
from optlib.rule import DerivedRule, Rule
from optlib.text import Put, compiled, rule_text, summary


class Wrapped(DerivedRule):
    """A rule made of another by a wrapper."""

    def __init__(self, function: Callable[..., Any], recipe: "Recipe", **fields: Any) -> None:
        super().__init__(function, (_wrap, recipe), **fields)
        wrapper, rule, *_ = recipe
        if wrapper.neutral:
            self.inner, self.neutral = rule, wrapper.neutral


class Wrapper(Formula):
    """A change to a rule; calling it with a rule makes the changed one.

    `neutral` are hyper-parameters at which it changes nothing, if there are such.
    """

    kind = "wrapper"
    given = ("theta", "g", "move", "t")
    keeps = frozenset(given)

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        neutral: Mapping[str, float] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(function, **fields)
        self.neutral = dict(neutral or {})

    def _check_signature(self) -> None:
        if ("g" in self.arguments) == ("move" in self.arguments):
            raise TypeError(f"wrapper {self.name}: take either g or move")
        self.check(**{n: v for n, v in self.hyper.items() if v is not inspect.Parameter.empty})

    @property
    def result(self) -> str:  # type: ignore[override]
        """What it changes, `g` or `move`."""
        return "g" if "g" in self.arguments else "move"

    def __call__(
        self,
        rule: Rule,
        *,
        name: str | None = None,
        doc: str | None = None,
        title: str = "",
        **hyper: Any,
    ) -> Wrapped:
        """The changed rule.

        Parameters
        ----------
        rule : Rule
            The inner rule.
        name : str, optional
            Name of the new one; by default the wrapper's and the rule's, as in `lookahead_adam`.
        doc : str, optional
            Its docstring; by default made of both.
        title : str, optional
            How texts call it, for a member of the family.
        **hyper
            Defaults of the wrapper's own hyper-parameters.

        Raises
        ------
        TypeError
            The rule is none, lacks what the wrapper needs, or uses its names for something else.
        ValueError
            A hyper-parameter out of range.
        """
        return _wrap(self, rule, name, doc, hyper, title)


Recipe = tuple[Wrapper, Rule, str | None, str | None, dict[str, Any], str]
"""What a wrapped rule is made of: the arguments of `_wrap`."""


def _wrap(
    wrapper: Wrapper,
    rule: Rule,
    name: str | None,
    doc: str | None,
    hyper: dict[str, Any],
    title: str,
) -> Wrapped:
    if not isinstance(rule, Rule):
        raise TypeError(f"{wrapper.name} takes a rule, such as optlib.adam, got {rule!r}")
    own = wrapper.check(**hyper)
    own = {n: value for n, value in own.items() if value is not inspect.Parameter.empty}
    _demand_fit(wrapper, rule, own)
    name = name or f"{wrapper.name}_{rule.name}"
    if not name.isidentifier() or iskeyword(name) or name in {**rule.scope(), **wrapper.scope()}:
        raise ValueError(f"{name!r} is no name for a rule; give one that neither text uses")
    recipe: Recipe = (wrapper, rule, name, doc, hyper, title)
    doc = doc or "\n    ".join([*summary(rule), *summary(wrapper)])

    used = {*rule.arguments, *wrapper.arguments}
    slots = {**rule.start, **wrapper.start}
    *lines, (_, move) = _joined(wrapper, rule)
    text = rule_text(name, doc, used, slots, {**rule.hyper, **own}, lines, move)
    return Wrapped(
        compiled(name, text, _scope(name, wrapper, rule), rule.function.__module__),
        recipe,
        title=title,
        parents=(rule, wrapper),
        change=wrapper.change,
        names={**rule.names, **wrapper.names},
    )


def _demand_fit(wrapper: Wrapper, rule: Rule, own: dict[str, Any]) -> None:
    """Complain unless the two can be joined."""
    lines = {n for n, _ in rule.lines()}
    if missing := sorted(wrapper.hyper.keys() - own.keys() - rule.hyper.keys()):
        raise TypeError(f"{wrapper.name}: {rule.name} has no {', '.join(missing)}")
    if wrapper.result == "g" and (rule.needs_function or "g" in lines):
        raise TypeError(f"{wrapper.name} changes the gradient, and so does {rule.name} itself")
    if changed := sorted((wrapper.hyper.keys() - own.keys()) & lines):
        raise TypeError(f"{rule.name} changes {', '.join(changed)}, which {wrapper.name} needs")
    added = {*own, *wrapper.slots, *(n for n, _ in wrapper.lines())} - {wrapper.result}
    if both := sorted(added & {*rule.hyper, *rule.slots, *lines}):
        raise TypeError(f"{rule.name} uses {', '.join(both)} already, as {wrapper.name} does")


def _joined(wrapper: Wrapper, rule: Rule) -> list[tuple[str, ast.expr]]:
    """The lines of both texts as one, the move last."""
    outer, inner = list(wrapper.lines()), list(rule.lines())
    *inner, (_, move) = inner
    if wrapper.result == "g":
        *before, (_, gradient) = outer
        put = Put({"g": gradient})
        return [*before, *((n, put.visit(line)) for n, line in inner), ("move", put.visit(move))]
    put = Put({"move": move})
    return [*inner, *((n, put.visit(line)) for n, line in outer)]


def _scope(name: str, wrapper: Wrapper, rule: Rule) -> dict[str, Any]:
    """What both texts call."""
    scope: dict[str, Any] = dict(wrapper.scope())
    for n, value in rule.scope().items():
        held = scope.setdefault(n, value)
        if held is not value and not (isinstance(value, int | float | str) and held == value):
            raise TypeError(f"{name}: {n} means two things in {wrapper.name} and {rule.name}")
    return scope


@overload
def wrapper(function: Callable[..., Any], /) -> Wrapper: ...
@overload
def wrapper(**fields: Any) -> Callable[[Callable[..., Any]], Wrapper]: ...
def wrapper(function: Callable[..., Any] | None = None, /, **fields: Any) -> Any:
    """Make a `Wrapper` of a function that is written like an algorithm box.

    Bare, or with fields: `neutral`, and those of `optlib.rule.rule`.
    """
    return partial(Wrapper, **fields) if function is None else Wrapper(function, **fields)
