"""Flatness: how sharply does the loss bend where an optimizer ends?

The second derivatives of the loss, its Hessian, are never written down as a matrix: the product
with a vector is a gradient of a gradient, and takes as long as a few gradients (Pearlmutter 1994).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor
from torch.func import grad

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.store import Arrays
from optlab.sweeps import results
from optlab.tasks import Classification
from optlab.tasks.task import of_kind
from optlab.train import Chunk
from optlab.tuning import Tuned, lowest_last, tune
from optlib.rule import Rule
from optlib.table import Table

Loss = Callable[[Tensor], Tensor]
"""From the parameters, (size,), to a number."""


def bending(loss: Loss, theta: Tensor) -> Callable[[Tensor], Tensor]:
    """The product with the Hessian of `loss` at `theta`: from a vector to a vector, (size,) all.

    It is the gradient of the gradient's component along the vector. (The derivative along the
    vector, by `jvp`, is quicker, but PyTorch cannot take it in two threads at once.)
    """
    return lambda vector: grad(lambda at: grad(loss)(at) @ vector)(theta)


class _Sharpness(torch.autograd.Function):
    """SciPy's answer, which is for one matrix at a time, also where PyTorch maps over all runs."""

    @staticmethod
    def forward(loss: Loss, theta: Tensor) -> Tensor:
        def product(vector: np.ndarray) -> np.ndarray:
            return bends(torch.from_numpy(vector).to(theta)).cpu().numpy()

        bends, start = bending(loss, theta), np.random.default_rng(0).normal(size=len(theta))
        if not np.isfinite(product(start)).all():  # a run that has diverged
            return theta.new_tensor(np.nan)
        hessian = LinearOperator(2 * theta.shape, product, dtype=float)
        [found] = eigsh(hessian, k=1, which="LA", v0=start, return_eigenvectors=False)
        return theta.new_tensor(found)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: it has no derivative."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, loss: Loss, theta: Tensor) -> tuple[Tensor, int]:
        return torch.stack([_Sharpness.apply(loss, one) for one in theta.unbind(in_dims[1])]), 0


def sharpness(loss: Loss, theta: Tensor) -> Tensor:
    """The largest eigenvalue of the Hessian of `loss` at `theta`, (size,): a number.

    By the Lanczos method of ARPACK, to all digits. It is not the eigenvalue of the largest size,
    which the power iteration finds, and which may be negative. nan where a run has diverged.
    """
    return _Sharpness.apply(loss, theta)


class Bent(Classification):
    """A classification of which "sharpness" is measured too.

    It is the largest eigenvalue of the Hessian of the loss on all training examples.
    """

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """As of any classification, and the sharpness."""
        bends = sharpness(lambda at: self.loss(at, *self.train), theta)
        return {**super().measure(theta), "sharpness": bends}


@dataclass(frozen=True)
class Flatness:
    """The sharpness where tuned optimizers end, and where each of them ends with a wrapper around.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    pairs : tuple of (Rule, Rule)
        An optimizer, and the one that is claimed to find flatter places.
    rates : dict of str to tuple of float
        By optimizer learning rates to choose from at first, as many for each.
    target : float
        Training loss at which all are compared as well, nats.
    steps, every : int
        Length of each run, and steps from one measurement to the next.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.
    """

    task: Callable[..., Classification]
    pairs: tuple[tuple[Rule, Rule], ...]
    rates: dict[str, tuple[float, ...]]
    target: float
    steps: int
    every: int
    seeds: int = 10
    tuning_seeds: int = 5

    @property
    def rules(self) -> list[Rule]:
        """All optimizers, pair by pair."""
        return [rule for pair in self.pairs for rule in pair]

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        rates = "; ".join(
            f"{len(grid)} from {number(grid[0])} to {number(grid[-1])} for {name}"
            for name, grid in self.rates.items()
        )
        settings = {n: v for rule in self.rules for n, v in rule.hyper.items() if n != "lr"}
        told = ", ".join(f"{name} = {value:g}" for name, value in settings.items())
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"batches of {task.batch}, {self.steps} steps",
            "Optimizers": f"{', '.join(rule.name for rule in self.rules)}; {told}",
            "Measured": "the sharpness, the largest eigenvalue of the Hessian of the loss on the "
            "whole training set: after the last step, and at the first measurement, one each "
            f"{self.every} steps, with a training loss of at most {self.target:g}",
            "Learning rates": f"each optimizer's best, {rates}, by the median validation loss at "
            f"the end over {self.tuning_seeds} seeds that the comparison does not use; if the best "
            "is an edge, all grids are widened",
            "Seeds": f"{setting.seeds}, each with equal start and equal batches in all runs",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            "The ratio of sharpnesses, with the wrapper to without, is taken seed by seed: for "
            "each inner optimizer at the end, and at equal training loss. A place is flatter if "
            "the 95 % interval of the ratio's median lies below 1, and sharper if it lies above. "
            f"Holds: all {2 * len(self.pairs)} are flatter. Holds in part: some. Fails: none, and "
            "some are sharper. Not at this scale: none is told either way."
        )

    def decide(self, ratios: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios."""
        return Verdict.of([one.high < 1 for one in ratios], [one.low > 1 for one in ratios])

    def run(self, setting: Setting) -> Evidence:
        """Tune all, then look at the places."""
        tuned = self._tune(setting)
        runs = self._runs(tuned, setting)
        sharp = {name: part["sharpness"][:, -1] for name, part in runs.items()}
        equal = {name: at_loss(part, self.target) for name, part in runs.items()}
        ratios, told = [], []
        for plain, wrapped in self.pairs:
            last, same = (ratio(part[wrapped.name], part[plain.name]) for part in (sharp, equal))
            ratios += [last, same]
            told.append(f"around {plain.name} {last} times at the end and {same} at equal loss")
        rows = [
            (
                name,
                number(tuned.best[name]["lr"]),
                f"{100 * tuned.again[name]:.0f} %",
                *(str(estimate(part[n][:, -1])) for n in ("train_loss", "test_loss", "sharpness")),
                _known(equal[name]),
            )
            for name, part in runs.items()
        ]
        return Evidence(
            verdict=self.decide(ratios),
            finding=f"The sharpness with the wrapper is {'; '.join(told)} (medians and 95 % "
            "intervals).",
            table=Table(
                "Losses in nats and sharpness, median and 95 % interval",
                (
                    "optimizer",
                    "best rate",
                    "chosen again",
                    "train loss",
                    "test loss",
                    "sharpness",
                    f"sharpness at {self.target:g}",
                ),
                rows,
            ),
            notes=tuned.notes(),
            pictures=[self._picture(runs)],
        )

    def _tune(self, setting: Setting) -> Tuned:
        return tune(
            self.task(large=setting.large),
            self.rules,
            lr=self.rates,
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=lowest_last(),
            every=self.every,
            **setting.place,
        )

    def _chunk(self, rule: Rule, tuned: Tuned, setting: Setting) -> Chunk:
        """The compared runs of an optimizer: a chunk, as a sweep cannot weigh derivatives."""
        count = setting.seeds
        return Chunk(
            of_kind(Bent, self.task(large=setting.large)),
            rule,
            {"lr": (tuned.best[rule.name]["lr"],) * count},
            tuple(range(count)),
            self.steps,
            self.every,
            device=setting.place["device"],
        )

    def _runs(self, tuned: Tuned, setting: Setting) -> dict[str, Arrays]:
        """By optimizer all that is measured, (seeds, records)."""
        chunks = [self._chunk(rule, tuned, setting) for rule in self.rules]
        found = results(chunks, setting.client)
        return dict(zip((rule.name for rule in self.rules), found, strict=True))

    def _picture(self, runs: dict[str, Arrays]) -> str:
        """Sharpness over the steps, without the start."""
        steps = sorted({*range(0, self.steps, self.every), self.steps})
        values = xr.DataArray(
            np.array([part["sharpness"][:, 1:] for part in runs.values()]),
            dims=("optimizer", "seed", "step"),
            coords={"optimizer": list(runs), "step": steps[1:]},
        )
        return plots.svg(plots.over(values, "step", "step", "sharpness", markevery=1))


def at_loss(runs: Arrays, target: float) -> np.ndarray:
    """By seed the sharpness at the first record with a training loss of at most `target`.

    `runs` are a chunk's results, (seeds, records) each. nan for a run that does not get there.
    """
    there = runs["train_loss"] <= target
    first = np.take_along_axis(runs["sharpness"], there.argmax(1)[:, None], 1)[:, 0]
    return np.where(there.any(1), first, np.nan)


def _known(values: np.ndarray) -> str:
    """The estimate, wide enough for whatever the runs that are nan may have."""
    lost = np.isnan(values)
    return str(estimate(np.where(lost, 0.0, values), np.where(lost, np.inf, values)))
