"""Normalization as help for the optimizer: larger rates, and a smoother loss (row R24)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.func import grad_and_value, vmap

from optlab import plots
from optlab.bands import Curves
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.sweeps import timed
from optlab.tasks import Classification, one_thread
from optlab.train import follow
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.table import Table

NORMS: dict[str, str | None] = {
    "no normalization": None,
    "batch": "batch",
    "layer": "layer",
    "group": "group",
}
"""The networks that are compared, by what tables and figures call them."""

PLAIN, *NORMALIZED = NORMS

HIGHEST_SHOWN = 10.0
"""Highest loss that the picture shows."""


@dataclass(frozen=True)
class LargestRate:
    """The largest learning rate that a network bears, without and with normalization.

    Attributes
    ----------
    task : callable
        Gives the task for a `norm`; with `large=True` the one for a GPU.
    rule : Rule
        The optimizer.
    rates : tuple of float
        Learning rates, rising.
    steps : int
        Length of each run.
    worse : float
        By what factor a run may end above the lowest test loss of its network and seed, and its
        rate counts as usable, default 1.5.
    seeds : int
        Number of seeds.
    """

    task: Callable[..., Classification]
    rule: Rule
    rates: tuple[float, ...]
    steps: int
    worse: float = 1.5
    seeds: int = 10

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(norm="batch", large=setting.large)
        return {
            "Task": f"{self.task(large=setting.large).name} without normalization and with batch, "
            f"layer and group normalization ({task.size} parameters): {task.examples} training "
            f"examples, shuffled mini-batches of {task.batch}, {self.steps} steps",
            "Optimizers": f"{self.rule.name}, a constant rate",
            "Measured": "the test loss at the end, the mean over the last tenth of the records. A "
            f"rate is usable if it ends at most {self.worse:g} times above the lowest of its "
            "network and seed, and so do all rates between it and that best one",
            "Learning rates": f"{len(self.rates)} from {number(self.rates[0])} to "
            f"{number(self.rates[-1])}, all of them for every network",
            "Seeds": f"{setting.seeds}, each with equal batches, and equal weights at the start",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            "The largest usable rate with each normalization is divided by that without, seed by "
            "seed. Holds: for all three the 95 % interval of the median lies above 1. Holds in "
            "part: for some. Fails: for none, and for some it ends at 1 or below. Not at this "
            "scale: anything else."
        )

    def decide(self, ratios: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios, one for each normalization."""
        return Verdict.of([one.low > 1 for one in ratios], [one.high <= 1 for one in ratios])

    def run(self, setting: Setting) -> Evidence:
        """Train every network with every rate."""
        ends = last(self.runs(setting).test_loss).transpose("optimizer", "lr", "seed")
        guess = math.log(len(self.task(large=setting.large).train[1].unique()))
        losses = {name: ends.sel(optimizer=name).values for name in NORMS}
        best = {name: found.min(0) for name, found in losses.items()}
        usable = {
            name: self.largest(found, self.worse * best[name]) for name, found in losses.items()
        }
        learning = {name: self.largest(found, guess) for name, found in losses.items()}
        ratios = {name: self.quotient(usable[name], usable[PLAIN]) for name in NORMALIZED}
        told = ", ".join(f"{ratios[name]} with {name}" for name in NORMALIZED)
        return Evidence(
            verdict=self.decide(list(ratios.values())),
            finding=f"The largest usable rate in units of that without normalization: {told} "
            "normalization (medians and 95 % intervals).",
            table=Table(
                "Lowest test loss in nats, its rate, the largest usable rate, and the largest with "
                "which the test loss ends below that of guessing, median and 95 % interval",
                ("network", "lowest test loss", "its rate", "usable up to", "learns up to"),
                [
                    (
                        name,
                        str(estimate(best[name])),
                        str(estimate(ends.lr.values[losses[name].argmin(0)])),
                        str(self._bounded(usable[name])),
                        str(self._bounded(learning[name])),
                    )
                    for name in NORMS
                ],
            ),
            notes=[],
            pictures=[
                plots.svg(
                    plots.over(
                        ends.clip(max=HIGHEST_SHOWN),
                        "lr",
                        "learning rate",
                        f"test loss, at most {HIGHEST_SHOWN:g}",
                        markevery=1,
                    )
                )
            ],
        )

    def curves(self, setting: Setting) -> Curves:
        """Training loss over the steps at each rate, for the four networks."""
        return Curves.of(self.runs(setting).train_loss)

    def runs(self, setting: Setting) -> xr.Dataset:
        """All runs; the dimension optimizer holds the networks."""
        parts = [
            setting.sweep(
                replace(self.task(norm=norm, large=setting.large), parts=("train", "test")),
                self.rule,
                lr=self.rates,
                seeds=range(setting.seeds),
                steps=self.steps,
                every=max(1, self.steps // 16),
            ).isel(optimizer=0, drop=True)
            for norm in NORMS.values()
        ]
        return xr.concat(parts, xr.Variable("optimizer", list(NORMS)))

    def largest(self, ends: np.ndarray, bound: Any) -> np.ndarray:
        """By seed the highest rate up to which all losses are within `bound`, from the best one on.

        `ends` are losses (rates, seeds). 0 where the best one is not within it; inf where the grid
        ends before the losses rise above it.
        """
        best = ends.argmin(0)
        later = np.arange(len(self.rates))[:, None] >= best
        count = (np.logical_and.accumulate((ends <= bound) | ~later) & later).sum(0)
        found = np.array(self.rates)[best + np.maximum(count, 1) - 1]
        found = np.where(best + count == len(self.rates), np.inf, found)
        return np.where(count, found, 0.0)

    def quotient(self, a: np.ndarray, b: np.ndarray) -> Estimate:
        """The median of `a` / `b`; of a rate beyond the grid only that is known."""
        top = self.rates[-1]
        return estimate(np.minimum(a, top) / b, a / np.minimum(b, top))

    def _bounded(self, rates: np.ndarray) -> Estimate:
        return estimate(np.minimum(rates, self.rates[-1]), rates)


@dataclass(frozen=True)
class Smoothness:
    """How fast loss and gradient change along the gradient, without and with batch normalization.

    Attributes
    ----------
    task : callable
        Gives the task for a `norm`; with `large=True` the one for a GPU.
    rule : Rule
        The optimizer, without slots: a step follows the gradient.
    rates : tuple of float
        Learning rates to choose from at first, the same for both.
    lengths : tuple of float
        How far is looked, in units of the gradient, the same for both.
    steps : int
        Length of each run.
    every : int
        Steps from one look to the next, default 10.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.

    Raises
    ------
    ValueError
        A rule with slots.
    """

    task: Callable[..., Classification]
    rule: Rule
    rates: tuple[float, ...]
    lengths: tuple[float, ...]
    steps: int
    every: int = 10
    seeds: int = 10
    tuning_seeds: int = 3

    def __post_init__(self) -> None:
        if self.rule.slots:
            raise ValueError(f"{self.rule.name} has a memory; its steps do not follow the gradient")

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(norm="batch", large=setting.large)
        return {
            "Task": f"{self.task(large=setting.large).name} without normalization and with batch "
            f"normalization: {task.examples} training examples, shuffled mini-batches of "
            f"{task.batch}, {self.steps} steps",
            "Optimizers": f"{self.rule.name}, a constant rate",
            "Measured": f"at every {self.every}th step, for the mini-batch of that step, with "
            f"gradient g: loss and gradient at θ − c g for {len(self.lengths)} lengths c from "
            f"{number(self.lengths[0])} to {number(self.lengths[-1])}, the same for both. "
            "Variation: highest minus lowest loss. Change: the largest distance of the gradient "
            "from g. Smoothness: the largest distance over c |g|. Of each the median over all "
            "looks of a run",
            "Learning rates": f"each network's best, at first of {len(self.rates)} from "
            f"{number(self.rates[0])} to {number(self.rates[-1])}, by the median validation loss "
            f"at the end over {self.tuning_seeds} seeds that the comparison does not use",
            "Seeds": f"{setting.seeds}, each with equal batches, and equal weights at the start",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            "Each of the three with batch normalization is divided by that without, seed by seed. "
            "Holds: for all three the 95 % interval of the median lies below 1. Holds in part: for "
            "some. Fails: for none, and for some it lies above 1. Not at this scale: anything else."
        )

    def decide(self, ratios: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios of the three measures."""
        return Verdict.of([one.high < 1 for one in ratios], [one.low > 1 for one in ratios])

    def run(self, setting: Setting) -> Evidence:
        """Tune both networks, train them, and look along the gradient on the way."""
        names = PLAIN, "batch"
        tuned = {name: self._tune(NORMS[name], setting) for name in names}
        rates = {name: found.best[self.rule.name]["lr"] for name, found in tuned.items()}
        seen = {name: self.seen(NORMS[name], rates[name], setting) for name in names}
        medians = {name: found.median("step") for name, found in seen.items()}
        shown = {
            "variation": "variation of the loss",
            "change": "change of the gradient",
            "smoothness": "effective smoothness",
            "own": "change in one own step over |g|",
            "gradient": "length of the gradient",
        }
        ratios = {
            key: ratio(medians["batch"][key].values, medians[PLAIN][key].values) for key in shown
        }
        decisive = ("variation", "change", "smoothness")
        told = ", ".join(f"{shown[key]} {ratios[key]}" for key in decisive)
        looks = xr.concat(
            [found.assign_coords(optimizer=name) for name, found in seen.items()], "optimizer"
        )
        return Evidence(
            verdict=self.decide([ratios[key] for key in decisive]),
            finding=f"With batch normalization over without: {told} (medians and 95 % intervals).",
            table=Table(
                "Median over the looks, then median over the seeds and 95 % interval",
                ("measure", *names, "ratio"),
                [
                    (
                        label,
                        *(str(estimate(medians[name][key].values)) for name in names),
                        str(ratios[key]),
                    )
                    for key, label in shown.items()
                ],
            ),
            notes=[
                f"The tuned rates are {number(rates[PLAIN])} without and {number(rates['batch'])} "
                "with batch normalization. One own step, as long as the own rate makes it, changes "
                f"the gradient by {ratios['own']} times as large a share of its length with batch "
                "normalization as without; the verdict does not count this.",
                *(f"{name}: {note}" for name, found in tuned.items() for note in found.notes()),
            ],
            pictures=[
                plots.svg(
                    plots.over(
                        looks.smoothness.transpose("optimizer", "seed", "step"),
                        "step",
                        "step",
                        "effective smoothness",
                        markevery=1,
                    )
                )
            ],
        )

    def seen(self, norm: str | None, rate: float, setting: Setting) -> xr.Dataset:
        """What is measured along the gradient, by seed and step; see `along`.

        "own" is the change of the gradient in one step of the run, over its length.
        """
        device = setting.place["device"]
        task = self.task(norm=norm, large=setting.large).to(device)
        lengths = torch.tensor(self.lengths, dtype=task.dtype, device=device)
        own = torch.tensor([rate], dtype=task.dtype, device=device)
        seeds = range(setting.seeds)

        def look(theta: Tensor, *batch: Tensor) -> dict[str, Tensor]:
            found = along(task.loss, theta, lengths, *batch)
            step = along(task.loss, theta, own, *batch)
            return {**found, "own": rate * step["smoothness"]}

        looked = vmap(look)
        with timed(), one_thread():
            walk = follow(task, self.rule, seeds, self.steps, device, lr=rate)
            records = [
                looked(step.theta, *step.batch)
                for t, step in enumerate(walk, start=1)
                if t % self.every == 0
            ]
        return xr.Dataset(
            {
                name: (("seed", "step"), np.stack([r[name].cpu().numpy() for r in records], 1))
                for name in records[0]
            },
            {"seed": list(seeds), "step": range(self.every, self.steps + 1, self.every)},
        )

    def _tune(self, norm: str | None, setting: Setting) -> Tuned:
        return tune(
            self.task(norm=norm, large=setting.large),
            [self.rule],
            lr={self.rule.name: self.rates},
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=lowest_last(),
            every=max(1, self.steps // 20),
            **setting.place,
        )


def along(
    loss: Callable[..., Tensor], theta: Tensor, lengths: Tensor, *batch: Tensor
) -> dict[str, Tensor]:
    """How loss and gradient change from `theta` (size,) to theta - c g, for each c of `lengths`.

    After Santurkar et al. (2018), Figure 4. "variation" is the highest minus the lowest loss at
    these points, "change" the largest distance of their gradients from g, "smoothness" the largest
    distance over c ‖g‖, and "gradient" ‖g‖. Where the loss is quadratic along g, with the curvature
    h, the smoothness is h.
    """
    both = grad_and_value(loss)
    g, _ = both(theta, *batch)
    gradients, losses = vmap(lambda c: both(theta - c * g, *batch))(lengths)
    change = (gradients - g).norm(dim=-1)
    return {
        "variation": losses.amax() - losses.amin(),
        "change": change.amax(),
        "smoothness": (change / (lengths * g.norm())).amax(),
        "gradient": g.norm(),
    }
