"""A race: does one optimizer reach a training loss in fewer steps than another?"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optlib.lab.card import Evidence, Verdict
from optlib.lab.display import Table
from optlib.lab.statistics import Estimate, estimate, number, paired_ratio, steps_to
from optlib.lab.sweeps import Curves, Sweep, sweep
from optlib.rule import Rule
from optlib.tasks import Task

FIRST_TUNING_SEED = 1_000_000
"""The seeds of the comparison are counted from 0 and end before this, those of the tuning begin."""


@dataclass(frozen=True)
class Race:
    """Two optimizers, each with its own best learning rate, on their way to a training loss.

    Attributes
    ----------
    task : callable
        Gives the task.
    rival, champion : Rule
        The claim is that `champion` needs fewer steps than `rival`.
    rates : tuple of float
        Learning rates to choose from, for each optimizer the same; rising.
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
    """

    task: Callable[[], Task]
    rival: Rule
    champion: Rule
    rates: tuple[float, ...]
    target: float
    steps: int
    hyper: dict[str, float] = field(default_factory=dict)
    margin: float = 0.1
    seeds: int = 20
    tuning_seeds: int = 10
    remark: str = ""

    def protocol(self, seeds: int) -> dict[str, str]:
        """The settings in words."""
        task = self.task()
        rates = f"{self.rates[0]:g} to {self.rates[-1]:g}"
        hyper = ", ".join(f"{name} = {value:g}" for name, value in self.hyper.items())
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"shuffled mini-batches of {task.batch}, {self.steps} steps",
            "Optimizers": f"{self.rival.name} and {self.champion.name}"
            + (f", {hyper}" if hyper else ""),
            "Measured": f"steps until the loss on the whole training set is at most "
            f"{self.target:g}, looked at after every step"
            + (f"; {self.remark}" if self.remark else ""),
            "Learning rates": f"each optimizer's best of the same {len(self.rates)}, {rates}, by "
            f"the median steps over {self.tuning_seeds} seeds that the comparison does not use, "
            "looked at after every second step",
            "Seeds": f"{seeds}, each a pair of runs with equal start and equal batches",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"The ratio of steps, {self.champion.name} to {self.rival.name}, is taken seed by "
            "seed. Holds: the 95 % interval of its median lies below 1 and the median is at most "
            f"{1 - self.margin:g}. Holds in part: the interval lies below 1, but the median above "
            f"{1 - self.margin:g}. Fails: the interval lies above 1. Not at this scale: the "
            "interval holds 1, the runs do not tell the two apart."
        )

    def decide(self, ratio: Estimate) -> Verdict:
        """The verdict that follows from the ratio of steps."""
        if ratio.high < 1:
            return Verdict.HOLDS if ratio.median <= 1 - self.margin else Verdict.IN_PART
        return Verdict.FAILS if ratio.low > 1 else Verdict.NOT_HERE

    def run(self, seeds: int, device: str) -> Evidence:
        """Tune and compare; then once more with all examples in every batch, as theory has it.

        Raises
        ------
        ValueError
            So many seeds that the comparison would meet those of the tuning.
        """
        task = self.task()
        ratio, rows, edges = self._heat(task, seeds, self.tuning_seeds, self.steps, device)
        whole = replace(task, batch=task.examples)
        aside = {"seeds": 10, "tuning_seeds": 3, "steps": self.steps // 2}
        whole_ratio, whole_rows, whole_edges = self._heat(whole, **aside, device=device)
        note = (
            f"With all {whole.examples} examples in every batch, nothing random but the start, "
            f"the ratio is {whole_ratio} ({aside['seeds']} seeds, {aside['tuning_seeds']} for "
            f"tuning, {aside['steps']} steps); the verdict does not count this."
        )
        return Evidence(
            verdict=self.decide(ratio),
            finding=f"{self.champion.name} takes {ratio} times the steps of {self.rival.name} "
            "(median and 95 % interval).",
            table=Table(
                f"Steps to a training loss of {self.target:g}, median and 95 % interval",
                ("optimizer, batch", "best rate", "steps", "arrived"),
                rows + whole_rows,
            ),
            notes=[note, *edges, *whole_edges],
        )

    def curves(self, seeds: int, device: str) -> Curves:
        """Training loss over the steps at each rate, every fourth step; first the tuned rates."""
        task, rules = self.task(), (self.rival, self.champion)
        runs = sweep(
            task,
            rules,
            lr=self.rates,
            seeds=_compared(seeds),
            steps=self.steps,
            every=4,
            device=device,
            **self.hyper,
        )
        first = [self._tune(task, r, self.tuning_seeds, self.steps, device) for r in rules]
        return runs.curves(tuple(first))

    def best(self, tuning: Sweep) -> int:
        """Which rate of a sweep of one optimizer arrives first, by the median over the seeds.

        Of rates that arrive together, or not at all, the one with the lowest last loss.
        """
        arrival = np.median(steps_to(tuning.loss[0], tuning.steps, self.target), axis=-1)
        last = np.median(tuning.loss[0, ..., -1], axis=-1)
        return int(np.lexsort((last, arrival))[0])

    def _own(self, rule: Rule) -> dict[str, Any]:
        """Those of the other hyper-parameters that the rule has."""
        return {name: value for name, value in self.hyper.items() if name in rule.hyper}

    def _tune(self, task: Task, rule: Rule, tuning_seeds: int, steps: int, device: str) -> int:
        """Index of the rule's best rate on seeds that no comparison uses."""
        return self.best(
            sweep(
                task,
                rule,
                lr=self.rates,
                seeds=range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + tuning_seeds),
                steps=steps,
                every=2,
                device=device,
                **self._own(rule),
            )
        )

    def _heat(
        self, task: Task, seeds: int, tuning_seeds: int, steps: int, device: str
    ) -> tuple[Estimate, list[tuple[str, str, str, str]], list[str]]:
        """Tune on some seeds and compare on others: the ratio, a row an optimizer, warnings."""
        compared = _compared(seeds)
        arrivals, rows, edges = [], [], []
        for rule in (self.rival, self.champion):
            best = self._tune(task, rule, tuning_seeds, steps, device)
            if best in (0, len(self.rates) - 1):
                edges.append(
                    f"The best rate of {rule.name} with batches of {task.batch} is the edge of its "
                    "grid: a wider one may serve it better."
                )
            runs = sweep(
                task,
                rule,
                lr=[self.rates[best]],
                seeds=compared,
                steps=steps,
                device=device,
                **self._own(rule),
            )
            arrival = steps_to(runs.loss[0, 0], runs.steps, self.target)
            arrived = np.isfinite(arrival).sum()
            rows.append(
                (
                    f"{rule.name}, {task.batch}",
                    number(self.rates[best]),
                    str(estimate(arrival)),
                    f"{arrived} of {seeds}",
                )
            )
            arrivals.append(arrival)
        return paired_ratio(arrivals[1], arrivals[0], steps), rows, edges


def _compared(seeds: int) -> range:
    """The seeds of the comparison, none of which the tuning uses."""
    if seeds > FIRST_TUNING_SEED:
        raise ValueError(
            f"seeds = {seeds}, but at most {FIRST_TUNING_SEED} can be compared: from there on the "
            "seeds are those by which the learning rates are chosen"
        )
    return range(seeds)
