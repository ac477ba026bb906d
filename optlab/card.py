"""Claim cards: one falsifiable sentence, and what it takes to test it.

A card states claim, source, protocol and the rule for its verdict before anything is run. Running
it gives a `Result`, which shows all of that again, the measured numbers and the verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import xarray as xr

from optlab.bands import Curves
from optlab.display import lines_html, lines_text, scrolling
from optlab.records import Record
from optlab.statistics import number
from optlab.sweeps import Meter, check_client, check_device, metered, sweep
from optlab.tuning import FIRST_SEED
from optlib.table import Table

MIN_SEEDS = 10
"""No verdict rests on fewer."""


class Verdict(StrEnum):
    """What a card's measurement says about its claim."""

    HOLDS = "holds"
    IN_PART = "holds in part"
    NOT_HERE = "not at this scale"
    FAILS = "fails"
    NOT_TESTED = "not tested"

    @classmethod
    def of(cls, supported: Sequence[bool], contradicted: Sequence[bool]) -> "Verdict":
        """Of a claim in parts: all are supported, some, none but some contradicted, or neither."""
        if any(supported):
            return cls.HOLDS if all(supported) else cls.IN_PART
        return cls.FAILS if any(contradicted) else cls.NOT_HERE


@dataclass(frozen=True)
class Setting:
    """Where and how large a study is run.

    Attributes
    ----------
    seeds : int
        Number of seeds that are compared.
    scale : str
        "laptop", on the processor, or "gpu", with larger networks on a GPU.
    client : dask.distributed.Client, optional
        Where the runs are computed, default here.
    """

    seeds: int
    scale: str = "laptop"
    client: Any = field(default=None, compare=False)

    @property
    def large(self) -> bool:
        """Whether the tasks are the large ones."""
        return self.scale == "gpu"

    @property
    def sweep(self) -> Any:
        """`optlab.sweep` with device and client of this setting."""
        return partial(sweep, **self.place)

    @property
    def place(self) -> dict[str, Any]:
        """What `sweep` must know of where it computes."""
        return {"device": "cuda" if self.large else "cpu", "client": self.client}

    def check(self) -> None:
        """Raise ValueError or TypeError unless a study can be run so."""
        if self.seeds < MIN_SEEDS:
            raise ValueError(
                f"seeds = {self.seeds}, but a verdict needs at least {MIN_SEEDS}: with fewer an "
                "interval says little"
            )
        if self.seeds > FIRST_SEED:
            raise ValueError(
                f"seeds = {self.seeds}, but at most {FIRST_SEED} can be compared: with the next "
                "ones the learning rates are chosen"
            )
        if self.scale not in ("laptop", "gpu"):
            raise ValueError(f"scale = {self.scale!r}, but it must be 'laptop' or 'gpu'")
        check_device(self.place["device"])
        check_client(self.client)


class Evidence(NamedTuple):
    """What a study measured: verdict, the sentence that decides it, numbers, remarks, pictures.

    Each picture is an SVG. `data` are the numbers behind the table, where others build on them.
    """

    verdict: Verdict
    finding: str
    table: Table
    notes: list[str]
    pictures: list[str]
    data: xr.Dataset | None = None


class Study(Protocol):
    """What a card runs."""

    @property
    def seeds(self) -> int:
        """Number of seeds that the card's verdict rests on."""

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words."""

    def protocol(self, setting: Setting) -> dict[str, str]:
        """The settings in words, label by label."""

    def run(self, setting: Setting) -> Evidence:
        """Measure, or read from disk what was measured before."""


@runtime_checkable
class Live(Protocol):
    """A study that also gives the curves of a live figure."""

    def curves(self, setting: Setting) -> Curves:
        """Curves over the steps for each optimizer and learning rate."""


@dataclass(frozen=True, repr=False)
class Card:
    """A claim and its test; `run` carries it out.

    Attributes
    ----------
    name : str
        What the card is called.
    row : str
        The row of the lecture that it belongs to, "R1" to "R25".
    claim : str
        One sentence that a measurement can prove wrong.
    source : str
        Who says so, and where.
    citation : str
        Key of the source in the book's bibliography.
    study : Study
        What is run.
    kept_with : str
        Name of the card whose record holds these runs too; default its own record, if it has one.
    """

    name: str
    row: str
    claim: str
    source: str
    citation: str
    study: Study
    kept_with: str = ""

    def run(
        self,
        seeds: int | None = None,
        scale: str = "laptop",
        client: Any = None,
        fresh: bool = False,
    ) -> "Result":
        """Carry out the study, or read from disk what has been run before.

        Parameters
        ----------
        seeds : int, optional
            Number of seeds, at least 10; default that of the card.
        scale : str
            "laptop", the default, or "gpu": larger networks, on a GPU.
        client : dask.distributed.Client, optional
            Where the runs are computed, default here.
        fresh : bool
            Whether to compute what the book's record has too. Default False: a card that takes
            minutes shows its recorded runs.

        Raises
        ------
        ValueError
            Too few seeds or too many, no such scale, no GPU, or a record that is of another rule or
            protocol.
        """
        setting = Setting(self.study.seeds if seeds is None else seeds, scale, client)
        setting.check()
        usual = setting == Setting(self.study.seeds)
        record = Record.read(self.kept_with or self.name) if usual and not fresh else None
        with metered(record) as meter:
            evidence = self.study.run(setting)
        return Result(self, setting, evidence, meter, record)

    def lines(self, setting: Setting | None = None) -> dict[str, str]:
        """All that stands on the card before it is run, label by label."""
        return {
            "Claim": self.claim,
            "Source": self.source,
            **self.study.protocol(setting or Setting(self.study.seeds)),
            "Verdict rule": self.study.verdict_rule,
        }

    def __repr__(self) -> str:
        return lines_text(f"Claim card {self.name}", self.lines())

    def _repr_html_(self) -> str:
        return lines_html(f"Claim card {self.name}", self.lines())


@dataclass(frozen=True, repr=False)
class Result:
    """A card that has been run.

    Attributes
    ----------
    card : Card
        What was claimed, and how it was tested.
    setting : Setting
        Seeds and scale.
    evidence : Evidence
        What came out.
    meter : Meter
        The runs, and how long computing them took, now or when they were made.
    record : Record, optional
        The book's record, if the runs were read from it.
    """

    card: Card
    setting: Setting
    evidence: Evidence
    meter: Meter
    record: Record | None = None

    @property
    def verdict(self) -> Verdict:
        """What the measurement says about the claim."""
        return self.evidence.verdict

    def curves(self) -> Curves:
        """Curves over the steps for each optimizer and learning rate, over these seeds.

        Raises ValueError if the study has none.
        """
        if not isinstance(self.card.study, Live):
            raise ValueError(f"{self.card.name} has no live figure")
        with metered(self.record):
            return self.card.study.curves(self.setting)

    def check(self, runs: int = 2) -> str:
        """Make some recorded runs again, and say that they are the same; see `Record.check`.

        Raises ValueError if a number differs, or if nothing was recorded.
        """
        if self.record is None:
            raise ValueError(f"{self.card.name} has no record: its runs were computed here")
        return self.record.check(self.meter, runs)

    @property
    def command(self) -> str:
        """What to type to get this result again."""
        usual, given = Setting(self.card.study.seeds), self.setting
        seeds = f" --seeds {given.seeds}" if given.seeds != usual.seeds else ""
        scale = f" --scale {given.scale}" if given.scale != usual.scale else ""
        return f"python -m optlab claims {self.card.name}{seeds}{scale}"

    def lines(self) -> dict[str, str]:
        """All that stands on the card now, label by label."""
        beside = {"Beside it": " ".join(self.evidence.notes)} if self.evidence.notes else {}
        how = "summed over the chunks" if self.meter.chunks else "anew whenever it is run"
        made = f", {self.record.made}" if self.record else ""
        return {
            **self.card.lines(self.setting),
            "Found": self.evidence.finding,
            **beside,
            "Verdict": self.verdict.value,
            "Computed in": f"{number(self.meter.seconds)} s, {how}{made}",
            "Run it again": self.command,
        }

    def __repr__(self) -> str:
        lines = lines_text(f"Claim card {self.card.name}", self.lines())
        return f"{lines}\n\n{self.evidence.table.text()}"

    def _repr_html_(self) -> str:
        rest = scrolling(self.evidence.table) + "".join(self.evidence.pictures)
        return lines_html(f"Claim card {self.card.name}", self.lines(), rest)
