"""The exercises: the solution is right, the blank is none, every known mistake is named, nothing
that a confused or sly student hands in is right or breaks the checker, and the notebooks are what
their sources make."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import exercises.notebook
from exercises import Choice, Derivation, Exercise, Verdict, catalogue, check, load
from exercises.__main__ import main
from exercises.asking import BLANK, Inputs, Values, ask
from exercises.bank import PARTS
from exercises.checker import judge
from exercises.exercise import YOUR_TURN, equal
from exercises.notebook import COLAB, PAGES, notebook
from exercises.reading import SECTIONS, where
from exercises.verdict import show
from tools import notebooks

pytestmark = pytest.mark.slow

CHAPTERS = PAGES.parent
MISTAKES = [(name, mistake.name) for name in catalogue() for mistake in load(name).mistakes]
EXACT = [name for name in catalogue() if not isinstance(load(name), Choice)]
DERIVED = [name for name in catalogue() if isinstance(load(name), Derivation)]
CHOSEN = [name for name in catalogue() if isinstance(load(name), Choice)]
SEEDS = range(100)


@pytest.fixture(scope="module", autouse=True)
def no_progress() -> Iterator[None]:
    """What is tried here is no progress of who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTLIB_PROGRESS", "")
        yield


@pytest.fixture(params=catalogue(), scope="module")
def exercise(request: pytest.FixtureRequest) -> Iterator[Exercise]:
    """Each exercise in turn, for all tests that take it.

    What a seed draws, and what reference and mistakes give there, is computed once for all of
    them, while ask and judge do their work each time. Without a seed all is new.
    """
    exercise = load(request.param)
    draw, compute = exercise.probes, exercise.due
    drawn: dict[int, list[Inputs]] = {}
    computed: dict[int, dict[Any, Values]] = {}  # by an input, which `drawn` keeps alive

    def probes(seed: Any = None) -> list[Inputs]:
        if seed is None:
            return draw()
        if seed not in drawn:
            drawn[seed] = draw(seed)
            for inputs in drawn[seed]:
                computed[id(inputs)] = {}
                for value in inputs:
                    if isinstance(value, np.ndarray):  # a mistake that wrote would spoil the rest
                        value.flags.writeable = False
        return [*drawn[seed]]

    def due(function: Any, inputs: Inputs) -> Values:
        if (values := computed.get(id(inputs))) is None:
            return compute(function, inputs)
        if function not in values:
            values[function] = compute(function, inputs)
        return values[function]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercise, "probes", probes)
        patch.setattr(exercise, "due", due)
        yield exercise


def mistake(exercise: Exercise, name: str) -> Any:
    return next(m for m in exercise.mistakes if m.name == name)


def blank(exercise: Exercise) -> Any:
    scope: dict[str, Any] = {}
    exec(exercise.blank(), scope)
    return scope[exercise.id]


def sgdm(theta, m, g, lr, momentum):
    """The right answer to the exercise that most tests below use."""
    m = momentum * m + lr * g
    return theta - m, m


def told(change: Any) -> Verdict:
    """The verdict on a right answer that `change` has made something else of."""
    return check(lambda *inputs: change(*sgdm(*inputs)), "sgdm_step")


# Sources.


def test_there_are_exercises_for_every_rule_of_the_chapter():
    due = {"sgd_step", "sgdm_step", "nag_step", "to_shifted", "from_shifted", "nag_shifted_step"}
    due |= {"adagrad_step", "rmsprop_step", "corrected_average", "adam_step", "adam_run"}
    assert due <= set(catalogue())


def test_a_source_is_complete(exercise):
    part = next(part for part, names in PARTS.items() if exercise.id in names)
    assert sys.modules[f"exercises.bank.{part}.{exercise.id}"].exercise is exercise
    assert re.fullmatch(r"R\d+", exercise.row)
    assert len(exercise.mistakes) >= 4
    assert len({m.name for m in exercise.mistakes}) == len(exercise.mistakes)
    for m in exercise.mistakes:
        assert m.what.endswith(".") and m.hint[-1] in ".?", m.name


def test_probes_are_of_many_shapes_and_the_first_comes_again(exercise):
    probes = exercise.probes(0)
    assert len(probes) == 25 and probes[0] is probes[-1]
    assert all(len(inputs) == len(exercise.arguments) for inputs in probes)
    if exercise.id.endswith("_step"):
        assert {np.shape(inputs[0]) for inputs in probes} == {(), (2,), (3,), (2, 2)}


# Right, blank, known mistakes.


def test_the_solution_is_right_on_every_seed(exercise):
    for seed in SEEDS:
        verdict = check(exercise.solve, seed=seed)
        assert verdict and verdict.points == exercise.points
        assert repr(verdict) == f"{exercise.id}: right on 24 random inputs."


def agrees(exercise: Exercise, function: Any, probes: list[Inputs]) -> bool:
    """Whether a function gives on these inputs what the solution, written by hand, gives."""
    return all(
        exercise.right(inputs, exercise.due(function, inputs), exercise.due(exercise.solve, inputs))
        for inputs in probes
    )


def test_the_reference_agrees_with_the_solution_and_is_written_apart(exercise):
    assert exercise.refer is not exercise.solve
    probes = exercise.probes()
    assert agrees(exercise, exercise.refer, probes)
    for made in exercise.mistakes:  # one in the reference's place would be found
        assert not agrees(exercise, made.function, probes), made.name


@pytest.mark.parametrize(
    ("name", "optimizer"), [("sgd_step", "SGD"), ("adagrad_step", "Adagrad"), ("adam_step", "Adam")]
)
def test_the_reference_makes_the_step_of_pytorch(name, optimizer):
    """From the given state, where the names of the state are PyTorch's."""
    import torch

    exercise = load(name)
    slots = {"m": "exp_avg", "v": "sum" if optimizer == "Adagrad" else "exp_avg_sq"}
    for inputs in exercise.probes(0):
        there = dict(zip(exercise.arguments, inputs, strict=True))
        theta = torch.tensor(there["theta"], dtype=torch.float64, requires_grad=True)
        theta.grad = torch.tensor(there["g"], dtype=torch.float64)
        about = {"lr": there["lr"]} | ({"eps": there["eps"]} if "eps" in there else {})
        if "beta1" in there:
            about["betas"] = there["beta1"], there["beta2"]
        taken = getattr(torch.optim, optimizer)([theta], **about)
        state = taken.state[theta]
        if state or "t" in there:
            state["step"] = torch.tensor(float(there.get("t", 1) - 1))
        state |= {
            slots[n]: torch.tensor(there[n], dtype=torch.float64) for n in slots if n in there
        }
        taken.step()
        got = [theta, *(state[slots[n]] for n in exercise.returns[1:])]
        due = exercise.due(exercise.refer, inputs)
        assert equal(tuple(x.detach().numpy() for x in got), due)


@pytest.mark.parametrize("name", EXACT)  # a choice is right in a whole region
@pytest.mark.parametrize("error", [1e-6, -1e-6])
def test_an_answer_that_is_off_by_a_millionth_is_not_right(name, error):
    exercise = load(name)

    def answer(*inputs, which):
        values = exercise.solve(*inputs)
        if len(exercise.returns) == 1:
            return values * (1 + error)
        return tuple(v * (1 + error * (i == which)) for i, v in enumerate(values))

    for which in range(len(exercise.returns)):
        verdict = check(partial(answer, which=which), exercise.id, seed=0)
        assert (verdict.kind, verdict.points) == ("wrong", 0)
        assert verdict.facts["yours"] != verdict.facts["due"]


def test_an_answer_that_is_off_by_rounding_is_right(exercise):
    def answer(*inputs):
        values = exercise.solve(*inputs)
        one = len(exercise.returns) == 1
        return values * (1 + 1e-13) if one else tuple(v * (1 - 1e-13) for v in values)

    assert check(answer, exercise.id)


def test_the_blank_is_no_answer(exercise):
    verdict = check(blank(exercise))
    assert repr(verdict) == f"{exercise.id}: {BLANK}"
    assert not verdict and verdict.kind == "blank" and verdict.points == 0


@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing_returned_is_no_answer(exercise, nothing):
    verdict = check(lambda *_: nothing, exercise.id)
    assert verdict.kind == "blank"
    assert "no answer yet" in repr(verdict)


def test_no_two_mistakes_look_alike_on_any_seed(exercise):
    functions = [exercise.refer, *(m.function for m in exercise.mistakes)]
    for seed in SEEDS:
        probes = exercise.probes(seed)
        assert all(np.isfinite(v).all() for p in probes for v in exercise.due(exercise.refer, p))
        alike = ~np.eye(len(functions), dtype=bool)
        for inputs in probes:  # those that are told from all others need no more inputs
            left = np.flatnonzero(alike.any(0))
            answers = [
                np.concatenate([np.ravel(v) for v in exercise.due(functions[i], inputs)])
                for i in left
            ]
            if not answers:
                break
            made, nan = np.array(answers), np.isnan(answers)
            with np.errstate(invalid="ignore"):  # of inf - inf
                apart = np.abs(made[:, None] - made)
            differ = (apart > 1e-3) & np.isfinite(apart) | (nan[:, None] != nan)
            alike[np.ix_(left, left)] &= ~differ.any(-1)
        assert not alike.any(), (seed, np.argwhere(alike).tolist())


@pytest.mark.parametrize(("exercise", "known"), MISTAKES, indirect=["exercise"], scope="module")
def test_every_mistake_is_named_with_input_answer_due_and_reading(exercise, known):
    made = mistake(exercise, known)
    for seed in range(4):
        verdict = check(made.function, exercise.id, seed=seed)
        assert (verdict.kind, verdict.mistake, verdict.points) == ("mistake", known, 0)
        text = repr(verdict)
        assert made.what in text and made.hint in text and where(made.read) in text
        for fact in ("input", "yours", "due"):
            assert re.search(rf"^  {fact} +\w+ = ", text, re.MULTILINE)
        assert verdict.facts["yours"] != verdict.facts["due"]


def test_the_input_that_is_shown_gives_the_numbers_that_are_shown():
    verdict = check(load("sgdm_step").mistakes[0].function, "sgdm_step")
    inputs, yours, due = (
        eval(f"dict({text})") for text in (verdict.facts[f] for f in ("input", "yours", "due"))
    )
    theta, m = sgdm(**inputs)
    assert theta == pytest.approx(due["theta"], rel=1e-3)
    assert m == pytest.approx(due["m"], rel=1e-3)
    assert theta != pytest.approx(yours["theta"], rel=1e-3)


def test_a_mistake_on_some_inputs_only_is_not_named():
    def sometimes(theta, m, g, lr, momentum):
        step, m = sgdm(theta, m, g, lr, momentum)
        return (step if np.ndim(theta) else theta + m), m

    assert check(sometimes, "sgdm_step").kind == "wrong"


def test_two_mistakes_at_once_are_wrong_but_not_named():
    def both(theta, m, g, lr, momentum):
        return theta + m, m

    verdict = check(both, "sgdm_step")
    assert (verdict.kind, verdict.mistake) == ("wrong", "")
    assert where("sec-sgdm-rule") in repr(verdict)


def half_right(change: Any, name: str = "adam_step") -> str:
    """The hint on what `change` has made of a right answer, and which is no known mistake."""

    def answer(*inputs):
        return change(load(name).solve(*inputs), *inputs)

    verdict = check(answer, name, seed=0)
    assert (verdict.kind, verdict.points) == ("wrong", 0)
    return verdict.hint


def test_what_is_right_in_a_wrong_answer_is_told():
    def m_hat_returned(right, theta, m, v, g, t, lr, beta1, *_):
        return right[0], right[1] / (1 - beta1**t), right[2]

    assert half_right(m_hat_returned) == "Right on every input: theta and v. Look at m."
    assert half_right(lambda right, *_: (right[0] + 0.1, *right[1:])).endswith("Look at theta.")
    assert half_right(lambda right, *_: tuple(value + 0.1 for value in right)) == ""


def test_an_answer_that_is_right_on_some_inputs_is_told():
    def only_first(right, theta, m, v, g, t, *_):
        return right if t == 1 else (theta, m, v)

    def only_single(right, theta, *_):
        return right if not np.ndim(theta) else theta

    firsts = sum(inputs[4] == 1 for inputs in load("adam_step").probes(0)[:-1])
    assert half_right(only_first) == f"All is right on {firsts} of 24 inputs."
    assert "right with single numbers" in half_right(only_single, "adam_run")
    assert half_right(lambda right, *_: right + 1, "minibatch_gradient") == ""


def test_a_rounded_answer_is_told():
    def stored(right, *_):
        return np.asarray(np.asarray(right, dtype=np.float32), dtype=float)

    assert "float32" in half_right(stored, "adam_run")


@pytest.mark.parametrize("name", ["adagrad_step", "rmsprop_step", "adam_step", "adam_run"])
@pytest.mark.parametrize("eps", [1e-7, 1e-8])
def test_an_eps_of_ones_own_is_told(name, eps):
    verdict = check(lambda *inputs: load(name).solve(*inputs[:-1], eps), name)
    assert verdict.mistake == "eps_forgotten"


def test_the_other_form_of_adam_with_eps_converted_is_right():
    def answer(theta, m, v, g, t, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        root = (1 - beta2**t) ** 0.5
        return theta - lr * root / (1 - beta1**t) * m / (v**0.5 + eps * root), m, v

    assert check(answer, "adam_step")


def test_no_verdict_shows_the_solution(exercise):
    lines = code_lines(exercise.answer()) - code_lines(exercise.blank())
    seed = int(np.random.default_rng().integers(len(SEEDS), 10**9))  # the same for all
    verdicts = [check(m.function, exercise.id, seed=seed) for m in exercise.mistakes]
    for verdict in [*verdicts, check(lambda *_: 0.0, exercise.id), check(blank(exercise))]:
        assert not any(line in repr(verdict).replace(" ", "") for line in lines)


# Right answers in other clothes.


def test_another_order_of_arithmetic_is_right():
    def answer(theta, m, g, lr, momentum):
        return theta - lr * g - m * momentum, g * lr + m * momentum

    assert check(answer, "sgdm_step")


def test_an_answer_may_change_its_inputs():
    def answer(theta, m, g, lr, momentum):
        if not np.ndim(theta):
            return sgdm(theta, m, g, lr, momentum)
        m *= momentum
        g *= lr
        m += g
        theta -= m
        g[:] = np.nan
        return theta, m

    assert check(answer, "sgdm_step")


def test_an_answer_may_return_the_same_buffer_each_time():
    buffers: dict[tuple[int, ...], np.ndarray] = {}

    def answer(theta, g, lr):
        buffer = buffers.setdefault(np.shape(theta), np.zeros(np.shape(theta)))
        buffer[...] = theta - lr * g
        return buffer

    assert check(answer, "sgd_step")


def test_a_list_of_two_and_python_floats_are_right():
    assert told(lambda *both: [v if np.ndim(v) else float(v) for v in both])


def test_an_answer_may_print_and_warn(capsys, recwarn):
    import warnings

    def answer(theta, g, lr):
        print("-1")
        warnings.warn("beware", stacklevel=1)
        return theta - lr * g

    assert check(answer, "sgd_step")


def test_a_count_may_be_numpys():
    solution = load("silent_steps").solve

    def counted(*given):
        return np.int64(solution(*given))

    assert check(counted, "silent_steps")


# Values of several sizes, and arguments that are no numbers.


def unequal(seed: int) -> tuple[Exercise, list[Any]]:
    """An exercise that is told by a word what to do, and returns values of unequal shapes."""
    exercise = Exercise(
        "Unequal",
        row="R1",
        read="sec-sgd-rule",
        returns=("centre", "parts"),
        statement="",
    )

    @exercise.solution
    @exercise.reference
    def centred(x, kind):
        """Centre and parts."""
        centre = np.mean(x) if kind == "mean" else np.median(x)
        return centre, x - centre

    @exercise.mistake("sec-sgd-rule")
    def parts_summed(x, kind):
        """The parts are added up."""
        centre, parts = centred(x, kind)
        return centre, np.sum(parts)

    @exercise.mistake("sec-sgd-rule")
    def doubled(x, kind):
        """The parts are doubled."""
        centre, parts = centred(x, kind)
        return centre, 2 * parts

    exercise.probe(lambda draw: (draw.array(3), str(draw.rng.choice(["mean", "median"]))))
    return exercise, exercise.probes(seed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda centre, parts: (centre, parts), "right on"),
        (lambda centre, parts: (centre, 2 * parts), "The parts are doubled"),
        (lambda centre, parts: (centre, 3 * parts), "wrong, and not in a way that is known"),
        (lambda centre, parts: (parts, centre), "centre came back as an array of shape (3,)"),
        (lambda centre, parts: (centre, parts.sum()), "parts came back as a single number"),
    ],
)
def test_values_may_differ_in_shape(change, said):
    exercise, probes = unequal(1)
    answers = ask(exercise.question, lambda x, kind: change(*exercise.solve(x, kind)), probes)
    assert said in judge(exercise, probes, answers).headline


def test_a_word_among_the_arguments_is_shown_as_it_is_typed():
    exercise, probes = unequal(1)
    verdict = judge(exercise, probes, ask(exercise.question, lambda x, kind: (0.0, x), probes))
    assert verdict.facts["input"].endswith(f", kind = {probes[0][1]!r}")
    assert show(("a", "b", "c"), (None, True, 0.25)) == "a = None, b = True, c = 0.25"


# Wrong form.


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda theta, m: (m, theta), "wrong order: theta and then m"),
        (lambda theta, m: theta, "2 values are due, but a "),
        (lambda theta, m: (theta,), "2 values are due, but a tuple of 1 came back"),
        (lambda theta, m: (theta, m, m), "2 values are due, but a tuple of 3 came back"),
        (lambda theta, m: {"theta": theta, "m": m}, "a dict came back"),
        (lambda theta, m: np.array([theta, m]), "an ndarray came back"),
        (lambda theta, m: "theta, m", "a str came back"),
        (lambda theta, m: (x for x in (theta, m)), "`return` in place of `yield`"),
        (lambda theta, m: (theta, None), "m came back as a NoneType"),
        (lambda theta, m: (theta, ...), "m came back as an ellipsis"),
        (lambda theta, m: (str(theta), m), "theta came back as a str"),
        (lambda theta, m: (np.asarray(theta).tolist(), [0.0]), "came back as a list"),
        (lambda theta, m: (np.array([theta]), m), "shape (1,); a single number is due"),
        (lambda theta, m: (np.float32(theta), m), "theta came back as numbers of type float32"),
        (lambda theta, m: (np.asarray(theta).astype(int), m), "numbers of type int64"),
        (lambda theta, m: (theta + 0j, m), "numbers of type complex128"),
        (lambda theta, m: (np.asarray(theta, dtype=object), m), "numbers of type object"),
        (lambda theta, m: (True, m), "theta came back as a bool"),
        (lambda theta, m: (10**400, m), "an integer beyond all floats"),
        (lambda theta, m: (np.broadcast_to(1.0, 10**15), m), f"{10**15} numbers"),
        (lambda theta, m: (theta * np.nan, m), "nan or inf came back"),
        (lambda theta, m: (theta, m * np.inf), "nan or inf came back"),
    ],
)
def test_wrong_form_is_told(change, said):
    verdict = told(change)
    assert not verdict and said in repr(verdict)
    assert "input" in verdict.facts


def test_one_value_is_due_and_a_tuple_comes():
    verdict = check(lambda theta, g, lr: (theta - lr * g,), "sgd_step")
    assert verdict.headline == "theta came back as a tuple; a float or an array of floats is due."


def test_a_generator_function_is_told():
    def sgd_step(theta, g, lr):
        yield theta - lr * g

    assert "generator" in repr(check(sgd_step))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda theta, m: 0, "takes (theta, m)"),
        (lambda g, m, theta, lr, momentum: 0, "yours takes them as (g, m, theta, lr, momentum)"),
        (lambda *, theta: 0, "takes (theta)"),
    ],
)
def test_other_arguments_are_told(answer, said):
    verdict = check(answer, "sgdm_step")
    assert verdict.kind == "form"
    assert said in repr(verdict) and "sgdm_step(theta, m, g, lr, momentum)" in repr(verdict)


# Errors.


def test_an_error_is_told_with_its_line_and_input():
    def sgdm_step(theta, m, g, lr, momentum):
        return helper(theta, m)

    def helper(theta, m):
        return theta / undefined_name, m  # noqa: F821

    verdict = check(sgdm_step)
    assert verdict.kind == "error"
    assert "NameError: name 'undefined_name' is not defined" in verdict.headline
    assert re.search(r"Line \d+: return theta / undefined_name, m", verdict.hint)
    assert "theta = " in verdict.facts["input"]


def test_an_error_inside_of_the_gradient_names_the_students_line():
    def nag_step(theta, m, grad, lr, momentum):
        return grad("theta"), m

    assert 'return grad("theta"), m' in repr(check(nag_step))


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UnprintableError(), "raised UnprintableError."),
        (SystemExit(0), "raised SystemExit: 0"),
        (ValueError("x" * 10**6), "raised ValueError: xxx"),
        (RecursionError(), "raised RecursionError."),
    ],
)
def test_no_error_breaks_the_checker(error, said):
    def answer(*_):
        raise error

    verdict = check(answer, "sgdm_step")
    assert verdict.kind == "error" and said in verdict.headline
    assert len(verdict.headline) < 300


def test_endless_recursion_is_an_error():
    def answer(*inputs):
        return answer(*inputs)

    assert "RecursionError" in repr(check(answer, "sgdm_step"))


# Sly answers.


class Yes:
    """Claims to be a number, an array and a tuple that is equal to everything."""

    shape = ()
    dtype = np.dtype(float)
    ndim = 0

    def _yes(self, *_: Any) -> Any:
        return True

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _yes  # type: ignore
    __hash__ = None  # type: ignore

    def __float__(self) -> float:
        return 0.0

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.zeros(())

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> "Yes":
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __abs__ = __call__  # type: ignore

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Any:
        return iter((self, self))


class Endless(tuple):
    def __iter__(self) -> Any:
        while True:
            yield 1.0

    def __len__(self) -> int:
        return 2


class Agreeable(np.ndarray):
    def __eq__(self, other: Any) -> Any:
        return True

    def __array_function__(self, *_: Any) -> Any:
        return True

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        return True

    __hash__ = None  # type: ignore


class Impostor:
    __class__ = tuple  # type: ignore


class Agreeing(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __sub__(self, other: Any) -> float:
        return 0.0

    __hash__ = None  # type: ignore


@pytest.mark.parametrize(
    "answer",
    [
        Yes(),
        (Yes(), Yes()),
        Endless(),
        Endless((0.0, 0.0)),
        Impostor(),
        (np.zeros(()).view(Agreeable), np.zeros(()).view(Agreeable)),
        (np.array(0.0, dtype=object), np.array(None)),
        (Agreeing(0), Agreeing(0)),
        (np.ma.masked, np.ma.masked),
        (np.nan, np.nan),
        (np.array("0.0"), np.array("0.0")),
        (np.datetime64("now"), np.timedelta64(1)),
        NotImplemented,
        type,
        Exception("right"),
        Verdict("sgdm_step", "right", "right on 24 random inputs."),
    ],
)
def test_what_claims_to_be_right_is_not(answer):
    verdict = check(lambda *_: answer, "sgdm_step")
    assert not verdict
    assert repr(verdict) and verdict._repr_html_()


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError


class Thorny(metaclass=Nameless):
    """Every question about it is answered with an error."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError

    def __call__(self, *_: Any) -> "Thorny":
        return self


def test_an_object_that_answers_every_question_with_an_error_is_not_right():
    thorny = Thorny()
    verdicts = [check(lambda *_: thorny, "sgdm_step"), check(thorny), check(thorny, "sgdm_step")]
    assert not any(verdicts)
    assert "an object came back" in repr(verdicts[0])


def test_a_function_that_claims_everything_is_not_right():
    assert not check(Yes())
    assert not check(Yes(), "sgdm_step")
    assert not check(sgdm, Yes())  # type: ignore[arg-type]


def test_patching_numpys_comparisons_helps_nobody(monkeypatch):
    for name in ("allclose", "isclose", "array_equal", "all", "any", "abs", "max"):
        monkeypatch.setattr(np, name, lambda *_, **__: True)
    assert not check(lambda theta, m, *_: (theta, m), "sgdm_step")


def test_an_answer_that_remembers_calls_is_told():
    calls = []

    def answer(theta, g, lr):
        calls.append(theta)
        return theta - lr * g * len(calls)

    verdict = check(answer, "sgd_step")
    assert "keep something between calls" in repr(verdict)


def test_an_answer_that_is_right_but_for_the_last_call_is_not_right():
    calls = []

    def answer(theta, g, lr):
        calls.append(theta)
        return theta - lr * g * (len(calls) <= 24)

    assert not check(answer, "sgd_step")


def test_markup_in_an_error_or_a_name_is_escaped():
    def answer(*_):
        raise ValueError("<script>alert(1)</script>")

    assert "<script" not in check(answer, "sgdm_step")._repr_html_()
    sneaky = type("<script>", (), {})
    assert "<script" not in check(lambda *_: sneaky(), "sgd_step")._repr_html_()
    assert "<script" not in check(sgdm, "<script>")._repr_html_()


@settings(max_examples=80, deadline=None)
@given(
    which=st.integers(0, 1),
    probe=st.integers(0, 23),
    factor=st.one_of(st.floats(-1e6, 1 - 1e-6), st.floats(1 + 1e-6, 1e6)),
)
def test_a_number_that_is_off_anywhere_is_never_right(which, probe, factor):
    exercise = load("sgdm_step")
    probes = exercise.probes(0)
    replies = ask(exercise.question, sgdm, probes)
    part = replies[probe].values[which].reshape(-1)
    # A probe's numbers may be small beside its largest: shift as far as that one.
    part[-1] += (factor - 1) * max(1.0, *(np.abs(v).max() for v in replies[probe].values))
    verdict = judge(exercise, probes, replies)
    assert not verdict
    assert verdict.facts["yours"] != verdict.facts["due"]


@settings(max_examples=50, deadline=None)
@given(
    answer=st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text()
        ),
        lambda inner: st.one_of(
            st.tuples(inner, inner), st.lists(inner), st.dictionaries(st.text(), inner)
        ),
    )
)
def test_no_constant_is_right_or_breaks_the_checker(answer):
    for name in ("sgd_step", "sgdm_step"):
        verdict = check(lambda *_: answer, name)
        assert not verdict
        assert repr(verdict) and verdict._repr_html_()


# Derivations.


def derived(answer: Any) -> Verdict:
    """The verdict on an expression in beta2 and k."""
    return check(answer, "rare_move")


def test_a_derivation_is_asked_in_positive_symbols_and_integers():
    given = []

    def rare_move(beta2, k):
        given.append((beta2, k))
        return sp.sqrt((1 - beta2**k) / (1 - beta2))

    assert check(rare_move)
    ((beta2, k),) = given  # once
    assert beta2.is_positive and k.is_positive and k.is_integer and beta2.is_integer is None


@pytest.mark.parametrize("name", DERIVED)
def test_the_probes_of_a_derivation_are_what_its_symbols_say(name):
    exercise = load(name)
    for inputs in (each for seed in range(10) for each in exercise.probes(seed)):
        for symbol, value in zip(exercise.question.symbols, inputs, strict=True):
            assert value > 0 and (not symbol.is_integer or type(value) is int)


def summed(beta2, k):
    j = sp.Symbol("j", integer=True)
    return sp.sqrt(sp.summation(beta2**j, (j, 0, k - 1)))


SHAPES = {
    "expanded": lambda b, k: sp.sqrt(1 / (1 - b) - b**k / (1 - b)),
    "exponential": lambda b, k: sp.exp(sp.log((b**k - 1) / (b - 1)) / 2),
    "worked out by SymPy, in cases": summed,
    "worked out later": lambda b, k: sp.sqrt(sp.Sum(b ** sp.Symbol("j"), ("j", 0, k - 1)).doit()),
    "a root as a float": lambda b, k: ((1 - b**k) / (1 - b)) ** 0.5,
    "digits that cancel": lambda b, k: sp.sqrt((1 - b**k) / (1 - b)) + 10**40 + b - 10**40 - b,
    "one that simplify leaves": lambda b, k: (
        sp.sqrt((1 - b**k) / (1 - b)) * sp.sqrt(3 + 2 * sp.sqrt(2)) / (1 + sp.sqrt(2))
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_expression_of_any_shape_is_right(shape):
    assert derived(SHAPES[shape]), derived(SHAPES[shape])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda right, b, k: right + sp.Rational(1, 10**7),
        lambda right, b, k: right + sp.exp(-(b**2)) / 10**6,
        lambda right, b, k: right * (1 + sp.sin(sp.pi * (k - b)) / 10**4),
        lambda right, b, k: right + (k - 1) * (k - 2) * (k - 3) / 10**5,
        lambda right, b, k: sp.N(right, 3) * sp.Float("1.001"),
        lambda right, b, k: right + sp.Piecewise((0, b < 0.8), (1, True)),
    ],
)
def test_an_expression_that_is_nearly_right_is_wrong(wrong):
    solve = load("rare_move").solve
    for seed in range(10):
        assert check(lambda b, k: wrong(solve(b, k), b, k), "rare_move", seed=seed).kind == "wrong"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            lambda b, k: sp.Symbol("x") * b,
            "x is a symbol that was not given; there are beta2 and k",
        ),
        (lambda b, k: sp.sqrt(sp.Symbol("beta2")), "beta2 in it is a new symbol: use the argument"),
        (
            lambda b, k: sp.Sum(b ** sp.Symbol("j"), ("j", 0, k - 1)),
            "a Sum in it that is not worked",
        ),
        (lambda b, k: sp.Limit(b, b, 1), "a Limit in it that is not worked out"),
        (lambda b, k: sp.Function("f")(b), "not worked out: f(beta2)"),
        (lambda b, k: sp.Eq(sp.Symbol("m"), b), "an equation came back"),
        (
            lambda b, k: [b],
            "a list came back, and an expression in beta2 and k is due; is it one of",
        ),
        (lambda b, k: sp.FiniteSet(b), "a FiniteSet came back"),
        (lambda b, k: b < 1, "a StrictLessThan came back"),
        (lambda b, k: str(b), "a str came back"),
        (lambda b, k: True, "a bool came back"),
        (lambda b, k: sp.Matrix([b]), "came back, and an expression in beta2 and k is due"),
        (lambda b, k: sp.sqrt(-b), "no real value on this input"),
        (lambda b, k: sp.zoo, "no real value on this input"),
        (lambda b, k: 0 * b / 0, "nan or inf came back"),
        (lambda b, k: b / (k - k), "no real value on this input"),
        (lambda b, k: 0.5, "The same came back on every input"),
        (lambda b, k: 2, "The same came back on every input"),
        (lambda b, k: np.float64(2), "The same came back on every input"),
        (lambda b, k: b**k, "sp.Rational(1, 3)"),
        (lambda b, k: np.sqrt(b), "sp.sqrt and sp.log in place of NumPy's"),
        (lambda b, k: sum(b**j for j in range(k)), "no loops"),
        (lambda b, k: b if b < 1 else k, "no comparisons"),
        (lambda b, k: None, "no answer yet"),
        (lambda b, k: b.nonsense, "Line "),
    ],
)
def test_what_is_no_right_expression_is_told(answer, said):
    verdict = derived(answer)
    assert not verdict and said in repr(verdict) and verdict._repr_html_()


def test_a_constant_may_be_a_known_mistake():
    assert (
        derived(lambda b, k: 1).mistake == derived(lambda b, k: sp.Integer(1)).mistake == "common"
    )


class Sly(sp.Symbol):
    """A symbol that claims every value."""

    free_symbols = frozenset()  # type: ignore[assignment]

    def evalf(self, *_: Any, **__: Any) -> Any:
        return Yes()

    def __float__(self) -> float:
        return 1.0


@pytest.mark.parametrize("answer", [Sly("beta2"), Yes(), Impostor(), Agreeing(1)])
def test_what_claims_to_be_an_expression_is_not_right(answer):
    assert not derived(lambda *_: answer)


# Choices.


def test_a_choice_may_be_another_than_the_solution():
    def searched(curvatures, steps, bound):
        exercise = load("choose_momentum")
        for root in np.linspace(0.5, 1, 60):
            for lr in np.array([0.95, 0.98, 1]) * (1 + root) ** 2 / max(curvatures):
                pair = lr, root**2
                if root < 1 and exercise.run(curvatures, steps, bound, *pair) <= bound:
                    return pair

    assert check(searched, "choose_momentum", seed=0)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_choice_is_right_if_and_only_if_its_run_reaches_the_bound(name):
    exercise = load(name)
    inputs = exercise.probes(0)[0]
    rng, found = np.random.default_rng(0), set()
    for _ in range(200):
        pair = [x * rng.uniform(0.9, 1.1) for x in exercise.solve(*inputs)]
        probes = [inputs, inputs]
        replies = ask(exercise.question, lambda *_: tuple(pair), probes)  # noqa: B023
        verdict = judge(exercise, probes, replies)
        assert bool(verdict) == (exercise.run(*inputs, *pair) <= inputs[-1])
        found.add(verdict.kind)
    assert "right" in found and len(found) > 1


def test_no_constant_pair_and_no_pair_of_sgd_is_right():
    exercise = load("choose_momentum")
    for seed in range(3):
        probes = exercise.probes(seed)[:-1]
        for momentum in np.linspace(0, 0.95, 20):
            for edge in np.linspace(0.3, 1.3, 11):  # even where the steepest curvature is used
                assert not all(
                    exercise.run(*p, edge * (1 + momentum**0.5) ** 2 / max(p[0]), momentum) <= p[-1]
                    for p in probes
                )
        for h, steps, bound in probes:
            rates = np.linspace(0.5, 2, 16) / max(h)
            assert min(exercise.run(h, steps, bound, lr, 0.0) for lr in rates) > 5 * bound


def test_a_choice_that_misses_is_in_one_region_and_told_by_how_much():
    exercise = load("choose_momentum")
    rng, regions = np.random.default_rng(0), set()
    for inputs in exercise.probes(0)[:-1]:
        for _ in range(20):
            pair = 5 / max(inputs[0]) * 10 ** rng.uniform(-2, 0.5), rng.choice([0, rng.uniform()])
            probes = [inputs, inputs]
            replies = ask(exercise.question, lambda *_: pair, probes)  # noqa: B023
            verdict = judge(exercise, probes, replies)
            if not verdict:
                assert verdict.kind == "mistake" and "distance = " in verdict.facts["yours"]
                assert verdict.facts["due"] == f"distance = {inputs[-1]:.4g} or less"
                regions.add(verdict.mistake)
    assert regions >= {"no_momentum", "beyond_the_limit", "flattest_creeps", "swings_too_long"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda lr, momentum: (momentum, lr), "wrong order: lr and then momentum"),
        (lambda lr, momentum: (lr, 1.0), "momentum = 1.0 is out of range"),
        (lambda lr, momentum: (-lr, momentum), "lr = -"),
        (lambda lr, momentum: (np.nan, momentum), "nan or inf came back"),
        (lambda lr, momentum: (0.01, 0.9), "The same came back on every input"),
        (lambda lr, momentum: lr, "2 values are due"),
        (lambda lr, momentum: (np.array([lr]), momentum), "a single number is due"),
        (lambda lr, momentum: (lr, str(momentum)), "momentum came back as a str"),
        (lambda lr, momentum: None, "no answer yet"),
    ],
)
def test_a_choice_of_the_wrong_form_is_told(answer, said):
    solve = load("choose_momentum").solve
    verdict = check(lambda *inputs: answer(*solve(*inputs)), "choose_momentum")
    assert not verdict and said in repr(verdict) and verdict._repr_html_()


def test_a_choice_that_misses_in_several_ways_is_told_with_how_far_it_is_off():
    solve = load("choose_momentum").solve

    def answer(curvatures, steps, bound):
        lr, momentum = solve(curvatures, steps, bound)
        return {3: (lr / 2, momentum), 4: (lr, momentum**0.3)}.get(len(curvatures), (lr, momentum))

    verdict = check(answer, "choose_momentum", seed=0)
    assert verdict.kind == "wrong"
    assert re.fullmatch(r"distance is [\d.e+]+ times as .*", verdict.facts["differs"])
    right = sum(len(inputs[0]) > 4 for inputs in load("choose_momentum").probes(0)[:-1])
    assert verdict.hint == f"All is right on {right} of 24 inputs."


# Asking for what is not there, and time.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sgdm_step",), "this is a str, not a function"),
        ((None,), "this is a NoneType, not a function"),
        ((lambda: 0,), "no exercise is called '<lambda>'"),
        ((SimpleNamespace,), "no exercise is called 'SimpleNamespace'"),
        ((sgdm, "sgdm_stpe"), "Did you mean 'sgdm_step'?"),
        ((sgdm, 3), "no exercise is called '3'"),
        ((sgdm, "../sgdm_step"), "no exercise is called"),
    ],
)
def test_asking_wrongly_is_told(arguments, said):
    verdict = check(*arguments)
    assert not verdict and said in repr(verdict)


def test_a_forgotten_return_is_told_with_its_input():
    solution = load("switch_test").solve

    def sometimes(estimates, beta2, tol):
        step, rate = solution(estimates, beta2, tol)
        if step:
            return step, rate

    verdict = check(sometimes, "switch_test")
    assert not verdict and verdict.kind == "form"
    assert "no answer on this input" in verdict.headline and "estimates" in verdict.facts["input"]
    assert check(lambda estimates, beta2, tol: None, "switch_test").kind == "blank"


def test_an_unknown_exercise_is_a_clear_error():
    with pytest.raises(KeyError, match=f"no exercise is called 'x'; there are {catalogue()[0]}, "):
        load("x")


def test_inputs_are_fresh_unless_a_seed_is_given():
    wrong = load("sgd_step").mistakes[0].function
    texts = {repr(check(wrong, "sgd_step")) for _ in range(3)}
    assert len(texts) == 3
    assert len({repr(check(wrong, "sgd_step", seed=1)) for _ in range(3)}) == 1


def test_the_answer_comes_at_once(exercise, monkeypatch):
    """Nothing is asked or computed twice, and a mistake that does not explain is soon left."""
    calls: Counter[str] = Counter()

    def counted(name, function):
        def call(*inputs):
            calls[name] += 1
            return function(*inputs)

        return call

    *others, last = exercise.mistakes
    counting = [replace(m, function=counted(m.name, m.function)) for m in exercise.mistakes]
    monkeypatch.setattr(exercise, "mistakes", counting)
    monkeypatch.setattr(exercise, "refer", counted("the reference", exercise.refer))
    check(counted("the answer", last.function), exercise.id)
    assert calls["the answer"] == (1 if isinstance(exercise, Derivation) else 25)
    assert calls["the reference"] == 25
    assert calls[last.name] in (0, 25)  # a region needs no call
    assert all(calls[m.name] < 25 for m in others)


def test_checking_needs_no_torch():
    code = """
import sys
from exercises import check, load
wrong = load("adam_step").mistakes[-1].function
assert check(wrong, "adam_step").mistake
assert "torch" not in sys.modules and "sympy" not in sys.modules
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


# Notebooks and the command.


def code_lines(source: str) -> set[str]:
    """Lines of code without spaces, those that say something."""
    return {line for text in source.splitlines() if len(line := "".join(text.split())) > 3}


def sources(made: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in made.cells)


def test_the_pages_of_the_book_are_what_the_sources_make(exercise, tmp_path):
    main(["release", exercise.id, "--out", str(tmp_path)])
    made = (tmp_path / f"{exercise.id}.ipynb").read_text("utf-8")
    assert made == (PAGES / f"{exercise.id}.ipynb").read_text("utf-8"), (
        "run: python -m exercises release"
    )


def test_a_page_is_the_notebook_with_the_books_cell_before_it(exercise):
    page = nbformat.read(PAGES / f"{exercise.id}.ipynb", as_version=4)
    assert notebooks.COLAB == COLAB == page.cells[0].id
    made = notebook(exercise)
    assert page.cells[1:] == made.cells
    assert page.metadata == made.metadata


def test_the_installed_package_releases_without_the_books_tools(tmp_path):
    installed, here = tmp_path / "site", tmp_path / "here"
    installed.mkdir()
    here.mkdir()
    for package in ("exercises", "optlib"):
        (installed / package).symlink_to(PAGES.parents[1] / package)
    (here / "tools.py").write_text("raise RuntimeError('someone else has tools too')")
    ran = subprocess.run(
        [sys.executable, "-m", "exercises", "release", "sgd_step", "--out", "out"],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "out/sgd_step.ipynb\n"), ran.stderr
    made = nbformat.read(here / "out/sgd_step.ipynb", as_version=4)
    assert made == nbformat.from_dict(notebook(load("sgd_step")))


def test_without_pages_of_the_book_a_folder_must_be_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(exercises.notebook, "PAGES", tmp_path / "none")
    with pytest.raises(SystemExit):
        main(["release"])
    assert "no pages of the book here: give --out DIR" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_every_page_has_its_exercise():
    assert {path.stem for path in PAGES.glob("*.ipynb")} == set(catalogue())


def test_nothing_of_the_solution_is_in_the_notebook(exercise):
    solved = "".join(sources(notebook(exercise, solved=True)).split())
    given_out = "".join(nbformat.writes(notebook(exercise)).replace('\\"', '"').split())
    secret = code_lines(exercise.answer()) - code_lines(exercise.blank())
    assert secret
    for line in secret:
        assert line in solved and line not in given_out
    for known in exercise.mistakes:
        for said in (known.what, known.hint):
            assert "".join(said.split()) not in given_out


def test_the_stored_output_is_what_the_blank_gives(exercise):
    verdict = check(blank(exercise))
    outputs = {c.id: c.outputs for c in notebook(exercise).cells if c.cell_type == "code"}
    stored = outputs[f"{exercise.id}-check"][0].data
    assert stored["text/plain"] == repr(verdict)
    assert stored["text/html"] == verdict._repr_html_()
    assert outputs[f"{exercise.id}-mark"][0].data["text/plain"] == repr(verdict.points)


@pytest.mark.parametrize("solved", [False, True])
def test_the_metadata_are_nbgraders(exercise, solved):
    made = notebook(exercise, solved=solved)
    nbformat.validate(made)
    kinds = {}
    for cell in made.cells:
        about = cell.metadata.nbgrader
        assert about.schema_version == 3 and about.task is False
        assert re.fullmatch(r"[\w-]+", about.grade_id)
        assert not (about.grade and about.solution)
        assert about.locked is not about.solution
        assert ("points" in about) is about.grade
        kinds[about.grade_id.rpartition("-")[2]] = (about.grade, about.solution)
    assert [k for k, v in kinds.items() if v == (True, False)] == ["mark"]
    assert [k for k, v in kinds.items() if v == (False, True)] == ["answer"]
    assert "###" not in sources(made)


def test_the_mark_of_the_source_notebook_is_full(exercise):
    scope: dict[str, Any] = {}
    *_, mark = [
        eval_last(cell.source, scope)
        for cell in notebook(exercise, solved=True).cells
        if cell.cell_type == "code"
    ]
    assert mark == exercise.points == 1


def eval_last(source: str, scope: dict[str, Any]) -> Any:
    """What a cell shows."""
    *before, last = ast.parse(source).body
    exec(compile(ast.Module(before, []), "cell", "exec"), scope)
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "cell", "exec"), scope)
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), scope)


def test_a_changed_notebook_is_not_overwritten(tmp_path, capsys):
    out = ["release", "sgd_step", "--out", str(tmp_path)]
    path = tmp_path / "sgd_step.ipynb"
    assert main(out) == main(out) == 0
    fresh = path.read_text("utf-8")
    changed = nbformat.reads(fresh, as_version=4)
    changed.cells[2].source = "def sgd_step(theta, g, lr):\n    return theta - lr * g"
    path.write_text(nbformat.writes(changed), "utf-8")
    with pytest.raises(SystemExit):
        main(out)
    assert "changed since" in capsys.readouterr().err
    assert "return theta" in path.read_text("utf-8")
    assert main([*out, "--force"]) == 0
    assert path.read_text("utf-8") == fresh


@pytest.mark.parametrize("there", ["", "{}", "no notebook", "[]", '{"cells": 3}'])
def test_a_file_of_another_kind_is_not_overwritten(tmp_path, there):
    path = tmp_path / "sgd_step.ipynb"
    path.write_text(there)
    with pytest.raises(SystemExit):
        main(["release", "--out", str(tmp_path)])
    assert path.read_text() == there
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required"),
        (["relaese"], "invalid choice"),
        (["release", "nothing"], "no exercise is called nothing"),
        (["release", "--out", "FILE/below"], "cannot write"),
    ],
)
def test_bad_arguments_are_told(arguments, said, tmp_path, capsys):
    (tmp_path / "file").touch()
    arguments = [a.replace("FILE", str(tmp_path / "file")) for a in arguments]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


def test_the_list_has_every_exercise(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(catalogue())


def test_the_checker_is_found_from_a_folder_beside_the_pages(tmp_path):
    """A chapter's kernel starts in chapters/, where the pages' folder is called exercises too."""
    shutil.copytree(PAGES, tmp_path / "exercises")
    command = [sys.executable, "-c", "from exercises import check; print(check)"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


# The book.


def chapter(name: str) -> nbformat.NotebookNode:
    path = CHAPTERS / f"{name}.ipynb"
    if not path.exists():
        pytest.skip(f"{path.name} is not written yet")
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("label", SECTIONS)
def test_where_to_read_is_there(label):
    section = SECTIONS[label]
    prose = "\n\n".join(c.source for c in chapter(section.page).cells if c.cell_type == "markdown")
    assert re.search(r"^# (.*)$", prose, re.MULTILINE)[1] == section.chapter  # type: ignore[index]
    heading = re.search(rf"^\({label}\)=\n+#+ (.*)$", prose, re.MULTILINE)
    assert heading, f"no heading after ({label})= in {section.page}"
    assert heading[1] == section.title


def test_every_section_is_read_by_someone():
    read = {e.read for e in map(load, catalogue())}
    read |= {m.read for e in map(load, catalogue()) for m in e.mistakes}
    assert read == set(SECTIONS)


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_checkpoint_gives_the_blank_and_checks_it(path):
    code = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    for cell in code:
        if YOUR_TURN in cell:
            name = re.search(r"def (\w+)", cell)[1]  # type: ignore[index]
            assert load(name).blank() in cell
            assert any(f"check({name})" in other for other in code)
