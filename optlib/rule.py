"""What a rule is.

A rule is a function that reads like the algorithm box of a paper. Its signature says everything:
`g` is the gradient, or `grad` the gradient function where the rule must evaluate it elsewhere
than at the parameters; `t` the step, counted from 1; `theta` the parameters. Every other
positional name is a slot of state, zero at the start. Keyword-only names are hyper-parameters.
It returns the move, which is added to the parameters, and then the new slots in order.

`@rule` makes a `Rule` of it. The faces are imported when they are first asked for, so that a rule
itself needs NumPy alone.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any

import numpy as np

from optlib.arrays import is_complex, zeros_like
from optlib.notation import Quantity, demand, demand_known, quantity

if TYPE_CHECKING:
    from optlib.faces.equations import Box, Equations
    from optlib.faces.record import Record

State = dict[str, Any]

_GIVEN = ("theta", "g", "grad", "t")


class Source(str):
    """Program text that Jupyter shows as highlighted Python."""

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.rstrip()}\n```"


class Rule:
    """An optimizer's rule and everything that can be derived from it.

    Attributes
    ----------
    name : str
        Name of the function.
    slots : tuple of str
        Names of the state slots, zero at the start.
    hyper : dict of str to float
        Hyper-parameters and their defaults.
    ranges : dict of str to Quantity
        For each hyper-parameter its symbol, meaning and range.
    source : str
        The function's own text.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__
        if hasattr(function, "__wrapped__"):  # its text would be another function's
            raise TypeError(f"rule {self.name}: put @rule directly on the function")
        update_wrapper(self, function)
        parameters = inspect.signature(function).parameters.values()
        self.arguments = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
        self.slots = tuple(n for n in self.arguments if n not in _GIVEN)
        self.hyper = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.ranges: dict[str, Quantity] = {n: quantity(n) for n in self.hyper}
        if ("g" in self.arguments) == ("grad" in self.arguments):
            raise TypeError(f"rule {self.name}: take either g or grad, the gradient function")
        if len(self.arguments) + len(self.hyper) != len(parameters):
            raise TypeError(f"rule {self.name}: *args, **kwargs and positional-only are not slots")
        missing = [n for n, default in self.hyper.items() if default is inspect.Parameter.empty]
        if missing:
            raise TypeError(f"rule {self.name}: give {', '.join(missing)} a default")
        self.check(**self.hyper)
        self.__doc__ = _document(function.__doc__, self.hyper, self.ranges)

    # The rule itself.

    def __call__(self, *arguments: Any, **hyper: Any) -> Any:
        """The function as it is written: the move, then the new slots. Nothing is checked."""
        return self.function(*arguments, **hyper)

    @property
    def needs_function(self) -> bool:
        """Whether the rule evaluates the gradient itself, elsewhere than at the parameters."""
        return "grad" in self.arguments

    def init(self, theta: Any) -> State:
        """State before the first step: a slot of zeros like `theta` for each name in `slots`."""
        return {name: zeros_like(theta) for name in self.slots}

    def update(self, theta: Any, g: Any, state: State, t: Any, hyper: Mapping[str, Any]) -> Any:
        """The move and the new state. Nothing is checked: faces that loop call this."""
        given = {"theta": theta, "g": g, "grad": g, "t": t, **state}
        result = self.function(**{n: given[n] for n in self.arguments}, **hyper)
        move, *slots = result if isinstance(result, tuple) else (result,)
        if len(slots) != len(self.slots):
            raise TypeError(
                f"rule {self.name} must return the move and then {len(self.slots)} slots "
                f"({', '.join(self.slots) or 'none'}), got {len(slots)} slots"
            )
        return move, dict(zip(self.slots, slots, strict=True))

    def step(self, theta: Any, g: Any, state: State, t: Any, **hyper: Any) -> tuple[Any, State]:
        """Take one step.

        Parameters
        ----------
        theta : array, tensor, number or symbol
            Parameters.
        g : same shape as `theta`
            Gradient there; for a rule that `needs_function`, the gradient function.
        state : dict
            From `init` or from the last step. It is not changed.
        t : int
            Number of this step, from 1.
        **hyper
            Hyper-parameters; those left out have their defaults.

        Returns
        -------
        tuple
            New parameters and new state.

        Raises
        ------
        ValueError
            A hyper-parameter or `t` out of range, or shapes that differ.
        TypeError
            An unknown hyper-parameter, a gradient of the wrong kind, or complex parameters.
        """
        hyper = self.check(**hyper)
        self.check_gradient(g)
        demand(self.name, "t", t)
        if is_complex(theta):
            raise TypeError(f"{self.name}: a complex parameter is two real ones; pass these")
        if set(state) != set(self.slots):
            raise ValueError(
                f"{self.name}: the state has {sorted(state)} but the slots are "
                f"{sorted(self.slots)}; start from {self.name}.init(theta)"
            )
        move, new = self.update(theta, g, state, t, hyper)
        parts = {**state, "gradient": theta if callable(g) else g, "move": move}
        for name, part in parts.items():
            if np.shape(part) != np.shape(theta):
                raise ValueError(
                    f"{self.name}: the {name} has shape {np.shape(part)} but the parameters "
                    f"have {np.shape(theta)}; they must be the same"
                )
        return theta + move, new

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
            demand(self.name, name, value)
        return {**self.hyper, **hyper}

    def check_gradient(self, g: Any) -> None:
        """Complain unless `g` is what the rule takes: a gradient, or the gradient function."""
        if self.needs_function and not callable(g):
            raise TypeError(
                f"{self.name} evaluates the gradient itself: pass the gradient function"
            )
        if not self.needs_function and callable(g):
            raise TypeError(f"{self.name} takes the gradient at theta, not a function")

    # The rule's own text, line by line.

    @cached_property
    def source(self) -> Source:
        """The function's text as it stands in its file."""
        try:
            return Source(textwrap.dedent(inspect.getsource(self.function)))
        except OSError:
            raise OSError(
                f"the source of rule {self.name} cannot be read; define it in a file or a "
                "notebook cell, since equations and JavaScript are made from its text"
            ) from None

    def lines(self) -> Iterator[tuple[str, ast.expr]]:
        """Each line of the rule in order: the name it defines and the expression.

        The last line is the move, under the name `theta`.

        Raises
        ------
        SyntaxError
            The function is not a sequence of `name = expression`, each name once, and
            `return move, slots`: then its lines are no equations, and the message says why.
        """
        definition = ast.parse(self.source).body[0]
        if not isinstance(definition, ast.FunctionDef):
            raise SyntaxError(f"rule {self.name} must be a function made by `def`")
        statements = definition.body[1:] if ast.get_docstring(definition) else definition.body
        defined = {"theta", "t"}  # a rule returns the move and leaves these alone
        for line in statements[:-1]:
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in defined:
                    defined.add(name)
                    yield name, value
                case ast.Assign(targets=[ast.Name(id=name)]):
                    raise SyntaxError(
                        f"rule {self.name}: `{ast.unparse(line)}` defines {name} a second time; "
                        "give it a name of its own"
                    )
                case _:
                    raise SyntaxError(
                        f"rule {self.name}: `{ast.unparse(line)}` is not of the form "
                        "`name = expression`; write it out, and use where(...) for a choice"
                    )
        last = statements[-1]
        if not isinstance(last, ast.Return) or last.value is None:
            raise SyntaxError(f"rule {self.name} must end in `return move, slots`")
        move, *slots = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
        if [ast.unparse(slot) for slot in slots] != list(self.slots):
            due = ", ".join(["move", *self.slots])
            raise SyntaxError(
                f"rule {self.name} must end in `return {due}`: "
                "give what a slot becomes a line of its own before"
            )
        yield "theta", move

    def walk(
        self, values: Mapping[str, Any], name: Callable[[str, Any], Any] = lambda _, value: value
    ) -> dict[str, Any]:
        """Run the rule line by line.

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
            The last value of each name, the move under the name `theta`.
        """
        known = dict(values)
        scope = inspect.getclosurevars(self.function)
        functions = {**scope.builtins, **scope.globals, **scope.nonlocals}
        result: dict[str, Any] = {}
        for target, expression in self.lines():
            code = compile(ast.Expression(expression), f"<rule {self.name}>", "eval")
            result[target] = name(target, eval(code, functions, known))
            if target != "theta":
                known[target] = result[target]
        return result

    # The faces.

    def path(self, problem: Any, start: Any, steps: int = 100, **hyper: Any) -> np.ndarray:
        """Parameters visited on a problem; see `optlib.faces.path.path`."""
        from optlib.faces.path import path

        return path(self, problem, start, steps, **hyper)

    def record(self, problem: Any, start: Any, steps: int = 10, **hyper: Any) -> "Record":
        """Every named line's value at each step; see `optlib.faces.record.record`."""
        from optlib.faces.record import record

        return record(self, problem, start, steps, **hyper)

    def equations(self) -> "Equations":
        """The displayed equations; see `optlib.faces.equations.equations`."""
        from optlib.faces.equations import equations

        return equations(self)

    def box(self, parent: "Rule | None" = None) -> "Box":
        """Source and equations side by side; see `optlib.faces.equations.Box`."""
        from optlib.faces.equations import Box

        return Box(self, parent)

    def javascript(self) -> str:
        """The rule as a JavaScript object; see `optlib.faces.javascript.rule_javascript`."""
        from optlib.faces.javascript import rule_javascript

        return rule_javascript(self)

    def __repr__(self) -> str:
        settings = ", ".join(f"{n}={v:g}" for n, v in self.hyper.items())
        return f"<rule {self.name}({settings})>"

    def __reduce__(self) -> str | tuple[type["Rule"], tuple[Callable[..., Any]]]:
        """A module's rule is pickled by its name, as a function is; any other by its function."""
        found: Any = sys.modules.get(self.function.__module__)
        for part in self.function.__qualname__.split("."):
            found = getattr(found, part, None)
        importable = found is self and self.function.__module__ != "__main__"
        return self.function.__qualname__ if importable else (Rule, (self.function,))


def rule(function: Callable[..., Any]) -> Rule:
    """Make a `Rule` of a function that is written like an algorithm box; see `optlib.rule`."""
    return Rule(function)


def _document(doc: str | None, hyper: Mapping[str, Any], ranges: Mapping[str, Quantity]) -> str:
    """The docstring with a section on the hyper-parameters, made from the signature."""
    lines = [inspect.cleandoc(doc or "")]
    if hyper:
        lines += ["", "Hyper-parameters", "----------------"]
    for name, default in hyper.items():
        wanted = ranges[name].range(name)
        lines += [f"{name} : float, default {default:g}", f"    {ranges[name].meaning}; {wanted}."]
    return "\n".join(lines)
