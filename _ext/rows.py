"""Where each row of the lecture is in the book, as a list that is made from the book itself.

A `{div}` of the class `coverage` becomes the list: for each row the chapters that say it is
theirs, the code, the live figures and the claim cards in these chapters, and the exercises.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

from exercises.exercise import catalogue, load
from optlab.claims import cards
from optlib.family import FAMILY


class System(NamedTuple):
    """A system of the lecture: its name, and the code that is it in the book.

    A member of the family by its name, anything else by the name under which it is imported.
    """

    name: str
    code: tuple[str, ...]


ROWS = {
    "R1": System("The problem", ("sgd",)),
    "R2": System("SGD", ("sgd",)),
    "R3": System("SGDM", ("sgdm",)),
    "R4": System("NAG", ("nag_lookahead", "nag")),
    "R5": System("Adagrad", ("adagrad",)),
    "R6": System("RMSProp", ("rmsprop",)),
    "R7": System("Adam", ("adam",)),
    "R8": System("Adam against SGDM", ("adam", "sgdm")),
    "R9": System("SWATS", ("swats",)),
    "R10": System("The memory of v", ("adam",)),
    "R11": System("AMSGrad", ("amsgrad",)),
    "R12": System("AdaBound", ("adabound",)),
    "R13": System(
        "The range test", ("optlib.range_test.range_test", "optlib.schedules.range_sweep")
    ),
    "R14": System("Cyclical rates", ("optlib.schedules.triangular",)),
    "R15": System("SGDR", ("optlib.schedules.sgdr",)),
    "R16": System("One cycle", ("optlib.schedules.one_cycle",)),
    "R17": System("Warm-up", ("optlib.schedules.warmup",)),
    "R18": System("RAdam", ("radam",)),
    "R19": System("RAdam against SWATS", ("radam", "swats")),
    "R20": System("Lookahead", ("lookahead",)),
    "R21": System("Nadam", ("nadam", "nadam_schedule")),
    "R22": System("L2 against weight decay", ("l2", "decoupled", "sgdw", "adamw")),
    "R23": System("What else helps", ("optlab.tasks.regimes",)),
    "R24": System("Normalization", ("optlab.tasks.networks.normalized",)),
    "R25": System("Which optimizer when", ("optlab.tune", "optlab.sweep")),
}
"""The rows by number."""


class ChapterFacts(NamedTuple):
    """What a chapter says of itself: its rows and title, its live figures and its cards.

    Each figure has its label and its rows: those that its cell says, or the chapter's only one.
    """

    name: str
    title: str
    rows: tuple[str, ...]
    figures: tuple[tuple[str, tuple[str, ...]], ...]
    cards: tuple[str, ...]


class Entry(NamedTuple):
    """An item of the list: what the book has of one row of the lecture."""

    row: str
    system: System
    pages: list[ChapterFacts]
    figures: list[str]
    cards: list[str]
    exercises: list[str]


def read(path: Path) -> ChapterFacts:
    """A chapter as it stands in its notebook."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    code = [c for c in cells if c["cell_type"] == "code"]
    said = re.search(r"\*\*Rows?\*\* (.*?) of the lecture", prose)
    rows = tuple(re.findall(r"R\d+", said[1])) if said else ()
    only = rows if len(rows) == 1 else ()
    figures = tuple(
        (name, tuple(c["metadata"].get("rows", only)))
        for c in code
        if (name := c["metadata"].get("mystnb", {}).get("figure", {}).get("name"))
        and re.search(r"\blive\.\w+\(", "".join(c["source"]))
    )
    shown = re.findall(r'cards\["([\w-]+)"\]', "\n".join("".join(c["source"]) for c in code))
    title = re.search(r"^# (.+)$", prose, re.MULTILINE)
    return ChapterFacts(path.stem, title[1] if title else path.stem, rows, figures, tuple(shown))


def coverage(chapters: Path) -> list[Entry]:
    """All rows, from the notebooks in a folder and the registered cards and exercises."""
    pages = [read(path) for path in sorted(chapters.glob("*.ipynb"))]
    found = []
    for row, system in ROWS.items():
        own = [page for page in pages if row in page.rows]
        found.append(
            Entry(
                row,
                system,
                own,
                [name for page in own for name, rows in page.figures if row in rows],
                [n for n, c in cards.items() if c.row == row and any(n in p.cards for p in own)],
                [name for name in catalogue() if load(name).row == row],
            )
        )
    return found


def fill(app: Sphinx, doctree: nodes.document) -> None:
    """Puts the list into each place for it; that page is read anew when a chapter changes."""
    chapters = Path(app.srcdir) / "chapters"
    for place in doctree.findall(nodes.container):
        if "coverage" in place["classes"]:
            place[:] = [Rows(app.env.docname).build(coverage(chapters))]
            for path in chapters.glob("*.ipynb"):
                app.env.note_dependency(str(path))


class Rows:
    """The rows on a page: a list, so that it is as readable on a phone."""

    def __init__(self, page: str) -> None:
        self.page = page

    def build(self, entries: list[Entry]) -> nodes.definition_list:
        """An item an entry: its name, and below it what the book has."""
        rows = nodes.definition_list(classes=["coverage"])
        for entry in entries:
            lines = nodes.line_block()
            for label, links in self.parts(entry).items():
                line = nodes.line("", "", nodes.strong("", label), nodes.Text(": "))
                for k, link in enumerate(links):
                    line += [nodes.Text(", " * bool(k)), link]
                lines += line
            name = nodes.term("", f"{entry.row} {entry.system.name}")
            rows += nodes.definition_list_item("", name, nodes.definition("", lines))
        return rows

    def parts(self, entry: Entry) -> dict[str, list[pending_xref]]:
        """What there is of a row, by what it is called: links."""
        return {
            "Read": [
                self.link(page.title, "doc", f"/chapters/{page.name}") for page in entry.pages
            ],
            "Code": [self.code(code) for code in entry.system.code],
            "Play": [self.link(fig.removeprefix("fig-"), "ref", fig) for fig in entry.figures],
            "Tested": [self.card(card, entry) for card in entry.cards],
            "Solve": [self.link(e, "doc", f"/chapters/exercises/{e}") for e in entry.exercises],
        }

    def code(self, name: str) -> pending_xref:
        """A link to a rule's chapter, or to the documentation of something else."""
        if name in FAMILY:
            return self.link(name, "ref", f"rule-{name}")
        return self.link(name.rpartition(".")[2], "obj", name, domain="py")

    def card(self, name: str, entry: Entry) -> pending_xref:
        """A link to the chapter that shows the card."""
        [page, *_] = [page for page in entry.pages if name in page.cards]
        return self.link(name, "doc", f"/chapters/{page.name}")

    def link(self, text: str, kind: str, target: str, domain: str = "std") -> pending_xref:
        """A link."""
        return pending_xref(
            "",
            nodes.inline("", text),
            refdomain=domain,
            reftype=kind,
            refexplicit=True,
            refwarn=True,
            reftarget=target,
            refdoc=self.page,
        )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
