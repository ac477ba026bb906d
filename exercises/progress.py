"""What a student has tried and done, kept on the student's own disk.

`check` keeps it in one small JSON file: for each exercise how often it was tried, when last and
with what verdict, and when it was first done. Nothing of an answer is in it, and it goes nowhere.
The file is written whole or not at all. Whatever is wrong with it or with the disk, `check`
answers as ever, and says once that progress could not be kept. `progress()` shows what is kept.
"""

import errno
import json
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, get_args

from exercises.exercise import catalogue, load
from exercises.reading import where
from exercises.verdict import Kind, Verdict
from optlib import files

FILE = "progress.json"
VERSION = 1
LARGEST = 1_000_000
"""A larger file, in bytes, is not ours."""

PATIENCE = 2.0
"""How many seconds to wait while another process writes."""

DESCRIPTIONS = {
    "right": "right",
    "mistake": "a known mistake",
    "wrong": "wrong, and not in a way that is known here",
    "form": "not in the form that is asked",
    "error": "the function raised an error",
}
"""The kinds of verdict that count as a try, in words. A page that was only run is none."""


@dataclass(frozen=True)
class Attempt:
    """What is kept of one exercise. Times are local, as ISO 8601 writes them with their offset.

    Attributes
    ----------
    tries : int
        How often it was tried. The same function with the same verdict counts once.
    last : str
        When it was tried last.
    kind : str
        The kind of the last verdict.
    mistake : str
        The name of the known mistake, if it was one.
    done : str
        When it was first done, or nothing.
    """

    tries: int
    last: str
    kind: str
    mistake: str = ""
    done: str = ""

    def __post_init__(self) -> None:
        """Raise a ValueError if this is no such attempt; a file may say anything."""
        words = (self.last, self.kind, self.mistake, self.done)
        if type(self.tries) is not int or not all(type(word) is str for word in words):
            raise ValueError("a record has values of other types")
        if self.tries < 1 or self.kind not in get_args(Kind):
            raise ValueError("a record has values that cannot be")
        for moment in (self.last, self.done or self.last):
            datetime.fromisoformat(moment)


Attempts = dict[str, Attempt]


# The file.


def folder() -> Path | None:
    """Where progress is kept; None if it is not.

    The folder that the environment variable OPTLIB_PROGRESS names; none if it is set and empty.
    Without it `optlib` among the user's data, where each system has them.

    Raises
    ------
    ImportError
        The package that knows each system's folders is missing.
    RuntimeError
        The user has no home.
    """
    place = os.environ.get("OPTLIB_PROGRESS")
    if place == "":
        return None
    if place is None:
        # Imported here and not above: a check answers with NumPy alone.
        from platformdirs import user_data_path

        return user_data_path("optlib", appauthor=False, roaming=True).expanduser()
    return Path(place).expanduser()


def read(path: Path) -> Attempts:
    """The records in a file; none if there is no file.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is damaged, or something else.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return {}
    # A pipe, for one, would be waited for.
    if not path.is_file() or size > LARGEST:
        raise ValueError(f"{path} is no file of progress")
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["version"] != VERSION:
            raise ValueError("another version")
        return {name: Attempt(**record) for name, record in content["exercises"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path} is damaged or of another kind; move it away") from None


def write(path: Path, records: Attempts) -> None:
    """Write the records so that a reader sees the old file or the new one, never half."""
    content = {"version": VERSION, "exercises": {n: asdict(r) for n, r in records.items()}}
    files.write(path, (json.dumps(content, indent=1) + "\n").encode())


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes out while a file is read, changed and written.

    On disks without locks nobody is kept out: of two tries in the same instant one may be lost.

    Raises
    ------
    ImportError
        The package that locks is missing.
    TimeoutError
        Another process did not end.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_suffix(".lock"), timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise TimeoutError(f"another process holds {lock.lock_file}") from None
    except OSError as error:
        if error.errno != errno.ENOLCK:
            raise
    try:
        yield
    finally:
        lock.release()


# Keeping.

_warned = False
_last: dict[str, Callable[[], Any]] = {}
"""The function that was kept last for each exercise, as long as it lives."""


def keep(verdict: Verdict, function: Any) -> None:
    """Keep a verdict on a function; whatever is in the way, this raises nothing.

    When an exercise is done for the first time it says so, and what is next.
    """
    global _warned
    try:
        news = _keep(verdict, function)
    except Exception as trouble:  # a check goes on without it
        news = "" if _warned else f"Progress could not be kept: {_why(trouble)}."
        _warned = True
    if news:
        with suppress(Exception):
            print(news)


def _keep(verdict: Verdict, function: Any) -> str:
    place = folder()
    if place is None or verdict.kind not in DESCRIPTIONS:
        return ""
    name, path = verdict.exercise, place / FILE
    place.mkdir(parents=True, exist_ok=True)
    with alone(path):
        records = read(path)
        old = records.get(name)
        # A cell that is run again, or the one for the mark, is no other try.
        again = name in _last and _last[name]() is function
        if old and again and (old.kind, old.mistake) == (verdict.kind, verdict.mistake):
            return ""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        done = old.done if old else ""
        records[name] = Attempt(
            tries=old.tries + 1 if old else 1,
            last=now,
            kind=verdict.kind,
            mistake=verdict.mistake,
            done=done or (now if verdict.right else ""),
        )
        write(path, records)
    _last.pop(name, None)
    with suppress(TypeError):  # not every object can be remembered
        _last[name] = weakref.ref(function)
    return Progress(records).summary if verdict.right and not done else ""


def _why(trouble: Exception) -> str:
    """A short reason, in one line."""
    text = str(trouble)
    if isinstance(trouble, OSError) and trouble.strerror:
        text = f"{trouble.strerror}: {trouble.filename}" if trouble.filename else trouble.strerror
    return " ".join(text.split()) or type(trouble).__name__


# Showing.


@dataclass(frozen=True)
class Progress:
    """A student's progress; a notebook shows it as a table, a terminal as text.

    Attributes
    ----------
    records : dict of str to Attempt
        What is kept, by the exercise's name.
    trouble : str
        Why nothing is kept, or nothing.
    """

    records: Attempts
    trouble: str = ""

    @property
    def done(self) -> tuple[str, ...]:
        """The exercises that are done, in the order of the book."""
        return tuple(n for n in catalogue() if n in self.records and self.records[n].done)

    @property
    def tried(self) -> tuple[str, ...]:
        """The exercises that were tried and are not done."""
        return tuple(name for name in catalogue() if name in self.records and name not in self.done)

    @property
    def next(self) -> str | None:
        """The first exercise of the book that is not done."""
        return next((name for name in catalogue() if name not in self.done), None)

    @property
    def summary(self) -> str:
        """All of it in a line."""
        parts = [f"Done: {len(self.done)} of {len(catalogue())}."]
        if self.tried:
            parts.append(f"Tried: {len(self.tried)} more.")
        parts.append(f"Next: {self.next}." if self.next else "That is all of them.")
        return " ".join(parts)

    def __repr__(self) -> str:
        lines = [self.summary, *([self.trouble] if self.trouble else []), ""]
        for name in catalogue():
            state, tries, last, title, read = self._row(name)
            lines.append(f"{state:<11} {name:<20} {title}".rstrip())
            if name in self.tried:
                lines.append(f"{'':<11} {tries}, last {last}")
            if name == self.next:
                lines.append(f"{'':<11} Read: {read}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("Exercise", "State", "Tries", "Last try", "Title", "Where to read")
        head = "".join(f'<th scope="col">{text}</th>' for text in heads)
        body = "".join(
            f'<tr><th scope="row"><code>{escape(name)}</code></th>'
            + "".join(f"<td>{escape(text)}</td>" for text in self._row(name))
            + "</tr>"
            for name in catalogue()
        )
        return (
            f'<div class="exercise-progress"><p>{escape(self.summary)}</p>'
            + (f"<p>{escape(self.trouble)}</p>" if self.trouble else "")
            + "<table><caption>The exercises in the order of the book</caption>"
            + f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _row(self, name: str) -> tuple[str, str, str, str, str]:
        """State, tries, last try, title and where to read."""
        exercise, record = load(name), self.records.get(name)
        state = "done" if name in self.done else "tried" if record else ""
        if name == self.next:
            state = "tried, next" if state else "next"
        tries = last = ""
        if record:
            tries = "1 try" if record.tries == 1 else f"{record.tries} tries"
            what = [m.what for m in exercise.mistakes if m.name == record.mistake]
            verdict = what[0].rstrip(".") if what else DESCRIPTIONS.get(record.kind, record.kind)
            last = f"{record.last[:10]}: {verdict}"
        return state, tries, last, exercise.title, where(exercise.read)


def progress() -> Progress:
    """What is done, what was tried and what is next, from what `check` has kept."""
    try:
        place = folder()
        if place is None:
            return Progress({}, "Progress is not kept: OPTLIB_PROGRESS is set and empty.")
        return Progress(read(place / FILE))
    except (ImportError, OSError, ValueError, RuntimeError) as trouble:
        return Progress({}, f"Progress could not be read: {_why(trouble)}.")
