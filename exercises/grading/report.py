"""What an instructor and a student see of a graded class.

A page is made of elements (`tag`). What is inside one is cleaned and escaped unless an element
made it, so that nothing a student wrote can become markup. No page has a script, and a browser
that reads one is told to load nothing.
"""

import base64
import csv
import io
import json
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from exercises.exercise import Exercise
from exercises.grading.outcome import Outcome
from exercises.reading import where
from exercises.verdict import Kind, Verdict
from optlib import files

TEXT = 20_000
"""Of a longer text, in characters, the rest is not shown."""

LINE = 300
"""The same for a name, a sentence or an attribute."""

NOTEBOOK = 8_000_000
"""When a notebook has made a page that long, in characters, its other cells are not shown."""

LINES = 100
"""Of more flags or notes of one student the others are not shown."""

PICTURE = 2_000_000
"""Larger pictures, in bytes, are not shown."""

PIXELS = 20_000_000
"""Nor are pictures with more of them: a small file can hold a picture that fills a memory."""

MAX_NAMES = 6
"""More names than these are folded."""

OFTEN = 10
"""How many of the most frequent mistakes of all exercises are shown."""

BARS = 12
"""Totals are counted in at most that many bars."""

MANY = 8
"""With more exercises columns are narrow, and who made which mistake is folded."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Look(NamedTuple):
    """How a kind of verdict is shown: a symbol, words, and the tone that its colour has."""

    symbol: str
    words: str
    tone: str


LOOKS: dict[Kind, Look] = {
    "right": Look("✓", "right", "right"),
    "mistake": Look("≠", "a known mistake", "known"),
    "wrong": Look("✗", "wrong in a way not known", "trouble"),
    "form": Look("□", "not in the form that is asked", "trouble"),
    "error": Look("!", "the function raised an error", "trouble"),
    "lost": Look("?", "no such function", "trouble"),
    "stopped": Look("■", "stopped", "trouble"),
    "blank": Look("○", "no answer yet", "nothing"),
    "missing": Look("–", "not handed in", "nothing"),
}


# Text and elements.

ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links of a terminal
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and moves
    r"|\x1b[ -/]*[0-~]"
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
SURROGATES = re.compile(r"[\ud800-\udfff]")
TURNS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""What makes a text run the other way, in which code can say what it does not do."""


def clean(text: str, most: int = TEXT) -> str:
    """A text that is safe to show: no control characters, nothing that turns it, not too long."""
    text = ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = TURNS.sub("\ufffd", SURROGATES.sub("\ufffd", CONTROLS.sub("", text)))
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most} more characters)"


def line(text: str) -> str:
    """The same in one line."""
    return clean(" ".join(clean(text).split()), LINE)


class Html(str):
    """Text that is markup already: all other text in a page is escaped."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: str) -> Html:
    """An element; the attribute class is given as `class_`, and http-equiv as `http_equiv`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
    )
    if name in ("meta", "img"):
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{join(inside)}</{name}>")


def _attribute(value: str) -> str:
    return value if isinstance(value, Html) else escape(line(value))


def join(parts: Iterable[str]) -> Html:
    """Parts one after the other, each escaped if it is no markup."""
    return Html("".join(p if isinstance(p, Html) else escape(clean(p)) for p in parts))


def page(title: str, *body: Html) -> str:
    """A whole page with its style in it."""
    style = Path(__file__).with_name("report.css").read_text("utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", line(title)),
        tag("style", Html(style)),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *body), lang='en')}\n"


def section(label: str, heading: str, *inside: Html) -> Html:
    """A part of a page with its heading."""
    return tag("section", tag("h2", heading, id=label), *inside, aria_labelledby=label)


def table(caption: str, heads: Iterable[Html], rows: Iterable[Html], **attributes: str) -> Html:
    """A table with its caption above it."""
    head = tag("thead", tag("tr", *heads))
    return tag("table", tag("caption", caption), head, tag("tbody", *rows), **attributes)


def column(text: str, **attributes: str) -> Html:
    """The head of a table's column."""
    return tag("th", text, scope="col", **attributes)


def share(part: int, whole: int) -> str:
    """A bar's width, as CSS has it."""
    return f"width:{100 * part / whole if whole else 0:.4g}%"


def several(number: int, noun: str) -> str:
    """A number with its noun: `1 student`, `2 students`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def bounded(lines: Sequence[str]) -> Html:
    """Sentences as a list."""
    more = [f"And {len(lines) - LINES} more."] if len(lines) > LINES else []
    return tag("ul", *(tag("li", line(each)) for each in (*lines[:LINES], *more)))


# What outcomes say.


def verdict_on(outcome: Outcome, exercise: Exercise) -> Verdict:
    """The verdict on an exercise, also where a submission has none."""
    nothing = Verdict(exercise.id, "missing", "nothing was handed in.")
    return outcome.verdicts.get(exercise.id, nothing)


def called(outcome: Outcome) -> str:
    """A student's name in one line."""
    return line(outcome.student) or outcome.id


def name_of(outcome: Outcome) -> Html:
    """A student's name, whatever way its script runs."""
    return tag("bdi", called(outcome))


def link_to(outcome: Outcome, inside: Html, place: str = "", **attributes: str) -> Html:
    """A link from the class's page to a student's, or to a place in it."""
    address = f"students/{quote(outcome.id)}.html{place and '#'}{place}"
    return tag("a", inside, href=address, **attributes)


def mistake_in(verdict: Verdict) -> str:
    """What the mistake is, as the exercise says it."""
    return line(verdict.headline.removeprefix("not yet. "))


def out_of(points: int, most: int) -> str:
    """A mark in words."""
    return f"{points} of {several(most, 'point')}"


def maximum(exercises: Sequence[Exercise]) -> int:
    """What can be earned."""
    return sum(exercise.points for exercise in exercises)


# A student's page.


def student_page(outcome: Outcome, exercises: Sequence[Exercise], *, assignment: str) -> str:
    """The page of a student: total, each exercise with its verdict and notebook, what was odd."""
    # The page may be on a part of the assignment.
    points = sum(verdict_on(outcome, exercise).points for exercise in exercises)
    total = out_of(points, maximum(exercises))
    header = tag(
        "header",
        tag("p", line(assignment), class_="over"),
        tag("h1", name_of(outcome)),
        tag("p", tag("strong", total), class_="total"),
    )
    rows = [_overview(exercise, verdict_on(outcome, exercise)) for exercise in exercises]
    heads = map(column, ("Exercise", "Verdict", "Mark"))
    parts = [table("Marks", heads, rows, class_="marks")]
    parts += [_answer(outcome, exercise) for exercise in exercises]
    if outcome.flags:
        said = tag("p", "Your instructor has been told of this.")
        parts.append(section("the-flags", "Flagged", said, bounded(outcome.flags)))
    if outcome.notes:
        said = tag("p", "This was put right on the way. The marks do not depend on it.")
        parts.append(section("the-notes", "Repaired", said, bounded(outcome.notes)))
    if outcome.files:
        parts.append(section("the-files", "Files that were graded", bounded(outcome.files)))
    main = tag("main", *parts)
    return page(f"{called(outcome)}: {assignment}", header, main)


def _overview(exercise: Exercise, verdict: Verdict) -> Html:
    return tag(
        "tr",
        tag("th", tag("a", exercise.title, href=f"#{exercise.id}"), scope="row"),
        tag("td", _chip(verdict.kind)),
        tag("td", f"{verdict.points} of {exercise.points}", class_="number"),
    )


def _chip(kind: Kind) -> Html:
    """The kind of a verdict in words, with its symbol and colour."""
    look = LOOKS[kind]
    symbol = tag("span", look.symbol, class_="symbol", aria_hidden="true")
    return tag("span", symbol, look.words, class_=f"chip {look.tone}")


def _answer(outcome: Outcome, exercise: Exercise) -> Html:
    """One exercise on the student's page."""
    verdict = verdict_on(outcome, exercise)
    mark = out_of(verdict.points, exercise.points)
    parts = [
        tag("p", _chip(verdict.kind), tag("span", mark, class_="mark"), class_="verdict"),
        tag("p", tag("code", exercise.id), f": {line(verdict.headline)}", class_="headline"),
    ]
    if verdict.hint:
        parts.append(tag("p", clean(verdict.hint, 5 * LINE)))
    if verdict.facts:
        facts = (
            tag("div", tag("dt", line(name)), tag("dd", tag("code", clean(value, 10 * LINE))))
            for name, value in verdict.facts.items()
        )
        parts.append(tag("dl", *facts, class_="facts"))
    if verdict.mistake:
        parts.append(tag("p", "Known mistake: ", tag("code", line(verdict.mistake))))
    if not verdict.right:
        parts.append(tag("p", "Read: ", line(verdict.read or where(exercise.read)), class_="read"))
    if exercise.id in outcome.notebooks:
        cells = _notebook(outcome.notebooks[exercise.id], exercise.title)
        parts.append(tag("details", tag("summary", "Your notebook as it ran"), cells))
    return section(exercise.id, exercise.title, *parts)


# A notebook.


def _notebook(notebook: dict[str, Any], title: str) -> Html:
    """All cells and what came out of them, as text."""
    shown: list[Html] = []
    length = 0
    for number, cell in enumerate(notebook.get("cells", ()), 1):
        if length > NOTEBOOK:
            shown.append(tag("li", "The other cells are not shown: it is too long."))
            break
        shown.append(tag("li", *_cell(cell, f"cell {number} of “{title}”")))
        length += len(shown[-1])
    return tag("ol", *shown, class_="cells")


def _cell(cell: dict[str, Any], place: str) -> Iterator[Html]:
    if cell.get("cell_type") != "code":
        yield tag("p", "Text", class_="of")
        yield tag("pre", _text(cell.get("source")), class_="words")
        return
    answer = cell.get("metadata", {}).get("nbgrader", {}).get("solution")
    yield tag("p", "Your answer" if answer else "Code", class_="of")
    yield tag("pre", tag("code", _text(cell.get("source"))), class_="code")
    for output in cell.get("outputs", ()):
        yield from _output(output, place)


def _output(output: dict[str, Any], place: str) -> Iterator[Html]:
    kind, data = output.get("output_type"), output.get("data", {})
    if kind == "error":
        raised = f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
        trace = "\n".join(map(_text, output.get("traceback") or [raised]))
        yield tag("p", "Error", class_="of")
        yield tag("pre", trace, class_="error")
    elif kind == "stream":
        yield tag("p", "Warnings" if output.get("name") == "stderr" else "Printed", class_="of")
        yield tag("pre", _text(output.get("text")))
    elif picture := _picture(_text(data.get("image/png"))):
        yield tag("p", "Picture", class_="of")
        yield tag("img", src=picture, alt=f"A picture that {place} drew")
    else:
        yield tag("p", "Result", class_="of")
        shown = "A picture that cannot be shown." if "image/png" in data else ""
        yield tag("pre", _text(data.get("text/plain")) or shown)


def _text(value: object) -> str:
    """A text in a notebook, which may be a list of lines."""
    if isinstance(value, list):
        return "".join(map(_text, value))
    return value if isinstance(value, str) else ""


def _picture(encoded: str) -> Html | None:
    """The address of a PNG picture with the picture in it; None if it is none or too large."""
    png = picture(encoded)
    return Html(f"data:image/png;base64,{png}") if png else None


def picture(encoded: str) -> str:
    """A PNG picture in base64, as it was or in lines; nothing if it is none or too large."""
    try:
        png = base64.b64decode("".join(encoded.split()), validate=True)
    except ValueError:
        return ""
    width, height = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    if png[:8] != b"\x89PNG\r\n\x1a\n" or png[12:16] != b"IHDR" or len(png) > PICTURE:
        return ""
    return base64.b64encode(png).decode() if 0 < width * height <= PIXELS else ""


# The class's page.


def class_page(
    outcomes: Sequence[Outcome],
    exercises: Sequence[Exercise],
    *,
    assignment: str,
    sandboxed: bool,
) -> str:
    """The instructor's page: what needs an eye, the mistakes that were made, all marks."""
    parts = {
        "needs-your-eye": ("Needs your eye", _flags(outcomes)),
        "frequent-mistakes": ("Most frequent mistakes", _frequent(outcomes, exercises)),
        "by-exercise": ("By exercise", _exercises(outcomes, exercises)),
        "all-totals": ("Totals", _totals(outcomes, maximum(exercises))),
        "all-students": ("All students", _students(outcomes, exercises)),
    }
    links = (tag("li", tag("a", head, href=f"#{label}")) for label, (head, _) in parts.items())
    header = tag(
        "header",
        tag("p", "Class report", class_="over"),
        tag("h1", line(assignment)),
        *([] if sandboxed else [_open()]),
        _numbers(outcomes, exercises),
        tag("nav", tag("ul", *links), aria_label="On this page"),
    )
    main = tag("main", *(section(label, *part) for label, part in parts.items()))
    return page(f"{assignment}: class report", header, main)


def _open() -> Html:
    """The line that says that nothing kept the notebooks in."""
    danger = tag("strong", "Not sandboxed.")
    said = " The notebooks ran with all your rights: they could read, change and send anything."
    return tag("p", danger, said, class_="danger")


def _numbers(outcomes: Sequence[Outcome], exercises: Sequence[Exercise]) -> Html:
    """The class in four numbers."""
    graded = sum(any(verdict_on(o, e).kind != "missing" for e in exercises) for o in outcomes)
    numbers = {
        "Submissions": str(len(outcomes)),
        "Graded": str(graded),
        "Flagged": str(sum(bool(outcome.flags) for outcome in outcomes)),
    }
    if outcomes:
        median = statistics.median(outcome.points for outcome in outcomes)
        numbers["Median"] = f"{median:g} of {several(maximum(exercises), 'point')}"
    pairs = (tag("div", tag("dt", name), tag("dd", value)) for name, value in numbers.items())
    return tag("dl", *pairs, class_="numbers")


def _flags(outcomes: Sequence[Outcome]) -> Html:
    flagged = [outcome for outcome in outcomes if outcome.flags]
    if not flagged:
        return tag("p", "Nothing was flagged.")
    return tag(
        "ul",
        *(tag("li", link_to(each, name_of(each)), bounded(each.flags)) for each in flagged),
        class_="flags",
    )


class Made(NamedTuple):
    """A known mistake that was made in an exercise: a verdict that says so, and by whom."""

    exercise: Exercise
    verdict: Verdict
    who: list[Outcome]


def mistakes_made(outcomes: Sequence[Outcome], exercise: Exercise) -> list[Made]:
    """The known mistakes that were made in an exercise, the most frequent first."""
    made: dict[str, Made] = {}
    for outcome in outcomes:
        verdict = verdict_on(outcome, exercise)
        if verdict.kind == "mistake":
            made.setdefault(verdict.mistake, Made(exercise, verdict, [])).who.append(outcome)
    return sorted(made.values(), key=lambda each: -len(each.who))


def _frequent(outcomes: Sequence[Outcome], exercises: Sequence[Exercise]) -> Html:
    made = [each for exercise in exercises for each in mistakes_made(outcomes, exercise)]
    if not made:
        return tag("p", "No known mistake was made.")
    rows = (
        tag(
            "tr",
            tag("td", str(len(each.who)), class_="number"),
            tag("th", mistake_in(each.verdict), scope="row"),
            tag(
                "td",
                tag("a", each.exercise.title, href=f"#{each.exercise.id}"),
                tag("div", line(each.verdict.read.partition(" (")[0]), class_="read"),
            ),
        )
        for each in sorted(made, key=lambda each: -len(each.who))[:OFTEN]
    )
    caption = f"Known mistakes of {several(len(outcomes), 'student')}, the most frequent first"
    heads = map(column, ("Students", "Mistake", "Exercise, and where to read"))
    return table(caption, heads, rows, class_="frequent")


def _exercises(outcomes: Sequence[Outcome], exercises: Sequence[Exercise]) -> Html:
    """All exercises; when they are many, who made what is folded."""
    fold: dict[str, str] = {"open": ""} if len(exercises) <= MANY else {}
    return join(_exercise(outcomes, exercise, fold) for exercise in exercises)


def _exercise(outcomes: Sequence[Outcome], exercise: Exercise, fold: dict[str, str]) -> Html:
    """One exercise on the class's page."""
    who: dict[Kind, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        who[verdict_on(outcome, exercise).kind].append(outcome)
    kinds = [kind for kind in LOOKS if who[kind]]
    bar = (
        tag("span", class_=LOOKS[kind].tone, style=share(len(who[kind]), len(outcomes)))
        for kind in kinds
    )
    counts = (tag("li", tag("b", str(len(who[kind]))), " ", _chip(kind)) for kind in kinds)
    rows = [
        _row(mistake_in(made.verdict), made.who, exercise)
        for made in mistakes_made(outcomes, exercise)
    ]
    rows += [
        _row(f"{LOOKS[kind].words.capitalize()}.", who[kind], exercise)
        for kind in kinds
        if kind not in ("right", "mistake")
    ]
    summary = tag("summary", "What was wrong, and in whose answer")
    heading = tag(
        "h3", exercise.title, " ", tag("span", exercise.row, class_="row"), id=exercise.id
    )
    return tag(
        "section",
        heading,
        tag("p", tag("code", exercise.id), ", ", several(exercise.points, "point"), class_="about"),
        tag("div", *bar, class_="bar", aria_hidden="true"),
        tag("ul", *counts, class_="counts"),
        *([tag("details", summary, tag("ul", *rows, class_="who"), **fold)] if rows else []),
        class_="exercise",
        aria_labelledby=exercise.id,
    )


def _row(what: str, who: list[Outcome], exercise: Exercise) -> Html:
    """What happened, how often and to whom."""
    links = [link_to(outcome, name_of(outcome), exercise.id) for outcome in who]
    names = tag("ul", *(tag("li", each) for each in links), class_="names")
    if len(links) > MAX_NAMES:
        names = tag("details", tag("summary", several(len(links), "student")), names)
    return tag("li", tag("b", str(len(who))), tag("div", tag("p", what), names))


def _totals(outcomes: Sequence[Outcome], most: int) -> Html:
    """How many students have how many points, as a table of bars."""
    if not outcomes:
        return tag("p", "There are no submissions.")
    width = -(-(most + 1) // BARS)
    counts = Counter(outcome.points // width for outcome in outcomes)
    highest = max(counts.values())
    rows = []
    for number in range(most // width + 1):
        low, high = number * width, min((number + 1) * width - 1, most)
        bar = tag("span", style=share(counts[number], highest))
        rows.append(
            tag(
                "tr",
                tag("th", str(low) if low == high else f"{low}–{high}", scope="row"),
                tag("td", str(counts[number]), class_="number"),
                tag("td", bar, class_="level", aria_hidden="true"),
            )
        )
    heads = [column("Points"), column("Students"), tag("td", aria_hidden="true")]
    caption = f"How many students have how many of {several(most, 'point')}"
    return table(caption, heads, rows, class_="totals")


def _students(outcomes: Sequence[Outcome], exercises: Sequence[Exercise]) -> Html:
    """The table of all marks, which scrolls in its own frame."""
    if not outcomes:
        return tag("p", "There are no submissions.")
    narrow = " narrow" if len(exercises) > MANY else ""
    heads = [column("Student"), column("Points")]
    heads += [
        column(tag("a", tag("span", each.id), href=f"#{each.id}", title=each.title))
        for each in exercises
    ]
    rows = [
        tag(
            "tr",
            tag("th", link_to(outcome, name_of(outcome)), scope="row"),
            tag("td", str(outcome.points), class_="number"),
            *(_mark(outcome, exercise) for exercise in exercises),
        )
        for outcome in outcomes
    ]
    caption = f"Marks of {several(len(outcomes), 'student')}, {maximum(exercises)} at most"
    marks = table(caption, heads, rows, class_=f"students{narrow}")
    key = (tag("li", _chip(kind)) for kind in LOOKS)
    frame = {"role": "region", "aria_label": "All marks", "tabindex": "0"}
    return join((tag("ul", *key, class_="counts"), tag("div", marks, class_="frame", **frame)))


def _mark(outcome: Outcome, exercise: Exercise) -> Html:
    """A mark in the table of all students; one that says more leads to where it is said."""
    verdict = verdict_on(outcome, exercise)
    look = LOOKS[verdict.kind]
    symbol = tag("span", look.symbol, class_="symbol", aria_hidden="true")
    words = tag("span", look.words, class_="unseen")
    shown = join((str(verdict.points), " ", symbol, words))
    if look.tone in ("known", "trouble"):
        shown = link_to(outcome, shown, exercise.id)
    return tag("td", shown, class_=look.tone, title=look.words)


# Files.

FORMULA = re.compile(r'(^|;)(?=[\s"]*[-=+@＝＋－＠])')
"""Where a spreadsheet begins to read a formula; in half of Europe it parts cells at semicolons."""


def marks_csv(outcomes: Sequence[Outcome], exercises: Sequence[Exercise]) -> str:
    """All marks as a table for a spreadsheet."""
    text = io.StringIO()
    # With all text in quotes no program takes a part of it for a cell of its own.
    table = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    names = (exercise.id for exercise in exercises)
    table.writerow(["student", "id", "points", "max_points", *names, "flags"])
    for outcome in outcomes:
        marks = (verdict_on(outcome, exercise).points for exercise in exercises)
        flags = _entry("; ".join(outcome.flags))
        who = [_entry(outcome.student), outcome.id]
        table.writerow([*who, outcome.points, maximum(exercises), *marks, flags])
    return text.getvalue()


def _entry(text: str) -> str:
    """A text in one line that a spreadsheet takes for text."""
    return FORMULA.sub(r"\1'", " ".join(clean(text).split()))


def report_json(
    outcomes: Sequence[Outcome],
    exercises: Sequence[Exercise],
    *,
    assignment: str,
    sandboxed: bool,
) -> str:
    """All of it but the notebooks, for programs."""
    report = {
        "assignment": assignment,
        "sandboxed": sandboxed,
        "exercises": [
            {"name": each.id, "title": each.title, "points": each.points, "row": each.row}
            for each in exercises
        ],
        "max_points": maximum(exercises),
        "submissions": [_submission(outcome) for outcome in outcomes],
    }
    return SURROGATES.sub("\ufffd", json.dumps(report, ensure_ascii=False, indent=1)) + "\n"


def _submission(outcome: Outcome) -> dict[str, Any]:
    kept = replace(outcome, notebooks={}).to_json() | {"points": outcome.points}
    del kept["notebooks"]
    return kept


def write_student(
    outcome: Outcome, exercises: Sequence[Exercise], folder: Path, *, assignment: str
) -> None:
    """Write a student's page into the folder `students` of a report's folder.

    Raises
    ------
    ValueError
        The outcome's id is no name of a file.
    """
    if not re.fullmatch(r"[\w.@-]+", outcome.id):
        raise ValueError(f"{outcome.id!r} cannot be the name of a student's page")
    shown = student_page(outcome, exercises, assignment=assignment)
    files.write(folder / "students" / f"{outcome.id}.html", shown.encode())


def write_class(
    outcomes: Sequence[Outcome],
    exercises: Sequence[Exercise],
    folder: Path,
    *,
    assignment: str,
    sandboxed: bool,
) -> None:
    """Write marks.csv, report.json and index.html into a folder. What the notebooks of the
    outcomes are does not matter."""
    about: dict[str, Any] = {"assignment": assignment, "sandboxed": sandboxed}
    files.write(folder / "report.json", report_json(outcomes, exercises, **about).encode())
    # Excel takes a file for UTF-8 only when it begins with the mark.
    files.write(folder / "marks.csv", marks_csv(outcomes, exercises).encode("utf-8-sig"))
    files.write(folder / "index.html", class_page(outcomes, exercises, **about).encode())
