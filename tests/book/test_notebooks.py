"""What is stored of the chapters: text outputs, compared with every run, and nothing else."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import notebooks

ROOT = Path(__file__).resolve().parents[2]
LIVE = '<figure class="optlib-live" data-name="paths"><svg></svg></figure>'


def test_chapters_are_clean() -> None:
    assert notebooks.chapters(), "there are no chapters"
    assert [fault for path in notebooks.chapters() for fault in notebooks.faults(path)] == []


def messy() -> nbformat.NotebookNode:
    """A notebook with everything that is not to be stored."""
    picture = {"image/png": "iVBOR", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    table = {"text/html": "<table></table>", "text/plain": "table"}
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "A figure."}
    outputs = [
        new_output("display_data", picture),
        new_output("display_data", {"image/svg+xml": "<svg/>"}),
        new_output("execute_result", table, execution_count=3),
        new_output("display_data", {"text/html": LIVE, "text/plain": "A figure."}),
        new_output("display_data", widget),
        new_output("stream", name="stdout", text="loss 0.123\n"),
    ]
    cell = new_code_cell("show()", outputs=outputs, execution_count=3, id="show")
    cell.metadata = {"tags": ["hide-input"], "execution": {"iopub.status.idle": "12:00"}}
    metadata = {"kernelspec": {"name": "mine", "display_name": "Mine"}, "widgets": {}}
    return new_notebook(cells=[new_markdown_cell("# Title", id="title"), cell], metadata=metadata)


def test_cleaning_keeps_text_and_strips_the_rest() -> None:
    clean = notebooks.cleaned(messy())
    colab, title, cell = clean.cells
    assert (colab.id, title.source) == ("colab", "# Title")
    assert f"git+{notebooks.repository()}" in colab.source
    assert cell.metadata == {"tags": ["hide-input"]}
    assert cell.execution_count is None
    assert [list(output.get("data", {"stream": 0})) for output in cell.outputs] == [
        ["text/plain"],
        ["text/html", "text/plain"],
        ["text/plain"],
        ["text/plain"],
        ["stream"],
    ]
    assert clean.metadata.kernelspec.name == "python3"
    assert "widgets" not in clean.metadata
    assert notebooks.cleaned(clean) == clean


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean notebook in a book of its own."""
    (tmp_path / "_config.yml").write_text("repository: {url: https://example.org/book}")
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    path = tmp_path / "chapter.ipynb"
    path.write_text(notebooks.text(notebooks.cleaned(messy())))
    return path


def test_a_clean_notebook_has_no_faults(stored: Path) -> None:
    assert list(notebooks.faults(stored)) == []


def test_the_colab_cell_follows_the_one_address(stored: Path) -> None:
    (stored.parent / "_config.yml").write_text("repository: {url: https://example.org/moved}")
    (fault,) = notebooks.faults(stored)
    assert fault == "chapter.ipynb, cell 1 (colab): its source must be cleaned"
    colab = notebooks.cleaned(notebooks.read(stored)).cells[0]
    assert "git+https://example.org/moved" in colab.source


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"execution_count": 1}, "execution count"),
        ({"metadata": {"scrolled": True}}, "metadata"),
        ({"outputs": messy().cells[1].outputs}, "outputs"),
        ({"outputs": [new_output("stream", name="stderr", text="Warning\n")]}, "stderr"),
        ({"metadata": {"tags": ["nbval-skip"]}}, "metadata.reason"),
        ({"metadata": {"tags": ["raises-exception"], "reason": "no"}}, "metadata.reason"),
        ({"source": "# NBVAL_SKIP\nshow()"}, "comment"),
    ],
)
def test_each_fault_is_named_with_its_cell(stored: Path, change: dict, fault: str) -> None:
    notebook = notebooks.read(stored)
    notebook.cells[2].update(change)
    stored.write_text(notebooks.text(nbformat.from_dict(notebook)))
    (found,) = notebooks.faults(stored)
    assert found.startswith("chapter.ipynb, cell 3 (show): ")
    assert fault in found


def test_a_reason_is_enough(stored: Path) -> None:
    notebook = notebooks.read(stored)
    notebook.cells[2].metadata = {"tags": ["nbval-skip"], "reason": "It asks the reader."}
    stored.write_text(notebooks.text(notebook))
    assert list(notebooks.faults(stored)) == []


def test_missing_ids_are_made_the_same_each_time(stored: Path) -> None:
    notebook = json.loads(stored.read_text())
    for cell in notebook["cells"]:
        del cell["id"]
    stored.write_text(json.dumps(notebook))
    first, again = notebooks.read(stored), notebooks.read(stored)
    assert [cell.id for cell in first.cells] == [cell.id for cell in again.cells]


def test_nbval_compares_all_that_is_stored(tmp_path: Path) -> None:
    """Each odd cell agrees with its stored output, each even one does not."""
    html = "from IPython.display import HTML, display\ndisplay(HTML({!r}))"
    shown = "<IPython.core.display.HTML object>"
    cells = [
        ("print(1)", [new_output("stream", name="stdout", text="1\n")]),
        ("print(1)", [new_output("stream", name="stdout", text="2\n")]),
        ("1", [new_output("execute_result", {"text/plain": "1"})]),
        ("1", []),
        ("import sys", []),
        ("None", [new_output("execute_result", {"text/plain": "1"})]),
        (html.format(LIVE), [new_output("display_data", {"text/plain": shown})]),
        (html.format("<b>new</b>"), [new_output("display_data", {"text/plain": shown})]),
    ]
    notebook = new_notebook(cells=[new_code_cell(text, outputs=out) for text, out in cells])
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    pytest_nbval = [sys.executable, "-m", "pytest", "--nbval", "--nbval-kernel-name=python3"]
    run = subprocess.run(
        [*pytest_nbval, "-p", "no:cacheprovider", "-rf", "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    failed = re.findall(r"^FAILED .*::(Cell \d+)", run.stdout, re.MULTILINE)
    assert failed == ["Cell 1", "Cell 3", "Cell 5", "Cell 7"], run.stdout
