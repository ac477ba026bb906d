"""Training a chunk: some runs of one rule on one task, as one population.

All that decides a run's numbers is here and in what this module calls; who makes the chunks, and in
which order, changes nothing.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice, tee
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap

from optlab.keys import Ingredients, ingredients
from optlab.store import Arrays
from optlab.tasks import Drawn, Task
from optlib.faces.population import population
from optlib.rule import Rule

RateFunction = Callable[..., Any]
"""From `step` and `lr`, the peak, to the rate of that step."""

ENGINE = 1
"""The number that records have of how chunks are trained.

Raise it when a change of `train`, or of what it calls outside task, rule and schedule, may change
a number by more than rounding: every record is stale then, and is made again. A change that
`Result.check` passes on every record leaves it as it is. The store needs no such number: results
on a user's disk are kept under the text of the engine too.
"""

CACHE = 2**25
"""Bytes that runs measured at once may need together: more, and the processor waits for memory."""

MAGNITUDES = np.arange(-10, 2.25, 0.25)
"""Edges of the gradient histogram's bins, as powers of ten; its first bin holds all below too."""


@dataclass(frozen=True)
class Chunk:
    """Some runs that are trained together.

    Attributes
    ----------
    task : Task or Drawn
        What is learnt.
    rule : Rule
        The optimizer.
    hyper : dict of str to tuple of float
        Hyper-parameters, one value a run.
    seeds : tuple of int
        One a run.
    steps : int
        Length of each run.
    every : int
        Steps from one measurement to the next.
    schedule : callable, optional
        From `step` and `lr` to the rate of that step. A rule with a `multiplier`, as the decay of
        Loshchilov & Hutter (2019) has it, gets what the schedule makes of a rate of 1.
    gradients : bool
        Whether the mini-batches' gradients are measured too.
    device : str
        "cpu" or "cuda".
    compiled : bool
        Whether steps are compiled; see `population`.
    momentum : callable, optional
        From `step` to the momentum of that step, such as
        `partial(one_cycle_momentum, total_steps=3000)`.
    """

    task: Task | Drawn
    rule: Rule
    hyper: dict[str, tuple[float, ...]]
    seeds: tuple[int, ...]
    steps: int
    every: int
    schedule: RateFunction | None = None
    gradients: bool = False
    device: str = "cpu"
    compiled: bool = False
    momentum: RateFunction | None = None

    @property
    def recorded(self) -> list[int]:
        """After how many steps is measured: 0, each `every`, and the last."""
        return sorted({*range(0, self.steps, self.every), self.steps})

    def ingredients(self, known: Ingredients | None = None) -> Ingredients:
        """What the numbers depend on; the machine's part has engine, versions and device.

        `known` is what `described` has found for the same task, rule and schedule.
        """
        found = known or described(self.task, self.rule, self.schedule)
        plan = (tuple(self.hyper.items()), self.seeds, self.steps, self.every, self.gradients)
        definition = [ENGINE, *found.definition, *plan]
        versions = torch.__version__, np.__version__, self.device, self.compiled
        machine, texts = [*found.machine, _engine(), *versions], found.texts
        if self.momentum:
            more = ingredients(self.momentum)
            definition += ["momentum", *more.definition]
            machine, texts = [*machine, *more.machine], texts | more.texts
        return Ingredients(definition, found.data, machine, texts)


def described(task: Task | Drawn, rule: Rule, schedule: RateFunction | None) -> Ingredients:
    """What numbers depend on whatever the grid: looked up anew, as a cell may have changed it."""
    return ingredients(rule, task, schedule)


@cache
def _engine() -> str:
    """A key of the engine as this process has loaded it."""
    return ingredients(train, population, Rule.init, Rule.update).exact


def train(chunk: Chunk, progress: Callable[[int], Any] = lambda steps: None) -> Arrays:
    """What a task measures of each run, (runs, records), and how long it all took.

    Records are made at the steps that `Chunk.recorded` names. A run has diverged where its loss
    or a parameter is not finite: from there on its losses are inf, its other numbers nan, and
    "diverged" says so. With `gradients` there are also, each of the mini-batch to come,
    "gradient_norm" and "gradient_histogram", the share of the gradient's coordinates in each bin,
    (runs, records, bins). "seconds" is one number.

    Parameters
    ----------
    chunk : Chunk
        The runs.
    progress : callable
        Called with the number of steps done since it was last called.
    """
    began = time.perf_counter()
    task = _moved(chunk.task, chunk.device)
    theta = torch.stack([task.start(seed) for seed in chunk.seeds]).to(chunk.device)
    # One batch more than there are steps, for the gradient after the last.
    batches = mini_batches(task, chunk.seeds, chunk.steps + bool(chunk.gradients), chunk.device)
    used, ahead = tee(batches) if chunk.gradients else (batches, batches)
    hyper = {name: np.array(values) for name, values in chunk.hyper.items()}
    if chunk.schedule:
        hyper["lr"] = scheduled(chunk.schedule, chunk.steps, hyper["lr"])
        if "multiplier" in chunk.rule.hyper:  # what the schedule makes of a rate of 1
            hyper["multiplier"] = scheduled(chunk.schedule, chunk.steps, np.ones(len(theta)))
    if chunk.momentum:
        hyper["momentum"] = _every_step(
            chunk.momentum(_columns(chunk.steps)), chunk.steps, len(theta)
        )
    visited = population(
        chunk.rule,
        task.loss,
        theta,
        islice(used, chunk.steps),
        project=task.project,
        compiled=chunk.compiled,
        **hyper,
    )
    at_once = max(1, CACHE // _needed(task)[0]) if chunk.device == "cpu" else None
    measure = vmap(task.measure, chunk_size=at_once)
    gradient = vmap(grad(task.loss))
    records: list[dict[str, Tensor]] = []
    for t, theta in enumerate(visited):
        batch = next(ahead) if chunk.gradients else ()
        if t % chunk.every == 0 or t == chunk.steps:
            record = measure(theta)
            record["finite"] = theta.isfinite().all(-1) & record["train_loss"].isfinite()
            if chunk.gradients:
                record.update(_gradient_statistics(gradient(theta, *batch)))
            records.append(record)
        if t:
            progress(1)
    stacked = {n: torch.stack([r[n] for r in records], 1).cpu().numpy() for n in records[0]}
    alive = np.logical_and.accumulate(stacked.pop("finite"), axis=1)
    found = {}
    for name, values in stacked.items():
        mask = alive.reshape(alive.shape + (1,) * (values.ndim - 2))
        found[name] = np.where(mask, values, np.inf if name.endswith("_loss") else np.nan)
    return {**found, "diverged": ~alive[:, -1], "seconds": np.array(time.perf_counter() - began)}


class Step(NamedTuple):
    """A step of runs that are followed, each with the runs first.

    Parameters before it, the arguments of the loss, the gradient, the move, and the state after.
    """

    theta: Tensor
    batch: tuple[Tensor, ...]
    g: Tensor
    move: Tensor
    state: dict[str, Any]


def follow(
    task: Task, rule: Rule, seeds: Iterable[int], steps: int, device: str = "cpu", **hyper: Any
) -> Iterator[Step]:
    """The steps of the runs that a sweep makes, for what a sweep does not keep of them."""
    seeds, task = tuple(seeds), task.to(device)
    gradient, full = vmap(grad(task.loss)), rule.check(**hyper)
    theta = torch.stack([task.start(seed) for seed in seeds]).to(device)
    state = rule.init(theta)
    for t, batch in enumerate(mini_batches(task, seeds, steps, device), start=1):
        g = gradient(theta, *batch)
        move, state = rule.update(theta, g, state, t, full)
        yield Step(theta, batch, g, move, state)
        theta = theta + move


def mini_batches(
    task: Task, seeds: tuple[int, ...], steps: int, device: str
) -> Iterator[tuple[Tensor, ...]]:
    """For each step the arguments of the loss, a row a run; each seed's are drawn once."""
    different = sorted(set(seeds))
    rows = torch.tensor([different.index(seed) for seed in seeds], device=device)
    for drawn in zip(*(task.draws(seed, steps) for seed in different), strict=True):
        parts = (torch.from_numpy(np.stack(part)).to(device) for part in zip(*drawn, strict=True))
        yield task.arguments(*(part[rows] for part in parts))


def scheduled(schedule: RateFunction, steps: int, lr: np.ndarray) -> np.ndarray:
    """The rate of each step, (steps, runs), of runs whose peak rates are `lr`."""
    return _every_step(schedule(_columns(steps), lr=lr), steps, len(lr))


def _columns(steps: int) -> np.ndarray:
    """The numbers of the steps, (steps, 1)."""
    return np.arange(steps)[:, None]


def _every_step(values: Any, steps: int, runs: int) -> np.ndarray:
    """What a schedule gives, (steps, runs)."""
    return np.array(np.broadcast_to(values, (steps, runs)))


def memory(task: Task, records: int = 0, gradients: bool = False) -> int:
    """Bytes that one run needs at most: what its loss and its measurement keep for a gradient.

    And what is kept of so many `records`, which with `gradients` have a histogram each.
    """
    kept, parameters, measured = _needed(task)
    values = measured + (len(MAGNITUDES) if gradients else 0)
    # Beside it a gradient of each, and some copies of the parameters: rule, state, next point.
    # Records are kept one by one, then together, and then those of diverged runs are marked.
    return 2 * kept + (16 if gradients else 12) * parameters + 3 * 8 * records * values


@lru_cache(maxsize=64)
def _needed(task: Task) -> tuple[int, int, int]:
    """Bytes kept for a gradient, bytes of the parameters, and how many numbers are measured."""
    found = 0

    def count(kept: Tensor) -> None:  # given back, a result would hold itself for ever
        nonlocal found
        found += kept.element_size() * kept.numel()

    theta = task.start(0).clone().requires_grad_()  # a task may keep its start
    [batch] = mini_batches(task, (0,), 1, "cpu")
    with torch.autograd.graph.saved_tensors_hooks(count, lambda kept: kept):
        task.loss(theta, *(part[0] for part in batch))
        step, found = found, 0
        with suppress(RuntimeError):  # what differentiates itself bears no hooks, and keeps little
            task.measure(theta)
    measured = len(task.measure(theta))
    return max(step, found), theta.element_size() * theta.numel(), measured


@lru_cache(maxsize=2)
def _moved(task: Task | Drawn, device: str) -> Task:
    return task.to(device)


def _gradient_statistics(g: Tensor) -> dict[str, Tensor]:
    """Length of each run's gradient, and where its coordinates' magnitudes lie."""
    edges = torch.from_numpy(10.0 ** MAGNITUDES[1:-1]).to(g)
    bins = torch.bucketize(g.abs().contiguous(), edges, right=True)
    shares = torch.zeros(len(g), len(edges) + 1, dtype=g.dtype, device=g.device)
    shares.scatter_add_(1, bins, torch.full_like(g, 1 / g.shape[1]))
    return {"gradient_norm": g.norm(dim=-1), "gradient_histogram": shares}
