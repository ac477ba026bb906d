"""The class list: whose a submission is, who handed in nothing, and what goes back."""

import csv
import io

import pytest

from exercises.grading.roster import Roster, RosterError, read

CANVAS = (
    'Student,ID,Section\n"Lovelace, Ada",4711,A\n"Hopper, Grace",4712,B\n"Noether, Emmy",4713,A\n'
)


@pytest.fixture
def canvas(tmp_path) -> Roster:
    path = tmp_path / "canvas.csv"
    path.write_text(CANVAS, encoding="utf-8")
    return read(path)


@pytest.mark.parametrize(
    ("student", "rows"),
    [
        ("4711", {0}),
        ("lovelaceada_4711_8150", {0}),  # as Canvas names a file
        ("hoppergrace_LATE_4712_8151", {1}),
        ("noether,  EMMY", {2}),
        ("Lovelace, Ada_4711", {0}),
        ("Lovelace, Ada_4712", {0, 1}),  # the number says another
        ("4711_4712", {0, 1}),
        ("B", {1}),
        ("A", {0, 2}),
        ("nobody", set()),
        ("", set()),
    ],
)
def test_a_submission_belongs_to_the_row_that_names_it(canvas, student, rows):
    assert canvas.owners([student]) == [rows]


def test_where_it_is_not_clear_whose_a_submission_is_the_cell_is_empty(canvas):
    filled = canvas.filled([("A", 5), ("4712", 1), ("Hopper, Grace", 2)], "week1")
    assert [row["week1"] for row in csv.DictReader(io.StringIO(filled))] == ["", "", ""]


def test_moodles_folders_are_found_by_the_full_name(tmp_path):
    path = tmp_path / "moodle.csv"
    path.write_text("\ufeffIdentifier;Full name;Grade\r\nParticipant 9;Ada Lovelace;\r\n", "utf-8")
    assert read(path).owners(["Ada Lovelace_9_assignsubmission_file_"]) == [{0}]


def test_the_table_comes_back_as_it_was_with_the_points(canvas):
    table = canvas.filled([("4712", 3), ("nobody", 5)], "week1")
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
    assert roster.students == {1}
    assert roster.filled([], "week1").splitlines()[1:] == ["    Points Possible,,2", "Ada,4711,0"]


def test_who_handed_in_nothing_is_called_by_name(tmp_path):
    path = tmp_path / "moodle.csv"
    path.write_text("Identifier,Full name\nParticipant 9,Ada Lovelace\n,\n", encoding="utf-8")
    assert read(path).name(0) == "Ada Lovelace"


def test_a_column_that_is_there_is_filled(canvas):
    rows = [*csv.DictReader(io.StringIO(canvas.filled([("4711", 2)], "Section")))]
    assert [row["Section"] for row in rows] == ["2", "0", "0"]
    assert [*rows[0]] == ["Student", "ID", "Section"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no row of names"),
        (b"Student,ID\n", "no row of names"),
        (b"Student\nJos\xe9\n", "UTF-8"),
        (b'Student\n"Ada\n', "no table"),
    ],
)
def test_what_is_no_roster_is_told(tmp_path, content, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(content)
    with pytest.raises(RosterError, match=said):
        read(path)
