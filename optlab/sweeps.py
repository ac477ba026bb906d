"""A sweep: optimizers, learning rates, other hyper-parameters and seeds, trained on one task."""

import linecache
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from itertools import product
from operator import index
from threading import Event, Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
import xarray as xr
from tqdm import tqdm

from optlab import store
from optlab.keys import Ingredients
from optlab.store import Arrays
from optlab.tasks import Drawn, Task, one_thread
from optlab.train import (
    MAGNITUDES,
    Chunk,
    RateFunction,
    described,
    memory,
    scheduled,
    train,
)
from optlib.faces.population import demand_compiler
from optlib.rule import Rule

MAX_RUNS, MAX_RUNS_COMPILED = 32, 64
"""Runs trained as one program at most: more are not quicker, and are kept later."""

BUDGET = 2**28
"""Bytes that the runs of a chunk may need together, by default."""

Grid = float | Sequence[float]


def sweep(
    task: Task,
    optimizers: Rule | Sequence[Rule],
    *,
    lr: Grid | Mapping[Any, Grid],
    seeds: Iterable[int],
    steps: int,
    every: int | None = None,
    schedule: RateFunction | None = None,
    gradients: bool = False,
    compiled: bool = False,
    device: str = "cpu",
    budget: int = BUDGET,
    client: Any = None,
    **hyper: Grid,
) -> xr.Dataset:
    """Train every optimizer with every learning rate from every seed.

    Runs with the same seed start at the same point and see the same mini-batches. They are trained
    in chunks. Each finished chunk is kept on disk (`optlab.store`), so that a sweep that was
    broken off goes on where it stopped, and one that was run before is read.

    Parameters
    ----------
    task : Task
        What is learnt.
    optimizers : Rule or sequence of Rule
        The rules.
    lr : float, sequence of float, or a mapping from optimizer, or its name, to one
        Learning rates; with a mapping each optimizer has its own, of the same number.
    seeds : iterable of int
        A seed stands for initial parameters and mini-batches.
    steps : int
        Length of each run.
    every : int, optional
        Measure after each so many steps, and at start and end; default about 50 times.
    schedule : callable, optional
        From `step` and `lr`, the peak, which are arrays, to the rate of a step: one of
        `optlib.schedules`, such as `partial(warmup, warmup=100)`. Default a constant rate.
    gradients : bool
        Whether the mini-batches' gradients are measured too, default False.
    compiled : bool
        Whether steps are compiled: worth its seconds for many or long runs. Default False.
    device : str
        "cpu", the default, or "cuda". Results from the two are kept apart.
    budget : int
        Bytes that the runs of one chunk may need, default a quarter of a gibibyte; there are as
        many chunks at once as PyTorch has threads.
    client : dask.distributed.Client, optional
        Where the chunks are computed, default here. A worker that dies costs no result.
    **hyper
        Other hyper-parameters, each for the optimizers that have it. A sequence makes a dimension.

    Returns
    -------
    xarray.Dataset
        What the task measures, such as "train_loss", "validation_loss" and "test_accuracy", with
        the dimensions optimizer, lr, the hyper-parameters given as sequences, seed and step; and
        "diverged" for each run. A diverged run's losses are inf from there on. A rate that only
        another optimizer has is nan. An optimizer without some hyper-parameter has the same
        numbers at all its values. With `gradients` there are "gradient_norm" and
        "gradient_histogram", whose dimension magnitude has the bins' lower edges.
        `attrs["seconds"]` is the time that computing took, now or when it was done.

    Raises
    ------
    ValueError
        An empty or uneven grid, no seeds, `steps`, `every` or `budget` out of range, no such
        device, no compiler, a hyper-parameter out of range, or a worker with other code.
    TypeError
        A hyper-parameter that no optimizer has, an optimizer or a client that is none, or seeds
        or steps that are not whole.
    """
    rules = [optimizers] if isinstance(optimizers, Rule) else list(optimizers)
    if strange := [rule for rule in rules if not isinstance(rule, Rule)]:
        raise TypeError(f"{strange[0]!r} is no optimizer: give rules, as @rule makes them")
    if isinstance(lr, Mapping):
        lr = {getattr(optimizer, "name", optimizer): grid for optimizer, grid in lr.items()}
    rates = {r.name: _grid(lr.get(r.name, ()) if isinstance(lr, Mapping) else lr) for r in rules}
    others = {name: _grid(value) for name, value in hyper.items()}
    seeds, steps = [index(seed) for seed in seeds], index(steps)
    every = index(every) if every is not None else max(1, steps // 50)
    _check(rules, lr, rates, others, seeds, steps, every, schedule)
    check_device(device)
    check_client(client)
    if compiled and device == "cpu":
        demand_compiler()
    need = memory(task, steps // every + 2, gradients)
    limit = int(min(MAX_RUNS_COMPILED if compiled else MAX_RUNS, budget // need))
    if limit < 1:
        raise ValueError(f"budget = {budget} bytes, but one run of {task.name} needs {need}")

    chunks: list[Chunk] = []
    owners: list[tuple[Rule, range]] = []
    settings = (steps, every, schedule, gradients, device, compiled)
    for rule in rules:
        own = {name: values for name, values in others.items() if name in rule.hyper}
        runs = list(product(rates[rule.name], *own.values(), seeds))
        first = len(chunks)
        for rows in np.array_split(np.arange(len(runs)), -(-len(runs) // limit)):
            *columns, seed = zip(*(runs[row] for row in rows), strict=True)
            values = dict(zip(("lr", *own), columns, strict=True))
            chunks.append(Chunk(task, rule, values, seed, *settings))
        owners.append((rule, range(first, len(chunks))))
    found = results(chunks, client)

    parts = []
    for rule, indices in owners:
        arrays = {
            name: np.concatenate([found[i][name] for i in indices])
            for name in found[indices[0]]
            if name != "seconds"
        }
        own = {name: values for name, values in others.items() if name in rule.hyper}
        axes: dict[str, Sequence[float]] = {"lr": rates[rule.name], **own, "seed": seeds}
        part = labelled(arrays, axes, chunks[0].recorded)
        extra = {name: values for name, values in others.items() if name not in rule.hyper}
        parts.append(part.expand_dims(extra).transpose("lr", *others, "seed", ...))
    joined = xr.concat(
        parts,
        xr.Variable("optimizer", [rule.name for rule in rules]),
        join="outer",
        fill_value={"diverged": False},
    )
    joined = joined.sortby("lr").transpose("optimizer", "lr", *others, "seed", "step", ...)
    seconds = sum(float(arrays["seconds"]) for arrays in found)
    single = [name for name in others if name in hyper and np.ndim(hyper[name]) == 0]
    return joined.squeeze(single).assign_attrs(task=task.name, seconds=seconds)


def check_device(device: str) -> None:
    """Raise ValueError unless PyTorch can compute on `device` here."""
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device = {device!r}, but it must be 'cpu' or 'cuda'")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = 'cuda', but PyTorch finds no GPU here; the CPU is the default")


def check_client(client: Any) -> None:
    """Raise TypeError unless `client` is None or a Dask client that answers at once."""
    if client is not None and (not hasattr(client, "cancel") or client.asynchronous):
        raise TypeError(
            f"client = {client!r}, but it must be a dask.distributed.Client (not asynchronous), "
            "such as Client() for this machine or Client('address:port') for a cluster"
        )


class Use(NamedTuple):
    """A chunk that was used: its name in the store, and the seconds that computing it took."""

    chunk: Chunk
    name: str
    seconds: float


class Meter:
    """What was computed or read within a `metered` block, without its numbers.

    Attributes
    ----------
    chunks : dict of str to Use
        The chunks, by the key of their definition.
    beside : float
        Seconds of what was measured without a sweep.
    """

    def __init__(self) -> None:
        self.chunks: dict[str, Use] = {}
        self.beside = 0.0

    @property
    def seconds(self) -> float:
        """How long the computing took, now or when it was done."""
        return self.beside + sum(use.seconds for use in self.chunks.values())


_meters: ContextVar[tuple[Meter, ...]] = ContextVar("meters", default=())


class Recorded(Protocol):
    """Runs that were kept: see `optlab.records.Record`."""

    def runs(self, chunk: Chunk, stated: str) -> Arrays:
        """Those of a chunk; `stated` is the key of its definition."""


_recorded: ContextVar[Recorded | None] = ContextVar("recorded", default=None)


@contextmanager
def metered(recorded: Recorded | None = None) -> Iterator[Meter]:
    """Notes which chunks the sweeps within the block use.

    With `recorded` runs nothing is computed: they are taken, whatever the versions that they were
    made with.
    """
    meter = Meter()
    meters = _meters.set((*_meters.get(), meter))
    known = _recorded.set(recorded)
    try:
        yield meter
    finally:
        _meters.reset(meters)
        _recorded.reset(known)


@contextmanager
def timed() -> Iterator[None]:
    """Counts the block's time as computing: for what is measured without a sweep."""
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    for meter in _meters.get():
        meter.beside += seconds


def kept(name: str, made_of: Ingredients, compute: Callable[[], Arrays]) -> Arrays:
    """What `compute` gives, read from the store if it was computed before.

    Its time counts as computing, now or when it was done. For what is measured without a sweep
    and takes seconds; `made_of` is all that it depends on.
    """
    name = f"{name}-{made_of.exact}"
    found = store.load(name)
    if found is None:
        began = time.perf_counter()
        found = compute()
        found["seconds"] = np.array(time.perf_counter() - began)
        store.save(name, found)
    for meter in _meters.get():
        meter.beside += float(found["seconds"])
    return found


def results(chunks: Sequence[Chunk], client: Any = None) -> list[Arrays]:
    """The results of all chunks: kept ones read, the others computed and kept."""
    kinds = [(chunk.task, chunk.rule, chunk.schedule) for chunk in chunks]
    known = {kind: described(*kind) for kind in dict.fromkeys(kinds)}
    made = [chunk.ingredients(known[kind]) for chunk, kind in zip(chunks, kinds, strict=True)]
    names = [
        f"{chunk.task.name}-{chunk.rule.name}-{parts.exact}"
        for chunk, parts in zip(chunks, made, strict=True)
    ]
    recorded = _recorded.get()
    found: dict[str, Arrays] = {}
    for name, chunk, parts in zip(names, chunks, made, strict=True):
        before = store.load(name) if recorded is None else recorded.runs(chunk, parts.stated)
        if before is not None:
            found[name] = before
    missing = {name: chunk for name, chunk in zip(names, chunks, strict=True) if name not in found}
    if missing:
        total = sum(chunk.steps * len(chunk.seeds) for chunk in missing.values())
        label = f"{chunks[0].task.name}: {', '.join(dict.fromkeys(c.rule.name for c in chunks))}"
        # Quiet unless a person watches: a notebook keeps what is written to stderr.
        with tqdm(total=total, desc=label, unit="step", unit_scale=True, disable=None) as bar:
            texts = {file: lines for parts in made for file, lines in parts.texts.items()}
            compute = _here if client is None else _on(client, texts)
            with closing(compute(missing, bar.update)) as computed:
                for name, arrays in computed:
                    store.save(name, arrays)
                    found[name] = arrays
    for meter in _meters.get():
        meter.chunks.update(
            (parts.stated, Use(chunk, name, float(found[name]["seconds"])))
            for name, chunk, parts in zip(names, chunks, made, strict=True)
        )
    return [found[name] for name in names]


Computed = Generator[tuple[str, Arrays], None, None]
Progress = Callable[[int], Any]


def _here(chunks: dict[str, Chunk], progress: Progress) -> Computed:
    """In this process, as many chunks at once as it has threads.

    One thread a chunk is as quick as many for small matrices, and does not suffer from other
    programs; a compiled chunk, or one on a GPU, has the whole machine for itself.
    """
    some = next(iter(chunks.values()))
    alone = some.compiled or some.device != "cpu"
    stopped, turn = Event(), Lock()

    def trained(name: str) -> tuple[str, Arrays]:
        runs = len(chunks[name].seeds)

        def step(steps: int) -> None:
            if stopped.is_set():
                raise CancelledError
            with turn:
                progress(steps * runs)

        return name, train(chunks[name], step)

    with nullcontext(1) if alone else one_thread() as threads, ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(trained, name) for name in chunks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:  # after an interruption or an error do not train the rest
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _on(
    client: Any, texts: dict[str, list[str]]
) -> Callable[[dict[str, Chunk], Progress], Computed]:
    """On a cluster, each chunk as soon as a worker is free."""
    from distributed import as_completed as finished

    def compute(chunks: dict[str, Chunk], progress: Progress) -> Computed:
        # Sent once, and not by `scatter`: what is only scattered dies with the worker that has it.
        tasks = {chunk.task: None for chunk in chunks.values()}
        held = {task: client.submit(_unchanged, task, pure=False) for task in tasks}
        futures = {}
        for name, chunk in chunks.items():
            rest = replace(chunk, task=None)  # type: ignore[arg-type]
            future = client.submit(_train_there, held[chunk.task], rest, name, texts, pure=False)
            futures[future] = name
        try:
            for future in finished(futures):
                name = futures[future]
                yield name, future.result()
                progress(chunks[name].steps * len(chunks[name].seeds))
        finally:
            client.cancel([*futures, *held.values()])

    return compute


def _unchanged(task: Task | Drawn) -> Task | Drawn:
    return task


def _train_there(
    task: Task | Drawn, chunk: Chunk, name: str, texts: dict[str, list[str]]
) -> Arrays:
    """Train on a worker, whose code and versions must be the client's."""
    chunk = replace(chunk, task=task)
    for file, lines in texts.items():  # of a script or a notebook, which only the client has
        linecache.cache[file] = sum(map(len, lines)), None, lines, file
    if not name.endswith(chunk.ingredients().exact):
        raise ValueError(
            "a worker's optlib, Python, PyTorch or NumPy is not the client's, and its numbers "
            "could differ: install the same versions on all machines of the cluster"
        )
    return train(chunk)


def _grid(values: Grid) -> list[float]:
    """The values of a grid, each once, rising."""
    return sorted({float(value) for value in np.ravel(np.asarray(values, dtype=float))})


def labelled(
    arrays: Arrays, axes: Mapping[str, Sequence[float]], steps: Sequence[int]
) -> xr.Dataset:
    """One optimizer's results with names for their dimensions; the runs are in `axes`' order."""
    shape = tuple(len(values) for values in axes.values())
    rest = ("step", "magnitude")
    variables = {
        name: ((*axes, *rest[: values.ndim - 1]), values.reshape((*shape, *values.shape[1:])))
        for name, values in arrays.items()
    }
    coordinates: dict[str, Any] = {name: list(values) for name, values in axes.items()}
    coordinates["step"] = list(steps)
    if "gradient_histogram" in arrays:
        coordinates["magnitude"] = 10.0 ** MAGNITUDES[:-1]
    return xr.Dataset(variables, coordinates)


def _check(
    rules: list[Rule],
    lr: Any,
    rates: dict[str, list[float]],
    others: dict[str, list[float]],
    seeds: list[int],
    steps: int,
    every: int,
    schedule: RateFunction | None,
) -> None:
    """Raise the errors that `sweep` promises, before anything is trained."""
    if len(rates) < len(rules):
        raise ValueError("two optimizers have the same name: their results could not be told apart")
    if isinstance(lr, Mapping) and (strange := set(lr) - set(rates)):
        raise ValueError(
            f"lr has rates for {', '.join(sorted(strange))}, which is not trained here"
        )
    if not rules or not all((*rates.values(), *others.values())):
        raise ValueError("the grid is empty: give at least one optimizer and one learning rate")
    if len({len(grid) for grid in rates.values()}) > 1:
        raise ValueError("each optimizer needs the same number of learning rates: equal budgets")
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ValueError(f"seeds = {seeds}, but they must be different whole numbers from 0 on")
    if steps < 1 or every < 1:
        raise ValueError(f"steps = {steps} and every = {every}, but both must be at least 1")
    if unknown := set(others) - {name for rule in rules for name in rule.hyper}:
        raise TypeError(f"no rule here has the hyper-parameter {', '.join(sorted(unknown))}")
    for rule in rules:
        own = {name: values for name, values in others.items() if name in rule.hyper}
        for name, values in {"lr": rates[rule.name], **own}.items():
            rule.check(**{name: np.array(values)})
        if schedule is not None:
            rule.check(lr=scheduled(schedule, steps, np.array(rates[rule.name])))
