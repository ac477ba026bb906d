"""The live figures: what Python writes, and that the browser's module computes the same."""

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import optlive as live
from optlib import (
    RULES,
    adagrad,
    adam,
    lookahead,
    nag,
    nag_lookahead,
    rmsprop,
    rule,
    sgd,
    sgdm,
)
from optlib.notation import HYPER, Quantity
from optlib.problems import burst, features, lessard, problem, quadratic
from optlib.rules.terms import adam_uncorrected, rmsprop_corrected, sgdm_corrected, sgdm_ema
from optlib.schedules import linear_decay, one_cycle_momentum
from optlive.words import number, symbol, title

LIVE = Path(live.__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"


@rule
def wild(g, *, lr=0.1):
    """A rule that no browser knows."""
    return -lr * np.tanh(g)


@rule
def signed(g, m, *, lr=0.1, momentum=0.9):
    """A rule that is not linear."""
    m = momentum * m + lr * g**3
    return -m, m


@rule
def reserved_slot(g, new, *, lr=0.1):
    """A rule whose slot has a name that JavaScript keeps to itself."""
    new = 0.9 * new + g
    return -lr * new, new


@rule
def reserved_hyper(g, *, var=0.1):
    """The same of a hyper-parameter."""
    return -var * g


TERMS = {
    "m": "average the gradients",
    "v": "divide by the root of the average square",
    "hat": "correct the bias",
}
COMBINATIONS: dict[Any, Any] = {
    (): sgd,
    "m": sgdm_ema,
    ("v",): rmsprop,
    frozenset("mv"): ("Adam, not corrected", adam_uncorrected),
    ("m", "v", "hat"): adam,
    ("hat", "v"): rmsprop_corrected,
    ("m", "hat"): sgdm_corrected,
    "hat": sgd,
}


def small_studio(rule: Any = sgdm, task: Any = None, **given: Any) -> live.Figure:
    from optlab.tasks import digits_mlp

    plans = given.pop("schedules", {"falling": (linear_decay, {"total_steps": 40})})
    settings = {"top": 0.5, "knots": [0.0, 0.2, 0.1], "lr": 0.1, **given}
    return live.studio(plans, task or digits_mlp(), rule, 40, **settings)


def figures() -> dict[str, live.Figure]:
    steps = np.arange(0, 50, 10)
    runs = np.exp(-np.outer([0.01, 0.1, 1.0], steps))[:, None] * [[1.0], [0.8], [1.3]]
    return {
        "paths": live.paths([sgd, sgdm, nag], quadratic, (-2, 1), 30, lr=0.05, momentum=0.9),
        "labels": live.paths(
            {"λ = 0": (sgdm, {"momentum": 0.0}), "<b>": sgdm}, quadratic(kappa=4), (-2, 1), lr=0.1
        ),
        "lookahead": live.paths(
            [sgdm, nag_lookahead], quadratic, (-2, 1), step=3, lookahead=True, lr=0.05
        ),
        "slots": live.paths(
            {"fast": lookahead(sgdm), "slow": lookahead(sgdm)},
            quadratic,
            (-2, 1),
            slots={"slow": "slow"},
            lr=0.05,
            k=5,
        ),
        "one dimension": live.paths(sgdm, lessard, 3.2, lr=1 / 9, momentum=4 / 9),
        "divergent": live.paths([sgd, adam], quadratic, (-2, 1), 400, lr=0.5),
        "studio": small_studio(momentum=0.9),
        "signals": live.signals(
            [adagrad, rmsprop],
            burst,
            steps=400,
            lr=0.1,
            beta2=0.99,
            show=("v", "rate"),
            controls={"size": (1, 1000, "log"), "beta2": (0.9, 0.999), "begin": (1, 300)},
        ),
        "features": live.signals(
            [sgd, adagrad], features, start=(0, 0), steps=200, show=("x", "y"), lr=0.1
        ),
        "correction": live.signals(
            {"Adam": adam, "no correction": adam_uncorrected},
            burst(size=1),
            steps=50,
            show=("rate", "move"),
            lr=0.01,
        ),
        "one signal": live.signals(sgdm, quadratic, (-2, 1), show="loss", lr=0.01),
        "switches": live.switches(
            TERMS, COMBINATIONS, quadratic, (-2, 1), on=("m", "v"), lr=0.1, beta1=0.9
        ),
        "switch in one dimension": live.switches(
            {"m": "average <them>"}, {(): sgd, "m": sgdm_ema}, lessard, 3.0, lr=0.03
        ),
        "plane": live.plane(sgdm, lr=0.6, momentum=0.7),
        "plane of two": live.plane(nag, kappa=10, lr=0.1, momentum=0.7),
        "plane without momentum": live.plane(sgd, lr=0.3),
        "curves": live.curves(
            steps,
            {"A": runs, "B": runs},
            choices={"A": [1, 2, 3], "B": [3, 4, 5]},
            at={"A": 2, "B": 0},
        ),
        "points": live.curves(
            [1, 10], {"A": [[3, np.nan], [1, 2], [4, 5]]}, xlog=True, points=True
        ),
    }


FIGURES = figures()
every_figure = pytest.mark.parametrize("figure", FIGURES.values(), ids=list(FIGURES))


# What Python writes.


@every_figure
def test_html_is_complete_without_the_module(figure: live.Figure) -> None:
    html = figure.html
    assert html.startswith('<figure class="optlib-live"')
    assert html.endswith("</figure>")
    tree = ElementTree.fromstring(_as_xml(html))
    assert tree.get("aria-label") == figure.alt
    pictures = tree.findall(".//{http://www.w3.org/2000/svg}svg[@role='img']")
    assert len(pictures) == len(tree.findall(".//div[@class='panel']"))
    for picture in pictures:
        assert picture.findtext("{http://www.w3.org/2000/svg}title")
        assert picture.findtext("{http://www.w3.org/2000/svg}desc") == figure.status
        assert len(ElementTree.tostring(picture)) < 60_000
    # Every colour is the page's.
    assert not re.search(r"#[0-9a-f]{6}\b", _as_xml(html))
    words = [span.text for span in tree.find(".//p[@role='status']") or ()]
    assert words == figure.status.split("\n")
    boxes = tree.findall(".//fieldset/label/input[@type='checkbox']")
    assert len(tree.findall(".//label")) == len(figure.data["controls"]) + len(boxes)


def _as_xml(html: str) -> str:
    """The figure without the parts of HTML that are no XML."""
    assert html.count("<style") == 1
    html = re.sub(
        r"<style>.*</style>|<script.*</script>| checked| disabled", "", html, flags=re.DOTALL
    )
    return re.sub(r"(<input [^>]*)>", r"\1/>", html)


@every_figure
def test_data_is_json_and_says_what_python_said(figure: live.Figure) -> None:
    found = re.search(r'<script type="application/json">(.*)</script>', figure.html)
    assert found
    assert "</" not in found[1]
    assert json.loads(found[1]) == figure.data


@every_figure
def test_figure_is_the_same_each_time(figure: live.Figure) -> None:
    name = next(n for n, f in FIGURES.items() if f is figure)
    assert figures()[name].html == figure.html


def test_rules_and_problems_travel_as_their_own_javascript() -> None:
    data = FIGURES["paths"].data
    assert [line["rule"] for line in data["lines"]] == [r.javascript() for r in (sgd, sgdm, nag)]
    assert data["problem"] == quadratic.javascript()
    assert FIGURES["plane"].data["rule"] == sgdm.javascript()
    module = (LIVE / "figure.mjs").read_text("utf-8")
    assert not re.search(r"momentum \*|\* momentum|lr \*|\* lr|beta", module)


@every_figure
def test_output_for_the_book_is_html_and_text(
    figure: live.Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTLIB_LIVE", "html")
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == f"{figure.alt}\n{figure.status}"


def test_output_for_a_notebook_has_the_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTLIB_LIVE", raising=False)
    figure = figures()["paths"]
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", WIDGET}
    assert figure._widget.html == figure.html
    assert bundle[WIDGET]["model_id"] == figure._widget.model_id


def test_without_anywidget_the_html_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    from optlive import figure as module

    monkeypatch.delenv("OPTLIB_LIVE", raising=False)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    module._widget_class.cache_clear()
    assert set(figures()["plane"]._repr_mimebundle_()) == {"text/plain", "text/html"}
    module._widget_class.cache_clear()


def test_signals_are_those_of_a_record() -> None:
    record = rmsprop.record(burst, 0.0, 400, lr=0.1, beta2=0.99)
    rate = -record["move"] / record["g"]
    said = FIGURES["signals"].status.split("\n")[1]
    assert said == (
        f"rmsprop: v = {number(record['v'][-1])}, "
        f"effective learning rate {number(rate[-1])} at step 400"
    )
    figure = live.signals(rmsprop, burst, steps=9, step=4, show=("g", "move"), lr=0.1, beta2=0.99)
    assert figure.status == f"rmsprop: gradient 1, move {number(record['move'][3])} at step 4"
    figure = live.signals(sgd, lessard, 2.0, steps=3, show=("loss", "x"), lr=0.01)
    losses, path = (
        lessard.loss(sgd.path(lessard, 2.0, 3, lr=0.01)),
        sgd.path(lessard, 2.0, 3, lr=0.01),
    )
    assert figure.status == f"sgd: loss {number(losses[2])}, x = {number(path[3, 0])} at step 3"
    start = live.signals(sgd, burst, steps=3, step=0, show=("x", "rate"), lr=0.01).status
    assert start == "sgd: x = 0, effective learning rate none at step 0"


def test_signals_have_the_axes_that_are_asked_for() -> None:
    def logs(figure: live.Figure) -> list[bool]:
        return [quantity["log"] for quantity in figure.data["show"]]

    assert logs(FIGURES["signals"]) == [True, True]
    assert logs(FIGURES["correction"]) == [True, False]
    assert logs(live.signals(sgd, burst, show=("rate", "g"), log=("g",))) == [False, True]


def test_a_slider_says_which_lines_it_moves_if_not_all() -> None:
    rules = {"SGD": (sgd, {"lr": 0.1}), "Adagrad": adagrad, "Adam": adam}
    figure = live.paths(rules, quadratic, (-2, 1), lr=0.5, beta1=0.9)
    labels = {c["name"]: c["label"] for c in figure.data["controls"]}
    assert labels["lr"] == "η learning rate, for Adagrad and Adam"
    assert ", for" not in labels["beta1"] + labels["kappa"] + labels["step"]


def test_whole_settings_have_whole_sliders() -> None:
    sliders = {c["name"]: c for c in FIGURES["features"].data["controls"]}
    assert list(sliders) == ["lr", "every", "step"]
    assert sliders["every"] | {"label": ""} == {
        "name": "every", "label": "", "min": 1, "max": 20, "step": 1,
    }  # fmt: skip
    assert [c["name"] for c in live.signals(sgd, burst, lr=0.1).data["controls"]] == [
        "lr", "size", "begin", "duration", "step",
    ]  # fmt: skip


def test_switches_have_a_rule_and_its_equations_for_each_combination() -> None:
    data = FIGURES["switches"].data
    rules = [
        sgd, sgdm_ema, rmsprop, adam_uncorrected, sgd, sgdm_corrected, rmsprop_corrected, adam,
    ]  # fmt: skip
    assert [line["rule"] for line in data["lines"]] == [r.javascript() for r in rules]
    assert data["state"]["on"] == data["state"]["before"] == 3
    tree = ElementTree.fromstring(_as_xml(FIGURES["switches"].html))
    formulas = tree.findall(".//div[@class='formulas']/div")
    assert [f.findtext("p") for f in formulas] == [line["label"] for line in data["lines"]]
    shown = [k for k, f in enumerate(formulas) if f.get("class") == "formula"]
    assert shown == [3]
    math = "{http://www.w3.org/1998/Math/MathML}math"
    for optimizer, formula, line in zip(rules, formulas, data["lines"], strict=True):
        assert len(formula.findall(f"ul/li/{math}")) == len(optimizer.equations().lines)
        assert line["equations"] == [f"{e.left} = {e.right}" for e in optimizer.equations().lines]
        assert not re.search(r"[\\{}]", "".join(formula.itertext()))
    final = quadratic.loss(adam_uncorrected.path(quadratic, (-2, 1), 60, lr=0.1)[-1])
    assert FIGURES["switches"].status == f"Adam, not corrected: loss {number(final)} at step 60"
    boxes = re.findall(r'<input type="checkbox"( checked)? disabled>', FIGURES["switches"].html)
    assert boxes == [" checked", " checked", ""]


@pytest.mark.parametrize("name", RULES)
def test_every_equation_becomes_mathml(name: str) -> None:
    from optlive.switches import _mathml

    for line in RULES[name].equations().lines:
        tree = ElementTree.fromstring(_mathml(f"{line.left} = {line.right}"))
        assert not re.search(r"[\\&_}]", "".join(tree.itertext()))
        assert tree.get("displaystyle") == "true"


def test_status_says_what_happens() -> None:
    final = quadratic.loss(sgd.path(quadratic, [-2, 1], 30, lr=0.05)[-1])
    assert FIGURES["paths"].status.split("\n")[0] == f"sgd: loss {number(final)} at step 30"
    losses = quadratic.loss(sgd.path(quadratic, [-2, 1], 30, lr=0.5))
    far = 1000 * quadratic.loss([-2.5, -2.5])
    assert f"diverges at step {np.argmax(losses > far)}" in FIGURES["divergent"].status
    assert FIGURES["plane"].status == "η = 0.6, λ = 0.7: oscillating, rate 0.837"
    assert live.plane(sgd, lr=0.3).status.endswith("monotone, rate 0.7")
    assert "divergent, rate 1.2" in live.plane(sgd, lr=0.22, kappa=10).status
    assert FIGURES["points"].status == "loss at step 10\nA: none"


def test_numbers_are_written_with_three_digits() -> None:
    pairs = {0: "0", 0.05: "0.05", -1.2345: "−1.23", 12345: "12300", 1.15e-4: "1.15×10⁻⁴"}
    pairs |= {-2e-9: "−2×10⁻⁹", 1e5: "1×10⁵", np.inf: "∞", -np.inf: "−∞", np.nan: "none"}
    assert {value: number(value) for value in pairs} == pairs


def test_names_are_written_in_unicode() -> None:
    assert [symbol(n) for n in ("lr", "momentum", "beta1", "kappa")] == ["η", "λ", "β₁", "κ"]
    assert title("lr") == "η learning rate"
    assert [symbol(n) for n in ("final_lr", "min_lr", "period")] == ["η∞", "η min", "T₀"]
    assert symbol("warm_up") == "warm_up"
    assert not [n for n in HYPER if set(symbol(n)) & set("\\{}")]


def test_a_slider_says_what_a_name_means_in_its_rule() -> None:
    radius = Quantity(r"r_{\max}", "radius of the ball", low=0.0, high=1.0)

    def sharp(g, *, lr=0.1, rho=0.05):
        return -lr * g / (1 + rho)

    plain, own = rule(sharp), rule(names={"rho": radius})(sharp)
    for made, words in ((plain, "ρ rho"), (own, "r max radius of the ball")):
        lines = live.paths(made, quadratic, (1.0, 1.0), controls=["rho"], rho=0.05)
        panels = live.signals(made, burst, 0.0, show=["move"], controls=["rho"], rho=0.05)
        assert [made.data["controls"][0]["label"] for made in (lines, panels)] == [words] * 2


@problem(0.0)
def named(x: Any, *, lr: float = 1.0) -> Any:
    """A setting with the name of a hyper-parameter."""
    return lr * x**2


BAD: list[tuple[type[Exception], str, Any]] = [
    (TypeError, "is no rule", lambda: live.paths("sgd", quadratic, (1, 1))),
    (TypeError, "is no rule", lambda: live.plane("sgd")),
    (TypeError, "problem of one or two", lambda: live.paths(sgd, lambda x: x, (1, 1))),
    (TypeError, "no rule has a hyper-parameter momentun", lambda: _paths(momentun=0.9)),
    (TypeError, "has no hyper-parameter", lambda: live.plane(sgd, momentum=0.9)),
    (ValueError, "lr = -1 is out of range", lambda: _paths(lr=-1)),
    (ValueError, "one to 4 rules", lambda: live.paths([sgd] * 5, quadratic, (1, 1))),
    (ValueError, "2 coordinates", lambda: live.paths(sgd, quadratic, (1, 1, 1))),
    (ValueError, "finite", lambda: live.paths(sgd, quadratic, (1, np.nan))),
    (ValueError, "steps = 0", lambda: live.paths(sgd, quadratic, (1, 1), 0)),
    (ValueError, "steps = True", lambda: live.paths(sgd, quadratic, (1, 1), True)),
    (ValueError, "steps = 2.5", lambda: live.plane(sgd, steps=2.5)),  # type: ignore[arg-type]
    (ValueError, "step = 70", lambda: _paths(step=70)),
    (ValueError, "window", lambda: _paths(window=[(1, 0), (0, 1)])),
    (ValueError, "window", lambda: _paths(window=[(0, 1)])),
    (ValueError, "two coordinates", lambda: live.paths(sgd, lessard, 1, lookahead=True)),
    (ValueError, "sgdm has no slot 'm' that begins", lambda: _paths(slots={"sgdm": "m"})),
    (ValueError, "SGD has no slot 'slow'", lambda: _paths(slots={"SGD": "slow"})),
    (
        ValueError,
        "it has no slots",
        lambda: live.paths(
            {"a": lookahead(sgd)}, quadratic, (1, 1), lookahead=True, slots={"a": "slow"}
        ),
    ),
    (ValueError, "no slider 'beta1'; there can be lr", lambda: _paths(controls=["beta1"])),
    (ValueError, "momentum = .* is out of range", lambda: _paths(controls={"momentum": (0, 1)})),
    (ValueError, "is not between", lambda: _paths(controls={"lr": (0.1, 1)})),
    (ValueError, "is not .low, high", lambda: _paths(controls={"lr": (1, 0.01)})),
    (ValueError, "is not .low, high", lambda: _paths(controls={"lr": (0, 1, "log")})),
    (ValueError, "give its range", lambda: _paths(lr=0.0)),
    (ValueError, "JavaScript", lambda: live.paths(wild, quadratic, (1, 1))),
    (ValueError, "reserved_slot .* JavaScript", lambda: live.paths(reserved_slot, lessard, 1)),
    (ValueError, "reserved_slot .* JavaScript", lambda: live.plane(reserved_slot)),
    (ValueError, "reserved_hyper .* JavaScript", lambda: live.paths(reserved_hyper, lessard, 1)),
    (
        ValueError,
        "reserved_hyper .* JavaScript",
        lambda: live.plane(reserved_hyper, x=("var", 0, 1), y=("curvature", 0, 2)),
    ),
    (ValueError, "burst changes from step to step", lambda: live.paths(sgd, burst, 0.0)),
    (ValueError, "slider every: whole", lambda: _signals(controls={"every": (1, 100, "log")})),
    (
        ValueError,
        r"every = \[2.5, 20\] is out of range",
        lambda: _signals(controls={"every": (2.5, 20)}),
    ),
    (TypeError, "is no rule", lambda: live.signals([3], burst)),
    (TypeError, "no rule has a hyper-parameter beta2", lambda: live.signals(sgd, burst, beta2=0.9)),
    (TypeError, "problem of one or two", lambda: live.signals(sgd, [1, 2, 3])),
    (ValueError, "start = 0.0, but features has 2", lambda: live.signals(sgd, features)),
    (ValueError, "steps = 0", lambda: live.signals(sgd, burst, steps=0)),
    (ValueError, "step = 70", lambda: _signals(step=70)),
    (ValueError, "one or two different quantities", lambda: _signals(show=())),
    (ValueError, "one or two different quantities", lambda: _signals(show=("x", "x"))),
    (ValueError, "one or two different quantities", lambda: _signals(show=("x", "y", "loss"))),
    (
        ValueError,
        "lr: a setting of named and a hyper",
        lambda: live.signals(sgd, named, 0.0, lr=0.1),
    ),
    (ValueError, "lr: a setting of named and a hyper", lambda: live.paths(sgd, named, 0.0, lr=0.1)),
    (ValueError, "g cannot be shown .* there can be x, y, loss$", lambda: _signals(show="g")),
    (
        ValueError,
        "m cannot be shown .* there can be x, loss, g, move, rate, v$",
        lambda: live.signals([adam, rmsprop], burst, show=("v", "m")),
    ),
    (ValueError, "JavaScript", lambda: live.signals(wild, burst)),
    (ValueError, r"no rule for the terms \(m\)", lambda: _switches({(): sgd})),
    (ValueError, r"two rules for the terms \(m\)", lambda: _switches({"m": sgd, ("m",): sgd})),
    (ValueError, "no term 'v'; there are m", lambda: _switches({(): sgd, "v": sgd})),
    (ValueError, "no term 'v'; there are m", lambda: _switches(on=["v"])),
    (ValueError, "one to 3 terms, got 0", lambda: live.switches({}, {}, quadratic, (1, 1))),
    (
        ValueError,
        "one to 3 terms, got 4",
        lambda: live.switches(dict.fromkeys("abcd", ""), {}, quadratic, (1, 1)),
    ),
    (TypeError, "is no rule", lambda: _switches({(): sgd, "m": "sgdm"})),
    (TypeError, "no rule has a hyper-parameter beta2", lambda: _switches(beta2=0.9)),
    (ValueError, "beta1 = 1", lambda: _switches(beta1=1)),
    (ValueError, "features changes", lambda: _switches(problem=features)),
    (ValueError, "window", lambda: _switches(window=[(0, 1)])),
    (ValueError, "no slider 'start'", lambda: _switches(controls=["start"])),
    (ValueError, "JavaScript", lambda: _switches({(): sgd, "m": wild})),
    (ValueError, "adam has no plane", lambda: live.plane(adam)),
    (ValueError, "signed has no plane", lambda: live.plane(signed)),
    (ValueError, "kappa = 0.5", lambda: live.plane(sgd, kappa=0.5)),
    (ValueError, "curvature = 0", lambda: live.plane(sgd, curvature=0)),
    (ValueError, "no axis 'beta1'", lambda: live.plane(sgd, x=("beta1", 0, 1))),
    (ValueError, "lr = 5 is not on its axis", lambda: live.plane(sgdm, lr=5)),
    (ValueError, "row of steps", lambda: live.curves([], {"A": []})),
    (ValueError, "one to 4 lines", lambda: live.curves([1], {})),
    (ValueError, "A has shape", lambda: live.curves([1, 2], {"A": [1, 2, 3]})),
    (ValueError, "A has shape", lambda: live.curves([1, 2], {"A": [1, 2]}, choices=[1, 2])),
    *(
        (ValueError, "A: at = .* whole number from 0 to 1", lambda at=at: _chosen(at))
        for at in (-1, 2, 1.0, np.float64(1), True, np.True_, "1", None)
    ),
    (ValueError, "at = 2", lambda: live.curves([1], {"A": [[1], [2]]}, choices=[1, 2], at=2)),
    (ValueError, "choices", lambda: live.curves([1], {"A": [[1]]}, choices={"B": [1]})),
    (ValueError, "no number", lambda: live.curves([1], {"A": [-1]})),
]


def _signals(**settings: Any) -> live.Figure:
    return live.signals(sgd, features, (0, 0), **{"show": "x", **settings})


def _switches(rules: Any = None, problem: Any = quadratic, **settings: Any) -> live.Figure:
    rules = {(): sgd, "m": sgdm_ema} if rules is None else rules
    return live.switches({"m": "average"}, rules, problem, (1, 1), **settings)


def _chosen(at: Any) -> live.Figure:
    return live.curves([1], {"A": [[1], [2]]}, choices=[1, 2], at=at)


@pytest.mark.parametrize("integer", [int, np.int64, np.int32, np.uint8])
def test_numpys_integers_are_taken(integer: Any) -> None:
    runs = {"A": [[1], [2]]}
    for figure, same in (
        (_chosen(integer(1)), _chosen(1)),
        (live.curves([1], runs, choices=[1, 2], at={"A": integer(1)}), _chosen(1)),
        (live.paths(sgd, lessard, 1, integer(9), step=integer(2)), _nine_steps()),
        (live.plane(sgd, steps=integer(9)), live.plane(sgd, steps=9)),
    ):
        assert figure.html == same.html


def _nine_steps() -> live.Figure:
    return live.paths(sgd, lessard, 1, 9, step=2)


def _paths(**settings: Any) -> live.Figure:
    return live.paths([sgdm], quadratic, (1, 1), **{"lr": 0.01, "momentum": 0.9, **settings})


@pytest.mark.parametrize(("error", "message", "call"), BAD)
def test_bad_arguments_are_named(error: type[Exception], message: str, call: Any) -> None:
    with pytest.raises(error, match=message):
        call()


# What the module computes, in node.


def compute(node: str, script: str, given: Any) -> Any:
    """What `script` prints as JSON; it sees the module's exports and `given`."""
    module = (LIVE / "figure.mjs").as_uri()
    program = (
        "import { extent, format, region, response, rings, run, signal, training, unpacked, "
        f"within }} from {json.dumps(module)};"
        "import { readFileSync } from 'node:fs';"
        "const given = JSON.parse(readFileSync(0));"
        "const revive = (text) => new Function(`return ${text}`)();"
        f"console.log(JSON.stringify((() => {{ {script} }})()));"
    )
    command = [node, "--input-type=module", "--eval", program]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("problem", [quadratic, lessard], ids=lambda p: p.name)
@pytest.mark.parametrize("name", [n for n, r in RULES.items() if not r.needs_vector])
def test_paths_are_those_of_numpy(node: str, name: str, problem: Any) -> None:
    rng = np.random.default_rng(0)
    optimizer = RULES[name]
    cases = []
    for _ in range(40):
        hyper = {"lr": float(rng.uniform(0, 0.03))}
        hyper |= {
            n: float(rng.uniform(0, 0.99)) for n in optimizer.hyper if n in ("momentum", "beta1")
        }
        settings = {n: float(rng.uniform(1, 50)) for n in problem.settings}
        start = rng.normal(0, 2, len(problem.coordinates)).tolist()
        cases.append({"hyper": {**optimizer.hyper, **hyper}, "settings": settings, "start": start})
    script = """
      const rule = revive(given.rule), problem = revive(given.problem);
      return given.cases.map((c) => run(rule, problem, c.start, 60, c.hyper, c.settings).points);"""
    given = {"rule": optimizer.javascript(), "problem": problem.javascript(), "cases": cases}
    for case, points in zip(cases, compute(node, script, given), strict=True):
        expected = optimizer.path(problem(**case["settings"]), case["start"], 60, **case["hyper"])
        # A point that passes near zero is as exact as the path it belongs to.
        np.testing.assert_allclose(
            points, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max()
        )


def test_a_slot_in_the_place_of_the_parameters_is_that_of_the_steps(node: str) -> None:
    ahead, hyper = lookahead(sgdm), {"lr": 0.05, "momentum": 0.8, "k": 4, "alpha": 0.3}
    theta, slow = np.array([-2.0, 1.0]), [np.array([-2.0, 1.0])]
    state = ahead.init(theta)
    for t in range(1, 31):
        theta, state = ahead.step(theta, quadratic.grad(theta), state, t, **hyper)
        slow.append(state["slow"])
    script = """
      const rule = revive(given.rule), problem = revive(given.problem);
      const one = run(rule, problem, [-2, 1], 30, given.hyper, problem.settings);
      const { points, losses } = within(one, "slow", problem, problem.settings);
      return { points, losses };"""
    given = {"rule": ahead.javascript(), "problem": quadratic.javascript(), "hyper": hyper}
    found = compute(node, script, given)
    np.testing.assert_allclose(found["points"], slow, rtol=1e-12)
    np.testing.assert_allclose(found["losses"], quadratic.loss(slow), rtol=1e-12)
    lines = {"fast": ahead, "slow": ahead}
    figure = live.paths(lines, quadratic, (-2, 1), 30, slots={"slow": "slow"}, **hyper)
    fast, last = (float(quadratic.loss(point)) for point in (theta, slow[-1]))
    told = [f"{n}: loss {number(x)} at step 30" for n, x in (("fast", fast), ("slow", last))]
    assert figure.status == "\n".join(told)
    assert [one.get("slot") for one in figure.data["lines"]] == [None, "slow"]
    assert "slot" not in figure.data["lines"][0]  # what needs no slot is sent as ever


@pytest.mark.parametrize("name", ["sgd", "nag_lookahead", "adam", "adagrad"])
def test_signals_are_those_of_numpy(node: str, name: str) -> None:
    from optlive.runs import lines_of
    from optlive.signals import _extent, _series

    optimizer, names = RULES[name], ["x", "loss", "g", "move", "rate", *RULES[name].slots]
    rng = np.random.default_rng(3)
    script = """
      const rule = revive(given.rule), problem = revive(given.problem);
      return given.cases.map(({ settings, hyper }) => {
        const one = run(rule, problem, [0.5], 80, { ...rule.hyper, ...hyper }, settings);
        return given.names.map((name) => {
          const values = signal(name, ["x"], one);
          return { values, axes: [false, true].map((log) => extent(values, log)) };
        });
      });"""
    cases = [
        {
            "settings": {
                "size": float(rng.uniform(0, 100)),
                "begin": int(rng.integers(1, 80)),
                "duration": int(rng.integers(1, 20)),
            },
            "hyper": {"lr": float(rng.uniform(0, 0.1))},
        }
        for _ in range(20)
    ]
    given = {"rule": optimizer.javascript(), "problem": burst.javascript()}
    computed = compute(node, script, {**given, "cases": cases, "names": names})
    for case, answers in zip(cases, computed, strict=True):
        (line,) = lines_of(optimizer, case["hyper"])
        problem = burst(**case["settings"])
        expected = _series(line, problem, np.array([0.5]), 80, case["hyper"])
        for quantity, answer in zip(names, answers, strict=True):
            values = np.array(answer["values"], dtype=float)
            np.testing.assert_allclose(values, expected[quantity], rtol=1e-9, atol=1e-12)
            for log, axis in zip((False, True), answer["axes"], strict=True):
                extent = _extent(expected[quantity], log)
                assert (axis["min"], axis["max"]) == pytest.approx(extent, rel=1e-8)


@pytest.mark.parametrize("values", [[], [2, 2], [-1, 3], [0, 0], [1e-30, 1], [5, 6], [-4, -4]])
def test_axes_show_all_that_can_be_drawn(node: str, values: list[float]) -> None:
    from optlive.signals import _extent

    script = "return [false, true].map((log) => extent([...given, null], log));"
    for log, axis in zip((False, True), compute(node, script, values), strict=True):
        low, high = _extent(np.array([*values, np.nan]), log)
        assert (axis["min"], axis["max"]) == pytest.approx((low, high))
        assert low < high
        assert all(low < v < high for v in values if v > (1e-16 if log else -np.inf))
        assert not log or high / low >= 9.99


@pytest.mark.parametrize("name", ["sgd", "sgdm", "nag", "nag_lookahead"])
def test_the_plane_is_that_of_the_eigenvalues(node: str, name: str) -> None:
    rng = np.random.default_rng(1)
    optimizer = RULES[name]
    cases = [
        {"h": float(h), "lr": float(lr), "momentum": float(momentum)}
        for h, lr, momentum in rng.uniform((0.1, 0, 0), (5, 1.5, 0.99), (300, 3))
    ]
    script = """
      const rule = revive(given.rule);
      return given.cases.map((c) => response(rule, c.h, c)).map((r) => [r.rate, region(r)]);"""
    answers = compute(node, script, {"rule": optimizer.javascript(), "cases": cases})
    for case, (rate, region) in zip(cases, answers, strict=True):
        hyper = {n: case[n] for n in optimizer.hyper}
        matrix = []
        for theta, m in np.eye(1 + len(optimizer.slots), 2):
            state = dict.fromkeys(optimizer.slots, m)
            g = (lambda x, h=case["h"]: h * x) if optimizer.needs_function else case["h"] * theta
            after, state = optimizer.step(theta, g, state, 1, **hyper)
            matrix.append([after, *state.values()])
        eigenvalues = np.linalg.eigvals(matrix)
        assert rate == pytest.approx(np.abs(eigenvalues).max(), rel=1e-7)
        steady = np.isrealobj(eigenvalues) and (eigenvalues >= 0).all()
        assert region == (
            "divergent"
            if np.abs(eigenvalues).max() > 1
            else "monotone"
            if steady
            else "oscillating"
        )
        # Python's still picture and words come from the same numbers.
        ranges = {"x": ("lr", 0, 2), "curvature": case["h"], **hyper}
        assert live.plane(optimizer, **ranges).status.endswith(f"{region}, rate {number(rate)}")


def test_rings_close_around_the_area(node: str) -> None:
    x, y = np.meshgrid(np.linspace(-2, 2, 81), np.linspace(-2, 2, 81))
    fields = {"disc": x**2 + y**2, "all": 0 * x, "none": 0 * x + 9, "saddle": x * y, "half": x}
    script = "return given.map((f) => rings(f, 81, 81, 1));"
    found = compute(node, script, [f.ravel().tolist() for f in fields.values()])
    areas = {
        name: sum(_area(np.array(ring)) for ring in rings) / 20**2
        for name, rings in zip(fields, found, strict=True)
    }
    # x y > 1 in two corners: there y is from 1 / x to 2, for x from 1/2 to 2.
    corner = 2 * (2 - 0.5) - np.log(4)
    expected = {"disc": np.pi, "all": 16, "none": 0, "saddle": 16 - 2 * corner, "half": 12}
    assert areas == pytest.approx(expected, abs=0.01)


def _area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


def test_numbers_are_written_as_python_writes_them(node: str) -> None:
    rng = np.random.default_rng(2)
    values = [
        0.0,
        1.0,
        -0.001,
        99999.0,
        *(rng.normal(size=200) * 10.0 ** rng.integers(-12, 9, 200)),
    ]
    assert compute(node, "return given.map(format);", values) == [number(v) for v in values]


def test_a_still_picture_of_curves_shows_all_steps_and_no_more() -> None:
    from matplotlib.figure import Figure

    for xlog in (False, True):
        for steps in (np.geomspace(0.1, 10, 60), [3.0]):
            axes = Figure().add_subplot()
            figure = live.curves(steps, {"A": np.ones(len(steps))}, xlog=xlog)
            ((_, draw),) = figure._panels
            draw(axes)
            low, high = axes.get_xlim()
            assert low <= min(steps) <= max(steps) <= high
            assert len(steps) == 1 or (low, high) == (min(steps), max(steps))


# The studio.


@pytest.mark.parametrize("rule", [sgdm, nag, adam], ids=lambda r: r.name)
def test_the_page_trains_as_pytorch_does(node: str, rule: Any, tmp_path: Path, monkeypatch) -> None:
    from optlab import sweep
    from optlab.tasks import digits_mlp

    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    rates = linear_decay(np.arange(40), lr=0.05, total_steps=40)
    schedule = partial(linear_decay, total_steps=40)
    task = digits_mlp()
    runs = sweep(task, rule, lr=0.05, seeds=[3], steps=40, every=1, schedule=schedule)
    figure = small_studio(rule, seed=3)
    script = """
      const task = unpacked(given.task), rule = revive(given.rule);
      const one = training(task, rule, rule.hyper, given.rates);
      while (!one.done()) one.step();
      return one.losses;"""
    given = {"task": figure.data["task"], "rule": figure.data["rule"], "rates": rates.tolist()}
    found = compute(node, script, given)
    np.testing.assert_allclose(found, runs.test_loss.values.ravel(), rtol=1e-8)


def test_the_studio_says_where_each_schedule_ends(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    falling, by_hand = small_studio().status.splitlines()
    assert re.fullmatch(r"falling: test loss 0\.\d+ at step 40", falling)
    assert re.fullmatch(r"by hand: test loss 0\.\d+ at step 40", by_hand)
    lost, _ = small_studio(lr=1e6, top=1e6).status.splitlines()
    assert lost == "falling: diverges"


@pytest.mark.parametrize(
    ("error", "message", "given"),
    [
        (ValueError, "two rates or more, 0 to 0.5", {"knots": [0.1]}),
        (ValueError, "two rates or more, 0 to 0.5", {"knots": [0.1, 0.6]}),
        (TypeError, "no schedule has a hyper-parameter period", {"period": 10}),
        (TypeError, "is no schedule of lr", {"schedules": {"momentum": one_cycle_momentum}}),
        (TypeError, "is no rule", {"rule": "sgd"}),
        (ValueError, "asks for gradients elsewhere", {"rule": nag_lookahead}),
        (ValueError, "one to 4 schedules, got 0", {"schedules": {}, "knots": []}),
        (TypeError, "without normalization, dropout and L2", {"task": "normalized"}),
        (ValueError, "slider lr: 0.1 is not between", {"controls": {"lr": (0.2, 0.3)}}),
    ],
)
def test_bad_arguments_of_the_studio_are_named(
    error: type[Exception], message: str, given: Any, tmp_path: Path, monkeypatch
) -> None:
    from optlab.tasks import digits_mlp

    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    if given.get("task"):
        given = {"task": digits_mlp("layer")}
    with pytest.raises(error, match=message):
        small_studio(**given)


def test_the_words_tell_the_numbers_at_a_chosen_place() -> None:
    runs = [[3.0, 2.0, 1.0], [5.0, 4.0, 1.0]]
    figure = live.curves([0, 10, 20], {"a": runs}, choices=[1, 2], told=11, ylim=(0.1, 9))
    assert figure.status == "loss at step 10\na: 2"
    assert [run["summary"] for run in figure.data["lines"][0]["runs"]] == ["a: 2", "a: 4"]
    assert live.curves([0, 10, 20], {"a": runs[0]}).status == "loss at step 20\na: 1"
