"""The JavaScript face: rules, schedules and problems for figures that run without a kernel.

The same walk through SymPy that reads a rule's lines writes them as JavaScript. A rule works on
one number; the figure calls it for each coordinate.
"""

import json
from collections.abc import Callable
from typing import Any, Protocol

import sympy
from sympy import jscode

from optlib.formula import Formula


class Loss(Protocol):
    """What is written of a problem; see `optlib.problems.Problem`."""

    name: str
    coordinates: tuple[str, ...]
    settings: dict[str, float]
    online: bool
    minimum: tuple[float, ...]

    def symbolic(self) -> tuple[list[Any], Any, list[Any]]:
        """Its symbols, loss and gradient."""


def rule_javascript(rule: Formula) -> str:
    """A rule as a JavaScript object, an expression in brackets.

    `init(theta)` is the state at the start. `at(theta, state, hyper)` is where the gradient is
    taken, theta itself unless the rule looks ahead. `step(theta, g, state, t, hyper)` is one step
    of one coordinate: `[theta, state]`, new.

    Raises NotImplementedError for a rule whose step needs the whole vector, and TypeError for one
    that cannot run on symbols.
    """
    if rule.needs_vector:
        raise NotImplementedError(
            f"{rule.name} takes its step with the whole vector (dot), and JavaScript is written "
            "for one coordinate"
        )
    ahead: list[Any] = []

    def look(point: Any) -> Any:
        ahead.append(point)
        return sympy.Symbol("g")

    lines: list[str] = []
    declared = {"theta", "g", "t", *rule.slots, *rule.hyper}  # as parameters of step

    def assign(name: str, value: Any) -> Any:
        keyword = "" if name in declared else "let "
        operator = "+=" if name == "theta" else "="
        lines.append(f"{keyword}{name} {operator} {_expression(value)};")
        return sympy.Symbol(name)

    names = {n: sympy.Symbol(n) for n in (*rule.arguments, *rule.hyper)}
    _check_names(rule.name, {*names, *(name for name, _ in rule.lines())})
    _walk(rule, {**names, "grad": look}, assign)
    if len(ahead) > 1:
        raise NotImplementedError(f"{rule.name} takes more than one gradient a step")
    state = f"{{{', '.join(rule.slots)}}}"
    hyper = f"{{{', '.join(rule.hyper)}}}"
    point = _expression(ahead[0]) if ahead else "theta"
    start = [f"{n}: {0 if value is None else value}" for n, value in rule.start.items()]
    body = "\n".join(f"    {line}" for line in lines)
    return f"""({{
  name: {json.dumps(rule.name)},
  slots: {json.dumps(list(rule.slots))},
  hyper: {json.dumps(rule.hyper)},
  init(theta) {{
    return {{{", ".join(start)}}};
  }},
  at(theta, {state}, {hyper}) {{
    return {point};
  }},
  step(theta, g, {state}, t, {hyper}) {{
{body}
    return [theta, {state}];
  }},
}})"""


def schedule_javascript(schedule: Formula) -> str:
    """A schedule as a JavaScript object, an expression in brackets.

    `rate(step, hyper)` is the rate, a number; `step` counts from 0. Raises as `rule_javascript`
    does.
    """
    lines: list[str] = []

    def assign(name: str, value: Any) -> Any:
        start = "return" if name == schedule.result else f"const {name} ="
        lines.append(f"    {start} {_expression(value)};")
        return sympy.Symbol(name)

    names = {n: sympy.Symbol(n) for n in (*schedule.arguments, *schedule.hyper)}
    _check_names(schedule.name, {*names, *(name for name, _ in schedule.lines())})
    _walk(schedule, {**names, "pi": sympy.pi}, assign)
    body = "\n".join(lines)
    return f"""({{
  name: {json.dumps(schedule.name)},
  hyper: {json.dumps(schedule.hyper)},
  rate(step, {{{", ".join(schedule.hyper)}}}) {{
{body}
  }},
}})"""


def _walk(formula: Formula, names: dict[str, Any], assign: Callable[[str, Any], Any]) -> None:
    """Run the text on symbols."""
    try:
        formula.walk(names, assign)
    except (TypeError, AttributeError) as error:
        raise TypeError(
            f"{formula.name} cannot run on symbols ({error}); call sqrt, where and the like from "
            "optlib.arrays, and not NumPy's"
        ) from error


def problem_javascript(problem: Loss) -> str:
    """A problem as a JavaScript object, an expression in brackets.

    `loss(theta, settings)` is a number and `grad(theta, settings)` an array; `theta` is an array
    of the coordinates. Those of an online problem take the step too: `loss(theta, settings, t)`.
    """
    _check_names(problem.name, {*problem.coordinates, *problem.settings})
    _, loss, gradient = problem.symbolic()
    given = f"[{', '.join(problem.coordinates)}], {{{', '.join(problem.settings)}}}"
    given += ", t" if problem.online else ""
    return f"""({{
  name: {json.dumps(problem.name)},
  settings: {json.dumps(problem.settings)},
  minimum: {json.dumps(list(problem.minimum))},
  loss({given}) {{
    return {_expression(loss)};
  }},
  grad({given}) {{
    return [{", ".join(_expression(part) for part in gradient)}];
  }},
}})"""


# fmt: off
_RESERVED = {
    "Math", "arguments", "await", "break", "case", "catch", "class", "const", "continue",
    "debugger", "default", "delete", "do", "else", "enum", "eval", "export", "extends", "false",
    "finally", "for", "function", "if", "implements", "import", "in", "instanceof", "interface",
    "let", "new", "null", "package", "private", "protected", "public", "return", "static", "super",
    "switch", "this", "throw", "true", "try", "typeof", "var", "void", "while", "with", "yield",
}
# fmt: on


def _check_names(owner: str, names: set[str]) -> None:
    if taken := sorted(_RESERVED & names):
        raise ValueError(f"{owner}: JavaScript keeps the name {', '.join(taken)} to itself")


def _expression(value: Any) -> str:
    return str(jscode(sympy.sympify(value))).replace("\n", " ")
