"""Claim cards: verdicts by their words, runs whose outcome is known, and what a card shows."""

import functools
import inspect
import re
from dataclasses import dataclass, replace
from html import escape
from itertools import product
from math import inf, nan

import numpy as np
import pytest
import torch
import xarray as xr

from optlab import Card, Claims, Curves, Setting, Verdict, all_cards, card, cards, sweep, tuning
from optlab.card import MIN_SEEDS
from optlab.statistics import Estimate, estimate
from optlab.studies.bias_correction import BiasCorrection
from optlab.studies.burst_recovery import BurstRecovery
from optlab.studies.counterexample import CounterExample
from optlab.studies.flatness import Flatness
from optlab.studies.noise_floor import NoiseFloor, noise
from optlab.studies.normalization import Smoothness
from optlab.studies.race import Race, arrival
from optlab.studies.scale_invariance import ScaleInvariance
from optlab.sweeps import metered, timed
from optlab.tasks import (
    Classification,
    Weight,
    digits_mlp,
    digits_softmax,
    one_thread,
    rare_features,
    reddi_online,
)
from optlab.tuning import FIRST_SEED
from optlib import adagrad, adam, amsgrad, nag, rmsprop, rule, sgd, sgdm
from optlib.rule import Rule
from optlib.rules.terms import adam_uncorrected
from tests.optlab.tasks import DECIDED, few
from tests.optlib.rules import falling, rising, still

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _quick():
    """What is run here is too small for more than one thread."""
    with one_thread():
        yield


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def shared(folder, monkeypatch):
    """A folder for results in which the tests of this module find each other's."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(folder))


# Rules whose best rate is 1 on every task, so that how they race is known.


@rule
def steady(g, *, lr=1e-3):
    """SGD with the rate 0.1 at the rate 1, and with less at any other."""
    return -0.1 * g / (1 + 9 * (lr - 1) ** 2)


@rule
def twin(g, *, lr=1e-3):
    """The same under another name."""
    return -0.1 * g / (1 + 9 * (lr - 1) ** 2)


@rule
def slow(g, t, *, lr=1e-3):
    """The same, but it rests at every odd step, and so needs twice as many."""
    return -0.1 * (t % 2 == 0) * g / (1 + 9 * (lr - 1) ** 2)


@rule
def resting(g, *, lr=1e-3):
    """Never moves either."""
    return 0 * lr * g


@rule
def exploding(g, *, lr=1e-3):
    """Diverges too."""
    return float("inf") * lr * g


@functools.cache
@dataclass(frozen=True, eq=False)
class Plain(Classification):
    """Nothing to learn: the loss of a step is the same everywhere."""

    def loss(self, theta, inputs, targets, uniform=None):
        return 0 * theta.sum()


@functools.cache
def plain(large=False) -> Plain:
    task = digits_softmax()
    return Plain("plain", task.network, task.train, task.validation, task.test, batch=16)


@dataclass(frozen=True)
class Point:
    """Its weights are the point itself."""

    noise = 0

    @property
    def weights(self):
        return {"theta": Weight((2,), 1.0)}


@dataclass(frozen=True, eq=False)
class Bowl(Classification):
    """The mean of h (θ − x)² / 2 over the examples x: a quadratic whose noise is known."""

    h = torch.tensor([1.0, 2.0], dtype=torch.float64)

    def loss(self, theta, inputs, targets, uniform=None):
        return (self.h / 2 * (theta - inputs) ** 2).sum(-1).mean()

    def measure(self, theta):
        return {"train_loss": self.loss(theta, *self.train)}

    @property
    def optimum(self):
        return self.train[0].mean(0)


@functools.cache
def bowl(large=False) -> Bowl:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 2)) * [1.0, 3.0])
    return Bowl("bowl", Point(), (x, x), (x, x), (x, x), batch=4, shuffle=False, l2=1.0)


KNOWN = (0.5, 1.0, 2.0)
RACE = Race(digits_mlp, sgd, sgdm, (0.1, 0.3, 1.0), 1.5, 12, seeds=10, tuning_seeds=2)
FLOOR = NoiseFloor(digits_softmax, sgd, (0.1, 0.05), steps=20, every=2, seeds=10)
GRIDS = {name: {"lr": KNOWN} for name in ("steady", "still", "twin", "bursting", "exploding")}
COUNTER = replace(
    cards["adam-counter-example"].study, rates=(0.05, 0.1), steps=200, tail=5, hyper={}
)
QUICK = replace(COUNTER, misled=rising, sound=falling, steps=40, tail=2)
RECOVERY = BurstRecovery(rmsprop, adagrad, averages=(0.8, 0.9))
CORRECTION = BiasCorrection(digits_softmax, adam, adam_uncorrected, looked=(1, 2))
INVARIANCE = ScaleInvariance(
    digits_softmax, adam, sgd, {"adam": 0.1, "sgd": 0.1}, (0.5, 2.0), steps=2
)
STUDIES = (RACE, FLOOR, COUNTER, RECOVERY, CORRECTION, INVARIANCE)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("found", "verdict"),
        [
            (Estimate(0.7, 0.6, 0.8), Verdict.HOLDS),
            (Estimate(0.9, 0.8, 0.99), Verdict.HOLDS),
            (Estimate(0.95, 0.9, 0.99), Verdict.IN_PART),
            (Estimate(0.7, 0.6, 1.0), Verdict.NOT_HERE),
            (Estimate(1.1, 0.9, 1.2), Verdict.NOT_HERE),
            (Estimate(1.0, 1.0, 1.2), Verdict.NOT_HERE),
            (Estimate(nan, 0.0, inf), Verdict.NOT_HERE),
            (Estimate(nan, 0.0, 0.3), Verdict.HOLDS),  # the rival never arrives
            (Estimate(nan, 0.0, 0.95), Verdict.IN_PART),
            (Estimate(1.1, 1.01, inf), Verdict.FAILS),
            (Estimate(nan, 1.5, inf), Verdict.FAILS),
            (Estimate(inf, inf, inf), Verdict.FAILS),
        ],
    )
    def test_of_a_race(self, found, verdict) -> None:
        assert RACE.decide(found) is verdict

    @pytest.mark.parametrize(
        ("slope", "drift", "verdict"),
        [
            (Estimate(1.0, 0.9, 1.1), 0.05, Verdict.HOLDS),
            (Estimate(1.0, 0.8, 1.2), 0.1, Verdict.HOLDS),
            (Estimate(1.0, 0.7, 1.1), 0.05, Verdict.IN_PART),
            (Estimate(1.3, 1.1, 1.4), 0.05, Verdict.IN_PART),
            (Estimate(1.7, 1.6, 1.8), 0.05, Verdict.FAILS),
            (Estimate(0.5, 0.4, 0.6), 0.05, Verdict.FAILS),
            (Estimate(1.0, 0.9, 1.1), 0.2, Verdict.NOT_HERE),
            (Estimate(1.7, 1.6, 1.8), 0.2, Verdict.NOT_HERE),
            (Estimate(1.0, 0.9, 1.1), inf, Verdict.NOT_HERE),
            (Estimate(nan, nan, nan), nan, Verdict.NOT_HERE),
        ],
    )
    def test_of_a_noise_floor(self, slope, drift, verdict) -> None:
        assert FLOOR.decide(slope, drift) is verdict

    @pytest.mark.parametrize(
        ("misled", "sound", "verdict"),
        [
            ((0.9, 0.8, 1.0), (-0.9, -1.0, -0.8), Verdict.HOLDS),
            ((0.1, 0.01, 1.0), (-0.1, -1.0, -0.01), Verdict.HOLDS),
            ((0.9, 0.8, 1.0), (0.0, -0.8, 0.8), Verdict.IN_PART),
            ((0.9, 0.8, 1.0), (0.9, 0.8, 1.0), Verdict.IN_PART),
            ((0.0, -0.8, 0.8), (-0.9, -1.0, -0.8), Verdict.IN_PART),
            ((-0.9, -1.0, -0.8), (-0.9, -1.0, -0.8), Verdict.IN_PART),
            ((-0.9, -1.0, -0.8), (0.9, 0.8, 1.0), Verdict.FAILS),
            ((-0.9, -1.0, -0.8), (0.5, 0.0, 1.0), Verdict.NOT_HERE),
            ((-0.9, -1.0, 0.0), (0.9, 0.8, 1.0), Verdict.NOT_HERE),
            ((0.0, -0.8, 0.8), (0.0, -0.8, 0.8), Verdict.NOT_HERE),
            ((0.5, 0.0, 0.8), (-0.5, -0.8, 0.0), Verdict.NOT_HERE),  # 0 lies on neither side
            ((nan, nan, nan), (nan, nan, nan), Verdict.NOT_HERE),
        ],
    )
    def test_of_a_counter_example(self, misled, sound, verdict) -> None:
        assert COUNTER.decide(Estimate(*misled), Estimate(*sound)) is verdict

    def test_a_margin_moves_the_verdict_and_the_words_with_it(self) -> None:
        for most, found in product((0.5, 0.8), np.arange(0.405, 1, 0.05)):
            one = Estimate(found, found - 0.004, found + 0.004)
            race = replace(RACE, margin=1 - most)
            assert f"at most {most}" in race.verdict_rule
            assert (race.decide(one) is Verdict.HOLDS) == (found <= most)
        floor = replace(FLOOR, slope=(0.4, 0.6), drift=0.02)
        assert "within [0.4, 0.6]" in floor.verdict_rule and "more than 2 %" in floor.verdict_rule
        assert floor.decide(Estimate(0.5, 0.45, 0.55), 0.01) is Verdict.HOLDS
        assert floor.decide(Estimate(0.5, 0.45, 0.55), 0.03) is Verdict.NOT_HERE

    @pytest.mark.parametrize("study", STUDIES, ids=lambda study: type(study).__name__)
    def test_the_words_name_all_four_verdicts_once(self, study) -> None:
        for verdict in DECIDED:
            assert study.verdict_rule.count(f"{verdict.value.capitalize()}:") == 1

    @pytest.mark.parametrize("study", STUDIES, ids=lambda study: type(study).__name__)
    def test_better_for_the_claim_is_never_a_worse_verdict(self, study) -> None:
        """Where an interval moves to the claim's side the verdict does not fall to "fails"."""
        order = [Verdict.FAILS, Verdict.NOT_HERE, Verdict.IN_PART, Verdict.HOLDS]
        if isinstance(study, NoiseFloor):
            found = [study.decide(Estimate(m, m - 0.1, m + 0.1), 0) for m in (2, 1.25, 1.0)]
        elif isinstance(study, Race):
            found = [study.decide(Estimate(m, m - 0.02, m + 0.02)) for m in (2, 1, 0.95, 0.5)]
        elif isinstance(study, BurstRecovery):
            back = [[Estimate(b * m, b * m, b * m) for m in (5, 10)] for b in (inf, 3, 1)]
            found = [study.decide(b, [5.0, 10.0]) for b in back]
        elif isinstance(study, BiasCorrection):
            off = [[Estimate(m, m - 0.005, m + 0.005)] * 2 for m in (1.1, 1.01, 1)]
            found = [study.decide(each) for each in off]
        elif isinstance(study, ScaleInvariance):
            twice, kept = Estimate(2, 1.9, 2.1), Estimate(1, 1, 1)
            cases = [twice, twice], [twice, Estimate(1, 0.9, 1.1)], [twice, kept], [kept, kept]
            found = [study.decide(each, [twice, twice]) for each in cases]
        else:
            low = Estimate(-1, -1, -1)
            found = [study.decide(Estimate(m, m - 0.1, m + 0.1), low) for m in (-0.5, 0, 0.5)]
        places = [order.index(verdict) for verdict in found]
        assert places == sorted(places) and found[-1] is Verdict.HOLDS


class TestRace:
    def test_the_steps_to_the_target_and_then_the_last_loss_choose(self) -> None:
        study = replace(RACE, target=1.0)
        soon = [[2, 1.0, 0.9, 0.9], [2, 1.1, 0.9, 0.9], [2, 1.0, 0.9, 0.9]]
        late = [[2, 1.5, 1.0, 0.1], [2, 1.0, 0.2, 0.1], [2, 1.5, 0.2, 0.1]]
        lower = [[2, 1.0, 0.9, 0.8]] * 3

        def best(study, *losses) -> int:
            loss = xr.DataArray(
                np.array(losses, dtype=float),
                dims=("lr", "seed", "step"),
                coords={"step": [0, 2, 4, 6]},
            )
            parts = study.score(xr.Dataset({"train_loss": loss}))
            medians = [part.median("seed").values for part in parts]
            return min(range(len(losses)), key=lambda i: [float(m[i]) for m in medians])

        assert best(study, soon, late) == 0
        assert best(study, late, soon) == 1
        # Of rates that arrive together, or not at all, the one with the lowest last loss.
        assert best(study, late, soon, lower) == 2
        assert best(study, lower, soon, late) == 0
        assert best(replace(study, target=0.01), soon, lower, late) == 2

    def test_arrival_whatever_the_order_of_the_dimensions(self) -> None:
        loss = np.random.default_rng(0).random((3, 4, 5))
        runs = xr.DataArray(loss, dims=("lr", "seed", "step"), coords={"step": [0, 3, 6, 9, 12]})
        found = arrival(runs.transpose("step", "seed", "lr"), 0.3).transpose("lr", "seed")
        for i, j in product(range(3), range(4)):
            first = [3 * k for k in range(5) if loss[i, j, k] <= 0.3]
            assert found[i, j] == (first[0] if first else inf)

    @pytest.mark.parametrize(
        ("rival", "champion", "verdict", "finding"),
        [
            (slow, steady, Verdict.HOLDS, "steady takes 0.5 [0.5, 0.5] times the steps of slow"),
            (steady, slow, Verdict.FAILS, "slow takes 2 [2, 2] times the steps of steady"),
            (steady, twin, Verdict.NOT_HERE, "twin takes 1 [1, 1] times the steps of steady"),
            (still, steady, Verdict.HOLDS, "steady takes open [0, "),
            (steady, still, Verdict.FAILS, "still takes open ["),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_one_whose_winner_is_known(self, shared, rival, champion, verdict, finding) -> None:
        study = Race(few, rival, champion, KNOWN, target=1.8, steps=24, tuning_seeds=1)
        evidence = study.run(Setting(6))
        assert evidence.verdict is verdict
        assert evidence.finding.startswith(finding)
        for row, each in zip(evidence.table.rows, (rival, champion), strict=False):
            assert row[0] == f"{each.name}, 128"
            assert row[4] == ("0 of 6" if each is still else "6 of 6")
            assert each is still or row[1] == "1"
        if still in (rival, champion):  # at no rate better than at another: the edge
            assert "The best rate of still is the edge" in " ".join(evidence.notes)
        else:
            assert "edge" not in " ".join(evidence.notes)
        [picture] = evidence.pictures
        assert picture.startswith("<svg")

    def test_nobody_arrives(self, shared) -> None:
        evidence = replace(RACE, target=0.01, steps=4).run(Setting(6))
        assert evidence.verdict is Verdict.NOT_HERE
        assert "0 of 6" in evidence.table.text()
        assert "open [0, ∞]" in evidence.finding

    def test_each_with_rates_of_its_own(self, shared) -> None:
        own = {"sgd": (0.1, 0.3, 1.0), "sgdm": (0.01, 0.1, 0.2)}
        study = replace(RACE, rates=own, tuning_seeds=6)
        curves = study.curves(Setting(6))
        for name, rates in curves.rates().items():  # the tuning may have widened both grids
            assert set(own[name]) <= set(rates)
        assert np.isfinite(curves.median).all()
        assert (
            "best of 3, 0.1 to 1 for sgd, 0.01 to 0.2 for sgdm, by the median"
            in study.protocol(Setting(6))["Learning rates"]
        )
        same = replace(RACE, rates=dict.fromkeys(("sgd", "sgdm"), RACE.rates))
        assert same.protocol(Setting(6)) == RACE.protocol(Setting(6))
        assert same.run(Setting(6)) == RACE.run(Setting(6))

    @pytest.mark.parametrize(
        ("rates", "message"),
        [
            ({"sgd": (0.1, 0.2, 0.3)}, "as many rates, not 3 for sgd, 0 for sgdm"),
            ({"sgd": (0.1, 0.2), "sgdm": (0.1,)}, "not 2 for sgd, 1 for sgdm: equal budgets"),
            ((), "not 0 for sgd, 0 for sgdm"),
        ],
    )
    def test_unfair_rates(self, rates, message) -> None:
        with pytest.raises(ValueError, match=message):
            replace(RACE, rates=rates)

    def test_the_settings_that_it_leaves_alone_are_told(self) -> None:
        race = replace(RACE, rival=rmsprop, champion=adam, hyper={"eps": 1e-7})
        assert race.protocol(Setting(10))["Optimizers"] == (
            "rmsprop (beta2 = 0.99) and adam (beta1 = 0.9, beta2 = 0.999), eps = 1e-07"
        )
        drawn = replace(RACE, task=rare_features).protocol(Setting(10))["Task"]
        assert "mini-batches of 16, each example drawn anew, 12 steps" in drawn

    def test_with_all_examples_in_every_batch_nothing_is_drawn(self, shared, monkeypatch) -> None:
        """Nor where the mini-batches are drawn with replacement; and one can leave it out."""
        seen = []
        heat = Race._heat

        def noted(study, task, setting):
            seen.append(task)
            return heat(study, task, setting)

        monkeypatch.setattr(Race, "_heat", noted)
        drawn = replace(RACE, task=lambda large: replace(few(), batch=16, shuffle=False), steps=4)
        drawn.run(Setting(6))
        assert [(task.batch, task.shuffle) for task in seen] == [(16, False), (128, True)]
        rows = np.sort(seen[1].batches(0, 2), axis=1)
        assert (rows == np.arange(128)).all()
        alone = replace(drawn, whole=False).run(Setting(6))
        assert len(seen) == 3 and len(alone.table.rows) == 2 and "nothing random" not in alone.notes

    def test_its_curves_are_the_runs_of_the_tuning(self, shared) -> None:
        study = replace(RACE, tuning_seeds=6)
        study.run(Setting(6))
        with metered() as meter:
            curves = study.curves(Setting(6))
        assert {seed for use in meter.chunks.values() for seed in use.chunk.seeds} == set(
            range(FIRST_SEED, FIRST_SEED + 6)
        )
        assert curves.optimizers == ("sgd", "sgdm")
        assert curves.steps.tolist() == [0, 4, 8, 12]
        assert len(curves.rates()["sgd"]) == len(curves.rates()["sgdm"]) >= 3


class TestCurves:
    def test_the_bands_of_a_sweep(self, shared) -> None:
        runs = sweep(few(), [sgd, nag], lr=[0.1, 0.2, 0.3], seeds=range(6), steps=4, every=1)
        found = Curves.of(runs.train_loss, {"sgd": 0.1, "nag": 0.27})
        assert list(found.lines()) == ["sgd", "nag"]
        assert found.lines()["nag"].shape == (3, 3, 5)
        one = estimate(runs.train_loss.sel(optimizer="nag", lr=0.2, step=3))
        assert found.lines()["nag"][1, :, 3].tolist() == [one.median, one.low, one.high]
        assert found.steps.tolist() == [0, 1, 2, 3, 4]
        assert found.start() == {"sgd": 0, "nag": 2}
        assert Curves.of(runs.train_loss).start() == {"sgd": 1, "nag": 1}

    def test_diverged_runs_are_infinite(self, shared) -> None:
        runs = sweep(few(), sgd, lr=[0.1, 1e300], seeds=range(6), steps=3, every=1)
        found = Curves.of(runs.train_loss)
        assert np.isinf(found.median[0, 1, -1]) and np.isfinite(found.high[0, 0]).all()


class TestNoiseFloor:
    def test_the_plateau_is_the_second_half(self) -> None:
        rates = np.array(FLOOR.rates)[:, None]
        excess = np.empty((2, 6, 41))
        excess[..., :20] = 7  # from the start to the step before the middle
        excess[..., 20:30] = 0.78 * rates[..., None]
        excess[..., 30:] = 1.2 * rates[..., None]
        slope, floor = FLOOR._slope(excess)
        assert (slope.low, slope.high) == pytest.approx((1, 1))
        assert floor == pytest.approx(np.broadcast_to(rates, (2, 6)))

    @pytest.mark.parametrize(("last", "verdict"), [(0.94, "HOLDS"), (0.8, "NOT_HERE")])
    def test_the_drift_is_from_the_third_quarter_to_the_last(
        self, shared, monkeypatch, last, verdict
    ) -> None:
        rates = np.array(FLOOR.rates)[:, None, None]
        excess = np.repeat([9, 9, 1, last], 10) * rates
        excess = np.concatenate([rates, excess], axis=-1).repeat(6, axis=1)
        monkeypatch.setattr(NoiseFloor, "_excess", lambda *_: excess)
        evidence = replace(FLOOR, task=bowl).run(Setting(6))
        assert f"it changes by {100 * (1 - last):.0f} % at most" in evidence.finding
        assert evidence.verdict is Verdict[verdict]

    def test_slope_and_plateau_of_a_known_floor(self) -> None:
        rates = np.array(FLOOR.rates)
        excess = np.broadcast_to(3 * rates[:, None, None] ** 1.5, (2, 6, 11))
        slope, floor = FLOOR._slope(excess)
        assert slope.median == pytest.approx(1.5)
        assert floor == pytest.approx(np.broadcast_to(3 * rates[:, None] ** 1.5, (2, 6)))

    def test_the_noise_is_the_covariance_of_batches(self) -> None:
        task = digits_softmax()
        each = torch.func.vmap(torch.func.grad(task.loss), (None, 0, 0))
        rows = torch.from_numpy(task.batches(0, 3000))
        theta = task.start(0)
        gradients = each(theta, task.train[0][rows], task.train[1][rows])
        expected = gradients.var(dim=0).sum().item()
        assert noise(task, theta) == pytest.approx(expected, rel=0.03)

    def test_that_of_a_quadratic_is_the_one_in_closed_form(self, shared) -> None:
        study = NoiseFloor(bowl, sgd, (0.1, 0.05), steps=800, every=2)
        evidence = study.run(Setting(16))
        h = Bowl.h.numpy()
        c = h**2 * bowl().train[0].numpy().var(axis=0) / 4
        for rate, (name, measured, predicted) in zip(study.rates, evidence.table.rows, strict=True):
            assert float(name) == rate
            assert float(predicted) == pytest.approx(rate * c.sum() / 4, rel=5e-3)
            # θ − θ* is multiplied by 1 − ηh and gets a noise of variance η² c at every step.
            exact = (h / 2 * rate**2 * c / (1 - (1 - rate * h) ** 2)).sum()
            assert float(measured.split()[0]) == pytest.approx(exact, rel=0.1)

    def test_one_that_is_not_reached(self, shared) -> None:
        evidence = FLOOR.run(Setting(6))
        assert evidence.verdict is Verdict.NOT_HERE
        curves = FLOOR.curves(Setting(6))  # for a logarithmic axis: without the zero at the start
        assert curves.steps[0] == FLOOR.every
        assert (curves.low > 0).all()
        assert curves.start() == {"sgd": 1}


class TestCounterExample:
    def run(self, misled, sound, **changes):
        study = replace(COUNTER, misled=misled, sound=sound, **changes)
        return study.run(Setting(10))

    @pytest.mark.parametrize(
        ("misled", "sound", "verdict"),
        [
            (rising, falling, Verdict.HOLDS),
            (falling, rising, Verdict.FAILS),
            (rising, still, Verdict.IN_PART),
            (still, falling, Verdict.IN_PART),
            (still, resting, Verdict.NOT_HERE),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_one_whose_end_is_known(self, shared, misled, sound, verdict) -> None:
        start = estimate([reddi_online().start(seed).item() for seed in range(10)])
        assert start.low < 0 < start.high
        evidence = self.run(misled, sound)
        ends = {"rising": "1 [1, 1]", "falling": "-1 [-1, -1]"}
        for each in (misled, sound):
            end = ends.get(each.name, str(start))
            assert f"{each.name} ends at x = {end}" in evidence.finding.replace(
                f"and {each.name} at", f"and {each.name} ends at"
            )
            assert (f"{each.name}, 0.05", end) in [tuple(row) for row in evidence.table.rows]
        assert evidence.verdict is verdict

    def test_every_rate_counts(self, shared) -> None:
        # At the small rate nobody gets anywhere: rising is not drawn up at every rate, but
        # falling has one at which it gets down.
        evidence = self.run(rising, falling, rates=(1e-6, 0.1))
        assert evidence.verdict is Verdict.IN_PART
        evidence = self.run(falling, rising, rates=(1e-6, 0.1))
        assert "falling ends at x = -1 [-1, -1]" in evidence.finding
        assert evidence.verdict is Verdict.NOT_HERE

    def test_adam_ends_where_a_loop_ends(self, shared) -> None:
        """The registered card with fewer steps, against Adam written out."""
        study = replace(
            cards["adam-counter-example"].study, sound=falling, rates=(0.1,), steps=1010, tail=51
        )
        evidence = study.run(Setting(10))
        x = np.array([reddi_online().start(seed).item() for seed in range(10)])
        m, v, seen = 0.0, 0.0, []
        for t in range(1, 1011):
            g = 1010.0 if t % 101 == 1 else -10.0
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
            x = np.clip(x - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8), -1, 1)
            if t % 10 == 0:
                seen.append(x)
        expected = estimate(np.mean(seen[-51:], axis=0))
        assert evidence.table.rows[0] == ("adam, 0.1", str(expected))

    def test_what_it_averages_are_whole_periods(self) -> None:
        study = cards["adam-counter-example"].study
        assert isinstance(study, CounterExample)
        period = reddi_online().period
        assert study.tail * study.every % period == 0
        phases = {step % period for step in range(0, study.steps + 1, study.every)}
        assert phases == set(range(period)), "no step of the period is looked at more often"
        assert study.hyper.keys() <= adam.hyper.keys() & amsgrad.hyper.keys()
        words = " ".join(study.protocol(Setting(10)).values())
        assert "mean over the last 1010 steps" in words and "1010 x at every step t" in words

    def test_its_words_without_hyper_parameters(self) -> None:
        assert COUNTER.protocol(Setting(10))["Optimizers"] == "adam and amsgrad"


class TestTuningAndComparingApart:
    @pytest.mark.parametrize(
        "name",
        [
            name
            for name, one in cards.items()
            if hasattr(one.study, "tuning_seeds")
            # They have tests of their own, and no sweep.
            and not isinstance(one.study, Flatness | Smoothness)
        ],
    )
    def test_no_seed_is_tuned_on_and_compared(self, undrawn, monkeypatch, name) -> None:
        tuned: set[int] = set()
        compared: set[int] = set()

        def planned(into, task, rules, *, lr, seeds, steps, every=1, **settings):
            into.update(seeds)
            rules = [rules] if isinstance(rules, Rule) else list(rules)
            rates = lr if isinstance(lr, dict) else {each.name: np.ravel(lr) for each in rules}
            hyper = {n: list(v) for n, v in settings.items() if np.ndim(v) and n in rules[0].hyper}
            parts = []
            for each in rules:
                own = sorted(map(float, rates[each.name]))
                grid = np.abs(np.arange(len(own)) - len(own) // 2) + 1.0
                steps_ = np.arange(0, steps + 1, every)
                axes = {"lr": own, **hyper, "seed": list(seeds), "step": steps_}
                loss = xr.DataArray(grid, {"lr": own}).broadcast_like(
                    xr.DataArray(np.zeros([len(v) for v in axes.values()]), axes)
                ) * xr.DataArray(np.linspace(3, 0.01, len(steps_)), {"step": steps_})
                metrics = ("train_loss", "validation_loss", "test_loss")
                parts.append(xr.Dataset(dict.fromkeys(metrics, loss)))
            joined = xr.concat(
                parts, xr.Variable("optimizer", [r.name for r in rules]), join="outer"
            )
            scalars = {n: v for n, v in settings.items() if not np.ndim(v) and n in rules[0].hyper}
            return joined.assign_coords(scalars)

        wrapped = [
            functools.wraps(sweep)(functools.partial(planned, into)) for into in (tuned, compared)
        ]
        monkeypatch.setattr(tuning, "sweep", wrapped[0])
        monkeypatch.setattr(card, "sweep", wrapped[1])
        study = cards[name].study
        for seeds in (10, study.seeds, 200):
            study.run(Setting(seeds))
            if isinstance(study, Race):
                study.curves(Setting(seeds))
        assert compared == set(range(200))
        assert len(tuned) == study.tuning_seeds and min(tuned) >= FIRST_SEED
        assert not tuned & compared


class TestRunning:
    @pytest.mark.parametrize("seeds", [MIN_SEEDS - 1, 5, 1, 0, -3])
    def test_no_verdict_on_fewer_than_ten_seeds(self, fresh, seeds) -> None:
        with pytest.raises(ValueError, match=f"seeds = {seeds}, but a verdict needs at least 10"):
            cards["momentum-faster"].run(seeds)
        assert not fresh.exists()

    def test_seeds_that_would_meet_those_of_the_tuning(self, fresh) -> None:
        with pytest.raises(ValueError, match="seeds = 1000001, but at most 1000000 can be"):
            cards["momentum-faster"].run(FIRST_SEED + 1)
        assert not fresh.exists()

    @pytest.mark.parametrize("scale", ["cluster", "cuda", "", None])
    def test_no_such_scale(self, fresh, scale) -> None:
        with pytest.raises(ValueError, match=f"scale = {scale!r}, but it must be 'laptop' or"):
            cards["momentum-faster"].run(scale=scale)
        assert not fresh.exists()

    def test_no_gpu(self, fresh, monkeypatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        for each in cards.values():
            with pytest.raises(ValueError, match="PyTorch finds no GPU here; the CPU is the defau"):
                each.run(scale="gpu")
        assert not fresh.exists()

    def test_no_client(self, fresh) -> None:
        with pytest.raises(TypeError, match=r"must be a dask\.distributed\.Client"):
            cards["momentum-faster"].run(client="tcp://localhost:8786")
        assert not fresh.exists()

    def test_where_it_computes(self) -> None:
        assert Setting(10).place == {"device": "cpu", "client": None}
        assert Setting(10, "gpu").place["device"] == "cuda"
        assert Setting(10, "gpu").large and not Setting(10).large
        assert Setting(10, client=object()) == Setting(10)

    def test_at_the_large_scale_the_card_speaks_of_the_large_task(self) -> None:
        lines = cards["momentum-faster"].lines(Setting(20, "gpu"))
        assert "76810 parameters" in lines["Task"]
        assert "2410 parameters" in cards["momentum-faster"].lines()["Task"]

    def test_the_result_shows_all_and_the_same_from_disk(self, fresh, capfd) -> None:
        small = Card("small", "R3", "It holds.", "Somebody (2000)", "somebody2000", RACE)
        result = small.run()
        stored = {path: path.stat().st_mtime_ns for path in fresh.iterdir()}
        seconds = []
        for path in fresh.iterdir():
            with np.load(path) as file:
                seconds.append(float(file["seconds"]))
        assert result.meter.seconds == pytest.approx(sum(seconds)) and sum(seconds) > 0
        shown = float(re.search(r"Computed in: +([\d.]+) s", repr(result))[1])
        assert shown == pytest.approx(sum(seconds), rel=0.006)
        for text in ("It holds.", "Somebody (2000)", "Verdict rule", "Found", "Verdict:"):
            assert text in repr(result)
        assert re.search(f"^Verdict: +{result.verdict}$", repr(result), re.MULTILINE)
        assert result.command == "python -m optlab claims small"
        assert result.command in repr(result) and result.command in result._repr_html_()
        assert repr(small.run()) == repr(result)
        assert {path: path.stat().st_mtime_ns for path in fresh.iterdir()} == stored
        assert capfd.readouterr() == ("", "")  # no bar where nobody watches

    def test_what_is_measured_without_a_sweep_takes_time_too(self) -> None:
        with metered() as outer, metered() as inner:
            assert outer.seconds == 0
            with timed():
                sum(range(10**5))
        assert outer.seconds == inner.seconds > 0
        with timed():  # by nobody's watch
            pass

    def test_the_command_has_what_is_not_usual(self, fresh) -> None:
        study = replace(COUNTER, misled=rising, sound=falling, steps=40, tail=2)
        small = Card("small", "R11", "", "", "", study)
        assert small.run(12).command == "python -m optlab claims small --seeds 12"
        assert small.run(10).command == "python -m optlab claims small"

    def test_a_study_without_curves(self, fresh) -> None:
        study = replace(COUNTER, misled=rising, sound=falling, steps=40, tail=2)
        small = Card("small", "R11", "", "", "", study)
        with pytest.raises(ValueError, match="small has no live figure"):
            small.run().curves()

    def test_the_claim_stands_before_the_run(self, fresh) -> None:
        for each in cards.values():
            for shown in (repr(each), each._repr_html_()):
                assert "Verdict rule" in shown and "Found" not in shown
            assert each.study.seeds >= MIN_SEEDS
            assert escape(each.claim) in each._repr_html_() and each.citation
        assert not fresh.exists()

    def test_an_unknown_card(self) -> None:
        with pytest.raises(KeyError, match=f"no card 'adam'; there are {', '.join(cards)}"):
            _ = cards["adam"]

    def test_one_table_shows_them_all(self, fresh, undrawn, monkeypatch) -> None:
        for name, each in list(cards.items()):
            small = replace(each, name=f"small-{name}", study=QUICK, kept_with="")
            monkeypatch.setitem(cards, name, small)
        claims = all_cards()
        assert isinstance(claims, Claims)
        assert [result.card for result in claims] == list(cards.values())
        for shown in (claims._repr_html_(), repr(claims)):
            assert all(each.name in shown for each in cards.values())
        assert all(escape(each.claim) in claims._repr_html_() for each in cards.values())
        assert [row[3] for row in claims.table.rows] == ["holds"] * len(cards)


RACES = [name for name, each in cards.items() if isinstance(each.study, Race)]
BOOKS = ["sgd-noise-floor", *RACES]


@functools.cache
def result(name):
    return cards[name].run()


class TestTheBooksCards:
    """The cards as the book shows them, with its kept results: without them this takes minutes."""

    def test_the_best_rates_lie_inside_their_grids(self) -> None:
        for name in RACES:
            assert "edge" not in " ".join(result(name).evidence.notes)

    @pytest.mark.parametrize("name", ["momentum-faster", "nesterov-faster"])
    def test_the_figure_begins_at_the_tuned_rates(self, name) -> None:
        found = result(name)
        curves = found.curves()
        tuned = {row[0].partition(",")[0]: row[1] for row in found.evidence.table.rows[:2]}
        for optimizer, i in curves.start().items():
            assert curves.rates()[optimizer][i] == pytest.approx(float(tuned[optimizer]), rel=2e-3)

    def test_the_noise_floor_is_the_predicted_one(self) -> None:
        for _, measured, predicted in result("sgd-noise-floor").evidence.table.rows:
            median = float(measured.split()[0])
            assert median == pytest.approx(float(predicted), rel=0.12)

    @pytest.mark.parametrize("name", BOOKS)
    def test_the_verdict_follows_from_what_is_shown(self, name) -> None:
        found = result(name)
        numbers = re.search(r"([\d.]+) \[([\d.]+), ([\d.]+)\]", found.evidence.finding)
        shown = Estimate(*map(float, numbers.groups()))
        drift = re.search(r"changes by ([\d.]+) %", found.evidence.finding)
        more = [float(drift[1]) / 100] if drift else []
        assert found.card.study.decide(shown, *more) is found.verdict

    @pytest.mark.parametrize("name", BOOKS)
    def test_the_page_can_read_them(self, name) -> None:
        found = result(name)
        shown = found._repr_html_()
        assert shown.count("<caption>") == shown.count("<table") == 1
        assert shown.count('scope="row"') == len(found.evidence.table.rows)
        assert shown.count("<svg") == len(found.evidence.pictures) >= 1
        words = re.sub("<svg.*?</svg>", "", shown, flags=re.DOTALL)
        assert "style=" not in words
        for tag in ("div", "dl", "dt", "dd", "table", "tr", "th", "td", "p", "svg", "g"):
            assert len(re.findall(f"<{tag}[ >]", shown)) == shown.count(f"</{tag}>")

    def test_every_study_says_what_it_is(self) -> None:
        for each in cards.values():
            assert inspect.getdoc(type(each.study))
            assert set(each.lines()) >= {"Claim", "Source", "Verdict rule", "Measured"}
            assert {"Seeds", "Studies"} & set(each.lines())
