"""Warm-up: does Adam need it, and what does it change in the first steps?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch.func import grad, vmap

from optlab import plots
from optlab.bands import Curves
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.tasks import Classification, one_thread
from optlab.train import RateFunction, mini_batches, scheduled
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.schedules import constant, warmup
from optlib.table import Table

WITHOUT, WITH = "without warm-up", "with warm-up"

BUDGET = 2**29
"""Bytes of a chunk: three Transformers and not one, so that a record has fewer parts."""


@dataclass(frozen=True)
class WarmupPlan:
    """What the two cards on warm-up share: a rule, its rates, and how long the rate rises.

    Attributes
    ----------
    rule : Rule
        The optimizer, with a hyper-parameter `beta2`.
    steps : int
        Length of each run.
    share : float
        The largest part of a run that may be warm-up, default 0.2.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.
    """

    rule: Rule
    steps: int
    share: float = 0.2
    seeds: int = 10
    tuning_seeds: int = 3

    @property
    def warmup(self) -> int:
        """Steps of the warm-up: 2 / (1 - beta2) (Ma & Yarats 2021), or the share of the run."""
        rise = 2 / (1 - self.rule.hyper["beta2"])
        return round(min(rise, self.share * self.steps))

    @property
    def schedules(self) -> dict[str, RateFunction]:
        """The two that are compared."""
        return {WITHOUT: constant, WITH: partial(warmup, warmup=self.warmup)}

    def told(self) -> str:
        """The two schedules in words."""
        beta2 = self.rule.hyper["beta2"]
        return (
            f"{self.rule.name} with its defaults, β₂ = {beta2:g}, with a constant rate, and with "
            f"one that rises linearly for {self.warmup} of {self.steps} steps and then stays: "
            f"2 / (1 − β₂) = {2 / (1 - beta2):.0f} steps, but at most {100 * self.share:.0f} % of "
            "the run"
        )

    def tuned(
        self, task: Classification, rates: tuple[float, ...], label: str, setting: Setting
    ) -> Tuned:
        """The best peak rate with one of the schedules, on seeds that no comparison uses."""
        return tune(
            task,
            [self.rule],
            lr={self.rule.name: rates},
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=lowest_last(),
            widen=0,
            every=self.every,
            schedule=self.schedules[label],
            budget=BUDGET,
            **setting.place,
        )

    @property
    def every(self) -> int:
        """Steps from one measurement to the next."""
        return max(1, self.steps // 20)


@dataclass(frozen=True)
class WarmupNeed:
    """The test loss with and without warm-up over the peak rate.

    Attributes
    ----------
    task, beside : callable
        Give the task that decides, and one that is shown beside it; with `large=True` those for a
        GPU.
    rates, beside_rates : tuple of float
        Their peak rates, rising.
    plan : Plan
        Optimizer, steps and warm-up.
    margin : float
        How much smaller than 1 the ratio of test losses must be to win, default 0.01.
    """

    task: Callable[..., Classification]
    beside: Callable[..., Classification]
    rates: tuple[float, ...]
    beside_rates: tuple[float, ...]
    plan: WarmupPlan
    margin: float = 0.01

    @property
    def seeds(self) -> int:
        """Number of seeds that the verdict rests on."""
        return self.plan.seeds

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = [self.task(large=setting.large), self.beside(large=setting.large)]
        first, second = (f"{t.name} ({t.size} parameters, batches of {t.batch})" for t in tasks)
        spans = " and ".join(
            f"{len(rates)} from {number(rates[0])} to {number(rates[-1])} on {task.name}"
            for task, rates in zip(tasks, (self.rates, self.beside_rates), strict=True)
        )
        return {
            "Task": f"{first}, {self.plan.steps} steps; beside it {second}",
            "Optimizers": self.plan.told(),
            "Measured": "the test loss at the end, the mean over the last tenth of the records",
            "Learning rates": f"the peaks {spans}, all of them for both; the best of each by the "
            f"median validation loss at the end over {self.plan.tuning_seeds} seeds that the "
            "comparison does not use",
            "Seeds": f"{setting.seeds}, each with equal start and equal batches in all runs",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        most = f"{1 - self.margin:g}"
        return (
            "On the first task the test loss with warm-up is divided by that without, seed by "
            "seed. Holds: each at its own best rate, the 95 % interval of the median lies below "
            f"{most}. The threshold of a seed is the lowest rate from which on all equal rates "
            f"give a ratio below {most}. Holds in part: not the first, but the interval of the "
            "median threshold ends within the grid. Fails: neither, and at the best rates the "
            f"interval lies above {most}. Not at this scale: anything else."
        )

    def decide(self, tuned: Estimate, threshold: Estimate) -> Verdict:
        """The verdict that follows from the ratio at the best rates, and from the threshold."""
        most = 1 - self.margin
        if tuned.high < most:
            return Verdict.HOLDS
        if np.isfinite(threshold.high):
            return Verdict.IN_PART
        return Verdict.FAILS if tuned.low > most else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Tune and compare on both tasks, the second for its own sake."""
        task, beside = self.task(large=setting.large), self.beside(large=setting.large)
        found, threshold, rows, notes, picture = self._measure(task, self.rates, setting)
        other, level, more, more_notes, second = self._measure(beside, self.beside_rates, setting)
        return Evidence(
            verdict=self.decide(found, threshold),
            finding=f"With warm-up the test loss is {found} times that without, each at its best "
            f"rate. At equal rates warm-up wins from a rate of {threshold} on (medians and 95 % "
            "intervals, ∞: not within the grid).",
            table=Table(
                "Test loss at the end in nats, median and 95 % interval",
                ("task", "peak rate", WITHOUT, WITH, "ratio", "lower with it"),
                [*rows, *more],
            ),
            notes=[
                *notes,
                f"On {beside.name} the ratio at the best rates is {other}, and the threshold "
                f"{level}; the verdict does not count this.",
                *more_notes,
            ],
            pictures=[picture, second],
        )

    def curves(self, setting: Setting) -> Curves:
        """Validation loss over the steps on the first task, at every rate, with and without."""
        runs = self._runs(self.task(large=setting.large), self.rates, setting)
        losses = runs.validation_loss.rename(schedule="optimizer")
        return Curves.of(losses)

    def thresholds(self, ratios: np.ndarray, rates: tuple[float, ...]) -> np.ndarray:
        """By seed the lowest rate from which on warm-up wins, inf where there is none.

        `ratios` are (rates, seeds), with warm-up over without; what is nan is no win.
        """
        wins = np.logical_and.accumulate((ratios < 1 - self.margin)[::-1])[::-1]
        return np.where(wins.any(0), np.array(rates)[wins.argmax(0)], np.inf)

    def _runs(self, task: Classification, rates: tuple[float, ...], setting: Setting) -> xr.Dataset:
        """The compared runs, with the dimensions schedule, lr, seed and step."""
        parts = [
            setting.sweep(
                task,
                self.plan.rule,
                lr=rates,
                seeds=range(setting.seeds),
                steps=self.plan.steps,
                every=self.plan.every,
                schedule=schedule,
                budget=BUDGET,
            ).isel(optimizer=0, drop=True)
            for schedule in self.plan.schedules.values()
        ]
        return xr.concat(parts, xr.Variable("schedule", list(self.plan.schedules)))

    def _measure(
        self, task: Classification, rates: tuple[float, ...], setting: Setting
    ) -> tuple[Estimate, Estimate, list[tuple[str, ...]], list[str], str]:
        """Ratio at the best rates, threshold, a row a rate, notes, and a picture."""
        tuned = {
            label: self.plan.tuned(task, rates, label, setting) for label in self.plan.schedules
        }
        best = {label: found.best[self.plan.rule.name]["lr"] for label, found in tuned.items()}
        ends = last(self._runs(task, rates, setting).test_loss).transpose("schedule", "lr", "seed")
        plain, warm = ends.sel(schedule=WITHOUT), ends.sel(schedule=WITH)
        at_best = ratio(warm.sel(lr=best[WITH]).values, plain.sel(lr=best[WITHOUT]).values)
        with np.errstate(invalid="ignore"):
            threshold = estimate(self.thresholds(warm.values / plain.values, rates))
        rows: list[tuple[str, ...]] = [
            (
                task.name,
                number(rate),
                str(estimate(plain.sel(lr=rate))),
                str(estimate(warm.sel(lr=rate))),
                str(ratio(warm.sel(lr=rate).values, plain.sel(lr=rate).values)),
                f"{int((warm < plain).sel(lr=rate).sum())} of {setting.seeds}",
            )
            for rate in rates
        ]
        told = " and ".join(
            f"{number(rate)} {label} (chosen again {100 * found.again[self.plan.rule.name]:.0f} %)"
            for (label, rate), found in zip(best.items(), tuned.values(), strict=True)
        )
        notes = [f"On {task.name} the best rates are {told}."]
        for label, found in tuned.items():
            notes += [f"On {task.name}, {label}, it is the edge of the grid." for _ in found.edges]
        shown = ends.rename(schedule="optimizer")
        figure = plots.over(shown, "lr", f"peak rate, {task.name}", "test loss", markevery=1)
        return at_best, threshold, rows, notes, plots.svg(figure)


@dataclass(frozen=True)
class GradientDistortion:
    """How far Adam's gradients shrink within the first steps, with and without warm-up.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    rates : tuple of float
        Peak rates, of which the best one with warm-up is taken for both.
    plan : Plan
        Optimizer, steps and warm-up.
    looked : int
        After how many steps the gradients are compared with those at the start, default 10.
    shrunk : float
        The factor below which their typical size must have fallen, default 0.5.
    """

    task: Callable[..., Classification]
    rates: tuple[float, ...]
    plan: WarmupPlan
    looked: int = 10
    shrunk: float = 0.5

    @property
    def seeds(self) -> int:
        """Number of seeds that the verdict rests on."""
        return self.plan.seeds

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        return {
            "Task": f"{task.name}: {task.size} parameters, batches of {task.batch}, the first "
            f"{self.looked} of {self.plan.steps} steps",
            "Optimizers": self.plan.told(),
            "Measured": "the typical size of a mini-batch's gradient: the median of |g| over its "
            "coordinates, from a histogram with four bins a power of ten, without those below "
            f"1e-9.75, which have no gradient; after {self.looked} steps over that at the start",
            "Learning rates": f"the best peak with warm-up of {len(self.rates)} from "
            f"{number(self.rates[0])} to {number(self.rates[-1])}, for both, by the median "
            f"validation loss at the end over {self.plan.tuning_seeds} seeds that the comparison "
            "does not use",
            "Seeds": f"{setting.seeds}, each a pair of runs with equal start and equal batches",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        most = f"{self.shrunk:g}"
        return (
            "The gradients are distorted if the 95 % interval of the median factor lies below "
            f"{most}, and not distorted if it lies above. Holds: distorted without warm-up, not "
            "distorted with it. Holds in part: distorted in both, and seed by seed more so without "
            "it (interval of the quotient below 1). Fails: not distorted without warm-up. Not at "
            "this scale: anything else."
        )

    def decide(self, without: Estimate, warmed: Estimate, quotient: Estimate) -> Verdict:
        """The verdict that follows from the factor without and with warm-up, and their quotient."""
        if without.low > self.shrunk:
            return Verdict.FAILS
        if without.high < self.shrunk:
            if warmed.low > self.shrunk:
                return Verdict.HOLDS
            if warmed.high < self.shrunk and quotient.high < 1:
                return Verdict.IN_PART
        return Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Tune with warm-up, then look at the gradients of the first steps."""
        task = self.task(large=setting.large)
        tuned = self.plan.tuned(task, self.rates, WITH, setting)
        rate = tuned.best[self.plan.rule.name]["lr"]
        runs = self.runs(task, rate, setting)
        sizes = typical_size(runs.gradient_histogram)
        factors = (sizes / sizes.isel(step=0)).transpose("schedule", "seed", "step")
        ends = factors.isel(step=-1)
        plain, warm = (ends.sel(schedule=label).values for label in (WITHOUT, WITH))
        found = estimate(plain), estimate(warm), estimate(plain / warm)
        loss = runs.train_loss.transpose("schedule", "seed", "step").isel(step=-1)
        rows = [
            (
                label,
                *(str(estimate(factors.sel(schedule=label, step=t))) for t in self._shown),
                str(estimate(loss.sel(schedule=label))),
            )
            for label in self.plan.schedules
        ]
        return Evidence(
            verdict=self.decide(*found),
            finding=f"After {self.looked} steps at the rate {number(rate)} the typical gradient is "
            f"{found[0]} times its size at the start without warm-up, and {found[1]} times with it "
            "(medians and 95 % intervals).",
            table=Table(
                "Typical size of the gradient over that at the start, and the training loss after "
                f"{self.looked} steps in nats, median and 95 % interval",
                ("schedule", *(f"step {t}" for t in self._shown), "training loss"),
                rows,
            ),
            notes=[f"Without over with warm-up, seed by seed: {found[2]}.", *tuned.notes()],
            pictures=[
                plots.svg(
                    plots.over(
                        factors.isel(step=slice(1, None)).rename(schedule="optimizer"),
                        "step",
                        "step",
                        "typical gradient over that at the start",
                        markevery=1,
                    )
                )
            ],
        )

    def runs(self, task: Classification, rate: float, setting: Setting) -> xr.Dataset:
        """The first steps with both schedules, with the dimensions schedule, seed and step."""
        parts = [
            setting.sweep(
                task,
                self.plan.rule,
                lr=rate,
                seeds=range(setting.seeds),
                steps=self.looked,
                every=1,
                schedule=schedule,
                gradients=True,
                budget=BUDGET,
            ).isel(optimizer=0, lr=0, drop=True)
            for schedule in self.plan.schedules.values()
        ]
        return xr.concat(parts, xr.Variable("schedule", list(self.plan.schedules)))

    @property
    def _shown(self) -> list[int]:
        """Steps that the table has."""
        return sorted({t for t in (1, 2, 5) if t < self.looked} | {self.looked})


def typical_size(histogram: xr.DataArray) -> xr.DataArray:
    """The median magnitude of a gradient's coordinates, from its histogram, see `sweep`.

    The first bin, which holds what has no gradient, is left out. Within the bin that holds the
    median it is interpolated on the logarithm. nan for a diverged run.
    """
    shares = histogram.isel(magnitude=slice(1, None)).transpose(..., "magnitude")
    edges = np.log10(shares.magnitude.values)
    width = edges[1] - edges[0]
    sums = shares.values.cumsum(-1)
    half = sums[..., -1:] / 2
    at = (sums >= half).argmax(-1)[..., None]
    upper = np.take_along_axis(sums, at, -1)
    inside = np.take_along_axis(shares.values, at, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = edges[at] + width * (1 - (upper - half) / inside)
    return shares.isel(magnitude=0, drop=True).copy(data=10 ** place[..., 0])


def step_lengths(
    task: Classification,
    rule: Rule,
    seeds: range,
    steps: int,
    *,
    lr: float,
    schedule: RateFunction = constant,
    device: str = "cpu",
) -> np.ndarray:
    """How long the moves of the first steps are, in units of the rate of each: (seeds, steps).

    The root mean square over the coordinates that have had a gradient, in the runs that `sweep`
    makes with these settings. The rule has a slot `v`, which tells them.
    """
    task = task.to(device)
    gradient = vmap(grad(task.loss))
    found = np.empty((len(seeds), steps))
    rates = scheduled(schedule, steps, np.array([lr]))[:, 0]
    with one_thread():
        theta = torch.stack([task.start(seed) for seed in seeds]).to(device)
        state: dict[str, Any] = rule.init(theta)
        for t, batch in enumerate(mini_batches(task, tuple(seeds), steps, device), start=1):
            hyper = rule.check(lr=float(rates[t - 1]))
            move, state = rule.update(theta, gradient(theta, *batch), state, t, hyper)
            theta = theta + move
            moved = (state["v"] > 0).sum(-1).sqrt()
            found[:, t - 1] = (move.norm(dim=-1) / moved).cpu() / rates[t - 1]
    return found
