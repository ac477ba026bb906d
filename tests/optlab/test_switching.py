"""Switching: verdicts by their words, and that what is watched are the runs of the sweep."""

import numpy as np
import pytest

from optlab import Setting, Verdict, cards, sweep
from optlab.statistics import Estimate
from optlab.studies.switching import Switching
from optlab.tasks import digits_mlp
from optlib import adam, sgdm, swats

STUDY = Switching(
    digits_mlp,
    fast=adam,
    fine=sgdm,
    both=swats,
    rates={"adam": (0.005, 0.01, 0.02), "sgdm": (0.02, 0.04, 0.08), "swats": (0.005, 0.01, 0.02)},
    target=1.0,
    steps=20,
    wide=0.1,
    hyper={"momentum": 0.9},
    tuning_seeds=1,
)

BELOW, ABOVE, ACROSS = Estimate(0.8, 0.7, 0.9), Estimate(1.4, 1.3, 1.5), Estimate(1.1, 0.9, 1.3)


@pytest.mark.parametrize(
    ("switched", "steps", "loss", "verdict"),
    [
        (1.0, BELOW, BELOW, Verdict.HOLDS),
        (0.9, BELOW, BELOW, Verdict.HOLDS),
        (0.9, Estimate(1.0, 0.9, 1.1), Estimate(1.0, 0.9, 1.01), Verdict.HOLDS),
        (1.0, BELOW, ABOVE, Verdict.IN_PART),
        (1.0, ABOVE, BELOW, Verdict.IN_PART),
        (1.0, BELOW, ACROSS, Verdict.IN_PART),
        (1.0, ACROSS, BELOW, Verdict.IN_PART),
        (1.0, ABOVE, ABOVE, Verdict.FAILS),
        (1.0, ABOVE, ACROSS, Verdict.FAILS),
        (1.0, ACROSS, ABOVE, Verdict.FAILS),
        (1.0, ACROSS, ACROSS, Verdict.NOT_HERE),
        (0.8, BELOW, BELOW, Verdict.NOT_HERE),
        (0.0, ABOVE, ABOVE, Verdict.NOT_HERE),
    ],
)
def test_verdicts(switched, steps, loss, verdict) -> None:
    assert STUDY.decide(switched, steps, loss) is verdict


def test_the_words() -> None:
    told = STUDY.protocol(Setting(12))
    assert told["Task"].startswith("digits_mlp: 2410 parameters, ")
    assert "tolerance 1e-09, momentum = 0.9" in told["Optimizers"]
    assert "3 from 0.005 to 0.02 for adam; 3 from 0.02 to 0.08 for sgdm" in told["Learning rates"]
    assert told["Seeds"].startswith("12, each three runs")
    assert "at least 90 % of the runs" in STUDY.verdict_rule
    assert "at most 1.1 times those of adam" in STUDY.verdict_rule


def test_what_is_watched_are_the_runs_of_the_sweep() -> None:
    """A run differs from a twin that cannot switch from the step after its switch on."""
    seen = STUDY.watch(digits_mlp(), range(6), lr=0.01, tol=0.01)
    runs = sweep(
        digits_mlp(), swats, lr=0.01, tol=[0.0, 0.01], seeds=range(6), steps=20, every=1
    ).isel(optimizer=0, lr=0)
    losses = runs.train_loss.transpose("tol", "seed", "step").values
    apart = abs(losses[1] - losses[0]) > 1e-9
    since = seen.since.values
    assert (since > 0).any()
    assert (apart.any(-1) == ((since > 0) & (since < 20))).all()
    assert (apart.argmax(-1) == since + 1)[apart.any(-1)].all()


def test_the_estimates_are_those_of_the_test_for_the_switch() -> None:
    seen = STUDY.watch(digits_mlp(), range(2), lr=0.01, tol=0.0)
    assert not seen.since.any()
    np.testing.assert_allclose(seen.rate, seen.average.isel(step=-1))
    np.testing.assert_allclose(seen.estimate.isel(step=0), seen.average.isel(step=0))
    weights = 0.999 ** np.arange(19, -1, -1)
    np.testing.assert_allclose(
        seen.average.values[:, -1], seen.estimate.values @ weights / weights.sum()
    )


def test_a_tiny_run() -> None:
    found = STUDY.run(Setting(10))
    assert found.verdict is Verdict.NOT_HERE  # at the tolerance 1e-9
    assert found.finding.startswith("swats switches in 0 of 10 runs; the distance never is below ")
    assert [row[0] for row in found.table.rows] == ["adam", "sgdm", "swats", "swats, tolerance 0.1"]
    assert "With a tolerance of 0.1" in " ".join(found.notes)
    assert len(found.pictures) == 1
    _, _, one, _ = found.table.rows
    assert found.table.rows[0][1:] == one[1:]  # without a switch it is Adam, but for ε


def test_a_run_that_switches() -> None:
    seen = STUDY.watch(digits_mlp(), range(3), lr=0.01, tol=10.0)
    assert seen.since.values.tolist() == [2, 2, 2]
    assert STUDY._told(seen).startswith("swats switches in 3 of 3 runs, at steps 2, to rates of ")


def test_the_card() -> None:
    assert cards["swats-both"].study.both is swats
    assert cards["swats-both"].citation == "keskar2017"
