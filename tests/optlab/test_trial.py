"""Trials: whole studies, one a seed, and verdicts from what their words say."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr

from optlab import plots, records
from optlab.card import Setting, Verdict
from optlab.measures import AtEnd, AtLoss, Mistuned, OneByOne, Spread, StepsTo, UsableFactor, best
from optlab.records import Record
from optlab.statistics import Estimate, crossing, difference
from optlab.sweeps import metered
from optlab.tasks import Classification, digits
from optlab.tasks.networks import Linear
from optlab.trial import Arm, Difference, Ratio, Scatter, Trial
from optlab.tuning import FIRST_SEED
from optlib.faces.population import population
from optlib.rules import adamw, sgdm
from optlib.rules.variants import adamw_paper
from optlib.schedules import linear_decay
from tests.optlab.tasks import DECIDED
from tests.optlib.rules import brisk, bursting, still

RATES = (0.5, 1.0, 2.0)


def few(seed: int, large: bool = False) -> Classification:
    """Digits of the seed's own choice, with softmax regression."""
    inputs, targets = digits()[0]
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(inputs)))
    parts = [(inputs[rows], targets[rows]) for rows in order[:300].split(100)]
    return Classification("few", Linear(64, 10), *parts, batch=50)


ARMS = {"moving": Arm(brisk, {"lr": RATES}), "still": Arm(still, {"lr": RATES})}
TRIAL = Trial({"few": few}, ARMS, AtEnd(), (Difference("moving", "still"),), 20, seeds=6)
SIX = Setting(6)


@pytest.fixture(autouse=True)
def results(tmp_path_factory, monkeypatch):
    """A folder for results."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path_factory.getbasetemp() / "trial"))


pytestmark = pytest.mark.usefixtures("undrawn")


class TestStudies:
    def test_each_has_data_start_and_batches_of_its_own_and_is_tested_from_others(self) -> None:
        with metered() as meter:
            TRIAL.run(SIX)
        chunks = [use.chunk for use in meter.chunks.values()]
        for chunk in chunks:
            assert {seed % FIRST_SEED for seed in chunk.seeds} == {chunk.task.seed}
        for arm in (brisk, still):
            own = [chunk for chunk in chunks if chunk.rule is arm]
            assert sorted(chunk.seeds for chunk in own) == sorted(
                [(seed,) * 3 for seed in range(6)] + [(FIRST_SEED + seed,) for seed in range(6)]
            )
        data = {few(seed).train[0].numpy().tobytes() for seed in range(6)}
        assert len(data) == 6

    def test_each_chooses_by_its_own_validation_part(self) -> None:
        outcome = TRIAL.outcomes(SIX)["few"]
        for k, chosen in enumerate(outcome.chosen["moving"]):
            ends = outcome.tried["moving"].isel(seed=k).validation_error.isel(step=slice(-2, None))
            assert float(ends.mean("step").sel(chosen)) == float(ends.mean("step").min())

    def test_what_is_measured_is_the_test_run(self) -> None:
        outcome = TRIAL.outcomes(SIX)["few"]
        ends = outcome.tests["moving"].test_accuracy.isel(step=slice(-2, None)).mean("step")
        found = outcome.values(AtEnd())["moving"]
        np.testing.assert_allclose(found, 100 * (1 - ends.values))

    def test_several_settings_are_combined(self) -> None:
        both = Arm(sgdm, {"lr": (0.1, 0.2), "momentum": (0.5, 0.9)})
        trial = replace(TRIAL, arms={"moving": both, "still": both}, steps=10)
        outcome = trial.outcomes(SIX)["few"]
        assert outcome.tried["moving"].sizes == {"seed": 6, "lr": 2, "momentum": 2, "step": 11}
        assert all(set(chosen) == {"lr", "momentum"} for chosen in outcome.chosen["moving"])

    def test_an_arm_may_be_shorter(self) -> None:
        arms = ARMS | {"short": replace(ARMS["moving"], steps=5)}
        trial = replace(TRIAL, arms=arms, records=5)
        outcome = trial.outcomes(SIX)["few"]
        assert outcome.tests["short"].step.values.tolist() == [0, 1, 2, 3, 4, 5]
        assert outcome.tests["moving"].step.values.tolist() == [0, 4, 8, 12, 16, 20]
        assert "5 steps)" in trial.protocol(SIX)["Arms"]
        trial.run(SIX)

    def test_the_momentum_of_a_step(self) -> None:
        def fading(step):
            return 0.9 - 0.1 * step

        arm = Arm(sgdm, {"lr": (0.1, 0.2)}, momentum=fading)
        outcome = replace(TRIAL, arms={"moving": arm, "still": arm}, steps=4).outcomes(SIX)["few"]
        task, memory = few(2), 0.0
        theta = task.start(2)
        for step, rows in enumerate(task.batches(2, 4)):
            g = torch.func.grad(task.loss)(theta, task.train[0][rows], task.train[1][rows])
            memory = (0.9 - 0.1 * step) * memory + 0.2 * g
            theta = theta - memory
        run = outcome.tried["moving"].isel(seed=2).sel(lr=0.2)
        assert float(run.train_loss[-1]) == pytest.approx(float(task.measure(theta)["train_loss"]))

    def test_the_schedule_is_the_multiplier_too(self) -> None:
        fall = partial(linear_decay, total_steps=8)
        grid = {"lr": (0.01, 0.02), "weight_decay": (0.03, 0.1)}
        arms = {"paper": Arm(adamw_paper, grid, fall), "libraries": Arm(adamw, grid, fall)}
        claimed = (Difference("paper", "libraries"),)
        trial = replace(TRIAL, arms=arms, claimed=claimed, steps=8)
        outcome = trial.outcomes(SIX)["few"]
        task = few(1)
        batches = [
            (task.train[0][rows][None], task.train[1][rows][None]) for rows in task.batches(1, 8)
        ]
        *_, theta = population(
            adamw,
            task.loss,
            task.start(1)[None],
            batches,
            lr=linear_decay(np.arange(8), lr=0.02, total_steps=8)[:, None],
            weight_decay=np.array([0.03 / 0.02]),
        )
        run = outcome.tried["paper"].isel(seed=1).sel(lr=0.02, weight_decay=0.03)
        due = float(task.measure(theta[0])["train_loss"])
        assert float(run.train_loss[-1]) == pytest.approx(due)

    def test_the_same_study_again_is_the_same(self) -> None:
        first = TRIAL.outcomes(SIX)["few"].values(AtEnd())
        second = TRIAL.outcomes(Setting(7))["few"].values(AtEnd())
        for arm, values in first.items():
            np.testing.assert_array_equal(values, second[arm][:6])


class TestVerdicts:
    def test_what_moves_ends_lower(self) -> None:
        assert TRIAL.run(SIX).verdict is Verdict.HOLDS

    @pytest.mark.parametrize(
        ("more", "verdict"),
        [
            ({}, Verdict.NOT_HERE),
            ({"in_range": "the source's own task"}, Verdict.FAILS),
            ({"control": TRIAL}, Verdict.FAILS),
            (
                {"control": replace(TRIAL, claimed=(Difference("moving", "still", 101.0),))},
                Verdict.NOT_HERE,
            ),
        ],
    )
    def test_it_fails_only_where_it_could_have_held(self, more, verdict) -> None:
        turned = replace(TRIAL, claimed=(Difference("still", "moving"),), **more)
        assert turned.run(SIX).verdict is verdict
        said = turned.verdict_rule
        assert ("cannot be said" in said) is (not more)
        assert ("the control shows" in said) is ("control" in more)

    @pytest.mark.parametrize(
        ("found", "verdict"),
        [
            ([(1.5, 1.1, 2.0), (1.5, 1.1, 2.0)], Verdict.HOLDS),
            ([(1.5, 1.1, 2.0), (1.5, 0.9, 2.0)], Verdict.IN_PART),
            ([(1.5, 1.1, 2.0), (0.5, 0.1, 0.9)], Verdict.IN_PART),
            ([(1.5, 0.9, 2.0), (0.5, 0.1, 0.9)], Verdict.FAILS),
            ([(1.5, 0.9, 2.0), (1.5, 0.9, 2.0)], Verdict.NOT_HERE),
        ],
    )
    def test_by_the_intervals(self, found, verdict) -> None:
        one = Difference("moving", "still", margin=1.0)
        pairs = [(one, Estimate(*each)) for each in found]
        assert TRIAL.decide(pairs, able=True) is verdict

    def test_the_words_have_the_bound_that_decides(self) -> None:
        difference, ratio = Difference("a", "b", 0.5), Ratio("a", "b", 0.9)
        assert difference.counts.count("0.5") == 2
        assert ratio.counts.count("0.9") == 2
        assert difference.supported(Estimate(1, 0.51, 2)) and ratio.supported(
            Estimate(0.8, 0.7, 0.89)
        )
        assert difference.contradicted(Estimate(0, 0, 0.49)) and ratio.contradicted(
            Estimate(1, 0.91, 1)
        )
        for one in (difference, ratio):
            open_ = Estimate(0.7, 0.0, 2.0)
            assert not one.supported(open_)
            assert not one.contradicted(open_)

    def test_what_counts_alike_is_said_once(self) -> None:
        claimed = (Difference("moving", "still"), Difference("still", "moving"))
        said = replace(TRIAL, claimed=claimed).verdict_rule
        assert said.count("counts as shown") == 1
        assert "each of “still” less “moving”, “moving” less “still” counts" in said

    def test_the_words_name_all_verdicts_once(self) -> None:
        for verdict in DECIDED:
            assert TRIAL.verdict_rule.count(f"{verdict.value.capitalize()}:") == 1


class TestWhatIsShown:
    def test_diverged_runs_are_counted_and_never_averaged(self) -> None:
        arms = {"moving": ARMS["moving"], "lost": Arm(bursting, {"lr": RATES})}
        trial = replace(TRIAL, arms=arms, claimed=(Difference("moving", "lost"),))
        evidence = trial.run(SIX)
        text = evidence.table.text()
        assert "18 of 18" in text
        assert "0 of 18" in text
        assert "few: 6 of the measured runs of lost diverged." in evidence.notes
        assert trial.outcomes(SIX)["few"].values(AtEnd())["lost"].tolist() == [100.0] * 6

    def test_a_best_rate_at_an_edge_is_told(self) -> None:
        arms = ARMS | {"moving": Arm(brisk, {"lr": (1.0, 2.0, 3.0)})}
        notes = replace(TRIAL, arms=arms).run(SIX).notes
        assert "few: in 6 of 6 studies the best rate of moving is an edge of its grid." in notes

    def test_the_card_says_what_the_interval_covers(self) -> None:
        lines = TRIAL.protocol(SIX)
        assert lines["The interval covers"].startswith("data, start, batches and tuning")
        assert "moving: brisk, lr 0.5, 1, 2 (constant rate)" in lines["Arms"]

    def test_the_card_says_what_is_learnt(self) -> None:
        told = TRIAL.protocol(SIX)["Tasks"]
        assert told == "few (Digits of the seed's own choice, with softmax regression); 20 steps"
        given = replace(TRIAL, tasks={"few": partial(few, large=False)}).protocol(SIX)["Tasks"]
        assert given.startswith("few (Digits of the seed's own choice, with softmax regression; ")

    def test_the_card_says_what_an_arm_is_made_with(self) -> None:
        linear = partial(linear_decay, total_steps=20)
        arm = Arm(sgdm, {"lr": (0.1, 0.2, 0.4)}, linear, options={"dropout": 0.5})
        told = replace(TRIAL, arms=ARMS | {"SGDM": arm}).protocol(SIX)["Arms"]
        assert "SGDM: sgdm, lr 0.1, 0.2, 0.4 (momentum = 0.9; dropout = 0.5; rate by " in told
        assert "linear_decay with total_steps = 20)" in told


@pytest.mark.parametrize("plotted", [(), ("train",), ("train", "test")])
def test_the_curves_that_are_plotted(plotted) -> None:
    for measure, kind in ((AtEnd(), "accuracy"), (AtEnd("test_loss"), "loss")):
        trial = replace(TRIAL, plotted=plotted, measure=measure)
        data = trial.run(SIX).data.sel(task="few")
        assert trial.run(SIX).pictures == [
            plots.svg(plots.training_curves(data, f"{part}_{kind}")) for part in plotted
        ]


def test_the_data_are_the_measured_runs() -> None:
    data = TRIAL.run(SIX).data
    measured = TRIAL.outcomes(SIX)["few"].tests["still"]
    assert data.sizes["seed"] == 6
    assert data.test_error.sel(task="few", optimizer="still").equals(
        measured.test_error.assign_coords(task="few", optimizer="still")
    )


def test_the_curves_are_those_that_were_tried() -> None:
    curves = TRIAL.curves(SIX)
    assert curves.optimizers == ("moving", "still")
    assert curves.lr.tolist() == [list(RATES)] * 2
    outcome = TRIAL.outcomes(SIX)["few"]
    tried = outcome.tried["moving"].test_error.sel(lr=0.5)
    assert np.allclose(curves.median[0, 0], tried.median("seed"))
    first = np.median([setting["lr"] for setting in outcome.chosen["moving"]])
    assert curves.start()["moving"] == RATES.index(first)
    loss = replace(TRIAL, measure=StepsTo(1.0)).curves(SIX)
    assert np.allclose(
        loss.median[0, 0], outcome.tried["moving"].train_loss.sel(lr=0.5).median("seed")
    )


def test_to_read_a_record_no_data_are_drawn(tmp_path, monkeypatch) -> None:
    with metered() as meter:
        before = TRIAL.run(SIX)
    monkeypatch.setattr("optlab.records.FOLDER", tmp_path)
    Record.write("trial", meter)
    monkeypatch.setattr(np.random, "default_rng", partial(pytest.fail, "data were drawn"))
    with metered(Record.read("trial")):
        after = TRIAL.run(SIX)
    assert after.table.text() == before.table.text()


def test_of_a_record_the_runs_that_were_tried_are_made_again(tmp_path, monkeypatch) -> None:
    """Not the chosen ones: at the best rates rounding grows fastest."""
    with metered() as meter:
        TRIAL.run(SIX)
    made = []
    cut = records._cut
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    monkeypatch.setattr(records, "_cut", lambda chunk, runs: made.append(chunk) or cut(chunk, runs))
    Record.write("trial", meter)
    record = Record.read("trial")
    assert record is not None
    record.check(meter)
    assert [len(chunk.seeds) for chunk in made] == [len(RATES)] * 2


def test_all_arms_need_as_many_settings() -> None:
    with pytest.raises(ValueError, match="3 for moving, 1 for still: equal budgets"):
        replace(TRIAL, arms=ARMS | {"still": Arm(still, {"lr": (1.0,)})})


def test_steps_are_compared_among_runs_of_equal_length() -> None:
    arms = ARMS | {"still": replace(ARMS["still"], steps=5)}
    with pytest.raises(ValueError, match="among runs of equal length only"):
        replace(TRIAL, arms=arms, measure=StepsTo(0.1))


def test_a_comparison_needs_its_arms() -> None:
    with pytest.raises(ValueError, match="there is no arm sitting"):
        replace(TRIAL, claimed=(Difference("moving", "sitting"),))


def test_a_trial_needs_a_claim() -> None:
    with pytest.raises(ValueError, match="nothing is claimed of the arms"):
        replace(TRIAL, claimed=())


def test_an_arm_needs_rates() -> None:
    with pytest.raises(ValueError, match="still: the grid needs learning rates"):
        Arm(still, {"lr": ()})


class TestMeasures:
    STEPS = (0, 10, 20, 30)
    RUN = xr.Dataset(
        {
            "train_loss": ("step", [2.0, 0.5, 0.1, 0.01]),
            "test_error": ("step", [90.0, 30.0, 20.0, 25.0]),
        },
        {"step": list(STEPS)},
    )

    def test_at_equal_loss(self) -> None:
        assert AtLoss(target=0.1).value(self.RUN, self.RUN) == 20.0
        assert AtLoss(target=0.5).value(self.RUN, self.RUN) == 30.0
        assert AtLoss(target=1e-3).value(self.RUN, self.RUN) == np.inf

    def test_at_the_end(self) -> None:
        assert AtEnd().value(self.RUN, self.RUN) == 25.0

    # Rows are rates, columns decays: a diagonal, and a column.
    @pytest.mark.parametrize(
        ("errors", "cost"),
        [
            ([[9.0, 9.0, 5.0], [9.0, 3.0, 9.0], [4.0, 9.0, 9.0]], (5 + 3 + 4) / 3 - 3),
            ([[9.0, 5.0, 9.0], [9.0, 3.0, 9.0], [9.0, 4.0, 9.0]], 0.0),
        ],
    )
    def test_tuning_one_by_one(self, errors, cost) -> None:
        names = ("validation_error", "validation_loss", "test_error")
        tried = xr.Dataset(
            {name: (("lr", "weight_decay", "step"), np.array(errors)[..., None]) for name in names},
            {"lr": [0.1, 0.2, 0.3], "weight_decay": [1.0, 2.0, 3.0], "step": [10]},
        )
        assert OneByOne().value(self.RUN, tried) == pytest.approx(cost)

    def test_the_spread_of_a_grid(self) -> None:
        ends = [[30.0, 9.0], [20.0, 5.0], [90.0, 100.0]]
        tried = xr.Dataset(
            {"test_error": (("lr", "step"), ends)}, {"lr": [1, 2, 3], "step": [0, 9]}
        )
        assert Spread().value(self.RUN, tried) == 95.0

    @pytest.mark.parametrize(("factor", "cost"), [(2.0, 85.0), (0.5, 15.0)])
    def test_a_rate_that_is_off(self, factor, cost) -> None:
        tried = xr.Dataset(
            {
                "test_error": (("lr", "step"), [[30.0, 20.0], [30.0, 5.0], [30.0, 90.0]]),
                "validation_error": (("lr", "step"), [[30.0, 19.0], [30.0, 6.0], [30.0, 90.0]]),
                "validation_loss": (("lr", "step"), [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]),
            },
            {"lr": [0.1, 0.2, 0.4], "step": [0, 9]},
        )
        assert Mistuned(factor=factor).value(self.RUN, tried) == cost
        with pytest.raises(ValueError, match="more rates"):
            Mistuned(factor=4.0).value(self.RUN, tried)

    def test_a_loss_is_chosen_by_a_loss(self) -> None:
        tried = xr.Dataset(
            {
                "validation_error": (("lr", "step"), [[10.0], [20.0]]),
                "validation_loss": (("lr", "step"), [[2.0], [1.0]]),
                "train_loss": (("lr", "step"), [[4.0], [3.0]]),
            },
            {"lr": [0.1, 0.2], "step": [0]},
        )
        assert best(AtEnd("test_error"), tried) == {"lr": 0.1}
        assert best(AtEnd("test_loss"), tried) == {"lr": 0.2}
        assert best(AtEnd("train_loss"), tried.drop_vars("validation_loss")) == {"lr": 0.2}
        assert "validation loss" in AtEnd("test_loss").chosen_by
        assert "training loss" in AtEnd("train_loss").chosen_by

    @pytest.mark.parametrize("target", [1.5, 0.5, 0.2, 0.05])
    def test_between_two_looks_the_loss_falls_on_a_line_of_its_logarithm(self, target) -> None:
        heights, at = -np.log(self.RUN.train_loss.values), -np.log(target)
        steps = np.interp(at, heights, self.STEPS)
        assert StepsTo(target).value(self.RUN, self.RUN) == pytest.approx(steps)
        error = np.interp(at, heights, self.RUN.test_error.values)
        assert AtLoss(target=target).value(self.RUN, self.RUN) == pytest.approx(error)

    @pytest.mark.parametrize(
        ("losses", "steps"),
        [
            ([0.05, 0.01, 0.01], 0.0),  # there from the start
            ([np.inf, 0.05, 0.01], 10.0),  # no line from what was not finite
            ([1.0, 0.01, 5.0], 5.0),  # the first time counts
            ([1.0, 1.0, np.inf], np.inf),
            ([1.0, 0.1, 0.0], 10.0),
        ],
    )
    def test_arrivals_at_the_edges(self, losses, steps) -> None:
        assert crossing(losses, [0.0, 10.0, 20.0], 0.1) == pytest.approx(steps)
        both = crossing([losses, losses], [0.0, 10.0, 20.0], 0.1)
        assert both == pytest.approx([steps, steps])

    def test_scatter_is_about_the_distances_from_the_median(self) -> None:
        values = {"a": np.arange(9.0) / 8, "b": np.arange(9.0)[::-1]}
        claim = Scatter("a", "b")
        apart = np.abs(np.arange(9) - 4.0)
        assert claim.estimate(values, None) == difference(apart, apart / 8)
        shifted = {"a": values["a"] + 100, "b": values["b"]}
        assert claim.supported(claim.estimate(shifted, None))
        assert claim.contradicted(Scatter("b", "a").estimate(values, None))

    def test_steps(self) -> None:
        assert StepsTo(0.1).value(self.RUN, self.RUN) == 20.0
        assert StepsTo(1e-3).value(self.RUN, self.RUN) == np.inf

    @pytest.mark.parametrize(
        ("errors", "factor"),
        [
            ([50.0, 10.0, 20.0, 85.0], 4.0),
            ([50.0, 10.0, 85.0, 20.0], 2.0),
            ([90.0, 10.0, 20.0, 30.0], np.inf),
            ([90.0, 90.0, 90.0, 10.0], np.inf),
        ],
    )
    def test_the_usable_factor(self, errors, factor) -> None:
        tried = xr.Dataset(
            {"validation_error": (("lr", "step"), [[each] for each in errors])},
            {"lr": [0.1, 0.2, 0.4, 0.8], "step": [0]},
        )
        assert UsableFactor(classes=10).value(self.RUN, tried) == factor

    def test_equal_factors_of_rounded_grids_are_equal(self) -> None:
        factors = {
            UsableFactor().value(
                self.RUN,
                xr.Dataset(
                    {"validation_error": (("lr", "step"), [[10.0], [90.0]])},
                    {"lr": rates, "step": [0]},
                ),
            )
            for rates in ([0.1, 0.398], [0.0158, 0.0631])
        }
        assert factors == {4.0}
