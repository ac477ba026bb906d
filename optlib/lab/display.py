"""What a card looks like: in a terminal and in Jupyter, from the same lines."""

import textwrap
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH = 96

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
body {{ font: 1rem/1.5 system-ui, sans-serif }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
caption {{ text-align: left }}
th, td {{ padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid }}
dt {{ font-weight: bold }}
summary {{ cursor: pointer; margin: .5rem 0 }}
svg {{ max-width: 100%; height: auto }}
.optlib-scroll {{ overflow-x: auto }}
</style>
<h1>{title}</h1>
{body}
</html>
"""
"""A page that stands alone."""


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


def lines_text(title: str, lines: dict[str, str]) -> str:
    """Labels and what they say, one under the other."""
    indent = max(map(len, lines)) + 3
    paragraphs = [
        textwrap.fill(
            content,
            _WIDTH,
            initial_indent=f"{label}: ".ljust(indent),
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
        )
        for label, content in lines.items()
    ]
    return "\n".join([title, *paragraphs])


def scrolling(table: Table) -> str:
    """A table in a box that scrolls when it is too wide, by keys too."""
    return (
        f'<div class="optlib-scroll" role="group" aria-label="{escape(table.caption)}" '
        f'tabindex="0">{table.html()}</div>'
    )


def lines_html(title: str, lines: dict[str, str], rest: str = "") -> str:
    """Labels and what they say as a list of descriptions, and `rest` after it."""
    items = "".join(
        f'<dt>{escape(label)}</dt><dd class="{label.lower().replace(" ", "-")}">'
        f"{escape(content)}</dd>"
        for label, content in lines.items()
    )
    return (
        f'<div class="optlib-card"><p><strong>{escape(title)}</strong></p>'
        f"<dl>{items}</dl>{rest}</div>"
    )
