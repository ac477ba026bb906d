"""Bands: curves over the steps, as the live figures show them, for each optimizer and rate."""

from typing import NamedTuple, Self

import numpy as np
import xarray as xr

from optlab.statistics import band


class Curves(NamedTuple):
    """Median over the seeds, and the ends of its interval.

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

    @classmethod
    def of(cls, values: xr.DataArray, first: dict[str, float] | None = None) -> Self:
        """Curves of (optimizer, lr, seed, step), of at least 6 seeds and as many rates for each.

        A rate that only another optimizer has is nan. `first` are rates by optimizer; by default
        the middle one of each grid.
        """
        names = tuple(map(str, values.optimizer.values))
        own = [values.sel(optimizer=name).dropna("lr", how="all") for name in names]
        rates = np.stack([part.lr.values for part in own])
        runs = np.stack([part.transpose("lr", "seed", "step").values for part in own])
        middle = dict(zip(names, rates[:, rates.shape[1] // 2], strict=True))
        at = (int(np.abs(rates[i] - (first or middle)[n]).argmin()) for i, n in enumerate(names))
        return cls(names, rates, values.step.values, *band(runs, axis=2), tuple(at))

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
