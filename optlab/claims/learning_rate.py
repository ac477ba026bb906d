"""Claim cards of the part "The learning rate"."""

from functools import partial

from optlab.card import Card
from optlab.claims.grids import powers
from optlab.studies.rate_variance import RateVariance
from optlab.studies.robustness import Robustness
from optlab.studies.schedule_comparison import ScheduleComparison, ScheduleSpeed, ScheduleTuning
from optlab.studies.suggested_rate import SuggestedRate
from optlab.studies.switch_time import SwitchTime
from optlab.studies.warmup_need import GradientDistortion, WarmupNeed, WarmupPlan
from optlab.studies.warmup_replacement import WarmupReplacement
from optlab.tasks import digits_cnn, digits_mlp, topics_transformer
from optlib.rules import adam, radam, sgdm, swats

# Peaks a factor of 2 apart, around SGDM's best constant rates on both tasks; a schedule that comes
# down again may begin far above them.
_tempo = ScheduleTuning(sgdm, tuple(2.0**k for k in range(-10, 2)), {"momentum": 0.9})


_schedules = partial(
    ScheduleComparison,
    tasks=(digits_mlp, digits_cnn),
    rivals=("constant", "step decay", "linear decay"),
    steps=480,
    tempo=_tempo,
)


# Around Adam's best rate on this task in `adam-gap`, and up to eight times that.
_warm_rates = tuple(0.03 * 2.0**k for k in range(-1, 4))


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
        study=ScheduleSpeed(
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
        study=GradientDistortion(
            topics_transformer, rates=_warm_rates, plan=WarmupPlan(adam, steps=200)
        ),
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
        study=WarmupNeed(
            topics_transformer,
            digits_mlp,
            rates=_warm_rates,
            beside_rates=tuple(2.0**k for k in range(-8, -3)),
            plan=WarmupPlan(adam, steps=200),
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
            rates={"adam": powers(-20), "radam": powers(-20)},
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
