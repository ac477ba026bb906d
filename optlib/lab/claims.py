"""The book's claim cards, each registered here and nowhere else."""

from collections.abc import Iterator
from functools import partial
from html import escape

from optlib.lab.card import Card, Result
from optlib.lab.comparison import Comparison, Grid
from optlib.lab.contrast import Contrast
from optlib.lab.correction import Correction
from optlib.lab.counterexample import CounterExample
from optlib.lab.display import PAGE, Table
from optlib.lab.flatness import Flatness
from optlib.lab.floor import NoiseFloor
from optlib.lab.helps import Versus
from optlib.lab.invariance import Invariance
from optlib.lab.lasting import Lasting
from optlib.lab.leaving import Leaving
from optlib.lab.passes import Passes
from optlib.lab.race import Race
from optlib.lab.rarity import Rarity
from optlib.lab.recovery import Recovery
from optlib.lab.rectification import Rectification
from optlib.lab.robustness import Robustness
from optlib.lab.scheduling import Schedules, Sooner, Tempo
from optlib.lab.smoothness import LargestRate, Smoothness
from optlib.lab.suggestion import Suggestion
from optlib.lab.switching import Switching
from optlib.lab.tempered import Tempered
from optlib.lab.tournament import Tournament
from optlib.lab.untied import Untied
from optlib.lab.warming import Distortion, Plan, Warming
from optlib.rules import (
    adabound,
    adagrad,
    adam,
    adamw,
    amsgrad,
    l2,
    lookahead,
    nadam,
    nadam_schedule,
    nag,
    radam,
    rmsprop,
    sgd,
    sgdm,
    sgdw,
    swats,
)
from optlib.rules.dialects import adabound_po
from optlib.rules.terms import adam_uncorrected
from optlib.tasks import (
    digits_cnn,
    digits_few,
    digits_mlp,
    digits_softmax,
    rare_features,
    reddi_online,
    reddi_stochastic,
    topics_transformer,
)
from optlib.tasks.helps import (
    digits_curriculum,
    digits_drawn,
    digits_late,
    digits_noisy,
    digits_whole,
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


def _powers(first: int, count: int = 13) -> tuple[float, ...]:
    """Rates a factor of √2 apart, from 2 ** (first / 2)."""
    return tuple(2.0 ** (k / 2) for k in range(first, first + count))


# From about 2.3 = ln 10 at the start, a loss of 0.1 is past the first descent and far above the
# noise floor. The rates are a factor of √2 apart, since SGD is at its best just before it diverges
# and a coarser grid would miss that. The best of all three optimizers lie inside the grid, and ten
# epochs are more than twice the steps that the slowest needs.
_race = partial(
    Race,
    task=digits_mlp,
    rates=_powers(-10),
    target=0.1,
    steps=160,
    hyper={"momentum": 0.9},
)

# Rules that divide by the size of the gradients move each parameter by about η. Their grids begin
# at the libraries' defaults, 0.001, and at 0.01 for Adagrad, whose rate falls by itself.
_own_rates = {
    "sgdm": _powers(-10),
    "adagrad": _powers(-14),
    "rmsprop": _powers(-20),
    "adam": _powers(-20),
    "amsgrad": _powers(-20),
    "adabound_po": _powers(-20),
}

# Nadam's grid is Adam's, NAG's the one of its own race.
_nadam_rates = {"adam": _powers(-20), "nadam": _powers(-20), "nag": _powers(-10)}

# As many settings for both: 4 rates, and 2 values of what else matters most to each.
_grids: dict[str, Grid] = {
    "sgdm": {"lr": (0.1, 0.2, 0.4, 0.8), "momentum": (0.9, 0.95)},
    "adam": {"lr": (0.0075, 0.015, 0.03, 0.06), "beta2": (0.99, 0.999)},
}

# Peaks a factor of 2 apart, around SGDM's best constant rates on both tasks; a schedule that comes
# down again may begin far above them.
_tempo = Tempo(sgdm, tuple(2.0**k for k in range(-10, 2)), {"momentum": 0.9})
_schedules = partial(
    Schedules,
    tasks=(digits_mlp, digits_cnn),
    rivals=("constant", "step decay", "linear decay"),
    steps=480,
    tempo=_tempo,
)

# Around Adam's best rate on this task in `adam-gap`, and up to eight times that.
_warm_rates = tuple(0.03 * 2.0**k for k in range(-1, 4))

# Every 20 steps is a step of synchronization, as k is 5: what is measured are the slow weights.
_lookahead_sgdm, _lookahead_adam = lookahead(sgdm), lookahead(adam)
_stability = partial(
    Robustness,
    digits_mlp,
    pairs=(("lr", "lr"),),
    rates={
        "sgdm": _powers(-12, 7),
        "lookahead_sgdm": _powers(-10, 7),
        "adam": _powers(-16, 7),
        "lookahead_adam": _powers(-14, 7),
    },
    factors=(0.25, 4.0),
    steps=400,
)

_images = (digits_mlp, digits_cnn)


def _tuned(first: int, **nuisance: tuple[float, float]) -> Grid:
    """Four peak rates a factor of 2 apart, from 2 ** first, with two values of something else.

    Or, where an optimizer has nothing else, eight peak rates a factor of √2 apart.
    """
    if not nuisance:
        return {"lr": _powers(2 * first, 8)}
    return {"lr": tuple(2.0**k for k in range(first, first + 4)), **nuisance}


_momenta, _memories = {"momentum": (0.9, 0.95)}, {"beta2": (0.99, 0.999)}
_tournament = Tournament(
    teams={
        "SGD": (sgd, sgdm, nag, sgdw),
        "Adam": (
            adagrad, rmsprop, adam, amsgrad, adabound, nadam, nadam_schedule, adamw, radam,
        ),
    },
    beside=(swats, _lookahead_sgdm, _lookahead_adam),
    grids={
        "sgd": _tuned(-3),
        "sgdm": _tuned(-5, **_momenta),
        "nag": _tuned(-5, **_momenta),
        "sgdw": _tuned(-5, weight_decay=(1e-3, 1e-2)),
        "adagrad": _tuned(-6),
        "rmsprop": _tuned(-9, beta2=(0.9, 0.99)),
        "adam": _tuned(-8, **_memories),
        "amsgrad": _tuned(-8, **_memories),
        "adabound": _tuned(-6, final_lr=(0.1, 1.0)),
        "nadam": _tuned(-8, **_memories),
        "nadam_schedule": _tuned(-8, **_memories),
        "adamw": _tuned(-8, weight_decay=(1e-2, 1e-1)),
        "radam": _tuned(-8, **_memories),
        "swats": _tuned(-8, tol=(1e-9, 1e-2)),
        "lookahead_sgdm": _tuned(-4, alpha=(0.5, 0.8)),
        "lookahead_adam": _tuned(-7, alpha=(0.5, 0.8)),
    },
    ahead={"SGD": _images, "Adam": (topics_transformer,)},
    others=(digits_softmax, rare_features),
    steps=200,
)  # fmt: skip

_versus = partial(Versus, optimizer=sgdm, rates=tuple(2.0**k for k in range(-9, -1)), steps=320)

_l2_adam = l2(adam)

# As many settings for both, and the same: what is a good decay in the gradient is none beside the
# step, so that the decays are many.
_decays: Grid = {
    "lr": tuple(2.0**k for k in range(-8, -4)),
    "weight_decay": (0.0, *(2.0**k for k in range(-10, 1))),
}

cards = Cards(
    (card.name, card)
    for card in (
        Card(
            name="mini-batches",
            row="R1",
            claim="SGD with mini-batches of 64 reaches a training loss of 0.1 after looking at "
            "fewer examples than with all of them at every step, each with its best learning rate.",
            source="Bottou, Curtis & Nocedal (2018), section 3, on why stochastic methods make "
            "faster progress at first than those that go through all data at every step",
            citation="bottou2018",
            study=Passes(digits_mlp, sgd, _powers(-6, 7), batches=(64, 16), target=0.1, steps=160),
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
            study=_race(rival=sgd, champion=sgdm),
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
            study=_race(
                rival=sgdm,
                champion=nag,
                remark="for nag the loss at θ′, where it takes its gradient",
            ),
        ),
        Card(
            name="adagrad-burst",
            row="R5",
            claim="After a burst of huge gradients Adagrad's effective learning rate stays down; "
            "RMSProp's is back after about 1 / (1 − β₂) steps.",
            source="Duchi, Hazan & Singer (2011), Figure 1, for the sum; Tieleman & Hinton (2012), "
            "lecture 6e, for the average that forgets. How many steps it takes is our reading",
            citation="tieleman2012",
            study=Recovery(rmsprop, adagrad, averages=(0.9, 0.99, 0.999)),
        ),
        Card(
            name="adagrad-rare",
            row="R5",
            claim="With rare informative features Adagrad reaches a training loss of 0.5 in fewer "
            "steps than SGD, each with its best learning rate.",
            source="Duchi, Hazan & Singer (2011), section 1, on rare features, and section 6, "
            "where it is measured on texts and images",
            citation="duchi2011",
            # Chosen by SGD alone: guessing has a loss of ln 2 = 0.693, and 0.5 needs the rare
            # words. SGD's best rate of these gets there in less than half of the steps. Adagrad's
            # grid is as wide, and goes to 0.5.
            study=Race(
                rare_features,
                rival=sgd,
                champion=adagrad,
                rates={"sgd": _powers(-13, 9), "adagrad": _powers(-10, 9)},
                target=0.5,
                steps=480,
                whole=False,
            ),
        ),
        Card(
            name="rmsprop-faster",
            row="R6",
            claim="RMSProp with β₂ = 0.99 reaches a training loss of 0.1 in fewer steps than "
            "Adagrad, each with its best learning rate.",
            source="Tieleman & Hinton (2012), lecture 6e, say that dividing by the root of a "
            "running average makes learning with mini-batches work much better; that it is "
            "therefore faster than with a sum is our reading",
            citation="tieleman2012",
            study=_race(rival=adagrad, champion=rmsprop, rates=_own_rates, hyper={}, whole=False),
        ),
        Card(
            name="bias-correction",
            row="R7",
            claim="Without bias correction Adam's first step is (1 − β₁) / √(1 − β₂) = 3.16 times "
            "as long, and the factor follows (1 − β₁^t) / √(1 − β₂^t) from there.",
            source="Kingma & Ba (2015), section 3, where initial steps are much larger without it; "
            "the factor follows from Algorithm 1",
            citation="kingma2015",
            study=Correction(digits_mlp, adam, adam_uncorrected, looked=(1, 2, 5, 10, 100, 1000)),
        ),
        Card(
            name="adam-scale",
            row="R7",
            claim="Multiplying the loss by a constant c leaves Adam's training as it is, and "
            "changes SGD's.",
            source="Kingma & Ba (2015), section 2.1: with ε = 0 the effective step does not depend "
            "on the scale of the gradients",
            citation="kingma2015",
            study=Invariance(
                digits_mlp,
                kept=adam,
                changed=sgd,
                rates={"adam": 1e-3, "sgd": 0.1},
                factors=(1e-6, 1e-4, 1e-2, 1e2, 1e4),
                steps=320,
                remark="To multiply the loss by c is for Adam the same as to divide ε by c: with "
                "ε = 1e-08 and c = 1e-06 it is an ε of 0.01.",
            ),
        ),
        Card(
            name="adam-sgdm-digits",
            row="R8",
            claim="Adam reaches a training loss of 0.1 in fewer steps than SGDM with λ = 0.9, each "
            "with its best learning rate.",
            source="Kingma & Ba (2015), section 6, by the training cost on MNIST and CIFAR-10, "
            "there against SGD with Nesterov's momentum",
            citation="kingma2015",
            study=_race(rival=sgdm, champion=adam, rates=_own_rates, whole=False),
        ),
        Card(
            name="adam-rmsprop-digits",
            row="R7",
            claim="Adam reaches a training loss of 0.1 in fewer steps than RMSProp with "
            "β₂ = 0.99, each with its best learning rate.",
            source="Kingma & Ba (2015), section 6, by the training cost of logistic regression on "
            "texts and of a network with two hidden layers on MNIST",
            citation="kingma2015",
            study=_race(rival=rmsprop, champion=adam, rates=_own_rates, hyper={}, whole=False),
        ),
        Card(
            name="rare-gradients",
            row="R10",
            claim="Late in training one mini-batch in a hundred has a gradient that is at least "
            "ten times as long as the median one, on images with two networks.",
            source="Reddi, Kale & Kumar (2018), section 1, where some mini-batches have large "
            "gradients that say much, but rarely; the lecture puts it late in training; the bounds "
            "are ours",
            citation="reddi2018",
            study=Rarity((digits_mlp, digits_cnn), adam, lr=0.005, steps=640, early=32),
        ),
        Card(
            name="adam-counter-example",
            row="R11",
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
            name="adam-counter-random",
            row="R11",
            claim="On the stochastic problem of Reddi et al. Adam with β₁ = 0.9 and β₂ = 0.99 ends "
            "nearer to the worst point than to the best, whatever the learning rate; AMSGrad does "
            "not.",
            source="Reddi, Kale & Kumar (2018), Theorem 3 and the synthetic experiment",
            citation="reddi2018",
            study=CounterExample(
                reddi_stochastic,
                misled=adam,
                sound=amsgrad,
                rates=(0.003, 0.01, 0.03, 0.1, 0.3),
                steps=10000,
                every=50,
                tail=100,
                hyper={"beta1": 0.9, "beta2": 0.99},
            ),
        ),
        Card(
            name="amsgrad-burst",
            row="R11",
            claim="After a burst of huge gradients AMSGrad's effective learning rate stays down; "
            "Adam's comes back.",
            source="the lecture, which calls AMSGrad's learning rate monotone and names Adagrad; "
            "Reddi, Kale & Kumar (2018), section 4, where the rate does not rise",
            citation="reddi2018",
            study=Lasting(adam, amsgrad, averages=(0.9, 0.99, 0.999)),
        ),
        Card(
            name="amsgrad-adam-digits",
            row="R11",
            claim="AMSGrad reaches a training loss of 0.1 in fewer steps than Adam, each with its "
            "best learning rate.",
            source="Reddi, Kale & Kumar (2018), section 5, who report lower training losses on "
            "MNIST and CIFAR-10 after the same number of steps",
            citation="reddi2018",
            study=_race(rival=adam, champion=amsgrad, rates=_own_rates, hyper={}, whole=False),
        ),
        Card(
            name="swats-both",
            row="R9",
            claim="SWATS gets both: with its own tolerance of 1e-9 it takes at most 1.1 times "
            "Adam's steps to a training loss of 0.1, and ends with a test loss of at most 1.01 "
            "times SGDM's, each tuned.",
            source="Keskar & Socher (2017), section 3, by the test error and the perplexity over "
            "300 epochs: nearly as good as the better of SGD and Adam in all tasks, with a good "
            "start in several; the bounds are ours",
            citation="keskar2017",
            study=Switching(
                digits_mlp,
                fast=adam,
                fine=sgdm,
                both=swats,
                rates={
                    "adam": tuple(2.0**k for k in range(-9, -4)),
                    "sgdm": tuple(2.0**k for k in range(-7, -2)),
                    "swats": tuple(2.0**k for k in range(-9, -4)),
                },
                target=0.1,
                steps=320,
                wide=0.01,
                hyper={"momentum": 0.9},
            ),
        ),
        Card(
            name="adam-and-sgdm",
            row="R8",
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
                grids=_grids,
                steps=300,
            ),
            kept_with="adam-gap",
        ),
        Card(
            name="adam-gap",
            row="R8",
            claim="Adam ends with a larger generalization gap, the test loss less the training "
            "loss, than SGDM: with a network of two layers and a convolutional one on images, and "
            "with a Transformer on text, each tuned.",
            source="Wilson, Roelofs, Stern, Srebro & Recht (2017), section 4, who find that "
            "adaptive methods generalize worse even where they train better; the lecture repeats "
            "it as a larger gap",
            citation="wilson2017",
            study=Contrast(
                (digits_mlp, digits_cnn, topics_transformer),
                larger=adam,
                smaller=sgdm,
                quantity="gap",
                grids=_grids,
                steps=300,
            ),
        ),
        Card(
            name="sgdm-ends-lower",
            row="R8",
            claim="On images SGDM ends with a lower test loss than Adam, with a network of two "
            "layers and with a convolutional one, each tuned.",
            source="Wilson, Roelofs, Stern, Srebro & Recht (2017), section 4, by the test error of "
            "deep networks; the lecture asks whether SGDM converges better",
            citation="wilson2017",
            study=Contrast(
                (digits_mlp, digits_cnn),
                larger=adam,
                smaller=sgdm,
                quantity="test_loss",
                grids=_grids,
                steps=300,
            ),
            kept_with="adam-gap",
        ),
        Card(
            name="adam-unstable",
            row="R8",
            claim="Adam is less stable than SGDM: a rate four times too small or too large costs "
            "it more test loss, and its seeds lie farther apart.",
            source="the lecture, which calls Adam unstable and SGDM stable and shows curves of "
            "Luo, Xiong, Liu & Sun (2019); how that is measured is our reading",
            citation="luo2019",
            study=Robustness(
                digits_mlp,
                touchy=adam,
                steady=sgdm,
                pairs=(("lr", "lr"), ("seed", "seed")),
                rates=_own_rates,
                factors=(0.25, 4.0),
                steps=320,
                hyper={"momentum": 0.9},
            ),
        ),
        Card(
            name="adabound-sensitivity",
            row="R12",
            claim="AdaBound hardly depends on its rates: a learning rate, or a final rate, that is "
            "four times too small or too large costs it less test loss than a learning rate that "
            "is as wrong costs SGDM.",
            source="Luo, Xiong, Liu & Sun (2019), whose published code says that AdaBound is not "
            "very sensitive to its hyperparameters; that SGDM is more so is our reading",
            citation="luo2019",
            study=Robustness(
                digits_mlp,
                touchy=sgdm,
                steady=adabound_po,
                pairs=(("lr", "lr"), ("lr", "final_lr")),
                rates=_own_rates,
                factors=(0.25, 4.0),
                steps=320,
                hyper={"momentum": 0.9},
            ),
        ),
        Card(
            name="range-test-rate",
            row="R13",
            claim="With SGDM and with Adam, on two networks for images and a Transformer for text, "
            "the rate that one range test suggests, where the smoothed loss falls most steeply, "
            "is in most runs within a factor of three of the best of a grid.",
            source="Smith (2017), section 3.3, for the test, which he reads for two bounds; the "
            "steepest fall is what libraries take for one rate; the factor of three is ours",
            citation="smith2017",
            study=Suggestion(
                (digits_mlp, digits_cnn, topics_transformer),
                rules=(sgdm, adam),
                rates={
                    "sgdm": tuple(2.0**k for k in range(-7, 1)),
                    "adam": tuple(2.0**k for k in range(-10, -2)),
                },
                steps=200,
                hyper={"momentum": 0.9},
            ),
        ),
        Card(
            name="cyclical-rates",
            row="R14",
            claim="After the same number of steps cyclical rates end with a lower test loss than "
            "a constant rate and than two plain decays, each with its best peak.",
            source="Smith (2017), abstract: better accuracy than with fixed rates, without tuning "
            "and often in fewer steps; the comparison with decays that are tuned as well is ours",
            citation="smith2017",
            study=_schedules(champion="cyclical"),
        ),
        Card(
            name="warm-restarts",
            row="R15",
            claim="After the same number of steps a cosine with warm restarts ends with a lower "
            "test loss than a constant rate and than two plain decays, each with its best peak.",
            source="Loshchilov & Hutter (2017), abstract and section 4, by the test error of wide "
            "residual networks on CIFAR-10 and CIFAR-100, against step decay",
            citation="loshchilov2017",
            study=_schedules(champion="restarts"),
            kept_with="cyclical-rates",
        ),
        Card(
            name="one-cycle",
            row="R16",
            claim="After the same number of steps one cycle ends with a lower test loss than a "
            "constant rate and than two plain decays, each with its best peak.",
            source="Smith (2018), section 4, and Smith & Topin (2019), by the test accuracy, "
            "against a rate that is lowered in steps",
            citation="smith2018",
            study=_schedules(champion="one cycle"),
            kept_with="cyclical-rates",
        ),
        Card(
            name="super-convergence",
            row="R16",
            claim="With one cycle an eighth of the steps is enough for the test loss at which step "
            "decay ends, each with its best peak.",
            source="Smith & Topin (2019), section 1: 92.4 percent of CIFAR-10 right after 10,000 "
            "steps of one cycle, and 91.2 after 80,000 with a rate that is lowered in steps",
            citation="smith2019",
            study=Sooner(
                digits_cnn,
                champion="one cycle",
                rival="step decay",
                steps=480,
                parts=(8, 4, 2),
                tempo=_tempo,
            ),
        ),
        Card(
            name="warmup-gradients",
            row="R17",
            claim="Without warm-up Adam's gradients on a Transformer shrink to less than half of "
            "their size at the start within ten steps; with warm-up they do not.",
            source="Liu, Jiang, He, Chen, Liu, Gao & Han (2020), section 2 and Figure 2, a "
            "Transformer on translation: without warm-up the histogram of the gradients' "
            "magnitudes is distorted within 10 updates, its mass at rather small values. That "
            "half counts as distorted is ours",
            citation="liu2020",
            study=Distortion(topics_transformer, rates=_warm_rates, plan=Plan(adam, steps=200)),
        ),
        Card(
            name="warmup-needed",
            row="R17",
            claim="Adam needs warm-up to train a Transformer: with it the test loss ends lower "
            "than without, each with its best rate.",
            source="Liu, Jiang, He, Chen, Liu, Gao & Han (2020), sections 1 and 2 and Figure 1, by "
            "the training loss of translation, which warm-up takes from around 10 to around 3; the "
            "lecture asks whether Adam needs it. That both are tuned, and the bounds, are ours",
            citation="liu2020",
            study=Warming(
                topics_transformer,
                digits_mlp,
                rates=_warm_rates,
                beside_rates=tuple(2.0**k for k in range(-8, -3)),
                plan=Plan(adam, steps=200),
            ),
        ),
        Card(
            name="radam-variance",
            row="R18",
            claim="With rectification the variance of the adaptive rate is what it is at the end, "
            "from the first rectified step on; without it, it is far larger in the first steps.",
            source="Liu et al. (2020), on the variance of the adaptive rate and its rectification; "
            "the bounds are ours",
            citation="liu2020",
            # A tenth of the usual memory, so that the end comes after a tenth of the steps: what
            # counts early on is the step, and later t (1 - beta2).
            study=Rectification(
                digits_mlp,
                plain=adam,
                rectified=radam,
                looked=(5, 6, 8, 12, 20, 50, 100, 200),
                steps=1000,
                beta2=0.99,
            ),
        ),
        Card(
            name="radam-sensitivity",
            row="R18",
            claim="A learning rate that is four times too small or too large costs RAdam less test "
            "loss than it costs Adam.",
            source="Liu et al. (2020), whose repository says that RAdam works for a broader range "
            "of learning rates; how that is measured is our reading",
            citation="liu2020",
            # With beta2 = 0.99 the rectification is over in the first half of the steps; with the
            # usual 0.999 it would not be over at the end.
            study=Robustness(
                digits_mlp,
                touchy=adam,
                steady=radam,
                pairs=(("lr", "lr"),),
                rates={"adam": _powers(-20), "radam": _powers(-20)},
                factors=(0.25, 4.0),
                steps=320,
                hyper={"beta2": 0.99},
            ),
        ),
        Card(
            name="radam-warmup",
            row="R18",
            claim="RAdam ends with the same test loss as Adam with a linear warm-up, within 2 %, "
            "each tuned by as many settings.",
            source="Ma & Yarats (2021), who find hardly any difference in typical tasks between "
            "RAdam and Adam with an untuned warm-up; here it is tuned",
            citation="ma2021",
            # As above; 200 steps are the 2 / (1 - beta2) of Ma and Yarats.
            study=Tempered(
                topics_transformer,
                bare=radam,
                warmed=adam,
                lengths=(1, 60, 200),
                rates={
                    "radam": tuple(0.0075 * 2 ** (2 * k / 7) for k in range(15)),
                    "adam": (0.0075, 0.015, 0.03, 0.06, 0.12),
                },
                steps=300,
                hyper={"beta2": 0.99},
            ),
        ),
        Card(
            name="switch-time",
            row="R19",
            claim="RAdam leaves its beginning at the same step in every run; SWATS, with a "
            "tolerance at which it does switch, at steps that differ between seeds by more than a "
            "factor of two.",
            source="the lecture, whose table of the two asks when each switches: Liu et al. (2020) "
            "by the step alone, Keskar & Socher (2017) by what the gradients show. That a factor "
            "of two counts is ours",
            citation="keskar2017",
            study=Leaving(
                (digits_mlp, digits_cnn),
                fixed=radam,
                free=swats,
                lr={"radam": 2.0**-6, "swats": 2.0**-7},
                steps=320,
                hyper={"tol": 0.003},
            ),
        ),
        Card(
            name="lookahead-stable-sgdm",
            row="R20",
            claim="A learning rate that is four times too small or too large costs Lookahead "
            "around SGDM less test loss than it costs SGDM.",
            source="Zhang, Lucas, Hinton & Ba (2019), section 1, who find Lookahead less sensitive "
            "to hyper-parameters, and their experiments on robustness to the inner optimizer; how "
            "that is measured is our reading",
            citation="zhang2019",
            study=_stability(
                touchy=sgdm,
                steady=_lookahead_sgdm,
                hyper={"momentum": 0.9, "k": 5, "alpha": 0.5},
            ),
        ),
        Card(
            name="lookahead-stable-adam",
            row="R20",
            claim="A learning rate that is four times too small or too large costs Lookahead "
            "around Adam less test loss than it costs Adam.",
            source="Zhang, Lucas, Hinton & Ba (2019), section 1, who find Lookahead less sensitive "
            "to hyper-parameters; how that is measured is our reading",
            citation="zhang2019",
            study=_stability(touchy=adam, steady=_lookahead_adam, hyper={"k": 5, "alpha": 0.5}),
        ),
        Card(
            name="lookahead-flatness",
            row="R20",
            claim="Lookahead finds flatter minima: around SGDM and around Adam, each tuned, the "
            "largest eigenvalue of the Hessian is lower than without it, at the end and at equal "
            "training loss.",
            source="the lecture; Zhang, Lucas, Hinton & Ba (2019) speak of variance and of "
            "convergence. That the largest eigenvalue decides, and at equal loss too, is ours",
            citation="zhang2019",
            study=Flatness(
                digits_mlp,
                pairs=((sgdm, _lookahead_sgdm), (adam, _lookahead_adam)),
                rates={
                    "sgdm": tuple(2.0**k for k in range(-7, -2)),
                    "lookahead_sgdm": tuple(2.0**k for k in range(-6, -1)),
                    "adam": tuple(2.0**k for k in range(-9, -4)),
                    "lookahead_adam": tuple(2.0**k for k in range(-8, -3)),
                },
                target=0.1,
                steps=400,
                every=40,
            ),
        ),
        Card(
            name="nadam-faster",
            row="R21",
            claim="Nadam reaches a training loss of 0.1 in fewer steps than Adam, each with its "
            "best learning rate.",
            source="Dozat (2016), by the training and validation loss of an autoencoder on MNIST, "
            "one task; its box lets the momentum change from step to step, and here it is constant",
            citation="dozat2016",
            study=_race(rival=adam, champion=nadam, rates=_nadam_rates, hyper={}),
        ),
        Card(
            name="nadam-faster-cnn",
            row="R21",
            claim="With a convolutional network, too, Nadam needs fewer steps than Adam to a "
            "training loss of 0.1, each with its best learning rate.",
            source="Dozat (2016), by the training and validation loss of an autoencoder on MNIST; "
            "that it is so on other tasks is our question",
            citation="dozat2016",
            # A run costs ten times as much, so the grid is half as long, around Adam's best rate.
            study=_race(
                task=digits_cnn,
                rival=adam,
                champion=nadam,
                rates=_powers(-13, 7),
                hyper={},
                steps=120,
                tuning_seeds=6,
                whole=False,
            ),
        ),
        Card(
            name="nadam-nag",
            row="R21",
            claim="Nadam reaches a training loss of 0.1 in fewer steps than NAG with λ = 0.9, "
            "each with its best learning rate.",
            source="Dozat (2016), by the training and validation loss of an autoencoder on MNIST, "
            "where NAG is one of the rivals",
            citation="dozat2016",
            study=_race(
                rival=nag,
                champion=nadam,
                rates=_nadam_rates,
                whole=False,
                remark="for both the loss at the look-ahead point, where they take the gradient",
            ),
        ),
        Card(
            name="decoupling-unties",
            row="R22",
            claim="Decoupling unties decay and rate: when the rate is divided or multiplied by "
            "four and the decay is kept, AdamW loses less against the best decay of the new rate "
            "than Adam with L2 does, in the libraries' form and in the paper's.",
            source="Loshchilov & Hutter (2019), section 4 and Figures 1 and 2, where AdamW has the "
            "more separable space of hyper-parameters, most so with a schedule; how that is "
            "measured is ours",
            citation="loshchilov2019",
            study=Untied(
                digits_few,
                coupled=_l2_adam,
                decoupled=adamw,
                rates=tuple(2.0**k for k in range(-10, -2)),
                decays={
                    "l2_adam": tuple(2.0**k for k in range(-12, -2)),
                    "adamw": tuple(2.0**k for k in range(-6, 4)),
                },
                steps=400,
            ),
        ),
        Card(
            name="adamw-generalizes",
            row="R22",
            claim="AdamW ends with a lower test loss than Adam with L2, each with its best rate "
            "and its best decay.",
            source="Loshchilov & Hutter (2019), abstract and section 4.3, by the test error of "
            "residual networks on CIFAR-10 and ImageNet32x32",
            citation="loshchilov2019",
            study=Contrast(
                (digits_few,),
                larger=_l2_adam,
                smaller=adamw,
                quantity="test_loss",
                grids={"l2_adam": _decays, "adamw": _decays},
                steps=400,
                seeds=20,
            ),
        ),
        Card(
            name="shuffling",
            row="R23",
            claim="After the same number of steps shuffled epochs end with a lower test loss than "
            "examples drawn with replacement, and than one order for all epochs.",
            source="Bottou (2009), by the residual error, which with shuffled epochs fell about as "
            "fast as t⁻² where theory for examples drawn with replacement has t⁻¹; that it shows "
            "in a network's test loss, and the third variant, are our reading",
            citation="bottou2009",
            study=_versus(
                {
                    "shuffled anew": digits_whole,
                    "with replacement": partial(digits_whole, "drawn"),
                    "one order": partial(digits_whole, "once"),
                }
            ),
        ),
        Card(
            name="dropout",
            row="R23",
            claim="After the same number of steps dropout of half of the hidden units ends with a "
            "lower test loss than none.",
            source="Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov (2014), abstract, by "
            "the test error of large networks on many data sets",
            citation="srivastava2014",
            study=_versus({"dropout": partial(digits_mlp, dropout=0.5), "none": digits_mlp}),
        ),
        Card(
            name="gradient-noise",
            row="R23",
            claim="After the same number of steps gradients with noise of variance "
            "0.01 / (1 + t)^0.55 end with a lower test loss than gradients without.",
            source="Neelakantan, Vilnis, Le, Sutskever, Kaiser, Kurach & Martens (2015), abstract, "
            "for very deep and complex networks; 0.01 is the smallest of their three factors",
            citation="neelakantan2015",
            study=_versus({"noise": digits_noisy, "none": digits_mlp}),
        ),
        Card(
            name="curriculum",
            row="R23",
            claim="After the same number of steps a pool that grows, over the first half of them, "
            "from the easiest fifth of the examples to all ends with a lower test loss than all "
            "from the start, than a pool that grows as fast in a random order, and than one that "
            "begins with the hardest.",
            source="Bengio, Louradour, Collobert & Weston (2009), abstract; there for drawn shapes "
            "and for language; the random and the reversed order are controls of Wu, Dyer & "
            "Neyshabur (2021)",
            citation="bengio2009",
            study=_versus(
                {
                    "easy first": digits_curriculum,
                    "all from the start": digits_drawn,
                    "random order": partial(digits_curriculum, "random"),
                    "hard first": partial(digits_curriculum, "hard"),
                }
            ),
        ),
        Card(
            name="fine-tuning",
            row="R23",
            claim="On the digits 5 to 9, with ten images of each, a network that has learnt the "
            "digits 0 to 4 for 320 steps ends with a lower test loss than a network that begins at "
            "random, after the same number of steps on the new digits.",
            source="Yosinski, Clune, Bengio & Lipson (2014), abstract: to begin with transferred "
            "features can improve generalization even after fine-tuning; there on ImageNet",
            citation="yosinski2014",
            study=_versus({"pretrained": partial(digits_late, 0), "random start": digits_late}),
        ),
        Card(
            name="norm-largest-rate",
            row="R24",
            claim="With batch, layer or group normalization the largest usable learning rate of "
            "SGD is larger than without.",
            source="Bjorck, Gomes, Selman & Weinberger (2018), abstract, for batch normalization: "
            "it enables larger rates, and without it large updates diverge; the other two, and "
            "when a rate counts as usable, are ours",
            citation="bjorck2018",
            study=LargestRate(digits_cnn, sgd, rates=_powers(-6, 11), steps=160),
        ),
        Card(
            name="norm-smoothness",
            row="R24",
            claim="During training with batch normalization the loss varies less along the "
            "gradient than without, the gradient changes less, and the effective smoothness is "
            "smaller, over the same lengths.",
            source="Santurkar, Tsipras, Ilyas & Madry (2018), section 3 and Figure 4, a VGG "
            "network on CIFAR-10; the lengths, the medians and the bounds are ours",
            citation="santurkar2018",
            study=Smoothness(
                digits_cnn,
                sgd,
                rates=tuple(2.0**k for k in range(-4, 1)),
                lengths=tuple(0.05 * k for k in range(1, 9)),
                steps=160,
            ),
        ),
        Card(
            name="teams",
            row="R25",
            claim="On images the best of team SGD ends with a lower test loss than the best of "
            "team Adam, and on text the best of team Adam does, each optimizer tuned on each task.",
            source="the lecture, whose usual choices are SGDM for vision and Adam for language; "
            "Schmidt, Schneider & Hennig (2021), who find that no optimizer is ahead on all tasks",
            citation="schmidt2021",
            study=_tournament,
        ),
    )
)
"""All cards by name."""
