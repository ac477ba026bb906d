"""The book's claim cards, each registered here and nowhere else."""

from collections.abc import Iterator
from functools import partial
from html import escape

from optlib.lab.card import Card, Result
from optlib.lab.comparison import Comparison
from optlib.lab.counterexample import CounterExample
from optlib.lab.display import PAGE, Table
from optlib.lab.floor import NoiseFloor
from optlib.lab.race import Race
from optlib.rules import adam, amsgrad, nag, sgd, sgdm
from optlib.tasks import (
    digits_cnn,
    digits_mlp,
    digits_softmax,
    reddi_online,
    topics_transformer,
)

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
        Card(
            name="adam-counter-example",
            claim="On the online problem of Reddi et al. Adam with β₁ = 0.9 and β₂ = 0.99 ends "
            "nearer to the worst point than to the best, whatever the learning rate; AMSGrad does "
            "not.",
            source="Reddi, Kale & Kumar (2018), Theorem 1 and the synthetic experiment",
            citation="reddi2018",
            study=CounterExample(
                reddi_online,
                misled=adam,
                sound=amsgrad,
                rates=(0.003, 0.01, 0.03, 0.1, 0.3),
                steps=10100,
                every=10,
                tail=101,
                hyper={"beta1": 0.9, "beta2": 0.99},
            ),
        ),
        Card(
            name="adam-and-sgdm",
            claim="After the same number of steps Adam has a lower test loss than SGDM with a "
            "Transformer on text, but not with a convolutional network on images, each tuned.",
            source="Zhang, Karimireddy, Veit, Kim, Reddi, Kumar & Sra (2020), on attention models "
            "and on image classification",
            citation="zhang2020adaptive",
            study=Comparison(
                ahead=topics_transformer,
                level=digits_cnn,
                rival=sgdm,
                champion=adam,
                grids={
                    "sgdm": {"lr": (0.1, 0.2, 0.4, 0.8), "momentum": (0.9, 0.95)},
                    "adam": {"lr": (0.0075, 0.015, 0.03, 0.06), "beta2": (0.99, 0.999)},
                },
                steps=300,
            ),
        ),
    )
)
"""All cards by name."""
