"""What helps beside the rule, each as a variant of a task: order, noise, difficulty and start.

The optimizer stays as it is. So two variants are compared with the same rule, from the same seeds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optlab.tasks.networks import MLP
from optlab.tasks.task import Classification, Kind, Part, of_kind, one_thread
from optlab.tasks.vision import digits, digits_mlp
from optlib.faces.population import population
from optlib.rules import sgdm

OTHER_SEED = 1_000_000_000
"""What is added to a run's seed where something must be learnt apart from it."""


@dataclass(frozen=True, eq=False)
class Cycled(Classification):
    """Each epoch goes through the training set in the same order, shuffled once for each seed."""

    def batches(self, seed: int, steps: int) -> np.ndarray:
        """Indices of the training examples of each step, (steps, batch)."""
        per_epoch = self.examples // self.batch
        return super().batches(seed, per_epoch)[np.arange(steps) % per_epoch]


def noise_scale(t: Any, base: float = 0.01, decay: float = 0.55) -> Any:
    """Standard deviation of the gradient noise at step `t`, counted from 0.

    Its square, the variance, is `base` / (1 + t)**`decay`; Neelakantan et al. (2015) take 0.01,
    0.3 or 1 for `base`, and 0.55 for `decay`.
    """
    return np.sqrt(base / (1 + t) ** decay)


@dataclass(frozen=True, eq=False)
class Noisy(Classification):
    """Each coordinate of each mini-batch's gradient gets normal noise, see `noise_scale`.

    The loss of a step has the inner product of the noise with `theta` added, whose gradient is the
    noise. What is measured is without.
    """

    def draws(self, seed: int, steps: int) -> Any:
        """As usual, and the noise, (size,)."""
        rng = np.random.default_rng([seed, 3])
        for t, drawn in enumerate(super().draws(seed, steps)):
            yield *drawn, noise_scale(t) * rng.standard_normal(self.size)

    def arguments(self, *draws: Tensor) -> tuple[Tensor, ...]:
        """As usual, and the noise in the task's dtype."""
        *drawn, noise = draws
        return *super().arguments(*drawn), noise.to(self.dtype)

    def loss(self, theta: Tensor, *arguments: Tensor) -> Tensor:  # type: ignore[override]
        """The loss of a step, a number."""
        *usual, noise = arguments
        return super().loss(theta, *usual) + noise @ theta


@dataclass(frozen=True, eq=False, kw_only=True)
class Curriculum(Classification):
    """Examples are drawn anew from a pool that grows from the first of an order to all of them.

    Attributes
    ----------
    order : array, optional
        Indices of the training examples, first what is shown from the start. Default a random
        order, another one for each seed.
    begin : float
        The share of the examples in the pool of the first step.
    until : int
        After how many steps, in which the pool grows evenly, it holds all.
    """

    order: np.ndarray | None
    begin: float = 0.2
    until: int = 160

    def pool(self, steps: int) -> np.ndarray:
        """How many examples are in the pool at each step, (steps,)."""
        grown = np.minimum(np.arange(steps) / self.until, 1)
        return np.ceil(self.examples * (self.begin + (1 - self.begin) * grown)).astype(int)

    def batches(self, seed: int, steps: int) -> np.ndarray:
        """Indices of the training examples of each step, (steps, batch)."""
        rng = np.random.default_rng([seed, 1])
        order = rng.permutation(self.examples) if self.order is None else self.order
        return order[rng.integers(self.pool(steps)[:, None], size=(steps, self.batch))]


@dataclass(frozen=True, eq=False, kw_only=True)
class FineTuned(Classification):
    """A run starts at what a network of the same shape has learnt from another task.

    Its last layer, the last two arrays of weights, is new. The other task is learnt from a seed of
    its own, or it would know the new layer already.

    Attributes
    ----------
    source : Classification
        The other task; learnt by SGDM with a momentum of 0.9.
    steps : int
        How many steps it is learnt for.
    lr : float
        With which learning rate.
    """

    source: Classification
    steps: int = 320
    lr: float = 2.0**-5

    def start(self, seed: int) -> Tensor:
        """Initial parameters, (size,)."""
        new = sum(math.prod(weight.shape) for weight in [*self.network.weights.values()][-2:])
        learnt = _learnt(self.source, seed + OTHER_SEED, self.steps, self.lr).to(self.dtype)
        return torch.cat([learnt[:-new], super().start(seed)[-new:]])


@cache
def _learnt(task: Classification, seed: int, steps: int, lr: float) -> Tensor:
    """The parameters after so many steps of SGDM, (size,)."""
    arguments = (
        task.arguments(*(torch.from_numpy(part)[None] for part in drawn))
        for drawn in task.draws(seed, steps)
    )
    with one_thread():
        *_, theta = population(
            sgdm, task.loss, task.start(seed)[None], arguments, lr=np.array([lr]), momentum=0.9
        )
    return theta[0]


@cache
def digits_drawn(large: bool = False) -> Classification:
    """`digits_mlp` with mini-batches that are drawn anew from all examples, with replacement."""
    task = digits_mlp(large=large)
    return replace(task, name=f"{task.name}-drawn", shuffle=False)


@cache
def digits_cycled(large: bool = False) -> Cycled:
    """`digits_mlp` with one order for all epochs."""
    return _variant(Cycled, "cycled", digits_mlp(large=large))


@cache
def digits_whole(order: str = "anew", large: bool = False) -> Classification:
    """`digits_mlp` with as many images as fill whole mini-batches, so that none is left out.

    "anew": each epoch has another order. "once": all have the same. "drawn": with replacement.
    """
    task = {"anew": digits_mlp, "once": digits_cycled, "drawn": digits_drawn}[order](large=large)
    inputs, targets = task.train
    count = len(inputs) // task.batch * task.batch
    return replace(task, name=f"{task.name}-whole", train=(inputs[:count], targets[:count]))


@cache
def digits_noisy(large: bool = False) -> Noisy:
    """`digits_mlp` with gradient noise."""
    return _variant(Noisy, "noisy", digits_mlp(large=large))


def difficulty(part: Part) -> np.ndarray:
    """How hard each example is, (examples,): lower is easier, and above 0 misleading.

    Its squared distance to the mean input of its own class, less that to the nearest mean of
    another class.
    """
    inputs, targets = part
    means = torch.stack([inputs[targets == k].mean(0) for k in range(int(targets.max()) + 1)])
    distances = ((inputs[:, None] - means) ** 2).sum(-1)
    own = distances.gather(1, targets[:, None])
    others = distances.scatter(1, targets[:, None], torch.inf).amin(1, keepdim=True)
    return (own - others)[:, 0].numpy()


@cache
def digits_curriculum(first: str = "easy", large: bool = False) -> Curriculum:
    """`digits_drawn`, but for half of 320 steps with some of the examples only: `first` those.

    "easy" ones come in the order of `difficulty`, "hard" ones in the reverse, and "random" ones in
    a random order.

    Raises
    ------
    KeyError
        Another word.
    """
    task = digits_mlp(large=large)
    easy = difficulty(task.train).argsort()
    order = {"easy": easy, "hard": easy[::-1].copy(), "random": None}[first]
    return _variant(Curriculum, f"{first}-first", task, order=order)


@cache
def digits_late(learnt: int | None = None, large: bool = False) -> Classification:
    """The digits 5 to 9 with ten training images of each, batches of 10, the network of `MLP`.

    `learnt`: a run starts with what it has learnt from all images of the five digits from `learnt`
    on: 0 for other digits, 5 for the same ones. `large`: 1024 hidden units.
    """
    network = MLP(64, 1024 if large else 32, 5)
    size = "-large" * large

    def of(low: int) -> Classification:
        train, validation, test = (_of(part, low) for part in digits())
        return Classification(f"digits_{low}{size}", network, train, validation, test, batch=64)

    inputs, targets = of(5).train
    few = torch.cat([torch.nonzero(targets == k)[:10, 0] for k in range(5)])
    train = inputs[few], targets[few]
    task = replace(of(5), name=f"digits_late{size}", train=train, batch=10)
    if learnt is None:
        return task
    return _variant(FineTuned, f"after{learnt}", task, source=of(learnt))


def _of(part: Part, low: int) -> Part:
    """The images of the five digits from `low` on, with classes from 0 to 4."""
    inputs, targets = part
    rows = (low <= targets) & (targets < low + 5)
    return inputs[rows], targets[rows] - low


def _variant(kind: Callable[..., Kind], name: str, task: Classification, **more: Any) -> Kind:
    """A task of that kind with all that `task` has, and its name with one more word."""
    return of_kind(kind, task, name=f"{task.name}-{name}", **more)
