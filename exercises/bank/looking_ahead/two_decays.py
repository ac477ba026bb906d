"""SGDM with L2, and SGDW (row R22)."""

import numpy as np

from exercises import Exercise
from optlib import l2, sgdm, sgdw

exercise = Exercise(
    "One step of SGDM with each decay",
    row="R22",
    read="sec-decay-sgd",
    returns=("theta_l2", "m_l2", "theta_w", "m_w"),
    statement=r"""
    SGDM moves by its memory $m$, and the learning rate $\eta$ stands inside it:

    $$
    m_t = \lambda\, m_{t-1} + \eta\, g, \qquad \theta_t = \theta_{t-1} - m_t .
    $$

    With L2 regularization the gradient is $g + \gamma\,\theta_{t-1}$ and all else stays. In SGDW
    the memory sees the gradient of the loss alone, and $\eta\,\gamma\,\theta_{t-1}$ is subtracted
    beside the step. From the same $\theta$ and $m$, write one step of each. It must work for single
    numbers and for arrays.
    """,
)


@exercise.solution
def two_decays(theta, m, g, lr, momentum, weight_decay):
    """One step of SGDM with L2, and one of SGDW, from the same place.

    theta: the parameters before the step, a number or an array
    m: the memory before the step, of the same shape
    g: the gradient of the loss at theta, of the same shape
    lr: the learning rate η
    momentum: the momentum coefficient λ
    weight_decay: the decay γ

    Returns theta and m after the step with L2, then theta and m after that of SGDW.
    """
    m_l2 = momentum * m + lr * (g + weight_decay * theta)
    m_w = momentum * m + lr * g
    return theta - m_l2, m_l2, theta - m_w - lr * weight_decay * theta, m_w


@exercise.reference
def reference(theta, m, g, lr, momentum, weight_decay):
    hyper = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
    found = []
    for rule in (l2(sgdm), sgdw):
        new, state = rule.step(theta, g, {"m": m}, 1, **hyper)
        found += [new, state["m"]]
    return tuple(found)


@exercise.probe
def probe(draw):
    decay = draw.number(0.2, 0.9)
    return draw.array(), draw.array(), draw.array(), draw.lr(), draw.momentum(), decay


def with_l2(theta, m, g, lr, momentum, weight_decay):
    """The first half as it should be."""
    m = momentum * m + lr * (g + weight_decay * theta)
    return theta - m, m


def beside(theta, m, g, lr, momentum, weight_decay):
    """The second half as it should be."""
    m = momentum * m + lr * g
    return theta - m - lr * weight_decay * theta, m


@exercise.mistake("sec-decay-sgd")
def both_in_the_gradient(theta, m, g, lr, momentum, weight_decay):
    """Both have the decay in the gradient.

    The memory of SGDW must not see it.
    """
    found = with_l2(theta, m, g, lr, momentum, weight_decay)
    return *found, *found


@exercise.mistake("sec-decay-sgd")
def both_beside(theta, m, g, lr, momentum, weight_decay):
    """Both have the decay beside the step.

    After one step θ is the same in either. Is m?
    """
    found = beside(theta, m, g, lr, momentum, weight_decay)
    return *found, *found


@exercise.mistake("sec-decay-sgd")
def both_at_once(theta, m, g, lr, momentum, weight_decay):
    """SGDW decays twice: in its gradient and beside the step.

    What goes into the memory of SGDW?
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    return *first, first[0] - lr * weight_decay * theta, first[1]


@exercise.mistake("sec-decay-rate")
def not_times_the_rate(theta, m, g, lr, momentum, weight_decay):
    """In SGDW the decay is not multiplied by the learning rate.

    That is the paper's form. The formula above has η.
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    m = momentum * m + lr * g
    return *first, theta - m - weight_decay * theta, m


@exercise.mistake("sec-decay-sgd")
def l2_not_times_the_rate(theta, m, g, lr, momentum, weight_decay):
    """With L2 the decay goes into the memory without the learning rate.

    It is a part of the gradient: η multiplies the sum. Are there brackets?
    """
    new = momentum * m + lr * g + weight_decay * theta
    return theta - new, new, *beside(theta, m, g, lr, momentum, weight_decay)


@exercise.mistake("sec-decay-sgd")
def of_the_new_weights(theta, m, g, lr, momentum, weight_decay):
    """In SGDW it is the weights after the move that decay.

    The decay is taken of θ as it was before the step.
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    m = momentum * m + lr * g
    return *first, (theta - m) * (1 - lr * weight_decay), m


@exercise.mistake("sec-decay-sgd")
def continued(theta, m, g, lr, momentum, weight_decay):
    """The step of SGDW goes on from where that with L2 has ended.

    Both begin at the same θ and m. Is a name overwritten?
    """
    theta, m = with_l2(theta, m, g, lr, momentum, weight_decay)
    return theta, m, *beside(theta, m, g, lr, momentum, weight_decay)


@exercise.mistake("sec-decay-sgd")
def m_overwritten(theta, m, g, lr, momentum, weight_decay):
    """The memory of SGDW is made from the new memory of the other.

    Both begin at the same m. Is a name overwritten?
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    return *first, *beside(theta, first[1], g, lr, momentum, weight_decay)


@exercise.mistake("sec-decay-sgd")
def theta_overwritten(theta, m, g, lr, momentum, weight_decay):
    """SGDW begins at the θ at which the other has ended.

    Both begin at the same θ. Is a name overwritten?
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    return *first, *beside(first[0], m, g, lr, momentum, weight_decay)


@exercise.mistake("sec-decay-sgd")
def growing(theta, m, g, lr, momentum, weight_decay):
    """The weights grow: the sign of the decay is wrong in both.

    The penalty's gradient is +γθ, and the step goes against it.
    """
    hyper = lr, momentum, -weight_decay
    return *with_l2(theta, m, g, *hyper), *beside(theta, m, g, *hyper)


@exercise.mistake("sec-decay-sgd")
def growing_beside(theta, m, g, lr, momentum, weight_decay):
    """The step with L2 is right. In SGDW the weights grow.

    A decay makes them smaller.
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    return *first, *beside(theta, m, g, lr, momentum, -weight_decay)


@exercise.mistake("sec-decay-sgd")
def forgotten(theta, m, g, lr, momentum, weight_decay):
    """The step with L2 is right. SGDW does not decay: this is SGDM.

    Where does γ come in?
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    return *first, *beside(theta, m, g, lr, momentum, 0.0)


@exercise.mistake("sec-decay-sgd")
def l2_forgotten(theta, m, g, lr, momentum, weight_decay):
    """SGDW is right. The step with L2 has no decay: this is SGDM.

    What is the gradient of the loss with its penalty?
    """
    hyper = lr, momentum
    return *with_l2(theta, m, g, *hyper, 0.0), *beside(theta, m, g, *hyper, weight_decay)


@exercise.mistake("sec-decay-sgd")
def twice(theta, m, g, lr, momentum, weight_decay):
    """Both decays are twice as large as they should be.

    The penalty is γ/2 times the square. What is its gradient?
    """
    hyper = lr, momentum, 2 * weight_decay
    return *with_l2(theta, m, g, *hyper), *beside(theta, m, g, *hyper)


@exercise.mistake("sec-decay-sgd")
def matched(theta, m, g, lr, momentum, weight_decay):
    """In SGDW the decay is divided by 1 − λ.

    That makes the two alike in the long run. Here both have the same γ.
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    return *first, *beside(theta, m, g, lr, momentum, weight_decay / (1 - momentum))


@exercise.mistake("sec-sgdm-rule")
def rate_outside(theta, m, g, lr, momentum, weight_decay):
    """The learning rate stands outside the memory.

    That is the form of some libraries. Here η is inside, as in the formula.
    """
    one = momentum * m + g + weight_decay * theta
    other = momentum * m + g
    return theta - lr * one, one, theta - lr * other - lr * weight_decay * theta, other


@exercise.mistake("sec-sgdm-rule")
def old_memory(theta, m, g, lr, momentum, weight_decay):
    """Both move by the memory as it was before the gradient.

    First the memory, then the step.
    """
    one = momentum * m + lr * (g + weight_decay * theta)
    return theta - m, one, theta - m - lr * weight_decay * theta, momentum * m + lr * g


@exercise.mistake("sec-decay-sgd")
def memory_decays(theta, m, g, lr, momentum, weight_decay):
    """In SGDW the decay is subtracted from the memory as well as from θ.

    The decay is no part of the memory that is returned.
    """
    first, before = with_l2(theta, m, g, lr, momentum, weight_decay), theta
    theta, m = beside(theta, m, g, lr, momentum, weight_decay)
    return *first, theta, m - lr * weight_decay * before


@exercise.mistake("sec-decay-sgd")
def penalty_itself(theta, m, g, lr, momentum, weight_decay):
    """With L2 the penalty γθ²/2 itself is added to the gradient.

    It belongs to the loss. What is its gradient?
    """
    new = momentum * m + lr * (g + weight_decay * theta**2 / 2)
    return theta - new, new, *beside(theta, m, g, lr, momentum, weight_decay)


@exercise.mistake("sec-decay-sgd")
def l2_at_once(theta, m, g, lr, momentum, weight_decay):
    """With L2 the weights decay twice: in the gradient and beside the step.

    What stands beside the step belongs to SGDW alone.
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    return (
        first[0] - lr * weight_decay * theta,
        first[1],
        *beside(theta, m, g, lr, momentum, weight_decay),
    )


@exercise.mistake("sec-decay-sgd")
def l2_growing(theta, m, g, lr, momentum, weight_decay):
    """SGDW is right. With L2 the weights grow.

    The penalty's gradient is added to g. With which sign?
    """
    first = with_l2(theta, m, g, lr, momentum, -weight_decay)
    return *first, *beside(theta, m, g, lr, momentum, weight_decay)


@exercise.mistake("sec-sgdm-rule")
def uphill(theta, m, g, lr, momentum, weight_decay):
    """Both move along the gradient, uphill.

    m is subtracted from θ.
    """
    one = momentum * m + lr * (g + weight_decay * theta)
    other = momentum * m + lr * g
    return theta + one, one, theta + other - lr * weight_decay * theta, other


@exercise.mistake("sec-sgdm-rule")
def turned_memory(theta, m, g, lr, momentum, weight_decay):
    """Both θ are right, but both memories have the opposite sign.

    In the formula m takes in +ηg and is subtracted from θ.
    """
    one = momentum * m + lr * (g + weight_decay * theta)
    other = momentum * m + lr * g
    return theta - one, -one, theta - other - lr * weight_decay * theta, -other


@exercise.mistake("sec-sgdm-rule")
def velocity(theta, m, g, lr, momentum, weight_decay):
    """The memories take in −ηg, and are added to θ: those are velocities.

    That is another convention. Here m takes in +ηg and is subtracted.
    """
    one = momentum * m - lr * (g + weight_decay * theta)
    other = momentum * m - lr * g
    return theta + one, one, theta + other - lr * weight_decay * theta, other


@exercise.mistake("sec-sgdm-rule")
def averaged(theta, m, g, lr, momentum, weight_decay):
    """The memories are averages: the new gradient is multiplied by 1 − λ as well.

    In SGDM the new gradient comes in with η alone.
    """
    one = momentum * m + (1 - momentum) * lr * (g + weight_decay * theta)
    other = momentum * m + (1 - momentum) * lr * g
    return theta - one, one, theta - other - lr * weight_decay * theta, other


@exercise.mistake("sec-sgdm-rule")
def no_memory(theta, m, g, lr, momentum, weight_decay):
    """The old memory is left out of both.

    What stands before η in the formula of m?
    """
    hyper = lr, 0.0, weight_decay
    return *with_l2(theta, m, g, *hyper), *beside(theta, m, g, *hyper)


@exercise.mistake("sec-sgdm-rule")
def sum_in_brackets(theta, m, g, lr, momentum, weight_decay):
    """λ multiplies the new gradient as well as the old memory.

    Where does the bracket that λ multiplies end?
    """
    one = momentum * (m + lr * (g + weight_decay * theta))
    other = momentum * (m + lr * g)
    return theta - one, one, theta - other - lr * weight_decay * theta, other


@exercise.mistake("sec-sgdm-rule")
def rate_inside_and_outside(theta, m, g, lr, momentum, weight_decay):
    """The learning rate multiplies the gradient, and then the memory too.

    Here η stands in one place: inside the memory.
    """
    one = momentum * m + lr * (g + weight_decay * theta)
    other = momentum * m + lr * g
    return theta - lr * one, one, theta - lr * other - lr * weight_decay * theta, other


@exercise.mistake("sec-decay-rate")
def rate_twice(theta, m, g, lr, momentum, weight_decay):
    """In SGDW the decay is multiplied by the learning rate twice.

    How often does η stand before γ?
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    m = momentum * m + lr * g
    return *first, theta - m - lr**2 * weight_decay * theta, m


@exercise.mistake("sec-decay-sgd")
def half(theta, m, g, lr, momentum, weight_decay):
    """Both decays are half as large as they should be.

    The one half of the penalty is gone once it is differentiated.
    """
    hyper = lr, momentum, weight_decay / 2
    return *with_l2(theta, m, g, *hyper), *beside(theta, m, g, *hyper)


@exercise.mistake("sec-decay-sgd")
def of_the_gradient(theta, m, g, lr, momentum, weight_decay):
    """It is the gradient that is multiplied by γ, not the weights.

    What decays?
    """
    one = momentum * m + lr * (g + weight_decay * g)
    other = momentum * m + lr * g
    return theta - one, one, theta - other - lr * weight_decay * g, other


@exercise.mistake("sec-decay-sgd")
def by_the_sign(theta, m, g, lr, momentum, weight_decay):
    """The decay has the same size for all weights.

    Both pull each weight in proportion to itself.
    """
    one = momentum * m + lr * (g + weight_decay * np.sign(theta))
    other = momentum * m + lr * g
    return theta - one, one, theta - other - lr * weight_decay * np.sign(theta), other


@exercise.mistake("sec-decay-sgd")
def momentum_on_the_decay(theta, m, g, lr, momentum, weight_decay):
    """In SGDW the decay is multiplied by λ.

    The decay of SGDW has no memory.
    """
    first = with_l2(theta, m, g, lr, momentum, weight_decay)
    m = momentum * m + lr * g
    return *first, theta - m - lr * momentum * weight_decay * theta, m


@exercise.mistake("sec-sgdm-rule")
def nesterov(theta, m, g, lr, momentum, weight_decay):
    """Both look ahead by λm: these are Nesterov's steps.

    SGDM moves by the memory itself.
    """
    one = momentum * m + lr * (g + weight_decay * theta)
    other = momentum * m + lr * g
    ahead = momentum * one + lr * (g + weight_decay * theta)
    plain = momentum * other + lr * g
    return theta - ahead, one, theta - plain - lr * weight_decay * theta, other
