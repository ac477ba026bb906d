"""Rules made of rules: one text, the same step as by hand."""

import pickle

import numpy as np
import pytest

from optlib import (
    adam,
    adamw,
    decoupled,
    l2,
    lookahead,
    nag_lookahead,
    rule,
    sgd,
    sgdm,
    sgdw,
    swats,
)
from optlib.wrapper import wrapper
from tests.optlib.rules import ALL


def gradients(steps=12, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, 3))


def run(r, steps=12, **hyper):
    theta = np.array([1.0, -2.0, 0.5])
    state, path = r.init(theta), [theta]
    for t, g in enumerate(gradients(steps), start=1):
        theta, state = r.step(theta, g, state, t, **hyper)
        path.append(theta)
    return np.array(path)


def test_the_joined_text_is_a_rule_that_can_be_read():
    assert adamw.source.rstrip().endswith(
        "return -lr * m_hat / (sqrt(v_hat) + eps) - lr * weight_decay * theta, m, v"
    )
    assert repr(adamw.equations()).splitlines()[-1].endswith(r"- \eta \gamma \theta_{t-1}")
    assert list(adamw.hyper) == [*adam.hyper, "weight_decay"]
    compiled: dict = {}
    from optlib.arrays import sqrt

    exec(adamw.source, {"sqrt": sqrt}, compiled)  # what is shown is what runs
    assert compiled["adamw"](0.5, 1.0, 0.1, 0.2, 3) == adamw(0.5, 1.0, 0.1, 0.2, 3)


def test_a_box_shows_the_change_to_the_inner_rule():
    def marked(box):
        return [(row.line.name, row.kind) for row in box.rows() if row.kind in ("new", "changed")]

    assert marked(adamw.box(adam)) == [("theta", "changed")]
    changed = [("g_tilde", "new"), ("m", "changed"), ("v", "changed")]
    assert marked(l2(adam).box(adam)) == changed


def test_l2_is_the_inner_rule_on_the_gradient_of_the_penalized_loss():
    theta = np.array([1.0, -2.0, 0.5])
    inner, state = theta, adam.init(theta)
    for t, g in enumerate(gradients(), start=1):
        inner, state = adam.step(inner, g + 0.3 * inner, state, t)
    np.testing.assert_allclose(run(l2(adam), weight_decay=0.3)[-1], inner, rtol=1e-14)


def test_of_sgd_both_decays_are_one():
    np.testing.assert_allclose(
        run(l2(sgd), lr=0.1, weight_decay=0.3), run(decoupled(sgd), lr=0.1, weight_decay=0.3)
    )


@pytest.mark.parametrize(("decayed", "inner"), [(adamw, adam), (sgdw, sgdm)])
def test_decoupled_decay_leaves_the_state_alone(decayed, inner):
    theta = np.array([1.0, -2.0, 0.5])
    mine, state = theta, decayed.init(theta)
    other, plain = theta, inner.init(theta)
    for t, g in enumerate(gradients(), start=1):
        before = mine
        mine, state = decayed.step(mine, g, state, t, lr=0.1, weight_decay=0.2)
        other, plain = inner.step(before, g, plain, t, lr=0.1)
        np.testing.assert_allclose(mine, other - 0.1 * 0.2 * before, rtol=1e-13, atol=1e-13)
        assert all(np.array_equal(state[n], plain[n]) for n in plain)


@pytest.mark.parametrize("inner", [sgd, adam], ids=lambda r: r.name)
def test_lookahead_by_hand(inner):
    wrapped = lookahead(inner, k=4, alpha=0.3)
    slow = fast = np.array([1.0, -2.0, 0.5])
    state, path = inner.init(fast), [fast]
    for t, g in enumerate(gradients(), start=1):
        fast, state = inner.step(fast, g, state, t, lr=0.1)
        if t % 4 == 0:
            slow = fast = slow + 0.3 * (fast - slow)
        path.append(fast)
    np.testing.assert_allclose(run(wrapped, lr=0.1), path, rtol=1e-13, atol=1e-15)


def test_lookahead_with_alpha_one_is_the_inner_rule_and_with_zero_goes_home():
    np.testing.assert_allclose(run(lookahead(sgd), alpha=1.0), run(sgd), atol=1e-15)
    path = run(lookahead(sgd, k=3), alpha=0.0)
    np.testing.assert_allclose(path[::3], np.broadcast_to(path[0], (5, 3)), atol=1e-15)


def test_wrappers_go_around_each_other():
    both = lookahead(l2(swats), alpha=0.7)
    assert both.slots == (*swats.slots, "slow")
    assert both.needs_vector
    np.testing.assert_allclose(run(both, k=50), run(l2(swats)), rtol=1e-14)
    ahead = decoupled(nag_lookahead)
    assert ahead.needs_function


def test_it_is_pickled_by_name_or_as_the_call_that_makes_it():
    assert pickle.loads(pickle.dumps(adamw)) is adamw
    mine = lookahead(l2(adam, weight_decay=0.1), k=7, name="mine")
    twin = pickle.loads(pickle.dumps(mine))
    assert (twin.name, twin.source, twin.hyper) == ("mine", mine.source, mine.hyper)


def test_the_docstring_names_both_and_all_hyper_parameters():
    doc = lookahead(adam).__doc__
    assert doc.startswith("Adam (Kingma & Ba 2015, Algorithm 1).\nLookahead: k steps forward")
    assert "0 <= alpha <= 1" in doc
    assert all(r.__doc__.count("default") == len(r.hyper) for r in ALL)


def test_clear_errors():
    with pytest.raises(TypeError, match=r"takes a rule, .* got 'adam'"):
        l2("adam")
    with pytest.raises(TypeError, match="l2 changes the gradient, and so does nag_lookahead"):
        l2(nag_lookahead)
    with pytest.raises(TypeError, match="adamw uses weight_decay already"):
        decoupled(adamw)
    with pytest.raises(ValueError, match=r"k = 2.5 is out of range \(1 <= k, whole\)"):
        lookahead(adam, k=2.5)
    with pytest.raises(ValueError, match=r"alpha = 1.5 is out of range \(0 <= alpha <= 1\)"):
        lookahead(adam, alpha=1.5)
    with pytest.raises(TypeError, match="lookahead has no hyper-parameter steps; it has k, alpha"):
        lookahead(adam, steps=3)
    for name in ("my rule", "for", "sqrt"):
        with pytest.raises(ValueError, match=f"'{name}' is no name for a rule"):
            l2(adam, name=name)

    @rule
    def rateless(g, *, k=1):
        return -g / k

    with pytest.raises(TypeError, match="decoupled: rateless has no lr"):
        decoupled(rateless)
    with pytest.raises(TypeError, match="rateless uses k already, as lookahead does"):
        lookahead(rateless)

    @rule
    def slowing(g, t, *, lr=1.0):
        lr = lr / t
        return -lr * g

    with pytest.raises(TypeError, match="slowing changes lr, which decoupled needs"):
        decoupled(slowing)

    @rule
    def turned(g, *, lr=1.0):
        g = -g
        return lr * g

    with pytest.raises(TypeError, match="l2 changes the gradient, and so does turned itself"):
        l2(turned)
    with pytest.raises(TypeError, match="take either g or move"):
        wrapper(lambda theta: theta)


def test_functions_of_one_name_that_differ_are_refused():
    def sqrt(x):
        return x

    @wrapper
    def rooted(move):
        return sqrt(move)

    assert rooted(sgd).step(1.0, 1.0, {}, 1, lr=0.5)[0] == 0.5
    with pytest.raises(TypeError, match="sqrt means two things in rooted and adam"):
        rooted(adam)


def test_a_docstring_is_kept_to_the_letter():
    doc = 'a "quote", """three""" and \\theta"'
    assert l2(adam, doc=doc).__doc__.startswith(doc)
