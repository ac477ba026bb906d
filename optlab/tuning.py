"""Tuning: each optimizer gets its own best settings, by the same budget."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from optlab.statistics import chosen_again
from optlab.sweeps import sweep
from optlab.tasks import Task
from optlib.rule import Rule

FIRST_SEED = 1_000_000
"""The seeds of a comparison are counted from 0 and end before this; those of tuning begin here."""

Score = Callable[[xr.Dataset], tuple[xr.DataArray, ...]]
"""From runs to numbers, one a run, of which the lower is the better; the next ones decide ties."""


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Attributes
    ----------
    best : dict of str to dict of str to float
        For each optimizer its best learning rate, "lr", and its other hyper-parameters.
    tried : dict of str to list of float
        For each optimizer the learning rates that were tried, the same number for all.
    again : dict of str to float
        How often, as a share, the same settings are best when the seeds are drawn anew from
        themselves (bootstrap).
    edges : list of str
        The optimizers whose best learning rate is the lowest or the highest that was tried.
    runs : dict of str to Dataset
        For each optimizer all runs by which its settings were chosen, see `optlab.sweep`.
    """

    best: dict[str, dict[str, float]]
    tried: dict[str, list[float]]
    again: dict[str, float]
    edges: list[str]
    runs: dict[str, xr.Dataset]

    def notes(self) -> list[str]:
        """Sentences on what a reader must know of the choice."""
        return [
            f"The best rate of {name} is the edge of its grid, even after widening: "
            "another may serve it better."
            for name in self.edges
        ]


def last(values: xr.DataArray) -> xr.DataArray:
    """The mean over the last tenth of the records, at least one: less chance than one point has."""
    return values.isel(step=slice(-max(1, values.sizes["step"] // 10), None)).mean("step")


def lowest_last(metric: str = "validation_loss") -> Score:
    """A score: the lowest `metric` at the end, see `last`."""
    return lambda runs: (last(runs[metric]),)


def tune(
    task: Task,
    optimizers: Sequence[Rule],
    *,
    lr: Mapping[str, Sequence[float]],
    seeds: int,
    steps: int,
    score: Score,
    widen: int = 6,
    **settings: Any,
) -> Tuned:
    """The settings of each optimizer whose median score over the seeds is lowest.

    Where the best rate of some optimizer is the edge of its grid, every optimizer's grid grows by
    one rate and so on: its own at that edge, the others' at the end that is nearer to their best.
    So all have the same budget.

    Parameters
    ----------
    task : Task
        What is learnt.
    optimizers : sequence of Rule
        The rules.
    lr : mapping from optimizer, or its name, to sequence of float
        Learning rates to begin with, as many for each and at least three, above zero, rising by
        about the same factor.
    seeds : int
        Number of seeds; no comparison uses these.
    steps : int
        Length of each run.
    score : Score
        What is to be low. It should look at validation, never at test.
    widen : int
        Most rates that are added to each grid, default 6.
    **settings
        What else `sweep` takes; hyper-parameters given as sequences are tuned too.

    Raises
    ------
    ValueError
        Fewer than three rates, of which none could be best but at an edge; more for one optimizer
        than for another; a rate that is not above zero; or what `sweep` raises.
    TypeError
        A hyper-parameter that no optimizer has, or what `sweep` raises.
    """
    lr = {getattr(optimizer, "name", optimizer): grid for optimizer, grid in lr.items()}
    grids = {rule.name: sorted({float(r) for r in lr.get(rule.name, ())}) for rule in optimizers}
    for name, grid in grids.items():
        if len(grid) < 3:
            raise ValueError(
                f"{name}: {len(grid)} learning rates to choose from, but a choice needs at least "
                "3, so that the best can have others on both sides"
            )
        if not grid[0] > 0:
            raise ValueError(f"{name}: lr = {grid[0]:g}, but a rate to choose must be above zero")
    if len({len(grid) for grid in grids.values()}) > 1:
        raise ValueError("each optimizer needs the same number of learning rates: equal budgets")
    known = {*inspect.signature(sweep).parameters, *(n for r in optimizers for n in r.hyper)}
    if unknown := set(settings) - known:
        raise TypeError(f"no rule here has the hyper-parameter {', '.join(sorted(unknown))}")
    own = {rule.name: _own(rule, settings) for rule in optimizers}
    drawn = range(FIRST_SEED, FIRST_SEED + seeds)

    def trained(rule: Rule, rates: list[float]) -> xr.Dataset:
        runs = sweep(task, rule, lr=rates, seeds=drawn, steps=steps, **own[rule.name])
        return runs.isel(optimizer=0)

    def scored(runs: xr.Dataset) -> xr.Dataset:
        return xr.Dataset({str(i): part for i, part in enumerate(score(runs))})

    runs = {rule.name: trained(rule, grids[rule.name]) for rule in optimizers}
    found = {name: scored(own_runs) for name, own_runs in runs.items()}
    for widened in range(widen + 1):
        best = {name: _best(scores) for name, scores in found.items()}
        sides = {name: _side(grids[name], best[name]["lr"]) for name in grids}
        edges = [name for name, (at_edge, _) in sides.items() if at_edge]
        if not edges or widened == widen:
            break
        for rule in optimizers:
            _, high = sides[rule.name]
            grid = grids[rule.name]
            rate = grid[-1] ** 2 / grid[-2] if high else grid[0] ** 2 / grid[1]
            grids[rule.name] = sorted([*grid, rate])
            both = [runs[rule.name], trained(rule, [rate])]
            runs[rule.name] = xr.concat(both, "lr").sortby("lr")
            found[rule.name] = scored(runs[rule.name])
    again = {name: chosen_again(_ranked(scores)) for name, scores in found.items()}
    return Tuned(best, grids, again, edges, runs)


def _own(rule: Rule, settings: dict[str, Any]) -> dict[str, Any]:
    """Those settings that are the sweep's or this rule's hyper-parameters."""
    of_sweep = inspect.signature(sweep).parameters
    return {name: value for name, value in settings.items() if name in {*of_sweep, *rule.hyper}}


def _ranked(scores: xr.Dataset) -> np.ndarray:
    """Each score as (settings, seeds), the first the most important: (scores, settings, seeds)."""
    others = [dim for dim in scores.dims if dim != "seed"]
    return np.stack(
        [part.transpose(*others, "seed").values.reshape(-1, scores.sizes["seed"])
         for part in scores.values()]
    )  # fmt: skip


def _best(scores: xr.Dataset) -> dict[str, float]:
    """The settings with the lowest median score over the seeds, those that vary."""
    medians = np.median(_ranked(scores), axis=-1)
    row = int(np.lexsort(medians[::-1])[0])
    others = [str(dim) for dim in scores.dims if dim != "seed"]
    shape = tuple(scores.sizes[dim] for dim in others)
    place: Any = np.unravel_index(row, shape)
    return {dim: float(scores[dim][i]) for dim, i in zip(others, place, strict=True)}


def _side(grid: list[float], rate: float) -> tuple[bool, bool]:
    """Whether a rate is at an edge of its grid, and whether the high end is the nearer one."""
    i = grid.index(rate)
    return i in (0, len(grid) - 1), 2 * i >= len(grid) - 1
