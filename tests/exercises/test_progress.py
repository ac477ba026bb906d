"""A student's progress: kept on the student's disk, shown in the order of the book, never in a
check's way."""

import errno
import importlib
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import filelock
import platformdirs
import pytest
from platformdirs import macos, unix, windows

from exercises import catalogue, check, load, progress
from exercises.__main__ import main
from exercises.bank import PARTS
from exercises.reading import where
from exercises.verdict import Kind
from tools.execution import KERNEL_ENVIRONMENT

# The package's attribute of this name is the function.
keeping = importlib.import_module("exercises.progress")

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process."""
    monkeypatch.setattr(keeping, "_warned", False)
    monkeypatch.setattr(keeping, "_last", {})


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A student's folder, which is not there yet."""
    monkeypatch.setenv("OPTLIB_PROGRESS", str(tmp_path / "mine"))
    return tmp_path / "mine"


@pytest.fixture
def file(disk: Path) -> Path:
    """The file of progress, which is not there yet, in a folder that is."""
    disk.mkdir()
    return disk / "progress.json"


def right(theta, g, lr):
    return theta - lr * g


def uphill(theta, g, lr):
    return theta + lr * g


def solve(*names: str) -> None:
    for name in names:
        check(load(name).solve, name)


def record(**changes: Any) -> dict[str, Any]:
    """A record as it stands in a file."""
    last = "2026-02-03T10:00:00+01:00"
    return {"tries": 2, "last": last, "kind": "wrong", "mistake": "", "done": "", **changes}


def content(**records: Any) -> str:
    return json.dumps({"version": 1, "exercises": records})


# What is kept.


def test_nothing_is_there_before_the_first_check(disk):
    assert progress().records == {} and progress().trouble == ""
    assert progress().done == progress().tried == ()
    assert not disk.exists()


def test_a_right_answer_is_done(disk):
    begin = datetime.now().astimezone().replace(microsecond=0)
    assert check(right, "sgd_step")
    (kept,) = progress().records.items()
    assert kept[0] == "sgd_step"
    assert (kept[1].tries, kept[1].kind, kept[1].mistake) == (1, "right", "")
    assert begin <= datetime.fromisoformat(kept[1].done) <= datetime.now().astimezone()
    assert kept[1].last == kept[1].done
    assert progress().done == ("sgd_step",) and progress().tried == ()


def test_a_wrong_answer_is_tried_and_its_mistake_named(disk):
    verdict = check(uphill, "sgd_step")
    kept = progress().records["sgd_step"]
    assert (kept.tries, kept.kind, kept.mistake) == (1, "mistake", verdict.mistake)
    assert kept.mistake and kept.done == ""
    assert progress().done == () and progress().tried == ("sgd_step",)


def nothing(theta, g, lr):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (uphill, "mistake"),
        (lambda theta, g, lr: 7 * theta + g, "wrong"),
        (lambda theta, g, lr: "theta", "form"),
        (lambda theta: theta, "form"),
        (lambda theta, g, lr: 1 / 0, "error"),
    ],
)
def test_every_kind_of_try_is_kept(disk, answer, kind):
    assert check(answer, "sgd_step").kind == kind
    assert progress().records["sgd_step"].kind == kind


@pytest.mark.parametrize(
    "arguments", [(nothing, "sgd_step"), (lambda *_: None, "sgd_step"), (right, "sgd"), (3,)]
)
def test_a_page_that_is_only_run_is_no_try(disk, arguments):
    assert check(*arguments).kind in ("blank", "lost")
    assert progress().records == {} and not disk.exists()


def test_every_kind_of_verdict_is_a_try_or_known_to_be_none():
    of_a_class = {"stopped", "missing"}  # which the checker never says
    assert set(keeping.DESCRIPTIONS) == set(get_args(Kind)) - {"blank", "lost"} - of_a_class


def test_tries_are_counted_and_what_is_done_stays_done(disk):
    for answer in (uphill, right, uphill):
        check(answer, "sgd_step")
    kept = progress().records["sgd_step"]
    assert (kept.tries, kept.kind) == (3, "mistake")
    assert progress().done == ("sgd_step",) and kept.done


def test_done_is_when_it_was_done_first(file):
    file.write_text(content(sgd_step=record(kind="right", done="2026-02-02T10:00:00+01:00")))
    check(right, "sgd_step")
    kept = progress().records["sgd_step"]
    assert (kept.tries, kept.done) == (3, "2026-02-02T10:00:00+01:00")
    assert kept.last > kept.done


def test_the_same_function_with_the_same_verdict_is_one_try(disk):
    for seed in range(5):
        check(right, "sgd_step", seed=seed)
    assert progress().records["sgd_step"].tries == 1
    check(lambda theta, g, lr: theta - lr * g, "sgd_step")
    assert progress().records["sgd_step"].tries == 2


def test_the_same_function_is_kept_again_where_the_file_is_gone(disk):
    check(right, "sgd_step")
    (disk / "progress.json").unlink()
    check(right, "sgd_step")
    assert progress().done == ("sgd_step",)


class Rigid:
    """A callable that no weak reference can remember."""

    __slots__ = ()

    def __call__(self, theta, g, lr):
        return theta - lr * g


def test_a_callable_that_cannot_be_remembered_is_kept(disk, capsys):
    for _ in range(2):
        assert check(Rigid(), "sgd_step")
    assert progress().records["sgd_step"].tries == 2
    assert "could not" not in capsys.readouterr().out


def test_nothing_of_the_answer_is_in_the_file(disk):
    def secret(theta, g, lr):
        raise ValueError("a secret")

    check(secret, "sgd_step")
    check(lambda theta, g, lr: 12.3456, "sgd_step")
    text = (disk / "progress.json").read_text("utf-8")
    assert "secret" not in text and "12.3" not in text
    assert set(json.loads(text)["exercises"]["sgd_step"]) == set(record())
    assert len(text) < 400


def test_records_of_exercises_that_are_not_here_stay(file):
    file.write_text(content(of_a_later_book=record()))
    check(right, "sgd_step")
    assert set(json.loads(file.read_text())["exercises"]) == {"of_a_later_book", "sgd_step"}
    assert progress().done == ("sgd_step",) and progress().tried == ()


def test_only_the_file_and_its_lock_are_left(disk):
    solve("sgd_step", "sgdm_step")
    assert {path.name for path in disk.iterdir()} == {"progress.json", "progress.lock"}


def test_the_first_time_that_it_is_done_it_says_what_is_next(disk, capsys):
    check(uphill, "sgd_step")
    assert capsys.readouterr().out == ""
    check(right, "sgd_step")
    count = len(catalogue())
    assert capsys.readouterr().out == f"Done: 1 of {count}. Next: minibatch_gradient.\n"
    for answer in (right, uphill, lambda theta, g, lr: theta - g * lr):
        check(answer, "sgd_step")
    assert capsys.readouterr().out == ""


# Where it is kept, and when not.

SYSTEMS = {"linux": unix.Unix, "darwin": macos.MacOS, "win32": windows.Windows}


def folder_of(monkeypatch: pytest.MonkeyPatch, platform: str, **variables: str) -> Path | None:
    for name in ("OPTLIB_PROGRESS", "XDG_DATA_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(platformdirs, "PlatformDirs", SYSTEMS[platform])
    # Windows has a call for it; this is what it falls back to without.
    monkeypatch.setattr(windows, "get_win_folder", windows.get_win_folder_from_env_vars)
    return keeping.folder()


@pytest.mark.parametrize(
    ("platform", "variables", "due"),
    [
        ("linux", {}, "/home/ada/.local/share/optlib"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/optlib"),
        ("linux", {"XDG_DATA_HOME": ""}, "/home/ada/.local/share/optlib"),
        ("linux", {"XDG_DATA_HOME": "not/absolute"}, "/home/ada/.local/share/optlib"),
        ("darwin", {}, "/home/ada/Library/Application Support/optlib"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/optlib"),
        ("linux", {"OPTLIB_PROGRESS": "/usb"}, "/usb"),
        ("linux", {"OPTLIB_PROGRESS": "~/mine"}, "/home/ada/mine"),
    ],
)
def test_the_folder(monkeypatch, platform, variables, due):
    assert folder_of(monkeypatch, platform, HOME="/home/ada", **variables) == Path(due)


def test_an_empty_variable_switches_it_off(monkeypatch, tmp_path, capsys):
    assert folder_of(monkeypatch, "linux", HOME=str(tmp_path), OPTLIB_PROGRESS="") is None
    assert check(right, "sgd_step")
    assert [*tmp_path.iterdir()] == [] and capsys.readouterr().out == ""
    assert "OPTLIB_PROGRESS" in progress().trouble and progress().records == {}


def test_the_books_own_runs_keep_nothing():
    assert KERNEL_ENVIRONMENT["OPTLIB_PROGRESS"] == "" == os.environ["OPTLIB_PROGRESS"]
    for place in ("_ext/house.py", "tools/execution.py"):  # Sphinx, and what executes the notebooks
        assert "os.environ.update(KERNEL_ENVIRONMENT)" in (ROOT / place).read_text("utf-8")


# In nobody's way.


def in_the_way(capsys: pytest.CaptureFixture[str]) -> str:
    """What is said, once, when a check cannot keep anything."""
    assert check(right, "sgd_step")
    assert check(uphill, "sgd_step").kind == "mistake"
    assert check(right, "sgd_step")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Progress could not be kept: ")
    return line


FOREIGN = {
    "empty": "",
    "no JSON": "my notes",
    "cut": content(sgd_step=record())[:-20],
    "not UTF-8": b"\xff\xfe\x00{",
    "a list": "[]",
    "null": "null",
    "no exercises": '{"version": 1}',
    "a later version": '{"version": 2, "exercises": {}}',
    "no version": '{"exercises": {}}',
    "exercises in a list": '{"version": 1, "exercises": ["sgd_step"]}',
    "a record that is a number": content(sgd_step=3),
    "a record with too little": content(sgd_step={"tries": 1}),
    "a record with too much": content(sgd_step=record(more=1)),
    "no tries": content(sgd_step=record(tries=0)),
    "tries that are words": content(sgd_step=record(tries="2")),
    "tries that are true": content(sgd_step=record(tries=True)),
    "nan tries": content(sgd_step=record(tries=float("nan"))),
    "a number without end": content(sgd_step=record()).replace("2,", "9" * 5000 + ","),
    "a kind that is none": content(sgd_step=record(kind="great")),
    "a kind in a list": content(sgd_step=record(kind=["right"])),
    "never tried": content(sgd_step=record(last="")),
    "done some day": content(sgd_step=record(done="some day")),
    "done: true": content(sgd_step=record(done=True)),
    "deep": "[" * 100_000,
    "large": content() + " " * 1_000_001,
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_that_is_not_ours_is_left_alone(file, capsys, text):
    data = text if isinstance(text, bytes) else text.encode()
    file.write_bytes(data)
    assert str(file) in in_the_way(capsys)
    assert file.read_bytes() == data
    shown = progress()
    assert str(file) in shown.trouble and shown.trouble in repr(shown)
    assert shown.records == {} and shown.next == "minibatch_gradient"


def test_what_is_no_file_is_left_alone(file, capsys):
    file.mkdir()
    in_the_way(capsys)
    assert file.is_dir() and progress().trouble


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(file, capsys):
    os.mkfifo(file)
    in_the_way(capsys)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_the_locks_place_is_not_waited_for(file):
    os.mkfifo(file.with_suffix(".lock"))
    assert check(right, "sgd_step")
    assert progress().done == ("sgd_step",)


def test_a_folder_that_is_a_file(disk, capsys):
    disk.write_text("mine")
    assert str(disk) in in_the_way(capsys)
    assert disk.read_text() == "mine" and "could not be read" in progress().trouble


def test_an_unwritable_folder(file, capsys, monkeypatch):
    def refuse(self: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert "Permission denied: " in in_the_way(capsys)


def test_a_full_disk_leaves_the_old_file(disk, capsys, monkeypatch):
    check(uphill, "sgd_step")
    old = (disk / "progress.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    keeping._last.clear()
    assert "No space left on device" in in_the_way(capsys)
    assert (disk / "progress.json").read_bytes() == old
    assert not list(disk.glob("*.draft"))


def test_a_write_that_is_broken_off_leaves_the_old_file(disk, monkeypatch):
    check(uphill, "sgd_step")
    old = (disk / "progress.json").read_bytes()

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", broken)
        with pytest.raises(KeyboardInterrupt):
            check(right, "sgd_step")
    assert (disk / "progress.json").read_bytes() == old
    assert not list(disk.glob("*.draft"))


def test_no_home(monkeypatch, capsys):
    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    monkeypatch.setenv("OPTLIB_PROGRESS", "~/mine")
    assert "home" in in_the_way(capsys)
    assert "home" in progress().trouble


def test_no_home_and_no_folder_is_named(monkeypatch, tmp_path, capsys):
    """No folder called "~" is made."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPTLIB_PROGRESS", "XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}["nobody"])
    assert "home" in in_the_way(capsys)
    assert "home" in progress().trouble
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["filelock", "platformdirs"])
def test_with_numpy_alone_a_check_answers_as_ever(monkeypatch, tmp_path, capsys, package):
    """What locks and what knows the folder are packages, which may be missing."""
    monkeypatch.setitem(sys.modules, package, None)
    if package == "platformdirs":
        monkeypatch.delenv("OPTLIB_PROGRESS")
        assert package in progress().trouble
    else:
        monkeypatch.setenv("OPTLIB_PROGRESS", str(tmp_path))
    assert package in in_the_way(capsys)


def test_what_cannot_be_said_is_left_unsaid(file, monkeypatch):
    file.mkdir()
    monkeypatch.setattr(sys, "stdout", None)
    assert check(right, "sgd_step")
    monkeypatch.setattr(keeping, "_warned", False)
    monkeypatch.setattr(keeping, "print", lambda _: 1 / 0, raising=False)
    assert check(right, "sgd_step")


# Two processes at once.

MANY = """
import sys
from exercises import check, load
name, tries = sys.argv[1], int(sys.argv[2])
solve = load(name).solve
for _ in range(tries):
    # Another function each time.
    check(lambda *inputs: solve(*inputs), name, seed=0)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_lose_no_try(disk):
    names = ("sgd_step", "sgdm_step", "sgd_step")
    runs = [start(MANY, name, "20") for name in names]
    said = [run.communicate() for run in runs]
    assert not any("could not" in out or err for out, err in said), said
    kept = progress()
    assert {n: r.tries for n, r in kept.records.items()} == {"sgd_step": 40, "sgdm_step": 20}
    assert kept.done == ("sgd_step", "sgdm_step")


def test_a_process_that_hangs_is_not_waited_for_long(file, capsys, monkeypatch):
    hanging = start(
        "import filelock, sys\n"
        "lock = filelock.FileLock(sys.argv[1])\n"
        "lock.acquire()\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()",
        str(file.with_suffix(".lock")),
    )
    try:
        assert hanging.stdout.readline() == "held\n"
        monkeypatch.setattr(keeping, "PATIENCE", 0.1)
        assert "another process holds" in in_the_way(capsys)
    finally:
        hanging.kill()
        hanging.communicate()
    # The system has freed the lock.
    check(right, "sgd_step")
    assert progress().done == ("sgd_step",)


def test_a_disk_without_locks_keeps_progress(disk, monkeypatch, capsys):
    def no_locks(_: filelock.FileLock) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "_acquire", no_locks)
    assert check(right, "sgd_step")
    assert progress().done == ("sgd_step",)
    assert "could not" not in capsys.readouterr().out


# What is shown.


def test_the_order_is_the_books():
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    listed = re.findall(r"chapters/exercises/(\w+)", contents)
    assert ["index", *catalogue()] == listed


def test_every_exercise_has_one_place_in_the_book():
    bank = ROOT / "exercises/bank"
    files = [path.relative_to(bank).with_suffix("").parts for path in bank.glob("*/*.py")]
    places = [(part, name) for part, names in PARTS.items() for name in names]
    assert sorted(places) == sorted(each for each in files if each[1] != "__init__")
    assert len({name for _, name in places}) == len(places)


def test_done_tried_and_next(disk):
    order = catalogue()
    solve(order[0], order[3])
    check(uphill, "sgd_step")
    shown = progress()
    assert shown.done == (order[0], order[3])
    assert shown.tried == ("sgd_step",)
    assert shown.next == order[1] == "sgd_step"
    assert shown.summary == f"Done: 2 of {len(catalogue())}. Tried: 1 more. Next: sgd_step."


def test_all_done(file):
    every = {name: record(kind="right", done=record()["last"]) for name in catalogue()}
    file.write_text(content(**every))
    assert progress().next is None
    count = len(catalogue())
    assert progress().summary == f"Done: {count} of {count}. That is all of them."
    assert "next" not in repr(progress())


def test_the_text(file):
    file.write_text(
        content(
            minibatch_gradient=record(kind="right", done=record()["last"]),
            sgd_step=record(kind="mistake", mistake="uphill"),
            nag_step=record(kind="error", tries=1),
        )
    )
    exercise = load("sgd_step")
    (what,) = (m.what for m in exercise.mistakes if m.name == "uphill")
    lines = repr(progress()).splitlines()
    assert lines[0] == f"Done: 1 of {len(catalogue())}. Tried: 2 more. Next: sgd_step."
    assert [line.split() for line in lines[2:4]] == [
        ["done", "minibatch_gradient", *load("minibatch_gradient").title.split()],
        ["tried,", "next", "sgd_step", *exercise.title.split()],
    ]
    assert lines[4].strip() == f"2 tries, last 2026-02-03: {what.rstrip('.')}"
    assert lines[5].strip() == f"Read: {where(exercise.read)}"
    assert "1 try, last 2026-02-03: the function raised an error" in repr(progress())


class Table(HTMLParser):
    """The rows of a page's table, and the tags that are open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.cells: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
            self.cells.append((tag, dict(attrs).get("scope")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data


def test_the_table(disk):
    solve("minibatch_gradient")
    html = progress()._repr_html_()
    table = Table(html)
    assert table.open == []
    heads, *rows = table.rows
    assert [row[0] for row in rows] == [*catalogue()]
    assert [row[heads.index("State")] for row in rows[:3]] == ["done", "next", ""]
    for row in rows:
        assert row[heads.index("Where to read")] == where(load(row[0]).read)
    # Read aloud, each row and column has its name; nothing is told by a colour.
    assert table.cells[: len(heads)] == [("th", "col")] * len(heads)
    assert table.cells[len(heads) :: len(heads)] == [("th", "row")] * len(rows)
    assert "<caption>" in html and "color" not in html and "style" not in html


def test_markup_in_the_file_or_its_name_is_escaped(file, monkeypatch):
    evil = record(kind="mistake", mistake="<script>")
    file.write_text(content(sgd_step=evil, **{"<script>": evil}))
    assert progress().tried == ("sgd_step",) and "<script" not in progress()._repr_html_()
    monkeypatch.setenv("OPTLIB_PROGRESS", str(file / "<script>"))
    html = progress()._repr_html_()
    assert "&lt;script&gt;" in html and "<script" not in html


def test_the_command(disk, capsys):
    solve("minibatch_gradient", "sgd_step")
    capsys.readouterr()
    assert main(["progress"]) == 0
    assert capsys.readouterr().out == f"{progress()!r}\n"


def test_the_command_says_what_is_wrong(file, capsys):
    file.write_text("?")
    assert main(["progress"]) == 1
    assert str(file) in capsys.readouterr().out


def test_a_file_is_what_is_read(disk):
    """What one process writes another reads, to the letter."""
    check(uphill, "sgd_step")
    kept = json.loads((disk / "progress.json").read_text("utf-8"))["exercises"]
    assert kept == {name: asdict(entry) for name, entry in progress().records.items()}
