"""What studies that compare tuned optimizers by their losses at the end share."""

import math
from typing import Any

import xarray as xr

from optlab.card import Setting
from optlab.statistics import estimate, number
from optlab.tasks import Classification
from optlab.train import RateFunction
from optlab.tuning import Tuned, last, lowest_last, tune
from optlib.rule import Rule
from optlib.table import Table

SettingsGrid = dict[str, tuple[float, ...]]
"""For an optimizer: its learning rates, "lr", and the other settings that are tuned with them."""


def check_grids(rules: list[Rule], grids: dict[str, SettingsGrid]) -> None:
    """Raise ValueError unless the rules have as many settings, and equal ones of what they share.

    `grids` has what is tuned, by optimizer.
    """
    counts = {n: math.prod(map(len, grid.values())) for n, grid in grids.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} for {name}" for name, count in counts.items())
        raise ValueError(f"both optimizers need as many settings, not {told}: equal budgets")
    for rule in rules:
        own = {n: v for n, v in _others(grids).items() if n in rule.hyper}
        if own != {n: v for n, v in grids[rule.name].items() if n != "lr"}:
            raise ValueError(
                f"{rule.name} has {', '.join(own)}: what both have must have the same values"
            )


def compared(
    task: Classification,
    rules: list[Rule],
    grids: dict[str, SettingsGrid],
    steps: int,
    tuning_seeds: int,
    setting: Setting,
    schedule: RateFunction | None = None,
    every: int | None = None,
) -> tuple[Tuned, dict[str, xr.Dataset]]:
    """What tuning by the validation loss at the end found, and by optimizer the compared runs.

    The runs are made with the best settings, from seeds that tuning does not use; their
    optimizer and rate are dimensions of size 1. By default the rate is constant, and the losses are
    looked at 20 times.
    """
    every = every or max(1, steps // 20)
    tuned = tune(
        task,
        rules,
        lr={rule.name: grids[rule.name]["lr"] for rule in rules},
        seeds=tuning_seeds,
        steps=steps,
        score=lowest_last(),
        every=every,
        schedule=schedule,
        **setting.place,
        **_others(grids),
    )
    runs = {}
    for rule in rules:
        found = setting.sweep(
            task,
            rule,
            seeds=range(setting.seeds),
            steps=steps,
            every=every,
            schedule=schedule,
            **tuned.best[rule.name],
        )
        own = [name for name in tuned.best[rule.name] if name != "lr"]
        runs[rule.name] = found.drop_vars(own)
    return tuned, runs


def at_end(runs: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Training and test loss at the end by seed, see `last`, of what `compared` gives."""
    parts = ["train_loss", "test_loss"]
    return {name: part[parts].isel(optimizer=0, lr=0).map(last) for name, part in runs.items()}


def settings_told(grids: dict[str, SettingsGrid], tuning_seeds: int) -> str:
    """How the settings are chosen, in words."""
    told = "; ".join(
        f"{name}: " + ", ".join(f"{n} {_either(values)}" for n, values in grid.items())
        for name, grid in grids.items()
    )
    return (
        "each optimizer's best by the median validation loss at the end over "
        f"{tuning_seeds} seeds that the comparison does not use, of as many settings for "
        f"both: {told}; if the best rate is an edge, both grids are widened"
    )


def ending_rows(task: str, tuned: Tuned, ends: dict[str, xr.Dataset]) -> list[tuple[str, ...]]:
    """A row an optimizer for the table `endings`."""
    return [
        (
            f"{task}, {name}",
            ", ".join(f"{n} {number(value)}" for n, value in tuned.best[name].items()),
            f"{100 * tuned.again[name]:.0f} %",
            str(estimate(end.train_loss)),
            str(estimate(end.test_loss)),
            str(estimate(end.test_loss - end.train_loss)),
        )
        for name, end in ends.items()
    ]


def endings(rows: list[tuple[str, ...]]) -> Table:
    """The losses at the end, a row a task and optimizer."""
    return Table(
        "Losses at the end in nats, and the gap, test less train; median and 95 % interval",
        ("task, optimizer", "best settings", "chosen again", "train", "test", "gap"),
        rows,
    )


def _others(grids: dict[str, SettingsGrid]) -> dict[str, Any]:
    """What is tuned beside the learning rates, each for the optimizers that have it."""
    return {n: v for grid in grids.values() for n, v in grid.items() if n != "lr"}


def _either(values: tuple[float, ...]) -> str:
    return " or ".join(map(number, values))
