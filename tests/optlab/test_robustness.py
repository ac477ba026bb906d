"""Robustness: what a wrong setting costs."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from optlab.card import Setting, Verdict
from optlab.claims import cards
from optlab.statistics import Estimate, estimate
from optlab.studies.robustness import Robustness
from optlib import adam, rule, sgd
from tests.optlab.tasks import DECIDED, few


@rule
def picky(g, *, lr=1e-3):
    """SGD with the rate 0.1 at the rate 1, and with less at any other."""
    return -0.1 * g / (1 + 9 * (lr - 1) ** 2)


@rule
def deaf(g, *, lr=1e-3):
    """SGD with the rate 0.1, whatever its own rate."""
    return -0.1 * g + 0 * lr * g


@rule
def twin(g, *, lr=1e-3):
    """The same under another name."""
    return -0.1 * g + 0 * lr * g


GRID = (0.5, 1.0, 2.0)
STUDY = Robustness(
    few,
    touchy=picky,
    steady=deaf,
    pairs=(("lr", "lr"),),
    rates={"picky": GRID, "deaf": GRID, "twin": GRID},
    factors=(0.25, 4.0),
    steps=6,
    hyper={},
    tuning_seeds=1,
)


@pytest.fixture
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "robustness"))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([(2, 1.5, 3), (2, 1.5, 3)], Verdict.HOLDS),
        ([(2, 1.5, 3), (1, 0.9, 1.1)], Verdict.IN_PART),
        ([(2, 1.5, 3), (0.5, 0.4, 0.6)], Verdict.IN_PART),
        ([(1, 0.9, 1.1), (1, 1, 1.1)], Verdict.NOT_HERE),
        ([(1, 0.9, 1.1), (0.5, 0.4, 0.6)], Verdict.FAILS),
        ([(0.5, 0.4, 0.6)], Verdict.FAILS),
        ([(nan, 0, inf)], Verdict.NOT_HERE),
    ],
)
def test_the_verdict(found, verdict) -> None:
    assert STUDY.decide([Estimate(*each) for each in found]) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.count(f"{verdict.value.capitalize()}:") == 1


class TestRuns:
    """With rules whose outcome is known."""

    def test_who_does_not_listen_to_its_rate_loses_nothing(self, results) -> None:
        evidence = STUDY.run(Setting(6))
        assert evidence.verdict is Verdict.HOLDS
        rows = {row[0]: row[1:] for row in evidence.table.rows}
        assert rows["deaf, tuned"][1] == rows["deaf, lr × 0.25"][1] == rows["deaf, lr × 4"][1]
        assert rows["picky, lr × 4"][0] == "4" and rows["picky, lr × 0.25"][0] == "0.25"
        assert rows["picky, tuned"] == ("1", rows["deaf, tuned"][1])

    def test_the_cost_is_the_worst_ratio_seed_by_seed(self, results) -> None:
        worst = []
        for seed in range(6):
            ends = {}
            for rate in (0.25, 1.0, 4.0):
                theta = few().start(seed)
                for _ in range(STUDY.steps):
                    leaf = theta.clone().requires_grad_()
                    few().loss(leaf, *few().train).backward()
                    theta = theta - 0.1 * leaf.grad / (1 + 9 * (rate - 1) ** 2)
                ends[rate] = few().measure(theta)["test_loss"].item()
            worst.append(max(ends[0.25], ends[4.0]) / ends[1.0])
        assert str(estimate(worst)) in STUDY.run(Setting(6)).finding

    def test_turned_round_it_fails(self, results) -> None:
        assert replace(STUDY, touchy=deaf, steady=picky).run(Setting(6)).verdict is Verdict.FAILS

    def test_two_that_do_the_same_are_not_told_apart(self, results) -> None:
        study = replace(STUDY, touchy=twin, pairs=(("lr", "lr"), ("seed", "seed")))
        evidence = study.run(Setting(6))
        assert evidence.verdict is Verdict.NOT_HERE
        assert evidence.finding.count("1 [1, 1]") == 2

    def test_the_seeds_alone(self, results) -> None:
        study = replace(STUDY, touchy=twin, pairs=(("seed", "seed"),))
        evidence = study.run(Setting(6))
        assert evidence.verdict is Verdict.NOT_HERE and not evidence.pictures
        assert "as a share of it" in study.protocol(Setting(6))["Measured"]

    def test_what_is_off_is_off_by_a_factor_of_the_tuned_value(self) -> None:
        study = cards["adabound-sensitivity"].study
        assert {name for pair in study.pairs for name in pair} == {"lr", "final_lr"}
        assert np.prod(study.factors) == 1, "as far to either side"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": (("lr", "seed"),)}, "the seed is no setting"),
        ({"pairs": (("beta1", "lr"),), "touchy": sgd}, "sgd has no beta1; it has lr"),
        ({"pairs": (("lr", "momentum"),), "steady": adam}, "adam has no momentum"),
    ],
)
def test_what_cannot_be(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(STUDY, **changes)
