"""Passes: how many examples training looks at, with batches of several sizes."""

import numpy as np
import pytest

from optlab.card import Setting, Verdict
from optlab.statistics import Estimate
from optlab.studies.batch_size import BatchSize
from optlib import rule
from tests.optlab.tasks import DECIDED, few


@rule
def slow(g, *, lr=1e-3):
    """SGD with the rate 0.2 at the rate 1, and with less at any other."""
    return -0.2 * g / (1 + 9 * (lr - 1) ** 2)


STUDY = BatchSize(few, slow, (0.5, 1.0, 2.0), batches=(32,), target=1.5, steps=24, tuning_seeds=1)


@pytest.fixture
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "passes"))


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        ((0.5, 0.4, 0.6), Verdict.HOLDS),
        ((0.95, 0.92, 0.98), Verdict.IN_PART),
        ((1.2, 1.1, 1.3), Verdict.FAILS),
        ((1.0, 0.9, 1.1), Verdict.NOT_HERE),
        ((np.nan, 0.2, 0.5), Verdict.HOLDS),
    ],
)
def test_the_verdict(ratio, verdict) -> None:
    assert STUDY.decide(Estimate(*ratio)) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.lower().count(f"{verdict.value}:") == 1


def test_a_quarter_of_the_examples_a_step_is_about_a_quarter_in_all(results) -> None:
    # One rate is best for both sizes, so that the numbers of steps are nearly equal.
    evidence = STUDY.run(Setting(10))
    small, whole = evidence.table.rows
    assert (small[0], whole[0]) == ("32", "128")
    assert small[1] == whole[1] == "1" and small[-1] == whole[-1] == "10 of 10"
    steps, examples = (float(small[k].split()[0]) for k in (3, 4))
    assert examples == 32 * steps
    assert evidence.verdict is Verdict.HOLDS
    share = float(evidence.finding.split("look at ")[1].split()[0])
    assert 0.2 < share < 0.35
