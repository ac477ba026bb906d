"""Executes the chapters, each once for the build and for the tests, and keeps what came out.

The executed copies lie in `_build/executed`, a folder of jupyter-cache's, which finds a copy by the
code of its notebook. Each copy also says what else its numbers were made of: after a change in a
package, a record or a pin it is made again.
"""

import ast
import asyncio
import hashlib
import os
import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.db import NbCacheRecord
from nbclient import NotebookClient
from nbformat import NotebookNode

from exercises.bank import PARTS

ROOT = Path(__file__).resolve().parent.parent

# As a reader sees it: live figures as HTML, .venv's kernel before a user's own, and nothing kept as
# a student's progress.
KERNEL_ENVIRONMENT = {
    "OPTLIB_LIVE": "html",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "OPTLIB_PROGRESS": "",
}

# Whatever changes the numbers of a chapter, besides the chapter itself.
INGREDIENTS = ("optlib", "optlive", "optlab", "exercises", "requirements.txt")
# No chapter grades, and the pages take the live figures' scripts from their files.
APART = ("exercises/grading", "optlive/figure.mjs", "optlive/host.mjs")
# Code that the chapters print: its comments and docstrings count, too.
SHOWN = ("optlib/rules", "optlib/schedules.py", "optlib/problems.py", "optlab/tasks/networks.py")


def statements(text: str) -> str:
    """What a Python file does: its syntax tree without comments, docstrings and layout."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


class Ingredients:
    """What the chapters' numbers are made of, as it is now."""

    def __init__(self, root: Path = ROOT) -> None:
        shared = hashlib.sha256()
        self._bank: dict[str, str] = {}
        for ingredient in INGREDIENTS:
            path = root / ingredient
            for file in [path] if path.is_file() else sorted(path.rglob("*")):
                name = file.relative_to(root)
                # What begins with a dot is an editor's or the system's: no number comes from it.
                hidden = any(part == "__pycache__" or part.startswith(".") for part in name.parts)
                if hidden or not file.is_file() or any(map(name.is_relative_to, APART)):
                    continue
                content = file.read_bytes()
                if name.parent.parent == Path("exercises/bank") and _is_exercise(name.stem):
                    self._bank[name.stem] = content.decode()
                    continue
                if file.suffix == ".py" and not any(map(name.is_relative_to, SHOWN)):
                    content = statements(content.decode()).encode()
                shared.update(name.as_posix().encode() + b"\0" + content)
        self._shared = shared.hexdigest()

    def key(self, notebook: NotebookNode) -> str:
        """Names the state of all that goes into a notebook: of the exercises, those it names."""
        found: dict[str, str] = {}
        texts = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        while texts:
            words = set(re.findall(r"\w+", texts.pop()))
            for name in words & (self._bank.keys() - found.keys()):
                found[name] = self._bank[name]
                texts.append(self._bank[name])
        parts = [self._shared, *(found[name] for name in sorted(found))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _is_exercise(name: str) -> bool:
    return any(name in names for names in PARTS.values())


class Copies:
    """The executed copies of the notebooks of a book.

    Attributes
    ----------
    folder : Path
        Where they lie.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.folder = root / "_build/executed"
        self._cache = get_cache(self.folder)
        self._ingredients = Ingredients(root)

    def record(self, notebook: NotebookNode) -> NbCacheRecord | None:
        """What jupyter-cache knows of the copy; None if the notebook must be executed."""
        with suppress(KeyError):
            record = self._cache.match_cache_notebook(notebook)
            if record.data.get("ingredients") == self._ingredients.key(notebook):
                return record
        return None

    def executed(self, notebook: NotebookNode) -> NotebookNode | None:
        """The notebook with the outputs of its copy; None if there is none that may be used."""
        with suppress(KeyError):
            if self.record(notebook):
                return self._cache.merge_match_into_notebook(notebook)[1]
        return None

    def file(self, record: NbCacheRecord) -> Path:
        """Where the copy lies."""
        return self.folder / "executed" / record.hashkey / "base.ipynb"

    def keep(self, notebook: NotebookNode, path: Path, seconds: float) -> None:
        """Keeps an executed notebook, and how long that took."""
        data = {"execution_seconds": seconds, "ingredients": self._ingredients.key(notebook)}
        bundle = CacheBundleIn(notebook, str(path), data=data)
        self._cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)

    def tidy(self, paths: Iterable[Path]) -> list[Path]:
        """Removes what is of no use for these notebooks, and gives those that have no copy."""
        records = {path: self.record(_read(path)) for path in paths}
        used = {record.pk for record in records.values() if record}
        for record in self._cache.list_cache_records():
            if record.pk not in used:
                with suppress(KeyError):  # its file is gone
                    self._cache.remove_cache(record.pk)
        return [path for path, record in records.items() if record is None]

    def seconds(self) -> dict[str, float]:
        """How long each notebook took when it was executed, the longest first."""
        records = self._cache.list_cache_records()
        taken = {Path(r.uri).stem: r.data["execution_seconds"] for r in records}
        return dict(sorted(taken.items(), key=lambda item: -item[1]))


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


async def _execute_all(paths: list[Path], copies: Copies) -> list[str]:
    """Executes the notebooks, as many at once as there are processors."""
    free = asyncio.Semaphore(os.cpu_count() or 1)
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["execute"]["timeout"]
    # With as many chapters as processors a second thread of one takes it from another.
    environment = os.environ | KERNEL_ENVIRONMENT | {"OMP_NUM_THREADS": "1"}
    done = 0
    failed = []

    async def execute(path: Path) -> None:
        nonlocal done
        async with free:
            start = time.monotonic()
            notebook = _read(path)
            client = NotebookClient(
                notebook,
                timeout=timeout,
                resources={"metadata": {"path": str(path.parent)}},
                extra_arguments=["--log-level=ERROR"],
                record_timing=False,  # it would be a part of what a copy is found by
                shutdown_kernel="immediate",
            )
            fault = ""
            try:
                await client.async_execute(env=environment)
            except Exception as error:  # of the cell, of the kernel, or out of time
                this = asyncio.current_task()
                if this and this.cancelling():  # NotebookClient makes a dead kernel of it
                    raise asyncio.CancelledError from None
                fault = f"{type(error).__name__}: {error}"
                failed.append(_name(path))
            seconds = time.monotonic() - start
            done += 1
            print(f"{done:3} of {len(paths)} {seconds:5.0f} s  {_name(path)}", flush=True)
            if fault:
                print(f"\n{_name(path)} failed\n{fault}\n", flush=True)
            else:
                copies.keep(notebook, path, seconds)

    async with asyncio.TaskGroup() as tasks:
        for path in paths:
            tasks.create_task(execute(path))
    return failed


def _turn(path: Path) -> tuple[bool, bool, int]:
    """By what the notebooks are sorted: the longest first, as what prints most has run most.

    The exercises, which are short, fill up at the end. The page of all claims comes after the
    chapters, so that it finds in the store what they have trained.
    """
    return path.parent.name == "exercises", path.stem == "claims", -path.stat().st_size


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def execute(paths: Iterable[Path], copies: Copies) -> list[str]:
    """Executes the notebooks that have no copy, and gives the names of those that failed.

    What was executed before an interruption stays, and the next call goes on from there. How long
    each took is written into `seconds.txt` beside the copies.
    """
    os.environ.update(KERNEL_ENVIRONMENT)  # where the kernel is found, too
    missing = copies.tidy(paths)
    if not missing:
        return []
    missing.sort(key=_turn)
    print(f"Executing {len(missing)} notebooks", flush=True)
    # Not in the main thread, where each NotebookClient would take the signals for itself.
    with asyncio.Runner() as runner, ThreadPoolExecutor(1) as thread:
        loop = runner.get_loop()
        task = loop.create_task(_execute_all(missing, copies))
        running = thread.submit(loop.run_until_complete, task)
        try:
            failed = running.result()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(task.cancel)
            raise
    table = [f"{seconds:7.1f}  {name}\n" for name, seconds in copies.seconds().items()]
    (copies.folder / "seconds.txt").write_text("".join(table), "utf-8")
    return failed
