"""Claim cards of the part "Looking ahead, decay, and the rest"."""

from functools import partial
from typing import Any

from optlab.card import Card
from optlab.claims.grids import cosine, digits_race, five_per_decade, powers
from optlab.measures import AtEnd, Mistuned, OneByOne
from optlab.studies.comparison import SettingsGrid
from optlab.studies.flatness import Flatness
from optlab.studies.normalization import LargestRate, Smoothness
from optlab.studies.tournament import Tournament
from optlab.studies.untested import Untested
from optlab.tasks import (
    digits_cnn,
    digits_mlp,
    digits_softmax,
    rare_features,
    topics_transformer,
)
from optlab.tasks.mnist1d import mnist1d_cnn, mnist1d_mislabelled
from optlab.tasks.regimes import mnist_deep, mnist_in_order, mnist_late, softmax_in_order
from optlab.tasks.vision import mnist_few
from optlab.trial import Arm, Difference, Ratio, Trial
from optlib.rule import Rule
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
from optlib.rules.variants import adamw_paper

# Nadam's grid is Adam's, NAG's the one of its own race.
_nadam_rates = {"adam": powers(-20), "nadam": powers(-20), "nag": powers(-10)}


# What is measured are the slow weights: all steps that are looked at are multiples of k = 5.
_lookahead_sgdm, _lookahead_adam = lookahead(sgdm), lookahead(adam)


def _stability(rules: dict[str, Rule], first: int) -> Trial:
    """A rule alone and inside Lookahead, with nine rates a factor of 2 apart, from 2 ** first."""
    alone, ahead = rules
    grid = {"lr": tuple(2.0**k for k in range(first, first + 9))}
    return Trial(
        tasks={"mnist1d_cnn": mnist1d_cnn},
        arms={name: Arm(rule, grid, cosine(1000)) for name, rule in rules.items()},
        measure=Mistuned(),
        claimed=(Difference(ahead, alone),),
        steps=1000,
        shown=(Mistuned(factor=0.5), AtEnd()),
        plotted=(),
    )


_images = (digits_mlp, digits_cnn)


def _tuned(first: int, **nuisance: tuple[float, float]) -> SettingsGrid:
    """Four peak rates a factor of 2 apart, from 2 ** first, with two values of something else.

    Or, where an optimizer has nothing else, eight peak rates a factor of √2 apart.
    """
    if not nuisance:
        return {"lr": powers(2 * first, 8)}
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


_l2_adam = l2(adam)


# A map of rate and decay for each, two values to a decade. In the paper's form a decay is not
# multiplied by the rate, so that its grid begins a hundred times lower.
_COUPLED, _LIBRARY, _PAPER = "Adam with L2", "AdamW, libraries", "AdamW, paper"
_fall = cosine(1000)


def _halves(first: int, count: int = 6) -> tuple[float, ...]:
    """Values two to a decade, from 10 ** (first / 2), to one digit."""
    return tuple(float(f"{10 ** (k / 2):.1g}") for k in range(first, first + count))


def _thirds(first: int, count: int) -> tuple[float, ...]:
    """Values three to a decade, from 10 ** (first / 3), to two digits."""
    return tuple(float(f"{10 ** (k / 3):.2g}") for k in range(first, first + count))


_decay = partial(
    Trial,
    tasks={"mnist1d_mislabelled": mnist1d_mislabelled},
    arms={
        _COUPLED: Arm(_l2_adam, {"lr": _halves(-6, 5), "weight_decay": _halves(-6)}, _fall),
        _LIBRARY: Arm(adamw, {"lr": _halves(-6, 5), "weight_decay": _halves(-3)}, _fall),
        _PAPER: Arm(adamw_paper, {"lr": _halves(-6, 5), "weight_decay": _halves(-7)}, _fall),
    },
    steps=1000,
    records=10,
)


# The weight of the L2 term is the least curvature there is.
def falling(step: Any, *, lr: Any, l2: float) -> Any:
    """A rate that falls as 1 / (`l2` * `step`) in the end, as theory wants it."""
    return lr / (1 + l2 * lr * step)


_curriculum = partial(
    Trial,
    arms={
        name: Arm(sgdm, {"lr": _halves(-6, 5)}, cosine(200), options={"first": first})
        for name, first in (
            ("easy first", "easy"),
            ("all from the start", "all"),
            ("random order", "random"),
            ("hard first", "hard"),
        )
    },
    measure=AtEnd(),
    claimed=(
        Difference("easy first", "all from the start"),
        Difference("easy first", "random order"),
    ),
    steps=200,
    records=10,
    shown=(AtEnd("train_error"),),
    plotted=("test",),
)


CARDS = (
    Card(
        name="lookahead-stable-sgdm",
        row="R20",
        claim="A learning rate that is twice as large as the best one costs Lookahead around SGDM "
        "less test error than it costs SGDM.",
        source="Zhang, Lucas, Hinton & Ba (2019), section 1, who find Lookahead less sensitive "
        "to hyper-parameters, and section 2, that it benefits from a larger rate inside; how "
        "that is measured is our reading",
        citation="zhang2019",
        study=_stability({"SGDM": sgdm, "Lookahead": _lookahead_sgdm}, first=-7),
    ),
    Card(
        name="lookahead-stable-adam",
        row="R20",
        claim="A learning rate that is twice as large as the best one costs Lookahead around Adam "
        "less test error than it costs Adam.",
        source="Zhang, Lucas, Hinton & Ba (2019), sections 1 and 2, as for SGDM",
        citation="zhang2019",
        study=_stability({"Adam": adam, "Lookahead": _lookahead_adam}, first=-10),
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
        study=Untested(
            Flatness(
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
            reason="a coarse grid gave SGDM and the wrapper around it the same rate, so that the "
            "wrapper's training is not as far, and the sharpness falls with the training loss",
            needed="rates on a finer grid, runs compared at equal training loss all along, and "
            "networks that have settled",
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
        study=digits_race(rival=adam, champion=nadam, rates=_nadam_rates, hyper={}),
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
        study=digits_race(
            task=digits_cnn,
            rival=adam,
            champion=nadam,
            rates=powers(-13, 7),
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
        study=digits_race(
            rival=nag,
            champion=nadam,
            rates=_nadam_rates,
            whole=False,
            remark="for both the loss at the look-ahead point, where they take the gradient",
        ),
    ),
    Card(
        name="adamw-generalizes",
        row="R22",
        claim="AdamW ends with a lower test error than Adam with L2, each with its best rate and "
        "its best decay, in the paper's form and in the libraries'.",
        source="Loshchilov & Hutter (2019), abstract and section 4.3, by the test error of "
        "residual networks with batch normalization on CIFAR-10 and ImageNet32x32, in the "
        "paper's form; the libraries' form is our question",
        citation="loshchilov2019",
        study=_decay(
            measure=AtEnd(),
            claimed=(Difference(_PAPER, _COUPLED), Difference(_LIBRARY, _COUPLED)),
            shown=(AtEnd("train_error"),),
        ),
    ),
    Card(
        name="decoupling-unties",
        row="R22",
        claim="Decoupling unties decay and rate: to tune one after the other costs less with "
        "AdamW than with Adam and L2, in the paper's form and in the libraries'.",
        source="Loshchilov & Hutter (2019), sections 4.1 and 4.2, Figures 1 and 2, where the "
        "space of hyper-parameters is more separable, so that one can be tuned without the "
        "other; how that is measured is ours, and so is the question about the libraries' form",
        citation="loshchilov2019",
        study=_decay(
            measure=OneByOne(),
            claimed=(Difference(_PAPER, _COUPLED), Difference(_LIBRARY, _COUPLED)),
            plotted=(),
        ),
        kept_with="adamw-generalizes",
    ),
    Card(
        name="shuffling",
        row="R23",
        claim="Near the lowest point of a strongly convex loss shuffled epochs leave less of the "
        "training loss above its minimum than examples drawn with replacement, and than one order "
        "for all epochs.",
        source="Bottou (2009), by the residual error of a linear classifier, which with shuffled "
        "epochs fell about as fast as t⁻² where theory for examples drawn with replacement has "
        "t⁻¹; that the excess is compared after equal steps is ours",
        citation="bottou2009",
        study=Trial(
            tasks={"softmax": softmax_in_order},
            arms={
                name: Arm(
                    sgd, {"lr": _halves(-3, 5)}, partial(falling, l2=0.01), options={"order": order}
                )
                for name, order in (
                    ("shuffled anew", "anew"),
                    ("one order", "once"),
                    ("with replacement", "drawn"),
                )
            },
            measure=AtEnd("excess_loss"),
            claimed=(
                Ratio("shuffled anew", "with replacement"),
                Ratio("shuffled anew", "one order"),
            ),
            steps=10_000,
            shown=(AtEnd("test_error"),),
            plotted=("excess",),
            in_range="a linear classifier with an L2 term, rates that fall as 1/t, many epochs",
        ),
    ),
    Card(
        name="dropout",
        row="R23",
        claim="With few images dropout of a quarter and of a half of the hidden units ends with a "
        "lower test error than none, with right labels and with a fifth of them wrong.",
        source="Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov (2014), abstract, by "
        "the test error of large networks on many data sets; the wrong labels are ours",
        citation="srivastava2014",
        study=Trial(
            tasks={
                "mnist_few": mnist_few,
                "mnist_few, a fifth wrong": partial(mnist_few, wrong=0.2),
            },
            arms={
                name: Arm(sgdm, {"lr": _thirds(-11, 9)}, cosine(600), options=options)
                for name, options in (
                    ("none", {}),
                    ("a quarter", {"dropout": 0.25}),
                    ("a half", {"dropout": 0.5}),
                )
            },
            measure=AtEnd(),
            claimed=(Difference("a quarter", "none"), Difference("a half", "none")),
            steps=600,
            records=10,
            shown=(AtEnd("train_error"),),
            plotted=("test",),
        ),
    ),
    Card(
        name="gradient-noise",
        row="R23",
        claim="From a poor start a network of 20 layers ends with a lower test error if its "
        "gradients have noise of variance c / (1 + t)^0.55, with each of c = 0.01, 0.3 and 1.",
        source="Neelakantan, Vilnis, Le, Sutskever, Kaiser, Kurach & Martens (2015), abstract: "
        "noise alone lets a fully connected network of 20 layers be trained by gradient descent, "
        "even from a poor start; they choose the best of the three c, and here each is asked",
        citation="neelakantan2015",
        study=Trial(
            tasks={"mnist_deep": mnist_deep},
            arms={
                name: Arm(sgd, {"lr": five_per_decade(-9, 7)}, options=options)
                for name, options in (
                    ("no noise", {}),
                    ("c = 0.01", {"noise": 0.01}),
                    ("c = 0.3", {"noise": 0.3}),
                    ("c = 1", {"noise": 1.0}),
                    ("no noise, good start", {"std": None}),
                )
            },
            measure=AtEnd(),
            claimed=tuple(
                Difference(name, "no noise") for name in ("c = 0.01", "c = 0.3", "c = 1")
            ),
            steps=2000,
            shown=(AtEnd("train_error"),),
            plotted=("test",),
            in_range="20 layers, a poor start, plain SGD, their three variances",
        ),
    ),
    Card(
        name="curriculum",
        row="R23",
        claim="A pool that grows, over the first half of the steps, from the easiest fifth of the "
        "examples to all ends with a lower test error than all from the start, and than a pool "
        "that grows as fast in a random order.",
        source="Bengio, Louradour, Collobert & Weston (2009), abstract; there for drawn shapes "
        "and for language. The random order is a control of Wu, Dyer & Neyshabur (2021)",
        citation="bengio2009",
        study=_curriculum({"mnist_in_order": mnist_in_order}),
    ),
    Card(
        name="curriculum-wrong-labels",
        row="R23",
        claim="With two fifths of the labels wrong a pool that grows, over the first half of the "
        "steps, from the easiest fifth of the examples to all ends with a lower test error than "
        "all from the start, and than a pool that grows as fast in a random order.",
        source="Wu, Dyer & Neyshabur (2021), abstract: a curriculum, and not its reverse, can help "
        "with little time or wrong labels; there on photographs",
        citation="wu2021",
        study=_curriculum({"mnist_in_order, two fifths wrong": partial(mnist_in_order, wrong=0.4)}),
        kept_with="curriculum",
    ),
    Card(
        name="fine-tuning",
        row="R23",
        claim="On the digits 5 to 9, with ten images of each, a network that has learnt the "
        "digits 0 to 4 ends with a lower test error than one that begins at random; with two "
        "hidden layers, and with convolutions.",
        source="Yosinski, Clune, Bengio & Lipson (2014), abstract: to begin with transferred "
        "features can improve generalization even after fine-tuning; there on ImageNet",
        citation="yosinski2014",
        study=Trial(
            tasks={
                "mnist_late": mnist_late,
                "mnist_late, convolutions": partial(mnist_late, convolutional=True),
            },
            arms={
                name: Arm(sgdm, {"lr": _halves(-7)}, cosine(200), options=options)
                for name, options in (
                    ("random start", {}),
                    ("after 0 to 4", {"learnt": 0}),
                    ("after 0 to 4, frozen", {"learnt": 0, "frozen": True}),
                    ("after 5 to 9", {"learnt": 5}),
                )
            },
            measure=AtEnd(),
            claimed=(Difference("after 0 to 4", "random start"),),
            steps=200,
            records=10,
            shown=(AtEnd("train_error"),),
            plotted=("test",),
        ),
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
        study=LargestRate(digits_cnn, sgd, rates=powers(-6, 11), steps=160),
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
