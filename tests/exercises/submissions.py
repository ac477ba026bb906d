"""Submissions that the class grader must survive, and what must come of each of them.

A case is a function that hands something in; its docstring says why it is here. What it returns
is stored as the student's `sgdm_step.ipynb`, unless it has written the files on its own:

    @case(HONEST, "right", flag=NONE)
    def prints(at):
        \"""A printed -1 is no mark.\"""
        return paper(before=["print(-1)"])

What is due is a kind of verdict, or several with `|` between them. An answer gets its points if
and only if it is right.

Hostile answers are harmless where no sandbox holds them: bombs are small, signals are sent only
to what is in a cage, and files are written under one name that is easily found.
"""

import base64
import gzip
import io
import json
import os
import re
import socket
import struct
import tarfile
import textwrap
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

from exercises import load
from exercises.notebook import notebook
from tests.exercises.classes import mistaken

EXERCISES = ("sgdm_step", "sgd_step", "adam_step", "rare_move", "choose_momentum")
"""What the class was asked; most cases answer the first of them."""

HONEST, BROKEN, HOSTILE, SPYING, MARKUP, CLASS = (
    "honest but clumsy",
    "broken",
    "hostile",
    "spying",
    "markup",
    "class",
)

PROJECT = Path(__file__).parents[2]

NONE = r"(?!)"
"""The flag of a submission that must have none."""

NO_MARK = "wrong|mistake|form|error|stopped|lost|blank|missing"

ESCAPED = "not-caged"
"""What a hostile answer prints when it gets out; no source has it in one piece."""

WAS_HERE = "optlib-hostile-was-here"
"""The name of every file that a hostile answer tries to write outside."""


@dataclass(frozen=True)
class At:
    """Where a submission is handed in, and what lies around: the spies are told all of it.

    Attributes
    ----------
    folder : Path
        The student's own folder in the folder of submissions.
    around : Path
        What holds that folder, secrets beside it, and a home.
    port : int
        Where a server listens, which nobody may reach.
    """

    folder: Path
    around: Path
    port: int


Content = Mapping[str, Any] | list[Any] | str | bytes | None


@dataclass(frozen=True)
class Case:
    """One submission, and what must come of it.

    Attributes
    ----------
    family, name, why : str
        What kind of submission it is, what it is called in the tests, and why it is here.
    student : str
        What the report calls whoever handed it in.
    entry : str
        The name of the entry in the folder of submissions, if it is not the student's.
    due : dict of str to str
        The kinds of verdict that are allowed, of each exercise.
    flag : str or None
        A pattern which one of the flags or notes must have in it; NONE if there may be no flag.
    page : tuple of str
        Patterns that must be on the student's page.
    targets : tuple of str
        What it attacks, which must be there for whoever grades: a path, with `{around}`, `{home}`
        and `{project}` in it, or a module's name. An attack that finds nothing shows nothing.
    hand_in : callable
        Gives what is stored as the notebook, or writes files on its own and gives None.
    """

    family: str
    name: str
    why: str
    student: str
    entry: str
    due: dict[str, str]
    flag: str | None
    page: tuple[str, ...]
    targets: tuple[str, ...]
    hand_in: Callable[[At], Content]

    def missing(self, around: Path) -> list[str]:
        """The targets that are not there."""
        there = {"around": around, "home": around / "home", "project": PROJECT}
        return [
            target
            for target in self.targets
            if not (
                Path(target.format(**there)).exists() if "/" in target else module_exists(target)
            )
        ]

    def write(self, around: Path, port: int) -> None:
        """Put the submission into the folder `submissions` of `around`."""
        at = At(around / "submissions" / self.entry, around, port)
        content = self.hand_in(at)
        if content is not None:
            store(at.folder / "sgdm_step.ipynb", content)


def module_exists(name: str) -> bool:
    """Whether there is a module of this name to import."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # not even the package that it should be in
        return False


CASES: list[Case] = []


def case(
    family: str,
    due: str | dict[str, str],
    *,
    flag: str | None = None,
    student: str | None = None,
    entry: str | None = None,
    page: tuple[str, ...] = (),
) -> Callable[[Callable[[At], Content]], Callable[[At], Content]]:
    """Take a function as a case, whose name is the student's unless another one is given."""

    def take(hand_in: Callable[[At], Content]) -> Callable[[At], Content]:
        whose = hand_in.__name__ if student is None else student
        add(family, hand_in.__name__, hand_in.__doc__ or "", due, hand_in, flag, whose, entry, page)
        return hand_in

    return take


def add(
    family: str,
    name: str,
    why: str,
    due: str | dict[str, str],
    hand_in: Callable[[At], Content],
    flag: str | None = None,
    student: str | None = None,
    entry: str | None = None,
    page: tuple[str, ...] = (),
    targets: tuple[str, ...] = (),
) -> None:
    """Add a case to the list."""
    student = name if student is None else student
    due = {"sgdm_step": due} if isinstance(due, str) else due
    due = dict.fromkeys(EXERCISES, "missing") | due
    case = Case(family, name, why, student, entry or student, due, flag, page, targets, hand_in)
    CASES.append(case)


# What students hand in.

RIGHT = """\
def sgdm_step(theta, m, g, lr, momentum):
    m = momentum * m + lr * g
    return theta - m, m
"""

WRONG = """\
def sgdm_step(theta, m, g, lr, momentum):
    return theta, m
"""


def paper(
    answer: str | None = None,
    *,
    name: str = "sgdm_step",
    before: Iterable[str] = (),
    after: Iterable[str] = (),
    last: Iterable[str] = (),
) -> Any:
    """A notebook with an answer, the right one unless another is given, and extra cells: before
    the answer, after it, and last of all."""
    made = notebook(load(name), solved=answer is None)
    statement, given, check, mark, reading = made.cells
    if answer is not None:
        given.source = textwrap.dedent(answer).strip()
    extra = [[new_code_cell(textwrap.dedent(text)) for text in part] for part in (before, after)]
    ending = [new_code_cell(textwrap.dedent(text)) for text in last]
    made.cells = [statement, *extra[0], given, *extra[1], check, mark, reading, *ending]
    return made


def blank(name: str = "sgdm_step") -> Any:
    """The notebook as it was released."""
    return notebook(load(name))


def text_of(content: Mapping[str, Any] | list[Any]) -> str:
    return json.dumps(content)


def store(path: Path, content: Mapping[str, Any] | list[Any] | str | bytes) -> None:
    """Write a notebook, a text or bytes; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, str | bytes):
        content = text_of(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def zipped(files: Mapping[str, Any], **how: Any) -> bytes:
    """A zip file of notebooks, texts or bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, **how) as archive:
        for name, content in files.items():
            archive.writestr(
                name, content if isinstance(content, str | bytes) else text_of(content)
            )
    return made.getvalue()


def tarred(files: Mapping[str, Any], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A tar.gz file of notebooks, or of entries of another kind, such as links."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            inside = text_of(content).encode()
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            entry.size = len(inside) if kind == tarfile.REGTYPE else 0
            archive.addfile(entry, io.BytesIO(inside))
    return made.getvalue()


# The class: honest students, whose verdicts must be as ever.


@case(CLASS, dict.fromkeys(EXERCISES, "right"), flag=NONE)
def all_right(at: At) -> None:
    """Right on everything, a notebook each in one folder."""
    for name in EXERCISES:
        store(at.folder / f"{name}.ipynb", paper(name=name))


@case(CLASS, dict.fromkeys(EXERCISES, "right"), flag=NONE)
def all_right_nbgrader(at: At) -> None:
    """Right on everything, in the folders of nbgrader: STUDENT/ASSIGNMENT/NOTEBOOK."""
    for name in EXERCISES:
        store(at.folder / "optimizers" / f"{name}.ipynb", paper(name=name))


@case(CLASS, dict.fromkeys(EXERCISES, "blank"), flag=NONE)
def all_blank(at: At) -> None:
    """Handed in as it was released."""
    for name in EXERCISES:
        store(at.folder / f"{name}.ipynb", blank(name))


@case(CLASS, {"sgdm_step": "right", "sgd_step": "mistake", "adam_step": "blank"}, flag=NONE)
def some_of_it(at: At) -> None:
    """One right, one wrong, one blank, two not handed in."""
    wrong = "def sgd_step(theta, g, lr):\n    return theta + lr * g"
    store(at.folder / "sgdm_step.ipynb", paper())
    store(at.folder / "sgd_step.ipynb", paper(wrong, name="sgd_step"))
    store(at.folder / "adam_step.ipynb", blank("adam_step"))


@case(CLASS, {"sgdm_step": "stopped|error", "sgd_step": "right", "rare_move": "right"})
def one_dies(at: At) -> None:
    """One notebook kills itself; the marks of the others stay."""
    store(at.folder / "sgdm_step.ipynb", paper("import os\nos._exit(0)"))
    store(at.folder / "sgd_step.ipynb", paper(name="sgd_step"))
    store(at.folder / "rare_move.ipynb", paper(name="rare_move"))


def known_mistake(name: str) -> Callable[[At], Content]:
    """Hands in a known mistake as a student would write it."""
    exercise = load("sgdm_step")
    text = mistaken(exercise, next(m for m in exercise.mistakes if m.name == name))
    return lambda at: paper(text)


for known in load("sgdm_step").mistakes:
    why = f"A known mistake is named: {known.what}"
    add(CLASS, f"mistake_{known.name}", why, "mistake", known_mistake(known.name), NONE)


# Honest but clumsy: the mark is due.


@case(HONEST, "right", flag=NONE)
def prints(at: At) -> Content:
    """Printing costs nothing, not even a -1, which nbgrader once took for a mark."""
    talk = "import sys\nprint(-1)\nprint(0.0)\nprint('error', file=sys.stderr)"
    return paper(before=[talk], after=["-1"], last=[talk, "0"])


@case(HONEST, "right", flag=NONE)
def warns(at: At) -> Content:
    """Warnings and logging, at the import and in each call."""
    return paper("""
        import logging, sys, warnings
        warnings.warn("beware")
        def sgdm_step(theta, m, g, lr, momentum):
            warnings.warn("momentum!")
            logging.error("step")
            sys.stderr.write("-1")
            print(theta, m)
            m = momentum * m + lr * g
            return theta - m, m
    """)


@case(HONEST, "right", flag=NONE)
def fails_beside(at: At) -> Content:
    """Extra cells that fail, before and after the answer."""
    cells = ["1 / 0", "this is no Python", "raise KeyboardInterrupt", "undefined"]
    return paper(before=cells, after=cells, last=cells)


@case(HONEST, "right", flag=NONE)
def plots(at: At) -> Content:
    """Pictures with matplotlib, inline and not."""
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    return paper(before=["%matplotlib inline", plot], last=[plot, "%matplotlib notebook", plot])


@case(HONEST, "right", flag=NONE)
def helper_cell(at: At) -> Content:
    """A helper function in a cell of its own."""
    helper = "def remember(m, g, lr, momentum):\n    return momentum * m + lr * g"
    answer = """
        def sgdm_step(theta, m, g, lr, momentum):
            m = remember(m, g, lr, momentum)
            return theta - m, m
    """
    return paper(answer, before=[helper])


@case(HONEST, "right", flag=NONE)
def answer_in_extra_cell(at: At) -> Content:
    """The given cell is left blank, and the answer stands in the next one."""
    made = blank()
    made.cells.insert(2, new_code_cell(RIGHT))
    return made


@case(HONEST, "right", flag=NONE)
def answer_last(at: At) -> Content:
    """The answer stands below the cell with the mark, and the given cell is gone."""
    made = paper(last=[RIGHT])
    del made.cells[1]
    return made


@case(HONEST, "right", flag=NONE)
def tries_another_later(at: At) -> Content:
    """What is tried after the mark does not count, under the same name either."""
    return paper(last=[WRONG, "del sgdm_step"])


@case(HONEST, "right")
def cells_deleted(at: At) -> Content:
    """Check, mark, statement and reading are deleted."""
    made = paper()
    made.cells = made.cells[1:2]
    return made


@case(HONEST, "right")
def cells_doubled(at: At) -> Content:
    """Every cell is there twice, as copy and paste makes it, with its id."""
    made = paper()
    made.cells = [cell for cell in made.cells for _ in range(2)]
    return made


@case(HONEST, "right")
def answer_copied_then_written(at: At) -> Content:
    """The given cell was copied and the copy filled in: both have its id, and one is blank."""
    made = paper()
    made.cells.insert(1, blank().cells[1])
    return made


@case(HONEST, "right")
def locked_cells_edited(at: At) -> Content:
    """Statement, check and mark are edited."""
    made = paper()
    made.cells[0].source = "My notes"
    made.cells[2].source = "assert check(sgdm_step)"
    made.cells[3].source = "1 / 0"
    return made


@case(HONEST, "right", flag=NONE)
def metadata_stripped(at: At) -> Content:
    """Another editor has dropped metadata and ids."""
    made = paper()
    made.metadata = {}
    made.nbformat_minor = 2
    for cell in made.cells:
        cell.metadata = {}
        del cell["id"]
    return made


@case(HONEST, "right")
def nbformat_3(at: At) -> Content:
    """A notebook of 2013's format."""
    made = paper()
    cells = [
        {"cell_type": "code", "input": cell.source, "outputs": [], "language": "python"}
        if cell.cell_type == "code"
        else {"cell_type": cell.cell_type, "source": cell.source}
        for cell in made.cells
    ]
    sheets = [{"cells": cells, "metadata": {}}]
    return {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": sheets}


@case(HONEST, "right", flag=NONE)
def source_in_lists(at: At) -> Content:
    """Sources as lists of lines, as Jupyter stores them."""
    made = paper()
    for cell in made.cells:
        cell.source = cell.source.splitlines(keepends=True)
    return made


@case(HONEST, "right", flag=NONE)
def byte_order_mark(at: At) -> Content:
    """A byte order mark at the beginning, and CRLF in the sources."""
    return text_of(paper(RIGHT.replace("\n", "\r\n"))).encode("utf-8-sig")


@case(HONEST, "right", flag=NONE)
def huge_outputs(at: At) -> Content:
    """Five megabytes of stored output."""
    made = paper()
    flood = {"output_type": "stream", "name": "stdout", "text": "x" * 5_000_000}
    made.cells[2].outputs = [flood]
    return made


@case(HONEST, "right", flag=NONE)
def asserts(at: At) -> Content:
    """The student's own check, and an import of more than there is."""
    return paper(
        f"from exercises import check, progress\n{RIGHT}\nassert check(sgdm_step)",
        last=["from exercises import check, load, progress\nprogress()\nassert check(sgdm_step)"],
    )


@case(HONEST, "right", flag=NONE)
def magics(at: At) -> Content:
    """Magics, of lines and of cells, those that need a process too."""
    return paper(
        "%%time\n" + RIGHT,
        before=["%matplotlib inline", "%load_ext autoreload", "%pip install numpy", "!ls", "%who"],
        last=["%timeit -n 1 -r 1 sgdm_step(1.0, 1.0, 1.0, 0.1, 0.9)", "%%bash\nls", "%nosuch"],
    )


@case(HONEST, "right", flag=NONE)
def awaits(at: At) -> Content:
    """`await` in a cell of its own."""
    return paper(before=["import asyncio\nawait asyncio.sleep(0)"])


@case(HONEST, "right", flag=NONE)
def asks_and_exits(at: At) -> Content:
    """Cells that wait for the keyboard, call the debugger or leave."""
    cells = ["input('name? ')", "import sys\nsys.exit(1)", "exit()", "quit", "breakpoint()"]
    return paper(before=cells, last=cells)


@case(HONEST, "right")
def loops_before(at: At) -> Content:
    """A cell before the answer that never ends is stopped, and the rest runs."""
    return paper(before=["while True:\n    pass"])


@case(HONEST, "right")
def loops_after(at: At) -> Content:
    """A cell after the mark that never ends."""
    return paper(last=["import time\nwhile True:\n    time.sleep(1)"])


@case(HONEST, "right")
def dies_after(at: At) -> Content:
    """The notebook ends for good after the mark."""
    return paper(last=["import os\nos._exit(3)"])


@case(HONEST, "right")
def downloaded_twice(at: At) -> None:
    """`sgdm_step (1).ipynb` beside the blank that was released."""
    store(at.folder / "sgdm_step.ipynb", blank())
    store(at.folder / "sgdm_step (1).ipynb", paper())


@case(HONEST, "right")
def renamed(at: At) -> None:
    """The file has a name of its own, and is known by its cells."""
    store(at.folder / "my homework FINAL v2.ipynb", paper())


@case(HONEST, "right")
def renamed_and_stripped(at: At) -> None:
    """The file has a name of its own and no metadata: it is known by what it defines."""
    store(at.folder / "homework.ipynb", metadata_stripped(at) or "")


@case(HONEST, "right")
def python_file(at: At) -> None:
    """A script in place of a notebook, with a check at its end."""
    store(at.folder / "sgdm_step.py", f"{RIGHT}\nif __name__ == '__main__':\n    print(-1)\n")


@case(HONEST, "right", entry="python_file_alone.py")
def python_file_alone(at: At) -> None:
    """A script that lies in the folder of submissions by itself."""
    store(at.folder, RIGHT)


@case(HONEST, "right", entry="notebook_alone_sgdm_step.ipynb")
def notebook_alone(at: At) -> None:
    """A notebook that lies there by itself, with the exercise in its name."""
    store(at.folder, paper())


@case(HONEST, {"sgdm_step": "right", "sgd_step": "right"}, entry="zip_with_folders.zip")
def zip_with_folders(at: At) -> None:
    """A zip with a folder in it, and the litter that a Mac puts there."""
    files = {
        "homework/sgdm_step.ipynb": paper(),
        "homework/more/sgd_step.ipynb": paper(name="sgd_step"),
        "__MACOSX/homework/._sgdm_step.ipynb": b"\0\5\26\7Mac OS X",
        "homework/.DS_Store": b"\0\0\0\1Bud1",
        "homework/.ipynb_checkpoints/sgdm_step-checkpoint.ipynb": blank(),
    }
    store(at.folder, zipped(files))


@case(HONEST, "right", entry="tar_alone.tar.gz")
def tar_alone(at: At) -> None:
    """A tar.gz."""
    store(at.folder, tarred({"homework/sgdm_step.ipynb": paper()}))


@case(HONEST, "right")
def zip_in_folder(at: At) -> None:
    """A zip in the student's folder, as learning platforms make them."""
    store(at.folder / "homework.zip", zipped({"sgdm_step.ipynb": paper()}))


MOODLE = "Ada Lovelace_4711"


@case(HONEST, "right", student=MOODLE, entry=f"{MOODLE}_assignsubmission_file_")
def moodle(at: At) -> Content:
    """A folder as Moodle names it."""
    return paper()


@case(HONEST, "right", student="lovelaceada_4711", entry="lovelaceada_LATE_4711_8150_hw-1.ipynb")
def canvas(at: At) -> None:
    """A file as Canvas names it, late and handed in again."""
    store(at.folder, paper())


for whose, number in (("bob", 26), ("eve", 26)):
    add(
        *(HONEST, f"year_{whose}", "A year in the name is no number of Canvas's.", "right"),
        lambda at: store(at.folder, paper()),
        *(NONE, f"ws_2025_{number}_{whose}", f"ws_2025_{number}_{whose}.ipynb"),
    )


@case(HONEST, {"sgdm_step": "right", "sgd_step": "right"})
def deep_folders(at: At) -> None:
    """nbgrader's collected folders, with a time stamp each."""
    for name in ("sgdm_step", "sgd_step"):
        folder = at.folder / "optimizers+deep_folders+2026-01-01 10:00:00 UTC" / name
        store(folder / f"{name}.ipynb", paper(name=name))
        store(folder / "timestamp.txt", "2026-01-01 10:00:00.000000 UTC")


@case(HONEST, "right")
def litter(at: At) -> Content:
    """What editors and systems leave beside a notebook."""
    store(at.folder / ".DS_Store", b"\0\0\0\1Bud1")
    store(at.folder / "__MACOSX/._sgdm_step.ipynb", b"\0\5\26\7")
    store(at.folder / ".ipynb_checkpoints/sgdm_step-checkpoint.ipynb", blank())
    store(at.folder / "Thumbs.db", b"\xd0\xcf\x11\xe0")
    store(at.folder / "desktop.ini", "[.ShellClassInfo]")
    store(at.folder / "sgdm_step.ipynb~", "{")
    store(at.folder / "notes.md", "# Notes")
    store(at.folder / "timestamp.txt", "2026-01-01 10:00:00.000000 UTC")
    return paper()


@case(HONEST, "right", flag=NONE)
def odd_returns(at: At) -> Content:
    """Numbers as lists of two, Python's and NumPy's, and another order of arithmetic."""
    return paper("""
        import numpy as np
        def sgdm_step(theta, m, g, lr, momentum):
            new = np.add(lr * g, m * momentum)
            return [theta - new, new if np.ndim(new) else float(new)]
    """)


@case(HONEST, {"rare_move": "right"}, flag=NONE)
def another_shape(at: At) -> None:
    """A right expression that looks different, and displays itself."""
    answer = """
        import sympy as sp
        def rare_move(beta2, k):
            v = (1 - beta2) / (1 - beta2**k)
            return 1 / sp.sqrt(sp.simplify(v))
    """
    cell = "sp.init_printing()\nrare_move(*sp.symbols('b k', positive=True))"
    store(at.folder / "rare_move.ipynb", paper(answer, name="rare_move", after=[cell]))


@case(HONEST, {"choose_momentum": "right"}, flag=NONE)
def searches(at: At) -> None:
    """A pair that is searched for with SciPy."""
    answer = """
        import numpy as np
        from scipy.optimize import minimize
        def rate(p, h):
            lr, momentum = p
            roots = [np.roots([1, -(1 + momentum - lr * x), momentum]) for x in h]
            return np.abs(roots).max()
        def choose_momentum(curvatures, steps, bound):
            flat, steep = min(curvatures) ** 0.5, max(curvatures) ** 0.5
            start = (2 / (steep + flat)) ** 2, ((steep - flat) / (steep + flat)) ** 2
            found = minimize(rate, start, args=(curvatures,), method="Nelder-Mead")
            best = found.x if found.fun < rate(start, curvatures) - 0.01 else start
            return float(best[0]), float(best[1])
    """
    store(at.folder / "choose_momentum.ipynb", paper(answer, name="choose_momentum"))


@case(HONEST, "blank")
def answer_below_the_raise(at: At) -> Content:
    """The line that raises was left standing above the answer."""
    return paper(RIGHT.replace("    m =", '    raise NotImplementedError("your turn")\n    m =', 1))


@case(HONEST, "lost|error|blank")
def syntax_error(at: At) -> Content:
    """The answer is no Python."""
    return paper("def sgdm_step(theta, m, g, lr, momentum)\n    return theta - m, m")


@case(HONEST, "right")
def answer_as_markdown(at: At) -> Content:
    """The answer's cell was made a text by a slip of the finger; the text is there."""
    made = paper()
    made.cells[1] = new_markdown_cell(made.cells[1].source, metadata=made.cells[1].metadata)
    return made


# Names of students.

NAMES = {
    "accents": "Žofie Ångström-Ñandú",
    "accents_apart": "Z\u030cofie A\u030angstro\u0308m-N\u0303andu\u0301",
    "chinese": "王小明",
    "arabic": "محمد علي",
    "emoji": "🐍 student",
    "quotes": 'O\'Brien "Bob"; `id`',
    "shell": "$(touch optlib-hostile-was-here) && ls | cat",
    "comma": "Lovelace, Ada",
    "newline": "Ada\nLovelace,100,100",
    "tab": "\tAda\tLovelace",
    "spaces_around": "  Ada Lovelace ",
    "dash": "-rf",
    "option": "--out=elsewhere",
    "formula": '=HYPERLINK("evil.invalid","click")',
    "formula_at": "@SUM(1+1)",
    "formula_plus": "+1+cmd|' C'!A0",
    "formula_return": "\r=1+1",
    "long": "x" * 250,
    "long_unicode": "é" * 125,
    "percent": "100%s %d {0} {name} %2e%2e",
    "dots": "...",
    "id_space": "grace hopper",
    "id_underscore": "grace_hopper",
    "id_dot": "grace.hopper",
    "id_star": "grace*hopper",
    "id_capitals": "Grace_Hopper",
    "escape": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b31m\x08\x7f",
    "right_to_left": "\u202egnp.ecilA",
    "zero_width": "al\u200bl_right",
    "not_unicode": "caf\udce9",
    "markup": "<img src=x onerror=alert(1)><script>alert(1)<script>",
    "template": "{{ 7 * 7 }}${7*7}<%= 7 %>",
    "windows": "CON.aux. ",
    "index": "index.html",
    "report": "marks.csv",
}
"""Folders that students' names make. In a page and in a table they are shown, not obeyed."""

for what, name in NAMES.items():
    add("names", f"name_{what}", f"A student called {name!r}.", "right", lambda at: paper(),
        student=name)  # fmt: skip


# Broken: flagged, and never lost.


def broken(name: str, why: str, content: Content, flag: str = r"sgdm_step\.ipynb") -> None:
    """Add a case whose notebook cannot be read."""
    add(BROKEN, name, why, "missing", lambda at: content, flag)


broken("empty_file", "A file with nothing in it.", b"")
broken("truncated", "A download that broke off.", text_of(paper())[:-200])
broken("json_list", "JSON that is a list.", "[]")
broken("json_number", "JSON that is a number.", "1e999")
broken("json_nan", "JSON that is not a number.", "NaN")
broken("json_deep", "JSON that is nested too deep to be read.", "[" * 200_000)
broken("json_deep_objects", "The same with objects.", '{"cells":' * 100_000)
broken("json_huge_number", "A number of a million digits.", f'{{"cells": {"9" * 10**6}}}')
broken("not_utf8", "Bytes that are no UTF-8.", b'{"cells": "\xff\xfe\xfa"}')
broken("nul_bytes", "Zeros, as a full disk leaves them.", bytes(4096))
broken("html_page", "The page of a login in place of a download.", "<!doctype html><title>Login")
broken("pdf_as_notebook", "A PDF that is called a notebook.", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
broken("no_cells", "A notebook without cells.", {"metadata": {}, "nbformat": 4})
broken("cells_no_list", "Cells that are no list.", {"cells": {"a": 1}, "nbformat": 4})


@case(BROKEN, "lost", flag=r"sgdm_step\.ipynb")
def cells_of_numbers(at: At) -> Content:
    """Cells that are numbers: nothing is left but the name of the file."""
    return {"cells": [1, None, "x"], "nbformat": 4}


@case(BROKEN, NO_MARK, flag=".")
def cells_without_source(at: At) -> Content:
    """Cells that have no source, no type or odd ones; the answer is lost with them."""
    made = json.loads(text_of(paper()))
    for cell in made["cells"]:
        del cell["source"]
    made["cells"] += [{}, {"cell_type": 3, "source": 4}, {"cell_type": "code", "source": {"a": 1}}]
    return made


@case(BROKEN, NO_MARK)
def source_with_numbers(at: At) -> Content:
    """A source that is a list of numbers."""
    made = paper()
    made.cells[1].source = [1, 2, None, ["x"]]
    return made


@case(BROKEN, "right")
def odd_metadata(at: At) -> Content:
    """Metadata of the wrong types; the answer is there."""
    made = paper()
    made.metadata = {"kernelspec": 3, "exercise": ["sgdm_step"], "language_info": None}
    made.cells[0].metadata = {"nbgrader": [1], "tags": {"a": 1}}
    made.cells[2].metadata = {"nbgrader": {"grade_id": {"x": []}, "points": "many"}}
    made.cells[3].metadata.nbgrader.points = 10**9
    made.cells[3].outputs = "none"
    made.cells[4].id = ["not", "an", "id"]
    return made


@case(BROKEN, "missing", flag="folder_called_notebook")
def folder_called_notebook(at: At) -> None:
    """A folder that is called a notebook, with nothing in it."""
    (at.folder / "sgdm_step.ipynb").mkdir(parents=True)


@case(BROKEN, "missing", flag=".")
def empty_folder(at: At) -> None:
    """A folder with nothing in it."""
    at.folder.mkdir()


@case(BROKEN, "missing", flag=r"homework\.pdf")
def pdf(at: At) -> None:
    """A PDF, and nothing else."""
    store(at.folder / "homework.pdf", b"%PDF-1.7\n")


@case(BROKEN, "missing", flag=r"zip", entry="zip_unreadable.zip")
def zip_unreadable(at: At) -> None:
    """A zip that broke off."""
    store(at.folder, zipped({"sgdm_step.ipynb": paper()})[:-60])


@case(BROKEN, "missing", flag="zip", entry="zip_bad_sum.zip")
def zip_bad_sum(at: At) -> None:
    """A zip whose content does not fit its check sum."""
    made = bytearray(zipped({"sgdm_step.ipynb": paper()}))
    made[200] ^= 255
    store(at.folder, bytes(made))


@case(BROKEN, "missing", flag=r"zip_bomb\.zip", entry="zip_bomb.zip")
def zip_bomb(at: At) -> None:
    """A gigabyte of zeros, packed into one megabyte."""
    with (
        zipfile.ZipFile(at.folder, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("sgdm_step.ipynb", "w", force_zip64=True) as entry,
    ):
        for _ in range(1024):
            entry.write(bytes(2**20))


@case(BROKEN, "missing", flag=r"zip_liar\.zip", entry="zip_liar.zip")
def zip_liar(at: At) -> None:
    """A zip that says that its 100 megabytes of zeros are 10 bytes."""
    made = zipped({"sgdm_step.ipynb": bytes(100 * 2**20)})
    for mark, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        start = made.rindex(mark) + place
        made = made[:start] + (10).to_bytes(4, "little") + made[start + 4 :]
    store(at.folder, made)


@case(BROKEN, "missing", flag="zip|encrypt|password", entry="zip_encrypted.zip")
def zip_encrypted(at: At) -> None:
    """A zip with a password."""
    made = bytearray(zipped({"sgdm_step.ipynb": paper()}))
    for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        made[made.rindex(mark) + place] |= 1
    store(at.folder, bytes(made))


@case(BROKEN, {"sgdm_step": "right|missing"}, entry="zip_outside.zip")
def zip_outside(at: At) -> None:
    """A zip with paths that lead out of it; nothing is written there."""
    files = {
        f"../../{WAS_HERE}": b"",
        f"/tmp/{WAS_HERE}": b"",
        f"{at.around}/{WAS_HERE}": b"",
        f"..\\..\\{WAS_HERE}": b"",
        "C:\\sgd_step\\x": b"",
        "sgdm_step.ipynb": paper(),
    }
    store(at.folder, zipped(files))


@case(BROKEN, {"sgdm_step": "right|missing"}, flag=None, entry="zip_in_zip.zip")
def zip_in_zip(at: At) -> None:
    """A zip in a zip in a zip, and so on."""
    inner = zipped({"sgdm_step.ipynb": paper()})
    for _ in range(50):
        inner = zipped({"inner.zip": inner})
    store(at.folder, inner)


@case(BROKEN, "right|missing", entry="zip_same_name.zip")
def zip_same_name(at: At) -> None:
    """A zip with two files of the same name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("sgdm_step.ipynb", text_of(paper()))
        archive.writestr("sgdm_step.ipynx", text_of(paper()))
    store(at.folder, made.getvalue().replace(b"sgdm_step.ipynx", b"sgdm_step.ipynb"))


@case(BROKEN, "missing", flag="link", entry="zip_link.zip")
def zip_link(at: At) -> None:
    """A zip with a link in it."""
    entry = zipfile.ZipInfo("sgdm_step.ipynb")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(entry, str(at.around / "instructor/sgdm_step.ipynb"))
    store(at.folder, made.getvalue())


@case(BROKEN, "missing", flag=".", entry="tar_link.tar.gz")
def tar_link(at: At) -> None:
    """A tar with a link in it."""
    where = str(at.around / "instructor/sgdm_step.ipynb")
    store(at.folder, tarred({"sgdm_step.ipynb": {}}, tarfile.SYMTYPE, where))


@case(BROKEN, "missing", flag=".", entry="tar_device.tar.gz")
def tar_device(at: At) -> None:
    """A tar with a device in it."""
    store(at.folder, tarred({"sgdm_step.ipynb": {}}, tarfile.CHRTYPE))


@case(HONEST, {"sgdm_step": "right", "sgd_step": "right"})
def metadata_lost(at: At) -> None:
    """All metadata are gone from every cell, as some editors have it; another notebook is whole."""
    bare = paper()
    bare.metadata.pop("exercise")
    for cell in bare.cells:
        cell.metadata = {}
    store(at.folder / "sgdm_step.ipynb", bare)
    store(at.folder / "sgd_step.ipynb", paper(name="sgd_step"))


@case(HONEST, "right", entry="zip_in_capitals.ZIP")
def zip_in_capitals(at: At) -> None:
    """A zip whose suffix is in capitals."""
    store(at.folder, zipped({"sgdm_step.ipynb": paper()}))


@case(BROKEN, "missing", flag="nothing that can be graded", entry="zip_beside.zip")
def zip_beside(at: At) -> None:
    """A zip with everything but a notebook."""
    store(at.folder, zipped({"report.pdf": "On descent", "sgdm_step.ipynb.txt": "{}"}))


@case(BROKEN, "missing", flag="damaged", entry="tar_sparse.tar")
def tar_sparse(at: At) -> None:
    """A tar with the header of a file with holes, and no more: Python's reader stumbles over it."""
    header = bytearray(tarfile.TarInfo("sgdm_step.ipynb").tobuf(tarfile.GNU_FORMAT))
    header[156:157], header[482:483], header[148:156] = b"S", b"\1", b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    store(at.folder, bytes(header))


@case(BROKEN, "missing", flag="nothing that can be graded|damaged", entry="zip_nameless/a.zip")
def zip_nameless(at: At) -> None:
    """A zip with a file that has no name."""
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, *[0] * 9)
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *[0] * 14)
    size = len(entry)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, len(local), 0)
    store(at.folder, local + entry + end)


@case(BROKEN, "missing", flag="uncommon|damaged", entry="zip_bz2.zip")
def zip_bz2(at: At) -> None:
    """A zip that is small and unpacks at once to gigabytes, whatever is asked of it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("sgdm_step.ipynb", bytes(300 * 2**20))
    store(at.folder, made.getvalue())


@case(BROKEN, "missing", flag="larger|damaged|long", entry="tar_long_name.tar.gz")
def tar_long_name(at: At) -> None:
    """A tar whose only large part is a name."""
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 400 * 2**20
    made = io.BytesIO()
    with gzip.open(made, "wb", compresslevel=1) as packed:
        packed.write(name.tobuf(tarfile.GNU_FORMAT))
        for _ in range(400):
            packed.write(b"a" * 2**20)
    store(at.folder, made.getvalue())


@case(BROKEN, "missing", flag="long|damaged", entry="tar_dashes.tar.gz")
def tar_dashes(at: At) -> None:
    """A name of a hundred thousand dashes, at which a search for its end could take an hour."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("-" * 100_000 + ".ipynb"))
    store(at.folder, made.getvalue())


@case(BROKEN, "missing", flag="files|larger", entry="tar_folders.tar.gz")
def tar_folders(at: At) -> None:
    """A tar of many folders and nothing else."""
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    store(at.folder, gzip.compress(folder.tobuf() * 100_000, 1))


@case(BROKEN, "lost|blank|stopped")
def many_lines(at: At) -> Content:
    """A cell of nothing but ends of lines, half a million."""
    return paper("\n" * 500_000)


@case(BROKEN, "lost", flag="too many|KiB")
def many_sources(at: At) -> None:
    """Many notebooks, each as large as may be."""
    for number in range(60):
        path = at.folder / f"sgdm_step ({number}).py"
        store(path, "# " + "\N{PARTY POPPER}" * 250_000)


@case(CLASS, {"sgdm_step": "right", "choose_momentum": "wrong|mistake"})
def outside_of_the_choice(at: At) -> None:
    """A wrong choice that no rule can run costs its own exercise alone."""
    choice = (
        "def choose_momentum(curvatures, steps, bound):\n    return 0.1, 1 - 2 * min(curvatures)"
    )
    store(at.folder / "sgdm_step.ipynb", paper())
    store(at.folder / "choose_momentum.ipynb", paper(choice, name="choose_momentum"))


@case(BROKEN, "right", flag="too; .* counts")
def two_answers(at: At) -> None:
    """Two notebooks with different answers: one counts, and the instructor is told."""
    store(at.folder / "sgdm_step.ipynb", paper())
    store(at.folder / "sgdm_step (2).ipynb", paper(WRONG))


@case(BROKEN, "right|missing", flag=r"files|200")
def many_files(at: At) -> Content:
    """Ten thousand files beside the notebook."""
    at.folder.mkdir()
    for number in range(10_000):
        (at.folder / f"{number}.txt").touch()
    return paper()


@case(BROKEN, "right|missing")
def deep_tree(at: At) -> Content:
    """Folders in folders, 400 deep."""
    (at.folder / "/".join("d" * 400)).mkdir(parents=True)
    return paper()


@case(BROKEN, "missing", flag=r"sgdm_step\.ipynb")
def huge_file(at: At) -> None:
    """A notebook of 64 GB, all of it a hole."""
    store(at.folder / "sgdm_step.ipynb", text_of(paper()))
    os.truncate(at.folder / "sgdm_step.ipynb", 2**36)


@case(BROKEN, NO_MARK, flag="cells|500")
def many_cells(at: At) -> Content:
    """Twenty thousand cells."""
    return paper(before=["0"] * 20_000)


@case(BROKEN, NO_MARK, flag="source|KiB|512|long|large")
def much_source(at: At) -> Content:
    """Ten megabytes of source."""
    return paper(f"x = {'1' * 10_000_000!r}\n{RIGHT}")


@case(BROKEN, "missing", flag=r"sgdm_step\.ipynb")
def pipe(at: At) -> None:
    """A pipe in place of a notebook: who opens it waits for ever."""
    at.folder.mkdir()
    os.mkfifo(at.folder / "sgdm_step.ipynb")


@case(BROKEN, "missing", flag=".", entry="pipe_alone.ipynb")
def pipe_alone(at: At) -> None:
    """A pipe that lies in the folder of submissions by itself."""
    os.mkfifo(at.folder)


@case(BROKEN, "missing", flag=r"sgdm_step\.ipynb")
def unix_socket(at: At) -> None:
    """A socket in place of a notebook."""
    at.folder.mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(at.folder / "sgdm_step.ipynb"))


@case(BROKEN, "missing", flag=r"sgdm_step\.ipynb")
def no_permission(at: At) -> None:
    """A notebook that nobody but root may read: it holds nothing."""
    store(at.folder / "sgdm_step.ipynb", "")
    (at.folder / "sgdm_step.ipynb").chmod(0)


def linked(
    name: str, why: str, target: str, place: str = "sgdm_step.ipynb", targets: tuple[str, ...] = ()
) -> None:
    """Add a case with a symbolic link in place of a notebook or of the whole folder."""

    def hand_in(at: At) -> None:
        path = at.folder / place
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target.format(around=at.around))

    add(BROKEN, name, why, "missing", hand_in, "link", targets=targets)


SOLUTION = "{around}/instructor/sgdm_step.ipynb"
NEIGHBOURS = "{around}/submissions/all_right/sgdm_step.ipynb"

linked("link_solution", "A link to the solution.", SOLUTION, targets=(SOLUTION,))
linked(
    "link_neighbour",
    "A link to another's notebook.",
    "../all_right/sgdm_step.ipynb",
    targets=(NEIGHBOURS,),
)
linked("link_passwd", "A link to a file of the system.", "/etc/passwd", targets=("/etc/passwd",))
linked("link_zero", "A link to a file without end.", "/dev/zero")
linked("link_stdin", "A link to the keyboard.", "/dev/stdin")
linked("link_loop", "A link to itself.", "sgdm_step.ipynb")
linked("link_broken", "A link to nothing.", "nothing.ipynb")
linked("link_up", "A link to the folder that it is in.", "..", "folder")
linked("link_disk", "A link to the whole disk.", "/", "disk")
linked(
    "link_folder",
    "The student's folder is a link to the solutions.",
    "{around}/instructor",
    "",
    targets=(SOLUTION,),
)


@case(BROKEN, "missing", flag=".")
def hard_link(at: At) -> None:
    """A second name of the solution's file."""
    at.folder.mkdir()
    (at.folder / "sgdm_step.ipynb").hardlink_to(at.around / "instructor/sgdm_step.ipynb")


@case(BROKEN, "missing", flag=".")
def file_name_markup(at: At) -> None:
    """A file that cannot be read, with markup and a formula in its name."""
    store(at.folder / "=1+1,<script>alert(1)<script>\x1b[31m.ipynb", "{")


@case(BROKEN, "missing", flag=".")
def file_name_not_unicode(at: At) -> None:
    """A file whose name is no UTF-8."""
    store(at.folder / "sgdm_step\udcff.ipynb", "{")


@case(BROKEN, NO_MARK, flag=r"sgdm_step\.ipynb")
def other_language(at: At) -> Content:
    """A notebook in Julia."""
    cell = new_code_cell("f(x) = 2x")
    about = {"kernelspec": {"display_name": "Julia", "language": "julia", "name": "julia-1.10"}}
    return {"cells": [cell], "metadata": about, "nbformat": 4, "nbformat_minor": 5}


@case(BROKEN, "missing", flag=r"nosuch|exercise")
def other_exercise(at: At) -> None:
    """An exercise that was not asked, and one that there is not."""
    store(at.folder / "nag_step.ipynb", blank("nag_step"))
    made = metadata_stripped(at)
    made["cells"] = [new_code_cell("def nosuch(x):\n    return x")]
    store(at.folder / "nosuch.ipynb", made)


# Hostile: no mark, and no harm.

SURROUNDINGS = """\
import os, pathlib, socket, sys, time
around, home, project, port = {around!r}, {home!r}, {project!r}, {port}
escaped, here = "-".join(["not", "caged"]), "-".join(["optlib", "hostile", "was", "here"])
loot = []

def tell(what):
    loot.append(what)
    print(what)

def attempt(what, *given, **named):
    try:
        return what(*given, **named)
    except (Exception, SystemExit) as error:
        return None
"""


def attack(
    name: str, why: str, code: str, due: str = "wrong", flag: str | None = None, **where: Any
) -> None:
    """Add a case whose answer does `code`; a wrong answer follows, if it has none of its own."""
    code = textwrap.dedent(code).strip()
    own = re.search(r"^(async )?def sgdm_step|^sgdm_step =", code, re.MULTILINE)
    answer = code if own else f"{code}\n\n{WRONG}"

    def hand_in(at: At) -> Content:
        around, project = str(at.around), str(PROJECT)
        known = {"around": around, "home": f"{around}/home", "project": project, "port": at.port}
        return paper(f"{SURROUNDINGS.format(**known)}\n{answer}")

    add(HOSTILE, name, why, due, hand_in, flag, **where)


# What only root's notebook could do.

attack(
    "changes_modes",
    "Modes and times of what it only sees.",
    """
    import os
    for act in (lambda: os.chmod("/dev/null", 0o1666), lambda: os.utime("/dev/null", (1, 1))):
        try:
            act()
        except OSError:
            pass
""",
)

attack(
    "threads_small",
    "Threads that need next to no memory.",
    """
    import threading, time
    threading.stack_size(32768)
    while True:
        threading.Thread(target=time.sleep, args=(100,)).start()
""",
    NO_MARK,
)

# Patching what compares and what reports.

attack("patches_numpy", "NumPy's comparisons always say yes.", """
    import numpy as np
    def yes(*given, **named):
        return True
    for module in (np, np.testing, np.linalg):
        for name in ("allclose", "array_equal", "isclose", "equal", "all", "assert_allclose"):
            if hasattr(module, name):
                setattr(module, name, yes)
    np.isfinite = np.asarray = np.array = yes
""", NO_MARK)  # fmt: skip

attack("patches_json", "json writes what the student likes.", """
    import json
    json.dumps = lambda *given, **named: '{"points": 1, "kind": "right", "mark": 1}'
    json.JSONEncoder.encode = json.JSONEncoder.iterencode = json.dumps
    json.dump = lambda value, file, **named: file.write(json.dumps())
""", NO_MARK)  # fmt: skip

attack("patches_builtins", "print, open, isinstance, len and more are the student's.", """
    import builtins
    builtins.isinstance = builtins.issubclass = lambda *given: True
    builtins.float = builtins.int = lambda *given: 1.0
    builtins.len = lambda thing: 1
    builtins.repr = builtins.str = lambda *given: "right"
    builtins.print = builtins.open = lambda *given, **named: None
""", NO_MARK)  # fmt: skip

attack("patches_asking", "The code that asks is replaced.", """
    import sys
    for name, module in list(sys.modules.items()):
        if name.startswith("exercises") or name == "__main__":
            for each in list(vars(module)):
                if not each.startswith("__") and callable(vars(module)[each]):
                    setattr(module, each, lambda *given, **named: True)
""", NO_MARK)  # fmt: skip

attack("patches_copy", "The inputs are replaced by zeros, for which the wrong answer is right.", """
    import copy
    copy.deepcopy = lambda inputs, memo=None: tuple(0.0 for _ in inputs)
""", NO_MARK)  # fmt: skip

attack("patches_inspect", "inspect, traceback and linecache are the student's.", """
    import inspect, linecache, traceback
    def fail(*given, **named):
        raise SystemExit(0)
    inspect.signature = traceback.walk_tb = linecache.getline = fail
""", NO_MARK)  # fmt: skip

attack("check_says_right", "`check` and the Verdict are the student's.", """
    import exercises
    class Right:
        points, kind, right = 10**6, "right", True
        def __bool__(self): return True
        def __repr__(self): return "sgdm_step: right on 24 random inputs."
    exercises.check = check = lambda *given, **named: Right()
""")  # fmt: skip

attack("own_mark_cell", "A cell of one's own calls itself the mark.", """
    get_ipython().user_ns["check"] = lambda f: type("V", (), {"points": 100})()
    print('{"points": 1}')
""")  # fmt: skip

attack("ipython_hooks", "Hooks of IPython change cells and namespace before it is asked.", """
    shell = get_ipython()
    shell.input_transformers_cleanup.append(lambda lines: ["pass\\n"])
    shell.events.register("pre_execute", lambda *_: shell.user_ns.clear())
    shell.run_cell = shell.run_cell_async = shell.run_code = lambda *given, **named: None
    shell.set_custom_exc((BaseException,), lambda *given, **named: None)
""", NO_MARK)  # fmt: skip


# Objects that lie.

LIARS = {
    "equal_to_all": ("An object that equals everything.", """
        class Yes:
            __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = lambda *_: True
            __hash__ = object.__hash__
            __float__ = lambda self: 0.0
            __array__ = lambda self, *given, **named: __import__("numpy").zeros(())
            __getattr__ = lambda self, name: Yes()
        def sgdm_step(theta, m, g, lr, momentum):
            return Yes(), Yes()
    """, "form"),
    "array_subclass": ("An array whose methods lie.", """
        import numpy as np
        class Liar(np.ndarray):
            __eq__ = lambda self, other: np.True_
            __array_ufunc__ = lambda self, *given, **named: np.True_
            __array_function__ = lambda self, *given, **named: np.True_
            __array__ = lambda self, *given, **named: 1 / 0
            __reduce__ = __reduce_ex__ = lambda self, *given: (print, ("pickled",))
            tolist = lambda self: 1 / 0
            shape = dtype = size = ndim = property(lambda self: 1 / 0)
        def sgdm_step(theta, m, g, lr, momentum):
            return np.asarray(theta).view(Liar), np.asarray(m).view(Liar)
    """, "wrong|form|error"),
    "float_subclass": ("A float whose methods lie.", """
        class Liar(float):
            __eq__ = lambda self, other: True
            __sub__ = __rsub__ = __abs__ = lambda self, *_: 0.0
            __repr__ = __float__ = lambda self: "right"
            __class__ = float
        def sgdm_step(theta, m, g, lr, momentum):
            return Liar(0), Liar(0)
    """, "form"),
    "tuple_subclass": ("A tuple that is new each time one looks.", """
        class Liar(tuple):
            __len__ = lambda self: 2
            __iter__ = lambda self: iter([0.0] * 10**9)
            __getitem__ = lambda self, index: self
            __class__ = property(lambda self: 1 / 0)
        def sgdm_step(theta, m, g, lr, momentum):
            return Liar((theta, m))
    """, "wrong|form|error"),
    "metaclass": ("A class whose name, module and instance checks lie.", """
        class Meta(type):
            __instancecheck__ = __subclasscheck__ = lambda *_: True
            __name__ = property(lambda self: "<script>alert(1)</script>" * 10**5)
            __eq__ = lambda *_: True
            __hash__ = lambda self: 1
        class Liar(metaclass=Meta):
            pass
        def sgdm_step(theta, m, g, lr, momentum):
            return Liar(), Liar()
    """, NO_MARK),
    "function_object": ("A callable that answers every question about itself with itself.", """
        class Liar:
            def __call__(self, *given): return given[0], given[1]
            def __getattr__(self, name): return self
            __signature__ = property(lambda self: self)
        sgdm_step = Liar()
    """, "wrong|form|error|lost"),
    "nan": ("Numbers that compare with nothing.", """
        import numpy as np
        def sgdm_step(theta, m, g, lr, momentum):
            return theta * np.nan, m * np.inf
    """, "wrong"),
    "huge_array": ("An array of 10^15 numbers, all of them one.", """
        import numpy as np
        def sgdm_step(theta, m, g, lr, momentum):
            return np.broadcast_to(1.0, 10**15), m
    """, "form"),
    "dimensions": ("Arrays of no size and of 64 dimensions.", """
        import numpy as np
        def sgdm_step(theta, m, g, lr, momentum):
            return np.zeros((1,) * 64), np.zeros((0, 10**6))
    """, "form"),
    "huge_integer": ("An integer of a hundred thousand digits.", """
        def sgdm_step(theta, m, g, lr, momentum):
            return 10**100_000, m
    """, "form"),
    "generator": ("A generator that never ends.", """
        def sgdm_step(theta, m, g, lr, momentum):
            while True:
                yield theta
    """, "form"),
    "text": ("A text, a hundred megabytes long.", """
        def sgdm_step(theta, m, g, lr, momentum):
            return "theta" * 2 * 10**7
    """, "form|stopped"),
    "coroutine": ("A coroutine.", """
        async def sgdm_step(theta, m, g, lr, momentum):
            return theta, m
    """, "form"),
    "random": ("Right by chance, half of the time.", """
        import random
        def sgdm_step(theta, m, g, lr, momentum):
            m = momentum * m + lr * g * (random.random() < 0.5)
            return theta - m, m
    """, "wrong"),
    "stateful": ("The second answer to the same question is another.", """
        seen = []
        def sgdm_step(theta, m, g, lr, momentum):
            seen.append(0)
            m = momentum * m + lr * g
            return theta - m * (len(seen) < 25), m
    """, "wrong"),
    "time_bomb": ("Right until the day after the deadline.", """
        import time
        def sgdm_step(theta, m, g, lr, momentum):
            m = momentum * m + lr * g * (time.time() < 1.7e9)
            return theta - m, m
    """, "mistake|wrong"),
    "not_callable": ("Not a function at all.", """
        sgdm_step = "theta - m, m"
    """, "lost|form"),
    "huge_error": ("An error with a hundred megabytes of text, or none that can be printed.", """
        class Big(Exception):
            def __str__(self): return "<b>" * 3 * 10**7
            __repr__ = __str__
        def sgdm_step(theta, m, g, lr, momentum):
            raise Big
    """, "error|stopped"),
    "error_unprintable": ("An error that fails while it is printed.", """
        class Sly(Exception):
            def __str__(self): raise self
            __repr__ = __str__
            __traceback__ = property(lambda self: 1 / 0)
            __cause__ = property(lambda self: self)
        def sgdm_step(theta, m, g, lr, momentum):
            raise Sly
    """, "error|stopped"),
    "base_exception": ("An error that no `except Exception` catches.", """
        class Out(BaseException):
            pass
        def sgdm_step(theta, m, g, lr, momentum):
            raise Out
    """, "error|stopped"),
}  # fmt: skip

for what, (why, code, due) in LIARS.items():
    attack(f"lies_{what}", why, code, due)


# Asking others for the answer.

attack("searches_disk", "Looks for solutions and gradebooks on the whole disk.", """
    for folder, folders, files in os.walk("/"):
        if folder == "/proc" or folder.startswith(("/sys", "/usr/share")):
            folders.clear()
        for name in files:
            path = f"{folder}/{name}"
            if name in ("gradebook.db", "marks.csv", "report.json", "secret.txt", "sgdm_step.py"):
                tell(f"{escaped} {path}: {attempt(lambda: open(path).read())}")
""", "wrong|stopped", targets=(
    # Gradebook, marks and report are written by the command itself.
    "{around}/secret.txt", "{project}/exercises/bank/momentum/sgdm_step.py",
))  # fmt: skip

for what, (target, line) in {
    "optlib": ("optlib", "from optlib import sgdm as other"),
    "exercise": (
        "exercises.bank.momentum.sgdm_step",
        "from exercises.bank.momentum.sgdm_step import sgdm_step as solution",
    ),
    "load": ("exercises", "from exercises import load; solution = load('sgdm_step').solve"),
    "judge": (
        "exercises.checker",
        "from exercises.checker import judge; from exercises.exercise import catalogue",
    ),
    "torch": ("torch.optim", "from torch.optim import SGD"),
    "optax": ("optax", "import optax; optax.sgd"),
    "sklearn": (
        "sklearn.neural_network._stochastic_optimizers",
        "from sklearn.neural_network._stochastic_optimizers import SGDOptimizer",
    ),
    "tests": (
        "tests.exercises.submissions",
        "sys.path.insert(0, project); from tests.exercises.submissions import RIGHT",
    ),
}.items():
    attack(f"imports_{what}", "Lets another library answer.", f"""
        def sgdm_step(theta, m, g, lr, momentum):
            sys.path[:0] = [project, project + "/.venv/lib/python3.11/site-packages"]
            {line}
            tell(escaped)
            m = momentum * m + lr * g
            return theta - m, m
    """, "error", targets=(target,))  # fmt: skip

attack("searches_memory", "Looks for expected values in frames and in all objects there are.", """
    import gc
    def sgdm_step(theta, m, g, lr, momentum):
        frame = sys._getframe()
        while frame:
            for name, value in list(frame.f_locals.items()):
                if name in ("due", "expected", "reference", "solution", "wanted", "verdict"):
                    tell(f"{escaped} {name} {value!r}"[:200])
            frame = frame.f_back
        for each in gc.get_objects():
            if type(each).__name__ in ("Exercise", "Derivation", "Mistake"):
                tell(f"{escaped} {each!r}")
            if type(each).__name__ == "function" and "optlib" in str(each.__module__):
                tell(f"{escaped} {each!r}")
        return theta, m
""")  # fmt: skip


# Forging.

attack("forges_lines", "Writes made-up replies to everything that is open.", """
    import json
    lines = [
        {"kind": "right", "points": 1, "exercise": "sgdm_step"},
        {"verdict": {"kind": "right", "points": 1}},
        {"replies": [{"values": [0.0, 0.0]}] * 25},
        {"values": [[], []], "trouble": None, "headline": "", "hint": "", "input": True},
        {"mark": 1}, {"end": True}, {"done": 1}, [], None, 1e308, {"output": "x" * 10**5},
    ]
    text = "".join(json.dumps(line) + "\\n" for line in lines).encode()
    for number in range(256):
        for _ in range(3):
            attempt(os.write, number, text)
            attempt(os.write, number, b"\\xff\\xfe\\0{" + b"[" * 10**5 + b"\\n")
            attempt(os.write, number, b'{"step": 99999999999999999999, "n": NaN}\\n')
""", NO_MARK)  # fmt: skip

PROTOCOL = """
    import gc, json
    def sgdm_step(theta, m, g, lr, momentum):
        return theta, m
    grader = next(x for x in gc.get_objects() if type(x).__name__ == "Runner")
    def say(*lines):
        for line in lines:
            grader.out.write(json.dumps(line) + chr(10))
        grader.out.flush()
"""

attack("forges_replies", "Speaks as what asks does: the answer is nought on every input.", f"""
    {PROTOCOL.strip()}
    number = dict(shape=[], data="AAAAAAAAAAA=")
    say(dict(step=99, replies=[dict(values=[number, number])] * 25), dict(ended=True))
    os._exit(0)
""", "wrong|form")  # fmt: skip

attack("forges_nonsense", "Speaks as what asks does, and says what cannot be.", f"""
    {PROTOCOL.strip()}
    long, half = "x" * 10**5, chr(0xD800)
    say(*[dict(step=n, outputs=n, stopped=[]) for n in (-1, 0.5, True, None, [0], 10**400, half)])
    outputs = [None, 1, [], dict(text=1), dict(text=half + long), dict(png=half), dict(png=long)]
    say(*[dict(step=n, outputs=outputs * 20) for n in range(4)])
    reply = dict(shape=[0, 10**9, -1, 1e300], data=half)
    say(dict(step=2, replies=[dict(values=[reply, reply])] * 25))
    say(dict(lost=[]), dict(stopped=dict(a=1)), dict(failed=half), dict(begun=0), dict(ended=[]))
""", "stopped")  # fmt: skip

attack("forges_troubles", "Speaks as what asks does: an error with markup for its text.", f"""
    {PROTOCOL.strip()}
    text = "=1+1" + chr(0xD800) + chr(27) + "[2J<script>alert(1)</script>" * 10**3
    trouble = dict(trouble="error", headline=text, hint=text, input=True)
    say(dict(step=2, replies=[trouble] * 25))
""", "error")  # fmt: skip

attack("trickles", "Sends a byte now and then, for ever.", """
    import threading
    def trickle():
        while True:
            for number in range(3, 64):
                attempt(os.write, number, b" ")
    attempt(lambda: threading.Thread(target=trickle).start())
    while True:
        attempt(time.sleep, 1)
""", NO_MARK)  # fmt: skip

attack("forges_while_asked", "Writes made-up replies while it is being asked.", """
    def sgdm_step(theta, m, g, lr, momentum):
        for number in range(1, 64):
            attempt(os.write, number, b'{"kind": "right", "points": 1}\\n')
        return theta, m
""", NO_MARK)  # fmt: skip

attack("forges_later", "Threads, atexit and __del__ go on writing after the answer.", """
    import atexit, threading
    def forge():
        for number in range(64):
            attempt(os.write, number, b'{"kind": "right", "points": 1}\\n')
    class Late:
        def __del__(self):
            forge()
    late = Late()
    atexit.register(forge)
    sys.excepthook = threading.excepthook = lambda *_: forge()
    def go_on():
        while True:
            forge()
            time.sleep(0.01)
    attempt(lambda: threading.Thread(target=go_on, daemon=True).start())
""", NO_MARK)  # fmt: skip

attack("closes_all", "Closes everything that is open.", """
    os.closerange(0, 4096)
""", NO_MARK)  # fmt: skip

attack("duplicates_descriptors", "Puts other files in the place of what is open.", """
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(64):
        if number != null:
            attempt(os.dup2, null, number)
""", NO_MARK)  # fmt: skip

attack("replaces_stdout", "sys.stdout and sys.stderr are objects that fail.", """
    class Sly:
        def __getattr__(self, name):
            raise SystemExit(0)
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = sys.displayhook = Sly()
""", NO_MARK)  # fmt: skip

attack("reads_questions", "Swallows what is asked before it is asked.", """
    for number in range(64):
        attempt(os.set_blocking, number, False)
        if text := attempt(os.read, number, 10**6):
            tell(f"read {len(text)} bytes from {number}")
""", NO_MARK)  # fmt: skip


# Dying and staying.

DEATHS = {
    "exit": ("Ends at once, and says that all is well.", "os._exit(0)"),
    "kill_self": ("Kills itself.", "import signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    "segfault": ("Reads where nothing is.", "import ctypes\nctypes.string_at(8)"),
    "abort": ("Aborts.", "os.abort()"),
    "kill_all": ("Kills everything that it may.", """
        import signal
        if os.getpid() > 1000:
            tell(escaped)
        else:
            for number in (1, os.getppid(), 0, -1):
                attempt(os.kill, number, signal.SIGKILL)
    """),
    "exec": ("Becomes a shell.", """
        os.execv("/bin/sh", ["sh", "-c", "echo not'-'caged; sleep 100"])
    """),
    "recursion": ("Calls itself until the stack is full.", """
        sys.setrecursionlimit(10**9)
        def sgdm_step(*given):
            return sgdm_step(*given)
    """),
    "recursion_c": ("The same in C.", """
        sys.setrecursionlimit(10**9)
        deep = []
        for _ in range(10**7):
            deep = [deep]
        repr(deep)
    """),
}  # fmt: skip

for what, (why, code) in DEATHS.items():
    attack(f"dies_{what}", why, code, NO_MARK)

attack("dies_in_call", "Ends while it is being asked.", """
    def sgdm_step(theta, m, g, lr, momentum):
        os._exit(0)
""", "stopped", ".")  # fmt: skip

attack("dies_in_last_call", "Ends at the last question, after 24 right answers.", """
    seen = []
    def sgdm_step(theta, m, g, lr, momentum):
        seen.append(0)
        if len(seen) == 25:
            os._exit(0)
        m = momentum * m + lr * g
        return theta - m, m
""", "stopped", ".")  # fmt: skip

attack("loops", "Never ends when it is asked.", """
    def sgdm_step(theta, m, g, lr, momentum):
        while True:
            pass
""", "stopped")  # fmt: skip

attack("loops_holding_on", "Never ends, and swallows everything that would end it.", """
    def sgdm_step(theta, m, g, lr, momentum):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
""", "stopped", ".")  # fmt: skip

attack("ignores_signals", "Ignores all signals, stops the clocks and sleeps.", """
    import signal
    for number in range(1, 65):
        attempt(signal.signal, number, signal.SIG_IGN)
    attempt(signal.pthread_sigmask, signal.SIG_BLOCK, range(1, 65))
    attempt(signal.setitimer, signal.ITIMER_REAL, 0)
    attempt(signal.alarm, 0)
    signal.signal = signal.setitimer = lambda *given: None
    def sgdm_step(theta, m, g, lr, momentum):
        time.sleep(1000)
""", "stopped", ".")  # fmt: skip

attack("sleeps", "Sleeps for ever.", """
    time.sleep(10**6)
""", NO_MARK)  # fmt: skip

attack("stops_itself", "Stops itself, and waits to be woken.", """
    import signal
    os.kill(os.getpid(), signal.SIGSTOP)
""", NO_MARK)  # fmt: skip

attack("never_ends_in_c", "Works in C for ever, where no signal is looked at.", """
    import re
    re.match("(a+)+$", "a" * 60 + "b")
""", NO_MARK)  # fmt: skip

attack("stays_at_exit", "Does not end when it is told to.", """
    import atexit, threading
    atexit.register(time.sleep, 1000)
    attempt(lambda: threading.Thread(target=time.sleep, args=(1000,)).start())
""", NO_MARK)  # fmt: skip


# Bombs.

attack("forks", "Two hundred children, which outlive it.", """
    children = 0
    for _ in range(200):
        child = attempt(os.fork)
        if child == 0:
            attempt(os.setsid)
            time.sleep(60)
            os._exit(0)
        children += child is not None
    if children:
        tell(f"{escaped} {children}")
""", NO_MARK)  # fmt: skip

attack("spawns", "Shells and programs, in every way there is.", """
    import subprocess, ctypes
    libc = ctypes.CDLL(None)
    text = "echo not'-'caged"
    for way in (
        lambda: subprocess.check_output(text, shell=True),
        lambda: subprocess.check_output([sys.executable, "-c", "print('not' + '-caged')"]),
        lambda: os.popen(text).read(),
        lambda: os.system(text),
        lambda: os.posix_spawn("/bin/sh", ["sh", "-c", text], {}),
        lambda: os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", text]),
        lambda: get_ipython().getoutput(text),
        lambda: get_ipython().system(text),
        lambda: libc.system(text.encode()),
        lambda: os.forkpty(),
        lambda: libc.syscall(57),
    ):
        tell(attempt(way))
""", NO_MARK)  # fmt: skip

attack("daemon", "Forks twice to be nobody's child.", """
    if attempt(os.fork) == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(3, 256):
                attempt(os.close, number)
            time.sleep(100)
        os._exit(0)
""", NO_MARK)  # fmt: skip

attack("threads", "Two thousand threads.", """
    import threading
    for _ in range(2000):
        if attempt(lambda: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()):
            break
""", NO_MARK)  # fmt: skip

attack("memory_numpy", "Six gigabytes in an array, all of it used.", """
    import numpy as np
    kept = [np.ones(2**24) for _ in range(48)]
    tell(escaped)
""", NO_MARK)  # fmt: skip

attack("memory_python", "Lists that double until no memory is left, up to eight gigabytes.", """
    kept = [0] * 1000
    while len(kept) < 10**9:
        kept += kept
    tell(escaped)
""", NO_MARK)  # fmt: skip

attack("memory_caught", "The same, and no error of memory ends it.", """
    kept = []
    for _ in range(300):
        attempt(lambda: kept.append(bytearray(2**25)))
    if len(kept) * 2**25 > 4 * 2**30:
        tell(escaped)
""", NO_MARK)  # fmt: skip

attack("memory_hidden", "Memory where limits do not look: mappings, nameless files.", """
    import mmap
    got = 0
    def fill(file):
        global got
        for _ in range(64):
            got += os.write(file, bytes(2**25))
    for name in ("one", "two", "three"):
        if file := attempt(os.memfd_create, name):
            attempt(fill, file)
    for name in ("/dev/shm/x", "/dev/mqueue/x", "/run/x", "/run/lock/x", "/var/tmp/x"):
        if file := attempt(os.open, name, os.O_CREAT | os.O_RDWR):
            attempt(fill, file)
            attempt(os.unlink, name)
    shared = []
    for _ in range(64):
        if made := attempt(mmap.mmap, -1, 2**26):
            attempt(made.write, bytes(2**26))
            shared.append(made)
    if got + len(shared) * 2**26 > 6 * 2**30:
        tell(escaped)
""", NO_MARK)  # fmt: skip

attack("disk", "Files of 256 megabytes wherever it may write.", """
    got = 0
    def fill(place):
        global got
        with open(f"{place}/{here}", "wb") as file:
            for _ in range(256):
                got += file.write(bytes(2**20))
                file.flush()
    for place in (os.getcwd(), "/tmp", "/var/tmp", "/dev/shm", "/run", "/", home, around):
        attempt(fill, place)
        attempt(os.unlink, f"{place}/{here}")
    if got > 2**27:
        tell(escaped)
""", NO_MARK)  # fmt: skip

attack("disk_tiny", "A hundred thousand empty folders: each takes a kilobyte of the kernel's.", """
    import shutil
    made = 0
    os.mkdir(f"/tmp/{here}")
    for number in range(100_000):
        made += attempt(lambda: os.mkdir(f"/tmp/{here}/{number}") or 1) or 0
    if made > 50_000:
        tell(f"{escaped} {made}")
    shutil.rmtree(f"/tmp/{here}")
""", NO_MARK)  # fmt: skip

attack("output", "Half a gigabyte of printing.", """
    for _ in range(500):
        print("x" * 2**20)
""", NO_MARK)  # fmt: skip

attack("output_lines", "Millions of short lines, in each call too.", """
    print("x\\n" * 5_000_000)
    def sgdm_step(theta, m, g, lr, momentum):
        print("-1\\n" * 100_000)
        return theta, m
""", NO_MARK)  # fmt: skip

attack("output_display", "Ten thousand pictures and tables.", """
    from IPython.display import HTML, Image, display
    for _ in range(10_000):
        picture = Image(data=b"\\x89PNG\\r\\n\\x1a\\n" + bytes(10**4), format="png")
        display(HTML("<b>" * 1000), picture)
""", NO_MARK)  # fmt: skip

attack("output_raw", "Half a gigabyte, written past Python.", """
    for _ in range(500):
        for number in (1, 2):
            attempt(os.write, number, b"y" * 2**20)
""", NO_MARK)  # fmt: skip

attack("output_repr", "An object that takes a hundred megabytes to show.", """
    class Big:
        def __repr__(self): return "z" * 10**8
        def _repr_html_(self): return "<p>" * 10**8
        def _repr_mimebundle_(self, **given): return {"text/plain": self.__repr__()}, {}
    display(Big())
    raise RuntimeError("w" * 10**8)
""", NO_MARK)  # fmt: skip


# Getting out.

attack("network", "Every way to another machine, and to this one.", """
    import urllib.request
    targets = [("127.0.0.1", port), ("::1", port), ("0.0.0.0", port), ("localhost", port),
               ("1.1.1.1", 53), ("8.8.8.8", 53), (socket.gethostname(), port)]
    for target in targets:
        if made := attempt(socket.create_connection, target, timeout=0.3):
            tell(f"{escaped} {target} {attempt(made.recv, 100)}")
    tell(attempt(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=0.3).read()))
    if attempt(socket.gethostbyname, "example.com"):
        tell(escaped)
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET, socket.AF_NETLINK):
        if made := attempt(socket.socket, family, socket.SOCK_DGRAM):
            if attempt(made.sendto, b"x", ("127.0.0.1", port)):
                tell("sent")
""", NO_MARK)  # fmt: skip

attack("sockets", "Sockets of this machine, with and without a name in the file system.", """
    for name in (f"{around}/socket", f"\\0optlib-hostile-{port}", "/run/dbus/system_bus_socket",
                 "/var/run/docker.sock", "/run/user/0/bus", "/tmp/.X11-unix/X0"):
        made = attempt(socket.socket, socket.AF_UNIX)
        if made and attempt(lambda: made.connect(name) or True):
            tell(f"{escaped} {name!r} {attempt(made.recv, 100)}")
""", NO_MARK)  # fmt: skip

attack("kernel", "Calls of the kernel that an exercise has no use for.", """
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    calls = {
        "ptrace": (101, 16, os.getppid(), 0, 0), "mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0),
        "unshare": (272, 0x10000000), "setns": (308, 0, 0), "pivot_root": (155, b"/", b"/tmp"),
        "bpf": (321, 0, 0, 0), "io_uring": (425, 8, ctypes.create_string_buffer(200)),
        "keyctl": (250, 0, -3, 1), "add_key": (248, b"user", b"x", b"y", 1, -3),
        "perf": (298, 0, 0, -1, -1, 0), "userfaultfd": (323, 0), "kexec": (246, 0, 0, 0, 0),
        "module": (175, 0, 0, b""), "reboot": (169, 0, 0, 0, 0),
        "chroot": (161, b"/tmp"),
        "open_by_handle_at": (304, -100, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
        "settime": (227, 0, ctypes.create_string_buffer(16)),
        "clone3": (435, ctypes.create_string_buffer(88), 88), "fsopen": (430, b"tmpfs", 0),
        "pidfd_open": (434, os.getppid(), 0), "quotactl": (179, 0, 0, 0, 0),
    }
    done = [] if os.getpid() < 1000 else ["not even a process number of its own"]
    for name, call in calls.items():
        if os.uname().machine == "x86_64" and not done and libc.syscall(*call) >= 0:
            done.append(name)
    if done:
        tell(f"{escaped} {done}")
    attempt(os.nice, -20)
    attempt(os.setpriority, os.PRIO_PROCESS, 0, -20)
    attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50))
""", NO_MARK)  # fmt: skip

attack("limits_lifted", "Lifts its own limits.", """
    import resource
    for name in dir(resource):
        if name.startswith("RLIMIT"):
            endless = resource.RLIM_INFINITY
            attempt(resource.setrlimit, getattr(resource, name), (endless, endless))
    if attempt(lambda: bytearray(6 * 2**30)):
        tell(escaped)
    if attempt(os.fork) == 0:
        os._exit(0)
""", NO_MARK)  # fmt: skip

attack("writes_outside", "Writes, changes and deletes wherever it can.", """
    import shutil
    places = (around, home, project, f"{around}/submissions", f"{around}/instructor",
              f"{around}/submissions/all_right", f"{project}/exercises", "/", "/etc", "/usr",
              "/usr/lib", "/var/tmp", "/var/lib", "/dev/shm", "/run", "/root", "/home", sys.prefix,
              os.path.expanduser("~"), os.path.dirname(os.__file__), "/sys/fs/cgroup")
    def write(path, how):
        with open(path, how) as file:
            file.write(here)
        return True
    for place in places:
        if attempt(write, f"{place}/{here}", "w") and place.startswith(("/usr", "/etc", "/sys")):
            tell(f"{escaped} {place}")
    for path in (f"{around}/secret.txt", f"{home}/secret.txt",
                 f"{around}/submissions/all_right/sgdm_step.ipynb",
                 f"{around}/instructor/sgdm_step.ipynb"):
        attempt(write, path, "a")
    for path in (f"{around}/submissions/all_right", f"{around}/instructor", f"{home}/.cache"):
        attempt(os.chmod, path, 0)
        attempt(os.rename, path, f"{path}-{here}")
        attempt(shutil.rmtree, path)
""", NO_MARK, targets=(
    "{around}/secret.txt", "{home}/secret.txt", SOLUTION, NEIGHBOURS, "{project}/exercises",
))  # fmt: skip


# Spying.


def spy(name: str, why: str, code: str, *targets: str) -> None:
    """Add a case that tells what it reads, in print and in the error that it raises."""
    raising = """
        def sgdm_step(theta, m, g, lr, momentum):
            raise RuntimeError(" ".join(map(str, loot)))
    """
    code = textwrap.dedent(code).strip()
    attack(
        name, why, f"{code}\n\n{textwrap.dedent(raising)}", "error|stopped|blank", targets=targets
    )


spy("spies_secrets", "Reads the secrets beside the submissions and in the home.", """
    for path in ("secret.txt", "home/secret.txt", "home/.ssh/id_rsa", "instructor/sgdm_step.ipynb",
                 "submissions/neighbour/sgdm_step.ipynb"):
        tell(attempt(lambda: open(f"{around}/{path}").read()[-300:]))
    for folder in (around, home, f"{around}/submissions", "/root", "/home", project,
                   f"{project}/exercises/bank/momentum"):
        if found := attempt(os.listdir, folder):
            tell(f"{folder} {escaped if {'secret.txt', 'sgdm_step.py'} & {*found} else found}")
""", "{around}/secret.txt", "{home}/secret.txt", "{home}/.ssh/id_rsa", SOLUTION,
    "{around}/submissions/neighbour/sgdm_step.ipynb",
    "{project}/exercises/bank/momentum/sgdm_step.py")  # fmt: skip

spy("spies_environment", "Reads its environment, and that of its parents.", """
    tell(dict(os.environ))
    for number in ("self", "1", str(os.getppid()), "thread-self"):
        for name in ("environ", "cmdline", "maps", "mountinfo", "root/etc/shadow"):
            text = attempt(lambda: open(f"/proc/{number}/{name}", "rb").read()[:2000])
            if text and name in ("environ", "root/etc/shadow"):
                tell(text)
            if text and name == "mountinfo" and around.encode() in text:
                tell(escaped)
    import ctypes
    strings = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    index = 0
    while strings and strings[index]:
        tell(strings[index])
        index += 1
""")  # fmt: skip

spy("spies_processes", "Looks for other processes.", """
    others = [n for n in attempt(os.listdir, "/proc") or () if n.isdigit()]
    if len(others) > 20:
        tell(escaped)
    for number in range(1, 2000):
        if attempt(lambda: os.kill(number, 0) or True) and number > 100:
            tell(f"{escaped} {number}")
            break
""")  # fmt: skip

spy("spies_descriptors", "Reads what is open, and what lies above open folders.", """
    def read(file):
        kind = os.fstat(file)
        if kind.st_mode & 0o100000 and kind.st_size:
            tell(os.pread(file, 500, 0))
    for number in range(256):
        attempt(read, number)
        for way in ("secret.txt", "../secret.txt", "../../secret.txt", "home/secret.txt"):
            if file := attempt(os.open, way, os.O_RDONLY, dir_fd=number):
                attempt(read, file)
""", "{around}/secret.txt", "{home}/secret.txt")  # fmt: skip

spy("spies_system", "Reads what a system keeps to itself.", """
    for path in ("/etc/shadow", "/etc/sudoers", "/root/.bash_history", "/root/.ssh/id_rsa",
                 "/proc/kcore", "/dev/mem", "/dev/sda", "/dev/vda", "/var/log/syslog",
                 "/proc/sysrq-trigger", "/sys/kernel/debug", "/etc/machine-id", "/etc/hostname"):
        if text := attempt(lambda: open(path, "rb").read(300)):
            tell(f"{escaped} {path} {text!r}")
""")  # fmt: skip

spy("spies_sources", "Reads the course's own code.", """
    import exercises
    for folder, _, files in os.walk(os.path.dirname(exercises.__file__)):
        for name in files:
            text = attempt(lambda: open(f"{folder}/{name}").read()) or ""
            if "def reference(" in text or "@exercise.solution" in text:
                tell(f"{escaped} {folder}/{name}")
""", "{project}/exercises/bank/momentum/sgdm_step.py", "exercises")  # fmt: skip


# Derivations and choices that lie.


def other(name: str, why: str, exercise: str, due: str, code: str) -> None:
    """Add a hostile answer to another exercise."""

    def hand_in(at: At) -> None:
        store(at.folder / f"{exercise}.ipynb", paper(code, name=exercise))

    add(HOSTILE, name, why, {exercise: due}, hand_in)


other("sympy_liar", "A symbol that has no symbols and every value.", "rare_move", NO_MARK, """
    import sympy as sp
    class Anything(sp.Symbol):
        free_symbols = property(lambda self: set())
        __eq__ = lambda self, other: True
        __hash__ = lambda self: 1
        __float__ = lambda self: 1.0
        evalf = lambda self, *given, **named: self
        atoms = lambda self, *given: set()
        __str__ = __repr__ = lambda self: "<script>alert(1)</script>"
    def rare_move(beta2, k):
        return Anything("x")
""")  # fmt: skip

other("sympy_patched", "SymPy's own evaluation is patched.", "rare_move", NO_MARK, """
    import sympy as sp
    sp.Expr.evalf = sp.Expr.n = lambda self, *given, **named: sp.Integer(1)
    sp.Expr.__float__ = lambda self: 1.0
    sp.Expr.equals = sp.Basic.__eq__ = lambda self, other: True
    def rare_move(beta2, k):
        return sp.sqrt(beta2)
""")  # fmt: skip

other("sympy_tower", "A power that is too large for any machine.", "rare_move", NO_MARK, """
    import sympy as sp
    def rare_move(beta2, k):
        return sp.Integer(10) ** 10**10**10
""")  # fmt: skip

other("sympy_slow", "An expression that takes for ever to be worked out.", "rare_move", NO_MARK, """
    import sympy as sp
    def rare_move(beta2, k):
        x = beta2
        for _ in range(40):
            x = sp.sin(sp.exp(x) * 10**6) + sp.Pow(x, k, evaluate=False) * x
        return x
""")  # fmt: skip

other("sympy_text", "A text that SymPy would run.", "rare_move", "form", """
    def rare_move(beta2, k):
        return "__import__('os').system('id')"
""")  # fmt: skip

other("sympy_undone", "A sum that is not worked out.", "rare_move", "form", """
    import sympy as sp
    def rare_move(beta2, k):
        i = sp.Symbol("i", integer=True)
        return 1 / sp.sqrt((1 - beta2) * sp.Sum(beta2 ** (k * i), (i, 0, sp.oo)))
""")  # fmt: skip

for what, pair in {
    "inf": "float('inf'), float('inf')",
    "nan": "float('nan'), 0.5",
    "huge": "1e308, -1e308",
    "tiny": "5e-324, 1 - 2**-53",
    "beyond": "1e300, 1e300",
}.items():
    other(f"choice_{what}", f"A choice of {pair}.", "choose_momentum", "mistake|wrong|form", f"""
        def choose_momentum(curvatures, steps, bound):
            return {pair}
    """)  # fmt: skip

other("choice_bound", "Changes the goal in place, so that it is reached.", "choose_momentum",
      "mistake", """
    def choose_momentum(curvatures, steps, bound):
        curvatures[:] = 1e-9
        return 1e-6, 0.0
""")  # fmt: skip


# Script and markup: shown as text, wherever it stands.

SCRIPT = "<script>alert(1)</script>"
MARKDOWN = f"""\
# {SCRIPT}
<img src=x onerror=alert(1)> <svg onload=alert(1)> <iframe src="https://evil.invalid"></iframe>
[click](javascript:alert(1)) ![pixel](https://evil.invalid/pixel.png)
<a href="JaVaScRiPt:alert(1)">x</a> <base href="https://evil.invalid">
<style>@import "https://evil.invalid/x.css"; body {{ display: none }}</style>
<meta http-equiv="refresh" content="0; url=https://evil.invalid">
$\\href{{javascript:alert(1)}}{{x}}$ $\\require{{html}}\\style{{position:fixed}}{{x}}$
</div></main></body></html><!-- <form action="https://evil.invalid">
<input autofocus onfocus=alert(1)>
-->
```
{SCRIPT}
````````
{SCRIPT}
~~~
{SCRIPT}
"""


@case(MARKUP, "right", page=("&lt;script&gt;",))
def markup_in_answer(at: At) -> Content:
    """Script in comments of the right answer: it is shown, as what it is."""
    return paper(f"# {SCRIPT} --> ]]> </code></pre>\n{RIGHT}")


@case(MARKUP, "right")
def markup_in_markdown(at: At) -> Content:
    """Script in a text cell, with an attachment."""
    made = paper()
    cell = new_markdown_cell(MARKDOWN)
    cell.attachments = {"x.svg": {"image/svg+xml": "<svg onload=alert(1)>"}}
    raw = {"cell_type": "raw", "metadata": {"format": "text/html"}, "source": MARKDOWN, "id": "r"}
    made.cells += [cell, raw]
    return made


@case(MARKUP, "right")
def markup_in_outputs(at: At) -> Content:
    """Outputs in HTML, SVG and JavaScript, of all sorts of objects; stored ones, too."""
    show = f"""
        from IPython.display import HTML, SVG, Image, Javascript, Latex, Markdown, display
        display(HTML({SCRIPT!r}), Javascript("alert(1)"), Markdown({MARKDOWN!r}))
        display({{"text/html": {SCRIPT!r}, "text/plain": {SCRIPT!r}}}, raw=True)
        display({{"image/svg+xml": "<svg onload=alert(1)>", "text/plain": "x"}}, raw=True)
        display(Latex("$\\\\href{{javascript:alert(1)}}{{x}}$"))
        print({MARKDOWN!r})
    """
    made = paper(last=[show, f"raise ValueError({MARKDOWN!r})"])
    bundle = {"text/html": SCRIPT, "application/javascript": "alert(1)", "text/plain": SCRIPT}
    made.cells[2].outputs = [{"output_type": "display_data", "data": bundle, "metadata": {}}]
    return made


@case(MARKUP, "right")
def fake_png(at: At) -> Content:
    """Pictures that are none: script, a broken head, a bomb of a billion pixels."""
    head = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"<script>alert(1)</script>").decode()
    bomb = base64.b64encode(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\10\6\0\0\0\0\0\0\0"
    ).decode()
    show = f"""
        from IPython.display import display
        for data in ({head!r}, {bomb!r}, '"><script>alert(1)</script>', 3, ["x"], b"\\xff"):
            display({{"image/png": data, "text/plain": "picture"}}, raw=True)
            about = {{"image/png": {{"width": '"onload=alert(1)'}}}}
            display({{"image/png": data}}, metadata=about, raw=True)
    """
    return paper(last=[show])


@case(MARKUP, "right")
def markup_in_metadata(at: At) -> Content:
    """Script in names, ids, titles and tags."""
    made = paper()
    made.metadata.title = made.metadata.authors = SCRIPT
    made.metadata.kernelspec = {"display_name": SCRIPT, "language": SCRIPT, "name": SCRIPT}
    extra = new_code_cell("0", metadata={"tags": [SCRIPT], "name": SCRIPT})
    extra.id = SCRIPT
    extra.metadata.nbgrader = {"grade_id": SCRIPT, "schema_version": 3, "grade": True, "points": 9}
    made.cells.append(extra)
    return made


@case(MARKUP, "error", page=("&lt;script&gt;",))
def markup_in_error(at: At) -> Content:
    """Script and a formula in the text of an error."""
    return paper(f"""
        def sgdm_step(theta, m, g, lr, momentum):
            raise ValueError("=1+1 {SCRIPT}")
    """)


@case(MARKUP, "form", page=("&lt;script&gt;",))
def markup_in_type(at: At) -> Content:
    """Script in the name of a type."""
    return paper(f"""
        def sgdm_step(theta, m, g, lr, momentum):
            return type({SCRIPT!r}, (), {{}})()
    """)


@case(MARKUP, "form", page=("&lt;script&gt;",))
def markup_in_signature(at: At) -> Content:
    """Script in a signature, which is a string that Python allows nowhere else."""
    return paper(f"""
        import inspect
        def sgdm_step(*given):
            return 0.0
        sgdm_step.__signature__ = inspect.Signature(
            [inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY, default={SCRIPT!r})])
        sgdm_step.__signature__._parameters = {{{SCRIPT!r}: inspect.Parameter("x",
            inspect.Parameter.KEYWORD_ONLY)}}
    """)


@case(MARKUP, "right")
def terminal(at: At) -> Content:
    """Sequences that a terminal obeys, in all that is printed."""
    text = "\\ud800\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\x08\\r\\u202e\\u200b\\ufeff\\0"
    return paper(last=[f"print('{text}')", f"raise ValueError('{text}')", f"'{text}'"])


# A neighbour whose notebook holds a secret, and whose mark must stay.


@case(CLASS, "right", flag=NONE)
def neighbour(at: At) -> Content:
    """Right, and with a secret that only the neighbour's own page may show."""
    secret = (at.around / "instructor/neighbour.txt").read_text()
    return paper(f"# {secret}\n{RIGHT}")
