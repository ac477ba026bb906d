"""Rarity: the tail of the lengths of mini-batches' gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from optlab.card import Setting, Verdict
from optlab.statistics import Estimate
from optlab.studies.rare_gradients import RareGradients
from optlab.tasks import digits_mlp
from tests.optlab.tasks import DECIDED
from tests.optlib.rules import still

STUDY = RareGradients((digits_mlp,), still, lr=0.1, steps=40, early=8)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([(12, 11, 13), (20, 15, 30)], Verdict.HOLDS),
        ([(12, 11, 13), (5, 4, 6)], Verdict.IN_PART),
        ([(5, 4, 6), (4, 3, 9)], Verdict.FAILS),
        ([(5, 4, 6), (9, 8, 11)], Verdict.NOT_HERE),
    ],
)
def test_the_verdict(ratios, verdict) -> None:
    assert STUDY.decide([Estimate(*each) for each in ratios]) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.lower().count(f"{verdict.value}:") == 1


def test_the_lengths_are_those_of_the_batches_gradients() -> None:
    lengths = STUDY.lengths(digits_mlp(), Setting(10))
    assert lengths.sizes == {"seed": 10, "step": 40}
    task, theta = digits_mlp(), digits_mlp().start(3)
    rows = torch.from_numpy(task.batches(3, 40)[17])
    theta = theta.clone().requires_grad_()
    task.loss(theta, task.train[0][rows], task.train[1][rows]).backward()
    assert theta.grad is not None
    assert np.isclose(lengths.sel(seed=3, step=17), theta.grad.norm().item(), rtol=1e-9)


def test_a_long_gradient_in_a_hundred_decides(monkeypatch) -> None:
    made = STUDY.lengths(digits_mlp(), Setting(10)) * 0 + 1.0
    made = made.isel(step=np.zeros(400, int)).assign_coords(step=range(400))
    made[:, 200::50] = 50.0  # four of the last 200
    monkeypatch.setattr(RareGradients, "lengths", lambda *_: made)
    evidence = replace(STUDY, steps=400).run(Setting(10))
    assert evidence.verdict is Verdict.HOLDS and "50 [50, 50] times" in evidence.finding
    made[:, 200:] = 1.0
    assert replace(STUDY, steps=400).run(Setting(10)).verdict is Verdict.FAILS
