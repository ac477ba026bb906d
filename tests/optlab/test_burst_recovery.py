"""Recovery after a burst: bursts whose end is known in closed form, and verdicts by their words."""

from dataclasses import replace
from math import ceil, inf, nan

import numpy as np
import pytest

from optlab import Card, Setting, Verdict
from optlab.statistics import Estimate
from optlab.studies.burst_recovery import BurstRecovery
from optlib import adagrad, rmsprop, rule, sgd

STUDY = BurstRecovery(rmsprop, adagrad, averages=(0.8, 0.9), size=10.0, coordinates=8)


def around(steps: float) -> Estimate:
    return Estimate(steps, 0.95 * steps, 1.05 * steps)


NEVER = Estimate(inf, inf, inf)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([around(50), around(1000)], Verdict.HOLDS),
        ([around(44), around(1130)], Verdict.HOLDS),
        ([around(43), around(1000)], Verdict.IN_PART),
        ([around(50), around(1150)], Verdict.IN_PART),
        ([around(50), NEVER], Verdict.IN_PART),
        ([around(50), Estimate(1000, 900, 1300)], Verdict.IN_PART),
        ([around(40), NEVER], Verdict.FAILS),
        ([Estimate(nan, nan, nan), around(800)], Verdict.FAILS),
    ],
)
def test_verdicts(found, verdict) -> None:
    assert STUDY.decide(found, [50.0, 1000.0]) is verdict


@pytest.mark.parametrize("size", [3.0, 10.0])
def test_squares_that_are_their_mean_give_the_prediction(monkeypatch, size) -> None:
    study = replace(STUDY, size=size)

    def even(self, seeds, steps):
        for t in range(self.burst + steps):
            one = np.where(np.arange(8) % 2, 1.0, -1.0) * np.ones((seeds, 1))
            yield np.stack([self.size * one if t < self.burst else one, one])

    monkeypatch.setattr(BurstRecovery, "_gradients", even)
    monkeypatch.setattr(BurstRecovery, "_typical", 1.0)
    for beta2 in (0.8, 0.9, 0.99):
        back = study.back(study.shares(rmsprop, 2, 600, beta2=beta2))
        assert back.tolist() == [ceil(study.predicted(beta2))] * 2
    assert study.back(study.shares(adagrad, 2, 600)).tolist() == [ceil(study.predicted())] * 2
    assert study.back(study.shares(adagrad, 2, ceil(study.predicted()) - 1)).tolist() == [inf] * 2


def test_twice_the_burst() -> None:
    """An average needs ln 4 / -ln β₂ more steps, and a sum four times as many."""
    once, twice = (replace(STUDY, size=size) for size in (1000.0, 2000.0))
    more = twice.predicted(0.9) - once.predicted(0.9)
    assert more == pytest.approx(np.log(4) / -np.log(0.9), rel=1e-4)
    assert twice.predicted() / once.predicted() == pytest.approx(4, rel=1e-4)


def test_the_share_is_that_of_two_runs_written_out() -> None:
    shares = replace(STUDY, coordinates=3).shares(rmsprop, 6, 4, beta2=0.9)
    for seed in (0, 5):
        g = np.random.default_rng(seed).standard_normal((9, 3))
        burst = np.where(np.arange(9)[:, None] < 5, 10 * g, g)
        for k in range(4):
            weights = 0.1 * 0.9 ** np.arange(5 + k, -1, -1)
            v, v_twin = (weights @ run[: 6 + k] ** 2 for run in (burst, g))
            rate, twin = (0.01 / (np.sqrt(part) + 1e-8) for part in (v, v_twin))
            assert shares[seed, k] == pytest.approx(np.median(rate / twin))


def test_a_rule_without_memory_is_back_at_once() -> None:
    assert STUDY.back(STUDY.shares(sgd, 6, 3)).tolist() == [1.0] * 6


def test_a_run_twice_and_as_a_card() -> None:
    first, second = STUDY.run(Setting(10)), STUDY.run(Setting(10))
    assert first == second
    assert len(first.table.rows) == 3 and len(first.pictures) == 1
    for _, measured, predicted, _ in first.table.rows:
        assert float(measured.split()[0]) == pytest.approx(float(predicted), rel=0.15)
    small = Card("small", "R5", "", "", "", STUDY).run()
    assert small.meter.seconds > 0 and not small.meter.chunks
    assert " s, anew whenever it is run" in repr(small)
    assert small.lines()["Found"] == first.finding
    with pytest.raises(ValueError, match="small has no live figure"):
        small.curves()


def test_where_nobody_comes_back() -> None:
    @rule
    def grown(g, v, *, lr=1e-2, beta2=0.9, eps=1e-8):
        """Keeps the largest gradient, for ever."""
        v = np.maximum(v, g**2)
        return -lr * g / np.sqrt(v + eps), v

    found = replace(STUDY, forgetful=grown, size=100.0).run(Setting(10))
    assert found.verdict is Verdict.FAILS  # the run is too short for the sum
    assert "∞ [∞, ∞] steps with grown" in found.finding


def test_the_typical_burst_is_that_of_many_draws() -> None:
    squares = np.random.default_rng(0).standard_normal((100_000, STUDY.burst)) ** 2
    assert STUDY._typical == pytest.approx(np.median(squares.mean(-1)), rel=0.01)
