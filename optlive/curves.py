"""Numbers that were computed before, with a choice among runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optlive.figure import Figure, whole
from optlive.picture import LINES, MOST_LINES, draw_line, line_entry, marks
from optlive.words import number, title


def curves(
    steps: Sequence[float],
    lines: Mapping[str, Any],
    *,
    choices: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
    choice: str = "lr",
    at: int | Mapping[str, int] = 0,
    xlabel: str = "step",
    ylabel: str = "loss",
    xlog: bool = False,
    ylog: bool = True,
    ylim: tuple[float, float] | None = None,
    points: bool = False,
    told: float | None = None,
    alt: str | None = None,
) -> Figure:
    """Lines through numbers that were computed before, with intervals and a choice among runs.

    Parameters
    ----------
    steps : n numbers
        The horizontal axis.
    lines : dict of label to array of shape (n,) or (3, n), with choices (k, n) or (k, 3, n)
        The median alone, or the median and the low and high end of its interval; one to four
        lines. What is not finite leaves a gap.
    choices : k numbers, or dict of label to k numbers
        What the reader chooses among: for all lines at once, or for each line its own.
    choice : str
        Name of what is chosen, default "lr".
    at : int, or dict of label to int
        Index of the choice at the start, default the first; any integer, also NumPy's.
    xlabel, ylabel : str
        Names of the axes.
    xlog, ylog : bool
        Whether an axis is logarithmic; by default only the vertical one is.
    ylim : (low, high)
        Ends of the vertical axis. Default: all finite numbers, but nothing above three times the
        highest number at the first step.
    points : bool
        Draw a mark and a whisker at each number instead of a band along the line.
    told : number
        Where the numbers are that the words under the figure tell; the nearest of the steps.
        Default the last one. Take a place where the choices differ.
    alt : str
        What the figure shows, for readers who do not see it. Default: made from the arguments.

    Raises
    ------
    ValueError
        Arrays of the wrong shape, no number to draw, or an `at` that is no index of a choice.
    """
    xs = np.asarray(steps, dtype=float)
    if xs.ndim != 1 or not len(xs) or not 1 <= len(lines) <= MOST_LINES:
        raise ValueError(f"curves needs a row of steps and one to {MOST_LINES} lines")
    for given in (choices, at):
        if isinstance(given, Mapping) and set(given) != set(lines):
            raise ValueError(f"there are choices for {list(given)}, but lines {list(lines)}")
    rows = [
        _Row(
            label,
            values,
            len(xs),
            choices[label] if isinstance(choices, Mapping) else choices,
            at[label] if isinstance(at, Mapping) else at,
        )
        for label, values in lines.items()
    ]
    low, high = ylim or _extent([row.runs for row in rows], ylog)
    where = -1 if told is None else int(np.abs(xs - told).argmin())

    def summary(row: _Row, run: np.ndarray) -> str:
        median, *interval = (number(float(v)) for v in run[:, where])
        between = f" ({interval[0]} to {interval[1]})" if interval and median != "none" else ""
        return f"{row.label}: {median}{between}"

    header = f"{ylabel} at {xlabel} {number(float(xs[where]))}"
    own = isinstance(choices, Mapping)
    chosen = [] if choices is None else rows if own else rows[:1]
    data = {
        "view": "curves",
        "steps": _rounded(xs),
        "x": {"min": float(xs.min()), "max": float(xs.max()), "log": xlog, "label": xlabel},
        "y": {"min": low, "max": high, "log": ylog, "label": ylabel},
        "points": points,
        "header": header,
        "lines": [
            {
                "choice": row.label if own else rows[0].label,
                "runs": [
                    {
                        **dict(zip(("median", "low", "high"), map(_rounded, run), strict=False)),
                        "summary": summary(row, run),
                    }
                    for run in row.runs
                ],
                **marks(k),
            }
            for k, row in enumerate(rows)
        ],
        "controls": [
            {
                "name": row.label,
                "label": f"{row.label}: {title(choice)}" if own else title(choice),
                "min": 0,
                "max": len(row.runs) - 1,
                "values": [number(value) for value in row.choices],
            }
            for row in chosen
        ],
        "state": {row.label: row.at for row in chosen},
    }

    def draw(axes: Any) -> None:
        axes.set(xlabel=xlabel, title=ylabel, xscale="log" if xlog else "linear")
        room = 0.0 if len(xs) > 1 else 0.1 * abs(xs[0]) or 1.0
        axes.set_xlim(xs.min() - room, xs.max() + room)
        axes.set(yscale="log" if ylog else "linear", ylim=(low, high))
        for k, row in enumerate(rows):
            median, *interval = row.runs[row.at]
            if interval and points:
                axes.vlines(xs, *interval, color=LINES[k])
            elif interval:
                axes.fill_between(xs, *interval, color=LINES[k], alpha=0.18, lw=0)
            draw_line(axes, k, xs, median, marked=len(xs) if points else 12)

    return Figure(
        data,
        alt=alt or f"Live figure: {ylabel} over {xlabel} for {', '.join(lines)}.",
        status=[header, *(summary(row, row.runs[row.at]) for row in rows)],
        legend=[line_entry(k, row.label) for k, row in enumerate(rows)],
        panels=[(f"{ylabel} over {xlabel}", draw)],
    )


class _Row:
    """A line of the figure: its runs, shape (choices, 1 or 3, n), checked, and its choices."""

    def __init__(self, label: str, values: Any, n: int, choices: Any, at: Any) -> None:
        self.label = label
        self.choices = [0.0] if choices is None else list(choices)
        count = len(self.choices)
        runs = np.asarray(values, dtype=float)
        runs = runs[None] if choices is None else runs
        self.runs = runs[:, None] if runs.ndim == 2 else runs
        if self.runs.shape not in ((count, 1, n), (count, 3, n)):
            raise ValueError(
                f"{label} has shape {np.shape(values)}; wanted are {n} numbers, or 3 rows of them "
                f"(median, low, high){'' if choices is None else f', for each of {count} choices'}"
            )
        self.at = whole(f"{label}: at", at, 0, count - 1)


def _extent(runs: list[np.ndarray], log: bool) -> tuple[float, float]:
    """The vertical axis: all numbers, but nothing far above the first step."""
    numbers = np.concatenate([r.ravel() for r in runs])
    numbers = numbers[np.isfinite(numbers) & ((numbers > 0) | (not log))]
    if not len(numbers):
        raise ValueError("there is no number that can be drawn")
    first = np.concatenate([r[..., 0].ravel() for r in runs])
    top = 3 * np.abs(first[np.isfinite(first)]).max(initial=0)
    low, high = float(numbers.min()), float(min(numbers.max(), top or np.inf))
    if log:
        return low / 1.2, high * 1.2
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _rounded(values: Any) -> list[float | None]:
    """Four significant digits; what is not finite is left out."""
    return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]
