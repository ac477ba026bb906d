"""What a task is.

A task is a loss, its mini-batches, and how a result is measured. Both the initial parameters and
the mini-batches follow from a seed alone, so that two optimizers, or two learning rates, with the
same seed start at the same point and see the same examples; each comes from a stream of its own,
so that the one tells nothing of the other. All parameters lie in one vector.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

Kind = TypeVar("Kind")

Part = tuple[Tensor, Tensor]
"""Inputs (examples, ...) and targets: the number of the class, (examples, ...)."""


@contextmanager
def one_thread() -> Iterator[int]:
    """Let PyTorch compute with one thread, and give the number that it had.

    For small matrices more threads only wait for each other, and with one thread every sum is
    taken in the same order on every machine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


class Task(ABC):
    """What a sweep needs to know of what is learnt.

    A task is a frozen dataclass: results are kept under its fields and the text of its methods.
    Its numbers are of `dtype`, and lie on the device where `to` brought them.

    Attributes
    ----------
    name : str
        Name of the task.
    dtype : torch.dtype
        float64, the default, whose results agree to all printed digits on every machine; or
        float32, which is quicker.
    """

    name: str
    dtype: torch.dtype

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of parameters."""

    @abstractmethod
    def start(self, seed: int) -> Tensor:
        """Initial parameters, (size,)."""

    @abstractmethod
    def draws(self, seed: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        """What is drawn at random for each step: a tuple of arrays, whose shapes never change.

        More steps with the same seed begin with the same draws.
        """

    def arguments(self, *draws: Tensor) -> tuple[Tensor, ...]:
        """Arguments of the loss from what was drawn for a step, each with the runs first.

        The draws themselves, unless they only name the examples.
        """
        return draws

    @abstractmethod
    def loss(self, theta: Tensor, *arguments: Tensor) -> Tensor:
        """The loss of a step, a number, from `theta` (size,) and one run's arguments."""

    def project(self, theta: Tensor) -> Tensor:
        """The point nearest to `theta`, (..., size), that the task admits: `theta`, if all are."""
        return theta

    @abstractmethod
    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """What is recorded of `theta` (size,), each a number.

        "train_loss" at least; "validation_loss" where there is something to tune on, and
        "test_loss", "validation_accuracy" and so on.
        """

    def to(self, device: str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """The same task on `device`, "cpu" or "cuda", with numbers of `dtype`, default its own."""
        return replace(self, dtype=dtype or self.dtype)  # type: ignore[type-var]


@dataclass(frozen=True)
class Drawn:
    """A task with data of its own for each seed, which are drawn when it is brought to a device.

    Results are bound to `make` and `seed`, not to the data: to read them, nothing need be drawn.

    Attributes
    ----------
    name : str
        Name of the task.
    make : callable
        Gives the task for a seed.
    seed : int
        The seed.
    """

    name: str
    make: Callable[[int], Task]
    seed: int

    def to(self, device: str = "cpu", dtype: torch.dtype | None = None) -> Task:
        """The task itself on `device`, "cpu" or "cuda", with numbers of `dtype`."""
        return self.make(self.seed).to(device, dtype)


class Weight(NamedTuple):
    """A network's array of weights: its shape, and mean and standard deviation at the start."""

    shape: tuple[int, ...]
    std: float = 0.0
    mean: float = 0.0


class Network(Protocol):
    """A network as a function of its weights; a frozen dataclass of its sizes.

    `noise` is how many random numbers it uses up for each example in training, 0 without dropout.
    """

    @property
    def weights(self) -> dict[str, Weight]:
        """Its weights by name, in the order in which they lie in `theta`."""

    @property
    def noise(self) -> int:
        """Random numbers for each example in training."""

    def __call__(
        self,
        weights: dict[str, Tensor],
        inputs: Tensor,
        uniform: Tensor | None = None,
        count: int | None = None,
    ) -> Tensor:
        """Scores (examples, ..., classes) of inputs (examples, ...).

        `uniform` are numbers from [0, 1), (examples, noise), in training; None when measuring.
        Batch normalization takes its mean and variance from the first `count` examples, default
        all.
        """


@dataclass(frozen=True, eq=False)
class Classification(Task):
    """A network that learns from examples which class an input belongs to.

    Attributes
    ----------
    name : str
        Name of the task.
    network : Network
        The network.
    train, validation, test : Part
        The data, split once. The rates of optimizers are chosen by the validation part.
    batch : int
        Examples a mini-batch.
    shuffle : bool
        True: each epoch goes through the shuffled training set, an incomplete last batch is left
        out. False: each example is drawn anew from the whole set, as the theory of SGD has it.
    l2 : float
        The training loss is the mean cross-entropy plus `l2` / 2 times the squared length of
        `theta`.
    from_optimum : bool
        Whether every run starts at `optimum` and not where its seed says.
    measured : int, optional
        Of how many training examples, evenly spread, the training loss is measured; default all.
    parts : tuple of str
        What is measured: "train", "validation" and "test", or fewer of them for less work.
    dtype : torch.dtype
        See `Task`.
    """

    name: str
    network: Network
    train: Part
    validation: Part
    test: Part
    batch: int
    shuffle: bool = True
    l2: float = 0.0
    from_optimum: bool = False
    measured: int | None = None
    parts: tuple[str, ...] = ("train", "validation", "test")
    dtype: torch.dtype = torch.float64

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(math.prod(weight.shape) for weight in self.network.weights.values())

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return len(self.train[0])

    def scores(
        self,
        theta: Tensor,
        inputs: Tensor,
        uniform: Tensor | None = None,
        count: int | None = None,
    ) -> Tensor:
        """Scores of the classes: `theta` (size,), inputs (examples, ...); see `Network`."""
        shapes = {name: weight.shape for name, weight in self.network.weights.items()}
        parts = theta.split([math.prod(shape) for shape in shapes.values()])
        weights = {
            name: part.view(shape)
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        return self.network(weights, inputs, uniform, count)

    def loss(  # type: ignore[override]
        self, theta: Tensor, inputs: Tensor, targets: Tensor, uniform: Tensor | None = None
    ) -> Tensor:
        """Mean cross-entropy in nats, plus the L2 term: a number."""
        entropy = cross_entropy(self.scores(theta, inputs, uniform), targets).mean()
        return entropy + self._l2_term(theta)

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """Loss and accuracy (share of the targets with the highest score) on each of `parts`.

        The training loss holds the L2 term, the others do not. Dropout is off, and batch
        normalization works with the statistics of the training examples (Ioffe & Szegedy 2015,
        Algorithm 2).
        """
        inputs, targets, sizes = self._all
        scores = self.scores(theta, inputs, count=sizes[0])
        losses = cross_entropy(scores, targets).split(sizes)
        right = (scores.argmax(-1) == targets).to(self.dtype).split(sizes)
        found = {}
        for part, loss, share in zip(self.parts, losses, right, strict=True):
            found[f"{part}_loss"] = loss.mean()
            found[f"{part}_accuracy"] = share.mean()
        found["train_loss"] = found["train_loss"] + self._l2_term(theta)
        return found

    def start(self, seed: int) -> Tensor:
        """Initial parameters, (size,), as the network's weights say, or the optimum."""
        if self.from_optimum:
            return self.optimum
        rng = np.random.default_rng([seed, 0])
        parts = [
            weight.mean + rng.normal(scale=weight.std, size=weight.shape)
            if weight.std
            else np.full(weight.shape, weight.mean)
            for weight in self.network.weights.values()
        ]
        return torch.from_numpy(np.concatenate([part.ravel() for part in parts])).to(self.dtype)

    def batches(self, seed: int, steps: int) -> np.ndarray:
        """Indices of the training examples of each step, (steps, batch).

        More steps with the same seed begin with the same batches.
        """
        rng = np.random.default_rng([seed, 1])
        if not self.shuffle:
            return rng.integers(self.examples, size=(steps, self.batch))
        per_epoch = self.examples // self.batch
        epochs = [rng.permutation(self.examples) for _ in range(math.ceil(steps / per_epoch))]
        cut = [epoch[: per_epoch * self.batch].reshape(-1, self.batch) for epoch in epochs]
        return np.concatenate(cut)[:steps] if cut else np.empty((0, self.batch), dtype=int)

    def draws(self, seed: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        """The indices of each step's examples, and the random numbers that dropout needs."""
        rng = np.random.default_rng([seed, 2])
        for rows in self.batches(seed, steps):
            if self.network.noise:
                yield rows, rng.random((self.batch, self.network.noise), dtype=np.float32)
            else:
                yield (rows,)

    def arguments(self, *draws: Tensor) -> tuple[Tensor, ...]:
        """Inputs and targets of the examples, and dropout's numbers."""
        rows, *uniform = draws
        return self.train[0][rows], self.train[1][rows], *uniform

    @cached_property
    def optimum(self) -> Tensor:
        """The parameters with the lowest training loss, (size,), to a gradient below 1e-9.

        Raises
        ------
        ValueError
            The task has no L2 term, or L-BFGS cannot get that far.
        """
        if not self.l2:
            raise ValueError(f"{self.name} has no L2 term, so that its optimum is not unique")
        double = self.to(dtype=torch.float64)

        def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
            gradient = torch.func.grad_and_value(double.loss)
            g, value = gradient(torch.from_numpy(theta), *double.train)
            return value.item(), g.numpy()

        options = {"ftol": 0.0, "gtol": 1e-9, "maxcor": 30}
        with one_thread():
            start = np.zeros(self.size)
            found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
        if not found.success:
            raise ValueError(
                f"{self.name}: the search for the optimum ended early: {found.message}"
            )
        return torch.from_numpy(found.x).to(self.dtype)

    def to(self, device: str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """The same task on `device`, "cpu" or "cuda", with numbers of `dtype`, default its own."""
        dtype = dtype or self.dtype

        def moved(part: Part) -> Part:
            inputs, targets = part
            kind = dtype if inputs.is_floating_point() else inputs.dtype
            return inputs.to(device, kind), targets.to(device)

        return replace(
            self,
            train=moved(self.train),
            validation=moved(self.validation),
            test=moved(self.test),
            dtype=dtype,
        )

    def _l2_term(self, theta: Tensor) -> Any:
        return self.l2 / 2 * (theta**2).sum() if self.l2 else 0.0

    @property
    def _all(self) -> tuple[Tensor, Tensor, list[int]]:
        """Inputs and targets of all that is measured, part after part, and the parts' sizes."""
        known = {
            "train": spread(self.train, self.measured),
            "validation": self.validation,
            "test": self.test,
        }
        parts = [known[name] for name in self.parts]
        sizes = [len(inputs) for inputs, _ in parts]
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts]), sizes


def of_kind(kind: Callable[..., Kind], task: Classification, **more: Any) -> Kind:
    """A task of a kind of `Classification`, with all that `task` has and what else it needs."""
    same = {field.name: getattr(task, field.name) for field in fields(Classification)}
    return kind(**{**same, **more})


def spread(part: Part, count: int | None) -> Part:
    """So many examples of a part, evenly spread over it, or all for None.

    Raises
    ------
    ValueError
        The part has fewer.
    """
    inputs, targets = part
    if count is None:
        return part
    if not 1 <= count <= len(inputs):
        raise ValueError(f"{count} examples cannot be chosen from {len(inputs)}")
    step = len(inputs) // count
    return inputs[::step][:count], targets[::step][:count]


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Minus the logarithm of the targets' probabilities, in nats: (..., classes) -> (...)."""
    return scores.logsumexp(-1) - scores.gather(-1, targets[..., None])[..., 0]
