"""What helps beside the rule: variants of a task, and the study that compares them."""

from dataclasses import replace
from itertools import islice
from math import inf, nan

import numpy as np
import pytest
import torch
from torch.func import grad

from optlab.card import Setting, Verdict
from optlab.claims import cards
from optlab.statistics import Estimate
from optlab.studies.regime_comparison import RegimeComparison
from optlab.tasks import digits, digits_mlp
from optlab.tasks.regimes import (
    OTHER_SEED,
    difficulty,
    digits_curriculum,
    digits_cycled,
    digits_drawn,
    digits_late,
    digits_noisy,
    digits_whole,
    noise_scale,
)
from optlib import sgdm
from tests.optlab.tasks import DECIDED


def same(large=False):
    """The late digits, after all of their images were learnt for a while."""
    return replace(digits_late(5), steps=40)


STUDY = RegimeComparison(
    {"same digits": same, "random start": digits_late},
    optimizer=sgdm,
    rates=(0.002, 0.004, 0.008),
    steps=20,
    seeds=10,
    tuning_seeds=1,
)


def drawn(task, seed=0, steps=3):
    """The first draws of a run, and the arguments of the loss that they give."""
    for draws in islice(task.draws(seed, steps), steps):
        arguments = task.arguments(*(torch.from_numpy(part)[None] for part in draws))
        yield draws, [part[0] for part in arguments]


class TestOrder:
    def test_with_one_order_all_epochs_are_alike(self):
        task = digits_cycled()
        per_epoch = task.examples // task.batch
        batches = task.batches(7, 3 * per_epoch)
        first = batches[:per_epoch]
        assert np.array_equal(batches, np.tile(first, (3, 1)))
        assert len(set(first.ravel())) == first.size
        assert np.array_equal(first, digits_mlp().batches(7, per_epoch))
        assert not np.array_equal(first, task.batches(8, per_epoch))

    def test_shuffled_anew_they_are_not(self):
        task = digits_mlp()
        per_epoch = task.examples // task.batch
        first, second = task.batches(7, 2 * per_epoch).reshape(2, -1)
        assert not np.array_equal(first, second)

    def test_drawn_with_replacement_some_come_twice_in_an_epoch(self):
        task = digits_drawn()
        rows = task.batches(7, task.examples // task.batch).ravel()
        assert len(set(rows)) < 0.7 * len(rows)

    @pytest.mark.parametrize("order", ["anew", "once"])
    def test_in_whole_mini_batches_every_example_comes_once_an_epoch(self, order):
        task = digits_whole(order)
        assert task.examples == 1024 and digits_mlp().examples > 1024
        for epoch in task.batches(7, 48).reshape(3, -1):
            assert np.array_equal(np.sort(epoch), np.arange(1024))
        assert np.array_equal(task.train[0], digits_mlp().train[0][:1024])

    @pytest.mark.parametrize("task", [digits_cycled, digits_curriculum])
    def test_more_steps_begin_with_the_same_batches(self, task):
        assert np.array_equal(task().batches(3, 9), task().batches(3, 40)[:9])


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
        noisy, plain = digits_noisy(), digits_mlp()
        theta = plain.start(0)
        pairs = zip(drawn(noisy), drawn(plain), strict=True)
        for (draws, arguments), (usual, others) in pairs:
            assert np.array_equal(draws[0], usual[0])
            apart = grad(noisy.loss)(theta, *arguments) - grad(plain.loss)(theta, *others)
            assert torch.allclose(apart, torch.from_numpy(draws[-1]))

    def test_each_coordinate_and_step_has_its_own(self):
        noises = np.array([draws[-1] for draws, _ in drawn(digits_noisy(), steps=40)])
        standard = noises / noise_scale(np.arange(40))[:, None]
        assert standard.std() == pytest.approx(1, rel=0.01)
        assert standard.std(0).min() > 0.5 and standard.std(1).min() > 0.9
        assert abs(np.corrcoef(standard[:2])[0, 1]) < 0.1

    def test_what_is_measured_has_none(self):
        theta = digits_mlp().start(0)
        assert digits_noisy().measure(theta) == digits_mlp().measure(theta)


class TestCurriculum:
    def test_the_pool_grows_evenly_from_a_fifth_to_all(self):
        task = digits_curriculum()
        pool, n = task.pool(320), task.examples
        assert pool[0] == np.ceil(n / 5) and pool[80] == np.ceil(0.6 * n)
        assert (pool[159] < n) and (pool[160:] == n).all() and (np.diff(pool[:161]) > 0).all()

    @pytest.mark.parametrize(("first", "sign"), [("easy", 1), ("hard", -1)])
    def test_examples_come_from_the_pool(self, first, sign):
        task = digits_curriculum(first)
        hard = sign * difficulty(task.train)
        most = np.sort(hard)
        for rows, size in zip(task.batches(0, 320), task.pool(320), strict=True):
            assert (hard[rows] <= most[size - 1]).all()
        late = task.batches(0, 320)[160:]
        assert len(set(late.ravel())) > 0.95 * task.examples

    def test_a_random_order_is_another_one_for_each_seed(self):
        task = digits_curriculum("random")
        one, other = (set(task.batches(seed, 5).ravel()) for seed in (0, 1))
        assert len(one) <= task.pool(5)[-1] and len(one & other) < 0.6 * len(one)

    def test_difficulty_by_hand(self):
        inputs = torch.tensor([[0.0], [2.0], [1.8], [10.0], [8.0]], dtype=torch.float64)
        targets = torch.tensor([0, 0, 0, 1, 1])
        mean, far = 3.8 / 3, 9.0
        due = [(x - mean) ** 2 - (x - far) ** 2 for x in (0.0, 2.0, 1.8)]
        due += [(x - far) ** 2 - (x - mean) ** 2 for x in (10.0, 8.0)]
        assert difficulty((inputs, targets)) == pytest.approx(due)

    def test_there_are_three_orders(self):
        with pytest.raises(KeyError):
            digits_curriculum("medium")


class TestFineTuning:
    def test_all_but_the_last_layer_is_what_pytorch_learns(self):
        task = replace(digits_late(0), steps=12)
        source = task.source
        theta = source.start(4 + OTHER_SEED).clone().requires_grad_()
        optimizer = torch.optim.SGD([theta], lr=task.lr, momentum=0.9)
        for _, arguments in drawn(source, seed=4 + OTHER_SEED, steps=12):
            optimizer.zero_grad()
            source.loss(theta, *arguments).backward()
            optimizer.step()
        start, new = task.start(4), 32 * 5 + 5
        assert torch.allclose(start[:-new], theta.detach()[:-new], rtol=1e-12)
        assert torch.equal(start[-new:], digits_late().start(4)[-new:])
        assert not torch.isclose(start[-new:-5], source.start(4 + OTHER_SEED)[-new:-5]).any()

    def test_few_of_the_late_digits_are_learnt_and_all_measured(self):
        task = digits_late()
        assert task.train[1].bincount().tolist() == [10] * 5
        for k, name in ((1, "validation"), (2, "test")):
            inputs, targets = digits()[k]
            mine = getattr(task, name)
            assert torch.equal(mine[0], inputs[targets >= 5])
            assert torch.equal(mine[1], targets[targets >= 5] - 5)
        early = digits_late(0).source
        assert early.examples + digits_late(5).source.examples == digits_mlp().examples


class TestVersus:
    @pytest.mark.parametrize(
        ("found", "verdict"),
        [
            ([(0.9, 0.8, 0.99)], Verdict.HOLDS),
            ([(0.9, 0.8, 0.99), (0.5, 0.4, 0.6)], Verdict.HOLDS),
            ([(0.9, 0.8, 0.99), (2, 1.5, 3)], Verdict.IN_PART),
            ([(0.9, 0.8, 1)], Verdict.NOT_HERE),
            ([(1, 0.9, 1.1), (2, 1.5, 3)], Verdict.FAILS),
            ([(2, 1.5, 3)], Verdict.FAILS),
            ([(nan, 0, inf)], Verdict.NOT_HERE),
        ],
    )
    def test_the_verdict(self, found, verdict):
        assert STUDY.decide([Estimate(*each) for each in found]) is verdict

    def test_the_words_name_the_verdicts_that_there_can_be(self):
        two, three = cards["dropout"].study.verdict_rule, cards["shuffling"].study.verdict_rule
        for verdict in DECIDED:
            count = two.count(f"{verdict.value.capitalize()}:")
            assert count == (verdict is not Verdict.IN_PART)
            assert three.count(f"{verdict.value.capitalize()}:") == 1

    def test_a_help_that_must_help(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
        evidence = STUDY.run(Setting(10))
        assert evidence.verdict is Verdict.HOLDS
        names, ratios = zip(*((row[0], row[-1]) for row in evidence.table.rows), strict=True)
        assert names == ("same digits", "random start") and ratios[0] == "1"
        assert ratios[1] in evidence.finding
        assert evidence.notes[0].startswith("The ratio of training losses: ")
        assert evidence.notes[1:] == [
            f"“{name}”: The best rate of sgdm is the edge of its grid, even after widening: "
            "another may serve it better."
            for name in names
        ]

    def test_one_alone_is_no_comparison(self):
        with pytest.raises(ValueError, match="without it"):
            replace(STUDY, sides={"alone": digits_mlp})

    @pytest.mark.parametrize(
        "name", ["shuffling", "dropout", "gradient-noise", "curriculum", "fine-tuning"]
    )
    def test_the_cards_have_equal_budgets_and_equal_sizes(self, name):
        study = cards[name].study
        assert isinstance(study, RegimeComparison) and study.seeds >= 20 and len(study.rates) == 8
        assert len({(side().size, side().batch) for side in study.sides.values()}) == 1
        assert len({side().name for side in study.sides.values()}) == len(study.sides)
