"""The student's notebook of an exercise, which is also its page in the book.

What a cell is for stands in its metadata, in nbgrader's words (schema 3), never in comments:
statement, answer, check, mark, reading. Nothing of the solution or of the mistakes is in it.
What a page of the book has besides, its cell for Colab, is added by whoever knows the book.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from exercises.asking import BLANK
from exercises.exercise import Exercise, load
from exercises.reading import link
from exercises.verdict import Verdict

PAGES = Path(__file__).parent.parent / "chapters/exercises"
"""The pages of the book, where these exercises lie in a copy of it."""

COLAB = "colab"
"""The id of the cell that the book puts before a page's own: whoever changes that changes nothing
of the exercise."""

PYTHON = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class ChangedError(Exception):
    """Notebooks that would be overwritten were changed since they were made."""


def notebook(exercise: Exercise, *, solved: bool = False) -> NotebookNode:
    """The notebook of an exercise: the student's, or with the solution in the answer's place.

    The output of the check is stored as a run of the untouched notebook gives it.
    """
    name = exercise.id
    answer = exercise.answer() if solved else exercise.blank()
    verdict = Verdict(name, "blank", BLANK)
    shown = {"text/plain": repr(verdict), "text/html": verdict._repr_html_()}
    cells = [
        new_markdown_cell(f"# {exercise.title}\n\n{exercise.statement}"),
        new_code_cell(f"{exercise.imports}\n\n\n{answer}"),
        new_code_cell(f"from exercises import check\n\ncheck({name})", outputs=_result(shown)),
        new_code_cell(f"check({name}).points", outputs=_result({"text/plain": "0"})),
        new_markdown_cell(f"Where to read: {link(exercise.read)}."),
    ]
    if solved:
        for cell in cells[2:4]:
            cell.outputs = []
    # The mark is for the class grader; a reader has the check.
    cells[3].metadata.tags = ["remove-cell"]
    parts = ("statement", "answer", "check", "mark", "reading")
    for part, cell in zip(parts, cells, strict=True):
        cell.id = f"{name}-{part}"
        cell.metadata.nbgrader = _grading(cell, part, exercise.points)
    made = new_notebook(cells=cells, metadata=PYTHON)
    made.metadata.exercise = {"name": name, "made": _sources(made)}
    return made


def _result(data: dict[str, str]) -> list[NotebookNode]:
    return [new_output("execute_result", data)]


def _grading(cell: NotebookNode, part: str, points: int) -> dict[str, Any]:
    """nbgrader's metadata: the answer is the student's to change, the mark is worth points."""
    about = {
        "schema_version": 3,
        "grade_id": cell.id,
        "grade": part == "mark",
        "solution": part == "answer",
        "locked": part != "answer",
        "task": False,
    }
    return about | ({"points": points} if part == "mark" else {})


def _sources(made: dict[str, Any]) -> str:
    """A hash of what the cells say, which tells whether someone has changed the notebook."""
    said = "\0".join("".join(c["source"]) for c in made["cells"] if c.get("id") != COLAB)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def release(
    names: tuple[str, ...],
    folder: Path,
    *,
    force: bool = False,
    finish: Callable[[NotebookNode], NotebookNode] = lambda made: made,
) -> list[Path]:
    """Write the students' notebooks of exercises into a folder and tell where they are.

    `finish` makes of each notebook what is stored.

    Raises
    ------
    ChangedError
        A notebook of that name is there and has been changed. Nothing is written, unless `force`.
    """
    paths = [folder / f"{name}.ipynb" for name in names]
    changed = [path for path in paths if path.exists() and is_changed(path)]
    if changed and not force:
        raise ChangedError(", ".join(map(str, changed)))
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in zip(names, paths, strict=True):
        stored = nbformat.writes(finish(notebook(load(name))))
        path.write_text(f"{stored}\n", encoding="utf-8")
    return paths


def is_changed(path: Path) -> bool:
    """Whether someone has changed the notebook since it was made, or it was never made here."""
    try:
        there = json.loads(path.read_text("utf-8"))
        return bool(there["metadata"]["exercise"]["made"] != _sources(there))
    except (ValueError, KeyError, TypeError, AttributeError):
        return True
