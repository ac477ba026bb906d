"""Pictures of sweeps show the numbers, all of them, and need no colour."""

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from optlab import plots
from optlab.statistics import band
from optlib import RULES
from optlive import picture

RATES = (0.01, 0.1, 1.0, 10.0)
STEPS = range(0, 42, 2)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def made(names=("sgd", "adam"), rates=RATES, seeds=8) -> xr.Dataset:
    """Losses that fall from 2, best at the rate 1, and accuracies."""
    rng = np.random.default_rng(0)
    shape = (len(names), len(rates), seeds, len(STEPS))
    end = 0.1 + np.abs(np.log10(rates))[:, None, None] + 0.05 * rng.random(shape)
    end = end + 0.01 * np.arange(len(names))[:, None, None, None]
    loss = end + (2 - end) * np.exp(-np.arange(len(STEPS)) / 4)
    dims = ("optimizer", "lr", "seed", "step")
    return xr.Dataset(
        {"train_loss": (dims, loss), "validation_loss": (dims, 1.1 * loss),
         "validation_accuracy": (dims, np.exp(-loss))},
        {"optimizer": list(names), "lr": list(rates), "seed": range(seeds), "step": list(STEPS)},
    )  # fmt: skip


def diverged(runs: xr.Dataset, seeds: int, **where) -> xr.Dataset:
    """The runs, of which the first few diverge half-way at a place."""
    lost = xr.zeros_like(runs.train_loss, dtype=bool)
    lost.loc[{**where, "seed": runs.seed[:seeds], "step": runs.step[10:]}] = True
    return runs.map(lambda v: xr.where(lost, np.nan if "accuracy" in v.name else np.inf, v))


def line(axes: Axes, label: str) -> Line2D:
    """The one line with a label."""
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found


def legend(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def corners(axes: Axes) -> list[set[tuple[float, float]]]:
    """Of each band."""
    bands = [each for each in axes.collections if isinstance(each, PolyCollection)]
    return [set(map(tuple, each.get_paths()[0].vertices)) for each in bands]


class TestSensitivity:
    def test_it_shows_the_median_of_the_last_tenth_and_its_band(self) -> None:
        runs = made()
        axes = plots.sensitivity(runs)
        for name, drawn in zip(("sgd", "adam"), corners(axes), strict=True):
            final = runs.validation_loss.sel(optimizer=name)[..., -2:].mean("step")
            median, low, high = band(final.values)
            xs, ys = line(axes, name).get_data()
            np.testing.assert_allclose(xs, RATES)
            np.testing.assert_allclose(ys, median)
            wanted = {*zip(RATES, low, strict=True), *zip(RATES, high, strict=True)}
            assert {(round(x, 9), round(y, 9)) for x, y in wanted} == {
                (round(x, 9), round(y, 9)) for x, y in drawn
            }
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert axes.get_xlabel() == "learning rate η"
        assert axes.get_ylabel() == "final validation loss (nats)"

    def test_each_optimizer_at_its_own_rates(self) -> None:
        runs = made()
        runs = runs.where((runs.optimizer == "sgd") | (runs.lr < 5))
        axes = plots.sensitivity(runs)
        assert list(line(axes, "adam").get_xdata()) == [0.01, 0.1, 1.0]
        assert "sgd 0.154 at 1;" in axes.get_label()
        assert axes.get_label().endswith("at 1, the edge of its grid.")
        assert legend(axes) == ["sgd", "adam", "best rate", "best, at its grid's edge"]

    @pytest.mark.parametrize(("rates", "face"), [(RATES, plots.COLOURS[0]), (RATES[:3], "#ffffff")])
    def test_the_best_rate_is_large_and_hollow_at_the_edge(self, rates, face) -> None:
        axes = plots.sensitivity(made(["sgd"], rates))
        (best,) = [each for each in axes.lines if each.get_markersize() == 10]
        assert best.get_xdata() == [1.0]
        assert to_hex(best.get_markerfacecolor()) == face

    def test_accuracies_are_best_where_they_are_highest(self) -> None:
        axes = plots.sensitivity(made(), "validation_accuracy")
        assert axes.get_yscale() == "linear"
        assert axes.get_ylabel() == "final validation accuracy"
        assert "Highest median: sgd" in axes.get_label()
        assert " at 1;" in axes.get_label()

    @pytest.mark.parametrize("metric", ["validation_loss", "validation_accuracy"])
    @pytest.mark.parametrize("seeds", [1, 5, 8])
    def test_runs_that_diverged_are_counted_above_the_axes(self, metric, seeds) -> None:
        axes = plots.sensitivity(diverged(made(), seeds, optimizer="adam", lr=10.0), metric)
        assert [text.get_text() for text in axes.texts] == [f"{seeds}/8", "diverged"]
        assert f"Runs diverged: adam at 10 {seeds} of 8." in axes.get_label()
        finite = np.isfinite(line(axes, "adam").get_ydata())
        assert list(finite) == [True, True, True, seeds < 4]
        marked = [each for each in axes.lines if not each.get_clip_on()]
        assert [list(each.get_xdata()) for each in marked] == [[10.0]]
        assert np.all(np.isfinite(axes.get_ylim()))

    def test_a_loss_far_above_its_start_is_counted_too(self) -> None:
        runs = made()
        axes = plots.sensitivity(runs.where((runs.lr < 5) | (runs.step == 0), 1e30))
        assert axes.get_ylim()[1] < 10
        assert axes.texts[-1].get_text() == "diverged or\noff the scale"

    def test_where_all_diverged(self) -> None:
        axes = plots.sensitivity(diverged(made(), 8, lr=list(RATES)))
        assert "Lowest median: none. Runs diverged: sgd at 0.01 8 of 8;" in axes.get_label()

    def test_another_hyper_parameter(self) -> None:
        runs = made().expand_dims(beta2=[0.9, 0.99])
        with pytest.raises(ValueError, match=r"dimension beta2 too.*runs\.sel\(beta2=0\.99\)"):
            plots.sensitivity(runs)
        plots.sensitivity(runs.sel(beta2=0.9))

    def test_a_rate_of_zero(self) -> None:
        with pytest.raises(ValueError, match="learning rate of 0"):
            plots.sensitivity(made().assign_coords(lr=[0.0, 0.1, 1.0, 10.0]))


class TestTrainingCurves:
    def test_it_shows_the_median_and_its_band(self) -> None:
        runs = made().sel(lr=[0.1])
        axes = plots.training_curves(runs)
        for name, drawn in zip(("sgd", "adam"), corners(axes), strict=True):
            median, low, high = band(runs.train_loss.sel(optimizer=name, lr=0.1).values, axis=0)
            xs, ys = line(axes, f"{name}, η = 0.1").get_data()
            np.testing.assert_allclose(xs, STEPS)
            np.testing.assert_allclose(ys, median)
            assert {*zip(STEPS, low, strict=True), *zip(STEPS, high, strict=True)} == drawn
        assert axes.get_xlabel() == "step"
        assert axes.get_ylabel() == "training loss (nats)"
        assert axes.get_label().startswith("Training loss over 40 steps, median of 8 seeds and its")

    def test_one_rate_for_each(self) -> None:
        runs = made()
        each = xr.DataArray([0.1, 1.0], dims="optimizer")
        assert legend(plots.training_curves(runs.where(runs.lr == each))) == [
            "sgd, η = 0.1",
            "adam, η = 1",
        ]
        assert legend(plots.training_curves(runs.sel(lr=1.0))) == ["sgd, η = 1", "adam, η = 1"]
        assert legend(plots.training_curves(runs.sel(lr=1.0, drop=True))) == ["sgd", "adam"]
        one = runs.sel(lr=1.0, optimizer="adam")
        assert legend(plots.training_curves(one)) == ["adam, η = 1"]

    def test_several_rates(self) -> None:
        with pytest.raises(ValueError, match=r"sgd has 4 learning rates.*runs\.sel\(lr=0\.01\)"):
            plots.training_curves(made())

    @pytest.mark.parametrize("metric", ["train_loss", "validation_accuracy"])
    def test_a_diverged_line_ends_with_a_cross(self, metric) -> None:
        runs = diverged(made().sel(lr=[0.1]), 5, optimizer="adam")
        axes = plots.training_curves(runs, metric)
        (cross,) = [each for each in axes.lines if each.get_marker() == "x"]
        medians = line(axes, "adam, η = 0.1").get_ydata()
        assert cross.get_xdata() == [STEPS[9]]
        assert cross.get_ydata() == [medians[9]]
        assert not np.isfinite(medians[10:]).any()
        assert legend(axes)[-1] == "diverged"
        assert "adam, η = 0.1 is lost after step 18" in axes.get_label()

    def test_a_band_that_reaches_infinity_is_drawn_to_the_end_of_the_axes(self) -> None:
        axes = plots.training_curves(diverged(made(["sgd"]).sel(lr=[0.1]), 3))
        (drawn,) = corners(axes)
        top = axes.get_ylim()[1]
        assert {x for x, y in drawn if y > top} == set(STEPS[10:])
        assert np.isfinite(line(axes, "sgd, η = 0.1").get_ydata()).all()

    @pytest.mark.parametrize(("seeds", "lines"), [(1, 1), (2, 3), (5, 6), (6, 1)])
    def test_few_seeds_are_drawn_one_by_one(self, seeds, lines) -> None:
        axes = plots.training_curves(made(["sgd"], (0.1,), seeds))
        assert len(axes.lines) == lines
        assert len(corners(axes)) == (seeds == 6)

    def test_no_such_metric_and_no_numbers(self) -> None:
        with pytest.raises(ValueError, match="the runs have train_loss, validation_loss"):
            plots.training_curves(made().sel(lr=1.0), "loss")
        runs = made().where(lambda runs: (runs.optimizer == "sgd") | (runs.lr < 5))
        with pytest.raises(ValueError, match="adam was not trained at any of these"):
            plots.training_curves(runs.sel(lr=10.0))

    def test_runs_without_a_finite_number(self) -> None:
        axes = plots.training_curves(xr.full_like(made(), np.inf).sel(lr=1.0))
        assert axes.get_label().endswith("adam, η = 1 is lost after step 0.")

    def test_numbers_below_zero_have_a_linear_axis(self) -> None:
        axes = plots.training_curves((made() - 1).sel(lr=1.0))
        assert axes.get_yscale() == "linear"


class TestOver:
    def test_it_shows_all_medians_over_its_own_dimension(self) -> None:
        values = made(("sgd", "adam")).train_loss.isel(step=-1).rename(lr="c")
        values = values.where((values.optimizer == "sgd") | (values.c < 10))
        axes = plots.over(values, "c", "factor c", "final loss")
        for name, count in (("sgd", 4), ("adam", 3)):
            median = values.sel(optimizer=name).median("seed").values[:count]
            np.testing.assert_allclose(line(axes, name).get_ydata(), median)
            assert line(axes, name).get_xdata().tolist() == list(RATES[:count])
        assert axes.get_xscale() == "log"
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("factor c", "final loss")
        said = axes.get_label()
        assert said.startswith("Final loss over factor c, median of 8 seeds and its 95 % interval")
        assert "adam from" in said and plots.svg(axes).startswith("<svg")


def reached() -> xr.DataArray:
    """What four optimizers of three teams reach on three tasks, in units of the best's."""
    base = np.array([[1.0, 1.2, 1.1, 2.0], [1.4, 1.0, 1.3, 1.1], [1.1, 1.5, 1.0, 1.2]])
    spread = np.linspace(0.9, 1.1, 10)
    return xr.DataArray(
        base[..., None] * spread,
        {
            "task": ["a", "b", "c"],
            "optimizer": ["sgd", "adam", "swats", "nag"],
            "seed": range(10),
            "team": ("optimizer", ["SGD", "Adam", "neither", "SGD"]),
        },
        ("task", "optimizer", "seed"),
    )


def panels(axes: Axes) -> list[Axes]:
    """Those of the tasks."""
    return axes.figure.axes[:3]


def row(axes: Axes, k: int) -> tuple[list[Line2D], list[Line2D]]:
    """The marks and the whiskers of the k-th optimizer."""
    own = [each for each in axes.lines if set(each.get_ydata()) == {k}]
    return (
        [each for each in own if each.get_marker() != "None"],
        [each for each in own if each.get_marker() == "None"],
    )


class TestStandings:
    def test_it_shows_each_median_and_its_interval_in_a_panel_a_task(self) -> None:
        values = reached()
        axes = plots.standings(values.transpose("seed", "optimizer", "task"), "team", "ratio")
        for panel, task in zip(panels(axes), "abc", strict=True):
            assert (panel.get_title(), panel.get_xscale()) == (task, "log")
            for k, name in enumerate(values.optimizer.values):
                median, low, high = band(values.sel(task=task, optimizer=name).values)
                [mark], [whisker] = row(panel, k)
                assert mark.get_xdata() == [median]
                np.testing.assert_allclose(whisker.get_xdata(), [low, high])
                left, right = panel.get_xlim()
                assert left < low < high < right
        names = [text.get_text() for text in panels(axes)[0].get_yticklabels()]
        assert names == ["sgd", "adam", "swats", "nag"]
        assert panels(axes)[0].yaxis_inverted()  # the first one is on top

    def test_teams_differ_by_their_marks(self) -> None:
        axes = plots.standings(reached(), "team", "ratio")
        marks = [row(panels(axes)[1], k)[0][0].get_marker() for k in range(4)]
        assert marks[0] == marks[3] and len(set(marks)) == 3
        key = axes.figure.axes[3].get_legend()
        assert key.get_title().get_text() == "team"
        assert [text.get_text() for text in key.get_texts()] == ["SGD", "Adam", "neither"]
        assert [each.get_marker() for each in key.legend_handles] == marks[:3]

    def test_what_lies_beyond_has_an_arrow_at_the_edge(self) -> None:
        values = reached()
        values[0, 1, 8:] = 1e30  # the interval leaves out one seed at each end
        values[1, 1] = np.nan
        axes = plots.standings(values, "team", "ratio", most=1.8)
        first, second, third = panels(axes)
        marks, [whisker] = row(first, 1)
        median = float(values[0, 1].median())
        assert [(each.get_xdata()[0], each.get_marker()) for each in marks] == [
            (median, "s"), (1.8, ">"),
        ]  # fmt: skip
        assert whisker.get_xdata()[1] == 1.8 < first.get_xlim()[1]
        [arrow], [whisker] = row(second, 1)  # the median is not on the axis
        assert (arrow.get_xdata(), arrow.get_marker()) == ([1.8], ">")
        assert list(whisker.get_xdata()) == [1.8, 1.8]
        assert [each.get_marker() for each in row(third, 1)[0]] == ["s"]
        key = axes.figure.axes[3].get_legend()
        assert key.get_texts()[-1].get_text() == "goes beyond 1.8"

    def test_it_says_all_of_it_in_words(self) -> None:
        values = reached()
        values[1, 1] = np.inf
        axes = plots.standings(values, "team", "test loss over the best's", most=1.8)
        said = axes.get_label()
        assert said.startswith("Test loss over the best's, median of 10 seeds and its 95 % int")
        assert "By team, SGD: sgd, nag; Adam: adam; neither: swats." in said
        assert "b: sgd 1.4, adam ∞, swats 1.3, nag 1.1" in said
        assert said.endswith("Intervals that go beyond 1.8: 2.")
        assert plots.svg(axes).count("aria-label") == 1


class TestStyle:
    def test_no_two_rules_look_alike_without_colour(self) -> None:
        axes = plots.training_curves(made(RULES, (0.1,)))
        drawn = [line(axes, f"{name}, η = 0.1") for name in RULES]
        looks = {(str(each._unscaled_dash_pattern), each.get_marker()) for each in drawn}
        assert len(looks) == len(RULES) == 15

    def test_the_first_four_are_those_of_the_live_figures(self) -> None:
        css = Path(picture.__file__).with_name("figure.css").read_text()
        light = re.findall(r"--s\d: (#\w+)", css)[:4]
        assert list(plots.COLOURS[:4]) == light
        assert plots.MARKERS[:4] == picture._MARKERS
        assert plots.DASHES == picture._DASHES

    def test_it_draws_where_it_is_told(self) -> None:
        figure, (left, right) = plt.subplots(1, 2)
        assert plots.sensitivity(made(), axes=left) is left
        assert plots.training_curves(made().sel(lr=1.0), axes=right) is right
        assert plt.get_fignums() == [figure.number]
        label = ElementTree.fromstring(plots.svg(left)).get("aria-label")
        assert label == f"{left.get_label()} {right.get_label()}"


class TestSVG:
    def text(self) -> str:
        return plots.svg(plots.sensitivity(diverged(made(), 3, optimizer="adam", lr=10.0)))

    def test_it_is_the_same_each_time_and_small(self) -> None:
        text = self.text()
        assert text == self.text()
        assert len(text.encode()) < 25_000
        assert not plt.get_fignums()

    def test_it_is_well_formed_and_labelled(self) -> None:
        root = ElementTree.fromstring(self.text())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("role") == "img"
        assert "Final validation loss" in (root.get("aria-label") or "")
        words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {"sgd", "adam", "0.01", "3/8", "diverged", "learning rate η"} <= words

    def test_its_references_are_within(self) -> None:
        text = self.text()
        names = re.findall(r' id="([^"]*)"', text)
        assert set(re.findall(r"#([mp]\w{10})\b", text)) <= set(names)
        assert len(set(names)) == len(names)
        other = plots.svg(plots.training_curves(made().sel(lr=1.0)))
        assert not set(names) & set(re.findall(r' id="([^"]*)"', other))

    def test_it_takes_its_colours_from_the_page_and_gives_it_none(self) -> None:
        text = self.text()
        style, body = re.match(r"(<svg[^>]*>)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        assert not re.search(r"(?:fill|stroke): #", body)
        assert set(re.findall(r"var\((--s\d)\)", body)) == {"--s0", "--s1"}
        assert "--s1: color-mix(in oklab, #b84600 75%, currentColor)" in style
        assert "<style" not in body
