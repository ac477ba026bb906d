"""Tuning: equal budgets, best settings with others on both sides, and no look at the test part."""

import functools
from itertools import product

import numpy as np
import pytest
import xarray as xr

from optlab import sweep, tune, tuning
from optlab.tasks import digits_softmax, one_thread
from optlab.tuning import FIRST_SEED, last, lowest_last
from optlib import adam, rule, sgd, sgdm

RATES = (0.5, 1.0, 2.0)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty folder for results; what is run in it is too small for more than one thread."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    with one_thread():
        yield tmp_path / "results"


class Tried:
    """What tuning trained: for each optimizer its settings, and the seeds and the rest."""

    def __init__(self) -> None:
        self.settings: dict[str, list[tuple[float, ...]]] = {}
        self.seeds: set[tuple[int, ...]] = set()
        self.others: list[dict[str, object]] = []


@pytest.fixture
def pretend(monkeypatch):
    """In place of training: the losses that a function gives for each run, and what was tried."""

    def pretended(losses) -> Tried:
        """`losses(name, settings, seed)`, by metric a list of a loss for each record."""
        tried = Tried()

        @functools.wraps(sweep)
        def found(task, rule_, *, lr, seeds, steps, **settings):
            hyper = {n: list(values) for n, values in settings.items() if n in rule_.hyper}
            axes = {"lr": sorted(lr), **hyper}
            tried.seeds.add(tuple(seeds))
            tried.others.append({n: v for n, v in settings.items() if n not in hyper})
            rows = list(product(*axes.values()))
            tried.settings.setdefault(rule_.name, []).extend(rows)
            runs = [
                [losses(rule_.name, dict(zip(axes, row, strict=True)), seed) for seed in seeds]
                for row in rows
            ]
            shape = (*map(len, axes.values()), len(seeds), -1)
            metrics = {
                metric: (
                    ("optimizer", *axes, "seed", "step"),
                    np.array([[r[metric] for r in row] for row in runs]).reshape(1, *shape),
                )
                for metric in runs[0][0]
            }
            length = len(runs[0][0]["validation_loss"])
            coordinates = {"optimizer": [rule_.name], **axes, "seed": list(seeds)}
            return xr.Dataset(metrics, {**coordinates, "step": np.arange(length)})

        monkeypatch.setattr(tuning, "sweep", found)
        return tried

    return pretended


def bowls(**lowest):
    """Each optimizer's loss is a bowl over the logarithm of the rate, lowest at its own power."""
    return lambda name, settings, seed: {
        "validation_loss": [9.0, (np.log2(settings["lr"]) - lowest[name]) ** 2 + seed % 7 / 1000]
    }


def tuned(rules=(sgd, sgdm), lr=RATES, seeds=3, steps=1, **settings):
    lr = lr if isinstance(lr, dict) else {each.name: lr for each in rules}
    settings = {"score": lowest_last(), **settings}
    return tune(digits_softmax(), list(rules), lr=lr, seeds=seeds, steps=steps, **settings)


class TestWidening:
    @pytest.mark.parametrize("lowest", list(product([-5, -2, 0, 1, 4, 6], repeat=2)))
    def test_until_the_best_has_others_on_both_sides(self, pretend, lowest) -> None:
        tried = pretend(bowls(sgd=lowest[0], sgdm=lowest[1]))
        found = tuned(widen=20)
        assert found.edges == [] and found.notes() == []
        for name, power in zip(("sgd", "sgdm"), lowest, strict=True):
            assert found.best[name] == {"lr": 2.0**power}
            grid = found.tried[name]
            assert grid[0] < 2.0**power < grid[-1]
            np.testing.assert_allclose(np.diff(np.log2(grid)), 1)  # no hole, none twice
            assert sorted(tried.settings[name]) == [(rate,) for rate in grid]  # each run once
        # Equal budgets, and no more than the one that needs most must have.
        needed = max(map(abs, lowest))
        assert len(found.tried["sgd"]) == len(found.tried["sgdm"]) <= 3 + 2 * needed
        if set(lowest) == {0}:
            assert found.tried["sgd"] == list(RATES)

    @pytest.mark.parametrize("widen", [0, 2, 6])
    def test_it_stops_and_reports_the_edge(self, pretend, widen) -> None:
        pretend(bowls(sgd=40, sgdm=0))
        found = tuned(widen=widen)
        assert found.tried["sgd"] == [2.0**k for k in range(-1, widen + 2)]
        assert len(found.tried["sgdm"]) == 3 + widen
        assert found.best == {"sgd": {"lr": 2.0 ** (widen + 1)}, "sgdm": {"lr": 1.0}}
        assert found.edges == ["sgd"]
        [note] = found.notes()
        assert "best rate of sgd is the edge of its grid" in note

    def test_a_falling_loss_goes_down_to_the_low_edge(self, pretend) -> None:
        pretend(bowls(sgd=-40, sgdm=-40))
        found = tuned(widen=3)
        assert found.tried["sgd"] == [2.0**k for k in range(-4, 2)]
        assert found.edges == ["sgd", "sgdm"] and len(found.notes()) == 2

    def test_the_others_grow_at_the_end_nearer_to_their_best(self, pretend) -> None:
        pretend(bowls(sgd=4, sgdm=1))
        rates = [2.0**k for k in range(5)]
        found = tuned(lr={"sgd": rates, "sgdm": rates})
        assert found.tried["sgd"] == [2.0**k for k in range(6)]
        assert found.tried["sgdm"] == [2.0**k for k in range(-1, 5)]

    def test_an_uneven_grid_goes_on_by_the_factor_at_its_end(self, pretend) -> None:
        pretend(bowls(sgd=3.5, sgdm=0))
        found = tuned(lr={"sgd": (0.5, 1.0, 4.0), "sgdm": RATES})
        assert found.tried["sgd"] == [0.5, 1.0, 4.0, 16.0, 64.0]

    def test_where_all_diverge_it_looks_for_smaller_rates(self, pretend) -> None:
        pretend(
            lambda name, settings, seed: {
                "validation_loss": [1.0, np.inf if settings["lr"] > 0.1 else settings["lr"] + 1]
            }
        )
        found = tuned(widen=20)
        # Of those that do not diverge the smallest is best: to the low edge, as far as allowed.
        assert found.best["sgd"]["lr"] == min(found.tried["sgd"]) < 0.1
        assert found.edges == ["sgd", "sgdm"]


class TestFairness:
    def test_other_hyper_parameters_are_tuned_with_the_rate(self, pretend) -> None:
        best = {"sgdm": (4.0, 0.9), "adam": (1.0, 0.999)}

        def losses(name, settings, seed):
            rate, other = best[name]
            value = settings["momentum" if name == "sgdm" else "beta2"]
            # With the other value the best rate is another one, and so is the order of the values.
            off = (np.log2(settings["lr"] / rate) + 10 * (value - other)) ** 2
            return {"validation_loss": [0.0, off + abs(value - other)]}

        tried = pretend(losses)
        found = tuned((sgdm, adam), momentum=(0.5, 0.9), beta2=(0.9, 0.999), widen=9)
        assert found.best == {
            "sgdm": {"lr": 4.0, "momentum": 0.9},
            "adam": {"lr": 1.0, "beta2": 0.999},
        }
        assert len(tried.settings["sgdm"]) == len(tried.settings["adam"])
        assert sorted(tried.settings["sgdm"]) == list(product(found.tried["sgdm"], (0.5, 0.9)))

    def test_a_rule_without_a_hyper_parameter_is_tuned_by_its_rate_alone(self, pretend) -> None:
        tried = pretend(bowls(sgd=0, sgdm=0))
        found = tuned(momentum=(0.5, 0.9))
        assert found.best["sgd"] == {"lr": 1.0}
        assert found.best["sgdm"]["lr"] == 1.0 and found.best["sgdm"]["momentum"] in (0.5, 0.9)
        assert tried.settings["sgd"] == [(rate,) for rate in RATES]

    def test_all_see_the_same_seeds_which_no_comparison_has(self, pretend) -> None:
        tried = pretend(bowls(sgd=3, sgdm=-3))
        tuned(seeds=5, every=7, device="cpu")
        assert tried.seeds == {tuple(range(FIRST_SEED, FIRST_SEED + 5))}
        assert all(others == {"every": 7, "device": "cpu"} for others in tried.others)

    def test_validation_decides_and_neither_training_nor_test(self, pretend) -> None:
        def losses(name, settings, seed):
            k = np.log2(settings["lr"])
            return {"train_loss": [-k], "validation_loss": [k**2], "test_loss": [k]}

        pretend(losses)
        assert tuned().best == {"sgd": {"lr": 1.0}, "sgdm": {"lr": 1.0}}

    def test_a_lucky_last_point_decides_nothing(self, pretend) -> None:
        def losses(name, settings, seed):
            # At every rate but 1 the last of 21 records is low, and the one before it is high.
            end = [1.0, 1.0] if settings["lr"] == 1 else [9.0, 0.1]
            return {"validation_loss": [0.0] * 19 + end}

        pretend(losses)
        assert tuned().best["sgd"] == {"lr": 1.0}
        at_last = tuned(score=lambda runs: (runs.validation_loss.isel(step=-1),), widen=0)
        assert at_last.best["sgd"] != {"lr": 1.0}

    def test_the_median_over_the_seeds_and_the_next_score_for_ties(self, pretend) -> None:
        def losses(name, settings, seed):
            bad = settings["lr"] == 1 and seed == FIRST_SEED  # one bad seed of the best rate
            return {
                "validation_loss": [100.0 if bad else 1.0 if settings["lr"] <= 1 else 2.0],
                "train_loss": [5.0 if settings["lr"] == 0.5 else 4.0 if settings["lr"] == 1 else 0],
            }

        pretend(losses)
        found = tuned(score=lambda runs: (last(runs.validation_loss), last(runs.train_loss)))
        assert found.best["sgd"] == {"lr": 1.0}

    def test_how_often_it_would_be_chosen_again(self, pretend) -> None:
        pretend(bowls(sgd=0, sgdm=0))  # the seeds agree
        assert tuned().again == {"sgd": 1.0, "sgdm": 1.0}
        rng = np.random.default_rng(0)
        pretend(lambda name, settings, seed: {"validation_loss": [rng.random()]})
        assert max(tuned(seeds=9).again.values()) < 0.9


class TestLast:
    @pytest.mark.parametrize(("records", "meant"), [(1, 1), (9, 1), (19, 1), (20, 2), (51, 5)])
    def test_the_mean_of_the_last_tenth(self, records, meant) -> None:
        values = np.random.default_rng(0).random((2, records))
        found = last(xr.DataArray(values, dims=("seed", "step")))
        np.testing.assert_allclose(found, values[:, records - meant :].sum(1) / meant)

    def test_a_diverged_run_has_no_last_loss(self) -> None:
        values = np.ones((1, 30))
        values[0, -1] = np.inf
        assert np.isinf(last(xr.DataArray(values, dims=("seed", "step")))).all()

    def test_another_metric(self) -> None:
        runs = xr.Dataset({name: ("step", [float(i)]) for i, name in enumerate(("a", "b"))})
        [score] = lowest_last("b")(runs)
        assert score.item() == 1


@rule
def only_at_one(g, *, lr=1e-3):
    """SGD at the rate 1, at another a part of it: 1 is best, whatever the task."""
    return -0.05 * g / (1 + 9 * (lr - 1) ** 2)


class TestInEarnest:
    def test_the_known_best_rate_is_found_and_kept(self, fresh) -> None:
        plan = {"lr": {only_at_one.name: (0.25, 0.5, 0.75)}, "seeds": 2, "steps": 4, "every": 2}
        found = tuned((only_at_one,), **plan)
        grid = found.tried["only_at_one"]
        expected = min(grid, key=lambda rate: abs(rate - 1))
        assert found.best == {"only_at_one": {"lr": expected}}
        assert len(grid) > 3 and grid[-1] > expected and found.edges == []
        assert found.again == {"only_at_one": 1.0}
        before = {path: path.stat().st_mtime_ns for path in fresh.iterdir()}
        assert tuned((only_at_one,), **plan) == found
        assert {path: path.stat().st_mtime_ns for path in fresh.iterdir()} == before

    def test_rates_by_rule_or_by_name_in_any_order(self, fresh) -> None:
        plan = {"seeds": 1, "steps": 1, "widen": 0}
        by_name = tuned((sgd,), lr={"sgd": [0.1, 0.2, 0.3]}, **plan)
        assert tuned((sgd,), lr={sgd: np.array([0.3, 0.1, 0.2, 0.1])}, **plan) == by_name
        assert by_name.tried == {"sgd": [0.1, 0.2, 0.3]}

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"lr": (0.1, 0.2)}, ValueError, "sgd: 2 learning rates to choose from, but a choice"),
            ({"lr": (0.1, 0.2, 0.2)}, ValueError, "sgd: 2 learning rates"),
            ({"lr": {"sgd": RATES}}, ValueError, "sgdm: 0 learning rates"),
            ({"lr": {"sgd": RATES, "sgdm": (*RATES, 4)}}, ValueError, "same number .* equal budg"),
            ({"lr": (0.0, 0.1, 0.2)}, ValueError, "sgd: lr = 0, but a rate to choose must be abov"),
            ({"lr": (-1.0, 0.1, 0.2)}, ValueError, "sgd: lr = -1"),
            ({"seeds": 0}, ValueError, r"seeds = \[\]"),
            ({"steps": 0}, ValueError, "steps = 0"),
            ({"momentun": 0.9}, TypeError, "no rule here has the hyper-parameter momentun"),
            ({"momentum": (0.5, 1.5)}, ValueError, "momentum = .* is out of range"),
        ],
    )
    def test_bad_input(self, fresh, change, error, message) -> None:
        with pytest.raises(error, match=message):
            tuned(**change)
