"""Notebook hygiene: what is stored of a chapter, and what is not.

A stored chapter keeps its text outputs, which the tests compare with those of a new run.
Pictures, widgets, execution counts and editors' metadata change with every run: they are stripped.

    python -m tools.notebooks            strips the chapters, writes their Colab cell, the
                                         exercises' pages, and their places in _toc.yml
    python -m tools.notebooks --check    names every fault and changes nothing
    python -m tools.notebooks --run      stores the chapters' outputs, too, as they come out now
"""

import argparse
import copy
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from exercises.bank import PARTS
from exercises.exercise import catalogue, load
from exercises.notebook import PAGES, notebook
from tools import execution

ROOT = execution.ROOT

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# What editors leave behind in the metadata of notebooks and cells.
VOLATILE = {
    *("ExecuteTime", "accelerator", "celltoolbar", "colab", "collapsed", "execution", "id"),
    *("jp-MarkdownHeadingCollapsed", "jupyter", "outputId", "pycharm", "scrolled", "toc"),
    *("trusted", "vscode", "widgets"),
}
LIVE_FIGURE = '<figure class="optlib-live"'
# A picture within a card: only its place is stored. tests/nbval.cfg says the same to nbval.
PICTURE = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
COLAB = "colab"
# The tags that keep nbval from comparing a cell, or let it fail. Each needs a reason.
EXEMPTIONS = {"nbval-ignore-output", "nbval-skip", "raises-exception"}


def chapters() -> list[Path]:
    """The paths of all notebooks of the book."""
    found = (ROOT / "chapters").rglob("*.ipynb")
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def repository() -> str:
    """The repository's address, from the one place where it stands."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    return str(config["repository"]["url"])


def read(path: Path) -> NotebookNode:
    """Reads a notebook. A cell without an id gets one made of its text: the same each time."""
    notebook = json.loads(path.read_text("utf-8"))
    for position, cell in enumerate(notebook["cells"]):
        text = f"{position} {''.join(cell['source'])}"
        cell.setdefault("id", hashlib.sha256(text.encode()).hexdigest()[:8])
    return nbformat.reads(json.dumps(notebook | {"nbformat_minor": 5}), as_version=4)


def colab_cell() -> NotebookNode:
    """The first cell of a chapter: not shown in the book, and silent but on Colab."""
    source = f"""import sys

if "google.colab" in sys.modules:
    %pip install --quiet "optlib[book] @ git+{repository()}"
"""
    cell = nbformat.v4.new_code_cell(source.strip(), metadata={"tags": ["remove-cell"]})
    cell["id"] = COLAB
    return cell


def is_stored(kind: str, content: Any) -> bool:
    """Whether this form of an output is kept: text is, unless it is a live figure."""
    return kind.startswith("text/") and not (
        kind == "text/html" and content.lstrip().startswith(LIVE_FIGURE)
    )


def stored_outputs(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """What is kept of a cell's outputs."""
    kept = []
    for output in copy.deepcopy(list(outputs)):
        if "data" in output:
            output["data"] = {
                kind: PICTURE.sub("<svg></svg>", content) if kind == "text/html" else content
                for kind, content in output["data"].items()
                if is_stored(kind, content)
            }
            output["metadata"] = {}
            if not output["data"]:
                continue
        if "execution_count" in output:
            output["execution_count"] = None
        if "traceback" in output:
            output["traceback"] = []
        kept.append(output)
    return kept


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """The notebook as it is to be stored."""
    notebook = copy.deepcopy(notebook)
    notebook["cells"] = [colab_cell()] + [c for c in notebook["cells"] if c["id"] != COLAB]
    for part in (notebook, *notebook["cells"]):
        part["metadata"] = {k: v for k, v in part["metadata"].items() if k not in VOLATILE}
    notebook["metadata"] |= METADATA
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = None
            cell["outputs"] = stored_outputs(cell["outputs"])
    return nbformat.from_dict(notebook)


def text(notebook: NotebookNode) -> str:
    """The notebook's text as it stands in its file."""
    return str(nbformat.writes(notebook)) + "\n"


def faults(path: Path) -> Iterator[str]:
    """Everything that is wrong with a stored notebook, each with its cell."""
    notebook = read(path)
    clean = cleaned(notebook)
    stored = {cell["id"]: cell for cell in clean["cells"]}
    named = False
    for number, cell in enumerate(notebook["cells"], 1):
        place = f"{path.relative_to(ROOT)}, cell {number} ({cell['id']})"
        for part in ("source", "metadata", "execution_count", "outputs"):
            if cell.get(part) != stored[cell["id"]].get(part):
                named = True
                yield f"{place}: its {part.replace('_', ' ')} must be cleaned"
        tags = EXEMPTIONS.intersection(cell["metadata"].get("tags", []))
        if tags and len(str(cell["metadata"].get("reason", "")).split()) < 3:
            yield f"{place}: tagged {', '.join(tags)} without a sentence in metadata.reason"
        if "# NBVAL_" in cell["source"]:
            yield f"{place}: exempted by a comment; use the tag and a reason"
        if any(output.get("name") == "stderr" for output in cell.get("outputs", [])):
            yield f"{place}: writes to stderr"
    if not named and path.read_text("utf-8") != text(clean):
        yield f"{path.relative_to(ROOT)}: its Colab cell, metadata or layout must be cleaned"


def contents() -> str:
    """The text of _toc.yml with the exercises in the order of the book."""
    listed = [
        f"          - file: chapters/exercises/{name}\n"
        for names in PARTS.values()
        for name in names
    ]
    text = (ROOT / "_toc.yml").read_text("utf-8")
    place = r"(?<=chapters/exercises/index\n        sections:\n)( {10}- file: .*\n)*"
    return re.sub(place, "".join(listed), text)


def write(path: Path, content: str) -> None:
    """Writes a file, and says so, if that changes it."""
    if not path.exists() or content != path.read_text("utf-8"):
        path.write_text(content, "utf-8")
        print(f"{path.relative_to(ROOT)} written")


def store() -> int:
    """Executes the chapters that must be executed, and stores the outputs of all."""
    from nbval.plugin import coalesce_streams  # an author has it, a reader who builds need not

    copies = execution.Copies()
    failed = execution.execute(chapters(), copies)
    for path in chapters():
        if notebook := copies.executed(read(path)):
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs = coalesce_streams(cell.outputs)
            write(path, text(cleaned(notebook)))
    return int(bool(failed))


def main() -> int:
    parser = argparse.ArgumentParser(description="Notebook hygiene of the chapters.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="name every fault and change nothing")
    mode.add_argument("--run", action="store_true", help="execute the chapters first")
    given = parser.parse_args()
    if given.check:
        found = [fault for path in chapters() for fault in faults(path)]
        if contents() != (ROOT / "_toc.yml").read_text("utf-8"):
            found.append("_toc.yml: the exercises are not as in exercises/bank/__init__.py")
        print(*found, sep="\n", end="\n" if found else "")
        return int(bool(found))
    write(ROOT / "_toc.yml", contents())
    for name in catalogue():
        write(PAGES / f"{name}.ipynb", text(cleaned(notebook(load(name)))))
    for path in chapters():
        write(path, text(cleaned(read(path))))
    return store() if given.run else 0


if __name__ == "__main__":
    sys.exit(main())
