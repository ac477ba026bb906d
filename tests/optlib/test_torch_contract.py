"""What a user of torch.optim takes for granted, promised by every class of optlib.torch.

PyTorch's own test_optim.py is the yardstick, run on these classes outside of the repository; here
the same promises stand in our words. Whether the numbers are right is asked in test_torch.py.
"""

import copy
import inspect
import io
import pickle
import shutil
from functools import partial

import pytest
import torch
from torch.optim import lr_scheduler as schedules
from torch.optim.swa_utils import SWALR

import optlib.torch
from optlib import RULES
from optlib.torch import (
    NAG,
    SGD,
    SGDM,
    SWATS,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Lookahead,
    NAdam,
    RAdam,
    RMSprop,
)

pytestmark = pytest.mark.slow


class LookaheadAdam(Lookahead):
    """Lookahead around a class of ours, made like any other optimizer."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), weight_decay=0.0, maximize=False):
        super().__init__(Adam(params, lr, betas, 1e-8, weight_decay, maximize=maximize), k=2)


class LookaheadForeign(Lookahead):
    """Lookahead around a class of torch's, which has an `alpha` of its own."""

    def __init__(self, params, lr=1e-2, alpha=0.99, weight_decay=0.0, maximize=False):
        inner = torch.optim.RMSprop(params, lr, alpha, weight_decay=weight_decay, maximize=maximize)
        super().__init__(inner, k=2)


OURS = [*optlib.torch.OPTIMIZERS.values()]
CLASSES = [*OURS, LookaheadAdam, LookaheadForeign]
WITH_BETAS = [c for c in OURS if "betas" in inspect.signature(c).parameters]
ALONE = [c for c in CLASSES if c is not SWATS]  # where a parameter does not mind the others
every_class = pytest.mark.parametrize("cls", CLASSES)

NAMESAKES = {
    SGD: torch.optim.SGD,
    SGDM: torch.optim.SGD,
    NAG: torch.optim.SGD,
    Adagrad: torch.optim.Adagrad,
    RMSprop: torch.optim.RMSprop,
    Adam: torch.optim.Adam,
    AdamW: torch.optim.AdamW,
    AMSGrad: torch.optim.Adam,
    NAdam: torch.optim.NAdam,
    RAdam: torch.optim.RAdam,
}

SCHEDULES = {
    "lambda": lambda o: schedules.LambdaLR(o, lambda t: 0.9**t),
    "multiplicative": lambda o: schedules.MultiplicativeLR(o, lambda t: 0.9),
    "step": lambda o: schedules.StepLR(o, 2),
    "multistep": lambda o: schedules.MultiStepLR(o, [2, 4]),
    "constant": lambda o: schedules.ConstantLR(o, total_iters=3),
    "linear": lambda o: schedules.LinearLR(o, total_iters=3),
    "exponential": lambda o: schedules.ExponentialLR(o, 0.9),
    "polynomial": lambda o: schedules.PolynomialLR(o, 10),
    "cosine": lambda o: schedules.CosineAnnealingLR(o, 6),
    "restarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
    "plateau": lambda o: schedules.ReduceLROnPlateau(o, patience=0),
    "cyclic": lambda o: schedules.CyclicLR(o, 1e-4, 1e-2, 3, cycle_momentum=cycles(o)),
    "one cycle": lambda o: schedules.OneCycleLR(o, 1e-2, 12, cycle_momentum=cycles(o)),
    "swa": lambda o: SWALR(o, 1e-4, anneal_epochs=3),
    "chained": lambda o: schedules.ChainedScheduler(
        [schedules.LinearLR(o, total_iters=3), schedules.ExponentialLR(o, 0.9)]
    ),
    "sequential": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, total_iters=3), schedules.ExponentialLR(o, 0.9)], [3]
    ),
}


def cycles(optimizer):
    """Whether there is a momentum for a scheduler to cycle."""
    return bool({"momentum", "betas"} & optimizer.defaults.keys())


def parameters(*shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = shapes or ((2, 3), (4,), ())
    values = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    return [torch.nn.Parameter(v.to(dtype)) for v in values]


def drive(optimizer, params, steps=6, seed=1, between=lambda: None):
    """Take steps with random gradients, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
        optimizer.step()
        between()


def fork(params):
    return [torch.nn.Parameter(p.detach().clone()) for p in params]


def same(these, those):
    return all(torch.equal(a, b) for a, b in zip(these, those, strict=True))


def held_by(optimizer):
    """Parameters of an optimizer in order."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def tensors(state):
    """All tensors of a nested state."""
    if torch.is_tensor(state):
        return [state]
    return [t for v in state.values() for t in tensors(v)] if isinstance(state, dict) else []


def rich(cls, params):
    """An optimizer in two groups with options that are not the defaults."""
    half = len(params) // 2
    groups = [{"params": params[:half], "lr": 3e-3}, {"params": params[half:], "maximize": True}]
    return cls(groups, lr=2e-3, weight_decay=0.1)


# Construction.


def test_every_rule_has_its_class():
    """A class is found by its rule; a rule that evaluates the gradient itself can have none."""
    bare = {cls.rule.inner or cls.rule for cls in OURS} | {cls.rule for cls in OURS}
    classless = {"nag_lookahead", "nadam"}  # torch's own NAdam is the scheduled one
    assert {name for name, r in RULES.items() if r not in bare} == classless
    names = {cls.__name__ for cls in OURS}
    assert {*optlib.torch.__all__} >= names | {"Lookahead", "RuleOptimizer", "ScheduleLR"}


@pytest.mark.parametrize("cls", NAMESAKES)
def test_positions_are_those_of_torch(cls):
    ours = inspect.signature(cls).parameters
    places = [n for n, p in ours.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert places == list(inspect.signature(NAMESAKES[cls]).parameters)[: len(places)]


@every_class
def test_options_live_in_param_groups(cls):
    options = inspect.signature(cls).parameters.keys() - {"params"}
    optimizer = cls(parameters())
    assert options <= optimizer.param_groups[0].keys()
    assert not options & vars(optimizer).keys()


@every_class
def test_unknown_arguments_are_refused_by_name(cls):
    with pytest.raises(TypeError, match="leraning_rate"):
        cls(parameters(), leraning_rate=0.1)


@pytest.mark.parametrize("cls", OURS)
@pytest.mark.parametrize("option", ["amsgrad", "nesterov", "foreach", "fused", "centered"])
def test_options_of_torch_that_mean_another_class_say_so(cls, option):
    with pytest.raises(TypeError, match=f"; {option}: "):
        cls(parameters(), **{option: True})


@pytest.mark.parametrize("cls", OURS)
def test_bad_values_are_refused_by_name(cls):
    for name, default in cls(parameters()).defaults.items():
        bad = {"maximize": None, "betas": [(0.9,), (-0.1, 0.9), (0.9, "x"), 0.9]}
        for value in bad.get(name, [-1.0, float("nan"), "x", None, True, 1j]) or ():
            with pytest.raises((TypeError, ValueError), match="beta" if name == "betas" else name):
                cls(parameters(), **{name: value})
            group = {"params": parameters(), name: value}
            with pytest.raises((TypeError, ValueError)):
                cls([group])
        if isinstance(default, float):
            with pytest.raises(ValueError, match=f"a Tensor {name} must be 1-element"):
                cls(parameters(), **{name: torch.tensor([0.1, 0.1])})


@every_class
def test_inputs_that_torch_refuses_are_refused_in_its_words(cls):
    pytest.importorskip("expecttest", reason="torch.testing._internal needs pip install expecttest")
    from torch.testing._internal.common_optimizers import get_error_inputs_for_all_optims

    for error in get_error_inputs_for_all_optims("cpu", torch.float32):
        given = error.optimizer_error_input
        if cls is LookaheadForeign and "lr" in given.kwargs:
            continue  # which is for the inner class to say
        catch = pytest.warns if issubclass(error.error_type, Warning) else pytest.raises
        with catch(error.error_type, match=error.error_regex):
            cls(given.params, **given.kwargs)


@every_class
def test_no_parameters_at_all_is_an_error(cls):
    with pytest.raises(ValueError, match="empty parameter list"):
        cls([])


@every_class
def test_a_repr_shows_the_options(cls):
    shown = repr(cls(parameters(), lr=0.125))
    assert cls.__name__ in shown
    assert "lr: 0.125" in shown


# Groups.


@pytest.mark.parametrize("cls", ALONE)
def test_any_option_may_differ_between_groups(cls):
    others = {"betas": (0.5, 0.6), "maximize": True, "weight_decay": 0.5}
    for name, default in cls(parameters()).defaults.items():
        if name not in inspect.signature(cls).parameters:
            continue
        other = others[name] if name in others else default / 2
        whole, parts = parameters((2,), (2,)), parameters((2,), (2,))
        drive(cls([{"params": whole[:1]}, {"params": whole[1:], name: other}]), whole)
        drive(two := Both(cls(parts[:1]), cls(parts[1:], **{name: other})), parts)
        assert same(whole, parts), name
        assert two.second.param_groups[0][name] == other


class Both:
    """Two optimizers stepped together."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def step(self):
        self.first.step()
        self.second.step()


def test_swats_takes_options_from_each_group():
    whole, other = parameters((2,), (2,)), parameters((2,), (2,))
    drive(SWATS([{"params": whole[:1], "lr": 0.1}, {"params": whole[1:], "maximize": True}]), whole)
    drive(SWATS(other), other)
    before = parameters((2,), (2,))
    torch.testing.assert_close(whole[0] - before[0], 100 * (other[0] - before[0]))
    torch.testing.assert_close(whole[1] - before[1], before[1] - other[1])


@pytest.mark.parametrize("cls", ALONE)
def test_a_group_added_in_mid_run_begins_at_its_own_first_step(cls):
    old, new, alone = parameters((3,)), parameters((2,), seed=5), parameters((2,), seed=5)
    optimizer = cls(old)
    drive(optimizer, old)
    optimizer.add_param_group({"params": new, "lr": 0.05})
    drive(optimizer, new)
    drive(cls(alone, lr=0.05), alone)
    assert same(new, alone)


@every_class
def test_an_added_group_is_checked(cls):
    optimizer = cls(parameters())
    if cls is not LookaheadForeign:  # torch's own check at construction only
        with pytest.raises(ValueError, match=r"lr = -1\.0"):
            optimizer.add_param_group({"params": parameters((1,)), "lr": -1.0})
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": held_by(optimizer)[:1]})
    with pytest.raises(TypeError):
        optimizer.add_param_group(parameters((1,)))
    drive(optimizer, held_by(optimizer))


@every_class
def test_named_parameters_keep_their_names(cls):
    net = torch.nn.Linear(3, 2)
    optimizer = cls(net.named_parameters())
    drive(optimizer, [*net.parameters()])
    saved = optimizer.state_dict()
    assert saved["param_groups"][0]["param_names"] == ["weight", "bias"]
    other = cls(copy.deepcopy(net).named_parameters())
    other.load_state_dict(saved)
    assert other.param_groups[0]["param_names"] == ["weight", "bias"]


@every_class
def test_options_may_be_changed_between_steps(cls):
    a, b = parameters(), parameters()
    changed, made = cls(a), cls(b, lr=0.05, weight_decay=0.3)
    changed.param_groups[0].update(lr=0.05, weight_decay=0.3)
    if "betas" in changed.defaults:
        changed.param_groups[0]["betas"] = [0.5, 0.9]
        made = cls(b, lr=0.05, weight_decay=0.3, betas=(0.5, 0.9))
    drive(changed, a)
    drive(made, b)
    assert same(a, b)


# State.


@every_class
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_stop_save_load_go_on_is_bitwise_into_a_default_constructed_one(cls, dtype):
    params = parameters(dtype=dtype)
    optimizer = rich(cls, params)
    drive(optimizer, params, 7)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    half = len(params) // 2
    twins = fork(params)
    twin = cls([{"params": twins[:half]}, {"params": twins[half:]}])
    twin.load_state_dict(torch.load(file, weights_only=True))
    drive(optimizer, params, 7, seed=2)
    drive(twin, twins, 7, seed=2)
    assert same(params, twins)
    assert same(tensors(optimizer.state_dict()), tensors(twin.state_dict()))
    options = [{**g, "params": 0} for g in optimizer.param_groups]
    assert options == [{**g, "params": 0} for g in twin.param_groups]


@every_class
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))], ids=["copy", "pickle"]
)
def test_copies_step_alike_and_independently(cls, copied):
    params = parameters()
    optimizer = rich(cls, params)
    optimizer.register_step_pre_hook(hook)
    drive(optimizer, params)
    before = fork(params)
    twin, twins = copied((optimizer, params))
    drive(twin, twins, seed=2)
    assert same(params, before)
    drive(optimizer, params, seed=2)
    assert same(params, twins)
    twin.param_groups[0]["lr"] = 7.0
    assert optimizer.param_groups[0]["lr"] == 3e-3
    twin.add_param_group({"params": parameters((2,))})
    assert len(optimizer.param_groups) == 2


def hook(optimizer, args, kwargs):
    """Does nothing, and can be pickled."""


@every_class
def test_a_state_dict_from_before_an_option_was_there_loads(cls):
    params = parameters()
    optimizer = cls(params, lr=0.05)
    drive(optimizer, params)
    saved = copy.deepcopy(optimizer.state_dict())
    for group in saved["param_groups"]:
        del group["maximize"]
    for state in saved["state"].values():
        state["step"] = state["step"].item()
    twins = fork(params)
    twin = cls(twins)
    twin.load_state_dict(saved)
    drive(optimizer, params, seed=2)
    drive(twin, twins, seed=2)
    assert same(params, twins)


@pytest.mark.parametrize("cls", OURS)
def test_the_state_of_another_optimizer_is_refused(cls):
    params = parameters()
    foreign = torch.optim.Adadelta(params)
    drive(foreign, params)
    optimizer = cls(params)
    if missing := sorted(cls.rule.slots):
        with pytest.raises(ValueError, match=f"without {', '.join(missing)}; load what"):
            optimizer.load_state_dict(foreign.state_dict())
    assert not optimizer.state
    drive(optimizer, params)
    saved = optimizer.state_dict()
    wrapped = Lookahead(optimizer)
    for wrong in (saved, optimizer.state_dict()):
        with pytest.raises(ValueError, match="not a Lookahead's"):
            wrapped.load_state_dict(wrong)


@every_class
def test_hooks_are_called_and_may_change_what_is_loaded(cls):
    params = parameters()
    optimizer = cls(params)
    seen = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    optimizer.register_state_dict_post_hook(lambda o, saved: {**saved, "note": "kept"})
    drive(optimizer, params, 1)
    assert seen == ["before", "after"]
    saved = optimizer.state_dict()
    assert saved["note"] == "kept"

    def slower(optimizer, saved):
        saved = copy.deepcopy(saved)
        saved["param_groups"][0]["lr"] = 0.125
        return saved

    optimizer.register_load_state_dict_pre_hook(slower)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(saved)
    assert seen[-1] == "loaded"
    assert optimizer.param_groups[0]["lr"] == 0.125
    twins = fork(params)
    twin = cls(twins)
    twin.load_state_dict(copy.deepcopy(saved))
    twin.param_groups[0]["lr"] = 0.125
    drive(optimizer, params, seed=2)
    drive(twin, twins, seed=2)
    assert same(params, twins)


def test_a_hook_may_translate_the_state_of_another_optimizer():
    params = parameters()
    theirs = torch.optim.Adam(params, lr=0.05)
    drive(theirs, params)
    twins = fork(params)
    ours = Adam(twins)

    def translate(optimizer, saved):
        names = {"exp_avg": "m", "exp_avg_sq": "v", "step": "step"}
        state = saved["state"].items()
        return {**saved, "state": {i: {names[n]: v for n, v in s.items()} for i, s in state}}

    ours.register_load_state_dict_pre_hook(translate)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    drive(theirs, params, seed=2)
    drive(ours, twins, seed=2)
    for a, b in zip(params, twins, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


# Steps.


@every_class
@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_tensor_learning_rate_is_a_learning_rate(cls, shape):
    params, plain = parameters(), parameters()
    rate = torch.full(shape, 0.01, dtype=torch.float64)
    drive(cls(params, lr=rate), params)
    drive(cls(plain, lr=0.01), plain)
    for a, b in zip(params, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
    assert rate.tolist() == torch.full(shape, 0.01, dtype=torch.float64).tolist()


@pytest.mark.parametrize("cls", WITH_BETAS)
def test_tensor_betas_of_any_shape_are_betas(cls):
    params, plain = parameters(), parameters()
    betas = (torch.tensor([[[0.8]]], dtype=torch.float64), torch.tensor(0.9, dtype=torch.float64))
    drive(cls(params, betas=betas), params)
    drive(cls(plain, betas=(0.8, 0.9)), plain)
    for a, b in zip(params, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@every_class
@pytest.mark.parametrize("tensor", [False, True], ids=["float", "tensor"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_scheduler_of_torch_drives_every_class(cls, schedule, tensor):
    params, plain = parameters((3,)), parameters((3,))
    rate = torch.tensor(1e-2, dtype=torch.float64) if tensor else 1e-2
    optimizer, constant = cls(params, lr=rate), cls(plain, lr=1e-2)
    scheduler = SCHEDULES[schedule](optimizer)
    options = []

    def between():
        scheduler.step(*([1.0] if schedule == "plateau" else []))
        group = optimizer.param_groups[0]
        options.append((float(group["lr"]), group.get("momentum"), group.get("betas")))

    drive(optimizer, params, 10, between=between)
    drive(constant, plain, 10)
    assert len({rate for rate, _, _ in options}) > 1
    if schedule in ("cyclic", "one cycle") and cycles(optimizer):
        assert len({str(rest) for _, *rest in options}) > 1
    assert all(torch.isfinite(p).all() for p in params)
    assert not same(params, plain)


@every_class
def test_a_closure_runs_with_gradients_and_its_value_returns(cls):
    params = parameters((3,))
    optimizer = cls(params, lr=1e-3)

    def closure():
        assert torch.is_grad_enabled()
        optimizer.zero_grad()
        loss = (params[0] ** 2).sum()
        loss.backward()
        return loss

    first = optimizer.step(closure)
    assert first.grad_fn is not None
    assert optimizer.step(closure) < first
    assert optimizer.step() is None


@every_class
def test_maximize_is_the_gradient_turned_round(cls):
    up, down = parameters(), parameters()
    drive(cls(up, weight_decay=0.0, maximize=True), up)
    optimizer = cls(down, weight_decay=0.0)
    generator = torch.Generator().manual_seed(1)
    for _ in range(6):
        for p in down:
            p.grad = -torch.randn(p.shape, generator=generator, dtype=torch.float64)
        optimizer.step()
    assert same(up, down)


@every_class
@pytest.mark.parametrize("steps", [3, 4])
def test_a_parameter_without_a_gradient_stays(cls, steps):
    params = parameters((2,), (2,), (2,))
    optimizer = cls(params, weight_decay=0.1)
    with torch.no_grad():
        optimizer.step()  # none has one
    assert same(params, parameters((2,), (2,), (2,)))
    drive(optimizer, params[:2], steps)
    frozen = params[0].detach().clone()
    params[0].grad = None
    drive(optimizer, params[1:], 4)  # the first is frozen, the last comes late
    assert torch.equal(params[0], frozen)
    assert not torch.equal(params[2], parameters((2,), (2,), (2,))[2])


@pytest.mark.parametrize("cls", OURS)
def test_no_state_is_made_before_there_is_a_gradient(cls):
    params = parameters((2,), (2,))
    optimizer = cls(params)
    optimizer.step()
    assert not optimizer.state
    drive(optimizer, params[:1], 1)
    assert [*optimizer.state] == params[:1]


@every_class
def test_strides_and_sizes_do_not_matter(cls):
    whole = parameters((3, 4, 2))[0].detach()
    odd = [whole[..., 0], whole.permute(2, 0, 1)[1], torch.zeros(0, 3), whole.sum()]
    mine = [torch.nn.Parameter(p) for p in odd]
    plain = [torch.nn.Parameter(p.clone(memory_format=torch.contiguous_format)) for p in odd]
    assert not mine[0].is_contiguous()
    drive(cls(mine), mine)
    drive(cls(plain), plain)
    assert same(mine, plain)
    assert [p.shape for p in mine] == [p.shape for p in odd]


@every_class
def test_dtypes_are_kept_also_side_by_side(cls):
    kinds = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
    params = [parameters((3,), dtype=kind)[0] for kind in kinds]
    before = fork(params)
    optimizer = cls(params, lr=torch.tensor(0.02), **({"eps": 1e-4} if cls is SWATS else {}))
    drive(optimizer, params)
    assert [p.dtype for p in params] == kinds
    assert all(torch.isfinite(p).all() for p in params)
    assert not any(map(torch.equal, params, before))
    for p, kind in zip(params, kinds, strict=True):
        state = optimizer.state[p]
        assert all(v.dtype == kind for v in state.values() if v.shape == p.shape)
        assert state["step"] == 6


@every_class
def test_a_complex_parameter_is_two_real_ones(cls):
    if cls is LookaheadForeign:
        cls = partial(around, torch.optim.RMSprop)
    generator = torch.Generator().manual_seed(0)
    z = torch.nn.Parameter(torch.randn(3, generator=generator, dtype=torch.complex128))
    x = torch.nn.Parameter(torch.view_as_real(z.detach()).clone())
    ours, pair = cls([z], weight_decay=0.1), cls([x], weight_decay=0.1)
    for _ in range(6):
        g = torch.randn(3, generator=generator, dtype=torch.complex128)
        z.grad, x.grad = g.conj(), torch.view_as_real(g.conj().resolve_conj()).clone()
        if not isinstance(ours, Lookahead) or isinstance(ours.optimizer, Adam):
            assert z.grad.is_conj()
        else:
            z.grad = z.grad.resolve_conj()  # torch's own cannot read the other
        ours.step()
        pair.step()
    assert torch.equal(torch.view_as_real(z.detach()), x)


def around(inner, params, **options):
    return Lookahead(inner(params, **options), k=2)


@every_class
def test_gradients_are_read_only_and_no_graph_is_kept(cls):
    params = parameters()
    optimizer = cls(params, weight_decay=0.1, maximize=True)
    for _ in range(3):
        for p in params:
            p.grad = torch.ones_like(p)
        optimizer.step()
        for p in params:
            assert p.grad._version == 0 or cls is LookaheadForeign
            assert torch.equal(p.grad, torch.ones_like(p))
    assert all(p.is_leaf and p.requires_grad for p in params)
    assert not any(t.requires_grad for t in tensors(optimizer.state_dict()))


@every_class
@pytest.mark.parametrize("to_none", [True, False])
def test_zero_grad_variants(cls, to_none):
    params = parameters()
    optimizer = cls(params)
    drive(optimizer, params, 1)
    optimizer.zero_grad(set_to_none=to_none)
    if to_none:
        assert all(p.grad is None for p in params)
    else:
        assert all((p.grad == 0).all() for p in params)
    drive(optimizer, params, 1)


@every_class
def test_grad_scaler_scales_back_and_skips_infinity(cls):
    params, plain = parameters((3,), dtype=torch.float32), parameters((3,), dtype=torch.float32)
    optimizer, bare = cls(params), cls(plain)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for bad in (False, True, False):
        optimizer.zero_grad()
        scaler.scale((params[0] ** 2).sum() * (float("inf") if bad else 1.0)).backward()
        scaler.step(optimizer)
        scaler.update()
        if not bad:
            bare.zero_grad()
            (plain[0] ** 2).sum().backward()
            bare.step()
    assert same(params, plain)


@pytest.mark.parametrize("cls", [*OURS, LookaheadAdam])
def test_sparse_gradients_get_a_clear_error(cls):
    table = torch.nn.Embedding(4, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    optimizer = cls(table.parameters())
    with pytest.raises(RuntimeError, match=r"dense gradients; build the layer with sparse=False"):
        optimizer.step()


# Compiled.


def compiled_run(cls, backend, steps=6):
    """Final parameters and states, eager and compiled, and the frames compiled after each step.

    The learning rate is a tensor that a scheduler moves.
    """
    ends, frames = [], []
    for compiled in (False, True):
        params = parameters(dtype=torch.float32)
        soon = {"tol": 1.0} if cls is SWATS else {}  # it switches at its second step
        optimizer = cls(params, lr=torch.tensor(1e-2), weight_decay=0.1, **soon)
        scheduler = schedules.ExponentialLR(optimizer, 0.9)
        step = torch.compile(optimizer.step, backend=backend) if compiled else optimizer.step
        generator = torch.Generator().manual_seed(1)
        for _ in range(steps):
            for p in params:
                p.grad = torch.randn(p.shape, generator=generator)
            step()
            scheduler.step()
            if compiled:
                frames.append(backend.frame_count)
        kept = [optimizer.state[p][name] for p in params for name in optimizer.state[p]]
        ends.append([*params, *kept])
    return *ends, frames


def check_compiled(cls, backend):
    from torch._dynamo.testing import CompileCounterWithBackend

    torch._dynamo.reset()
    eager, compiled, frames = compiled_run(cls, CompileCounterWithBackend(backend))
    for a, b in zip(eager, compiled, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert frames[0] > 0
    assert len({*frames[2:]}) == 1, frames  # the first step makes the state; then no more


@every_class
def test_a_compiled_step_is_the_same_and_compiled_once(cls):
    check_compiled(cls, "eager")


@every_class
def test_a_compiled_step_passes_aot(cls):
    check_compiled(cls, "aot_eager")


@pytest.mark.parametrize("cls", [SGDM, RAdam])
def test_a_step_compiles_to_machine_code(cls):
    if not shutil.which("g++") and not shutil.which("clang++"):
        pytest.skip("inductor needs a C++ compiler (Debian: apt install g++)")
    check_compiled(cls, "inductor")


# SWATS and Lookahead.


def driven_by_bowl(optimizer, params, steps, start=0):
    """Steps on a deterministic bowl, where SWATS switches soon."""
    for t in range(start, start + steps):
        for i, p in enumerate(params):
            p.grad = ((i + 1) * p.detach() + 0.01 * torch.cos(torch.tensor(float(t)))).to(p.dtype)
        optimizer.step()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_swats_tells_its_switch_and_resumes_on_either_side_of_it(dtype):
    make = partial(SWATS, lr=1e-2, betas=(0.9, 0.9), tol=1e-2)
    params = parameters(dtype=dtype)
    optimizer = make(params)
    assert optimizer.switch is None
    t = 0
    while optimizer.switch is None:
        before = [fork(params), copy.deepcopy(optimizer.state_dict())]
        driven_by_bowl(optimizer, params, 1, t)
        t += 1
        assert t < 500
    step, rate = optimizer.switch
    assert step == t
    after = [fork(params), copy.deepcopy(optimizer.state_dict())]
    driven_by_bowl(optimizer, params, 10, t)
    assert optimizer.switch == (step, rate)
    optimizer.param_groups[0]["lr"] /= 2
    assert optimizer.switch == pytest.approx((step, rate / 2))
    for (twins, saved), begin in ((before, t - 1), (after, t)):
        twin = SWATS(twins)
        twin.load_state_dict(saved)
        driven_by_bowl(twin, twins, t + 10 - begin, begin)
        assert same(twins, params)
        assert twin.switch == (step, rate)


def test_lookahead_wraps_lbfgs_and_keeps_an_alpha_of_the_inner_one_apart():
    p = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = Lookahead(torch.optim.LBFGS([p], max_iter=1), k=2)

    def closure():
        optimizer.zero_grad()
        loss = (p**4).sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(20)]
    assert losses[-1] < 0.1 * losses[0]
    group = Lookahead(torch.optim.RMSprop([p], alpha=0.9), alpha=0.3).param_groups[0]
    assert (group["alpha"], group["lookahead_alpha"]) == (0.9, 0.3)


def test_lookahead_refuses_what_it_cannot_wrap():
    p = parameters()
    for wrong in (p, Adam, Lookahead(Adam(p))):
        with pytest.raises(TypeError, match="Lookahead wraps a torch optimizer"):
            Lookahead(wrong)
    with pytest.raises(ValueError, match="k = 0"):
        Lookahead(Adam(p), k=0)
    with pytest.raises(ValueError, match=r"alpha = 1\.5"):
        Lookahead(Adam(p), alpha=1.5)
    with pytest.raises(ValueError, match=r"k = 2\.5"):
        Lookahead(Adam(p)).add_param_group({"params": parameters((1,)), "lookahead_k": 2.5})


def test_lookahead_shares_its_groups_with_the_inner_optimizer():
    params = parameters()
    optimizer = Lookahead(Adam(params))
    optimizer.add_param_group({"params": parameters((2,)), "lookahead_k": 3})
    for one in (optimizer, copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        one.load_state_dict(one.state_dict())
        pairs = zip(one.param_groups, one.optimizer.param_groups, strict=True)
        assert all(mine is inner for mine, inner in pairs)
        assert [g["lookahead_k"] for g in one.param_groups] == [5, 3]


def test_a_group_at_rate_zero_stays_when_swats_switches():
    a, b = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    optimizer = SWATS([{"params": [a]}, {"params": [b], "lr": 0.0}], lr=1e-2, tol=1e9)
    driven_by_bowl(optimizer, [a, b], 4)
    assert optimizer.switch is not None
    assert b.tolist() == [1, 1, 1]
    assert torch.isfinite(a).all() and not torch.equal(a, torch.ones(3))


def test_lookahead_follows_a_state_that_is_loaded_into_its_inner_optimizer():
    p = torch.nn.Parameter(torch.ones(2))
    inner = torch.optim.SGD([p], lr=0.1)
    optimizer = Lookahead(inner, k=2, alpha=0.25)
    inner.load_state_dict(torch.optim.SGD([p], lr=0.3).state_dict())
    optimizer.param_groups[0]["lr"] = 0.0
    p.grad = torch.ones(2)
    optimizer.step()
    assert p.tolist() == [1, 1]
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()  # the second: back to 1 - 0.25 of the way
    assert p.tolist() == [0.75, 0.75]


def test_a_slip_of_the_pen_in_a_group_is_noticed():
    a, b = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    with pytest.raises(TypeError, match="no option weight_deacy; did you mean weight_decay"):
        AdamW([{"params": [a], "weight_deacy": 0.1}])
    optimizer = AdamW([{"params": [a], "name": "first", "initial_lr": 0.1}])
    with pytest.raises(TypeError, match="maximize must be True or False, got 'no'"):
        optimizer.add_param_group({"params": [b], "maximize": "no"})


def test_two_hyper_parameters_never_share_an_option():
    from optlib import l2, lookahead, rmsprop

    with pytest.raises(TypeError, match="two hyper-parameters of lookahead_l2_rmsprop have one"):
        type("Both", (RMSprop,), {"rule": lookahead(l2(rmsprop))})
