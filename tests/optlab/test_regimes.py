"""What helps beside the rule: variants of a task."""

from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from torch.func import grad

from optlab.claims import cards
from optlab.tasks import digits_mlp
from optlab.tasks.regimes import (
    OTHER_SEED,
    FineTuned,
    Noisy,
    difficulty,
    mnist_deep,
    mnist_in_order,
    mnist_late,
    noise_scale,
    softmax_in_order,
)
from optlab.tasks.task import of_kind
from optlab.tasks.vision import mnist, mnist_few


def drawn(task, seed=0, steps=3):
    """The first draws of a run, and the arguments of the loss that they give."""
    for draws in islice(task.draws(seed, steps), steps):
        arguments = task.arguments(*(torch.from_numpy(part)[None] for part in draws))
        yield draws, [part[0] for part in arguments]


def noisy(base=0.01):
    return of_kind(Noisy, digits_mlp(), base=base)


class TestOrder:
    def test_with_one_order_all_epochs_are_alike(self):
        first, second, third = softmax_in_order(0, order="once").batches(7, 300).reshape(3, -1)
        assert np.array_equal(first, second) and np.array_equal(first, third)
        assert not np.array_equal(first, softmax_in_order(0, order="once").batches(8, 100).ravel())

    def test_shuffled_anew_they_are_not(self):
        first, second = softmax_in_order(0).batches(7, 200).reshape(2, -1)
        assert not np.array_equal(first, second)
        assert np.array_equal(first, softmax_in_order(0, order="once").batches(7, 100).ravel())

    def test_drawn_with_replacement_some_come_twice_in_an_epoch(self):
        rows = softmax_in_order(0, order="drawn").batches(7, 100).ravel()
        assert len(set(rows)) < 0.7 * len(rows)

    @pytest.mark.parametrize("order", ["anew", "once"])
    def test_every_example_comes_once_an_epoch(self, order):
        for epoch in softmax_in_order(0, order=order).batches(7, 300).reshape(3, -1):
            assert np.array_equal(np.sort(epoch), np.arange(1000))

    @pytest.mark.parametrize("make", [partial(softmax_in_order, order="once"), mnist_in_order])
    def test_more_steps_begin_with_the_same_batches(self, make):
        assert np.array_equal(make(0).batches(3, 9), make(0).batches(3, 40)[:9])

    def test_there_are_three_orders(self):
        with pytest.raises(KeyError):
            softmax_in_order(0, order="sorted")


class TestExcess:
    @pytest.mark.parametrize("order", ["anew", "once", "drawn"])
    def test_it_is_how_far_the_training_loss_is_above_its_minimum(self, order):
        task = softmax_in_order(0, order=order)
        lowest = task.measure(task.optimum)
        assert float(lowest["excess_loss"]) == pytest.approx(0, abs=1e-12)
        found = task.measure(task.start(0))
        apart = found["train_loss"] - lowest["train_loss"]
        assert float(found["excess_loss"]) == pytest.approx(float(apart)) and apart > 0.1


class TestNoise:
    def test_its_variance_is_that_of_optax(self):
        jnp, optax = pytest.importorskip("jax.numpy"), pytest.importorskip("optax")
        noise = optax.add_noise(eta=0.3, gamma=0.55, key=0)
        zeros = jnp.zeros(40_000)
        state = noise.init(zeros)
        for t in range(4):
            found, state = noise.update(zeros, state)
            assert np.std(found) == pytest.approx(noise_scale(t, 0.3), rel=0.02)

    def test_the_squares_are_the_formula(self):
        t = np.array([0, 1, 99])
        assert noise_scale(t) ** 2 == pytest.approx(0.01 / np.array([1, 2**0.55, 100**0.55]))

    def test_it_is_added_to_the_gradient(self):
        task, plain = noisy(), digits_mlp()
        theta = plain.start(0)
        pairs = zip(drawn(task), drawn(plain), strict=True)
        for (draws, arguments), (usual, others) in pairs:
            assert np.array_equal(draws[0], usual[0])
            apart = grad(task.loss)(theta, *arguments) - grad(plain.loss)(theta, *others)
            assert torch.allclose(apart, torch.from_numpy(draws[-1]).double())

    @pytest.mark.parametrize("base", [0.01, 1.0])
    def test_each_coordinate_and_step_has_its_own(self, base):
        noises = np.array([draws[-1] for draws, _ in drawn(noisy(base), steps=40)])
        standard = noises / noise_scale(np.arange(40), base)[:, None]
        assert standard.std() == pytest.approx(1, rel=0.01)
        assert standard.std(0).min() > 0.5 and standard.std(1).min() > 0.9
        assert abs(np.corrcoef(standard[:2])[0, 1]) < 0.1

    def test_what_is_measured_has_none(self):
        theta = digits_mlp().start(0)
        assert noisy().measure(theta) == digits_mlp().measure(theta)

    def test_the_deep_network_starts_where_hardly_anything_comes_through(self):
        poor, good = mnist_deep(0), mnist_deep(0, std=None)
        inputs = poor.test[0]
        scores = {task: task.scores(task.start(0), inputs).std() for task in (poor, good)}
        assert scores[poor] < 1e-4 < 0.1 < scores[good]
        assert poor.size == 88_210 and type(poor) is not Noisy
        assert mnist_deep(0, noise=0.3).base == 0.3


class TestCurriculum:
    def test_the_pool_grows_evenly_from_a_fifth_to_all(self):
        pool = mnist_in_order(0, first="easy").pool(200)
        assert pool[0] == 200 and pool[50] == pytest.approx(600, abs=1)
        assert (pool[99] < 1000) and (pool[100:] == 1000).all() and (np.diff(pool[:101]) > 0).all()

    @pytest.mark.parametrize(("first", "sign"), [("easy", 1), ("hard", -1)])
    def test_examples_come_from_the_pool(self, first, sign):
        task = mnist_in_order(3, first=first)
        hard = sign * difficulty(replace(mnist_few(3), shuffle=False), 3)
        most = np.sort(hard)
        for rows, size in zip(task.batches(0, 200), task.pool(200), strict=True):
            assert (hard[rows] <= most[size - 1]).all()
        late = task.batches(0, 200)[100:]
        assert len(set(late.ravel())) > 0.95 * task.examples

    def test_a_random_order_is_another_one_for_each_seed(self):
        task = mnist_in_order(0, first="random")
        one, other = (set(task.batches(seed, 5).ravel()) for seed in (0, 1))
        assert len(one) <= task.pool(5)[-1] and len(one & other) < 0.6 * len(one)

    def test_all_from_the_start_is_the_task_itself(self):
        task = mnist_in_order(0)
        assert len(set(task.batches(0, 100).ravel())) > 0.95 * task.examples

    def test_what_is_mislabelled_is_hard(self):
        task = mnist_few(0, wrong=0.4)
        wrong = (task.train[1] != mnist_few(0).train[1]).numpy()
        assert wrong.sum() == 400
        hard = difficulty(task, 0)
        pairs = hard[wrong][:, None] > hard[~wrong]
        assert pairs.mean() > 0.85

    def test_there_are_four_orders(self):
        with pytest.raises(KeyError):
            mnist_in_order(0, first="medium")


class TestFineTuning:
    def late(self, **options):
        task = mnist_late(0, learnt=0, **options)
        return replace(task, steps=12).to(dtype=torch.float64)

    def test_all_but_the_last_layer_is_what_pytorch_learns(self):
        task = self.late()
        source = task.source
        theta = source.start(4 + OTHER_SEED).clone().requires_grad_()
        optimizer = torch.optim.SGD([theta], lr=task.lr, momentum=0.9)
        for _, arguments in drawn(source, seed=4 + OTHER_SEED, steps=12):
            optimizer.zero_grad()
            source.loss(theta, *arguments).backward()
            optimizer.step()
        start, new = task.start(4), 32 * 5 + 5
        assert task.new == new
        assert torch.allclose(start[:-new].float(), theta.detach()[:-new], rtol=1e-4, atol=1e-6)
        assert torch.allclose(start[-new:], mnist_late(0).start(4)[-new:].double(), rtol=1e-6)
        assert not torch.isclose(
            start[-new:-5].float(), source.start(4 + OTHER_SEED)[-new:-5]
        ).any()

    def test_of_what_is_frozen_the_gradient_is_zero(self):
        free, frozen = self.late(), self.late(frozen=True)
        assert isinstance(frozen, FineTuned)
        theta = free.start(0)
        ((_, arguments),) = drawn(free, steps=1)
        due, found = grad(free.loss)(theta, *arguments), grad(frozen.loss)(theta, *arguments)
        assert torch.equal(found[-free.new :], due[-free.new :])
        assert not found[: -free.new].any() and due[: -free.new].any()
        assert frozen.loss(theta, *arguments) == free.loss(theta, *arguments)

    def test_few_of_the_late_digits_are_learnt_and_all_measured(self):
        task = mnist_late(0)
        assert task.train[1].bincount().tolist() == [10] * 5
        for (inputs, targets), name in zip(mnist(0), ("train", "validation", "test"), strict=True):
            if name != "train":
                mine = getattr(task, name)
                assert torch.equal(mine[0], inputs[targets >= 5])
                assert torch.equal(mine[1], targets[targets >= 5] - 5)
        early = mnist_late(0, learnt=0).source
        assert early.examples + mnist_late(0, learnt=5).source.examples == 2000


@pytest.mark.parametrize(
    "name", ["shuffling", "dropout", "gradient-noise", "curriculum", "fine-tuning"]
)
def test_of_each_card_all_sides_have_the_same_network_and_batches(name):
    study = cards[name].study
    for make in study.tasks.values():
        sides = [make(0, **arm.options) for arm in study.arms.values()]
        assert len({(side.size, side.batch, side.examples) for side in sides}) == 1
        assert all(torch.equal(side.test[0], sides[0].test[0]) for side in sides)
    if name != "shuffling":
        assert len({arm.rule.name for arm in study.arms.values()}) == 1
