"""Where a notebook runs: its own Python in a bubblewrap sandbox, with one bounded line out.

Inside there is Python's standard library, the packages that an answer may use, the modules that
ask, and nothing else: no solution, no rule of optlib, no torch, no other submission, no network,
no /proc, no environment, no other process, and only a small temporary folder to write in. Nothing
is shared with it, neither a folder nor a socket. Its only way out is a pipe, of which no more is
read than `Settings.output`, and it lives no longer than `Settings.wall`.
"""

import json
import os
import selectors
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import distribution
from itertools import islice
from pathlib import Path
from typing import IO, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import exercises
from exercises.grading import seccomp
from exercises.grading.settings import MIB, Settings

PACKAGES = ("numpy", "scipy", "sympy", "matplotlib", "pandas", "tqdm", "ipython")
"""What an answer may import. What has an optimizer of its own is not among them."""

OWN = Path(exercises.__file__).parent
INSIDE = {
    "__init__.py": "grading/stand_in.py",
    **{name: name for name in ("asking.py", "inputs.py", "verdict.py", "wire.py")},
    "grading/inside.py": "grading/inside.py",
}
"""What asks, by its place in the package `exercises` of the inside."""

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/nowhere",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}

LINES = 10_000
"""More lines than these are not read."""
WATCH = 0.2
"""Every so many seconds a process is looked after."""


class SandboxError(Exception):
    """There is no sandbox here, or a notebook could not be begun in it; the text says why."""


@dataclass
class Run:
    """What a process said, line by line, and how it ended if not by itself."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""


def run(steps: list[Any], questions: dict[str, Any], settings: Settings, *, safe: bool) -> Run:
    """Run a notebook's steps, each ("run", source) or ("ask", name).

    `questions` has for each name the question and its inputs, as `exercises.wire` packs them.
    `safe=False` runs it without a sandbox, with the limits alone.

    Raises
    ------
    SandboxError
        It could not even be begun.
    """
    limits = asdict(settings)
    if not safe:
        limits["threads"] = 0  # outside of a sandbox they are counted with all that a user runs
    job = {"steps": steps, "questions": questions, "limits": limits}
    with ExitStack() as stack:
        given = stack.enter_context(_file(json.dumps(job).encode()))
        filters = stack.enter_context(_file(seccomp.program() if safe else b""))
        about = stack.enter_context(_file(b""))
        if safe:
            extra = ["--seccomp", str(filters.fileno()), "--info-fd", str(about.fileno())]
            world = [*_bubblewrap(int(settings.scratch * MIB)), *extra]
            command, home = [*world, *_python(["/grader", "/packages"])], "/tmp"
        else:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="grading-"))
            command = _python([_laid_out(Path(home)), *sys.path])
        with subprocess.Popen(
            command,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT | {"HOME": home, "MPLCONFIGDIR": home},
            pass_fds=(filters.fileno(), about.fileno()) if safe else (),
            start_new_session=True,
        ) as process:
            try:
                said, troubles, stopped = _listen(process, about, settings)
            finally:
                _end(process)
    lines = _lines(said)
    if not lines and not stopped:
        reasons = troubles.decode(errors="replace").strip().splitlines()
        raise SandboxError(reasons[-1] if reasons else "it said nothing")
    if not stopped and not any("ended" in line for line in lines):
        stopped = "its process ended before it was done, as by a crash or a limit"
    return Run(lines, stopped)


def _file(content: bytes) -> IO[bytes]:
    """A file without a name; what reads it cannot wait for what writes it."""
    file = os.fdopen(os.memfd_create("grading"), "wb+")
    file.write(content)
    file.seek(0)
    return file


def _listen(
    process: subprocess.Popen[bytes], about: IO[bytes], settings: Settings
) -> tuple[bytes, bytes, str]:
    """What a process says on its two pipes, and why it is heard no longer, if it went on."""
    assert process.stdout and process.stderr
    end = time.monotonic() + settings.wall
    most = {process.stdout: settings.output * MIB, process.stderr: 65536}
    said = {pipe: bytearray() for pipe in most}
    stopped = ""
    with selectors.DefaultSelector() as selector:
        for each in most:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map() and not stopped:
            for key, _ in selector.select(WATCH):
                pipe: Any = key.fileobj
                part = os.read(pipe.fileno(), 65536)
                said[pipe] += part
                if not part:
                    selector.unregister(pipe)
                if len(said[pipe]) > most[pipe]:
                    stopped = f"it sent back more than {settings.output:g} MiB"
            if time.monotonic() > end:
                stopped = "it took too long"
            stopped = stopped or _too_many(about, settings)
    return bytes(said[process.stdout]), bytes(said[process.stderr]), stopped


def _too_many(about: IO[bytes], settings: Settings) -> str:
    """What a notebook has too many of: files or threads; seen from outside, nothing else bounds
    them for everybody. Each takes memory of the system's own."""
    with suppress(OSError, ValueError):  # it has not begun yet, or has ended
        first = json.loads(os.pread(about.fileno(), 1000, 0))["child-pid"]
        there = os.statvfs(f"/proc/{first}/root/tmp")
        if there.f_files - there.f_ffree > settings.scratch_files:
            return f"it made more than {settings.scratch_files:g} files"
        for child in Path(f"/proc/{first}/task/{first}/children").read_text().split():
            if len([*Path(f"/proc/{child}/task").iterdir()]) > settings.threads:
                return f"it made more than {settings.threads:g} threads"
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started. bubblewrap takes its whole world with it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)


def _lines(said: bytes) -> list[dict[str, Any]]:
    """The lines that are JSON objects; what else a student's code wrote there is noise."""
    lines = []
    for line in islice((each for each in said.split(b"\n") if each.startswith(b"{")), LINES):
        with suppress(ValueError, RecursionError):
            lines.append(json.loads(line))
    return [line for line in lines if isinstance(line, dict)]


def _python(paths: list[str]) -> list[str]:
    executable = os.path.realpath(sys.executable)
    start = f"import sys; sys.path[:0] = {paths}; from exercises.grading.inside import main; main()"
    return [executable, "-S", "-s", "-P", "-B", "-X", "utf8", "-c", start]


# What there is inside.


@cache
def _bubblewrap(scratch: int) -> tuple[str, ...]:
    """bubblewrap with the world it makes, up to the command to run in it."""
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError("bubblewrap is missing")
    command = [found, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += ["--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
    for source, place in _places().items():
        command += ["--ro-bind", str(source), place]
    for hidden in _hidden():
        command += ["--tmpfs", hidden, "--remount-ro", hidden]
    command += ["--dev-bind", "/dev/null", "/dev/null", "--size", str(scratch), "--tmpfs", "/tmp"]
    return (*command, "--chdir", "/tmp", "--remount-ro", "/")


def _places() -> dict[str | Path, str]:
    """What is seen inside, and where: Python, the system's libraries, packages, what asks."""
    executable, libraries = os.path.realpath(sys.executable), sysconfig.get_config_var("LIBDIR")
    standard = sysconfig.get_path("stdlib")
    places: dict[str | Path, str] = {executable: executable, standard: standard}
    if libraries and sys.base_prefix not in ("/usr", "/usr/local"):
        places[libraries] = libraries
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    system = [f"{root}/{triplet}" for root in ("/lib", "/usr/lib", "/usr/local/lib") if triplet]
    for folder in [*system, "/lib64", "/usr/lib64", "/etc/ld.so.cache"]:
        if Path(folder).exists():
            places[folder] = folder
    places |= {path: f"/packages/{name}" for name, path in _packages(PACKAGES).items()}
    return places | {OWN / own: f"/grader/exercises/{name}" for name, own in INSIDE.items()}


def _laid_out(folder: Path) -> str:
    """The same for a run without a sandbox: a folder with what asks."""
    for name, own in INSIDE.items():
        place = folder / "exercises" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(OWN / own)
    return str(folder)


def _hidden() -> list[str]:
    """Folders of packages that lie in what is seen, but are nobody's business inside."""
    seen = [Path(place) for place in _places().values() if not place.startswith("/packages")]
    found = {
        str(folder)
        for place in seen
        if place.is_dir()
        for kind in ("site-packages", "dist-packages")
        for folder in (*place.glob(kind), *place.glob(f"python3*/{kind}"))
    }
    return sorted(found)


def _packages(names: Iterable[str]) -> dict[str, Path]:
    """Files and folders of packages and of all that they need, by their names."""
    found: dict[str, Path] = {}
    todo, done = [*names], set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name in done:
            continue
        done.add(name)
        package = distribution(name)
        for file in package.files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not top.endswith(".pth"):
                found[top] = Path(str(package.locate_file(top)))
        for line in package.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return {name: path for name, path in sorted(found.items()) if path.exists()}


# Whether there is one.

CURES = {
    "bubblewrap is missing": (
        "Debian, Ubuntu: sudo apt install bubblewrap. Fedora: sudo dnf install bubblewrap."
    ),
    "needs libseccomp": "",
    "": (
        "Does this system let you make user namespaces? Ubuntu 24.04 shuts them for "
        "ordinary users by AppArmor: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, "
        "or a profile for bwrap in /etc/apparmor.d. Older Debian: sudo sysctl "
        "kernel.unprivileged_userns_clone=1. In a container it has to be allowed from outside."
    ),
}


def probe(settings: Settings) -> None:
    """Make sure that there is a sandbox that holds.

    Raises
    ------
    SandboxError
        There is none; the text says how to get one.
    """
    try:
        tried = run([("run", ATTEMPT)], {}, settings, safe=True)
        outputs = [o.get("text") for line in tried.lines for o in line.get("outputs", ())]
        if outputs != ["held\n"]:
            raise SandboxError(f"it does not hold: {outputs} {tried.stopped}")
    except (SandboxError, RuntimeError, OSError) as error:
        cure = next(cure for trouble, cure in CURES.items() if trouble in str(error))
        raise SandboxError(f"There is no sandbox to run submissions in: {error}. {cure}") from None


ATTEMPT = f"""
import os, socket
def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
assert refused(socket.socket) and refused(os.fork) and refused(lambda: open("/x", "w"))
assert not any(map(os.path.exists, {[str(OWN), "/proc/self", "/etc/passwd"]}))
print("held")
"""
