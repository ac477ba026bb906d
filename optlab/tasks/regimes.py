"""What helps beside the rule, each as a variant of a task: order, noise, difficulty and start.

The optimizer stays as it is. So two variants are compared with the same rule, from the same seeds.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optlab.tasks.mnist1d import LENGTH, mnist1d
from optlab.tasks.networks import CNN, MLP, Linear
from optlab.tasks.task import Classification, Part, cross_entropy, of_kind, one_thread
from optlab.tasks.vision import mnist, mnist_few
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Excess(Classification):
    """Measured is also by how much the training loss exceeds its minimum, "excess_loss".

    Attributes
    ----------
    minimum : float
        The lowest training loss.
    """

    minimum: float

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """As usual, and the excess."""
        found = super().measure(theta)
        return {**found, "excess_loss": found["train_loss"] - self.minimum}


@dataclass(frozen=True, eq=False, kw_only=True)
class CycledExcess(Cycled, Excess):
    """One order for all epochs, and the excess loss is measured too."""


def noise_scale(t: Any, base: float = 0.01, decay: float = 0.55) -> Any:
    """Standard deviation of the gradient noise at step `t`, counted from 0.

    Its square, the variance, is `base` / (1 + t)**`decay`; Neelakantan et al. (2015) take 0.01,
    0.3 or 1 for `base`, and 0.55 for `decay`.
    """
    return np.sqrt(base / (1 + t) ** decay)


@dataclass(frozen=True, eq=False, kw_only=True)
class Noisy(Classification):
    """Each coordinate of each mini-batch's gradient gets normal noise, see `noise_scale`.

    The loss of a step has the inner product of the noise with `theta` added, whose gradient is the
    noise. What is measured is without.

    Attributes
    ----------
    base : float
        The variance of the noise at the first step.
    """

    base: float = 0.01

    def draws(self, seed: int, steps: int) -> Any:
        """As usual, and the noise, (size,)."""
        rng = np.random.default_rng([seed, 3])
        for t, drawn in enumerate(super().draws(seed, steps)):
            normal = rng.standard_normal(self.size, dtype=np.float32)
            yield *drawn, noise_scale(t, self.base) * normal

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
        Indices of the training examples, first what is shown from the start. None for a random
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
    frozen : bool
        Whether only the new layer is learnt.
    steps : int
        How many steps the other task is learnt for.
    lr : float
        With which learning rate.
    """

    source: Classification
    frozen: bool = False
    steps: int = 320
    lr: float = 2.0**-5

    @property
    def new(self) -> int:
        """Number of parameters of the new layer."""
        return sum(math.prod(weight.shape) for weight in [*self.network.weights.values()][-2:])

    def start(self, seed: int) -> Tensor:
        """Initial parameters, (size,)."""
        learnt = _learnt(self.source, seed + OTHER_SEED, self.steps, self.lr).to(self.dtype)
        return torch.cat([learnt[: -self.new], super().start(seed)[-self.new :]])

    def loss(self, theta: Tensor, *arguments: Tensor) -> Tensor:  # type: ignore[override]
        """As usual; of what is frozen the gradient is 0."""
        if self.frozen:
            theta = torch.cat([theta[: -self.new].detach(), theta[-self.new :]])
        return super().loss(theta, *arguments)


@lru_cache(maxsize=4)  # the runs of a chunk begin at the same one
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


def softmax_in_order(seed: int, large: bool = False, order: str = "anew") -> Classification:
    """1000 examples of MNIST-1D and softmax regression with an L2 term: strongly convex.

    410 parameters, batches of 10, so that none is left out of an epoch. `order`: "anew" shuffles
    each epoch, "once" the first, whose order all have, and "drawn" has no epochs: each example is
    drawn from all, with replacement. `large`: images of MNIST, 7850 parameters.

    Raises
    ------
    KeyError
        Another word.
    """
    name, network = ("mnist", Linear(784, 10)) if large else ("mnist1d", Linear(LENGTH, 10))
    (inputs, targets), validation, test = mnist(seed) if large else mnist1d(seed)
    train = inputs[:1000], targets[:1000]
    task = Classification(
        f"{name}_softmax", network, train, validation, test, batch=10, l2=0.01
    ).to()
    minimum = float(task.loss(task.optimum, *task.train))
    kind, shuffle = {
        "anew": (Excess, True), "once": (CycledExcess, True), "drawn": (Excess, False)
    }[order]  # fmt: skip
    return replace(of_kind(kind, task, minimum=minimum), shuffle=shuffle)


def mnist_deep(
    seed: int, large: bool = False, noise: float = 0.0, std: float | None = 0.1
) -> Classification:
    """2000 images of MNIST and 20 hidden layers of 50 units: 88 210 parameters, batches of 20.

    All matrices start with a standard deviation of `std`, so that hardly anything comes through; or
    for None as He et al. (2015) draw them. `noise` is the variance of the gradient noise at the
    first step, see `noise_scale`. `large`: 60 layers.
    """
    network = MLP(784, (50,) * (60 if large else 20), 10, std=std)
    name = "mnist_deep" + "-large" * large
    task = Classification(name, network, *mnist(seed), batch=20, dtype=torch.float32)
    return of_kind(Noisy, task, base=noise) if noise else task


def difficulty(task: Classification, seed: int, steps: int = 60, lr: float = 2.0**-6) -> np.ndarray:
    """How hard each training example is, (examples,): its loss by a network that has seen them all.

    That network has learnt the task for so many steps, a few epochs, from a seed of its own, by
    SGDM with a momentum of 0.9: long enough to know what most examples have in common, and not long
    enough to know each by heart.
    """
    theta = _learnt(task, seed + OTHER_SEED, steps, lr)
    inputs, targets = task.train
    return cross_entropy(task.scores(theta, inputs), targets).numpy()


def mnist_in_order(
    seed: int, large: bool = False, first: str = "all", until: int = 100, wrong: float = 0.0
) -> Classification:
    """1000 images of MNIST, in mini-batches from a pool that grows.

    The network is that of `mnist_few`. The pool holds a fifth of the examples at the first step,
    and all after `until` steps. `first` says what it begins with: "easy" ones come in the order of
    `difficulty`, "hard" ones in the reverse, "random" ones in a random order; with "all" the pool
    is whole from the start. `wrong` is the share of wrong labels.

    Raises
    ------
    KeyError
        Another word.
    """
    task = replace(mnist_few(seed, large, wrong), shuffle=False)
    if first == "all":
        return task
    direction = {"easy": 1, "hard": -1, "random": 0}[first]
    order = (direction * difficulty(task, seed)).argsort() if direction else None
    return of_kind(Curriculum, task, order=order, until=until)


def mnist_late(
    seed: int,
    large: bool = False,
    convolutional: bool = False,
    learnt: int | None = None,
    frozen: bool = False,
) -> Classification:
    """The digits 5 to 9 of MNIST, ten training images of each, in batches of 10.

    Two hidden layers of 256 and 32 units, 209 349 parameters, or a `convolutional` network of 8 and
    16 channels, 5173. `learnt` = 0 begins with a network that has learnt all training images of the
    digits 0 to 4, and `learnt` = 5 with one that has learnt all of 5 to 9; with `frozen` only the
    new last layer is trained. `large`: 2048 and 256 units, or 64 and 128 channels.
    """
    network: MLP | CNN
    if convolutional:
        network = CNN(28, 1, (64, 128) if large else (8, 16), 5)
    else:
        network = MLP(784, (2048, 256) if large else (256, 32), 5)

    def of(low: int) -> Classification:
        train, validation, test = (_of(part, low) for part in mnist(seed))
        return Classification(
            f"mnist_{low}", network, train, validation, test, batch=64, dtype=torch.float32
        )

    late = of(5)
    inputs, targets = late.train
    few = torch.cat([torch.nonzero(targets == k)[:10, 0] for k in range(5)])
    task = replace(late, name="mnist_late", train=(inputs[few], targets[few]), batch=10)
    if learnt is None:
        return task
    return of_kind(FineTuned, task, source=of(learnt), frozen=frozen)


def _of(part: Part, low: int) -> Part:
    """The images of the five digits from `low` on, with classes from 0 to 4."""
    inputs, targets = part
    rows = (low <= targets) & (targets < low + 5)
    return inputs[rows], targets[rows] - low
