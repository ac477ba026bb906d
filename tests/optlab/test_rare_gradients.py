"""Rarity: the tail of the lengths of mini-batches' gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from optlab.card import Setting, Verdict
from optlab.statistics import Estimate
from optlab.studies.rare_gradients import RareGradients
from optlab.tasks import digits_mlp
from tests.optlab.tasks import DECIDED
from tests.optlib.rules import still

STUDY = RareGradients((digits_mlp,), still, lr=0.1, steps=40, early=8)


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ([(60, 51, 70), (90, 80, 99)], Verdict.HOLDS),
        ([(60, 51, 70), (20, 10, 30)], Verdict.IN_PART),
        ([(20, 10, 30), (40, 30, 49)], Verdict.FAILS),
        ([(20, 10, 30), (48, 40, 55)], Verdict.NOT_HERE),
    ],
)
def test_the_verdict(shares, verdict) -> None:
    assert STUDY.decide([Estimate(*each) for each in shares]) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.lower().count(f"{verdict.value}:") == 1


def test_the_sizes_are_those_of_the_batches_gradients() -> None:
    sizes = STUDY.sizes(digits_mlp(), Setting(10))
    assert sizes.sizes == {"step": 40, "seed": 10, "coordinate": 2410}
    task, theta = digits_mlp(), digits_mlp().start(3)
    rows = torch.from_numpy(task.batches(3, 40)[17])
    theta = theta.clone().requires_grad_()
    task.loss(theta, task.train[0][rows], task.train[1][rows]).backward()
    assert theta.grad is not None
    np.testing.assert_allclose(sizes[17, 3], theta.grad.abs(), rtol=1e-6)


def test_a_large_gradient_in_a_hundred_decides(monkeypatch) -> None:
    made = xr.DataArray(np.ones((400, 10, 5)), dims=("step", "seed", "coordinate"))
    made[:, :, 4] = 0.0  # has no gradient, and is left out
    made[200::50, :, :3] = 50.0  # four of the last 200, in three of four coordinates
    monkeypatch.setattr(RareGradients, "sizes", lambda *_: made)
    evidence = replace(STUDY, steps=400).run(Setting(10))
    assert evidence.verdict is Verdict.HOLDS
    assert "in 75 [75, 75] % of them on digits_mlp" in evidence.finding
    assert evidence.table.rows[1][2:] == ("50 [50, 50]", "43.3 [43.3, 43.3]")
    made[200:, :, 1:3] = 1.0
    assert replace(STUDY, steps=400).run(Setting(10)).verdict is Verdict.FAILS


def test_what_is_mostly_zero_is_rarely_large() -> None:
    made = xr.DataArray(np.zeros((100, 1, 2)), dims=("step", "seed", "coordinate"))
    made[::20, 0, 0] = 1.0
    found = STUDY.times_median(made)[0]
    assert np.isinf(found[0]) and np.isnan(found[1])
