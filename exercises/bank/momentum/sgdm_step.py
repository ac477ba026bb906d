"""One step of SGD with momentum (row R3)."""

from exercises import Step
from optlib import sgdm

exercise = Step(
    "One step of momentum",
    sgdm,
    row="R3",
    read="sec-sgdm-rule",
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


exercise.mistake("sec-sgdm-rule", "uphill", move="m")("""
    The step goes uphill.

    The memory is right. It gathers gradients, which point where the loss grows: look at the sign
    between θ and m.
""")

exercise.mistake("sec-sgdm-rule", "memory_reversed", m="-momentum * m + lr * g")("""
    The sign of λ is wrong: the memory turns round at every step.

    The old memory is kept, not taken away. Look at the sign before λ m.
""")

exercise.mistake("sec-sgdm-rule", "gradient_reversed", m="momentum * m - lr * g")("""
    The gradient enters the memory with the wrong sign.

    There is one minus in the two lines of the rule. It must not stand in both.
""")

exercise.mistake("sec-momentum-dialects", "velocity", m="momentum * m - lr * g", move="m")("""
    This is the dialect with a velocity, in which the memory has the other sign.

    There the minus stands in the memory and θ moves by +m. It is the same path, but its m is our
    −m; here θ moves by −m.
""")

exercise.mistake("sec-momentum-dialects", "rate_outside", m="momentum * m + g", move="-lr * m")("""
    η stands outside the memory: this is PyTorch's dialect.

    It makes the same path only as long as η is constant. Here each gradient goes into the memory
    with the η of its own step.
""")

exercise.mistake("sec-momentum-dialects", "rate_twice", move="-lr * m")("""
    η is used twice: in the memory and in the step.

    Once it is in the memory, the step is the memory itself.
""")

exercise.mistake("sec-momentum-dialects", "rate_forgotten", lr="1")("""
    The learning rate is missing.

    Look at what multiplies the gradient in the memory.
""")

exercise.mistake(
    "sec-momentum-dialects",
    "average_outside",
    m="momentum * m + (1 - momentum) * g",
    move="-lr * m",
)("""
    The memory is an average: the gradient is weighed with 1 − λ, and η stands outside.

    That is the moving-average dialect. In the lecture's memory the gradient is weighed with η
    alone.
""")

exercise.mistake(
    "sec-momentum-dialects", "average_inside", m="momentum * m + (1 - momentum) * lr * g"
)("""
    The memory is an average: the gradient is weighed with (1 − λ) η.

    In the lecture's memory the gradient is weighed with η alone; nothing is averaged.
""")

exercise.mistake("sec-sgdm-rule", "gradient_damped", m="momentum * (m + lr * g)")("""
    λ multiplies the new gradient, too.

    Only the old memory fades. Look at the brackets.
""")

exercise.mistake("sec-sgdm-rule", "not_faded", momentum="1")("""
    The memory never fades: λ is missing.

    The new memory keeps only a part λ of the old one.
""")

exercise.mistake("sec-sgdm-rule", "old_memory_used", move="-m_old")("""
    The step is made with the old memory.

    The memory comes first, then the step, which uses the new one.
""")

exercise.mistake("sec-sgdm-rule", "old_memory_returned", keeps={"m": "m_old"})("""
    The new θ is right, but the m that came back is the old one.

    The next step would forget this gradient. Which m do you return?
""")

exercise.mistake("sec-sgdm-rule", "memory_unused", move="-lr * g")("""
    The new m is right, but θ moves as in plain SGD.

    What moves the parameters is the memory, not the last gradient alone.
""")

exercise.mistake("sec-sgdm-rule", "parameters_faded", move="(momentum - 1) * theta - m")("""
    λ multiplies θ.

    Only the memory fades; the parameters stay where they are and move by −m.
""")

exercise.mistake("sec-change-of-variables", "nesterov", move="-momentum * m - lr * g")("""
    This is Nesterov's step in the changed variables.

    There θ moves by λ times the new memory and by the gradient; here it moves by the memory alone.
""")
