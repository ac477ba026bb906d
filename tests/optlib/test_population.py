"""A population is nothing but its networks trained one by one."""

import shutil

import numpy as np
import pytest
import torch
from torch.func import grad

from optlab.tasks import digits_mlp, one_thread
from optlib import adam, lookahead, nag_lookahead, rule, sgd, sgdm, swats
from optlib.arrays import clip, sqrt
from optlib.faces.population import population
from tests.optlib.rules import ALL


@pytest.fixture(autouse=True)
def _quick():
    with one_thread():
        yield


STEPS = 12
RATES = [0.02, 0.1, 0.3]


def batches(task, seeds, steps=STEPS):
    order = np.stack([task.batches(seed, steps) for seed in seeds], axis=1)
    inputs, targets = task.train
    return [(inputs[rows], targets[rows]) for rows in torch.from_numpy(order)]


def starts(task, seeds):
    return torch.stack([task.start(seed) for seed in seeds])


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_equal_to_one_after_another(rule) -> None:
    task, seeds = digits_mlp(), [4, 5, 4]
    rates = RATES if "momentum" in rule.hyper or rule.name == "sgd" else [r / 30 for r in RATES]
    *_, together = population(rule, task.loss, starts(task, seeds), batches(task, seeds), lr=rates)
    for row, (rate, seed) in enumerate(zip(rates, seeds, strict=True)):
        theta = task.start(seed)
        state = rule.init(theta)
        for t, [(inputs,), (targets,)] in enumerate(batches(task, [seed]), start=1):

            def g(point, inputs=inputs, targets=targets):
                return grad(task.loss)(point, inputs, targets)

            given = g if rule.needs_function else g(theta)
            theta, state = rule.step(theta, given, state, t, lr=rate)
        torch.testing.assert_close(together[row], theta, rtol=1e-11, atol=1e-12)


def test_one_run_of_swats_switches_and_another_does_not() -> None:
    def slope(theta: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        return theta @ g

    g = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64).expand(2, 3)
    path = list(
        population(
            swats,
            slope,
            torch.zeros(2, 3, dtype=torch.float64),
            [(g,)] * 4,
            lr=0.1,
            beta1=0.0,
            tol=[1e-9, 0.0],
        )
    )
    switched, adams = path[3] - path[2]
    torch.testing.assert_close(switched, -0.1 * 3 / 111 * g[0], rtol=1e-6, atol=0)
    torch.testing.assert_close(adams, torch.full((3,), -0.1, dtype=torch.float64))


def test_the_rules_own_adam_is_that_of_torch() -> None:
    task = digits_mlp()
    *_, [ours] = population(adam, task.loss, starts(task, [0]), batches(task, [0]), lr=[0.01])
    theta = task.start(0).requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=0.01)
    for [(inputs,), (targets,)] in batches(task, [0]):
        optimizer.zero_grad()
        task.loss(theta, inputs, targets).backward()
        optimizer.step()
    torch.testing.assert_close(ours, theta.detach(), rtol=1e-8, atol=1e-9)


def test_a_diverged_run_disturbs_no_other() -> None:
    task, seeds = digits_mlp(), [0, 1, 2]
    theta, steps = starts(task, seeds), 30
    *_, wild = population(sgdm, task.loss, theta, batches(task, seeds, steps), lr=[0.1, 1e200, 0.1])
    *_, tame = population(sgdm, task.loss, theta, batches(task, seeds, steps), lr=[0.1, 0.1, 0.1])
    assert not wild[1].isfinite().all()
    assert wild[[0, 2]].equal(tame[[0, 2]])


def test_every_hyper_parameter_may_differ_from_run_to_run() -> None:
    task, seeds = digits_mlp(), [3, 3]
    *_, both = population(
        sgdm, task.loss, starts(task, seeds), batches(task, seeds), lr=0.1, momentum=[0.0, 0.9]
    )
    *_, [plain] = population(sgd, task.loss, starts(task, [3]), batches(task, [3]), lr=0.1)
    *_, [heavy] = population(sgdm, task.loss, starts(task, [3]), batches(task, [3]), lr=0.1)
    torch.testing.assert_close(both, torch.stack([plain, heavy]), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_a_number_for_all_is_the_same_as_one_a_run(rule) -> None:
    task, seeds = digits_mlp(), [0, 1, 2]
    hyper = {n: v if rule.ranges[n].whole else 0.7 * v for n, v in rule.hyper.items()}
    ends = []
    for form in (
        float,
        lambda x: torch.tensor(x, dtype=torch.float64),
        lambda x: [x] * 3,
        lambda x: np.full(3, x),
        lambda x: torch.full((3,), x, dtype=torch.float64),
    ):
        given = {name: form(value) for name, value in hyper.items()}
        *_, end = population(rule, task.loss, starts(task, seeds), batches(task, seeds), **given)
        ends.append(end)
    for end in ends[1:]:
        torch.testing.assert_close(end, ends[0], rtol=1e-11, atol=1e-12)


def test_a_number_is_exact_in_float32_too() -> None:
    slope = torch.tensor([0.3, -1.7, 2.2])
    factors = [torch.tensor(1 + 0.3 * t) for t in range(9)]
    theta = torch.zeros(3)
    state = adam.init(theta)
    for t, factor in enumerate(factors, start=1):
        theta, state = adam.step(theta, slope * factor, state, t, lr=0.1)

    def line(point, factor):
        return (point * slope * factor).sum()

    given = [(factor.expand(2),) for factor in factors]
    *_, both = population(adam, line, torch.zeros(2, 3), given, lr=0.1)
    assert both.dtype is torch.float32
    assert both[0].equal(theta) and both[1].equal(theta)


def test_the_start_comes_first_and_stays_as_it_was() -> None:
    task = digits_mlp()
    theta = starts(task, [0, 1])
    before = theta.clone()
    visited = list(population(sgd, task.loss, theta, batches(task, [0, 1], 2), lr=0.1))
    assert len(visited) == 3
    assert visited[0].equal(before)
    assert theta.equal(before)


def test_bad_hyper_parameters() -> None:
    task = digits_mlp()
    theta = starts(task, [0, 1])
    with pytest.raises(ValueError, match=r"lr = -0\.1 is out of range"):
        next(population(sgd, task.loss, theta, [], lr=-0.1))
    for wrong in ([0.1, 0.2, 0.3], [[0.1], [0.2]], np.full((1, 1, 2), 0.1)):
        with pytest.raises(
            ValueError, match=r"lr has shape \(.*\), but it must be one number, \(2,\)"
        ):
            next(population(sgd, task.loss, theta, [], lr=wrong))
    with pytest.raises(TypeError, match="sgd has no hyper-parameter momentum"):
        next(population(sgd, task.loss, theta, [], momentum=0.9))


@pytest.mark.parametrize("rule", [sgdm, nag_lookahead], ids=lambda rule: rule.name)
def test_a_hyper_parameter_may_differ_from_step_to_step(rule) -> None:
    task, seeds = digits_mlp(), [0, 1, 2]
    rates = np.random.default_rng(0).uniform(0.01, 0.3, size=(STEPS, 3))
    momentum = [0.0, 0.5, 0.9]
    given = {"lr": rates, "momentum": momentum}
    visited = list(population(rule, task.loss, starts(task, seeds), batches(task, seeds), **given))
    assert len(visited) == STEPS + 1
    for row, seed in enumerate(seeds):
        theta = task.start(seed)
        state = rule.init(theta)
        for t, [(inputs,), (targets,)] in enumerate(batches(task, [seed]), start=1):

            def g(point, inputs=inputs, targets=targets):
                return grad(task.loss)(point, inputs, targets)

            slope = g if rule.needs_function else g(theta)
            hyper = {"lr": rates[t - 1, row], "momentum": momentum[row]}
            theta, state = rule.step(theta, slope, state, t, **hyper)
            torch.testing.assert_close(visited[t][row], theta, rtol=1e-11, atol=1e-12)


def test_as_many_steps_as_runs() -> None:
    task = digits_mlp()
    theta, given = starts(task, [0, 0]), batches(task, [0, 0], 2)
    *_, per_step = population(sgd, task.loss, theta, given, lr=[[0.1, 0.2], [0.1, 0.2]])
    *_, per_run = population(sgd, task.loss, theta, given, lr=[0.1, 0.2])
    assert per_step.equal(per_run)


def test_each_step_is_brought_back() -> None:
    def slope(theta: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        return theta @ g

    def project(theta: torch.Tensor) -> torch.Tensor:
        return theta.clamp(-1, 1)

    g = torch.tensor([[1.0, -2.0], [0.25, 0.0]], dtype=torch.float64)
    theta = torch.zeros(2, 2, dtype=torch.float64)
    signs = [1, 1, 1, -1]
    visited = population(
        sgd, slope, theta, [(sign * g,) for sign in signs], project=project, lr=0.8
    )
    expected = theta
    for found, sign in zip(list(visited)[1:], signs, strict=True):
        expected = project(expected - 0.8 * sign * g)
        torch.testing.assert_close(found, expected)


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no compiler")
@pytest.mark.parametrize("rule", [adam, nag_lookahead], ids=lambda rule: rule.name)
def test_compiled_is_the_same(rule) -> None:
    task, seeds = digits_mlp(), [0, 1]
    rates = np.linspace(0.01, 0.1, 2 * STEPS).reshape(STEPS, 2)
    number = {"beta1" if rule is adam else "momentum": np.array(0.8)}
    ends = []
    for compiled in (False, True):
        theta, given = starts(task, seeds), batches(task, seeds)
        visited = population(
            rule,
            task.loss,
            theta,
            given,
            compiled=compiled,
            lr=rates,
            project=task.project,
            **number,
        )
        ends.append(torch.stack(list(visited)))
    torch.testing.assert_close(*ends, rtol=1e-10, atol=1e-12)


def test_without_a_compiler(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    task = digits_mlp()
    with pytest.raises(
        ValueError, match=r"needs a C\+\+ compiler, and none is found: install g\+\+"
    ):
        next(population(sgd, task.loss, starts(task, [0]), [], compiled=True))


def test_a_rule_that_could_mix_the_networks_is_refused() -> None:
    def centred(g):
        return g - g.mean()

    def bounded(g):
        return clip(g, -1, 1) / sqrt(2)

    @rule
    def mixing(g, *, lr=0.1):
        return -lr * centred(g)

    @rule
    def tame(g, *, lr=0.1):
        return -lr * bounded(g)

    def loss(theta, x):
        return (theta * x).sum()

    theta = torch.zeros(2, 3, dtype=torch.float64)
    batch = [(torch.tensor([[1.0, 2, 3], [-4, 5, 60]], dtype=torch.float64),)]
    for mixed in (mixing, lookahead(mixing)):
        with pytest.raises(TypeError, match="uses mean, which may mix the networks; write it with"):
            list(population(mixed, loss, theta, batch))
    *_, last = population(lookahead(tame), loss, theta, batch, lr=1.0)
    due = -torch.tensor([[1.0, 1, 1], [-1, 1, 1]], dtype=torch.float64) / 2**0.5
    torch.testing.assert_close(last, due)
