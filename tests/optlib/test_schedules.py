"""Schedules are those of the papers and of the libraries, on every face."""

import copy
import io
import json
import pickle
import subprocess
import warnings

import numpy as np
import pytest
import sympy
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

import optlib.torch
from optlib.faces.scheduler import ScheduleLR
from optlib.notation import quantity, symbol
from optlib.schedule import Schedule, schedule
from optlib.schedules import (
    SCHEDULES,
    constant,
    exp_range,
    linear_decay,
    one_cycle,
    one_cycle_momentum,
    sgdr,
    step_decay,
    triangular,
    triangular2,
    warmup,
)
from tests.optlib.latex import read_back

ALL = pytest.mark.parametrize("s", SCHEDULES.values(), ids=SCHEDULES)


def settings_of(s: Schedule, rng: np.random.Generator) -> dict[str, float]:
    """Random hyper-parameters, each in its range."""
    drawn = {
        "lr": 10 ** rng.uniform(-4, 1),
        "momentum": rng.uniform(0.5, 0.99),
        "warmup": rng.uniform(1, 60),
        "step_size": rng.uniform(1, 40),
        "decay": rng.uniform(0.9, 1),
        "period": int(rng.integers(1, 20)),
        "growth": int(rng.integers(1, 4)),
        "div_factor": rng.uniform(1, 50),
        "final_div_factor": 10 ** rng.uniform(0, 5),
        "pct_start": rng.uniform(0, 0.5),
        "total_steps": int(rng.integers(4, 150)),
    }
    drawn["min_lr"] = drawn["lr"] * rng.uniform(0, 1)
    drawn["min_momentum"] = drawn["momentum"] * rng.uniform(0, 1)
    return {n: drawn[n] for n in s.hyper}


# Against torch and optax.


def parameter() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.ones(2, dtype=torch.float64))


def rates_of(make, lr=1.0, steps=200, **options):
    """What a scheduler of torch sets for each of the updates: rates and momenta."""
    optimizer = torch.optim.SGD([parameter()], lr=lr, **options)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        found.append((group["lr"], group["momentum"]))
        optimizer.step()
        scheduler.step()
    return np.array(found).T


def close(ours, theirs, peak=1.0):
    """Equal to 1e-12 of the peak."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * peak)


def test_constant_is_torchs():
    theirs, _ = rates_of(lambda o: lr_scheduler.ConstantLR(o, factor=1.0), lr=0.3)
    close(constant(np.arange(200), lr=0.3), theirs)


@pytest.mark.parametrize("steps", [2, 7, 100])
def test_warmup_is_torchs(steps):
    theirs, _ = rates_of(
        lambda o: lr_scheduler.LinearLR(o, start_factor=1 / steps, total_iters=steps - 1)
    )
    close(warmup(np.arange(200), lr=1.0, warmup=steps), theirs)


@pytest.mark.parametrize("total", [4, 60, 200])
def test_plain_decays_are_torchs(total):
    step = np.arange(total)
    theirs, _ = rates_of(
        lambda o: lr_scheduler.MultiStepLR(o, [total // 2, 3 * total // 4], gamma=0.1), steps=total
    )
    close(step_decay(step, lr=1.0, total_steps=total), theirs)
    theirs, _ = rates_of(
        lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=total),
        steps=total,
    )
    close(linear_decay(step, lr=1.0, total_steps=total), theirs)


@pytest.mark.parametrize(
    ("s", "options"),
    [
        (triangular, {"mode": "triangular"}),
        (triangular2, {"mode": "triangular2"}),
        (exp_range, {"mode": "exp_range", "gamma": 0.99}),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
@pytest.mark.parametrize("half", [1, 13, 20.5])
def test_cyclical_rates_are_torchs(s, options, half):
    theirs, _ = rates_of(
        lambda o: lr_scheduler.CyclicLR(
            o, base_lr=0.05, max_lr=1.0, step_size_up=half, cycle_momentum=False, **options
        )
    )
    hyper = {"decay": options["gamma"]} if "gamma" in options else {}
    close(s(np.arange(200), lr=1.0, min_lr=0.05, step_size=half, **hyper), theirs)


@pytest.mark.parametrize("growth", [1, 2, 3])
@pytest.mark.parametrize("period", [1, 10, 17])
def test_sgdr_is_torchs(period, growth):
    theirs, _ = rates_of(
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(
            o, T_0=period, T_mult=growth, eta_min=0.02
        )
    )
    close(sgdr(np.arange(200), lr=1.0, min_lr=0.02, period=period, growth=growth), theirs)


@pytest.mark.parametrize("total", [10, 200, 333])
@pytest.mark.parametrize("pct", [0.2, 0.3, 0.45, 0.5])
def test_one_cycle_is_torchs_with_the_same_arguments(total, pct):
    theirs, momenta = rates_of(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, total, pct_start=pct, three_phase=True, anneal_strategy="linear"
        ),
        steps=total,
        momentum=0.95,
    )
    step, same = np.arange(total), {"pct_start": pct, "total_steps": total}
    close(one_cycle(step, lr=1.0, **same), theirs)
    close(one_cycle_momentum(step, momentum=0.95, min_momentum=0.85, **same), momenta)


@pytest.fixture
def optax():
    """Optax in double precision, where it is installed; the book does not need it."""
    library = pytest.importorskip("optax")
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield library
    jax.config.update("jax_enable_x64", before)


def test_warmup_is_optaxs(optax):
    theirs = optax.warmup_constant_schedule(1.0 / 30, 1.0, warmup_steps=29)
    close(warmup(np.arange(100), lr=1.0, warmup=30), theirs(np.arange(100)))


def test_sgdr_is_optaxs(optax):
    cycles = [
        {"init_value": 1.0, "peak_value": 1.0, "warmup_steps": 0, "decay_steps": n}
        | {"end_value": 0.1}
        for n in (5, 15, 45, 135)
    ]
    theirs = optax.sgdr_schedule(cycles)
    close(sgdr(np.arange(200), lr=1.0, min_lr=0.1, period=5, growth=3), theirs(np.arange(200)))


@pytest.mark.parametrize("rise", [1, 20, 49])
def test_one_cycle_is_optaxs_where_both_peak_at_the_same_step(optax, rise):
    # Optax peaks at step pct_start * transition_steps, torch and we one before it; and its final
    # phase begins where pct_final says, ours where the cycle is closed. It cuts the product off to
    # a whole number, hence the tiny bit more.
    last = 100
    theirs = optax.linear_onecycle_schedule(
        last, 1.0, pct_start=(rise + 1e-9) / last, pct_final=(2 * rise + 1e-9) / last
    )
    step = np.arange(last + 50)
    ours = one_cycle(step, lr=1.0, pct_start=(rise + 1) / (last + 1), total_steps=last + 1)
    close(ours, [theirs(i) for i in step])


def test_the_same_arguments_peak_a_step_apart_in_optax(optax):
    theirs = optax.linear_onecycle_schedule(100, 1.0, pct_start=0.3, pct_final=0.6)
    step = np.arange(101)
    assert np.argmax([theirs(i) for i in step]) == 30
    assert np.argmax(one_cycle(step, lr=1.0, pct_start=0.3, total_steps=100)) == 29


# The papers' closed forms.


@given(growth=st.integers(1, 6), period=st.integers(1, 1000), cycle=st.integers(0, 12))
def test_a_restart_is_exactly_at_the_peak(growth, period, cycle):
    start = sum(period * growth**i for i in range(cycle))
    length = period * growth**cycle
    assume(start + length < 10**12)
    here = {"lr": 1.0, "min_lr": 0.0, "period": period, "growth": growth}
    assert sgdr(start, **here) == 1.0
    # the last step of the cycle, by eq. 5
    expected = (1 + np.cos(np.pi * (length - 1) / length)) / 2
    assert sgdr(start + length - 1, **here) == pytest.approx(expected, abs=1e-12)


@ALL
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_never_above_the_peak_and_the_peak_scales_it(s, seed):
    rng = np.random.default_rng(seed)
    hyper = settings_of(s, rng)
    rates = s(np.arange(300), **hyper)
    assert np.all((rates >= 0) & (rates <= hyper[s.result] * (1 + 1e-12)))
    for n in ("lr", "min_lr", "momentum", "min_momentum"):
        if n in hyper:
            hyper[n] = hyper[n] / 2
    np.testing.assert_allclose(s(np.arange(300), **hyper), rates / 2, rtol=1e-12)


def test_the_momentum_mirrors_the_rate():
    step = np.arange(60)  # until the cycle is closed
    rate = one_cycle(step, lr=1.0, div_factor=4.0, total_steps=100)
    momentum = one_cycle_momentum(step, momentum=0.9, min_momentum=0.8, total_steps=100)
    np.testing.assert_allclose((rate[:59] - 0.25) / 0.75, (0.9 - momentum[:59]) / 0.1, rtol=1e-12)


# Other faces.


@ALL
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_equations_evaluated_give_the_rate(s, seed):
    rng = np.random.default_rng(seed)
    hyper, step = settings_of(s, rng), int(rng.integers(0, 200))
    values = {symbol(n): v for n, v in hyper.items()} | {"s": step, r"\pi": np.pi}
    read = read_back(repr(s.equations()).splitlines(), values)
    wanted = s(step, **hyper)
    assert read[symbol(s.result, "s")] == pytest.approx(wanted, rel=1e-12, abs=1e-15)


@ALL
def test_what_changes_from_step_to_step_has_the_index(s):
    rng = np.random.default_rng(11)
    changing = {s.result}
    for _ in range(50):
        hyper = settings_of(s, rng)
        with np.errstate(all="ignore"):  # in a branch that is not taken
            rows = [s.walk({"step": np.float64(i), **hyper}) for i in rng.integers(200, size=5)]
        changing |= {n for n in rows[0] if len({float(row[n]) for row in rows}) > 1}
    for line in s.equations().lines:
        assert line.left == symbol(line.name, "s" if line.name in changing else "")


@ALL
def test_javascript_equals_numpy(node, s):
    rng = np.random.default_rng(3)
    runs = [{"hyper": settings_of(s, rng), "step": int(rng.integers(0, 200))} for _ in range(300)]
    program = f"""
    const schedule = {s.javascript()};
    const runs = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const rates = runs.map((run) => schedule.rate(run.step, run.hyper));
    console.log(JSON.stringify({{rates, name: schedule.name, hyper: schedule.hyper}}));
    """
    done = subprocess.run(
        [node, "-e", program], input=json.dumps(runs), capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["name"] == s.name
    assert found["hyper"] == s.hyper
    peaks = np.array([run["hyper"][s.result] for run in runs])
    expected = np.array([s(run["step"], **run["hyper"]) for run in runs])
    np.testing.assert_allclose(found["rates"] / peaks, expected / peaks, rtol=0, atol=1e-12)


@ALL
def test_numbers_arrays_tensors_and_symbols_agree(s):
    rng = np.random.default_rng(5)
    for _ in range(20):
        hyper, steps = settings_of(s, rng), rng.integers(0, 200, size=5)
        expected = [s(int(step), **hyper) for step in steps]
        np.testing.assert_allclose(s(steps, **hyper), expected, rtol=1e-14)
        tensor = s(torch.from_numpy(steps), **hyper)
        assert tensor.dtype == torch.float64
        np.testing.assert_allclose(tensor, expected, rtol=1e-13, atol=1e-14)
        formula = s(sympy.Symbol("s"), **hyper)
        values = [float(sympy.sympify(formula).subs("s", int(step))) for step in steps]
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-12)


def test_hyper_parameters_broadcast():
    rates = warmup(np.arange(5)[:, None], lr=np.array([1.0, 2.0]), warmup=4)
    np.testing.assert_allclose(rates[:, 1], 2 * warmup(np.arange(5), lr=1.0, warmup=4))
    assert triangular([0, 5], lr=[0.1, 0.2], min_lr=0.0, step_size=5).tolist() == [0.0, 0.2]
    batched = torch.func.vmap(lambda lr: triangular(5, lr=lr, min_lr=0.0, step_size=5))
    assert batched(torch.tensor([0.1, 0.2])).tolist() == torch.tensor([0.1, 0.2]).tolist()
    assert triangular([3, 4], lr=0.1, min_lr=0.1).tolist() == [0.1, 0.1]
    assert constant(np.arange(3), lr=0.5).tolist() == [0.5, 0.5, 0.5]


@ALL
def test_each_name_has_its_own_symbol_in_the_vocabulary(s):
    names = [*s.hyper, *(n for n, _ in s.lines())]
    assert all(quantity(n).meaning != n for n in names)
    assert len({symbol(n) for n in names}) == len(set(names))


@ALL
def test_it_is_pickled_by_its_name(s):
    assert pickle.loads(pickle.dumps(s)) is s
    assert copy.deepcopy(s) is s


# What is wrong says so.


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: warmup(0, lr=-1.0), ValueError, "warmup: lr = -1.0 is out of range"),
        (lambda: warmup(0, warmup=0), ValueError, "1 <= warmup"),
        (lambda: warmup(-1), ValueError, "0 <= step"),
        (lambda: warmup([0.5]), ValueError, "whole"),
        (lambda: warmup("5"), TypeError, "step must be a number"),
        (lambda: warmup(0, peak=1.0), TypeError, "has no hyper-parameter peak; it has lr, warmup"),
        (lambda: triangular(0, lr=0.1, min_lr=0.2), ValueError, "min_lr = 0.2 is above lr = 0.1"),
        (
            lambda: one_cycle_momentum(0, momentum=0.8),
            ValueError,
            "min_momentum = 0.85 is above momentum = 0.8",
        ),
        (lambda: sgdr(0, growth=1.5), ValueError, "1 <= growth, whole"),
        (lambda: one_cycle(0, pct_start=0.6), ValueError, "pct_start <= 0.5"),
        (lambda: one_cycle(0, total_steps=3), ValueError, "4 <= total_steps"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_bad_definitions():
    with pytest.raises(TypeError, match=r"write it as late\(step, \*, lr=0.1, ...\)"):

        @schedule
        def late(step, v, *, lr=0.1):
            return lr

    with pytest.raises(TypeError, match="as the first hyper-parameter"):

        @schedule
        def bare(step):
            return step

    @schedule
    def again(step, *, lr=0.1):
        lr = lr / 2
        return lr

    with pytest.raises(SyntaxError, match="defines lr a second time"):
        again.equations()

    @schedule
    def foreign(step, *, lr=0.1):
        return lr * np.exp(-step)

    with pytest.raises(TypeError, match=r"from optlib\.arrays"):
        foreign.javascript()


# The scheduler for torch.


def follow(scheduler, optimizer, steps):
    """The options of each group before each of the updates."""
    seen = []
    for _ in range(steps):
        seen.append(
            [
                (float(g["lr"]), float(g["momentum"] if "momentum" in g else g["betas"][0]))
                if {"momentum", "betas"} & g.keys()
                else float(g["lr"])
                for g in optimizer.param_groups
            ]
        )
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = torch.ones_like(p)
        optimizer.step()
        scheduler.step()
    return seen


@ALL
def test_each_groups_own_rate_is_its_peak(s):
    if s.result == "momentum":
        return
    hyper = {"min_lr": 0.001} if "min_lr" in s.hyper else {}
    peaks = [0.5, 0.02]
    groups = [{"params": [parameter()], "lr": lr} for lr in peaks]
    optimizer = torch.optim.Adam(groups)
    seen = follow(ScheduleLR(optimizer, s, **hyper), optimizer, 30)
    for i, lr in enumerate(peaks):
        assert [row[i][0] for row in seen] == [s(step, lr=lr, **hyper) for step in range(30)]


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.95),
        lambda p: torch.optim.AdamW(p, lr=0.5, betas=(0.95, 0.99)),
        lambda p: optlib.torch.SGDM(p, lr=0.5, momentum=0.95),
        lambda p: optlib.torch.Adam(p, lr=0.5, betas=(0.95, 0.99)),
        lambda p: optlib.torch.Lookahead(torch.optim.SGD(p, lr=0.5, momentum=0.95)),
    ],
    ids=["SGD", "AdamW", "SGDM", "Adam", "Lookahead"],
)
def test_one_cycle_moves_rate_and_momentum_as_torchs_does(make):
    ours, theirs = make([parameter()]), make([parameter()])
    here = ScheduleLR(ours, one_cycle, momentum=one_cycle_momentum, total_steps=40)
    there = lr_scheduler.OneCycleLR(
        theirs, 0.5, 40, three_phase=True, anneal_strategy="linear", max_momentum=0.95
    )
    close(follow(here, ours, 40), follow(there, theirs, 40))
    for p, q in zip(ours.param_groups[0]["params"], theirs.param_groups[0]["params"], strict=True):
        close(p.detach(), q.detach(), peak=10)
    assert len(ours.param_groups[0].get("betas", (0, 0))) == 2


@pytest.mark.parametrize("library", [torch.optim, optlib.torch], ids=["torch", "optlib"])
def test_resumed_in_the_middle_it_goes_on_bitwise(library):
    def begin():
        torch.manual_seed(0)
        groups = [{"params": [parameter()], "lr": 0.5}, {"params": [parameter()]}]
        optimizer = library.Adam(groups, lr=0.1)
        return optimizer, ScheduleLR(
            optimizer, one_cycle, momentum=one_cycle_momentum, total_steps=30
        )

    optimizer, scheduler = begin()
    follow(scheduler, optimizer, 11)
    params = [p for group in optimizer.param_groups for p in group["params"]]
    file = io.BytesIO()
    torch.save([params, optimizer.state_dict(), scheduler.state_dict()], file)
    rest = follow(scheduler, optimizer, 19)

    file.seek(0)
    values, *states = torch.load(file)  # by default it takes numbers and tensors alone
    resumed, scheduler = begin()
    fresh = [p for group in resumed.param_groups for p in group["params"]]
    for p, value in zip(fresh, values, strict=True):
        p.data.copy_(value)
    resumed.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    assert scheduler.get_last_lr() == [rest[0][0][0], rest[0][1][0]]
    assert follow(scheduler, resumed, 19) == rest
    assert all(torch.equal(p, q) for p, q in zip(params, fresh, strict=True))


def test_made_anew_after_the_optimizer_was_loaded_it_knows_the_peaks():
    optimizer = torch.optim.SGD([parameter()], lr=0.5, momentum=0.9)
    first = ScheduleLR(optimizer, one_cycle, momentum=one_cycle_momentum, total_steps=30)
    follow(first, optimizer, 5)
    other = torch.optim.SGD([parameter()], lr=9.0, momentum=0.1)
    other.load_state_dict(optimizer.state_dict())
    second = ScheduleLR(other, one_cycle, momentum=one_cycle_momentum, total_steps=30)
    second.load_state_dict(first.state_dict())
    assert follow(second, other, 5)[1:] == follow(first, optimizer, 5)[1:]


def test_tensor_rates_and_betas_are_changed_in_place():
    lr, beta1 = torch.tensor(0.5), torch.tensor(0.95)
    optimizer = optlib.torch.Adam([parameter()], lr=lr, betas=(beta1, 0.99))
    scheduler = ScheduleLR(optimizer, one_cycle, momentum=one_cycle_momentum, total_steps=20)
    seen = follow(scheduler, optimizer, 20)
    assert optimizer.param_groups[0]["lr"] is lr
    assert optimizer.param_groups[0]["betas"][0] is beta1
    wanted = [
        (one_cycle(i, lr=0.5, total_steps=20), one_cycle_momentum(i, total_steps=20))
        for i in range(20)
    ]
    np.testing.assert_allclose([row[0] for row in seen], wanted, rtol=1e-6)  # they are float32


def test_schedules_in_sequence():
    optimizer = torch.optim.SGD([parameter()], lr=0.5)
    parts = [ScheduleLR(optimizer, warmup, warmup=4), ScheduleLR(optimizer, sgdr, period=7)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sequence = lr_scheduler.SequentialLR(optimizer, parts, milestones=[5])
        seen = [row[0][0] for row in follow(sequence, optimizer, 15)]
    wanted = [warmup(i, lr=0.5, warmup=4) for i in range(5)]
    assert seen == wanted + [sgdr(i, lr=0.5, period=7) for i in range(10)]


def test_mistake_12_one_cycle_stepped_per_epoch_is_caught():
    epochs, batches = 3, 10
    optimizer = torch.optim.SGD([parameter()], lr=0.5)
    scheduler = ScheduleLR(optimizer, one_cycle, total_steps=epochs * batches)
    for _ in range(epochs):
        for _ in range(batches):
            optimizer.step()
        with pytest.warns(UserWarning, match="made 10 since .* after every batch"):
            scheduler.step()
    # What would have gone wrong: the rate is still on its way up when the training ends.
    assert scheduler.get_last_lr()[0] == one_cycle(3, lr=0.5, total_steps=30)
    assert scheduler.get_last_lr()[0] > 1000 * one_cycle(29, lr=0.5, total_steps=30)


def test_stepped_past_its_end_it_says_so():
    optimizer = torch.optim.SGD([parameter()], lr=0.5)
    scheduler = ScheduleLR(optimizer, one_cycle, total_steps=10)
    follow(scheduler, optimizer, 10)
    with pytest.raises(ValueError, match="one_cycle is over after total_steps = 10 updates"):
        follow(scheduler, optimizer, 1)


def test_stepped_per_batch_it_is_quiet():
    optimizer = torch.optim.SGD([parameter()], lr=0.5)
    scheduler = ScheduleLR(optimizer, sgdr)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        follow(scheduler, optimizer, 5)
        optimizer.step()  # an update, and the optimizer is put back to where it was
        optimizer.load_state_dict(optimizer.state_dict())
        follow(scheduler, optimizer, 5)


def sgd(lr=0.5, **options):
    return torch.optim.SGD([parameter()], lr=lr, **options)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ScheduleLR(sgd(0.0), warmup), ValueError, "group 0 has lr = 0, .* above 0"),
        (lambda: ScheduleLR(sgd(), warmup, lr=1.0), TypeError, "lr is not given here"),
        (lambda: ScheduleLR(sgd(), warmup, w=1), TypeError, "no hyper-parameter w; it has warmup"),
        (lambda: ScheduleLR(sgd(), warmup, warmup=0), ValueError, "1 <= warmup"),
        (lambda: ScheduleLR(sgd(), warmup, warmup=[3, 4]), TypeError, "warmup must be a single"),
        (
            lambda: ScheduleLR(sgd(), triangular, min_lr=0.6),
            ValueError,
            "min_lr = 0.6 is above lr = 0.5",
        ),
        (lambda: ScheduleLR(sgd(), one_cycle_momentum), TypeError, "a schedule of lr here"),
        (lambda: ScheduleLR(sgd(), lambda step: 1), TypeError, "a schedule of lr here"),
        (lambda: ScheduleLR(warmup, sgd()), TypeError, "takes a torch optimizer, got Schedule"),
        (
            lambda: ScheduleLR(sgd(), one_cycle, momentum=one_cycle),
            TypeError,
            "a schedule of momentum here",
        ),
        (
            lambda: ScheduleLR(sgd(), one_cycle, momentum=one_cycle_momentum),
            ValueError,
            "min_momentum = 0.85 is above momentum = 0.0",
        ),
        (
            lambda: ScheduleLR(
                torch.optim.Adagrad([parameter()]), one_cycle, momentum=one_cycle_momentum
            ),
            TypeError,
            "group 0 has neither momentum nor betas",
        ),
        (
            lambda: ScheduleLR(sgd(), warmup).load_state_dict(ScheduleLR(sgd(), sgdr).state_dict()),
            ValueError,
            "this state is of the schedule sgdr, not warmup",
        ),
    ],
)
def test_the_scheduler_refuses(make, error, message):
    with pytest.raises(error, match=message):
        make()
