"""Claim cards of the part "Adam under the microscope"."""

from optlab.card import Card
from optlab.claims.grids import OWN_RATES, digits_race
from optlab.studies.burst_memory import BurstMemory
from optlab.studies.comparison import Comparison, SettingsGrid
from optlab.studies.contrast import Contrast
from optlab.studies.counterexample import CounterExample
from optlab.studies.rare_gradients import RareGradients
from optlab.studies.robustness import Robustness
from optlab.studies.switching import Switching
from optlab.tasks import digits_cnn, digits_mlp, reddi_online, reddi_stochastic, topics_transformer
from optlib.rules import adam, amsgrad, sgdm, swats
from optlib.rules.variants import adabound_po

# As many settings for both: 4 rates, and 2 values of what else matters most to each.
_grids: dict[str, SettingsGrid] = {
    "sgdm": {"lr": (0.1, 0.2, 0.4, 0.8), "momentum": (0.9, 0.95)},
    "adam": {"lr": (0.0075, 0.015, 0.03, 0.06), "beta2": (0.99, 0.999)},
}


CARDS = (
    Card(
        name="rare-gradients",
        row="R10",
        claim="Late in training one mini-batch in a hundred has a gradient that is at least "
        "ten times as long as the median one, on images with two networks.",
        source="Reddi, Kale & Kumar (2018), section 1, where some mini-batches have large "
        "gradients that say much, but rarely; the lecture puts it late in training; the bounds "
        "are ours",
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
            rates=OWN_RATES,
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
            rates=OWN_RATES,
            factors=(0.25, 4.0),
            steps=320,
            hyper={"momentum": 0.9},
        ),
    ),
)
