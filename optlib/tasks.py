"""Real data and the small networks that are trained on it.

A task is data, a network as a plain function, and what follows from a seed: the initial
parameters and the order of the mini-batches. Both depend on the seed alone, so that two optimizers,
or two learning rates, with the same seed start at the same point and see the same examples; each
comes from a stream of its own, so that the one tells nothing of the other. All parameters of a
network lie in one vector, all numbers are float64.
"""

import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

Part = tuple[Tensor, Tensor]
"""Inputs (examples, features) and targets (examples, classes), a one in the column of the class."""

Network = Callable[[dict[str, Tensor], Tensor], Tensor]
"""From named weights and inputs (examples, features) to scores (examples, classes)."""


# As it was when it was imported, for the key under which results are kept.
_CODE = inspect.getsource(sys.modules[__name__])


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


@dataclass(frozen=True, eq=False)
class Task:
    """A network to be trained on data.

    Attributes
    ----------
    name : str
        Name of the task.
    network : Network
        The network.
    shapes : dict of str to tuple of int
        The network's weights in the order in which they lie in `theta`.
    train, validation, test : Part
        The data, split once.
    batch : int
        Examples a mini-batch.
    shuffle : bool
        True: each epoch goes through the shuffled training set, an incomplete last batch is left
        out. False: each example is drawn anew from the whole set, as the theory of SGD has it.
    l2 : float
        The loss is the mean cross-entropy plus `l2` / 2 times the squared length of `theta`.
    from_optimum : bool
        Whether every run starts at `optimum` and not where its seed says.
    """

    name: str
    network: Network
    shapes: dict[str, tuple[int, ...]]
    train: Part
    validation: Part
    test: Part
    batch: int
    shuffle: bool = True
    l2: float = 0.0
    from_optimum: bool = False

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(map(math.prod, self.shapes.values()))

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return len(self.train[0])

    def scores(self, theta: Tensor, inputs: Tensor) -> Tensor:
        """Scores of the classes: `theta` (size,), inputs (examples, ...) -> (examples, classes)."""
        parts = theta.split([math.prod(shape) for shape in self.shapes.values()])
        weights = {
            name: part.view(shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }
        return self.network(weights, inputs)

    def loss(self, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats, plus the L2 term: a number."""
        scores = self.scores(theta, inputs)
        entropy = (scores.logsumexp(-1) - (scores * targets).sum(-1)).mean()
        return entropy + self.l2 / 2 * (theta**2).sum() if self.l2 else entropy

    def accuracy(self, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """Share of the examples whose highest score is that of their class: a number."""
        right = self.scores(theta, inputs).argmax(-1) == targets.argmax(-1)
        return right.to(theta.dtype).mean()

    def start(self, seed: int) -> Tensor:
        """Initial parameters, (size,): weights as He et al. (2015) draw them, biases zero.

        The optimum instead, for a task that starts there.
        """
        if self.from_optimum:
            return self.optimum
        rng = np.random.default_rng([seed, 0])
        parts = [
            rng.normal(scale=math.sqrt(2 / shape[0]), size=shape)
            if len(shape) > 1
            else np.zeros(shape)
            for shape in self.shapes.values()
        ]
        return torch.from_numpy(np.concatenate([part.ravel() for part in parts]))

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

        def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
            g, value = torch.func.grad_and_value(self.loss)(torch.from_numpy(theta), *self.train)
            return value.item(), g.numpy()

        options = {"ftol": 0.0, "gtol": 1e-9, "maxcor": 30}
        with one_thread():
            start = np.zeros(self.size)
            found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
        if not found.success:
            raise ValueError(
                f"{self.name}: the search for the optimum ended early: {found.message}"
            )
        return torch.from_numpy(found.x)

    @cached_property
    def content(self) -> tuple[object, ...]:
        """All that the task's numbers depend on, for the key under which results are kept."""
        parts = [part.numpy().tobytes() for part in (*self.train, *self.validation)]
        settings = (
            tuple(self.shapes.items()),
            self.batch,
            self.shuffle,
            self.l2,
            self.from_optimum,
        )
        sources = inspect.getsource(self.network), _CODE
        return *settings, *sources, *parts


def mlp(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """One hidden layer of rectified linear units."""
    hidden = torch.relu(inputs @ weights["W1"] + weights["b1"])
    return hidden @ weights["W2"] + weights["b2"]


def linear(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """Softmax regression: the scores are linear in the inputs."""
    return inputs @ weights["W"] + weights["b"]


@cache
def digits() -> tuple[Part, Part, Part]:
    """scikit-learn's 1797 handwritten digits of 8 by 8 pixels: train, validation and test.

    60, 20 and 20 percent, stratified by class and split once for all. The pixels are scaled by the
    mean and the standard deviation of all pixels of the training images.
    """
    images, labels = load_digits(return_X_y=True)
    rest, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    train, validation = train_test_split(
        rest, test_size=0.25, stratify=labels[rest], random_state=0
    )
    scaled = (images - images[train].mean()) / images[train].std()
    targets = np.eye(10)[labels]

    def part(rows: np.ndarray) -> Part:
        return torch.from_numpy(scaled[rows]), torch.from_numpy(targets[rows])

    return part(train), part(validation), part(test)


@cache
def digits_mlp() -> Task:
    """The digits with a network of 64, 32 and 10 units: 2410 parameters, batches of 64."""
    shapes = {"W1": (64, 32), "b1": (32,), "W2": (32, 10), "b2": (10,)}
    return Task("digits_mlp", mlp, shapes, *digits(), batch=64)


@cache
def digits_softmax() -> Task:
    """The digits with softmax regression: 650 parameters, strongly convex, batches of 16.

    Each example is drawn anew, so that the gradients of the steps are independent.
    """
    shapes = {"W": (64, 10), "b": (10,)}
    return Task("digits_softmax", linear, shapes, *digits(), batch=16, shuffle=False, l2=0.01)
