"""The tasks: the data, the split, and what follows from a seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from optlib.tasks import digits, digits_mlp, digits_softmax


def test_the_split_holds_every_image_once() -> None:
    parts = digits()
    assert [len(inputs) for inputs, _ in parts] == [1077, 360, 360]
    train = parts[0][0]
    assert train.mean() == pytest.approx(0, abs=1e-12)
    assert train.std(correction=0) == pytest.approx(1)
    # Undo the scaling: together the three parts are the images, each once.
    images, labels = load_digits(return_X_y=True)
    given = torch.cat([inputs for inputs, _ in parts]).numpy()
    scale = (images.max() - images.min()) / (given.max() - given.min())
    pixels = np.rint((given - given.min()) * scale).astype(int)
    answers = torch.cat([targets for _, targets in parts]).argmax(-1).numpy()
    rows = [tuple(row) for row in np.column_stack([pixels, answers])]
    assert len(set(rows)) == len(rows) == 1797
    assert set(rows) == {tuple(row) for row in np.column_stack([images, labels]).astype(int)}


def test_each_class_has_its_share_of_every_part() -> None:
    for _, targets in digits():
        assert targets.sum(-1).eq(1).all()
        assert (targets.mean(0) - 0.1).abs().max() < 0.01


def test_the_loss_is_that_of_torch() -> None:
    task = digits_mlp()
    assert task.size == 2410
    theta = task.start(3)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).double()
    w1, b1, w2, b2 = theta.split([2048, 32, 320, 10])
    for parameter, value in zip(
        model.parameters(), (w1.view(64, 32).T, b1, w2.view(32, 10).T, b2), strict=True
    ):
        parameter.data = value
    inputs, targets = task.train
    expected = nn.functional.cross_entropy(model(inputs), targets.argmax(-1))
    assert task.loss(theta, inputs, targets).item() == pytest.approx(expected.item(), rel=1e-12)
    right = (model(inputs).argmax(-1) == targets.argmax(-1)).double().mean()
    assert task.accuracy(theta, inputs, targets) == right


def test_the_l2_term() -> None:
    task = digits_softmax()
    theta = torch.linspace(-1, 1, task.size, dtype=torch.float64)
    without = replace(task, l2=0.0).loss(theta, *task.train)
    expected = without + 0.005 * (theta**2).sum()
    assert task.loss(theta, *task.train).item() == pytest.approx(expected.item())


def test_the_optimum_is_one() -> None:
    task = digits_softmax()
    slope = torch.func.grad(task.loss)(task.optimum, *task.train)
    assert slope.abs().max() < 1e-9
    lowest = task.loss(task.optimum, *task.train)
    for seed in range(3):
        aside = task.optimum + 1e-3 * task.start(seed)
        assert task.loss(aside, *task.train) > lowest
    assert replace(task, from_optimum=True).start(5).allclose(task.optimum, atol=1e-7)


def test_without_the_l2_term_there_is_no_single_optimum() -> None:
    with pytest.raises(ValueError, match="digits_mlp has no L2 term"):
        _ = digits_mlp().optimum


def test_the_seed_alone_decides() -> None:
    task = digits_mlp()
    assert task.start(1).equal(task.start(1))
    assert not task.start(1).equal(task.start(2))
    assert np.array_equal(task.batches(1, 40), task.batches(1, 40))
    assert not np.array_equal(task.batches(1, 40), task.batches(2, 40))


@pytest.mark.parametrize("task", [digits_mlp(), digits_softmax()], ids=lambda task: task.name)
def test_a_longer_run_begins_with_the_same_batches(task) -> None:
    assert np.array_equal(task.batches(7, 50)[:20], task.batches(7, 20))
    assert task.batches(7, 50).shape == (50, task.batch)
    assert task.batches(7, 0).shape == (0, task.batch)


def test_an_epoch_sees_no_example_twice() -> None:
    epochs = digits_mlp().batches(0, 48).reshape(3, -1)
    assert all(len(set(epoch)) == 16 * 64 for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


def test_start_and_batches_have_streams_of_their_own(monkeypatch) -> None:
    made: list[str] = []
    default_rng = np.random.default_rng

    def spy(seed):
        rng = default_rng(seed)
        made.append(str(rng.bit_generator.state))
        return rng

    monkeypatch.setattr(np.random, "default_rng", spy)
    seeds = [*range(30), *range(1_000_000, 1_000_010)]
    for seed in seeds:
        digits_mlp().start(seed)
        digits_mlp().batches(seed, 1)
    assert len(made) == len(set(made)) == 2 * len(seeds)


@pytest.mark.parametrize("task", [digits_mlp(), digits_softmax()], ids=lambda task: task.name)
def test_who_asks_for_batches_changes_nothing(task) -> None:
    first = task.batches(3, 20)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    task.start(3)
    task.batches(4, 7)
    assert np.array_equal(task.batches(3, 20), first)


def test_a_batch_of_all_is_the_whole_set() -> None:
    task = digits_mlp()
    whole = replace(task, batch=task.examples).batches(0, 2)
    assert np.array_equal(np.sort(whole), np.tile(np.arange(task.examples), (2, 1)))


def test_independent_draws_repeat_examples() -> None:
    drawn = digits_softmax().batches(0, 1000)
    assert len(set(drawn[: 1077 // 16].ravel())) < 800  # 1 - 1/e of them, about 680
    assert np.bincount(drawn.ravel(), minlength=1077).min() > 0


def test_content_changes_with_every_setting() -> None:
    task = digits_mlp()
    inputs, targets = task.train
    others = [
        replace(task, batch=32),
        replace(task, shuffle=False),
        replace(task, l2=0.1),
        replace(task, from_optimum=True),
        replace(task, train=(inputs + 1e-9, targets)),
        digits_softmax(),
    ]
    assert replace(task).content == task.content
    assert len({other.content for other in (task, *others)}) == 7
