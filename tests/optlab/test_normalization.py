"""Normalization: verdicts by their words, and what is measured by closed forms."""

from dataclasses import replace
from functools import partial
from math import inf

import numpy as np
import pytest
import torch

from optlab import Setting, Verdict, cards, sweep
from optlab.statistics import Estimate
from optlab.studies.normalization import LargestRate, Smoothness, along
from optlab.tasks import Classification, digits_mlp
from optlab.tuning import FIRST_SEED
from optlib import sgd, sgdm

BELOW, ABOVE, ACROSS = Estimate(0.8, 0.7, 0.9), Estimate(1.4, 1.3, 1.5), Estimate(1.0, 0.9, 1.3)
LEVEL = Estimate(1.0, 1.0, 1.0)

tensor = partial(torch.tensor, dtype=torch.float64)


@pytest.fixture(autouse=True)
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "smoothness"))


class TestAlong:
    """What is measured along the gradient."""

    def test_on_a_quadratic_it_is_the_known_curvature(self) -> None:
        h, lengths = tensor([1.0, 4.0, 25.0]), tensor([0.05, 0.1])
        for theta in torch.eye(3, dtype=torch.float64):
            found = along(lambda x: (h * x**2).sum() / 2, 3 * theta, lengths)
            bend = float(h @ theta)
            assert float(found["smoothness"]) == pytest.approx(bend)
            assert float(found["gradient"]) == pytest.approx(3 * bend)
            assert float(found["change"]) == pytest.approx(0.1 * bend * 3 * bend)
        # Between the axes: |H g| / |g|.
        theta = tensor([1.0, 1.0, 1.0])
        found = along(lambda x: (h * x**2).sum() / 2, theta, lengths)
        g = h * theta
        assert float(found["smoothness"]) == pytest.approx(float((h * g).norm() / g.norm()))

    def test_the_variation_is_the_range_of_the_loss_on_both_sides_of_its_minimum(self) -> None:
        # From 2 with the gradient 2: at 1, 0 and -1, where the loss is 1/2, 0 and 1/2.
        found = along(lambda x: (x**2).sum() / 2, tensor([2.0]), tensor([0.5, 1.0, 1.5]))
        assert float(found["variation"]) == pytest.approx(0.5)

    def test_the_smoothness_is_the_worst_one(self) -> None:
        # x⁴/4 from 1: the gradient's change over the way is largest nearby, 3 in the limit.
        found = along(lambda x: (x**4).sum() / 4, tensor([1.0]), tensor([1e-6, 1.0]))
        assert float(found["smoothness"]) == pytest.approx(3, rel=1e-5)

    def test_the_batch_is_handed_on(self) -> None:
        found = along(lambda x, a: (a * x**2).sum() / 2, tensor([1.0]), tensor([0.1]), tensor(7.0))
        assert float(found["smoothness"]) == pytest.approx(7)


class TestSmoothness:
    """The study."""

    STUDY = Smoothness(
        digits_mlp,
        sgd,
        rates=(0.05, 0.1, 0.2),
        lengths=(0.1, 0.2),
        steps=10,
        every=5,
        tuning_seeds=1,
    )

    @pytest.mark.parametrize(
        ("ratios", "verdict"),
        [
            ([BELOW, BELOW, BELOW], Verdict.HOLDS),
            ([BELOW, ACROSS, ABOVE], Verdict.IN_PART),
            ([ACROSS, ABOVE, ACROSS], Verdict.FAILS),
            ([ACROSS, ACROSS, LEVEL], Verdict.NOT_HERE),
        ],
    )
    def test_verdicts(self, ratios, verdict) -> None:
        assert self.STUDY.decide(ratios) is verdict

    def test_a_rule_with_a_memory_is_refused(self) -> None:
        with pytest.raises(ValueError, match="sgdm has a memory"):
            Smoothness(digits_mlp, sgdm, rates=(0.1,), lengths=(0.1,), steps=10)

    def test_the_looks_are_along_the_runs_of_the_sweep(self) -> None:
        """In one own step of the run the gradient changes as the two gradients say."""
        seen = self.STUDY.seen(None, 0.1, Setting(10))
        assert dict(seen.sizes) == {"seed": 10, "step": 2}
        task, step, seed = digits_mlp(), 5, 3
        theta = task.start(seed)
        for t, rows in enumerate(task.batches(seed, step), start=1):
            batch = task.train[0][rows], task.train[1][rows]
            g = torch.func.grad(task.loss)(theta, *batch)
            if t < step:
                theta = theta - 0.1 * g
        after = torch.func.grad(task.loss)(theta - 0.1 * g, *batch)
        own = float((after - g).norm() / g.norm())
        assert float(seen.own.sel(seed=seed, step=step)) == pytest.approx(own)
        assert float(seen.gradient.sel(seed=seed, step=step)) == pytest.approx(float(g.norm()))

    def test_no_seed_is_tuned_on_and_compared(self, monkeypatch) -> None:
        seen: list[int] = []
        start = Classification.start
        monkeypatch.setattr(
            Classification, "start", lambda task, seed: seen.append(seed) or start(task, seed)
        )
        self.STUDY.seen("batch", 0.1, Setting(10))
        assert seen == list(range(10))
        tuned = self.STUDY._tune("batch", Setting(10)).runs["sgd"]
        assert tuned.seed.values.tolist() == [FIRST_SEED]

    def test_a_tiny_run(self) -> None:
        found = self.STUDY.run(Setting(10))
        assert found.finding.startswith("With batch normalization over without: variation of the")
        assert [row[0] for row in found.table.rows][:3] == [
            "variation of the loss",
            "change of the gradient",
            "effective smoothness",
        ]
        assert len(found.pictures) == 1
        assert "2 lengths c from 0.1 to 0.2" in self.STUDY.protocol(Setting(10))["Measured"]


class TestLargestRate:
    """The study of usable rates."""

    STUDY = LargestRate(digits_mlp, sgd, rates=(0.1, 1.0, 10.0, 100.0), steps=10)

    @pytest.mark.parametrize(
        ("ratios", "verdict"),
        [
            ([ABOVE, ABOVE, ABOVE], Verdict.HOLDS),
            ([ABOVE, ACROSS, BELOW], Verdict.IN_PART),
            ([LEVEL, ACROSS, ACROSS], Verdict.FAILS),
            ([BELOW, BELOW, ACROSS], Verdict.FAILS),
            ([ACROSS, ACROSS, ACROSS], Verdict.NOT_HERE),
        ],
    )
    def test_verdicts(self, ratios, verdict) -> None:
        assert self.STUDY.decide(ratios) is verdict

    def test_the_largest_is_counted_from_the_best_one_without_a_gap(self) -> None:
        ends = np.array(
            [
                # by seed: up to the second, a gap, only the last, up to the last, none, diverged
                [1.0, 1.0, 9.0, 3.0, 9.0, 1.0],
                [1.2, 9.0, 9.0, 1.0, 8.0, inf],
                [9.0, 1.2, 9.0, 1.2, 9.0, inf],
                [9.0, 1.2, 1.0, 1.4, 9.0, inf],
            ]
        )
        found = self.STUDY.largest(ends, 1.5)
        assert found.tolist() == [1.0, 0.1, inf, inf, 0.0, 0.1]

    def test_a_rate_beyond_the_grid_is_known_within_bounds(self) -> None:
        found = self.STUDY.quotient(np.full(10, inf), np.full(10, 10.0))
        assert (found.low, found.high) == (10.0, inf)
        found = self.STUDY.quotient(np.full(10, 1.0), np.full(10, 10.0))
        assert (found.median, found.low, found.high) == (0.1, 0.1, 0.1)

    def test_a_tiny_run(self) -> None:
        study = replace(self.STUDY, rates=(0.1, 1.0), steps=4)
        found = study.run(Setting(10))
        assert [row[0] for row in found.table.rows] == [
            "no normalization",
            "batch",
            "layer",
            "group",
        ]
        assert len(found.pictures) == 1
        runs = study.runs(Setting(10))
        own = sweep(digits_mlp(norm="layer"), sgd, lr=0.1, seeds=range(10), steps=4, every=1)
        layer = runs.train_loss.sel(optimizer="layer", lr=0.1).transpose("seed", "step")
        np.testing.assert_allclose(layer, own.train_loss.values.reshape(layer.shape))
        assert study.curves(Setting(10)).lr[0].tolist() == [0.1, 1.0]


def test_the_cards() -> None:
    assert cards["norm-largest-rate"].study.rule is sgd
    assert cards["norm-smoothness"].citation == "santurkar2018"
