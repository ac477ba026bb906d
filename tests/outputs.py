"""Compares the stored outputs of notebooks with those of their executed copies, as nbval does.

    python -m pytest -p tests.outputs chapters --nbval-sanitize-with tests/nbval.cfg

nbval collects the cells and compares them; nothing is executed. Without this plugin, and with
`--nbval`, nbval executes every notebook once more in a kernel of its own: `make rerun`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams

from tools.execution import Copies


def pytest_configure(config: pytest.Config) -> None:
    """Looks up once what the copies must have been made of."""
    config.stash[COPIES] = Copies(config.rootpath)


COPIES = pytest.StashKey[Copies]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collects each notebook."""
    return Notebook.from_parent(parent, path=file_path) if file_path.suffix == ".ipynb" else None


class Notebook(IPyNbFile):
    """A notebook whose cells are looked up in its executed copy."""

    executed: list[NotebookNode] | None

    def setup(self) -> None:
        self.setup_sanitize_files()
        copy = self.config.stash[COPIES].executed(self.nb)
        self.executed = copy and [cell for cell in copy.cells if cell.cell_type == "code"]

    def collect(self) -> Iterator[IPyNbCell]:
        for cell in super().collect():
            yield Cell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=cell.options
            )


class Cell(IPyNbCell):
    """A cell whose outputs are those of the build."""

    def runtest(self) -> None:
        if self.options["skip"]:
            pytest.skip()
        if self.parent.executed is None:
            self.raise_cell_error(
                "The notebook has no executed copy that is up to date: `make book` makes it"
            )
        outputs = coalesce_streams(self.parent.executed[self.cell_num].outputs)
        for output in outputs:
            if output.output_type == "error" and not self.options["check_exception"]:
                self.raise_cell_error("The cell raised an error", "\n".join(output.traceback))
        stored = coalesce_streams(self.cell.outputs)
        if self.options["check"] and not self.compare_outputs(outputs, stored):
            self.raise_cell_error("Cell outputs differ", "\n".join(self.comparison_traceback))
