"""Pictures of a sweep: the final value over the learning rate, and curves over the steps.

Each optimizer has a colour, a dash pattern and a mark of its own, so that a picture reads in grey
as well. The first four are those of the live figures.
"""

import re
from html import escape
from io import BytesIO
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation

from optlab.statistics import band, number
from optlab.tuning import last

COLOURS = (
    "#0067ad", "#b84600", "#00704f", "#8a3a9b", "#7a5c00", "#b0205a", "#3f5f6f", "#5b4fd0",
)  # fmt: skip
MARKERS = "os^DvP*X"
DASHES: tuple[Any, ...] = (
    "-",
    (0, (4, 1.7)),
    (0, (1.2, 1.7)),
    (0, (4.6, 1.7, 1.2, 1.7)),
)

_SIZE = (5.6, 3.8)
"""Of a new figure, in inches: the width of the text."""

_ROOM = 350.0
"""Width of the legend, in points."""

_ROW = 9.0
"""Height of a row of marks above the axes, in points."""

_HIGHEST = 10.0
"""The axis ends here at the latest, in units of the highest median loss at the first step."""

_LEAST = 6
"""Seeds that an interval needs."""

_CROSS: dict[str, Any] = {"marker": "x", "markersize": 9, "markeredgewidth": 2.5}
"""The mark at the end of a line that is lost."""

_PAPER = (
    "--paper",
    "var(--pst-color-background, var(--jp-layout-color0, var(--vscode-editor-background, Canvas)))",
)
"""The page's colour, a CSS variable and its value."""


def sensitivity(
    runs: xr.Dataset, metric: str = "validation_loss", axes: Axes | None = None
) -> Axes:
    """The final value over the learning rate: median over the seeds and its 95 % interval.

    Final is the mean over the last tenth of the records, at least one. Each optimizer's best rate
    has a large mark, hollow where it is the lowest or highest that was tried. Runs that diverged,
    or end at more than ten times the loss they began with, are counted above the axes. With fewer
    than 6 seeds there is no interval, and every seed has a thin line.

    Parameters
    ----------
    runs : xarray.Dataset
        From `optlab.sweep`.
    metric : str
        Which of its values, default "validation_loss".
    axes : matplotlib.axes.Axes, optional
        Where to draw, default a new figure. Its label, `axes.get_label()`, becomes a description
        in words.

    Raises
    ------
    ValueError
        No such metric, a dimension beside optimizer, lr, seed and step, an optimizer without
        numbers, or a rate of 0.
    """
    values = _values(runs, metric)
    lines = []
    if not (values.lr > 0).all():
        raise ValueError("a learning rate of 0 has no place on a logarithmic axis")
    for optimizer in values.optimizer.values:
        final = last(_own(values, optimizer)).transpose("lr", "seed")
        lines.append(_line(str(optimizer), final.lr, final))
    axes = _new(axes, len(lines))
    scale = _scale(lines, values, metric)
    _prepare(axes, scale, metric, "final ")
    axes.set(xscale="log", xlabel="learning rate η")
    _ticks(axes.xaxis, [rate for line in lines for rate in line.xs])

    keys: dict[str, Any] = {}
    said, lost = [], []
    sign = -1 if _higher_is_better(metric) else 1
    for k, line in enumerate(lines):
        _draw(axes, k, line, scale, markevery=1)
        best = int(np.argmin(sign * line.median))
        if not scale.lost(line.median[best]):
            edge = best in (0, len(line.xs) - 1)
            keys["best, at its grid's edge" if edge else "best rate"] = _best(edge)
            axes.plot(line.xs[best], line.median[best], **_style(k) | _best(edge), zorder=4)
            said.append(
                f"{line.label} {number(line.median[best])} at {number(line.xs[best])}"
                + (", the edge of its grid" if edge else "")
            )
        off = scale.lost(line.samples).sum(axis=1)
        if off.any():
            lost.append((k, line, off))
    for row, (k, line, off) in enumerate(reversed(lost)):
        _count(axes, row, k, line, off)
    word = _lost_word(lines, scale)
    if lost:
        middle = axes.transAxes + _up(axes, (len(lost) - 1) / 2)
        _write(axes, word.replace(" or ", " or\n"), (0, 1), middle, -5, ha="right")
    _legend(axes, lines, keys, len(lost))
    counts = [
        f"{line.label} at {number(rate)} {n} of {line.samples.shape[1]}"
        for _, line, off in lost
        for rate, n in zip(line.xs, off, strict=True)
        if n
    ]
    axes.set_label(
        f"Final {_words(metric)} over the learning rate, {_seeds(lines)}. "
        f"{'Highest' if sign < 0 else 'Lowest'} median: {'; '.join(said) or 'none'}."
        + (f" Runs {word}: {'; '.join(counts)}." if counts else "")
    )
    return axes


def training_curves(runs: xr.Dataset, metric: str = "train_loss", axes: Axes | None = None) -> Axes:
    """A value over the steps: median over the seeds and its 95 % interval.

    A line ends with a cross where half the runs have diverged, or exceed ten times the loss they
    began with. With fewer than 6 seeds there is no interval, and every seed has a thin line.

    Parameters
    ----------
    runs : xarray.Dataset
        From `optlab.sweep`, with one learning rate for each optimizer.
    metric : str
        Which of its values, default "train_loss".
    axes : matplotlib.axes.Axes, optional
        Where to draw, default a new figure. Its label, `axes.get_label()`, becomes a description
        in words.

    Raises
    ------
    ValueError
        No such metric, several rates of an optimizer or none, or a dimension beside optimizer, lr,
        seed and step.
    """
    values = _values(runs, metric)
    lines = []
    for optimizer in values.optimizer.values:
        own = _own(values, optimizer)
        if own.sizes["lr"] > 1:
            raise ValueError(
                f"{optimizer} has {own.sizes['lr']} learning rates, but a curve is of one: choose "
                f"it with runs.sel(lr={own.lr.values[0]:g}), or sweep each optimizer at its own"
            )
        label = f"{optimizer}, η = {number(float(own.lr[0]))}" if "lr" in own.coords else optimizer
        lines.append(_line(str(label), own.step, own.isel(lr=0).transpose("step", "seed")))
    axes = _new(axes, len(lines))
    scale = _scale(lines, values, metric)
    _prepare(axes, scale, metric)
    axes.set(xlabel="step")

    keys: dict[str, Any] = {}
    said = []
    for k, line in enumerate(lines):
        # Marks start at different places, so that they seldom hide each other.
        _draw(axes, k, line, scale, markevery=(0.03 * (k % 4), 0.12))
        inside = np.flatnonzero(~scale.lost(line.median))
        end = inside[-1] if len(inside) else 0
        if scale.lost(line.median[-1]):
            keys[_lost_word(lines, scale)] = _CROSS
            height = np.clip(line.median[end], scale.low, scale.high)
            axes.plot(line.xs[end], height, **_style(k) | _CROSS, clip_on=False, zorder=4)
            said.append(f"{line.label} is lost after step {line.xs[end]:g}")
        else:
            said.append(f"{line.label} {number(line.median[-1])}")
    _legend(axes, lines, keys, 0)
    axes.set_label(
        f"{_words(metric).capitalize()} over {lines[0].xs[-1]:g} steps, {_seeds(lines)}. "
        f"At the end: {'; '.join(said)}."
    )
    return axes


def over(values: xr.DataArray, dim: str, xlabel: str, ylabel: str, markevery: Any = None) -> Axes:
    """A value over something that spans decades: median over the seeds and its 95 % interval.

    Parameters
    ----------
    values : xarray.DataArray
        With the dimensions optimizer, seed and `dim`; nan where an optimizer has no value.
    dim : str
        What is on the horizontal axis, which is logarithmic.
    xlabel, ylabel : str
        What the axes are called.
    markevery : optional
        Which points have a mark; default some, at different places for each optimizer.
    """
    parts = [values.sel(optimizer=name).dropna(dim) for name in values.optimizer.values]
    lines = [_line(str(p.optimizer.item()), p[dim], p.transpose(dim, "seed")) for p in parts]
    axes = _new(None, len(lines))
    _prepare(axes, scale := _scale(lines, values, ylabel), ylabel)
    axes.set(xscale="log", xlabel=xlabel)
    _ticks(axes.xaxis, [x for line in lines for x in line.xs])
    for k, line in enumerate(lines):
        _draw(axes, k, line, scale, markevery or (0.03 * (k % 4), 0.12))
    _legend(axes, lines, {}, 0)
    ends = (
        f"{line.label} from {number(line.median[0])} to {number(line.median[-1])}" for line in lines
    )
    axes.set_label(
        f"{ylabel[0].upper()}{ylabel[1:]} over {xlabel}, {_seeds(lines)}: {'; '.join(ends)}."
    )
    return axes


def standings(values: xr.DataArray, group: str, xlabel: str, most: float = 3.0) -> Axes:
    """What several optimizers reach on several tasks: a panel a task, a row an optimizer.

    A mark at the median over the seeds, and a whisker over its 95 % interval. Where the interval
    goes on beyond `most` there is an arrow at the edge, and no mark if the median does too. Values
    that are nan count as inf.

    Parameters
    ----------
    values : xarray.DataArray
        With the dimensions task, optimizer and seed, of at least 6 seeds, and a coordinate of the
        optimizers by which they have the same mark and colour.
    group : str
        Name of that coordinate.
    xlabel : str
        What the horizontal axis is called; it is logarithmic.
    most : float
        Where that axis ends at the latest, default 3.
    """
    values = values.transpose("task", "optimizer", "seed")
    names, groups = list(values.optimizer.values), list(values[group].values)
    kinds = list(dict.fromkeys(groups))
    medians, lows, highs = band(np.where(np.isnan(values.values), np.inf, values.values))
    ends = min(most, float(np.max(highs, initial=1.05, where=np.isfinite(highs))))
    begins = min(0.95, float(lows.min()))
    columns, rows = 2, -(-(len(values.task) + 1) // 2)
    width, _ = _SIZE
    size = (width, rows * (0.7 + 0.155 * len(names)))
    _, panels = plt.subplots(rows, columns, figsize=size, layout="constrained", sharey=True)
    *shown, free = panels.flat[: len(values.task) + 1]
    for axes, task, *numbers in zip(shown, values.task.values, medians, lows, highs, strict=True):
        axes.axvline(1, color="black", alpha=0.4, linewidth=0.8)
        for row, (kind, median, low, high) in enumerate(zip(groups, *numbers, strict=True)):
            style = _style(kinds.index(kind)) | {"linestyle": "none"}
            whisker = np.clip([low, high], begins, ends)
            axes.plot(whisker, [row, row], color=style["color"], linewidth=1.2)
            if median <= ends:
                axes.plot(median, row, **style)
            if high > ends:
                axes.plot(ends, row, **style | {"marker": ">"}, clip_on=False)
        axes.set(xscale="log", xlim=(begins / 1.02, ends * 1.02), title=str(task), xlabel=xlabel)
        axes.title.set_fontsize(9)
        axes.xaxis.label.set_fontsize(8)
        axes.tick_params(labelsize=8)
        _ticks(axes.xaxis, [begins, ends])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(range(len(names)), names)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="black", alpha=0.12, linewidth=0.6)
    for axes in panels.flat[len(values.task) :]:
        axes.set_axis_off()
    keys = {kind: _style(k) | {"linestyle": "none"} for k, kind in enumerate(kinds)}
    if beyond := int((highs > ends).sum()):
        keys[f"goes beyond {number(ends)}"] = {"color": "black", "linestyle": "none", "marker": ">"}
    handles = [Line2D([], [], **style) for style in keys.values()]
    free.legend(handles, list(keys), title=group, loc="center", frameon=False)
    members = (
        f"{kind}: {', '.join(n for n, own in zip(names, groups, strict=True) if own == kind)}"
        for kind in kinds
    )
    said = (
        f"{task}: {', '.join(f'{n} {number(m)}' for n, m in zip(names, row, strict=True))}"
        for task, row in zip(values.task.values, medians, strict=True)
    )
    shown[0].set_label(
        f"{xlabel.capitalize()}, median of {values.sizes['seed']} seeds and its 95 % interval. "
        f"By {group}, {'; '.join(members)}. Medians on {'; '.join(said)}. "
        f"Intervals that go beyond {number(ends)}: {beyond}."
    )
    for axes in panels.flat[1:]:
        axes.set_label("")
    return shown[0]


def svg(axes: Axes) -> str:
    """The figure of `axes` as SVG for a page of HTML, in the page's colours; closes the figure.

    The same figure gives the same text, some 20 kB. Its label for screen readers is that of its
    axes.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    label = " ".join(str(each.get_label()) for each in figure.axes)
    file = BytesIO()
    # What is salted with the words is named differently in another picture on the page.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(
            file, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    plt.close(figure)
    text = file.getvalue().decode()
    text = text[text.index("<svg") :]
    # Matplotlib's style would reach the whole page.
    text = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->| id=\"[\w.]+_\d+\"| transform=\"rotate\(-0 .*?\"", "", text)
    text = re.sub(r"font-family: [^;\"]*; ", "", text).replace("xlink:href", "href")
    text = re.sub(r' (?:d|x|y)="[^"]*"', lambda found: _rounded(found[0]), text)
    # A row of marks has one style.
    text = re.sub(
        r"<g ([^>]*)>((?:\s*<use [^>]* style=\"([^\"]*)\"/>)+)\s*</g>",
        lambda row: f'<g {row[1]} style="{row[3]}">{re.sub(" style=[^/]*", "", row[2])}</g>',
        text,
    )
    text = text.replace("#000000", "currentColor").replace("#ffffff", f"var({_PAPER[0]})")
    # A quarter of each is the colour of the page's letters: so it reads in light and dark.
    names = [_PAPER]
    for k, colour in enumerate(COLOURS):
        if colour in text:
            text = text.replace(colour, f"var(--s{k})")
            names.append((f"--s{k}", f"color-mix(in oklab, {colour} 75%, currentColor)"))
    width, height = (72 * inches for inches in figure.get_size_inches())
    style = "; ".join(f"{name}: {value}" for name, value in names)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label)}" fill="currentColor" '
        f'style="width: 100%; max-width: {width / 12:.1f}rem; font-family: system-ui, sans-serif; '
        f'{style}">'
    )
    return re.sub(r">\s+<", "><", re.sub(r"<svg.*?>", lambda _: opening, text, count=1)).strip()


class _Line(NamedTuple):
    """What is drawn of an optimizer: samples are (xs, seeds), the others (xs,)."""

    label: str
    xs: np.ndarray
    samples: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


class _Scale(NamedTuple):
    """The vertical axis, and the most that a number may be to be on it."""

    low: float
    high: float
    log: bool
    most: float

    def lost(self, values: Any) -> np.ndarray:
        """Whether values cannot be shown: runs that diverged, or are far above their start."""
        return ~(np.isfinite(values) & (np.asarray(values) <= self.most))


def _rounded(text: str) -> str:
    """One decimal, and no space or line break that SVG does not need."""
    return re.sub(r"(\d\.\d)\d+", r"\1", re.sub(r"\s+(?=[MLCQz]|\"$)|(?<=[MLCQz])\s+", "", text))


def _higher_is_better(metric: str) -> bool:
    return metric.endswith("_accuracy")


def _lost_word(lines: list[_Line], scale: _Scale) -> str:
    """What is true of all runs that are lost."""
    samples = np.concatenate([line.samples.ravel() for line in lines])
    off_scale = np.isfinite(samples) & scale.lost(samples)
    return "diverged or off the scale" if off_scale.any() else "diverged"


def _seeds(lines: list[_Line]) -> str:
    """What line and band are."""
    n = lines[0].samples.shape[1]
    if n == 1:
        return "one seed"
    return f"median of {n} seeds" + (
        " and its 95 % interval" if n >= _LEAST else ", each a thin line"
    )


def _words(metric: str) -> str:
    return re.sub("^train_", "training ", metric).replace("_", " ")


def _values(runs: xr.Dataset, metric: str) -> xr.DataArray:
    """Values (optimizer, lr, seed, step): nan where a rate is not the optimizer's."""
    if metric not in runs:
        raise ValueError(f"metric = {metric!r}, but the runs have {', '.join(map(str, runs))}")
    values = runs[metric]
    known = ("optimizer", "lr", "seed", "step")
    for dim in values.dims:
        if dim not in known:
            one = f"{values[dim].values[-1]:g}" if dim in values.coords else "0"
            choose = f"runs.{'sel' if dim in values.coords else 'isel'}({dim}={one})"
            raise ValueError(
                f"the runs have the dimension {dim} too: choose one value, as in {choose}"
            )
    values = values.expand_dims([dim for dim in known if dim not in values.dims])
    # What is no loss is nan where a run diverged: that counts as the worst.
    tried = values.notnull().any(["seed", "step"])
    worst = -np.inf if _higher_is_better(metric) else np.inf
    return values.where(values.notnull() | ~tried, worst)


def _own(values: xr.DataArray, optimizer: Any) -> xr.DataArray:
    """The values of an optimizer at its own rates, (lr, seed, step)."""
    own = values.sel(optimizer=optimizer).dropna("lr", how="all")
    if not own.sizes["lr"]:
        raise ValueError(f"{optimizer} was not trained at any of these learning rates")
    return own


def _line(label: str, xs: xr.DataArray, samples: xr.DataArray) -> _Line:
    numbers = samples.values
    if numbers.shape[1] >= _LEAST:
        median, low, high = band(numbers)
    else:
        median, low, high = np.median(numbers, axis=1), numbers.min(axis=1), numbers.max(axis=1)
    return _Line(label, xs.values.astype(float), numbers, median, low, high)


def _scale(lines: list[_Line], values: xr.DataArray, metric: str) -> _Scale:
    """All finite numbers that are drawn, but nothing far above the first step."""
    drawn = np.concatenate([part for line in lines for part in (line.median, line.low, line.high)])
    drawn = drawn[np.isfinite(drawn)]
    most = np.inf
    if metric.endswith("_loss"):
        first = values.isel(step=0).median("seed").values
        most = _HIGHEST * np.max(first, initial=0, where=np.isfinite(first)) or np.inf
    drawn = drawn[drawn <= most]
    if not len(drawn):
        drawn = np.array([most if np.isfinite(most) else 1.0])
    low, high = float(drawn.min()), float(drawn.max())
    if low > 0 and not _higher_is_better(metric):
        margin = max((high / low) ** 0.05, 1.02)
        return _Scale(low / margin, high * margin, True, most)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return _Scale(low - margin, high + margin, False, most)


def _new(axes: Axes | None, lines: int) -> Axes:
    """The axes given, or a figure as wide as the text, higher where the legend is long."""
    width, height = _SIZE
    size = (width, height + 0.12 * max(0, lines - 4))
    return plt.subplots(figsize=size, layout="constrained")[1] if axes is None else axes


def _prepare(axes: Axes, scale: _Scale, metric: str, which: str = "") -> None:
    """Axes, ticks and a faint grid."""
    unit = " (nats)" if metric.endswith("_loss") else ""
    axes.set(yscale="log" if scale.log else "linear", ylabel=f"{which}{_words(metric)}{unit}")
    axes.set_ylim(scale.low, scale.high)
    if scale.log:
        _ticks(axes.yaxis, [scale.low, scale.high])
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="black", alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)


def _ticks(axis: Any, values: list[float]) -> None:
    """Plain numbers on a logarithmic axis, three a decade where there are few decades."""
    few = max(values) / min(values) < 1000
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _style(k: int) -> dict[str, Any]:
    """What tells optimizer k from the others."""
    dash = DASHES[(k + k // len(MARKERS)) % len(DASHES)]
    return {
        "color": COLOURS[k % len(COLOURS)],
        "linestyle": dash,
        "marker": MARKERS[k % len(MARKERS)],
        "markersize": 4.5,
        "linewidth": 1.6,
    }


def _draw(axes: Axes, k: int, line: _Line, scale: _Scale, markevery: Any) -> None:
    """The line of the medians, and the band around it or the seeds."""
    style = _style(k)
    colour, dash = style["color"], style["linestyle"]
    if line.samples.shape[1] >= _LEAST:
        # Infinity is not drawn; what ends beyond the axes is cut off there.
        far = np.array([1e-3, 1e3]) * [scale.low, scale.high]
        ends = far if scale.log else [2 * scale.low - scale.high, 2 * scale.high - scale.low]
        axes.fill_between(
            line.xs,
            np.clip(line.low, *ends),
            np.clip(line.high, *ends),
            facecolor=(colour, 0.13),
            edgecolor=(colour, 0.7),
            linewidth=0.7,
            linestyle=dash,
        )
    elif line.samples.shape[1] > 1:
        axes.plot(line.xs, line.samples, color=colour, alpha=0.5, linewidth=0.7, linestyle=dash)
    axes.plot(line.xs, line.median, **style, label=line.label, markevery=markevery, zorder=3)


def _best(edge: bool) -> dict[str, Any]:
    """The mark of a best rate."""
    return {"markersize": 10, "markeredgewidth": 1.8} | (
        {"markerfacecolor": "white"} if edge else {}
    )


def _count(axes: Axes, row: int, k: int, line: _Line, off: np.ndarray) -> None:
    """Say in a row above the axes how many runs were lost at which rates."""
    place = axes.get_xaxis_transform() + _up(axes, row)
    rates = line.xs[off > 0]
    style = _style(k) | {"linestyle": "none", "clip_on": False, "transform": place}
    axes.plot(rates, np.ones(len(rates)), **style)
    for rate, n in zip(rates, off[off > 0], strict=True):
        text = f"{n}/{line.samples.shape[1]}"
        _write(axes, text, (rate, 1), place, 5, ha="left", color=COLOURS[k % len(COLOURS)])


def _up(axes: Axes, row: float) -> ScaledTranslation:
    """From the top of the axes to a row above them."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return ScaledTranslation(0, (row + 0.9) * _ROW / 72, figure.dpi_scale_trans)


def _write(axes: Axes, text: str, at: Any, place: Any, right: float, **kind: Any) -> None:
    """Write small beside a point that may lie outside the axes."""
    axes.annotate(
        text,
        at,
        xycoords=place,
        xytext=(right, 0),
        textcoords="offset points",
        annotation_clip=False,
        fontsize=8,
        va="center_baseline",
        **kind,
    )


def _legend(axes: Axes, lines: list[_Line], keys: dict[str, Any], rows: int) -> None:
    """The optimizers, and the meaning of the other marks, above all that is above the axes."""
    handles, labels = axes.get_legend_handles_labels()
    for label, kind in keys.items():
        grey = {"color": "black", "linestyle": "none", "marker": "o"}
        handles.append(Line2D([], [], **grey | kind | {"markersize": 8}))
        labels.append(label)
    widths = [46 + 4.9 * len(label) for label in labels]
    axes.legend(
        handles,
        labels,
        title=f"{_seeds(lines)[0].upper()}{_seeds(lines)[1:]}",
        alignment="left",
        ncols=len(labels) if sum(widths) < _ROOM else max(1, int(_ROOM / max(widths))),
        fontsize=9,
        title_fontsize=9,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=(4 + _ROW * rows) / 9,
        borderpad=0,
        handlelength=3,
        columnspacing=1.2,
        frameon=False,
    )
