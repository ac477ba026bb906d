"""A class: each submission graded in a process of its own, and everything merged and reported.

Finished submissions are kept in the report's folder, so that a batch that was broken off goes on
where it stopped, and one that is graded again gives the same.
"""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exercises.exercise import catalogue, load
from exercises.grading import report, sandbox
from exercises.grading.course import Course
from exercises.grading.intake import Submission, collect, unique_id
from exercises.grading.job import MISSING, Assignment, few, grade
from exercises.grading.outcome import Outcome
from exercises.grading.processes import Failure, forked
from exercises.grading.roster import Roster, read
from exercises.grading.settings import Settings
from exercises.notebook import notebook
from exercises.verdict import Verdict
from optlib import files

GRACE = 20
"""Seconds that the grader's own work on an exercise may take, beside the notebook's."""


class BatchError(Exception):
    """A class cannot be graded like this; the text says what to do."""


def grade_class(
    submissions: Path,
    out: Path,
    *,
    assignment: str = "exercises",
    names: Sequence[str] = (),
    course: Path | None = None,
    seed: str = "",
    jobs: int | None = None,
    settings: Settings | None = None,
    safe: bool = True,
    client: Any = None,
    roster: Path | None = None,
    column: str = "",
) -> list[Outcome]:
    """Grade a folder of submissions and write the report.

    Parameters
    ----------
    submissions : Path
        A folder of anything; see `exercises.grading.intake.collect`.
    out : Path
        The report's folder: marks, pages, and what goes on after an interruption.
    assignment : str
        Its name in the gradebook.
    names : sequence of str
        The exercises that count; otherwise those that the course has released under that name, or
        those that anybody has handed in.
    course : Path, optional
        The folder of the nbgrader course, `out / "course"` if none is given.
    seed : str
        What the inputs are drawn from. Without one it is made of the submissions, so that it is
        the same for the same batch and nobody knows it before.
    jobs : int, optional
        How many submissions at a time; otherwise one a processor.
    settings : Settings, optional
        The limits.
    safe : bool
        Whether to insist on a sandbox. Without one a notebook can do whatever you can.
    client : dask.distributed.Client, optional
        Grades on a cluster, whose workers have a sandbox each.
    roster : Path, optional
        The class list, a CSV file: who is in it and has handed in nothing is reported, too, and
        it comes back with everybody's points as `roster.csv` in the report's folder.
    column : str
        The roster's column for the points, the assignment's name if none is given.

    Returns
    -------
    list of Outcome
        One for each submission, in the order of their names, and for each of the roster's others.

    Raises
    ------
    RosterError
        The roster cannot be used.
    BatchError
        There is no such folder, or it is being graded, or the exercises are not those of before.
    SandboxError
        There is no sandbox.
    CourseError
        nbgrader refuses.
    """
    submissions, out, settings = submissions.resolve(), out.resolve(), settings or Settings()
    if not submissions.is_dir():
        raise BatchError(f"there is no folder {submissions}")
    if out.is_relative_to(submissions) or submissions.is_relative_to(out / "work"):
        raise BatchError(f"the report's folder {out} lies among the submissions; choose another")
    place = (course or out / "course").resolve()
    if place.is_relative_to(submissions):
        raise BatchError(f"the course {place} lies among the submissions; choose another")
    if safe:
        sandbox.probe(settings) if client is None else client.run(sandbox.probe, settings)
    listed = read(roster) if roster else None
    kept = Course(place, assignment)
    collected = submissions.is_relative_to(kept.folder("submitted").parent)
    if submissions.is_relative_to(place) and not collected:
        raise BatchError(f"{submissions} is a folder of the course, but not that of submissions")
    with _alone(out):
        handed = collect(
            submissions,
            settings,
            assignment,
            jobs=jobs or os.cpu_count() or 1,
            by_course=collected,
        )
        work = out / "work"
        asked = Assignment(
            assignment,
            _released(kept, handed, names),
            seed or _seed(work / "seed.txt", handed),
            settings,
            safe,
        )
        run = _forked(jobs or os.cpu_count() or 1) if client is None else _clustered(client)
        # In the report's own course; in another one what was collected is left alone.
        step = "submitted" if course is None and not collected else "rebuilt"
        outcomes = _graded(asked, handed, run, kept, out, step)
        if listed:
            outcomes = _listed(listed, outcomes, asked)
            table = listed.filled(
                [(each.student, each.points) for each in outcomes if each.files or each.flags],
                column or assignment,
            )
            files.write(out / "roster.csv", table.encode("utf-8-sig"))
        exercises = [load(name) for name in asked.released]
        for outcome in outcomes[len(handed) :]:  # the rest of the roster
            report.write_student(outcome, exercises, out, assignment=assignment)
        report.write_class(outcomes, exercises, out, assignment=assignment, sandboxed=safe)
        here = {each.id for each in outcomes}
        for left in (*(out / "students").glob("*.html"), *work.glob("*.json")):
            if left.stem not in here:  # taken away since
                left.unlink()
        return outcomes


def _listed(roster: Roster, outcomes: list[Outcome], asked: Assignment) -> list[Outcome]:
    """The outcomes, flagged where it is not clear whose they are, and the rest of the roster."""
    owners = roster.owners([each.student for each in outcomes])
    known = []
    for each, rows in zip(outcomes, owners, strict=True):
        if len(rows) != 1:
            unclear = "It is not clear which row of the roster this is."
            each = replace(each, flags=(*each.flags, unclear))
        elif owners.count(rows) > 1:
            row = roster.name(*rows)
            twice = f"Another submission belongs to the same row of the roster, {row}."
            each = replace(each, flags=(*each.flags, twice))
        known.append(each)
    missing = {name: Verdict(name, "missing", MISSING) for name in asked.released}
    ids = {each.id.lower() for each in outcomes}
    others = [
        Outcome(roster.name(row), unique_id(roster.name(row), ids), (), missing, {})
        for row in roster.students - {row for rows in owners for row in rows}
    ]
    return known + others


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep a second grader out of the report's folder."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BatchError(f"another command is grading into {out}") from None
        yield


def _released(course: Course, handed: list[Submission], names: Sequence[str]) -> dict[str, Any]:
    """The released notebooks that are graded, in the order of the book."""
    there = course.released()
    found = {name for each in handed for one in each.notebooks for name in one.answers}
    wanted = [name for name in catalogue() if name in (names or there or found)]
    if not there and wanted:
        course.release({name: notebook(load(name)) for name in wanted})
        there = course.released()
    if unknown := sorted({*wanted} - {*there}):
        raise BatchError(
            f"{course.assignment} was released without {', '.join(unknown)}. Give what was "
            "released, or another --assignment."
        )
    return {name: there[name] for name in wanted}


def _seed(path: Path, handed: list[Submission]) -> str:
    """The seed of the first time, which is made of what was handed in then."""
    if not (path.exists() and path.read_text("utf-8")):
        # Of nothing everybody knows what is made.
        made = _hash([asdict(each) for each in handed]) if handed else secrets.token_hex()
        files.write(path, made.encode())
    return path.read_text("utf-8")


def _hash(content: Any) -> str:
    made = hashlib.sha256()
    for part in json.JSONEncoder(sort_keys=True).iterencode(content):
        made.update(part.encode())
    return made.hexdigest()


def _sources() -> str:
    """A hash of what decides about marks: an exercise's reference may be the lab's own function."""
    specs = map(find_spec, ("exercises", "optlib", "optlab"))
    roots = [Path(root) for spec in specs if spec for root in spec.submodule_search_locations or ()]
    files = [path for root in roots for path in sorted(root.rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


# One after another, many at a time.

Results = Iterator[tuple[Submission, Outcome | Failure]]
"""Each submission with what came of it, or with why nothing did."""
Runner = Callable[[Assignment, list[Submission]], Results]


def _graded(
    asked: Assignment,
    handed: list[Submission],
    run: Runner,
    course: Course,
    out: Path,
    step: str,
) -> list[Outcome]:
    """The outcomes of all submissions, those that are there already included; without their
    notebooks, which are in the course and on the students' pages by then."""
    work = out / "work"
    before = _hash([asked.released, asked.seed, asdict(asked.settings), asked.safe, _sources()])
    state = _hash([os.path.relpath(course.root, work), asked.name, course.rules()])
    known = course.known()
    exercises = [load(name) for name in asked.released]
    done: dict[str, Outcome] = {}
    again: list[tuple[Submission, Outcome]] = []
    todo: list[Submission] = []
    keys = {each.id: _hash([before, asdict(each)]) for each in handed}
    for each in handed:
        outcome, merged = _kept(work / f"{each.id}.json", keys[each.id])
        if outcome is None:
            todo.append(each)
        elif merged != state or each.id not in known or not course.whole(outcome):
            again.append((each, outcome))
        else:
            done[each.id] = replace(outcome, notebooks={})
    with tqdm(total=len(handed), initial=len(done), unit="submission", desc="Grading") as bar:
        for submission, result in chain(again, run(asked, todo)):
            outcome = (
                _failed(asked, submission, result.reason) if isinstance(result, Failure) else result
            )
            # Kept is what has been merged last, and nothing while it is merged.
            (work / f"{outcome.id}.json").unlink(missing_ok=True)
            try:
                course.take(outcome, submission.carried, step, _pages(outcome, asked.name))
            except Exception as error:  # the others are still to come
                trouble = f"Its mark is not in the gradebook: {error}"
                outcome = replace(outcome, flags=(*outcome.flags, trouble))
            else:
                # What was stopped may have been so because the machine was busy: the next time
                # it is tried again.
                if all(verdict.kind != "stopped" for verdict in outcome.verdicts.values()):
                    _keep(work / f"{outcome.id}.json", keys[outcome.id], outcome, state)
            report.write_student(outcome, exercises, out, assignment=asked.name)
            done[outcome.id] = replace(outcome, notebooks={})
            bar.update()
    return [done[each.id] for each in handed]


def _pages(outcome: Outcome, assignment: str) -> dict[str, str]:
    """A page for each exercise that was handed in, as nbgrader gives feedback by notebooks."""
    return {
        name: report.student_page(outcome, [load(name)], assignment=assignment)
        for name in outcome.notebooks
    }


def _kept(path: Path, key: str) -> tuple[Outcome | None, str]:
    """The outcome in a file, if it is that of the same submission to the same assignment, and the
    state of the course that it was merged into."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["key"] == key:
            return Outcome.from_json(content["outcome"]), content["merged"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None, ""


def _keep(path: Path, key: str, outcome: Outcome, merged: str) -> None:
    content = {"key": key, "merged": merged, "outcome": outcome.to_json()}
    files.write(path, json.dumps(content).encode())


def _failed(asked: Assignment, submission: Submission, reason: str) -> Outcome:
    """What is reported of a submission that could not be graded; the next time it is tried anew."""
    headline = f"could not be graded: {reason}"
    verdicts = {name: Verdict(name, "stopped", headline) for name in asked.released}
    flags = few([headline, *submission.flags])
    return Outcome(submission.student, submission.id, (), verdicts, {}, flags)


def _forked(jobs: int) -> Runner:
    """Each submission in a process of its own."""

    def run(asked: Assignment, todo: list[Submission]) -> Results:
        for submission, result in forked(
            lambda each: grade(asked, each).to_json(),
            todo,
            jobs=jobs,
            seconds=GRACE + len(asked.released) * (asked.settings.wall + GRACE),
            memory=asked.settings.memory,
        ):
            if not isinstance(result, Failure):
                result = Outcome.from_json(result)
            yield submission, result

    return run


def _clustered(client: Any) -> Runner:
    """Each submission on a worker of a Dask cluster."""

    def run(asked: Assignment, todo: list[Submission]) -> Results:
        from distributed import as_completed

        futures = {client.submit(grade, asked, each, pure=False): each for each in todo}
        for future in as_completed(futures):
            if future.status == "finished":
                yield futures[future], future.result()
            else:
                error = future.exception()
                yield futures[future], Failure(f"{type(error).__name__}: {error}")

    return run
