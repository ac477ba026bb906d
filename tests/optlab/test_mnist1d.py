"""MNIST-1D: a draw for each seed, and the authors' network."""

import random

import numpy as np
import pytest
import torch
from torch.nn import functional

from optlab.tasks.harder import harder
from optlab.tasks.mnist1d import mnist1d, mnist1d_cnn, mnist1d_mislabelled, mnist1d_mlp
from optlab.tasks.networks import SequenceCNN


@pytest.fixture(scope="module")
def drawn():
    return mnist1d(0)


def test_parts_and_classes(drawn) -> None:
    assert [inputs.shape for inputs, _ in drawn] == [(2000, 40), (2000, 40), (3000, 40)]
    for _, targets in drawn:
        assert set(targets.tolist()) == set(range(10))
    values = torch.cat([inputs for inputs, _ in drawn])
    assert float(values.mean()) == pytest.approx(0, abs=1e-12)
    assert float(values.std(correction=0)) == pytest.approx(1)


def test_no_example_is_in_two_parts(drawn) -> None:
    assert len({row.numpy().tobytes() for inputs, _ in drawn for row in inputs}) == 7000


def test_a_seed_is_a_draw(drawn) -> None:
    again, other = mnist1d(0), mnist1d(1)
    assert torch.equal(again[2][0], drawn[2][0])
    assert not torch.equal(other[2][0], drawn[2][0])


def test_the_generators_that_all_share_are_left_as_they_were() -> None:
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    due = np.random.random(), random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    mnist1d(5)
    assert (np.random.random(), random.random()) == due  # noqa: NPY002


def test_parameters() -> None:
    assert mnist1d_cnn(0).size == 5210
    assert mnist1d_cnn(0, large=True).size == 65810
    assert mnist1d_mlp(0).size == 13066
    assert mnist1d_cnn(0).train[0].dtype is torch.float32


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_the_network_is_torchs(norm) -> None:
    network = SequenceCNN(40, 25, (5, 3, 3), 10, norm)
    rng = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        for name, weight in network.weights.items()
    }
    inputs = torch.randn(7, 40, generator=rng, dtype=torch.float64)
    values = inputs[:, None]
    for k, kernel in enumerate((5, 3, 3), start=1):
        matrix = weights[f"W{k}"].view(kernel, values.shape[1], 25).permute(2, 1, 0)
        values = torch.conv1d(values, matrix, stride=2, padding=1)
        if norm == "batch":
            values = functional.batch_norm(values, None, None, training=True)
        if norm == "layer":
            values = functional.layer_norm(values, values.shape[1:])
        if norm:
            values = values * weights[f"scale{k}"][:, None]
        values = (values + weights[f"b{k}"][:, None]).relu()
    due = values.transpose(1, 2).flatten(1) @ weights["W"] + weights["b"]
    torch.testing.assert_close(network(weights, inputs), due)


class TestHarder:
    @pytest.mark.parametrize("wrong", [0.0, 0.2, 1.0])
    def test_a_share_of_the_training_labels_is_wrong_and_no_other(self, drawn, wrong) -> None:
        task = harder(mnist1d_mlp, 0, examples=500, wrong=wrong)
        targets = task.train[1]
        assert task.examples == 500
        assert float((targets != drawn[0][1][:500]).double().mean()) == wrong
        assert set(targets.tolist()) <= set(range(10))
        for part, (inputs, labels) in zip((task.validation, task.test), drawn[1:], strict=True):
            assert torch.equal(part[0], inputs.float())
            assert torch.equal(part[1], labels)
        if wrong:  # whatever a label was, each other class is as likely
            moved = (targets - drawn[0][1][:500])[targets != drawn[0][1][:500]] % 10
            assert set(moved.tolist()) == set(range(1, 10))

    def test_a_seed_has_its_own_wrong_labels(self) -> None:
        places = [
            torch.nonzero(harder(mnist1d_mlp, seed, wrong=0.2).train[1] != mnist1d(seed)[0][1])
            for seed in (0, 0, 1)
        ]
        assert torch.equal(places[0], places[1])
        assert not torch.equal(places[0], places[2])

    def test_the_task_of_the_decay_cards(self) -> None:
        task = mnist1d_mislabelled(3)
        assert (task.size, task.examples, task.network.norm) == (5285, 1000, "batch")
        assert float((task.train[1] != mnist1d(3)[0][1][:1000]).double().mean()) == 0.2

    def test_bad_input(self) -> None:
        with pytest.raises(ValueError, match="examples = 2001, but there are only 2000"):
            harder(mnist1d_mlp, 0, examples=2001)
        with pytest.raises(ValueError, match=r"wrong = 1.5, but a share must be in \[0, 1\]"):
            harder(mnist1d_mlp, 0, wrong=1.5)
