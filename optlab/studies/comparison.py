"""A comparison: is one optimizer ahead of another on one task, and not on a second?"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.tasks import Classification
from optlab.train import RateFunction
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.table import Table

SettingsGrid = dict[str, tuple[float, ...]]
"""For an optimizer: its learning rates, "lr", and the other settings that are tuned with them."""


@dataclass(frozen=True)
class Comparison:
    """Two tuned optimizers after the same number of steps, on two tasks.

    Attributes
    ----------
    ahead : callable
        Gives the task on which the champion is claimed to be ahead; with `large=True` the one for
        a GPU.
    level : callable
        Gives the task on which it is claimed not to be.
    rival, champion : Rule
        The optimizers.
    grids : dict of str to dict
        By optimizer what is tuned, as many settings for both.
    steps : int
        Length of each run.
    margin : float
        How much smaller than 1 the ratio of test losses must be to be ahead, default 0.01.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the settings are chosen.

    Raises
    ------
    ValueError
        More settings for one of the two, or other values of what both have.
    """

    ahead: Callable[..., Classification]
    level: Callable[..., Classification]
    rival: Rule
    champion: Rule
    grids: dict[str, SettingsGrid]
    steps: int
    margin: float = 0.01
    seeds: int = 10
    tuning_seeds: int = 3

    def __post_init__(self) -> None:
        check_grids([self.rival, self.champion], self.grids)

    def tasks(self, setting: Setting) -> tuple[Classification, Classification]:
        """The two tasks."""
        return self.ahead(large=setting.large), self.level(large=setting.large)

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = " and ".join(
            f"{task.name} ({task.size} parameters, batches of {task.batch})"
            for task in self.tasks(setting)
        )
        return {
            "Tasks": f"{tasks}, {self.steps} steps",
            "Measured": "the loss on the test part, the mean over the last tenth of the records",
            "Settings": settings_told(self.grids, self.tuning_seeds),
            "Seeds": f"{setting.seeds}, each a pair of runs with equal start and equal batches",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        name, most = self.champion.name, f"{1 - self.margin:g}"
        return (
            f"The ratio of test losses, {name} to {self.rival.name}, is taken seed by seed. {name} "
            f"is ahead on a task if the 95 % interval of the ratio's median lies below {most}, and "
            f"not ahead if it lies above. Holds: ahead on the first task, not on the second. "
            "Holds in part: ahead on both. Fails: not ahead on the first. Not at this scale: "
            f"anything else: an interval holds {most}."
        )

    def decide(self, ahead: Estimate, level: Estimate) -> Verdict:
        """The verdict that follows from the ratios of test losses on the two tasks."""
        most = 1 - self.margin
        if ahead.low >= most:
            return Verdict.FAILS
        if ahead.high < most and level.low >= most:
            return Verdict.HOLDS
        return Verdict.IN_PART if ahead.high < most and level.high < most else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Tune and compare on both tasks."""
        ratios, rows, notes, pictures = [], [], [], []
        for task in self.tasks(setting):
            rules = [self.rival, self.champion]
            tuned, runs = compared(task, rules, self.grids, self.steps, self.tuning_seeds, setting)
            ends = at_end(runs)
            champion, rival = (ends[r.name].test_loss.values for r in (self.champion, self.rival))
            ratios.append(ratio(champion, rival))
            rows += ending_rows(task.name, tuned, ends)
            notes += [f"{task.name}: {note}" for note in tuned.notes()]
            for name, part in runs.items():
                loss = part.train_loss.isel(optimizer=0, lr=0)
                if lost := int((last(loss) > loss.isel(step=0)).sum()):
                    notes.append(
                        f"{task.name}: {lost} of {setting.seeds} runs of {name} end with a higher "
                        "training loss than they began with."
                    )
            joined = xr.concat(list(runs.values()), "optimizer", join="outer")
            pictures.append(plots.svg(plots.training_curves(joined, "validation_loss")))
        first, second = (task.name for task in self.tasks(setting))
        return Evidence(
            verdict=self.decide(*ratios),
            finding=f"The test loss of {self.champion.name} is {ratios[0]} times that of "
            f"{self.rival.name} on {first}, and {ratios[1]} times on {second} (median and 95 % "
            "interval).",
            table=endings(rows),
            notes=notes,
            pictures=pictures,
        )


def check_grids(rules: list[Rule], grids: dict[str, SettingsGrid]) -> None:
    """Raise ValueError unless the rules have as many settings, and equal ones of what they share.

    `grids` has what is tuned, by optimizer.
    """
    counts = {n: math.prod(map(len, grid.values())) for n, grid in grids.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} for {name}" for name, count in counts.items())
        raise ValueError(f"both optimizers need as many settings, not {told}: equal budgets")
    for rule in rules:
        own = {n: v for n, v in _others(grids).items() if n in rule.hyper}
        if own != {n: v for n, v in grids[rule.name].items() if n != "lr"}:
            raise ValueError(
                f"{rule.name} has {', '.join(own)}: what both have must have the same values"
            )


def compared(
    task: Classification,
    rules: list[Rule],
    grids: dict[str, SettingsGrid],
    steps: int,
    tuning_seeds: int,
    setting: Setting,
    schedule: RateFunction | None = None,
    every: int | None = None,
) -> tuple[Tuned, dict[str, xr.Dataset]]:
    """What tuning by the validation loss at the end found, and by optimizer the compared runs.

    The runs are made with the best settings, from seeds that tuning does not use; their
    optimizer and rate are dimensions of size 1. By default the rate is constant, and the losses are
    looked at 20 times.
    """
    every = every or max(1, steps // 20)
    tuned = tune(
        task,
        rules,
        lr={rule.name: grids[rule.name]["lr"] for rule in rules},
        seeds=tuning_seeds,
        steps=steps,
        score=lowest_last(),
        every=every,
        schedule=schedule,
        **setting.place,
        **_others(grids),
    )
    runs = {}
    for rule in rules:
        found = setting.sweep(
            task,
            rule,
            seeds=range(setting.seeds),
            steps=steps,
            every=every,
            schedule=schedule,
            **tuned.best[rule.name],
        )
        own = [name for name in tuned.best[rule.name] if name != "lr"]
        runs[rule.name] = found.drop_vars(own)
    return tuned, runs


def at_end(runs: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Training and test loss at the end by seed, see `last`, of what `compared` gives."""
    parts = ["train_loss", "test_loss"]
    return {name: part[parts].isel(optimizer=0, lr=0).map(last) for name, part in runs.items()}


def settings_told(grids: dict[str, SettingsGrid], tuning_seeds: int) -> str:
    """How the settings are chosen, in words."""
    told = "; ".join(
        f"{name}: " + ", ".join(f"{n} {_either(values)}" for n, values in grid.items())
        for name, grid in grids.items()
    )
    return (
        "each optimizer's best by the median validation loss at the end over "
        f"{tuning_seeds} seeds that the comparison does not use, of as many settings for "
        f"both: {told}; if the best rate is an edge, both grids are widened"
    )


def ending_rows(task: str, tuned: Tuned, ends: dict[str, xr.Dataset]) -> list[tuple[str, ...]]:
    """A row an optimizer for the table `endings`."""
    return [
        (
            f"{task}, {name}",
            ", ".join(f"{n} {number(value)}" for n, value in tuned.best[name].items()),
            f"{100 * tuned.again[name]:.0f} %",
            str(estimate(end.train_loss)),
            str(estimate(end.test_loss)),
            str(estimate(end.test_loss - end.train_loss)),
        )
        for name, end in ends.items()
    ]


def endings(rows: list[tuple[str, ...]]) -> Table:
    """The losses at the end, a row a task and optimizer."""
    return Table(
        "Losses at the end in nats, and the gap, test less train; median and 95 % interval",
        ("task, optimizer", "best settings", "chosen again", "train", "test", "gap"),
        rows,
    )


def _others(grids: dict[str, SettingsGrid]) -> dict[str, Any]:
    """What is tuned beside the learning rates, each for the optimizers that have it."""
    return {n: v for grid in grids.values() for n, v in grid.items() if n != "lr"}


def _either(values: tuple[float, ...]) -> str:
    return " or ".join(map(number, values))
