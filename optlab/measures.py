"""What a study measures: one number of an arm, and how the arm's settings are chosen for it."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import xarray as xr

from optlab.statistics import crossing, number
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
    metric : str
        What of a run it is taken from; a card's curves show it.
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
    def metric(self) -> str: ...
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
        return f"the {_words(self._score)} at the end"

    def scores(self, tried: xr.Dataset) -> tuple[xr.DataArray, ...]:
        """For a test error the validation error at the end, then the loss, and the other way round.

        What is not of the test part is low itself.
        """
        if self._score == self.metric:
            return (last(tried[self.metric]),)
        scores = last(tried.validation_error), last(tried.validation_loss)
        return scores[::-1] if self._score == "validation_loss" else scores

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The metric of the test run."""
        return float(last(run[self.metric]))

    @property
    def _score(self) -> str:
        """What the setting is chosen by: of the test part, the same of the validation part."""
        return self.metric.replace("test_", "validation_")


@dataclass(frozen=True)
class AtLoss(AtEnd):
    """A metric where the training loss first comes down to `target`: at equal training loss.

    Between two looks at the run both are interpolated, by the logarithm of the loss; inf for a run
    that does not get there. The setting is chosen as for `AtEnd`.
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
            f"the {_words(self.metric)} where the training loss first comes down to "
            f"{number(self.target)}, interpolated between two looks"
        )

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The metric of the test run."""
        return float(crossing(run.train_loss.values, run[self.metric].values, self.target))


@dataclass(frozen=True)
class StepsTo:
    """Steps until the training loss has come down to `target`, interpolated between two looks.

    Attributes
    ----------
    target : float
        The loss on the training part, in nats.
    """

    target: float = 0.1
    metric = "train_loss"
    censored = True

    @property
    def name(self) -> str:
        """Name and unit."""
        return f"steps to a training loss of {number(self.target)}"

    @property
    def words(self) -> str:
        """What is measured."""
        return (
            f"the steps until the training loss has come down to {number(self.target)}, "
            "interpolated between two looks"
        )

    @property
    def chosen_by(self) -> str:
        """By what the setting is chosen."""
        return "these steps; where none arrives, the training loss at the end"

    def scores(self, tried: xr.Dataset) -> tuple[xr.DataArray, ...]:
        """The steps, then the loss at the end."""
        return self._steps(tried.train_loss), last(tried.train_loss)

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The steps of the test run, inf if it does not arrive."""
        return float(self._steps(run.train_loss))

    def _steps(self, loss: xr.DataArray) -> xr.DataArray:
        def steps(values: np.ndarray) -> np.ndarray:
            return crossing(values, loss.step.values, self.target)

        return xr.apply_ufunc(steps, loss, input_core_dims=[["step"]])


@dataclass(frozen=True)
class UsableFactor:
    """The smallest rate above the best one at which nothing is learnt, divided by the best.

    That is where the validation error at the end is more than nine tenths of what guessing has,
    with every other setting too; inf if that is no rate that was tried. To two digits, so that
    equal factors of rounded grids are equal.

    Attributes
    ----------
    classes : int
        Number of classes: guessing errs in all but one of them.
    """

    classes: int = 10
    metric = "validation_error"
    censored = False
    name = "usable factor"

    @property
    def words(self) -> str:
        """What is measured."""
        return (
            "the smallest rate above the best one at which nothing is learnt, divided by the best: "
            "there the validation error at the end exceeds nine tenths of the error of guessing; "
            "∞ where every rate of the grid above the best one learns something"
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
        factor = float(error.lr[best + lost[0]] / error.lr[best])
        return float(f"{factor:.2g}")


@dataclass(frozen=True)
class Spread(AtEnd):
    """How much higher a metric is at the worst setting of the grid than at the best one.

    Of the runs that were tried; a diverged run errs everywhere.
    """

    @property
    def name(self) -> str:
        """Name and unit."""
        return f"worst less best setting, {_words(self.metric)}, {_unit(self.metric)}"

    @property
    def words(self) -> str:
        """What is measured."""
        return (
            f"how much higher the {_words(self.metric)} at the end is at the worst setting of the "
            "grid than at the best one, among the runs that were tried"
        )

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The difference, from the runs that were tried."""
        ends = last(tried[self.metric])
        return round(float(ends.max() - ends.min()), 6)


@dataclass(frozen=True)
class Mistuned(AtEnd):
    """How much higher a metric is at `factor` times the best rate than at the best one.

    Of the runs that were tried; a diverged run errs everywhere.

    Attributes
    ----------
    factor : float
        By what the best rate is multiplied. The grid of rates must hold the product.

    Raises
    ------
    ValueError
        When a study's best rate lies too near to the end of the grid.
    """

    factor: float = 2.0

    @property
    def name(self) -> str:
        """Name and unit."""
        return f"{number(self.factor)} times the best rate less the best, " + (
            f"{_words(self.metric)}, {_unit(self.metric)}"
        )

    @property
    def words(self) -> str:
        """What is measured."""
        return (
            f"how much higher the {_words(self.metric)} at the end is at {number(self.factor)} "
            "times the best rate than at the best one, among the runs that were tried"
        )

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The difference, from the runs that were tried."""
        setting = best(self, tried)
        rate = setting["lr"] * self.factor
        rates = tried.lr.values
        nearest = float(rates[np.abs(np.log(rates / rate)).argmin()])
        if not np.isclose(nearest, rate, rtol=0.01):
            raise ValueError(
                f"the best rate is {number(setting['lr'])}, and the grid has no rate of "
                f"{number(self.factor)} times that: give it more rates"
            )
        ends = last(tried[self.metric])
        wrong = ends.sel({**setting, "lr": nearest})
        return round(float(wrong - ends.sel(setting)), 4) + 0.0  # no minus zero


@dataclass(frozen=True)
class OneByOne(AtEnd):
    """What it costs to tune the rate and `other` one after the other and not together.

    From each rate of the grid: the best value of `other` at that rate, then the best rate with
    that value. What is measured is how much higher the metric is there than where both are tuned
    together, the mean over the rates that one may begin with; of the runs that were tried.

    Attributes
    ----------
    other : str
        The second hyper-parameter of the grid.
    """

    other: str = "weight_decay"

    @property
    def name(self) -> str:
        """Name and unit."""
        return f"cost of tuning one by one, {_words(self.metric)}, {_unit(self.metric)}"

    @property
    def words(self) -> str:
        """What is measured."""
        return (
            f"how much higher the {_words(self.metric)} at the end is where {self.other} is tuned "
            "at one rate and then the rate with it, than where both are tuned together; the mean "
            "over the rates of the grid to begin with, among the runs that were tried"
        )

    def value(self, run: xr.Dataset, tried: xr.Dataset) -> float:
        """The cost, from the runs that were tried."""
        together = self._at(tried, best(self, tried))
        ends = []
        for rate in tried.lr.values:
            other = best(self, tried.sel(lr=[rate]))[self.other]
            ends.append(self._at(tried, best(self, tried.sel({self.other: [other]}))))
        return round(float(np.mean(ends) - together), 3) + 0.0  # no minus zero

    def _at(self, tried: xr.Dataset, setting: dict[str, float]) -> float:
        return float(last(tried[self.metric].sel(setting)))


def best(measure: Measure, tried: xr.Dataset) -> dict[str, float]:
    """The setting of one study whose scores are lowest, from all that were tried."""
    first, *others = measure.scores(tried)
    columns = [score.transpose(*first.dims).values.ravel() for score in (first, *others)]
    row = int(np.lexsort(columns[::-1])[0])  # what is nan comes last
    place: Any = np.unravel_index(row, first.shape)
    return {str(dim): float(first[dim][i]) for dim, i in zip(first.dims, place, strict=True)}


def _words(metric: str) -> str:
    return metric.replace("train_", "training_").replace("_", " ")


def _unit(metric: str) -> str:
    return "nats" if metric.endswith("_loss") else "%"
