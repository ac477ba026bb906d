"""A sweep: optimizers, learning rates and seeds, all trained on one task."""

import inspect
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap
from tqdm import tqdm

import optlib.arrays
import optlib.faces.population
import optlib.rule
from optlib.faces.population import population
from optlib.lab.statistics import band
from optlib.lab.store import Arrays, ingredients, keep, key
from optlib.rule import Rule
from optlib.tasks import Task, one_thread

# The code that decides a run's numbers beside rule, task and plan, as it was when it was imported.
_MODULES = (optlib.arrays, optlib.rule, optlib.faces.population, sys.modules[__name__])
_CODE = tuple(inspect.getsource(module) for module in _MODULES)

CHUNK = 32
"""Runs trained as one tensor program: enough to fill the processor, few enough for its cache."""


class Curves(NamedTuple):
    """Median training loss over the seeds, and the ends of its interval.

    `optimizers` are names, `lr` is (optimizers, rates), `steps` (records,), and `median`, `low` and
    `high` are (optimizers, rates, records). Diverged runs count as inf. `first` is for each
    optimizer the index of the rate that a figure shows first.
    """

    optimizers: tuple[str, ...]
    lr: np.ndarray
    steps: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    first: tuple[int, ...]

    def lines(self) -> dict[str, np.ndarray]:
        """By optimizer: median, low and high end, (rates, 3, records)."""
        bands = np.stack([self.median, self.low, self.high], axis=2)
        return dict(zip(self.optimizers, bands, strict=True))

    def rates(self) -> dict[str, list[float]]:
        """By optimizer: its learning rates."""
        return dict(zip(self.optimizers, self.lr.tolist(), strict=True))

    def start(self) -> dict[str, int]:
        """By optimizer: the index of the rate that a figure shows first."""
        return dict(zip(self.optimizers, self.first, strict=True))


@dataclass(frozen=True)
class Sweep:
    """What a sweep measured.

    Attributes
    ----------
    optimizers : tuple of str
        Names of the rules.
    lr : array of shape (optimizers, rates)
        Each rule's learning rates.
    seeds : array of shape (seeds,)
    steps : array of shape (records,)
        After how many steps was measured; 0 is the start.
    loss : array of shape (optimizers, rates, seeds, records)
        Loss on the whole training set, inf from where a run diverged.
    accuracy : array of the same shape
        Share of the validation examples classified rightly.
    """

    optimizers: tuple[str, ...]
    lr: np.ndarray
    seeds: np.ndarray
    steps: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray

    @property
    def diverged(self) -> np.ndarray:
        """Which runs ended in inf or nan, (optimizers, rates, seeds)."""
        return np.isinf(self.loss[..., -1])

    def curves(self, first: tuple[int, ...] | None = None) -> Curves:
        """Training loss over the steps, median and interval over the seeds (at least 6).

        `first` are indices of rates, see `Curves`; by default the middle one of each grid.
        """
        first = first or (self.lr.shape[1] // 2,) * len(self.optimizers)
        return Curves(self.optimizers, self.lr, self.steps, *band(self.loss, axis=2), first)


def sweep(
    task: Task,
    rules: Rule | Sequence[Rule],
    *,
    lr: Sequence[float] | Mapping[str, Sequence[float]],
    seeds: Iterable[int],
    steps: int,
    every: int = 1,
    device: str = "cpu",
    **hyper: float,
) -> Sweep:
    """Train every rule with every learning rate from every seed.

    Runs with the same seed start at the same point and see the same batches. What has been run
    before is read from disk (see `optlib.lab.store`).

    Parameters
    ----------
    task : Task
        What is learnt.
    rules : Rule or sequence of Rule
        The optimizers.
    lr : sequence of float, or a mapping from rule name to one
        Learning rates, for each rule the same number of them.
    seeds : iterable of int
        A seed stands for initial parameters and order of the batches.
    steps : int
        Length of each run.
    every : int
        Measure after each so many steps, default 1.
    device : str
        "cpu", the default, or "cuda". Results from the two are kept apart.
    **hyper
        Other hyper-parameters, each for the rules that have it.

    Raises
    ------
    ValueError
        An empty or uneven grid, no seeds, `steps` or `every` below 1, no such device, or a
        hyper-parameter out of range.
    TypeError
        A hyper-parameter that no rule has.
    """
    rules = [rules] if isinstance(rules, Rule) else list(rules)
    grids = {r.name: list(lr[r.name] if isinstance(lr, Mapping) else lr) for r in rules}
    seeds = [int(seed) for seed in seeds]
    if not rules or not all(grids.values()):
        raise ValueError("the grid is empty: give at least one rule and one learning rate")
    if len({len(grid) for grid in grids.values()}) > 1:
        raise ValueError("each optimizer needs the same number of learning rates: equal budgets")
    if not seeds:
        raise ValueError("there are no seeds: give at least one")
    if steps < 1 or every < 1:
        raise ValueError(f"steps = {steps} and every = {every}, but both must be at least 1")
    if unknown := set(hyper) - {name for r in rules for name in r.hyper}:
        raise TypeError(f"no rule here has the hyper-parameter {', '.join(sorted(unknown))}")
    check_device(device)
    own = {r.name: {n: value for n, value in hyper.items() if n in r.hyper} for r in rules}
    for rule in rules:
        rule.check(lr=grids[rule.name], **own[rule.name])
    versions = torch.__version__, np.__version__
    results = []
    for rule in rules:
        runs = [(rate, seed) for rate in grids[rule.name] for seed in seeds]
        plan = (runs, own[rule.name], steps, every, device)
        depends = *ingredients(rule), *ingredients(task.network), *task.content
        name = key(*_CODE, *versions, *depends, *plan)
        train = partial(_train, task, rule, *plan)
        results.append(keep(f"{task.name}-{rule.name}-{name}", train))
    shape = len(rules), len(grids[rules[0].name]), len(seeds), -1
    return Sweep(
        optimizers=tuple(grids),
        lr=np.array(list(grids.values())),
        seeds=np.array(seeds),
        steps=np.arange(0, steps + 1, every),
        loss=np.stack([result["loss"] for result in results]).reshape(shape),
        accuracy=np.stack([result["accuracy"] for result in results]).reshape(shape),
    )


def check_device(device: str) -> None:
    """Raise ValueError unless PyTorch can compute on `device` here."""
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device = {device!r}, but it must be 'cpu' or 'cuda'")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = 'cuda', but PyTorch finds no GPU here; the CPU is the default")


def _train(
    task: Task,
    rule: Rule,
    runs: list[tuple[float, int]],
    hyper: dict[str, float],
    steps: int,
    every: int,
    device: str,
) -> Arrays:
    """Loss and accuracy of each run, (runs, records): the runs in chunks, as many as threads."""
    size = math.ceil(len(runs) / math.ceil(len(runs) / CHUNK))
    chunks = [runs[i : i + size] for i in range(0, len(runs), size)]
    train = [part.to(device) for part in task.train]
    validation = [part.to(device) for part in task.validation]
    starts = {seed: task.start(seed) for _, seed in runs}
    batches = {seed: torch.from_numpy(task.batches(seed, steps)) for _, seed in runs}
    measure = vmap(task.loss, (0, None, None)), vmap(task.accuracy, (0, None, None))

    def trained(chunk: list[tuple[float, int]]) -> Tensor:
        seeds = [seed for _, seed in chunk]
        theta = torch.stack([starts[seed] for seed in seeds])
        order = torch.stack([batches[seed] for seed in seeds], dim=1).to(device)
        examples = ((train[0][rows], train[1][rows]) for rows in order)
        rates = [rate for rate, _ in chunk]
        measured = []
        visited = population(rule, task.loss, theta.to(device), examples, lr=rates, **hyper)
        for t, theta in enumerate(visited):
            if t % every == 0:
                loss, accuracy = measure
                measured.append(
                    torch.stack([loss(theta, *train), accuracy(theta, *validation)]).cpu()
                )
            bar.update(t > 0)
        return torch.stack(measured, dim=-1)

    # Quiet unless a person watches: a notebook keeps what is written to stderr.
    bar = tqdm(total=len(chunks) * steps, desc=f"{task.name} {rule.name}", disable=None)
    with bar, one_thread() as threads, ThreadPoolExecutor(threads) as pool:
        loss, accuracy = torch.cat(list(pool.map(trained, chunks)), dim=1).numpy()
    return {"loss": np.where(np.isfinite(loss), loss, np.inf), "accuracy": accuracy}
