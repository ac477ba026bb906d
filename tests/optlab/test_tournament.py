"""A tournament: every optimizer on every task, and the champions of two teams."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from exercises.exercise import load
from optlab.card import Setting, Verdict
from optlab.claims import cards
from optlab.statistics import Estimate, rank, ratio
from optlab.studies.tournament import Tournament
from optlab.tasks import digits_mlp
from optlib import rule
from optlib.rules import RULES
from tests.optlab.tasks import DECIDED, few
from tests.optlib.rules import brisk, bursting, still


@rule
def tardy(g, *, lr=1e-3):
    """A hundredth of that."""
    return -0.001 * g / (1 + 9 * (lr - 1) ** 2)


def fewer(large=False):
    """64 digits."""
    inputs, targets = digits_mlp().train
    return replace(digits_mlp(), name="fewer", train=(inputs[:64], targets[:64]), batch=64)


GRID = {"lr": (0.5, 1.0, 2.0)}
STUDY = Tournament(
    teams={"A": (tardy, brisk), "B": (still,)},
    beside=(bursting,),
    grids=dict.fromkeys(("brisk", "tardy", "still", "bursting"), GRID),
    ahead={"A": (few,), "B": ()},
    others=(fewer,),
    steps=6,
    tuning_seeds=1,
)


@pytest.fixture
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "tournament"))


FIRST, SECOND, OPEN = Estimate(0.8, 0.7, 0.9), Estimate(1.2, 1.1, 1.3), Estimate(1.0, 0.9, 1.1)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([("A", FIRST), ("B", SECOND)], Verdict.HOLDS),
        ([("A", FIRST), ("B", OPEN)], Verdict.IN_PART),
        ([("A", FIRST), ("B", FIRST)], Verdict.FAILS),
        ([("A", SECOND), ("B", OPEN)], Verdict.FAILS),
        ([("A", OPEN), ("B", OPEN)], Verdict.NOT_HERE),
        ([("A", Estimate(inf, inf, inf))], Verdict.FAILS),
    ],
)
def test_the_verdict(found, verdict) -> None:
    assert STUDY.decide(found) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.lower().count(f"{verdict.value}:") == 1


def test_the_faster_optimizer_is_its_teams_champion_and_wins(results) -> None:
    evidence = STUDY.run(Setting(10))
    assert evidence.verdict is Verdict.HOLDS
    assert "few: brisk" in evidence.finding and "times still" in evidence.finding
    data = evidence.data
    assert data is not None
    assert list(data.champion.values) == ["brisk", "brisk"]
    assert list(data.team.values) == ["A", "A", "B", "neither"]
    assert (data.relative.sel(optimizer="brisk") == 1).all()
    assert (data.relative.sel(optimizer="tardy") > 1).all()
    assert np.isinf(data.test_loss.sel(optimizer="bursting")).all()
    assert data.settings.sel(task="few", optimizer="brisk").item() == "lr 1"


def test_a_team_that_should_win_and_does_not(results) -> None:
    other = replace(STUDY, ahead={"A": (), "B": (few,)})
    assert other.run(Setting(10)).verdict is Verdict.FAILS


def test_the_table_has_a_row_an_optimizer_and_marks_the_best(results) -> None:
    table = STUDY.run(Setting(10)).table
    assert table.heads == ("optimizer", "team", "few", "fewer")
    rows = {row[0]: row for row in table.rows}
    assert list(rows) == ["tardy", "brisk", "still", "bursting"]
    assert rows["brisk"][2].startswith("+ ") and not rows["still"][2].startswith(("+", "="))
    assert "∞" in rows["bursting"][2]


def test_a_rate_at_the_edge_is_told(results) -> None:
    rising = {name: {"lr": (0.001, 0.01, 0.1)} for name in STUDY.grids}
    evidence = replace(STUDY, grids=rising, others=()).run(Setting(10))
    assert evidence.data is not None
    assert bool(evidence.data.edge.sel(task="few", optimizer="still"))  # all its rates are equal
    assert "still on few" in evidence.notes[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"teams": {"A": (brisk,)}}, "two teams"),
        ({"ahead": {"A": (few,), "C": ()}}, "two teams"),
        ({"grids": {"brisk": GRID, "tardy": GRID, "still": GRID}}, "no grid for bursting"),
        ({"grids": {**STUDY.grids, "still": {"lr": (1.0, 2.0)}}}, "2 for still.*equal budgets"),
    ],
)
def test_an_unfair_tournament_is_refused(change, said) -> None:
    with pytest.raises(ValueError, match=said):
        replace(STUDY, **change)


def test_every_optimizer_of_the_book_takes_part_in_the_books_own() -> None:
    names = {one.name for one in cards["teams"].study.entrants}
    # The look-ahead form of NAG takes the steps of the shifted one.
    assert names == set(RULES) - {"nag_lookahead"} | {"lookahead_sgdm", "lookahead_adam"}


def test_the_exercise_teaches_the_interval_of_the_lab() -> None:
    a, b = np.random.default_rng(0).uniform(0.5, 2, (2, 12))
    found = ratio(a, b)
    answer = load("paired_interval").solve(a, b, rank(12))
    assert np.allclose(answer, (found.median, found.low, found.high))
