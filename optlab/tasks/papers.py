"""The papers' own small problems, each made to show one thing.

Their losses and optima are known in closed form, so that what an optimizer should do on them can
be worked out by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import repeat
from typing import Self

import numpy as np
import torch
from torch import Tensor

from optlab.tasks.task import Part, Task


@dataclass(frozen=True, eq=False)
class Reddi(Task):
    """A number whose gradient is seldom large and mostly small, and then of the other sign.

    The loss of a step is `large` * x in one step of `period`, -`small` * x in the others, and x
    is kept within -1 and 1. The large gradients outweigh the small ones, so that x = -1 is best;
    Adam forgets them too soon and can end at x = 1, the worst (Reddi et al. 2018, section 3).

    Attributes
    ----------
    name : str
        Name of the task.
    large, small : float
        Sizes of the two gradients.
    period : int
        The gradient is large in steps 1, 1 + period, 1 + 2 * period and so on.
    stochastic : bool
        Whether it is large with probability 1 / period instead, default False.
    dtype : torch.dtype
        See `Task`.

    Raises
    ------
    ValueError
        The small gradients of a period outweigh the large one.
    """

    name: str
    large: float
    small: float
    period: int
    stochastic: bool = False
    dtype: torch.dtype = torch.float64
    size = 1

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ValueError(
                f"{self.name}: large must be more than (period - 1) * small = "
                f"{(self.period - 1) * self.small:g}, so that -1 is best, got {self.large:g}"
            )

    @property
    def slope(self) -> float:
        """The mean gradient of a step."""
        return (self.large - (self.period - 1) * self.small) / self.period

    def start(self, seed: int) -> Tensor:
        """x, (1,), drawn evenly between -1 and 1."""
        rng = np.random.default_rng([seed, 0])
        return torch.from_numpy(rng.uniform(-1, 1, size=1)).to(self.dtype)

    def draws(self, seed: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        """The gradient of each step, ()."""
        rng = np.random.default_rng([seed, 1])
        for t in range(steps):
            turn = rng.random() * self.period < 1 if self.stochastic else t % self.period == 0
            yield (np.array(self.large if turn else -self.small),)

    def arguments(self, *draws: Tensor) -> tuple[Tensor, ...]:
        """The gradient in the task's dtype."""
        return tuple(gradient.to(self.dtype) for gradient in draws)

    def loss(self, theta: Tensor, gradient: Tensor) -> Tensor:  # type: ignore[override]
        """The loss of a step, linear in x = theta[0]."""
        return gradient * theta[0]

    def project(self, theta: Tensor) -> Tensor:
        """x moved to the nearest end, if it is not within -1 and 1."""
        return theta.clamp(-1, 1)

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """x, and the mean loss of a step above that at x = -1: a regret, 0 at best."""
        x = theta[0]
        return {"train_loss": self.slope * (x + 1), "x": x}


@cache
def reddi_online() -> Reddi:
    """1010 x in every 101st step, else -10 x (Reddi et al. 2018, section 5)."""
    return Reddi("reddi_online", large=1010.0, small=10.0, period=101)


@cache
def reddi_stochastic() -> Reddi:
    """1010 x with probability 0.01, else -10 x (Reddi et al. 2018, section 5)."""
    return Reddi("reddi_stochastic", large=1010.0, small=10.0, period=100, stochastic=True)


@cache
def reddi_theorem(large: float = 4.0) -> Reddi:
    """`large` * x in every third step, else -x; `large` > 2 (Reddi et al. 2018, Theorem 1).

    Adam with beta1 = 0 and beta2 = 1 / (1 + large**2) goes to x = 1.
    """
    return Reddi("reddi_theorem", large=large, small=1.0, period=3)


@dataclass(frozen=True, eq=False)
class NoisyQuadratic(Task):
    """A quadratic whose lowest point is another in each step, and 0 on average.

    The loss of a step is the sum of `curvature` * (theta - c)**2 / 2 over the coordinates, with c
    drawn from a normal distribution of mean 0 and variance `variance` (Schaul et al. 2013; Zhang,
    Lucas et al. 2019, section 3). SGD with learning rate lr multiplies the mean of theta by
    1 - lr * curvature in each step, and its variance by the square of that; then it adds
    (lr * curvature)**2 * variance to the variance.

    Attributes
    ----------
    name : str
        Name of the task.
    curvature, variance : tensor of shape (size,)
        Curvature of the loss, and variance of its lowest point, in each coordinate.
    dtype : torch.dtype
        See `Task`.
    """

    name: str
    curvature: Tensor
    variance: Tensor
    dtype: torch.dtype = torch.float64

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.curvature)

    def start(self, seed: int) -> Tensor:
        """Initial parameters, (size,), drawn from a standard normal distribution."""
        rng = np.random.default_rng([seed, 0])
        return torch.from_numpy(rng.standard_normal(self.size)).to(self.dtype)

    def draws(self, seed: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Standard normal numbers for each step's lowest point, (size,)."""
        rng = np.random.default_rng([seed, 1])
        for _ in range(steps):
            yield (rng.standard_normal(self.size),)

    def arguments(self, *draws: Tensor) -> tuple[Tensor, ...]:
        """The lowest point of the step, in the task's dtype."""
        (normal,) = draws
        return (self.variance.sqrt() * normal.to(self.dtype),)

    def loss(self, theta: Tensor, lowest: Tensor) -> Tensor:  # type: ignore[override]
        """The loss of a step, a number."""
        return (self.curvature * (theta - lowest) ** 2).sum() / 2

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """The mean loss of a step above that at its lowest, 0."""
        return {"train_loss": (self.curvature * theta**2).sum() / 2}

    def to(self, device: str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """The same task on `device`, "cpu" or "cuda", with numbers of `dtype`, default its own."""
        dtype = dtype or self.dtype
        curvature, variance = (part.to(device, dtype) for part in (self.curvature, self.variance))
        return replace(self, curvature=curvature, variance=variance, dtype=dtype)


@cache
def noisy_quadratic() -> NoisyQuadratic:
    """100 coordinates of curvatures 1, 1/2, 1/3 ... whose gradients have these as variances too.

    The spectrum and the noise are those of Zhang, Li et al. (2019), who have more coordinates.
    """
    curvature = 1 / torch.arange(1, 101, dtype=torch.float64)
    return NoisyQuadratic("noisy_quadratic", curvature, variance=1 / curvature)


@dataclass(frozen=True, eq=False)
class LeastSquares(Task):
    """Classes told apart by linear least squares, from zero and with all examples in each step.

    Attributes
    ----------
    name : str
        Name of the task.
    train, validation, test : Part
        Inputs (examples, size) and targets (examples,): 1 or -1, in the task's dtype.
    dtype : torch.dtype
        See `Task`.
    """

    name: str
    train: Part
    validation: Part
    test: Part
    dtype: torch.dtype = torch.float64

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.train[0].shape[1]

    def start(self, seed: int) -> Tensor:
        """Zeros, (size,), whatever the seed."""
        return torch.zeros(self.size, dtype=self.dtype)

    def draws(self, seed: int, steps: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Nothing."""
        return repeat((), steps)

    def loss(self, theta: Tensor) -> Tensor:  # type: ignore[override]
        """Half the mean square of what the training scores are off, a number."""
        return _half_square(theta, self.train)

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """Loss, and accuracy (share of the scores with the target's sign), on each part."""
        found = {}
        for name in ("train", "validation", "test"):
            inputs, targets = part = getattr(self, name)
            found[f"{name}_loss"] = _half_square(theta, part)
            found[f"{name}_accuracy"] = (inputs @ theta * targets > 0).to(self.dtype).mean()
        return found

    def to(self, device: str = "cpu", dtype: torch.dtype | None = None) -> Self:
        """The same task on `device`, "cpu" or "cuda", with numbers of `dtype`, default its own."""
        dtype = dtype or self.dtype

        def moved(part: Part) -> Part:
            inputs, targets = part
            return inputs.to(device, dtype), targets.to(device, dtype)

        train, validation, test = moved(self.train), moved(self.validation), moved(self.test)
        return replace(self, dtype=dtype, train=train, validation=validation, test=test)


def _half_square(theta: Tensor, part: Part) -> Tensor:
    inputs, targets = part
    return ((inputs @ theta - targets) ** 2).mean() / 2


@cache
def wilson(examples: int = 50, fresh: int = 100, share: float = 0.6) -> LeastSquares:
    """Least squares where adaptive methods learn only which class is the larger one.

    The first feature is the target, 1 or -1; the next two are 1 in every example; and each example
    has features of its own, which are 1 in it alone: one if its target is 1, five if it is -1
    (Wilson et al. 2017, section 3.3). From zero Adagrad, RMSProp and Adam stay proportional to the
    signs of the first gradient: that fits every training example, and gives to every fresh one
    the larger class. Gradient descent tells all of them right.

    Parameters
    ----------
    examples : int
        Training examples, default 50.
    fresh : int
        Examples each of the validation and the test part, default 100.
    share : float
        Share of the examples of class 1 in each part, between a half and 1; default 0.6.

    Raises
    ------
    ValueError
        Class 1 is not the larger one in a part, or it is the only one.
    """
    counts = [examples, fresh, fresh]
    positives = [round(share * count) for count in counts]
    for ones, count in zip(positives, counts, strict=True):
        if not count / 2 < ones < count:
            raise ValueError(
                f"wilson: {ones} of {count} examples have the target 1, but it must be more than "
                "half and not all of them; choose another share, or more examples"
            )
    classes = [
        torch.where(torch.arange(count) < ones, 1.0, -1.0)
        for ones, count in zip(positives, counts, strict=True)
    ]
    targets = torch.cat(classes).double()[:, None]
    own = torch.block_diag(*(((torch.arange(5) < 1) | (targets < 0)).double()[:, None]))
    inputs = torch.cat([targets, torch.ones(len(targets), 2), own], dim=1)
    train, validation, test = zip(inputs.split(counts), targets[:, 0].split(counts), strict=True)
    return LeastSquares("wilson", train, validation, test)
