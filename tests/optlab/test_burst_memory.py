"""Lasting: verdicts by their words, and rules whose rates come back or do not."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from optlab import Card, Setting, Verdict
from optlab.statistics import Estimate
from optlab.studies.burst_memory import BurstMemory
from optlib import adam, amsgrad, rmsprop
from tests.optlab.tasks import DECIDED

STUDY = BurstMemory(adam, amsgrad, averages=(0.8, 0.9))
BACK, NEVER, OPEN = Estimate(50, 40, 60), Estimate(inf, inf, inf), Estimate(50, 40, inf)


@pytest.mark.parametrize(
    ("forgetful", "mindful", "verdict"),
    [
        ((BACK, BACK), (NEVER, NEVER), Verdict.HOLDS),
        ((BACK, OPEN), (NEVER, NEVER), Verdict.IN_PART),
        ((BACK, NEVER), (NEVER, NEVER), Verdict.IN_PART),
        ((BACK, BACK), (NEVER, OPEN), Verdict.IN_PART),
        ((BACK, BACK), (BACK, BACK), Verdict.IN_PART),
        ((NEVER, NEVER), (BACK, NEVER), Verdict.FAILS),
        ((OPEN, OPEN), (OPEN, OPEN), Verdict.FAILS),
    ],
)
def test_verdicts(forgetful, mindful, verdict) -> None:
    assert STUDY.decide(list(forgetful), list(mindful)) is verdict


def test_the_words() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.count(f"{verdict.value.capitalize()}:") == 1
    words = replace(STUDY, memories=30, share=0.4, size=7.0).protocol(Setting(12))
    assert words["Optimizers"].startswith(
        "adam and amsgrad, beta1 = 0, with β₂ = 0.8, 0.9, over 30"
    )
    assert "at least 0.4 of the twin's" in words["Measured"]
    assert "multiplied by 7" in words["Gradients"] and words["Seeds"] == "12"


def test_a_run_twice_and_as_a_card() -> None:
    first, second = STUDY.run(Setting(10)), STUDY.run(Setting(10))
    assert first == second and first.verdict is Verdict.HOLDS
    assert len(first.table.rows) == 4 and len(first.pictures) == 1
    assert [row[1] for row in first.table.rows][2:] == ["∞ [∞, ∞]"] * 2
    small = Card("small", "R5", "", "", "", STUDY).run()
    assert small.lines()["Found"] == first.finding


def test_the_two_the_other_way_round() -> None:
    turned = replace(STUDY, forgetful=amsgrad, mindful=adam).run(Setting(6))
    assert turned.verdict is Verdict.FAILS
    assert turned.finding.index("amsgrad is back after ∞") < turned.finding.index("adam after")


def test_without_momentum_the_correction_is_the_same_in_both_runs() -> None:
    shares = STUDY.twins.shares(adam, 6, 50, beta1=0.0, beta2=0.9)
    assert np.allclose(shares, STUDY.twins.shares(rmsprop, 6, 50, beta2=0.9), rtol=1e-5)


def test_a_burst_of_ordinary_size_is_no_burst() -> None:
    found = replace(STUDY, size=1.0).run(Setting(6))
    assert found.verdict is Verdict.IN_PART and "amsgrad after 1 [1, 1]" in found.finding
