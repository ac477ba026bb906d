"""Switching: does an optimizer that begins as one and ends as another get the best of both?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import Estimate, estimate, number, paired_ratio, ratio
from optlab.studies.race import arrival
from optlab.sweeps import timed
from optlab.tasks import Classification, one_thread
from optlab.train import follow
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class Switching:
    """A fast optimizer, one that ends well, and one that switches from the first to the second.

    Attributes
    ----------
    task : callable
        Gives the task; with `large=True` the one for a GPU.
    fast, fine : Rule
        The optimizers of which the third is to have the best.
    both : Rule
        With a slot `since`, the step of its switch or 0, and `ratio`, the rate after it in units of
        `lr`; it switches when a distance is below its hyper-parameter `tol`.
    rates : dict of str to tuple of float
        By optimizer learning rates to choose from at first, as many for each.
    target : float
        Loss on the whole training set, nats.
    steps : int
        Length of each run.
    wide : float
        A larger tolerance, with which the switch is shown beside the verdict.
    hyper : dict of str to float
        Other hyper-parameters, for the rules that have them.
    share : float
        Part of the runs that must switch, default 0.9.
    later, higher : float
        Most steps in units of the fast one's, and highest test loss in units of the fine one's.
    seeds, tuning_seeds : int
        Number of seeds of the comparison, and of other seeds by which the rates are chosen.
    """

    task: Callable[..., Classification]
    fast: Rule
    fine: Rule
    both: Rule
    rates: dict[str, tuple[float, ...]]
    target: float
    steps: int
    wide: float
    hyper: dict[str, Any] = field(default_factory=dict)
    share: float = 0.9
    later: float = 1.1
    higher: float = 1.01
    seeds: int = 10
    tuning_seeds: int = 5

    @property
    def rules(self) -> list[Rule]:
        """The three."""
        return [self.fast, self.fine, self.both]

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        task = self.task(large=setting.large)
        rates = "; ".join(
            f"{len(grid)} from {number(grid[0])} to {number(grid[-1])} for {name}"
            for name, grid in self.rates.items()
        )
        hyper = "".join(f", {name} = {value:g}" for name, value in self.hyper.items())
        return {
            "Task": f"{task.name}: {task.size} parameters, {task.examples} training examples, "
            f"shuffled mini-batches of {task.batch}, {self.steps} steps",
            "Optimizers": f"{self.fast.name}, {self.fine.name} and {self.both.name}, the last with "
            f"the tolerance {self.both.hyper['tol']:g}{hyper}, the rest at the defaults",
            "Measured": f"the step of the switch; steps until the loss on the whole training set is"
            f" at most {self.target:g}; the test loss at the end, the mean over the last tenth of "
            "the steps",
            "Learning rates": f"each optimizer's best, {rates}, by the median validation loss at "
            f"the end over {self.tuning_seeds} seeds that the comparison does not use; if the best "
            "is an edge, all grids are widened. One rate for both measurements",
            "Seeds": f"{setting.seeds}, each three runs with equal start and equal batches",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"Three conditions. It switches in at least {100 * self.share:g} % of the runs. Fast: "
            f"the steps to {self.target:g} are at most {self.later:g} times those of "
            f"{self.fast.name}. Fine: the test loss at the end is at most {self.higher:g} times "
            f"that of {self.fine.name}. The ratios are taken seed by seed; a condition is met if "
            "the 95 % interval of the median lies at or below the bound, and violated if it lies "
            "above. Not at this scale: too few runs switch, so that it is no test of switching "
            "(how long a switch takes depends on the network and on the steps); or they do, and "
            "neither ratio decides. Holds: all three are met. Fails: they switch, and no ratio is "
            "met and one at least violated. Holds in part: they switch, and anything else."
        )

    def decide(self, switched: float, steps: Estimate, loss: Estimate) -> Verdict:
        """The verdict that follows from the share that switched and from the two ratios."""
        if switched < self.share:
            return Verdict.NOT_HERE
        pairs = (steps, self.later), (loss, self.higher)
        met = [one.high <= bound for one, bound in pairs]
        violated = [one.low > bound for one, bound in pairs]
        return Verdict.of(met, violated)

    def run(self, setting: Setting) -> Evidence:
        """Tune and compare; then once more with the larger tolerance."""
        task = self.task(large=setting.large)
        tuned = self._tune(task, self.rules, setting)
        runs = {rule.name: self._runs(task, rule, tuned, setting) for rule in self.rules}
        seen = self._watched(task, tuned, setting)
        steps, loss = self._ratios(runs, runs[self.both.name])

        aside = self._tune(task, [self.both], setting, tol=self.wide)
        wide = self._runs(task, self.both, aside, setting, tol=self.wide)
        wide_seen = self._watched(task, aside, setting, tol=self.wide)
        wide_steps, wide_loss = self._ratios(runs, wide)
        label = f"{self.both.name}, tolerance {self.wide:g}"

        rows = [self._row(rule.name, tuned, rule.name, runs[rule.name]) for rule in self.rules]
        rows.append(self._row(label, aside, self.both.name, wide))
        shown = xr.concat(
            [*runs.values(), wide.assign_coords(optimizer=[label])], "optimizer", join="outer"
        )
        return Evidence(
            verdict=self.decide(float((seen.since > 0).mean()), steps, loss),
            finding=f"{self._told(seen)} It takes {steps} times the steps of "
            f"{self.fast.name}, and its test loss at the end is {loss} times that of "
            f"{self.fine.name} (medians and 95 % intervals).",
            table=Table(
                f"Steps to a training loss of {self.target:g} and test loss at the end, median and "
                "95 % interval",
                ("optimizer", "best rate", "chosen again", "steps", "test loss"),
                rows,
            ),
            notes=[
                *tuned.notes(),
                f"With a tolerance of {self.wide:g}, and the rate tuned anew: "
                f"{self._told(wide_seen)} It takes {wide_steps} times the steps of "
                f"{self.fast.name}, and its test loss is {wide_loss} times that of "
                f"{self.fine.name}. The verdict does not count this.",
                *aside.notes(),
            ],
            pictures=[plots.svg(plots.training_curves(shown, "test_loss"))],
        )

    def watch(
        self, task: Classification, seeds: range, device: str = "cpu", **hyper: float
    ) -> xr.Dataset:
        """What the third optimizer sees of its switch, run by run.

        By seed "since", the step of the switch or 0, and "rate", what the fine one then has; over
        the steps too "estimate", the rate that would have made each step, and "average", the
        corrected average of these. Equal settings give the runs of a sweep, made once more, as a
        sweep keeps no slots of a rule.
        """
        task, rule = task.to(device), self.both
        full = rule.check(**{**self._own([rule], {}), **hyper})
        sums = [np.zeros(len(seeds))]
        for step in follow(task, rule, seeds, self.steps, device, **full):
            state = step.state
            sums.append(state["q_bar"].flatten().cpu().numpy())
        beta2, steps = full["beta2"], np.arange(1, self.steps + 1)
        q_bar = np.stack(sums, axis=1)
        since, ratio = (state[name].flatten().cpu().numpy() for name in ("since", "ratio"))
        over = ("seed", "step")
        return xr.Dataset(
            {
                "since": ("seed", since),
                "rate": ("seed", full["lr"] * ratio),
                "estimate": (over, (q_bar[:, 1:] - beta2 * q_bar[:, :-1]) / (1 - beta2)),
                "average": (over, q_bar[:, 1:] / (1 - beta2**steps)),
            },
            {"seed": list(seeds), "step": steps},
        )

    def _watched(
        self, task: Classification, tuned: Tuned, setting: Setting, **hyper: float
    ) -> xr.Dataset:
        """The same for the compared runs."""
        with timed(), one_thread():
            return self.watch(
                task,
                range(setting.seeds),
                setting.place["device"],
                lr=tuned.best[self.both.name]["lr"],
                **hyper,
            )

    def _tune(
        self, task: Classification, rules: list[Rule], setting: Setting, **hyper: float
    ) -> Tuned:
        return tune(
            task,
            rules,
            lr={rule.name: self.rates[rule.name] for rule in rules},
            seeds=self.tuning_seeds,
            steps=self.steps,
            score=lowest_last(),
            every=max(1, self.steps // 40),
            **setting.place,
            **self._own(rules, hyper),
        )

    def _runs(
        self, task: Classification, rule: Rule, tuned: Tuned, setting: Setting, **hyper: float
    ) -> xr.Dataset:
        found = setting.sweep(
            task,
            rule,
            lr=tuned.best[rule.name]["lr"],
            seeds=range(setting.seeds),
            steps=self.steps,
            every=1,
            **self._own([rule], hyper),
        )
        assert isinstance(found, xr.Dataset)
        return found

    def _own(self, rules: list[Rule], hyper: dict[str, float]) -> dict[str, Any]:
        """The hyper-parameters that one of the rules has."""
        both = {**self.hyper, **hyper}
        return {n: v for n, v in both.items() if any(n in rule.hyper for rule in rules)}

    def _ratios(self, runs: dict[str, xr.Dataset], own: xr.Dataset) -> tuple[Estimate, Estimate]:
        """Steps in units of the fast one's, and test loss in units of the fine one's."""
        fast, fine = runs[self.fast.name], runs[self.fine.name]
        steps = paired_ratio(self._steps(own), self._steps(fast), self.steps)
        return steps, ratio(_end(own), _end(fine))

    def _steps(self, runs: xr.Dataset) -> np.ndarray:
        return arrival(runs.train_loss, self.target).values.ravel()

    def _row(self, label: str, tuned: Tuned, name: str, runs: xr.Dataset) -> tuple[str, ...]:
        return (
            label,
            number(tuned.best[name]["lr"]),
            f"{100 * tuned.again[name]:.0f} %",
            str(estimate(self._steps(runs))),
            str(estimate(_end(runs))),
        )

    def _told(self, seen: xr.Dataset) -> str:
        """How many runs switched, when, and to which rates; or how near the others came to it."""
        done = seen.isel(seed=np.flatnonzero(seen.since > 0))
        told = f"{self.both.name} switches in {done.seed.size} of {seen.seed.size} runs"
        if not done.seed.size:
            nearest = abs(seen.estimate - seen.average).isel(step=slice(1, None)).min()
            return f"{told}; the distance never is below {number(float(nearest))}."
        when = _span(done.since)
        return f"{told}, at steps {when}, to rates of {_span(done.rate)}."


def _span(values: xr.DataArray) -> str:
    """The lowest and the highest of them."""
    return " to ".join(dict.fromkeys(number(float(end)) for end in (values.min(), values.max())))


def _end(runs: xr.Dataset) -> np.ndarray:
    """The test loss at the end by seed."""
    return np.asarray(last(runs.test_loss).values.ravel())
