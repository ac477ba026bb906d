"""What a rule promises: its signature, its checks, its step."""

import copy
import functools
import pickle
import re

import cloudpickle
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

import optlib
from optlib import adam, amsgrad, nadam_schedule, nag, nag_lookahead, rule, sgd, sgdm, swats
from optlib.arrays import FUNCTIONS, dot, where
from optlib.faces.equations import PRINTED
from optlib.formula import Formula
from optlib.notation import Quantity, symbol
from tests.optlib.rules import ALL, random_hyper

GIVEN = [r for r in ALL if not r.needs_function]
finite = st.floats(-1e3, 1e3)


def gradient_for(r, g):
    """What `r` takes as gradient where the gradient is `g` everywhere."""
    return (lambda theta: np.broadcast_to(g, np.shape(theta))) if r.needs_function else g


def test_signature_says_everything():
    assert adam.slots == ("m", "v")
    assert adam.hyper == {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    assert sgd.slots == ()
    assert sgdm.slots == ("m",)
    assert nag_lookahead.needs_function
    assert not nag.needs_function
    assert adam.source.startswith("@rule\ndef adam(g, m, v, t, *, lr=1e-3")
    assert "Algorithm 1" in adam.__doc__
    assert "0 <= beta2 < 1" in adam.__doc__


def test_first_adam_steps_by_hand():
    # g = 2 twice: both averages are exact, so each step is -lr * 2 / (2 + eps).
    theta, state = np.array(1.0), adam.init(np.array(1.0))
    for t in (1, 2):
        theta, state = adam.step(theta, 2.0, state, t, lr=0.1, eps=0.0)
        assert theta == pytest.approx(1.0 - 0.1 * t, abs=1e-15)
    assert state["m"] == pytest.approx(0.2 * 1.9)
    assert state["v"] == pytest.approx(0.004 * 1.999)


def test_sgdm_on_a_constant_gradient_reaches_its_terminal_speed():
    # m = lr * (1 + 0.9 + 0.81 + ...) -> lr / (1 - 0.9).
    path = sgdm.path(np.ones_like, [0.0], 400, lr=0.1, momentum=0.9)
    assert path[-2, 0] - path[-1, 0] == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
def test_step_changes_nothing_that_it_was_given(r):
    theta, g = np.ones(3), np.full(3, 2.0)
    state, begun = r.init(theta), r.init(theta)
    r.step(theta, gradient_for(r, g), state, 1)
    assert np.all(theta == 1)
    assert np.all(g == 2)
    assert all(np.array_equal(slot, begun[name]) for name, slot in state.items())


def test_slots_begin_as_their_defaults_say():
    theta = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    @rule
    def three(g, a, b=2, c="theta", *, lr=1.0):
        return -lr * g, a, b, c

    state = three.init(theta)
    assert three.start == {"a": None, "b": 2, "c": "theta"}
    assert state["a"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert state["b"].tolist() == [[2], [2]]  # one number for each vector
    assert np.array_equal(state["c"], theta)
    assert state["c"] is not theta
    assert nadam_schedule.init(0.0)["product"] == 1.0


def test_a_number_of_the_whole_vector_goes_over_the_last_axis():
    @rule
    def normed(g, size=0, *, lr=1.0):
        size = dot(g, g)
        return -lr * g / size, size

    theta = np.zeros((2, 2))
    move, state = normed.step(theta, np.array([[3.0, 4.0], [0.0, 2.0]]), normed.init(theta), 1)
    assert state["size"].tolist() == [[25.0], [4.0]]
    np.testing.assert_allclose(move, [[-0.12, -0.16], [0, -0.5]])
    assert normed.needs_vector
    assert not adam.needs_vector


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
@given(
    theta=nps.arrays(
        st.sampled_from([np.float32, np.float64]),
        nps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        elements=st.floats(-100, 100, width=32),
    )
)
def test_shape_and_dtype_are_kept(r, theta):
    state = r.init(theta)
    for t in (1, 2, 3):
        theta_new, state = r.step(theta, gradient_for(r, theta), state, t)
        assert np.shape(theta_new) == theta.shape
        assert np.asarray(theta_new).dtype == theta.dtype
        begun = r.init(theta)
        assert all(np.shape(s) == np.shape(begun[n]) for n, s in state.items())
        assert all(np.asarray(s).dtype == theta.dtype for s in state.values())


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
def test_whole_numbers_become_floats(r):
    theta = np.array([1, 2])
    new, _ = r.step(theta, gradient_for(r, theta), r.init(theta), 1, lr=0.1)
    assert new.dtype == np.float64
    assert np.all(new < theta)


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
@given(
    g=nps.arrays(
        np.float64,
        nps.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4),
        elements=st.one_of(st.just(np.nan), st.floats(-100, 100)),
    )
)
def test_nan_stays_where_it_is(r, g):
    theta = np.zeros_like(g)
    new, _ = r.step(theta, gradient_for(r, g), r.init(theta), 1)
    assert np.array_equal(np.isnan(new), np.isnan(g))


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
@given(data=st.data())
def test_hyper_parameters_out_of_range_are_named(r, data):
    name = data.draw(st.sampled_from(sorted(r.hyper)))
    wanted = r.ranges[name]
    bad = st.one_of(
        st.floats(max_value=np.nextafter(wanted.low, -np.inf)),
        st.sampled_from([np.nan, np.inf, -np.inf]),
        *(
            [st.floats(wanted.high, exclude_min=wanted.closed, allow_infinity=False)]
            if wanted.high < np.inf
            else []
        ),
        *([st.just(wanted.low + 0.5)] if wanted.whole else []),
    )
    value = data.draw(bad)
    with pytest.raises(ValueError, match="out of range") as error:
        r.step(0.0, gradient_for(r, 1.0), r.init(0.0), 1, **{name: value})
    message = str(error.value)
    assert name in message
    assert repr(value) in message
    assert f"{wanted.low:g} <= {name}" in message


def test_one_bad_number_in_an_array_is_found():
    with pytest.raises(ValueError, match="lr"):
        sgd.path(np.ones_like, [0.0], 3, lr=[0.1, -0.1])


@pytest.mark.parametrize("value", ["fast", None, [[1], [2, 3]], object()])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="lr must be a number"):
        sgd.check(lr=value)


def test_clear_errors():
    theta, state = np.zeros(3), adam.init(np.zeros(3))
    with pytest.raises(TypeError, match="no hyper-parameter learning_rate; it has lr, beta1"):
        adam.step(theta, theta, state, 1, learning_rate=1)
    with pytest.raises(ValueError, match=r"shape \(3, 1\) .* \(3,\)"):
        adam.step(theta, np.zeros((3, 1)), state, 1)
    with pytest.raises(ValueError, match=r"t = 0 is out of range \(1 <= t\)"):
        adam.step(theta, theta, state, 0)
    with pytest.raises(ValueError, match=r"start from adam\.init"):
        adam.step(theta, theta, {"m": theta}, 1)
    with pytest.raises(ValueError, match=r"the m has shape \(2, 3\)"):
        sgdm.step(theta, theta, {"m": np.zeros((2, 3))}, 1)
    with pytest.raises(ValueError, match=r"the move has shape \(2, 3\)"):
        sgd.step(theta, theta, {}, 1, lr=np.array([[0.1], [0.2]]))
    with pytest.raises(TypeError, match="is two real ones"):
        sgd.step(theta + 1j, theta, {}, 1)
    for t in (np.array(0), torch.tensor(0), -3.0):
        with pytest.raises(ValueError, match="out of range"):
            sgd.step(theta, theta, {}, t)
    with pytest.raises(TypeError, match="pass the gradient function"):
        nag_lookahead.step(theta, theta, {"m": theta}, 1)
    with pytest.raises(TypeError, match="not a function"):
        sgd.step(theta, np.sin, {}, 1)
    with pytest.raises(ValueError, match="steps = -1"):
        sgd.path(np.sin, [1.0], -1)
    with pytest.raises(TypeError, match="gradient function, got list"):
        sgd.path([1.0], [1.0], 1)
    with pytest.raises(TypeError, match="start must be numbers, got None"):
        sgd.path(np.sin, None, 1)
    with pytest.raises(
        ValueError, match=r"gradient has shape \(3,\) but the parameters have \(2,\)"
    ):
        sgd.path(lambda x: [1.0, 2.0, 3.0], [1.0, 2.0], 1)


def test_a_rule_must_be_written_like_one():
    with pytest.raises(TypeError, match="either g or grad"):
        rule(lambda theta, *, lr=1: theta)
    with pytest.raises(TypeError, match="give lr a default"):
        rule(lambda g, *, lr: g)
    with pytest.raises(ValueError, match="lr = -1"):
        rule(lambda g, *, lr=-1: g)
    with pytest.raises(TypeError, match="lr must be a number, got None"):
        rule(lambda g, *, lr=None: g)
    with pytest.raises(TypeError, match="put @rule directly on the function"):
        rule(functools.wraps(np.sin)(lambda g: g))
    with pytest.raises(TypeError, match="are not slots"):
        rule(lambda g, *slots, lr=1: g)
    with pytest.raises(TypeError, match="the slot m begins at zero, at one number"):
        rule(lambda g, m="start", *, lr=1: g)
    with pytest.raises(TypeError, match="lr is a hyper-parameter; put `\\*` before it"):
        rule(lambda g, m, lr=0.1: (-lr * g, m))
    forgetful = rule(lambda g, m, *, lr=1: -lr * g)
    with pytest.raises(TypeError, match=r"1 slots \(m\), got 0"):
        forgetful.step(0.0, 1.0, {"m": 0.0}, 1)


@rule
def branching(g, *, lr=1):
    if lr > 0:
        g = -g
    return lr * g


@rule
def choosing(g, *, lr=1):
    return where(g > 0, -lr, lr)


@rule
def in_place(g, m, *, lr=1):
    m += lr * g
    return -m, m


@rule
def twice(g, *, lr=1):
    g = 2 * g
    g = g + 1
    return -lr * g


@rule
def moving(g, theta, *, lr=1):
    theta = theta * (1 - lr)
    return theta - lr * g


@rule
def swapped(g, a, b, *, lr=1):
    return -lr * g, b, a


@rule
def folded(g, m, *, lr=1):
    return -lr * g, m + g


anonymous = rule(lambda g: -g)


@pytest.mark.parametrize(
    ("r", "advice"),
    [
        (branching, r"use where\(\.\.\.\) for a choice"),
        (in_place, r"`m \+= lr \* g` is not of the form"),
        (twice, "defines g a second time"),
        (moving, "defines theta a second time"),
        (swapped, "must end in `return move, a, b`"),
        (folded, "must end in `return move, m`"),
        (anonymous, "must be a function made by `def`"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_is_no_sequence_of_equations_says_why(r, advice):
    with pytest.raises(SyntaxError, match=advice):
        r.equations()


def test_a_choice_is_walked():
    assert choosing.walk({"g": np.array([2.0, -2.0]), "lr": 1.0})["theta"].tolist() == [-1, 1]


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
def test_walking_a_rule_is_calling_it(r):
    rng = np.random.default_rng(0)
    theta, g = rng.normal(size=(2, 5))
    given = {"theta": theta, "g": g, "grad": np.sin, "t": 3}
    slots = {n: rng.uniform(size=1 if n in r.numbers else 5) for n in r.slots}
    called = r(*[{**given, **slots}[n] for n in r.arguments], **r.hyper)
    walked = r.walk({**given, **slots, **r.hyper})
    for name, value in zip(("theta", *r.slots), called if r.slots else [called], strict=True):
        assert np.array_equal(walked[name], value)


@pytest.mark.parametrize("r", optlib.RULES.values(), ids=optlib.RULES)
def test_pickle_and_repr(r):
    assert pickle.loads(pickle.dumps(r)) is r
    assert copy.deepcopy(r) is r
    assert repr(r).startswith(f"<rule {r.name}(lr=0.0")


def test_a_rule_of_no_module_is_pickled_by_its_function():
    def local(g, *, lr=0.5):
        return -lr * g

    kind, (function,) = rule(local).__reduce__()
    assert kind(function).step(1.0, 1.0, {}, 1) == (0.5, {})


def test_import_needs_numpy_alone():
    import subprocess
    import sys

    code = (
        "import sys, optlib; optlib.adam.path(lambda x: x, [1.0], 3); "
        "assert not {'sympy', 'torch', 'matplotlib', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Paths.


def test_many_starts_and_rates_at_once_are_the_runs_one_by_one():
    starts = np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, 0.0]])
    rates = np.array([[0.1], [0.2]])
    together = adam.path(optlib.problems.quadratic, starts, 20, lr=rates)
    assert together.shape == (21, 2, 3, 2)
    for i, lr in enumerate(rates[:, 0]):
        for j, start in enumerate(starts):
            alone = adam.path(optlib.problems.quadratic, start, 20, lr=lr)
            assert np.array_equal(together[:, i, j], alone)


@pytest.mark.filterwarnings("error")
def test_a_diverging_path_goes_on_without_a_word():
    path = sgd.path(optlib.problems.quadratic, [1.0, 1.0], 2000, lr=3.0)
    assert not np.isfinite(path[-1]).any()
    assert np.isfinite(path[1]).all()


def test_no_steps_is_the_start():
    assert adam.path(np.sin, 0.5, 0).tolist() == [[0.5]]


# The flight record.


def test_record_has_every_line():
    record = adam.record([1.0, -3.0, 2.0], 0.0, 3, lr=0.1)
    assert list(record.columns) == ["t", "theta", "g", "m", "v", "m_hat", "v_hat", "move"]
    assert record["g"].tolist() == [1.0, -3.0, 2.0]
    assert record["m_hat"][0] == pytest.approx(1.0)
    assert record["v_hat"][0] == pytest.approx(1.0)
    assert record["theta"][2] == pytest.approx(record["move"][:2].sum())
    assert len(repr(record).splitlines()) == 1 + len(record)
    assert record._repr_html_().count("<tr>") == 4


def test_record_agrees_with_path():
    record = nag_lookahead.record(np.sin, 2.0, 8, lr=0.3)
    assert np.array_equal(record["theta"], nag_lookahead.path(np.sin, 2.0, 7, lr=0.3)[:, 0])


def test_record_clear_errors():
    with pytest.raises(ValueError, match="one scalar"):
        adam.record(np.sin, [1.0, 2.0], 3)
    with pytest.raises(ValueError, match="3 steps need 3 gradients"):
        adam.record([1.0, 2.0], 0.0, 3)
    with pytest.raises(ValueError, match="needs the gradient function"):
        nag_lookahead.record([1.0, 2.0], 0.0, 2)
    assert sgd.record([1.0], 0.0, 1, lr=[0.5])["move"].tolist() == [-0.5]
    with pytest.raises(KeyError, match="no column 'w'"):
        adam.record(np.sin, 1.0, 3)["w"]


# NumPy and torch.


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
@given(seed=st.integers(0, 2**32 - 1))
def test_numpy_and_torch_take_the_same_step(r, seed):
    rng = np.random.default_rng(seed)
    theta, state = rng.normal(size=4), r.init(np.zeros(4))
    theta_torch, state_torch = torch.tensor(theta), r.init(torch.zeros(4, dtype=torch.float64))
    hyper = random_hyper(r, rng)
    largest = 1.0  # what cancels to nearly nothing is as exact as what it was made of
    for t in range(1, 6):
        g = rng.normal(size=4)
        both = (lambda x: x / 2, lambda x: x / 2) if r.needs_function else (g, torch.tensor(g))
        theta, state = r.step(theta, both[0], state, t, **hyper)
        theta_torch, state_torch = r.step(theta_torch, both[1], state_torch, t, **hyper)
        largest = max(largest, *(abs(part).max() for part in (theta, *state.values())))
        np.testing.assert_allclose(theta_torch.numpy(), theta, rtol=0, atol=1e-13 * largest)


# What the boxes must do, by hand.


def test_amsgrads_denominator_never_shrinks():
    record = amsgrad.record([3.0, 0.0, 0.0, 0.0], 0.0, 4, beta1=0.0, beta2=0.5, eps=0.0)
    assert record["v"].tolist() == [4.5, 2.25, 1.125, 0.5625]
    assert record["v_max"].tolist() == [4.5] * 4


def test_adabound_closes_in_on_its_final_rate():
    record = optlib.adabound.record([1e-3, 1e3] * 500, 0.0, 1000, beta2=0.9, final_lr=0.5)
    assert record["lower"][-1] == pytest.approx(0.5, rel=0.02)
    assert record["upper"][-1] == pytest.approx(0.5, rel=0.02)
    inside = (record["lower"] <= record["lr_hat"]) & (record["lr_hat"] <= record["upper"])
    assert inside.all()
    np.testing.assert_allclose(
        record["move"], -record["lr_hat"] * record["m"] / np.sqrt(record["t"])
    )


def test_radam_is_momentum_until_its_memory_exceeds_four():
    record = optlib.radam.record([1.0] * 8, 0.0, 8, lr=0.1)
    # At beta2 = 0.999 the memory is 4.996 at t = 5 and grows by nearly 1 a step.
    assert (record["rho"] > 4).tolist() == [False] * 4 + [True] * 4
    np.testing.assert_allclose(record["move"][:4], -0.1)
    np.testing.assert_allclose(record["move"][4:], -0.1 * record["r"][4:], rtol=1e-6)
    assert np.isnan(record["r"][2])  # a root that is not taken


@pytest.mark.parametrize("beta2", [0.0, 0.5, 0.6, 1 / 3])
def test_radam_with_a_short_memory_stays_momentum(beta2):
    path = optlib.radam.path(np.ones_like, [0.0], 20, lr=0.1, beta2=beta2)
    np.testing.assert_allclose(np.diff(path[:, 0]), -0.1)
    theta = torch.zeros(1)
    theta, _ = optlib.radam.step(theta, torch.ones(1), optlib.radam.init(theta), 9, beta2=beta2)
    assert torch.isfinite(theta).all()


def test_nadam_is_adam_whose_momentum_looks_one_step_ahead():
    # Of a constant gradient g: m_t = g (1 - beta1^t), so m_hat = beta1 * g (1 - beta1^t) /
    # (1 - beta1^(t+1)) + g (1 - beta1) / (1 - beta1^t).
    record = optlib.nadam.record([2.0] * 6, 0.0, 6, beta1=0.8)
    t = np.arange(1, 7)
    expected = 0.8 * 2 * (1 - 0.8**t) / (1 - 0.8 ** (t + 1)) + 2 * 0.2 / (1 - 0.8**t)
    np.testing.assert_allclose(record["m_hat"], expected)


def test_nadams_schedule_grows_to_beta1():
    record = nadam_schedule.record([1.0] * 3000, 0.0, 3000)
    assert record["mu"][0] == pytest.approx(0.9 * (1 - 0.5 * 0.96**0.004))
    assert record["mu"][-1] == pytest.approx(0.9 * (1 - 0.5 * 0.96**12))
    np.testing.assert_allclose(record["product"][:50], np.cumprod(record["mu"][:50]))


class TestSwats:
    def test_switches_when_the_projected_rate_settles(self):
        # One coordinate, constant gradient 2, beta1 = 0: Adam's step is -lr, so the rate by
        # projection is lr / 2 at every step, and it has settled at the second.
        record = swats.record([2.0] * 5, 0.0, 5, lr=0.1, beta1=0.0, eps=0.0)
        assert record["since"].tolist() == [0, 2, 2, 2, 2]
        np.testing.assert_allclose(record["q"][:2], 0.05)
        # From the third step on SGD: lr * ratio * g = 0.05 * 2.
        np.testing.assert_allclose(record["move"], -0.1)
        np.testing.assert_allclose(record["ratio"][1:], 0.5)

    def test_all_coordinates_switch_together_to_one_rate(self):
        theta, state = np.zeros(3), swats.init(np.zeros(3))
        g = np.array([1.0, 10.0, 100.0])
        steps = []
        for t in range(1, 6):
            new, state = swats.step(theta, g, state, t, lr=0.1, beta1=0.0, eps=0.0)
            steps.append(new - theta)
            theta = new
        assert state["since"].tolist() == [2]
        np.testing.assert_allclose(steps[1], -0.1)  # Adam: all alike
        # SGD with the rate p.p / -p.g = lr * 3 / (1 + 10 + 100).
        np.testing.assert_allclose(steps[2], -0.1 * 3 / 111 * g, rtol=1e-6)

    def test_does_not_switch_at_the_first_step_nor_without_a_gradient(self):
        record = swats.record([1.0, 5.0, 0.0], 0.0, 3, beta1=0.0)
        assert record["since"].tolist() == [0, 0, 0]
        still = swats.record([0.0] * 4, 1.0, 4)
        assert still["move"].tolist() == [0] * 4
        assert still["q_bar"].tolist() == [0] * 4

    def test_a_schedule_goes_on_after_the_switch(self):
        theta, state = np.array(0.0), swats.init(np.array(0.0))
        for t, lr in enumerate([0.1, 0.1, 0.1, 0.01], start=1):
            before = theta
            theta, state = swats.step(theta, 2.0, state, t, lr=lr, beta1=0.0, eps=0.0)
        assert theta - before == pytest.approx(-0.01)


@pytest.mark.parametrize("r", ALL, ids=lambda r: r.name)
def test_the_headings_of_a_flight_record_have_one_index_each(r):
    html = r.record(np.sin if r.needs_function else [1.0, 2.0], 0.0, 2)._repr_html_()
    assert r"\(\theta_{t} - \theta_{t-1}\)" in html
    assert not re.search(
        r"_(\{[^}]*\}|\\?[A-Za-z0-9]+)_", "".join(re.findall(r"\\\(.*?\\\)", html))
    )


def test_a_hyper_parameter_has_no_meaning_of_a_line_elsewhere():
    @rule
    def sharp(g, *, lr=0.1, rho=0.05):
        """Steps beside rho."""
        return -lr * g / rho

    assert "second moment" not in sharp.__doc__
    assert sharp.ranges["rho"] == Quantity(r"\rho", "rho")


def test_a_rule_may_say_what_its_names_mean():
    radius = Quantity(r"r_{\max}", "radius of the ball around the parameters", low=0.0, high=1.0)
    height = Quantity(r"h_\infty", "height so far")

    @rule(names={"rho": radius, "height": height})
    def sharp(g, height, *, lr=0.1, rho=0.05):
        """Steps beside rho."""
        height = height + rho
        return -lr * g * height, height

    assert "radius of the ball around the parameters; 0 <= rho < 1." in sharp.__doc__
    assert "height so far." in sharp.__doc__
    with pytest.raises(ValueError, match=r"rho = 1\.5 is out of range"):
        sharp.check(rho=1.5)
    for r in (sharp, pickle.loads(cloudpickle.dumps(sharp)), optlib.l2(sharp)):
        assert r.ranges["rho"] == radius
        height_line = r"h_{\infty,t} = h_{\infty,t-1} + r_{\max}"
        assert height_line in repr(r.equations()).splitlines()
        assert r"\(h_{\infty,t}\)" in r.record([1.0, 2.0], 0.0, 2)._repr_html_()


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("m", "m_{t}"),
        ("first", r"\eta_{0,t}"),
        ("rho_inf", r"\rho_{\infty,t}"),
        ("min_lr", r"\eta_{\min,t}"),
        ("beta1_hat", r"\hat{\beta_1}_{t}"),
        ("v_max", r"v^{\max}_{t}"),
        ("x12", "x_{12,t}"),
        ("long_name", r"\mathrm{long\_name}_{t}"),
    ],
)
def test_a_symbol_with_an_index_of_its_own_gets_both_in_one(name, due):
    assert symbol(name, "t") == due


def test_a_record_has_the_symbols_of_the_equations():
    @rule
    def started(g, t, *, lr=0.1):
        first = lr / t
        fixed = lr / 2
        return -first * fixed * g

    html = started.record([1.0, 2.0], 0.0, 2)._repr_html_()
    lines = {line.name: line.left for line in started.equations().lines}
    assert lines["first"] == r"\eta_{0,t}"
    for name in ("first", "fixed", "g"):
        assert rf"\({lines[name]}\)" in html


def test_a_record_reads_the_text_once(monkeypatch):
    read = []
    plain = Formula.lines
    monkeypatch.setattr(Formula, "lines", lambda self: read.append(self) or plain(self))
    adam.record([1.0] * 20, 0.0, 20)
    assert len(read) <= 1


def test_what_can_be_printed_is_what_a_rule_may_call():
    assert {*PRINTED} - {"grad"} == {*FUNCTIONS} - {"dot"}
