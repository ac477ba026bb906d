"""The class list: whose a submission is, who handed in nothing, and what goes back."""

import csv
import io

import pytest

from exercises.grading.outcome import Outcome
from exercises.grading.roster import Roster, RosterError, read
from exercises.verdict import Verdict

CANVAS = (
    'Student,ID,Section\n"Lovelace, Ada",4711,A\n"Hopper, Grace",4712,B\n"Noether, Emmy",4713,A\n'
)


@pytest.fixture
def canvas(tmp_path) -> Roster:
    path = tmp_path / "canvas.csv"
    path.write_text(CANVAS, encoding="utf-8")
    return read(path)


def outcome(student: str, points: int) -> Outcome:
    return Outcome(
        student, "id", (), {"sgd_step": Verdict("sgd_step", "right", "", points=points)}, {}
    )


@pytest.mark.parametrize(
    ("student", "row"),
    [
        ("4711", 0),
        ("lovelaceada_4711_8150", 0),  # as Canvas names a file
        ("hoppergrace_LATE_4712_8151", 1),
        ("noether,  EMMY", 2),
        ("4711_4712", None),  # of two rows
        ("B", 1),
        ("A", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_a_submission_belongs_to_the_row_that_names_it(canvas, student, row):
    assert canvas.row(student) == row


def test_moodles_folders_are_found_by_the_full_name(tmp_path):
    path = tmp_path / "moodle.csv"
    path.write_text("\ufeffIdentifier;Full name;Grade\r\nParticipant 9;Ada Lovelace;\r\n", "utf-8")
    assert read(path).row("Ada Lovelace_9_assignsubmission_file_") == 0


def test_the_table_comes_back_as_it_was_with_the_points(canvas):
    table = canvas.filled([outcome("4712", 3), outcome("nobody", 5)], "week1")
    rows = [*csv.reader(io.StringIO(table))]
    assert rows[0] == ["Student", "ID", "Section", "week1"]
    assert rows[1:] == [
        ["Lovelace, Ada", "4711", "A", "0"],
        ["Hopper, Grace", "4712", "B", "3"],
        ["Noether, Emmy", "4713", "A", "0"],
    ]


def test_canvas_row_of_possible_points_is_nobodys(tmp_path):
    path = tmp_path / "canvas.csv"
    path.write_text("Student,ID,week1\n    Points Possible,,2\nAda,4711,\n", encoding="utf-8")
    roster = read(path)
    assert [roster.student(row) for row in (0, 1)] == [False, True]
    assert roster.filled([], "week1").splitlines()[1:] == ["    Points Possible,,2", "Ada,4711,0"]


def test_who_handed_in_nothing_is_called_by_name(tmp_path):
    path = tmp_path / "moodle.csv"
    path.write_text("Identifier,Full name\nParticipant 9,Ada Lovelace\n,\n", encoding="utf-8")
    assert read(path).name(0) == "Ada Lovelace"


def test_a_column_that_is_there_is_filled(canvas):
    rows = [*csv.DictReader(io.StringIO(canvas.filled([outcome("4711", 2)], "Section")))]
    assert [row["Section"] for row in rows] == ["2", "0", "0"]
    assert [*rows[0]] == ["Student", "ID", "Section"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no row of names"),
        (b"Student,ID\n", "no row of names"),
        (b"Student\nJos\xe9\n", "UTF-8"),
    ],
)
def test_what_is_no_roster_is_told(tmp_path, content, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(content)
    with pytest.raises(RosterError, match=said):
        read(path)
