"""The moving average whose bias is corrected (row R7)."""

import numpy as np

from exercises import Exercise
from optlib.faces.equations import Equations
from optlib.rules.terms import sgdm_corrected

_, *AVERAGE, _ = sgdm_corrected.equations().lines

exercise = Exercise(
    "A moving average without its bias",
    row="R7",
    read="sec-bias-correction",
    returns=("m_hat",),
    equations=str(Equations(AVERAGE)).replace(r"\beta_1", r"\beta"),
    statement=r"""
    A moving average that begins at $m_0 = 0$ is too small at first: the zero counts as if it were a
    gradient. Adam divides by the sum of the weights that real gradients have:

    $$
    {equations}
    $$

    Given are the gradients $g_0, \dots, g_{T-1}$. Write the function that finds $\hat{m}_T$, the
    corrected average after the last of them. Each gradient may be a single number or an array.
    """,
)


@exercise.solution
def corrected_average(gradients, beta):
    """The bias-corrected moving average after the last gradient.

    gradients: an array whose rows gradients[0], gradients[1], … are the gradients, one at least
    beta: the decay rate β of the average

    Returns m_hat after the last gradient, of the same shape as one gradient.
    """
    m = 0
    for g in gradients:
        m = beta * m + (1 - beta) * g
    return m / (1 - beta ** len(gradients))


@exercise.reference
def reference(gradients, beta):
    # With the rate 1, from zero, the rule moves by minus the corrected average.
    zero = 0 * gradients[0]
    state = sgdm_corrected.init(zero)
    for t, g in enumerate(gradients, 1):
        theta, state = sgdm_corrected.step(zero, g, state, t, lr=1.0, beta1=beta)
    return -theta


@exercise.probe
def probe(draw):
    return draw.gradients(), draw.momentum()


def average(gradients, beta, m=0.0):
    """The plain moving average, which begins at `m`."""
    for g in gradients:
        m = beta * m + (1 - beta) * g
    return m


# The correction.


@exercise.mistake("sec-bias-correction")
def uncorrected(gradients, beta):
    """The correction is missing: this is m, not m̂.

    After one gradient it is only 1 − β times that gradient. What should it be?
    """
    return average(gradients, beta)


@exercise.mistake("sec-bias-correction")
def multiplied(gradients, beta):
    """The average is multiplied by 1 − βᵗ, not divided.

    m is too small. Does your correction make it larger?
    """
    return average(gradients, beta) * (1 - beta ** len(gradients))


@exercise.mistake("sec-bias-correction")
def t_too_small(gradients, beta):
    """The exponent is one too small: t is counted from 0.

    What does your correction divide by after the first gradient?
    """
    return average(gradients, beta) / (1 - beta ** (len(gradients) - 1))


@exercise.mistake("sec-bias-correction")
def t_too_large(gradients, beta):
    """The exponent is one too large.

    How many gradients are in the average when the first one is in?
    """
    return average(gradients, beta) / (1 - beta ** (len(gradients) + 1))


@exercise.mistake("sec-bias-correction")
def frozen(gradients, beta):
    """The sum of the weights is not made 1: t stays at 1, or 1 − β is missing and nothing corrects.

    Both give the same numbers, which are too large after the second gradient. Count your steps,
    and look at the weight of a new gradient.
    """
    return average(gradients, beta) / (1 - beta)


@exercise.mistake("sec-adam-averages")
def weight_forgotten(gradients, beta):
    """The weight of the new gradient is missing: m is a fading sum, not an average.

    The correction is right. What multiplies a new gradient?
    """
    return average(gradients, beta) / (1 - beta) / (1 - beta ** len(gradients))


@exercise.mistake("sec-bias-correction")
def weight_to_the_power(gradients, beta):
    """The correction divides by (1 − β)ᵗ, not by 1 − βᵗ.

    What does the power stand on? Look at the brackets.
    """
    return average(gradients, beta) / (1 - beta) ** len(gradients)


@exercise.mistake("sec-bias-correction")
def correction_brackets(gradients, beta):
    """The brackets around 1 − βᵗ are missing.

    Python divides first: your m is divided by 1 alone. What should it be divided by?
    """
    return average(gradients, beta) / 1 - beta ** len(gradients)


@exercise.mistake("sec-bias-correction")
def times_t(gradients, beta):
    """The correction divides by 1 − βt: β is multiplied by t.

    t is an exponent. How is a power written in Python?
    """
    return average(gradients, beta) / (1 - beta * len(gradients))


@exercise.mistake("sec-bias-correction")
def fed_back(gradients, beta):
    """The corrected average is fed back: it becomes the m of the next step.

    m and m̂ are two quantities. Which of them does the next line start from?
    """
    m = 0.0
    for t, g in enumerate(gradients, 1):
        m = (beta * m + (1 - beta) * g) / (1 - beta**t)
    return m


# The average.


@exercise.mistake("sec-bias-correction")
def began_at_first(gradients, beta):
    """The average begins at the first gradient, and nothing corrects it.

    This has no bias towards zero, but it gives the first gradient too much weight. Adam's average
    begins at zero.
    """
    return average(gradients, beta, gradients[0])


@exercise.mistake("sec-bias-correction")
def began_at_first_corrected(gradients, beta):
    """The average begins at the first gradient, and is corrected as if it began at zero.

    The correction makes good for a zero. Where does your m begin?
    """
    return average(gradients, beta, gradients[0]) / (1 - beta ** len(gradients))


@exercise.mistake("sec-adam-averages")
def weight_brackets(gradients, beta):
    """The brackets around 1 − β are missing in the average.

    Python multiplies first: your 1 is added by itself. What is to be multiplied by the gradient?
    """
    m = 0.0
    for g in gradients:
        m = beta * m + 1 - beta * g
    return m / (1 - beta ** len(gradients))


@exercise.mistake("sec-adam-averages")
def weights_swapped(gradients, beta):
    """β and 1 − β are swapped in the average.

    β is near 1, and the average is to change slowly. Which part should be the large one?
    """
    return average(gradients, 1 - beta) / (1 - beta ** len(gradients))


@exercise.mistake("sec-adam-averages")
def weights_swapped_throughout(gradients, beta):
    """β and 1 − β are swapped in the average, and in the correction.

    β is near 1, and the average is to change slowly. Which part should be the large one?
    """
    return average(gradients, 1 - beta) / (1 - (1 - beta) ** len(gradients))


@exercise.mistake("sec-adam-averages")
def order_reversed(gradients, beta):
    """The oldest gradient has the largest weight.

    A gradient fades with age. Which of your gradients is multiplied by β the most times?
    """
    return average(gradients[::-1], beta) / (1 - beta ** len(gradients))


@exercise.mistake("sec-adam-averages")
def plain_mean(gradients, beta):
    """This is the plain mean: all gradients have the same weight.

    A moving average forgets. Where does β come in?
    """
    return np.mean(gradients, axis=0)


@exercise.mistake("sec-adam-averages")
def last_alone(gradients, beta):
    """This is the last gradient alone, or each step begins at m = 0 and corrects by 1 − β.

    Does each turn of your loop start from the m before it?
    """
    return gradients[-1]


@exercise.mistake("sec-adam-averages")
def set_back(gradients, beta):
    """Only the last gradient is in the average: m is zero before each step.

    Does each turn of your loop start from the m before it?
    """
    return (1 - beta) * gradients[-1] / (1 - beta ** len(gradients))


@exercise.mistake("sec-adam-averages")
def one_turn(gradients, beta):
    """This is the first gradient alone.

    Is there a `return` inside of your loop?
    """
    return gradients[0]


@exercise.mistake("sec-adam-averages")
def first_left_out(gradients, beta):
    """The first gradient is left out.

    t is counted from 1, but gradients[0] is the first one. Which gradient belongs to t?
    """
    m = average(gradients[1:], beta, 0 * gradients[0])
    return m / (1 - beta ** len(gradients))


@exercise.mistake("sec-adam-averages")
def last_left_out(gradients, beta):
    """The last gradient is left out.

    How many turns does your loop make?
    """
    m = average(gradients[:-1], beta, 0 * gradients[0])
    return m / (1 - beta ** len(gradients))
