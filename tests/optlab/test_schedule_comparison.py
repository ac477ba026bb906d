"""Schedules against each other: what is trained, and how the verdict follows."""

from dataclasses import replace

import numpy as np
import pytest

from optlab import sweep
from optlab.card import Setting, Verdict
from optlab.statistics import Estimate
from optlab.studies.schedule_comparison import (
    CONTENDERS,
    DESCRIPTIONS,
    ScheduleComparison,
    ScheduleSpeed,
    ScheduleTuning,
    swinging,
)
from optlab.tasks import digits_mlp
from optlab.tuning import FIRST_SEED, last
from optlib import sgd

LOWER, LEVEL, HIGHER = Estimate(0.9, 0.8, 0.95), Estimate(1, 0.9, 1.1), Estimate(1.2, 1.1, 1.3)


def few(large=False):
    """64 digits, all of them in every batch: nothing is random but the start."""
    inputs, targets = digits_mlp().train
    return replace(digits_mlp(), name="few", train=(inputs[:64], targets[:64]), batch=64)


TEMPO = ScheduleTuning(sgd, (0.1, 0.2, 0.4), tuning_seeds=2)
STUDY = ScheduleComparison((few,), "one cycle", ("constant", "step decay"), 15, TEMPO, seeds=10)
SOONER = ScheduleSpeed(few, "one cycle", "step decay", 40, (4, 2), TEMPO, seeds=10)


@pytest.fixture(autouse=True)
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "scheduling"))


@pytest.mark.parametrize("name", CONTENDERS)
def test_each_schedule_has_its_peak_once_and_ends_low(name):
    rates = np.broadcast_to(CONTENDERS[name](480)(np.arange(480), lr=2.0), 480)
    assert rates.max() == pytest.approx(2.0) and rates.min() >= 0
    assert name == "constant" or rates[-1] <= 0.6
    assert DESCRIPTIONS[name]


def test_the_told_shapes_are_those_that_run():
    step = np.arange(480)
    swing = CONTENDERS["cyclical"](480)(step, lr=1.0)
    peaks = np.flatnonzero((swing[1:-1] > swing[:-2]) & (swing[1:-1] > swing[2:])) + 1
    assert peaks.tolist() == [60, 180, 300, 420] and swing.min() == 0.25
    restarts = np.flatnonzero(np.diff(CONTENDERS["restarts"](480)(step, lr=1.0)) > 0.5) + 1
    assert [0, *restarts, 480] == [0, 32, 96, 224, 480]
    steps = CONTENDERS["step decay"](480)(step, lr=1.0)
    assert steps[[0, 239, 240, 359, 360, 479]] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert swinging(np.array([0, 5]), np.array([0.4, 0.8]), step_size=5).tolist() == [0.1, 0.8]


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([[LOWER, LOWER], [LOWER, LOWER]], Verdict.HOLDS),
        ([[LOWER, LEVEL], [LOWER, LOWER]], Verdict.IN_PART),
        ([[LEVEL, LOWER], [LOWER, HIGHER]], Verdict.IN_PART),
        ([[LEVEL, LOWER], [LEVEL, LOWER]], Verdict.NOT_HERE),
        ([[LEVEL, LOWER], [HIGHER, LOWER]], Verdict.FAILS),
        ([[LOWER, LOWER], [HIGHER, LOWER]], Verdict.IN_PART),
    ],
)
def test_the_verdict_at_equal_steps(ratios, verdict):
    assert STUDY.decide(ratios) is verdict


@pytest.mark.parametrize(
    ("champion", "rival", "verdict"),
    [
        ([LOWER, LOWER], [HIGHER, LOWER], Verdict.HOLDS),
        ([HIGHER, LOWER], [HIGHER, HIGHER], Verdict.IN_PART),
        ([LOWER, LOWER], [LOWER, LOWER], Verdict.NOT_HERE),  # the rival gets there as soon
        ([LEVEL, HIGHER], [HIGHER, HIGHER], Verdict.NOT_HERE),
        ([HIGHER, HIGHER], [HIGHER, LOWER], Verdict.FAILS),
    ],
)
def test_the_verdict_on_fewer_steps(champion, rival, verdict):
    assert SOONER.decide(champion, rival) is verdict


def test_a_row_is_the_test_loss_at_the_best_peak():
    setting = Setting(10)
    tuned, runs = TEMPO.trained(few(), "linear decay", 15, setting)
    peak = tuned.best["sgd"]["lr"]
    again = sweep(
        few(), sgd, lr=peak, seeds=range(10), steps=15, schedule=CONTENDERS["linear decay"](15)
    )
    np.testing.assert_allclose(last(runs.test_loss), last(again.test_loss).values.ravel())
    tried = tuned.runs["sgd"]
    assert tried.seed.values.tolist() == [FIRST_SEED, FIRST_SEED + 1]
    scores = last(tried.validation_loss).median("seed")
    assert peak == float(tried.lr[int(scores.values.argmin())])
    assert "test_loss" not in tried  # tuning does not see it
    name, shown, *_ = TEMPO.row("here", tuned, runs)
    assert name == "here" and shown.endswith("*") == (peak in (0.1, 0.4))


def test_all_schedules_are_shown_whatever_the_claim_is_about():
    evidence = STUDY.run(Setting(10))
    assert [row[0] for row in evidence.table.rows] == [f"few, {name}" for name in CONTENDERS]
    assert "times constant" in evidence.finding and "times step decay" in evidence.finding
    assert len(evidence.pictures) == 1


def test_each_length_has_a_row_for_both():
    rows = [row[0] for row in SOONER.run(Setting(10)).table.rows]
    lengths = (40, 10, 20)
    assert rows == [f"{who}, {n} steps" for who in ("one cycle", "step decay") for n in lengths]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: replace(STUDY, champion="sgdr"),
        lambda: replace(STUDY, rivals=("constant", "sgdr")),
        lambda: replace(SOONER, rival="sgdr"),
    ],
)
def test_an_unknown_schedule_is_named(wrong):
    with pytest.raises(ValueError, match="no schedule 'sgdr'; there are constant, step decay"):
        wrong()
