"""One step of Nesterov's accelerated gradient, look-ahead form (row R4)."""

from exercises import Exercise
from optlib import nag_lookahead

exercise = Exercise(
    "One step of Nesterov: look into the future",
    row="R4",
    read="sec-nag-lookahead",
    returns=("theta", "m"),
    equations=nag_lookahead.equations(),
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


@exercise.reference
def reference(theta, m, grad, lr, momentum):
    theta, state = nag_lookahead.step(theta, grad, {"m": m}, t=1, lr=lr, momentum=momentum)
    return theta, state["m"]


@exercise.probe
def probe(draw):
    return draw.array(), draw.array(), draw.gradient(), draw.lr(), draw.momentum()


@exercise.mistake("sec-nag-lookahead")
def gradient_at_theta(theta, m, grad, lr, momentum):
    """The gradient is taken at θ: this is SGDM, which does not look ahead.

    Where will the parameters be after momentum has carried them on? Take the gradient there.
    """
    m = momentum * m + lr * grad(theta)
    return theta - m, m


@exercise.mistake("sec-nag-lookahead")
def look_back(theta, m, grad, lr, momentum):
    """The gradient is taken behind θ, at θ + λm.

    The parameters move by −m: which way is the future?
    """
    m = momentum * m + lr * grad(theta + momentum * m)
    return theta - m, m


@exercise.mistake("sec-nag-lookahead")
def look_too_far(theta, m, grad, lr, momentum):
    """The look ahead goes too far, to θ − m.

    Only a part λ of the old memory is carried into the next step.
    """
    m = momentum * m + lr * grad(theta - m)
    return theta - m, m


@exercise.mistake("sec-nag-lookahead")
def look_with_rate(theta, m, grad, lr, momentum):
    """The look ahead is multiplied by η.

    η is already inside the memory. Which part of the old memory is carried on?
    """
    m = momentum * m + lr * grad(theta - lr * momentum * m)
    return theta - m, m


@exercise.mistake("sec-nag-lookahead")
def memory_reversed(theta, m, grad, lr, momentum):
    """The look ahead is right, but the sign of λ in the memory is wrong.

    The old memory is kept, not taken away. Look at the sign before λ m.
    """
    m = -momentum * m + lr * grad(theta - momentum * m)
    return theta - m, m


@exercise.mistake("sec-nag-lookahead")
def uphill(theta, m, grad, lr, momentum):
    """The step goes uphill.

    The memory is right. Look at the sign between θ and m.
    """
    m = momentum * m + lr * grad(theta - momentum * m)
    return theta + m, m


@exercise.mistake("sec-momentum-dialects")
def rate_outside(theta, m, grad, lr, momentum):
    """η stands outside the memory.

    Then the look ahead by λm is no longer where momentum carries θ. Each gradient goes into the
    memory with the η of its own step.
    """
    m = momentum * m + grad(theta - momentum * m)
    return theta - lr * m, m


@exercise.mistake("sec-momentum-dialects")
def rate_outside_throughout(theta, m, grad, lr, momentum):
    """η stands outside the memory, in the look ahead and in the step.

    It makes the same path only as long as η is constant. Each gradient goes into the memory with
    the η of its own step.
    """
    m = momentum * m + grad(theta - lr * momentum * m)
    return theta - lr * m, m


@exercise.mistake("sec-momentum-dialects")
def rate_forgotten(theta, m, grad, lr, momentum):
    """The learning rate is missing.

    Look at what multiplies the gradient in the memory.
    """
    m = momentum * m + grad(theta - momentum * m)
    return theta - m, m


@exercise.mistake("sec-nag-lookahead")
def old_memory_used(theta, m, grad, lr, momentum):
    """The step is made with the old memory.

    The memory comes first, then the step, which uses the new one.
    """
    return theta - m, momentum * m + lr * grad(theta - momentum * m)


@exercise.mistake("sec-nag-lookahead")
def old_memory_returned(theta, m, grad, lr, momentum):
    """The new θ is right, but the m that came back is the old one.

    The next step would forget this gradient. Which m do you return?
    """
    return theta - (momentum * m + lr * grad(theta - momentum * m)), m


@exercise.mistake("sec-nag-lookahead")
def step_from_ahead(theta, m, grad, lr, momentum):
    """The step starts from where you looked, so that λm is counted twice.

    Looking ahead does not move the parameters: take the gradient there, then step from θ.
    """
    ahead = theta - momentum * m
    m = momentum * m + lr * grad(ahead)
    return ahead - m, m


@exercise.mistake("sec-change-of-variables")
def looked_twice(theta, m, grad, lr, momentum):
    """You look ahead twice: the gradient is taken at θ − λm, and the step is that of the θ′ form.

    The form with λ times the new memory belongs to θ′, whose gradient is taken where it stands.
    Here θ moves by the new memory.
    """
    g = grad(theta - momentum * m)
    m = momentum * m + lr * g
    return theta - momentum * m - lr * g, m


@exercise.mistake("sec-change-of-variables")
def ahead_returned(theta, m, grad, lr, momentum):
    """What came back is the next point to look from, θ′ = θ − λm, not θ.

    θ is what the equations update; θ′ is what libraries store in its place.
    """
    m = momentum * m + lr * grad(theta - momentum * m)
    return theta - m - momentum * m, m


@exercise.mistake("sec-change-of-variables")
def shifted_form(theta, m, grad, lr, momentum):
    """This is the form after the change of variables, which libraries run.

    It is Nesterov's too, but its parameters are θ′ = θ − λm. Here you get θ, so the look ahead is
    yours to make.
    """
    g = grad(theta)
    m = momentum * m + lr * g
    return theta - momentum * m - lr * g, m
