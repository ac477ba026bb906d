"""The learning-rate range test (Smith 2017, section 3.3): one short run finds useful rates.

The rate grows from step to step. While it is too small the loss stays, then the loss falls, and in
the end it rises. The test reads off where the fall begins and where it ends. One run alone does
not say how much of that is chance, so the test is repeated, gives an interval for both, and says in
words when it is not sure.

How it misleads: each rate has one update only, in the first phase of training. A rate that diverges
slowly looks good, and so does one that is good at the start alone. On a quadratic without noise the
steep directions are solved on the way and need many updates to grow again, so that the fall ends
far beyond the largest rate that converges. Against the first of these the test holds half of the
rate that it found for as many updates, and says when the loss does not fall.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    import torch

TrainStep = Callable[[float], Any]
"""Makes one update with this learning rate and returns the loss before it."""

_FELL = 2.0
"""A fall counts when it is larger than the noise of the loss by this factor."""

_BEGUN = 0.1
"""The fall has begun when this share of it is done."""

_APART = 3.0
"""Repeats agree when their largest and their smallest bound are no further apart than this."""


@dataclass(frozen=True)
class Curve:
    """One repeat.

    Attributes
    ----------
    rates : array
        The rate of each step.
    losses : array
        The loss before each step.
    smoothed : array
        Moving average of the losses.
    smoothed_rates : array
        The same average of the rates, geometric, so that the two belong together.
    diverged : bool
        Whether the loss was no longer finite or rose beyond the limit.
    low : float
        Where the fall begins; nan when the loss did not fall.
    high : float
        Where it ends.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    smoothed_rates: np.ndarray
    diverged: bool
    low: float
    high: float

    @property
    def turned(self) -> bool:
        """Whether the loss diverged, or rose again by half of its fall."""
        end = int(np.argmin(self.smoothed))
        top, bottom, last = self.smoothed[: end + 1].max(), self.smoothed[end], self.smoothed[-1]
        return self.diverged or bool(last - bottom > (top - bottom) / 2)


@dataclass(frozen=True, repr=False)
class RangeTest:
    """What a range test has found.

    Attributes
    ----------
    low : float
        Rate where the fall of the loss begins: the median over the repeats, nan when no loss fell.
    high : float
        Rate where it ends, likewise. The two are bounds for cyclical rates. On a parabola `high` is
        the largest rate that converges, 2 / h with the curvature h, and half of it is the fastest.
    low_interval : tuple of float
        Smallest and largest `low` over the repeats.
    high_interval : tuple of float
        Smallest and largest `high`.
    doubts : tuple of str
        Why the bounds are uncertain; empty when nothing speaks against them.
    curves : tuple of Curve
        The repeats.
    """

    curves: tuple[Curve, ...]
    low: float
    high: float
    low_interval: tuple[float, float]
    high_interval: tuple[float, float]
    doubts: tuple[str, ...]

    @property
    def sure(self) -> bool:
        """Whether nothing speaks against the bounds."""
        return not self.doubts

    def __repr__(self) -> str:
        lines = [f"LR range test, repeats: {len(self.curves)}"]
        for name, value, (least, most) in (
            ("low", self.low, self.low_interval),
            ("high", self.high, self.high_interval),
        ):
            lines.append(f"  {name:4} {value:.2g}, over the repeats {least:.2g} to {most:.2g}")
        n = sum(math.isfinite(curve.high) for curve in self.curves)
        if n > 1:  # the median of all possible repeats lies beyond n of them by chance 2 * 2**-n
            lines.append(
                f"  with a chance of {1 - 2 ** (1 - n):.0%} each interval contains the true median"
            )
        lines += (
            ["not sure, because", *(f"  - {doubt}" for doubt in self.doubts)]
            if self.doubts
            else ["sure: each loss fell and rose, the repeats agree, and half of high trains"]
        )
        return "\n".join(lines)


def range_test(
    begin: Callable[[int], TrainStep],
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    repeats: int = 5,
    smoothing: float = 0.8,
    diverge: float = 4.0,
) -> RangeTest:
    """Run the range test on any training.

    Parameters
    ----------
    begin : function
        `begin(seed)` begins a training anew and returns a function `train_step(lr)`, which makes
        one update with the rate `lr` and returns the loss before it. Seeds are 0, 1, ... and
        twice as many as repeats, as half of `high` is tried on new ones; each should bring other
        batches, and may bring other initial parameters.
    low, high : float
        First and last rate; the rates between them grow by the same factor each step.
    steps : int
        Updates from `low` to `high`, at least 20.
    repeats : int
        How often the whole is done.
    smoothing : float
        How much of the moving average of the loss stays each step, 0 <= smoothing < 1.
    diverge : float
        A repeat ends when the average has risen from its lowest value to this multiple of it.

    Returns
    -------
    RangeTest
        Curves, bounds, and how sure they are.

    Raises
    ------
    ValueError
        A number out of range.
    TypeError
        `begin` does not return a function, or that function returns no number.
    """
    if not callable(begin):
        raise TypeError(f"range_test: begin must be a function of a seed, got {begin!r}")
    _check(low=low, high=high, steps=steps, repeats=repeats, smoothing=smoothing, diverge=diverge)
    rates = np.geomspace(low, high, steps)
    with tqdm(total=2 * repeats * steps, desc="LR range test", disable=None) as bar:
        curves = []
        for seed in range(repeats):
            curves.append(_sweep(begin(seed), rates, smoothing, diverge, bar))
            bar.update((seed + 1) * steps - bar.n)
        lows, highs = (np.array([getattr(c, n) for c in curves]) for n in ("low", "high"))
        found_low, found_high = _median(lows), _median(highs)
        held = np.full(steps, found_high / 2)
        seeds = range(repeats, 2 * repeats) if math.isfinite(found_high) else ()
        failed = sum(not _falls(begin(seed), held, smoothing, bar) for seed in seeds)
    doubts = tuple(_doubts(curves, rates, failed))
    return RangeTest(
        tuple(curves), found_low, found_high, _interval(lows), _interval(highs), doubts
    )


def read_curve(rates: Any, losses: Any, *, smoothing: float = 0.8, diverge: float = 4.0) -> Curve:
    """Read a test that was run elsewhere as `range_test` reads its own repeats.

    Parameters
    ----------
    rates, losses : n numbers
        The rate of each step, rising, and the loss before it. What follows a divergence is left
        out.
    smoothing, diverge : float
        As in `range_test`.

    Raises
    ------
    ValueError
        Not as many losses as rates, or fewer than 20.
    """
    rates, losses = np.asarray(rates, dtype=float), np.asarray(losses, dtype=float)
    if rates.shape != losses.shape or rates.ndim != 1 or len(rates) < 20:
        raise ValueError(
            "read_curve takes at least 20 rates and as many losses, got shapes "
            f"{rates.shape} and {losses.shape}"
        )
    again = iter(losses.tolist())
    return _sweep(lambda _: next(again), rates, smoothing, diverge, tqdm(disable=True))


def torch_range_test(
    optimizer: "torch.optim.Optimizer",
    closure: Callable[[], Any],
    *,
    model: "torch.nn.Module | None" = None,
    **settings: Any,
) -> RangeTest:
    """Run the range test with a torch optimizer, and leave everything as it was.

    Each repeat begins at the parameters and the optimizer state of now; they are put back at the
    end too, also after an error or an interrupt. What `closure` draws from, its batches and random
    numbers, goes on. Groups keep the ratios of their rates; the largest one is what is tested.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer, ours or another's.
    closure : function
        As for `optimizer.step`: it draws the next batch, clears the gradients, computes the loss,
        calls `backward()` and returns the loss.
    model : torch.nn.Module, optional
        Needed when it holds more than the optimizer's parameters, such as the running averages of
        a batch normalization.
    **settings
        Of `range_test`.

    Raises
    ------
    ValueError
        As in `range_test`, or all groups have the rate 0, or `closure` leaves no gradients.
    TypeError
        As in `range_test`.
    """
    import torch

    if not isinstance(optimizer, torch.optim.Optimizer) or not callable(closure):
        raise TypeError(
            "torch_range_test takes a torch optimizer and a function that computes the loss, got "
            f"{type(optimizer).__name__} and {type(closure).__name__}"
        )
    top = max(float(group["lr"]) for group in optimizer.param_groups)
    if not top > 0:
        raise ValueError("torch_range_test: give the optimizer a learning rate above 0")
    shares = [float(group["lr"]) / top for group in optimizer.param_groups]

    def train_step(lr: float) -> Any:
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            if torch.is_tensor(group["lr"]):
                group["lr"].fill_(lr * share)
            else:
                group["lr"] = lr * share
        loss = optimizer.step(closure)
        if all(p.grad is None for group in optimizer.param_groups for p in group["params"]):
            raise ValueError("torch_range_test: closure must call backward() on the loss")
        return loss

    with _restored(optimizer, model) as restore:

        def begin(_: int) -> TrainStep:
            restore()
            return train_step

        return range_test(begin, **settings)


@contextmanager
def _restored(optimizer: Any, model: Any) -> Iterator[Callable[[], None]]:
    """Put everything back at the end, and whenever what it gives is called."""
    import torch

    params = [p for group in optimizer.param_groups for p in group["params"]]
    if model is not None:
        params += [p for p in model.parameters() if not any(p is q for q in params)]
    kept = [(p, p.detach().clone(), p.grad, _copy(p.grad)) for p in params]
    modules = [] if model is None else [(m, m.training, dict(m._buffers)) for m in model.modules()]
    buffers = [(b, b.clone()) for _, _, held in modules for b in held.values() if b is not None]
    state = deepcopy(optimizer.state_dict())
    # The groups themselves too, and a tensor that is an option, since others may hold them.
    groups = [(group, dict(group)) for group in optimizer.param_groups]
    numbers = [(x, x.clone()) for _, held in groups for x in held.values() if torch.is_tensor(x)]

    def restore() -> None:
        for p, value, grad, grad_value in kept:
            p.data.copy_(value)
            p.grad = grad
            if grad is not None:
                grad.data.copy_(grad_value)
        for module, training, held in modules:
            module.training = training
            module._buffers.update(held)
        for buffer, value in buffers:
            buffer.data.copy_(value)
        optimizer.load_state_dict(deepcopy(state))
        optimizer.param_groups[:] = [group for group, _ in groups]
        for group, held in groups:
            group.update(held)
        for x, value in numbers:
            x.copy_(value)

    try:
        yield restore
    finally:
        restore()


def _copy(x: Any) -> Any:
    return None if x is None else x.detach().clone()


def _check(**settings: Any) -> None:
    wanted: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "low": ("above 0", lambda x: x > 0),
        "high": ("above low", lambda x: x > settings["low"]),
        "steps": ("a whole number, at least 20", lambda x: x >= 20 and x == int(x)),
        "repeats": ("a whole number, at least 1", lambda x: x >= 1 and x == int(x)),
        "smoothing": ("at least 0 and below 1", lambda x: 0 <= x < 1),
        "diverge": ("above 1", lambda x: x > 1),
    }
    for name, (words, holds) in wanted.items():
        value = settings[name]
        if not isinstance(value, int | float | np.number) or isinstance(value, bool):
            raise TypeError(f"range_test: {name} must be a number, got {value!r}")
        if not (math.isfinite(value) and holds(value)):
            raise ValueError(f"range_test: {name} must be {words}, got {value!r}")


class Average:
    """Exponential moving average, free of the bias towards 0 with which it begins."""

    def __init__(self, smoothing: float) -> None:
        self.smoothing, self.sum, self.weight = smoothing, 0.0, 0.0

    def add(self, x: float) -> float:
        self.sum = self.smoothing * self.sum + (1 - self.smoothing) * x
        self.weight = self.smoothing * self.weight + (1 - self.smoothing)
        return self.sum / self.weight


def _train(
    train_step: TrainStep, rates: np.ndarray, smoothing: float, diverge: float, bar: Any
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Losses and their average until the rates are through or the loss has diverged."""
    if not callable(train_step):
        raise TypeError(
            f"range_test: begin(seed) must return a function train_step(lr), got {train_step!r}"
        )
    losses: list[float] = []
    smoothed: list[float] = []
    average, diverged = Average(smoothing), False
    for lr in rates.tolist():
        losses.append(_loss(train_step(lr)))
        smoothed.append(average.add(losses[-1]))
        bar.update()
        best = min(smoothed)
        limit = best + (diverge - 1) * abs(best)  # that multiple, and above it if it is negative
        settled = len(losses) > 1 / (1 - smoothing)
        diverged = not math.isfinite(losses[-1]) or (settled and smoothed[-1] > limit)
        if diverged:
            break
    return np.array(losses), np.array(smoothed), diverged


def _sweep(
    train_step: TrainStep, rates: np.ndarray, smoothing: float, diverge: float, bar: Any
) -> Curve:
    losses, smoothed, diverged = _train(train_step, rates, smoothing, diverge, bar)
    rates, average = rates[: len(losses)], Average(smoothing)
    centres = np.exp([average.add(x) for x in np.log(rates).tolist()])
    low, high = _bounds(losses, smoothed, centres, smoothing)
    return Curve(rates, losses, smoothed, centres, diverged, low, high)


def _falls(train_step: TrainStep, rates: np.ndarray, smoothing: float, bar: Any) -> bool:
    """Whether the loss is lower at the end than it was at the start."""
    losses, smoothed, diverged = _train(train_step, rates, smoothing, math.inf, bar)
    return not diverged and smoothed[-1] < _start(losses, smoothing)


def _start(losses: np.ndarray, smoothing: float) -> Any:
    """The loss of the first steps, as many as the moving average holds."""
    return np.mean(losses[: math.ceil(1 / (1 - smoothing))])


def _loss(loss: Any) -> float:
    try:
        return float(loss.detach() if hasattr(loss, "detach") else loss)
    except (TypeError, ValueError):
        raise TypeError(f"range_test: train_step must return the loss, got {loss!r}") from None


def _bounds(
    losses: np.ndarray, smoothed: np.ndarray, centres: np.ndarray, smoothing: float
) -> tuple[float, float]:
    """Where the fall begins and where it ends; nan, nan when there is none."""
    smoothed = np.where(np.isfinite(smoothed), smoothed, np.inf)
    start = _start(losses, smoothing)
    end = int(np.argmin(smoothed))
    fall = start - smoothed[end]
    # Of neighbours, so that the fall itself is none; the median difference of two normal numbers
    # is 0.954 standard deviations.
    noise = np.median(np.abs(np.diff(losses[np.isfinite(losses)]))) / 0.954 if end else np.inf
    if not fall > _FELL * noise:
        return math.nan, math.nan
    before = np.flatnonzero(smoothed[:end] > start - _BEGUN * fall)
    return float(centres[before[-1] + 1 if len(before) else 0]), float(centres[end])


def _doubts(curves: list[Curve], rates: np.ndarray, failed: int) -> Iterator[str]:
    n = len(curves)
    if n == 1:
        yield "one repeat does not show what is chance; give repeats=5 or more"
    if still := sum(math.isnan(c.high) for c in curves):
        yield f"in {still} of {n} repeats the loss did not fall by more than its noise"
    if early := sum(c.low <= rates[len(rates) // 20] for c in curves):
        yield f"in {early} of {n} repeats the loss fell at once; begin with a smaller low"
    if late := sum(not c.turned for c in curves):
        yield (
            f"in {late} of {n} repeats the loss neither diverged nor rose up to {rates[-1]:.2g}; "
            "end with a larger high"
        )
    if failed:
        yield (
            f"half of high, held for {len(rates)} updates, did not lower the loss in {failed} of "
            f"{n} further repeats; a rate of the sweep has one update only"
        )
    for name in ("low", "high"):
        least, most = _interval(np.array([getattr(c, name) for c in curves]))
        if most > _APART * least:
            yield (
                f"the repeats are a factor of {most / least:.2g} apart in {name}; "
                "take more steps or larger batches"
            )


def _median(bounds: np.ndarray) -> float:
    found = bounds[np.isfinite(bounds)]
    return float(np.median(found)) if len(found) else math.nan


def _interval(bounds: np.ndarray) -> tuple[float, float]:
    found = bounds[np.isfinite(bounds)]
    return (float(found.min()), float(found.max())) if len(found) else (math.nan, math.nan)
