"""The learning-rate range test: how far is the rate that it suggests from the best of a grid?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from scipy.stats import beta
from torch.func import grad_and_value, vmap

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.keys import ingredients
from optlab.statistics import LEVEL, estimate, number
from optlab.store import Arrays
from optlab.sweeps import kept
from optlab.tasks import Classification, Task, one_thread
from optlab.train import mini_batches
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.range_test import Average, read_curve
from optlib.rule import Rule
from optlib.schedules import range_sweep
from optlib.table import Table

SMOOTHING = 0.98
"""What fastai and PyTorch Lightning keep of their moving average of the loss in each step."""

DIVERGED = 4.0
"""They end a test when the average is this multiple of its lowest value."""


def losses_of(
    task: Task, rule: Rule, seeds: Sequence[int], rates: Any, device: str = "cpu", **hyper: float
) -> np.ndarray:
    """The loss of each step's mini-batch before its update, (seeds, steps).

    All seeds are trained as one population; step k has the rate `rates[k]`. From where a loss is
    not finite it stays inf.
    """
    task, loss = task.to(device), vmap(grad_and_value(task.loss))
    theta = torch.stack([task.start(seed) for seed in seeds]).to(device)
    state, found = rule.init(theta), np.full((len(seeds), len(rates)), np.inf)
    batches = mini_batches(task, tuple(seeds), len(rates), device)
    for t, (lr, batch) in enumerate(zip(rates, batches, strict=True), start=1):
        g, losses = loss(theta, *batch)
        found[:, t - 1] = losses.cpu()
        if not losses.isfinite().any():
            break
        move, state = rule.update(theta, g, state, t, rule.check(lr=float(lr), **hyper))
        theta = theta + move
    alive = np.logical_and.accumulate(np.isfinite(found), axis=1)
    return np.where(alive, found, np.inf)


def smoothed(losses: Any, smoothing: float = SMOOTHING) -> np.ndarray:
    """The moving average of n losses, without the bias towards 0 with which it begins, (n,)."""
    average = Average(smoothing)
    return np.array([average.add(float(loss)) for loss in losses])


def cut(rates: Any, losses: Any, smoothing: float = SMOOTHING) -> tuple[np.ndarray, np.ndarray]:
    """Rates and smoothed losses of the part of a test that fastai reads.

    The test ends where the loss is not finite or its average exceeds four times its lowest value.
    Of the rest the first tenth of all steps and the last five steps are left out.
    """
    losses = np.asarray(losses, dtype=float)
    finite = np.logical_and.accumulate(np.isfinite(losses))
    average = smoothed(losses[finite], smoothing)
    over = np.flatnonzero(average > DIVERGED * np.minimum.accumulate(average))
    end = over[0] + 1 if len(over) else len(average)
    part = slice(len(losses) // 10, end - 5)
    return np.asarray(rates, dtype=float)[part], average[part]


def steepest(rates: np.ndarray, averages: np.ndarray) -> float:
    """Where the average falls most for the logarithm of the rate (fastai's `steep`)."""
    return float(rates[np.argmin(np.diff(averages) / np.diff(np.log(rates)))])


def tenth(rates: np.ndarray, averages: np.ndarray) -> float:
    """A tenth of the rate at the lowest average (Gugger 2018; fastai's `minimum`)."""
    return float(rates[np.argmin(averages)] / 10)


def linear_slope(rates: np.ndarray, averages: np.ndarray) -> float:
    """Where the average falls most for the rate itself (PyTorch Lightning since 2025)."""
    return float(rates[np.argmin(np.gradient(averages, rates))])


class Reading(NamedTuple):
    """A way to read one rate off a test: its words, and a function of rates and losses."""

    words: str
    rate: Callable[[np.ndarray, np.ndarray], float]


READINGS = (
    Reading("steepest fall", lambda rates, losses: steepest(*cut(rates, losses))),
    Reading("a tenth of the lowest", lambda rates, losses: tenth(*cut(rates, losses))),
    Reading("steepest, less smoothing", lambda rates, losses: steepest(*cut(rates, losses, 0.8))),
    Reading("steepest by the rate", lambda rates, losses: linear_slope(*cut(rates, losses))),
    Reading("half of the fall's end", lambda rates, losses: read_curve(rates, losses).high / 2),
)
"""The first one decides; the last is what `optlib.range_test` holds for a check."""


def share_interval(count: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, `count` of `n` (Clopper & Pearson 1934)."""
    out = (1 - LEVEL) / 2
    low = beta.ppf(out, count, n - count + 1) if count else 0.0
    high = beta.ppf(1 - out, count + 1, n - count) if count < n else 1.0
    return float(low), float(high)


@dataclass(frozen=True)
class SuggestedRate:
    """Range tests of some optimizers on some tasks, held against a grid of constant rates.

    Attributes
    ----------
    tasks : tuple of callable
        Each gives a task; with `large=True` the one for a GPU.
    rules : tuple of Rule
        The optimizers.
    rates : dict of str to tuple of float
        By optimizer the grid to begin with, as many rates for each.
    steps : int
        Length of the runs of the grid.
    hyper : dict of str to float
        Other hyper-parameters, for the rules that have them.
    low, high : float
        First and last rate of a test.
    updates : int
        Steps of a test.
    factor : float
        How far a suggestion may be from the best rate of the grid, default 3.
    seeds, grid_seeds : int
        Number of seeds of the tests, and of other seeds by which the grid's best is chosen.
    """

    tasks: tuple[Callable[..., Classification], ...]
    rules: tuple[Rule, ...]
    rates: dict[str, tuple[float, ...]]
    steps: int
    hyper: dict[str, Any] = field(default_factory=dict)
    low: float = 1e-7
    high: float = 10.0
    updates: int = 100
    factor: float = 3.0
    seeds: int = 20
    grid_seeds: int = 6

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = ", ".join(one(large=setting.large).name for one in self.tasks)
        grids = "; ".join(
            f"{len(grid)} from {number(grid[0])} to {number(grid[-1])} for {name}"
            for name, grid in self.rates.items()
        )
        hyper = "".join(f", {name} = {value:g}" for name, value in self.hyper.items())
        return {
            "Tasks": tasks,
            "Optimizers": " and ".join(rule.name for rule in self.rules) + hyper,
            "The test": "as fastai runs it, but that the last rate is reached: "
            f"{self.updates} updates, the rate from {self.low:g} to "
            f"{self.high:g} by the same factor each, the loss of each mini-batch smoothed by a "
            f"corrected moving average that keeps {SMOOTHING:g}, ended at {DIVERGED:g} times its "
            "lowest value; the first tenth of the updates and the last five are not read",
            "The reading": "the rate where the average falls most steeply for the logarithm of the "
            "rate: what fastai calls steep, and the kind of reading that PyTorch Lightning and "
            "pytorch-lr-finder automate. Other readings of the same tests stand beside it, and do "
            "not count",
            "The best rate": f"constant, over {self.steps} steps: {grids}; by the median "
            f"validation loss at the end over {self.grid_seeds} seeds that the tests do not use; "
            "if the best is an edge, both grids are widened",
            "Measured": "the suggestion over the best rate; and its cost, the test loss at the end "
            "with the rate of the grid that is nearest to the suggestion, over that with the best; "
            "beyond the grid that of its edge",
            "Seeds": f"{setting.seeds} range tests each",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"For each optimizer on each task the suggestions within a factor of {self.factor:g} "
            "of the best rate are counted. Supported: the 95 % interval of their share lies above "
            "one half. Contradicted: it lies below. Holds: all are supported. Holds in part: "
            "some. Fails: none, and some are contradicted. Not at this scale: none is told either "
            "way."
        )

    def decide(self, counts: Sequence[int], n: int) -> Verdict:
        """The verdict that follows from how many of `n` are within the factor, case by case."""
        shares = [share_interval(count, n) for count in counts]
        supported = [low > 0.5 for low, _ in shares]
        return Verdict.of(supported, [high < 0.5 for _, high in shares])

    def run(self, setting: Setting) -> Evidence:
        """Find the best rates, run the tests, and compare."""
        counts, told, rows, notes, pictures = [], [], [], [], []
        for task in (one(large=setting.large) for one in self.tasks):
            tuned = self._tune(task, setting)
            notes += [f"{task.name}: {note}" for note in tuned.notes()]
            for rule in self.rules:
                best = tuned.best[rule.name]["lr"]
                found = self.suggested(task, rule, setting)
                for reading, rates in zip(READINGS, found, strict=True):
                    within = int(self._within(rates, best).sum())
                    if reading is READINGS[0]:
                        counts.append(within)
                        low, high = share_interval(within, setting.seeds)
                        told.append(
                            f"{rule.name} on {task.name} {within} of {setting.seeds} "
                            f"({100 * low:.0f} to {100 * high:.0f} %)"
                        )
                    rows.append(
                        (
                            task.name,
                            f"{rule.name}, {number(best)}",
                            reading.words,
                            str(estimate(_open(rates / best))),
                            f"{within} of {setting.seeds}",
                            str(estimate(self.cost(tuned.runs[rule.name], best, rates))),
                        )
                    )
            joined = xr.concat(list(tuned.runs.values()), "optimizer", join="outer").sortby("lr")
            pictures.append(plots.svg(plots.sensitivity(joined, "test_loss")))
        return Evidence(
            verdict=self.decide(counts, setting.seeds),
            finding=f"Within a factor of {self.factor:g} of the best rate: {'; '.join(told)}.",
            table=Table(
                "The suggestion over the best rate, how often it is within the factor, and its "
                "test loss over that of the best; medians and 95 % intervals",
                ("task", "best", "reading", "suggested / best", "within", "test loss / best"),
                rows,
            ),
            notes=notes,
            pictures=pictures,
        )

    def suggested(self, task: Classification, rule: Rule, setting: Setting) -> np.ndarray:
        """What each of `READINGS` suggests by seed, (readings, seeds); nan where it finds none."""
        rates = range_sweep(
            np.arange(self.updates), lr=self.high, min_lr=self.low, total_steps=self.updates
        )
        seeds, device, hyper = range(setting.seeds), setting.place["device"], self._own(rule)

        def test() -> Arrays:
            with one_thread():
                return {"losses": losses_of(task, rule, seeds, rates, device, **hyper)}

        made_of = ingredients(losses_of, task, rule, rates, list(seeds), device, hyper)
        losses = kept(f"{task.name}-{rule.name}-range_test", made_of, test)["losses"]
        return np.array([[one.rate(rates, row) for row in losses] for one in READINGS])

    def cost(self, runs: xr.Dataset, best: float, rates: np.ndarray) -> np.ndarray:
        """Test loss at the rates of the grid nearest to `rates`, in units of that at `best`.

        A rate that is nan, no suggestion, costs infinitely much.
        """
        ends = last(runs.test_loss).median("seed")
        grid = ends.lr.values
        nearest = np.abs(np.log(np.nan_to_num(rates, nan=1.0))[:, None] - np.log(grid)).argmin(1)
        found = ends.values[nearest] / float(ends.sel(lr=best))
        return np.where(np.isfinite(rates), found, np.inf)

    def _within(self, rates: np.ndarray, best: float) -> np.ndarray:
        """Which rates are within the factor; nan is not."""
        return np.abs(np.log(rates / best)) <= np.log(self.factor) * (1 + 1e-12)

    def _tune(self, task: Classification, setting: Setting) -> Tuned:
        known = {n: v for n, v in self.hyper.items() if any(n in r.hyper for r in self.rules)}
        return tune(
            task,
            self.rules,
            lr=self.rates,
            seeds=self.grid_seeds,
            steps=self.steps,
            score=lowest_last(),
            every=max(1, self.steps // 10),
            **setting.place,
            **known,
        )

    def _own(self, rule: Rule) -> dict[str, Any]:
        return {n: v for n, v in self.hyper.items() if n in rule.hyper}


def _open(values: np.ndarray) -> np.ndarray:
    """No suggestion counts as an infinite one."""
    return np.where(np.isnan(values), np.inf, values)
