"""The map on which paths are drawn: a problem's loss in a window."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from optlib.problems import Problem
from optlive.figure import javascript
from optlive.picture import INK, MARGINS, MUTED, TINT
from optlive.runs import begin_at
from optlive.words import number


class Ground:
    """A problem in a window, and where runs begin on it.

    Attributes
    ----------
    begin : array
        The start, a number a coordinate.
    window : sequence of (low, high)
        What is seen at least, a pair a coordinate.
    flat : bool
        Whether there is one coordinate, so that the map is a curve.
    vertical : str
        Name of the vertical axis.
    """

    def __init__(
        self, problem: Problem, start: Any, window: Sequence[tuple[float, float]] | None
    ) -> None:
        self.begin = begin_at(problem, start)
        self.problem = problem
        if problem.online:
            raise ValueError(
                f"{problem.name} changes from step to step, and a map shows one loss; "
                "take live.signals"
            )
        if window is None:
            reach = 1.25 * max(np.abs(self.begin - problem.minimum).max(), 0.1)
            window = [(float(c - reach), float(c + reach)) for c in problem.minimum]
        if np.shape(window) != (len(self.begin), 2) or any(not low < high for low, high in window):
            raise ValueError(f"window must be a pair (low, high) a coordinate, got {window!r}")
        self.window = window
        self.flat = len(self.begin) == 1
        self.vertical = "loss" if self.flat else problem.coordinates[1]

    @property
    def data(self) -> dict[str, Any]:
        """What the browser needs to draw it."""
        return {
            "problem": javascript(self.problem),
            "coordinates": list(self.problem.coordinates),
            "window": [list(map(float, pair)) for pair in self.window],
        }

    @property
    def far(self) -> float:
        """A loss far above anything in the window: such a run has left for good."""
        corner = [low for low, _ in self.window]
        return 1000 * max(map(float, self.problem.loss([self.begin, corner])))

    @property
    def where(self) -> str:
        """The start in words."""
        pairs = zip(self.problem.coordinates, self.begin, strict=True)
        return ", ".join(f"{name} = {number(value)}" for name, value in pairs)

    def losses(self, run: np.ndarray) -> np.ndarray:
        """Loss along a run, inf where it has left."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.problem.loss(run)

    def draw(self, axes: Any, title: str) -> None:
        """The loss itself; `title` names the vertical axis."""
        axes.set(xlabel=self.problem.coordinates[0], title=title)
        (self._draw_curve if self.flat else self._draw_contours)(axes)

    def heights(self, run: np.ndarray) -> np.ndarray:
        """How high the points of a run stand on the map."""
        return self.losses(run) if self.flat else run[:, 1]

    def _draw_curve(self, axes: Any) -> None:
        ((left, right),) = self.window
        xs = np.linspace(left, right, 201)
        loss = self.problem.loss(xs[:, None])
        axes.plot(xs, loss, color=MUTED, lw=2)
        axes.set(xlim=(left, right), ylim=(loss.min() - 0.06 * np.ptp(loss), loss.max()))

    def _draw_contours(self, axes: Any) -> None:
        """The loss in the window, widened so that one unit is as long along x as along y."""
        left, right, top, bottom = MARGINS
        pixels = np.array([360 - left - right, 315 - top - bottom])
        (x0, x1), (y0, y1) = self.window
        reach = max((x1 - x0) / pixels[0], (y1 - y0) / pixels[1]) * pixels / 2
        middle = np.array([x0 + x1, y0 + y1]) / 2
        (x0, y0), (x1, y1) = middle - reach, middle + reach
        grid = np.meshgrid(np.linspace(x0, x1, 41), np.linspace(y0, y1, 41))
        loss = self.problem.loss(np.stack(grid, axis=-1))
        for level in np.quantile(loss, (np.arange(9.5, 0, -1) / 10) ** 1.5):
            axes.contourf(*grid, loss, levels=[-np.inf, level], colors=[TINT], alpha=0.07)
        axes.plot(*self.problem.minimum, "+", color=INK, ms=10)
        axes.set(xlim=(x0, x1), ylim=(y0, y1))
