"""The torch classes compute what torch.optim does where they say so, and what the rules do.

The manners of a torch optimizer are in test_torch_contract.py.
"""

import inspect

import numpy as np
import pytest
import torch

from optlib import (
    adagrad,
    adam,
    adamw,
    nadam_schedule,
    nag,
    nag_lookahead,
    rmsprop,
    rule,
    sgd,
    sgdm,
)
from optlib.arrays import dot, sqrt
from optlib.faces.optimizer import RuleOptimizer
from optlib.torch import NAG, SGD, SGDM, Adagrad, Adam, AdamW, NAdam, RMSprop
from optlib.wrapper import wrapper

PAIRS = {
    "sgd": (sgd, lambda p: SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "sgdm": (sgdm, lambda p: SGDM(p, 0.1), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
    "nag": (
        nag,
        lambda p: NAG(p, 0.1),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    ),
    "adagrad": (adagrad, lambda p: Adagrad(p, 0.1), lambda p: torch.optim.Adagrad(p, 0.1)),
    "rmsprop": (rmsprop, lambda p: RMSprop(p, 0.1), lambda p: torch.optim.RMSprop(p, 0.1)),
    "adam": (adam, lambda p: Adam(p, 0.1), lambda p: torch.optim.Adam(p, 0.1)),
    "adamw": (adamw, lambda p: AdamW(p, 0.1), lambda p: torch.optim.AdamW(p, 0.1)),
    "nadam": (nadam_schedule, lambda p: NAdam(p, 0.1), lambda p: torch.optim.NAdam(p, 0.1)),
}
SINGLE = 1e-8  # torch keeps NAdam's product of momenta in single precision


def parameters(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = [(), (3,), (2, 3), (0,)]
    return [
        torch.nn.Parameter(torch.randn(s, generator=generator, dtype=torch.float64).to(dtype))
        for s in shapes
    ]


def drive(optimizer, params, steps, seed=1, between=lambda: None):
    """Take steps with random gradients, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
        optimizer.step()
        between()


@pytest.mark.parametrize(("rule", "ours", "theirs"), PAIRS.values(), ids=PAIRS)
def test_equals_torch_over_200_random_steps(rule, ours, theirs):
    mine, other = parameters(), parameters()
    drive(ours(mine), mine, 200)
    drive(theirs(other), other, 200)
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=SINGLE if "nadam" in rule.name else 1e-10)


@pytest.mark.parametrize("name", ["sgdm", "nag"])
def test_under_a_schedule_the_place_of_the_rate_parts_us_from_torch(name):
    _, ours, theirs = PAIRS[name]
    ends = []
    for make in (ours, theirs):
        params = parameters()
        optimizer = make(params)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        drive(optimizer, params, 20, between=schedule.step)
        ends.append(params[1].detach())
    assert (ends[0] - ends[1]).abs().max() > 0.1


@pytest.mark.parametrize(("rule", "ours", "theirs"), PAIRS.values(), ids=PAIRS)
def test_equals_the_numpy_path(rule, ours, theirs):
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = ours([p])

    def closure():
        optimizer.zero_grad()
        loss = (p**4).sum() / 400
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(50)]
    path = rule.path(lambda x: x**3 / 100, [1.0, -2.0], 50, lr=0.1)
    np.testing.assert_allclose(p.detach().numpy(), path[-1], rtol=1e-12)
    np.testing.assert_allclose(losses, (path[:-1] ** 4).sum(-1) / 400, rtol=1e-12)


def test_groups_have_their_own_hyper_parameters():
    a, b = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    optimizer = SGDM([{"params": [a]}, {"params": [b], "lr": 1.0}], 0.5)
    for p in (a, b):
        p.grad = torch.ones(2)
    optimizer.step()
    assert a.tolist() == [-0.5, -0.5]
    assert b.tolist() == [-1.0, -1.0]
    with pytest.raises(ValueError, match=r"momentum = 1\.5"):
        optimizer.add_param_group({"params": [torch.nn.Parameter(a.clone())], "momentum": 1.5})


@pytest.mark.parametrize(
    ("ours", "theirs", "given"),
    [
        (Adam, torch.optim.Adam, (0.1, (0.8, 0.9), 1e-6, 0.2)),
        (AdamW, torch.optim.AdamW, (0.1, (0.8, 0.9), 1e-6, 0.2)),
        (NAdam, torch.optim.NAdam, (0.1, (0.8, 0.9), 1e-6, 0.2, 0.1)),
        (RMSprop, torch.optim.RMSprop, (0.1, 0.9, 1e-6, 0.2)),
    ],
)
def test_positional_arguments_as_in_torch(ours, theirs, given):
    mine, other = parameters(), parameters()
    drive(ours(mine, *given), mine, 20)
    drive(theirs(other, *given), other, 20)
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=SINGLE if ours is NAdam else 1e-12)


def test_one_cycle_moves_rate_and_betas():
    mine, other = parameters(), parameters()
    for params, cls in ((mine, Adam), (other, torch.optim.Adam)):
        optimizer = cls(params, 0.1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=30)
        drive(optimizer, params, 29, between=schedule.step)
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_a_step_runs_under_vmap():
    def step(theta, g, lr):
        return adam.step(theta, g, adam.init(theta), 1, lr=lr)[0]

    theta, g = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    lr = torch.tensor([0.1, 0.2, 0.3, 0.4])
    together = torch.func.vmap(step)(theta, g, lr)
    alone = torch.stack([step(*row) for row in zip(theta, g, lr.tolist(), strict=True)])
    torch.testing.assert_close(together, alone)


def test_an_update_compiles_into_one_graph():
    def update(theta, g, m, v, t):
        move, state = adam.update(theta, g, {"m": m, "v": v}, t, adam.hyper)
        return theta + move, state["m"], state["v"]

    given = torch.rand(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.tensor(3.0, dtype=torch.float64)
    compiled = torch.compile(update, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(*given, t), update(*given, t))


def test_complex_parameters_are_two_real_ones():
    z = torch.nn.Parameter(torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128))
    x = torch.nn.Parameter(torch.view_as_real(z.detach()).clone())
    ours, pair = Adam([z], 0.1), Adam([x], 0.1)
    theirs_z = torch.nn.Parameter(z.detach().clone())
    theirs = torch.optim.Adam([theirs_z], 0.1)
    for _ in range(5):
        g = torch.randn(2, dtype=torch.complex128, generator=torch.Generator().manual_seed(3))
        z.grad, theirs_z.grad, x.grad = g.clone(), g.clone(), torch.view_as_real(g).clone()
        for optimizer in (ours, pair, theirs):
            optimizer.step()
    assert torch.equal(torch.view_as_real(z), x)
    torch.testing.assert_close(z, theirs_z, rtol=0, atol=1e-12)


def test_bad_input():
    p = [torch.nn.Parameter(torch.zeros(3))]
    with pytest.raises(ValueError, match=r"beta2 = 1.0 is out of range \(0 <= beta2 < 1\)"):
        Adam(p, betas=(0.9, 1.0))
    with pytest.raises(TypeError, match="Adam: got an unexpected keyword argument 'beta1'; it has"):
        Adam(p, beta1=0.8)
    with pytest.raises(TypeError, match="betas must be two numbers"):
        Adam(p, betas=0.9)
    with pytest.raises(
        ValueError, match=r"RMSprop: alpha = 1.0 is out of range \(0 <= alpha < 1\)"
    ):
        RMSprop(p, alpha=1.0)
    with pytest.raises(ValueError, match=r"lr must be one number, got \[0.1, 0.2\]"):
        SGD(p, [0.1, 0.2])
    table = torch.nn.Embedding(4, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse=False"):
        SGD(table.parameters()).step()
    with pytest.raises(TypeError, match="away from the parameters"):
        type("Ahead", (RuleOptimizer,), {"rule": nag_lookahead})
    with pytest.raises(TypeError, match="Nameless must name its rule"):
        type("Nameless", (RuleOptimizer,), {})


def test_help_shows_the_hyper_parameters():
    assert list(inspect.signature(Adam).parameters) == [
        "params", "lr", "betas", "eps", "weight_decay", "maximize",
    ]  # fmt: skip
    assert "Algorithm 1" in Adam.__doc__


def test_a_rule_of_ones_own_is_two_lines():
    class Mine(RuleOptimizer):
        rule = adam

    assert Mine.__doc__.startswith("Adam (Kingma & Ba 2015, Algorithm 1).")
    assert "betas : two of float, default (0.9, 0.999)" in Mine.__doc__
    assert "alpha : float, default 0.99" in RMSprop.__doc__
    mine, adams = parameters(), parameters()
    drive(Mine(mine, 0.1), mine, 5)
    drive(Adam(adams, 0.1), adams, 5)
    for a, b in zip(mine, adams, strict=True):
        assert torch.equal(a, b)


WEIGHTS = [[[3.0, 4.0], [0.0, 2.0]], [[6.0, 0.0]]]  # of length sqrt(65) together


def network_step(rule):
    """The moves of two weights whose gradients are WEIGHTS, by one step at the rate 1."""
    cls = type("Made", (RuleOptimizer,), {"rule": rule})
    params = [torch.nn.Parameter(torch.zeros(np.shape(g), dtype=torch.float64)) for g in WEIGHTS]
    for p, g in zip(params, WEIGHTS, strict=True):
        p.grad = torch.tensor(g, dtype=torch.float64)
    cls(params, lr=1.0).step()
    return [p.detach() for p in params]


def length(g):
    return sqrt(dot(g, g))


def scaled(g):
    return g / length(g)


@rule
def normed(g, *, lr=0.1):
    """The whole gradient with length 1; it has no slots."""
    return -lr * g / sqrt(dot(g, g))


@rule
def normed_by_a_helper(g, *, lr=0.1):
    """The same, by a function that calls another one."""
    return -lr * scaled(g)


@rule
def normed_in_memory(g, m, *, lr=0.1):
    """The same with a slot."""
    m = m + scaled(g)
    return -lr * m, m


def closed_over(norm):
    @rule
    def normed_by_a_closure(g, *, lr=0.1):
        return -lr * g / norm(g)

    return normed_by_a_closure


@pytest.mark.parametrize(
    "r", [normed, normed_by_a_helper, normed_in_memory, closed_over(length)], ids=lambda r: r.name
)
def test_a_norm_is_that_of_the_whole_network(r):
    for move, g in zip(network_step(r), WEIGHTS, strict=True):
        torch.testing.assert_close(move, -torch.tensor(g, dtype=torch.float64) / 65**0.5)


def test_what_cannot_be_seen_is_refused():
    @rule
    def averaged(g, *, lr=0.1):
        return -lr * g.mean()

    @rule
    def product(g, *, lr=0.1):
        return -lr * g / (g @ g)

    @rule
    def turned(g, *, lr=0.1):
        return -lr * g[::-1]

    @rule
    def other_library(g, *, lr=0.1):
        return -lr * np.sign(g)

    @rule
    def inner(g, *, lr=0.1):
        return (lambda x: -lr * x.sum())(g)

    names = {
        averaged: "mean",
        product: "@",
        turned: r"\[",
        other_library: "np",
        inner: "the inner <lambda>",
    }
    for r, name in names.items():
        with pytest.raises(TypeError, match=rf"{r.name} uses .*{name}.* look beyond one tensor"):
            network_step(r)


def test_a_wrapper_that_is_neutral_costs_nothing():
    """At inf, a decay of 0 would make nan of the step; another decay is applied."""

    @wrapper(neutral={"pull": 0.0})
    def pulled(theta, g, *, pull=0.0):
        g_tilde = g + pull * theta
        return g_tilde

    class Pulled(RuleOptimizer):
        rule = pulled(sgd)

    def step(pull):
        theta = torch.nn.Parameter(torch.tensor([float("inf"), 2.0]))
        theta.grad = torch.ones(2)
        Pulled([theta], lr=0.1, pull=pull).step()
        return theta.tolist()

    assert step(0.0) == [float("inf"), pytest.approx(1.9)]
    assert step(0.5)[1] == pytest.approx(1.8)
