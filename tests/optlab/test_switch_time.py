"""Leaving: the step at which an optimizer changes its algorithm."""

import numpy as np
import pytest

from optlab.card import Setting, Verdict
from optlab.studies.switch_time import SwitchTime
from optlab.tasks import digits_mlp
from optlib import radam, swats
from tests.optlab.tasks import DECIDED

STUDY = SwitchTime(
    (digits_mlp,), radam, swats, {"radam": 2.0**-6, "swats": 2.0**-7}, steps=12, hyper={"tol": 1e9}
)


@pytest.mark.parametrize(
    ("fixed", "free", "verdict"),
    [
        ([5, 5, 5], [2, 3, 9], Verdict.HOLDS),
        ([5, 5, 6], [2, 3, 9], Verdict.IN_PART),
        ([5, 5, 5], [3, 3, 4], Verdict.IN_PART),
        ([5, 5, 6], [3, 3, 4], Verdict.FAILS),
        ([5, 5, 5], [0, 3, 9], Verdict.NOT_HERE),
    ],
)
def test_the_verdict(fixed, free, verdict) -> None:
    assert STUDY.decide([np.array(fixed)], [np.array(free)]) is verdict


def test_the_words_name_all_four_verdicts_once() -> None:
    for verdict in DECIDED:
        assert STUDY.verdict_rule.lower().count(f"{verdict.value}:") == 1


def test_radam_leaves_where_its_length_exceeds_four() -> None:
    assert (STUDY.leaves(digits_mlp(), Setting(10)) == 5).all()
    short = SwitchTime(
        (digits_mlp,), radam, swats, STUDY.lr, steps=12, hyper={"tol": 1e9, "beta2": 0.7}
    )
    length = radam.record([1.0] * 12, 0.0, 12, beta2=0.7)["rho"]
    first = int(np.argmax(np.asarray(length) > 4)) + 1
    assert first > 5 and (short.leaves(digits_mlp(), Setting(10)) == first).all()


def test_swats_switches_at_its_second_step_if_anything_will_do() -> None:
    assert (STUDY.switches(digits_mlp(), Setting(10)) == 2).all()
    never = SwitchTime((digits_mlp,), radam, swats, STUDY.lr, steps=3, hyper={"tol": 1e-12})
    assert (never.switches(digits_mlp(), Setting(10)) == 0).all()
    evidence = never.run(Setting(10))
    assert evidence.verdict is Verdict.NOT_HERE and "never" in str(evidence.table.rows)
