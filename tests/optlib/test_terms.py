"""Adam with terms left out is what its name says, on any numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optlib import adam, rmsprop, sgd, sgdm
from optlib.rules.terms import adam_uncorrected, rmsprop_corrected, sgdm_corrected, sgdm_ema

numbers = st.lists(st.floats(-10, 10).filter(lambda g: abs(g) > 0.1), min_size=1, max_size=12)
decay = st.floats(0, 0.99)


def moves(rule, gradients, **hyper):
    return rule.record(gradients, 0.0, len(gradients), **hyper)["move"]


@given(numbers, decay)
def test_without_the_average_of_gradients(gradients, beta2) -> None:
    hyper = {"lr": 0.1, "beta2": beta2, "eps": 1e-3}
    plain = moves(adam_uncorrected, gradients, beta1=0.0, **hyper)
    np.testing.assert_allclose(plain, moves(rmsprop, gradients, **hyper), rtol=1e-12)
    corrected = moves(adam, gradients, beta1=0.0, **hyper)
    np.testing.assert_allclose(corrected, moves(rmsprop_corrected, gradients, **hyper), rtol=1e-12)


@given(numbers, decay)
def test_without_the_denominator(gradients, beta1) -> None:
    """A large eps drowns the root; the rate makes up for it."""
    hyper = {"lr": 0.1 * 1e9, "beta1": beta1, "beta2": 0.9, "eps": 1e9}
    for whole, part in ((adam, sgdm_corrected), (adam_uncorrected, sgdm_ema)):
        due = moves(part, gradients, lr=0.1, beta1=beta1)
        np.testing.assert_allclose(moves(whole, gradients, **hyper), due, rtol=1e-6, atol=1e-12)


@given(numbers, decay)
def test_an_average_is_the_sum_in_other_units(gradients, beta1) -> None:
    total = moves(sgdm, gradients, lr=0.1 * (1 - beta1), momentum=beta1)
    average = moves(sgdm_ema, gradients, lr=0.1, beta1=beta1)
    np.testing.assert_allclose(average, total, rtol=1e-9, atol=1e-12)


@given(numbers)
def test_without_any_term_it_is_sgd(gradients) -> None:
    for rule in (sgdm_ema, sgdm_corrected):
        assert moves(rule, gradients, lr=0.1, beta1=0.0) == pytest.approx(
            moves(sgd, gradients, lr=0.1)
        )


@given(numbers, decay, decay)
def test_the_correction_is_one_factor(gradients, beta1, beta2) -> None:
    """Kingma & Ba (2015), end of section 2, with eps 0."""
    hyper = {"lr": 0.1, "beta1": beta1, "beta2": beta2, "eps": 0.0}
    t = np.arange(1, len(gradients) + 1)
    factor = (1 - beta1**t) / np.sqrt(1 - beta2**t)
    due = moves(adam, gradients, **hyper) * factor
    np.testing.assert_allclose(moves(adam_uncorrected, gradients, **hyper), due, rtol=1e-9)
