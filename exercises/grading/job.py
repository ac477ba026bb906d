"""One submission: run its notebooks in the sandbox, and judge what came back.

This is all that a worker does, here or on a cluster: text in, an `Outcome` out.
"""

import hashlib
import re
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any

from exercises.asking import Reply
from exercises.checker import judge
from exercises.exercise import Exercise, Inputs, load
from exercises.grading import sandbox
from exercises.grading.intake import Notebook, Submission, rebuilt
from exercises.grading.outcome import Outcome
from exercises.grading.report import picture
from exercises.grading.sandbox import SandboxError
from exercises.grading.settings import Settings
from exercises.verdict import Verdict
from exercises.wire import pack_inputs, unpack_replies

MAX_FLAGS = 20
"""More flags or notes on a submission are only counted."""
OUTPUTS = 20
"""More outputs of a cell are not kept."""
PICTURES = 1_500_000
"""Nor are more pictures of a notebook than these, in bytes as they travel."""
NOT_ASKED = "was handed in, but is not asked for"
MISSING = "nothing was handed in for this exercise."
AVAILABLE = f"When a class is graded there are only {', '.join(sandbox.PACKAGES[:-1])}."


@dataclass(frozen=True)
class Assignment:
    """What is asked of everybody.

    Attributes
    ----------
    name : str
        Its name in the gradebook.
    released : dict of str to dict
        The notebooks by their exercises, in order, as nbformat's JSON.
    seed : str
        What the inputs are drawn from. Who knows it knows the inputs.
    settings : Settings
        The limits.
    safe : bool
        Whether there is a sandbox.
    """

    name: str
    released: dict[str, dict[str, Any]]
    seed: str
    settings: Settings
    safe: bool

    def probes(self, exercise: Exercise, handed: Notebook) -> list[Inputs]:
        """The inputs on which an answer is tried: others for another notebook, so that one that has
        seen its inputs learns nothing for the next time."""
        texts = [self.seed, exercise.id, *(cell.source for cell in handed.cells)]
        drawn = hashlib.sha256("\0".join(texts).encode()).digest()
        return exercise.probes(int.from_bytes(drawn))


def grade(assignment: Assignment, submission: Submission) -> Outcome:
    """Grade one submission. Nothing that is in it makes this fail."""
    begun = time.monotonic()
    flags, notes = [*submission.flags], [*submission.notes]
    verdicts, notebooks, files = {}, {}, []
    for name, released in assignment.released.items():
        try:
            handed = submission.answer(name)
            if handed is None:
                verdicts[name] = Verdict(name, "missing", MISSING)
                continue
            for other in submission.notebooks:
                if name in other.answers and other is not handed:
                    texts = flags if other.answers_otherwise(handed, name) else notes
                    texts.append(
                        f"{other.path} was handed in for {name}, too; {handed.path} counts."
                    )
            files.append(handed.path)
            notebook, repairs = rebuilt(released, handed, name)
            notes += repairs
            verdict, flag = _verdict(assignment, load(name), notebook, handed)
            notebooks[name] = _marked(notebook, verdict)
            flags += [f"{handed.path}: {flag}"] if flag else []
        except SandboxError:
            raise  # the submission is tried again
        except Exception as error:  # the other exercises are still to come
            headline = f"could not be judged: {type(error).__name__}: {error}"
            verdict = Verdict(name, "stopped", headline)
            flags.append(f"{name} {headline}")
        verdicts[name] = verdict
    besides = {n for each in submission.notebooks for n in each.answers} - {*assignment.released}
    notes += [f"{name} {NOT_ASKED}." for name in sorted(besides)]
    return Outcome(
        submission.student,
        submission.id,
        tuple(dict.fromkeys(files)),
        verdicts,
        notebooks,
        few(flags),
        few(notes),
        round(time.monotonic() - begun, 2),
    )


def few(texts: list[str]) -> tuple[str, ...]:
    """As many as somebody reads."""
    more = [f"… and {len(texts) - MAX_FLAGS} more."] if len(texts) > MAX_FLAGS else []
    return (*texts[:MAX_FLAGS], *more)


def _verdict(
    assignment: Assignment, exercise: Exercise, notebook: dict[str, Any], handed: Notebook
) -> tuple[Verdict, str]:
    """The verdict on a notebook, whose outputs are filled in, and a flag or nothing."""
    name, probes = exercise.id, assignment.probes(exercise, handed)
    questions = {name: [asdict(exercise.question), [pack_inputs(inputs) for inputs in probes]]}
    stopped = ""
    # An extra cell may take a notebook down, so that a third of the time is kept for a second try.
    for alone, share in ((False, 2 / 3), (True, 1 / 3)):
        steps = _steps(notebook["cells"], name, alone=alone)
        limits = replace(assignment.settings, wall=share * assignment.settings.wall)
        run = sandbox.run([step for step, _ in steps], questions, limits, safe=assignment.safe)
        _fill(steps, run.lines, int(limits.shown * 1024))
        said = _said(run.lines)
        if not run.stopped or "replies" in said:
            break
        stopped = stopped or run.stopped
    flag = f"stopped, as {stopped}; the answer was tried alone." if stopped else ""
    if run.stopped and "replies" not in said:
        return Verdict(name, "stopped", f"stopped: {run.stopped}."), f"stopped, as {run.stopped}."
    if said.get("stopped"):
        limit = f"{assignment.settings.cell:g} seconds"
        headline = f"stopped: your function took longer than {limit} for all inputs together."
        return Verdict(name, "stopped", headline), flag or headline
    if failed := said.get("failed"):
        return Verdict(name, "error", f"your function raised {_short(failed)}."), flag
    if "replies" not in said:
        return _lost(name, said, _trouble(steps, name)), flag
    try:
        replies = unpack_replies(said["replies"], exercise.question, len(probes))
    except ValueError as error:
        # A student's code has put its own words in the place of what asks.
        return Verdict(name, "stopped", f"stopped: what came back is unreadable: {error}."), (
            f"what came back is unreadable ({error}); did the notebook change what asks it?"
        )
    return _hinted(judge(exercise, probes, replies), replies), flag


Step = tuple[tuple[str, str], dict[str, Any] | None]
"""What is run or asked, and the cell that it belongs to."""


def _about(cell: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = cell["metadata"].get("nbgrader", {})
    return about


def _steps(cells: list[dict[str, Any]], name: str, *, alone: bool) -> list[Step]:
    """The student's cells in their order, or the answer alone; the question in the mark's place
    and at the end."""
    steps: list[Step] = []
    for cell in cells:
        about = _about(cell)
        if about.get("grade_id") == f"{name}-mark":
            steps.append((("ask", name), None))
        elif cell["cell_type"] == "code" and about.get("solution", not (alone or about)):
            steps.append((("run", "".join(cell["source"])), cell))
    return [*steps, (("ask", name), None)]


def _said(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What was said to the question: at the mark's place, or at the end if there was no answer."""
    kinds = {"replies", "lost", "stopped", "failed"}
    said = [line for line in lines if kinds & {*line} and "outputs" not in line]
    for line in said:
        replies = line.get("replies")
        blank = isinstance(replies, list) and all(
            isinstance(each, dict) and each.get("trouble") == "blank" for each in replies
        )
        if "lost" not in line and not blank:
            return line
    return said[-1] if said else {}


def _lost(name: str, said: dict[str, Any], trouble: str) -> Verdict:
    """There was no function to ask."""
    if trouble:
        headline = f"the cell with your answer raised an error: {trouble}"
        return Verdict(name, "error", headline, AVAILABLE if "No module named" in trouble else "")
    if "lost" not in said:
        nothing = "stopped: nothing came back, as when a notebook changes what asks it."
        return Verdict(name, "stopped", nothing)
    if said["lost"] is False:
        return Verdict(name, "lost", f"{name} is no function when the notebook has run.")
    return Verdict(name, "lost", f"there is no function {name} when the notebook has run.")


def _trouble(steps: list[Step], name: str) -> str:
    """The last line of the error that an answer's cell raised, or nothing."""
    for _, cell in reversed(steps):
        if cell and f"def {name}" in "".join(cell["source"]):
            for output in cell["outputs"]:
                text = output.get("text", "").rstrip()
                if "Traceback" in text or re.match(r"\s*(File|Cell)\b", text):
                    return text.splitlines()[-1][:300]
    return ""


def _short(text: object) -> str:
    return str(text)[:100].encode("utf-8", "replace").decode()


def _hinted(verdict: Verdict, replies: list[Reply]) -> Verdict:
    """With the advice on what there is to import, where that was the error."""
    if "No module named" in replies[0].headline:
        return replace(verdict, hint=f"{verdict.hint} {AVAILABLE}".strip())
    return verdict


def _fill(steps: list[Step], lines: list[dict[str, Any]], shown: int) -> None:
    """Put what the cells have given into them: so much text and so many pictures, nothing else."""
    left = PICTURES
    for line in lines:
        step, given = line.get("step"), line.get("outputs")
        if type(step) is not int or not 0 <= step < len(steps) or not isinstance(given, list):
            continue
        if (cell := steps[step][1]) is None:
            continue
        outputs = [made for each in given[:OUTPUTS] if (made := _output(each, shown))]
        left -= sum(len(each.get("data", {}).get("image/png", "")) for each in outputs)
        cell["outputs"] = [each for each in outputs if left >= 0 or "text" in each]


def _output(given: Any, shown: int) -> dict[str, Any] | None:
    """An output as a notebook has it; nothing if it is neither a text nor a picture."""
    if not isinstance(given, dict):
        return None
    if isinstance(text := given.get("text"), str):
        text = text[:shown].encode("utf-8", "replace").decode()
        name = "stderr" if given.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": text}
    if isinstance(png := given.get("png"), str) and (png := picture(png)):
        data = {"image/png": png, "text/plain": "A picture."}
        return {"output_type": "display_data", "data": data, "metadata": {}}
    return None


def _marked(notebook: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """The notebook with the verdict where the checker's would be, and the points as the mark."""
    marked = deepcopy(notebook)
    for cell in marked["cells"]:
        texts = {"check": repr(verdict), "mark": str(verdict.points)}
        if text := texts.get(_about(cell).get("grade_id", "").removeprefix(f"{verdict.exercise}-")):
            data = {"text/plain": text}
            cell["outputs"] = [
                {
                    "output_type": "execute_result",
                    "data": data,
                    "metadata": {},
                    "execution_count": 1,
                }
            ]
    return marked
