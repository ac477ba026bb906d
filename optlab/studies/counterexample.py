"""A counter-example: one optimizer goes to the worst point, another to the best one."""

from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate
from optlab.tasks import Reddi
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class CounterExample:
    """Where x in [-1, 1] ends, whose best point is -1 and whose worst is 1.

    Attributes
    ----------
    task : callable
        Gives the problem.
    misled, sound : Rule
        The claim is that at every learning rate `misled` ends nearer to the worst point than to
        the best, and that `sound` has one at which it ends nearer to the best.
    rates : tuple of float
        Learning rates, for both optimizers.
    steps : int
        Length of each run.
    every : int
        Steps from one record to the next, of no factor in common with the problem's period.
    tail : int
        How many records at the end are averaged: whole periods.
    hyper : dict of str to float
        Other hyper-parameters, for the rules that have them.
    seeds : int
        Number of seeds.
    """

    task: Callable[[], Reddi]
    misled: Rule
    sound: Rule
    rates: tuple[float, ...]
    steps: int
    every: int
    tail: int
    hyper: dict[str, float]
    seeds: int = 10

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task()
        names = f"{self.misled.name} and {self.sound.name}"
        hyper = [f"{name} = {value:g}" for name, value in self.hyper.items()]
        often = (
            f"with a probability of 1 / {task.period}"
            if task.stochastic
            else f"at every step t with t mod {task.period} = 1"
        )
        return {
            "Task": f"{task.name}: the loss of a step is {task.large:g} x {often}, and "
            f"-{task.small:g} x else, on [-1, 1], {self.steps} steps; its mean is lowest at -1",
            "Optimizers": ", ".join([names, *hyper]),
            "Measured": f"x, the mean over the last {self.tail * self.every} steps",
            "Learning rates": f"all of {', '.join(f'{rate:g}' for rate in self.rates)}",
            "Seeds": f"{setting.seeds}: where x starts"
            + (", and the draws" if task.stochastic else ""),
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        misled, sound = self.misled.name, self.sound.name
        return (
            "For each optimizer the rate counts at which the median of x over the seeds is "
            f"lowest, and there the 95 % interval. Holds: that of {misled} lies above 0 and that "
            f"of {sound} below 0. Holds in part: only one of the two. Fails: that of {misled} lies "
            f"below 0 and that of {sound} above. Not at this scale: anything else."
        )

    def decide(self, misled: Estimate, sound: Estimate) -> Verdict:
        """The verdict that follows from where the two end."""
        support = misled.low > 0, sound.high < 0
        if all(support):
            return Verdict.HOLDS
        if any(support):
            return Verdict.IN_PART
        return Verdict.FAILS if misled.high < 0 < sound.low else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Train both with every rate."""
        rules = [self.misled, self.sound]
        runs = setting.sweep(
            self.task(),
            rules,
            lr=self.rates,
            seeds=range(setting.seeds),
            steps=self.steps,
            every=self.every,
            **self.hyper,
        )
        ends = runs.x.isel(step=slice(-self.tail, None)).mean("step")
        found: dict[str, Estimate] = {}
        rows, best = [], []
        for rule in rules:
            own = {rate: estimate(ends.sel(optimizer=rule.name, lr=rate)) for rate in self.rates}
            rate = min(own, key=lambda rate: own[rate].median)
            found[rule.name] = own[rate]
            rows += [(f"{rule.name}, {rate:g}", str(value)) for rate, value in own.items()]
            best.append(runs[["x"]].sel(optimizer=[rule.name], lr=[rate]))
        # Means over whole periods, within which x goes to and fro.
        joined = xr.concat(best, "optimizer", join="outer").isel(step=slice(1, None))
        joined = joined.coarsen(step=self.tail, boundary="trim").mean()
        misled, sound = found[self.misled.name], found[self.sound.name]
        return Evidence(
            verdict=self.decide(misled, sound),
            finding=f"At its best rate {self.misled.name} ends at x = {misled}, and "
            f"{self.sound.name} at x = {sound} (median and 95 % interval; best is -1).",
            table=Table("x at the end, median and 95 % interval", ("optimizer, rate", "x"), rows),
            notes=[],
            pictures=[plots.svg(plots.training_curves(joined, "x"))],
        )
