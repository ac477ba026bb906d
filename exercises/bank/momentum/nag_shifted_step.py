"""One step of Nesterov's accelerated gradient after the change of variables (row R4)."""

from exercises import Step
from optlib import nag

exercise = Step(
    "One step of Nesterov after the change of variables",
    nag,
    row="R4",
    read="sec-change-of-variables",
    equations=str(nag.equations()).replace(r"\theta", r"\theta'"),
    statement=r"""
    In the variables $\theta'_t = \theta_t - \lambda m_t$ Nesterov needs the gradient only where the
    parameters are, as every other optimizer does:

    $$
    {equations}
    $$

    Write that step. Mind which memory stands in the last line: SGDM, written in this way, has
    $m_{t-1}$ there, and that is all the difference. It must work for single numbers and for arrays.
    """,
)


@exercise.solution
def nag_shifted_step(theta_prime, m, g, lr, momentum):
    """One step of NAG after the change of variables.

    theta_prime: the shifted parameters, a number or an array
    m: the momentum before the step, of the same shape
    g: the gradient at theta_prime, of the same shape
    lr: the learning rate η
    momentum: the momentum coefficient λ

    Returns the new theta_prime and the new m, in this order.
    """
    m = momentum * m + lr * g
    return theta_prime - momentum * m - lr * g, m


exercise.mistake(
    "sec-change-of-variables", "old_memory_used", move="-momentum * m_old - lr * g"
)("""
    This is SGDM: λ multiplies the old memory, or the new memory is the whole step.

    One index sets SGDM apart from Nesterov: which memory does λ multiply in the last line? And
    look what stands beside that term.
""")

exercise.mistake("sec-change-of-variables", "old_memory_returned", keeps={"m": "m_old"})("""
    The new θ′ is right, but the m that came back is the old one.

    The next step would forget this gradient. Which m do you return?
""")

exercise.mistake("sec-change-of-variables", "gradient_left_out", move="-momentum * m")("""
    The last term is missing: θ′ moves by λm alone.

    The gradient stands in both lines: in the memory, and once more in the step.
""")

exercise.mistake("sec-change-of-variables", "rate_forgotten_in_step", move="-momentum * m - g")("""
    η is missing before the gradient in the step.

    The memory is right. Look at the last term of the step.
""")

exercise.mistake("sec-change-of-variables", "rate_twice", move="-lr * (momentum * m + g)")("""
    η multiplies the memory in the step, too.

    η is already inside the memory; in the step it belongs to the gradient alone.
""")

exercise.mistake(
    "sec-momentum-dialects", "rate_outside", m="momentum * m + g", move="-lr * (momentum * m + g)"
)("""
    η stands outside the memory: this is PyTorch's dialect, with nesterov=True.

    It makes the same path only as long as η is constant. Here each gradient goes into the memory
    with the η of its own step.
""")

exercise.mistake("sec-change-of-variables", "momentum_forgotten", move="-m - lr * g")("""
    λ is missing in the step: the gradient is counted twice in full.

    The memory already holds the new gradient. Which part of the memory carries on?
""")

exercise.mistake("sec-change-of-variables", "theta_returned", move="-lr * g")("""
    What came back is θ, not θ′.

    The two differ by λ times the new memory. The step must end in the variables it began with.
""")

exercise.mistake("sec-change-of-variables", "memory_sign", move="momentum * m - lr * g")("""
    The sign before λm is wrong in the step.

    θ′ moves against the memory and against the gradient.
""")

exercise.mistake("sec-change-of-variables", "gradient_sign", move="-momentum * m + lr * g")("""
    The sign before the gradient is wrong in the step.

    θ′ moves against the memory and against the gradient.
""")

exercise.mistake("sec-change-of-variables", "memory_reversed", m="-momentum * m + lr * g")("""
    The sign of λ in the memory is wrong.

    The old memory is kept, not taken away. Look at the sign before λ m in the first line.
""")
