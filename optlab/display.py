"""What a card looks like: in a terminal and in Jupyter, from the same lines."""

import textwrap
from html import escape

from optlib.table import Table

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
