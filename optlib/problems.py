"""Losses of one or two parameters, each written once.

A problem is a loss as a function of its coordinates; keyword-only names are its settings. The
gradient is derived from it by SymPy, for NumPy and for the live figures alike. The coordinates
are the last axis of `theta`, so that many starts run at once.

A loss that takes `t` right after its coordinates is an online problem: it changes from step to
step, and `loss(theta, t)` is the one that step t sees, counted from 1.
"""

import inspect
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from optlib.arrays import where
from optlib.notation import demand, demand_known, quantity


class Problem:
    """A loss, its gradient and its lowest point.

    Attributes
    ----------
    name : str
        Name of the loss function.
    coordinates : tuple of str
        Names of the parameters, the last axis of `theta`.
    settings : dict of str to float
        Settings of the loss, such as a condition number.
    online : bool
        Whether the loss changes from step to step, and so needs `t`.
    minimum : tuple of float
        Where the loss is lowest.
    """

    def __init__(
        self, function: Callable[..., Any], minimum: tuple[float, ...], settings: dict[str, float]
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.minimum = minimum
        self.settings = settings
        names = tuple(inspect.signature(function).parameters)
        self.coordinates = names[: len(minimum)]
        self.online = names[len(minimum) : len(minimum) + 1] == ("t",)

    def __call__(self, **settings: float) -> "Problem":
        """The same problem with other settings: `quadratic(kappa=100)`.

        Raises TypeError for an unknown setting and ValueError for one out of range.
        """
        demand_known(self.name, "setting", settings, self.settings)
        for name, value in settings.items():
            demand(self.name, name, value)
        return Problem(self.function, self.minimum, {**self.settings, **settings})

    def loss(self, theta: Any, t: Any = None) -> np.ndarray:
        """Loss at `theta`, shape (..., coordinates) -> (...); an online one at step `t`, (...)."""
        return np.asarray(self.function(*self._split(theta), *self._time(t), **self.settings))

    def grad(self, theta: Any, t: Any = None) -> np.ndarray:
        """Gradient at `theta`, shape (..., coordinates) -> the same; `t` as in `loss`."""
        x = self._split(theta)
        parts = self._gradient(*x, *self._time(t), *self.settings.values())
        return np.stack([np.broadcast_to(part, np.shape(x[0])) for part in parts], axis=-1)

    def symbolic(self) -> tuple[list[Any], Any, list[Any]]:
        """SymPy's view: symbols (coordinates, t if online, settings), the loss, its gradient."""
        import sympy

        arguments = (*self.coordinates, *(["t"] if self.online else []))
        symbols = [sympy.Symbol(n, real=True) for n in (*arguments, *self.settings)]
        given, settings = symbols[: len(arguments)], symbols[len(arguments) :]
        loss = self.function(*given, **dict(zip(self.settings, settings, strict=True)))
        return symbols, loss, [sympy.diff(loss, x) for x in given[: len(self.coordinates)]]

    def javascript(self) -> str:
        """The problem as a JavaScript object; see `optlib.faces.javascript.problem_javascript`."""
        from optlib.faces.javascript import problem_javascript

        return problem_javascript(self)

    def _repr_latex_(self) -> str:
        from sympy import latex, piecewise_fold

        symbols, loss, _ = self.symbolic()
        names = {s: quantity(s.name).symbol for s in symbols}
        right = latex(piecewise_fold(loss), symbol_names=names)
        left = "L_t" if self.online else "L"
        return f"$${left}({', '.join(self.coordinates)}) = {right}$$"

    def __repr__(self) -> str:
        settings = ", ".join(f"{n}={v:g}" for n, v in self.settings.items())
        return f"<problem {self.name}({settings})>"

    @cached_property
    def _gradient(self) -> Callable[..., Any]:
        from sympy import lambdify

        symbols, _, gradient = self.symbolic()
        return lambdify(symbols, gradient, "numpy")

    def _time(self, t: Any) -> tuple[Any, ...]:
        """The step as the function takes it: nothing for a problem that stays the same."""
        if not self.online:
            return ()
        if t is None:
            raise TypeError(f"{self.name} changes from step to step: give the step t, from 1")
        demand(self.name, "t", t)
        return (t,)

    def _split(self, theta: Any) -> tuple[np.ndarray, ...]:
        theta = np.asarray(theta, dtype=float)
        if theta.ndim == 0 or theta.shape[-1] != len(self.coordinates):
            raise ValueError(
                f"{self.name} has {len(self.coordinates)} coordinates "
                f"({', '.join(self.coordinates)}) in the last axis, got shape {theta.shape}"
            )
        return tuple(np.moveaxis(theta, -1, 0))


def problem(*minimum: float) -> Callable[[Callable[..., Any]], Problem]:
    """Make a `Problem` of a loss whose lowest point is at `minimum`, one number a coordinate."""

    def make(function: Callable[..., Any]) -> Problem:
        parameters = inspect.signature(function).parameters.values()
        settings = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        made = Problem(function, minimum, settings)
        if len(minimum) + made.online + len(settings) != len(parameters):
            raise TypeError(f"problem {function.__name__}: give the minimum a number a coordinate")
        return made

    return make


@problem(0.0, 0.0)
def quadratic(x: Any, y: Any, *, kappa: float = 10.0) -> Any:
    """A bowl that is `kappa` times steeper along y than along x."""
    return (x**2 + kappa * y**2) / 2


@problem(0.0)
def lessard(x: Any) -> Any:
    """A convex loss on which tuned momentum runs in a circle (Lessard, Recht & Packard 2016)."""
    steep = 25 * x**2 / 2
    return where(x < 1, steep, where(x < 2, x**2 / 2 + 24 * x - 12, steep - 24 * x + 36))


@problem(-math.inf)
def burst(x: Any, t: Any, *, size: float = 100.0, begin: int = 1, duration: int = 3) -> Any:
    """A slope whose gradient is 1, but `size` in the `duration` steps from step `begin` on."""
    return where(t >= begin, where(t < begin + duration, size, 1), 1) * x


@problem(1.0, 1.0)
def features(x: Any, y: Any, t: Any, *, every: int = 10) -> Any:
    """Two features to learn: `x` is seen at each step, `y` only at each `every`-th one."""
    return (x - 1) ** 2 / 2 + where(t % every < 1, (y - 1) ** 2 / 2, 0)


@problem(-math.inf)
def reddi(x: Any, t: Any, *, large: float = 4.0, every: int = 3) -> Any:
    """A slope of `large` at steps 1, 1 + `every` and so on, and of -1 at all others.

    Adam with a short memory goes the wrong way (Reddi, Kale & Kumar 2018, Theorem 1, where x is
    kept within -1 and 1; here it is free). The lowest point is at -inf if `large` > `every` - 1.
    """
    return where((t - 1) % every < 1, large, -1) * x
