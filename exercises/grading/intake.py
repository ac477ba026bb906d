"""What was handed in: found, read and rebuilt. Nothing of it is executed, and nothing unpacked.

Of a submission only the text of its cells is taken. What is no regular file is not opened, and what
cannot be read is flagged by its name, so that nobody is lost.
"""

import hashlib
import io
import json
import os
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Any

from exercises.exercise import catalogue, load
from exercises.grading.settings import Settings

LITTER = re.compile(r"\._.*|\.DS_Store|__MACOSX|Thumbs\.db|desktop\.ini|\.ipynb_checkpoints")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
CARRIED = ("timestamp.txt", "submission_secret.txt")
"""nbgrader's own files in a submission: when it came, and what its feedback is returned by."""

DEEPEST = 8
"""Folders in folders, from a student's folder on."""


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

    def answer(self, name: str) -> Notebook | None:
        """The notebook that answers an exercise; of several one that is not blank, and is named
        as it should be."""
        candidates = [each for each in self.notebooks if name in each.answers]
        blank = load(name).blank().split()
        definition = re.compile(rf"^\s*def {name}\b", re.MULTILINE)

        def rank(each: Notebook) -> tuple[bool, bool, bool, str]:
            texts = [cell.source for cell in each.cells if cell.kind == "code"]
            defined = [text for text in texts if definition.search(text)]
            answered = any(text.split()[-len(blank) :] != blank for text in defined)
            exact = PurePosixPath(each.path).stem == name
            return not answered, not each.named, not exact, each.path

        return min(candidates, key=rank, default=None)


# Finding.


def collect(root: Path, settings: Settings, assignment: str = "") -> list[Submission]:
    """All submissions in a folder, in the order of their names.

    Each folder in it is a student's, and so is each file, which is called after the student:
    `ada.zip`, `ada_sgd_step.ipynb`. Files that are called after exercises alone are the folder's
    own. In a student's folder that has one called like the assignment, only that is looked at.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, PermissionError
        There is no such folder, or it cannot be read.
    """
    found: dict[str, Submission] = {}
    ids: set[str] = set()

    def of(student: str) -> Submission:
        if student not in found:
            new = safe_id(student)
            if new.lower() in ids:  # on some disks they would be one
                new = f"{new}-{_mark(student)}"
            ids.add(new.lower())
            found[student] = Submission(_text(student), new)
        return found[student]

    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if LITTER.fullmatch(entry.name):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            moodle = MOODLE.fullmatch(entry.name)
            student = moodle["student"] if moodle else entry.name
            _take_folder(of(student), path, root, settings, assignment)
        else:
            _take_file(of(_student(entry.name, root)), path, root, settings)
    return list(found.values())


def safe_id(student: str) -> str:
    """A student's name as a name for files and for the gradebook: letters, digits and `_.@-`."""
    plain = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_.@-]+", "_", plain).strip("._-")[:60]
    if plain == student:
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
    if canvas := CANVAS.fullmatch(stem):
        return f"{canvas['name']}_{canvas['user']}"
    if name := _exercise(stem):
        begin = stem.rfind(name)
        return re.sub(r"[-_. ]+$", "", stem[:begin]) or root.resolve().name
    return stem or file


CANVAS = re.compile(r"(?P<name>[^_]+)(_LATE)?_(?P<user>\d+)_\d+_.+", re.DOTALL)
"""How Canvas names a file: `lovelaceada_4711_8150_sgd_step-1`."""
MOODLE = re.compile(r"(?P<student>.+_\d+)_assignsubmission_\w+", re.DOTALL)
"""How Moodle names a folder: `Ada Lovelace_4711_assignsubmission_file`."""


def _exercise(stem: str) -> str:
    """The exercise at the end of a file's name, such as `ada_sgd_step (1)`, or nothing."""
    plain = re.sub(r"[-_ ]*(\(\d+\)|copy\d*|-Copy\d+|-\d+)+$", "", stem, flags=re.IGNORECASE)
    fitting = [n for n in catalogue() if re.search(rf"(^|[-_. ]){n}$", plain)]
    return max(fitting, key=len, default="")


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
    label, kind, most = _label(path, root), _kind(path.name), int(settings.file * 2**20)
    try:
        if path.name in CARRIED:
            to.carried[path.name] = _bytes(path, 1000).decode("ascii", "replace").strip()
        elif not kind and stat.S_ISREG(path.lstat().st_mode):
            said = to.notes if path.parent != root else to.flags
            said.append(f"{label} is no notebook, and was left alone.")
        elif kind == "archive":
            for name, data in _members(
                _bytes(path, int(settings.file * 2**20)), settings, path.name
            ):
                _take(to, f"{label}/{_text(name)}", data, settings)
        else:
            _take(to, label, _bytes(path, most), settings)
    except UnreadableError as reason:
        to.flags.append(f"{label} {reason}.")
    except OSError as error:
        to.flags.append(f"{label} cannot be read: {error.strerror or error}.")


def _take(to: Submission, label: str, data: bytes, settings: Settings) -> None:
    """Add a notebook, or the flag that says why not."""
    try:
        to.notebooks.append(_notebook(label, data, settings))
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
        raise UnreadableError(f"is larger than {most / 2**20:g} MiB")
    return data


def _members(data: bytes, settings: Settings, name: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the notebooks in an archive."""
    most, left = int(settings.file * 2**20), settings.files
    try:
        for inner, size, regular, file in (_zipped if name.endswith(".zip") else _tarred)(data):
            left -= 1
            if left < 0:
                raise UnreadableError(f"has more than {settings.files:g} files")
            if size > most:  # before it is unpacked, or skipped, which is as much work
                raise UnreadableError(f"has a file in it that is larger than {settings.file:g} MiB")
            kind = _kind(inner)
            if any(LITTER.fullmatch(part) for part in PurePosixPath(inner).parts) or not kind:
                continue
            if not regular:
                raise UnreadableError(f"has a link in it, {_text(inner)}: links are not followed")
            if kind == "archive":
                raise UnreadableError(f"has an archive in it, {_text(inner)}, which is not opened")
            yield inner, _bounded(file(), most)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError) as error:
        raise UnreadableError(f"is a damaged archive: {error}") from None
    except (NotImplementedError, RuntimeError) as error:  # of another method, or encrypted
        raise UnreadableError(f"cannot be unpacked: {_text(str(error))}") from None
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableError(f"is a damaged archive: {error}") from None


def _zipped(data: bytes) -> Iterator[tuple[str, int, bool, Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                link = stat.S_ISLNK(member.external_attr >> 16)
                yield member.filename, member.file_size, not link, lambda m=member: archive.open(m)


def _tarred(data: bytes) -> Iterator[tuple[str, int, bool, Any]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if not member.isdir():
                yield (
                    member.name,
                    member.size,
                    member.isreg(),
                    lambda m=member: archive.extractfile(m),
                )


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
            cell["source"] = given.source if code else _fenced(given.source)
        elif again:
            notes.append(f"{handed.path} had the cell {grade_id} twice; one was taken out.")
            continue
        elif given.source.strip() != "".join(cell["source"]).strip():
            notes.append(f"{handed.path} had another text in the cell {grade_id}; it was restored.")
            if given.kind == "code":  # it may be the answer
                cells.append(_extra(given, len(cells)))
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
    for place, cell in reversed([*enumerate(cells)]):
        if cell["cell_type"] == "code" and re.search(rf"^\s*def {name}\b", cell["source"], re.M):
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
        "source": given.source if code else _fenced(given.source),
    }
    return cell | ({"execution_count": None, "outputs": []} if code else {})


def _fenced(text: str) -> str:
    """Markdown that shows a text as it was typed: its markup could be anything."""
    fence = "`" * max(3, *(1 + len(run) for run in re.findall("`+", text)), 3)
    return f"{fence}text\n{text}\n{fence}"
