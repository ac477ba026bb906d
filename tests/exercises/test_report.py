"""The report on a graded class: what it says, and that nothing in it is a student's markup."""

import base64
import csv
import io
import json
import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import axe_playwright_python
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, sync_playwright

from exercises import Exercise, Verdict, load
from exercises.asking import ask
from exercises.checker import judge
from exercises.exercise import catalogue
from exercises.grading import report
from exercises.grading.outcome import Outcome
from exercises.verdict import Kind
from tests.browser.conftest import FLAGS, find_chromium
from tests.system import IN_CI

SGDM, NAG = EXERCISES = (load("sgdm_step"), load("nag_step"))
ABOUT: dict[str, Any] = {"assignment": "Week 3", "sandboxed": True}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
VOID = {"meta", "img"}


# Reading a page.


@dataclass
class Element:
    """An element of a page, with its text and its elements."""

    name: str
    given: dict[str, str | None]
    parts: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, in one line."""
        said = (part if isinstance(part, str) else f" {part.text} " for part in self.parts)
        return " ".join("".join(said).split())

    def all(self, name: str = "", **given: str) -> "list[Element]":
        """The elements in it of that name and with those attributes; `class_` is one of several."""
        found = []
        for part in self.parts:
            if isinstance(part, str):
                continue
            if name in ("", part.name) and all(
                value in (part.given.get(key.rstrip("_")) or "").split()
                for key, value in given.items()
            ):
                found.append(part)
            found += part.all(name, **given)
        return found

    def one(self, name: str = "", **given: str) -> "Element":
        """The only such element."""
        (found,) = self.all(name, **given)
        return found


class Reader(HTMLParser):
    """Reads a page and fails where an element is not closed in its place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open = [Element("", {})]
        self.feed(page)
        self.close()
        assert len(self.open) == 1, f"{self.open[-1].name} is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        made = Element(tag, dict(attrs))
        self.open[-1].parts.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def read(page: str) -> Element:
    return Reader(page).open[0]


# A class, judged by the real checker.


def judged(exercise: Exercise, function: Callable[..., Any]) -> Verdict:
    probes = exercise.probes(1)
    return judge(exercise, probes, ask(exercise.question, function, probes))


def made(exercise: Exercise, name: str) -> Verdict:
    (mistake,) = (each for each in exercise.mistakes if each.name == name)
    verdict = judged(exercise, mistake.function)
    assert verdict.mistake == name
    return verdict


def kind_of(exercise: Exercise, kind: Kind) -> Verdict:
    return Verdict(exercise.id, kind, f"it is {kind}.")


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


def code(source: str, *outputs: dict[str, Any], answer: bool = False) -> dict[str, Any]:
    about = {"nbgrader": {"solution": answer}}
    return {"cell_type": "code", "metadata": about, "source": source, "outputs": list(outputs)}


def drawn(png: bytes) -> dict[str, Any]:
    data = {"image/png": base64.b64encode(png).decode(), "text/plain": "<Figure>"}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def student(
    name: str,
    *verdicts: Verdict,
    notebooks: dict[str, Any] | None = None,
    flags: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Outcome:
    about = {verdict.exercise: verdict for verdict in verdicts}
    own = re.sub(r"\W", "", name.encode("ascii", "ignore").decode()) or "nobody"
    return Outcome(name, own, (f"{own}/a.ipynb",), about, notebooks or {}, flags, notes, 1.5)


@pytest.fixture(scope="module")
def group() -> tuple[Outcome, ...]:
    """Nine students."""
    right = judged(SGDM, SGDM.solve), judged(NAG, NAG.solve)
    uphill, outside = made(SGDM, "uphill"), made(SGDM, "rate_outside")
    behind = made(NAG, "gradient_at_theta")
    return (
        student("ada", *right),
        student("ben", outside, behind),
        student("cleo", uphill, behind),
        student("dan", uphill, behind),
        student("eve", right[0], behind),
        student("fay", kind_of(SGDM, "stopped"), behind, flags=("Cell 2 was stopped.",)),
        student("gus", judged(SGDM, lambda *a: (a[0] + 7.0, a[1])), behind),
        student("hal", judged(SGDM, lambda *a: a[0] / None), behind),
        student("ivy", kind_of(SGDM, "missing"), kind_of(NAG, "missing"), flags=("No notebook.",)),
    )


@pytest.fixture(scope="module")
def class_page(group: tuple[Outcome, ...]) -> Element:
    return read(report.class_page(group, EXERCISES, **ABOUT))


def pages(outcomes: Sequence[Outcome], exercises: Sequence[Exercise]) -> Iterator[str]:
    for sandboxed in (True, False):
        yield report.class_page(outcomes, exercises, assignment="Week 3", sandboxed=sandboxed)
    for outcome in outcomes:
        yield report.student_page(outcome, exercises, assignment="Week 3")


def part(page: Element, label: str) -> Element:
    """The section with that label."""
    return page.one("section", **{"aria-labelledby": label})


def named(section: Element) -> dict[str, list[str]]:
    """What is said of an exercise on the class's page, with the names."""
    rows = section.one("ul", class_="who").parts
    return {
        row.all("p")[0].text: [link.text for link in row.all("a")]
        for row in rows
        if isinstance(row, Element)
    }


def everywhere(text: str, own: str = "x") -> Outcome:
    """An outcome with a text wherever a student's text can be."""
    outputs = (
        {"output_type": "stream", "name": text, "text": text},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": []},
        {"output_type": text, "data": {"text/plain": text, "image/png": text, text: text}},
        drawn(PNG),
    )
    cells = (
        code(text, *outputs, answer=True),
        {"cell_type": "markdown", "source": text},
        {"cell_type": text, "source": text},
    )
    verdicts = {
        "sgdm_step": Verdict("sgdm_step", "mistake", text, text, {text: text}, text, text),
        "nag_step": Verdict("nag_step", "error", text, text, {"input": text}, text),
    }
    shown = dict.fromkeys(verdicts, notebook(*cells))
    return Outcome(text, own, (text,), verdicts, shown, (text, text), (text,))


# A student's page.


def test_a_students_page_says_how_each_exercise_is(group) -> None:
    cleo = group[2]
    page = read(report.student_page(cleo, EXERCISES, assignment="Week 3"))
    assert page.one("h1").text == "cleo"
    assert page.one("p", class_="total").text == "0 of 2 points"
    verdict = cleo.verdicts["sgdm_step"]
    section = part(page, "sgdm_step")
    for text in (verdict.headline, verdict.hint, verdict.read, "uphill", "a known mistake"):
        assert text in section.text
    assert "0 of 1 point" in section.text
    facts = section.one("dl")
    told = zip(facts.all("dt"), facts.all("dd"), strict=True)
    assert {term.text: value.text for term, value in told} == verdict.facts
    assert [link.given["href"] for link in page.one("table").all("a")] == [
        "#sgdm_step",
        "#nag_step",
    ]


def test_what_is_right_needs_no_reading_and_what_is_missing_does(group) -> None:
    ada = read(report.student_page(group[0], EXERCISES, assignment="Week 3"))
    assert "Read:" not in ada.text and ada.one("p", class_="total").text == "2 of 2 points"
    ivy = part(read(report.student_page(group[8], EXERCISES, assignment="Week 3")), "nag_step")
    assert "not handed in" in ivy.text and "Read: Nesterov" in ivy.text


def test_a_page_on_a_part_of_an_assignment_counts_that_part(group) -> None:
    page = read(report.student_page(group[0], [SGDM], assignment="Week 3"))
    assert page.one("p", class_="total").text == "1 of 1 point"
    assert NAG.title not in page.text


def test_the_notebook_is_shown_as_text(group) -> None:
    cells = (
        {"cell_type": "markdown", "metadata": {}, "source": ["# A <b>title</b>\n", "and more"]},
        code("x = 1 < 2", answer=True),
        code(
            "plot()",
            {"output_type": "stream", "name": "stdout", "text": ["one\n", "two"]},
            {"output_type": "stream", "name": "stderr", "text": "take care"},
            {"output_type": "execute_result", "data": {"text/plain": "3", "text/html": "<i>3</i>"}},
            {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["\x1b[31mE: no"]},
            {"output_type": "error", "ename": "F", "evalue": "nor this", "traceback": []},
            drawn(PNG),
        ),
    )
    outcome = student("ada", judged(SGDM, SGDM.solve), notebooks={"sgdm_step": notebook(*cells)})
    page = read(report.student_page(outcome, EXERCISES, assignment="Week 3"))
    details = part(page, "sgdm_step").one("details")
    assert "open" not in details.given
    shown = [pre.text for pre in details.all("pre")]
    assert shown == [
        "# A <b>title</b> and more",
        *("x = 1 < 2", "plot()", "one two", "take care", "3", "E: no", "F: nor this"),
    ]
    assert [p.text for p in details.all("p", class_="of")][:3] == ["Text", "Your answer", "Code"]
    picture = details.one("img")
    assert picture.given["alt"] == f"A picture that cell 3 of “{SGDM.title}” drew"
    kind, _, data = picture.given["src"].partition(",")
    assert kind == "data:image/png;base64" and base64.b64decode(data) == PNG
    assert part(page, "nag_step").all("details") == []


HUGE = PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:]


@pytest.mark.parametrize(
    "data",
    [
        *(
            "",
            "no base64!",
            "Ä",
            '"><script>alert(1)</script>',
            base64.b64encode(PNG[:12]).decode(),
        ),
        base64.b64encode(b"<svg onload='alert(1)'/>" * 2).decode(),
        base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"<script>" * 9).decode(),
        base64.b64encode(HUGE).decode(),
        base64.b64encode(PNG + bytes(report.PICTURE)).decode(),
        ["a", 1, {}],
    ],
)
def test_what_is_no_small_png_is_not_shown(data) -> None:
    output = {"output_type": "display_data", "data": {"image/png": data}}
    outcome = student("ada", notebooks={"sgdm_step": notebook(code("plot()", output))})
    page = read(report.student_page(outcome, EXERCISES, assignment="Week 3"))
    assert page.all("img") == []
    assert page.all("pre")[-1].text == "A picture that cannot be shown."


def test_flags_and_repairs_stand_last() -> None:
    outcome = student("ada", flags=("a.ipynb is a link.",), notes=("A cell was doubled.",))
    page = read(report.student_page(outcome, EXERCISES, assignment="Week 3"))
    heads = [head.text for head in page.all("h2")]
    assert heads[2:] == ["Flagged", "Repaired", "Files that were graded"]
    assert part(page, "the-flags").all("li")[0].text == "a.ipynb is a link."
    assert part(page, "the-notes").all("li")[0].text == "A cell was doubled."


def test_no_page_of_a_student_shows_more_of_a_solution_than_the_verdict(group) -> None:
    for outcome in group:
        page = report.student_page(outcome, EXERCISES, assignment="Week 3")
        assert "momentum * m" not in read(page).text


# The class's page.


def test_the_class_in_numbers(class_page) -> None:
    numbers = class_page.one("dl", class_="numbers")
    values = [value.text for value in numbers.all("dd")]
    assert values == ["9", "8", "2", "0 of 2 points"]


def test_what_needs_the_eye_comes_first(class_page) -> None:
    first = class_page.one("main").all("section")[0]
    assert first.one("h2").text == "Needs your eye"
    assert [link.given["href"] for link in first.all("a")] == [
        "students/fay.html",
        "students/ivy.html",
    ]
    assert "Cell 2 was stopped." in first.text and "No notebook." in first.text


def test_the_most_frequent_mistakes_come_first(class_page) -> None:
    rows = part(class_page, "frequent-mistakes").one("tbody").all("tr")
    told = [(row.all("td")[0].text, row.one("th").text, row.one("a").text) for row in rows]
    says = {m.name: m.what for m in SGDM.mistakes}
    (ahead,) = (m.what for m in NAG.mistakes if m.name == "gradient_at_theta")
    assert told == [
        ("7", ahead, NAG.title),
        ("2", says["uphill"], SGDM.title),
        ("1", says["rate_outside"], SGDM.title),
    ]


def test_each_exercise_tells_what_was_wrong_and_in_whose_answer(class_page) -> None:
    section = part(class_page, "sgdm_step")
    counts = section.one("ul", class_="counts")
    assert [item.text for item in counts.all("li")] == [
        "2 ✓ right",
        "3 ≠ a known mistake",
        "1 ✗ wrong in a way not known",
        "1 ! the function raised an error",
        "1 ■ stopped",
        "1 – not handed in",
    ]
    says = {m.name: m.what for m in SGDM.mistakes}
    assert named(section) == {
        says["uphill"]: ["cleo", "dan"],
        says["rate_outside"]: ["ben"],
        "Wrong in a way not known.": ["gus"],
        "The function raised an error.": ["hal"],
        "Stopped.": ["fay"],
        "Not handed in.": ["ivy"],
    }
    widths = [
        float(re.fullmatch(r"width:([\d.]+)%", span.given["style"])[1])
        for span in section.one("div", class_="bar").all("span")
    ]
    assert widths[0] == pytest.approx(200 / 9, abs=0.01) and sum(widths) == pytest.approx(100, 0.01)


def test_many_names_are_folded(class_page) -> None:
    names = part(class_page, "nag_step").all("ul", class_="names")
    assert [len(each.all("a")) for each in names] == [7, 1]
    folded = [d for d in part(class_page, "nag_step").all("details") if "open" not in d.given]
    assert [each.one("summary").text for each in folded] == ["7 students"]
    assert folded[0].all("a")[0].given["href"] == "students/ben.html#nag_step"


def test_a_symbols_first_letter_is_left_as_it_is(class_page) -> None:
    # η made a capital is an H.
    assert "η stands outside the memory" in class_page.text


def test_the_totals_add_up(class_page) -> None:
    rows = part(class_page, "all-totals").one("tbody").all("tr")
    assert [(row.one("th").text, row.all("td")[0].text) for row in rows] == [
        ("0", "7"),
        ("1", "1"),
        ("2", "1"),
    ]


def test_the_table_of_all_students(class_page) -> None:
    table = part(class_page, "all-students").one("table")
    heads = [head.text for head in table.one("thead").all("th")]
    assert heads == ["Student", "Points", "sgdm_step", "nag_step"]
    rows = table.one("tbody").all("tr")
    names = " ".join(row.one("th").text for row in rows)
    assert names == "ada ben cleo dan eve fay gus hal ivy"
    cleo = rows[2].all("td")
    assert [cell.text for cell in cleo[:2]] == ["0", "0 ≠ a known mistake"]
    assert cleo[1].given["title"] == "a known mistake"
    assert cleo[1].one("a").given["href"] == "students/cleo.html#sgdm_step"
    assert rows[0].all("td")[1].text == "1 ✓ right"


def test_only_an_open_run_is_warned_of(class_page) -> None:
    assert class_page.all("p", class_="danger") == []
    page = read(report.class_page((), EXERCISES, assignment="Week 3", sandboxed=False))
    assert page.one("p", class_="danger").text.startswith("Not sandboxed.")


def test_every_kind_of_verdict_has_words_and_a_symbol_of_its_own() -> None:
    assert {*report.LOOKS} == {*get_args(Kind)}
    for which in ("symbol", "words"):
        assert len({getattr(look, which) for look in report.LOOKS.values()}) == len(report.LOOKS)


# Every page.


def all_right(name: str, exercises: Sequence[Exercise]) -> Outcome:
    verdicts = (Verdict(each.id, "right", "right.", points=each.points) for each in exercises)
    return student(name, *verdicts)


EVERY = tuple(map(load, catalogue()))


@pytest.mark.parametrize(
    ("outcomes", "exercises"),
    [
        ((), EXERCISES),
        ((student("ada"),), (SGDM,)),
        (tuple(all_right(f"s{i}", EVERY[: 20 * i]) for i in range(4)), EVERY),
        ((student("ada"),), ()),
        ((everywhere(""),), EXERCISES),
    ],
    ids=["nobody", "one exercise", "all exercises", "no exercise", "no text"],
)
def test_the_shape_of_every_page(outcomes, exercises) -> None:
    for text in pages(outcomes, exercises):
        assert text.startswith("<!doctype html>")
        page = read(text)
        assert page.one("html").given["lang"] == "en"
        assert page.one("title").text and page.one("h1").text
        assert len(page.all("main")) == len(page.all("header")) == 1
        levels = [int(e.name[1]) for e in page.all() if re.fullmatch("h[1-6]", e.name)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))
        ids = [e.given["id"] for e in page.all() if "id" in e.given]
        assert len(ids) == len({*ids})
        places = [e.given["href"][1:] for e in page.all("a") if e.given["href"][0] == "#"]
        assert {*places} <= {*ids}
        assert {e.given["aria-labelledby"] for e in page.all("section")} <= {*ids}
        for table in page.all("table"):
            assert table.one("caption").text
            assert all(head.given["scope"] in ("row", "col") for head in table.all("th"))


@pytest.mark.parametrize("points", [(0, 54), (11, 12), (53, 54)])
def test_totals_of_long_assignments_share_bars(points) -> None:
    students = [all_right(f"s{number}", EVERY[:number]) for number in points]
    page = read(report.class_page(students, EVERY[: points[1]], **ABOUT))
    rows = part(page, "all-totals").one("tbody").all("tr")
    assert len(rows) <= report.BARS + 1
    assert sum(int(row.all("td")[0].text) for row in rows) == len(students)
    edges = [int(edge) for row in rows for edge in row.one("th").text.split("–")]
    assert edges[0] == 0 and edges[-1] == points[1] and edges == sorted(edges)


def test_a_class_of_nobody_says_so() -> None:
    page = read(report.class_page((), EXERCISES, **ABOUT))
    assert "Nothing was flagged." in page.text and "No known mistake was made." in page.text
    assert "There are no submissions." in page.text


# What students can do to it.

HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></code></details></style><script src=//evil></script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<!-- <svg/onload=alert(1)> --> <![CDATA[ ]]>",
    '<a href="javascript:alert(1)">x</a>',
    "&lt;script&gt; &#x3c;b&#x3e; &amp",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x1b]8;;\x07 \x9b1m \x00\x08\x7f\x85",
    "\u202egnp.exe\u2066x\u2069",
    "\ud800\udfff lone",
    "=HYPERLINK('http://evil')",
    "a" * 1_000_000,
    "<" * 1_000_000,
    "\x1b]" * 500_000,
)


def skeleton(page: str) -> list[tuple[str, list[str]]]:
    """The elements of a page with the names of their attributes: all of its markup."""
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    page.encode()
    return [(element.name, list(element.given)) for element in read(page).all()]


def tame() -> tuple[str, ...]:
    return tuple(pages((everywhere("tame"),), EXERCISES))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_only_text(text) -> None:
    for ours, theirs in zip(tame(), pages((everywhere(text),), EXERCISES), strict=True):
        assert skeleton(theirs) == skeleton(ours)
        assert len(theirs) < 1_500_000


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1).filter(str.strip) | st.text("<>\"'&;=/!-[]\\ `\x00\x1bax", min_size=1))
def test_no_text_makes_an_element_or_an_attribute(text) -> None:
    for ours, theirs in zip(tame(), pages((everywhere(f"x{text}"),), EXERCISES), strict=True):
        assert skeleton(theirs) == skeleton(ours)


@pytest.mark.parametrize("text", ['" onclick="alert(1)', "' onclick='alert(1)", "><script>"])
def test_no_attribute_ends_before_its_end(text) -> None:
    (element,) = read(report.tag("p", "text", title=text)).all()
    assert element.given == {"title": text}


def test_a_hostile_name_is_still_readable() -> None:
    name = 'Ada <b> & "Ben" \x1b[1m\u202e'
    page = read(report.student_page(everywhere(name), EXERCISES, assignment=name))
    assert page.one("h1").text == 'Ada <b> & "Ben" \ufffd'


def test_a_cut_text_says_how_much_is_left_out() -> None:
    assert report.clean("a" * 12, 10) == "aaaaaaaaaa… (2 more characters)"


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    for text in pages((everywhere('"><script src="https://evil/x.js">'),), EXERCISES):
        page = read(text)
        policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).given["content"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        elements = page.all()
        forbidden = {"script", "link", "iframe", "object", "embed", "form", "base", "svg"}
        assert not forbidden & {element.name for element in elements}
        assert "url(" not in page.one("style").text and "@import" not in page.one("style").text
        for element in elements:
            assert not [name for name in element.given if name.startswith("on")]
            assert re.match(
                "data:image/png;base64,", element.given.get("src") or "data:image/png;base64,"
            )
            assert re.match(r"#|students/[\w%.@-]+\.html", element.given.get("href") or "#")


def test_a_long_notebook_does_not_make_an_endless_page() -> None:
    cells = [code("x" * report.TEXT) for _ in range(2000)]
    outcome = student("ada", notebooks={"sgdm_step": notebook(*cells)})
    page = report.student_page(outcome, EXERCISES, assignment="Week 3")
    assert len(page) < report.NOTEBOOK + 200_000
    assert (
        read(page).one("ol").all("li")[-1].text == "The other cells are not shown: it is too long."
    )


def test_many_flags_are_counted() -> None:
    outcome = student("ada", flags=("It is a link.",) * (report.LINES + 7))
    shown = part(read(report.student_page(outcome, EXERCISES, assignment="A")), "the-flags")
    assert shown.all("li")[-1].text == "And 7 more."


# Marks for a spreadsheet.


def table(outcomes: Sequence[Outcome]) -> list[list[str]]:
    return list(
        csv.reader(io.StringIO(report.marks_csv(outcomes, EXERCISES), newline=""), strict=True)
    )


def test_the_marks_as_csv(group) -> None:
    head, *rows = table(group)
    assert head == ["student", "id", "points", "max_points", "sgdm_step", "nag_step", "flags"]
    assert rows[0] == ["ada", "ada", "2", "2", "1", "1", ""]
    assert rows[5] == ["fay", "fay", "0", "2", "0", "0", "Cell 2 was stopped."]
    assert len(rows) == 9


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1+1", "'＝1+1"),
        ("\t=1", "'=1"),
        ("\r=1", "'=1"),
        ("\x00\x1b[1m=1", "'=1"),
        ("ada;=1", "ada;'=1"),
        ('ada;"=1"', 'ada;\'"=1"'),
        ('ada"; =1', "ada\";' =1"),
        ("Müller-Lüdenscheidt, Ada", "Müller-Lüdenscheidt, Ada"),
        ('Ada "the first"\nLovelace', 'Ada "the first" Lovelace'),
        ("a\x07b\ud800", "ab\ufffd"),
    ],
)
def test_no_cell_begins_a_formula(name, shown) -> None:
    outcome = student(name, flags=(name, "and more"))
    row = table([outcome])[1]
    assert row[0] == shown
    assert row[-1].startswith(shown) and row[-1].endswith("; and more")


@given(st.text())
def test_any_name_and_flag_make_one_row(text) -> None:
    outcome = student(text, flags=(text,))
    rows = table([outcome, outcome])
    assert [len(row) for row in rows] == [7, 7, 7]
    for cell in (rows[1][0], rows[1][-1]):
        for part_of in cell.split(";"):
            assert not part_of.lstrip(' "').startswith(("=", "+", "-", "@", "\t", "\r"))


# For programs.


def test_the_report_as_json(group) -> None:
    told = json.loads(report.report_json(group, EXERCISES, **ABOUT))
    assert {key: told[key] for key in ("assignment", "sandboxed", "max_points")} == {
        **ABOUT,
        "max_points": 2,
    }
    assert told["exercises"][0] == {
        **{"name": "sgdm_step", "title": SGDM.title, "points": 1, "row": "R3"}
    }
    for outcome, kept in zip(group, told["submissions"], strict=True):
        verdicts = {name: asdict(verdict) for name, verdict in outcome.verdicts.items()}
        assert kept == {
            "student": outcome.student,
            "id": outcome.id,
            "files": [*outcome.files],
            "points": outcome.points,
            "flags": [*outcome.flags],
            "notes": [],
            "seconds": 1.5,
            "verdicts": verdicts,
        }


@given(st.text() | st.sampled_from(HOSTILE[:11]))
def test_any_text_comes_back_from_json(text) -> None:
    written = report.report_json([everywhere(text)], EXERCISES, **ABOUT)
    (kept,) = json.loads(written.encode())["submissions"]
    assert kept["student"] == report.SURROGATES.sub("\ufffd", text)


# Files.


def write(outcomes: Sequence[Outcome], folder: Path, *, assignment: str, sandboxed: bool) -> None:
    """All that a class's report is made of."""
    for outcome in outcomes:
        report.write_student(outcome, EXERCISES, folder, assignment=assignment)
    report.write_class(outcomes, EXERCISES, folder, assignment=assignment, sandboxed=sandboxed)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_all_of_it_is_written(group, tmp_path) -> None:
    folder = tmp_path / "a/report"
    write(group, folder, **ABOUT)
    pages = {f"students/{outcome.id}.html" for outcome in group}
    assert files(folder) == {"marks.csv", "report.json", "index.html", *pages}
    marks = (folder / "marks.csv").read_bytes()
    assert marks.startswith(b"\xef\xbb\xbf")
    assert marks.decode("utf-8-sig") == report.marks_csv(group, EXERCISES)
    assert marks.count(b"\r\n") == 10 and b"\r\r" not in marks
    index = read((folder / "index.html").read_text("utf-8"))
    led = {link.given["href"].partition("#")[0] for link in index.all("a")} - {""}
    assert led == pages


def test_pages_of_others_stay_and_the_rest_is_made_anew(group, tmp_path) -> None:
    write(group, tmp_path, **ABOUT)
    before = (tmp_path / "students/ada.html").read_bytes()
    write(group[1:2], tmp_path, **ABOUT)
    assert (tmp_path / "students/ada.html").read_bytes() == before
    assert (
        json.loads((tmp_path / "report.json").read_text("utf-8"))["submissions"][0]["id"] == "ben"
    )


def test_a_file_that_cannot_be_written_stays_whole(group, tmp_path, monkeypatch) -> None:
    write(group, tmp_path, **ABOUT)
    before = (tmp_path / "students/ada.html").read_bytes()

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write([student("ada")], tmp_path, **ABOUT)
    assert (tmp_path / "students/ada.html").read_bytes() == before
    assert not [name for name in files(tmp_path) if "draft" in name]


@pytest.mark.parametrize("own", ["../x", "a/b", "", "a b", "x\n"])
def test_an_id_that_is_no_files_own_name_is_refused(own, tmp_path) -> None:
    with pytest.raises(ValueError, match="name of a student's page"):
        write([everywhere("x", own)], tmp_path / "report", **ABOUT)
    assert files(tmp_path) == set()


# In a browser.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium whose network is shut."""
    with sync_playwright() as playwright:
        chromium, sandbox = find_chromium(), os.geteuid() != 0 and not IN_CI
        browser = playwright.chromium.launch(
            executable_path=chromium, args=FLAGS, chromium_sandbox=sandbox
        )
        yield browser
        browser.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["index", "students/ada", "students/x"])
def test_a_page_in_a_browser(group, browser, tmp_path, name, width, theme) -> None:
    hostile = everywhere("<img src=http://localhost/x onerror=alert(1)>" + "x" * 999)
    write((*group, hostile), tmp_path, assignment="Week 3", sandboxed=False)
    size = {"width": width, "height": 800}
    with closing(browser.new_context(viewport=size, color_scheme=theme)) as context:
        page = context.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto((tmp_path / f"{name}.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
        assert [url[:5] for url in asked] == ["file:", *["data:"] * (len(asked) - 1)]
        assert said == []
        assert page.evaluate("[...document.images].every((each) => each.naturalWidth > 0)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(AXE)
        faults = page.evaluate("axe.run().then((found) => found.violations)")
        assert [(fault["help"], fault["nodes"][0]["html"]) for fault in faults] == []
