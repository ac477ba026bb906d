"""R4: the look-ahead form and the change of variables are one algorithm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlib import nag, nag_lookahead
from optlib.problems import quadratic


@pytest.mark.parametrize(
    "gradient", [quadratic(kappa=20).grad, np.sin, lambda x: x**3 - x], ids=["bowl", "sin", "well"]
)
@given(lr=st.floats(0, 0.05), momentum=st.floats(0, 0.95), seed=st.integers(0, 99))
def test_shifted_parameters_hold_along_the_whole_path(gradient, lr, momentum, seed):
    start = np.random.default_rng(seed).uniform(-1, 1, size=2)
    theta, state = start, nag_lookahead.init(start)
    shifted, shifted_state = start, nag.init(start)  # m_0 = 0, so both start at one point
    for t in range(1, 201):
        theta, state = nag_lookahead.step(theta, gradient, state, t, lr=lr, momentum=momentum)
        shifted, shifted_state = nag.step(
            shifted, gradient(shifted), shifted_state, t, lr=lr, momentum=momentum
        )
        np.testing.assert_allclose(shifted, theta - momentum * state["m"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(shifted_state["m"], state["m"], rtol=0, atol=1e-12)
