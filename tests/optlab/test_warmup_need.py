"""Warm-up: verdicts by their words, what is measured by closed forms, and the libraries' lines."""

from dataclasses import replace
from functools import partial
from math import inf, nan

import numpy as np
import pytest
import torch
import xarray as xr

from optlab import Setting, Verdict, cards, sweep
from optlab.statistics import Estimate
from optlab.studies.warmup_need import (
    WITH,
    WITHOUT,
    GradientDistortion,
    WarmupNeed,
    WarmupPlan,
    step_lengths,
    typical_size,
)
from optlab.tasks import digits_mlp
from optlab.train import MAGNITUDES
from optlib import adam, rule
from optlib.arrays import where
from optlib.schedules import warmup
from tests.optlab.tasks import DECIDED, few


@rule
def deaf(g, *, lr=1e-3, beta2=0.999):
    """SGD with the rate 0.1, whatever its own rate."""
    return -0.1 * g + 0 * lr * beta2 * g


@rule
def kicked(g, t, *, lr=1e-3, beta2=0.999):
    """The same after a first step that leads away, the farther the higher the rate."""
    return where(t == 1, 30 * lr, 0) - 0.1 * g + 0 * beta2 * g


RATES = (0.5, 1.0, 2.0)
PLAN = WarmupPlan(kicked, steps=10, seeds=6, tuning_seeds=1)
STUDY = WarmupNeed(few, few, rates=RATES, beside_rates=RATES, plan=PLAN)

BELOW, ABOVE, ACROSS = Estimate(0.8, 0.7, 0.9), Estimate(1.4, 1.3, 1.5), Estimate(1.0, 0.9, 1.3)
INSIDE, OPEN = Estimate(0.06, 0.03, 0.12), Estimate(0.12, 0.06, inf)


@pytest.fixture
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "warming"))


class TestNeeded:
    """Whether warm-up wins."""

    @pytest.mark.parametrize(
        ("tuned", "threshold", "verdict"),
        [
            (BELOW, INSIDE, Verdict.HOLDS),
            (BELOW, OPEN, Verdict.HOLDS),
            (ACROSS, INSIDE, Verdict.IN_PART),
            (ABOVE, INSIDE, Verdict.IN_PART),
            (ABOVE, OPEN, Verdict.FAILS),
            (Estimate(1, 1, 1), Estimate(inf, inf, inf), Verdict.FAILS),
            (Estimate(0.98, 0.97, 0.99), OPEN, Verdict.NOT_HERE),
            (ACROSS, OPEN, Verdict.NOT_HERE),
            (Estimate(nan, 0, inf), OPEN, Verdict.NOT_HERE),
        ],
    )
    def test_verdicts(self, tuned, threshold, verdict) -> None:
        assert STUDY.decide(tuned, threshold) is verdict

    def test_the_threshold_is_where_it_begins_to_win_at_all_higher_rates(self) -> None:
        ratios = np.array(
            [
                # by seed: always, from the second, only the last, never, only the first, lost
                [0.5, 1.0, 1.0, 1.0, 0.5, nan],
                [0.5, 0.98, 1.0, 0.5, 1.0, 0.5],
                [0.5, 0.5, 0.9, 0.99, 1.0, nan],
            ]
        )
        assert STUDY.thresholds(ratios, RATES).tolist() == [0.5, 1.0, 2.0, inf, inf, inf]

    def test_a_rule_that_is_kicked_at_its_first_step_needs_it(self, results) -> None:
        evidence = STUDY.run(Setting(6))
        assert evidence.verdict is Verdict.HOLDS
        assert "from a rate of 0.5 [0.5, 0.5] on" in evidence.finding
        assert len(evidence.table.rows) == 6 and len(evidence.pictures) == 2

    def test_one_that_does_not_listen_does_not(self, results) -> None:
        evidence = replace(STUDY, plan=replace(PLAN, rule=deaf)).run(Setting(6))
        assert evidence.verdict is Verdict.FAILS
        assert "1 [1, 1] times" in evidence.finding and "∞ [∞, ∞] on" in evidence.finding

    def test_the_curves_are_those_of_both_schedules(self, results) -> None:
        curves = STUDY.curves(Setting(6))
        assert curves.optimizers == (WITHOUT, WITH)
        assert curves.lr.tolist() == [list(RATES)] * 2
        own = sweep(
            few(), kicked, lr=2.0, seeds=range(6), steps=10, every=1,
            schedule=partial(warmup, warmup=2),
        )  # fmt: skip
        np.testing.assert_allclose(
            curves.median[1, 2], own.validation_loss.median("seed").values.ravel()
        )


def test_the_length_is_the_rule_of_thumb_or_the_share() -> None:
    assert WarmupPlan(adam, steps=200).warmup == 40
    assert WarmupPlan(adam, steps=200, share=0.5).warmup == 100
    assert WarmupPlan(adam, steps=20_000).warmup == 2000


@pytest.mark.parametrize(
    "study",
    [cards["warmup-needed"].study.study, cards["warmup-gradients"].study],
    ids=["warmup-needed", "warmup-gradients"],
)
def test_the_words_name_all_four_verdicts_once(study) -> None:
    for verdict in DECIDED:
        assert study.verdict_rule.count(f"{verdict.value.capitalize()}:") == 1
    assert "for 40 of 200 steps" in study.protocol(Setting(10))["Optimizers"]


class TestGradients:
    """How far they shrink."""

    study = GradientDistortion(few, rates=RATES, plan=PLAN, looked=3)

    @pytest.mark.parametrize(
        ("without", "warmed", "quotient", "verdict"),
        [
            ((0.2, 0.1, 0.3), (0.8, 0.7, 0.9), (0.2, 0.1, 0.3), Verdict.HOLDS),
            ((0.2, 0.1, 0.3), (0.3, 0.2, 0.4), (0.5, 0.4, 0.9), Verdict.IN_PART),
            ((0.2, 0.1, 0.3), (0.3, 0.2, 0.4), (0.9, 0.8, 1.1), Verdict.NOT_HERE),
            ((0.2, 0.1, 0.3), (0.5, 0.4, 0.6), (0.5, 0.4, 0.6), Verdict.NOT_HERE),
            ((0.5, 0.4, 0.6), (0.9, 0.8, 1.0), (0.5, 0.4, 0.6), Verdict.NOT_HERE),
            ((0.8, 0.7, 0.9), (0.9, 0.8, 1.0), (0.9, 0.8, 1.0), Verdict.FAILS),
        ],
    )
    def test_verdicts(self, without, warmed, quotient, verdict) -> None:
        given = [Estimate(*each) for each in (without, warmed, quotient)]
        assert self.study.decide(*given) is verdict

    def test_a_rule_that_does_not_listen_has_the_same_gradients_with_both(self, results) -> None:
        study = replace(self.study, plan=replace(PLAN, rule=deaf), shrunk=0.01)
        evidence = study.run(Setting(6))
        assert evidence.verdict is Verdict.FAILS
        assert "Without over with warm-up, seed by seed: 1 [1, 1]." in evidence.notes
        one, other = evidence.table.rows
        assert one[0] == WITHOUT and other[0] == WITH and one[1:] == other[1:]

    def test_both_schedules_begin_with_the_same_gradients(self, results) -> None:
        runs = self.study.runs(few(), 1.0, Setting(6))
        first = runs.gradient_histogram.isel(step=0)
        np.testing.assert_array_equal(first.sel(schedule=WITHOUT), first.sel(schedule=WITH))
        later = runs.gradient_norm.isel(step=-1)
        assert (later.sel(schedule=WITHOUT) != later.sel(schedule=WITH)).all()


class TestTypicalSize:
    """The median from a histogram."""

    @staticmethod
    def histogram(values):
        bins = np.clip(np.digitize(np.log10(values), MAGNITUDES) - 1, 0, len(MAGNITUDES) - 2)
        shares = np.bincount(bins, minlength=len(MAGNITUDES) - 1) / len(values)
        return xr.DataArray(shares, dims="magnitude", coords={"magnitude": 10 ** MAGNITUDES[:-1]})

    def test_it_is_the_median(self) -> None:
        values = 10 ** np.random.default_rng(0).normal(-3, 0.8, 200_000)
        assert float(typical_size(self.histogram(values))) == pytest.approx(
            np.median(values), rel=0.02
        )

    def test_what_has_no_gradient_is_left_out(self) -> None:
        values = 10 ** np.random.default_rng(1).uniform(-5, -1, 50_000)
        with_zeros = np.concatenate([values, np.full(40_000, 1e-30)])
        assert float(typical_size(self.histogram(with_zeros))) == pytest.approx(
            float(typical_size(self.histogram(values)))
        )

    def test_a_diverged_run_has_none(self) -> None:
        lost = self.histogram(np.array([0.1])).copy() * nan
        assert np.isnan(typical_size(lost))


class TestStepLengths:
    """How long the moves are."""

    def test_the_first_is_one_whatever_the_schedule(self) -> None:
        for schedule in PLAN.schedules.values():
            found = step_lengths(digits_mlp(), adam, range(3), 2, lr=0.01, schedule=schedule)
            np.testing.assert_allclose(found[:, 0], 1, rtol=1e-3)  # but for ε

    def test_they_are_those_of_torch(self) -> None:
        task, seeds = few(), range(2)
        found = step_lengths(task, adam, seeds, 4, lr=0.02, schedule=partial(warmup, warmup=3))
        for seed in seeds:
            theta = torch.nn.Parameter(task.start(seed).clone())
            optimizer = torch.optim.Adam([theta])
            for t in range(4):
                rate = 0.02 * min((t + 1) / 3, 1)
                optimizer.param_groups[0]["lr"] = rate
                before = theta.detach().clone()
                optimizer.zero_grad()
                task.loss(theta, *task.train).backward()
                optimizer.step()
                moved = (optimizer.state[theta]["exp_avg_sq"] > 0).sum().sqrt()
                length = (theta.detach() - before).norm() / moved / rate
                assert found[seed, t] == pytest.approx(float(length), rel=1e-3)


def test_lines_of_the_libraries() -> None:
    """What the chapter says of them."""
    optax = pytest.importorskip("optax")
    steps = np.arange(8)
    from_zero = optax.linear_schedule(0.0, 1.0, 4)
    np.testing.assert_allclose([from_zero(s) for s in steps], np.minimum(steps / 4, 1))

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / 4, total_iters=3)
    for s in steps:
        assert optimizer.param_groups[0]["lr"] == pytest.approx(float(warmup(s, lr=1.0, warmup=4)))
        optimizer.step()
        scheduler.step()
