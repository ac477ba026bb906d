"""Burst recovery: when is an optimizer's effective rate back after a burst of gradients?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import chi2

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number
from optlab.sweeps import timed
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class BurstRecovery:
    """Steps until the factor before the gradient is back, for a sum and for averages of squares.

    Attributes
    ----------
    forgetful : Rule
        Averages squares, by `beta2`.
    mindful : Rule
        Adds them up.
    averages : tuple of float
        The values of `beta2`, rising.
    burst : int
        Steps of the burst, the first ones.
    size : float
        By what the gradients of the burst are multiplied.
    share : float
        The rate is back when it is this share of the rate without the burst.
    memories : int
        Length of a run after the burst, in units of 1 / (1 - beta2); the mindful rule's is the
        longest of these.
    coordinates : int
        Number of gradients at each step.
    about : float
        Steps of about the predicted number differ from it by this factor at most.
    seeds : int
        Number of seeds.
    """

    forgetful: Rule
    mindful: Rule
    averages: tuple[float, ...]
    burst: int = 5
    size: float = 100.0
    share: float = 0.5
    memories: int = 20
    coordinates: int = 256
    about: float = 1.2
    seeds: int = 10

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        averages = ", ".join(f"{beta2:g}" for beta2 in self.averages)
        return {
            "Gradients": f"{self.coordinates} independent numbers at each step, normal with mean 0 "
            f"and variance 1; those of the first {self.burst} steps are multiplied by "
            f"{self.size:g} in one run, and not in its twin",
            "Optimizers": f"{self.forgetful.name} with β₂ = {averages}, over {self.memories} / "
            f"(1 − β₂) steps after the burst, and {self.mindful.name} over the longest of these",
            "Measured": "steps from the burst until the effective learning rate, |move / gradient|,"
            f" is at least {self.share:g} of the twin's, by the median over the coordinates",
            "Seeds": f"{setting.seeds}",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            "The 95 % interval of the median number of steps is compared with the prediction, "
            "which takes the burst's squares for their typical size, for "
            f"{self.forgetful.name} with each β₂ and for {self.mindful.name}. It agrees if it lies "
            f"within a factor of {self.about:g}. Holds: all agree. Holds in part: some do. Fails: "
            "none does. Not at this scale: never, as nothing here has a scale."
        )

    def decide(self, found: list[Estimate], predicted: list[float]) -> Verdict:
        """The verdict that follows from the steps, and from their predictions."""
        agree = [
            steps / self.about <= one.low and one.high <= self.about * steps
            for one, steps in zip(found, predicted, strict=True)
        ]
        return Verdict.of(agree, [not each for each in agree])

    def run(self, setting: Setting) -> Evidence:
        """Give all rules the same gradients, with the burst and without."""
        lengths = [round(self.memories / (1 - beta2)) for beta2 in self.averages]
        settings = {f"{self.forgetful.name}, β₂ = {b:g}": {"beta2": b} for b in self.averages}
        with timed():
            shares = [
                self.shares(self.forgetful, setting.seeds, steps, **hyper)
                for steps, hyper in zip(lengths, settings.values(), strict=True)
            ]
            shares.append(self.shares(self.mindful, setting.seeds, max(lengths)))
        names = [*settings, self.mindful.name]
        found = [estimate(self.back(share)) for share in shares]
        predicted = [*map(self.predicted, self.averages), self.predicted()]
        return Evidence(
            verdict=self.decide(found, predicted),
            finding="The rate is back after "
            + "; ".join(
                f"{one} steps with {name}, where {number(due)} are predicted"
                for one, name, due in zip(found, names, predicted, strict=True)
            )
            + " (median and 95 % interval).",
            table=Table(
                f"Steps until the rate is {self.share:g} of its twin's, median and 95 % interval",
                ("optimizer", "steps", "predicted", "in units of 1 / (1 − β₂)"),
                [
                    (name, str(one), number(due), number(due * (1 - beta2)) if beta2 else "")
                    for name, one, due, beta2 in zip(
                        names, found, predicted, [*self.averages, None], strict=True
                    )
                ],
            ),
            notes=[
                "After the burst the average's "
                "excess over its twin falls as β₂^k, so that the steps grow with the logarithm of "
                f"the burst. The sum's excess stays for ever: {self.mindful.name}'s rate never "
                "rises, and its share grows only since its twin's rate falls too, so that the "
                "steps grow with the square of the burst.",
            ],
            pictures=[self.picture(names, shares)],
        )

    def shares(self, rule: Rule, seeds: int, steps: int, **hyper: float) -> np.ndarray:
        """The effective rate as a share of the twin's after the burst, (seeds, steps)."""
        full = rule.check(**hyper)
        found = np.empty((seeds, steps))
        state: dict[str, Any] = rule.init(np.zeros((2, seeds, self.coordinates)))
        for t, g in enumerate(self._gradients(seeds, steps), start=1):
            move, state = rule.update(0.0, g, state, t, full)
            if t > self.burst:
                rate = np.abs(move / g)
                found[:, t - self.burst - 1] = np.median(rate[0] / rate[1], axis=-1)
        return found

    def back(self, shares: np.ndarray) -> np.ndarray:
        """Steps after the burst until the rate is back, (seeds,); inf where it never is."""
        there = shares >= self.share
        return np.where(there.any(-1), there.argmax(-1) + 1.0, np.inf)

    def predicted(self, beta2: float | None = None) -> float:
        """Steps until the rate is back, of an average with `beta2`, or without it of a sum.

        The squares of the burst are taken for their median mean, all later ones for their mean.
        """
        # The square of the share is that of the twin's sum to the sum with the burst.
        odds = self.share**2 / (1 - self.share**2)
        excess = odds * (self.size**2 * self._typical - 1)
        if beta2 is None:
            return float((excess - 1) * self.burst)
        kept = beta2**self.burst
        return float(np.log(kept + excess * (1 - kept)) / -np.log(beta2))

    @property
    def _typical(self) -> float:
        """The median over the coordinates of the mean of a burst's squares, before it is scaled."""
        return float(chi2.median(self.burst)) / self.burst

    def _gradients(self, seeds: int, steps: int) -> Iterator[np.ndarray]:
        """For each step the gradients with the burst and without, (2, seeds, coordinates)."""
        rngs = [np.random.default_rng(seed) for seed in range(seeds)]
        for t in range(self.burst + steps):
            g = np.stack([rng.standard_normal(self.coordinates) for rng in rngs])
            yield np.stack([self.size * g if t < self.burst else g, g])

    def picture(self, names: list[str], shares: list[np.ndarray]) -> str:
        """The shares over the steps, of which some, evenly spread on a logarithmic axis."""
        parts = []
        for share in shares:
            steps = np.unique(np.geomspace(1, share.shape[1], 60).astype(int))
            parts.append(
                xr.DataArray(share[:, steps - 1], dims=("seed", "step"), coords={"step": steps})
            )
        joined = xr.concat(parts, xr.Variable("optimizer", names), join="outer")
        axes = plots.over(joined, "step", "steps after the burst", "share of the rate without it")
        axes.axhline(self.share, color="black", linewidth=0.8, zorder=1)
        return plots.svg(axes)
