"""Rare gradients: in how many coordinates are a few mini-batches' gradients far larger?"""

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
    """How many coordinates of the gradient are rarely large, late in training and at its start.

    A coordinate is rarely large where of its absolute values, a mini-batch each, the one that a
    share `rare` of them exceeds is more than `times` the median.

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
        How many times the median the rare values must be, default 10.
    rare : float
        Which share of the mini-batches is rare, default 1 in 100.
    most : float
        Which share of the coordinates is claimed to be so, default a half.
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
    most: float = 0.5
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
            "Measured": "each coordinate of each mini-batch's gradient, in the last half of the "
            f"steps and in the first {self.early}: the share of the coordinates of which one "
            f"value in {1 / self.rare:g} is more than {self.times:g} times the median. Coordinates "
            "that have no gradient at all are left out",
            "Seeds": f"{setting.seeds}",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        most = f"{100 * self.most:g} %"
        return (
            "The share in the last half is taken run by run. Rare gradients are large on a task if "
            f"the 95 % interval of the share's median lies above {most}, and are not if it lies "
            "below. Holds: they are on all tasks. Holds in part: on some. Fails: on no task. Not "
            f"at this scale: an interval contains {most}, and no task decides."
        )

    def decide(self, shares: list[Estimate]) -> Verdict:
        """The verdict that follows from the shares of the last half, one a task, in percent."""
        larger = [one.low > 100 * self.most for one in shares]
        if all(larger):
            return Verdict.HOLDS
        if any(larger):
            return Verdict.IN_PART
        below = all(one.high < 100 * self.most for one in shares)
        return Verdict.FAILS if below else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Train, and measure every mini-batch's gradient where the parameters then are."""
        rows, late, told, lines = [], [], [], {}
        for task in (maker(large=setting.large) for maker in self.tasks):
            sizes = self.sizes(task, setting)
            half = sizes.isel(step=slice(self.steps // 2, None))
            for name, part in (
                (f"first {self.early}", sizes.isel(step=slice(0, self.early))),
                ("last half", half),
            ):
                found = self.times_median(part)
                share = estimate(100 * (found > self.times).sum(-1) / np.isfinite(found).sum(-1))
                lengths = np.linalg.norm(part, axis=part.get_axis_num("coordinate"))
                whole = self._ratio(lengths, 0)
                rows.append(
                    (
                        f"{task.name}, {name}",
                        f"{share} %",
                        str(estimate(np.nanmedian(found, -1))),
                        str(estimate(whole)),
                    )
                )
            late.append(share)
            told.append(f"{share} % of them on {task.name}")
            lines[task.name] = found
        return Evidence(
            verdict=self.decide(late),
            finding=f"In the last half of training one value in {1 / self.rare:g} of a coordinate "
            f"is more than {self.times:g} times the median in {', '.join(told)} (median over the "
            "runs and 95 % interval).",
            table=Table(
                f"Coordinates that are rarely large, and the value that {100 * self.rare:g} % "
                "exceed over the median; median over the runs and 95 % interval",
                ("task, steps", "share", "of the median coordinate", "of the whole length"),
                rows,
            ),
            notes=[],
            pictures=[plots.svg(self._picture(lines))],
        )

    def sizes(self, task: Classification, setting: Setting) -> xr.DataArray:
        """Absolute values of the mini-batches' gradients, (step, seed, coordinate)."""
        device, seeds = setting.place["device"], range(setting.seeds)
        hyper = {"lr": self.lr, **self.hyper}
        with timed(), one_thread():
            walk = follow(task, self.rule, seeds, self.steps, device, **hyper)
            found = np.stack([step.g.abs().cpu().numpy().astype(np.float32) for step in walk])
        return xr.DataArray(found, dims=("step", "seed", "coordinate"))

    def times_median(self, sizes: xr.DataArray) -> np.ndarray:
        """By run and coordinate the rare value over the median, (seeds, coordinates).

        inf where the median is zero, and nan where all values are.
        """
        return self._ratio(sizes.values, sizes.get_axis_num("step"))

    def _ratio(self, values: np.ndarray, axis: Any) -> np.ndarray:
        rare, median = np.quantile(values, [1 - self.rare, 0.5], axis=axis)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(rare / median)

    def _picture(self, lines: dict[str, np.ndarray]) -> plots.Axes:
        """Which share of the coordinates has a rare value of at least so many times the median."""
        times = np.geomspace(1, 1000, 40)
        found = [
            xr.DataArray(
                [[100 * np.mean(run[~np.isnan(run)] > t) for t in times] for run in ratios],
                dims=("seed", "times"),
                coords={"times": times},
            )
            for ratios in lines.values()
        ]
        values = xr.concat(found, xr.Variable("optimizer", list(lines)))
        what = "share of the coordinates, %"
        return plots.over(values, "times", "rare value over the median", what)
