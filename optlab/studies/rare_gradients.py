"""Rare gradients: are there rare mini-batches late in training whose gradients are far larger?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate
from optlab.sweeps import timed
from optlab.tasks import Classification, one_thread
from optlab.train import follow
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class RareGradients:
    """The lengths of the mini-batches' gradients in the last half of training, and at its start.

    Attributes
    ----------
    tasks : tuple of callable
        Each gives a task; with `large=True` the one for a GPU.
    rule : Rule
        The optimizer.
    lr : float
        Its learning rate.
    steps : int
        Length of each run.
    early : int
        How many steps count as the start.
    times : float
        How many times the median the rare lengths must be to count as far larger, default 10.
    rare : float
        Which share of the mini-batches is rare, default 1 in 100.
    hyper : dict of str to float
        Other hyper-parameters.
    seeds : int
        Number of seeds.
    """

    tasks: tuple[Callable[..., Classification], ...]
    rule: Rule
    lr: float
    steps: int
    early: int
    times: float = 10.0
    rare: float = 0.01
    hyper: dict[str, Any] = field(default_factory=dict)
    seeds: int = 10

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = "; ".join(
            f"{task.name} ({task.size} parameters, {task.examples} training examples, batches of "
            f"{task.batch})"
            for task in (maker(large=setting.large) for maker in self.tasks)
        )
        return {
            "Tasks": f"{tasks}; {self.steps} steps each",
            "Optimizer": f"{self.rule.name}, learning rate {self.lr:g}",
            "Measured": "the length of each mini-batch's gradient; of these lengths the one that "
            f"{100 * self.rare:g} % exceed, over the median, in the last half of the steps and in "
            f"the first {self.early}",
            "Seeds": f"{setting.seeds}",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            "The ratio of the last half is taken run by run. Rare gradients are far larger on a "
            f"task if the 95 % interval of the ratio's median lies above {self.times:g}, and are "
            "not if it lies below. Holds: they are on all tasks. Holds in part: on some. Fails: "
            f"on no task. Not at this scale: an interval contains {self.times:g}, and no task "
            "decides."
        )

    def decide(self, ratios: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios of the last half, one a task."""
        larger = [one.low > self.times for one in ratios]
        if all(larger):
            return Verdict.HOLDS
        if any(larger):
            return Verdict.IN_PART
        return Verdict.FAILS if all(one.high < self.times for one in ratios) else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Train, and measure every mini-batch's gradient where the parameters then are."""
        rows, late, told, lines = [], [], [], {}
        for task in (maker(large=setting.large) for maker in self.tasks):
            lengths = self.lengths(task, setting)
            half = lengths.isel(step=slice(self.steps // 2, None))
            parts = {"first": lengths.isel(step=slice(0, self.early)), "last half": half}
            ratios = {name: estimate(self._ratio(part)) for name, part in parts.items()}
            late.append(ratios["last half"])
            told.append(f"{ratios['last half']} times on {task.name}")
            lines[task.name] = half / half.median("step")
            rows += [
                (
                    f"{task.name}, {name if name == 'last half' else f'first {self.early}'}",
                    str(estimate(part.median("step"))),
                    str(ratios[name]),
                    str(estimate(part.max("step") / part.median("step"))),
                )
                for name, part in parts.items()
            ]
        return Evidence(
            verdict=self.decide(late),
            finding=f"In the last half of training one mini-batch in {1 / self.rare:g} has a "
            f"gradient that is longer than the median by at least {', '.join(told)} (median over "
            "the runs and 95 % interval).",
            table=Table(
                "Lengths of the mini-batches' gradients, median over the runs and 95 % interval",
                ("task, steps", "median length", "rare over median", "longest over median"),
                rows,
            ),
            notes=[],
            pictures=[plots.svg(self._picture(lines))],
        )

    def lengths(self, task: Classification, setting: Setting) -> xr.DataArray:
        """Lengths of the mini-batches' gradients, (seed, step)."""
        device, seeds = setting.place["device"], range(setting.seeds)
        hyper = {"lr": self.lr, **self.hyper}
        with timed(), one_thread():
            walk = follow(task, self.rule, seeds, self.steps, device, **hyper)
            lengths = [step.g.norm(dim=-1).cpu().numpy() for step in walk]
        return xr.DataArray(
            np.stack(lengths, axis=1), {"seed": seeds, "step": range(self.steps)}, ("seed", "step")
        )

    def _ratio(self, lengths: xr.DataArray) -> np.ndarray:
        """By run the rare length over the median one."""
        rare, median = lengths.quantile([1 - self.rare, 0.5], "step").values
        return np.asarray(rare / median)

    def _picture(self, lines: dict[str, xr.DataArray]) -> plots.Axes:
        """How long the gradients of the longest share of the mini-batches are at least."""
        shares = np.geomspace(0.5, 2 / self.steps, 30)
        found = [
            part.quantile(1 - shares, "step").rename(quantile="share").assign_coords(share=shares)
            for part in lines.values()
        ]
        values = xr.concat(found, xr.Variable("optimizer", list(lines)))
        what = "length of the gradient over the median"
        return plots.over(values, "share", "share of the mini-batches that exceed it", what)
