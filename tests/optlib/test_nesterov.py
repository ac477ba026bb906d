"""R4: the look-ahead form and the change of variables are one algorithm."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlib import nag, nag_lookahead
from optlib.problems import quadratic

RUNS = 300
"""So many starts, rates and momenta go side by side, as rows of one array."""


@pytest.mark.parametrize(
    "gradient", [quadratic(kappa=20).grad, np.sin, lambda x: x**3 - x], ids=["bowl", "sin", "well"]
)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5)  # of so many runs each
def test_shifted_parameters_hold_along_the_whole_path(gradient, seed):
    rng = np.random.default_rng(seed)
    start = rng.uniform(-1, 1, size=(RUNS, 2))
    # The ends of what is drawn come with each other, too.
    lr, momentum = (rng.uniform(0, high, (RUNS, 1)) for high in (0.05, 0.95))
    lr[:4, 0], momentum[:4, 0] = (0, 0, 0.05, 0.05), (0, 0.95, 0, 0.95)
    hyper = {"lr": lr, "momentum": momentum}
    theta, state = start, nag_lookahead.init(start)
    shifted, shifted_state = start, nag.init(start)  # m_0 = 0, so both start at one point
    for t in range(1, 201):
        move, state = nag_lookahead.update(theta, gradient, state, t, hyper)
        theta = theta + move
        move, shifted_state = nag.update(shifted, gradient(shifted), shifted_state, t, hyper)
        shifted = shifted + move
        np.testing.assert_allclose(shifted, theta - momentum * state["m"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(shifted_state["m"], state["m"], rtol=0, atol=1e-12)
