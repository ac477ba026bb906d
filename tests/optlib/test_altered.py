"""A rule with changed lines: what it computes, what it prints, and what is refused."""

import ast
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlib import RULES, adam, adamw, nag_lookahead, rule, sgd, sgdm, swats
from optlib.arrays import sqrt
from optlib.dialects import run

GRADIENTS = np.random.default_rng(0).normal(size=(12, 3))


@rule
def thrice(g, a, b, *, lr=0.5):
    """Names that other rules do not have, and a line that uses both slots."""
    a = a + g
    b = b + a
    c = a * b
    return -lr * c, a, b


def one(changed, *arguments, **hyper):
    """A step's move and slots, as the text of the changed rule has them."""
    return changed(*arguments, **hyper)


# What is computed, by hand.


def test_a_changed_line():
    assert one(sgdm.altered(m="m + g"), 5.0, 2.0) == (-7.0, 7.0)


def test_a_changed_move_may_use_theta():
    changed = sgdm.altered(move="(momentum - 1) * theta - m")
    theta, state = changed.step(8.0, 2.0, {"m": 4.0}, 1, lr=0.5, momentum=0.5)
    assert (theta, state) == (8 * 0.5 - 3, {"m": 3.0})


def test_a_changed_line_may_use_the_step():
    changed = sgd.altered(move="-lr / t * g")
    assert one(changed, 6.0, 3, lr=0.5) == -1.0


def test_a_changed_argument_stands_wherever_the_rule_uses_it():
    # g = 4, m = 0, v = 0 at t = 1, but corrected as at t = 2.
    later = adam.altered(t="t + 1")
    move, m, v = one(later, 4.0, 0.0, 0.0, 1, lr=1.0, beta1=0.5, beta2=0.5, eps=0.0)
    assert (m, v) == (2.0, 8.0)
    assert np.isclose(move, -(2 / 0.75) / np.sqrt(8 / 0.75), rtol=1e-14)


def test_two_arguments_may_change_places():
    there = {"lr": 0.1, "beta1": 0.3, "beta2": 0.7, "eps": 0.1}
    back = there | {"beta1": 0.7, "beta2": 0.3}
    swapped = adam.altered(beta1="beta2", beta2="beta1")
    assert one(swapped, 2.0, 1.0, 3.0, 4, **there) == one(adam, 2.0, 1.0, 3.0, 4, **back)


def test_a_line_that_is_given_is_taken_as_it_is():
    changed = sgdm.altered(lr="100", m="momentum * m + 2 * lr * g")
    assert one(changed, 5.0, 2.0, lr=0.5, momentum=0.5) == (-6.0, 6.0)


def test_what_is_kept_is_not_what_the_step_uses():
    changed = adam.altered(keeps={"m": "m_hat", "v": "v_old"})
    there = {"lr": 0.5, "beta1": 0.5, "beta2": 0.75, "eps": 1.0}
    move, m, v = one(changed, 4.0, 1.0, 3.0, 2, **there)
    right, due, _ = one(adam, 4.0, 1.0, 3.0, 2, **there)
    assert (move, m, v) == (right, due / (1 - 0.5**2), 3.0)


def test_the_old_slot_is_the_one_before_the_step():
    assert one(sgdm.altered(move="-m_old"), 5.0, 2.0, lr=1.0, momentum=0.5) == (-2.0, 6.0)
    assert one(sgdm.altered(keeps={"m": "m_old"}), 5.0, 2.0, lr=1.0, momentum=0.5) == (-6.0, 2.0)


def test_a_slot_is_the_new_one_after_its_line():
    # a = 1 + 2, b = 5 + 3; what is kept of b is seen by no line.
    changed = thrice.altered(keeps={"b": "b - a + b_old"})
    assert one(changed, 2.0, 1.0, 5.0) == (-0.5 * 3 * 8, 3.0, 8 - 3 + 5)


def test_a_line_that_is_called_move_is_meant_by_it():
    changed = swats.altered(move="-lr * g")
    assert "    move = -lr * g\n" in changed.source
    assert changed.source.splitlines()[-1] == swats.source.splitlines()[-1]


def test_numpy_may_be_called():
    changed = sgd.altered(move="-lr * np.mean(g)")
    assert one(changed, np.array([1.0, 3.0]), lr=0.5) == -1.0


def test_what_is_kept_may_be_changed_once_more():
    # The first change has made a line `m_new` already.
    changed = adam.altered(keeps={"m": "m_hat"}).altered(keeps={"m": "2 * m"})
    there = {"lr": 0.5, "beta1": 0.5, "beta2": 0.75, "eps": 1.0}
    move, m, v = one(changed, 4.0, 1.0, 3.0, 2, **there)
    right, due, after = one(adam, 4.0, 1.0, 3.0, 2, **there)
    assert (move, m, v) == (right, 2 * due / (1 - 0.5**2), after)


# It is a rule.


def test_the_equations_say_the_change():
    lines = repr(adam.altered(m_hat="m", v_hat="v**2").equations()).splitlines()
    due = repr(adam.equations()).splitlines()
    assert lines[:3] == due[:3]
    assert lines[3:5] == [r"\hat{m}_{t} = m_{t}", r"\hat{v}_{t} = v_{t}^{2}"]
    assert lines[5:] == due[5:]
    assert r"\theta_{t} = \theta_{t-1} + \eta g_{t-1}" in repr(sgd.altered(lr="-lr").equations())


def test_the_equations_tell_a_slot_from_what_it_was_and_what_is_kept():
    lines = repr(adam.altered(m_hat="m_old", keeps={"m": "m_old", "v": "v_hat"}).equations())
    assert lines.splitlines()[1:-1] == [
        r"{m}'_{t} = \beta_1 m_{t-1} + \left(1 - \beta_1\right) g_{t-1}",
        r"{v}'_{t} = \beta_2 v_{t-1} + \left(1 - \beta_2\right) g_{t-1}^{2}",
        r"\hat{m}_{t} = m_{t-1}",
        r"\hat{v}_{t} = \frac{{v}'_{t}}{1 - \beta_2^{t}}",
        r"m_{t} = m_{t-1}",
        r"v_{t} = \hat{v}_{t}",
    ]


def test_a_box_marks_the_changed_line():
    rows = adam.altered(m_hat="m").box(adam).rows()
    assert [row.line.name for row in rows if row.kind == "changed"] == ["m_hat"]


def test_it_has_a_path_and_javascript():
    from optlib.problems import quadratic

    up = sgd.altered(lr="-lr").path(quadratic(kappa=1), [1.0, 0.0], 3, lr=0.5)
    assert np.allclose(up[:, 0], 1.5 ** np.arange(4))
    assert "m_hat" in adam.altered(m_hat="m").javascript()


def test_it_is_pickled_as_the_call_that_makes_it():
    for changed in (
        adam.altered(m_hat="m", name="bare"),
        adamw.altered(keeps={"m": "m_hat"}),
        adam.altered(m_hat="m").altered(v_hat="v"),
    ):
        back = pickle.loads(pickle.dumps(changed))
        assert (back.name, back.source) == (changed.name, changed.source)


def test_the_rule_itself_stays_as_it_is():
    before = str(adam.source)
    adam.altered(m="g", keeps={"v": "v_old"})
    assert adam.source == before and adam.lines()


@pytest.mark.parametrize("name", sorted(RULES))
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_lines_that_say_the_same_make_the_same_steps(name, data):
    """Each line times 1, which changes no bit; and each slot kept as it is, times 1."""
    taken = RULES[name]
    texts = {n: f"1 * ({ast.unparse(line)})" for n, line in taken.lines() if n != "theta"}
    chosen = data.draw(st.sets(st.sampled_from(["move", *texts, *taken.slots]), min_size=1))
    *_, (_, move) = taken.lines()
    texts.setdefault("move", f"1 * ({ast.unparse(move)})")
    lines = {n: texts[n] for n in chosen if n in texts}
    keeps = {n: f"1 * {n}" for n in chosen if n in taken.slots}
    changed = taken.altered(keeps=keeps, **lines)
    if not taken.needs_function:
        start = np.ones(3)
        due = run(taken, start, GRADIENTS, taken.hyper)
        assert np.array_equal(run(changed, start, GRADIENTS, taken.hyper), due)


def test_a_rule_that_evaluates_the_gradient_itself():
    def grad(x):
        return 3 * x

    changed = nag_lookahead.altered(lr="2 * lr")
    there = {"theta": 1.0, "g": grad, "state": {"m": 0.5}, "t": 1, "momentum": 0.5}
    assert changed.step(**there, lr=0.1) == nag_lookahead.step(**there, lr=0.2)


# What is refused.


@pytest.mark.parametrize(
    ("lines", "keeps", "error", "said"),
    [
        ({}, {}, ValueError, "adam: nothing is changed"),
        ({"m_hat": "m/(1-beta1**t)"}, {}, ValueError, r"m_hat is `m/\(1-beta1\*\*t\)` already"),
        ({"lr": "lr"}, {}, ValueError, "lr is `lr` already"),
        ({}, {"m": "m"}, ValueError, "m is `m` already"),
        ({"mhat": "m"}, {}, TypeError, "adam has no line or argument mhat; it has m, v, m_hat"),
        ({}, {"m_hat": "m"}, TypeError, "adam has no slot m_hat; it has m, v"),
        ({"m": "m +"}, {}, SyntaxError, r"adam: m = `m \+` is no expression"),
        ({"m": "m = g"}, {}, SyntaxError, "is no expression"),
        ({"move": "-lr * g, m"}, {}, SyntaxError, r"move = `-lr \* g, m` is no expression"),
        ({}, {"m": "m, v"}, SyntaxError, "is no expression"),
        ({"m": "(yield g)"}, {}, SyntaxError, "is no expression"),
        ({"m": "await g"}, {}, SyntaxError, "is no expression"),
        ({"m": "m_hat"}, {}, TypeError, r"adam: m = `m_hat` uses m_hat, which .* not there"),
        ({"m": "speed"}, {}, TypeError, "uses speed"),
    ],
)
def test_what_makes_no_sense_is_told(lines, keeps, error, said):
    with pytest.raises(error, match=said):
        adam.altered(keeps=keeps, **lines)


@pytest.mark.parametrize("name", ["a b", "lambda", "sqrt"])
def test_a_name_that_is_none_is_told(name):
    """Under the name of what it calls the rule would call itself."""
    with pytest.raises(ValueError, match=f"'{name}' is (no name|what a line calls)"):
        adam.altered(m_hat="m", name=name)


def test_functions_of_the_rules_own_module_are_called():
    half = sqrt  # what stands in the rule's scope is meant, not a namesake of optlib.arrays

    @rule
    def rooted(g, *, lr=1.0):
        step = half(g)
        return -lr * step

    assert rooted.altered(move="-lr * half(step)")(16.0) == -2.0
