"""Claim cards of the part "Adam under the microscope"."""

from functools import partial

from optlab.card import Card
from optlab.claims.grids import OWN_RATES, cosine, digits_race, five_per_decade
from optlab.measures import AtEnd, AtLoss, StepsTo, UsableFactor
from optlab.studies.burst_memory import BurstMemory
from optlab.studies.counterexample import CounterExample
from optlab.studies.rare_gradients import RareGradients
from optlab.studies.robustness import Robustness
from optlab.studies.switching import Switching
from optlab.tasks import digits_cnn, digits_mlp, reddi_online, reddi_stochastic
from optlab.tasks.language import plays_transformer
from optlab.tasks.mnist1d import mnist1d_cnn, mnist1d_mlp
from optlab.trial import Arm, Difference, Ratio, Scatter, Trial
from optlib.rules import adam, adamw, amsgrad, nag, sgdm, swats
from optlib.rules.variants import adabound_po

# The lecture's comparison. Five rates to a decade, from far below the best to where nothing is
# learnt; what is tuned beside the rate takes its twelve settings around the best rates of Adam.
_steps = 3000
_fall = cosine(_steps)
_sgdm = Arm(sgdm, {"lr": five_per_decade(-11, 12)}, _fall)
_nag = Arm(nag, {"lr": five_per_decade(-11, 12)}, _fall)
_adam = Arm(adam, {"lr": five_per_decade(-15, 12)}, _fall)
_adamw = Arm(adamw, {"lr": five_per_decade(-9, 4), "weight_decay": (0.01, 0.1, 0.3)}, _fall)
_adam_eps = Arm(adam, {"lr": five_per_decade(-8, 4), "eps": (0.003, 0.01, 0.03)}, _fall)

_lecture = partial(
    Trial,
    tasks={"mnist1d_cnn": mnist1d_cnn, "mnist1d_mlp": mnist1d_mlp},
    arms={"SGDM": _sgdm, "NAG": _nag, "Adam": _adam},
    steps=_steps,
    records=30,
    seeds=20,
)

CARDS = (
    Card(
        name="rare-gradients",
        row="R10",
        claim="Late in training rare gradients are large: in at least half of the coordinates one "
        "mini-batch in a hundred has a gradient of more than ten times the median, on images with "
        "two networks.",
        source="Reddi, Kale & Kumar (2018), section 1, where some mini-batches have large "
        "gradients that say much, but rarely; the lecture puts it late in training; that it is "
        "asked of coordinates, as v is, and the bounds are ours",
        citation="reddi2018",
        study=RareGradients((digits_mlp, digits_cnn), adam, lr=0.005, steps=640, early=32),
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
        study=BurstMemory(adam, amsgrad, averages=(0.9, 0.99, 0.999)),
    ),
    Card(
        name="amsgrad-adam-digits",
        row="R11",
        claim="AMSGrad reaches a training loss of 0.1 in fewer steps than Adam, each with its "
        "best learning rate.",
        source="Reddi, Kale & Kumar (2018), section 5, who report lower training losses on "
        "MNIST and CIFAR-10 after the same number of steps",
        citation="reddi2018",
        study=digits_race(rival=adam, champion=amsgrad, rates=OWN_RATES, hyper={}, whole=False),
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
        name="adam-gap",
        row="R8",
        claim="At equal training loss Adam generalizes worse than SGDM: where the training loss "
        "has come down to 0.1, its test error is the higher one, each at its best rate.",
        source="Wilson, Roelofs, Stern, Srebro & Recht (2017), abstract and section 4: the "
        "solutions of adaptive methods generalize worse, even where they train better. The "
        "lecture repeats it as a larger gap; that the training loss is made equal is our reading",
        citation="wilson2017",
        study=_lecture(
            measure=AtLoss(target=0.1),
            claimed=(Difference("SGDM", "Adam"),),
            shown=(StepsTo(0.1), AtEnd("test_error")),
        ),
    ),
    Card(
        name="sgdm-ends-lower",
        row="R8",
        claim="After the same number of steps, with a rate that falls to zero, SGDM ends with a "
        "lower test error than Adam, each at its best rate.",
        source="Wilson, Roelofs, Stern, Srebro & Recht (2017), section 4, where deep networks "
        "end with a lower test error with SGD; the lecture asks whether SGDM converges better",
        citation="wilson2017",
        study=_lecture(
            measure=AtEnd(),
            claimed=(Difference("SGDM", "Adam"),),
            shown=(AtEnd("train_error"),),
            plotted=(),
        ),
        kept_with="adam-gap",
    ),
    Card(
        name="adam-faster",
        row="R8",
        claim="Adam reaches a training loss of 0.1 in fewer steps than SGD with Nesterov's "
        "momentum, each at its best rate for that.",
        source="Kingma & Ba (2015), sections 6.2 and 6.3, Figures 2 and 3, by the training cost "
        "of networks with two hidden layers and with convolutions; there SGD's momentum is "
        "Nesterov's",
        citation="kingma2015",
        study=_lecture(
            measure=StepsTo(0.1),
            claimed=(Ratio("Adam", "NAG"),),
            plotted=("train",),
        ),
        kept_with="adam-gap",
    ),
    Card(
        name="adam-unstable",
        row="R8",
        claim="Adam is less stable than SGDM: from study to study its test error at the end "
        "scatters more, each at its best rate.",
        source="Luo, Xiong, Liu & Sun (2019), abstract, who speak of unstable and extreme rates; "
        "the lecture calls Adam unstable and SGDM stable. How that is measured is our reading",
        citation="luo2019",
        study=_lecture(
            measure=AtEnd(),
            claimed=(Scatter("SGDM", "Adam"),),
            plotted=(),
        ),
        kept_with="adam-gap",
    ),
    Card(
        name="adam-usable-rates",
        row="R8",
        claim="Adam tolerates less than SGDM: a smaller multiple of its best rate is enough for "
        "nothing to be learnt.",
        source="the lecture, which shows curves of Luo, Xiong, Liu & Sun (2019) and calls Adam "
        "unstable and SGDM stable; this is a second reading of the word",
        citation="luo2019",
        study=_lecture(
            measure=UsableFactor(),
            claimed=(Ratio("Adam", "SGDM"),),
            plotted=(),
        ),
        kept_with="adam-gap",
    ),
    Card(
        name="adam-epsilon",
        row="R8",
        claim="ε closes the gap: with ε tuned too, among as many settings, Adam's test error at "
        "the end is lower than with ε = 10⁻⁸, and at most one point above SGDM's.",
        source="Choi, Shallue, Nado, Lee, Maddison & Dahl (2019), abstract and section 4: in "
        "their experiments, tuned in all that they have, more general methods never do worse "
        "than the ones that they contain. One knob, twelve settings and the point are ours",
        citation="choi2019",
        study=_lecture(
            tasks={"mnist1d_cnn": mnist1d_cnn},
            arms={"SGDM": _sgdm, "Adam": _adam, "AdamW": _adamw, "Adam, ε tuned": _adam_eps},
            measure=AtEnd(),
            claimed=(
                Difference("Adam, ε tuned", "Adam"),
                Difference("Adam, ε tuned", "SGDM", margin=-1.0),
            ),
            shown=(AtLoss(target=0.1), AtEnd("train_error")),
        ),
        kept_with="adam-gap",
    ),
    Card(
        name="adam-on-text",
        row="R8",
        claim="On text, with a Transformer, it is the other way round: after the same number of "
        "steps Adam ends with a lower test loss than SGDM, each tuned.",
        source="Zhang, Karimireddy, Veit, Kim, Reddi, Kumar & Sra (2020), abstract: on attention "
        "models SGD does worse than Adam",
        citation="zhang2020adaptive",
        study=Trial(
            tasks={"plays_transformer": plays_transformer},
            arms={
                "SGDM": Arm(sgdm, {"lr": five_per_decade(-6, 12)}, cosine(600)),
                "Adam": Arm(adam, {"lr": five_per_decade(-13, 12)}, cosine(600)),
            },
            measure=AtEnd("test_loss"),
            claimed=(Difference("Adam", "SGDM"),),
            steps=600,
            records=12,
            shown=(AtEnd("train_loss"), AtEnd("test_error")),
            in_range="a network of attention layers that learns from text",
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
            rates=OWN_RATES,
            factors=(0.25, 4.0),
            steps=320,
            hyper={"momentum": 0.9},
        ),
    ),
)
