"""The class grader against all that can be handed in (`submissions.py`), once by root and once by
an ordinary user: everybody is in the report with the right mark, nothing gets out, nothing
changes, nothing is left running, and no page obeys what a student wrote."""

import base64
import contextlib
import csv
import ctypes
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from nbconvert import HTMLExporter

from exercises import load
from exercises.notebook import notebook
from tests.exercises.submissions import (
    CASES,
    ESCAPED,
    EXERCISES,
    MARKUP,
    NONE,
    WAS_HERE,
    Case,
    store,
)
from tests.system import IN_CI

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
WALL, CELL = 8, 2

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is of Linux"),
]


# Who runs it.


def command_of(who: str, bubblewrap: str, around: Path, environment: dict[str, str]) -> list[str]:
    """What stands before the command so that root or an ordinary user runs it."""
    known = ["env", *(f"{name}={value}" for name, value in environment.items())]
    if who == "root" and os.geteuid() != 0:
        sudo = shutil.which("sudo") or "false"
        if subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode:
            pytest.skip("an ordinary user runs these tests, and sudo is missing or asks who it is")
        return ["sudo", "-n", *known]
    if who == "user" and os.geteuid() == 0:
        drop = "import os, sys; os.setgroups([]); os.setgid({0}); os.setuid({0}); "
        drop += "os.execvp(sys.argv[1], sys.argv[1:])"
        python = [sys.executable, "-c", drop.format(NOBODY)]
        return [*opened(bubblewrap, [sys.base_prefix, sys.prefix, ROOT, around]), *python, *known]
    return known


def opened(bubblewrap: str, paths: list[Any]) -> list[str]:
    """bubblewrap as root, so that an ordinary user reaches these paths where folders above them
    are shut, such as /root; or nothing where they are all open."""
    shut: dict[Path, set[Path]] = {}
    for path in map(Path, paths):
        for above in reversed(path.parents):
            if not above.stat().st_mode & stat.S_IXOTH:
                shut.setdefault(above, set()).add(path)
                break
    if not shut:
        return []
    command = [bubblewrap, "--cap-add", "ALL", "--dev-bind", "/", "/"]
    for above, inside in shut.items():
        command += ["--perms", "0755", "--tmpfs", str(above)]
        between = {p for path in inside for p in path.parents if above in p.parents}
        for folder in sorted(between):
            command += ["--perms", "0755", "--dir", str(folder)]
        for path in sorted(inside):
            command += ["--bind", str(path), str(path)]
    return command


# What lies around, and must stay as it is.


@dataclass
class Server:
    """What listens on this machine, by TCP, UDP and a UNIX socket with and without a name in the
    file system; whoever comes gets a secret."""

    secret: str
    folder: Path
    visits: int = 0
    sockets: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> "Server":
        web = socket.create_server(("127.0.0.1", 0))
        self.port = web.getsockname()[1]
        self.post = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.post.bind(("127.0.0.1", self.port))
        self.sockets = [web, self.post]
        for name in (str(self.folder / "socket"), f"\0optlib-hostile-{self.port}"):
            made = socket.socket(socket.AF_UNIX)
            made.bind(name)
            made.listen()
            self.sockets.append(made)
        (self.folder / "socket").chmod(0o777)
        for each in self.sockets:
            if each is not self.post:
                threading.Thread(target=self.serve, args=(each,), daemon=True).start()
        return self

    def serve(self, listening: socket.socket) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                guest, _ = listening.accept()
            except OSError:
                return
            self.visits += 1
            with guest, contextlib.suppress(OSError):
                guest.sendall(self.secret.encode())

    def __exit__(self, *_: object) -> None:
        self.post.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self.post.recv(1)
            self.visits += 1
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes what waits for guests
            each.close()


def listing(folder: Path, without: Path) -> dict[str, tuple[Any, ...]]:
    """All that is in a folder: kind, mode, owner, size, time, and what is in small files."""
    found = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name) != without]
        for name in (".", *files, *(n for n in folders if Path(place, n).is_symlink())):
            path = Path(place, name)
            about = path.lstat()
            small = stat.S_ISREG(about.st_mode) and 0 < about.st_size < 10**6
            content = hashlib.sha256(path.read_bytes()).hexdigest() if small else ""
            changed = about.st_mtime_ns, about.st_size, about.st_nlink
            found[str(path)] = (about.st_mode, about.st_uid, *changed, content)
    return found


def children() -> dict[int, str]:
    """The living processes whose parent this one is."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Makes this process the parent of all that outlives its own parent further down."""
    prctl, child_subreaper = ctypes.CDLL(None, use_errno=True).prctl, 36
    prctl(child_subreaper, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(child_subreaper, 0, 0, 0, 0)


# The batch.


@dataclass
class Batch:
    """What came of the batch, and what was seen around it."""

    around: Path
    secrets: dict[str, str]
    status: int = -1
    output: str = ""
    visits: int = 0
    before: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    after: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    left: dict[int, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.around / "report"

    def report(self) -> dict[str, Any]:
        return json.loads((self.folder / "report.json").read_text("utf-8"))

    def of(self, case: Case) -> dict[str, Any]:
        """What the report says of a case."""
        name = case.student.encode("utf-8", "replace").decode()
        found = [each for each in self.report()["submissions"] if each["student"] == name]
        assert len(found) == 1, f"{len(found)} submissions of {name!r} in the report"
        return found[0]

    def files(self, pattern: str = "*") -> list[Path]:
        return [path for path in self.folder.rglob(pattern) if path.is_file()]

    def graded(self) -> list[Path]:
        """The notebooks that nbgrader shows."""
        found = self.files("course/autograded/**/*.ipynb")
        assert len(found) > len(CASES) / 2
        return found


def prepare(around: Path, kept: dict[str, str], port: int) -> None:
    """Write secrets and submissions."""
    store(around / "secret.txt", kept["beside"])
    store(around / "home/secret.txt", kept["home"])
    store(around / "home/.ssh/id_rsa", kept["key"])
    store(around / "instructor/neighbour.txt", kept["neighbour"])
    store(around / "instructor/sgdm_step.ipynb", notebook(load("sgdm_step"), solved=True))
    (around / "submissions").mkdir()
    for case in CASES:
        case.write(around, port)


@pytest.fixture(scope="module", params=["root", "user"])
def batch(request: pytest.FixtureRequest, bubblewrap: str) -> Iterator[Batch]:
    """Everything handed in, graded once by root and once by an ordinary user."""
    kinds = ("beside", "home", "key", "neighbour", "environment", "server")
    kept = {kind: f"canary-{kind}-{secrets.token_hex(8)}" for kind in kinds}
    with (
        tempfile.TemporaryDirectory(prefix="optlib-class-", ignore_cleanup_errors=True) as name,
        Server(kept["server"], Path(name)) as server,
        adopting(),
    ):
        made = Batch(Path(name), kept)
        made.around.chmod(0o755)
        prepare(made.around, kept, server.port)
        made.missing = {case.name: gone for case in CASES if (gone := case.missing(made.around))}
        made.folder.mkdir()
        environment = {
            "HOME": f"{name}/home",
            "SECRET": kept["environment"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPTLIB_PROGRESS": "",
        }
        first = command_of(request.param, bubblewrap, made.around, environment)
        if request.param == "user" and os.geteuid() == 0:
            # Only the sandbox is to keep the secrets, no permission.
            for place, folders, files in os.walk(name):
                for each in (".", *folders, *files):
                    os.chown(Path(place, each), NOBODY, NOBODY, follow_symlinks=False)
        tried = [*first, bubblewrap, "--unshare-all", "--ro-bind", "/", "/", "true"]
        if (probe := subprocess.run(tried, capture_output=True, check=False, text=True)).returncode:
            reason = f"no sandbox can be made here as {request.param}: {probe.stderr.strip()}"
            pytest.fail(reason) if IN_CI and os.geteuid() == 0 else pytest.skip(reason)
        grade = [sys.executable, "-m", "exercises", "grade", f"{name}/submissions"]
        grade += ["--out", str(made.folder), "--exercises", *EXERCISES]
        grade += ["-j", "2", "--wall", str(WALL), "--cell", str(CELL)]
        made.before, mine = listing(made.around, made.folder), children()
        done = subprocess.run(
            [*first, *grade], cwd=ROOT, capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
        made.status, made.output = done.returncode, (done.stdout + done.stderr).decode()
        for _ in range(600):  # what is being ended may take a moment
            made.left = {number: what for number, what in children().items() if number not in mine}
            if not made.left:
                break
            time.sleep(0.1)
        made.after, made.visits = listing(made.around, made.folder), server.visits
        yield made
        made.folder.chmod(0o755)


# Targets.


def test_what_is_attacked_is_there(batch):
    """Otherwise an attack would fail by finding nothing."""
    assert batch.missing == {}
    names = {path.name for path in batch.files()}
    assert {"gradebook.db", "marks.csv", "report.json"} <= names  # which `searches_disk` looks for


def test_the_solutions_have_what_the_spy_looks_for():
    """`spies_sources` knows a solution by its decorator."""
    source = (ROOT / "exercises/bank/momentum/sgdm_step.py").read_text("utf-8")
    assert "@exercise.solution" in source


@pytest.mark.parametrize(
    "target", ["{around}/secrets.txt", "exercises.bank.sgdm_step", "exercises.bonk.sgdm_step"]
)
def test_a_target_that_is_not_there_is_noticed(tmp_path, target):
    case = replace(CASES[0], targets=(target, "{project}/exercises", "exercises.checker"))
    assert case.missing(tmp_path) == [target]


# Marks.


def test_the_batch_is_done(batch):
    assert batch.status == 0, batch.output[-3000:]
    assert batch.report()["sandboxed"] is True
    assert {each["name"] for each in batch.report()["exercises"]} == {*EXERCISES}


def test_nobody_is_lost_and_nobody_is_made_up(batch):
    due = sorted(case.student.encode("utf-8", "replace").decode() for case in CASES)
    assert sorted(each["student"] for each in batch.report()["submissions"]) == due


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_submission_comes_out_as_promised(batch, case):
    said = batch.of(case)
    points = {each["name"]: each["points"] for each in batch.report()["exercises"]}
    for name, kinds in case.due.items():
        verdict = said["verdicts"][name]
        assert verdict["kind"] in kinds.split("|"), (verdict, said["flags"], said["notes"])
        assert verdict["points"] == (points[name] if verdict["kind"] == "right" else 0)
    assert said["points"] == sum(verdict["points"] for verdict in said["verdicts"].values())
    if case.name.startswith("mistake_"):
        assert said["verdicts"]["sgdm_step"]["mistake"] == case.name.removeprefix("mistake_")
    if case.flag == NONE:
        assert said["flags"] == []
    elif case.flag:
        assert re.search(case.flag, "\n".join(said["flags"] + said["notes"]), re.IGNORECASE)
    page = (batch.folder / "students" / f"{said['id']}.html").read_text("utf-8")
    for pattern in case.page:
        assert re.search(pattern, page)


def test_every_submission_is_ended_by_its_own_limits(batch):
    """The batch has another one, for a job that hangs or dies: nobody gets as far as that."""
    for each in batch.report()["submissions"]:
        words = [*each["flags"], *(v["headline"] for v in each["verdicts"].values())]
        assert not any("could not be graded" in text for text in words), each["student"]


def test_the_table_has_the_same_marks_and_no_formula(batch):
    with (batch.folder / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    report = batch.report()
    names = [each["name"] for each in report["exercises"]]
    assert head == ["student", "id", "points", "max_points", *names, "flags"]
    submissions = report["submissions"]
    assert len(rows) == len(submissions)
    for row, each in zip(rows, submissions, strict=True):
        marks = [each["verdicts"][name]["points"] for name in names]
        assert row[1] == each["id"]
        assert [int(mark) for mark in row[2:-1]] == [each["points"], report["max_points"], *marks]
        for text in (row[0], row[-1]):
            assert not re.match(r"\s*[=+\-@]", text), text
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text), text


def test_each_student_has_a_page_of_ones_own(batch):
    ids = [each["id"] for each in batch.report()["submissions"]]
    assert len({name.casefold() for name in ids}) == len(ids)
    assert {path.stem for path in (batch.folder / "students").iterdir()} == {*ids}


# Secrets.


def test_no_secret_is_in_the_report(batch):
    for path in batch.files():
        content = path.read_bytes()
        for kind, secret in batch.secrets.items():
            own = kind == "neighbour" and "neighbour" in str(path.relative_to(batch.folder))
            assert own or secret.encode() not in content, f"{kind} in {path}"
    assert batch.secrets["neighbour"] in (batch.folder / "students/neighbour.html").read_text()
    assert not any(secret in batch.output for secret in batch.secrets.values())


def test_nothing_got_out(batch):
    told = {path.name for path in batch.files() if ESCAPED.encode() in path.read_bytes()}
    assert not told
    assert batch.visits == 0


def test_nothing_around_the_report_has_changed(batch):
    changed = {path for path in batch.before if batch.before[path] != batch.after.get(path)}
    assert not changed
    assert not batch.after.keys() - batch.before.keys()
    for place in (
        "/",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/run",
        ROOT,
        ROOT / "exercises",
        Path.home(),
    ):
        assert not os.path.lexists(Path(place, WAS_HERE))


def test_no_process_is_left(batch):
    assert batch.left == {}


# Pages.

LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping"}
FORBIDDEN = {"script", "iframe", "object", "embed", "base", "form", "input", "link", "svg", "frame"}


class Markup(HTMLParser):
    """What a page has in it that obeys a student or loads something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.dangers: list[str] = []
        self.style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.style = tag == "style"
        if tag in FORBIDDEN:
            self.dangers.append(f"<{tag}>")
        for name, value in attrs:
            address = re.sub(r"[\s\x00-\x20]", "", value or "").lower()
            if (
                name.startswith("on")
                or re.match(r"(javascript|vbscript|data:(?!image/png;base64,))", address)
                or (name in LOADING and not address.startswith("data:image/png;base64,"))
                or (name == "http-equiv" and address == "refresh")
                or (name == "style" and "url" in address)
            ):
                self.dangers.append(f"<{tag} {name}={value!r}>"[:200])

    def handle_data(self, data: str) -> None:
        if self.style and re.search(r"url\(|@import|expression", data):
            self.dangers.append(data[:200])

    def handle_endtag(self, tag: str) -> None:
        self.style = False


def test_no_page_has_script_or_loads_anything(batch):
    pages = batch.files("*.html")
    assert len(pages) > len(CASES)
    for path in pages:
        assert Markup(path.read_text("utf-8")).dangers == [], path


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href=' JaVa\nScRiPt:alert(1)'>x</a>",
        '<img src="https://evil.invalid/x.png">',
        "<style>@import 'x.css'</style>",
        "<p style='background: url(x)'>",
        "<meta http-equiv=refresh content='0; url=x'>",
        "<svg onload=alert(1)>",
    ],
)
def test_what_looks_for_script_finds_it(markup):
    assert Markup(f"<!doctype html><p>{markup}</p>").dangers


def test_graded_notebooks_have_text_and_pictures_only(batch):
    for path in batch.graded():
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                assert {*data} <= {"text/plain", "image/png"}, path
                if picture := data.get("image/png"):
                    png = base64.b64decode("".join(picture).strip(), validate=True)
                    assert png.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), path


def test_graded_notebooks_have_no_script_in_nbgraders_own_pages(batch):
    """They are made by nbconvert, which lets through what stands in a text cell."""
    exporter = HTMLExporter(template_name="basic")
    names = {case.name for case in CASES if case.family == MARKUP}
    paths = [path for path in batch.graded() if names & {*path.parts}]
    assert len(paths) == len(names)
    for path in paths:
        assert Markup(exporter.from_filename(str(path))[0]).dangers == [], path


def test_nothing_obeys_a_terminal(batch):
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", batch.output)
    for path in batch.files("*.html"):
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", path.read_text()), path


def test_the_pages_are_small(batch):
    """What floods a page is cut off: nobody's page is larger than a few pictures."""
    for path in batch.files("*.html"):
        assert path.stat().st_size < 12 * 2**20, path


def test_what_root_could_change_is_as_it_was(batch):
    about = Path("/dev/null").stat()
    assert stat.S_IMODE(about.st_mode) == 0o666 and about.st_mtime != 1
