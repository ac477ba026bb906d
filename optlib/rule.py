"""What a rule is.

A rule is a function that reads like the algorithm box of a paper. Its signature says everything:
`g` is the gradient, or `grad` the gradient function where the rule must evaluate it elsewhere
than at the parameters; `t` the step, counted from 1; `theta` the parameters. Every other
positional name is a slot of state, zero at the start. A slot with a default is one number for the
whole vector and begins there, `product=1`; with the default "theta" it begins as a copy of the
parameters. Keyword-only names are hyper-parameters. It returns the move, which is added to the
parameters, and then the new slots in order.

`@rule` makes a `Rule` of it. The faces are imported when they are first asked for, so that a rule
itself needs NumPy alone.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optlib.arrays import as_like, is_complex, number_like, zeros_like
from optlib.formula import Formula
from optlib.notation import HYPER, demand

if TYPE_CHECKING:
    from optlib.faces.equations import Box, Equations
    from optlib.faces.flight_record import FlightRecord

State = dict[str, Any]


class Rule(Formula):
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

    kind = "rule"
    result = "theta"
    returns = "move"
    given = ("theta", "g", "grad", "t")
    keeps = frozenset({"theta", "t"})  # a rule returns the move and leaves these alone

    def _check_signature(self) -> None:
        if ("g" in self.arguments) == ("grad" in self.arguments):
            raise TypeError(f"rule {self.name}: take either g or grad, the gradient function")
        for name, value in self.start.items():
            if name in HYPER:
                raise TypeError(f"rule {self.name}: {name} is a hyper-parameter; put `*` before it")
            if not (value in (None, "theta") or isinstance(value, int | float)):
                raise TypeError(
                    f"rule {self.name}: the slot {name} begins at zero, at one number for the "
                    f"whole vector (`{name}=1`) or at the parameters (`{name}='theta'`), "
                    f"not at {value!r}"
                )
        super()._check_signature()

    # The rule itself.

    def __call__(self, *arguments: Any, **hyper: Any) -> Any:
        """The function as it is written: the move, then the new slots. Nothing is checked."""
        return self.function(*arguments, **hyper)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Those slots that are one number for the whole vector."""
        return tuple(n for n, start in self.start.items() if isinstance(start, int | float))

    @property
    def needs_function(self) -> bool:
        """Whether the rule evaluates the gradient itself, elsewhere than at the parameters."""
        return "grad" in self.arguments

    @property
    def needs_vector(self) -> bool:
        """Whether a coordinate's step depends on the other coordinates too, by `dot`."""
        return "dot" in self.function.__code__.co_names

    def init(self, theta: Any) -> State:
        """State before the first step: for each slot zeros like `theta`, or as `start` says."""
        begin = {None: zeros_like, "theta": lambda x: x + zeros_like(x)}
        return {
            name: begin[start](theta) if start in begin else number_like(theta, start)
            for name, start in self.start.items()
        }

    def update(self, theta: Any, g: Any, state: State, t: Any, hyper: Mapping[str, Any]) -> Any:
        """The move and the new state. Nothing is checked: faces that loop call this."""
        if isinstance(t, int):  # so that 1 / 0 in the branch that a rule does not take is no error
            t = np.float64(t)
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
        with np.errstate(all="ignore"):  # in a branch that the rule does not take
            move, new = self.update(theta, g, state, t, hyper)
        parts = {**state, "gradient": theta if callable(g) else g, "move": move}
        alone = np.shape(number_like(theta, 0.0))
        for name, part in parts.items():
            if np.shape(part) != (alone if name in self.numbers else np.shape(theta)):
                raise ValueError(
                    f"{self.name}: the {name} has shape {np.shape(part)} but the parameters "
                    f"have {np.shape(theta)}; they must be the same"
                )
        kept = zeros_like(theta)  # arithmetic with t, a float64, may have widened the rest
        return as_like(theta + move, kept), {n: as_like(slot, kept) for n, slot in new.items()}

    def check_gradient(self, g: Any) -> None:
        """Complain unless `g` is what the rule takes: a gradient, or the gradient function."""
        if self.needs_function and not callable(g):
            raise TypeError(
                f"{self.name} evaluates the gradient itself: pass the gradient function"
            )
        if not self.needs_function and callable(g):
            raise TypeError(f"{self.name} takes the gradient at theta, not a function")

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
        from optlib.altered import altered

        return altered(self, lines, keeps or {}, name or f"{self.name}_altered")

    # The faces.

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


def rule(function: Callable[..., Any]) -> Rule:
    """Make a `Rule` of a function that is written like an algorithm box; see `optlib.rule`."""
    return Rule(function)
