"""The book's claim cards, a module for each part of the book."""

from collections.abc import Iterator
from html import escape

from optlab.card import Card, Result
from optlab.claims import adam, adaptive_rates, learning_rate, looking_ahead, momentum
from optlab.display import PAGE
from optlib.table import Table

TITLE = "What holds on a laptop"


class Cards(dict[str, Card]):
    """Cards by name, in the order of the book."""

    def __missing__(self, name: str) -> Card:
        raise KeyError(f"no card {name!r}; there are {', '.join(self)}")


class Claims:
    """The results of several cards: one table of all, and then card by card."""

    def __init__(self, results: list[Result]) -> None:
        self.results = results

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    @property
    def table(self) -> Table:
        """A row a card."""
        return Table(
            "All claims",
            ("card", "claim", "found", "verdict"),
            [(r.card.name, r.card.claim, r.evidence.finding, r.verdict.value) for r in self],
        )

    def page(self) -> str:
        """A page of its own, as HTML."""
        return PAGE.format(title=TITLE, body=self._repr_html_())

    def __repr__(self) -> str:
        return "\n\n\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        cards = "".join(
            f"<details><summary>{escape(r.card.name)}: {r.verdict.value}</summary>"
            f"{r._repr_html_()}</details>"
            for r in self
        )
        return f'<div class="optlib-claims">{self.table.html()}</div>{cards}'


def all_cards() -> Claims:
    """Every card's result; what is neither recorded nor kept on this disk is run now."""
    return Claims([card.run() for card in cards.values()])


_parts = (momentum, adaptive_rates, adam, learning_rate, looking_ahead)
cards = Cards((card.name, card) for part in _parts for card in part.CARDS)
"""All cards by name, in the order of the book."""
