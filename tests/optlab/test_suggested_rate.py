"""The suggestions of range tests: readings, the population of tests, verdicts by their words."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from optlab import Setting, Verdict, cards
from optlab.studies.suggested_rate import (
    READINGS,
    SuggestedRate,
    cut,
    linear_slope,
    losses_of,
    share_interval,
    smoothed,
    steepest,
    tenth,
)
from optlab.sweeps import metered
from optlab.tasks import digits_mlp
from optlib import adam, sgdm
from optlib.range_test import range_test, read_curve
from optlib.rule import Rule
from optlib.schedules import range_sweep

STUDY = SuggestedRate(
    (digits_mlp,),
    rules=(sgdm, adam),
    rates={"sgdm": (0.01, 0.03, 0.09), "adam": (0.003, 0.01, 0.03)},
    steps=20,
    hyper={"momentum": 0.9},
    updates=40,
    grid_seeds=1,
)


def sweep_rates(steps, low=1e-7, high=10.0):
    return range_sweep(np.arange(steps), lr=high, min_lr=low, total_steps=steps)


def parabola(rates):
    """The loss before each step of gradient descent on x² / 2, from 1."""
    return np.concatenate([[1.0], np.cumprod((1 - rates) ** 2)[:-1]])


@pytest.mark.parametrize("steps", [4, 100, 400])
def test_the_rates_are_geometric_and_hit_both_ends(steps):
    np.testing.assert_allclose(sweep_rates(steps), np.geomspace(1e-7, 10, steps), rtol=1e-12)


def test_the_average_is_corrected():
    np.testing.assert_allclose(smoothed([3.0, 3.0, 3.0], 0.98), 3)
    weights = 0.5 ** np.arange(3, -1, -1)
    losses = np.array([1.0, 4.0, 2.0, 8.0])
    assert smoothed(losses, 0.5)[-1] == pytest.approx(losses @ weights / weights.sum())
    np.testing.assert_array_equal(smoothed(losses, 0.0), losses)


@pytest.mark.parametrize("steps", [200, 800])
def test_the_steepest_fall_of_a_parabola_follows_the_pace(steps):
    """Where 2 η h / δ = 1, with δ the logarithm of the growth: the end is at 2 / h all the same."""
    rates = sweep_rates(steps, high=3.0)
    pace = np.log(rates[1] / rates[0])
    losses = parabola(rates)
    assert steepest(rates, losses) == pytest.approx(pace / 2, rel=1.5 * pace)
    assert tenth(rates, losses) == pytest.approx(0.2, rel=1.01 * pace)


def test_by_the_rate_a_tiny_change_at_a_tiny_rate_is_the_steepest():
    rates = np.geomspace(1e-6, 1, 50)
    losses = 2 - 1 / (1 + (0.1 / rates) ** 2)
    assert linear_slope(rates, losses) > 0.01
    losses[5] -= 1e-4
    assert linear_slope(rates, losses) < 1e-5
    assert steepest(rates, losses) > 0.01


def test_what_is_read_ends_with_the_test():
    rates = np.geomspace(1e-4, 10, 100)
    losses = np.ones(100)
    kept, average = cut(rates, losses)
    np.testing.assert_array_equal(kept, rates[10:95])
    np.testing.assert_allclose(average, 1)
    losses[60] = 100  # the average is then above four times the lowest
    np.testing.assert_array_equal(cut(rates, losses, 0.8)[0], rates[10:56])
    losses[40] = np.nan
    np.testing.assert_array_equal(cut(rates, losses)[0], rates[10:35])


def test_the_losses_are_those_of_single_runs():
    task, rates = digits_mlp(), sweep_rates(30, 1e-3, 1.0)
    found = losses_of(task, sgdm, (0, 3), rates, momentum=0.9)
    theta = task.start(3).requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=1.0)
    buffer = torch.zeros_like(theta)
    for k, batch in enumerate(task.batches(3, 30)):
        optimizer.zero_grad()
        loss = task.loss(theta, task.train[0][batch], task.train[1][batch])
        loss.backward()
        assert found[1, k] == pytest.approx(loss.item(), rel=1e-9)
        with torch.no_grad():  # PyTorch's SGD multiplies the buffer by the rate of now
            buffer = 0.9 * buffer + rates[k] * theta.grad
            theta -= buffer


def test_what_diverges_stays_infinite():
    found = losses_of(digits_mlp(), sgdm, range(2), np.full(60, 1e200))
    assert np.isfinite(found[:, 0]).all()
    assert np.isinf(found[:, 5:]).all()


def test_a_curve_is_read_as_range_test_reads_its_own():
    rates = np.geomspace(1e-3, 10, 50)

    def begin(seed):
        losses = iter(parabola(rates))
        return lambda lr: next(losses)

    own = range_test(begin, low=1e-3, high=10, steps=50, repeats=1, smoothing=0.5).curves[0]
    read = read_curve(rates, parabola(rates), smoothing=0.5)
    assert (read.low, read.high, read.diverged) == (own.low, own.high, own.diverged)
    np.testing.assert_array_equal(read.smoothed, own.smoothed)
    with pytest.raises(ValueError, match="at least 20 rates and as many losses"):
        read_curve(rates, [1.0])


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(0, 20, 0, 0.168), (20, 20, 0.832, 1), (10, 20, 0.272, 0.728), (15, 20, 0.509, 0.913)],
)
def test_the_interval_of_a_share(count, n, low, high):
    assert share_interval(count, n) == pytest.approx((low, high), abs=6e-4)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((20, 15), Verdict.HOLDS),
        ((20, 14), Verdict.IN_PART),
        ((0, 15), Verdict.IN_PART),
        ((0, 10), Verdict.FAILS),
        ((14, 5), Verdict.FAILS),
        ((14, 6), Verdict.NOT_HERE),
    ],
)
def test_verdicts(counts, verdict):
    assert STUDY.decide(counts, 20) is verdict


def test_the_words():
    told = STUDY.protocol(Setting(12))
    assert told["Tasks"] == "digits_mlp"
    assert "40 updates, the rate from 1e-07 to 10" in told["The test"]
    assert "3 from 0.01 to 0.09 for sgdm" in told["The best rate"]
    assert told["Seeds"] == "12 range tests each"
    assert "within a factor of 3" in STUDY.verdict_rule


def test_a_tiny_run():
    found = STUDY.run(Setting(10))
    assert found.finding.startswith("Within a factor of 3 of the best rate: sgdm on digits_mlp ")
    assert [row[2] for row in found.table.rows] == 2 * [one.words for one in READINGS]
    counts = [int(row[4].split()[0]) for row in (found.table.rows[0], found.table.rows[5])]
    assert found.verdict is STUDY.decide(counts, 10)
    assert len(found.pictures) == 1


def test_the_tests_are_kept_and_their_time_counts(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    with metered() as first:
        found = STUDY.suggested(digits_mlp(), sgdm, Setting(10))
    monkeypatch.setattr(Rule, "update", lambda *_: pytest.fail("trained"))
    with metered() as second:
        np.testing.assert_array_equal(STUDY.suggested(digits_mlp(), sgdm, Setting(10)), found)
    assert first.seconds == second.seconds > 0
    for changed in (replace(STUDY, updates=50), replace(STUDY, hyper={"momentum": 0.8})):
        with pytest.raises(pytest.fail.Exception, match="trained"):
            changed.suggested(digits_mlp(), sgdm, Setting(10))
    with pytest.raises(pytest.fail.Exception, match="trained"):
        STUDY.suggested(digits_mlp(), sgdm, Setting(11))


def test_the_grid_has_seeds_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    tested = []

    def spied(task, rule, seeds, rates, *rest, **hyper):
        tested.extend(seeds)
        return losses_of(task, rule, seeds, rates, *rest, **hyper)

    monkeypatch.setattr("optlab.studies.suggested_rate.losses_of", spied)
    STUDY.suggested(digits_mlp(), sgdm, Setting(10))
    grid = STUDY._tune(digits_mlp(), Setting(10)).runs["sgdm"].seed.values
    assert sorted(tested) == list(range(10))
    assert not set(tested) & set(grid.tolist())


def test_the_cost_is_that_of_the_nearest_rate_and_endless_without_one():
    tuned = STUDY._tune(digits_mlp(), Setting(10))
    runs = tuned.runs["sgdm"]
    ends = runs.test_loss.isel(step=-1).median("seed")
    best = float(ends.lr[0])
    found = STUDY.cost(runs, best, np.array([best, 1.1 * best, 1e-9, float(ends.lr[1]), np.nan]))
    np.testing.assert_allclose(found[:3], 1)
    assert found[3] == pytest.approx(float(ends[1] / ends[0]))
    assert np.isinf(found[4])


def test_a_factor_of_three_counts_on_both_sides():
    within = STUDY._within(np.array([0.1, 0.3, 0.31, 1 / 30, 0.033, np.nan]), 0.1)
    assert within.tolist() == [True, True, False, True, False, False]
    assert replace(STUDY, factor=2.0)._within(np.array([0.21]), 0.1).tolist() == [False]


def test_the_card():
    study = cards["range-test-rate"].study
    assert study.seeds >= 10
    assert [rule.name for rule in study.rules] == ["sgdm", "adam"]
    assert len({len(grid) for grid in study.rates.values()}) == 1
