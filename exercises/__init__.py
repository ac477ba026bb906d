"""The exercises of the book, each with one source, and the checker that answers at once.

    >>> from exercises import check
    >>> def sgd_step(theta, g, lr):
    ...     return theta - lr * g
    >>> check(sgd_step)
    sgd_step: right on 24 random inputs.

Each file in the folders of `exercises.bank` is one exercise: statement, solution, reference, probes
and known mistakes (`exercises.exercise`). From it come the answer to `check`
(`exercises.checker`), and the student's notebook, which is also its page in the book
(`exercises.notebook`). `python -m exercises` lists and releases them. What a student has tried and
done is kept on the student's own disk, and `progress()` shows it (`exercises.progress`).
"""

from exercises.checker import check
from exercises.exercise import Choice, Derivation, Draw, Exercise, catalogue, load
from exercises.inputs import Gradient
from exercises.progress import progress
from exercises.step import Step
from exercises.verdict import Verdict

__all__ = [
    "Choice",
    "Derivation",
    "Draw",
    "Exercise",
    "Gradient",
    "Step",
    "Verdict",
    "catalogue",
    "check",
    "load",
    "progress",
]
