"""Burst memory: whose effective learning rate stays down after a burst of large gradients?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate
from optlab.studies.burst_recovery import BurstRecovery
from optlab.sweeps import timed
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class BurstMemory:
    """Whether the factor before the gradient comes back, for two rules that average squares.

    Attributes
    ----------
    forgetful, mindful : Rule
        The claim is that the rate of `forgetful` comes back, and that of `mindful` does not.
    averages : tuple of float
        The values of `beta2`, rising, for both.
    hyper : mapping of str to float
        Other hyper-parameters, for both. With momentum the factor before the gradient would mean
        nothing, so that `beta1` is 0.
    burst : int
        Steps of the burst, the first ones.
    size : float
        By what the gradients of the burst are multiplied.
    share : float
        The rate is back when it is this share of the rate without the burst.
    memories : int
        Length of a run after the burst, in units of 1 / (1 - beta2).
    seeds : int
        Number of seeds.
    """

    forgetful: Rule
    mindful: Rule
    averages: tuple[float, ...]
    hyper: Mapping[str, float] = field(default_factory=lambda: {"beta1": 0.0})
    burst: int = 5
    size: float = 100.0
    share: float = 0.5
    memories: int = 20
    seeds: int = 10

    @property
    def twins(self) -> BurstRecovery:
        """What gives the runs with the burst and without."""
        return BurstRecovery(
            self.forgetful,
            self.mindful,
            self.averages,
            burst=self.burst,
            size=self.size,
            share=self.share,
            memories=self.memories,
            seeds=self.seeds,
        )

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        words = self.twins.protocol(setting)
        averages = ", ".join(f"{beta2:g}" for beta2 in self.averages)
        others = ", ".join(f"{name} = {value:g}" for name, value in self.hyper.items())
        words["Optimizers"] = (
            f"{self.forgetful.name} and {self.mindful.name}, {others}, with β₂ = {averages}, over "
            f"{self.memories} / (1 − β₂) steps after the burst"
        )
        return words

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        forgetful, mindful = self.forgetful.name, self.mindful.name
        return (
            f"95 % intervals of medians count. Two conditions: at every β₂ the whole interval of "
            f"{forgetful}'s steps is finite, so that it is back before its run ends; at every β₂ "
            f"that of {mindful}'s is infinite, so that it is not. Holds: both. Holds in part: one "
            "of the two. Fails: none. Not at this scale: never, as nothing here has a scale."
        )

    def decide(self, forgetful: list[Estimate], mindful: list[Estimate]) -> Verdict:
        """The verdict that follows from the steps of the two rules, one for each average."""
        met = [
            all(one.high < float("inf") for one in forgetful),
            all(one.low == float("inf") for one in mindful),
        ]
        if all(met):
            return Verdict.HOLDS
        return Verdict.IN_PART if any(met) else Verdict.FAILS

    def run(self, setting: Setting) -> Evidence:
        """Give both rules the same gradients, with the burst and without."""
        twins = self.twins
        names, shares = [], []
        with timed():
            for rule in (self.forgetful, self.mindful):
                for beta2 in self.averages:
                    names.append(f"{rule.name}, β₂ = {beta2:g}")
                    steps = round(self.memories / (1 - beta2))
                    shares.append(
                        twins.shares(rule, setting.seeds, steps, beta2=beta2, **self.hyper)
                    )
        found = [estimate(twins.back(share)) for share in shares]
        ends = [estimate(share[:, -1]) for share in shares]
        count = len(self.averages)
        forgetful, mindful = found[:count], found[count:]
        return Evidence(
            verdict=self.decide(forgetful, mindful),
            finding=f"With β₂ = {', '.join(f'{beta2:g}' for beta2 in self.averages)}, "
            f"{self.forgetful.name} is back after {'; '.join(map(str, forgetful))} steps, and "
            f"{self.mindful.name} after {'; '.join(map(str, mindful))} (median and 95 % "
            "interval; ∞ is never).",
            table=Table(
                f"Steps until the rate is {self.share:g} of its twin's, and its share when the "
                "run ends, median and 95 % interval",
                ("optimizer", "steps", "share at the end"),
                [
                    (name, str(one), str(end))
                    for name, one, end in zip(names, found, ends, strict=True)
                ],
            ),
            notes=[],
            pictures=[twins.picture(names, shares)],
        )
