"""What the libraries run: every statement of `optlib.dialects` is run against the library."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optlib
from optlib import dialects
from optlib.dialects import (
    ALL,
    DIALECTS,
    FORMS,
    LIBRARIES,
    REEXPORTED,
    Dialect,
    apart,
    decaying,
    find,
    operations,
    run,
    sample,
    stored,
    table,
)
from optlib.rules.variants import nadam_paper, nadam_timm

pytestmark = pytest.mark.slow

EQUAL = 1e-10
RANGES = {
    "lr": lambda u: 10 ** (3 * u - 3),
    "momentum": lambda u: 0.5 + 0.49 * u,
    "beta1": lambda u: 0.5 + 0.49 * u,
    "beta2": lambda u: 1 - 10 ** (-1 - 3 * u),
    "eps": lambda u: 10 ** (2 * u - 3),
    "weight_decay": lambda u: 0.01 + 0.1 * u,
    "momentum_decay": lambda u: 0.01 + 0.5 * u,
    "final_lr": lambda u: 10 ** (2 * u - 2),
    "initial": lambda u: 0.2 + u,
    "k": lambda u: 2 + int(8 * u) + (2 + int(8 * u) == 5),  # other than the default, 5
    "alpha": lambda u: 0.1 + 0.35 * u,
}
"""Hyper-parameters from the unit interval, none of them a default, so that each is seen."""


def label(dialect):
    kind = "schedule" if dialect.scheduled else ""
    return f"{dialect.rule.name}-{dialect.code.partition('(')[0]}-{kind}"


every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=label)
APART = [d for d in DIALECTS if d.variant]
CONSTANT = [d for d in DIALECTS if not d.scheduled and not d.variant]


def draw(rule, seed):
    """Hyper-parameters of a rule, drawn from their ranges."""
    rng = np.random.default_rng(seed)
    return {name: RANGES[name](rng.uniform()) for name in rule.hyper}


def drawn(dialect, seed, steps=200, code=None):
    """What the library visits, and what the rule that it is said to run visits."""
    hyper = draw(dialect.runs, seed)
    start, gradients = sample(steps, seed=seed)
    gradients = gradients * 10 ** np.linspace(-1, 1, gradients.shape[1])
    if dialect.scheduled:
        hyper["lr"] = decaying(hyper["lr"], steps)
    theirs = dialect.visit(start, gradients, hyper, code)
    return run(dialect.runs, start, gradients, hyper), theirs


# The statements.


@every_dialect
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_library_takes_the_steps_that_are_stated(dialect, seed):
    ours, theirs = drawn(dialect, seed)
    assert ours.shape == theirs.shape == (201, 8)
    assert np.isfinite(ours).all()
    assert apart(ours, theirs) <= EQUAL


@every_dialect
def test_at_the_rules_own_defaults_they_are_as_far_apart_as_stated(dialect):
    assert dialect.distance(dialect.runs, **dialect.at) <= EQUAL
    measured = dialect.distance(**dialect.at)
    if dialect.variant:
        assert dialect.reason
        assert f"{measured:.3g}" == f"{dialect.apart:.3g}"
        assert measured > 1000 * EQUAL
    else:
        assert dialect.apart == 0
        assert measured <= EQUAL


@pytest.mark.parametrize("dialect", APART, ids=label)
def test_on_other_gradients_they_are_about_as_far_apart(dialect):
    far = [dialect.distance(seed=seed, **dialect.at) for seed in range(1, 6)]
    factor = 100 if dialect.rule.name == "rmsprop" else 3  # the smallest gradient decides
    assert dialect.apart / factor < min(far) <= max(far) < dialect.apart * factor


@every_dialect
def test_at_the_librarys_own_defaults_they_are_as_far_apart_as_stated(dialect):
    measured = dialect.distance(code=dialect.plain_code)
    assert f"{measured:.3g}" == f"{dialect.plain:.3g}" if dialect.plain else measured <= EQUAL


@pytest.mark.parametrize("dialect", APART, ids=label)
def test_the_librarys_own_defaults_are_those_of_the_variant(dialect):
    hyper = {**dialect.variant.hyper, "lr": dialect.rule.hyper["lr"]}
    assert dialect.distance(dialect.variant, dialect.plain_code, **hyper) <= EQUAL


def test_the_librarys_own_defaults_are_the_whole_reason():
    own = {"rmsprop": {"beta2": 0.9}, "adamw": {"weight_decay": 1e-4}}
    equal = [d for d in DIALECTS if not d.variant and d.plain]
    assert [d.rule.name for d in equal] == list(own)
    for dialect in equal:
        assert dialect.reason
        assert dialect.distance(code=dialect.plain_code, **own[dialect.rule.name]) <= EQUAL


@pytest.mark.parametrize("dialect", CONSTANT, ids=label)
def test_what_is_equal_stays_so_under_a_schedule_unless_a_dialect_says_otherwise(dialect):
    parted = any(d.scheduled and d.code == dialect.code for d in find(dialect.rule))
    start, gradients = sample(50)
    hyper = {**dialect.rule.hyper, "lr": decaying(0.01, 50)}
    theirs = dialect.visit(start, gradients, hyper)
    far = apart(run(dialect.rule, start, gradients, hyper), theirs)
    assert far > 0.01 if parted else far <= EQUAL


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if not d.scheduled], ids=label)
def test_no_option_can_be_left_out(dialect):
    """The statements can fail: without any one option of the call the runs part."""
    for name in dialect.options:
        tree = ast.parse(dialect.code, mode="eval")
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            call.keywords = [word for word in call.keywords if word.arg != name]
        try:
            ours, theirs = drawn(dialect, 1, 20, ast.unparse(tree))
        except (TypeError, ValueError) as error:
            assert re.search(f"missing .*'{name}'|Nesterov momentum requires", str(error))
            continue
        assert apart(ours, theirs) > 1000 * EQUAL, name


def switch(rule, hyper, start, gradients):
    """The step at which SWATS switches, 0 if it does not."""
    state = rule.init(start)
    with np.errstate(all="ignore"):
        for t, g in enumerate(gradients, 1):
            _, state = rule.update(start, g, state, t, hyper)
    return int(state["since"].item())


def test_swats_has_switched_where_it_is_compared():
    (swats,) = find("swats")
    hyper = {**swats.rule.hyper, **swats.at}
    theirs = {n: hyper[n] for n in swats.variant.hyper}
    ours, po = switch(swats.rule, hyper, *sample()), switch(swats.variant, theirs, *sample())
    assert 1 < ours < po < 200
    start, gradients = sample(seed=1)
    gradients = gradients * 10 ** np.linspace(-1, 1, 8)
    assert 1 < switch(swats.variant, draw(swats.variant, 1), start, gradients) < 200


@pytest.mark.parametrize(
    ("name", "size", "lr"), [("adabound", 1e-7, 1e-8), ("swats", 1e-7, 1e-3), ("swats", 1.0, 1e-7)]
)
def test_the_small_constants_of_pytorch_optimizer(name, size, lr):
    """1e-15 inside the root shows with small gradients, and the tolerance 1e-8 at a small rate."""
    (dialect,) = find(name)
    start, gradients = sample()
    hyper = {**dialect.runs.hyper, "lr": lr, "eps": 1e-9}
    theirs = dialect.visit(0 * start, size * gradients, hyper)
    assert apart(run(dialect.runs, 0 * start, size * gradients, hyper), theirs) <= EQUAL
    if size == 1:
        assert 1 < switch(dialect.runs, hyper, start, gradients) < 200


@pytest.mark.parametrize("name", REEXPORTED)
def test_pytorch_optimizer_hands_on_the_classes_of_torch(name):
    import pytorch_optimizer
    import torch

    assert getattr(pytorch_optimizer, name) is getattr(torch.optim, name)


@pytest.mark.parametrize(
    ("name", "library"), [(n, where) for n in ALL for where in LIBRARIES if not find(n, where)]
)
def test_a_library_without_a_dialect_has_no_such_optimizer(name, library):
    has = {public.lower() for public in dir(importlib.import_module(library))}
    assert name.partition("_")[0] not in has


def test_nadam_of_torch_rounds_its_product_unless_the_default_dtype_is_float64(monkeypatch):
    import torch

    (nadam,) = find("nadam_schedule", "torch.optim")
    assert nadam.distance() <= EQUAL
    monkeypatch.setattr(torch, "set_default_dtype", lambda dtype: None)
    assert EQUAL < nadam.distance() < 1e-7


# Converters.


@every_dialect
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_there_and_back(dialect, seed):
    hyper = draw(dialect.runs, seed)
    assert dialect.back(**dialect.to(**hyper)) == hyper
    assert set(dialect.to()) == set(dialect.options)
    call = ast.parse(dialect.call(**hyper), mode="eval")
    typed = {
        word.arg: ast.literal_eval(word.value)
        for node in ast.walk(call)
        if isinstance(node, ast.Call)
        for word in node.keywords
    }
    assert typed == dialect.to(**hyper)


def test_converters_by_hand():
    (torch_adam,), (optax_adam,) = find("adam", "torch.optim"), find(optlib.adam, "optax")
    assert torch_adam.to(lr=0.1, beta2=0.99) == {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}
    assert optax_adam.to(**torch_adam.back(lr=0.1, betas=(0.8, 0.99))) == {
        "learning_rate": 0.1, "b1": 0.8, "b2": 0.99, "eps": 1e-8,
    }  # fmt: skip
    assert torch_adam.call(lr=0.1) == (
        "torch.optim.Adam(params, lr=0.1, betas=(0.9, 0.999), eps=1e-08)"
    )
    assert find("rmsprop", "torch.optim")[0].back(alpha=0.95) == {"beta2": 0.95}
    (bound,) = find("adabound")
    assert bound.to(beta2=0.75)["gamma"] == 0.25
    assert find("adam", "pytorch_optimizer") == (torch_adam,)
    assert find("adabound", "optax") == ()


def test_clear_errors():
    (adam,) = find("adam", "torch.optim")
    with pytest.raises(TypeError, match="adam has no hyper-parameter betas; it has lr, beta1"):
        adam.to(betas=(0.9, 0.99))
    with pytest.raises(TypeError, match=r"which runs adam, has no option beta1; it has lr, b"):
        adam.back(beta1=0.9)
    with pytest.raises(TypeError, match=r"betas must be 2 numbers, got 0\.9"):
        adam.back(betas=0.9)
    with pytest.raises(ValueError, match=r"beta2 = 1\.5 is out of range"):
        adam.back(betas=(0.9, 1.5))
    plain, _ = find("radam", "optax")
    with pytest.raises(ValueError, match="so threshold must be 4, got 5"):
        plain.back(threshold=5)
    (bound,) = find("adabound")
    assert bound.back(betas=(0.9, 0.99), gamma=0.01) == {"beta1": 0.9, "beta2": 0.99}
    with pytest.raises(ValueError, match=r"so gamma must be 0\.01"):
        bound.back(betas=(0.9, 0.99), gamma=0.1)
    with pytest.raises(TypeError, match="the book has no rule lion; it has sgd, "):
        find("lion")
    with pytest.raises(TypeError, match="the book has no library keras; it has torch"):
        find("adam", "keras")


def test_a_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pytorch-optimizer"):
        find("swats")[0].distance()


def test_import_and_converters_need_numpy_alone():
    code = (
        "import sys; from optlib.dialects import find, operations; "
        "find('adam', 'optax')[0].call(); operations(find('adam')[0].rule); "
        "assert not {'sympy', 'torch', 'jax', 'optax', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Papers and texts.


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.variant.name)
def test_a_form_is_ours_with_other_numbers(form):
    assert f"{form.distance():.3g}" == f"{form.apart:.3g}"
    assert form.distance(convert=True) <= EQUAL
    for seed in range(1, 6):
        hyper = draw(form.rule, seed)
        assert form.distance(convert=True, **hyper) <= EQUAL
        assert form.distance(**hyper) > 1000 * EQUAL
    parts = form.code.split(", ")
    for part in parts:  # none of them can be left out
        rest = replace(form, code=", ".join(p for p in parts if p != part))
        assert rest.distance(convert=True, **hyper) > 1000 * EQUAL


def test_eps_hat_by_hand():
    eps_hat = next(f for f in FORMS if f.variant.name == "adam_eps_hat")
    assert eps_hat.to(t=2, beta2=0.5, eps=1.0)["eps"] == pytest.approx(0.75**0.5)


def test_the_papers_adamw_is_that_of_torch_with_the_decay_over_the_rate():
    """Algorithm 2 with its own multiplier, against LambdaLR around torch.optim.AdamW."""
    import torch

    start, gradients = sample(50)
    multiplier = 1 - np.arange(50) / 50
    paper = next(f.variant for f in FORMS if f.rule.name == "adamw")
    hyper = {**paper.hyper, "lr": 0.01 * multiplier, "weight_decay": 0.002}
    ours = run(paper, start, gradients, hyper | {"multiplier": multiplier})

    theta = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.AdamW([theta], lr=0.01, weight_decay=0.002 / 0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 - t / 50)
    for g in gradients:
        theta.grad = torch.tensor(g)
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(theta.detach().numpy(), ours[-1], rtol=0, atol=1e-12)


def test_the_schedule_of_nadam_without_decay_is_half_the_momentum():
    start, gradients = sample(50)
    schedule, plain = ALL["nadam_schedule"], ALL["nadam"]
    ours = run(schedule, start, gradients, {**schedule.hyper, "momentum_decay": 0.0})
    assert apart(ours, run(plain, start, gradients, plain.hyper)) > 0.1

    theta, m, v = start, np.zeros(8), np.zeros(8)
    for t, g in enumerate(gradients, 1):  # Dozat's Algorithm 2 at mu = 0.45
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        m_hat = 0.45 * m / (1 - 0.45 ** (t + 1)) + 0.55 * g / (1 - 0.45**t)
        theta = theta - 0.002 * m_hat / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert np.allclose(theta, ours[-1], rtol=0, atol=1e-12)


def changed(rule, other):
    """The lines of a rule's box that are not in the other's."""
    return [row.kind for row in rule.box(other).rows() if row.kind in {"new", "changed"}]


def test_nadam_of_timm_is_adamw_with_the_newest_gradient_averaged_in_once_more():
    """timm's order of operations, and that the one correction is all that is not ours."""
    start, gradients = sample(50)
    hyper = {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 0.01}
    ours = run(nadam_timm, start, gradients, hyper)

    theta, m, v = start, np.zeros(8), np.zeros(8)
    for t, g in enumerate(gradients, 1):
        m, v = m + 0.2 * (g - m), v + 0.05 * (g**2 - v)
        ahead = m + 0.2 * (g - m)
        theta = theta - 0.1 / (1 - 0.8**t) * ahead / (np.sqrt(v) / np.sqrt(1 - 0.95**t) + 0.01)
    assert np.allclose(theta, ours[-1], rtol=0, atol=1e-12)

    plain = run(ALL["nadam"], start, gradients, hyper)
    far = abs(np.diff(ours - plain, axis=0)).max(axis=1)
    assert far[0] > 0.01 and far[-1] < 1e-5  # 0.8**50 is 1e-5
    assert changed(nadam_timm, ALL["nadam"]) == ["changed"]


def test_nadam_of_the_paper_by_hand():
    """Algorithm 2 with a list of momenta; PyTorch keeps m by beta1, and no beta2 in v_hat."""
    start, gradients = sample(50)
    hyper = {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 0.01, "momentum_decay": 0.3}
    ours = run(nadam_paper, start, gradients, hyper)

    mu = [0.8 * (1 - 0.96 ** (0.3 * t) / 2) for t in range(1, 52)]
    theta, m, n = start, np.zeros(8), np.zeros(8)
    for i, g in enumerate(gradients):
        g_hat = g / (1 - np.prod(mu[: i + 1]))
        m, n = mu[i] * m + (1 - mu[i]) * g, 0.95 * n + 0.05 * g**2
        m_bar = (1 - mu[i]) * g_hat + mu[i + 1] * m / (1 - np.prod(mu[: i + 2]))
        theta = theta - 0.1 * m_bar / (np.sqrt(0.95 * n / (1 - 0.95 ** (i + 1))) + 0.01)
    assert np.allclose(theta, ours[-1], rtol=0, atol=1e-12)
    assert changed(nadam_paper, ALL["nadam_schedule"]) == ["changed", "changed"]


def test_adabound_of_pytorch_optimizer_scales_the_final_rate_with_the_schedule():
    (bound,) = find("adabound")
    start, gradients = sample()
    hyper = {**bound.runs.hyper, "lr": decaying(0.01)}
    theirs = bound.visit(start, gradients, hyper)
    scaled = hyper | {"final_lr": hyper["final_lr"] * hyper["lr"] / 0.01}
    assert apart(run(bound.runs, start, gradients, scaled), theirs) <= EQUAL
    assert apart(run(bound.runs, start, gradients, hyper), theirs) > 0.1


# Measuring.


def test_apart_by_hand():
    a, b = np.array([[0.0], [1.0], [4.0]]), np.array([[0.0], [2.0], [2.0]])
    assert apart(a, b) == apart(b, a) == 0.5
    assert apart(a, a) == 0


def test_a_run_by_hand():
    path = run(optlib.sgd, np.array([1.0]), np.array([[1.0], [2.0]]), {"lr": np.array([0.5, 0.25])})
    assert path.tolist() == [[1.0], [0.5], [0.0]]


# What a rule costs.


@pytest.mark.parametrize(
    ("name", "kept", "count"),
    [
        ("sgd", (0, 0), 2),  # lr g; theta + it
        ("sgdm", (1, 0), 4),  # two products and their sum; theta + it
        ("nag", (1, 0), 7),
        ("nag_lookahead", (1, 0), 6),  # the look ahead costs two, the gradient is not counted
        ("adagrad", (1, 0), 7),  # g^2, v +; sqrt, + eps; lr g, /; theta + it
        ("rmsprop", (1, 0), 9),
        ("adam", (2, 0), 14),  # m 3, v 4, two hats 2, sqrt, + eps, lr m, /; theta + it
        ("amsgrad", (3, 0), 13),  # no hats, but a maximum
        ("adabound", (2, 0), 15),  # m 3, v 4; sqrt, + eps, lr /, clip 2; / root t, * m; theta + it
        ("nadam_schedule", (2, 1), 18),
        ("adamw", (2, 0), 16),
        ("lookahead_sgd", (1, 0), 9),
    ],
)
def test_state_and_operations_by_hand(name, kept, count):
    assert stored(ALL[name]) == kept
    assert operations(ALL[name]) == count


def test_what_is_kept_is_what_init_makes():
    for rule in ALL.values():
        state = rule.init(np.zeros(8))
        sizes = [np.size(slot) for slot in state.values()]
        each, once = stored(rule)
        assert sorted(sizes) == [1] * once + [8] * each


# Tables.


@pytest.mark.parametrize("name", ALL)
def test_the_table_says_everything_in_words_and_for_screen_readers(name):
    page = table(name)
    html = page._repr_html_()
    assert html.count('scope="row"') == len(page.rows)
    assert html.count('scope="col"') == len(page.heads)
    assert html.count("<caption>") == 1
    for dialect in find(name):
        assert f"<code>{dialect.code}</code>" in html.replace("<wbr>", "")
        assert dialect.reason.replace("'", "&#x27;") in html
    assert "`" not in html
    assert html.count("<code>") == html.count("</code>") > 0 or not find(name)
    assert page.caption in repr(page)


def test_the_table_has_a_row_for_each_call_and_text_and_one_for_who_has_none():
    for name in ALL:
        wheres = ", ".join(row[0] for row in table(name).rows)
        assert all(library in wheres for library in LIBRARIES)
        codes = [row[1] for row in table(name).rows if row[1]]
        assert len(codes) == len(set(codes))
        assert len(codes) == len({d.code for d in find(name)}) + sum(
            f.rule.name == name for f in FORMS
        )


def test_the_sentences_in_the_table():
    torch_row, outside, inside = (row[2] for row in table("rmsprop").rows)
    assert torch_row == "Equal."
    assert outside == "Equal. Its own decay is 0.9. With its own defaults 48 % apart."
    assert inside.startswith("0.0065 % apart. eps stands inside the root")
    assert table("swats").rows[0][2].startswith("51 % apart at `eps=0.01`, `tol=0.0001`. It")
    sentence = table("sgdm").rows[0][2]
    assert sentence.startswith("Equal at a constant rate. 6.7 % apart as the rate decays to zero.")
    assert table("sgd").rows[0][0] == "torch.optim, pytorch_optimizer"
    assert table("swats").rows[-1] == ("torch.optim, optax", "", "No such optimizer.")


def test_the_overview_has_every_rule_and_library():
    page = dialects.overview()
    assert [row[0].strip("`") for row in page.rows] == list(ALL)
    assert page.heads[-3:] == tuple(LIBRARIES)
    seen = {row[0].strip("`"): row for row in page.rows}
    assert seen["adam"][2:] == (r"2 \(m, v\)", "14", "equal", "equal", "equal")
    assert seen["sgd"][2:4] == ("0", "2")
    assert seen["nadam_schedule"][2] == r"2 \(m, v\), once \(\Pi\)"
    assert seen["amsgrad"][4:] == ("75 % apart", "equal", "75 % apart")
    assert seen["swats"][4:6] == ("none", "none")
    assert seen["sgdw"][5] == "equal"
    assert seen["adam"][1] == r"\(- \frac{\eta \hat{m}_{t}}{\sqrt{\hat{v}_{t}} + \epsilon}\)"
    assert seen["swats"][1] == r"\(\Delta_{t}\)"
    assert seen["lookahead_sgd"][1].startswith(r"\(\theta_{t} = \begin{cases}")


@pytest.mark.parametrize("dialect", APART, ids=label)
def test_a_variant_prints_what_is_new_in_it(dialect):
    box = dialect.variant.box(dialect.rule)
    assert {"new", "changed"} & {row.kind for row in box.rows()}
    assert inspect.cleandoc(dialect.variant.__doc__)
    assert isinstance(dialect, Dialect)


def test_a_call_is_printed_as_a_person_types_it():
    dialect = find("adam", "torch.optim")[0]
    given = dialect.call(lr=np.float32(0.5), beta2=np.float64(0.9))
    assert given == "torch.optim.Adam(params, lr=0.5, betas=(0.9, 0.9), eps=1e-08)"
    assert repr(find("adam", "optax")[0]).endswith("for adam: Equal.>")
