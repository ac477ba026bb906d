"""Every row of the lecture is in the book: chapter, code, live figure, claim and exercise."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml

from exercises.exercise import catalogue, load
from optlab.claims import cards
from optlib.family import FAMILY

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "chapters"
ROWS = [f"R{k}" for k in range(1, 26)]


@pytest.fixture(scope="module")
def extension() -> Iterator[ModuleType]:
    """The extension that makes the list."""
    sys.path.insert(0, str(ROOT / "_ext"))
    yield import_module("rows")
    sys.path.remove(str(ROOT / "_ext"))
    del sys.modules["rows"]


@pytest.fixture(scope="module")
def entries(extension):
    """All rows, by number."""
    return {entry.row: entry for entry in extension.coverage(CHAPTERS)}


def test_there_are_25_rows_in_order(entries):
    assert list(entries) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_chapter_code_a_live_figure_a_claim_and_an_exercise(entries, row):
    entry = entries[row]
    missing = [
        what
        for what, found in {
            "a chapter": entry.pages,
            "code": entry.system.code,
            "a live figure": entry.figures,
            "a claim": entry.cards,
            "an exercise": entry.exercises,
        }.items()
        if not found
    ]
    assert not missing, f"{row} {entry.system.name} lacks {', '.join(missing)}"


def test_the_code_is_there_and_its_chapter_uses_it(entries):
    for entry in entries.values():
        text = "".join((CHAPTERS / f"{page.name}.ipynb").read_text("utf-8") for page in entry.pages)
        for name in entry.system.code:
            module, _, last = name.rpartition(".")
            assert hasattr(import_module(module), last) if module else name in FAMILY, name
            assert last in text, f"{entry.row}: {name} is not in {[p.name for p in entry.pages]}"


def test_all_pages_are_in_the_table_of_contents(entries):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = {chapter["file"] for part in toc["parts"] for chapter in part["chapters"]}
    named = {f"chapters/{page.name}" for entry in entries.values() for page in entry.pages}
    assert named <= files


def test_every_card_and_every_exercise_has_a_row_that_shows_it(entries):
    shown = {name for entry in entries.values() for name in entry.cards}
    assert shown == set(cards)
    assert {load(name).row for name in catalogue()} == set(ROWS)


def test_a_chapter_of_several_rows_says_whose_its_figures_are(extension):
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        page = extension.read(path)
        for label, rows in page.figures:
            assert set(rows) <= set(page.rows), f"{path.stem}: {label} is of {rows}"
            assert rows or not page.rows, f"{path.stem}: {label} does not say its rows"


@pytest.mark.parametrize("lost", ["rows", "figure", "card"])
def test_what_is_taken_away_is_missed(extension, tmp_path, lost):
    notebook = json.loads((CHAPTERS / "swats.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if lost == "rows":
            text = text.replace("**Row** R9", "**Row** R8")
        if lost == "figure":
            text = text.replace("live.", "dead.")
        if lost == "card":
            text = text.replace('cards["swats-both"]', "cards[0]")
        cell["source"] = [text]
    (tmp_path / "swats.ipynb").write_text(json.dumps(notebook), "utf-8")
    [entry] = [each for each in extension.coverage(tmp_path) if each.row == "R9"]
    found = {"rows": entry.pages, "figure": entry.figures, "card": entry.cards}
    assert not found[lost] and entry.exercises


def test_the_list_has_an_item_for_each_row_and_links(extension):
    entries = extension.coverage(CHAPTERS)
    made = extension.Rows("chapters/coverage").build(entries)
    body = list(made.findall(extension.nodes.definition_list_item))
    assert len(body) == 25
    targets = {node["reftarget"] for node in made.findall(extension.pending_xref)}
    assert {"rule-adam", "fig-swats-hook", "/chapters/swats", "/chapters/exercises/adam_step"} <= (
        targets
    )


def test_a_page_with_the_list_is_read_anew_when_a_chapter_changes(extension):
    seen: list[str] = []
    env = SimpleNamespace(docname="chapters/coverage", note_dependency=seen.append)
    app = SimpleNamespace(srcdir=str(ROOT), env=env)
    nodes = extension.nodes
    for name in ("other", "coverage"):
        place = nodes.container("", nodes.paragraph(), classes=[name])
        extension.fill(app, nodes.section("", place))
        assert isinstance(place[0], nodes.definition_list) == (name == "coverage") == bool(seen)
    assert str(CHAPTERS / "swats.ipynb") in seen
