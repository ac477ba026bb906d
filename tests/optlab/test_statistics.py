"""Medians, intervals, ratios and the bootstrap, against SciPy, plain loops and known coverage."""

from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, quantile_test

from optlab.statistics import (
    Estimate,
    band,
    chosen_again,
    estimate,
    number,
    paired_ratio,
    rank,
    ratio,
    steps_to,
)


class TestIntervals:
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
        values = (
            0,
            66.5,
            1077,
            0.00346849,
            -1.0624,
            0.1,
            1e-7,
            12345.6,
            3.104e34,
            -7.61e-35,
            inf,
            -inf,
            nan,
        )
        assert [number(value) for value in values] == [
            *("0", "66.5", "1077", "0.00347", "-1.06", "0.1", "0.0000001", "12346"),
            *("3.1e+34", "-7.61e-35"),
            *("∞", "-∞", "open"),
        ]

    @given(st.floats(1e-9, 1e8) | st.floats(-1e8, -1e-9))
    def test_a_number_is_off_by_half_a_third_digit_at_most(self, value) -> None:
        shown = number(value)
        assert "e" not in shown
        assert float(shown) == pytest.approx(value, rel=0.0051)
        assert not shown.endswith(".") and shown != "-0"

    @given(st.lists(st.sampled_from([1.0, 2.0, 3.0, inf]), min_size=6, max_size=15), st.data())
    def test_the_ratio_holds_whatever_the_late_runs_would_have_taken(self, a, data) -> None:
        b = data.draw(st.lists(st.sampled_from([1.0, 2.0, 5.0, inf]), min_size=len(a),
                               max_size=len(a)))  # fmt: skip
        late = st.floats(10, 1e6)  # the steps that nobody waited for
        known = [
            [x if x < inf else data.draw(late) for x in pair] for pair in zip(a, b, strict=True)
        ]
        truth = estimate([x / y for x, y in known])
        found = paired_ratio(a, b, 10)
        assert found.low <= truth.low * (1 + 1e-12) and truth.high <= found.high * (1 + 1e-12)
        assert isnan(found.median) or found.median == pytest.approx(truth.median)


def slow_choice(rows):
    """The row of the lowest median, the next scores deciding ties: rows of scores of seeds."""
    medians = [tuple(float(np.median(score)) for score in row) for row in rows]
    return min(range(len(rows)), key=lambda row: (medians[row], row))


class TestChosenAgain:
    @pytest.mark.parametrize("scores", [1, 2])
    def test_it_is_what_a_loop_finds(self, scores) -> None:
        rng = np.random.default_rng(3)
        # Whole numbers, so that there are ties; some runs never arrive.
        values = rng.integers(0, 4, size=(scores, 5, 7)).astype(float)
        values[0, 1:3, :2] = inf
        best = slow_choice(values.transpose(1, 0, 2))
        other = np.random.default_rng(99)
        hits = 0
        for _ in range(4000):
            drawn = other.integers(7, size=7)
            hits += slow_choice(values[:, :, drawn].transpose(1, 0, 2)) == best
        spread = 4 * np.sqrt(0.25 / 1000 + 0.25 / 4000)  # four standard errors
        assert chosen_again(values) == pytest.approx(hits / 4000, abs=spread)

    def test_every_resample_of_two_seeds(self) -> None:
        # Of (0, 0), (0, 1), (1, 0), (1, 1) only the last chooses the second row.
        found = chosen_again([[[0.0, 3.0], [2.0, 2.0]]], resamples=20_000)
        assert found == pytest.approx(3 / 4, abs=0.015)

    def test_a_row_that_always_wins_and_one_that_wins_ties(self) -> None:
        first = [[1.0] * 5, [2.0] * 5, [3.0] * 5]
        assert chosen_again([first]) == 1
        tied = [[1.0] * 5, [1.0] * 5, [inf] * 5]
        decides = [[5.0] * 5, [4.0] * 5, [0.0] * 5]
        assert chosen_again([tied, decides]) == 1
        assert chosen_again([tied]) == 1  # nothing decides: the same row each time

    def test_the_median_and_not_the_mean(self) -> None:
        # One bad seed of the first row: by the mean the second would win.
        rows = [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 100.0], [2.0] * 7]
        assert chosen_again([rows]) > 0.95

    def test_the_same_number_each_time_and_little_said_by_noise(self) -> None:
        noise = np.random.default_rng(0).normal(size=(1, 10, 9))
        assert chosen_again(noise) == chosen_again(noise) < 0.8

    def test_runs_that_all_diverged(self) -> None:
        assert chosen_again(np.full((2, 3, 4), inf)) == 1


def test_the_ratio_of_pairs() -> None:
    a = np.array([1.0, 2, 3, 4, 5, 6])
    assert ratio(a, 2 * a) == Estimate(0.5, 0.5, 0.5)
    assert ratio(a, np.full(6, inf)) == Estimate(0, 0, 0)
    assert ratio(np.full(6, inf), a) == Estimate(inf, inf, inf)
    both = ratio(np.full(6, inf), np.full(6, inf))
    assert (both.low, both.high) == (0, inf) and np.isnan(both.median)
    one = ratio(np.array([inf, 1, 1, 1, 1, 1, 1]), np.array([inf, 2, 2, 2, 2, 2, 2]))
    assert (one.median, one.low, one.high) == (0.5, 0, inf)  # of 7 the ends count
