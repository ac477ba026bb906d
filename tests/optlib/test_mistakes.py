"""The fifteen mistakes that published courses and libraries make, and that our checks catch.

Each test has a check whose right answers come from elsewhere: fractions, closed forms, SciPy or
a law that the algorithm must obey. What we run passes it. Then the mistake is planted into a copy
of our own text, and the same check must fail.
"""

import ast
from dataclasses import replace
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from optlib import RULES, Problem, Rule, problem
from optlib.dialects import FORMS, run
from optlib.problems import quadratic


def plant(rule: Rule, *changes: tuple[str, str]) -> Rule:
    """The rule in whose lines the first of each pair is replaced by the second."""
    *lines, (_, move) = rule.lines()
    text = {n: ast.get_source_segment(rule.source, line) for n, line in [*lines, ("move", move)]}
    wrong = dict(text)
    for old, new in changes:
        assert any(old in line for line in wrong.values()), f"{rule.name} has no `{old}`"
        wrong = {n: line.replace(old, new) for n, line in wrong.items()}
    return rule.altered(**{n: line for n, line in wrong.items() if line != text[n]})


def moves(rule, gradients, start=0.0, **hyper):
    """The moves of a rule on given gradients, (steps,) or (steps, size)."""
    gradients = np.asarray(gradients, dtype=float)
    start = np.broadcast_to(np.asarray(start, dtype=float), gradients.shape[1:])
    return np.diff(run(rule, start, gradients, {**rule.hyper, **hyper}), axis=0)


def caught(check, *planted):
    """Whether the check fails for what is planted."""
    try:
        check(*planted)
    except AssertionError:
        return True
    return False


# Laws that more than one mistake breaks.


def first_step_is_the_rate(rule):
    """From rest Adam's first step is -lr sign(g), whatever the size of g (eps = 0)."""
    g = np.array([[1e-3, -2.0, 5e4]])
    assert np.allclose(moves(rule, g, lr=0.5, eps=0.0), -0.5 * np.sign(g), rtol=1e-12)


def steps_are_constant_on_a_constant_gradient(rule):
    """All corrected averages of a constant are that constant, so each step is lr long (eps = 0)."""
    assert np.allclose(moves(rule, np.full(300, -3.0), lr=0.5, eps=0.0), 0.5, rtol=1e-9)


def scale_of_the_gradient_is_no_matter(rule):
    """A gradient a thousand times as large gives the same run (eps = 0)."""
    g = np.random.default_rng(0).normal(size=(50, 3))
    assert np.allclose(moves(rule, g, eps=0.0), moves(rule, 1000 * g, eps=0.0), rtol=1e-9)


# The mistakes.


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "amsgrad", "nadam"])
def test_1_eps_added_to_the_parameters(name):
    def check(rule):
        g = np.random.default_rng(0).normal(size=(20, 3))
        assert np.allclose(moves(rule, -g, eps=0.1), -moves(rule, g, eps=0.1), rtol=1e-12)

    def check_by_hand(rule):
        """One Adagrad step, lr = 1/2, eps = 1, g = 3: -(1/2) 3 / (3 + 1) = -3/8."""
        assert moves(rule, [3.0], lr=0.5, eps=1.0)[0] == -0.375

    rule = RULES[name]
    root = "v_max" if name == "amsgrad" else "v" if name in ("adagrad", "rmsprop") else "v_hat"
    planted = plant(rule, (f"(sqrt({root}) + eps)", f"sqrt({root}) + eps"))
    check(rule)
    assert caught(check, planted)
    if name == "adagrad":
        check_by_hand(rule)
        assert caught(check_by_hand, planted)


@pytest.mark.parametrize("bias", ["beta1**t", "beta2**t"])
def test_2_t_never_incremented(bias):
    rule = RULES["adam"]
    steps_are_constant_on_a_constant_gradient(rule)
    assert caught(steps_are_constant_on_a_constant_gradient, plant(rule, (bias, bias[:-1] + "1")))


def test_2_t_never_incremented_by_a_face():
    """The step is counted by who calls the rule, so each of them is checked."""
    import torch

    from optlib.faces.population import population
    from optlib.torch import RuleOptimizer

    class Frozen(Rule):
        def update(self, theta, g, state, t, hyper):
            return super().update(theta, g, state, t - t + 1, hyper)

    rule = RULES["adam"]

    def path(rule):
        return np.diff(rule.path(np.ones_like, [0.0], 50, lr=0.5, eps=0.0)[:, 0])

    def optimizer(rule):
        theta = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
        made = type("Made", (RuleOptimizer,), {"rule": rule})([theta], lr=0.5, eps=0.0)
        visited = [0.0]
        for _ in range(50):
            theta.grad = torch.ones_like(theta)
            made.step()
            visited.append(theta.item())
        return np.diff(visited)

    def together(rule):
        theta = torch.zeros(1, 1, dtype=torch.float64)
        examples = [(torch.ones(1, 1), torch.ones(1, 1))] * 50
        runs = population(rule, lambda x, *_: x.sum(), theta, examples, lr=[0.5], eps=0.0)
        return np.diff([x.item() for x in runs])

    def check(steps, rule):
        assert np.allclose(steps(rule), -0.5, rtol=1e-6)

    for steps in (path, optimizer, together):
        check(steps, rule)
        assert caught(check, steps, Frozen(rule.function)), steps.__name__


def tilted(x, y):
    """A bowl with the slope c = (2, -3) at zero, and Q = [[2, 1], [1, 4]]."""
    return (2 * x**2 + 2 * x * y + 4 * y**2) / 2 + 2 * x - 3 * y


def completes_the_square(bowl: Problem):
    """L(x) = (x - x*)' Q (x - x*) / 2 + L(x*), with x* where the problem says; Q from the slopes.

    For a quadratic the differences of gradients are exact, so Q is.
    """
    lowest, rng = np.array(bowl.minimum), np.random.default_rng(0)
    q = np.stack([bowl.grad(e) - bowl.grad(0 * e) for e in np.eye(2)])
    for x in rng.normal(size=(10, 2)):
        square = (x - lowest) @ q @ (x - lowest) / 2 + bowl.loss(lowest)
        assert np.isclose(bowl.loss(x), square, rtol=1e-12)


def test_3_the_completed_square_with_the_wrong_sign():
    # Cramer's rule for Q x = -c: x = (-2 * 4 - 3 * 1) / 7, y = (2 * 3 + 1 * 2) / 7.
    x, y = float(Fraction(-11, 7)), float(Fraction(8, 7))
    right, wrong = problem(x, y)(tilted), problem(-x, -y)(tilted)
    completes_the_square(quadratic)
    completes_the_square(quadratic(kappa=50))
    completes_the_square(right)
    assert caught(completes_the_square, wrong)


@pytest.mark.parametrize("name", ["sgd", "sgdm", "nag"])
def test_4_the_recursion_in_the_eigenbasis_without_the_rate(name):
    """Each direction of the bowl by itself, in fractions; for SGD it is x (1 - lr h)^t."""
    lr, momentum, kappa, steps = Fraction(1, 8), Fraction(3, 4), 10, 12

    def closed(h, x):
        m, points = Fraction(0), [x]
        for _ in range(steps):
            if name == "sgd":
                x = x * (1 - lr * h)
            elif name == "sgdm":  # x_{t+1} = (1 + lambda - eta h) x_t - lambda x_{t-1}
                before = points[-2] if len(points) > 1 else x
                x = (1 + momentum - lr * h) * x - momentum * before
            else:
                m = momentum * m + lr * h * x
                x = x - momentum * m - lr * h * x
            points.append(x)
        return [float(x) for x in points]

    def check(rule):
        hyper = {"lr": float(lr), "momentum": float(momentum)}
        hyper = {n: hyper[n] for n in rule.hyper}
        path = rule.path(quadratic(kappa=kappa), [1.0, 3.0], steps, **hyper)
        assert np.allclose(path[:, 0], closed(1, Fraction(1)), rtol=1e-12)
        assert np.allclose(path[:, 1], closed(kappa, Fraction(3)), rtol=1e-12)

    check(RULES[name])
    assert caught(check, plant(RULES[name], ("lr * g", "g")))


@pytest.mark.parametrize("name", ["adam", "nadam", "nadam_schedule"])
def test_5_the_root_missing(name):
    planted = plant(RULES[name], ("sqrt(v_hat)", "v_hat"))
    scale_of_the_gradient_is_no_matter(RULES[name])
    assert caught(scale_of_the_gradient_is_no_matter, planted)
    if name == "adam":
        first_step_is_the_rate(RULES[name])
        assert caught(first_step_is_the_rate, planted)


def test_6_eps_hat_without_the_root():
    """At t = 1, beta2 = 3/4, g = 2, eps = 1, lr = 1: v = 1, and Adam's step is 2 / (2 + 1).

    The form's rate is sqrt(1/4) / (1 - beta1) and its m is 2 (1 - beta1), so 1 / (1 + eps_hat)
    must be 2/3: eps_hat is 1/2 = sqrt(1/4), not 1/4.
    """
    form = next(f for f in FORMS if f.variant.name == "adam_eps_hat")
    planted = replace(form, code="eps=eps * (1 - beta2**t)")

    def check_by_hand(form):
        hyper = {n: float(x) for n, x in form.to(t=1, lr=1.0, beta2=0.75, eps=1.0).items()}
        assert np.isclose(moves(form.variant, [2.0], **hyper)[0], -2 / 3, rtol=1e-14)

    def check(form):
        assert form.distance(convert=True, eps=0.1) < 1e-10

    for each in (check_by_hand, check):
        each(form)
        assert caught(each, planted)


# RAdam. Of rho squared normal numbers with variance 1 let 1 / psi**2 be the mean.

RHO_INF = 1999  # at beta2 = 0.999
RECTIFIER = "sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))"


def psi_squared(rho):
    """Its distribution, a scaled inverse chi-square, as SciPy has it."""
    return stats.invgamma(rho / 2, scale=rho / 2)


def first_order(rho):
    """Variance of psi to first order: that of psi**2 over (2 psi)**2 at the mean."""
    return psi_squared(rho).var() / (4 * psi_squared(rho).mean())


def exact(rho):
    """Variance of psi, by numbers: psi is the root of psi**2."""
    psi = psi_squared(rho).expect(np.sqrt, epsabs=0, epsrel=1e-10)
    return psi_squared(rho).mean() - psi**2


def effective(t, beta2=0.999):
    """The length of the moving average, as the weighted mean age of what is in it.

    A simple average of n numbers has the mean age (n + 1) / 2, counted from 1; Liu et al., eq. 3.
    """
    weights = beta2 ** np.arange(t)
    return 2 * (weights * np.arange(1, t + 1)).sum() / weights.sum() - 1


def rectifies(rule):
    """Steps on a constant gradient, whose corrected averages divide to 1 (eps = 0, lr = 1), are r.

    r squared is what brings the variance of psi down to the one in the long run.
    """
    steps = moves(rule, np.full(400, -3.0), lr=1.0, eps=0.0)
    assert np.allclose(steps[:4], 3, rtol=1e-9)  # momentum only
    for t in (5, 6, 10, 50, 100, 400):
        due = np.sqrt(first_order(RHO_INF) / first_order(effective(t)))
        assert np.isclose(steps[t - 1], due, rtol=1e-6), t


def test_7_the_variance_of_the_inverse_chi_square():
    rho = 20
    assert np.isclose(2 * rho**2 / ((rho - 2) ** 2 * (rho - 4)), psi_squared(rho).var(), rtol=1e-12)
    assert round(psi_squared(rho).var(), 4) == 0.1543
    wrong = 2 * rho / ((rho - 2) ** 2 * (rho - 2))
    assert round(wrong, 4) == 0.0069
    assert np.isclose(rho / (2 * (rho - 2) * (rho - 4)), first_order(rho), rtol=1e-12)
    samples = rho / np.random.default_rng(0).chisquare(rho, 10**6)
    assert np.isclose(samples.var(), psi_squared(rho).var(), rtol=0.02)
    # With the wrong variance the first order is 1 / (2 (rho - 2)**2), and r as follows.
    planted = plant(RULES["radam"], (RECTIFIER, "(rho - 2) / (rho_inf - 2)"))
    rectifies(RULES["radam"])
    assert caught(rectifies, planted)


@pytest.mark.parametrize(
    "change",
    [("r * m_hat", "r**2 * m_hat"), (RECTIFIER, RECTIFIER.removeprefix("sqrt"))],
    ids=["squared", "no root"],
)
def test_8_the_rectifier_and_its_square(change):
    rectifies(RULES["radam"])
    assert caught(rectifies, plant(RULES["radam"], change))


def test_8_how_good_the_rectifier_is():
    """What the page on dialects says of the first order, and of the step at which it begins."""
    assert [round(effective(t), 3) for t in (4, 5, 6)] == [3.997, 4.996, 5.994]
    assert round(exact(5), 3) == 0.252
    assert round(first_order(5), 3) == 0.833

    def too_small(t):
        published = first_order(RHO_INF) / first_order(effective(t))
        return np.sqrt(exact(RHO_INF) / exact(effective(t)) / published)

    assert round(too_small(5), 2) == 1.82
    assert 1.01 < too_small(100) < 1.012
    assert 1 < too_small(120) < 1.01


@pytest.mark.parametrize("name", ["adam", "nadam", "nadam_schedule", "radam"])
def test_9_the_hat_missing_on_v(name):
    planted = plant(RULES[name], ("sqrt(v_hat)", "sqrt(v)"))
    check = {"adam": first_step_is_the_rate, "radam": rectifies}.get(name, first_step_of_nadam)
    check(RULES[name])
    assert caught(check, planted)


def first_step_of_nadam(rule):
    """One step, beta1 = 1/2, lr = 1, g = 4, eps = 0, by hand.

    With constant momentum m = 2, so m_hat = (1/2) 2 / (1 - 1/4) + (1/2) 4 / (1 - 1/2) = 16/3, and
    the root of v_hat is 4. With the schedule at psi = 0 both momenta are 1/4 and m_hat is
    (1/4) 2 / (1 - 1/16) + (3/4) 4 / (3/4) = 68/15.
    """
    schedule = {"momentum_decay": 0.0} if "momentum_decay" in rule.hyper else {}
    due = Fraction(68, 15) / 4 if schedule else Fraction(16, 3) / 4
    step = moves(rule, [4.0], lr=1.0, beta1=0.5, eps=0.0, **schedule)[0]
    assert np.isclose(step, -float(due), rtol=1e-12)


@pytest.mark.parametrize("change", [("m / (1", "m * (1"), ("v / (1", "v * (1")])
@pytest.mark.parametrize("name", ["adam", "nadam", "radam"])
def test_10_multiplied_by_the_bias(name, change):
    planted = plant(RULES[name], change)
    check = {"adam": first_step_is_the_rate, "radam": rectifies}.get(name, first_step_of_nadam)
    check(RULES[name])
    assert caught(check, planted)
    if name == "adam":
        steps_are_constant_on_a_constant_gradient(RULES[name])
        assert caught(steps_are_constant_on_a_constant_gradient, planted)


@pytest.mark.parametrize("inside", ["g**2", "v / (1 - beta2**t)"], ids=["g squared", "v hat"])
def test_11_the_maximum_of_something_else(inside):
    """Two steps by hand: beta1 = 1/2, beta2 = 3/4, lr = 1, eps = 0, g = 4 and then 0.

    m is 2 and then 1; v is 4 and then 3, so its maximum stays 4 and the moves are -1 and -1/2.
    """

    def check(rule):
        steps = moves(rule, [4.0, 0.0], lr=1.0, beta1=0.5, beta2=0.75, eps=0.0)
        assert np.allclose(steps, [-1.0, -0.5], rtol=1e-12)

    planted = plant(
        RULES["amsgrad"],
        ("maximum(v_max, v)", f"maximum(v_max, {inside})"),
    )
    check(RULES["amsgrad"])
    assert caught(check, planted)


def one_cycle(per, epochs=5, batches=20):
    """The rate of each batch, with PyTorch's one-cycle policy stepped once `per` batch or epoch."""
    import torch

    theta = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([theta], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, epochs=epochs, steps_per_epoch=batches, cycle_momentum=False
    )
    rates = []
    for step in range(epochs * batches):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        end = step + 1
        if end < epochs * batches and (per == "batch" or end % batches == 0):
            schedule.step()
    return np.array(rates)


def test_12_one_cycle_per_epoch():
    def check(rates):
        """It rises to the largest rate and has come back, below its start, when training ends."""
        top = rates.argmax()
        assert np.isclose(rates[top], 1.0)
        assert np.all(np.diff(rates[: top + 1]) > 0)
        assert np.all(np.diff(rates[top:]) < 0)
        assert rates[-1] < rates[0] < rates[top]

    check(one_cycle("batch"))
    assert caught(check, one_cycle("epoch"))


def test_13_a_first_step_more_than_three_times_too_long():
    rule = RULES["adam"]
    planted = plant(rule, ("m / (1 - beta1**t)", "m"), ("v / (1 - beta2**t)", "v"))
    first_step_is_the_rate(rule)
    assert caught(first_step_is_the_rate, planted)
    factor = (1 - 0.9) / sqrt(1 - 0.999)
    assert round(factor, 2) == 3.16
    assert np.isclose(moves(planted, [7.0], lr=1.0, eps=0.0)[0], -factor, rtol=1e-9)
    # AMSGrad's paper corrects nothing, so that its first step has this length by right.
    assert np.isclose(moves(RULES["amsgrad"], [7.0], lr=1.0, eps=0.0)[0], -factor, rtol=1e-9)


@pytest.mark.parametrize("name", ["adamw", "sgdw"])
def test_14_decay_through_the_preconditioner(name):
    def check(rule):
        """Decay adds -lr gamma theta to a move, whatever the gradients, and leaves no trace."""
        g = 10 ** np.random.default_rng(0).normal(size=(30, 3))
        theta, state = np.array([1.0, -2.0, 0.5]), rule.init(np.zeros(3))
        hyper = {**rule.hyper, "lr": 0.1, "weight_decay": 0.01}
        for t, now in enumerate(g, 1):
            without, kept = rule.update(theta, now, state, t, hyper | {"weight_decay": 0.0})
            move, state = rule.update(theta, now, state, t, hyper)
            assert np.allclose(move - without, -0.1 * 0.01 * theta, rtol=1e-9)
            assert all(np.array_equal(state[n], kept[n]) for n in rule.slots)
            theta = theta + move

    through = {
        "adamw": [
            ("-lr * m_hat /", "-lr * (m_hat + weight_decay * theta) /"),
            (" - lr * weight_decay * theta", ""),
        ],
        "sgdw": [
            ("lr * g", "lr * (g + weight_decay * theta)"),
            (" - lr * weight_decay * theta", ""),
        ],
    }
    planted = plant(RULES[name], *through[name])
    check(RULES[name])
    assert caught(check, planted)


def test_15_an_unfair_race(tmp_path, monkeypatch):
    """What the lab refuses, and what it reports on the card."""
    from optlab import Setting, cards, sweep, tune
    from optlab.studies.race import Race
    from optlab.tasks import digits_mlp, one_thread
    from optlab.tuning import lowest_last

    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path))
    rules = [RULES["sgd"], RULES["sgdm"]]
    fair = Race(digits_mlp, *rules, (0.01, 0.1, 0.4, 3.0), 1.5, 12, tuning_seeds=2)
    budget = {"seeds": [0], "steps": 1}

    def tuned(race):
        """Nothing is said against the rates: each optimizer's best has others on both sides."""
        notes = " ".join(race.run(Setting(6)).notes)
        assert "is the edge of its grid" not in notes

    with one_thread():
        tuned(fair)
        tuned(replace(fair, rates=(0.01, 0.02, 0.04)))  # too narrow: it is widened
        assert caught(tuned, replace(fair, rates=(1e-9, 2e-9, 4e-9)))  # however much
        for rates in [(0.1,), (0.1, 0.2)]:  # one rate for all, or nothing between two edges
            with pytest.raises(ValueError, match="a choice needs at least 3"):
                replace(fair, rates=rates).run(Setting(6))
    with pytest.raises(ValueError, match="the same number of learning rates: equal budgets"):
        sweep(digits_mlp(), rules, lr={"sgd": [0.1], "sgdm": [0.01, 0.1]}, **budget)
    grids = {"sgd": [0.1, 0.2, 0.3], "sgdm": [0.01, 0.02, 0.1, 0.2]}
    with pytest.raises(ValueError, match="the same number of learning rates: equal budgets"):
        tune(digits_mlp(), rules, lr=grids, seeds=1, steps=1, score=lowest_last())
    for seeds in (0, 1, 5, 9):  # none, or too few for a verdict
        with pytest.raises(ValueError, match="a verdict needs at least 10"):
            cards["momentum-faster"].run(seeds)


def test_15_the_rate_chosen_by_the_last_point():
    import xarray as xr

    from optlab.studies.race import Race
    from optlab.tasks import digits_mlp
    from optlab.tuning import lowest_last

    def best(score, *losses):
        """The first of two rates, or the second: that with the lowest median of the score."""
        loss = xr.DataArray(np.array(losses), dims=("lr", "seed", "step"))
        loss = loss.assign_coords(step=np.arange(loss.sizes["step"]))
        found = score(xr.Dataset({"train_loss": loss, "validation_loss": loss}))
        medians = [part.median("seed").values.tolist() for part in found]
        return int(np.lexsort(medians[::-1])[0])

    def last_point(runs):
        return (runs.train_loss.isel(step=-1),)

    def arrives_first(score):
        """Of a race the rate that arrives first wins, also where another one ends lower."""
        late, soon = [2, 1.5, 1.5, 0.1], [2, 0.9, 0.9, 0.9]
        assert best(score, [late] * 3, [soon] * 3) == 1

    def stays_low(score):
        """Elsewhere it is the rate that stays low at the end, and not the luck of one batch."""
        lucky, steady = [2.0] * 19 + [1.5, 0.4], [2.0] * 19 + [0.5, 0.5]
        assert best(score, [lucky] * 3, [steady] * 3) == 1

    race = Race(digits_mlp, RULES["sgd"], RULES["sgdm"], (0.1, 0.4, 1.0), target=1.0, steps=3)
    arrives_first(race.score)
    stays_low(lowest_last())
    assert caught(arrives_first, last_point)
    assert caught(stays_low, last_point)
