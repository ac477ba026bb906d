"""The lab: statistics, the store, sweeps and claim cards."""

import functools
import importlib
import inspect
import re
import sys
from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest
import torch
from scipy.stats import binom, quantile_test

from optlib import adam, nag, nag_lookahead, rule, sgd, sgdm
from optlib.lab import Sweep, Verdict, all_cards, cards, race, store, sweep, sweeps
from optlib.lab.__main__ import main
from optlib.lab.floor import NoiseFloor, noise
from optlib.lab.race import FIRST_TUNING_SEED, Race
from optlib.lab.statistics import (
    Estimate,
    band,
    estimate,
    number,
    paired_ratio,
    rank,
    steps_to,
)
from optlib.rule import Rule
from optlib.tasks import Task, digits_mlp, digits_softmax, linear, mlp, one_thread


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty folder for results; what is run in it is too small for more than one thread."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    with one_thread():
        yield tmp_path / "results"


class TestStatistics:
    @pytest.mark.parametrize("n", range(6, 80))
    def test_the_interval_covers_as_often_as_it_says_and_is_the_shortest(self, n) -> None:
        out = rank(n)
        assert 1 - 2 * binom.cdf(out, n, 0.5) >= 0.95
        assert 1 - 2 * binom.cdf(out + 1, n, 0.5) < 0.95

    def test_the_interval_is_that_of_scipy(self) -> None:
        values = np.random.default_rng(0).exponential(size=23)
        expected = quantile_test(values, p=0.5).confidence_interval(0.95)
        found = estimate(values)
        assert (found.low, found.high) == (expected.low, expected.high)
        assert found.median == np.median(values)

    def test_coverage_of_a_skewed_sample(self) -> None:
        samples = np.random.default_rng(1).exponential(size=(4000, 12))
        _, low, high = band(samples)
        inside = np.mean((low <= np.log(2)) & (np.log(2) <= high))
        assert inside == pytest.approx(1 - 2 * binom.cdf(2, 12, 0.5), abs=0.01)

    def test_too_few_values(self) -> None:
        with pytest.raises(ValueError, match="5 values, but a 95 % interval of the median needs 6"):
            rank(5)

    def test_runs_that_never_arrive_count_as_the_slowest(self) -> None:
        assert estimate([3, inf, 1, 2, inf, 4, 5]) == Estimate(4, 1, inf)
        assert estimate([3, inf, inf, inf, inf, 4, inf]).median == inf
        assert estimate([1, 2, 3, inf, inf, inf]).median == inf

    def test_the_band_along_an_axis(self) -> None:
        values = np.random.default_rng(2).normal(size=(2, 9, 3))
        median, low, high = band(values, axis=1)
        assert median.shape == low.shape == high.shape == (2, 3)
        one = estimate(values[1, :, 2])
        assert (median[1, 2], low[1, 2], high[1, 2]) == (one.median, one.low, one.high)

    def test_steps_to(self) -> None:
        loss = [[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [3.0, 3.0, inf]]
        assert steps_to(loss, [0, 5, 10], 1.5).tolist() == [10, 5, inf]
        assert steps_to(loss, [0, 5, 10], 2.0).tolist() == [5, 5, inf]  # at most: equal is there

    def test_the_ratio_is_taken_pair_by_pair(self) -> None:
        b = np.array([10, 20, 30, 40, 50, 60, 70])
        assert paired_ratio(b * 0.5, b, 100) == Estimate(0.5, 0.5, 0.5)
        assert paired_ratio(b[::-1], b, 100) != Estimate(1, 1, 1)

    def test_the_ratio_with_runs_that_never_arrive(self) -> None:
        some = np.array([10.0, 20, 30, 40, 50, 60, 70])
        late = np.where(some > 50, inf, some)
        assert paired_ratio(late, some / 2, 100) == Estimate(2, 2, inf)
        found = paired_ratio(late, some, 100)
        assert (found.median, found.low, found.high) == (1, 1, inf)
        found = paired_ratio(some, late, 100)
        assert (found.median, found.low, found.high) == (1, 0, 1)
        nobody = np.full(7, inf)
        found = paired_ratio(nobody, nobody, 100)
        assert isnan(found.median)
        assert (found.low, found.high) == (0, inf)
        assert str(found) == "open [0, ∞]"

    def test_a_race_that_is_over_before_it_begins(self) -> None:
        with pytest.raises(ValueError, match="at the target before its first step"):
            paired_ratio([0] * 6, [1] * 6, 10)

    def test_three_digits(self) -> None:
        values = (0, 66.5, 1077, 0.00346849, -1.0624, 0.1, 1e-7, 12345.6, inf, nan)
        assert [number(value) for value in values] == [
            *("0", "66.5", "1077", "0.00347", "-1.06", "0.1", "0.0000001", "12346", "∞", "open")
        ]


class TestStore:
    def test_what_was_made_once_is_not_made_again(self, fresh) -> None:
        made = store.keep("a", lambda: {"x": np.arange(3), "y": np.eye(2)})
        kept = store.keep("a", lambda: pytest.fail("made again"))
        assert {name: value.tolist() for name, value in kept.items()} == {
            name: value.tolist() for name, value in made.items()
        }
        assert [path.name for path in fresh.iterdir()] == ["a.npz"]

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: data[: len(data) // 2],
            lambda data: b"",
            lambda data: data[:80] + bytes([data[80] ^ 1]) + data[81:],
            lambda data: data[:-1] + bytes([data[-1] ^ 1]),
            lambda data: data + b"more",
        ],
        ids=["cut", "empty", "a bit in the middle", "a bit at the end", "longer"],
    )
    def test_a_damaged_file_is_noticed_and_made_again(self, fresh, damage) -> None:
        store.keep("a", lambda: {"x": np.arange(3)})
        path = fresh / "a.npz"
        path.write_bytes(damage(path.read_bytes()))
        with pytest.warns(UserWarning, match=r"a\.npz is damaged"):
            again = store.keep("a", lambda: {"x": np.arange(4)})
        assert again["x"].tolist() == [0, 1, 2, 3]
        assert store.keep("a", lambda: pytest.fail("made again"))["x"].tolist() == [0, 1, 2, 3]

    def test_a_run_that_is_broken_off_leaves_nothing(self, fresh, monkeypatch) -> None:
        def broken(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(store.Path, "replace", broken)
        with pytest.raises(KeyboardInterrupt):
            store.keep("a", lambda: {"x": np.arange(3)})
        assert list(fresh.iterdir()) == []

    def test_the_file_opens_without_optlib(self, fresh) -> None:
        store.keep("a", lambda: {"x": np.arange(3)})
        with np.load(fresh / "a.npz") as file:
            assert file["x"].tolist() == [0, 1, 2]

    def test_keys_do_not_run_together(self) -> None:
        parts = [("ab", "c"), ("a", "bc"), ("abc",), (b"abc",), (1, 2), (12,), (1.0, 2)]
        assert len({store.key(*part) for part in parts}) == len(parts)
        assert store.key("a", 0.1) == store.key("a", 0.1)

    def test_the_folder(self, monkeypatch, tmp_path) -> None:
        monkeypatch.delenv("OPTLIB_RESULTS", raising=False)
        assert store.folder().parts[-2:] == ("_build", "results")
        monkeypatch.setattr(store, "__file__", str(tmp_path / "a/b/c/store.py"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        assert store.folder() == tmp_path / "cache" / "optlib"
        monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "mine"))
        assert store.folder() == tmp_path / "mine"


def made_with(constant, rate=1e-3):
    """A rule whose text is always the same, but not what it refers to."""

    @functools.cache
    def cached():
        return constant

    def inner(x):
        return (lambda: x * cached())()

    def helper(x):
        return inner(x) if x is not None else helper(0)

    @rule
    def made(g, *, lr=rate):
        return -lr * helper(g)

    return made


def key_of(function) -> str:
    return store.key(*store.ingredients(function))


class TestWhatARuleRefersTo:
    def test_its_constants_count_down_to_the_last_helper_and_digit(self) -> None:
        long = np.linspace(0, 1, 5000)
        other = np.where(np.arange(5000) == 2500, 0, long)
        constants = [2, 2.0, "2", (2, 3), long, other, long.astype(np.float32), None]
        constants += [torch.tensor(0.1234567, dtype=torch.float64), np.float64(3), len, min]
        constants += [torch.tensor(0.1234568, dtype=torch.float64), np, torch, torch.relu, sgd]
        constants += [made_with(1), made_with(2), Task, lambda: 1, lambda: 2]
        keys = [key_of(made_with(constant)) for constant in constants]
        assert len(set(keys)) == len(constants)
        assert keys == [key_of(made_with(constant)) for constant in constants]

    def test_its_defaults_count(self) -> None:
        assert key_of(made_with(1, rate=0.1)) == key_of(made_with(1, rate=0.1))
        assert key_of(made_with(1, rate=0.1)) != key_of(made_with(1, rate=0.2))

    def test_two_helpers_with_one_text_are_two(self) -> None:
        def both(one, two):
            first, second = made_with(one), made_with(two)
            return lambda g: first(g) + second(g)

        assert key_of(both(1, 2)) == key_of(both(1, 2))
        assert key_of(both(1, 2)) != key_of(both(1, 3))

    def test_a_module_without_a_version_counts_by_its_text(self, tmp_path, monkeypatch) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "my_helpers.py").write_text("def f(x):\n    return x\n")
        helpers = importlib.import_module("my_helpers")
        before = key_of(made_with(helpers)), key_of(made_with(helpers.f))
        (tmp_path / "my_helpers.py").write_text("def f(x):\n    return 3 * x\n")
        importlib.reload(helpers)
        after = key_of(made_with(helpers)), key_of(made_with(helpers.f))
        assert before[0] != after[0] and before[1] != after[1]
        del sys.modules["my_helpers"]

    @pytest.mark.parametrize("function", [sgd, sgdm, nag, nag_lookahead, adam, mlp, linear])
    def test_the_books_own_have_the_same_key_in_every_process(self, function) -> None:
        assert " at 0x" not in repr(store.ingredients(function))
        text = inspect.getsource(getattr(function, "function", function))
        assert text in store.ingredients(function)


SHARE = 0.5


def part(x):
    return SHARE * x


@rule
def partial_sgd(g, *, lr=1e-3):
    """SGD with a part of the gradient, which a helper takes."""
    return -lr * part(g)


@rule
def twin(g, *, lr=1e-3):
    """SGD under another name."""
    return -lr * g


@rule
def idle(g, t, *, lr=1e-3):
    """SGD that rests at every odd step, and so needs twice as many."""
    return -lr * (t % 2 == 0) * g


def doubled():
    @rule
    def sgd(g, *, lr=1e-3):
        return -2 * lr * g

    return sgd


class TestSweep:
    def test_labels_and_numbers(self, fresh) -> None:
        task = digits_mlp()
        found = sweep(task, [sgd, sgdm], lr=[0.1, 0.2], seeds=[7, 8, 9], steps=6, every=2)
        assert found.optimizers == ("sgd", "sgdm")
        assert found.lr.tolist() == [[0.1, 0.2], [0.1, 0.2]]
        assert found.seeds.tolist() == [7, 8, 9]
        assert found.steps.tolist() == [0, 2, 4, 6]
        assert found.loss.shape == found.accuracy.shape == (2, 2, 3, 4)
        for seed, loss, accuracy in zip(
            [7, 8, 9], found.loss[1, 1, :, 0], found.accuracy[1, 1, :, 0], strict=True
        ):
            start = task.start(seed)
            assert loss == pytest.approx(task.loss(start, *task.train).item())
            assert accuracy == pytest.approx(task.accuracy(start, *task.validation).item())
        theta = task.start(8)
        for rows in task.batches(8, 6):
            batch = [part[rows] for part in task.train]
            theta = theta - 0.2 * torch.func.grad(task.loss)(theta, *batch)
        expected = task.loss(theta, *task.train).item()
        assert found.loss[0, 1, 1, 3] == pytest.approx(expected, rel=1e-12)

    def test_each_rule_with_its_own_rates_and_hyper_parameters(self, fresh) -> None:
        grids = {"sgd": [0.1], "sgdm": [0.05], "nag": [0.02]}
        plan = {"seeds": [0], "steps": 3}
        found = sweep(digits_mlp(), [sgd, sgdm, nag], lr=grids, momentum=0.5, **plan)
        assert found.lr.tolist() == [[0.1], [0.05], [0.02]]
        alone = sweep(digits_mlp(), nag, lr=[0.02], momentum=0.5, **plan)
        assert np.array_equal(alone.loss[0], found.loss[2])
        other = sweep(digits_mlp(), nag, lr=[0.02], momentum=0.6, **plan)
        assert not np.array_equal(alone.loss, other.loss)

    def test_chunks_and_threads_change_nothing(self, tmp_path, monkeypatch) -> None:
        def run(name, chunk, threads):
            monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / name))
            monkeypatch.setattr(sweeps, "CHUNK", chunk)
            before = torch.get_num_threads()
            torch.set_num_threads(threads)
            try:
                found = sweep(digits_mlp(), sgdm, lr=[0.1, 0.3], seeds=range(4), steps=8)
                assert torch.get_num_threads() == threads
            finally:
                torch.set_num_threads(before)
            return found.loss

        once = run("a", 4, 1)
        assert np.array_equal(once, run("b", 4, 2))
        np.testing.assert_allclose(once, run("c", 3, 2), rtol=1e-12)

    def test_every_optimizer_and_rate_sees_the_same_start_and_batches(self, fresh) -> None:
        grids = {"sgd": [0.1, 0.2], "twin": [0.2, 0.1]}
        found = sweep(digits_mlp(), [sgd, twin], lr=grids, seeds=[3, 4], steps=5)
        np.testing.assert_allclose(found.loss[0], found.loss[1, ::-1], rtol=1e-12)
        assert not np.allclose(found.loss[:, :, 0, -1], found.loss[:, :, 1, -1])

    def test_a_diverged_run_is_marked(self, fresh) -> None:
        found = sweep(digits_mlp(), sgd, lr=[0.1, 1e300], seeds=range(6), steps=3)
        assert found.diverged.tolist() == [[[False] * 6, [True] * 6]]
        curves = found.curves()
        assert np.isinf(curves.median[0, 1, -1])
        assert np.isfinite(curves.high[0, 0]).all()
        assert curves.median.shape == (1, 2, 4)

    def test_curves_by_optimizer(self, fresh) -> None:
        found = sweep(digits_mlp(), [sgd, nag], lr=[0.1, 0.2, 0.3], seeds=range(6), steps=4)
        curves = found.curves((0, 2))
        assert list(curves.lines()) == ["sgd", "nag"]
        assert curves.lines()["nag"].shape == (3, 3, 5)
        assert np.array_equal(curves.lines()["nag"][1, 2], curves.high[1, 1])
        assert curves.rates()["sgd"] == [0.1, 0.2, 0.3]
        assert curves.start() == {"sgd": 0, "nag": 2}
        assert found.curves().start() == {"sgd": 1, "nag": 1}

    def test_a_sweep_is_run_once(self, fresh, monkeypatch, capfd) -> None:
        plan = {"lr": [0.1], "seeds": [0, 1], "steps": 3}
        first = sweep(digits_mlp(), [sgd, sgdm], **plan)
        monkeypatch.setattr(sweeps, "_train", lambda *_: pytest.fail("run again"))
        again = sweep(digits_mlp(), sgdm, **plan)
        assert np.array_equal(first.loss[1:], again.loss)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize(
        "change",
        [
            {"rules": doubled()},
            {"lr": [0.2]},
            {"seeds": [1]},
            {"steps": 4},
            {"every": 3},
            {"task": replace(digits_mlp(), batch=32)},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_a_change_never_meets_old_results(self, fresh, change) -> None:
        plan = {"task": digits_mlp(), "rules": sgd, "lr": [0.1], "seeds": [0], "steps": 3}
        old = sweep(**plan)
        new = sweep(**(plan | change))
        assert len(list(fresh.iterdir())) == 2
        assert old.loss.shape != new.loss.shape or not np.array_equal(old.loss, new.loss)

    @pytest.mark.parametrize(
        ("name", "value"), [("SHARE", 0.25), ("part", lambda x: SHARE / 2 * x)]
    )
    def test_nor_does_a_change_in_what_the_rule_uses(self, fresh, monkeypatch, name, value) -> None:
        plan = {"lr": [0.1], "seeds": [0], "steps": 2}
        old = sweep(digits_mlp(), partial_sgd, **plan)
        assert np.array_equal(sweep(digits_mlp(), partial_sgd, **plan).loss, old.loss)
        assert len(list(fresh.iterdir())) == 1
        monkeypatch.setattr(sys.modules[__name__], name, value)
        new = sweep(digits_mlp(), partial_sgd, **plan)
        assert new.loss[..., -1] > old.loss[..., -1]

    @pytest.mark.parametrize("library", [torch, np], ids=lambda library: library.__name__)
    def test_nor_does_another_version(self, fresh, monkeypatch, library) -> None:
        # Neither sgd nor this network names a library.
        plan = {"task": digits_softmax(), "rules": sgd, "lr": [0.1], "seeds": [0], "steps": 1}
        sweep(**plan)
        monkeypatch.setattr(library, "__version__", "0.0")
        sweep(**plan)
        assert len(list(fresh.iterdir())) == 2

    def test_nor_does_another_network(self, fresh) -> None:
        def network(factor):
            return lambda weights, inputs: factor * mlp(weights, inputs)

        one, two = (replace(digits_mlp(), network=network(factor)) for factor in (1, 2))
        plan = {"lr": [0.1], "seeds": [0], "steps": 1}
        assert not np.array_equal(sweep(one, sgd, **plan).loss, sweep(two, sgd, **plan).loss)

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"lr": []}, ValueError, "the grid is empty"),
            ({"rules": []}, ValueError, "the grid is empty"),
            ({"lr": {"sgd": [0.1], "sgdm": [0.1, 0.2]}}, ValueError, "the same number of learning"),
            ({"seeds": []}, ValueError, "there are no seeds"),
            ({"steps": 0}, ValueError, "steps = 0"),
            ({"every": 0}, ValueError, "every = 0"),
            ({"lr": [-1.0]}, ValueError, r"sgd: lr = .* is out of range \(0 <= lr\)"),
            ({"momentum": 1.0}, ValueError, "momentum = 1.0 is out of range"),
            ({"beta1": 0.5}, TypeError, "no rule here has the hyper-parameter beta1"),
            ({"device": "tpu"}, ValueError, "device = 'tpu', but it must be 'cpu' or 'cuda'"),
        ],
    )
    def test_bad_input(self, fresh, change, error, message) -> None:
        plan = {"rules": [sgd, sgdm], "lr": [0.1], "seeds": [0], "steps": 1}
        with pytest.raises(error, match=message):
            sweep(digits_mlp(), **(plan | change))
        assert not fresh.exists()


def few() -> Task:
    """128 digits, all of them in every batch: nothing is random but the start."""
    inputs, targets = digits_mlp().train
    return replace(digits_mlp(), train=(inputs[:128], targets[:128]), batch=128)


class Bowl(Task):
    """The mean of h (θ − x)² / 2 over the examples x: a quadratic whose noise is known."""

    h = torch.tensor([1.0, 2.0], dtype=torch.float64)

    def loss(self, theta, inputs, targets):
        return (self.h / 2 * (theta - inputs) ** 2).sum(-1).mean()

    def accuracy(self, theta, inputs, targets):
        return 0 * theta.sum()

    @property
    def optimum(self):
        return self.train[0].mean(0)


def bowl() -> Bowl:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 2)) * [1.0, 3.0])
    parts = (x, x), (x, x), (x, x)
    return Bowl("bowl", linear, {"theta": (2,)}, *parts, batch=4, shuffle=False, l2=1.0)


def hand_made(*losses) -> Sweep:
    """A sweep of one optimizer from the losses of its rates, (seeds, records)."""
    loss = np.array([losses], dtype=float)
    steps = 2 * np.arange(loss.shape[-1])
    rates = np.arange(loss.shape[1], dtype=float)[None]
    return Sweep(("sgd",), rates, np.arange(loss.shape[2]), steps, loss, loss)


RACE = Race(digits_mlp, sgd, sgdm, (0.01, 0.1, 1.0), target=1.5, steps=12, seeds=6)
FLOOR = NoiseFloor(digits_softmax, sgd, (0.1, 0.05), steps=20, every=2, seeds=6)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("ratio", "verdict"),
        [
            (Estimate(0.7, 0.6, 0.8), Verdict.HOLDS),
            (Estimate(0.9, 0.8, 0.99), Verdict.HOLDS),
            (Estimate(0.95, 0.9, 0.99), Verdict.IN_PART),
            (Estimate(0.7, 0.6, 1.0), Verdict.NOT_HERE),
            (Estimate(1.1, 0.9, 1.2), Verdict.NOT_HERE),
            (Estimate(nan, 0.0, inf), Verdict.NOT_HERE),
            (Estimate(1.1, 1.01, inf), Verdict.FAILS),
        ],
    )
    def test_of_a_race(self, ratio, verdict) -> None:
        assert RACE.decide(ratio) is verdict

    @pytest.mark.parametrize(
        ("slope", "drift", "verdict"),
        [
            (Estimate(1.0, 0.9, 1.1), 0.05, Verdict.HOLDS),
            (Estimate(1.0, 0.7, 1.1), 0.05, Verdict.IN_PART),
            (Estimate(1.3, 1.1, 1.4), 0.05, Verdict.IN_PART),
            (Estimate(1.7, 1.6, 1.8), 0.05, Verdict.FAILS),
            (Estimate(0.5, 0.4, 0.6), 0.05, Verdict.FAILS),
            (Estimate(1.0, 0.9, 1.1), 0.2, Verdict.NOT_HERE),
            (Estimate(nan, nan, nan), nan, Verdict.NOT_HERE),
        ],
    )
    def test_of_a_noise_floor(self, slope, drift, verdict) -> None:
        assert FLOOR.decide(slope, drift) is verdict

    def test_the_words_are_those_of_the_function(self) -> None:
        assert "at most 0.9" in RACE.verdict_rule
        assert "at most 0.8" in replace(RACE, margin=0.2).verdict_rule
        assert "within [0.8, 1.2]" in FLOOR.verdict_rule
        for study in (RACE, FLOOR):
            for verdict in Verdict:
                assert f"{verdict.value.capitalize()}:" in study.verdict_rule

    def test_the_best_rate_is_the_first_to_arrive(self) -> None:
        soon = [[2, 1.0, 0.9, 0.9], [2, 1.1, 0.9, 0.9], [2, 1.0, 0.9, 0.9]]
        late = [[2, 1.5, 1.0, 0.1], [2, 1.0, 0.2, 0.1], [2, 1.5, 0.2, 0.1]]
        study = replace(RACE, target=1.0)
        assert study.best(hand_made(soon, late)) == 0
        assert study.best(hand_made(late, soon)) == 1
        # Of rates that arrive together, or not at all, the one with the lowest last loss.
        lower = [[2, 1.0, 0.9, 0.8]] * 3
        assert study.best(hand_made(late, soon, lower)) == 2
        assert study.best(hand_made(lower, soon, late)) == 0
        assert replace(RACE, target=0.01).best(hand_made(soon, lower, late)) == 2

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
        self, monkeypatch, last, verdict
    ) -> None:
        rates = np.array(FLOOR.rates)[:, None, None]
        excess = np.repeat([9, 9, 1, last], 10) * rates
        excess = np.concatenate([rates, excess], axis=-1).repeat(6, axis=1)
        monkeypatch.setattr(NoiseFloor, "_excess", lambda *_: excess)
        evidence = replace(FLOOR, task=bowl).run(6, "cpu")
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


class TestCards:
    def test_a_small_race_from_start_to_verdict(self, fresh) -> None:
        card = replace(cards["momentum-faster"], study=RACE)
        result = card.run()
        assert result.seeds == 6
        assert repr(result) == repr(card.run())
        assert "arrived" in repr(result)
        curves = result.curves()
        assert curves.optimizers == ("sgd", "sgdm")
        assert curves.median.shape == (2, 3, 4)
        assert curves.steps.tolist() == [0, 4, 8, 12]

    def test_a_best_rate_at_the_edge_is_reported(self, fresh) -> None:
        short = replace(RACE, rates=(0.001, 0.01, 0.1))
        notes = short.run(6, "cpu").notes
        assert "The best rate of sgd with batches of 64 is the edge of its grid" in " ".join(notes)

    def test_nobody_arrives(self, fresh) -> None:
        evidence = replace(RACE, target=0.01, steps=4).run(6, "cpu")
        assert evidence.verdict is Verdict.NOT_HERE
        assert "0 of 6" in evidence.table.text()
        assert "open [0, ∞]" in evidence.finding

    @pytest.mark.parametrize(
        ("rival", "champion", "verdict", "finding"),
        [
            (idle, sgd, Verdict.HOLDS, "sgd takes 0.5 [0.5, 0.5] times the steps of idle"),
            (sgd, idle, Verdict.FAILS, "idle takes 2 [2, 2] times the steps of sgd"),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_a_race_whose_winner_is_known(self, fresh, rival, champion, verdict, finding) -> None:
        study = Race(few, rival, champion, (0.1,), target=1.8, steps=24, seeds=6, tuning_seeds=1)
        evidence = study.run(6, "cpu")
        assert evidence.verdict is verdict
        assert evidence.finding.startswith(finding)
        assert [row[0] for row in evidence.table.rows[:2]] == [
            f"{rival.name}, 128",
            f"{champion.name}, 128",
        ]
        assert [row[3] for row in evidence.table.rows[:2]] == ["6 of 6", "6 of 6"]

    @pytest.mark.parametrize("name", [n for n, c in cards.items() if isinstance(c.study, Race)])
    def test_no_seed_is_tuned_on_and_compared(self, monkeypatch, name) -> None:
        tuned: set[int] = set()
        compared: set[int] = set()

        def planned(task, rules, *, lr, seeds, steps, every=1, **_):
            (tuned if every == 2 else compared).update(seeds)
            count = 1 if isinstance(rules, Rule) else len(rules)
            loss = np.linspace(3, 0, steps // every + 1)
            loss = np.broadcast_to(loss, (count, len(lr), len(seeds), len(loss)))
            names, rates = ("sgd",) * count, np.tile(lr, (count, 1))
            return Sweep(names, rates, np.array(seeds), np.arange(0, steps + 1, every), loss, loss)

        monkeypatch.setattr(race, "sweep", planned)
        study = cards[name].study
        for seeds in (6, study.seeds, 1000):
            study.run(seeds, "cpu")
            study.curves(seeds, "cpu")
        assert len(tuned) == study.tuning_seeds
        assert compared == set(range(1000))
        assert not tuned & compared

    def test_seeds_that_would_meet_those_of_the_tuning(self, fresh, monkeypatch) -> None:
        with pytest.raises(ValueError, match="seeds = 1000001, but at most 1000000 can be"):
            cards["momentum-faster"].run(FIRST_TUNING_SEED + 1)
        monkeypatch.setattr(race, "FIRST_TUNING_SEED", 6)
        with pytest.raises(ValueError, match="seeds = 7, but at most 6 can be compared"):
            RACE.curves(7, "cpu")
        assert not fresh.exists()

    def test_the_floor_of_a_quadratic_is_the_one_in_closed_form(self, fresh) -> None:
        study = NoiseFloor(bowl, sgd, (0.1, 0.05), steps=800, every=2)
        evidence = study.run(16, "cpu")
        h = Bowl.h.numpy()
        c = h**2 * bowl().train[0].numpy().var(axis=0) / 4
        for rate, (name, measured, predicted) in zip(study.rates, evidence.table.rows, strict=True):
            assert float(name) == rate
            assert float(predicted) == pytest.approx(rate * c.sum() / 4, rel=5e-3)
            # θ − θ* is multiplied by 1 − ηh and gets a noise of variance η² c at every step.
            exact = (h / 2 * rate**2 * c / (1 - (1 - rate * h) ** 2)).sum()
            assert float(measured.split()[0]) == pytest.approx(exact, rel=0.1)

    def test_a_floor_that_is_not_reached(self, fresh) -> None:
        evidence = FLOOR.run(6, "cpu")
        assert evidence.verdict is Verdict.NOT_HERE
        curves = FLOOR.curves(6, "cpu")  # for a logarithmic axis: without the start, which is zero
        assert curves.steps[0] == FLOOR.every
        assert (curves.low > 0).all()

    def test_the_claim_stands_before_the_run(self, fresh) -> None:
        for card in cards.values():
            for shown in (repr(card), card._repr_html_()):
                assert "Verdict rule" in shown
                assert "Found" not in shown
        assert not fresh.exists()

    def test_an_unknown_card(self) -> None:
        names = "sgd-noise-floor, momentum-faster, nesterov-faster"
        with pytest.raises(KeyError, match=f"no card 'adam'; there are {names}"):
            _ = cards["adam"]

    @pytest.mark.parametrize("seeds", [0, -3])
    def test_no_seeds(self, seeds) -> None:
        with pytest.raises(ValueError, match=f"seeds = {seeds}, but there must be at least one"):
            cards["momentum-faster"].run(seeds)

    def test_too_few_seeds(self) -> None:
        with pytest.raises(ValueError, match="5 values, but a 95 % interval of the median needs 6"):
            cards["momentum-faster"].run(5)

    def test_no_gpu(self, monkeypatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match="PyTorch finds no GPU here; the CPU is the default"):
            cards["momentum-faster"].run(device="cuda")


class TestTerminal:
    def test_without_a_name_it_lists_the_claims(self, fresh, capsys) -> None:
        main([])
        out = capsys.readouterr().out
        assert all(name in out and card.claim in out for name, card in cards.items())
        assert not fresh.exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["adam"], "no card 'adam'; there are sgd-noise-floor,"),
            (["momentum-faster", "--seeds", "0"], "seeds = 0"),
            (["momentum-faster", "--device", "tpu"], "device = 'tpu'"),
        ],
    )
    def test_bad_arguments(self, arguments, message, capsys) -> None:
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        assert message in capsys.readouterr().err

    def test_it_prints_the_result_and_how_to_get_it_again(self, fresh, capsys, monkeypatch) -> None:
        monkeypatch.setitem(cards, "momentum-faster", replace(cards["momentum-faster"], study=RACE))
        main(["momentum-faster", "--seeds", "7"])
        out = capsys.readouterr().out
        assert "python -m optlib.lab momentum-faster --seeds 7" in out
        assert "Verdict:" in out


class TestTheBooksCards:
    """The cards as the book shows them, with its kept results: without them this takes a minute."""

    def test_the_best_rates_lie_inside_their_grids(self) -> None:
        for name in ("momentum-faster", "nesterov-faster"):
            assert "edge" not in " ".join(cards[name].run().evidence.notes)

    @pytest.mark.parametrize("name", ["momentum-faster", "nesterov-faster"])
    def test_the_figure_begins_at_the_tuned_rates(self, name) -> None:
        result = cards[name].run()
        curves = result.curves()
        tuned = {row[0].partition(",")[0]: row[1] for row in result.evidence.table.rows[:2]}
        for optimizer, index in curves.start().items():
            assert curves.rates()[optimizer][index] == pytest.approx(
                float(tuned[optimizer]), rel=2e-3
            )

    def test_at_least_ten_seeds(self) -> None:
        assert all(card.study.seeds >= 10 for card in cards.values())

    def test_the_noise_floor_is_the_predicted_one(self) -> None:
        for _, measured, predicted in cards["sgd-noise-floor"].run().evidence.table.rows:
            median = float(measured.split()[0])
            assert median == pytest.approx(float(predicted), rel=0.12)

    def test_one_table_shows_them_all(self) -> None:
        claims = all_cards()
        assert [result.card.name for result in claims] == list(cards)
        shown = claims._repr_html_()
        assert all(card.claim in shown and card.name in shown for card in cards.values())
        assert all(result.verdict.value in repr(claims) for result in claims)

    @pytest.mark.parametrize("name", list(cards))
    def test_the_page_can_read_them(self, name) -> None:
        shown = cards[name].run()._repr_html_()
        assert shown.count("<caption>") == shown.count("<table") == 1
        assert shown.count('scope="row"') == len(cards[name].run().evidence.table.rows)
        assert "style=" not in shown
        for tag in ("div", "dl", "dt", "dd", "table", "tr", "th", "td", "p"):
            assert len(re.findall(f"<{tag}[ >]", shown)) == shown.count(f"</{tag}>")
