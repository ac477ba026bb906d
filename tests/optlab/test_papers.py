"""The papers' own small problems do what is known of them in closed form."""

import pickle

import numpy as np
import pytest
import torch
from torch.func import grad, vmap

from optlab.tasks import (
    NoisyQuadratic,
    Reddi,
    noisy_quadratic,
    one_thread,
    reddi_online,
    reddi_stochastic,
    reddi_theorem,
    wilson,
)
from optlib import adagrad, adam, amsgrad, rmsprop, sgd
from optlib.faces.population import population

TASKS = [reddi_online(), reddi_stochastic(), reddi_theorem(), noisy_quadratic(), wilson()]


@pytest.fixture(autouse=True)
def _quick():
    with one_thread():
        yield


def batches(task, seeds, steps):
    """The arguments of each step's loss, the runs first."""
    for drawn in zip(*(task.draws(seed, steps) for seed in seeds), strict=True):
        stacked = [torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)]
        yield task.arguments(*stacked)


def train(rule, task, theta, steps, seeds=(0,), **hyper):
    """Every step's parameters, (steps, runs, size), projected as the task says."""
    drawn = batches(task, seeds, steps)
    _, *visited = population(rule, task.loss, theta, drawn, project=task.project, **hyper)
    return torch.stack(visited)


# What holds for every task.


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_seed_alone_decides(task) -> None:
    assert task.start(3).equal(task.start(3))
    assert task.start(3).shape == (task.size,)
    first, longer = list(task.draws(3, 30)), list(task.draws(3, 200))
    assert len(first) == 30 and len(longer) == 200
    for a, b in zip(first, longer, strict=False):
        assert len(a) == len(b)
        assert all(np.array_equal(*pair) for pair in zip(a, b, strict=True))
    assert list(task.draws(3, 0)) == []


@pytest.mark.parametrize("task", [reddi_stochastic(), noisy_quadratic()], ids=lambda t: t.name)
def test_another_seed_is_another_run(task) -> None:
    assert not task.start(1).equal(task.start(2))
    a, b = ([part.sum() for (part,) in task.draws(seed, 200)] for seed in (1, 2))
    assert a != b


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_many_runs_at_once_in_either_precision(task, dtype) -> None:
    task = pickle.loads(pickle.dumps(task.to(dtype=dtype)))
    starts = torch.stack([task.start(seed) for seed in range(4)])
    *_, last = train(sgd, task, starts, 5, seeds=range(4), lr=1e-3)
    assert last.dtype == task.dtype == dtype
    assert last.shape == (4, task.size)
    assert task.project(last[0]).equal(last[0])
    found = vmap(task.measure)(last)
    assert "train_loss" in found
    for quantity in found.values():
        assert quantity.shape == (4,)
        assert quantity.dtype == dtype
        assert quantity.isfinite().all()


# Reddi et al. (2018).


def test_the_gradients_of_reddi_are_those_of_the_paper() -> None:
    online = [float(gradient) for (gradient,) in reddi_online().draws(0, 203)]
    assert [t for t, g in enumerate(online, start=1) if g == 1010] == [1, 102, 203]
    assert online.count(-10) == 200
    assert np.mean(online[:202]) == pytest.approx(reddi_online().slope) == pytest.approx(10 / 101)
    (argument,) = reddi_online().arguments(torch.tensor(1010.0))
    assert grad(reddi_online().loss)(torch.tensor([0.3], dtype=torch.float64), argument) == 1010


def test_the_stochastic_gradients_have_the_paper_s_mean() -> None:
    task, steps = reddi_stochastic(), 100_000
    drawn = np.array([gradient for (gradient,) in task.draws(0, steps)])
    assert set(drawn) == {1010, -10}
    error = 1020 * np.sqrt(0.01 * 0.99 / steps)
    assert drawn.mean() == pytest.approx(0.2, abs=4 * error)
    assert task.slope == pytest.approx(0.2)


def test_reddi_s_regret() -> None:
    for x in (-1.0, -0.5, 1.0):
        found = reddi_online().measure(torch.tensor([x], dtype=torch.float64))
        assert found["x"] == x
        assert found["train_loss"].item() == pytest.approx(10 / 101 * (x + 1))
    starts = [reddi_online().start(seed).item() for seed in range(400)]
    assert -1 <= min(starts) < -0.98 and 0.98 < max(starts) <= 1
    assert np.mean(starts) == pytest.approx(0, abs=4 / np.sqrt(3 * 400))
    assert reddi_online().project(torch.tensor([[-3.0], [0.5], [3.0]])).flatten().tolist() == [
        -1,
        0.5,
        1,
    ]


def test_reddi_needs_a_large_gradient() -> None:
    with pytest.raises(ValueError, match=r"large must be more than \(period - 1\) \* small = 2"):
        reddi_theorem(2.0)


@pytest.mark.parametrize("large", [3.0, 10.0])
def test_theorem_1(large) -> None:
    """Adam goes to the worst point, AMSGrad and SGD to the best, wherever they start."""
    task = reddi_theorem(large)
    starts = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None]
    betas = {"beta1": 0.0, "beta2": 1 / (1 + large**2)}
    ends = {
        rule: train(rule, task, starts, 1000, seeds=range(5), lr=lr, **hyper)[-30:].mean(dim=0)
        for rule, lr, hyper in [
            (adam, 0.02, betas),
            (amsgrad, 0.02, betas),
            (sgd, 0.02 / large, {}),
        ]
    }
    assert ends[adam].min() > 0.97
    assert ends[amsgrad].max() < -0.97
    assert ends[sgd].max() < -0.97


def test_the_online_example() -> None:
    """The paper's betas: Adam drifts up, AMSGrad down; measured over whole periods."""
    task = reddi_online()
    starts, steps = torch.zeros(1, 1, dtype=torch.float64), 101 * 40
    for rule, lr, sign in [(adam, 0.03, 1), (amsgrad, 0.1, -1), (sgd, 4e-4, -1)]:
        betas = {"beta1": 0.9, "beta2": 0.99} if rule.slots else {}
        mean = train(rule, task, starts, steps, lr=lr, **betas)[-101:].mean().item()
        assert sign * mean > 0.25, (rule.name, mean)


def test_a_stochastic_example() -> None:
    """Larger than the paper's, whose noise hides in 20000 steps where the mean gradient points."""
    task = Reddi("larger", large=3000.0, small=10.0, period=100, stochastic=True)
    starts, betas = torch.zeros(8, 1, dtype=torch.float64), {"beta1": 0.9, "beta2": 0.9}
    for rule, sign in [(adam, 1), (amsgrad, -1)]:
        path = train(rule, task, starts, 5000, seeds=range(8), lr=0.03, **betas)
        ends = sign * path[-1000:].mean(dim=0)
        assert ends.min() > 0, (rule.name, ends)
        assert ends.mean() > 0.7, (rule.name, ends)


# The noisy quadratic.


def test_sgd_on_the_noisy_quadratic() -> None:
    """Mean and variance of each coordinate follow their recursions."""
    curvature = torch.tensor([1.0, 0.5, 0.1], dtype=torch.float64)
    task = NoisyQuadratic("three", curvature, variance=torch.tensor([0.5, 2, 7]).double())
    runs, steps, lr = 4000, 12, 0.4
    start = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    mean, variance = start, torch.zeros(3, dtype=torch.float64)
    path = population(
        sgd, task.loss, start.expand(runs, 3), batches(task, range(runs), steps), lr=lr
    )
    for t, theta in enumerate(path):
        error = (variance / runs).sqrt()
        assert ((theta.mean(dim=0) - mean).abs() <= 4.5 * error + 1e-12).all(), t
        spread = variance * np.sqrt(2 / (runs - 1))
        assert ((theta.var(dim=0) - variance).abs() <= 4.5 * spread + 1e-12).all(), t
        shrink = 1 - lr * curvature
        mean = shrink * mean
        variance = shrink**2 * variance + (lr * curvature) ** 2 * task.variance


def test_the_noisy_quadratic_s_loss() -> None:
    task = noisy_quadratic()
    assert task.size == 100
    theta = task.start(0)
    found = task.measure(theta)["train_loss"]
    assert found == task.loss(theta, torch.zeros(100, dtype=torch.float64))
    assert task.measure(torch.zeros(100, dtype=torch.float64))["train_loss"] == 0
    # The gradients' variance is the curvature: that of A (theta - c) is A variance A.
    assert (task.curvature**2 * task.variance).allclose(task.curvature)


# Wilson et al. (2017).


def test_wilson_s_examples() -> None:
    task = wilson(examples=5, fresh=10)
    assert task.size == 3 + 5 * 25
    inputs, targets = task.train
    assert targets.tolist() == [1, 1, 1, -1, -1]
    assert inputs[:, :3].tolist() == [[target, 1, 1] for target in targets.tolist()]
    assert inputs[:, 3:].sum(dim=1).tolist() == [1, 1, 1, 5, 5]
    every = torch.cat([part[0] for part in (task.train, task.validation, task.test)])
    assert every[:, 3:].sum(dim=0).max() == 1  # no two examples share a feature of their own
    for _, fresh in (task.validation, task.test):
        assert fresh.mean().item() == pytest.approx(0.2)
    assert task.start(0).equal(torch.zeros(task.size, dtype=torch.float64))


def test_wilson_s_minimum_norm_solution() -> None:
    """Gradient descent ends there: alpha on each example of class 1, beta on the others."""
    task = wilson()
    inputs, targets = task.train
    # From the inner products: y_i y_k + 2, and on the diagonal the example's own features.
    plus, minus = 30, 20
    determinant = (3 * plus + 1) * (3 * minus + 5) - plus * minus
    alpha, beta = (4 * minus + 5) / determinant, -(4 * plus + 1) / determinant
    expected = inputs.T @ torch.where(targets > 0, alpha, beta).double()
    (*_, last) = train(sgd, task, task.start(0)[None], 1000, lr=0.5)
    assert last[0].allclose(expected, atol=1e-9)
    found = task.measure(last[0])
    assert found["train_loss"] < 1e-12
    for part in ("train", "validation", "test"):
        assert found[f"{part}_accuracy"] == 1


@pytest.mark.parametrize(
    ("rule", "lr"), [(adagrad, 0.1), (rmsprop, 1e-3), (adam, 1e-2)], ids=lambda x: str(x)
)
def test_adaptive_methods_end_on_the_signs(rule, lr) -> None:
    task = wilson()
    inputs, targets = task.train
    *_, last = train(rule, task, task.start(0)[None], 500, lr=lr)
    # The scores of 4 y are those of the signs (Lemma 3.1's constant), so that y has a quarter.
    assert last[0].allclose((inputs.T @ targets).sign() / 4, atol=2e-3)
    found = task.measure(last[0])
    assert found["train_accuracy"] == 1
    assert found["train_loss"] < 1e-4
    for part in ("validation", "test"):
        scores = getattr(task, part)[0] @ last[0]
        assert (scores > 0).all()
        assert found[f"{part}_accuracy"].item() == pytest.approx(0.6)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_wilson_needs_both_classes_and_a_larger_one(share) -> None:
    with pytest.raises(ValueError, match="of 50 examples have the target 1"):
        wilson(share=share)
