"""The class list: who is in the class, and the table that goes back to where it came from.

A roster is a CSV file as Moodle, Canvas or a spreadsheet writes it, with any columns. It comes back
as it was, with the points in one column.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = ("full name", "student", "student name", "name")


class RosterError(Exception):
    """A roster cannot be used; its text says why."""


@dataclass(frozen=True)
class Roster:
    """A class list.

    Attributes
    ----------
    heads : list of str
        The columns' names.
    rows : list of list of str
        One row a student, as many cells as there are columns.
    delimiter : str
        What stands between cells.
    """

    heads: list[str]
    rows: list[list[str]]
    delimiter: str

    @property
    def students(self) -> set[int]:
        """The rows that are students'; Canvas has one for the points that can be had."""
        possible = "points possible"
        return {i for i, row in enumerate(self.rows) if possible not in map(_plain, row)}

    def owners(self, students: Sequence[str]) -> list[set[int]]:
        """For each submission the rows that it may belong to; more than one is none for sure.

        These are the rows with a cell that says the submission's name, or else one of the parts
        between its underscores: Moodle writes `Ada Lovelace_4711_assignsubmission_file_`, Canvas
        `lovelaceada_4711_8150_sgd_step`. A number tells namesakes apart; where it names others than
        the name does, nothing is sure.
        """
        return [self._rows(student) for student in students]

    def _rows(self, student: str) -> set[int]:
        if whole := self._with({_plain(student)}):
            return whole
        parts = {*map(_plain, student.split("_"))} - {""}
        numbers = {part for part in parts if part.isdigit()}
        by_number, by_name = self._with(numbers), self._with(parts - numbers)
        return by_number & by_name or by_number | by_name

    def _with(self, wanted: set[str]) -> set[int]:
        return {i for i in self.students if wanted & {*map(_plain, self.rows[i])}}

    def name(self, row: int) -> str:
        """What to call a student who has handed in nothing: by name, or what the row says first."""
        names = [i for i, head in enumerate(self.heads) if _plain(head) in NAMES]
        cells = [self.rows[row][i] for i in names] + self.rows[row]
        return next((cell.strip() for cell in cells if cell.strip()), f"row {row + 2}")

    def filled(self, points: Sequence[tuple[str, int]], column: str) -> str:
        """The table with everybody's points in a column, a new one if there is none like it.

        Who has handed in nothing gets 0. Where it is not clear which submission is whose, the cell
        is empty.
        """
        heads = self.heads if column in self.heads else [*self.heads, column]
        place = heads.index(column)
        owners = self.owners([student for student, _ in points])
        text = io.StringIO()
        table = csv.writer(text, delimiter=self.delimiter)
        table.writerow(heads)
        for number, cells in enumerate(self.rows):
            row = [*cells, ""][: len(heads)]
            if number in self.students:
                own = [i for i, rows in enumerate(owners) if number in rows]
                sure = len(own) == 1 and len(owners[own[0]]) == 1
                row[place] = str(points[own[0]][1]) if sure else "" if own else "0"
            table.writerow(row)
        return text.getvalue()


def read(path: Path) -> Roster:
    """Read a roster.

    Raises
    ------
    RosterError
        It is no table in UTF-8 with a row of heads and one row a student.
    OSError
        It cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise RosterError(f"{path} is no text in UTF-8: save it as “CSV UTF-8”") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        table = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        rows = [row for row in table if any(row)]
    except csv.Error as error:
        raise RosterError(f"{path} is no table: {error}") from None
    if len(rows) < 2:
        raise RosterError(f"{path} has no row of names under its heads")
    heads, width = rows[0], len(rows[0])
    return Roster(heads, [(row + [""] * width)[:width] for row in rows[1:]], delimiter)


def _plain(cell: str) -> str:
    return " ".join(cell.casefold().split())
