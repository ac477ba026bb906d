"""Switch time: at which step do optimizers that change their algorithm on the way do so?"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from optlab import plots
from optlab.card import Evidence, Setting, Verdict
from optlab.statistics import number
from optlab.sweeps import timed
from optlab.tasks import Classification, one_thread
from optlab.train import Step, follow
from optlib.rule import Rule
from optlib.table import Table


@dataclass(frozen=True)
class SwitchTime:
    """When an optimizer leaves its first algorithm: run by run, on several tasks.

    Attributes
    ----------
    tasks : tuple of callable
        Each gives a task; with `large=True` the one for a GPU.
    fixed : Rule
        Begins with momentum and goes on adaptively, it is claimed always at the same step.
    free : Rule
        Begins adaptively and goes on with momentum. Its slot `since` is the step, 0 before.
    lr : dict of str to float
        The learning rate of each.
    steps : int
        Length of each run.
    hyper : dict of str to float
        Other hyper-parameters, for the rules that have them.
    share : float
        In which share of the runs `free` must switch for a test of the claim, default 0.9.
    factor : float
        How many times the first step the last one must be, on each task, default 2.
    seeds : int
        Number of seeds.
    """

    tasks: tuple[Callable[..., Classification], ...]
    fixed: Rule
    free: Rule
    lr: dict[str, float]
    steps: int
    hyper: dict[str, Any] = field(default_factory=dict)
    share: float = 0.9
    factor: float = 2.0
    seeds: int = 20

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words."""
        tasks = "; ".join(
            f"{task.name} ({task.size} parameters, batches of {task.batch})"
            for task in (maker(large=setting.large) for maker in self.tasks)
        )
        rates = " and ".join(f"{name} with η = {number(lr)}" for name, lr in self.lr.items())
        hyper = "".join(f", {name} = {value:g}" for name, value in self.hyper.items())
        return {
            "Tasks": f"{tasks}; {self.steps} steps each",
            "Optimizers": f"{rates}{hyper}; the rates are not tuned",
            "Measured": f"for {self.fixed.name} the first step whose move does not double when "
            f"all gradients are doubled; for {self.free.name} the step of its switch",
            "Seeds": f"{setting.seeds}",
        }

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words; `decide` says the same."""
        return (
            f"Not at this scale: {self.free.name} switches in less than {100 * self.share:g} % of "
            f"the runs of some task. Otherwise two conditions: {self.fixed.name} leaves at the "
            f"same step in all runs of all tasks; and on each task the last step at which "
            f"{self.free.name} switches is at least {self.factor:g} times the first. Holds: both. "
            "Holds in part: one of them. Fails: none."
        )

    def decide(self, fixed: list[np.ndarray], free: list[np.ndarray]) -> Verdict:
        """The verdict that follows from the steps, (seeds,) a task; 0 is never."""
        if any((steps > 0).mean() < self.share for steps in free):
            return Verdict.NOT_HERE
        same = len(set(np.concatenate(fixed))) == 1
        apart = all(s.max() >= self.factor * s[s > 0].min() for s in free)
        met = same + apart
        return (Verdict.FAILS, Verdict.IN_PART, Verdict.HOLDS)[met]

    def run(self, setting: Setting) -> Evidence:
        """Train, and see when each run changes."""
        found: dict[str, list[np.ndarray]] = {self.fixed.name: [], self.free.name: []}
        rows = []
        with timed(), one_thread():
            for task in (maker(large=setting.large) for maker in self.tasks):
                found[self.fixed.name].append(self.leaves(task, setting))
                found[self.free.name].append(self.switches(task, setting))
                rows += [
                    (f"{task.name}, {name}", *_spread(steps[-1])) for name, steps in found.items()
                ]
        told = "; ".join(f"{row[0]}: {row[2]} to {row[4]}" for row in rows)
        return Evidence(
            verdict=self.decide(found[self.fixed.name], found[self.free.name]),
            finding=f"First and last step at which runs change, {told}.",
            table=Table(
                "Steps at which the runs change, of those that do",
                ("task, optimizer", "runs that change", "first", "median", "last"),
                rows,
            ),
            notes=[],
            pictures=[plots.svg(self._picture(found, [row[0] for row in rows]))],
        )

    def _picture(self, found: dict[str, list[np.ndarray]], labels: list[str]) -> plots.Axes:
        """The steps of the runs, from the earliest to the latest; those that never change last."""
        each = [steps for one in zip(*found.values(), strict=True) for steps in one]
        never = self.steps + 1
        values = np.array([np.sort(np.where(steps > 0, steps, never)) for steps in each])
        ranks = range(1, values.shape[1] + 1)
        return plots.over(
            xr.DataArray(
                values[..., None],
                {"optimizer": labels, "run": ranks, "seed": [0]},
                ("optimizer", "run", "seed"),
            ),
            "run",
            "run, from the earliest to the latest",
            f"step at which it changes ({never}: never)",
            markevery=1,
        )

    def leaves(self, task: Classification, setting: Setting) -> np.ndarray:
        """By seed the first step of the fixed one that is not proportional to the gradients."""
        found = np.zeros(setting.seeds)
        twin: dict[str, Any] = {}
        full = self.fixed.check(**self._hyper(self.fixed))
        for t, step in enumerate(self._walk(task, self.fixed, setting), start=1):
            before = twin or self.fixed.init(step.theta)
            doubled, twin = self.fixed.update(step.theta, 2 * step.g, before, t, full)
            far = (doubled - 2 * step.move).norm(dim=-1) > 1e-6 * step.move.norm(dim=-1)
            found[(found == 0) & far.cpu().numpy()] = t
            if found.all():
                break
        return found

    def switches(self, task: Classification, setting: Setting) -> np.ndarray:
        """By seed the step at which the free one switches, 0 for never."""
        [last] = deque(self._walk(task, self.free, setting), maxlen=1)
        return np.asarray(last.state["since"].flatten().cpu().numpy())

    def _walk(self, task: Classification, rule: Rule, setting: Setting) -> Iterator[Step]:
        device, seeds = setting.place["device"], range(setting.seeds)
        return follow(task, rule, seeds, self.steps, device, **self._hyper(rule))

    def _hyper(self, rule: Rule) -> dict[str, Any]:
        own = {name: value for name, value in self.hyper.items() if name in rule.hyper}
        return {"lr": self.lr[rule.name], **own}


def _spread(steps: np.ndarray) -> tuple[str, ...]:
    """How many runs change, and the first, the median and the last step of these."""
    done = steps[steps > 0]
    if not len(done):
        return f"0 of {len(steps)}", "never", "never", "never"
    first, middle, last = (number(float(f(done))) for f in (np.min, np.median, np.max))
    return f"{len(done)} of {len(steps)}", first, middle, last
