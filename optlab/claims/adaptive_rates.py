"""Claim cards of the part "A rate for each coordinate"."""

from optlab.card import Card
from optlab.claims.grids import OWN_RATES, digits_race, powers
from optlab.studies.bias_correction import BiasCorrection
from optlab.studies.burst_recovery import BurstRecovery
from optlab.studies.race import Race
from optlab.studies.scale_invariance import ScaleInvariance
from optlab.tasks import digits_mlp, rare_features
from optlib.rules import adagrad, adam, rmsprop, sgd
from optlib.rules.terms import adam_uncorrected

CARDS = (
    Card(
        name="adagrad-burst",
        row="R5",
        claim="After a burst of huge gradients that leaves V in the average, RMSProp's effective "
        "learning rate is back at half after about ln(V / 3) / (1 − β₂) steps; Adagrad's only "
        "after about as many as a third of what the burst left in the sum.",
        source="Duchi, Hazan & Singer (2011), Figure 1, for the sum; Tieleman & Hinton (2012), "
        "lecture 6e, for the average that forgets; the numbers of steps are derived in this book",
        citation="tieleman2012",
        study=BurstRecovery(rmsprop, adagrad, averages=(0.9, 0.99, 0.999)),
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
            rates={"sgd": powers(-13, 9), "adagrad": powers(-10, 9)},
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
        study=digits_race(rival=adagrad, champion=rmsprop, rates=OWN_RATES, hyper={}, whole=False),
    ),
    Card(
        name="bias-correction",
        row="R7",
        claim="Without bias correction Adam's first step is (1 − β₁) / √(1 − β₂) = 3.16 times "
        "as long, and the factor follows (1 − β₁^t) / √(1 − β₂^t) from there.",
        source="Kingma & Ba (2015), section 3, where initial steps are much larger without it; "
        "the factor follows from Algorithm 1",
        citation="kingma2015",
        study=BiasCorrection(digits_mlp, adam, adam_uncorrected, looked=(1, 2, 5, 10, 100, 1000)),
    ),
    Card(
        name="adam-scale",
        row="R7",
        claim="Multiplying the loss by a constant c leaves Adam's training as it is, and "
        "changes SGD's.",
        source="Kingma & Ba (2015), section 2.1: with ε = 0 the effective step does not depend "
        "on the scale of the gradients",
        citation="kingma2015",
        study=ScaleInvariance(
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
        name="adam-rmsprop-digits",
        row="R7",
        claim="Adam reaches a training loss of 0.1 in fewer steps than RMSProp with "
        "β₂ = 0.99, each with its best learning rate.",
        source="Kingma & Ba (2015), section 6, by the training cost of logistic regression on "
        "texts and of a network with two hidden layers on MNIST",
        citation="kingma2015",
        study=digits_race(rival=rmsprop, champion=adam, rates=OWN_RATES, hyper={}, whole=False),
    ),
)
