"""Schedules against each other: one optimizer, each schedule with its own best peak rate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.tasks import Classification
from optlab.train import RateFunction
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.schedules import constant, linear_decay, one_cycle, sgdr, step_decay, triangular
from optlib.table import Table


def swinging(step: Any, lr: Any, *, step_size: float) -> Any:
    """Cyclical rates between a quarter of the peak and the peak (Smith 2017, section 3.3)."""
    return triangular(step, lr=lr, min_lr=lr / 4, step_size=step_size)


CONTENDERS: dict[str, Callable[[int], RateFunction]] = {
    "constant": lambda steps: constant,
    "step decay": lambda steps: partial(step_decay, total_steps=steps),
    "linear decay": lambda steps: partial(linear_decay, total_steps=steps),
    "cyclical": lambda steps: partial(swinging, step_size=steps / 8),
    "restarts": lambda steps: partial(sgdr, period=steps // 15),
    "one cycle": lambda steps: partial(one_cycle, total_steps=steps),
}
"""By name, from the length of a run to its schedule of step and peak rate."""

DESCRIPTIONS = {
    "constant": "a constant rate",
    "step decay": "step decay, a tenth after half of the steps and again after three quarters",
    "linear decay": "linear decay to zero",
    "cyclical": "cyclical, four triangles from a quarter of the peak to the peak and back",
    "restarts": "restarts, four cosines to zero, each twice as long as the one before",
    "one cycle": "one cycle, which rises from 1/25 of the peak over 30 % of the steps, falls back "
    "as long, and is annealed for the rest",
}
"""The schedules in words."""


@dataclass(frozen=True)
class ScheduleTuning:
    """How the schedules of a study are trained and tuned.

    Attributes
    ----------
    rule : Rule
        The optimizer, the same with every schedule.
    peaks : tuple of float
        The peak rates to choose from, the same for every schedule.
    hyper : dict of str to float
        Its other hyper-parameters.
    tuning_seeds : int
        Number of seeds by which the peaks are chosen; no comparison uses them.
    """

    rule: Rule
    peaks: tuple[float, ...]
    hyper: Mapping[str, float] = field(default_factory=dict)
    tuning_seeds: int = 5

    def told(self) -> str:
        """How the peaks are chosen, in words."""
        return (
            f"for each schedule the best of {len(self.peaks)}, {self.peaks[0]:g} to "
            f"{self.peaks[-1]:g}, by the median validation loss at the end over "
            f"{self.tuning_seeds} seeds that the comparison does not use"
        )

    def optimizer(self) -> str:
        """The optimizer in words."""
        return ", ".join([self.rule.name, *(f"{n} = {v:g}" for n, v in self.hyper.items())])

    def trained(
        self, task: Classification, name: str, steps: int, setting: Setting
    ) -> tuple[Tuned, xr.Dataset]:
        """What tuning the peak found, and the runs compared, (seed, step)."""
        settings: dict[str, Any] = {
            "steps": steps,
            "every": max(1, steps // 20),
            "schedule": CONTENDERS[name](steps),
            **self.hyper,
        }
        tuned = tune(
            replace(task, parts=("train", "validation")),
            [self.rule],
            lr={self.rule.name: self.peaks},
            seeds=self.tuning_seeds,
            score=lowest_last(),
            widen=0,
            **setting.place,
            **settings,
        )
        peak = tuned.best[self.rule.name]["lr"]
        task = replace(task, parts=("train", "test"))
        runs = setting.sweep(task, self.rule, lr=peak, seeds=range(setting.seeds), **settings)
        return tuned, runs.isel(optimizer=0, lr=0, drop=True)

    def row(self, name: str, tuned: Tuned, runs: xr.Dataset) -> tuple[str, ...]:
        """A row for the table `endings`; a star says that the peak is an edge of the grid."""
        peak = number(tuned.best[self.rule.name]["lr"]) + ("*" if tuned.edges else "")
        return (
            name,
            peak,
            *(str(estimate(last(runs[f"{p}_loss"]).values)) for p in ("train", "test")),
        )


@dataclass(frozen=True)
class ScheduleComparison:
    """The test loss at the end with one schedule, over that with others, after equal steps.

    All of `CONTENDERS` are trained and shown; the claim is about some.

    Attributes
    ----------
    tasks : tuple of callable
        Each gives a task; with `large=True` the one for a GPU.
    champion : str
        The claim is that this schedule ends with a lower test loss.
    rivals : tuple of str
        Than each of these.
    steps : int
        Length of each run.
    tempo : ScheduleTuning
        The optimizer and the peaks.
    seeds : int
        Number of seeds of the comparison.

    Raises
    ------
    ValueError
        No such schedule.
    """

    tasks: tuple[Callable[..., Classification], ...]
    champion: str
    rivals: tuple[str, ...]
    steps: int
    tempo: ScheduleTuning
    seeds: int = 20

    def __post_init__(self) -> None:
        check_names((self.champion, *self.rivals))

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = "; ".join(
            f"{task.name} ({task.size} parameters, batches of {task.batch})"
            for task in (one(large=setting.large) for one in self.tasks)
        )
        return {
            "Tasks": f"{tasks}; {self.steps} steps each",
            "Optimizer": self.tempo.optimizer(),
            "Schedules": "; ".join(DESCRIPTIONS.values()),
            "Measured": "the test loss, the mean over the last tenth of the records",
            "Peak rates": self.tempo.told(),
            "Seeds": f"{setting.seeds}, each with equal start and equal batches in all runs",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"The ratio of test losses, {self.champion} to each rival, is taken seed by seed on "
            "each task. It is lower if the 95 % interval of the ratio's median lies below 1, and "
            "higher if it lies above. Holds: lower than every rival on every task. Holds in part: "
            f"lower than {self.rivals[0]} on some task. Fails: not so, and higher than it on some. "
            "Not at this scale: anything else."
        )

    def decide(self, ratios: list[list[Estimate]]) -> Verdict:
        """The verdict that follows from the ratios, a list a task, the first rival first."""
        if all(one.high < 1 for row in ratios for one in row):
            return Verdict.HOLDS
        if any(row[0].high < 1 for row in ratios):
            return Verdict.IN_PART
        return Verdict.FAILS if any(row[0].low > 1 for row in ratios) else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Tune each schedule's peak and compare, on each task."""
        ratios, told, rows, pictures = [], [], [], []
        for task in (one(large=setting.large) for one in self.tasks):
            ends, tried = {}, []
            for name in CONTENDERS:
                tuned, runs = self.tempo.trained(task, name, self.steps, setting)
                rows.append(self.tempo.row(f"{task.name}, {name}", tuned, runs))
                ends[name] = last(runs.test_loss).values
                tried.append(tuned.runs[self.tempo.rule.name].expand_dims(optimizer=[name]))
            ratios.append([ratio(ends[self.champion], ends[rival]) for rival in self.rivals])
            each = zip(ratios[-1], self.rivals, strict=True)
            told.append(
                f"{task.name}: " + ", ".join(f"{found} times {rival}" for found, rival in each)
            )
            pictures.append(plots.svg(plots.sensitivity(xr.concat(tried, "optimizer"))))
        return Evidence(
            verdict=self.decide(ratios),
            finding=f"The test loss of {self.champion} is, on {'; on '.join(told)} (median and "
            "95 % interval).",
            table=endings(rows),
            notes=[
                "The pictures show the runs of the tuning: each schedule's validation loss at the "
                "end over its peak rate."
            ],
            pictures=pictures,
        )


@dataclass(frozen=True)
class ScheduleSpeed:
    """Whether one schedule gets in fewer steps to where another one ends.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    champion, rival : str
        The claim is that `champion` needs fewer steps than `rival`.
    steps : int
        Length of the rival's runs.
    parts : tuple of int
        Into how many parts the steps are divided for shorter runs; the claim is about the first.
    tempo : ScheduleTuning
        The optimizer and the peaks, which are chosen for each length.
    margin : float
        By how much, as a share, a loss may be higher and still count as the same, default 0.05.
    seeds : int
        Number of seeds of the comparison.

    Raises
    ------
    ValueError
        No such schedule.
    """

    task: Callable[..., Classification]
    champion: str
    rival: str
    steps: int
    parts: tuple[int, ...]
    tempo: ScheduleTuning
    margin: float = 0.05
    seeds: int = 20

    def __post_init__(self) -> None:
        check_names((self.champion, self.rival))

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        lengths = ", ".join(str(self.steps // part) for part in self.parts)
        return {
            "Task": f"{task.name}: {task.size} parameters, batches of {task.batch}",
            "Optimizer": self.tempo.optimizer(),
            "Schedules": f"{DESCRIPTIONS[self.champion]}; {DESCRIPTIONS[self.rival]}; "
            "each made for its length",
            "Lengths": f"{self.steps} steps, and {lengths}",
            "Measured": "the test loss, the mean over the last tenth of the records",
            "Peak rates": f"{self.tempo.told()}, and for each length anew",
            "Seeds": f"{setting.seeds}, each with equal start and equal batches in all runs",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        most, part = f"{1 + self.margin:g}", self.parts[0]
        return (
            f"The ratio of test losses, to {self.rival} with all {self.steps} steps, is taken seed "
            f"by seed. A shorter run gets there if the 95 % interval of its median lies below "
            f"{most}, and does not if it lies above. Holds: {self.champion} gets there in 1/{part} "
            f"of the steps, and {self.rival} itself does not. Holds in part: so with another of "
            f"the shorter lengths. Fails: {self.champion} does not at any of them. Not at this "
            "scale: anything else."
        )

    def decide(self, champion: list[Estimate], rival: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios of the shorter runs, in the order of `parts`."""
        most = 1 + self.margin
        won = [one.high < most < other.low for one, other in zip(champion, rival, strict=True)]
        if won[0]:
            return Verdict.HOLDS
        if any(won):
            return Verdict.IN_PART
        return Verdict.FAILS if all(one.low > most for one in champion) else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Tune and train both schedules at each length."""
        task = self.task(large=setting.large)
        lengths = [self.steps, *(self.steps // part for part in self.parts)]
        rows = []
        ends: dict[str, list[np.ndarray]] = {self.champion: [], self.rival: []}
        for name, found in ends.items():
            for steps in lengths:
                tuned, runs = self.tempo.trained(task, name, steps, setting)
                rows.append(self.tempo.row(f"{name}, {steps} steps", tuned, runs))
                found.append(last(runs.test_loss).values)
        goal = ends[self.rival][0]
        ratios = {name: [ratio(end, goal) for end in found] for name, found in ends.items()}
        told = "; ".join(
            f"{name} "
            + ", ".join(f"{r} in {n}" for r, n in zip(found[1:], lengths[1:], strict=True))
            for name, found in ratios.items()
        )
        return Evidence(
            verdict=self.decide(ratios[self.champion][1:], ratios[self.rival][1:]),
            finding=f"The test loss over that of {self.rival} with {self.steps} steps: {told} "
            "steps (median and 95 % interval).",
            table=endings(rows),
            notes=[f"With all {self.steps} steps {self.champion} has {ratios[self.champion][0]}."],
            pictures=[self._picture(ends, lengths)],
        )

    def _picture(self, ends: dict[str, list[np.ndarray]], lengths: list[int]) -> str:
        """The test loss over the length."""
        values = xr.DataArray(
            np.array(list(ends.values())),
            dims=("optimizer", "length", "seed"),
            coords={"optimizer": list(ends), "length": lengths},
        ).sortby("length")
        return plots.svg(plots.over(values, "length", "steps of the run", "test loss", 1))


def check_names(names: tuple[str, ...]) -> None:
    """Raise ValueError for a schedule that is not one of `CONTENDERS`."""
    if strange := [name for name in names if name not in CONTENDERS]:
        raise ValueError(f"no schedule {strange[0]!r}; there are {', '.join(CONTENDERS)}")


def endings(rows: list[tuple[str, ...]]) -> Table:
    """The losses at the end, a row a schedule."""
    return Table(
        "Losses at the end in nats, median and 95 % interval; * at the edge of the grid of peaks",
        ("schedule", "best peak", "train", "test"),
        rows,
    )
