"""Decay and rate: does moving the one call for another value of the other?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.tasks import Classification
from optlab.tuning import FIRST_SEED, last
from optlib.rule import Rule
from optlib.schedules import sgdr
from optlib.table import Table

LEVELS = (1.02, 1.1, 1.3, 2.0)
"""The lines of a map, in units of its lowest loss."""


@dataclass(frozen=True)
class DecayCoupling:
    """What it costs to keep the decay when the learning rate moves, with L2 and decoupled.

    The decoupled rule is judged twice. In the libraries' form its `weight_decay`, which the rate
    multiplies, is kept; in the paper's form the product of the two is.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    coupled, decoupled : Rule
        The decay in the gradient, and beside the step times the rate; `weight_decay` in both.
    rates : tuple of float
        Peaks of a cosine that ends at 0, for both, rising, a factor of `factor` among them.
    decays : dict of str to tuple of float
        By rule the values of `weight_decay`, rising, as many for both.
    steps : int
        Length of each run.
    factor : float
        By how much the best rate is divided and multiplied, default 4.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which decay and rate are chosen.

    Raises
    ------
    ValueError
        More decays for one of the two, or no rate that can be moved within the grid.
    """

    task: Callable[..., Classification]
    coupled: Rule
    decoupled: Rule
    rates: tuple[float, ...]
    decays: dict[str, tuple[float, ...]]
    steps: int
    factor: float = 4.0
    seeds: int = 20
    tuning_seeds: int = 5

    def __post_init__(self) -> None:
        one, other = (len(self.decays[rule.name]) for rule in (self.coupled, self.decoupled))
        if one != other:
            raise ValueError(f"both rules need as many decays, not {one} and {other}")
        if not self._inner:
            raise ValueError(f"no rate of the grid can be moved by {self.factor:g} within it")

    @property
    def _inner(self) -> list[float]:
        """The rates that have others of the grid at `factor` to both sides."""
        return [
            rate
            for rate in self.rates
            if all(np.isclose(self.rates, moved).any() for moved in self._moved(rate))
        ]

    def _moved(self, rate: float) -> tuple[float, float]:
        return rate / self.factor, rate * self.factor

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        decays = "; ".join(
            f"{rule.name}, {len(self.decays[rule.name])} decays from "
            f"{number(self.decays[rule.name][0])} to {number(self.decays[rule.name][-1])}"
            for rule in (self.coupled, self.decoupled)
        )
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"batches of {task.batch}, {self.steps} steps, the rate a cosine from its peak to 0",
            "Optimizers": f"{self.coupled.name}, with the decay in the gradient; "
            f"{self.decoupled.name}, in the libraries' form, whose decay is multiplied by the "
            "rate, and in the paper's, where it is multiplied by the schedule alone",
            "Measured": f"the best peak is divided and multiplied by {self.factor:g}. The cost of "
            "keeping the decay is the test loss at the end with the decay of the best peak, over "
            "that with the best decay of the new peak, seed by seed; the worse of the two",
            "Settings": f"by the median validation loss at the end over {self.tuning_seeds} seeds "
            f"that the comparison does not use, of {len(self.rates)} peaks from "
            f"{number(self.rates[0])} to {number(self.rates[-1])} for both; {decays}. The best "
            "peak is one whose new ones are in the grid too",
            "Seeds": f"{setting.seeds}, each with equal start and equal batches in all runs",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"The ratio of the costs, {self.coupled.name} to {self.decoupled.name}, is taken seed "
            f"by seed, for each form of {self.decoupled.name}. A form is supported if the 95 % "
            "interval of the ratio's median lies above 1, and contradicted if it lies below. "
            "Holds: both forms are supported. Holds in part: one. Fails: none, and some are "
            "contradicted. Not at this scale: no form is told either way."
        )

    def decide(self, ratios: Sequence[Estimate]) -> Verdict:
        """The verdict that follows from the ratios, one for each form."""
        return Verdict.of([one.low > 1 for one in ratios], [one.high < 1 for one in ratios])

    def map(self, rule: Rule, setting: Setting) -> xr.DataArray:
        """The median validation loss at the end, (lr, weight_decay), over the tuning seeds."""
        task = replace(self.task(large=setting.large), parts=("train", "validation"))
        drawn = range(FIRST_SEED, FIRST_SEED + self.tuning_seeds)
        decays = self.decays[rule.name]
        runs = self._runs(task, rule, drawn, setting, lr=self.rates, weight_decay=decays)
        return last(runs.validation_loss).median("seed")

    def run(self, setting: Setting) -> Evidence:
        """Choose decays and rates, then move the rates and keep the decays."""
        rules = self.coupled, self.decoupled
        maps = {rule.name: self.map(rule, setting) for rule in rules}
        costs: dict[str, np.ndarray] = {}
        kept: dict[str, list[np.ndarray]] = {}
        rows, notes = [], []
        for rule in rules:
            losses = maps[rule.name]
            rate = float(losses.sel(lr=self._inner).min("weight_decay").idxmin())
            decay = _best(losses, rate)
            ends = self._ends(rule, rate, decay, setting)
            rows.append(self._row(rule, "best", rate, decay, ends))
            for moved in self._moved(rate):
                own = _best(losses, moved)
                if own in (self.decays[rule.name][0], self.decays[rule.name][-1]):
                    notes.append(
                        f"{rule.name}: at the peak {number(moved)} the best decay, {number(own)}, "
                        "is an edge of its grid."
                    )
                best = self._ends(rule, moved, own, setting)
                rows.append(self._row(rule, "own decay", moved, own, best))
                for form in self._forms(rule):
                    held = decay * rate / moved if form == PAPER else decay
                    ends = self._ends(rule, moved, held, setting)
                    cost = str(ratio(ends, best))
                    rows.append(self._row(rule, f"kept, {form}", moved, held, ends, cost))
                    with np.errstate(invalid="ignore"):
                        kept.setdefault(form, []).append(ends / best)
        for form, parts in kept.items():
            costs[form] = np.max(parts, axis=0)
        ratios = [ratio(costs[GRADIENT], costs[form]) for form in (LIBRARIES, PAPER)]
        return Evidence(
            verdict=self.decide(ratios),
            finding=f"Keeping the decay costs a factor of {estimate(costs[GRADIENT])} in test loss "
            f"with {self.coupled.name}, and with {self.decoupled.name} {estimate(costs[LIBRARIES])}"
            f" in the libraries' form and {estimate(costs[PAPER])} in the paper's; the ratios are "
            f"{ratios[0]} and {ratios[1]} (median and 95 % interval).",
            table=Table(
                "Test loss at the end in nats, and the cost of keeping the decay at this peak "
                "alone; median and 95 % interval",
                ("optimizer", "decay", "peak rate", "times the rate", "test loss", "cost"),
                rows,
            ),
            notes=notes,
            pictures=[plots.svg(self.picture(maps))],
        )

    def _forms(self, rule: Rule) -> tuple[str, ...]:
        return (GRADIENT,) if rule is self.coupled else (LIBRARIES, PAPER)

    def _row(
        self, rule: Rule, how: str, rate: float, decay: float, ends: np.ndarray, cost: str = ""
    ) -> tuple[str, ...]:
        shown = number(decay), number(rate), number(rate * decay), str(estimate(ends))
        return f"{rule.name}, {how}", *shown, cost

    def _ends(self, rule: Rule, rate: float, decay: float, setting: Setting) -> np.ndarray:
        """The test losses at the end, (seeds,)."""
        task, seeds = self.task(large=setting.large), range(setting.seeds)
        runs = self._runs(task, rule, seeds, setting, lr=rate, weight_decay=decay)
        return last(runs.test_loss).values.ravel()

    def _runs(
        self, task: Classification, rule: Rule, seeds: range, setting: Setting, **hyper: Any
    ) -> xr.Dataset:
        found = setting.sweep(
            task,
            rule,
            seeds=seeds,
            steps=self.steps,
            every=max(1, self.steps // 10),
            schedule=partial(sgdr, period=self.steps),
            **hyper,
        )
        assert isinstance(found, xr.Dataset)
        return found.isel(optimizer=0)

    def picture(self, maps: dict[str, xr.DataArray]) -> Any:
        """The maps side by side, that of the decoupled rule in both forms; the first axes.

        Lines join equal losses, in units of the map's lowest; a dot is the best decay of its rate,
        hollow where that is an edge of the grid; the large one is the best of all.
        """
        coupled, decoupled = (maps[rule.name] for rule in (self.coupled, self.decoupled))
        drawn = (
            (self.coupled.name, "γ", coupled, np.ones_like(coupled.lr)),
            (f"{self.decoupled.name}, libraries", "γ", decoupled, np.ones_like(decoupled.lr)),
            (f"{self.decoupled.name}, paper", "η γ", decoupled, decoupled.lr.values),
        )
        _, (first, *others) = plt.subplots(1, 3, figsize=(7.2, 3.2), layout="constrained")
        said = []
        for axes, (name, label, losses, factors) in zip((first, *others), drawn, strict=True):
            losses = losses.transpose("lr", "weight_decay")
            lowest = float(losses.min())
            values = np.minimum(losses.values / lowest, 10.0)
            decays = losses.weight_decay.values * factors[:, None]
            rates = np.broadcast_to(losses.lr.values[:, None], decays.shape)
            for level, alpha in zip(LEVELS, (0.5, 0.3, 0.18, 0.1), strict=True):
                area = {"levels": [0, level], "colors": [plots.COLOURS[0]], "alpha": alpha}
                axes.contourf(decays, rates, values, **area)
            lines = axes.contour(decays, rates, values, levels=LEVELS, colors="k", linewidths=0.7)
            axes.clabel(lines, fontsize=7)
            columns = values.argmin(axis=1)
            best = decays[range(len(values)), columns]
            edge = (columns == 0) | (columns == values.shape[1] - 1)
            dots: dict[str, Any] = {"marker": "o", "color": "k", "linestyle": ""}
            dots |= {"clip_on": False, "in_layout": False}  # whole at the edge too
            axes.plot(best[~edge], losses.lr[~edge], markersize=4, **dots)
            axes.plot(best[edge], losses.lr[edge], markersize=4, markerfacecolor="w", **dots)
            top = int(values.min(axis=1).argmin())
            axes.plot(best[top], losses.lr[top], markersize=9, **dots)
            axes.set(xscale="log", yscale="log", xlabel=f"decay {label}", title=name)
            axes.title.set_fontsize(9)
            told = f" At {edge.sum()} of the rates it is an edge of the grid." if edge.any() else ""
            said.append(
                f"{name}: lowest {number(lowest)} at η = {number(float(losses.lr[top]))} and decay "
                f"{number(best[top])}; the best decay is {number(best[0])} at the lowest rate and "
                f"{number(best[-1])} at the highest.{told}"
            )
        first.set_ylabel("peak rate η")
        first.set_label("Validation loss by decay and rate. " + " ".join(said))
        for axes in others:
            axes.set_label("")
        return first


GRADIENT = "in the gradient"
LIBRARIES = "libraries' form"
PAPER = "paper's form"


def _best(losses: xr.DataArray, rate: float) -> float:
    """The decay with the lowest loss at a rate of the grid."""
    return float(losses.sel(lr=rate, method="nearest").idxmin("weight_decay"))
