"""The losses: gradients against finite differences, minima, bad input, Lessard's circle."""

import numpy as np
import pytest

from optlib import Problem, problem, problems, sgdm
from optlib.problems import lessard, quadratic

ALL = {n: p for n, p in vars(problems).items() if isinstance(p, Problem)}


@pytest.mark.parametrize("p", ALL.values(), ids=ALL)
def test_gradient_is_the_slope_of_the_loss(p):
    x = np.random.default_rng(0).uniform(-3, 3, size=(50, len(p.coordinates)))
    h = 1e-6
    for i in range(x.shape[1]):
        e = np.eye(x.shape[1])[i] * h
        slope = (p.loss(x + e) - p.loss(x - e)) / (2 * h)
        np.testing.assert_allclose(p.grad(x)[:, i], slope, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("p", ALL.values(), ids=ALL)
def test_minimum_is_lowest(p):
    lowest = np.array(p.minimum)
    assert np.all(p.grad(lowest) == 0)
    around = lowest + np.random.default_rng(0).normal(size=(200, len(lowest)))
    assert np.all(p.loss(around) > p.loss(lowest))


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
