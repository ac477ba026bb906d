"""What a rule is.

A rule is a function that reads like the algorithm box of a paper. Its signature says everything:
`g` is the gradient, or `grad` the gradient function where the rule must evaluate it elsewhere
than at the parameters; `t` the step, counted from 1; `theta` the parameters. Every other
positional name is a slot of state, zero at the start. A slot with a default is one number for the
whole vector and begins there, `product=1`; with the default "theta" it begins as a copy of the
parameters. Keyword-only names are hyper-parameters. It returns the move, which is added to the
parameters, and then the new slots in order.

`@rule` makes a `Rule` of it. A rule of `optlib.rules` that has a title is a member of the family:
`@rule(title="Adam", parents=(rmsprop, sgdm), change="...")`. The faces are imported when they are
first asked for, so that a rule itself needs NumPy alone.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from optlib.altered import altered_function
from optlib.iteration import Iteration

if TYPE_CHECKING:
    from optlib.faces.equations import Box, Equations
    from optlib.faces.flight_record import FlightRecord


class Rule(Iteration):
    """An optimizer's rule and everything that can be derived from it.

    Attributes
    ----------
    name : str
        Name of the function.
    slots : tuple of str
        Names of the state slots.
    start : dict of str to None, float or "theta"
        How each slot begins: at zero everywhere, as one number for the whole vector, or at the
        parameters.
    hyper : dict of str to float
        Hyper-parameters and their defaults.
    ranges : dict of str to Quantity
        For each hyper-parameter its symbol, meaning and range.
    source : str
        The function's own text.
    """

    def altered(
        self, *, keeps: Mapping[str, str] | None = None, name: str = "", **lines: str
    ) -> "Rule":
        """This rule with some of its lines changed: `adam.altered(m_hat="m", v_hat="v")`.

        Each keyword names a line, or `move` for what is returned first, and gives its new
        expression as text. It may also name an argument or a hyper-parameter: in the lines that
        are not given, the text then stands wherever the rule uses that name, as in
        `adam.altered(t="t + 1")`. A text may use what the rule has there, `theta`, `t`, the
        functions of `optlib.arrays` and `np`. A slot is the old one before its line and the new
        one after it; `m_old` is the old `m` everywhere.

        Parameters
        ----------
        keeps : dict of slot to text, optional
            What is returned in a slot's place, and only there: `keeps={"m": "m_hat"}`.
        name : str, optional
            Name of the new rule, by default such as `adam_altered`.
        **lines : str
            The new expressions.

        Raises
        ------
        TypeError
            A line or a slot that the rule does not have, or a text that uses a name that is not
            there.
        SyntaxError
            A text that is no expression.
        ValueError
            Nothing is changed, or the name is none or that of what a line calls.
        """
        return _altered(self, lines, dict(keeps or {}), name or f"{self.name}_altered")

    def path(self, problem: Any, start: Any, steps: int = 100, **hyper: Any) -> np.ndarray:
        """Parameters visited on a problem; see `optlib.faces.path.path`."""
        from optlib.faces.path import path

        return path(self, problem, start, steps, **hyper)

    def record(self, problem: Any, start: Any, steps: int = 10, **hyper: Any) -> "FlightRecord":
        """Every named line's value at each step; see `optlib.faces.flight_record.record`."""
        from optlib.faces.flight_record import record

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


class DerivedRule(Rule):
    """A rule made of others; one that no module holds is pickled as the call that makes it.

    Parameters
    ----------
    function : callable
        What was made.
    recipe : tuple
        The function that made it, and its arguments.
    """

    def __init__(
        self, function: Callable[..., Any], recipe: tuple[Any, tuple[Any, ...]], **fields: Any
    ) -> None:
        super().__init__(function, **fields)
        self.recipe = recipe

    def __reduce__(self) -> Any:
        for name, module in list(sys.modules.items()):
            if name != "__main__" and getattr(module, "__dict__", {}).get(self.name) is self:
                return _held, (name, self.name)
        return self.recipe


def _held(module: str, name: str) -> Any:
    """The rule that a module holds."""
    return getattr(import_module(module), name)


def _altered(rule: Rule, lines: Mapping[str, str], keeps: Mapping[str, str], name: str) -> Rule:
    function, names = altered_function(rule, lines, keeps, name)
    return DerivedRule(function, (_altered, (rule, lines, keeps, name)), names=names)


@overload
def rule(function: Callable[..., Any], /) -> Rule: ...
@overload
def rule(**fields: Any) -> Callable[[Callable[..., Any]], Rule]: ...
def rule(function: Callable[..., Any] | None = None, /, **fields: Any) -> Any:
    """Make a `Rule` of a function that is written like an algorithm box; see `optlib.rule`.

    Bare, or with fields of the rule: `title`, `parents` and `change`, and `names` for what a name
    means in it alone.
    """
    return partial(Rule, **fields) if function is None else Rule(function, **fields)
