"""Decay and rate: the cost of keeping the decay."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from optlab import card
from optlab.card import Setting, Verdict
from optlab.claims import cards
from optlab.statistics import Estimate
from optlab.studies.decay_coupling import GRADIENT, LIBRARIES, PAPER, DecayCoupling
from optlab.sweeps import sweep
from optlab.tasks import digits_few, digits_mlp
from optlab.tuning import FIRST_SEED
from optlib import adam, adamw, l2, rule
from optlib.dialects import run
from optlib.rules.variants import adamw_paper
from tests.optlab.tasks import DECIDED, few


@rule
def tied(g, *, lr=1e-3, weight_decay=0.0):
    """Best where decay and rate are equal: keeping the decay costs much."""
    return -0.1 * g / (1 + 9 * (lr / weight_decay - 1) ** 2)


@rule
def free(g, *, lr=1e-3, weight_decay=0.0):
    """Best where the decay is 1, at every rate."""
    return -0.1 * g / (1 + 9 * (weight_decay - 1) ** 2) + 0 * lr * g


@rule
def product(g, *, lr=1e-3, weight_decay=0.0):
    """Best where decay times rate is 1: free in the paper's form only."""
    return -0.1 * g / (1 + 9 * (lr * weight_decay - 1) ** 2)


POWERS = tuple(4.0**k for k in range(-2, 3))
STUDY = DecayCoupling(
    few,
    coupled=tied,
    decoupled=product,
    rates=(0.25, 1.0, 4.0),
    decays=dict.fromkeys(("tied", "free", "product"), POWERS),
    steps=5,
    tuning_seeds=1,
)


@pytest.fixture(scope="module", autouse=True)
def results(tmp_path_factory):
    """A folder for results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.mktemp("untied")))
        yield


@pytest.fixture(scope="module")
def evidence(results):
    """What the study finds."""
    return STUDY.run(Setting(6))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([(2, 1.5, 3), (2, 1.5, 3)], Verdict.HOLDS),
        ([(2, 1.5, 3), (1, 0.9, 1.1)], Verdict.IN_PART),
        ([(0.5, 0.4, 0.6), (2, 1.5, 3)], Verdict.IN_PART),
        ([(1, 0.9, 1.1), (1, 1, 1.1)], Verdict.NOT_HERE),
        ([(1, 0.9, 1), (0.5, 0.4, 0.6)], Verdict.FAILS),
        ([(nan, 0, inf), (nan, 0, inf)], Verdict.NOT_HERE),
    ],
)
def test_the_verdict(found, verdict) -> None:
    assert STUDY.decide([Estimate(*each) for each in found]) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.count(f"{verdict.value.capitalize()}:") == 1


class TestRuns:
    """With rules whose best decays are known."""

    def test_the_best_decay_of_each_rate(self) -> None:
        for one, due in ((tied, lambda lr: lr), (product, lambda lr: 1 / lr), (free, lambda _: 1)):
            losses = replace(STUDY, decoupled=one).map(one, Setting(6))
            best = losses.idxmin("weight_decay")
            assert best.values.tolist() == [due(lr) for lr in best.lr.values]

    def test_what_is_kept_is_the_decay_or_its_product_with_the_rate(self, evidence) -> None:
        rows = evidence.table.rows
        kept = {
            (row[0].partition(", kept, ")[2], row[2]): row[1] for row in rows if "kept" in row[0]
        }
        assert kept == {
            (form, moved): {GRADIENT: "1", LIBRARIES: "1", PAPER: held}[form]
            for form in (GRADIENT, LIBRARIES, PAPER)
            for moved, held in (("0.25", "4"), ("4", "0.25"))
        }

    def test_each_form_is_judged_by_itself(self, evidence) -> None:
        assert evidence.verdict is Verdict.IN_PART, "free in the paper's form alone"
        assert "1 [1, 1] in the paper's" in evidence.finding

    def test_no_seed_is_tuned_on_and_compared(self, monkeypatch) -> None:
        asked: dict[bool, set[int]] = {True: set(), False: set()}

        def watched(task, *rest, seeds, **more):
            asked["test" in task.parts].update(seeds)
            return sweep(task, *rest, seeds=seeds, **more)

        monkeypatch.setattr(card, "sweep", watched)
        STUDY.run(Setting(6))
        assert asked == {True: set(range(6)), False: {FIRST_SEED}}, "tuning sees no test part"

    def test_turned_round_it_fails(self) -> None:
        study = replace(STUDY, coupled=free, decoupled=tied)
        assert study.run(Setting(6)).verdict is Verdict.FAILS

    def test_a_best_decay_at_the_edge_is_told(self) -> None:
        narrow = dict.fromkeys(("tied", "product"), POWERS[1:-1])
        found = replace(STUDY, decays=narrow).run(Setting(6))
        told = "product: at the peak 4 the best decay, 0.25, is an edge"
        assert any(told in note for note in found.notes)
        assert found.pictures[0].count("At 2 of the rates it is an edge of the grid.") == 3

    def test_the_table_has_the_cost_of_each_move(self, evidence) -> None:
        costs = [row[-1] for row in evidence.table.rows if "kept" in row[0]]
        assert evidence.table.heads[-1] == "cost"
        assert costs.count("1 [1, 1]") == 2, "in the paper's form"
        assert all(float(cost.split()[0]) > 1 for cost in costs if cost != "1 [1, 1]")
        assert not any(row[-1] for row in evidence.table.rows if "kept" not in row[0])

    def test_the_picture_says_what_it_shows(self, evidence) -> None:
        (picture,) = evidence.pictures
        assert "product, paper" in picture and "decay η γ" in picture
        assert "an edge of the grid" not in picture


def test_the_papers_form_is_the_libraries_with_another_decay() -> None:
    start, gradients = np.array([1.0, -2.0]), np.random.default_rng(0).normal(size=(50, 2))
    c = np.cos(np.linspace(0, 1.5, 50))
    theirs = run(adamw_paper, start, gradients, {"lr": 0.1 * c, "weight_decay": 0.05} | {
        "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "multiplier": c})  # fmt: skip
    ours = run(adamw, start, gradients, {**adamw.hyper, "lr": 0.1 * c, "weight_decay": 0.5})
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_card_compares_l2_with_decoupled_decay() -> None:
    study = cards["decoupling-unties"].study.study
    assert study.coupled.source == l2(adam).source and study.decoupled is adamw
    assert study.task().examples == 100


def test_few_digits_are_the_first_of_all() -> None:
    small, whole = digits_few(), digits_mlp()
    assert small.examples == 100 and small.size == whole.size == 2410
    assert (small.train[0] == whole.train[0][:100]).all() and small.test is whole.test
    assert len(small.train[1].unique()) == 10, "each digit is among them"
    assert digits_few(large=True).name == "digits_few-large"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decays": {"tied": (1.0,), "product": (1.0, 2.0)}}, "as many decays, not 1 and 2"),
        ({"rates": (0.5, 1.0, 2.0)}, "no rate of the grid can be moved by 4"),
    ],
)
def test_what_cannot_be(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(STUDY, **changes)
