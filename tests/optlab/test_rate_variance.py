"""Rectification: the variance of an adaptive rate against the closed form; warm-up: equal budgets,
and the same runs as a sweep by hand."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import gammaln
from torch.func import grad

from optlab import Setting, Verdict, sweep
from optlab.statistics import Estimate, estimate
from optlab.studies.rate_variance import GAUSSIAN, RateVariance
from optlab.studies.warmup_replacement import WarmupReplacement
from optlab.tasks import digits_mlp, digits_softmax
from optlab.tuning import FIRST_SEED, last
from optlib import adam, radam
from optlib.schedules import warmup

STUDY = RateVariance(digits_mlp, adam, radam, looked=(5, 8, 20), steps=60, beta2=0.9)
WARM = WarmupReplacement(
    digits_softmax,
    bare=radam,
    warmed=adam,
    lengths=(1, 8),
    rates={"radam": (0.01, 0.02, 0.04, 0.08, 0.16, 0.32), "adam": (0.01, 0.1, 1.0)},
    steps=12,
    hyper={"beta2": 0.9},
)


def length(t: int, beta2: float) -> float:
    """From the weights themselves."""
    places = np.arange(1, t + 1)
    weights = beta2 ** (places - 1)
    return float(2 * (places * weights).sum() / weights.sum() - 1)


def variance(rho: float) -> float:
    """Of 1 over the root of a mean of `rho` squares of standard normal numbers."""
    mean = np.sqrt(rho / 2) * np.exp(gammaln((rho - 1) / 2) - gammaln(rho / 2))
    return float(rho / (rho - 2) - mean**2)


def to_first_order(rho: float) -> float:
    return rho / (2 * (rho - 2) * (rho - 4))


def test_the_factors_are_those_of_the_first_order_variances() -> None:
    factors = STUDY.factors()
    end = to_first_order(length(10_000, 0.9))
    for t in range(5, 61):
        assert factors[t - 1] == pytest.approx(np.sqrt(end / to_first_order(length(t, 0.9))))


def test_on_normal_gradients_the_variances_are_those_of_the_formula() -> None:
    study = replace(STUDY, streams=2000)
    plain, rectified = (np.median(side, axis=0) for side in study.ratios(GAUSSIAN, Setting(10)))
    due = np.array([variance(length(t, 0.9)) / variance(length(60, 0.9)) for t in study.looked])
    assert plain == pytest.approx(due, rel=0.12)  # the length is not exact for a moving average
    assert rectified == pytest.approx(plain * study.factors()[np.array(study.looked) - 1] ** 2)


def test_more_seeds_begin_with_the_same_ones() -> None:
    few, many = (STUDY.ratios("digits_mlp", Setting(seeds)) for seeds in (2, 3))
    np.testing.assert_array_equal(few, [side[:2] for side in many])


def test_the_followed_gradients_are_those_of_single_examples() -> None:
    task = digits_mlp()
    found = STUDY._examples(task, 3, np.random.default_rng(0))
    theta, (inputs, targets) = task.start(3), task.train
    gradient = grad(task.loss)
    due = torch.stack([gradient(theta, inputs[[k]], targets[[k]]) for k in (0, 7)])
    for column in found[[0, 7]].T:
        assert (np.abs(due.numpy() - column[:, None]) < 1e-12).all(axis=0).any()
    assert (found != 0).any(axis=0).all()


def test_a_rate_that_is_infinite_has_an_infinite_variance() -> None:
    study = replace(STUDY, looked=(1, 3), steps=4)
    silent = np.ones((5, 3))
    silent[0] = 0
    ratios = study._ratios(iter([silent, silent, *2 * [silent + np.arange(1, 6)[:, None]]]))
    assert ratios[0] == np.inf and np.isfinite(ratios[1])


BIG, SMALL = Estimate(50, 40, 60), Estimate(12, 9, 15)
KEPT, LOW, PARTLY = Estimate(0.9, 0.6, 1.5), Estimate(0.3, 0.2, 0.4), Estimate(0.6, 0.4, 0.8)


@pytest.mark.parametrize(
    ("plain", "rectified", "verdict"),
    [
        ([BIG, BIG], [[KEPT] * 3] * 2, Verdict.HOLDS),
        ([BIG, BIG], [[LOW, KEPT, KEPT], [KEPT] * 3], Verdict.IN_PART),
        ([BIG, BIG], [[PARTLY, KEPT, KEPT]] * 2, Verdict.IN_PART),
        ([BIG, SMALL], [[KEPT] * 3] * 2, Verdict.IN_PART),
        ([SMALL, SMALL], [[KEPT] * 3] * 2, Verdict.FAILS),
        ([BIG, BIG], [[LOW, LOW, KEPT]] * 2, Verdict.FAILS),
    ],
)
def test_verdicts_on_the_variance(plain, rectified, verdict) -> None:
    assert STUDY.decide(plain, rectified) is verdict


def test_the_evidence_has_a_row_for_each_kind_and_step() -> None:
    evidence = replace(STUDY, streams=16, parameters=4).run(Setting(10))
    assert [row[:2] for row in evidence.table.rows] == [
        (kind, str(t)) for kind in (GAUSSIAN, "digits_mlp") for t in STUDY.looked
    ]
    assert len(evidence.pictures) == 2


# Warm-up.


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Estimate(1, 0.98, 1.02), Verdict.HOLDS),
        (Estimate(1, 0.97, 1.01), Verdict.NOT_HERE),
        (Estimate(1.01, 1, 1.03), Verdict.NOT_HERE),
        (Estimate(1.1, 1.03, 1.2), Verdict.FAILS),
        (Estimate(0.9, 0.8, 0.97), Verdict.FAILS),
    ],
)
def test_verdicts_on_the_warm_up(found, verdict) -> None:
    assert WARM.decide(found) is verdict


def test_unequal_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match="5 for radam and 6 for adam"):
        replace(WARM, rates={**WARM.rates, "radam": WARM.rates["radam"][1:]})
    with pytest.raises(ValueError, match="no warm-up is 1"):
        replace(WARM, lengths=(4, 8))


def test_the_evidence_is_that_of_sweeps_by_hand() -> None:
    evidence = WARM.run(Setting(10))
    common = {"steps": 12, "every": 1, "beta2": 0.9}
    task, drawn = digits_softmax(), range(FIRST_SEED, FIRST_SEED + 3)
    rows = {row[0]: row for row in evidence.table.rows}
    for name, rule, schedule in (
        ("adam, no warm-up", adam, None),
        ("adam, warm-up of 8 steps", adam, partial(warmup, warmup=8)),
        ("radam", radam, None),
    ):
        tried = {"lr": WARM.rates[rule.name], "schedule": schedule}
        runs = sweep(task, rule, seeds=drawn, **tried, **common)
        scores = last(runs.validation_loss).isel(optimizer=0).median("seed")
        best = float(scores.lr[int(np.argmin(scores.values))])
        ends = sweep(task, rule, lr=best, schedule=schedule, seeds=range(10), **common)
        assert rows[name][1] == f"{best:g}"
        assert rows[name][2] == str(estimate(last(ends.test_loss).values.ravel()))
    assert len(rows) == 3
    assert [row for row in rows.values() if row[3] == "1 [1, 1]"]
