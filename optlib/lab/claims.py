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
from optlib.lab.floor import NoiseFloor
from optlib.lab.invariance import Invariance
from optlib.lab.lasting import Lasting
from optlib.lab.race import Race
from optlib.lab.recovery import Recovery
from optlib.lab.rectification import Rectification
from optlib.lab.robustness import Robustness
from optlib.lab.scheduling import Schedules, Sooner, Tempo
from optlib.lab.suggestion import Suggestion
from optlib.lab.switching import Switching
from optlib.lab.tempered import Tempered
from optlib.lab.warming import Distortion, Plan, Warming
from optlib.rules import adagrad, adam, amsgrad, nag, radam, rmsprop, sgd, sgdm, swats
from optlib.rules.dialects import adabound_po
from optlib.rules.terms import adam_uncorrected
from optlib.tasks import (
    digits_cnn,
    digits_mlp,
    digits_softmax,
    rare_features,
    reddi_online,
    reddi_stochastic,
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

cards = Cards(
    (card.name, card)
    for card in (
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
    )
)
"""All cards by name."""
