"""A loss that is multiplied: the task that does it, and rules that are known to care or not."""

from dataclasses import replace

import pytest
import torch

from optlab import Setting, Verdict, cards, sweep
from optlab.statistics import Estimate
from optlab.studies.scale_invariance import Scaled, ScaleInvariance
from optlab.tasks import digits_softmax, noisy_quadratic, one_thread, reddi_online
from optlib import adam, rule, sgd
from optlib.arrays import dot, sqrt


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    """An empty folder for results; what is run here is too small for more than one thread."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    with one_thread():
        yield


@rule
def even(g, *, lr=1e-3):
    """A step of the same length, whatever the gradient's."""
    return -lr * g / sqrt(dot(g, g))


@rule
def level(g, *, lr=1e-3):
    """The same under another name."""
    return -lr * g / sqrt(dot(g, g))


STUDY = ScaleInvariance(
    digits_softmax, even, sgd, {"even": 0.1, "sgd": 0.1}, factors=(0.25, 8.0), steps=4
)
KEPT, CHANGED, OPEN = Estimate(1, 0.99, 1.01), Estimate(2, 1.9, 2.1), Estimate(1, 0.9, 1.1)
LESS = Estimate(0.5, 0.4, 0.6)


@pytest.mark.parametrize(
    ("kept", "changed", "verdict"),
    [
        ((KEPT, KEPT), (CHANGED, LESS), Verdict.HOLDS),
        ((KEPT, CHANGED), (CHANGED, CHANGED), Verdict.IN_PART),
        ((KEPT, OPEN), (CHANGED, CHANGED), Verdict.IN_PART),
        ((KEPT, KEPT), (CHANGED, OPEN), Verdict.NOT_HERE),
        ((KEPT, KEPT), (CHANGED, KEPT), Verdict.NOT_HERE),
        ((OPEN, OPEN), (CHANGED, CHANGED), Verdict.NOT_HERE),
        ((KEPT, KEPT), (KEPT, KEPT), Verdict.FAILS),
        ((CHANGED, LESS), (CHANGED, CHANGED), Verdict.FAILS),
    ],
)
def test_verdicts(kept, changed, verdict) -> None:
    assert STUDY.decide(list(kept), list(changed)) is verdict


@pytest.mark.parametrize(
    ("kept", "changed", "verdict"),
    [
        (even, sgd, Verdict.HOLDS),
        (sgd, even, Verdict.FAILS),
        (even, level, Verdict.FAILS),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_one_whose_outcome_is_known(kept, changed, verdict) -> None:
    rates = {kept.name: 0.1, changed.name: 0.1}
    study = replace(STUDY, kept=kept, changed=changed, rates=rates)
    found = study.run(Setting(10))
    assert found.verdict is verdict
    assert [row[0] for row in found.table.rows] == ["0.25", "8"]
    for i, each in enumerate((kept, changed), start=1):
        for row in found.table.rows:
            assert (row[i] == "1 [1, 1]") == (each is not sgd)
    assert len(found.pictures) == 1 and found.notes == []
    assert study.run(Setting(10)) == found


def test_the_loss_times_c_is_the_rate_times_c_for_sgd() -> None:
    factor = 4.0
    runs = sweep(Scaled(digits_softmax(), (factor,)), sgd, lr=0.1, seeds=range(6), steps=4)
    plain = sweep(digits_softmax(), sgd, lr=factor * 0.1, seeds=range(6), steps=4)
    assert runs.train_loss.values == pytest.approx(plain.train_loss.values)


def test_the_loss_times_c_is_epsilon_over_c_for_adam() -> None:
    """What the card says beside its result."""
    small = sweep(Scaled(digits_softmax(), (1e-6,)), adam, lr=0.01, seeds=range(6), steps=5)
    large = sweep(digits_softmax(), adam, lr=0.01, eps=0.01, seeds=range(6), steps=5)
    assert small.train_loss.values == pytest.approx(large.train_loss.values, rel=1e-9)
    assert "an ε of 0.01" in cards["adam-scale"].study.remark


@pytest.mark.parametrize("task", [digits_softmax(), reddi_online(), noisy_quadratic()])
def test_only_the_loss_is_multiplied(task) -> None:
    scaled = Scaled(task, (3.0, 0.5))
    theta = task.start(1)
    assert scaled.name == f"{task.name}-times-3-0.5" and scaled.size == task.size
    [drawn] = task.draws(1, 1)
    batch = [part[0] for part in task.arguments(*(torch.from_numpy(part)[None] for part in drawn))]
    for run, factor in ((2, 3.0), (3, 0.5)):  # of the seed 1
        assert torch.equal(scaled.start(run), theta)
        [again] = scaled.draws(run, 1)
        told = scaled.arguments(*(torch.from_numpy(part)[None] for part in again))
        assert scaled.loss(theta, *(part[0] for part in told)) == factor * task.loss(theta, *batch)
    assert scaled.measure(theta) == task.measure(theta)
    assert torch.equal(scaled.project(theta + 9), task.project(theta + 9))
    single = scaled.to(dtype=torch.float32)
    assert (
        single.dtype == single.arguments(*map(torch.from_numpy, again))[-1].dtype == torch.float32
    )
    assert scaled.dtype == torch.float64


def test_constants_trained_together_do_not_mix() -> None:
    both = sweep(Scaled(digits_softmax(), (1.0, 4.0)), adam, lr=0.1, seeds=range(6), steps=3)
    for i, factor in enumerate((1.0, 4.0)):
        alone = sweep(Scaled(digits_softmax(), (factor,)), adam, lr=0.1, seeds=range(3), steps=3)
        mine = both.train_loss.isel(seed=slice(i, None, 2)).values
        assert mine == pytest.approx(alone.train_loss.values, rel=1e-12)


def test_every_constant_has_results_of_its_own(tmp_path) -> None:
    for i, factor in enumerate((1.0, 2.0, 2.0000001), start=1):
        sweep(Scaled(digits_softmax(), (factor,)), sgd, lr=0.1, seeds=[0], steps=1)
        assert len(list(tmp_path.iterdir())) == i
    sweep(Scaled(digits_softmax(), (2.0,)), sgd, lr=0.1, seeds=[0], steps=1)
    assert len(list(tmp_path.iterdir())) == 3
