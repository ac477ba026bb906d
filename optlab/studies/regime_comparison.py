"""Regimes: does a task with some help end lower than the same task without, with one optimizer?"""

from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.studies.comparison import at_end
from optlab.tasks import Classification
from optlab.tuning import Tuned, lowest_last, tune
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class RegimeComparison:
    """Variants of a task, learnt by one optimizer that is tuned on each.

    Attributes
    ----------
    sides : dict of str to callable
        By what they are called the variants, two at least, the one with the help first. Each gives
        a task; with `large=True` the one for a GPU.
    optimizer : Rule
        The optimizer.
    rates : tuple of float
        The learning rates to choose from, the same for each variant.
    steps : int
        Length of each run.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.

    Raises
    ------
    ValueError
        Fewer than two variants.
    """

    sides: dict[str, Callable[..., Classification]]
    optimizer: Rule
    rates: tuple[float, ...]
    steps: int
    seeds: int = 20
    tuning_seeds: int = 5

    def __post_init__(self) -> None:
        if len(self.sides) < 2:
            raise ValueError("a help needs a task without it to be compared with")

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = {name: side(large=setting.large) for name, side in self.sides.items()}
        told = "; ".join(f"{name}: {task.name}" for name, task in tasks.items())
        task = next(iter(tasks.values()))
        return {
            "Tasks": f"{told}; {task.size} parameters, batches of {task.batch}, {self.steps} steps "
            "each",
            "Optimizer": self.optimizer.name,
            "Measured": "the loss on the test part, the mean over the last tenth of the records",
            "Settings": f"on each task the best of {len(self.rates)} rates, "
            f"{number(self.rates[0])} to {number(self.rates[-1])}, by the median validation loss "
            f"at the end over {self.tuning_seeds} seeds that the comparison does not use",
            "Seeds": f"{setting.seeds}, compared pair by pair",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        helped, *others = self.sides
        said = (
            f"The ratio of test losses, “{helped}” to "
            + ", and to ".join(f"“{other}”" for other in others)
            + ", is taken seed by seed. It counts as below 1, or above 1, if the 95 % interval of "
            "its median is. "
        )
        if len(others) == 1:
            return said + "Holds: below 1. Fails: above 1. Not at this scale: neither."
        return said + (
            "Holds: below 1 against each. Holds in part: against some. Fails: against none, and "
            "above 1 against some. Not at this scale: neither against any."
        )

    def decide(self, ratios: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios to the other variants."""
        return Verdict.of([one.high < 1 for one in ratios], [one.low > 1 for one in ratios])

    def run(self, setting: Setting) -> Evidence:
        """Tune on each variant and compare."""
        rule = self.optimizer
        tuned = {name: self._tune(side, setting) for name, side in self.sides.items()}
        runs = {
            name: setting.sweep(
                side(large=setting.large),
                rule,
                seeds=range(setting.seeds),
                steps=self.steps,
                every=self._every,
                **tuned[name].best[rule.name],
            )
            for name, side in self.sides.items()
        }
        ends = at_end(runs)
        helped, *others = self.sides
        ratios = {
            other: ratio(ends[helped].test_loss.values, ends[other].test_loss.values)
            for other in others
        }
        trained = {
            other: ratio(ends[helped].train_loss.values, ends[other].train_loss.values)
            for other in others
        }
        shown = xr.concat(
            [part.assign_coords(optimizer=[name]) for name, part in runs.items()],
            "optimizer",
            join="outer",
        )
        return Evidence(
            verdict=self.decide(list(ratios.values())),
            finding=f"The ratio of test losses of “{helped}”: {_told(ratios)} (median and 95 % "
            "interval).",
            table=Table(
                "Losses at the end in nats, and the ratio of the first line's test loss to this "
                "line's; median and 95 % interval",
                ("task", "best rate", "chosen again", "train", "test", "ratio"),
                [
                    (
                        name,
                        number(tuned[name].best[rule.name]["lr"]),
                        f"{100 * tuned[name].again[rule.name]:.0f} %",
                        str(estimate(end.train_loss)),
                        str(estimate(end.test_loss)),
                        str(ratios.get(name, "1")),
                    )
                    for name, end in ends.items()
                ],
            ),
            notes=[f"The ratio of training losses: {_told(trained)}."]
            + [f"“{name}”: {note}" for name, one in tuned.items() for note in one.notes()],
            pictures=[plots.svg(plots.training_curves(shown, "test_loss"))],
        )

    def _tune(self, side: Callable[..., Classification], setting: Setting) -> Tuned:
        return tune(
            side(large=setting.large),
            [self.optimizer],
            lr={self.optimizer.name: self.rates},
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=lowest_last(),
            widen=0,
            every=self._every,
            **setting.place,
        )

    @property
    def _every(self) -> int:
        return max(1, self.steps // 20)


def _told(ratios: dict[str, Estimate]) -> str:
    return ", ".join(f"{one} to “{other}”" for other, one in ratios.items())
