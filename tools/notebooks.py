"""Notebook hygiene: what is stored of a chapter, and what is not.

A stored chapter keeps its text outputs, which the tests compare with those of a new run.
Pictures, widgets, execution counts and editors' metadata change with every run: they are stripped.

    python -m tools.notebooks            strips the chapters and writes their Colab cell
    python -m tools.notebooks --check    names every fault and changes nothing
    python -m tools.notebooks --run      executes the chapters first, and stores their outputs
"""

import argparse
import copy
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent

# As in the built book: live figures as HTML, .venv's kernel before a user's own, and nothing kept
# as a student's progress.
KERNEL_ENVIRONMENT = {
    "OPTLIB_LIVE": "html",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "OPTLIB_PROGRESS": "",
}

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


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Runs every cell and keeps the outputs in the notebook."""
    os.environ.update(KERNEL_ENVIRONMENT)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, resources=resources, timeout=600, coalesce_streams=True).execute()


def main() -> int:
    parser = argparse.ArgumentParser(description="Notebook hygiene of the chapters.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="name every fault and change nothing")
    mode.add_argument("--run", action="store_true", help="execute the chapters first")
    given = parser.parse_args()
    if given.check:
        found = [fault for path in chapters() for fault in faults(path)]
        print(*found, sep="\n", end="\n" if found else "")
        return int(bool(found))
    for path in chapters():
        notebook = read(path)
        if given.run:
            print(f"running {path.relative_to(ROOT)}", flush=True)
            execute(notebook, path.parent)
        clean = text(cleaned(notebook))
        if clean != path.read_text("utf-8"):
            path.write_text(clean, "utf-8")
            print(f"{path.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
