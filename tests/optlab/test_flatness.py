"""Flatness: what is measured of the Hessian, against the Hessian itself."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.func import hessian, vmap

from optlab import cards, store
from optlab.card import Setting, Verdict
from optlab.statistics import Estimate
from optlab.studies.flatness import Bent, Flatness, at_loss, bending, sharpness
from optlab.sweeps import metered
from optlab.tasks import Classification, one_thread
from optlab.tasks.networks import MLP
from optlab.tasks.task import of_kind
from optlab.tuning import FIRST_SEED
from optlib.rules import lookahead, sgdm


@pytest.fixture
def small() -> Classification:
    """A network of 37 parameters on random data."""
    rng = np.random.default_rng(0)
    inputs, targets = torch.from_numpy(rng.normal(size=(40, 4))), torch.arange(40) % 2
    part = inputs, targets
    return Classification("small", MLP(4, (5,), 2), part, part, part, batch=8)


def test_bending_is_the_product_with_the_hessian(small: Classification) -> None:
    theta = small.start(1)
    matrix = hessian(lambda at: small.loss(at, *small.train))(theta)
    product = bending(lambda at: small.loss(at, *small.train), theta)
    vector = torch.linspace(-1, 1, small.size, dtype=torch.float64)
    torch.testing.assert_close(product(vector), matrix @ vector)


def test_the_sharpness_is_the_largest_eigenvalue_even_where_another_is_larger_in_size() -> None:
    rng = np.random.default_rng(0)
    basis = torch.from_numpy(np.linalg.qr(rng.normal(size=(30, 30)))[0])
    matrix = basis @ torch.diag(torch.linspace(-9, 4, 30, dtype=torch.float64)) @ basis.mT
    found = sharpness(lambda at: at @ matrix @ at / 2, torch.zeros(30, dtype=torch.float64))
    assert float(found) == pytest.approx(4, rel=1e-10)


def test_all_runs_of_a_population_are_measured_each_at_its_own_place() -> None:
    starts = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 7)))
    found = vmap(lambda theta: sharpness(lambda at: (at**4).sum() / 12, theta))(starts)
    torch.testing.assert_close(found, (starts**2).amax(1))  # of this loss the Hessian is diagonal


def test_a_run_that_has_diverged_has_no_sharpness_and_does_not_stop_the_others() -> None:
    starts = torch.tensor([[1.0, 2, 3, 4], [1, 2, torch.nan, 4]], dtype=torch.float64)
    found = vmap(lambda theta: sharpness(lambda at: (at**4).sum() / 12, theta))(starts)
    assert float(found[0]) == pytest.approx(16) and bool(found[1].isnan())


def test_what_is_measured_is_of_the_loss_on_all_training_examples(small: Classification) -> None:
    theta = small.start(2)
    with one_thread():
        found = of_kind(Bent, small).measure(theta)
        matrix = hessian(lambda at: small.loss(at, *small.train))(theta)
    assert float(found["sharpness"]) == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]))
    plain = small.measure(theta)
    assert {n: float(found[n]) for n in plain} == {n: float(v) for n, v in plain.items()}


def test_equal_loss_is_the_first_record_that_is_there() -> None:
    runs = {
        "train_loss": np.array([[2.0, 0.3, 0.1, 0.2], [2.0, 1.0, 0.5, 0.4], [0.1, 0.0, 0.0, 0.0]]),
        "sharpness": np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0]]),
    }
    np.testing.assert_array_equal(at_loss(runs, 0.2), [3.0, np.nan, 9.0])


def estimates(*pairs: tuple[float, float]) -> list[Estimate]:
    return [Estimate((low + high) / 2, low, high) for low, high in pairs]


@pytest.mark.parametrize(
    ("intervals", "verdict"),
    [
        (((0.5, 0.9), (0.6, 0.99)), Verdict.HOLDS),
        (((0.5, 0.9), (1.2, 1.4)), Verdict.IN_PART),
        (((0.5, 1.1), (1.2, 1.4)), Verdict.FAILS),
        (((0.5, 1.1), (0.9, 1.4)), Verdict.NOT_HERE),
    ],
)
def test_the_verdict(intervals: Any, verdict: Verdict) -> None:
    study = cards["lookahead-flatness"].study.study
    assert isinstance(study, Flatness)
    assert study.decide(estimates(*intervals)) == verdict


def test_a_small_study_tunes_and_compares_on_seeds_of_their_own(small: Classification) -> None:
    ahead = lookahead(sgdm)
    study = Flatness(
        lambda large: small,
        pairs=((sgdm, ahead),),
        rates={rule.name: (0.01, 0.03, 0.1) for rule in (sgdm, ahead)},
        target=0.69,
        steps=10,
        every=5,
        tuning_seeds=6,
    )
    with metered() as meter:
        evidence = study.run(Setting(10))
    assert [row[0] for row in evidence.table.rows] == ["sgdm", "lookahead_sgdm"]
    assert "at equal loss" in evidence.finding and len(evidence.pictures) == 1
    used: dict[bool, set[int]] = {True: set(), False: set()}
    for use in meter.chunks.values():
        used["sharpness" in store.load(use.name)].update(use.chunk.seeds)
    assert used == {True: set(range(10)), False: set(range(FIRST_SEED, FIRST_SEED + 6))}
