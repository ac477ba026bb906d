"""A contrast: does one optimizer end with a larger value than another, on each of some tasks?"""

from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, difference
from optlab.studies.comparison import (
    SettingsGrid,
    at_end,
    check_grids,
    compared,
    ending_rows,
    endings,
    settings_told,
)
from optlab.tasks import Classification
from optlib.rule import Rule

QUANTITIES = {
    "gap": "the test loss less the training loss",
    "test_loss": "the test loss",
}
"""What can be compared, in words."""


@dataclass(frozen=True)
class Contrast:
    """What two tuned optimizers end with, after the same number of steps.

    Attributes
    ----------
    tasks : tuple of callable
        Each gives a task; with `large=True` the one for a GPU.
    larger, smaller : Rule
        The claim is that at the end the quantity of `larger` is the larger one.
    quantity : str
        "gap" or "test_loss".
    grids : dict of str to dict
        By optimizer what is tuned, as many settings for both.
    steps : int
        Length of each run.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the settings are chosen.

    Raises
    ------
    ValueError
        No such quantity, more settings for one of the two, or other values of what both have.
    """

    tasks: tuple[Callable[..., Classification], ...]
    larger: Rule
    smaller: Rule
    quantity: str
    grids: dict[str, SettingsGrid]
    steps: int
    seeds: int = 10
    tuning_seeds: int = 3

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"quantity = {self.quantity!r}, but it must be gap or test_loss")
        check_grids([self.larger, self.smaller], self.grids)

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = "; ".join(
            f"{task.name} ({task.size} parameters, batches of {task.batch})"
            for task in (one(large=setting.large) for one in self.tasks)
        )
        return {
            "Tasks": f"{tasks}; {self.steps} steps each",
            "Measured": f"{QUANTITIES[self.quantity]}, the means over the last tenth of the "
            "records",
            "Settings": settings_told(self.grids, self.tuning_seeds),
            "Seeds": f"{setting.seeds}, each a pair of runs with equal start and equal batches",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        one, other = self.larger.name, self.smaller.name
        return (
            f"The difference, {one} less {other}, is taken seed by seed. It is positive on a task "
            "if the 95 % interval of its median lies above 0, and negative if it lies below. "
            "Holds: positive on all tasks. Holds in part: positive on some. Fails: positive on "
            "none, and negative on some. Not at this scale: on no task do the runs tell the two "
            "apart."
        )

    def decide(self, differences: list[Estimate]) -> Verdict:
        """The verdict that follows from the differences, one a task."""
        return Verdict.of(
            [one.low > 0 for one in differences], [one.high < 0 for one in differences]
        )

    def run(self, setting: Setting) -> Evidence:
        """Tune and compare on each task."""
        rules = [self.smaller, self.larger]
        differences, told, rows, notes, pictures = [], [], [], [], []
        for task in (one(large=setting.large) for one in self.tasks):
            tuned, runs = compared(task, rules, self.grids, self.steps, self.tuning_seeds, setting)
            ends = at_end(runs)
            larger, smaller = (self._quantity(ends[r.name]) for r in (self.larger, self.smaller))
            differences.append(difference(larger.values, smaller.values))
            told.append(f"{differences[-1]} on {task.name}")
            rows += ending_rows(task.name, tuned, ends)
            notes += [f"{task.name}: {note}" for note in tuned.notes()]
            joined = xr.concat(list(runs.values()), "optimizer", join="outer")
            pictures += [
                plots.svg(plots.training_curves(joined, metric))
                for metric in ("train_loss", "test_loss")
            ]
        return Evidence(
            verdict=self.decide(differences),
            finding=f"{QUANTITIES[self.quantity].capitalize()}, {self.larger.name}'s less "
            f"{self.smaller.name}'s: {', '.join(told)} (median and 95 % interval).",
            table=endings(rows),
            notes=notes,
            pictures=pictures,
        )

    def _quantity(self, end: xr.Dataset) -> xr.DataArray:
        if self.quantity == "gap":
            return end.test_loss - end.train_loss
        return end.test_loss
