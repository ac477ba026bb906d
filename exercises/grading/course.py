"""The class's nbgrader course: assignments, gradebook, graded notebooks and feedback.

nbgrader keeps what it is good at: the gradebook, late rules, manual parts, its own pages and
exports. Only its execution of notebooks is replaced, as it happens in the sandbox before: what
comes here has its outputs in it.
"""

import io
import json
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.api
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ComputeChecksums,
    LockCells,
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
    SaveCells,
)
from nbgrader.utils import parse_utc
from sqlalchemy.exc import SAWarning
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from exercises.exercise import catalogue
from exercises.grading.intake import fenced
from exercises.grading.outcome import Outcome
from exercises.grading.report import clean
from exercises.notebook import is_changed
from exercises.verdict import Verdict

# nbgrader opens its gradebook anew for each little thing. One engine a gradebook keeps the
# statements that SQLAlchemy has compiled, which halves the time.
nbgrader.api.create_engine = cache(nbgrader.api.create_engine)
# Nor is it an instructor's business that it adds submissions while it reads them.
warnings.filterwarnings("ignore", "Object of type <Submitted.* not in session", SAWarning)

CONFIG = "nbgrader_config.py"


BEGINNING = """\
from exercises.grading.course import InSandboxOnly

c = get_config()
# A blank keeps its signature.
c.ClearSolutions.enabled = False
# `python -m exercises grade` grades this course. nbgrader's own `autograde` would run what was
# handed in without a sandbox.
c.Autograde.sanitize_preprocessors = [InSandboxOnly]
"""
"""The settings of a new course."""


class InSandboxOnly(NbGraderPreprocessor):
    """Stands in the way of `nbgrader autograde`."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        """Refuse.

        Raises
        ------
        NbGraderException
            Always.
        """
        raise NbGraderException(
            "this course is graded by `python -m exercises grade`, which runs in a sandbox what "
            "was handed in; nbgrader would not"
        )


class CourseError(Exception):
    """An assignment cannot be made or graded as it is; the text says why."""


class Course:
    """An assignment in an nbgrader course.

    Parameters
    ----------
    root : Path
        The course's folder; it is made where there is none. The settings in its
        `nbgrader_config.py` count.
    assignment : str
        The assignment's name.

    Raises
    ------
    CourseError
        It is no name for a folder and a gradebook.
    """

    def __init__(self, root: Path, assignment: str) -> None:
        if not re.fullmatch(r"\w[\w. -]*", assignment, re.ASCII):
            raise CourseError(
                f"{assignment!r} is no name of an assignment: letters, digits, spaces and . _ -"
            )
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.assignment = root.resolve(), assignment
        # nbgrader calls alembic by its name when it makes a gradebook.
        path = os.environ.get("PATH", "")
        if (tools := str(Path(sys.executable).parent)) not in path.split(os.pathsep):
            os.environ["PATH"] = f"{tools}{os.pathsep}{path}"
        self.config = Config()
        if (self.root / CONFIG).exists():
            self.config = PyFileConfigLoader(CONFIG, str(self.root)).load_config()
        # A blank keeps its signature, where nbgrader would put a stub of its own.
        self.config.GenerateAssignment.preprocessors = [
            *(LockCells, CheckCellMetadata, ComputeChecksums, SaveCells)
        ]
        self.config.Autograde.sanitize_preprocessors = [OverwriteCells, CheckCellMetadata]
        self.config.Autograde.autograde_preprocessors = [
            *(SaveAutoGrades, AssignLatePenalties, CheckCellMetadata)
        ]

    def directory(self, **which: str) -> CourseDirectory:
        """nbgrader's view of the course, for one assignment and perhaps one student."""
        return CourseDirectory(
            root=str(self.root), assignment_id=self.assignment, config=self.config, **which
        )

    def folder(self, step: str, student: str = ".") -> Path:
        """Where nbgrader has the assignment at a step: source, release, submitted, autograded."""
        return Path(self.directory().format_path(step, student, self.assignment))

    def gradebook(self) -> Gradebook:
        """The gradebook, to be used in a `with`."""
        directory = self.directory()
        return Gradebook(directory.db_url, directory.course_id)

    # The assignment.

    def release(self, notebooks: Mapping[str, Any], *, force: bool = False) -> Path:
        """Make the assignment of students' notebooks, and tell where its release is.

        A notebook that was changed in the course's `source` is kept as it is, so that questions
        of one's own can be added there; with `force` it is overwritten. A new course gets settings
        for nbgrader.

        Raises
        ------
        CourseError
            There are submissions to other notebooks of that name in the gradebook; nothing is
            changed then. Or nbgrader refuses.
        """
        source, there = self.folder("source"), self._notebooks()
        changed = {path.stem for path in source.glob("*.ipynb") if is_changed(path)}
        own = changed - {*notebooks} if force else changed
        if there and there != own | {*notebooks} and self.known():
            raise CourseError(
                f"{self.assignment} has {', '.join(sorted(there))}, and submissions to it are in "
                "the gradebook: make another assignment"
            )
        source.mkdir(parents=True, exist_ok=True)
        for path in source.glob("*.ipynb"):
            if path.stem not in own:
                path.unlink()
        for name, notebook in notebooks.items():
            if name not in own:
                nbformat.write(notebook, source / f"{name}.ipynb")
        if not (self.root / CONFIG).exists():
            (self.root / CONFIG).write_text(BEGINNING, encoding="utf-8")
        converter = GenerateAssignment(coursedir=self.directory(), config=self.config, force=True)
        self._start(converter)
        return self.folder("release")

    def _notebooks(self) -> set[str]:
        """The notebooks that the gradebook has for this assignment."""
        with self.gradebook() as book:
            try:
                return {each.name for each in book.find_assignment(self.assignment).notebooks}
            except MissingEntry:
                return set()

    def rules(self) -> str:
        """What decides about marks beside the answers: the course's settings, and the due date."""
        config = self.root / CONFIG
        with self.gradebook() as book:
            try:
                due = book.find_assignment(self.assignment).duedate
            except MissingEntry:
                due = None
        return f"{due}\n{config.read_text('utf-8') if config.exists() else ''}"

    def released(self) -> dict[str, dict[str, Any]]:
        """The released notebooks by their exercises; none if there is no such assignment.

        Raises
        ------
        CourseError
            There is a test cell in them that only nbgrader could run, outside of the sandbox.
        """
        found = {}
        for path in sorted(self.folder("release").glob("*.ipynb")):
            notebook = json.loads(path.read_text("utf-8"))
            for cell in notebook["cells"]:
                cell["source"] = "".join(cell["source"])
            about = [cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"]]
            for each in about:
                mine = each.get("grade_id") == f"{path.stem}-mark"
                if each.get("grade") and not each.get("solution") and not mine:
                    raise CourseError(
                        f"{path} has the test cell {each['grade_id']}, and only exercises are "
                        "graded here: make it a manual answer, or take it out."
                    )
            if path.stem in catalogue():
                found[path.stem] = notebook
        return found

    # What was handed in.

    def known(self) -> set[str]:
        """The students with a submission in the gradebook."""
        with self.gradebook() as book:
            return {each.student_id for each in book.assignment_submissions(self.assignment)}

    def whole(self, outcome: Outcome) -> bool:
        """Whether the graded notebooks of an outcome are there; nbgrader may have deleted them."""
        there = self.folder("autograded", outcome.id)
        return all((there / f"{name}.ipynb").exists() for name in outcome.notebooks)

    def take(
        self, outcome: Outcome, carried: Mapping[str, str], step: str, pages: Mapping[str, str]
    ) -> None:
        """Merge one outcome into gradebook, graded notebooks and feedback; twice is as once.

        Marks and comments that were given by hand stay.

        Parameters
        ----------
        outcome : Outcome
            What came of a submission.
        carried : mapping of str to str
            nbgrader's own files in it.
        step : str
            The folder of the course that the rebuilt notebooks go to.
        pages : mapping of str to str
            The feedback on each exercise, where `nbgrader release_feedback` takes it from.

        Raises
        ------
        CourseError
            nbgrader refuses.
        """
        if not self.folder("release").exists():
            return  # nobody has handed in an exercise
        carried = dict(carried)
        try:
            parse_utc(carried["timestamp.txt"])
        except (KeyError, ValueError):  # nbgrader would stumble over one that it cannot read
            carried.pop("timestamp.txt", None)
        notebooks = {
            f"{name}.ipynb": nbformat.writes(nbformat.from_dict(notebook))
            for name, notebook in outcome.notebooks.items()
        }
        _lay(self.folder(step, outcome.id), notebooks | carried)
        shutil.rmtree(self.folder("autograded", outcome.id), ignore_errors=True)
        if outcome.notebooks:
            where = self.directory(student_id=outcome.id, submitted_directory=step)
            self._start(Autograde(coursedir=where, config=self.config, force=True))
        with self.gradebook() as book:
            book.update_or_create_student(outcome.id)
            submission = book.update_or_create_submission(self.assignment, outcome.id)
            for notebook in submission.notebooks:
                verdict = outcome.verdicts.get(notebook.name)
                for grade in notebook.grades if not outcome.notebooks else ():
                    grade.auto_score, grade.needs_manual_grade = 0, False
                for comment in notebook.comments:
                    if verdict is not None and comment.name == f"{verdict.exercise}-answer":
                        comment.auto_comment = _comment(verdict)
            book.db.commit()
        shown = {f"{name}.html": page for name, page in pages.items()}
        _lay(self.folder("feedback", outcome.id), shown | carried)

    def _start(self, converter: BaseConverter) -> None:
        """Run a step of nbgrader's, which tells what is wrong in its log alone."""
        converter.log = logging.Logger("nbgrader", logging.ERROR)
        told = io.StringIO()
        converter.log.addHandler(logging.StreamHandler(told))
        try:
            converter.start()
        except (NbGraderException, RuntimeError) as error:
            lines = [line for line in told.getvalue().splitlines() if line.strip()]
            raised = [line for line in lines if re.match(r"\w+(\.\w+)*(Error|Exception): ", line)]
            reason = (raised or lines or [str(error)])[-1]
            raise CourseError(f"nbgrader refuses {self.assignment}: {reason}") from None


def _lay(folder: Path, files: Mapping[str, str]) -> None:
    """Make a folder with these files and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _comment(verdict: Verdict) -> str | None:
    """What a grader and a student read beside an answer; a right one needs no word.

    nbgrader takes it for markdown, in which an error of a student's could have any markup.
    """
    return None if verdict.right else fenced(clean(repr(verdict)))
