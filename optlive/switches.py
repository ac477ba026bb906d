"""One optimizer whose terms the reader switches on and off."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from optlib.problems import Problem
from optlib.rule import Rule
from optlive.figure import Controls, Figure, check_steps, javascript, sliders, whole
from optlive.ground import Ground
from optlive.picture import draw_line, marks
from optlive.runs import RuleLine, check_hyper, check_rule, fate, meanings_of, settings_of

MOST_TERMS = 3

Terms = str | Iterable[str]


def switches(
    terms: Mapping[str, str],
    rules: Mapping[Any, Rule | tuple[str, Rule]],
    problem: Problem,
    start: float | Sequence[float],
    steps: int = 60,
    *,
    on: Terms = (),
    step: int | None = None,
    controls: Controls | None = None,
    window: Sequence[tuple[float, float]] | None = None,
    alt: str | None = None,
    **hyper: float,
) -> Figure:
    """One optimizer whose terms are switched on and off, its path, and its equations beside it.

    Parameters
    ----------
    terms : dict of name to text
        One to three terms, each a switch with that text.
    rules : dict of names to Rule or (label, Rule)
        For every combination of terms that are on, a frozenset or a tuple of their names, the
        rule that it makes. One name may stand alone: "m" is ("m",).
    problem : Problem
        With one or two coordinates.
    start : number, or sequence of a number a coordinate
        Where to begin; the reader drags it.
    steps : int
        Number of steps computed, 1 to 1000, default 60.
    on : names
        The terms that are on at first, default none.
    step : int
        The step that is marked at first; default the last.
    controls : sequence of names, or dict of name to (low, high) or (low, high, "log")
        The sliders: hyper-parameters, settings of the problem, "step". Default: every
        hyper-parameter that is given, every setting and the step.
    window : sequence of (low, high)
        What the map shows at least, a pair a coordinate. Default: a little more than from the
        start to the other side of the minimum.
    alt : str
        What the figure shows, for readers who do not see it. Default: made from the arguments.
    **hyper
        Hyper-parameters, for all rules that have them.

    Raises
    ------
    TypeError
        Something that is no rule or no problem, or an unknown hyper-parameter.
    ValueError
        A combination of terms without a rule, an unknown term, a value or a slider out of range,
        an unknown slider, a start of the wrong shape, or a rule or a problem that cannot be
        written in JavaScript.
    SyntaxError
        A rule whose equations cannot be printed.
    """
    lines = _combinations(terms, rules)
    check_hyper(lines, hyper)
    ground = Ground(problem, start, window)
    steps = check_steps(steps)
    step = whole("step", steps if step is None else step, 0, steps)
    first = _place(on, list(terms))

    line = lines[first]
    scripts = [javascript(one.rule) for one in lines]
    run = line.rule.path(problem, ground.begin, steps, **line.hyper(hyper))
    equations = [[f"{e.left} = {e.right}" for e in one.rule.equations().lines] for one in lines]
    state = {**settings_of(problem, hyper), "step": step}
    data = {
        "view": "switches",
        **ground.data,
        "lines": [
            {"label": one.label, "rule": script, "equations": rows, **marks(0)}
            for one, script, rows in zip(lines, scripts, equations, strict=True)
        ],
        "steps": steps,
        "controls": sliders(
            list(state) if controls is None else controls, state, steps, names=meanings_of(lines)
        ),
        "state": {**state, "start": ground.begin.tolist(), "on": first, "before": first},
    }

    def draw(axes: Any) -> None:
        ground.draw(axes, ground.vertical)
        draw_line(axes, 0, run[: step + 1, 0], ground.heights(run)[: step + 1])

    formulas = "".join(
        _formula(one.label, rows, k == first)
        for k, (one, rows) in enumerate(zip(lines, equations, strict=True))
    )
    boxes = "".join(
        f'<label><input type="checkbox"{" checked" * (first >> k & 1)} disabled>'
        f"<span>{escape(text)}</span></label>"
        for k, text in enumerate(terms.values())
    )
    return Figure(
        data,
        alt=alt
        or f"Live figure: an optimizer with terms to switch on and off ({'; '.join(terms.values())}"
        f"), its path on the loss {problem.name} from {ground.where}, and its equations.",
        status=[f"{line.label}: {fate(ground.losses(run), ground.far, step)}"],
        legend=[],
        panels=[("Path on the loss", draw)],
        beside=f'<div class="formulas">{formulas}</div>',
        switches=f'<fieldset class="switches"><legend>Terms</legend>{boxes}</fieldset>',
    )


def _combinations(terms: Mapping[str, str], rules: Mapping[Any, Any]) -> list[RuleLine]:
    """The rule of each combination; term k is on in those whose number has the bit k."""
    names = list(terms)
    if not 1 <= len(names) <= MOST_TERMS:
        raise ValueError(f"switches needs one to {MOST_TERMS} terms, got {len(names)}")
    found: dict[int, RuleLine] = {}
    for key, item in rules.items():
        label, rule = item if isinstance(item, tuple) else ("", item)
        place = _place(key, names)
        if place in found:
            raise ValueError(f"there are two rules for the terms {_listed(place, names)}")
        found[place] = RuleLine(label or check_rule(rule).name, check_rule(rule), {})
    for place in range(2 ** len(names)):
        if place not in found:
            raise ValueError(f"there is no rule for the terms {_listed(place, names)}")
    return [found[place] for place in range(2 ** len(names))]


def _place(on: Terms, names: list[str]) -> int:
    """The number of a combination of terms."""
    chosen = {on} if isinstance(on, str) else set(on)
    if unknown := chosen - set(names):
        raise ValueError(
            f"no term {', '.join(sorted(map(repr, unknown)))}; there are {', '.join(names)}"
        )
    return sum(1 << names.index(name) for name in chosen)


def _listed(place: int, names: list[str]) -> str:
    return f"({', '.join(name for k, name in enumerate(names) if place >> k & 1)})"


def _formula(label: str, equations: Sequence[str], on: bool) -> str:
    """A rule's equations, one of a stack of which one is seen; each has a mark that it is new."""
    rows = "".join(f"<li>{_mathml(row)} <span>new</span></li>" for row in equations)
    return f'<div class="formula{"" if on else " off"}"><p>{escape(label)}</p><ul>{rows}</ul></div>'


def _mathml(latex: str) -> str:
    """An equation that a browser sets by itself: in a notebook no MathJax sees this HTML."""
    from latex2mathml.converter import convert

    written = convert(latex).replace('display="inline"', 'displaystyle="true"', 1)
    # \hat, which does not stretch as \widehat does.
    return written.replace("<mo>&#x0005E;</mo>", '<mo stretchy="false">&#x0005E;</mo>')
