"""The losses: gradients against finite differences, minima, steps, bad input, Lessard's circle."""

import numpy as np
import pytest

from optlab.tasks import reddi_theorem
from optlib import Problem, adam, nag_lookahead, problem, problems, rmsprop, sgdm
from optlib.problems import burst, features, lessard, quadratic, reddi

ALL = {n: p for n, p in vars(problems).items() if isinstance(p, Problem)}


@pytest.mark.parametrize("p", ALL.values(), ids=ALL)
def test_gradient_is_the_slope_of_the_loss(p):
    x = np.random.default_rng(0).uniform(-3, 3, size=(50, len(p.coordinates)))
    t = np.arange(1, 51)  # a step each, for those that change
    h = 1e-6
    for i in range(x.shape[1]):
        e = np.eye(x.shape[1])[i] * h
        slope = (p.loss(x + e, t) - p.loss(x - e, t)) / (2 * h)
        np.testing.assert_allclose(p.grad(x, t)[:, i], slope, rtol=1e-5, atol=1e-5)


BOUNDED = {n: p for n, p in ALL.items() if np.isfinite(p.minimum).all()}


@pytest.mark.parametrize("p", BOUNDED.values(), ids=BOUNDED)
def test_minimum_is_lowest(p):
    lowest, t = np.array(p.minimum), 10  # when all features are seen
    assert np.all(p.grad(lowest, t) == 0)
    around = lowest + np.random.default_rng(0).normal(size=(200, len(lowest)))
    assert np.all(p.loss(around, t) > p.loss(lowest, t))


def test_a_slope_has_no_lowest_point():
    assert set(ALL) - set(BOUNDED) == {"burst", "reddi"}
    assert burst.loss([-1e6], 1) < burst.loss([0.0], 1)


def test_a_burst_is_huge_while_it_lasts():
    t = np.arange(1, 9)
    x = np.full((8, 1), 2.0)
    g = burst(size=50, begin=3, duration=2).grad(x, t)[:, 0]
    assert g.tolist() == [1, 1, 50, 50, 1, 1, 1, 1]
    assert burst.grad(x, t)[:, 0].tolist() == [100] * 3 + [1] * 5
    assert burst.loss(x, t).tolist() == [200] * 3 + [2] * 5
    rare = burst(begin=200, duration=1).grad(np.zeros((400, 1)), np.arange(1, 401))[:, 0]
    assert np.flatnonzero(rare == 100).tolist() == [199]


def test_a_cycle_has_one_large_gradient():
    g = np.array([reddi(large=5, every=4).grad([2.0], t)[0] for t in range(1, 10)])
    assert g.tolist() == [5, -1, -1, -1, 5, -1, -1, -1, 5]
    assert reddi.loss([2.0], 1) == 8 and reddi.loss([2.0], 3) == -2
    task = reddi_theorem()
    drawn = [float(g) for (g,) in task.draws(0, 9)]
    assert [reddi.grad([0.0], t)[0] for t in range(1, 10)] == drawn


def test_a_rare_feature_is_seen_now_and_then():
    g = np.array([features(every=3).grad([0.0, 0.5], t) for t in range(1, 8)])
    assert g[:, 0].tolist() == [-1] * 7
    assert g[:, 1].tolist() == [0, 0, -0.5, 0, 0, -0.5, 0]
    assert [float(features(every=3).loss([0.0, 0.0], t)) for t in (1, 2, 3)] == [0.5, 0.5, 1]


@pytest.mark.parametrize("rule", [sgdm, adam, nag_lookahead], ids=lambda r: r.name)
@pytest.mark.parametrize(
    "p", [burst(size=7, begin=2), features(every=4), reddi(large=5, every=4)], ids=lambda p: p.name
)
def test_a_path_takes_the_gradient_of_its_step(rule, p):
    theta = np.zeros(len(p.coordinates))
    state, points = rule.init(theta), [theta]
    for t in range(1, 21):
        g = (lambda x, t=t: p.grad(x, t)) if rule.needs_function else p.grad(theta, t)
        theta, state = rule.step(theta, g, state, t, lr=0.1)
        points.append(theta)
    np.testing.assert_allclose(rule.path(p, points[0], 20, lr=0.1), points, rtol=1e-13)


def test_a_record_sees_the_gradient_of_its_step():
    record = rmsprop.record(burst(size=9, begin=2, duration=1), 0.0, 4, beta2=0.5)
    assert record["g"].tolist() == [1, 9, 1, 1]
    assert record["v"].tolist() == [0.5, 40.75, 20.875, 10.9375]


def test_an_online_problem_says_so():
    assert [p.name for p in ALL.values() if p.online] == ["burst", "features", "reddi"]
    assert burst._repr_latex_().startswith("$$L_t(x) = ")
    with pytest.raises(TypeError, match="burst changes from step to step: give the step t"):
        burst.loss([1.0])
    with pytest.raises(ValueError, match=r"features: t = 0 is out of range"):
        features.grad([1.0, 1.0], 0)
    with pytest.raises(ValueError, match=r"begin = 2.5 is out of range \(1 <= begin, whole"):
        burst(begin=2.5)


def test_settings_and_shapes():
    steep = quadratic(kappa=100)
    assert steep.loss([1.0, 1.0]) == 50.5
    assert quadratic.settings == {"kappa": 10.0}
    assert steep.grad(np.ones((3, 4, 2))).shape == (3, 4, 2)
    assert repr(steep) == "<problem quadratic(kappa=100)>"
    assert r"\kappa" in quadratic._repr_latex_()


def test_bad_input():
    with pytest.raises(TypeError, match="no setting kapa; it has kappa"):
        quadratic(kapa=3)
    with pytest.raises(ValueError, match=r"kappa = 0.5 is out of range \(1 <= kappa\)"):
        quadratic(kappa=0.5)
    with pytest.raises(TypeError, match="kappa must be a number"):
        quadratic(kappa="steep")
    with pytest.raises(ValueError, match=r"2 coordinates \(x, y\) .* shape \(3,\)"):
        quadratic.loss([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="a number a coordinate"):
        problem(0.0)(lambda x, y: x + y)


def test_momentum_runs_in_a_circle_of_three_on_lessards_loss():
    # Polyak's rate and momentum for curvatures between 1 and 25 (Lessard et al. 2016).
    path = sgdm.path(lessard, [3.3], 300, lr=1 / 9, momentum=4 / 9)[:, 0]
    np.testing.assert_allclose(path[-3:], path[-6:-3], rtol=1e-9)
    assert np.ptp(path[-3:]) > 3


def test_lessards_loss_has_no_jump():
    for joint in (1.0, 2.0):
        below, above = lessard.loss([[joint - 1e-9], [joint + 1e-9]])
        assert above == pytest.approx(below, abs=1e-6)


def test_lessards_loss_is_convex_and_smooth():
    x = np.linspace(-3, 5, 4001)
    slope = np.diff(lessard.grad(x[:, None])[:, 0]) / np.diff(x)
    assert slope.min() >= 1 - 1e-9
    assert slope.max() <= 25 + 1e-9
