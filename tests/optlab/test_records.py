"""Records: a card's runs kept with the book, taken as they are, and some made again to check."""

import io
import json
import lzma
import platform
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from optlab import Card, Record, Verdict, cards, records, store, sweeps
from optlab.card import Evidence, Setting
from optlab.measures import AtEnd
from optlab.records import FOLDER, Plans
from optlab.tasks import digits_mlp, digits_softmax, one_thread
from optlab.trial import Arm, Difference, Trial
from optlib import rule
from optlib.table import Table
from tests.optlib.rules import falling, rising, still

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _quick():
    """What is run here is too small for more than one thread."""
    with one_thread():
        yield


def other_rising():
    @rule
    def rising(g, *, lr=1e-3):
        return 2 * lr + 0 * g

    return rising


def reworded():
    @rule
    def rising(g, *, lr=1e-3):
        move = 0 * g
        return move + lr

    return rising


class TwoTasks:
    """A study of two rules on each of two tasks."""

    seeds = 10
    verdict_rule = "None."

    def protocol(self, setting):
        return {}

    def run(self, setting):
        for task in (digits_mlp(), digits_softmax()):
            plan = {"lr": [1e-3, 1e-2], "seeds": range(setting.seeds), "steps": 4}
            setting.sweep(task, [still, falling], **plan)
        return Evidence(Verdict.NOT_TESTED, "", Table("", (), []), [], [])


def made(seed, batch):
    """The digits in batches of another size."""
    return replace(digits_mlp(), batch=batch)


SMALL = Card(
    "small",
    "R11",
    "Rising rises and falling falls.",
    "Nobody",
    "nobody",
    replace(
        cards["adam-counter-example"].study,
        **{"misled": rising, "sound": falling, "rates": (0.05, 0.1)},
        **{"steps": 60, "every": 10, "tail": 3, "hyper": {}},
    ),
)
"""10 seeds at 2 rates: 20 runs of each rule."""

RECORDED = {path.name.removesuffix(".npz.xz") for path in FOLDER.glob("*.npz.xz")}
"""The book's cards that have a record."""

TWO = Card(
    "two",
    "R8",
    "One task and another.",
    "Nobody",
    "nobody",
    TwoTasks(),
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder for records; and `untrained`, after which training fails."""
    monkeypatch.setattr(records, "FOLDER", tmp_path / "records")
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    return tmp_path / "records"


@pytest.fixture
def recorded(place):
    """The result of the small card, whose runs are recorded."""
    result = SMALL.run()
    Record.write("small", result.meter)
    return result


@pytest.fixture
def untrained(monkeypatch, tmp_path):
    """From here on nothing is kept on this disk, and nothing can be trained."""

    def forget() -> None:
        monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "nothing"))
        monkeypatch.setattr(sweeps, "train", lambda *_: pytest.fail("trained"))

    return forget


def change(place, name, edit) -> None:
    """Rewrite a record after `edit` has changed its arrays, a dict."""
    path = place / f"{name}.npz.xz"
    with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as file:
        arrays = {key: file[key].copy() for key in file.files}
    edit(arrays)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(lzma.compress(buffer.getvalue()))


class TestReading:
    def test_what_was_written_is_read(self, recorded, place) -> None:
        assert [path.name for path in place.iterdir()] == ["small.npz.xz"]
        found = Record.read("small")
        assert set(found) == set(recorded.meter.chunks) and len(found) == 2
        for stated, use in recorded.meter.chunks.items():
            arrays = store.load(use.name)
            assert found[stated].keys() == arrays.keys()
            assert all(np.array_equal(found[stated][n], values) for n, values in arrays.items())

    def test_a_card_that_has_none(self, place) -> None:
        assert Record.read("small") is None
        assert SMALL.run().record is None

    def test_nothing_is_trained(self, recorded, untrained, tmp_path) -> None:
        untrained()
        again = SMALL.run()
        assert again.evidence == recorded.evidence and again.verdict is Verdict.HOLDS
        assert again.meter.seconds == recorded.meter.seconds
        assert not (tmp_path / "nothing").exists()

    def test_it_says_when_and_with_what_it_was_made(self, recorded) -> None:
        assert recorded.record is None
        assert "recorded" not in repr(recorded)
        again = SMALL.run()
        found = again.record.provenance
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
        assert found["seconds"] == pytest.approx(recorded.meter.seconds, abs=0.06)
        for text in (found["date"], platform.python_version(), np.__version__):
            assert text in again.lines()["Computed in"]
        assert f"PyTorch {torch.__version__.partition('+')[0]} " in again.lines()["Computed in"]
        assert "recorded on" in again._repr_html_()
        assert not {"/", "@"} & set("".join(found["versions"].values())), "versions and no more"
        assert found.keys() == {"date", "seconds", "versions", "plans", "data"}

    @pytest.mark.parametrize("changed", [{"fresh": True}, {"seeds": 11}])
    def test_other_settings_do_not_take_it(self, recorded, untrained, changed) -> None:
        assert SMALL.run(**changed).record is None
        untrained()
        with pytest.raises(pytest.fail.Exception, match="trained"):
            SMALL.run(**changed)

    def test_the_usual_seeds_by_number_are_the_usual_ones(self, recorded) -> None:
        assert SMALL.run(seeds=10, scale="laptop").record is not None

    @pytest.mark.parametrize("module", [torch, np], ids=lambda module: module.__name__)
    def test_one_made_with_other_versions_is_taken(
        self, recorded, untrained, monkeypatch, module
    ) -> None:
        untrained()
        monkeypatch.setattr(module, "__version__", "0.0.1")
        assert SMALL.run().evidence == recorded.evidence


class TestStale:
    @pytest.mark.parametrize(
        "changes",
        [
            {"misled": other_rising()},
            {"steps": 70},
            {"every": 5},
            {"rates": (0.05, 0.2)},
            {"task": cards["adam-counter-example"].study.task.__wrapped__},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_another_rule_or_protocol(self, recorded, untrained, changes) -> None:
        untrained()
        if "task" in changes:
            task = changes["task"]
            changes = {"task": lambda: replace(task(), large=1020.0)}
        changed = replace(SMALL, study=replace(SMALL.study, **changes))
        with pytest.raises(ValueError, match="the record of small is stale") as error:
            changed.run()
        assert "python -m optlab claims small --record" in str(error.value)

    def test_words_on_the_card_do_not_count(self, recorded, untrained) -> None:
        untrained()
        assert replace(SMALL, claim="Otherwise.", source="Somebody").run().record is not None


class TestRebinding:
    """For code that says the same in other words the runs are kept, if some made again agree."""

    def again(self, **changes):
        """The small card with such a study, and what has its study evaluated."""
        card = replace(SMALL, study=replace(SMALL.study, **changes))
        return card, lambda: card.study.run(Setting(10))

    def test_to_other_words(self, recorded) -> None:
        card, run = self.again(misled=reworded())
        with pytest.raises(ValueError, match="stale"):
            card.run()
        assert Record.rebind("small", run).startswith("2 of the recorded runs were made again")
        after = card.run()
        assert after.record is not None and after.evidence == recorded.evidence
        assert after.record.made == Record.read("small").made and after.check()
        with pytest.raises(ValueError, match="stale"):
            SMALL.run()

    def test_not_to_other_numbers(self, recorded, place) -> None:
        before = (place / "small.npz.xz").read_bytes()
        _, run = self.again(misled=other_rising())
        with pytest.raises(ValueError, match="is not what the record of small has"):
            Record.rebind("small", run)
        assert (place / "small.npz.xz").read_bytes() == before and SMALL.run().record is not None

    @pytest.mark.parametrize(
        "changes", [{"steps": 70}, {"rates": (0.05, 0.2)}], ids=lambda changes: next(iter(changes))
    )
    def test_not_to_another_protocol(self, recorded, place, changes) -> None:
        before = (place / "small.npz.xz").read_bytes()
        _, run = self.again(**changes)
        with pytest.raises(ValueError, match="has no such runs"):
            Record.rebind("small", run)
        assert (place / "small.npz.xz").read_bytes() == before

    def test_not_in_part(self, place) -> None:
        Record.write("two", TWO.run().meter)
        with pytest.raises(ValueError, match="no longer uses 4 of its chunks"):
            Record.rebind("two", lambda: None)

    def test_only_what_there_is(self, place) -> None:
        with pytest.raises(ValueError, match="small has no record"):
            Record.rebind("small", lambda: None)

    def test_what_is_alike_in_words_is_numbered(self, recorded) -> None:
        chunk = next(iter(recorded.meter.chunks.values())).chunk
        plans = Plans()
        first, second = plans.of(chunk, "a"), plans.of(chunk, "b")
        assert first.endswith(" 0") and second.endswith(" 1")
        assert plans.of(chunk, "a") == first


class TestChecking:
    def test_what_is_made_again_is_the_same(self, recorded) -> None:
        result = SMALL.run()
        assert result.check() == "4 of the recorded runs were made again: equal to 1e-06."
        assert result.check(runs=3).startswith("6 of the recorded runs")
        assert result.check(runs=1000).startswith("40 of the recorded runs")

    def test_each_task_and_rule(self, place) -> None:
        Record.write("two", TWO.run().meter)
        result = TWO.run()
        assert result.record is not None
        assert result.check(1).startswith("4 of the recorded runs")

    def test_of_long_runs_the_first_steps(self, recorded, place, monkeypatch) -> None:
        steps = min(use.chunk.steps for use in recorded.meter.chunks.values())
        every = max(use.chunk.every for use in recorded.meter.chunks.values())
        monkeypatch.setattr(records, "MAX_STEPS", 1)
        assert every < steps
        assert SMALL.run().check().endswith(f"made again up to step {every}: equal to 1e-06.")

        def late(arrays):
            for key, values in arrays.items():
                if key.endswith("/x"):
                    values[0, -1] *= 1.001

        change(place, "small", late)
        SMALL.run().check()

        def early(arrays):
            for key, values in arrays.items():
                if key.endswith("/x"):
                    values[0, 1] *= 1.001

        change(place, "small", early)
        with pytest.raises(ValueError, match="is not what the record of small has"):
            SMALL.run().check()

    def test_of_many_tasks_and_rules_some_evenly_spread(self, place, monkeypatch) -> None:
        Record.write("two", TWO.run().meter)
        monkeypatch.setattr(records, "MAX_CHECKED", 3)
        assert TWO.run().check(1).startswith("2 of the recorded runs")
        monkeypatch.setattr(records, "MAX_CHECKED", 1)
        assert TWO.run().check(1).startswith("1 of the recorded runs")

    def test_of_each_option_of_a_task_some(self, place) -> None:
        arms = {
            name: Arm(still, {"lr": (1e-3,)}, options={"batch": batch})
            for name, batch in (("small", 8), ("large", 16))
        }
        study = Trial({"made": made}, arms, AtEnd(), (Difference("small", "large"),), 2)
        card = Card("arms", "R11", "Small batches err less.", "Nobody", "nobody", study)
        Record.write("arms", card.run().meter)
        assert card.run().check(1).startswith("2 of the recorded runs")

    @pytest.mark.parametrize("name", ["x", "train_loss", "diverged"])
    def test_a_changed_number_is_noticed(self, recorded, place, name) -> None:
        def edit(arrays):
            for key, values in arrays.items():
                if key.endswith(f"/{name}"):
                    place = values[0] if values.dtype == bool else values[0, -1]
                    values[(0,) if values.dtype == bool else (0, -1)] = (
                        ~place if values.dtype == bool else place * 1.001
                    )

        change(place, "small", edit)
        with pytest.raises(ValueError, match=rf"(rising|falling) on reddi_online: {name} is not"):
            SMALL.run().check()

    @pytest.mark.parametrize("value", [np.inf, np.nan])
    def test_so_is_a_number_that_is_none(self, recorded, place, value) -> None:
        def edit(arrays):
            for key, values in arrays.items():
                if key.endswith("/train_loss"):
                    values[1, 1] = value

        change(place, "small", edit)
        with pytest.raises(ValueError, match=f"{value} there and"):
            SMALL.run().check()

    def test_rounding_and_seconds_are_not(self, recorded, place) -> None:
        def edit(arrays):
            for key, values in arrays.items():
                if key.endswith("/x"):
                    values *= 1 + 1e-9
                if key.endswith("/seconds"):
                    values *= 3

        change(place, "small", edit)
        assert SMALL.run().check().startswith("4 of")

    def test_other_data_are_skipped_with_a_sentence(self, place) -> None:
        result = TWO.run()
        Record.write("two", result.meter)
        softmax = {
            s for s, u in result.meter.chunks.items() if u.chunk.task.name.endswith("softmax")
        }

        def edit(arrays):
            provenance = json.loads(str(arrays["provenance"]))
            provenance["data"].update(dict.fromkeys(softmax, "of another day"))
            arrays["provenance"] = np.array(json.dumps(provenance))
            for key, values in arrays.items():  # what is skipped is not compared
                if key.partition("/")[0] in softmax and key.endswith("/test_loss"):
                    values += 1

        assert len(softmax) > 0
        change(place, "two", edit)
        assert TWO.run().check(1) == (
            "2 of the recorded runs were made again: equal to 1e-06. "
            "Not those on digits_softmax, whose data differ here."
        )

    def test_what_this_code_has_made_again_is_not_made_a_third_time(
        self, recorded, place, monkeypatch
    ) -> None:
        said = SMALL.run().check()
        monkeypatch.setattr(sweeps, "train", lambda *_: pytest.fail("trained"))
        assert SMALL.run().check() == said
        with monkeypatch.context() as patch:
            patch.setattr(np, "__version__", "9.9.9")
            with pytest.raises(pytest.fail.Exception, match="trained"):
                SMALL.run().check()

        def edit(arrays):
            for key, values in arrays.items():
                if key.endswith("/x"):
                    values *= 1.001

        change(place, "small", edit)
        with pytest.raises(ValueError, match="is not what the record of small has"):
            SMALL.run().check()

    def test_runs_that_the_store_has_lost(self, place, tmp_path) -> None:
        result = SMALL.run()
        next((tmp_path / "results").iterdir()).unlink()
        with pytest.raises(ValueError, match="has lost runs of small: run it again"):
            Record.write("small", result.meter)

    @pytest.mark.parametrize("runs", [0, -1])
    def test_no_runs(self, recorded, runs) -> None:
        with pytest.raises(ValueError, match=f"runs = {runs}, but at least one"):
            SMALL.run().check(runs)

    def test_without_a_record(self, recorded) -> None:
        with pytest.raises(ValueError, match="small has no record: its runs were computed here"):
            recorded.check()


class TestTheBooksRecords:
    """Those that lie with the book."""

    def test_each_is_of_a_card(self) -> None:
        assert set(cards) >= RECORDED

    def test_what_is_kept_with_another_card_is_there(self, undrawn, untrained) -> None:
        untrained()
        shared = [card for card in cards.values() if card.kept_with]
        assert shared
        for card in shared:
            assert card.name not in RECORDED
            result = card.run()
            assert result.record is not None and result.record.card == card.kept_with
            assert set(result.meter.chunks) <= set(result.record)

    @pytest.mark.parametrize("name", sorted({"adam-gap", *RECORDED}))
    def test_it_is_whole_and_not_stale(self, name, untrained) -> None:
        untrained()
        result = cards[name].run()
        assert result.record is not None
        beside = [card.run() for card in cards.values() if card.kept_with == name]
        used = {stated for each in (result, *beside) for stated in each.meter.chunks}
        assert set(result.record) == used, "chunks that no card uses"
        assert set(result.record.provenance["data"]) == set(result.record)
        assert result.meter.seconds > 0
        assert result.evidence.table.rows
        # A trial whose curves another card shows has none.
        assert bool(result.evidence.pictures) == (getattr(result.card.study, "plotted", True) != ())
        for stated, use in result.meter.chunks.items():
            chunk, arrays = use.chunk, result.record[stated]
            shape = len(chunk.seeds), len(chunk.recorded)
            assert arrays["train_loss"].shape == shape and arrays["diverged"].shape == shape[:1]
            assert not np.isnan(arrays["train_loss"]).any()
            assert np.isfinite(arrays["train_loss"][~arrays["diverged"]]).all()
            for metric, values in arrays.items():
                if metric.endswith("_accuracy"):
                    assert np.nanmin(values) >= 0 and np.nanmax(values) <= 1
