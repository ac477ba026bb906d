"""Claim cards of the part "Momentum"."""

from optlab.card import Card
from optlab.claims.grids import digits_race, powers
from optlab.studies.batch_size import BatchSize
from optlab.studies.noise_floor import NoiseFloor
from optlab.tasks import digits_mlp, digits_softmax
from optlib.rules import nag, sgd, sgdm

CARDS = (
    Card(
        name="mini-batches",
        row="R1",
        claim="SGD with mini-batches of 64 reaches a training loss of 0.1 after looking at "
        "fewer examples than with all of them at every step, each with its best learning rate.",
        source="Bottou, Curtis & Nocedal (2018), section 3, on why stochastic methods make "
        "faster progress at first than those that go through all data at every step",
        citation="bottou2018",
        study=BatchSize(digits_mlp, sgd, powers(-6, 7), batches=(64, 16), target=0.1, steps=160),
    ),
    Card(
        name="sgd-noise-floor",
        row="R2",
        claim="With a constant learning rate SGD stops at a noise floor in proportion to it: "
        "on the plateau, halving η halves the excess training loss.",
        source="Bottou, Curtis & Nocedal (2018), Theorem 4.6, whose bound on the plateau is "
        "in proportion to the rate",
        citation="bottou2018",
        study=NoiseFloor(digits_softmax, sgd, tuple(2.0**-k for k in range(3, 8)), steps=4000),
    ),
    Card(
        name="momentum-faster",
        row="R3",
        claim="SGDM with λ = 0.9 reaches a training loss of 0.1 in fewer steps than SGD, each "
        "with its best learning rate.",
        source="Sutskever, Martens, Dahl & Hinton (2013), Table 1 (there the training error "
        "after a fixed number of steps, with λ growing to its largest value); Polyak (1964) "
        "for quadratics",
        citation="sutskever2013",
        study=digits_race(rival=sgd, champion=sgdm),
    ),
    Card(
        name="nesterov-faster",
        row="R4",
        claim="NAG with λ = 0.9 reaches a training loss of 0.1 in fewer steps than SGDM, each "
        "with its best learning rate.",
        source="Sutskever, Martens, Dahl & Hinton (2013), Table 1 (measured as for momentum), "
        "where the two differ little with λ = 0.9 and more with larger λ; Nesterov (1983) for "
        "convex losses",
        citation="sutskever2013",
        study=digits_race(
            rival=sgdm,
            champion=nag,
            remark="for nag the loss at θ′, where it takes its gradient",
        ),
    ),
)
