"""What a schedule is.

A schedule says how a learning rate, or a momentum, changes during training. It is written like a
rule: `step` is the number of updates made so far, 0 before the first; keyword-only names are
hyper-parameters, of which the first is the quantity that is scheduled, at its peak. It returns
that quantity for the next update. Nothing is remembered between two calls, so that training can be
resumed at any step.

    >>> from optlib.schedules import warmup
    >>> warmup([0, 1, 2, 3, 4], lr=1.0, warmup=4).tolist()
    [0.25, 0.5, 0.75, 1.0, 1.0]
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from optlib.arrays import zeros_like
from optlib.formula import Formula
from optlib.notation import demand, demand_order

if TYPE_CHECKING:
    from optlib.faces.equations import Equations


class Schedule(Formula):
    """A schedule and everything that can be derived from it.

    Attributes
    ----------
    name : str
        Name of the function.
    hyper : dict of str to float
        Hyper-parameters and their defaults, the scheduled quantity first.
    ranges : dict of str to Quantity
        For each hyper-parameter its symbol, meaning and range.
    source : str
        The function's own text.
    """

    kind = "schedule"
    given = ("step",)

    def _check_signature(self) -> None:
        if self.arguments != ("step",) or not self.hyper:
            raise TypeError(
                f"schedule {self.name}: write it as {self.name}(step, *, lr=0.1, ...), "
                "with the scheduled quantity as the first hyper-parameter"
            )
        super()._check_signature()

    @property
    def result(self) -> str:  # type: ignore[override]
        """The scheduled quantity, `lr` or `momentum`."""
        return next(iter(self.hyper))

    @property
    def keeps(self) -> frozenset[str]:  # type: ignore[override]
        """No line may define what the schedule is given."""
        return frozenset({"step", *self.hyper})

    def check(self, **hyper: Any) -> dict[str, Any]:
        """All hyper-parameters, as for a rule; what is lowest must also not exceed the peak."""
        hyper = super().check(**hyper)
        peak, low = self.result, f"min_{self.result}"
        if low in hyper:
            demand_order(self.name, low, hyper[low], peak, hyper[peak])
        return hyper

    def __call__(self, step: Any, **hyper: Any) -> Any:
        """The scheduled quantity for the update after `step` others.

        Parameters
        ----------
        step : int, array, tensor or symbol
            Updates made so far, 0 <= step.
        **hyper
            Hyper-parameters; those left out have their defaults.

        Returns
        -------
        float or array
            Shaped like `step`, broadcast with the hyper-parameters.

        Raises
        ------
        ValueError
            A hyper-parameter or `step` out of range.
        TypeError
            An unknown hyper-parameter, or a value that is no number.
        """
        hyper = self.check(**hyper)
        demand(self.name, "step", step)
        zeros = zeros_like(step)  # of float64 where `step` is whole, so that no digit is lost
        zeros = zeros[()] if isinstance(zeros, np.ndarray) else zeros  # a number stays one
        with np.errstate(all="ignore"):  # in a branch that is not taken
            return self.function(step + zeros, **{n: value + zeros for n, value in hyper.items()})

    def equations(self) -> "Equations":
        """The displayed equations; see `optlib.faces.equations.schedule_equations`."""
        from optlib.faces.equations import schedule_equations

        return schedule_equations(self)

    def javascript(self) -> str:
        """A JavaScript object; see `optlib.faces.javascript.schedule_javascript`."""
        from optlib.faces.javascript import schedule_javascript

        return schedule_javascript(self)


def schedule(function: Callable[..., Any]) -> Schedule:
    """Make a `Schedule` of a function that is written like one; see `optlib.schedule`."""
    return Schedule(function)
