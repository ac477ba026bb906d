"""Claim cards: one falsifiable sentence, and what it takes to test it.

A card states claim, source, protocol and the rule for its verdict before anything is run. Running
it gives a `Result`, which shows all of that again, the measured numbers and the verdict.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from optlib.lab.display import Table, lines_html, lines_text
from optlib.lab.statistics import rank
from optlib.lab.sweeps import Curves, check_device


class Verdict(StrEnum):
    """What a card's measurement says about its claim."""

    HOLDS = "holds"
    IN_PART = "holds in part"
    NOT_HERE = "not at this scale"
    FAILS = "fails"


class Evidence(NamedTuple):
    """What a study measured: its verdict, the sentence that decides it, numbers and remarks."""

    verdict: Verdict
    finding: str
    table: Table
    notes: list[str]


class Study(Protocol):
    """What a card runs."""

    @property
    def seeds(self) -> int:
        """Number of seeds that the card's verdict rests on."""

    @property
    def verdict_rule(self) -> str:
        """How the verdict is decided, in words."""

    def protocol(self, seeds: int) -> dict[str, str]:
        """The settings in words, label by label."""

    def run(self, seeds: int, device: str) -> Evidence:
        """Measure, or read from disk what was measured before."""

    def curves(self, seeds: int, device: str) -> Curves:
        """Training loss over the steps for each optimizer and learning rate."""


@dataclass(frozen=True, repr=False)
class Card:
    """A claim and its test; `run` carries it out.

    Attributes
    ----------
    name : str
        What the card is called.
    claim : str
        One sentence that a measurement can prove wrong.
    source : str
        Who says so, and where.
    citation : str
        Key of the source in the book's bibliography.
    study : Study
        What is run.
    """

    name: str
    claim: str
    source: str
    citation: str
    study: Study

    def run(self, seeds: int | None = None, device: str = "cpu") -> "Result":
        """Carry out the study, or read from disk what has been run before.

        Parameters
        ----------
        seeds : int, optional
            Number of seeds, at least 6; default that of the card.
        device : str
            "cpu", the default, or "cuda".

        Raises
        ------
        ValueError
            Too few seeds for an interval, or no such device.
        """
        seeds = self.study.seeds if seeds is None else seeds
        if seeds < 1:
            raise ValueError(f"seeds = {seeds}, but there must be at least one")
        rank(seeds)
        check_device(device)
        return Result(self, seeds, device, self.study.run(seeds, device))

    def lines(self, seeds: int) -> dict[str, str]:
        """All that stands on the card before it is run, label by label."""
        return {
            "Claim": self.claim,
            "Source": self.source,
            **self.study.protocol(seeds),
            "Verdict rule": self.study.verdict_rule,
        }

    def __repr__(self) -> str:
        return lines_text(f"Claim card {self.name}", self.lines(self.study.seeds))

    def _repr_html_(self) -> str:
        return lines_html(f"Claim card {self.name}", self.lines(self.study.seeds))


@dataclass(frozen=True, repr=False)
class Result:
    """A card that has been run, on `seeds` seeds and `device`, and the evidence."""

    card: Card
    seeds: int
    device: str
    evidence: Evidence

    @property
    def verdict(self) -> Verdict:
        """What the measurement says about the claim."""
        return self.evidence.verdict

    def curves(self) -> Curves:
        """Training loss over the steps for each optimizer and learning rate, over these seeds."""
        return self.card.study.curves(self.seeds, self.device)

    @property
    def command(self) -> str:
        """What to type to get this result again."""
        seeds = f" --seeds {self.seeds}" if self.seeds != self.card.study.seeds else ""
        device = f" --device {self.device}" if self.device != "cpu" else ""
        return f"python -m optlib.lab {self.card.name}{seeds}{device}"

    def lines(self) -> dict[str, str]:
        """All that stands on the card now, label by label."""
        beside = {"Beside it": " ".join(self.evidence.notes)} if self.evidence.notes else {}
        return {
            **self.card.lines(self.seeds),
            "Found": self.evidence.finding,
            **beside,
            "Verdict": self.verdict.value,
            "Run it again": self.command,
        }

    def __repr__(self) -> str:
        lines = lines_text(f"Claim card {self.card.name}", self.lines())
        return f"{lines}\n\n{self.evidence.table.text()}"

    def _repr_html_(self) -> str:
        table = self.evidence.table.html()
        return lines_html(f"Claim card {self.card.name}", self.lines(), table)
