"""A race: does one optimizer reach a training loss in fewer steps than another?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.bands import Curves
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, paired_ratio, steps_to
from optlab.tasks import Classification
from optlab.tuning import Tuned, last, tune
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class Race:
    """Two optimizers, each with its own best learning rate, on their way to a training loss.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    rival, champion : Rule
        The claim is that `champion` needs fewer steps than `rival`.
    rates : tuple of float, or dict of str to tuple of float
        Learning rates to choose from at first, rising: the same for both, or as many for each by
        its name.
    target : float
        Loss on the whole training set, nats.
    steps : int
        Length of each run. A run that has not arrived by then counts as not arriving.
    hyper : dict of str to float
        Other hyper-parameters, for the rules that have them.
    margin : float
        How much smaller than 1 the ratio of steps must be for the claim to hold, default 0.1.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.
    remark : str
        What else a reader should know of the measurement.
    whole : bool
        Whether they race once more with all examples in every batch, default True.

    Raises
    ------
    ValueError
        An optimizer without rates, or more rates for one of the two.
    """

    task: Callable[..., Classification]
    rival: Rule
    champion: Rule
    rates: tuple[float, ...] | dict[str, tuple[float, ...]]
    target: float
    steps: int
    hyper: dict[str, Any] = field(default_factory=dict)
    margin: float = 0.1
    seeds: int = 20
    tuning_seeds: int = 10
    remark: str = ""
    whole: bool = True

    def __post_init__(self) -> None:
        counts = {name: len(grid) for name, grid in self._grids.items()}
        if min(counts.values()) < 1 or len(set(counts.values())) > 1:
            told = ", ".join(f"{count} for {name}" for name, count in counts.items())
            raise ValueError(f"both optimizers need as many rates, not {told}: equal budgets")

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        spans = {name: f"{grid[0]:g} to {grid[-1]:g}" for name, grid in self._grids.items()}
        rates = ", ".join(f"{span} for {name}" for name, span in spans.items())
        if len(set(spans.values())) == 1:
            rates = spans[self.rival.name]
        batches = (
            f"shuffled mini-batches of {task.batch}"
            if task.shuffle
            else f"mini-batches of {task.batch}, each example drawn anew"
        )
        hyper = ", ".join(f"{name} = {value:g}" for name, value in self.hyper.items())
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"{batches}, {self.steps} steps",
            "Optimizers": f"{self._told(self.rival)} and {self._told(self.champion)}"
            + (f", {hyper}" if hyper else ""),
            "Measured": f"steps until the loss on the whole training set is at most "
            f"{self.target:g}, looked at after every step"
            + (f"; {self.remark}" if self.remark else ""),
            "Learning rates": f"each optimizer's best of "
            f"{len(self._grids[self.rival.name])}, {rates}, by "
            f"the median steps over {self.tuning_seeds} seeds that the comparison does not use, "
            f"looked at every {self._looks} steps; if the best is an edge, both grids are widened",
            "Seeds": f"{setting.seeds}, each a pair of runs with equal start and equal batches",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"The ratio of steps, {self.champion.name} to {self.rival.name}, is taken seed by "
            "seed. Holds: the 95 % interval of its median lies below 1 and the median is at most "
            f"{1 - self.margin:g}. Holds in part: the interval lies below 1, but the median above "
            f"{1 - self.margin:g}. Fails: the interval lies above 1. Not at this scale: the "
            "interval contains 1, the runs do not tell the two apart. Where the median is open, "
            "the upper end of its interval counts."
        )

    @property
    def _looks(self) -> int:
        """Steps from one look at the loss to the next in tuning: 80 looks a run, or fewer."""
        return max(2, self.steps // 80)

    def _task(self, setting: Setting) -> Classification:
        """The task, of which only the training loss is measured."""
        return replace(self.task(large=setting.large), parts=("train",))

    @property
    def _grids(self) -> dict[str, tuple[float, ...]]:
        """By optimizer the learning rates to choose from at first."""
        names = self.rival.name, self.champion.name
        given = self.rates if isinstance(self.rates, dict) else dict.fromkeys(names, self.rates)
        return {name: given.get(name, ()) for name in names}

    def _told(self, rule: Rule) -> str:
        """An optimizer's name, and in brackets the defaults that it keeps."""
        kept = [f"{n} = {v:g}" for n, v in rule.hyper.items() if n not in {"lr", *self.hyper}]
        return rule.name + (f" ({', '.join(kept)})" if kept else "")

    def decide(self, ratio: Estimate) -> Verdict:
        """The verdict that follows from the ratio of steps."""
        return fewer(ratio, self.margin)

    def run(self, setting: Setting) -> Evidence:
        """Tune and compare; then once more with all examples in every batch, as theory has it."""
        task = self._task(setting)
        ratio, rows, notes, runs = self._heat(task, setting)
        if self.whole:
            more_rows, more_notes = self._aside(task, setting)
            rows, notes = rows + more_rows, notes + more_notes
        return Evidence(
            verdict=self.decide(ratio),
            finding=f"{self.champion.name} takes {ratio} times the steps of {self.rival.name} "
            "(median and 95 % interval).",
            table=Table(
                f"Steps to a training loss of {self.target:g}, median and 95 % interval",
                ("optimizer, batch", "best rate", "chosen again", "steps", "arrived"),
                rows,
            ),
            notes=notes,
            pictures=[plots.svg(plots.training_curves(runs))],
        )

    def _aside(
        self, task: Classification, setting: Setting
    ) -> tuple[list[Sequence[str]], list[str]]:
        """Rows and remarks of the race with all examples in every batch, with fewer runs."""
        whole = replace(task, batch=task.examples, shuffle=True)
        aside = replace(self, steps=self.steps // 2, tuning_seeds=3)
        ratio, rows, notes, _ = aside._heat(whole, replace(setting, seeds=10))
        note = (
            f"With all {whole.examples} examples in every batch, nothing random but the start, "
            f"the ratio is {ratio} (10 seeds, {aside.tuning_seeds} for tuning, "
            f"{aside.steps} steps); the verdict does not count this."
        )
        return rows, [note, *notes]

    def curves(self, setting: Setting) -> Curves:
        """Training loss over the steps at each rate, in the runs by which the rates were chosen.

        Every second look; first the tuned rates.
        """
        tuned = self._tune(self._task(setting), setting)
        losses = xr.concat([r.train_loss for r in tuned.runs.values()], "optimizer", join="outer")
        first = {name: best["lr"] for name, best in tuned.best.items()}
        return Curves.of(losses.isel(step=slice(None, None, 2)), first)

    def score(self, runs: xr.Dataset) -> tuple[xr.DataArray, ...]:
        """Steps to the target; of runs that arrive together, or not at all, the last loss."""
        return arrival(runs.train_loss, self.target), last(runs.train_loss)

    def _tune(self, task: Classification, setting: Setting) -> Tuned:
        """The rules' best rates on seeds that no comparison uses."""
        rules = [self.rival, self.champion]
        return tune(
            task,
            rules,
            lr=self._grids,
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=self.score,
            every=self._looks,
            **setting.place,
            **self.hyper,
        )

    def _beside(self, tuned: Tuned) -> list[str]:
        """A sentence on how much the ratio depends on the champion's rate."""
        found = {name: self.score(runs)[0].median("seed") for name, runs in tuned.runs.items()}
        rival = float(found[self.rival.name].sel(lr=tuned.best[self.rival.name]["lr"]))
        medians = found[self.champion.name]
        i = medians.lr.values.tolist().index(tuned.best[self.champion.name]["lr"])
        near = [k for k in (i - 1, i, i + 1) if 0 <= k < len(medians)]
        told = ", ".join(
            f"{number(float(medians[k]) / rival)} with {number(float(medians.lr[k]))}" for k in near
        )
        return [
            f"next to the best rate, in the runs of the tuning, {self.champion.name} takes {told} "
            f"as its rate, times the steps of {self.rival.name} at its best (medians)."
        ]

    def _heat(
        self, task: Classification, setting: Setting
    ) -> tuple[Estimate, list[Sequence[str]], list[str], xr.Dataset]:
        """Tune and compare: the ratio, a row an optimizer, warnings, and the compared runs."""
        tuned = self._tune(task, setting)
        runs = setting.sweep(
            task,
            [self.rival, self.champion],
            lr={name: [best["lr"]] for name, best in tuned.best.items()},
            seeds=range(setting.seeds),
            steps=self.steps,
            every=1,
            **self.hyper,
        )
        rows: list[Sequence[str]] = []
        arrivals = {}
        for name, best in tuned.best.items():
            own = runs.sel(optimizer=name, lr=best["lr"])
            arrivals[name] = arrival(own.train_loss, self.target).values
            rows.append(
                (
                    f"{name}, {task.batch}",
                    number(best["lr"]),
                    f"{100 * tuned.again[name]:.0f} %",
                    str(estimate(arrivals[name])),
                    f"{np.isfinite(arrivals[name]).sum()} of {setting.seeds}",
                )
            )
        ratio = paired_ratio(arrivals[self.champion.name], arrivals[self.rival.name], self.steps)
        notes = [
            f"Batches of {task.batch}: {note}" for note in [*tuned.notes(), *self._beside(tuned)]
        ]
        return ratio, rows, notes, runs


def fewer(ratio: Estimate, margin: float) -> Verdict:
    """The verdict on a ratio that is claimed to be at most 1 - `margin`."""
    if ratio.high < 1:
        median = ratio.high if np.isnan(ratio.median) else ratio.median
        return Verdict.HOLDS if median <= 1 - margin else Verdict.IN_PART
    return Verdict.FAILS if ratio.low > 1 else Verdict.NOT_HERE


def arrival(loss: xr.DataArray, target: float) -> xr.DataArray:
    """The first step at which a loss is at most `target`, inf for a run that does not get there."""
    found = partial(steps_to, steps=loss.step.values, target=target)
    return xr.apply_ufunc(found, loss, input_core_dims=[["step"]])
