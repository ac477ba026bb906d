"""Rate variance: how far does an adaptive rate scatter, early in a run and at its end?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from torch.func import grad, vmap

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number
from optlab.sweeps import timed
from optlab.tasks import Classification, one_thread
from optlib.rule import Rule
from optlib.table import Table

GAUSSIAN = "Gaussian"
"""What the gradients are called that are drawn from a normal distribution."""


@dataclass(frozen=True)
class RateVariance:
    """The variance of an adaptive rate over many streams of gradients, with and without a factor.

    Attributes
    ----------
    task : callable
        Gives the task whose gradients are drawn, at its initial parameters.
    plain, rectified : Rule
        A rule with an average `v` of squares by `beta2`, corrected, and the same rule with its
        adaptive rate multiplied by a factor.
    looked : tuple of int
        The steps at which the claim is tested, rising.
    steps : int
        The step that counts as the end.
    beta2 : float
        Decay rate of the average.
    streams : int
        How many independent streams of gradients the variance is taken over.
    parameters : int
        How many parameters of the task are followed, drawn from those that have a gradient.
    kept, larger : float
        By what factor a variance may differ from the one at the end and count as kept, and by what
        factor the plain rule's must exceed it.
    seeds : int
        Number of seeds.
    """

    task: Callable[..., Classification]
    plain: Rule
    rectified: Rule
    looked: tuple[int, ...]
    steps: int
    beta2: float
    streams: int = 128
    parameters: int = 16
    kept: float = 2.0
    larger: float = 10.0
    seeds: int = 10

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        return {
            "Gradients": f"independent normal ones of mean 0; and those of {task.name} at its "
            f"initial parameters, which stay as they are, for mini-batches of {task.batch} drawn "
            f"anew with replacement, {self.parameters} parameters that have a gradient",
            "Optimizers": f"{self.plain.name} and {self.rectified.name}, β₂ = {self.beta2:g}, "
            "ε = 0",
            "Measured": f"the variance of the adaptive rate over {self.streams} independent "
            f"streams, over that of {self.plain.name} at step {self.steps}, parameter by "
            "parameter; of these ratios the median over the parameters. The adaptive rate of "
            f"{self.plain.name} is 1/√v̂; that of {self.rectified.name} is this times the ratio of "
            "their moves",
            "Seeds": f"{setting.seeds}: other streams, initial parameters and followed parameters",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        steps = ", ".join(map(str, self.looked))
        first = self.looked[0]
        return (
            f"Steps {steps} are looked at. The variance counts as kept at a step if the 95 % "
            f"interval of the ratio's median lies within 1/{self.kept:g} and {self.kept:g}, and as "
            f"far larger if it lies above {self.larger:g}. A kind of gradients supports the claim "
            f"if {self.rectified.name}'s is kept at all steps, and in part if at more than half of "
            f"them; both only if {self.plain.name}'s is far larger at step {first}. Holds: both "
            "kinds support it. Holds in part: both or one support it at least in part. Fails: "
            "neither."
        )

    def decide(self, plain: list[Estimate], rectified: list[list[Estimate]]) -> Verdict:
        """The verdict that follows from the ratios, a kind of gradients after the other.

        Of the plain rule the ratio at the first step looked at, of the other one at all of them.
        """
        shares = [
            np.mean([self._kept(one) for one in ratios]) if first.low > self.larger else 0.0
            for first, ratios in zip(plain, rectified, strict=True)
        ]
        if all(share == 1 for share in shares):
            return Verdict.HOLDS
        return Verdict.IN_PART if any(share > 0.5 for share in shares) else Verdict.FAILS

    def run(self, setting: Setting) -> Evidence:
        """Follow both kinds of gradients."""
        task = self.task(large=setting.large)
        with timed(), one_thread():
            ratios = {kind: self.ratios(kind, setting) for kind in (GAUSSIAN, task.name)}
        found = {
            kind: [[estimate(at) for at in side.T] for side in sides]
            for kind, sides in ratios.items()
        }
        factors = self.factors()
        rows = [
            (kind, str(t), number(factors[t - 1]), *(str(side[k]) for side in sides))
            for kind, sides in found.items()
            for k, t in enumerate(self.looked)
        ]
        told = "; ".join(
            f"{kind}: {first} times at step {self.looked[0]} without rectification, {own} times "
            f"with it, and kept at {sum(map(self._kept, rectified))} of {len(rectified)} steps"
            for kind, ((first, *_), (own, *_)), rectified in (
                (kind, sides, sides[1]) for kind, sides in found.items()
            )
        )
        return Evidence(
            verdict=self.decide(
                [sides[0][0] for sides in found.values()], [sides[1] for sides in found.values()]
            ),
            finding=f"Variance over that at the end, {told} (median and 95 % interval).",
            table=Table(
                f"Variance of the adaptive rate over that at step {self.steps}, median and 95 % "
                "interval",
                ("gradients", "step", "factor r", self.plain.name, self.rectified.name),
                rows,
            ),
            notes=[],
            pictures=[self._picture(sides) for sides in ratios.values()],
        )

    def ratios(self, kind: str, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
        """Variances over that at the end, plain and rectified, each (seeds, steps looked at)."""
        squares = self.factors() ** 2
        plain = np.array(
            [self._ratios(self._gradients(kind, seed, setting)) for seed in range(setting.seeds)]
        )
        return plain, plain * squares[np.array(self.looked) - 1]

    def factors(self) -> np.ndarray:
        """What the adaptive rate is multiplied by, the ratio of the two moves, (steps,)."""
        hyper = {"lr": 1.0, "beta2": self.beta2, "eps": 0.0}
        moves = [
            rule.record([1.0] * self.steps, 0.0, self.steps, **hyper)["move"]
            for rule in (self.plain, self.rectified)
        ]
        return np.divide(moves[1], moves[0])

    def _ratios(self, gradients: Iterator[np.ndarray]) -> np.ndarray:
        """From gradients (streams, parameters) step by step the plain rule's, (steps looked at,)"""
        hyper = self.plain.check(beta2=self.beta2, eps=0.0)
        spread, state, theta = {}, None, None
        with np.errstate(divide="ignore", invalid="ignore"):
            for t, g in enumerate(gradients, start=1):
                theta = np.zeros_like(g) if theta is None else theta
                state = self.plain.init(theta) if state is None else state
                _, state = self.plain.update(theta, g, state, t, hyper)
                if t in self.looked or t == self.steps:
                    rate = 1 / np.sqrt(state["v"] / (1 - self.beta2**t))
                    # A rate that is infinite in one stream has no variance.
                    spread[t] = np.where(np.isinf(rate).any(axis=0), np.inf, rate.var(axis=0))
        ratios = [spread[t] / spread[self.steps] for t in self.looked]
        return np.median(ratios, axis=1)

    def _gradients(self, kind: str, seed: int, setting: Setting) -> Iterator[np.ndarray]:
        """Gradients of each step, (streams, parameters)."""
        rng = np.random.default_rng(seed)
        if kind == GAUSSIAN:
            for _ in range(self.steps):
                yield rng.normal(size=(self.streams, self.parameters))
            return
        task = self.task(large=setting.large)
        single = self._examples(task, seed, rng)
        for _ in range(self.steps):
            drawn = rng.integers(len(single), size=(self.streams, task.batch))
            yield single[drawn].mean(axis=1)

    def _examples(self, task: Classification, seed: int, rng: np.random.Generator) -> np.ndarray:
        """Gradients of the single training examples at the start, (examples, parameters)."""
        inputs, targets = task.train
        gradient = vmap(grad(task.loss), in_dims=(None, 0, 0))
        found = gradient(task.start(seed), inputs[:, None], targets[:, None]).numpy()
        alive = np.flatnonzero((found != 0).any(axis=0))
        return found[:, rng.choice(alive, self.parameters, replace=False)]

    def _kept(self, one: Estimate) -> bool:
        return one.low >= 1 / self.kept and one.high <= self.kept

    def _picture(self, sides: tuple[np.ndarray, np.ndarray]) -> str:
        """Both variances over the steps looked at."""
        values = xr.DataArray(
            np.stack(sides),
            dims=("optimizer", "seed", "step"),
            coords={
                "optimizer": [self.plain.name, self.rectified.name],
                "step": list(self.looked),
            },
        )
        return plots.svg(plots.over(values, "step", "step", "variance over that at the end"))
