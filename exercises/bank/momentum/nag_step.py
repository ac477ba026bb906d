"""One step of Nesterov's accelerated gradient, look-ahead form (row R4)."""

from exercises import Step
from optlib import nag_lookahead

exercise = Step(
    "One step of Nesterov: look into the future",
    nag_lookahead,
    row="R4",
    read="sec-nag-lookahead",
    statement=r"""
    Momentum will carry the parameters on by $-\lambda m_{t-1}$ whatever the gradient says. So
    Nesterov takes the gradient there, where they are about to be:

    $$
    {equations}
    $$

    Write that step. This time you get the gradient *function* `grad`, as it must be called away
    from $\theta_{t-1}$. It must work for single numbers and for arrays.
    """,
)


@exercise.solution
def nag_step(theta, m, grad, lr, momentum):
    """One step of NAG in the look-ahead form.

    theta: the parameters, a number or an array
    m: the momentum before the step, of the same shape
    grad: the gradient function; grad(x) is the gradient at x
    lr: the learning rate η
    momentum: the momentum coefficient λ

    Returns the new theta and the new m, in this order.
    """
    m = momentum * m + lr * grad(theta - momentum * m)
    return theta - m, m


exercise.mistake("sec-nag-lookahead", "gradient_at_theta", m="momentum * m + lr * grad(theta)")("""
    The gradient is taken at θ: this is SGDM, which does not look ahead.

    Where will the parameters be after momentum has carried them on? Take the gradient there.
""")

exercise.mistake(
    "sec-nag-lookahead", "look_back", m="momentum * m + lr * grad(theta + momentum * m)"
)("""
    The gradient is taken behind θ, at θ + λm.

    The parameters move by −m: which way is the future?
""")

exercise.mistake("sec-nag-lookahead", "look_too_far", m="momentum * m + lr * grad(theta - m)")("""
    The look ahead goes too far, to θ − m.

    Only a part λ of the old memory is carried into the next step.
""")

exercise.mistake(
    "sec-nag-lookahead", "look_with_rate", m="momentum * m + lr * grad(theta - lr * momentum * m)"
)("""
    The look ahead is multiplied by η.

    η is already inside the memory. Which part of the old memory is carried on?
""")

exercise.mistake(
    "sec-nag-lookahead", "memory_reversed", m="-momentum * m + lr * grad(theta - momentum * m)"
)("""
    The look ahead is right, but the sign of λ in the memory is wrong.

    The old memory is kept, not taken away. Look at the sign before λ m.
""")

exercise.mistake("sec-nag-lookahead", "uphill", move="m")("""
    The step goes uphill.

    The memory is right. Look at the sign between θ and m.
""")

exercise.mistake(
    "sec-momentum-dialects",
    "rate_outside",
    m="momentum * m + grad(theta - momentum * m)",
    move="-lr * m",
)("""
    η stands outside the memory.

    Then the look ahead by λm is no longer where momentum carries θ. Each gradient goes into the
    memory with the η of its own step.
""")

exercise.mistake(
    "sec-momentum-dialects",
    "rate_outside_throughout",
    m="momentum * m + grad(theta - lr * momentum * m)",
    move="-lr * m",
)("""
    η stands outside the memory, in the look ahead and in the step.

    It makes the same path only as long as η is constant. Each gradient goes into the memory with
    the η of its own step.
""")

exercise.mistake("sec-momentum-dialects", "rate_forgotten", lr="1")("""
    The learning rate is missing.

    Look at what multiplies the gradient in the memory.
""")

exercise.mistake("sec-nag-lookahead", "old_memory_used", move="-m_old")("""
    The step is made with the old memory.

    The memory comes first, then the step, which uses the new one.
""")

exercise.mistake("sec-nag-lookahead", "old_memory_returned", keeps={"m": "m_old"})("""
    The new θ is right, but the m that came back is the old one.

    The next step would forget this gradient. Which m do you return?
""")

exercise.mistake("sec-nag-lookahead", "step_from_ahead", move="-momentum * m_old - m")("""
    The step starts from where you looked, so that λm is counted twice.

    Looking ahead does not move the parameters: take the gradient there, then step from θ.
""")

exercise.mistake(
    "sec-change-of-variables",
    "looked_twice",
    move="-momentum * m - lr * grad(theta - momentum * m_old)",
)("""
    You look ahead twice: the gradient is taken at θ − λm, and the step is that of the θ′ form.

    The form with λ times the new memory belongs to θ′, whose gradient is taken where it stands.
    Here θ moves by the new memory.
""")

exercise.mistake("sec-change-of-variables", "ahead_returned", move="-m - momentum * m")("""
    What came back is the next point to look from, θ′ = θ − λm, not θ.

    θ is what the equations update; θ′ is what libraries store in its place.
""")

exercise.mistake(
    "sec-change-of-variables",
    "shifted_form",
    m="momentum * m + lr * grad(theta)",
    move="-momentum * m - lr * grad(theta)",
)("""
    This is the form after the change of variables, which libraries run.

    It is Nesterov's too, but its parameters are θ′ = θ − λm. Here you get θ, so the look ahead is
    yours to make.
""")
