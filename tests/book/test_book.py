"""The house around the book: its files agree with each other, and its tools say what is wrong."""

import fcntl
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sphinx_external_toc.parsing import parse_toc_yaml

from exercises import catalogue
from tests.system import PATIENCE
from tools import build, check, notebooks

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file that is in git, or would be with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The Sphinx extension, as a module."""
    monkeypatch.syspath_prepend(ROOT / "_ext")
    import house

    yield house
    del sys.modules["house"]


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = {*parse_toc_yaml(ROOT / "_toc.yml")}
    chapters = {path.relative_to(ROOT).with_suffix("").as_posix() for path in notebooks.chapters()}
    assert chapters <= listed
    for page in listed - chapters:
        assert (ROOT / f"{page}.md").is_file(), f"{page} is in _toc.yml only"


def test_the_exercises_stand_in_the_order_of_the_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    assert notebooks.contents() == contents
    listed = [page for page in parse_toc_yaml(ROOT / "_toc.yml") if "/exercises/" in page]
    assert listed == ["chapters/exercises/index", *(f"chapters/exercises/{n}" for n in catalogue())]
    monkeypatch.setattr(notebooks, "PARTS", {"momentum": ("nag_step", "sgd_step")})
    changed = notebooks.contents()
    assert re.findall(r"chapters/exercises/(\w+)", changed) == ["index", "nag_step", "sgd_step"]
    assert changed.endswith(contents[contents.index("  - caption: Teaching") :])


def test_the_repositorys_address_stands_in_one_place(tracked: list[Path]) -> None:
    address = notebooks.repository()
    named = {path for path in tracked if address.encode() in path.read_bytes()}
    assert named == {ROOT / "_config.yml", *notebooks.chapters()}
    for path in notebooks.chapters():
        cells = notebooks.read(path).cells
        assert [cell.id for cell in cells if address in cell.source] == ["colab"], path


def test_no_picture_is_in_git(tracked: list[Path]) -> None:
    kinds = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".svg"}
    assert [p for p in tracked if p.suffix in kinds] == [ROOT / "_static/favicon.svg"]


def test_nothing_that_is_made_is_in_git(tracked: list[Path]) -> None:
    made = re.compile(r"(^|/)(_build|\.venv|__pycache__|[^/]*\.egg-info|[.\w]*_cache)/")
    assert [p for p in tracked if made.search(p.relative_to(ROOT).as_posix())] == []


def pins(file: str) -> dict[str, str]:
    """The pinned version of each distribution in the file."""
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith(("#", "--")))


def test_the_pins_are_complete_and_within_the_bounds() -> None:
    book, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert not book.keys() & dev.keys()
    assert "--requirement requirements.txt" in (ROOT / "requirements-dev.txt").read_text("utf-8")
    assert not [name for name in book | dev if re.match("nvidia|cuda|triton", name)]
    extras = PROJECT["optional-dependencies"]
    for extra, lines in extras.items():
        needed = book if extra in ("torch", "book", "lab", "build") else book | dev
        for line in PROJECT["dependencies"] + lines:
            requirement = Requirement(line)
            if requirement.name != "optlib":
                pin = needed[canonicalize_name(requirement.name)]
                assert requirement.specifier.contains(pin), f"{line}, but pinned to {pin}"
    assert book["torch"] == "2.13.0"
    # Who builds the book needs nothing of what only tests it.
    assert not book.keys() & {"pytest", "jaxlib", "playwright", "pyarrow", "mypy", "nbgrader"}


def test_a_failed_step_lets_the_others_run_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def step(text: str, status: int) -> list[str]:
        return [sys.executable, "-c", f"print({text!r}); raise SystemExit({status})"]

    steps = {
        "first": [step("one", 3), step("two", 0)],
        "second": [step("three", 0)],
        "third": [step("four", 1)],
    }
    assert check.run(steps) == 1
    out = capfd.readouterr().out
    for text in ("one", "two", "three", "four"):
        assert f"{text}\n" in out
    assert re.findall(r"^(\w+) +(passed|failed) +\d+ s$", out, re.MULTILINE) == [
        ("first", "failed"),
        ("second", "passed"),
        ("third", "failed"),
    ]
    assert out.endswith("failed: first, third\n")
    assert check.run({"second": steps["second"]}) == 0
    assert capfd.readouterr().out.endswith("All passed.\n")


def test_what_changed_since_main_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(check, "ROOT", tmp_path)
    for name in ("optlib/rule.py", "tests/optlib/a.py", "tests/optlab/a.py", "tests/book/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for command in (["init", "-b", "main"], ["add", "."], ["commit", "-m", "all"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True, capture_output=True)
    assert check.changed() == ["tests/book"]
    (tmp_path / "optlib/rule.py").write_text("lr = 1")
    assert check.changed() == ["tests/book", "tests/optlib"]
    (tmp_path / "tests/optlab/new.py").write_text("")
    assert check.changed() == ["tests/book", "tests/optlab", "tests/optlib"]
    for command in (["switch", "-c", "mine"], ["add", "."], ["commit", "-m", "mine"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True, capture_output=True)
    assert check.changed() == ["tests/book", "tests/optlab", "tests/optlib"]


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    assert {line.split()[0] for line in shown.splitlines()[1:]} == set(targets[1].split())


def test_an_empty_page_fails_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "HTML", tmp_path)
    (tmp_path / "index.html").write_text("<h1>The book</h1>")
    (tmp_path / "bibliography.html").write_text("")
    missing = {Path(page).relative_to(tmp_path).as_posix() for page in build.empty_pages()}
    assert {"bibliography.html", "chapters/momentum.html"} <= missing
    assert "index.html" not in missing


def test_a_second_build_waits_for_the_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "_config.yml").write_text("")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    running = threading.Event()

    def first_build() -> int:
        # The second build asks for the lock while this one has it.
        running.set()
        while "waits for it" not in capsys.readouterr().out:
            time.sleep(0.01)
        monkeypatch.setattr(build, "locked_build", lambda: 5)
        return 3

    monkeypatch.setattr(build, "locked_build", first_build)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(build.main)
        assert running.wait(PATIENCE)
        second = pool.submit(build.main)
        assert (first.result(PATIENCE), second.result(PATIENCE)) == (3, 5)


def test_only_ci_installs_what_tests_need(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import system
    from tests.browser.conftest import find_chromium

    commands: list[list[str]] = []
    monkeypatch.setattr(
        system.shutil, "which", lambda name: "/bin/apt-get" if name == "apt-get" else None
    )
    monkeypatch.setattr(system.subprocess, "run", lambda command, **_: commands.append(command))
    monkeypatch.setattr(system.os, "geteuid", lambda: 0)
    monkeypatch.setattr(system, "IN_CI", False)
    with pytest.raises(pytest.skip.Exception, match=r"apt install chromium.*google\.com/chrome"):
        find_chromium()
    assert commands == []
    monkeypatch.setattr(system, "IN_CI", True)
    with pytest.raises(pytest.fail.Exception, match="never skipped"):
        find_chromium()
    assert commands[-1][-1] == "chromium"


def test_the_live_figures_become_one_classic_script(house: SimpleNamespace, node: str) -> None:
    figure = "export const twice = (x) => 2 * x;\nexport default { render: () => twice(21) };\n"
    host = "import figure from './figure.mjs';\nconsole.log(figure.render());\n"
    script = house.classic_script(figure, host)
    run = subprocess.run([node, "--eval", script], capture_output=True, text=True)
    assert run.stdout == "42\n", run.stderr
    with pytest.raises(ValueError, match=r"host\.mjs"):
        house.classic_script(figure, "console.log(1)")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A copy of the repository's root in which an environment could be made."""
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        (tmp_path / name).write_text("")
    for tool in ("cat", "cksum", "dirname", "rm", "sh"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/environment.sh", tmp_path / "tools")
    return tmp_path


def make_environment(
    root: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs tools/environment.sh where only the tools in root/bin can be found."""
    return subprocess.run(
        [root / "bin/sh", "tools/environment.sh", *arguments],
        cwd=root,
        env={"PATH": str(root / "bin"), **variables},
        capture_output=True,
        text=True,
    )


def fake_python(root: Path, script: str) -> None:
    """Puts a python3 into root/bin that is not one."""
    (root / "bin/python3").write_text(f"#!{root}/bin/sh\n{script}\n")
    (root / "bin/python3").chmod(0o755)


@pytest.mark.parametrize("script", [None, "exit 1"])
def test_a_missing_or_old_python_is_named_with_its_cure(bare: Path, script: str | None) -> None:
    if script:
        fake_python(bare, script)
    run = make_environment(bare)
    assert run.returncode == 1
    assert "Python 3.11 or newer is needed" in run.stderr
    assert "make book PYTHON=/path/to/python3" in run.stderr


def test_a_wrong_choice_of_python_is_named(bare: Path) -> None:
    run = make_environment(bare, PYTHON="/nowhere/python3")
    assert run.returncode == 1
    assert "PYTHON=/nowhere/python3 is not a Python 3.11" in run.stderr


def test_a_missing_venv_module_is_named_with_its_cure(bare: Path) -> None:
    fake_python(bare, 'case "$2" in *ensurepip*) exit 1;; esac')
    run = make_environment(bare)
    assert run.returncode == 1
    assert "sudo apt install python3-venv" in run.stderr


MAKE = "mkdir -p .venv/bin; cp bin/python3 .venv/bin/python; echo made >> log"


@pytest.fixture
def makeable(bare: Path) -> Path:
    """The same, with a Python that notes in `log` each environment that it makes."""
    for tool in ("mkdir", "cp"):
        (bare / "bin" / tool).symlink_to(shutil.which(tool) or "")
    fake_python(bare, f'case "$1 $2" in "-m venv") {MAKE};; esac')
    return bare


def test_an_environment_is_made_once(makeable: Path) -> None:
    bare = makeable
    for _ in range(2):
        assert make_environment(bare).returncode == 0
    assert (bare / "log").read_text() == "made\n"
    (bare / "requirements.txt").write_text("numpy==2.4.6\n")
    assert make_environment(bare).returncode == 0
    assert (bare / "log").read_text() == "made\nmade\n"


def test_what_tests_need_is_added_once_and_builds_too(makeable: Path) -> None:
    made = makeable / "log"
    for arguments, times in (([], 1), (["dev"], 2), ([], 2), (["dev"], 2)):
        assert make_environment(makeable, *arguments).returncode == 0
        assert made.read_text() == "made\n" * times
    # What only tests need does not concern who builds.
    (makeable / "requirements-dev.txt").write_text("pytest==9.2.0\n")
    for arguments, times in (([], 2), (["dev"], 3)):
        assert make_environment(makeable, *arguments).returncode == 0
        assert made.read_text() == "made\n" * times
    (makeable / "requirements.txt").write_text("numpy==2.4.6\n")
    for arguments, times in (([], 4), (["dev"], 5)):
        assert make_environment(makeable, *arguments).returncode == 0
        assert made.read_text() == "made\n" * times


@pytest.mark.parametrize("death", ["gone", "broken"])
def test_a_dead_environment_is_made_anew(makeable: Path, death: str) -> None:
    assert make_environment(makeable).returncode == 0
    interpreter = makeable / ".venv/bin/python"
    if death == "gone":
        interpreter.unlink()
    else:
        interpreter.write_text("#!/nowhere/python3\n")
    assert make_environment(makeable).returncode == 0
    assert (makeable / "log").read_text() == "made\nmade\n"
    assert subprocess.run([interpreter]).returncode == 0


def test_a_python_that_is_chosen_counts_for_a_made_environment(makeable: Path) -> None:
    assert make_environment(makeable).returncode == 0
    run = make_environment(makeable, PYTHON="/nowhere/python3")
    assert run.returncode == 1
    assert "PYTHON=/nowhere/python3 is not a Python 3.11" in run.stderr
    # The same one changes nothing, another one makes the environment anew.
    assert make_environment(makeable, PYTHON="python3").returncode == 0
    assert (makeable / "log").read_text() == "made\n"
    other = makeable / "bin/other"
    other.write_text((makeable / "bin/python3").read_text() + 'echo "another version"\n')
    other.chmod(0o755)
    assert make_environment(makeable, PYTHON="bin/other").returncode == 0
    assert (makeable / "log").read_text() == "made\nmade\n"


def test_two_makes_at_once_make_one_environment(makeable: Path) -> None:
    real = f'case "$2" in *flock*) exec {sys.executable} "$@";; esac'
    fake_python(makeable, f'{real}\ncase "$1 $2" in "-m venv") {MAKE};; esac')
    with (makeable / "tools/environment.sh").open() as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [makeable / "bin/sh", "tools/environment.sh"],
            cwd=makeable,
            env={"PATH": str(makeable / "bin")},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert second.stdout
        assert "this one waits for it" in second.stdout.readline()
        assert not (makeable / "log").exists()
    assert second.wait(PATIENCE) == 0
    assert (makeable / "log").read_text() == "made\n"


def test_an_interrupted_install_is_done_again(bare: Path) -> None:
    for tool in ("mkdir", "cp"):
        (bare / "bin" / tool).symlink_to(shutil.which(tool) or "")
    made = "mkdir -p .venv/bin; cp bin/python3 .venv/bin/python"
    fake_python(bare, f'case "$1 $2" in "-m venv") {made};; "-m pip") exit 1;; esac')
    run = make_environment(bare)
    assert run.returncode == 1
    assert "could not be installed" in run.stderr
    assert not (bare / ".venv/made-from-requirements.txt").exists()


def test_the_torch_classes_need_the_torch_extra_alone() -> None:
    blocked = "scipy sklearn matplotlib jax optax pytorch_optimizer anywidget ipywidgets IPython"
    code = (
        f"import sys; sys.modules.update(dict.fromkeys('{blocked}'.split())); "
        "import optlib.torch, optlib.schedules, optlib.dialects; optlib.dialects.table('adam')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    extra = " ".join(PROJECT["optional-dependencies"]["torch"])
    assert "torch" in extra and "tqdm" in extra
