"""Bias correction: moves at the same gradients, compared with a loop and with known factors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from optlab import Card, Record, Setting, Verdict, cards, records
from optlab.statistics import Estimate
from optlab.studies.bias_correction import BiasCorrection
from optlab.tasks import digits_mlp, digits_softmax
from optlib import adam, rule
from optlib.rules.terms import adam_uncorrected

STUDY = BiasCorrection(digits_softmax, adam, adam_uncorrected, looked=(1, 2, 4))


@rule
def plain(g, *, lr=1e-3, beta1=0.9, beta2=0.999):
    """SGD."""
    return -lr * g


@rule
def longer(g, t, *, lr=1e-3, beta1=0.9, beta2=0.999):
    """SGD whose first step is as much longer as without correction, and the next ones double."""
    return -lr * g * (2 if t > 1 else 0.1 / 0.001**0.5)


AGREES, OUT, PARTLY = (
    Estimate(1.0, 0.99, 1.01),
    Estimate(1.02, 1.011, 1.03),
    Estimate(1.0, 0.98, 1.005),
)


@pytest.mark.parametrize(
    ("off", "verdict"),
    [
        ((AGREES, AGREES, AGREES), Verdict.HOLDS),
        ((AGREES, AGREES, PARTLY), Verdict.IN_PART),
        ((AGREES, OUT, AGREES), Verdict.IN_PART),
        ((PARTLY, AGREES, AGREES), Verdict.NOT_HERE),
        ((OUT, AGREES, AGREES), Verdict.FAILS),
        ((Estimate(0.5, 0.4, 0.6), OUT, OUT), Verdict.FAILS),
        ((Estimate(*[float("nan")] * 3), AGREES, AGREES), Verdict.NOT_HERE),
    ],
)
def test_verdicts(off, verdict) -> None:
    assert STUDY.decide(list(off)) is verdict


def test_the_factor_is_that_of_a_loop() -> None:
    study = replace(STUDY, task=digits_mlp)
    found = study.factors(Setting(6))
    task = digits_mlp()
    for seed in (0, 5):
        theta = task.start(seed)
        state, other = adam.init(theta), adam_uncorrected.init(theta)
        for t, rows in enumerate(task.batches(seed, 4), start=1):
            g = torch.func.grad(task.loss)(theta, task.train[0][rows], task.train[1][rows])
            aside, other = adam_uncorrected.step(theta, g, other, t)
            moved, state = adam.step(theta, g, state, t)
            expected = (aside - theta).norm() / (moved - theta).norm()
            assert found[seed, t - 1] == pytest.approx(expected.item(), rel=1e-9)
            theta = moved


@pytest.mark.parametrize(
    ("uncorrected", "verdict"),
    [(adam_uncorrected, Verdict.HOLDS), (longer, Verdict.IN_PART), (plain, Verdict.FAILS)],
    ids=lambda value: value.name if hasattr(value, "name") else value,
)
def test_one_whose_factor_is_known(uncorrected, verdict) -> None:
    corrected = adam if uncorrected is adam_uncorrected else plain
    study = replace(STUDY, corrected=corrected, uncorrected=uncorrected)
    found = study.run(Setting(10))
    assert found.verdict is verdict
    assert [row[0] for row in found.table.rows] == ["1", "2", "4"]
    assert found.table.rows[0][2] == "3.16" and len(found.pictures) == 1
    assert study.run(Setting(10)) == found


def test_where_the_formula_is_largest() -> None:
    t = np.arange(1, 20000)
    exact = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
    assert STUDY.formula(t) == pytest.approx(exact)
    largest, small = t[exact.argmax()], t[exact <= 1.1][0]
    [note] = STUDY.run(Setting(10)).notes
    assert note == (
        f"By the formula the factor is largest at step {largest}, {exact.max():.2f}, and within "
        f"10 % of 1 after step {small - 1}."
    )


def test_there_is_nothing_to_record(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    small = Card("small", "R5", "", "", "", STUDY).run()
    assert small.meter.seconds > 0
    with pytest.raises(ValueError, match="small trains in no sweep: there is nothing to record"):
        Record.write("small", small.meter)
    assert not list(tmp_path.iterdir())


def test_the_books_card_names_its_first_factor() -> None:
    card = cards["bias-correction"]
    assert isinstance(card.study, BiasCorrection)
    assert f"= {card.study.formula(np.array([1]))[0]:.2f} times" in card.claim
