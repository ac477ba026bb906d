"""Scale invariance: does it matter by what the loss is multiplied?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, ratio
from optlab.tasks import Classification, Task
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True, eq=False)
class Scaled(Task):
    """A task whose loss is multiplied by a constant; what is measured is not.

    Runs with different constants are trained together: with n constants, those of the task's seed
    k are the runs n k to n k + n - 1.

    Attributes
    ----------
    task : Task
        The task.
    factors : tuple of float
        The constants.
    """

    task: Task
    factors: tuple[float, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        """The task's name and the constants."""
        return f"{self.task.name}-times-{'-'.join(f'{factor:g}' for factor in self.factors)}"

    @property
    def dtype(self) -> torch.dtype:  # type: ignore[override]
        """That of the task."""
        return self.task.dtype

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.task.size

    def start(self, seed: int) -> Tensor:
        """The task's initial parameters."""
        return self.task.start(seed // len(self.factors))

    def draws(self, seed: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        """What the task draws, and the constant."""
        seed, i = divmod(seed, len(self.factors))
        for drawn in self.task.draws(seed, steps):
            yield *drawn, np.array(self.factors[i])

    def arguments(self, *draws: Tensor) -> tuple[Tensor, ...]:
        """What the task makes of its draws, and the constant."""
        *drawn, factor = draws
        return *self.task.arguments(*drawn), factor.to(self.dtype)

    def loss(self, theta: Tensor, *arguments: Tensor) -> Tensor:
        """The constant times the task's loss."""
        *own, factor = arguments
        return factor * self.task.loss(theta, *own)

    def project(self, theta: Tensor) -> Tensor:
        """Where the task brings the parameters."""
        return self.task.project(theta)

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """What the task measures, nothing multiplied."""
        return self.task.measure(theta)

    def to(self, device: str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """The same task on `device` with numbers of `dtype`."""
        return replace(self, task=self.task.to(device, dtype))


@dataclass(frozen=True)
class ScaleInvariance:
    """The training loss at the end when the loss that is trained on is multiplied by constants.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    kept, changed : Rule
        The claim is that the constant does not matter to `kept`, and does to `changed`.
    rates : dict of str to float
        Learning rate by optimizer.
    factors : tuple of float
        The constants, rising; 1 is not among them, all are compared to it.
    steps : int
        Length of each run.
    margin : float
        By what share the loss may change and count as kept, default 0.01.
    seeds : int
        Number of seeds.
    remark : str
        What else a reader should know of the constants.
    """

    task: Callable[..., Classification]
    kept: Rule
    changed: Rule
    rates: dict[str, float]
    factors: tuple[float, ...]
    steps: int
    margin: float = 0.01
    seeds: int = 10
    remark: str = ""

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        told = []
        for rule in (self.kept, self.changed):
            hyper = {**rule.hyper, "lr": self.rates[rule.name]}
            told.append(f"{rule.name} ({', '.join(f'{n} = {v:g}' for n, v in hyper.items())})")
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"shuffled mini-batches of {task.batch}, {self.steps} steps",
            "Optimizers": " and ".join(told),
            "Measured": "the loss on the whole training set after the last step, not multiplied, "
            "over that of the run with c = 1; the loss that is trained on is multiplied by c = "
            + ", ".join(f"{factor:g}" for factor in self.factors),
            "Seeds": f"{setting.seeds}, each with equal start and equal batches at every c",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        kept, changed = self.kept.name, self.changed.name
        return (
            "The ratio of losses is taken seed by seed. It is kept at a c if the 95 % interval of "
            f"its median lies within [{1 - self.margin:g}, {1 + self.margin:g}], and changed if it "
            f"lies outside. Holds: {kept}'s is kept and {changed}'s is changed at every c. Holds "
            f"in part: {kept}'s is kept at some c, and {changed}'s is changed at every c. Fails: "
            f"{kept}'s is changed at every c, or {changed}'s is kept at every c. Not at this "
            "scale: anything else."
        )

    def decide(self, kept: list[Estimate], changed: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios of the two, one for each constant."""
        sound = [self._kept(one) for one in kept]
        if all(map(self._changed, kept)) or all(map(self._kept, changed)):
            return Verdict.FAILS
        if not (any(sound) and all(map(self._changed, changed))):
            return Verdict.NOT_HERE
        return Verdict.HOLDS if all(sound) else Verdict.IN_PART

    def run(self, setting: Setting) -> Evidence:
        """Train both with every constant."""
        rules = [self.kept, self.changed]
        ends = self._ends(setting)
        ratios = {
            rule.name: [ratio(ends[c][rule.name], ends[1.0][rule.name]) for c in self.factors]
            for rule in rules
        }
        kept, changed = (ratios[rule.name] for rule in rules)
        rows = [
            (f"{c:g}", *map(str, row))
            for c, *row in zip(self.factors, *ratios.values(), strict=True)
        ]
        count = len(self.factors)
        return Evidence(
            verdict=self.decide(kept, changed),
            finding=f"{self.kept.name}'s final training loss stays within "
            f"{100 * self.margin:g} % at {sum(map(self._kept, kept))} of {count} constants, and "
            f"{self.changed.name}'s at {sum(map(self._kept, changed))} of {count}; at c = "
            f"{self.factors[0]:g} {self.kept.name} ends at {kept[0]} times the loss, and at "
            f"{self.factors[-1]:g} at {kept[-1]} times (median and 95 % interval).",
            table=Table(
                "Final training loss over that with c = 1, median and 95 % interval",
                ("c", *(rule.name for rule in rules)),
                rows,
            ),
            notes=[self.remark] if self.remark else [],
            pictures=[self._picture(ends)],
        )

    def _kept(self, one: Estimate) -> bool:
        return 1 - self.margin <= one.low and one.high <= 1 + self.margin

    def _changed(self, one: Estimate) -> bool:
        return one.high < 1 - self.margin or one.low > 1 + self.margin

    def _ends(self, setting: Setting) -> dict[float, dict[str, np.ndarray]]:
        """By constant and optimizer the training loss after the last step, (seeds,)."""
        factors = (1.0, *self.factors)
        task = replace(self.task(large=setting.large), parts=("train",))
        runs = setting.sweep(
            Scaled(task, factors),
            [self.kept, self.changed],
            lr={name: [rate] for name, rate in self.rates.items()},
            seeds=range(setting.seeds * len(factors)),
            steps=self.steps,
            every=self.steps,
        )
        final = runs.train_loss.isel(step=-1)
        losses = {
            name: final.sel(optimizer=name, lr=rate).values.reshape(-1, len(factors)).T
            for name, rate in self.rates.items()
        }
        return {c: {n: loss[i] for n, loss in losses.items()} for i, c in enumerate(factors)}

    def _picture(self, ends: dict[float, dict[str, np.ndarray]]) -> str:
        """The final loss over the constant."""
        names = [self.kept.name, self.changed.name]
        factors = sorted(ends)
        loss = [[ends[factor][name] for factor in factors] for name in names]
        values = xr.DataArray(
            np.array(loss),
            dims=("optimizer", "c", "seed"),
            coords={"optimizer": names, "c": factors},
        )
        label = "factor of the loss, c"
        return plots.svg(plots.over(values, "c", label, "final training loss", markevery=1))
