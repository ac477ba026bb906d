"""What is repeated: a formula that has a state and makes a step of a gradient.

Its signature says everything: see `optlib.rule`, which adds what can be derived from it. The faces
need no more than what is here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from optlib.arrays import Pieces, as_like, is_complex, number_like, zeros_like
from optlib.formula import Formula
from optlib.notation import HYPER, demand

State = dict[str, Any]


class Iteration(Formula):
    """A formula that says how parameters move.

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
    inner : Iteration or None
        What it comes down to with the hyper-parameters `neutral`.
    """

    inner: "Iteration | None" = None
    neutral: Mapping[str, float] = {}

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

    def __call__(self, *arguments: Any, **hyper: Any) -> Any:
        """The function as it is written: the move, then the new slots. Nothing is checked."""
        return self.function(*arguments, **hyper)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Those slots that are one number for the whole vector."""
        return tuple(n for n, start in self.start.items() if isinstance(start, int | float))

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
        several = isinstance(result, tuple) and not isinstance(result, Pieces)
        move, *slots = result if several else (result,)
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
