"""The noise floor: what a constant learning rate leaves of the loss."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch.func import grad, vmap

from optlab import plots
from optlab.bands import Curves
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number
from optlab.tasks import Classification
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class NoiseFloor:
    """How the excess training loss on the plateau depends on the learning rate.

    Attributes
    ----------
    task : callable
        Gives a task that has one optimum; with `large=True` the one for a GPU.
    rule : Rule
        The optimizer.
    rates : tuple of float
        Learning rates, falling.
    steps : int
        Length of each run; the plateau is its second half.
    every : int
        Steps from one measurement to the next.
    slope : tuple of float
        For the claim to hold, the power of the learning rate lies between these.
    drift : float
        On a plateau the last quarter differs from the third by this share at most.
    seeds : int
        Number of seeds.
    """

    task: Callable[..., Classification]
    rule: Rule
    rates: tuple[float, ...]
    steps: int
    every: int = 50
    slope: tuple[float, float] = (0.8, 1.2)
    drift: float = 0.1
    seeds: int = 12

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"L2 term {task.l2:g}, mini-batches of {task.batch}, each example drawn anew",
            "Optimizer": f"{self.rule.name}, learning rates "
            + ", ".join(f"{rate:g}" for rate in self.rates),
            "Measured": f"training loss above its minimum, the mean over the second half of "
            f"{self.steps} steps; the runs start at the minimum and so are soon on the plateau",
            "Seeds": f"{setting.seeds}, each with equal batches at every rate",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        low, high = self.slope
        return (
            "The slope of log excess loss against log learning rate is fitted seed by seed; 1 "
            "means that half the rate leaves half the excess. Holds: the 95 % interval of its "
            f"median lies within [{low:g}, {high:g}]. Holds in part: the interval reaches into "
            "that range. Fails: it lies outside. Not at this scale: there is no plateau, the last "
            f"quarter of the steps differs from the third by more than "
            f"{100 * self.drift:g} % at some rate."
        )

    def decide(self, slope: Estimate, drift: float) -> Verdict:
        """The verdict that follows from the slope and from the drift on the plateau."""
        low, high = self.slope
        if not drift <= self.drift:
            return Verdict.NOT_HERE
        if low <= slope.low and slope.high <= high:
            return Verdict.HOLDS
        return Verdict.FAILS if slope.low > high or slope.high < low else Verdict.IN_PART

    def run(self, setting: Setting) -> Evidence:
        """Measure with independent batches; then once more with shuffled epochs."""
        task = replace(self.task(large=setting.large), from_optimum=True)
        runs = self._sweep(task, setting)
        excess = self._excess(runs, task)
        quarters = np.array_split(excess[..., 1:], 4, axis=-1)
        third, last = (np.median(part.mean(-1), axis=-1) for part in quarters[2:])
        drift = float(np.abs(last / third - 1).max())
        slope, floor = self._slope(excess)
        # Epochs come to their plateau much sooner: half the steps are enough.
        epochs = replace(self, steps=self.steps // 2)
        mixed = replace(task, shuffle=True)
        shuffled, _ = self._slope(self._excess(epochs._sweep(mixed, setting), mixed))
        predicted = np.array(self.rates) / 4 * noise(task, task.optimum)
        rows = [
            (f"{rate:g}", str(estimate(level)), number(theory))
            for rate, level, theory in zip(self.rates, floor, predicted, strict=True)
        ]
        return Evidence(
            verdict=self.decide(slope, drift),
            finding=f"The slope is {slope} (median and 95 % interval): half the rate leaves "
            f"{number(0.5**slope.median)} of the excess loss. From the third quarter to the last "
            f"it changes by {number(100 * drift)} % at most.",
            table=Table(
                "Excess training loss on the plateau, median and 95 % interval",
                ("learning rate", "measured", "predicted, η tr(C) / 4"),
                rows,
            ),
            notes=[
                "The prediction comes from the covariance C of the mini-batch gradient at the "
                "minimum, with nothing fitted; it is the first order in η.",
                f"With shuffled epochs in place of independent batches the slope is {shuffled} "
                f"({epochs.steps} steps): the noise of an epoch's batches cancels in part. The "
                "theorem does not speak of that, and the verdict does not count it.",
            ],
            pictures=[self._picture(runs, task)],
        )

    def curves(self, setting: Setting) -> Curves:
        """Excess training loss, the loss above its minimum, at each rate after the first record.

        There it is zero, which a logarithmic axis cannot show.
        """
        task = replace(self.task(large=setting.large), from_optimum=True)
        loss = self._sweep(task, setting).train_loss
        return Curves.of(loss.isel(step=slice(1, None)) - _minimum(task))

    def _sweep(self, task: Classification, setting: Setting) -> xr.Dataset:
        return setting.sweep(
            task,
            self.rule,
            lr=self.rates,
            seeds=range(setting.seeds),
            steps=self.steps,
            every=self.every,
        )

    def _excess(self, runs: xr.Dataset, task: Classification) -> np.ndarray:
        """Loss above the minimum, (rates, seeds, records); the rates as the study has them."""
        loss = runs.train_loss.isel(optimizer=0).sel(lr=list(self.rates))
        return loss.transpose("lr", "seed", "step").values - _minimum(task)

    def _picture(self, runs: xr.Dataset, task: Classification) -> str:
        """The plateau against the learning rate."""
        excess = runs[["train_loss"]].isel(step=slice(runs.sizes["step"] // 2, None))
        return plots.svg(plots.sensitivity(excess - _minimum(task), "train_loss"))

    def _slope(self, excess: np.ndarray) -> tuple[Estimate, np.ndarray]:
        """Slope over the learning rates, and the plateau itself, (rates, seeds)."""
        floor = excess[..., excess.shape[-1] // 2 :].mean(-1)
        x = np.log(self.rates) - np.log(self.rates).mean()
        return estimate(x @ np.log(floor) / (x @ x)), floor


def noise(task: Classification, theta: torch.Tensor) -> float:
    """Trace of the covariance of the gradient of a mini-batch whose examples are drawn anew.

    Near the minimum, along an eigenvector of the Hessian with eigenvalue h and a gradient noise of
    variance c, SGD's parameter has the stationary variance η c / (2 h) to first order in η. The
    excess loss is h / 2 of that, η c / 4, whatever the curvature; the sum of c is the trace.
    """
    one = vmap(grad(task.loss), (None, 0, 0))
    inputs, targets = task.train
    each = one(theta, inputs[:, None], targets[:, None])
    return (each.var(dim=0, correction=0).sum() / task.batch).item()


def _minimum(task: Classification) -> float:
    return task.measure(task.optimum)["train_loss"].item()
