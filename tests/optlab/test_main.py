"""`python -m optlab`: the claims and the data sets from a terminal."""

import io
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from optlab import Record, __main__, cards, records, sweeps
from optlab.__main__ import main
from optlab.tasks import one_thread
from optlib import rule
from tests.optlib.rules import falling, rising


def falling_in_other_words():
    @rule
    def falling(g, *, lr=1e-3):
        still = 0 * g
        return still - lr

    return falling


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """An empty folder for results, one for records, and cards that take a second."""
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(records, "FOLDER", tmp_path / "records")
    study = replace(
        cards["adam-counter-example"].study,
        **{"misled": rising, "sound": falling, "rates": (0.05, 0.1)},
        **{"steps": 40, "every": 10, "tail": 2, "hyper": {}},
    )
    for i, (name, card) in enumerate(list(cards.items())):
        monkeypatch.setitem(cards, name, replace(card, study=replace(study, steps=40 + 2 * i)))
    with one_thread():
        yield tmp_path / "results"


@pytest.fixture
def untrained(monkeypatch):
    """Training fails."""
    monkeypatch.setattr(sweeps, "train", lambda *_: pytest.fail("trained"))


class Balanced(HTMLParser):
    """Notes tags that are not closed in order, names that occur twice, and all words."""

    VOID = frozenset({"meta", "br", "img", "hr", "input", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.words = ""

    def handle_starttag(self, tag, attributes) -> None:
        self.ids += [value for name, value in attributes if name == "id"]
        assert len({name for name, _ in attributes}) == len(attributes), tag
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes) -> None:
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words += data


def fails(arguments, capsys) -> str:
    """What is written to stderr where the arguments are wrong."""
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and "Traceback" not in err
    return err


class TestClaims:
    def test_without_a_name_it_lists_them(self, fresh, capfd) -> None:
        main(["claims"])
        out, err = capfd.readouterr()
        assert out.splitlines() == [f"{name}: {card.claim}" for name, card in cards.items()]
        assert err == "" and not fresh.exists()

    def test_it_prints_the_result_and_how_to_get_it_again(self, capfd, untrained_later) -> None:
        main(["claims", "momentum-faster", "--seeds", "12"])
        first, err = capfd.readouterr()
        assert err == ""
        assert re.search("^Verdict: +holds$", first, re.MULTILINE)
        [command] = re.findall("^Run it again: +(.*)$", first, re.MULTILINE)
        assert command == "python -m optlab claims momentum-faster --seeds 12"
        untrained_later()
        main(shlex.split(command)[3:])
        assert capfd.readouterr().out == first

    def test_several_and_all(self, capfd) -> None:
        main(["claims", "nesterov-faster", "momentum-faster"])
        out = capfd.readouterr().out
        assert re.findall("^Claim card (.*)$", out, re.MULTILINE) == [
            "nesterov-faster",
            "momentum-faster",
        ]
        main(["claims", "--all"])
        out = capfd.readouterr().out
        assert re.findall("^Claim card (.*)$", out, re.MULTILINE) == list(cards)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["adam"], "no card 'adam'; there are mini-batches,"),
            (["momentum-faster", "adam"], "no card 'adam'"),
            (["momentum-faster", "--seeds", "0"], "seeds = 0, but a verdict needs at least 10"),
            (["momentum-faster", "--seeds", "9"], "seeds = 9, but"),
            (["momentum-faster", "--seeds", "ten"], "invalid int value: 'ten'"),
            (["momentum-faster", "--scale", "tpu"], "invalid choice: 'tpu'"),
            (["--page", "page.html"], "which cards? Give their names, or --all"),
            (["--record"], "which cards? Give their names, or --all"),
            (["momentum-faster", "--record", "--seeds", "12"], "leave --seeds and --scale out"),
            (["momentum-faster", "--record", "--seeds", "0"], "leave --seeds and --scale out"),
            (["momentum-faster", "--record", "--scale", "gpu"], "leave --seeds and --scale out"),
            (["--rebind"], "which cards? Give their names, or --all"),
            (["momentum-faster", "--rebind", "--seeds", "12"], "leave --seeds and --scale out"),
            (["momentum-faster", "--rebind", "--record"], "give one of them"),
            (["momentum-faster", "--rebind"], "has no record: make one with --record"),
        ],
        ids=" ".join,
    )
    def test_bad_arguments(self, arguments, message, capsys, untrained, fresh) -> None:
        assert message in fails(["claims", *arguments], capsys)
        assert not fresh.exists()

    def test_no_gpu(self, capsys, untrained, monkeypatch) -> None:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        arguments = ["claims", "momentum-faster", "--scale", "gpu"]
        assert "PyTorch finds no GPU here" in fails(arguments, capsys)

    def test_a_page_that_cannot_be_written(self, tmp_path, capsys, untrained) -> None:
        page = tmp_path / "nowhere" / "page.html"
        err = fails(["claims", "momentum-faster", "--page", str(page)], capsys)
        assert f"there is no folder {page.parent}" in err
        err = fails(["claims", "momentum-faster", "--page", str(tmp_path)], capsys)
        assert f"--page {tmp_path}: this is a folder" in err

    def test_a_page_of_all_cards(self, tmp_path, capsys, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        main(["claims", "--all", "--page", "page.html"])
        assert capsys.readouterr().out.endswith("page.html written\n")
        text = (tmp_path / "page.html").read_text("utf-8")
        assert text.startswith("<!doctype html>") and '<html lang="en">' in text
        assert 'charset="utf-8"' in text and "{" not in re.sub("(?s)<style>.*?</style>", "", text)
        parser = Balanced()
        parser.feed(text)
        parser.close()
        assert parser.open == []
        assert "http" not in re.sub(r'xmlns="[^"]*"', "", text), "it loads nothing"
        words = " ".join(parser.words.split())
        for name, card in cards.items():
            assert f"{name}: holds" in words and words.count(card.claim) == 2  # table and card
            assert f"Claim card {name}" in words and card.source in words
        assert text.count("<details>") == text.count("<svg") == len(cards)

    def test_no_picture_on_the_page_refers_to_another(self, tmp_path) -> None:
        main(["claims", "--all", "--page", str(tmp_path / "page.html")])
        for picture in re.findall("(?s)<svg.*?</svg>", (tmp_path / "page.html").read_text("utf-8")):
            named = set(re.findall(r'\bid="([^"]*)"', picture))
            used = {
                *re.findall(r'href="#([^"]*)"', picture),
                *re.findall(r"url\(#(.*?)\)", picture),
            }
            assert used <= named

    def test_a_record(self, tmp_path, capsys, untrained_later) -> None:
        main(["claims", "momentum-faster", "--record"])
        out = capsys.readouterr().out
        path = tmp_path / "records" / "momentum-faster.npz.xz"
        assert f"recorded in {path}" in out and path.exists()
        assert Record.read("momentum-faster") is not None
        untrained_later()
        assert "recorded on" in repr(cards["momentum-faster"].run())
        # The command makes it again, and so is the way out where the record is stale.
        main(["claims", "momentum-faster"])
        assert "recorded on" not in capsys.readouterr().out

    def test_what_is_kept_with_a_card_is_recorded_with_it(self, capsys, untrained_later) -> None:
        others = [name for name, card in cards.items() if card.kept_with == "adam-gap"]
        assert len(others) > 1
        main(["claims", "adam-gap", "--record"])
        out = capsys.readouterr().out
        assert all(f"Claim card {name}" in out for name in ("adam-gap", *others))
        untrained_later()
        for name in others:
            assert cards[name].run().record is not None

    def test_a_record_is_bound_anew_with_what_is_kept_with_it(self, capsys) -> None:
        main(["claims", "adam-gap", "--record"])
        for name, card in cards.items():
            if name == "adam-gap" or card.kept_with == "adam-gap":
                study = replace(card.study, sound=falling_in_other_words())
                cards[name] = replace(card, study=study)
        with pytest.raises(ValueError, match="stale"):
            cards["adam-gap"].run()
        main(["claims", "--all", "--rebind"])
        out = capsys.readouterr().out
        assert out.endswith("of the recorded runs were made again: equal to 1e-06.\n")
        assert out.count("were made again") == 1
        for name, card in cards.items():
            if name == "adam-gap" or card.kept_with == "adam-gap":
                assert card.run().record is not None

    def test_a_stale_record_is_made_again_as_its_message_says(self, capsys) -> None:
        main(["claims", "momentum-faster", "--record"])
        card = cards["momentum-faster"]
        cards["momentum-faster"] = replace(card, study=replace(card.study, rates=(0.2, 0.3)))
        with pytest.raises(ValueError, match="is stale") as error:
            cards["momentum-faster"].run()
        command = str(error.value).partition("Make it again: ")[2]
        main(shlex.split(command)[3:])
        assert cards["momentum-faster"].run().record is not None

    def test_the_bar_is_on_stderr_where_somebody_watches(self, capsys, monkeypatch) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        watched = Terminal()
        monkeypatch.setattr(sys, "stderr", watched)
        main(["claims", "momentum-faster"])
        assert "reddi_online: rising, falling" in watched.getvalue()
        out = capsys.readouterr().out
        assert "step/s" not in out and "\r" not in out

    def test_in_a_process_of_its_own(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "optlab", "claims"], capture_output=True, text=True, check=True
        )
        assert [line.partition(":")[0] for line in done.stdout.splitlines()] == list(cards)
        assert done.stderr == ""


@pytest.fixture
def untrained_later(monkeypatch):
    """From its call on training fails."""
    return lambda: monkeypatch.setattr(sweeps, "train", lambda *_: pytest.fail("trained"))


class TestData:
    def test_it_says_where_they_lie(self, tmp_path, capsys, monkeypatch) -> None:
        monkeypatch.setattr(__main__, "fetch", lambda name: tmp_path / name)
        main(["data", "cifar10"])
        assert capsys.readouterr().out == f"cifar10 lies in {tmp_path / 'cifar10'}\n"

    def test_what_is_there_is_not_fetched(self, tmp_path, capsys, monkeypatch) -> None:
        monkeypatch.setenv("OPTLIB_DATA", str(tmp_path))
        monkeypatch.setitem(sys.modules, "datasets", None)
        (tmp_path / "wikitext2").mkdir()
        main(["data", "wikitext2"])
        assert str(tmp_path / "wikitext2") in capsys.readouterr().out

    def test_no_such_data(self, capsys) -> None:
        err = fails(["data", "mnist"], capsys)
        assert "invalid choice: 'mnist'" in err and "cifar10" in err and "wikitext2" in err

    def test_without_the_loader(self, tmp_path, capsys, monkeypatch) -> None:
        monkeypatch.setenv("OPTLIB_DATA", str(tmp_path))
        monkeypatch.setitem(sys.modules, "datasets", None)
        assert "pip install 'optlib[data]'" in fails(["data", "cifar10"], capsys)

    def test_without_a_network(self, tmp_path, capsys, monkeypatch) -> None:
        class Datasets:
            @staticmethod
            def load_dataset(*_, **__):
                raise ConnectionError("no route")

        monkeypatch.setenv("OPTLIB_DATA", str(tmp_path))
        monkeypatch.setitem(sys.modules, "datasets", Datasets)
        err = fails(["data", "cifar10"], capsys)
        assert "cifar10 could not be downloaded: no route; try again with a network" in err
        assert list(tmp_path.iterdir()) == []


def test_without_a_command(capsys) -> None:
    assert "COMMAND" in fails([], capsys)
