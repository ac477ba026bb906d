"""Trials: arms that differ in what a claim speaks of, tuned and tested anew in every study.

A seed is a whole study. It draws its own data, trains every setting of every arm once and chooses
by its own validation part; then it trains the chosen settings anew, from another start and with
other batches, and that is measured. So what varies between studies is all that would vary if
somebody else tested the claim on such a task.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import getdoc
from itertools import product
from typing import Any, Protocol

import numpy as np
import xarray as xr

from optlab import plots
from optlab.bands import Curves
from optlab.card import Evidence, Setting, Verdict
from optlab.measures import Measure, best
from optlab.statistics import Estimate, difference, estimate, number, paired_ratio, ratio
from optlab.sweeps import labelled, results
from optlab.tasks import Drawn, Task
from optlab.train import Chunk, RateFunction
from optlab.tuning import FIRST_SEED
from optlib.rule import Rule
from optlib.table import Table

MakeTask = Callable[..., Task]
"""Gives the classification task for a seed; with `large=True` the one for a GPU."""

COVERS = "data, start, batches and tuning: every study has its own"
"""What an interval over whole studies covers."""


@dataclass(frozen=True)
class Arm:
    """One side of a trial.

    Attributes
    ----------
    rule : Rule
        The optimizer.
    grid : dict of str to tuple of float
        What is tuned: the learning rates, "lr", and other hyper-parameters; all combinations.
    schedule : callable, optional
        From `step` and `lr` to the rate of that step, such as
        `partial(linear_decay, total_steps=3000)`; default a constant rate.
    momentum : callable, optional
        From `step` to the momentum of that step, instead of a constant one.
    steps : int, optional
        Length of its runs, default as the trial says.
    options : dict of str to Any
        What the task is made with on this side.

    Raises
    ------
    ValueError
        No learning rates, or an empty grid.
    """

    rule: Rule
    grid: dict[str, tuple[float, ...]]
    schedule: RateFunction | None = None
    momentum: RateFunction | None = None
    steps: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.grid.get("lr") or not self.settings:
            raise ValueError(f"{self.rule.name}: the grid needs learning rates, and no empty list")

    @property
    def settings(self) -> list[dict[str, float]]:
        """All combinations."""
        return [
            dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())
        ]


class Comparison(Protocol):
    """What is claimed of two arms, for words and decision alike."""

    @property
    def lower(self) -> str:
        """The arm that is claimed to measure less."""

    @property
    def higher(self) -> str:
        """The other one."""

    @property
    def pair(self) -> str:
        """What is compared."""

    @property
    def counts(self) -> str:
        """When it counts as shown, and when as refuted."""

    def estimate(self, values: dict[str, np.ndarray], horizon: float | None) -> Estimate:
        """Over the studies, from each arm's numbers (studies,).

        With a `horizon`, inf is a number of steps that is known to be larger only.
        """

    def supported(self, found: Estimate) -> bool:
        """Whether the interval says so."""

    def contradicted(self, found: Estimate) -> bool:
        """Whether the interval says the opposite."""


@dataclass(frozen=True)
class Difference:
    """That `higher` measures more than `lower`, by more than `margin`."""

    lower: str
    higher: str
    margin: float = 0.0

    @property
    def pair(self) -> str:
        """What is compared."""
        return f"“{self.higher}” less “{self.lower}”"

    def estimate(self, values: dict[str, np.ndarray], horizon: float | None) -> Estimate:
        """The median over the studies of `higher` less `lower`."""
        return difference(values[self.higher], values[self.lower])

    def supported(self, found: Estimate) -> bool:
        """Whether the interval lies above the margin."""
        return found.low > self.margin

    def contradicted(self, found: Estimate) -> bool:
        """Whether it lies below."""
        return found.high < self.margin

    @property
    def counts(self) -> str:
        """When it counts as shown, and when as refuted."""
        bound = number(self.margin)
        return f"shown if the interval lies above {bound}, and as refuted if it lies below {bound}"


@dataclass(frozen=True)
class Ratio:
    """That `lower` measures less than `bound` times what `higher` does."""

    lower: str
    higher: str
    bound: float = 1.0

    @property
    def pair(self) -> str:
        """What is compared."""
        return f"“{self.lower}” divided by “{self.higher}”"

    def estimate(self, values: dict[str, np.ndarray], horizon: float | None) -> Estimate:
        """The median over the studies of `lower` to `higher`."""
        if horizon is not None:
            return paired_ratio(values[self.lower], values[self.higher], horizon)
        return ratio(values[self.lower], values[self.higher])

    def supported(self, found: Estimate) -> bool:
        """Whether the interval lies below the bound."""
        return found.high < self.bound

    def contradicted(self, found: Estimate) -> bool:
        """Whether it lies above."""
        return found.low > self.bound

    @property
    def counts(self) -> str:
        """When it counts as shown, and when as refuted."""
        bound = number(self.bound)
        return f"shown if the interval lies below {bound}, and as refuted if it lies above {bound}"


@dataclass(frozen=True)
class Scatter(Difference):
    """That what `higher` measures scatters more from study to study than what `lower` does.

    Compared are, study by study, the distances from the median of the arm.
    """

    @property
    def pair(self) -> str:
        """What is compared."""
        return f"distance from the median, {super().pair}"

    def estimate(self, values: dict[str, np.ndarray], horizon: float | None) -> Estimate:
        """The median over the studies of `higher`'s distance less `lower`'s."""
        own = {name: values[name] for name in (self.lower, self.higher)}
        with np.errstate(invalid="ignore"):
            apart = {name: np.abs(each - np.median(each)) for name, each in own.items()}
        return super().estimate(apart, horizon)


@dataclass(frozen=True)
class Outcome:
    """What the studies of one task found.

    Attributes
    ----------
    tried : dict of str to Dataset
        For each arm the runs by which settings were chosen, (seed, settings ..., step).
    chosen : dict of str to list of dict
        For each arm the chosen setting of each study.
    tests : dict of str to Dataset
        For each arm the runs that are measured, (seed, step).
    """

    tried: dict[str, xr.Dataset]
    chosen: dict[str, list[dict[str, float]]]
    tests: dict[str, xr.Dataset]

    def values(self, measure: Measure) -> dict[str, np.ndarray]:
        """For each arm a number a study."""
        return {
            name: np.array(
                [
                    measure.value(test.isel(seed=k), self.tried[name].isel(seed=k))
                    for k in range(test.sizes["seed"])
                ]
            )
            for name, test in self.tests.items()
        }


@dataclass(frozen=True)
class Trial:
    """Arms on one task or several, compared over whole studies.

    Attributes
    ----------
    tasks : dict of str to callable
        By name, what makes the task of a seed; with `large=True` the one for a GPU.
    arms : dict of str to Arm
        By what they are called the arms, with as many settings each.
    measure : Measure
        What is measured.
    claimed : tuple of Comparison
        What the claim says of the arms, on each task.
    steps : int
        Length of each run.
    records : int
        How often a run is looked at, default 20 times.
    seeds : int
        Number of studies.
    shown : tuple of Measure
        What else the table shows; no verdict rests on it.
    plotted : tuple of str
        Of which parts a card has the curves of the measured runs, default "train" and "test".
    in_range : str
        Why the test lies in the range of its source, if it does: then it can fail.
    control : Trial, optional
        The same, moved to where the source reports the effect: if it shows there, the test can
        fail here.

    Raises
    ------
    ValueError
        Arms with more settings than others, no comparison, one of an arm that is not there, or a
        number of steps that is measured among runs of different lengths.
    """

    tasks: dict[str, MakeTask]
    arms: dict[str, Arm]
    measure: Measure
    claimed: tuple[Comparison, ...]
    steps: int
    records: int = 20
    seeds: int = 10
    shown: tuple[Measure, ...] = ()
    plotted: tuple[str, ...] = ("train", "test")
    in_range: str = ""
    control: "Trial | None" = None

    def __post_init__(self) -> None:
        counts = {name: len(arm.settings) for name, arm in self.arms.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{count} for {name}" for name, count in counts.items())
            raise ValueError(f"all arms need as many settings, not {told}: equal budgets")
        if self.measure.censored and any(arm.steps for arm in self.arms.values()):
            raise ValueError("a number of steps is compared among runs of equal length only")
        if not self.claimed:
            raise ValueError("nothing is claimed of the arms: give a Difference or a Ratio")
        for each in self.claimed:
            if strange := {each.lower, each.higher} - set(self.arms):
                raise ValueError(f"there is no arm {', '.join(sorted(strange))}")

    def _every(self, steps: int) -> int:
        """Steps from one look at a run to the next."""
        return max(1, steps // self.records)

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        control = self.control.protocol(setting) if self.control else {}
        return {
            "Tasks": "; ".join(map(self._task, self.tasks))
            + f"{'; large' * setting.large}; {self.steps} steps",
            "Arms": "; ".join(self._description(name) for name in self.arms),
            "Measured": f"{self.measure.words}; a run is looked at every "
            f"{self._every(self.steps)} steps",
            "Studies": f"{setting.seeds}. Each draws its own data, tries each of "
            f"{len(next(iter(self.arms.values())).settings)} settings of an arm once, chooses by "
            f"{self.measure.chosen_by}, and measures the chosen one anew, from another start and "
            "with other batches",
            "The interval covers": COVERS,
            **({"In the range of the source": self.in_range} if self.in_range else {}),
            **{f"Control, {label.lower()}": text for label, text in control.items()},
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words, from what `decide` asks too."""
        each = " on each task" if len(self.tasks) > 1 else ""
        pairs: dict[str, list[str]] = {}
        for comparison in self.claimed:
            pairs.setdefault(comparison.counts, []).append(comparison.pair)
        said = "; ".join(
            f"{'each of ' * (len(alike) > 1)}{', '.join(alike)} counts as {counts}"
            for counts, alike in pairs.items()
        )
        fails = "none is shown, and some are refuted"
        if not self.in_range:
            fails += ", while the control shows all" if self.control else ""
        able = bool(self.in_range or self.control)
        return (
            f"Study by study the arms are compared{each}, by the 95 % interval of the median over "
            f"the studies: {said}. Holds: all are shown. Holds in part: some are. "
            + (f"Fails: {fails}. " if able else "Fails: cannot be said, as there is no control. ")
            + "Not at this scale: anything else."
        )

    def decide(self, found: list[tuple[Comparison, Estimate]], able: bool) -> Verdict:
        """The verdict; `able` says whether the test could have shown the effect."""
        verdict = Verdict.of(
            [comparison.supported(one) for comparison, one in found],
            [comparison.contradicted(one) for comparison, one in found],
        )
        return Verdict.NOT_HERE if verdict is Verdict.FAILS and not able else verdict

    def run(self, setting: Setting) -> Evidence:
        """Tune and test in every study, and compare."""
        outcomes = self.outcomes(setting)
        compared = {
            name: [(one, self._estimate(one, outcome)) for one in self.claimed]
            for name, outcome in outcomes.items()
        }
        notes, able = [], bool(self.in_range)
        if self.control:
            evidence = self.control.run(setting)
            able = able or evidence.verdict is Verdict.HOLDS
            notes.append(f"Control: {evidence.finding} {evidence.verdict.value.capitalize()}.")
        for name, outcome in outcomes.items():
            notes += self._notes(name, outcome)
        return Evidence(
            verdict=self.decide([pair for pairs in compared.values() for pair in pairs], able),
            finding=" ".join(
                f"{name}: {self.measure.name}, "
                + "; ".join(f"{one.pair}: {found}" for one, found in pairs)
                + "."
                for name, pairs in compared.items()
            ),
            table=self._table(outcomes),
            data=xr.concat(
                [self._tests(outcome) for outcome in outcomes.values()],
                xr.Variable("task", list(outcomes)),
            ),
            notes=notes,
            pictures=[
                plots.svg(plots.training_curves(self._tests(outcome), f"{part}_{self._kind}"))
                for outcome in outcomes.values()
                for part in self.plotted
            ],
        )

    def curves(self, setting: Setting) -> Curves:
        """What is measured over the steps at each rate, in the runs that were tried.

        On the first task, of the arms whose rate alone is tuned; first the rate that was chosen in
        the median study.
        """
        outcome = self._outcome(next(iter(self.tasks)), setting)
        arms = [name for name, arm in self.arms.items() if set(arm.grid) == {"lr"}]
        values = xr.concat(
            [outcome.tried[name][self.measure.metric] for name in arms],
            xr.Variable("optimizer", arms),
            join="outer",
        )
        chosen = {name: [one["lr"] for one in outcome.chosen[name]] for name in arms}
        return Curves.of(values, {name: float(np.median(lr)) for name, lr in chosen.items()})

    def outcomes(self, setting: Setting) -> dict[str, Outcome]:
        """What the studies found, by task."""
        return {name: self._outcome(name, setting) for name in self.tasks}

    def _outcome(self, name: str, setting: Setting) -> Outcome:
        grids = {arm: [one.settings] * setting.seeds for arm, one in self.arms.items()}
        tried = self._trained(name, grids, 0, setting)
        chosen = {
            arm: [best(self.measure, runs.isel(seed=k)) for k in range(setting.seeds)]
            for arm, runs in tried.items()
        }
        singles = {arm: [[one] for one in studies] for arm, studies in chosen.items()}
        return Outcome(tried, chosen, self._trained(name, singles, FIRST_SEED, setting))

    def _trained(
        self,
        name: str,
        settings: dict[str, list[list[dict[str, float]]]],
        offset: int,
        setting: Setting,
    ) -> dict[str, xr.Dataset]:
        """For each arm the runs of each study's settings: (seed, settings ..., step).

        `offset` is what start and batches add to the seed of their study: 0 for runs that are
        tried, and where it is more each study has one setting, and these make no dimensions.
        """
        chunks = {
            (arm, seed): self._chunk(name, arm, seed, studies[seed], offset, setting)
            for seed in range(setting.seeds)
            for arm, studies in settings.items()
        }
        found = results(list(chunks.values()), setting.client)
        parts: dict[str, list[xr.Dataset]] = {arm: [] for arm in settings}
        for ((arm, _), chunk), arrays in zip(chunks.items(), found, strict=True):
            axes = {} if offset else self.arms[arm].grid
            kept = {metric: values for metric, values in arrays.items() if metric != "seconds"}
            parts[arm].append(_with_errors(labelled(kept, axes, chunk.recorded)))
        return {arm: xr.concat(own, "seed") for arm, own in parts.items()}

    def _chunk(
        self,
        name: str,
        arm: str,
        seed: int,
        settings: list[dict[str, float]],
        offset: int,
        setting: Setting,
    ) -> Chunk:
        one = self.arms[arm]
        steps = one.steps or self.steps
        more = one.options | ({"large": True} if setting.large else {})
        make = partial(self.tasks[name], **more) if more else self.tasks[name]
        return Chunk(
            Drawn(name, make, seed),
            one.rule,
            {each: tuple(s[each] for s in settings) for each in one.grid},
            (seed + offset,) * len(settings),
            steps,
            self._every(steps),
            one.schedule,
            device="cuda" if setting.large else "cpu",
            momentum=one.momentum,
        )

    def _estimate(self, comparison: Comparison, outcome: Outcome) -> Estimate:
        horizon = float(self.steps) if self.measure.censored else None
        return comparison.estimate(outcome.values(self.measure), horizon)

    def _task(self, name: str) -> str:
        """What a task is called, and what its maker says of it."""
        make = self.tasks[name]
        given = _settings(make.keywords) if isinstance(make, partial) else ""
        words = getdoc(make.func if isinstance(make, partial) else make) or ""
        told = "; ".join(filter(None, [words.partition("\n")[0].rstrip("."), given]))
        return f"{name} ({told})" if told else name

    def _description(self, name: str) -> str:
        arm = self.arms[name]
        grid = ", ".join(
            f"{each} {', '.join(map(number, values))}" for each, values in arm.grid.items()
        )
        varied = {*arm.grid, *(["momentum"] if arm.momentum else [])}
        kept = {each: value for each, value in arm.rule.hyper.items() if each not in varied}
        more = [_settings(kept), _settings(arm.options), _schedule("rate", arm.schedule)]
        if arm.momentum:
            more.append(_schedule("momentum", arm.momentum))
        if arm.steps:
            more.append(f"{arm.steps} steps")
        return f"{name}: {arm.rule.name}, {grid} ({'; '.join(filter(None, more))})"

    def _notes(self, name: str, outcome: Outcome) -> Iterator[str]:
        """What a reader must know of how settings were chosen, and of diverged runs."""
        for arm, one in self.arms.items():
            rates = one.grid["lr"]
            at_edge = sum(
                setting["lr"] in (min(rates), max(rates)) for setting in outcome.chosen[arm]
            )
            if at_edge and len(rates) > 1:
                yield (
                    f"{name}: in {at_edge} of {len(outcome.chosen[arm])} studies the best rate of "
                    f"{arm} is an edge of its grid."
                )
            lost = int(outcome.tests[arm].diverged.sum())
            if lost:
                yield f"{name}: {lost} of the measured runs of {arm} diverged."

    def _table(self, outcomes: dict[str, Outcome]) -> Table:
        measures = (self.measure, *self.shown)
        rows = []
        for name, outcome in outcomes.items():
            values = [outcome.values(measure) for measure in measures]
            for arm in self.arms:
                tried = outcome.tried[arm].diverged
                rows.append(
                    (
                        f"{name}, {arm}",
                        _ranges(outcome.chosen[arm]),
                        f"{int(tried.sum())} of {tried.size}",
                        *(str(estimate(own[arm])) for own in values),
                    )
                )
        return Table(
            "Median and 95 % interval over the studies; the range of the chosen settings",
            ("task, arm", "chosen", "diverged in tuning", *(measure.name for measure in measures)),
            rows,
        )

    @property
    def _kind(self) -> str:
        """What the pictures show: what is measured, or the accuracy where that is an error."""
        return "loss" if self.measure.metric.endswith("_loss") else "accuracy"

    def _tests(self, outcome: Outcome) -> xr.Dataset:
        """The measured runs, (optimizer, seed, step); the optimizers are called as their arms."""
        arms = xr.Variable("optimizer", list(outcome.tests))
        return xr.concat(list(outcome.tests.values()), arms, join="outer")


def _with_errors(runs: xr.Dataset) -> xr.Dataset:
    """The same with each accuracy as an error in percent too; of diverged runs all is wrong.

    To four decimals, so that equal counts are equal errors.
    """
    errors = {
        str(name).replace("_accuracy", "_error"): (
            100 * (1 - values.fillna(0.0).astype(float))
        ).round(4)
        for name, values in runs.items()
        if str(name).endswith("_accuracy")
    }
    return runs.assign(errors)


def _settings(values: Mapping[str, Any]) -> str:
    """Names with their values."""
    return ", ".join(
        f"{name} = {number(value) if isinstance(value, int | float) else value}"
        for name, value in values.items()
    )


def _schedule(what: str, schedule: RateFunction | None) -> str:
    """What is said of a schedule: its name, and what it was given."""
    if schedule is None:
        return f"constant {what}"
    given = _settings(schedule.keywords) if isinstance(schedule, partial) else ""
    function = schedule.func if isinstance(schedule, partial) else schedule
    name = getattr(function, "name", None) or getattr(function, "__name__", "a schedule")
    return f"{what} by {name}" + (f" with {given}" if given else "")


def _ranges(chosen: list[dict[str, float]]) -> str:
    """From the smallest to the largest value of each setting."""
    told = []
    for name in chosen[0]:
        values = [one[name] for one in chosen]
        low, high = number(min(values)), number(max(values))
        told.append(f"{name} {low}" + (f" to {high}" if high != low else ""))
    return ", ".join(told)
