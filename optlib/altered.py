"""A rule with some of its lines changed; see `Rule.altered`."""

import ast
import builtins
from collections.abc import Callable, Mapping
from dataclasses import replace
from keyword import iskeyword
from typing import Any

import numpy as np

from optlib import arrays
from optlib.iteration import Iteration
from optlib.notation import Quantity, demand_known, quantity
from optlib.text import Put, compiled, rule_text, summary


def altered_function(
    rule: Iteration, lines: Mapping[str, str], keeps: Mapping[str, str], name: str
) -> tuple[Callable[..., Any], dict[str, Quantity]]:
    """The function of the rule that `Rule.altered` gives, and what its names mean.

    It raises what that says.
    """
    if not name.isidentifier() or iskeyword(name):
        raise ValueError(f"{name!r} is no name for a rule")
    if not lines and not keeps:
        raise ValueError(f"{rule.name}: nothing is changed; say which line, as in move='-lr * g'")
    *own, (result, move) = rule.lines()
    old = dict(own)
    last = result if "move" in old else "move"  # a line of this name is what is meant by it
    old[last] = move
    inputs = [n for n in (*rule.arguments, *rule.hyper) if n not in rule.slots]
    demand_known(rule.name, "line or argument", lines, [*old, *inputs])
    demand_known(rule.name, "slot", keeps, rule.slots)
    new = {n: _expression(rule, n, text, old) for n, text in lines.items()}
    kept = {n: _expression(rule, n, text, {}) for n, text in keeps.items()}

    put = Put({n: expression for n, expression in new.items() if n not in old})
    body = {n: new[n] if n in new else put.visit(expression) for n, expression in old.items()}
    made: dict[str, ast.expr] = {}
    names: dict[str, ast.Name] = {}  # what stands for a slot once its line is made
    for n, expression in body.items():
        target = n
        while n in kept and target in {*old, *rule.arguments, *rule.hyper}:
            target += "_new"
        made[target] = Put(names).visit(expression)
        if n in kept:
            names[n] = ast.Name(target)
    move = made.pop(last)
    made |= {n: Put(names).visit(expression) for n, expression in kept.items()}
    mentioned = {n for expression in [*made.values(), move] for n in _names(expression)}
    before = {f"{n}_old": ast.Name(n) for n in rule.slots if f"{n}_old" in mentioned}

    used = {*rule.arguments, *mentioned & {"theta", "t"}}
    scope = _scope(rule, {**before, **made, last: move}, used)
    if name in scope:
        raise ValueError(f"{name!r} is what a line calls; give the rule a name of its own")
    changes = ", ".join(f"{n} = {text}" for n, text in {**lines, **keeps}.items())
    doc = "\n    ".join([*summary(rule), f"Altered: {changes}."])
    text = rule_text(name, doc, used, rule.start, rule.hyper, {**before, **made}.items(), move)
    symbols = {f"{n}_old": quantity(n, rule.names) for n in rule.slots}
    for value in names.values():
        plain = quantity(value.id.removesuffix("_new"), rule.names)
        symbols[value.id] = replace(plain, symbol=rf"{{{plain.symbol}}}'")
    function = compiled(name, text, scope, rule.function.__module__)
    return function, {**rule.names, **symbols}


def _expression(rule: Iteration, name: str, text: str, old: Mapping[str, ast.expr]) -> ast.expr:
    """The text that is given for a name, parsed; one value, and another one than it has."""
    try:
        found: ast.expr | None = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        found = None
    generators = ast.Yield | ast.YieldFrom | ast.Await
    if (
        found is None
        or isinstance(found, ast.Tuple)
        or any(isinstance(node, generators) for node in ast.walk(found))
    ):
        raise SyntaxError(f"{rule.name}: {name} = `{text}` is no expression")
    if ast.dump(found) == ast.dump(old.get(name, ast.Name(name, ast.Load()))):
        raise ValueError(f"{rule.name}: {name} is `{text}` already")
    return found


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def _scope(rule: Iteration, lines: Mapping[str, ast.expr], used: set[str]) -> dict[str, Any]:
    """What the lines call: the rule's own functions, those of `optlib.arrays`, Python's, and np.

    Raises
    ------
    TypeError
        A line uses a name that nothing before it has made.
    """
    functions = {**vars(builtins), **vars(arrays), "np": np, **rule.scope()}
    known = {*used, *rule.hyper}
    called: set[str] = set()
    for target, expression in lines.items():
        free = _names(expression) - known
        if unknown := sorted(free - functions.keys()):
            raise TypeError(
                f"{rule.name}: {target} = `{ast.unparse(expression)}` uses {', '.join(unknown)}, "
                f"which it has not there; it has {', '.join(sorted(known))}"
            )
        called |= free
        known.add(target)
    return {n: functions[n] for n in called}
