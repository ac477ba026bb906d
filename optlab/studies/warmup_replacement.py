"""Warm-up: does an optimizer without one end where another ends with the best of several?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.tasks import Classification
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.schedules import warmup
from optlib.table import Table


@dataclass(frozen=True)
class WarmupReplacement:
    """One optimizer with a constant rate, and one with a linear warm-up whose length is tuned too.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    bare, warmed : Rule
        The optimizer with a constant rate, and the one with the warm-up.
    lengths : tuple of int
        Lengths of the warm-up to choose from, in steps, rising from 1, which is none.
    rates : dict of str to tuple of float
        By optimizer the rates to choose from, for `bare` as many as there are pairs of a length
        and a rate for `warmed`.
    steps : int
        Length of each run.
    hyper : dict of str to float
        Other hyper-parameters, for both.
    margin : float
        By what share the test losses may differ and count as the same, default 0.02.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the settings are chosen.

    Raises
    ------
    ValueError
        More settings for one of the two, or a first length that is not 1.
    """

    task: Callable[..., Classification]
    bare: Rule
    warmed: Rule
    lengths: tuple[int, ...]
    rates: dict[str, tuple[float, ...]]
    steps: int
    hyper: dict[str, float] = field(default_factory=dict)
    margin: float = 0.02
    seeds: int = 10
    tuning_seeds: int = 3

    def __post_init__(self) -> None:
        bare, warmed = (len(self.rates[rule.name]) for rule in (self.bare, self.warmed))
        if bare != warmed * len(self.lengths):
            raise ValueError(
                f"both optimizers need as many settings, not {bare} for {self.bare.name} and "
                f"{warmed * len(self.lengths)} for {self.warmed.name}: equal budgets"
            )
        if self.lengths[0] != 1:
            raise ValueError(f"the first length is {self.lengths[0]}, but no warm-up is 1")

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        hyper = "".join(f", {name} = {value:g}" for name, value in self.hyper.items())
        rates = {
            name: f"{len(grid)} rates from {number(grid[0])} to {number(grid[-1])}"
            for name, grid in self.rates.items()
        }
        *most, longest = (f"{n} steps" if n > 1 else "none" for n in self.lengths)
        return {
            "Task": f"{task.name}: {task.size} parameters, batches of {task.batch}, {self.steps} "
            "steps",
            "Optimizers": f"{self.bare.name} with a constant rate; {self.warmed.name} with a "
            f"linear warm-up and then a constant rate{hyper}",
            "Measured": "the loss on the test part, the mean over the last tenth of the records",
            "Settings": f"each optimizer's best of {len(self.rates[self.bare.name])} by the median "
            f"validation loss at the end over {self.tuning_seeds} seeds that the comparison does "
            f"not use: {self.bare.name}, {rates[self.bare.name]}; {self.warmed.name}, "
            f"{rates[self.warmed.name]}, each with the warm-ups {', '.join(most)} and {longest}",
            "Seeds": f"{setting.seeds}, each with equal start and equal batches",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        low, high = f"{1 - self.margin:g}", f"{1 + self.margin:g}"
        return (
            f"The ratio of test losses, {self.bare.name} to {self.warmed.name}, is taken seed by "
            f"seed. Holds: the 95 % interval of its median lies within {low} and {high}. Fails: it "
            "lies outside. Not at this scale: it lies partly outside."
        )

    def decide(self, found: Estimate) -> Verdict:
        """The verdict that follows from the ratio."""
        low, high = 1 - self.margin, 1 + self.margin
        if low <= found.low and found.high <= high:
            return Verdict.HOLDS
        return Verdict.FAILS if found.high < low or found.low > high else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Tune both and compare; every other length of the warm-up stands beside it."""
        tuned = {self._name(n): self._tune(self.warmed, n, setting) for n in self.lengths}
        best = min(tuned, key=lambda name: _score(tuned[name]))
        tuned[self.bare.name] = self._tune(self.bare, 1, setting)
        runs = {
            self._name(n): self._runs(self.warmed, n, tuned[self._name(n)], setting)
            for n in self.lengths
        }
        runs[self.bare.name] = self._runs(self.bare, 1, tuned[self.bare.name], setting)
        ends = {name: last(part.test_loss).values.ravel() for name, part in runs.items()}
        found = ratio(ends[self.bare.name], ends[best])
        shown = xr.concat(
            [part.assign_coords(optimizer=[name]) for name, part in runs.items()],
            "optimizer",
            join="outer",
        )
        return Evidence(
            verdict=self.decide(found),
            finding=f"The test loss of {self.bare.name} is {found} times that of the best of the "
            f"others, {best} (median and 95 % interval).",
            table=Table(
                "Test loss at the end in nats, and its ratio to that of the best with or without "
                "warm-up, median and 95 % interval",
                ("optimizer", "best rate", "test loss", "ratio"),
                [
                    (
                        name,
                        number(_only(tuned[name])["lr"]),
                        str(estimate(end)),
                        str(ratio(end, ends[best])),
                    )
                    for name, end in ends.items()
                ],
            ),
            notes=[
                f"{name}: {note}" for name in (self.bare.name, best) for note in tuned[name].notes()
            ],
            pictures=[plots.svg(plots.training_curves(shown, "validation_loss"))],
        )

    def _name(self, length: int) -> str:
        told = f"warm-up of {length} steps" if length > 1 else "no warm-up"
        return f"{self.warmed.name}, {told}"

    def _tune(self, rule: Rule, length: int, setting: Setting) -> Tuned:
        return tune(
            self.task(large=setting.large),
            [rule],
            lr={rule.name: self.rates[rule.name]},
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=lowest_last(),
            widen=0,
            every=self._every,
            schedule=_schedule(length),
            **setting.place,
            **self.hyper,
        )

    def _runs(self, rule: Rule, length: int, tuned: Tuned, setting: Setting) -> xr.Dataset:
        found = setting.sweep(
            self.task(large=setting.large),
            rule,
            seeds=range(setting.seeds),
            steps=self.steps,
            every=self._every,
            schedule=_schedule(length),
            **self.hyper,
            **_only(tuned),
        )
        assert isinstance(found, xr.Dataset)
        return found

    @property
    def _every(self) -> int:
        return max(1, self.steps // 20)


def _schedule(length: int) -> Any:
    """A linear warm-up of so many steps; a constant rate needs no schedule."""
    return partial(warmup, warmup=length) if length > 1 else None


def _only(tuned: Tuned) -> dict[str, float]:
    """The best settings, of the one optimizer that was tuned."""
    (best,) = tuned.best.values()
    return best


def _score(tuned: Tuned) -> float:
    """The median validation loss of the best setting."""
    (runs,) = tuned.runs.values()
    (losses,) = lowest_last()(runs)
    return float(np.min(losses.median("seed")))
