"""The printed equations are those of the code.

The LaTeX that a reader sees is read back by a parser that knows nothing of the printer, evaluated
on random numbers, and must define the same quantities as the rule does when it is called.
"""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlib import (
    adabound,
    adam,
    lookahead,
    nag,
    nag_lookahead,
    radam,
    rule,
    sgd,
    sgdm,
    swats,
)
from optlib.arrays import where
from optlib.notation import symbol
from tests.latex import evaluate
from tests.rules import ALL, VARIANTS, random_hyper


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
    import ast

    import sympy
    from sympy.parsing.latex import parse_latex

    from optlib.faces.equations import _Printer

    names = {"a": 0.7, "b": 1.3, "g": 2.1, "v": 0.4}
    try:
        value = eval(text, {}, names)
    except (ZeroDivisionError, OverflowError):
        return
    if isinstance(value, complex) or not 1e-6 < abs(value) < 1e6:
        return
    # Bare brackets fall away when the text is parsed: only those that are needed are printed.
    latex = _Printer({}).print(ast.parse(text, mode="eval").body)
    # The parser takes `a (b)` for a function's value; here a space is always a product.
    read = parse_latex(re.sub(r"(?<=[\w})]) \\left\(", r" \\cdot \\left(", latex), backend="antlr")
    read = float(read.subs({sympy.Symbol(n): x for n, x in names.items()}))
    assert read == pytest.approx(value, rel=1e-9), latex


def test_numbers_keep_their_digits():
    import ast

    from optlib.faces.equations import _Printer

    def show(text):
        return _Printer({}).print(ast.parse(text, mode="eval").body)

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


def test_box_marks_the_change_to_the_parent():
    box = nag.box(sgdm)
    assert [line.name for line, new in box.rows() if new] == ["theta"]
    assert [line.code for line in box.gone()] == ["return -m, m"]
    html = box._repr_html_()
    assert html.count('class="new"') == 1
    assert html.count('class="gone"') == 1
    assert "as a change to <code>sgdm</code>" in html
    assert repr(box).splitlines()[0].startswith("- ")
    assert not any(new for _, new in sgd.box().rows())


def test_jupyter_shows_them():
    assert adam.equations()._repr_latex_().startswith("$$\n\\begin{aligned}")
    assert adam.source._repr_markdown_().startswith("```python\n@rule")
