"""What a study measures: one number of an arm, and how the arm's settings are chosen for it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr

from optlab.statistics import number, steps_to
from optlab.tuning import last


class Measure(Protocol):
    """One number of an arm in a study.

    Attributes
    ----------
    name : str
        What it is called in tables, with its unit.
    words : str
        What is measured, for the card.
    chosen_by : str
        By what the arm's setting is chosen, for the card.
    censored : bool
        Whether inf says that a run had not arrived at its end, and may arrive later.
    """

    @property
    def name(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def chosen_by(self) -> str: ...
    @property
    def censored(self) -> bool: ...

    def scores(self, tried: xr.Dataset) -> tuple[xr.DataArray, ...]:
        """Of each setting (..., step) what is to be low; the next ones decide ties."""

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The number, from the test run (step,) and the runs that were tried (..., step)."""


@dataclass(frozen=True)
class AtEnd:
    """A metric at the end of the run, the mean over the last tenth of its records.

    Attributes
    ----------
    metric : str
        "test_error", the default, in percent, or another that the task measures.
    """

    metric: str = "test_error"
    censored = False

    @property
    def name(self) -> str:
        """Name and unit."""
        return f"{_words(self.metric)}, {_unit(self.metric)}"

    @property
    def words(self) -> str:
        """What is measured."""
        return f"the {_words(self.metric)} at the end, the mean over the last tenth of the records"

    @property
    def chosen_by(self) -> str:
        """By what the setting is chosen."""
        return "the validation error at the end"

    def scores(self, tried: xr.Dataset) -> tuple[xr.DataArray, ...]:
        """The validation error at the end, then the loss."""
        return last(tried.validation_error), last(tried.validation_loss)

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The metric of the test run."""
        return float(last(run[self.metric]))


@dataclass(frozen=True)
class AtLoss(AtEnd):
    """A metric when the training loss is first at most `target`: at equal training loss.

    inf for a run that does not get there. The setting is chosen as for `AtEnd`.
    """

    target: float = 0.1

    @property
    def name(self) -> str:
        """Name and unit."""
        return f"{_words(self.metric)} at a training loss of {number(self.target)}, " + _unit(
            self.metric
        )

    @property
    def words(self) -> str:
        """What is measured."""
        return (
            f"the {_words(self.metric)} at the first record whose training loss is at most "
            f"{number(self.target)}"
        )

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The metric of the test run."""
        there = run.train_loss.values <= self.target
        return float(run[self.metric].values[there.argmax()]) if there.any() else np.inf


@dataclass(frozen=True)
class StepsTo:
    """Steps until the training loss is at most `target`, as the records tell.

    Attributes
    ----------
    target : float
        The loss on the training part, in nats.
    """

    target: float = 0.1
    censored = True

    @property
    def name(self) -> str:
        """Name and unit."""
        return f"steps to a training loss of {number(self.target)}"

    @property
    def words(self) -> str:
        """What is measured."""
        return f"the first record whose training loss is at most {number(self.target)}"

    @property
    def chosen_by(self) -> str:
        """By what the setting is chosen."""
        return "these steps; where none arrives, or several together, the training loss at the end"

    def scores(self, tried: xr.Dataset) -> tuple[xr.DataArray, ...]:
        """The steps, then the loss at the end."""
        return self._steps(tried.train_loss), last(tried.train_loss)

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The steps of the test run, inf if it does not arrive."""
        return float(self._steps(run.train_loss))

    def _steps(self, loss: xr.DataArray) -> xr.DataArray:
        def arrival(values: np.ndarray) -> np.ndarray:
            return steps_to(values, loss.step.values, self.target)

        return xr.apply_ufunc(arrival, loss, input_core_dims=[["step"]])


@dataclass(frozen=True)
class UsableFactor:
    """The smallest rate above the best one at which nothing is learnt, divided by the best.

    That is where the validation error at the end is more than nine tenths of what guessing has,
    with every other setting too; inf if that is no rate that was tried.

    Attributes
    ----------
    classes : int
        Number of classes: guessing errs in all but one of them.
    """

    classes: int = 10
    censored = False
    name = "usable factor"

    @property
    def words(self) -> str:
        """What is measured."""
        return (
            "the smallest rate above the best one at which nothing is learnt, divided by the best: "
            "there the validation error at the end exceeds nine tenths of what guessing has"
        )

    @property
    def chosen_by(self) -> str:
        """By what the setting is chosen."""
        return "the validation error at the end"

    def scores(self, tried: xr.Dataset) -> tuple[xr.DataArray, ...]:
        """As `AtEnd`."""
        return AtEnd().scores(tried)

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The factor, from the runs that were tried."""
        error = last(tried.validation_error)
        error = error.min([dim for dim in error.dims if dim != "lr"]).sortby("lr")
        best = int(error.argmin("lr"))
        guessing = 100 * (1 - 1 / self.classes)
        lost = np.flatnonzero(error.values[best:] > 0.9 * guessing)
        if not len(lost):
            return np.inf
        return float(error.lr[best + lost[0]] / error.lr[best])


def _words(metric: str) -> str:
    return metric.replace("train_", "training_").replace("_", " ")


def _unit(metric: str) -> str:
    return "nats" if metric.endswith("_loss") else "%"
