"""What figures share that run rules on a problem: the lines, where they begin, how they end."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optlib.notation import Names, Quantity
from optlib.problems import Problem
from optlib.rule import Rule
from optlib.schedule import Schedule
from optlive.picture import MOST_LINES
from optlive.words import number

Hyper = dict[str, float]
Rules = Rule | Sequence[Rule] | Mapping[str, Rule | tuple[Rule, Hyper]]


@dataclass(frozen=True)
class RuleLine:
    """A rule in the figure, with hyper-parameters of its own."""

    label: str
    rule: Rule
    own: Hyper

    @property
    def names(self) -> Collection[str]:
        """What sliders can move, unless the line has a value of its own."""
        return self.rule.hyper

    @property
    def meanings(self) -> Names:
        """What names mean in the rule."""
        return self.rule.names

    def hyper(self, shared: Hyper) -> Hyper:
        """The shared hyper-parameters that the rule has, and the line's own."""
        return {n: v for n, v in shared.items() if n in self.rule.hyper} | self.own


@dataclass(frozen=True)
class ScheduleLine:
    """A schedule in the figure, with hyper-parameters of its own; none for one drawn by hand."""

    label: str
    schedule: Schedule | None
    own: Hyper

    @property
    def names(self) -> Collection[str]:
        """What sliders can move, unless the line has a value of its own."""
        return self.schedule.hyper if self.schedule else ()

    @property
    def meanings(self) -> Names:
        """What names mean in the schedule."""
        return self.schedule.names if self.schedule else {}

    def hyper(self, shared: Hyper) -> Hyper:
        """The shared hyper-parameters that the schedule has, and the line's own."""
        return {n: v for n, v in shared.items() if n in self.names} | self.own


def meanings_of(lines: Iterable[RuleLine | ScheduleLine]) -> dict[str, Quantity]:
    """What names mean in the rules and schedules of a figure."""
    return {name: meaning for line in lines for name, meaning in line.meanings.items()}


def lines_of(rules: Rules, hyper: Hyper) -> list[RuleLine]:
    """The lines of a figure, one to four, with hyper-parameters that they have."""
    rules = [rules] if isinstance(rules, Rule) else rules
    items = list(rules.items()) if isinstance(rules, Mapping) else [("", r) for r in rules]
    if not 1 <= len(items) <= MOST_LINES:
        raise ValueError(f"a figure has one to {MOST_LINES} rules, got {len(items)}")
    lines = []
    for label, item in items:
        rule, own = item if isinstance(item, tuple) else (item, {})
        lines.append(RuleLine(label or check_rule(rule).name, check_rule(rule), own))
    check_hyper(lines, hyper)
    return lines


def check_rule(rule: Any) -> Rule:
    """`rule` itself; TypeError if it is none."""
    if not isinstance(rule, Rule):
        raise TypeError(f"{rule!r} is no rule; make one with @rule")
    return rule


def check_hyper(lines: Iterable[RuleLine], hyper: Hyper) -> None:
    """Complain unless each shared hyper-parameter is in range and some line has it."""
    known: set[str] = set()
    for line in lines:
        line.rule.check(**line.hyper(hyper))
        known.update(line.rule.hyper)
    if unknown := set(hyper) - known:
        raise TypeError(f"no rule has a hyper-parameter {', '.join(sorted(unknown))}")


def settings_of(problem: Problem, hyper: Hyper) -> Hyper:
    """The shared hyper-parameters and the problem's settings, which must have other names."""
    if both := sorted(set(problem.settings) & set(hyper)):
        raise ValueError(
            f"{' and '.join(both)}: a setting of {problem.name} and a hyper-parameter, and one "
            "slider cannot move both; give the setting another name"
        )
    return {**hyper, **problem.settings}


def begin_at(problem: Any, start: Any) -> np.ndarray:
    """The start as an array, a finite number for each of the problem's coordinates."""
    if not isinstance(problem, Problem) or len(problem.coordinates) > 2:
        raise TypeError(f"a live figure needs a problem of one or two coordinates, got {problem!r}")
    begin = np.atleast_1d(np.asarray(start, dtype=float))
    if begin.shape != (len(problem.coordinates),) or not np.isfinite(begin).all():
        raise ValueError(
            f"start = {start!r}, but {problem.name} has {len(problem.coordinates)} coordinates "
            f"({', '.join(problem.coordinates)}): give a finite number for each"
        )
    return begin


def fate(losses: np.ndarray, far: float, step: int) -> str:
    """In words: the loss at a step, or where it leaves for good, above `far`."""
    gone = np.flatnonzero(~(losses <= far))
    if len(gone):
        return f"diverges at step {gone[0]}"
    return f"loss {number(float(losses[step]))} at step {step}"
