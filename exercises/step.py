"""An exercise that asks for one step of a rule: what is right, and what is wrong, comes from it.

    exercise = Step("One step of SGD", sgd, row="R2", read="sec-sgd-rule", statement="…")

    @exercise.solution
    def sgd_step(theta, g, lr):
        \"""…\"""
        return theta - lr * g

    exercise.mistake("sec-sgd-rule", "uphill", lr="-lr")(\"""
        The step goes uphill.

        Look at the sign.
    \""")

The reference is the rule, and a mistake is the rule with some of its lines changed, as
`Rule.altered` takes them. A mistake of another shape is a function, as in any exercise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from exercises.asking import Function, Inputs
from exercises.exercise import Draw, Exercise
from optlib.rule import Rule

DRAWS: dict[str, Callable[[Draw], Any]] = {
    "theta": Draw.array,
    "theta_prime": Draw.array,
    "g": Draw.array,
    "grad": Draw.gradient,
    "t": Draw.t,
    "m": Draw.array,
    "v": Draw.positive,
    "lr": Draw.lr,
    "momentum": Draw.momentum,
    "beta1": Draw.beta1,
    "beta2": Draw.beta2,
    "eps": Draw.eps,
}
"""How a probe draws the arguments of a step."""


@dataclass(frozen=True)
class Stepper:
    """One step of a rule as an answer to its exercise: all arguments by place, as in `arguments`.

    Nothing is checked, and shapes and types are what the rule makes of them.
    """

    rule: Rule
    arguments: tuple[str, ...]

    def __call__(self, *inputs: Any) -> Any:
        given = dict(zip(self.arguments, inputs, strict=True))
        theta, g = inputs[0], given["grad" if self.rule.needs_function else "g"]
        state = {name: given[name] for name in self.rule.slots}
        hyper = {name: given[name] for name in self.rule.hyper}
        with np.errstate(all="ignore"):  # in a branch that the rule does not take
            move, state = self.rule.update(theta, g, state, given.get("t", 1), hyper)
        return (theta + move, *state.values()) if state else theta + move


class Step(Exercise):
    """An exercise that asks for one step of a rule; see the module's text.

    The answer takes theta, whatever it is called, the slots and the gradient, `t` where the rule
    uses it, and all hyper-parameters, and returns the new theta and the new slots. A probe draws
    each as `DRAWS` says, in their order; where there is `t`, theta, gradient and `t` come first,
    and at the first step the slots are zeros. `@exercise.probe` takes another one.

    Parameters
    ----------
    title : str
        Title of its page.
    rule : Rule
        What is asked.
    row, read, statement, equations, points
        As in an `Exercise`; by default the equations are the rule's.
    """

    def __init__(
        self,
        title: str,
        rule: Rule,
        *,
        row: str,
        read: str,
        statement: str,
        equations: object = "",
        points: int = 1,
    ) -> None:
        super().__init__(
            title,
            row=row,
            read=read,
            returns=("theta", *rule.slots),
            statement=statement,
            equations=equations or rule.equations(),
            points=points,
        )
        self.rule = rule

    def solution(self, function: Function) -> Function:
        super().solution(function)
        # One after a change of variables has another name.
        self.returns = (self.arguments[0], *self.rule.slots)
        self.refer = Stepper(self.rule, self.arguments)
        self.draw = self._draw
        return function

    def mistake(
        self, read: str, name: str = "", *, keeps: Mapping[str, str] | None = None, **lines: str
    ) -> Callable[[Any], Any]:
        """Take a known mistake: a function, or the rule with some of its lines changed.

        With a name and lines, as `Rule.altered` takes them, the words follow in a second pair of
        brackets: what the mistake is and, after an empty line, a hint.
        """
        if not name:
            if lines or keeps:
                raise TypeError(f"{self.title}: give the mistake {lines or keeps} a name")
            return super().mistake(read)
        made = Stepper(self.rule.altered(keeps=keeps, name=name, **lines), self.arguments)
        return lambda words: self._add(name, words, read, made)

    def _draw(self, draw: Draw) -> Inputs:
        """One random input; see the class."""
        first = ("theta", "g", "t") if "t" in self.arguments else ()
        inputs: dict[str, Any] = {}
        for name in dict.fromkeys((*first, *self.arguments)):
            rests = name in self.rule.slots and inputs.get("t") == 1
            inputs[name] = draw.zeros() if rests else DRAWS[name](draw)
        return tuple(inputs[name] for name in self.arguments)
