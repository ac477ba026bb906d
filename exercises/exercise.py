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

There are more kinds. A `Step` asks for one step of a rule, from which reference, probes and
mistakes come (`exercises.step`); a `Derivation` asks for an expression in symbols, and a `Choice`
for hyper-parameters that reach a goal. Each says only what is special about it: how its answer is
asked, or when it is right.
"""

import ast
import importlib
import inspect
import math
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

import numpy as np

from exercises.asking import Function, Inputs, Question, Values
from exercises.bank import PARTS
from exercises.inputs import Gradient
from exercises.reading import SECTIONS
from exercises.verdict import apart, show

TOLERANCE = 1e-9
"""Relative to the largest number that is due: far above rounding, far below any mistake."""

NEAR = 1e-6
"""The same for a known mistake, and for what is nearly right: a tiny ε of one's own, or float32."""

PROBES = 24
SHAPES: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 2))

YOUR_TURN = 'raise NotImplementedError("your turn")'


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

    def beta1(self) -> float:
        """The decay rate of an average of gradients."""
        return self.number(0.55, 0.8)

    def beta2(self) -> float:
        """The decay rate of an average of squares, well above the other one."""
        return self.number(0.88, 0.96)

    def betas(self) -> tuple[float, float]:
        """Both decay rates."""
        return self.beta1(), self.beta2()

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

    imports = "import numpy as np"
    """What the student's notebook has before the answer."""

    advice = ""
    """What is told besides when the function raises an error or is wrong in an unknown way."""

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
            self._add(function.__name__, function.__doc__ or "", read, function)
            return function

        return take

    def _add(self, name: str, words: str, read: str, function: Function) -> None:
        """Add a known mistake; the second paragraph of the words is the hint."""
        what, _, hint = inspect.cleandoc(words).partition("\n\n")
        what, hint = " ".join(what.split()), " ".join(hint.split())
        self.mistakes.append(Mistake(name, what, hint, _known(read), function))

    # What the machinery asks.

    @property
    def question(self) -> Question:
        """What is asked, without any answer."""
        return Question(self.id, self.arguments, self.returns, self.advice)

    def probes(self, seed: Any = None) -> list[Inputs]:
        """Random inputs of changing shape, the simplest first; the first one comes again at last,
        which tells an answer that keeps something from call to call."""
        rng = np.random.default_rng(seed)
        inputs = [self.draw(Draw(rng, shape)) for shape in islice(cycle(SHAPES), PROBES)]
        return [*inputs, inputs[0]]

    def due(self, function: Function, inputs: Inputs) -> Values:
        """What the reference or a mistake returns, as arrays."""
        with np.errstate(all="ignore"):  # a mistake may divide by zero
            answer = function(*inputs)
        values = answer if len(self.returns) > 1 else (answer,)
        return tuple(np.asarray(value, dtype=float) for value in values)

    def right(self, inputs: Inputs, got: Values, due: Values) -> bool:
        """Whether the values that came back are right on these inputs."""
        return equal(got, due)

    def makes(self, mistake: Mistake, inputs: Inputs, got: Values) -> bool:
        """Whether a mistake explains what came back on these inputs."""
        return equal(got, self.due(mistake.function, inputs), NEAR)

    def compared(self, inputs: Inputs, got: Values, due: Values) -> tuple[str, str]:
        """What came out and what was due, in words."""
        return apart(self.returns, got, due)

    def difference(self, inputs: Inputs, got: Values, due: Values) -> str:
        """How far a wrong answer is off: its first component that differs."""
        for name, x, y in zip(self.returns, got, due, strict=True):
            for index in np.ndindex(x.shape):
                one, other = (x[index],), (y[index],)
                if not equal(one, other):
                    component = f"{name}{list(index) if index else ''}"
                    yours, ours = apart((component,), one, other)
                    return f"{yours}, but {ours.rpartition(' = ')[2]} is due"
        raise AssertionError("nothing differs")

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


class Derivation(Exercise):
    """An exercise whose answer is an expression, made of symbols.

    The student's function is asked once, with positive symbols, integers where the probes have
    them. Its expression is then tried on numbers like any function. Two expressions that differ
    are apart at random points, and two that are equal agree there, in whatever shape they are.
    Solution and mistakes are such functions too; the reference may be a run of the rule itself.
    """

    imports = "import sympy as sp"
    advice = (
        "The arguments are SymPy symbols: no loops, no comparisons, sp.sqrt and sp.log in place of "
        "NumPy's, and exact numbers, such as sp.Rational(1, 3)."
    )

    @property
    def question(self) -> Question:
        example = self.draw(Draw(np.random.default_rng(0), ()))
        whole = tuple(type(value) is int for value in example)
        return replace(super().question, integers=whole)


class Choice(Exercise):
    """An exercise whose answer is a choice of hyper-parameters.

    What counts is what the choice does: a run with it has an outcome, and that may not exceed the
    bound, the last of the inputs. So many answers are right. The reference is one of them, and a
    mistake can be a whole region of wrong ones.
    """

    def __init__(self, title: str, **about: Any) -> None:
        super().__init__(title, **about)
        self.regions: dict[str, Function] = {}

    def outcome(self, function: Function) -> Function:
        """Take the run: from inputs and choice to the number that counts, called by its name."""
        self.run = function
        return function

    def mistake(self, read: str, when: Function | None = None) -> Callable[[Function], Function]:
        """Take a known mistake, one wrong choice. `when` takes inputs and choice and tells
        whether that choice makes the mistake as well, if it misses the goal; without it only
        the same choice does."""
        take = super().mistake(read)

        def taken(function: Function) -> Function:
            if when:
                self.regions[function.__name__] = when
            return take(function)

        return taken

    def right(self, inputs: Inputs, got: Values, due: Values) -> bool:
        return self._reached(inputs, got)[0] <= inputs[-1]

    def makes(self, mistake: Mistake, inputs: Inputs, got: Values) -> bool:
        region = self.regions.get(mistake.name)
        if region is None:
            return super().makes(mistake, inputs, got)
        try:
            with np.errstate(all="ignore"):
                return bool(region(*inputs, *got)) or self.right(inputs, got, due=got)
        except (ArithmeticError, ValueError):  # a choice from outside of all that can be chosen
            return False

    def compared(self, inputs: Inputs, got: Values, due: Values) -> tuple[str, str]:
        name = self.run.__name__
        return (
            f"{show(self.returns, got)}: {self._reached(inputs, got)[1]}",
            f"{name} = {inputs[-1]:.4g} or less",
        )

    def difference(self, inputs: Inputs, got: Values, due: Values) -> str:
        times = self._reached(inputs, got)[0] / inputs[-1]
        return f"{self.run.__name__} is {times:.3g} times as large as it may be"

    def _reached(self, inputs: Inputs, got: Values) -> tuple[float, str]:
        """The outcome of a choice, also in words; inf where the rule refuses the choice."""
        try:
            with np.errstate(all="ignore"):
                found = float(self.run(*inputs, *map(float, got)))
        except ValueError as refusal:
            return math.inf, str(refusal)
        return found, f"{self.run.__name__} = {found:.4g}"


def _known(label: str) -> str:
    if label not in SECTIONS:
        raise ValueError(f"no section {label!r} in exercises/reading.py")
    return label


def equal(got: Values, due: Values, tolerance: float = TOLERANCE) -> bool:
    """Whether shapes and numbers are equal, to rounding; nan and inf only where the same is due."""
    if [x.shape for x in got] != [y.shape for y in due]:
        return False
    pairs = [
        (one, other)
        for x, y in zip(got, due, strict=True)
        for one, other in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
    ]
    scale = max([1.0, *(abs(other) for _, other in pairs if math.isfinite(other))])
    return all(
        abs(one - other) <= tolerance * scale if math.isfinite(other) else repr(one) == repr(other)
        for one, other in pairs
    )


def catalogue() -> tuple[str, ...]:
    """The names of all exercises, in the order of the book."""
    return tuple(name for names in PARTS.values() for name in names)


def draw(count: int, seed: str) -> tuple[str, ...]:
    """So many exercises, drawn by a secret, of as many rows of the lecture as there can be.

    Raises
    ------
    ValueError
        There are not so many.
    """
    if not 1 <= count <= len(catalogue()):
        raise ValueError(f"{count} exercises cannot be drawn: there are {len(catalogue())}")
    rng = np.random.default_rng([*f"exercises {seed}".encode()])
    drawn: list[str] = []
    used: Counter[str] = Counter()
    left = rng.permutation(sorted(catalogue())).tolist()
    while len(drawn) < count:
        name = min(left, key=lambda each: used[load(each).row])  # the first of those
        left.remove(name)
        drawn.append(name)
        used[load(name).row] += 1
    return tuple(drawn)


def load(name: str) -> Exercise:
    """The exercise of that name.

    Raises
    ------
    KeyError
        There is none.
    """
    if name not in catalogue():
        raise KeyError(f"no exercise is called {name!r}; there are {', '.join(catalogue())}")
    part = next(part for part, names in PARTS.items() if name in names)
    exercise = importlib.import_module(f"exercises.bank.{part}.{name}").exercise
    assert isinstance(exercise, Exercise)
    return exercise
