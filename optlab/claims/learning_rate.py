"""Claim cards of the part "The learning rate"."""

from dataclasses import replace
from functools import partial
from typing import Any

from optlab.card import Card
from optlab.claims.grids import cosine, five_per_decade
from optlab.measures import AtEnd, Spread
from optlab.studies.rate_variance import RateVariance
from optlab.studies.suggested_rate import SuggestedRate
from optlab.studies.switch_time import SwitchTime
from optlab.studies.untested import Untested
from optlab.studies.warmup_need import GradientDistortion, WarmupNeed, WarmupPlan
from optlab.studies.warmup_replacement import WarmupReplacement
from optlab.tasks import digits_cnn, digits_mlp, topics_transformer
from optlab.tasks.mnist1d import mnist1d_cnn
from optlab.train import RateFunction
from optlab.trial import Arm, Difference, Trial
from optlib.rules import adam, radam, sgdm, swats
from optlib.schedules import (
    linear_decay,
    one_cycle,
    one_cycle_momentum,
    sgdr,
    step_decay,
    triangular,
)
from optlib.schedules import warmup as linear_warmup


def from_a_quarter(step: Any, *, lr: Any, step_size: float) -> Any:
    """Cyclical rates between a quarter of the peak and the peak (Smith 2017, section 3.3)."""
    return triangular(step, lr=lr, min_lr=lr / 4, step_size=step_size)


def warm_decay(step: Any, *, lr: Any, warmup: int, total_steps: int) -> Any:
    """A straight line up, and then one down to zero."""
    rise = linear_warmup(step, lr=1.0, warmup=warmup)
    return rise * linear_decay(step, lr=lr, total_steps=total_steps)


def _peaks(
    schedule: RateFunction | None, momentum: RateFunction | None = None, first: int = -9
) -> Arm:
    """SGDM with a schedule, and eight peaks to choose from, from 10 ** (first / 5) on."""
    return Arm(sgdm, {"lr": five_per_decade(first, 8)}, schedule, momentum)


# Four triangles, and four cosines, each twice as long as the one before, end with the run.
_steps = 2100
_line = partial(linear_decay, total_steps=_steps)
_warm_line = partial(warm_decay, warmup=_steps // 10, total_steps=_steps)
_plain = {
    "constant": _peaks(None),
    "step decay": _peaks(partial(step_decay, total_steps=_steps)),
    "linear decay": _peaks(_line),
    "warm-up, linear decay": _peaks(_warm_line),
    "cosine": _peaks(cosine(_steps)),
}
_arms = {
    **_plain,
    "cyclical": _peaks(partial(from_a_quarter, step_size=_steps / 8)),
    "restarts": _peaks(partial(sgdr, period=_steps // 15)),
    "one cycle, constant momentum": _peaks(partial(one_cycle, total_steps=_steps)),
    "one cycle": _peaks(
        partial(one_cycle, total_steps=_steps), partial(one_cycle_momentum, total_steps=_steps)
    ),
}


def _lower_than_plain(champion: str) -> Trial:
    """That a schedule ends lower than a constant rate and than each of the plain decays."""
    return Trial(
        tasks={"mnist1d_cnn": mnist1d_cnn},
        arms=_arms,
        measure=AtEnd(),
        claimed=tuple(Difference(champion, rival) for rival in _plain),
        steps=_steps,
        records=10,
        shown=(AtEnd("train_error"), AtEnd("test_loss")),
        plotted=(),  # nine curves lie upon each other
    )


# The rates of the source's Figure 6.
_paper_rates: dict[str, tuple[float, ...]] = {"lr": (0.003, 0.01, 0.03, 0.1)}
_sensitivity = partial(
    Trial,
    tasks={"mnist1d_cnn": mnist1d_cnn},
    arms={
        "Adam": Arm(adam, _paper_rates, _line),
        "RAdam": Arm(radam, _paper_rates, _line),
        "Adam, warm-up": Arm(adam, _paper_rates, _warm_line),
    },
    steps=_steps,
    records=10,
)


# An eighth of the steps, with batch normalization as in the source.
_short = 2080 // 8


# Around Adam's best rate on this task in `adam-gap`, and up to eight times that.
_warm_rates = tuple(0.03 * 2.0**k for k in range(-1, 4))
_warm_plan = WarmupPlan(adam, steps=200)


CARDS = (
    Card(
        name="range-test-rate",
        row="R13",
        claim="With SGDM and with Adam, on two networks for images and a Transformer for text, "
        "the rate that one range test suggests, where the smoothed loss falls most steeply, "
        "is in most runs within a factor of three of the best of a grid.",
        source="Smith (2017), section 3.3, for the test, which he reads for two bounds; the "
        "steepest fall is what libraries take for one rate; the factor of three is ours",
        citation="smith2017",
        study=SuggestedRate(
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
        claim="After the same number of steps cyclical rates end with a lower test error than a "
        "constant rate and than four plain decays, each with its best peak.",
        source="Smith (2017), abstract: a better accuracy than with fixed rates, "
        "often in fewer steps; the comparison with decays that are tuned as well is ours",
        citation="smith2017",
        study=_lower_than_plain("cyclical"),
    ),
    Card(
        name="warm-restarts",
        row="R15",
        claim="After the same number of steps a cosine with warm restarts ends with a lower "
        "test error than a constant rate and than four plain decays, each with its best peak.",
        source="Loshchilov & Hutter (2017), abstract and section 4, by the test error of wide "
        "residual networks on CIFAR-10 and CIFAR-100, against step decay; the other rivals are "
        "ours, and the one cosine is the schedule's own part",
        citation="loshchilov2017",
        study=_lower_than_plain("restarts"),
        kept_with="cyclical-rates",
    ),
    Card(
        name="one-cycle",
        row="R16",
        claim="After the same number of steps one cycle, whose momentum falls while the rate "
        "rises, ends with a lower test error than a constant rate and than four plain decays, "
        "each with its best peak.",
        source="Smith (2018), section 4, and Smith & Topin (2019), by the test accuracy, "
        "against a rate that is lowered in steps; the other rivals are ours",
        citation="smith2018",
        study=_lower_than_plain("one cycle"),
        kept_with="cyclical-rates",
    ),
    Card(
        name="super-convergence",
        row="R16",
        claim="With one cycle an eighth of the steps is enough to come within one point of the "
        "test error at which step decay ends, each with its best peak.",
        source="Smith & Topin (2019), section 1: 92.4 percent of CIFAR-10 right after 10,000 "
        "steps of one cycle, and 91.2 after 80,000 with a rate that is lowered in steps, with "
        "56 layers and batch normalization; the point is ours",
        citation="smith2019",
        study=Trial(
            tasks={"mnist1d_cnn": partial(mnist1d_cnn, norm="batch")},
            arms={
                "step decay": _peaks(partial(step_decay, total_steps=8 * _short), first=-7),
                "step decay, an eighth": replace(
                    _peaks(partial(step_decay, total_steps=_short), first=-7), steps=_short
                ),
                "one cycle, an eighth": replace(
                    _peaks(
                        partial(one_cycle, total_steps=_short),
                        partial(one_cycle_momentum, total_steps=_short),
                        first=-7,
                    ),
                    steps=_short,
                ),
            },
            measure=AtEnd(),
            claimed=(Difference("one cycle, an eighth", "step decay", margin=-1.0),),
            steps=8 * _short,
            records=10,
            shown=(AtEnd("train_error"),),
            plotted=(),
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
        study=GradientDistortion(topics_transformer, rates=_warm_rates, plan=_warm_plan),
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
        study=Untested(
            WarmupNeed(
                topics_transformer,
                digits_mlp,
                rates=_warm_rates,
                beside_rates=tuple(2.0**k for k in range(-8, -3)),
                plan=_warm_plan,
            ),
            reason="the Transformer has one layer and normalizes before each block, the kind that "
            "Xiong et al. (2020) train without warm-up",
            needed="six layers or more that normalize after each block, as in the source",
        ),
    ),
    Card(
        name="warmup-lowers-error",
        row="R17",
        claim="On a convolutional network, too, Adam needs warm-up: with it the test error at the "
        "end is lower than without, each with the best of four rates.",
        source="the lecture, which asks whether Adam needs it, after Liu, Jiang, He, Chen, Liu, "
        "Gao & Han (2020), who show it for Transformers; the network is our choice",
        citation="liu2020",
        study=_sensitivity(
            measure=AtEnd(), claimed=(Difference("Adam, warm-up", "Adam"),), plotted=("test",)
        ),
        kept_with="radam-sensitivity",
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
        study=RateVariance(
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
        claim="RAdam depends less on its learning rate: with the rates 0.003, 0.01, 0.03 and 0.1 "
        "the test error at the worst of them exceeds that at the best by less than Adam's does.",
        source="Liu et al. (2020), section 5.1 and Figure 6, a residual network on CIFAR-10 with "
        "these four rates for all; that the worst and the best are compared is our reading",
        citation="liu2020",
        study=_sensitivity(
            measure=Spread(), claimed=(Difference("RAdam", "Adam"),), shown=(AtEnd(),), plotted=()
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
        study=WarmupReplacement(
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
        study=SwitchTime(
            (digits_mlp, digits_cnn),
            fixed=radam,
            free=swats,
            lr={"radam": 2.0**-6, "swats": 2.0**-7},
            steps=320,
            hyper={"tol": 0.003},
        ),
    ),
)
