"""The checker: ask the student's function, then judge its replies.

The two halves share nothing but numbers, so that a class grader can ask in a sandbox and judge
outside of it. Nothing that the student's objects say of themselves decides: a reply is made of
plain floats before it is compared, and what cannot be is a complaint.
"""

import copy
import difflib
import inspect
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from types import CodeType, GeneratorType
from typing import Any

import numpy as np

from exercises.exercise import NEAR, Arrays, Exercise, FormError, Inputs, catalogue, equal, load
from exercises.progress import keep
from exercises.reading import where
from exercises.verdict import Kind, Verdict, a, attribute, show, type_name

MANY = 10_000
"""More numbers than this are not looked at."""

BLANK = "no answer yet. Replace the line that raises NotImplementedError, then run the cells again."
SOMETIMES = (
    "no answer on this input, but on others there is one. Does one way through the function end "
    "without a `return`?"
)


@dataclass(frozen=True)
class Reply:
    """What a function gave on one input: values, or the kind of trouble and its description."""

    values: Arrays = ()
    trouble: Kind | None = None
    headline: str = ""
    hint: str = ""


def check(function: Any, name: str | None = None, *, seed: Any = None) -> Verdict:
    """Try a function on random inputs and tell how it does.

    Parameters
    ----------
    function : callable
        Your function itself: `check(sgdm_step)`.
    name : str, optional
        Which exercise it answers, where the function has another name.
    seed : int, optional
        Makes the inputs the same each time; without it they are fresh.

    Returns
    -------
    Verdict
        Right, or which mistake it is, on which input, what came out and what was due, and where
        to read. It is true in an `if` or `assert` only when the answer is right.
    """
    if not callable(function):
        return Verdict(
            "check",
            "lost",
            f"this is {a(function)}, not a function.",
            "Give the function itself, without brackets after its name: check(sgdm_step).",
        )
    name = _name(function) if name is None else str(name)
    if name not in catalogue():
        guess = difflib.get_close_matches(name, catalogue(), n=1)
        return Verdict(
            "check",
            "lost",
            f"no exercise is called {name!r}." + (f" Did you mean {guess[0]!r}?" if guess else ""),
            f"Give its name: check(your_function, {(guess or catalogue())[0]!r}). "
            f"There are {', '.join(catalogue())}.",
        )
    exercise = load(name)
    if complaint := _signature(exercise, function):
        verdict = Verdict(exercise.id, "form", complaint)
    else:
        asked, probes = exercise.asked(function), exercise.probes(seed)
        verdict = judge(exercise, probes, [ask(exercise, asked, inputs) for inputs in probes])
    keep(verdict, function)
    return verdict


# Asking: runs the student's code, knows no right answer.


def ask(exercise: Exercise, function: Callable[..., Any], inputs: Inputs) -> Reply:
    """Call a function on copies of `inputs` and make plain numbers of what it returns.

    The function is the student's, as `exercise.asked` takes it.
    """
    try:
        answer = function(*copy.deepcopy(inputs))
    except NotImplementedError:
        return Reply(trouble="blank", headline=BLANK)
    except FormError as complaint:
        return Reply(trouble="form", headline=str(complaint))
    except (Exception, SystemExit) as error:
        hint = " ".join(filter(None, (exercise.advice, _line(error, function))))
        return Reply(trouble="error", headline=_raised(error), hint=hint)
    if answer is ...:
        return Reply(trouble="blank", headline=BLANK)
    if answer is None:
        missing = "no answer yet: the function returned None. Is its `return` missing?"
        return Reply(trouble="blank", headline=missing)
    due = exercise.returns
    values = _members(answer) if len(due) > 1 else [answer]
    if values is None or len(values) != len(due):
        came = a(answer) + (f" of {len(values)}" if values is not None else "")
        if type(answer) is GeneratorType:
            came += " (write `return` in place of `yield`)"
        wanted = f"return {', '.join(due)}"
        headline = f"{len(due)} values are due, but {came} came back."
        return Reply(trouble="form", headline=headline, hint=f"End with `{wanted}`.")
    numbers = []
    for value_name, value in zip(due, values, strict=True):
        number = _floats(value)
        if isinstance(number, str):
            headline = f"{value_name} came back as {number}; a float or an array of floats is due."
            return Reply(trouble="form", headline=headline)
        numbers.append(number)
    return Reply(tuple(numbers))


def _members(answer: Any) -> list[Any] | None:
    """The members of a tuple or list, whatever a subclass makes of iteration; None for others."""
    for kind in (tuple, list):
        if issubclass(type(answer), kind):
            return [*kind.__iter__(answer)]
    return None


def _floats(value: Any) -> np.ndarray | str:
    """A float64 copy of a number or an array; for anything else, what it is."""
    if issubclass(type(value), np.integer):  # a count, as NumPy gives it
        value = int(value)
    if type(value) in (float, int):
        try:
            return np.array(float(value))
        except OverflowError:
            return "an integer beyond all floats"
    if not issubclass(type(value), np.ndarray | np.generic):
        return a(value)
    array = np.asarray(value)
    if array.dtype.kind != "f" or array.dtype.itemsize < 8:
        coarse = ", too coarse to check" if array.dtype.kind == "f" else ""
        return f"numbers of type {array.dtype.name}{coarse}"
    if array.size > MANY:
        return f"{array.size} numbers"
    return np.array(array, dtype=float)


# Judging: knows the right answer, runs nothing of the student's.


def judge(exercise: Exercise, probes: list[Inputs], replies: list[Reply]) -> Verdict:
    """The verdict on the replies to `probes`."""
    due = [exercise.due(exercise.refer, inputs) for inputs in probes]
    if all(reply.trouble == "blank" for reply in replies):
        return Verdict(exercise.id, "blank", replies[0].headline)
    for inputs, reply, wanted in zip(probes, replies, due, strict=True):
        if reply.trouble == "blank":
            facts = {"input": show(exercise.arguments, inputs)}
            return Verdict(exercise.id, "form", SOMETIMES, facts=facts)
        if complaint := reply.headline or _shapes(exercise.returns, reply.values, wanted):
            facts = {"input": show(exercise.arguments, inputs)}
            return Verdict(exercise.id, reply.trouble or "form", complaint, reply.hint, facts)
    got = [reply.values for reply in replies]
    tries = [*zip(probes, got, due, strict=True)]
    right = [exercise.right(*each) for each in tries]
    if all(right):
        # The last probe is the first one again.
        headline = f"right on {len(probes) - 1} random inputs."
        return Verdict(exercise.id, "right", headline, points=exercise.points)
    first = tries[right.index(False)]
    yours, ours = exercise.compared(*first)
    facts = {"input": show(exercise.arguments, first[0]), "yours": yours, "due": ours}
    if any(
        all(
            exercise.right(inputs, tuple(values[i] for i in order), wanted)
            for inputs, values, wanted in tries
        )
        for order in permutations(range(len(exercise.returns)))
    ):
        order = " and then ".join(exercise.returns)
        headline = f"right numbers in the wrong order: {order} is due."
        return Verdict(
            exercise.id, "mistake", headline, "", facts, where(exercise.read), mistake="order"
        )
    for mistake in exercise.mistakes:
        if all(exercise.makes(mistake, inputs, values) for inputs, values, _ in tries):
            return Verdict(
                exercise.id,
                "mistake",
                f"not yet. {mistake.what}",
                mistake.hint,
                facts,
                where(mistake.read),
                mistake.name,
            )
    headline = "wrong, and not in a way that is known here."
    if not all(np.isfinite(value).all() for value in first[1]):
        headline = (
            "wrong: nan or inf came back. Where do you divide, take a root, or return it yourself?"
        )
    facts["differs"] = exercise.difference(*first)
    hint = _half_right(exercise.returns, tries[:-1], right[:-1]) or exercise.advice
    if all(equal(values, got[0]) for values in got):
        hint = "The same came back on every input. Which arguments does your function use?"
    if not equal(got[0], got[-1]):
        hint = "The same input gave two answers: does your function keep something between calls?"
    return Verdict(exercise.id, "wrong", headline, hint, facts, where(exercise.read))


# Words.


def _half_right(
    names: tuple[str, ...], tries: list[tuple[Inputs, Arrays, Arrays]], whole: list[bool]
) -> str:
    """What is right in an answer that is wrong, or nothing."""
    pairs = [(values, wanted) for _, values, wanted in tries]
    if all(equal(values, wanted, NEAR) for values, wanted in pairs):
        return "It is close: was a number rounded, stored as float32, or a tiny ε added?"
    right = [
        name
        for i, name in enumerate(names)
        if all(equal((values[i],), (wanted[i],)) for values, wanted in pairs)
    ]
    said = []
    if right:
        wrong = (name for name in names if name not in right)
        said.append(f"Right on every input: {' and '.join(right)}. Look at {' and '.join(wrong)}.")
    single = [not wanted[0].ndim for _, wanted in pairs]
    if any(whole) and whole == single:
        said.append("All is right with single numbers. What is different with arrays?")
    elif any(whole):
        said.append(f"All is right on {sum(whole)} of {len(whole)} inputs.")
    return " ".join(said)


def _shapes(names: tuple[str, ...], got: Arrays, due: Arrays) -> str:
    """A complaint about the first value whose shape is not the one that is due, or nothing."""
    for name, x, y in zip(names, got, due, strict=True):
        if x.shape != y.shape:
            return f"{name} came back as {_shape(x)}; {_shape(y)} is due."
    return ""


def _shape(array: np.ndarray) -> str:
    return f"an array of shape {array.shape}" if array.ndim else "a single number"


def _name(function: Callable[..., Any]) -> str:
    name = attribute(function, "__name__")
    return name if type(name) is str else type_name(function)


def _signature(exercise: Exercise, function: Callable[..., Any]) -> str:
    """A complaint about the arguments that a function takes, or nothing."""
    try:
        signature = inspect.signature(function)
    except Exception:  # what has no signature is tried as it is
        return ""
    due, own = ", ".join(exercise.arguments), ", ".join(signature.parameters)
    try:
        signature.bind(*exercise.arguments)
    except TypeError:
        return f"it is called as {exercise.id}({due}), but your function takes ({own})."
    names = list(signature.parameters)
    if names != list(exercise.arguments) and sorted(names) == sorted(exercise.arguments):
        return f"it is called as {exercise.id}({due}), but yours takes them as ({own})."
    return ""


def _raised(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # a student's own error class may fail to print
        text = ""
    short = text if len(text) <= 200 else f"{text[:199]}…"
    return f"your function raised {type_name(error)}" + (f": {short}" if short else ".")


def _line(error: BaseException, function: Callable[..., Any]) -> str:
    """The last line of the student's file or cell that the error went through."""
    student = attribute(function, "__wrapped__")
    code = attribute(function if student is None else student, "__code__")
    for frame, line in reversed([*traceback.walk_tb(error.__traceback__)]):
        if type(code) is CodeType and frame.f_code.co_filename == code.co_filename:
            text = linecache.getline(code.co_filename, line).strip()
            return f"Line {line}: {text}" if text else f"Line {line}."
    return ""
