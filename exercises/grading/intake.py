"""What was handed in: found, read and rebuilt. Nothing of it is executed, and nothing unpacked.

Of a submission only the text of its cells is taken. What is no regular file is not opened, and what
cannot be read is flagged by its name, so that nobody is lost.
"""

import gzip
import hashlib
import io
import json
import os
import re
import stat
import tarfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from exercises.exercise import catalogue, load
from exercises.grading.processes import Failure, forked
from exercises.grading.settings import MIB, Settings

LITTERED = re.compile(r"__MACOSX|\.ipynb_checkpoints")
LITTER = re.compile(rf"\._.*|\.DS_Store|Thumbs\.db|desktop\.ini|{LITTERED.pattern}")
"""Folders, and files and folders, that systems leave behind."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
CARRIED = ("timestamp.txt", "submission_secret.txt")
"""nbgrader's own files in a submission: when it came, and what its feedback is returned by."""

DEEPEST = 8
"""Folders in folders, from a student's folder on."""
LONGEST = 300
"""Characters of a name in an archive."""
TOGETHER = 8
"""So many times what one file or notebook may have, all of a submission may have together."""
READING, MEMORY = 60, 1024
"""Seconds and MiB that reading one submission may take."""


class UnreadableError(Exception):
    """A file that is not read; its text says why, as the rest of a sentence on the file."""


@dataclass(frozen=True)
class Cell:
    """A cell of a student's notebook: its text, and what it is if the text may be replaced."""

    kind: str
    source: str
    grade_id: str = ""


@dataclass(frozen=True)
class Notebook:
    """A notebook as it was handed in.

    Attributes
    ----------
    path : str
        Where it lay, in the folder of submissions or in an archive.
    cells : tuple of Cell
        Its cells.
    answers : tuple of str
        The exercises that it answers.
    named : bool
        Whether cells or metadata say so, and not only a name.
    """

    path: str
    cells: tuple[Cell, ...]
    answers: tuple[str, ...]
    named: bool

    def answered(self, name: str) -> list[str]:
        """The cells that define an answer and are not the blank."""
        blank = load(name).blank().split()
        definition = re.compile(rf"^[ \t]*def {name}\b", re.MULTILINE)
        return [
            cell.source
            for cell in self.cells
            if cell.kind == "code"
            and definition.search(cell.source)
            and cell.source.split()[-len(blank) :] != blank
        ]

    def answers_otherwise(self, other: "Notebook", name: str) -> bool:
        """Whether this is another answer than that of another notebook."""
        mine = self.answered(name)
        return bool(mine) and mine != other.answered(name)


@dataclass
class Submission:
    """What one student handed in; flags and notes as in `Outcome`.

    Attributes
    ----------
    student, id : str
        Name, and name for files and the gradebook.
    notebooks : list of Notebook
        What can be graded.
    carried : dict of str to str
        What nbgrader's own files in it say.
    """

    student: str
    id: str
    notebooks: list[Notebook] = field(default_factory=list)
    carried: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Submission":
        """The submission that `asdict` made JSON of."""
        notebooks = [
            Notebook(
                each["path"],
                tuple(Cell(**cell) for cell in each["cells"]),
                tuple(each["answers"]),
                each["named"],
            )
            for each in kept["notebooks"]
        ]
        return cls(**kept | {"notebooks": notebooks})

    def answer(self, name: str) -> Notebook | None:
        """The notebook that answers an exercise; of several one that is not blank, and is named
        as it should be."""
        candidates = [each for each in self.notebooks if name in each.answers]

        def rank(each: Notebook) -> tuple[bool, bool, bool, str]:
            exact = PurePosixPath(each.path).stem == name
            return not each.answered(name), not each.named, not exact, each.path

        return min(candidates, key=rank, default=None)


# Finding.


@dataclass(frozen=True)
class Found:
    """A student's folders and files, unread."""

    student: str
    id: str
    paths: tuple[Path, ...]


def collect(
    root: Path,
    settings: Settings,
    assignment: str = "",
    *,
    jobs: int = 1,
    by_course: bool = False,
) -> list[Submission]:
    """All submissions in a folder, in the order of their names.

    Each folder in it is a student's, and so is each file, which is called after the student:
    `ada.zip`, `ada_sgd_step.ipynb`. Files that are called after exercises alone are the folder's
    own. In a student's folder that has one called like the assignment, only that is looked at.

    Each is read in a process of its own, so many at a time. `by_course` tells that nbgrader has
    collected them, and that what its own files in them say can be believed.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, PermissionError
        There is no such folder, or it cannot be read.
    """
    found = _find(root, assignment, by_course)
    read = {
        each.id: Submission(each.student, each.id, flags=[f"It could not be read: {came.reason}."])
        if isinstance(came, Failure)
        else Submission.from_json(came)
        for each, came in forked(
            lambda each: asdict(_read(each, root, settings, assignment, by_course)),
            found,
            jobs=jobs,
            seconds=READING,
            memory=MEMORY,
        )
    }
    return [read[each.id] for each in found]


def _find(root: Path, assignment: str, by_course: bool) -> list[Found]:
    """Who is in a folder, and which of its entries are whose."""
    entries = [
        (entry.name, Path(entry.path), entry.is_dir(follow_symlinks=False))
        for entry in sorted(os.scandir(root), key=lambda entry: entry.name)
    ]
    # Canvas gives a number to each file, and no two have the same.
    numbers = Counter(m["file"] for name, _, _ in entries if (m := CANVAS.match(name)))
    found: dict[str, list[Path]] = {}
    for name, path, folder in entries:
        if (LITTERED if folder else LITTER).fullmatch(name):
            continue
        if by_course and not (path / assignment).is_dir():
            continue  # of another assignment
        canvas, moodle = CANVAS.match(name), MOODLE.match(name)
        if moodle:
            student = moodle["student"]
        elif canvas and not folder and numbers[canvas["file"]] == 1:
            student = f"{canvas['name']}_{canvas['user']}"
        else:
            student = name if folder else _student(name, root)
        found.setdefault(student, []).append(path)
    ids: set[str] = set()
    return [
        Found(_text(student), unique_id(student, ids), tuple(paths))
        for student, paths in found.items()
    ]


def unique_id(student: str, ids: set[str]) -> str:
    """A student's name as a name for files and for the gradebook, unlike those before, which it
    joins; on some disks two that differ in case alone are one."""
    new = safe_id(student)
    while new.lower() in ids:
        new = f"{new[:60]}-{_mark(student + new)}"
    ids.add(new.lower())
    return new


def safe_id(student: str) -> str:
    """A student's name as a name for files and for the gradebook: letters, digits and `_.@-`."""
    plain = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_.@-]+", "_", plain).strip("._-")[:60]
    if plain == student and not re.search("-[0-9a-f]{8}$", plain):
        return plain
    return f"{plain}-{_mark(student)}" if plain else _mark(student)


def _mark(student: str) -> str:
    return hashlib.sha256(os.fsencode(student)).hexdigest()[:8]


def _student(file: str, root: Path) -> str:
    """The student whose file this is: its name without suffix and without the exercise's."""
    stem = file
    for suffix in (*ARCHIVES, ".ipynb", ".py"):
        if file.lower().endswith(suffix):
            stem = file[: -len(suffix)]
            break
    if name := _exercise(stem):
        begin = stem.rfind(name)
        return re.sub(r"[-_. ]+$", "", stem[:begin]) or root.resolve().name
    return stem or file


CANVAS = re.compile(r"(?P<name>[^_]+)(_LATE)?_(?P<user>\d+)_(?P<file>\d+)_.")
"""How Canvas begins the name of a file: `lovelaceada_4711_8150_sgd_step-1.ipynb`."""
MOODLE = re.compile(r"(?P<student>.+_\d+)_assignsubmission_")
"""How Moodle begins the name of a folder or file: `Ada Lovelace_4711_assignsubmission_file`."""


def _exercise(stem: str) -> str:
    """The exercise at the end of a file's name, such as `ada_sgd_step (1)`, or nothing."""
    plain = re.sub(r"[-_ ]*(\(\d+\)|copy\d*|-Copy\d+|-\d+)+$", "", stem[-200:], flags=re.IGNORECASE)
    fitting = [n for n in catalogue() if re.search(rf"(^|[-_. ]){n}$", plain)]
    return max(fitting, key=len, default="")


def _read(
    found: Found, root: Path, settings: Settings, assignment: str, by_course: bool
) -> Submission:
    """Read all that is a student's."""
    to = Submission(found.student, found.id)
    for path in found.paths:
        if path.is_dir() and not path.is_symlink():
            _take_folder(to, path, root, settings, assignment)
        else:
            _take_file(to, path, root, settings)
    if not by_course:
        to.carried.clear()  # anybody can write that it came in time
    return to


def _take_folder(
    to: Submission, folder: Path, root: Path, settings: Settings, assignment: str
) -> None:
    try:
        if assignment and (folder / assignment).is_dir() and not (folder / assignment).is_symlink():
            folder = folder / assignment
        paths = [*_walk(folder, settings)]
    except UnreadableError as reason:
        to.flags.append(f"{_label(folder, root)} {reason}.")
        return
    except OSError as error:
        to.flags.append(f"{_label(folder, root)} cannot be read: {error.strerror}.")
        return
    before = len(to.notebooks)
    for path in paths:
        _take_file(to, path, root, settings)
    if not paths:
        to.flags.append(f"{_label(folder, root)} is empty.")
    elif len(to.notebooks) == before and not to.flags:
        to.flags.append(f"In {_label(folder, root)} there is nothing that can be graded.")


def _walk(folder: Path, settings: Settings, depth: int = 0) -> Iterator[Path]:
    """The files in a folder and its folders, at most so many; links are not followed."""
    if depth > DEEPEST:
        raise UnreadableError(f"has folders in folders, more than {DEEPEST} deep")
    count = 0
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if LITTER.fullmatch(entry.name):
            continue
        inside = entry.is_dir(follow_symlinks=False)
        for path in _walk(Path(entry.path), settings, depth + 1) if inside else [Path(entry.path)]:
            count += 1
            if count > settings.files:
                raise UnreadableError(f"has more than {settings.files:g} files")
            yield path


# Reading.


def _take_file(to: Submission, path: Path, root: Path, settings: Settings) -> None:
    """Read a file of a submission, and add what it holds."""
    label, kind, most = _label(path, root), _kind(path.name), int(settings.file * MIB)
    try:
        if path.name in CARRIED:
            to.carried[path.name] = _bytes(path, 1000).decode("ascii", "replace").strip()
        elif not kind and stat.S_ISREG(path.lstat().st_mode):
            said = to.notes if path.parent != root else to.flags
            said.append(f"{label} is no notebook, and was left alone.")
        elif kind == "archive":
            before = len(to.notebooks) + len(to.flags)
            for name, data in _members(_bytes(path, most), settings, path.name):
                _take(to, f"{label}/{_text(name)}", data, settings)
            if len(to.notebooks) + len(to.flags) == before:
                to.flags.append(f"In {label} there is nothing that can be graded.")
        else:
            _take(to, label, _bytes(path, most), settings)
    except UnreadableError as reason:
        to.flags.append(f"{label} {reason}.")
    except OSError as error:
        to.flags.append(f"{label} cannot be read: {error.strerror or error}.")


def _take(to: Submission, label: str, data: bytes, settings: Settings) -> None:
    """Add a notebook, or the flag that says why not."""
    try:
        notebook = _notebook(label[:LONGEST], data, settings)
        size = sum(len(c.source) for each in [*to.notebooks, notebook] for c in each.cells)
        if size > TOGETHER * settings.source * 1024:
            most = TOGETHER * settings.source
            raise UnreadableError(f"is one too many: together there are more than {most:g} KiB")
        to.notebooks.append(notebook)
    except UnreadableError as reason:
        to.flags.append(f"{label} {reason}.")


def _bytes(path: Path, most: int) -> bytes:
    """The content of a regular file that has one name only and is not too large."""
    about = path.lstat()
    if stat.S_ISLNK(about.st_mode):
        raise UnreadableError("is a link, and links are not followed")
    if not stat.S_ISREG(about.st_mode):
        raise UnreadableError("is no regular file")
    # A pipe in its place by now would be waited for, and a link followed.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadableError("is no regular file")
        if about.st_nlink > 1:
            raise UnreadableError(
                "is a file of several names (hard links), and may be another's; hand in a copy"
            )
        return _bounded(file, most)


def _bounded(file: Any, most: int) -> bytes:
    data: bytes = file.read(most + 1)
    if len(data) > most:
        raise UnreadableError(f"is larger than {most / MIB:g} MiB")
    return data


def _members(data: bytes, settings: Settings, name: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the notebooks in an archive."""
    most = int(settings.file * MIB)
    count, left = 0, TOGETHER * most
    try:
        members = _zipped(data) if name.lower().endswith(".zip") else _tarred(data, left)
        for inner, size, kind, file in members:
            count += 1
            if count > settings.files:
                raise UnreadableError(f"has more than {settings.files:g} files")
            if len(inner) > LONGEST:
                raise UnreadableError("has a file in it with a name that is much too long")
            if size > most:  # before it is unpacked, or skipped, which is as much work
                raise UnreadableError(f"has a file in it that is larger than {settings.file:g} MiB")
            litter = any(LITTER.fullmatch(part) for part in PurePosixPath(inner).parts)
            if kind == "folder" or litter or not _kind(inner):
                continue
            if kind == "link":
                raise UnreadableError(f"has a link in it, {_text(inner)}: links are not followed")
            if _kind(inner) == "archive":
                raise UnreadableError(f"has an archive in it, {_text(inner)}, which is not opened")
            content = _bounded(file(), most)
            left -= len(content)
            if left < 0:
                raise UnreadableError(f"has more than {TOGETHER * settings.file:g} MiB in it")
            yield inner, content
    except UnreadableError:
        raise
    except (NotImplementedError, RuntimeError) as error:  # of another method, or encrypted
        raise UnreadableError(f"cannot be unpacked: {_text(str(error))}") from None
    except Exception as error:  # what reads archives raises all kinds when they are damaged
        reason = _text(str(error)) or type(error).__name__
        raise UnreadableError(f"is a damaged archive: {reason}") from None


Members = Iterator[tuple[str, int, str, Callable[[], Any]]]
"""Names, sizes, kinds, and how to open them."""


def _zipped(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            # The others are unpacked whole, however little is asked for.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise NotImplementedError("it is compressed in an uncommon way")
            link = stat.S_ISLNK(member.external_attr >> 16)
            kind = "link" if link else "folder" if member.filename.endswith("/") else "file"
            yield member.filename, member.file_size, kind, partial(archive.open, member)


def _tarred(data: bytes, most: int) -> Members:
    if data[:2] == b"\x1f\x8b":
        # All of it, as a header can be as large as a file.
        data = _bounded(gzip.GzipFile(fileobj=io.BytesIO(data)), most)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            kind = "folder" if member.isdir() else "file" if member.isreg() else "link"
            yield member.name, member.size, kind, partial(archive.extractfile, member)


def _notebook(label: str, data: bytes, settings: Settings) -> Notebook:
    """The notebook that a file's content is; a Python file is one with a single cell."""
    if not data.strip():
        raise UnreadableError("is empty")
    try:
        coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = data.decode(coding)
    except UnicodeDecodeError:
        raise UnreadableError("is no text in UTF-8") from None
    if label.lower().endswith(".py"):
        cells, named = [Cell("code", _text(text))], ""
    else:
        cells, named = _cells(text)
    if len(cells) > settings.cells:
        raise UnreadableError(f"has more than {settings.cells:g} cells")
    if sum(len(cell.source) for cell in cells) > settings.source * 1024:
        raise UnreadableError(f"has more than {settings.source:g} KiB of source")
    answers = {cell.grade_id.removesuffix("-answer") for cell in cells} | {named}
    answers &= {*catalogue()}
    known = bool(answers)
    if not answers:
        answers = {_exercise(PurePosixPath(label).stem)} - {""}
    if not answers:
        defined = re.findall(r"^def (\w+)", "\n".join(c.source for c in cells), re.MULTILINE)
        answers = {*defined} & {*catalogue()}
    if not answers:
        raise UnreadableError("is not the notebook of an exercise, as nothing in it says which")
    return Notebook(label, tuple(cells), tuple(sorted(answers)), known)


def _cells(text: str) -> tuple[list[Cell], str]:
    """The cells of a notebook, of format 4 or 3, and the exercise that its metadata name."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise UnreadableError("is nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(f"is no notebook, but damaged or something else: {error}") from None
    if not isinstance(content, dict):
        raise UnreadableError("is no notebook, but other JSON")
    found = content.get("cells")
    if found is None and isinstance(sheets := content.get("worksheets"), list):
        found = [
            cell
            for sheet in sheets
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    if not isinstance(found, list):
        raise UnreadableError("is no notebook, but other JSON")
    named = _member(_member(content, "metadata"), "exercise").get("name")
    return [_cell(cell) for cell in found if isinstance(cell, dict)], (
        named if isinstance(named, str) else ""
    )


def _cell(cell: dict[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    grade_id = _member(_member(cell, "metadata"), "nbgrader").get("grade_id")
    return Cell(
        "code" if cell.get("cell_type") == "code" else "markdown",
        _text(source) if isinstance(source, str) else "",
        grade_id if isinstance(grade_id, str) else "",
    )


def _member(of: dict[str, Any], name: str) -> dict[str, Any]:
    """A member that should be a dict, and an empty one where it is not."""
    member = of.get(name)
    return member if isinstance(member, dict) else {}


def _kind(name: str) -> str:
    lower = name.lower()
    if lower.endswith(ARCHIVES):
        return "archive"
    return "notebook" if lower.endswith((".ipynb", ".py")) else ""


def _label(path: Path, root: Path) -> str:
    return _text(str(path.relative_to(root)))


def _text(text: str) -> str:
    """Text that UTF-8 can write."""
    return text.encode("utf-8", "replace").decode()


# Rebuilding.


def rebuilt(
    released: dict[str, Any], handed: Notebook, name: str
) -> tuple[dict[str, Any], list[str]]:
    """The released notebook with a student's answers and extra cells, and what was repaired.

    Locked cells are the released ones, each once, whatever the student has made of them. The
    student's order is kept; what was deleted comes back.
    """
    own = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in released["cells"]}
    own.pop(None, None)
    texts = {"".join(cell["source"]).strip(): grade_id for grade_id, cell in own.items()}
    cells: list[dict[str, Any]] = []
    placed: set[str] = set()
    notes = []
    for given in handed.cells:
        # Other editors drop the metadata, but seldom change the text.
        grade_id = given.grade_id or texts.get(given.source.strip(), "")
        cell = deepcopy(own.get(grade_id))
        if cell is None:
            if given.source.strip() and not _foreign(given.grade_id, name):
                cells.append(_extra(given, len(cells)))
            continue
        again = grade_id in placed
        placed.add(grade_id)
        if cell["metadata"]["nbgrader"]["solution"]:
            if again:
                notes.append(f"{handed.path} has the cell {grade_id} twice; both were run.")
                cells.append(_extra(given, len(cells)))
                continue
            code = cell["cell_type"] == "code"
            cell["source"] = given.source if code else fenced(given.source)
        elif given.source.strip() != "".join(cell["source"]).strip():
            notes.append(f"{handed.path} had another text in the cell {grade_id}; it was restored.")
            if given.kind == "code":  # it may be the answer
                cells.append(_extra(given, len(cells)))
        if again:
            notes.append(f"{handed.path} had the cell {grade_id} twice; one was taken out.")
        else:
            cells.append(cell)
    answer = f"{name}-answer"
    if answer not in placed:
        # What the student wrote elsewhere is the answer, and no blank is put in its place.
        placed.add(answer)
        _adopt(cells, own[answer], name)
    missing = [grade_id for grade_id in own if grade_id not in placed]
    if missing and not handed.path.lower().endswith(".py"):
        notes.append(f"{handed.path} lacked {', '.join(missing)}, which came back.")
    # What is asked comes after what the student wrote.
    first = [deepcopy(own[m]) for m in missing if own[m]["cell_type"] == "markdown"]
    last = [deepcopy(own[m]) for m in missing if own[m]["cell_type"] == "code"]
    return released | {"cells": [*first, *cells, *last]}, notes


def _adopt(cells: list[dict[str, Any]], answer: dict[str, Any], name: str) -> None:
    """Make the last cell that defines the answer the answer's cell."""
    definition = re.compile(rf"^[ \t]*def {name}\b", re.MULTILINE)
    for place, cell in reversed([*enumerate(cells)]):
        own = cell["cell_type"] == "code" and not cell["metadata"]
        if own and definition.search(cell["source"]):
            cells[place] = deepcopy(answer) | {"source": cell["source"]}
            return


def _foreign(grade_id: str, name: str) -> bool:
    """Whether this is a locked cell of another exercise."""
    other, _, part = grade_id.rpartition("-")
    return other != name and other in catalogue() and part != "answer"


def _extra(given: Cell, number: int) -> dict[str, Any]:
    """A cell of the student's own."""
    code = given.kind == "code"
    cell = {
        "cell_type": given.kind,
        "id": f"extra-{number}",
        "metadata": {},
        "source": given.source if code else fenced(given.source),
    }
    return cell | ({"execution_count": None, "outputs": []} if code else {})


def fenced(text: str) -> str:
    """Markdown that shows a text as it was typed: its markup could be anything."""
    fence = "`" * max([3, *(1 + len(run) for run in re.findall("`+", text))])
    return f"{fence}text\n{text}\n{fence}"
