"""The printed equations are those of the code.

The LaTeX that a reader sees is read back by a parser that knows nothing of the printer, evaluated
on random numbers, and must define the same quantities as the rule does when it is called.
"""

import ast
import re
from html import unescape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlib import (
    RULES,
    adabound,
    adagrad,
    adam,
    l2,
    lookahead,
    nag,
    nag_lookahead,
    radam,
    rmsprop,
    rule,
    sgd,
    sgdm,
    swats,
)
from optlib.arrays import where
from optlib.faces.equations import Printer
from optlib.notation import symbol
from tests.optlib.latex import evaluate
from tests.optlib.rules import ALL, VARIANTS, random_hyper


def test_the_lectures_equations():
    assert repr(sgdm.equations()).splitlines() == [
        r"g_{t-1} = \nabla L(\theta_{t-1})",
        r"m_{t} = \lambda m_{t-1} + \eta g_{t-1}",
        r"\theta_{t} = \theta_{t-1} - m_{t}",
    ]
    assert repr(nag_lookahead.equations()).splitlines() == [
        r"m_{t} = \lambda m_{t-1} + \eta \nabla L\left(\theta_{t-1} - \lambda m_{t-1}\right)",
        r"\theta_{t} = \theta_{t-1} - m_{t}",
    ]
    assert repr(nag.equations()).splitlines()[-1] == (
        r"\theta_{t} = \theta_{t-1} - \lambda m_{t} - \eta g_{t-1}"
    )


def test_adam_is_printed_in_the_papers_order():
    assert repr(adam.equations()).splitlines()[1:] == [
        r"m_{t} = \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_{t-1}",
        r"v_{t} = \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_{t-1}^{2}",
        r"\hat{m}_{t} = \frac{m_{t}}{1 - \beta_1^{t}}",
        r"\hat{v}_{t} = \frac{v_{t}}{1 - \beta_2^{t}}",
        r"\theta_{t} = \theta_{t-1} - \frac{\eta \hat{m}_{t}}{\sqrt{\hat{v}_{t}} + \epsilon}",
    ]


@pytest.mark.parametrize("r", [*ALL, *VARIANTS], ids=lambda r: r.name)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), t=st.integers(1, 50))
def test_equations_evaluated_take_the_step_of_the_code(r, seed, t):
    rng = np.random.default_rng(seed)
    theta = rng.normal()
    state = {n: rng.uniform(0.1, 1.0) for n in r.slots}
    if r is swats:  # before the switch, or after
        state["since"] = float(rng.integers(0, 2) * t // 2)
    hyper = random_hyper(r, rng)
    known = {symbol("theta", "t-1"): theta, "t": t}
    known |= {symbol(n, "t-1"): v for n, v in state.items()}
    known |= {symbol(n): v for n, v in hyper.items()}
    for line in repr(r.equations()).splitlines():
        left, _, right = line.partition(" = ")
        known[left] = evaluate(right, known, {r"\nabla L": np.sin})
    new, slots = r.step(theta, np.sin if r.needs_function else np.sin(theta), state, t, **hyper)
    assert known[symbol("theta", "t")] == pytest.approx(new, rel=1e-11, abs=1e-12)
    for name, value in slots.items():
        assert known[symbol(name, "t")] == pytest.approx(value, rel=1e-11, abs=1e-12)


def test_what_is_the_same_at_every_step_has_no_index():
    lines = repr(radam.equations()).splitlines()
    assert r"\rho_\infty = \frac{2}{1 - \beta_2} - 1" in lines
    assert sum(line.startswith(r"\rho_{t} = ") for line in lines) == 1


def test_a_rule_that_says_where_to_go_is_printed_so():
    last = repr(lookahead(sgd).equations()).splitlines()[-1]
    assert last == (
        r"\theta_{t} = \begin{cases} \phi_{t} & t \bmod k = 0 \\ \tilde{\theta}_{t} & "
        r"\text{otherwise} \end{cases}"
    )


def test_bounds_and_products_of_vectors():
    assert (
        r"\hat{\eta}_{t} = \min\left(\max\left("
        r"\frac{\eta}{\sqrt{v_{t}} + \epsilon}, \ell_{t}\right), u_{t}\right)"
    ) in repr(adabound.equations())
    assert r"q_{t} = \frac{e_{t}^{\top} e_{t}}{-e_{t}^{\top} g_{t-1}}" in repr(swats.equations())


@rule
def grammar(g, m, t, *, lr=1.0, gamma=0.5, last_lr=0.1):
    scale = where(t > 4, 2 * 3 * lr, last_lr)
    m = -gamma * m / (1 - gamma) - (m - g) - -g
    return -((scale * (m + g)) ** 2) + lr * -m, m


def test_brackets_signs_and_choices():
    lines = dict(line.split(" = ") for line in repr(grammar.equations()).splitlines())
    assert lines[r"\mathrm{scale}_{t}"] == (
        r"\begin{cases} 2 \cdot 3 \eta & t > 4 \\ \mathrm{last\_lr} & \text{otherwise} \end{cases}"
    )
    assert lines["m_{t}"] == (
        r"-\frac{\gamma m_{t-1}}{1 - \gamma} - \left(m_{t-1} - g_{t-1}\right) "
        r"- \left(-g_{t-1}\right)"
    )
    assert lines[r"\theta_{t}"] == (
        r"\theta_{t-1} - \left(\mathrm{scale}_{t} \left(m_{t} + g_{t-1}\right)\right)^{2} "
        r"+ \eta \left(-m_{t}\right)"
    )


leaves = st.sampled_from(["a", "b", "g", "v", "2", "3"])
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("(-{})".format, inner),
        st.builds("({} ** {})".format, inner, st.sampled_from(["2", "a"])),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(text=expressions)
def test_any_arithmetic_is_printed_as_it_is_meant(text):
    import sympy
    from sympy.parsing.latex import parse_latex

    names = {"a": 0.7, "b": 1.3, "g": 2.1, "v": 0.4}
    try:
        value = eval(text, {}, names)
    except (ZeroDivisionError, OverflowError):
        return
    if isinstance(value, complex) or not 1e-6 < abs(value) < 1e6:
        return
    # Bare brackets fall away when the text is parsed: only those that are needed are printed.
    latex = Printer({}).print(ast.parse(text, mode="eval").body)
    # The parser takes `a (b)` for a function's value; here a space is always a product.
    read = parse_latex(re.sub(r"(?<=[\w})]) \\left\(", r" \\cdot \\left(", latex), backend="antlr")
    read = float(read.subs({sympy.Symbol(n): x for n, x in names.items()}))
    assert read == pytest.approx(value, rel=1e-9), latex


def test_numbers_keep_their_digits():
    def show(text):
        return Printer({}).print(ast.parse(text, mode="eval").body)

    assert show("0.1234567 * g") == "0.1234567 g"
    assert show("1e-8 + g") == "10^{-8} + g"
    assert show("2.5e-10 * g") == r"2.5 \cdot 10^{-10} g"
    assert show("1e-8 ** 2") == r"\left(10^{-8}\right)^{2}"


def test_what_cannot_be_printed_is_named():
    @rule
    def odd(g, *, lr=1.0):
        return -lr * (g if lr else 0)

    with pytest.raises(SyntaxError, match="no LaTeX for `g if lr else 0`"):
        odd.equations()


def unmarked(latex):
    """LaTeX without the marks around terms."""
    while (at := latex.find(r"\class{mjx-")) >= 0:
        begin = latex.index("{", latex.index("}", at)) + 1
        end, depth = begin, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(latex[end], 0)
            end += 1
        latex = latex[:at] + latex[begin : end - 1] + latex[end:]
    return latex


def equations_in(html):
    return [unescape(found) for found in re.findall(r"<td>\\\(\\displaystyle (.*?)\\\)</td>", html)]


def codes_in(html):
    return re.findall(r"<td><code>(.*?)</code>", html)


def test_box_shows_the_change_to_the_parent():
    box = nag.box(sgdm)
    assert repr(box).splitlines()[-2:] == [
        r"- \theta_{t} = \theta_{t-1} - m_{t}",
        r"+ \theta_{t} = \theta_{t-1} - \lambda m_{t} - \eta g_{t-1}",
    ]
    html = box._repr_html_()
    assert html.count('class="changed"') == html.count('class="gone"') == 1
    assert "as a change to <code>sgdm</code>" in html
    assert {row.kind for row in sgd.box().rows()} == {""}


def test_box_marks_the_terms_that_are_new_and_those_that_are_gone():
    html = adam.box(rmsprop)._repr_html_()
    assert codes_in(html)[-2:] == [
        "return -lr * <del>g</del> / (sqrt(<del>v</del>) + eps), v",
        "return -lr * <mark>m_hat</mark> / (sqrt(<mark>v_hat</mark>) + eps), <mark>m,</mark> v",
    ]
    assert equations_in(html)[-1] == (
        r"\theta_{t} = \theta_{t-1} - \frac{\eta \class{mjx-new}{\hat{m}_{t}}}"
        r"{\sqrt{\class{mjx-new}{\hat{v}_{t}}} + \epsilon}"
    )
    # A term that is new as a whole has one mark.
    assert equations_in(rmsprop.box(adagrad)._repr_html_())[2] == (
        r"v_{t} = \class{mjx-new}{\beta_2} v_{t-1} + "
        r"\class{mjx-new}{\left(1 - \beta_2\right)} g_{t-1}^{2}"
    )


def test_a_dropped_line_stands_where_it_stood():
    kinds = [(row.line.name, row.kind) for row in nag_lookahead.box(sgdm).rows()]
    assert kinds == [("g", "gone"), ("m", "gone"), ("m", "changed"), ("theta", "")]


PAIRS = [(r, r.parents[0]) for r in RULES.values() if r.parents] + [
    (l2(adam), adam),
    (lookahead(adam), adam),
    (sgd, swats),
    (radam, grammar),
]


@pytest.mark.parametrize(("r", "parent"), PAIRS, ids=lambda r: r.name)
def test_marks_say_what_differs_and_change_nothing_else(r, parent):
    rows = r.box(parent).rows()
    html = r.box(parent)._repr_html_()
    own = [row.line for row in rows if row.kind != "gone"]
    assert repr(r.equations()).splitlines() == [line.equation for line in own]
    assert [unmarked(e) for e in equations_in(html)] == [row.line.equation for row in rows]
    assert [unescape(re.sub("<.*?>", "", c)) for c in codes_in(html)] == [
        row.line.code for row in rows
    ]
    codes = dict(zip([(row.line.name, row.kind) for row in rows], codes_in(html), strict=True))
    for (name, kind), code in codes.items():
        if kind == "changed":  # what is not marked is the same in both, and something is marked
            before = codes[name, "gone"]
            assert "<mark>" in code or "<del>" in before
            kept = re.sub(r"<mark>.*?</mark>", "", code), re.sub(r"<del>.*?</del>", "", before)
            assert kept[0].replace(" ", "") == kept[1].replace(" ", "")


@settings(max_examples=150)
@given(text=expressions, data=st.data())
def test_marks_change_no_expression(text, data):
    tree = ast.parse(text, mode="eval").body
    columns = [n.col_offset for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Constant)]
    marks = data.draw(st.sets(st.sampled_from(columns)))
    marked = Printer({}, marks, "new").print(tree)
    assert unmarked(marked) == Printer({}).print(tree)
    assert (r"\class{mjx-new}" in marked) == bool(marks)


def test_jupyter_shows_them():
    assert adam.equations()._repr_latex_().startswith("$$\n\\begin{aligned}")
    assert adam.source._repr_markdown_().startswith("```python\n@rule")
