"""The checker: ask the student's function (`exercises.asking`), then judge its replies.

The two halves share nothing but numbers, so that the class grader can ask in a sandbox and judge
outside of it. What judges knows the right answer and runs nothing of the student's.
"""

import difflib
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np

from exercises.asking import Inputs, Reply, Values, ask
from exercises.exercise import NEAR, Exercise, catalogue, equal, load
from exercises.progress import keep
from exercises.reading import where
from exercises.verdict import Verdict, a, attribute, show, type_name

SOMETIMES = (
    "no answer on this input, but on others there is one. Does one way through the function end "
    "without a `return`?"
)


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
    probes = exercise.probes(seed)
    verdict = judge(exercise, probes, ask(exercise.question, function, probes))
    keep(verdict, function)
    return verdict


def judge(exercise: Exercise, probes: list[Inputs], replies: list[Reply]) -> Verdict:
    """The verdict on the replies to `probes`, one for each."""
    due = [exercise.due(exercise.refer, inputs) for inputs in probes]
    if all(reply.trouble == "blank" for reply in replies):
        return Verdict(exercise.id, "blank", replies[0].headline)
    for inputs, reply, wanted in zip(probes, replies, due, strict=True):
        if reply.trouble == "blank":
            facts = {"input": show(exercise.arguments, inputs)}
            return Verdict(exercise.id, "form", SOMETIMES, facts=facts)
        if complaint := reply.headline or _shapes(exercise.returns, reply.values, wanted):
            facts = {"input": show(exercise.arguments, inputs)} if reply.input else {}
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
    names: tuple[str, ...], tries: list[tuple[Inputs, Values, Values]], whole: list[bool]
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


def _shapes(names: tuple[str, ...], got: Values, due: Values) -> str:
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
