"""Bias correction: how much longer are the steps of a rule that leaves it out?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number
from optlab.sweeps import timed
from optlab.tasks import Classification, one_thread
from optlab.train import follow
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class BiasCorrection:
    """The lengths of two rules' moves at the same gradients, those of a training with the first.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    corrected, uncorrected : Rule
        A rule with averages by `beta1` and `beta2` and their bias corrected, and without.
    looked : tuple of int
        The steps at which the claim is tested, rising from 1.
    margin : float
        What the factor may differ from the formula, as a share of it, default 0.01.
    seeds : int
        Number of seeds.
    """

    task: Callable[..., Classification]
    corrected: Rule
    uncorrected: Rule
    looked: tuple[int, ...]
    margin: float = 0.01
    seeds: int = 10

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        hyper = ", ".join(f"{name} = {value:g}" for name, value in self.corrected.hyper.items())
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"shuffled mini-batches of {task.batch}, {self.looked[-1]} steps",
            "Optimizers": f"{self.corrected.name} trains, {hyper}; {self.uncorrected.name} is "
            "given the same gradients with the same settings, and its moves are not made",
            "Measured": f"the length of {self.uncorrected.name}'s move over that of "
            f"{self.corrected.name}'s; a parameter that never had a gradient moves in neither",
            "Seeds": f"{setting.seeds}",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        *most, final = map(str, self.looked)
        return (
            "The factor is divided by (1 − β₁^t) / √(1 − β₂^t); the 95 % interval of the median "
            f"agrees if it is within {100 * self.margin:g} % of 1. Holds: it agrees at steps "
            f"{', '.join(most)} and {final}. Holds in part: at the first, but not at all of them. "
            f"Fails: at the first it lies outside {100 * self.margin:g} %. Not at this scale: at "
            "the first it lies partly outside."
        )

    def decide(self, off: list[Estimate]) -> Verdict:
        """The verdict that follows from the factor over the formula, at the steps looked at."""
        low, high = 1 - self.margin, 1 + self.margin
        agrees = [low <= one.low and one.high <= high for one in off]
        if all(agrees):
            return Verdict.HOLDS
        if agrees[0]:
            return Verdict.IN_PART
        outside = off[0].low > high or off[0].high < low
        return Verdict.FAILS if outside else Verdict.NOT_HERE

    def run(self, setting: Setting) -> Evidence:
        """Train, and compare the moves at each step."""
        with timed(), one_thread():
            found = self.factors(setting)
        at = np.array(self.looked)
        formula = self.formula(at)
        off = [estimate(found[:, t - 1] / f) for t, f in zip(at, formula, strict=True)]
        rows = [
            (f"{t}", str(estimate(found[:, t - 1])), number(f), str(one))
            for t, f, one in zip(at, formula, off, strict=True)
        ]
        worst = max(abs(end - 1) for one in off for end in (one.low, one.high))
        return Evidence(
            verdict=self.decide(off),
            finding=f"Without bias correction the first step is {estimate(found[:, 0])} times as "
            f"long (median and 95 % interval; the formula says {number(formula[0])}). At the steps "
            f"looked at the factor is that of the formula to {number(100 * worst)} %.",
            table=Table(
                "Length of the move without bias correction over that with it, median and 95 % "
                "interval",
                ("step", "measured", "formula", "measured over formula"),
                rows,
            ),
            notes=[self._extremes()],
            pictures=[self._picture(found)],
        )

    def factors(self, setting: Setting) -> np.ndarray:
        """By what the uncorrected move is longer, (seeds, steps)."""
        device, seeds, steps = setting.place["device"], tuple(range(setting.seeds)), self.looked[-1]
        task, hyper = self.task(large=setting.large), self.corrected.check()
        found = np.empty((len(seeds), steps))
        state: dict[str, Any] = {}
        for t, step in enumerate(follow(task, self.corrected, seeds, steps, device), start=1):
            before = state or self.uncorrected.init(step.theta)
            move, state = self.uncorrected.update(step.theta, step.g, before, t, hyper)
            found[:, t - 1] = (move.norm(dim=-1) / step.move.norm(dim=-1)).cpu()
        return found

    def formula(self, t: np.ndarray) -> np.ndarray:
        """The factor at step `t` that follows from the two corrections."""
        beta1, beta2 = (self.corrected.hyper[name] for name in ("beta1", "beta2"))
        return (1 - beta1**t) / np.sqrt(1 - beta2**t)

    def _extremes(self) -> str:
        """Where the formula is largest, and from where on it is about 1."""
        memory = 1 / (1 - self.corrected.hyper["beta2"])
        t = np.arange(1, int(20 * memory))
        formula = self.formula(t)
        last = t[np.abs(formula - 1) > 0.1][-1]
        return (
            f"By the formula the factor is largest at step {t[formula.argmax()]}, "
            f"{number(formula.max())}, and within 10 % of 1 after step {last}."
        )

    def _picture(self, found: np.ndarray) -> str:
        """Measured and predicted factor over the steps, some, evenly spread on a log axis."""
        steps = np.unique(np.geomspace(1, found.shape[1], 60).astype(int))
        both = [found[:, steps - 1], np.tile(self.formula(steps), (len(found), 1))]
        values = xr.DataArray(
            np.stack(both),
            dims=("optimizer", "seed", "step"),
            coords={"optimizer": ["measured", "(1 − β₁^t) / √(1 − β₂^t)"], "step": steps},
        )
        return plots.svg(plots.over(values, "step", "step", "factor of the move's length"))
