"""Still pictures and legends, in colours that the page's style sheet gives."""

import re
from collections.abc import Callable
from html import escape
from io import StringIO
from typing import Any

import numpy as np

Draw = Callable[[Any], None]
"""Draws on Matplotlib axes."""

# A line's mark of a given radius, as an SVG path that begins at its middle.
_MARKS: tuple[Callable[[float], str], ...] = (
    lambda r: f"m{-r:g},0a{r:g},{r:g} 0 1 0 {2 * r:g},0a{r:g},{r:g} 0 1 0 {-2 * r:g},0z",
    lambda r: f"m{-r:g},{-r:g}h{2 * r:g}v{2 * r:g}h{-2 * r:g}z",
    lambda r: f"m0,{-1.3 * r:g}l{1.2 * r:g},{2.2 * r:g}h{-2.4 * r:g}z",
    lambda r: "m{1},0l{0},{0} {0},{1} {1},{1}z".format(f"{1.4 * r:g}", f"{-1.4 * r:g}"),
)
MOST_LINES = len(_MARKS)

# The same in Matplotlib.
_MARKERS = "os^D"
_DASHES = ("-", (0, (4, 1.7)), (0, (1.2, 1.7)), (0, (4.6, 1.7, 1.2, 1.7)))

# Colours that stand for the style sheet's until the picture is SVG.
_COLOURS = {
    "#010101": "var(--ink)",
    "#020202": "var(--muted)",
    "#030303": "var(--tint)",
    "#040404": "var(--warm)",
    "#050505": "var(--paper)",
    **{f"#06060{k}": f"var(--s{k})" for k in range(MOST_LINES)},
}
INK, MUTED, TINT, WARM, PAPER, *LINES = _COLOURS

# Pixels around the frame of a picture, as in figure.mjs: left, right, top, bottom.
MARGINS = (46, 14, 24, 40)


def marks(k: int) -> dict[str, str]:
    """The mark of line k, small along the line and big where it is chosen."""
    return {"shape": _MARKS[k](2.5), "big": _MARKS[k](4.5)}


def entry(picture: str, text: str, kind: str = "") -> str:
    """An entry of the legend: a picture of 34 by 16 pixels and its meaning."""
    return (
        f'<li class="{kind}"><svg viewBox="0 0 34 16" aria-hidden="true">{picture}</svg>'
        f"<span>{escape(text)}</span></li>"
    )


def line_entry(k: int, label: str) -> str:
    """The legend's entry for line k."""
    line = '<path class="line" d="M0,8H34"/>'
    return entry(f'{line}<path class="mark" d="M17,8{_MARKS[k](4.5)}"/>', label, f"s{k}")


def draw_line(axes: Any, k: int, xs: Any, ys: Any, marked: int = 20) -> None:
    """Line k through values, with a mark at about `marked` of them; the axes stay as they are."""
    limits = axes.get_xlim(), axes.get_ylim()
    # Matplotlib cannot place what is very far away.
    xs, ys = (np.clip(np.asarray(v, dtype=float), -1e9, 1e9) for v in (xs, ys))
    axes.plot(xs, ys, color=LINES[k], ls=_DASHES[k], lw=1.75)
    every = -(-len(xs) // marked)
    axes.plot(xs[::every], ys[::every], _MARKERS[k], color=LINES[k], ms=4)
    axes.set(xlim=limits[0], ylim=limits[1])


def still(title: str, draw: Draw, size: tuple[int, int], description: str, key: str) -> str:
    """A still picture as SVG that takes its colours and letters from the page.

    Parameters
    ----------
    title, description : str
        For readers who do not see it.
    draw : function of Matplotlib axes
        Their title names the vertical axis.
    size : (width, height)
        In pixels.
    key : str
        Distinguishes this picture's identifiers from those of others on the page.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import NullFormatter

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": key,
        "hatch.color": MUTED,
        "hatch.linewidth": 0.4,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlesize": 13,
        "axes.labelsize": 13,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        **{f"{x}tick.{kind}.size": 0 for x in "xy" for kind in ("major", "minor")},
        "axes.grid": True,
        "grid.color": MUTED,
        "grid.alpha": 0.18,
        "font.size": 12,
    }
    (width, height), (left, right, top, bottom) = size, MARGINS
    with rc_context(settings), StringIO() as file:
        canvas = Canvas(figsize=(width / 72, height / 72), dpi=72)
        canvas.patch.set_visible(False)
        rectangle = (left, bottom, width - left - right, height - top - bottom)
        axes = canvas.add_axes(tuple(np.divide(rectangle, (width, height, width, height))))
        axes.patch.set_visible(False)
        axes.spines[:].set_visible(False)
        draw(axes)
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":  # as in figure.mjs; others would not fit beside the axis
                axis.set_minor_formatter(NullFormatter())
        canvas.text(4 / width, 1 - 14 / height, axes.get_title(), fontsize=13)
        axes.set_title("")
        canvas.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        return _themed(file.getvalue(), title, description)


def _themed(svg: str, title: str, description: str) -> str:
    """Matplotlib's SVG made small, and with the page's colours and letters."""
    # Its style would reach the whole page.
    aside = r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>"
    svg = re.sub(aside, "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r' (?:id="\w+_\d+"|xmlns:xlink="[^"]*"|version="1.1")', "", svg)
    svg = re.sub(r'<svg width="[^"]*" height="[^"]*"', "<svg", svg).replace("xlink:href", "href")
    svg = re.sub(r"font: ([^;\"]*?)'[^;\"]*", r"font: \1system-ui, sans-serif", svg)
    svg = re.sub(r"(\d\.\d)\d{3,}", r"\1", svg)
    # A row of marks has one style.
    svg = re.sub(
        r'<g ([^>]*)>((?:\s*<use [^>]* style="([^"]*)"/>)+)\s*</g>',
        lambda row: f'<g {row[1]} style="{row[3]}">{re.sub(" style=[^/]*", "", row[2])}</g>',
        svg,
    )
    for stand_in, colour in _COLOURS.items():
        svg = svg.replace(stand_in, colour)
    words = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    return re.sub(r"\s*\n\s*", " ", svg).replace(">", f' role="img">{words}', 1).strip()
