"""The book's claim cards, each registered here and nowhere else."""

from collections.abc import Iterator
from functools import partial

from optlib.lab.card import Card, Result
from optlib.lab.display import Table, lines_text
from optlib.lab.floor import NoiseFloor
from optlib.lab.race import Race
from optlib.rules import nag, sgd, sgdm
from optlib.tasks import digits_mlp, digits_softmax


class Cards(dict[str, Card]):
    """Cards by name, in the order of the book."""

    def __missing__(self, name: str) -> Card:
        raise KeyError(f"no card {name!r}; there are {', '.join(self)}")


class Claims:
    """The results of several cards in one table."""

    def __init__(self, results: list[Result]) -> None:
        self.results = results

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __repr__(self) -> str:
        entries = [
            lines_text(
                r.card.name,
                {"Claim": r.card.claim, "Source": r.card.source, "Verdict": r.verdict.value},
            )
            for r in self.results
        ]
        return "\n\n".join(entries)

    def _repr_html_(self) -> str:
        rows = [
            (r.card.name, r.card.claim, r.evidence.finding, r.verdict.value) for r in self.results
        ]
        return Table("All claims", ("card", "claim", "found", "verdict"), rows).html()


def all_cards() -> Claims:
    """Every card's result; what has not been run yet is run now."""
    return Claims([card.run() for card in cards.values()])


# From about 2.3 = ln 10 at the start, a loss of 0.1 is past the first descent and far above the
# noise floor. The rates are a factor of √2 apart, since SGD is at its best just before it diverges
# and a coarser grid would miss that. The best of all three optimizers lie inside the grid, and ten
# epochs are more than twice the steps that the slowest needs.
_race = partial(
    Race,
    task=digits_mlp,
    rates=tuple(2.0 ** (k / 2) for k in range(-10, 3)),
    target=0.1,
    steps=160,
    hyper={"momentum": 0.9},
)

cards = Cards(
    (card.name, card)
    for card in (
        Card(
            name="sgd-noise-floor",
            claim="With a constant learning rate SGD stops at a noise floor in proportion to it: "
            "on the plateau, halving η halves the excess training loss.",
            source="Bottou, Curtis & Nocedal (2018), Theorem 4.6, whose bound on the plateau is "
            "in proportion to the rate",
            citation="bottou2018",
            study=NoiseFloor(digits_softmax, sgd, tuple(2.0**-k for k in range(3, 8)), steps=4000),
        ),
        Card(
            name="momentum-faster",
            claim="SGDM with λ = 0.9 reaches a training loss of 0.1 in fewer steps than SGD, each "
            "with its best learning rate.",
            source="Sutskever, Martens, Dahl & Hinton (2013), Table 1 (there the training error "
            "after a fixed number of steps, with λ growing to its largest value); Polyak (1964) "
            "for quadratics",
            citation="sutskever2013",
            study=_race(rival=sgd, champion=sgdm),
        ),
        Card(
            name="nesterov-faster",
            claim="NAG with λ = 0.9 reaches a training loss of 0.1 in fewer steps than SGDM, each "
            "with its best learning rate.",
            source="Sutskever, Martens, Dahl & Hinton (2013), Table 1 (measured as for momentum), "
            "where the two differ little with λ = 0.9 and more with larger λ; Nesterov (1983) for "
            "convex losses",
            citation="sutskever2013",
            study=_race(
                rival=sgdm,
                champion=nag,
                remark="for nag the loss at θ′, where it takes its gradient",
            ),
        ),
    )
)
"""All cards by name."""
