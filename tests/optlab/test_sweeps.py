"""Sweeps: the same numbers as one run after another, whatever is killed, cut or computed where."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch.func import grad
from torch.profiler import ProfilerActivity, profile

from optlab import store, sweep, sweeps
from optlab.tasks import (
    digits_cnn,
    digits_mlp,
    digits_softmax,
    noisy_quadratic,
    one_thread,
    rare_features,
    reddi_online,
    topics_transformer,
    wilson,
)
from optlab.train import MAGNITUDES, Chunk, memory, train
from optlib import adam, lookahead, nag, rule, sgd, sgdm
from optlib.arrays import where
from optlib.schedules import sgdr, warmup
from tests.system import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(autouse=True)
def _quick():
    with one_thread():
        yield


def close(found: xr.Dataset, expected: xr.Dataset, rtol: float = 1e-12) -> None:
    xr.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)


def by_hand(task, rule, seed, steps, rates, **hyper):
    """The parameters after each step."""
    theta = task.start(seed)
    state = rule.init(theta)
    visited = [theta]
    draws = task.draws(seed, steps)
    for t, (draw, rate) in enumerate(zip(draws, rates, strict=True), start=1):
        arguments = task.arguments(*map(torch.as_tensor, draw))

        def g(point, arguments=arguments):
            return grad(task.loss)(point, *arguments)

        given = g if rule.needs_function else g(theta)
        theta, state = rule.step(theta, given, state, t, lr=rate, **hyper)
        visited.append(task.project(theta))
        theta = visited[-1]
    return visited


def assert_measured(run, task, visited) -> None:
    for step in run.step.values:
        for name, value in task.measure(visited[step]).items():
            assert run[name].sel(step=step).item() == pytest.approx(value.item(), rel=1e-10), name


class TestNumbers:
    @pytest.mark.parametrize(
        "task", [digits_mlp, partial(digits_mlp, "batch", 0.3), reddi_online, wilson]
    )
    def test_equal_to_a_loop(self, fresh, task) -> None:
        task = task()
        found = sweep(task, [sgd, adam], lr=[0.01, 0.03], seeds=[7, 8], steps=5, every=2)
        assert dict(found.sizes) == {"optimizer": 2, "lr": 2, "seed": 2, "step": 4}
        assert found.step.values.tolist() == [0, 2, 4, 5]
        for rule_ in (sgd, adam):
            for lr in (0.01, 0.03):
                for seed in (7, 8):
                    visited = by_hand(task, rule_, seed, 5, [lr] * 5)
                    run = found.sel(optimizer=rule_.name, lr=lr, seed=seed)
                    assert_measured(run, task, visited)
        assert not found.diverged.any()
        assert found.attrs["task"] == task.name
        assert found.attrs["seconds"] > 0

    @pytest.mark.parametrize(("ours", "theirs"), [(sgd, torch.optim.SGD), (adam, torch.optim.Adam)])
    def test_equal_to_pytorch(self, fresh, ours, theirs) -> None:
        task, lr = digits_mlp(), 0.01
        names = list(task.network.weights)
        sizes = [int(np.prod(weight.shape)) for weight in task.network.weights.values()]
        parts = dict(zip(names, task.start(3).split(sizes), strict=True))
        network = torch.nn.Sequential(
            torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
        ).double()
        with torch.no_grad():
            for layer, number in ((network[0], 1), (network[2], 2)):
                layer.weight.copy_(parts[f"W{number}"].view(layer.weight.T.shape).T)
                layer.bias.copy_(parts[f"b{number}"])
        optimizer, entropy = theirs(network.parameters(), lr=lr), torch.nn.CrossEntropyLoss()
        for rows in task.batches(3, 20):
            optimizer.zero_grad()
            entropy(network(task.train[0][rows]), task.train[1][rows]).backward()
            optimizer.step()
        found = sweep(task, ours, lr=lr, seeds=[3], steps=20).isel(step=-1).squeeze()
        for name in ("train", "validation", "test"):
            inputs, targets = getattr(task, name)
            scores = network(inputs)
            loss = entropy(scores, targets).item()
            assert found[f"{name}_loss"].item() == pytest.approx(loss, rel=1e-6)
            right = (scores.argmax(-1) == targets).double().mean().item()
            assert found[f"{name}_accuracy"].item() == pytest.approx(right)

    @pytest.mark.parametrize("schedule", [partial(warmup, warmup=4), partial(sgdr, period=3)])
    def test_a_schedule(self, fresh, schedule) -> None:
        task = digits_mlp()
        found = sweep(task, sgdm, lr=[0.1, 0.3], seeds=[5], steps=6, schedule=schedule)
        for lr in (0.1, 0.3):
            rates = [float(schedule(step, lr=lr)) for step in range(6)]
            run = found.sel(lr=lr, seed=5).squeeze()
            assert_measured(run, task, by_hand(task, sgdm, 5, 6, rates))

    def test_a_schedule_for_all_rates_alike(self, fresh) -> None:
        plan: dict[str, Any] = {"lr": [0.1, 0.3], "seeds": [5, 6], "steps": 4}
        found = sweep(digits_mlp(), sgd, schedule=lambda step, lr: 0.1 / (step + 1), **plan)
        np.testing.assert_allclose(found.train_loss[:, 0], found.train_loss[:, 1], rtol=1e-12)
        run = found.sel(lr=0.3, seed=6).squeeze()
        rates = [0.1 / (step + 1) for step in range(4)]
        assert_measured(run, digits_mlp(), by_hand(digits_mlp(), sgd, 6, 4, rates))

    def test_statistics_of_gradients(self, fresh) -> None:
        task, steps = digits_mlp(), 5
        plan: dict[str, Any] = {"lr": 0.1, "seeds": [2, 3], "steps": steps, "every": 2}
        found = sweep(task, sgdm, gradients=True, **plan)
        assert found.gradient_histogram.dims[-2:] == ("step", "magnitude")
        np.testing.assert_allclose(found.magnitude, 10.0 ** MAGNITUDES[:-1])
        visited = by_hand(task, sgdm, 3, steps, [0.1] * steps)
        draws = list(task.draws(3, steps + 1))  # one more, for the gradient after the last step
        for step in (0, 2, 4, 5):
            run = found.sel(seed=3, step=step).squeeze()
            arguments = task.arguments(*map(torch.as_tensor, draws[step]))
            g = grad(task.loss)(visited[step], *arguments)
            assert run.gradient_norm.item() == pytest.approx(g.norm().item(), rel=1e-10)
            size = g.abs().clamp(10.0 ** MAGNITUDES[0], 10.0 ** MAGNITUDES[-1] * 0.999)
            counts, _ = np.histogram(size.numpy(), 10.0**MAGNITUDES)
            np.testing.assert_allclose(run.gradient_histogram, counts / task.size, atol=1e-12)
        close(found[list(sweep(task, sgdm, **plan))], sweep(task, sgdm, **plan))

    def test_other_hyper_parameters_are_dimensions(self, fresh) -> None:
        task, plan = digits_mlp(), {"lr": [0.05, 0.1], "seeds": [0, 1], "steps": 4}
        found = sweep(task, [sgd, sgdm], momentum=[0.9, 0.0], **plan)
        assert found.train_loss.dims == ("optimizer", "lr", "momentum", "seed", "step")
        assert found.momentum.values.tolist() == [0.0, 0.9]
        plain = found.sel(optimizer="sgd")
        xr.testing.assert_equal(
            plain.isel(momentum=0, drop=True), plain.isel(momentum=1, drop=True)
        )
        still = found.sel(optimizer="sgdm", momentum=0.0)
        np.testing.assert_allclose(still.train_loss, plain.train_loss[:, 0], rtol=1e-12)
        run = found.sel(optimizer="sgdm", momentum=0.9, lr=0.1, seed=1)
        assert_measured(run, task, by_hand(task, sgdm, 1, 4, [0.1] * 4))

    def test_a_single_value_is_a_coordinate(self, fresh) -> None:
        plan: dict[str, Any] = {"lr": 0.1, "seeds": [0], "steps": 2}
        found = sweep(digits_mlp(), [sgd, nag], momentum=0.5, **plan)
        assert found.train_loss.dims == ("optimizer", "lr", "seed", "step")
        assert found.momentum.item() == 0.5
        visited = by_hand(digits_mlp(), nag, 0, 2, [0.1] * 2, momentum=0.5)
        assert_measured(found.sel(optimizer="nag").squeeze(), digits_mlp(), visited)

    def test_a_whole_hyper_parameter(self, fresh) -> None:
        ahead, task = lookahead(adam), digits_mlp()
        found = sweep(task, ahead, lr=0.01, k=[2, 3], seeds=[0], steps=4)
        for k in (2, 3):
            visited = by_hand(task, ahead, 0, 4, [0.01] * 4, k=k)
            assert_measured(found.sel(k=k).squeeze(), task, visited)

    def test_own_rates_leave_holes(self, fresh) -> None:
        task = digits_mlp()
        plan: dict[str, Any] = {"seeds": [0, 1], "steps": 3}
        found = sweep(task, [sgd, adam], lr={"sgd": [0.1, 0.3], adam: [0.01, 0.1]}, **plan)
        assert found.lr.values.tolist() == [0.01, 0.1, 0.3]
        assert found.train_loss.sel(optimizer="sgd", lr=0.01).isnull().all()
        assert found.test_accuracy.sel(optimizer="adam", lr=0.3).isnull().all()
        assert found.diverged.dtype == bool and not found.diverged.any()
        for name, lr in (("sgd", [0.1, 0.3]), ("adam", [0.01, 0.1])):
            alone = sweep(task, {"sgd": sgd, "adam": adam}[name], lr=lr, **plan)
            part = found.sel(optimizer=[name], lr=lr)
            np.testing.assert_array_equal(part.train_loss, alone.train_loss)

    def test_numbers_of_any_kind(self, fresh) -> None:
        expected = sweep(digits_softmax(), sgdm, lr=[0.1], momentum=0.5, seeds=[0, 1], steps=3)
        double = torch.tensor([0.1], dtype=torch.float64)
        for lr in (0.1, np.float64(0.1), np.array([0.1]), (0.1, 0.1), double):
            for momentum in (0.5, np.float64(0.5), np.array(0.5)):
                for seeds, steps in ((range(2), np.int64(3)), (np.arange(2), 3)):
                    found = sweep(
                        digits_softmax(), sgdm, lr=lr, momentum=momentum, seeds=seeds, steps=steps
                    )
                    assert found.equals(expected)
        assert len(list(fresh.iterdir())) == 1  # they are the same sweep

    def test_measured_about_fifty_times(self, fresh) -> None:
        found = sweep(reddi_online(), sgd, lr=0.1, seeds=[0], steps=204)
        assert found.step.values.tolist() == [*range(0, 204, 4), 204]
        short = sweep(reddi_online(), sgd, lr=0.1, seeds=[0], steps=3, every=10)
        assert short.step.values.tolist() == [0, 3]


class TestDivergence:
    def test_it_is_marked_and_disturbs_no_other(self, fresh) -> None:
        plan: dict[str, Any] = {"seeds": range(3), "steps": 12, "every": 1, "gradients": True}
        wild = sweep(digits_mlp(), [sgd, sgdm], lr=[0.1, 1e200, 0.2], **plan)
        tame = sweep(digits_mlp(), [sgd, sgdm], lr=[0.1, 0.15, 0.2], **plan)
        for lr in (0.1, 0.2):
            xr.testing.assert_equal(wild.sel(lr=lr), tame.sel(lr=lr))
        assert wild.diverged.sel(lr=1e200).all()
        assert wild.diverged.sum() == 6
        lost = wild.sel(lr=1e200)
        assert np.isfinite(lost.train_loss.isel(step=0)).all()
        for name in ("train_loss", "validation_loss", "test_loss"):
            assert np.isposinf(lost[name].isel(step=-1)).all()
        for name in ("test_accuracy", "gradient_norm", "gradient_histogram"):
            assert np.isnan(lost[name].isel(step=-1)).all()

    @pytest.mark.parametrize(
        "task", [digits_cnn, topics_transformer, noisy_quadratic, reddi_online, rare_features]
    )
    @pytest.mark.parametrize("rule_", [adam, sgdm, nag], ids=lambda r: r.name)
    def test_it_never_raises(self, fresh, task, rule_) -> None:
        found = sweep(task(), rule_, lr=[1e-3, 1e300], seeds=[0], steps=3, gradients=True)
        assert not found.diverged.sel(lr=1e-3).any()
        assert found.train_loss.notnull().all()

    def test_it_stays_diverged(self, fresh) -> None:
        found = sweep(digits_softmax(), leap, lr=0.1, seeds=[0], steps=6, every=1)
        assert found.diverged.all()
        assert np.isfinite(found.train_loss.values.ravel()).tolist() == [True] * 3 + [False] * 4


class TestChunks:
    def test_the_budget_says_how_many_and_changes_no_number(self, tmp_path, monkeypatch) -> None:
        task = digits_mlp()
        results = []
        for runs in (6, 4, 2, 1):
            monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / str(runs)))
            plan: dict[str, Any] = {"lr": [0.1, 0.3], "seeds": range(3), "steps": 4, "every": 2}
            budget = memory(task, 10) * (runs + 0.5)
            results.append(sweep(task, [sgd, adam], budget=budget, **plan))
            assert len(list((tmp_path / str(runs)).iterdir())) == 2 * -(-6 // runs)
        for result in results[1:]:
            close(result, results[0])

    def test_threads_change_nothing(self, tmp_path, monkeypatch) -> None:
        results = []
        for threads in (1, 2):
            monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / str(threads)))
            torch.set_num_threads(threads)
            budget = 2.5 * memory(digits_mlp(), 10)
            results.append(
                sweep(digits_mlp(), [sgdm], lr=[0.1, 0.3], seeds=range(3), steps=8, budget=budget)
            )
            assert torch.get_num_threads() == threads
        assert results[0].equals(results[1])

    def test_a_budget_that_is_too_small(self, fresh) -> None:
        with pytest.raises(ValueError, match=r"budget = 1000 bytes, but one run of digits_mlp nee"):
            sweep(digits_mlp(), sgd, lr=0.1, seeds=[0], steps=1, budget=1000)

    @pytest.mark.parametrize(
        ("task", "runs"),
        [
            (digits_mlp, 6),
            (partial(digits_mlp, large=True), 2),
            (digits_softmax, 8),
            (digits_cnn, 3),
            (partial(digits_cnn, "group", 0.3), 2),
            (topics_transformer, 1),
            (wilson, 4),
            (rare_features, 4),
            (noisy_quadratic, 8),
            (reddi_online, 8),
        ],
    )
    @pytest.mark.parametrize("rule_", [sgd, lookahead(adam)], ids=lambda r: r.name)
    def test_a_chunk_needs_no_more_memory_than_was_said(self, task, runs, rule_) -> None:
        task = task()
        steps = 20 if task.size < 1000 else 2
        chunk = Chunk(task, rule_, {"lr": (1e-3,) * runs}, tuple(range(runs)), steps, 1)
        for gradients in (False, True):
            used = peak(lambda g=gradients: train(replace(chunk, gradients=g)))
            allowed = runs * memory(task, len(chunk.recorded), gradients)
            # What is there once, such as edges of bins and tensors of one number, is some kB.
            assert used < allowed + 20_000


def test_runs_that_are_measured_one_by_one_or_together_are_the_same(monkeypatch) -> None:
    chunk = Chunk(digits_softmax(), sgd, {"lr": (0.1, 0.2, 0.3)}, (0, 1, 2), 4, 2)
    together = train(chunk)
    monkeypatch.setattr("optlab.train.CACHE", 1)
    alone = train(chunk)
    assert set(alone) == set(together)
    for name in set(alone) - {"seconds"}:
        np.testing.assert_allclose(alone[name], together[name], rtol=1e-12)


def test_the_start_that_a_task_keeps_stays_as_it_is(fresh) -> None:
    task = replace(digits_softmax(), from_optimum=True)
    sweep(task, sgd, lr=0.1, seeds=[0], steps=1)
    assert not task.optimum.requires_grad


def peak(call) -> int:
    """Bytes of tensors that were alive together at most."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        call()
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    return int(np.cumsum([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]).max())


class TestKept:
    def test_a_sweep_is_run_once(self, fresh, monkeypatch) -> None:
        plan: dict[str, Any] = {"lr": [0.1], "seeds": [0, 1], "steps": 3}
        first = sweep(digits_mlp(), [sgd, sgdm], **plan)
        monkeypatch.setattr(sweeps, "train", lambda *_: pytest.fail("run again"))
        xr.testing.assert_identical(sweep(digits_mlp(), [sgd, sgdm], **plan), first)
        alone = sweep(digits_mlp(), sgdm, **plan)
        xr.testing.assert_equal(alone, first.sel(optimizer=["sgdm"]))

    @pytest.mark.parametrize(
        "change",
        [
            {"optimizers": "another sgd"},
            {"lr": [0.2]},
            {"seeds": [1]},
            {"steps": 4},
            {"every": 3},
            {"schedule": warmup},
            {"task": replace(digits_mlp(), batch=32)},
            {"task": digits_mlp().to(dtype=torch.float32)},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_a_change_never_meets_old_results(self, fresh, change) -> None:
        if "optimizers" in change:
            change = {"optimizers": doubled()}
        plan = {"task": digits_mlp(), "optimizers": sgd, "lr": [0.1], "seeds": [0], "steps": 3}
        old = sweep(**plan)
        new = sweep(**(plan | change))
        assert len(list(fresh.iterdir())) == 2
        assert not old.equals(new)

    @pytest.mark.parametrize(
        "damage",
        [lambda data: data[: len(data) // 2], lambda data: b"", lambda d: d[:99] + b"!" + d[100:]],
        ids=["cut", "empty", "flipped"],
    )
    def test_a_damaged_file_is_made_again(self, fresh, damage) -> None:
        plan: dict[str, Any] = {"lr": [0.1, 0.2], "seeds": [0], "steps": 3}
        plan["budget"] = memory(digits_softmax(), 10) * 1.5
        first = sweep(digits_softmax(), sgd, **plan)
        path, other = sorted(fresh.iterdir())
        kept = other.stat().st_mtime_ns
        path.write_bytes(damage(path.read_bytes()))
        with pytest.warns(UserWarning, match=f"{path.name} is damaged; its runs are made again"):
            again = sweep(digits_softmax(), sgd, **plan)
        assert again.equals(first)
        assert other.stat().st_mtime_ns == kept
        assert sweep(digits_softmax(), sgd, **plan).equals(first)

    def test_an_interruption_leaves_finished_chunks(self, fresh, monkeypatch) -> None:
        plan: dict[str, Any] = {"lr": 0.1, "seeds": range(6), "steps": 5}
        plan["budget"] = memory(digits_softmax(), 10) * 1.5
        save = store.save

        def interrupted(name, arrays):
            save(name, arrays)
            if len(list(fresh.iterdir())) == 3:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, "save", interrupted)
            with pytest.raises(KeyboardInterrupt):
                sweep(digits_softmax(), sgd, **plan)
        before = {path: path.stat().st_mtime_ns for path in fresh.iterdir()}
        assert len(before) == 3
        assert torch.get_num_threads() == 1  # nothing goes on
        sweep(digits_softmax(), sgd, **plan)
        assert len(list(fresh.iterdir())) == 6
        assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())

    def test_an_error_in_one_chunk_reaches_the_caller(self, fresh) -> None:
        with pytest.raises(RuntimeError, match="of no use"):
            sweep(digits_softmax(), [sgd, broken], lr=0.1, seeds=range(2), steps=2)

    def test_kill_9(self, tmp_path, monkeypatch, whole) -> None:
        process = start_sweep("killed", tmp_path / "killed", held_after_its_first)
        first = appeared(tmp_path / "killed", process.is_alive)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        done = {path: path.stat() for path in (tmp_path / "killed").glob("*.npz")}
        assert first in done and len(done) < CHUNKS
        monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "killed"))
        found = sweep(**long_plan())
        for path, stat in done.items():
            assert (path.stat().st_ino, path.stat().st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)
        assert len(list((tmp_path / "killed").glob("*.npz"))) == CHUNKS
        assert found.equals(whole)

    def test_two_processes_at_once(self, tmp_path, monkeypatch, whole) -> None:
        processes = [start_sweep(name, tmp_path / "results") for name in ("one", "two")]
        for process in processes:
            process.join(PATIENCE)
            assert process.exitcode == 0
        assert len(list((tmp_path / "results").iterdir())) == CHUNKS  # and no drafts
        monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
        read = sweep(**long_plan())
        assert len(list((tmp_path / "results").iterdir())) == CHUNKS
        assert read.equals(whole)


CHUNKS = 8


def long_plan() -> dict[str, Any]:
    """A sweep of `CHUNKS` chunks that takes some seconds."""
    task = digits_mlp()
    return {
        "task": task,
        "optimizers": [sgdm, adam],
        "lr": [0.01, 0.03],
        "seeds": range(4),
        "steps": 100,
        "budget": memory(task, 60) * 2.5,
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The long sweep, which nothing disturbed."""
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.mktemp("whole")))
        return sweep(**long_plan())


def run_long(folder) -> None:
    os.environ["OPTLIB_RESULTS"] = str(folder)
    torch.set_num_threads(1)
    sweep(**long_plan())


def held_after_its_first(folder) -> None:
    """The long sweep, of which one result is kept, and then no other."""
    save = store.save

    def held(name, arrays):
        save(name, arrays)
        time.sleep(PATIENCE)

    store.save = held
    run_long(folder)


def start_sweep(name, folder, run=run_long):
    """Another process that has begun the long sweep."""
    process = multiprocessing.get_context("spawn").Process(target=run, args=(folder,), name=name)
    process.start()
    return process


def appeared(folder: Path, going: Any) -> Path:
    """The first result, as soon as it is there."""
    while going():
        if found := next(folder.glob("*.npz"), None):
            return found
        time.sleep(0.005)
    raise AssertionError("it ended without a result")


@rule
def leap(g, theta, t, *, lr=0.1):
    """SGD whose third step goes too far for any loss, and whose fourth leads back."""
    return where(t == 3, 1e200, where(t == 4, 0.1 - theta, -lr * g))


def doubled():
    @rule
    def sgd(g, *, lr=1e-3):
        return -2 * lr * g

    return sgd


@rule
def broken(g, *, lr=0.1):
    raise RuntimeError("of no use")


class TestBar:
    def test_quiet_where_nobody_watches(self, fresh, capfd) -> None:
        sweep(digits_softmax(), sgd, lr=0.1, seeds=[0], steps=3)
        assert capfd.readouterr() == ("", "")

    def test_it_goes_to_the_end(self, fresh, capfd, monkeypatch) -> None:
        monkeypatch.setattr(sweeps, "tqdm", partial(watched, sweeps.tqdm))
        plan: dict[str, Any] = {"lr": [0.1, 0.2], "seeds": range(3), "steps": 50}
        plan["budget"] = memory(digits_softmax(), 60) * 2.5
        sweep(digits_softmax(), [sgd, sgdm], **plan)
        shown = capfd.readouterr().err
        assert "digits_softmax: sgd, sgdm: 100%" in shown
        assert re.search(r"600/600 \[\d\d:\d\d<\d\d:\d\d", shown)  # the time that is left
        sweep(digits_softmax(), [sgd, sgdm], **plan)
        assert capfd.readouterr().err == ""

    def test_with_a_terminal(self, fresh, capfd, monkeypatch) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        sweep(digits_softmax(), sgd, lr=0.1, seeds=[0], steps=3)
        assert "3.00/3.00" in capfd.readouterr().err


def watched(bar, **given):
    return bar(**{**given, "disable": False})


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"lr": []}, ValueError, "the grid is empty"),
            ({"momentum": []}, ValueError, "the grid is empty"),
            ({"optimizers": []}, ValueError, "the grid is empty"),
            ({"optimizers": [sgd, sgd]}, ValueError, "two optimizers have the same name"),
            ({"optimizers": [abs]}, TypeError, "is no optimizer"),
            ({"lr": {"sgd": [0.1], "sgdm": [0.1, 0.2]}}, ValueError, "the same number of learning"),
            ({"lr": {"sgd": 0.1, "sgdm": 0.1, nag: 0.1}}, ValueError, "for nag, which is not tra"),
            ({"seeds": []}, ValueError, r"seeds = \[\], but they must be different whole numbers"),
            ({"seeds": [1, 1]}, ValueError, r"seeds = \[1, 1\], but they must be different"),
            ({"seeds": [-1]}, ValueError, "whole numbers from 0 on"),
            ({"seeds": [0.5]}, TypeError, "'float' object cannot be interpreted as an integer"),
            ({"steps": 0}, ValueError, "steps = 0"),
            ({"steps": 2.0}, TypeError, "'float' object cannot be interpreted as an integer"),
            ({"every": 0}, ValueError, "every = 0"),
            ({"lr": [-1.0]}, ValueError, r"sgd: lr = .* is out of range \(0 <= lr\)"),
            ({"lr": np.nan}, ValueError, "sgd: lr = .* is out of range"),
            ({"momentum": 1.0}, ValueError, "momentum = .*1.* is out of range"),
            ({"beta1": 0.5}, TypeError, "no rule here has the hyper-parameter beta1"),
            ({"device": "tpu"}, ValueError, "device = 'tpu', but it must be 'cpu' or 'cuda'"),
            ({"schedule": lambda step, lr: lr - step}, ValueError, "sgd: lr = array.*"),
            ({"client": 3}, TypeError, "client = 3, but it must be a dask.distributed.Client"),
            ({"client": ThreadPoolExecutor(1)}, TypeError, "must be a dask.distributed.Client"),
        ],
    )
    def test_it_is_told_before_anything_is_trained(self, fresh, change, error, message) -> None:
        plan = {"optimizers": [sgd, sgdm], "lr": [0.1], "seeds": [0], "steps": 3}
        with pytest.raises(error, match=message):
            sweep(digits_mlp(), **(plan | change))
        assert not fresh.exists()

    def test_no_gpu(self, fresh, monkeypatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match="PyTorch finds no GPU here; the CPU is the default"):
            sweep(digits_mlp(), sgd, lr=0.1, seeds=[0], steps=1, device="cuda")

    def test_no_compiler(self, fresh, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CXX", raising=False)
        with pytest.raises(ValueError, match=r"compiled = True needs a C\+\+ compiler"):
            sweep(digits_mlp(), sgd, lr=0.1, seeds=[0], steps=1, compiled=True)
        assert not fresh.exists()


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    settings: dict[str, Any] = {"dashboard_address": None, "silence_logs": 50}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, **settings
        ) as c,
        distributed.Client(c) as found,
    ):
        yield found


class TestCluster:
    def test_the_same_numbers(self, tmp_path, monkeypatch, client) -> None:
        plan: dict[str, Any] = {"lr": [0.1, 0.3], "seeds": [0, 1], "steps": 4, "gradients": True}
        plan["budget"] = memory(digits_mlp(), 10, True) * 2.5
        plan["schedule"] = partial(warmup, warmup=4)
        results = []
        for name, given in (("here", None), ("there", client)):
            monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / name))
            results.append(sweep(digits_mlp(), [sgd, doubled_move], client=given, **plan))
        close(*results)
        names = [sorted(p.name for p in (tmp_path / n).iterdir()) for n in ("here", "there")]
        assert names[0] == names[1]

    def test_what_is_kept_is_not_sent(self, fresh, client) -> None:
        plan: dict[str, Any] = {"lr": 0.1, "seeds": [0], "steps": 2}
        first = sweep(digits_softmax(), sgd, **plan)
        client_that_fails = type(
            "C", (), {"cancel": None, "asynchronous": False, "submit": pytest.fail}
        )()
        assert sweep(digits_softmax(), sgd, client=client_that_fails, **plan).equals(first)

    def test_a_worker_that_dies_costs_no_result(self, tmp_path, monkeypatch, client, whole) -> None:
        monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "killed"))
        pids = client.run(os.getpid)
        killed = []

        def kill() -> None:
            appeared(tmp_path / "killed", lambda: True)
            pid = next(iter(pids.values()))
            os.kill(pid, signal.SIGKILL)
            killed.append(len(list((tmp_path / "killed").glob("*.npz"))))

        watcher = threading.Thread(target=kill, daemon=True)
        watcher.start()
        found = sweep(**long_plan(), client=client)
        watcher.join()
        assert killed[0] < CHUNKS
        client.wait_for_workers(2, timeout=PATIENCE)
        assert set(client.run(os.getpid).values()) != set(pids.values())
        close(found, whole)

    def test_a_worker_with_another_version(self, fresh, client) -> None:
        version = torch.__version__
        client.run(set_version, "0.0")
        try:
            with pytest.raises(ValueError, match="a worker's optlib, Python, PyTorch or NumPy is"):
                sweep(digits_softmax(), sgd, lr=0.1, seeds=[0], steps=1, client=client)
        finally:
            client.run(set_version, version)
        assert not fresh.exists()

    def test_an_asynchronous_client(self, fresh) -> None:
        later = type("C", (), {"cancel": None, "submit": None, "asynchronous": True})()
        with pytest.raises(TypeError, match="must be a dask"):
            sweep(digits_softmax(), sgd, lr=0.1, seeds=[0], steps=1, client=later)

    def test_an_interruption_leaves_finished_chunks(self, fresh, monkeypatch, client) -> None:
        save = store.save

        def interrupted(name, arrays):
            save(name, arrays)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(store, "save", interrupted)
            with pytest.raises(KeyboardInterrupt):
                sweep(**long_plan(), client=client)
        assert len(list(fresh.iterdir())) == 1
        # The rest was called back, and so the cluster is free.
        assert client.submit(os.getpid, pure=False).result(timeout=20)

    def test_a_rule_of_a_script_or_a_notebook(self, tmp_path, client) -> None:
        script = tmp_path / "script.py"
        script.write_text(SCRIPT)
        environment = {**os.environ, "OPTLIB_RESULTS": str(tmp_path / "results")}
        done = subprocess.run(
            [sys.executable, str(script), client.scheduler.address],
            env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.stdout.split() == ["equal", "equal"], done.stderr


SCRIPT = '''
import linecache, os, sys
import numpy as np
from distributed import Client
from optlib import rule
from optlib.arrays import sqrt
from optlab import sweep
from optlab.tasks import digits_softmax

SCALE = 2.0

def helper(x):
    return x * SCALE + 0 * sqrt(x * x)

@rule
def mine(g, *, lr=0.1):
    return -lr * helper(g)

CELL = """
def other(x):
    return helper(x) + 0

@rule
def cell(g, *, lr=0.1):
    return -lr * other(g)
"""

# As IPython does it: the text is in no file.
name = "/tmp/ipykernel_1/2.py"
linecache.cache[name] = len(CELL), None, CELL.splitlines(True), name
exec(compile(CELL, name, "exec"), globals())
with Client(sys.argv[1]) as client:
    for rule_ in (mine, cell):
        plan = dict(lr=[0.1, 0.2], seeds=[0, 1], steps=3, schedule=lambda step, lr: lr / (step + 1))
        there = sweep(digits_softmax(), rule_, client=client, **plan)
        os.environ["OPTLIB_RESULTS"] += "-here"
        here = sweep(digits_softmax(), rule_, **plan)
        print("equal" if np.allclose(here.train_loss, there.train_loss, rtol=1e-12) else here)
'''


@rule
def doubled_move(g, *, lr=0.1):
    return -2 * lr * g


def set_version(version) -> None:
    torch.__version__ = version
