"""Inputs that are functions: what an exercise hands to an answer beside numbers and arrays.

Each is a frozen dataclass of numbers and knows no answer, so that its name and its numbers are
all that has to travel to where an answer runs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Gradient:
    """The gradient of a |x|² / 2 − b cos(Σ x): not linear, and its components are coupled."""

    a: float
    b: float

    def __call__(self, x: Any) -> Any:
        x = np.asarray(x, dtype=float)[()]
        return self.a * x + self.b * np.sin(x.sum())

    def __str__(self) -> str:
        return f"x ↦ {self.a} x + {self.b} sin(sum of x)"


@dataclass(frozen=True)
class SquaredLoss:
    """The gradient of (θ·x − y)² / 2 with respect to θ."""

    def __call__(self, theta: Any, x: Any, y: Any) -> Any:
        return (np.dot(theta, x) - y) * np.asarray(x)

    def __str__(self) -> str:
        return "gradient of (θ·x − y)²/2"


@dataclass(frozen=True)
class FallingRate:
    """A falling rate. It depends not only on step / total_steps, so both must count updates."""

    lr: float
    k: float

    def __call__(self, step: Any, total_steps: Any) -> Any:
        return self.lr / (1 + self.k * step / (total_steps + 1))

    def __str__(self) -> str:
        return f"(step, total_steps) ↦ {self.lr} / (1 + {self.k} step / (total_steps + 1))"


FUNCTIONS = {each.__name__: each for each in (Gradient, SquaredLoss, FallingRate)}
