"""Notebooks are executed once; what they are made of and what came out is looked at closely."""

import inspect
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import optlib
from optlib.formula import Formula
from tests.system import PATIENCE
from tools import execution, notebooks
from tools.execution import Copies, Ingredients, execute

ROOT = Path(__file__).resolve().parents[2]

# pytester runs a pytest inside of this one.
pytest_plugins = ["pytester"]


def write(path: Path, *cells: tuple[str, list[Any]], tags: dict[int, str] | None = None) -> Path:
    """Writes a notebook of these cells, each with its stored outputs."""
    made = [new_code_cell(text, outputs=outputs) for text, outputs in cells]
    for number, tag in (tags or {}).items():
        made[number].metadata["tags"] = [tag]
    path.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=made, metadata=notebooks.METADATA), path)
    return path


def printed(text: str) -> list[Any]:
    return [new_output("stream", name="stdout", text=text)]


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a book of its own."""
    (tmp_path / "_config.yml").write_text("execute: {timeout: 60}")
    monkeypatch.setattr(execution, "ROOT", tmp_path)
    return tmp_path


# What a chapter is made of.


FILES = {
    "optlib/arrays.py": 'def twice(x):\n    """Two of it."""\n    return 2 * x  # a sum\n',
    "optlib/rules/sgd.py": '"""SGD."""\n',
    "optlib/schedules.py": "# Rates that move.\n",
    "optlive/figure.css": "figure {}",
    "optlive/figure.mjs": "export default {}",
    "exercises/grading/report.css": "p {}",
    "exercises/bank/momentum/sgd_step.py": "# downhill\n",
    "exercises/bank/momentum/sgdm_step.py": "# with momentum; sgd_step is without\n",
    "optlab/recorded/teams.npz.xz": "numbers",
    "requirements.txt": "numpy==2.4.6\n",
}


def keys(root: Path) -> dict[str, str]:
    """The keys of three notebooks: one names no exercise, one `sgd_step`, one `sgdm_step`."""
    made = Ingredients(root)
    texts = {"none": "adam.path()", "sgd": "check(sgd_step)", "sgdm": "check(sgdm_step)"}
    return {
        name: made.key(new_notebook(cells=[new_code_cell(text)])) for name, text in texts.items()
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("optlib/arrays.py", "2 * x", "3 * x", "none sgd sgdm"),
        ("optlib/arrays.py", "Two of it.", "Twice as much.", ""),
        ("optlib/arrays.py", "a sum", "a product", ""),
        ("optlib/arrays.py", "    return 2 * x", "\n    return (2 * x)", ""),
        # A chapter prints the text of a rule and of a schedule.
        ("optlib/rules/sgd.py", "SGD.", "Robbins and Monro.", "none sgd sgdm"),
        ("optlib/schedules.py", "that move", "that change", "none sgd sgdm"),
        ("optlive/figure.css", "{}", "{color: red}", "none sgd sgdm"),
        ("optlive/figure.mjs", "{}", "{render}", ""),
        ("exercises/grading/report.css", "p", "h1", ""),
        ("exercises/bank/momentum/sgd_step.py", "downhill", "down", "sgd sgdm"),
        ("exercises/bank/momentum/sgdm_step.py", "with momentum", "heavy", "sgdm"),
        ("optlab/recorded/teams.npz.xz", "numbers", "others", "none sgd sgdm"),
        ("requirements.txt", "2.4.6", "2.4.7", "none sgd sgdm"),
    ],
)
def test_what_a_chapters_numbers_hang_on(
    tmp_path: Path, file: str, old: str, new: str, changed: str
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = keys(tmp_path)
    assert old in FILES[file]
    (tmp_path / file).write_text(FILES[file].replace(old, new))
    after = keys(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {*changed.split()}


def test_the_systems_own_files_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "optlib").mkdir()
    (tmp_path / "optlib/rule.py").write_text("lr = 1")
    before = keys(tmp_path)
    (tmp_path / "optlib/.DS_Store").write_text("Finder")
    (tmp_path / "optlib/.ipynb_checkpoints").mkdir()
    (tmp_path / "optlib/.ipynb_checkpoints/rule.py").write_text("lr = 2")
    assert keys(tmp_path) == before
    (tmp_path / "optlib/new.py").write_text("")
    assert keys(tmp_path) != before


def is_shown(file: str) -> bool:
    return any(map(Path(file).relative_to(ROOT).is_relative_to, execution.SHOWN))


def test_the_text_of_what_chapters_print_counts() -> None:
    for value in vars(optlib).values():
        if isinstance(value, Formula) and not value.function.__code__.co_filename.startswith("<"):
            assert is_shown(inspect.getfile(value.function)), value.name
    from optlab.tasks import networks

    assert is_shown(networks.__file__)
    printing = [
        path.stem for path in notebooks.chapters() if "getsource(" in path.read_text("utf-8")
    ]
    assert printing == ["normalization"], "does SHOWN name what these print?"


# Executing.


def test_a_notebook_is_executed_once(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(book / "chapter.ipynb", ("print(6 * 7)", []))
    for due in (1, 0):
        copies = Copies(book)
        assert execute([path], copies) == []
        assert capsys.readouterr().out.count("chapter.ipynb") == due
        executed = copies.executed(nbformat.read(path, 4))
        assert executed and executed.cells[0].outputs[0].text == "42\n"
    assert "chapter" in (book / "_build/executed/seconds.txt").read_text()
    (book / "optlib").mkdir()
    (book / "optlib/rule.py").write_text("lr = 2")
    changed = Copies(book)
    assert changed.executed(nbformat.read(path, 4)) is None
    assert changed.tidy([path]) == [path]
    # It is gone, so that Sphinx cannot find it either.
    assert Copies(book)._cache.list_cache_records() == []


def test_a_failure_is_named_and_the_others_are_executed(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (book / "_config.yml").write_text("execute: {timeout: 3}")
    paths = [
        write(book / "good.ipynb", ("print(1)", [])),
        write(book / "error.ipynb", ("def f():\n    return 1 / 0\n\n\nf()", [])),
        write(book / "slow.ipynb", ("import time\n\ntime.sleep(60)", [])),
        write(book / "dead.ipynb", ("import os\n\nos._exit(1)", [])),
    ]
    copies = Copies(book)
    assert sorted(execute(paths, copies)) == ["dead.ipynb", "error.ipynb", "slow.ipynb"]
    said = capsys.readouterr().out
    assert "error.ipynb failed\nCellExecutionError" in said and "division by zero" in said
    assert "slow.ipynb failed\nCellTimeoutError" in said and "time.sleep(60)" in said
    assert "dead.ipynb failed\nDeadKernelError" in said
    there = [path.name for path in paths if copies.executed(nbformat.read(path, 4))]
    assert there == ["good.ipynb"]


def test_an_interrupted_execution_goes_on(book: Path) -> None:
    """The first notebook is executed, the others wait; after the interruption they are left."""
    write(book / "long.ipynb", ("import time\n\nprint('x' * 99)\ntime.sleep(600)", []))
    write(book / "short.ipynb", ("print(1)", []))
    script = f"""
import signal
from pathlib import Path
from tools import execution
# What a shell has begun in the background ignores the signal, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
execution.ROOT = Path({str(book)!r})
paths = sorted(execution.ROOT.glob("*.ipynb"))
execution.os.cpu_count = lambda: 2
execution.execute(paths, execution.Copies(execution.ROOT))
"""
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    while "short.ipynb" not in run.stdout.readline():
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    _, complaint = run.communicate(timeout=PATIENCE)
    assert run.returncode == -signal.SIGINT
    assert complaint.rstrip().endswith("KeyboardInterrupt")
    missing = Copies(book).tidy(sorted(book.glob("*.ipynb")))
    assert [path.name for path in missing] == ["long.ipynb"]


# Comparing.


@pytest.fixture
def compare(pytester: pytest.Pytester, book: Path) -> Callable:
    """Compares the notebooks of the book; gives the cells that failed, and the report."""
    (book / "conftest.py").write_text((ROOT / "conftest.py").read_text("utf-8"))

    def run() -> tuple[list[str], str]:
        ran = pytester.inline_run(
            *("-p", "tests.outputs", "--nbval-sanitize-with", ROOT / "tests/nbval.cfg"),
            *("-p", "no:cacheprovider", "--color=no", "--rootdir", book, *book.glob("*.ipynb")),
        )
        _, _, failed = ran.listoutcomes()
        return (
            [report.nodeid.partition("::")[2] for report in failed],
            "\n".join(str(report.longrepr) for report in failed),
        )

    return run


SHOW = "from IPython.display import HTML, display\n\ndisplay(HTML({!r}))"
SHOWN = "<IPython.core.display.HTML object>"
LIVE = '<figure class="optlib-live" data-name="paths"><svg></svg></figure>'
CELLS = [
    ("print(1)", printed("1\n")),
    ("print(1)", printed("2\n")),
    ("1", [new_output("execute_result", {"text/plain": "1"})]),
    ("1", []),
    ("import sys", []),
    ("None", [new_output("execute_result", {"text/plain": "1"})]),
    (SHOW.format(LIVE), [new_output("display_data", {"text/plain": SHOWN})]),
    (SHOW.format("<b>new</b>"), [new_output("display_data", {"text/plain": SHOWN})]),
    ("print('Computed in:  3.2 s, 4 runs')", printed("Computed in:  1.7 s, 4 runs\n")),
    ("print('Computed in:  3.2 s, 4 runs')", printed("Computed in:  3.2 s, 5 runs\n")),
]


def test_each_odd_cell_agrees_and_each_even_one_does_not(book: Path, compare: Callable) -> None:
    path = write(book / "chapter.ipynb", *CELLS)
    assert execute([path], Copies(book)) == []
    failed, report = compare()
    assert failed == ["Cell 1", "Cell 3", "Cell 5", "Cell 7", "Cell 9"]
    assert "Cell outputs differ" in report


def test_an_exempt_cell_is_not_compared(book: Path, compare: Callable) -> None:
    cells = [("print(1)", printed("2\n"))] * 3
    path = write(book / "chapter.ipynb", *cells, tags={0: "nbval-ignore-output", 1: "nbval-skip"})
    assert execute([path], Copies(book)) == []
    assert compare()[0] == ["Cell 2"]


def test_an_error_must_be_expected_and_stored(book: Path, compare: Callable) -> None:
    error = new_output("error", ename="KeyError", evalue="'lr'", traceback=[])
    other = new_output("error", ename="KeyError", evalue="'eps'", traceback=[])
    cells = [("{}['lr']", [error]), ("{}['lr']", [other]), ("1", [error]), ("{}['lr']", [error])]
    tags = dict.fromkeys(range(4), "raises-exception")
    path = write(book / "chapter.ipynb", *cells, tags=tags)
    copies = Copies(book)
    assert execute([path], copies) == []
    assert compare()[0] == ["Cell 1", "Cell 2"]


def test_without_a_copy_of_the_present_text_all_cells_fail(book: Path, compare: Callable) -> None:
    path = write(book / "chapter.ipynb", ("1", []), ("_ = 2", []))
    failed, report = compare()
    assert failed == ["Cell 0", "Cell 1"]
    assert report.count("no executed copy that is up to date: `make book` makes it") == 2
    execute([path], Copies(book))
    assert compare()[0] == ["Cell 0"]
    write(path, ("1", []), ("_ = 3", []))
    assert compare()[0] == ["Cell 0", "Cell 1"]
