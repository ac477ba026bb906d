"""What an exercise is.

An exercise is written once, as an `Exercise` and a few functions that it collects:

    exercise = Exercise("One step of SGD", row="R2", read="sec-sgd-rule", returns=("theta",),
                        statement="…")

    @exercise.solution          # its name, signature and docstring are what the student is given
    def sgd_step(theta, g, lr):
        \"""…\"""
        return theta - lr * g

    @exercise.reference         # what decides: the rule of optlib
    def reference(theta, g, lr):
        return sgd.step(theta, g, {}, t=1, lr=lr)[0]

    @exercise.probe             # one random input, in the order of the arguments
    def probe(draw):
        return draw.array(), draw.array(), draw.lr()

    @exercise.mistake("sec-sgd-rule")  # the docstring names it; its second paragraph is a hint
    def uphill(theta, g, lr):
        \"""The step goes uphill.

        Look at the sign.
        \"""
        return theta + lr * g

The checker, the student's notebook and the book's page are made from that.
"""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from exercises.reading import SECTIONS

Function = Callable[..., Any]
Inputs = tuple[Any, ...]

PROBES = 24
SHAPES: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 2))

YOUR_TURN = 'raise NotImplementedError("your turn")'


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


class Draw:
    """Random values for one probe, with two decimals, so that a student can type them in."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        self.rng = rng
        self.shape = shape

    def array(self, *shape: int) -> Any:
        """Numbers between 0.5 and 2 of either sign, of the probe's shape unless one is given."""
        shape = shape or self.shape
        size, sign = self.rng.uniform(0.5, 2, shape), self.rng.choice([-1, 1], shape)
        return np.round(size * sign, 2)[()]

    def positive(self) -> Any:
        """Numbers between 0.5 and 2, of the probe's shape."""
        return np.abs(self.array())

    def zeros(self) -> Any:
        """Zeros of the probe's shape."""
        return np.zeros(self.shape)[()]

    def gradients(self) -> Any:
        """One to five gradients, each of the probe's shape, along the first axis."""
        return self.array(int(self.rng.integers(1, 6)), *self.shape)

    def number(self, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        return round(float(self.rng.uniform(low, high)), 2)

    def lr(self) -> float:
        """A learning rate."""
        return self.number(0.05, 0.5)

    def momentum(self) -> float:
        """A momentum coefficient."""
        return self.number(0.55, 0.95)

    def betas(self) -> tuple[float, float]:
        """The decay rates of an average of gradients and of one of squares, well apart."""
        return self.number(0.55, 0.8), self.number(0.88, 0.96)

    def eps(self) -> float:
        """An ε that is large enough to be seen."""
        return self.number(0.02, 0.1)

    def t(self) -> int:
        """The number of a step: as often the first one as a later one, up to 20."""
        return int(self.rng.choice([1, int(self.rng.integers(2, 21))]))

    def gradient(self) -> Gradient:
        """A gradient function."""
        return Gradient(self.number(0.5, 1.5), self.number(1, 2))


@dataclass(frozen=True)
class Mistake:
    """A known mistake: a wrong answer, what it is, what to look at and where to read."""

    name: str
    what: str
    hint: str
    read: str
    function: Function


class Exercise:
    """One exercise; see the module's text.

    Parameters
    ----------
    title : str
        Title of its page.
    row : str
        Row of the lecture, such as R3.
    read : str
        Label of the section to read first.
    returns : tuple of str
        Names of the values that the answer returns, in order.
    statement : str
        What is asked, in MyST markdown; `{equations}` stands for the next.
    equations : Equations or str
        The displayed equations, made from the rule, so that no formula is copied by hand.
    points : int
        What a right answer earns in a class.
    """

    def __init__(
        self,
        title: str,
        *,
        row: str,
        read: str,
        returns: tuple[str, ...],
        statement: str,
        equations: object = "",
        points: int = 1,
    ) -> None:
        self.title = title
        self.row = row
        self.read = _known(read)
        self.returns = returns
        self.statement = inspect.cleandoc(statement).replace("{equations}", str(equations))
        self.points = points
        self.mistakes: list[Mistake] = []

    # What the source gives.

    def solution(self, function: Function) -> Function:
        """Take the solution; the exercise is called by its name."""
        self.solve = function
        self.id = function.__name__
        self.arguments = tuple(inspect.signature(function).parameters)
        return function

    def reference(self, function: Function) -> Function:
        """Take what answers are compared with."""
        self.refer = function
        return function

    def probe(self, function: Callable[[Draw], Inputs]) -> Callable[[Draw], Inputs]:
        """Take the function that draws one input."""
        self.draw = function
        return function

    def mistake(self, read: str) -> Callable[[Function], Function]:
        """Take a known mistake and the label of the section that cures it."""

        def take(function: Function) -> Function:
            what, _, hint = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
            what, hint = " ".join(what.split()), " ".join(hint.split())
            self.mistakes.append(Mistake(function.__name__, what, hint, _known(read), function))
            return function

        return take

    # What the machinery asks.

    def probes(self, seed: Any = None) -> list[Inputs]:
        """Random inputs of changing shape, the simplest first; the first one comes again at last,
        which tells an answer that keeps something from call to call."""
        rng = np.random.default_rng(seed)
        inputs = [self.draw(Draw(rng, shape)) for shape in islice(cycle(SHAPES), PROBES)]
        return [*inputs, inputs[0]]

    def due(self, function: Function, inputs: Inputs) -> tuple[np.ndarray, ...]:
        """What the reference or a mistake returns, as arrays."""
        with np.errstate(all="ignore"):  # a mistake may divide by zero
            answer = function(*inputs)
        values = answer if len(self.returns) > 1 else (answer,)
        return tuple(np.asarray(value, dtype=float) for value in values)

    def blank(self) -> str:
        """What the student is given: signature and docstring."""
        head, _ = self._halves()
        return f"{head}\n    {YOUR_TURN}"

    def answer(self) -> str:
        """The solution's text."""
        head, body = self._halves()
        return f"{head}\n{body}"

    def _halves(self) -> tuple[str, str]:
        """The solution's text without decorators: up to the docstring, and after it."""
        text = textwrap.dedent(inspect.getsource(self.solve))
        definition = ast.parse(text).body[0]
        assert isinstance(definition, ast.FunctionDef)
        lines = text.splitlines()
        doc = definition.body[0]
        head, body = lines[definition.lineno - 1 : doc.end_lineno], lines[doc.end_lineno :]
        return "\n".join(head), "\n".join(body)


def _known(label: str) -> str:
    if label not in SECTIONS:
        raise ValueError(f"no section {label!r} in exercises/reading.py")
    return label


@cache
def catalogue() -> tuple[str, ...]:
    """The names of all exercises."""
    return tuple(sorted(path.parent.name for path in Path(__file__).parent.glob("*/exercise.py")))


def load(name: str) -> Exercise:
    """The exercise of that name.

    Raises
    ------
    KeyError
        There is none.
    """
    if name not in catalogue():
        raise KeyError(f"no exercise is called {name!r}; there are {', '.join(catalogue())}")
    exercise = importlib.import_module(f"exercises.{name}.exercise").exercise
    assert isinstance(exercise, Exercise)
    return exercise
