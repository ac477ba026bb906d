"""Batch size: how many examples does training look at until a loss, with several sizes?"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, paired_ratio
from optlab.studies.race import arrival, fewer
from optlab.tasks import Classification
from optlab.tuning import last, tune
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class BatchSize:
    """One optimizer with batches of several sizes, each with its own best learning rate.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    rule : Rule
        The optimizer.
    rates : tuple of float
        Learning rates to choose from at first, rising.
    batches : tuple of int
        Sizes of mini-batches beside the whole training set. The claim is that the first one needs
        fewer examples than the whole set at every step.
    target : float
        Loss on the whole training set, nats.
    steps : int
        Length of each run. A run that has not arrived by then counts as not arriving.
    margin : float
        How much smaller than 1 the ratio of examples must be for the claim to hold, default 0.1.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.
    """

    task: Callable[..., Classification]
    rule: Rule
    rates: tuple[float, ...]
    batches: tuple[int, ...]
    target: float
    steps: int
    margin: float = 0.1
    seeds: int = 10
    tuning_seeds: int = 5

    def tasks(self, setting: Setting) -> list[Classification]:
        """The task with each size of its batches, the whole training set last."""
        task = replace(self.task(large=setting.large), parts=("train",))
        return [replace(task, batch=size) for size in (*self.batches, task.examples)]

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        *parts, whole = self.tasks(setting)
        sizes = ", ".join(str(task.batch) for task in parts)
        return {
            "Task": f"{whole.name}: {whole.size} parameters, {whole.examples} training examples, "
            f"shuffled mini-batches of {sizes}, or all of them at every step; {self.steps} steps",
            "Optimizer": self.rule.name,
            "Measured": "examples looked at, steps times the size of a batch, until the loss on "
            f"the whole training set is at most {self.target:g}; looked at after every step",
            "Learning rates": f"each size's best of {len(self.rates)}, {self.rates[0]:g} to "
            f"{self.rates[-1]:g}, by the median steps over {self.tuning_seeds} seeds that the "
            f"comparison does not use, looked at every {self._looks} steps; if the best is an "
            "edge, the grid is widened",
            "Seeds": f"{setting.seeds}, each with equal starts",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"The ratio of examples, with batches of {self.batches[0]} to all at every step, is "
            "taken seed by seed. Holds: the 95 % interval of its median lies below 1 and the "
            f"median is at most {1 - self.margin:g}. Holds in part: the interval lies below 1, but "
            f"the median above {1 - self.margin:g}. Fails: the interval lies above 1. Not at this "
            "scale: the interval contains 1. Where the median is open, the upper end of its "
            "interval counts."
        )

    def decide(self, ratio: Estimate) -> Verdict:
        """The verdict that follows from the ratio of examples."""
        return fewer(ratio, self.margin)

    def run(self, setting: Setting) -> Evidence:
        """Tune and train with each size of the batches."""
        rows, notes, arrivals, curves = [], [], [], []
        for task in self.tasks(setting):
            tuned = tune(
                task,
                [self.rule],
                lr={self.rule.name: self.rates},
                seeds=self.tuning_seeds,
                steps=self.steps,
                score=lambda runs: (arrival(runs.train_loss, self.target), last(runs.train_loss)),
                every=self._looks,
                **setting.place,
            )
            [best] = tuned.best.values()
            runs = setting.sweep(
                task,
                self.rule,
                lr=best["lr"],
                seeds=range(setting.seeds),
                steps=self.steps,
                every=1,
            )
            steps = arrival(runs.train_loss, self.target).values.ravel()
            arrivals.append(steps)
            notes += [f"Batches of {task.batch}: {note}" for note in tuned.notes()]
            rows.append(
                (
                    str(task.batch),
                    number(best["lr"]),
                    f"{100 * tuned.again[self.rule.name]:.0f} %",
                    str(estimate(steps)),
                    str(estimate(task.batch * steps)),
                    f"{np.isfinite(steps).sum()} of {setting.seeds}",
                )
            )
            loss = runs.train_loss.isel(optimizer=0, lr=0, drop=True)
            loss = loss.assign_coords(optimizer=str(task.batch))
            curves.append(
                loss.isel(step=slice(1, None)).assign_coords(step=loss.step[1:] * task.batch)
            )
        *sizes, whole = (task.batch for task in self.tasks(setting))
        more = paired_ratio(arrivals[0], arrivals[-1], self.steps)
        share = sizes[0] / whole
        ratio = Estimate(share * more.median, share * more.low, share * more.high)
        return Evidence(
            verdict=self.decide(ratio),
            finding=f"Batches of {sizes[0]} look at {ratio} times the examples, in {more} times "
            "the steps, of all at every step (medians and 95 % intervals).",
            table=Table(
                f"Until the training loss is at most {self.target:g}, median and 95 % interval",
                ("batch", "best rate", "chosen again", "steps", "examples", "arrived"),
                rows,
            ),
            notes=notes,
            pictures=[plots.svg(self._picture(curves))],
        )

    @property
    def _looks(self) -> int:
        """Steps from one look at the loss to the next in tuning."""
        return max(2, self.steps // 80)

    def _picture(self, curves: list[xr.DataArray]) -> plots.Axes:
        """Training loss over the examples looked at."""
        joined = xr.concat(curves, "optimizer", join="outer", coords="minimal")
        return plots.over(joined, "step", "examples looked at", "train_loss")
