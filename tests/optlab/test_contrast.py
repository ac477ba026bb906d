"""A contrast: which of two optimizers ends with the larger value?"""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from optlab.card import Setting, Verdict
from optlab.statistics import Estimate, difference, estimate
from optlab.studies.contrast import Contrast
from optlib.rules import nag, sgdm
from tests.optlab.tasks import DECIDED, few
from tests.optlib.rules import brisk, bursting, still

RATES = (0.5, 1.0, 2.0)
GRID = {"lr": RATES}
STUDY = Contrast(
    (few,), still, brisk, "test_loss", {"still": GRID, "brisk": GRID}, steps=6, tuning_seeds=1
)


@pytest.fixture
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "contrast"))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([(0.2, 0.1, 0.3), (0.2, 0.1, 0.3)], Verdict.HOLDS),
        ([(0.2, 0.1, 0.3), (0.0, -0.1, 0.1)], Verdict.IN_PART),
        ([(0.2, 0.1, 0.3), (-0.2, -0.3, -0.1)], Verdict.IN_PART),
        ([(0.1, 0.0, 0.3), (0.0, -0.1, 0.1)], Verdict.NOT_HERE),
        ([(0.1, 0.0, 0.3), (-0.2, -0.3, -0.1)], Verdict.FAILS),
        ([(-0.2, -0.3, -0.1)], Verdict.FAILS),
        ([(nan, -inf, inf)], Verdict.NOT_HERE),
        ([(inf, inf, inf)], Verdict.HOLDS),
    ],
)
def test_the_verdict(found, verdict) -> None:
    assert STUDY.decide([Estimate(*each) for each in found]) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.count(f"{verdict.value.capitalize()}:") == 1


def test_the_difference_of_what_diverged_can_be_any() -> None:
    ones, lost = np.ones(6), np.full(6, inf)
    assert difference(2 * ones, ones) == Estimate(1, 1, 1)
    assert difference(lost, ones) == Estimate(inf, inf, inf)
    both = difference(lost, lost)
    assert (both.low, both.high) == (-inf, inf) and np.isnan(both.median)


class TestRuns:
    """With rules whose outcome is known."""

    def test_who_never_moves_keeps_the_larger_loss(self, results) -> None:
        evidence = STUDY.run(Setting(6))
        assert evidence.verdict is Verdict.HOLDS
        assert "still's less brisk's" in evidence.finding and "on few" in evidence.finding
        assert [row[0] for row in evidence.table.rows] == ["few, brisk", "few, still"]
        assert len(evidence.pictures) == 2
        starts = [few().measure(few().start(seed))["test_loss"].item() for seed in range(6)]
        assert evidence.table.rows[1][4] == str(estimate(starts))

    def test_turned_round_it_fails(self, results) -> None:
        study = replace(STUDY, larger=brisk, smaller=still)
        assert study.run(Setting(6)).verdict is Verdict.FAILS

    def test_the_gap_is_test_less_train(self, results) -> None:
        evidence = replace(STUDY, larger=brisk, smaller=still, quantity="gap").run(Setting(6))
        gaps = []
        for seed in range(6):
            found = few().measure(few().start(seed))
            gaps.append((found["test_loss"] - found["train_loss"]).item())
        assert evidence.table.rows[0][5] == str(estimate(gaps))
        assert "less the training loss" in evidence.finding

    def test_who_diverges_has_the_larger_loss_but_no_gap(self, results) -> None:
        grids = {"bursting": GRID, "brisk": GRID}
        study = replace(STUDY, larger=bursting, grids=grids)
        assert study.run(Setting(6)).verdict is Verdict.HOLDS
        assert replace(study, quantity="gap").run(Setting(6)).verdict is Verdict.NOT_HERE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantity": "loss"}, "quantity = 'loss', but it must be gap or test_loss"),
        ({"grids": {"still": GRID, "brisk": {"lr": (1.0,)}}}, "equal budgets"),
    ],
)
def test_what_cannot_be(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(STUDY, **changes)


@pytest.mark.parametrize(
    ("grids", "message"),
    [
        (
            {"still": {"lr": RATES}, "brisk": {"lr": (1.0, 2.0)}},
            "both optimizers need as many settings, not 3 for still, 2 for brisk",
        ),
        (
            {"sgdm": {"lr": RATES, "momentum": (0.5, 0.9)}, "brisk": {"lr": RATES}},
            "not 6 for sgdm, 3 for brisk",
        ),
        (
            {
                "sgdm": {"lr": RATES, "momentum": (0.5, 0.9)},
                "nag": {"lr": RATES, "momentum": (0.8, 0.9)},
            },
            "sgdm has momentum: what both have must have the same values",
        ),
    ],
)
def test_unfair_grids(grids, message) -> None:
    rules = {each.name: each for each in (still, brisk, sgdm, nag)}
    rival, champion = (rules[name] for name in grids)
    with pytest.raises(ValueError, match=message):
        replace(STUDY, larger=rival, smaller=champion, grids=grids)
