"""Functions that are written as equations.

A formula is a function whose body is a sequence of `name = expression` and a return. Its
keyword-only names are hyper-parameters, known by name and range. Rules, wrappers and schedules are
formulas: their text is run, printed as LaTeX, and written as JavaScript.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial, update_wrapper
from types import CodeType
from typing import Any, ClassVar, Self

from optlib.arrays import FUNCTIONS, calls, dot
from optlib.notation import (
    HYPER,
    Names,
    Quantity,
    demand,
    demand_known,
    new_quantity,
    quantity,
    symbol,
)


class Source(str):
    """Program text that Jupyter shows as highlighted Python."""

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.rstrip()}\n```"


class Formula:
    """A function written as equations, with hyper-parameters.

    Attributes
    ----------
    name : str
        Name of the function.
    arguments : tuple of str
        Its positional names.
    hyper : dict of str to float
        Hyper-parameters and their defaults.
    ranges : dict of str to Quantity
        For each hyper-parameter its symbol, meaning and range.
    names : dict of str to Quantity
        What names mean in it where that is not said by the vocabulary of the book.
    title : str
        How texts call it; "" for what is no member of the family of optimizers.
    parents : tuple of Formula
        Those it comes from, the nearest first.
    change : str
        What it does otherwise than its first parent, in words.
    source : str
        The function's own text.
    """

    kind: ClassVar[str]
    """What it is called in messages."""

    result: ClassVar[str]
    """The name under which `lines` gives what is returned."""

    returns: ClassVar[str] = ""
    """What it is called in messages, if not so."""

    given: ClassVar[tuple[str, ...]]
    """Positional names that are no slots."""

    keeps: ClassVar[frozenset[str]] = frozenset()
    """Names that no line may define."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        title: str = "",
        parents: Iterable["Formula"] = (),
        change: str = "",
        names: Names | None = None,
    ) -> None:
        self.function = function
        self.name = function.__name__
        if hasattr(function, "__wrapped__"):  # its text would be another function's
            raise TypeError(f"{self.kind} {self.name}: put @{self.kind} directly on the function")
        update_wrapper(self, function)  # type: ignore[arg-type]
        parameters = inspect.signature(function).parameters.values()
        # How each slot begins: None for zeros, or its default.
        self.start: dict[str, Any] = {
            p.name: None if p.default is p.empty else p.default
            for p in parameters
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in self.given
        }
        self.arguments = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
        self.hyper = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        # A hyper-parameter is no line of another rule that has the same name.
        self.names = {n: HYPER.get(n) or new_quantity(n) for n in self.hyper} | dict(names or {})
        self.ranges: dict[str, Quantity] = {n: self.names[n] for n in self.hyper}
        self.title, self.parents, self.change = title, tuple(parents), change
        if len(self.arguments) + len(self.hyper) != len(parameters):
            raise TypeError(
                f"{self.kind} {self.name}: *args, **kwargs and positional-only are not slots"
            )
        self._check_signature()
        self.__doc__ = _document(self)

    def _check_signature(self) -> None:
        """Complain about a signature that is none of its kind."""
        missing = [n for n, default in self.hyper.items() if default is inspect.Parameter.empty]
        if missing:
            raise TypeError(f"{self.kind} {self.name}: give {', '.join(missing)} a default")
        self.check(**self.hyper)

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the state slots, which are returned after the result, in order."""
        return tuple(self.start)

    def check(self, **hyper: Any) -> dict[str, Any]:
        """All hyper-parameters, defaults filled in, each known by name and in its range.

        Arrays are checked number by number; SymPy expressions, which have no value yet, pass.

        Raises
        ------
        TypeError
            An unknown name or a value that is no number.
        ValueError
            A value out of range; the message gives name, value and range.
        """
        demand_known(self.name, "hyper-parameter", hyper, self.hyper)
        for name, value in hyper.items():
            demand(self.name, name, value, self.names)
        return {**self.hyper, **hyper}

    @cached_property
    def source(self) -> Source:
        """The function's text as it stands in its file."""
        try:
            text = textwrap.dedent(inspect.getsource(self.function))
        except OSError:
            raise OSError(
                f"the source of {self.kind} {self.name} cannot be read; define it in a file or a "
                "notebook cell, since equations and JavaScript are made from its text"
            ) from None
        # What its decorator is told of the family is no part of the box.
        return Source(re.sub(r"\A@(\w+)\(.*?\)\n(?=def )", r"@\1\n", text, flags=re.DOTALL))

    def lines(self) -> Iterator[tuple[str, ast.expr]]:
        """Each line in order: the name it defines and the expression.

        The last line is what is returned, under the name `result`.

        Raises
        ------
        SyntaxError
            The function is not a sequence of `name = expression`, each name once, and a return
            of the result and the slots: then its lines are no equations, and the message says why.
        """
        who = f"{self.kind} {self.name}"
        definition = ast.parse(self.source).body[0]
        if not isinstance(definition, ast.FunctionDef):
            raise SyntaxError(f"{who} must be a function made by `def`")
        statements = definition.body[1:] if ast.get_docstring(definition) else definition.body
        defined = set(self.keeps)
        for line in statements[:-1]:
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in defined:
                    defined.add(name)
                    yield name, value
                case ast.Assign(targets=[ast.Name(id=name)]):
                    raise SyntaxError(
                        f"{who}: `{ast.unparse(line)}` defines {name} a second time; "
                        "give it a name of its own"
                    )
                case _:
                    raise SyntaxError(
                        f"{who}: `{ast.unparse(line)}` is not of the form "
                        "`name = expression`; write it out, and use where(...) for a choice"
                    )
        last = statements[-1]
        due = ", ".join([self.returns or self.result, *self.slots])
        if not isinstance(last, ast.Return) or last.value is None:
            raise SyntaxError(f"{who} must end in `return {due}`")
        result, *slots = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
        if [ast.unparse(slot) for slot in slots] != list(self.slots):
            raise SyntaxError(
                f"{who} must end in `return {due}`: "
                "give what a slot becomes a line of its own before"
            )
        yield self.result, result

    def scope(self) -> dict[str, Any]:
        """What the text calls by name: functions of `optlib.arrays`, and whatever else."""
        scope = inspect.getclosurevars(self.function)
        return {**scope.builtins, **scope.globals, **scope.nonlocals}

    @property
    def needs_function(self) -> bool:
        """Whether it evaluates the gradient itself, elsewhere than at the parameters."""
        return "grad" in self.arguments

    @cached_property
    def needs_vector(self) -> bool:
        """Whether a coordinate's step depends on the others too: it calls `dot`, or who does."""
        return dot in calls(self.function)[0]

    def demand_seen(self, danger: str) -> None:
        """Complain with a TypeError about calls of what may do harm; `danger` says which.

        Known are the functions of a formula (`optlib.arrays.FUNCTIONS`), and functions made of
        them alone.
        """
        if strange := calls(self.function)[1]:
            raise TypeError(
                f"{self.name} uses {', '.join(strange)}, which may {danger}; write it with "
                f"{', '.join(FUNCTIONS)} of optlib.arrays, or functions made of these alone"
            )

    def symbol(self, name: str, index: str = "") -> str:
        """LaTeX of a name in it, with an index."""
        return symbol(name, index, self.names)

    def walk(
        self, values: Mapping[str, Any], name: Callable[[str, Any], Any] = lambda _, value: value
    ) -> dict[str, Any]:
        """Run the text line by line.

        Parameters
        ----------
        values
            A value for each argument and each hyper-parameter.
        name
            Called with each line's name and value; what it returns stands for that name in the
            lines that follow.

        Returns
        -------
        dict
            The last value of each name, what is returned under the name `result`.
        """
        known = dict(values)
        functions = self.scope()
        results: dict[str, Any] = {}
        for target, code in self._compiled:
            results[target] = name(target, eval(code, functions, known))
            if target != self.result:
                known[target] = results[target]
        return results

    @cached_property
    def _compiled(self) -> list[tuple[str, CodeType]]:
        """Each line as a program, kept since the text stays the same."""
        return [
            (target, compile(ast.Expression(line), f"<{self.kind} {self.name}>", "eval"))
            for target, line in self.lines()
        ]

    def __repr__(self) -> str:
        settings = ", ".join(f"{n}={v:g}" for n, v in self.hyper.items())
        return f"<{self.kind} {self.name}({settings})>"

    def __reduce__(self) -> str | tuple[partial[Self], tuple[Callable[..., Any]]]:
        """One that a module holds is pickled by its name, as a function is; or by its function.

        One of a script or a notebook needs cloudpickle, as Dask uses, which sends its text along.
        """
        place: Any = sys.modules.get(self.function.__module__)
        for part in self.function.__qualname__.split("."):
            place = getattr(place, part, None)
        if place is self and self.function.__module__ != "__main__":
            return self.function.__qualname__
        fields = {n: getattr(self, n) for n in ("title", "parents", "change", "names")}
        return partial(type(self), **fields), (self.function,)


def _document(formula: Formula) -> str:
    """Its docstring with sections on state and hyper-parameters, made from the signature."""
    lines = [inspect.cleandoc(formula.function.__doc__ or "")]
    if formula.start:
        lines += ["", "State", "-----"]
    for name, start in formula.start.items():
        like = "shape of theta" if start in (None, "theta") else "one number"
        lines += [
            f"{name} : {like}, {start or 0} at the start",
            f"    {quantity(name, formula.names).meaning}.",
        ]
    known = {n: v for n, v in formula.hyper.items() if v is not inspect.Parameter.empty}
    if known:
        lines += ["", "Hyper-parameters", "----------------"]
    for name, default in known.items():
        wanted = formula.ranges[name]
        kind = "int" if wanted.whole else "float"
        lines += [f"{name} : {kind}, default {default:g}"]
        lines += [f"    {wanted.meaning}; {wanted.range(name)}."]
    return "\n".join(lines)
