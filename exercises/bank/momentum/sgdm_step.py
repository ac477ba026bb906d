"""One step of SGD with momentum (row R3)."""

from exercises import Exercise
from optlib import sgdm

exercise = Exercise(
    "One step of momentum",
    row="R3",
    read="sec-sgdm-rule",
    returns=("theta", "m"),
    equations=sgdm.equations(),
    statement=r"""
    The momentum $m$ is a memory: it keeps a part $\lambda$ of itself and takes in the new gradient.
    The parameters move against the new memory:

    $$
    {equations}
    $$

    Write that step. The learning rate $\eta$ stands inside the memory, as in the equations.
    It must work for single numbers and for arrays.
    """,
)


@exercise.solution
def sgdm_step(theta, m, g, lr, momentum):
    """One step of SGD with momentum.

    theta: the parameters, a number or an array
    m: the momentum before the step, of the same shape
    g: the gradient at theta, of the same shape
    lr: the learning rate η
    momentum: the momentum coefficient λ

    Returns the new theta and the new m, in this order.
    """
    m = momentum * m + lr * g
    return theta - m, m


@exercise.reference
def reference(theta, m, g, lr, momentum):
    theta, state = sgdm.step(theta, g, {"m": m}, t=1, lr=lr, momentum=momentum)
    return theta, state["m"]


@exercise.probe
def probe(draw):
    return draw.array(), draw.array(), draw.array(), draw.lr(), draw.momentum()


@exercise.mistake("sec-sgdm-rule")
def uphill(theta, m, g, lr, momentum):
    """The step goes uphill.

    The memory is right. It gathers gradients, which point where the loss grows: look at the sign
    between θ and m.
    """
    m = momentum * m + lr * g
    return theta + m, m


@exercise.mistake("sec-sgdm-rule")
def memory_reversed(theta, m, g, lr, momentum):
    """The sign of λ is wrong: the memory turns round at every step.

    The old memory is kept, not taken away. Look at the sign before λ m.
    """
    m = -momentum * m + lr * g
    return theta - m, m


@exercise.mistake("sec-sgdm-rule")
def gradient_reversed(theta, m, g, lr, momentum):
    """The gradient enters the memory with the wrong sign.

    There is one minus in the two lines of the rule. It must not stand in both.
    """
    m = momentum * m - lr * g
    return theta - m, m


@exercise.mistake("sec-momentum-dialects")
def velocity(theta, m, g, lr, momentum):
    """This is the dialect with a velocity, in which the memory has the other sign.

    There the minus stands in the memory and θ moves by +m. It is the same path, but its m is our
    −m; here θ moves by −m.
    """
    m = momentum * m - lr * g
    return theta + m, m


@exercise.mistake("sec-momentum-dialects")
def rate_outside(theta, m, g, lr, momentum):
    """η stands outside the memory: this is PyTorch's dialect.

    It makes the same path only as long as η is constant. Here each gradient goes into the memory
    with the η of its own step.
    """
    m = momentum * m + g
    return theta - lr * m, m


@exercise.mistake("sec-momentum-dialects")
def rate_twice(theta, m, g, lr, momentum):
    """η is used twice: in the memory and in the step.

    Once it is in the memory, the step is the memory itself.
    """
    m = momentum * m + lr * g
    return theta - lr * m, m


@exercise.mistake("sec-momentum-dialects")
def rate_forgotten(theta, m, g, lr, momentum):
    """The learning rate is missing.

    Look at what multiplies the gradient in the memory.
    """
    m = momentum * m + g
    return theta - m, m


@exercise.mistake("sec-momentum-dialects")
def average_outside(theta, m, g, lr, momentum):
    """The memory is an average: the gradient is weighed with 1 − λ, and η stands outside.

    That is the moving-average dialect. In the lecture's memory the gradient is weighed with η
    alone.
    """
    m = momentum * m + (1 - momentum) * g
    return theta - lr * m, m


@exercise.mistake("sec-momentum-dialects")
def average_inside(theta, m, g, lr, momentum):
    """The memory is an average: the gradient is weighed with (1 − λ) η.

    In the lecture's memory the gradient is weighed with η alone; nothing is averaged.
    """
    m = momentum * m + (1 - momentum) * lr * g
    return theta - m, m


@exercise.mistake("sec-sgdm-rule")
def gradient_damped(theta, m, g, lr, momentum):
    """λ multiplies the new gradient, too.

    Only the old memory fades. Look at the brackets.
    """
    m = momentum * (m + lr * g)
    return theta - m, m


@exercise.mistake("sec-sgdm-rule")
def not_faded(theta, m, g, lr, momentum):
    """The memory never fades: λ is missing.

    The new memory keeps only a part λ of the old one.
    """
    m = m + lr * g
    return theta - m, m


@exercise.mistake("sec-sgdm-rule")
def old_memory_used(theta, m, g, lr, momentum):
    """The step is made with the old memory.

    The memory comes first, then the step, which uses the new one.
    """
    return theta - m, momentum * m + lr * g


@exercise.mistake("sec-sgdm-rule")
def old_memory_returned(theta, m, g, lr, momentum):
    """The new θ is right, but the m that came back is the old one.

    The next step would forget this gradient. Which m do you return?
    """
    return theta - (momentum * m + lr * g), m


@exercise.mistake("sec-sgdm-rule")
def memory_unused(theta, m, g, lr, momentum):
    """The new m is right, but θ moves as in plain SGD.

    What moves the parameters is the memory, not the last gradient alone.
    """
    return theta - lr * g, momentum * m + lr * g


@exercise.mistake("sec-sgdm-rule")
def parameters_faded(theta, m, g, lr, momentum):
    """λ multiplies θ.

    Only the memory fades; the parameters stay where they are and move by −m.
    """
    m = momentum * m + lr * g
    return momentum * theta - m, m


@exercise.mistake("sec-change-of-variables")
def nesterov(theta, m, g, lr, momentum):
    """This is Nesterov's step in the changed variables.

    There θ moves by λ times the new memory and by the gradient; here it moves by the memory alone.
    """
    m = momentum * m + lr * g
    return theta - momentum * m - lr * g, m
