"""The tasks: the data, the split, the networks, and what follows from a seed."""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn import functional

from optlab.tasks import (
    CNN,
    MLP,
    Classification,
    Transformer,
    digits,
    digits_cnn,
    digits_mlp,
    digits_softmax,
    one_thread,
    rare_features,
    text_task,
    topics,
    topics_transformer,
)
from optlab.tasks.networks import GROUPS, dropped, normalized
from optlab.tasks.task import spread
from optlab.tasks.vision import mnist
from optlib.faces.population import population
from optlib.rules import sgdm

TASKS: list[Classification] = [
    digits_mlp(),
    digits_mlp("batch"),
    digits_mlp("layer", dropout=0.5),
    digits_cnn(),
    digits_cnn("batch", dropout=0.25),
    digits_cnn("group"),
    digits_softmax(),
    topics_transformer(),
    rare_features(),
]
LARGE = [digits_mlp, digits_cnn, topics_transformer, rare_features]

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """As in a sweep, and quicker for small networks."""
    with one_thread():
        yield


def arguments(task: Classification, seeds: list[int], steps: int) -> list[tuple[Tensor, ...]]:
    """The arguments of the loss for each step, with the runs first."""
    streams = [task.draws(seed, steps) for seed in seeds]
    return [
        task.arguments(*(torch.from_numpy(np.stack(part)) for part in zip(*draws, strict=True)))
        for draws in zip(*streams, strict=True)
    ]


def trained(task: Classification, seeds: list[int], lr: list[float]) -> Tensor:
    """The parameters after three steps, (runs, size)."""
    theta = torch.stack([task.start(seed) for seed in seeds])
    *_, theta = population(sgdm, task.loss, theta, arguments(task, seeds, 3), lr=lr)
    return theta


# The data


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
    answers = torch.cat([targets for _, targets in parts]).numpy()
    rows = [tuple(row) for row in np.column_stack([pixels, answers])]
    assert len(set(rows)) == len(rows) == 1797
    assert set(rows) == {tuple(row) for row in np.column_stack([images, labels]).astype(int)}


def test_each_class_has_its_share_of_every_part() -> None:
    for _, targets in digits():
        assert (targets.bincount(minlength=10) / len(targets) - 0.1).abs().max() < 0.01


def test_the_text_is_cut_in_three() -> None:
    train, validation, test = topics()
    length = len(train + validation + test)
    assert length > 100_000
    assert [len(part) * 10 // length for part in topics()] == pytest.approx([8, 1, 1], abs=1)
    assert "assert" in train[:20]


def test_windows_lie_side_by_side_and_targets_come_next() -> None:
    text = "abcdefgh" * 12
    task = text_task("letters", text, "abcdefghé–" * 2, text, _transformer, 4, 2, measured=3)
    (inputs, targets), context = task.train, 4
    assert inputs.shape == targets.shape == (len(text) // context - 1, context)
    a = ord("a") - 31  # the line break is 0, the space 1, and so on in the order of ASCII
    assert (inputs[:2] - a).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert (targets[:2] - a).tolist() == [[1, 2, 3, 4], [5, 6, 7, 0]]
    # é and – share the number after all others.
    assert task.network.weights["symbol"].shape[0] == 97
    assert task.validation[0].tolist()[2] == [96, 96, a, a + 1]
    assert len(task.test[0]) == 3
    with pytest.raises(ValueError, match="9 examples cannot be chosen from 4"):
        text_task("letters", text, "abcdefghé–" * 2, text, _transformer, 4, 2, measured=9)


def test_examples_are_spread_evenly() -> None:
    part = torch.arange(10), torch.arange(10) + 1
    assert [half.tolist() for half in spread(part, 3)] == [[0, 3, 6], [1, 4, 7]]
    assert spread(part, None) is part


def test_only_the_rare_words_tell() -> None:
    inputs, targets = (torch.cat(parts) for parts in zip(*_parts(rare_features()), strict=True))
    assert inputs.shape == (3000, 200)
    assert inputs[:, 0].mean() == pytest.approx(10, rel=0.05)
    assert inputs[:, 199].mean() == pytest.approx(0.05, rel=0.3)
    even, odd = inputs[:, 21::2].sum(1), inputs[:, 20::2].sum(1)  # words count from 1
    assert targets[even > odd].eq(1).all()
    assert targets[even < odd].eq(0).all()
    assert 0.4 < targets.double().mean() < 0.6


# The texts of rare_features are drawn independently, so that two short ones may well be equal.
@pytest.mark.parametrize(
    "task", [task for task in TASKS if task is not rare_features()], ids=lambda task: task.name
)
def test_no_example_is_in_two_parts(task: Classification) -> None:
    rows = [{tuple(row) for row in inputs.tolist()} for inputs, _ in _parts(task)]
    shared = [len(rows[i] & rows[j]) / len(rows[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    # The manual repeats itself, so that a few windows of it are equal.
    assert max(shared) <= (0.05 if task is topics_transformer() else 0)


def _parts(task: Classification) -> tuple[tuple[Tensor, Tensor], ...]:
    return task.train, task.validation, task.test


def _transformer(symbols: int) -> Transformer:
    return Transformer(symbols, context=4, width=4, heads=2, layers=1)


# The loss and what is measured


def test_mnist_is_divided_anew_for_each_seed() -> None:
    parts, again, other = mnist(0), mnist(0), mnist(1)
    assert [len(targets) for _, targets in parts] == [2000, 1000, 2000]
    assert torch.equal(parts[2][0], again[2][0]) and not torch.equal(parts[2][0], other[2][0])
    images = torch.cat([inputs for inputs, _ in parts])
    assert images.shape == (5000, 784) and len(images.unique(dim=0)) == 5000
    assert torch.cat([targets for _, targets in parts]).bincount().tolist() == [500] * 10
    pixels = parts[0][0]
    assert float(pixels.mean()) == pytest.approx(0, abs=1e-5)
    assert float(pixels.std()) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_hidden_layers_are_those_of_torch(norm: str | None) -> None:
    network = MLP(6, (8, 4), 3, norm)
    rng = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        for name, weight in network.weights.items()
    }
    x = due = torch.randn(5, 6, generator=rng, dtype=torch.float64)
    for number, width in ((1, 8), (2, 4)):
        due = due @ weights[f"W{number}"]
        if norm == "layer":
            due = functional.layer_norm(due, (width,)) * weights[f"scale{number}"]
        if norm == "batch":
            due = functional.batch_norm(due, None, None, weights[f"scale{number}"], training=True)
        due = functional.relu(due + weights[f"b{number}"])
    due = functional.linear(due, weights["W3"].T, weights["b3"])
    assert torch.allclose(network(weights, x), due)


def test_each_hidden_unit_is_dropped_by_a_number_of_its_own() -> None:
    network = MLP(6, (8, 4), 3, dropout=0.25)
    rng = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(weight.shape, generator=rng) for name, weight in network.weights.items()
    }
    x, uniform = torch.randn(5, 6, generator=rng), torch.rand(5, 12, generator=rng)
    assert network.noise == 12
    first = functional.relu(x @ weights["W1"] + weights["b1"]) * (uniform[:, :8] >= 0.25) / 0.75
    second = functional.relu(first @ weights["W2"] + weights["b2"])
    due = second * (uniform[:, 8:] >= 0.25) / 0.75 @ weights["W3"] + weights["b3"]
    assert torch.allclose(network(weights, x, uniform), due)


def test_one_standard_deviation_for_all_matrices() -> None:
    usual, poor = MLP(6, (8, 4), 3).weights, MLP(6, (8, 4), 3, std=0.1).weights
    assert {name: weight.std for name, weight in poor.items()} == {
        "W1": 0.1, "b1": 0, "W2": 0.1, "b2": 0, "W3": 0.1, "b3": 0
    }  # fmt: skip
    assert usual["W2"].std == pytest.approx(np.sqrt(2 / 8))


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
    expected = nn.functional.cross_entropy(model(inputs), targets).item()
    assert task.loss(theta, inputs, targets).item() == pytest.approx(expected, rel=1e-12)
    found = task.measure(theta)
    assert found["train_loss"].item() == pytest.approx(expected, rel=1e-12)
    right = (model(inputs).argmax(-1) == targets).double().mean()
    assert found["train_accuracy"] == right


def test_the_start_stays_what_it_was() -> None:
    assert digits_mlp().start(0)[:3].tolist() == pytest.approx([0.0222, -0.0234, 0.1132], abs=1e-4)


def test_the_l2_term() -> None:
    task = digits_softmax()
    theta = torch.linspace(-1, 1, task.size, dtype=torch.float64)
    term = 0.005 * (theta**2).sum()
    without = replace(task, l2=0.0)
    expected = without.loss(theta, *task.train) + term
    assert task.loss(theta, *task.train).item() == pytest.approx(expected.item())
    found, bare = task.measure(theta), without.measure(theta)
    assert found["train_loss"].item() == pytest.approx((bare["train_loss"] + term).item())
    assert found["validation_loss"] == bare["validation_loss"]


def test_the_optimum_is_one() -> None:
    task = digits_softmax()
    slope = grad(task.loss)(task.optimum, *task.train)
    assert slope.abs().max() < 1e-9
    lowest = task.loss(task.optimum, *task.train)
    for seed in range(3):
        aside = task.optimum + 1e-3 * task.start(seed)
        assert task.loss(aside, *task.train) > lowest
    assert replace(task, from_optimum=True).start(5).allclose(task.optimum, atol=1e-7)


def test_without_the_l2_term_there_is_no_single_optimum() -> None:
    with pytest.raises(ValueError, match="digits_mlp has no L2 term"):
        _ = digits_mlp().optimum


@every_task
def test_each_part_is_measured_as_if_it_were_alone(task: Classification) -> None:
    """Or, with batch normalization, behind the training examples, whose statistics it is given."""
    theta = task.start(1)
    found = task.measure(theta)
    assert all(value.ndim == 0 and value.isfinite() for value in found.values())
    inputs, _ = spread(task.train, task.measured)
    for part in ("validation", "test"):
        new, targets = (half[:7] for half in getattr(task, part))
        both = task.scores(theta, torch.cat([inputs, new]), count=len(inputs))[len(inputs) :]
        short = replace(task, **{part: (new, targets)})
        expected = functional.cross_entropy(both.flatten(0, -2), targets.flatten())
        assert short.measure(theta)[f"{part}_loss"].item() == pytest.approx(expected.item())
        other = {"validation": "test", "test": "validation"}[part]
        assert short.measure(theta)[f"{other}_loss"].item() == pytest.approx(
            found[f"{other}_loss"].item(), rel=1e-12
        )


@pytest.mark.parametrize("make", [digits_mlp, digits_cnn])
def test_batch_normalization_measures_with_the_training_set(make: Callable) -> None:
    task = make("batch")
    theta = task.start(0)
    few = replace(task, validation=tuple(half[:1] for half in task.validation))
    one = few.measure(theta)["validation_loss"]
    twice = replace(
        task, validation=tuple(half[:1].expand(2, *half.shape[1:]) for half in task.validation)
    )
    assert twice.measure(theta)["validation_loss"].item() == pytest.approx(one.item(), rel=1e-12)
    # With other training examples the score is another.
    fewer = replace(few, train=tuple(half[:500] for half in task.train))
    assert fewer.measure(theta)["validation_loss"].item() != pytest.approx(one.item(), rel=1e-3)


# The networks


@pytest.mark.parametrize("shape", [(12, 8), (12, 8, 4, 4)], ids=["units", "images"])
@pytest.mark.parametrize("norm", ["batch", "layer", "group"])
def test_normalization_is_that_of_torch(norm: str, shape: tuple[int, ...]) -> None:
    rng = torch.Generator().manual_seed(0)
    values, weight = torch.randn(2, 3, *shape, generator=rng, dtype=torch.float64) * 3 + 1
    theirs = {
        "batch": lambda x: functional.batch_norm(x, None, None, training=True),
        "layer": lambda x: functional.layer_norm(x, x.shape[1:]),
        "group": lambda x: functional.group_norm(x, GROUPS),
    }[norm]

    def slope(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        return grad(lambda x, weight: (function(x) * weight).sum())

    ours = vmap(slope(lambda x: normalized(x, norm)))(values, weight)
    for run in range(3):
        assert normalized(values[run], norm).allclose(theirs(values[run]), atol=1e-12)
        assert ours[run].allclose(slope(theirs)(values[run], weight[run]), atol=1e-10)


def test_batch_normalization_by_the_first_examples_only() -> None:
    values = torch.randn(12, 8, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    first = values[:5]
    variance, mean = torch.var_mean(first, (0, 2, 3), correction=0)
    expected = functional.batch_norm(values, mean, variance)
    assert normalized(values, "batch", count=5).allclose(expected, atol=1e-12)


@pytest.mark.parametrize("norm", [None, "batch", "group"])
def test_the_convolutions_are_those_of_torch(norm: str | None) -> None:
    task = digits_cnn(norm)
    theta = task.start(0) + 0.1
    model = nn.Sequential()
    inputs = 1
    for width in (8, 16):
        model.append(nn.Conv2d(inputs, width, 3, stride=2, padding=1, bias=norm is None))
        if norm:
            model.append(nn.BatchNorm2d(width) if norm == "batch" else nn.GroupNorm(GROUPS, width))
        model.append(nn.ReLU())
        inputs = width
    model.extend([nn.Flatten(), nn.Linear(64, 10)]).double()
    # In theta the weights lie in the order of torch, but the last matrix is transposed.
    last = theta[-650:-10].view(64, 10).T.flatten()
    nn.utils.vector_to_parameters(torch.cat([theta[:-650], last, theta[-10:]]), model.parameters())
    images = task.train[0][:50]
    assert task.scores(theta, images).allclose(model(images.view(-1, 1, 8, 8)), atol=1e-10)


@pytest.mark.parametrize("post", [False, True])
def test_the_transformer_is_that_of_torch(post: bool) -> None:
    network = Transformer(symbols=11, context=6, width=8, heads=2, layers=2, post=post)
    rng = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        for name, weight in network.weights.items()
    }

    def layer(number: int) -> nn.Module:
        own = {name: weights[f"{name}{number}"] for name in ("QKV", "O", "W", "b", "V", "c")}
        zero = torch.zeros(32, dtype=torch.float64)
        layer = nn.TransformerEncoderLayer(
            8, 2, 32, dropout=0.0, batch_first=True, norm_first=not post, dtype=torch.float64
        )
        layer.load_state_dict(
            {
                "self_attn.in_proj_weight": own["QKV"].T,
                "self_attn.in_proj_bias": zero[:24],
                "self_attn.out_proj.weight": own["O"].T,
                "self_attn.out_proj.bias": zero[:8],
                "linear1.weight": own["W"].T,
                "linear1.bias": own["b"],
                "linear2.weight": own["V"].T,
                "linear2.bias": own["c"],
                "norm1.weight": weights[f"attention{number}.scale"],
                "norm1.bias": weights[f"attention{number}.shift"],
                "norm2.weight": weights[f"hidden{number}.scale"],
                "norm2.bias": weights[f"hidden{number}.shift"],
            }
        )
        return layer

    inputs = torch.randint(11, (3, 6), generator=rng)
    x = functional.embedding(inputs, weights["symbol"]) + weights["position"]
    mask = nn.Transformer.generate_square_subsequent_mask(6, dtype=torch.float64)
    for number in (1, 2):
        x = layer(number)(x, mask, is_causal=True)
    if not post:  # after the last layer of the other kind all is normalized already
        x = functional.layer_norm(x, (8,), weights["scores.scale"], weights["scores.shift"])
    assert network(weights, inputs).allclose(x @ weights["W"] + weights["b"], atol=1e-10)


def test_the_transformer_sees_nothing_of_what_comes() -> None:
    task = topics_transformer()
    theta, (inputs, _) = task.start(0), task.validation
    changed = inputs[:4].clone()
    changed[:, 20:] = 0
    before, after = task.scores(theta, inputs[:4]), task.scores(theta, changed)
    assert before[:, :20].allclose(after[:, :20], atol=1e-12)
    assert not before[:, 20:].allclose(after[:, 20:])
    # A shorter text is read as the beginning of a longer one.
    assert before[:, :9].allclose(task.scores(theta, inputs[:4, :9]), atol=1e-12)


def test_dropout_keeps_the_mean() -> None:
    rng = np.random.default_rng(0)
    uniform = torch.from_numpy(rng.random((2000, 50), dtype=np.float32))
    values = torch.ones(2000, 50, dtype=torch.float64)
    kept = dropped(values, 0.2, uniform)
    assert set(kept.unique().tolist()) == {0.0, 1.25}
    assert kept.mean() == pytest.approx(1, abs=0.005)
    assert dropped(values, 0.2, None) is values


@pytest.mark.parametrize("make", [digits_mlp, digits_cnn])
def test_dropout_is_off_when_measuring(make: Callable) -> None:
    task, plain = make(dropout=0.5), make()
    theta = task.start(2)
    assert theta.equal(plain.start(2))
    assert task.measure(theta) == plain.measure(theta)
    batch = tuple(half[0] for half in arguments(task, [2], 1)[0])
    assert task.loss(theta, *batch) != plain.loss(theta, *batch[:2])
    assert task.loss(theta, *batch[:2]) == plain.loss(theta, *batch[:2])


def test_what_does_not_fit_together() -> None:
    for network in (MLP(4, (8,), 2, norm="group"), CNN(8, 1, (4, 8), 2, norm="group")):
        assert network.noise == 0
    with pytest.raises(ValueError, match="norm = 'instance', but it must be None, 'batch'"):
        digits_mlp(norm="instance")
    with pytest.raises(ValueError, match=r"4 groups do not fit into \(6,\) channels"):
        MLP(64, (6,), 10, norm="group")
    for rate in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"dropout = {rate}, but it must be in \[0, 1\)"):
            digits_cnn(dropout=rate)
    with pytest.raises(ValueError, match="side = 10 cannot be halved 2 times"):
        CNN(10, 1, (4, 8), 2)
    with pytest.raises(ValueError, match="width = 10 is no multiple of heads = 4"):
        Transformer(8, 4, width=10, heads=4, layers=1)


def test_each_variant_has_a_name() -> None:
    assert digits_mlp("batch").name == "digits_mlp-batch"
    assert digits_cnn("layer", 0.5, large=True).name == "digits_cnn-layer-dropout0.5-large"
    names = [task.name for task in (*TASKS, *(make(large=True) for make in LARGE))]
    assert len(set(names)) == len(names)


# What follows from a seed


@every_task
def test_the_seed_alone_decides(task: Classification) -> None:
    assert task.start(1).equal(task.start(1))
    assert not task.start(1).equal(task.start(2))
    assert np.array_equal(task.batches(1, 40), task.batches(1, 40))
    assert not np.array_equal(task.batches(1, 40), task.batches(2, 40))


@every_task
def test_a_longer_run_begins_the_same(task: Classification) -> None:
    assert np.array_equal(task.batches(7, 50)[:20], task.batches(7, 20))
    assert task.batches(7, 50).shape == (50, task.batch)
    assert task.batches(7, 0).shape == (0, task.batch)
    assert list(task.draws(7, 0)) == []
    long, short = list(task.draws(7, 50)), list(task.draws(7, 20))
    assert (len(long), len(short)) == (50, 20)
    for one, other in zip(long, short, strict=False):
        assert all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


@every_task
def test_draws_are_the_batches_and_dropout(task: Classification) -> None:
    noise = task.network.noise
    for rows, (drawn, *uniform) in zip(task.batches(3, 5), task.draws(3, 5), strict=True):
        assert np.array_equal(rows, drawn)
        assert [part.shape for part in uniform] == [(task.batch, noise)] * (noise > 0)
        assert all((part >= 0).all() and (part < 1).all() for part in uniform)
    inputs, targets, *_ = arguments(task, [3, 4], 5)[0]
    rows = torch.from_numpy(task.batches(4, 1)[0])
    assert inputs[1].equal(task.train[0][rows])
    assert targets[1].equal(task.train[1][rows])


def test_an_epoch_sees_no_example_twice() -> None:
    epochs = digits_mlp().batches(0, 48).reshape(3, -1)
    assert all(len(set(epoch)) == 16 * 64 for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


def test_start_batches_and_dropout_have_streams_of_their_own(monkeypatch) -> None:
    made: list[str] = []
    default_rng = np.random.default_rng

    def spy(seed):
        rng = default_rng(seed)
        made.append(str(rng.bit_generator.state))
        return rng

    monkeypatch.setattr(np.random, "default_rng", spy)
    seeds = [*range(30), *range(1_000_000, 1_000_010)]
    task = digits_mlp(dropout=0.5)
    for seed in seeds:
        task.start(seed)
        next(task.draws(seed, 1))
    assert len(made) == len(set(made)) == 3 * len(seeds)


@every_task
def test_who_asks_for_draws_changes_nothing(task: Classification) -> None:
    first = list(task.draws(3, 20))
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    task.start(3)
    task.batches(4, 7)
    for one, other in zip(task.draws(3, 20), first, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


def test_a_batch_of_all_is_the_whole_set() -> None:
    task = digits_mlp()
    whole = replace(task, batch=task.examples).batches(0, 2)
    assert np.array_equal(np.sort(whole), np.tile(np.arange(task.examples), (2, 1)))


def test_independent_draws_repeat_examples() -> None:
    drawn = digits_softmax().batches(0, 1000)
    assert len(set(drawn[: 1077 // 16].ravel())) < 800  # 1 - 1/e of them, about 680
    assert np.bincount(drawn.ravel(), minlength=1077).min() > 0


# Training


@every_task
def test_a_population_is_its_runs_one_by_one(task: Classification) -> None:
    seeds, rates = [4, 5, 4], [0.01, 0.01, 0.02]
    together = trained(task, seeds, rates)
    alone = [trained(task, [seed], [lr]) for seed, lr in zip(seeds, rates, strict=True)]
    assert together.allclose(torch.cat(alone), rtol=1e-9, atol=1e-12)
    measured = vmap(task.measure)(together)
    for run, theta in enumerate(together):
        for name, value in task.measure(theta).items():
            assert measured[name][run].item() == pytest.approx(value.item(), rel=1e-9)


@every_task
def test_a_pickled_task_is_small_and_the_same(task: Classification) -> None:
    text = pickle.dumps(task)
    assert len(text) < 8e6
    again = pickle.loads(text)
    theta = task.start(0)
    assert theta.equal(again.start(0))
    assert task.measure(theta) == again.measure(theta)
    one, other = arguments(task, [0], 1)[0], arguments(again, [0], 1)[0]
    assert all(a.equal(b) for a, b in zip(one, other, strict=True))


@every_task
def test_single_precision(task: Classification) -> None:
    single = task.to(dtype=torch.float32)
    theta = single.start(0)
    assert theta.dtype == torch.float32
    loss = single.loss(theta, *(half[0] for half in arguments(single, [0], 1)[0]))
    assert loss.dtype == torch.float32
    found, double = single.measure(theta), task.measure(task.start(0))
    assert found["train_loss"].dtype == found["train_accuracy"].dtype == torch.float32
    assert found["train_loss"].item() == pytest.approx(double["train_loss"].item(), rel=1e-4)


@pytest.mark.parametrize("make", LARGE, ids=lambda make: make.__name__)
def test_the_large_setting_takes_a_step(make: Callable) -> None:
    task = make(large=True).to(dtype=torch.float32)
    assert task.size > 2 * make().size
    few = {part: spread(getattr(task, part), 16) for part in ("train", "validation", "test")}
    task = replace(task, batch=8, measured=None, **few)
    before, after = task.start(0), trained(task, [0], [0.001])[0]
    assert task.measure(after)["train_loss"] < task.measure(before)["train_loss"]
