"""The flight record: every named line of a rule at every step."""

import ast
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import numpy as np

from optlib.faces.equations import changes, starting_indices
from optlib.faces.path import visit
from optlib.iteration import Iteration


class FlightRecord:
    """A table with a row a step and a column a name, for one scalar parameter.

    `record["m_hat"]` is a column as an array; iterating gives the rows as dicts.
    """

    def __init__(self, rule: Iteration, columns: dict[str, np.ndarray]) -> None:
        self.rule = rule
        self.columns = columns

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.columns:
            raise KeyError(f"no column {name!r}; the record has {', '.join(self.columns)}")
        return self.columns[name]

    def __iter__(self) -> Iterator[dict[str, float]]:
        for row in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, row, strict=True))

    def __len__(self) -> int:
        return len(self.columns["t"])

    def __repr__(self) -> str:
        rows = [list(self.columns), *self._cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows
        )

    def _repr_html_(self) -> str:
        lines = {name: f"{name} = {ast.unparse(line)}" for name, line in self.rule.lines()}
        lines["move"] = lines.pop("theta").replace("theta = ", "return ")
        headings = _headings(self.rule)
        head = "".join(
            f'<th scope="col" title="{escape(lines.get(n, n))}">\\({headings[n]}\\)</th>'
            for n in self.columns
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self._cells()
        )
        return (
            f'<table class="optlib-record"><caption>Flight record of <code>{self.rule.name}'
            f"</code></caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _cells(self) -> list[list[str]]:
        return [
            [f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e+") for value in row.values()]
            for row in self
        ]


def _headings(rule: Iteration) -> dict[str, str]:
    """LaTeX of each column, as the equations have it."""
    index = starting_indices(rule)
    headings = {name: rule.symbol(name, index[name]) for name in ("t", "theta", "g")}
    for name, expression in rule.lines():
        if name != rule.result and changes(expression, index):
            index[name] = "t"
        headings.setdefault(name, rule.symbol(name, index.get(name, "")))
    return headings | {"move": r"\theta_{t} - \theta_{t-1}"}


def record(
    rule: Iteration, problem: Any, start: Any, steps: int = 10, **hyper: Any
) -> FlightRecord:
    """Run a rule on one scalar parameter and keep every named line.

    Parameters
    ----------
    rule : Rule
        The optimizer.
    problem : Problem, callable or sequence of float
        A problem of one coordinate, online or not, its gradient function, or the gradients
        themselves.
    start : float
        Where to begin.
    steps : int
        Number of steps, default 10.
    **hyper
        Hyper-parameters; those left out have their defaults.

    Returns
    -------
    Record
        Columns t, theta (before the step), g where the rule is given it, every named line, and
        the move.

    Raises
    ------
    ValueError, TypeError
        From `Rule.check`, or when there is more than one scalar or fewer gradients than steps.
    """
    checked = rule.check(**hyper)
    if np.size(start) != 1 or any(np.size(value) != 1 for value in checked.values()):
        raise ValueError("a flight record follows one scalar: give one start and one of each hyper")
    checked = {name: np.asarray(value).item() for name, value in checked.items()}
    if not callable(getattr(problem, "grad", problem)):
        if rule.needs_function:
            raise ValueError(f"{rule.name} needs the gradient function, and not its values")
        problem = _replay(problem, steps)
    rows = []
    for t, theta, g, state in visit(rule, problem, start, steps, checked):
        if t > steps:
            break
        given = {"theta": theta, "g": g, "grad": g, "t": np.float64(t), **state, **checked}
        with np.errstate(all="ignore"):  # in a branch that is not taken
            lines = rule.walk(given)
        move = lines.pop("theta")
        seen = {} if rule.needs_function else {"g": g}
        rows.append({"t": t, "theta": theta, **seen, **lines, "move": move})
    names = list(rows[0]) if rows else ["t"]
    return FlightRecord(rule, {n: np.array([np.ravel(row[n])[0] for row in rows]) for n in names})


def _replay(gradients: Any, steps: int) -> Callable[[np.ndarray], np.ndarray]:
    """A gradient function that answers with the given numbers, one a step."""
    numbers = np.asarray(gradients, dtype=float)
    if numbers.ndim != 1 or len(numbers) < steps:
        raise ValueError(
            f"{steps} steps need {steps} gradients in a row, got an array of shape {numbers.shape}"
        )
    remaining = iter(numbers)
    return lambda theta: np.full_like(theta, next(remaining))
