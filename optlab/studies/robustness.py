"""Robustness: how much worse does an optimizer end when one of its settings is off?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, ratio
from optlab.tasks import Classification
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.table import Table

SEED = "seed"
"""What is varied where it is the seed alone."""


@dataclass(frozen=True)
class Robustness:
    """What a wrong setting costs two tuned optimizers, in test loss.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    touchy, steady : Rule
        The claim is that `touchy` is the more sensitive one.
    pairs : tuple of (str, str)
        What is varied: a hyper-parameter of `touchy`, and the one of `steady` beside which it is
        held; or "seed" for both.
    rates : dict of str to tuple of float
        By optimizer the learning rates to choose from at first, as many for both.
    factors : tuple of float
        By what the tuned value is multiplied; 1 is not among them.
    steps : int
        Length of each run.
    hyper : dict of str to float
        Other hyper-parameters, for the rules that have them.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.

    Raises
    ------
    ValueError
        A seed beside a hyper-parameter, or a hyper-parameter that the rule does not have.
    """

    task: Callable[..., Classification]
    touchy: Rule
    steady: Rule
    pairs: tuple[tuple[str, str], ...]
    rates: dict[str, tuple[float, ...]]
    factors: tuple[float, ...]
    steps: int
    hyper: dict[str, Any]
    seeds: int = 20
    tuning_seeds: int = 10

    def __post_init__(self) -> None:
        for pair in self.pairs:
            if (pair[0] == SEED) != (pair[1] == SEED):
                raise ValueError(f"{' and '.join(pair)} cannot be compared: the seed is no setting")
            for rule, name in zip((self.touchy, self.steady), pair, strict=True):
                if name != SEED and name not in rule.hyper:
                    raise ValueError(f"{rule.name} has no {name}; it has {', '.join(rule.hyper)}")

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        spans = "; ".join(
            f"{len(self.rates[rule.name])} for {rule.name}, {self.rates[rule.name][0]:g} to "
            f"{self.rates[rule.name][-1]:g}"
            for rule in (self.touchy, self.steady)
        )
        kept = ", ".join(f"{name} = {value:g}" for name, value in self.hyper.items())
        factors = ", ".join(f"{factor:g}" for factor in self.factors)
        parts = []
        if any(SEED not in pair for pair in self.pairs):
            parts.append(
                f"the test loss with a setting multiplied by {factors}, over that with the tuned "
                "one, seed by seed; the worst of these counts"
            )
        if any(SEED in pair for pair in self.pairs):
            parts.append(
                "how far a seed's test loss with the tuned settings is from the median over the "
                "seeds, as a share of it"
            )
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"{self.steps} steps",
            "Optimizers": f"{self.touchy.name} and {self.steady.name}" + (kept and f", {kept}"),
            "Measured": "; ".join(parts) + "; losses are means over the last tenth of the records",
            "Learning rates": f"each optimizer's best by the median validation loss at the end "
            f"over {self.tuning_seeds} seeds that the comparison does not use, at first of "
            f"{spans}; if the best is an edge, both grids are widened",
            "Seeds": f"{setting.seeds}, each with equal start and equal batches in all runs",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        one, other = self.touchy.name, self.steady.name
        parts = " and ".join(f"{self._said(pair)}" for pair in self.pairs)
        return (
            f"The ratio, {one} to {other}, is taken seed by seed, for {parts}. A part is supported "
            "if the 95 % interval of the ratio's median lies above 1, and contradicted if it lies "
            "below. Holds: all parts are supported. Holds in part: some. Fails: none, and some "
            "are contradicted. Not at this scale: no part is told either way."
        )

    def decide(self, ratios: list[Estimate]) -> Verdict:
        """The verdict that follows from the ratios, one for each pair."""
        return Verdict.of([one.low > 1 for one in ratios], [one.high < 1 for one in ratios])

    def run(self, setting: Setting) -> Evidence:
        """Tune both, then multiply their settings."""
        tuned = self._tune(setting)
        losses = {
            (rule.name, name): self._varied(rule, name, tuned, setting)
            for k, rule in enumerate((self.touchy, self.steady))
            for name in dict.fromkeys(pair[k] for pair in self.pairs if SEED not in pair)
        }
        base = {
            rule.name: self._ends(rule, tuned.best[rule.name], setting).values[0]
            for rule in (self.touchy, self.steady)
        }
        ratios = []
        for touchy, steady in self.pairs:
            one, other = (
                self._cost(base[rule.name], losses.get((rule.name, name)))
                for rule, name in ((self.touchy, touchy), (self.steady, steady))
            )
            ratios.append(ratio(one, other))
        told = "; ".join(
            f"{self._said(pair)}: {found}" for pair, found in zip(self.pairs, ratios, strict=True)
        )
        rows = [
            (f"{name}, tuned", number(tuned.best[name]["lr"]), str(estimate(end)))
            for name, end in base.items()
        ]
        for (rule, name), loss in losses.items():
            rows += [
                (f"{rule}, {name} × {factor:g}", number(float(value)), str(estimate(end)))
                for factor, value, end in zip(
                    self.factors, loss[name].values, loss.values, strict=True
                )
            ]
        return Evidence(
            verdict=self.decide(ratios),
            finding=f"{self.touchy.name} over {self.steady.name}, {told} (median and 95 % "
            "interval).",
            table=Table(
                "Test loss at the end in nats, median and 95 % interval",
                ("optimizer", "value", "test loss"),
                rows,
            ),
            notes=tuned.notes(),
            pictures=[self._picture(base, losses)] if losses else [],
        )

    def _said(self, pair: tuple[str, str]) -> str:
        if SEED in pair:
            return "the distance of a seed from the median"
        same = pair[0] == pair[1]
        what = pair[0] if same else f"{pair[0]} of {self.touchy.name} and {pair[1]} of the other"
        return f"the cost of a wrong {what}"

    def _cost(self, base: np.ndarray, varied: xr.DataArray | None) -> np.ndarray:
        """By seed the worst ratio of losses, or without one the distance from the median."""
        if varied is None:
            middle = np.median(base)
            return np.abs(base - middle) / middle
        return np.max([np.divide(loss, base) for loss in varied.values], axis=0)

    def _tune(self, setting: Setting) -> Tuned:
        return tune(
            self.task(large=setting.large),
            [self.touchy, self.steady],
            lr=self.rates,
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=lowest_last(),
            every=self._every,
            **setting.place,
            **self.hyper,
        )

    @property
    def _every(self) -> int:
        return max(1, self.steps // 20)

    def _ends(self, rule: Rule, hyper: dict[str, Any], setting: Setting) -> xr.DataArray:
        """Test loss at the end, (values of what is given several, seeds)."""
        own = {n: v for n, v in self.hyper.items() if n in rule.hyper}
        runs = setting.sweep(
            self.task(large=setting.large),
            rule,
            seeds=range(setting.seeds),
            steps=self.steps,
            every=self._every,
            **{**own, **hyper},
        )
        ends = last(runs.test_loss.isel(optimizer=0))
        others = [dim for dim in ends.dims if dim != "seed"]
        many = [dim for dim in others if ends.sizes[dim] > 1] or others[:1]
        return ends.squeeze([dim for dim in others if dim not in many]).transpose(*many, "seed")

    def _varied(self, rule: Rule, name: str, tuned: Tuned, setting: Setting) -> xr.DataArray:
        """Test loss at the end with a setting multiplied by each factor, (factors, seeds)."""
        settings = {**rule.hyper, **self.hyper, **tuned.best[rule.name]}
        values = [settings[name] * factor for factor in self.factors]
        return self._ends(rule, {**tuned.best[rule.name], name: values}, setting)

    def _picture(
        self, base: dict[str, np.ndarray], losses: dict[tuple[str, str], xr.DataArray]
    ) -> str:
        """Test loss over the factor."""
        factors = sorted([*self.factors, 1.0])
        rows = [
            [base[rule] if f == 1 else loss.values[self.factors.index(f)] for f in factors]
            for (rule, _), loss in losses.items()
        ]
        labels = [f"{rule}, {name}" for rule, name in losses]
        values = xr.DataArray(
            np.array(rows),
            dims=("optimizer", "factor", "seed"),
            coords={"optimizer": labels, "factor": factors},
        )
        label = "the tuned value times"
        return plots.svg(plots.over(values, "factor", label, "test loss", markevery=1))
