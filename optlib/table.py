"""A table, in a terminal and in Jupyter."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Table(NamedTuple):
    """A caption, the heads of the columns, and rows of text. The first column names the row."""

    caption: str
    heads: tuple[str, ...]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """Columns of equal width under the caption, with two spaces between."""
        lines = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        body = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([f"{self.caption}:", *body])

    def html(self) -> str:
        """A table with caption and heads, each cell with its column's; colours are the page's."""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.heads)
        body = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(
                f'<td data-head="{escape(name)}">{escape(cell)}</td>'
                for name, cell in zip(self.heads[1:], row[1:], strict=True)
            )
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<table class="optlib-table"><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
