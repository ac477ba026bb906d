"""One step of SGD (row R2)."""

from exercises import Exercise
from optlib import sgd

exercise = Exercise(
    "One step of SGD",
    row="R2",
    read="sec-sgd-rule",
    returns=("theta",),
    equations=sgd.equations(),
    statement=r"""
    The gradient points uphill, so we go the other way, a step of the learning rate $\eta$ times
    the gradient:

    $$
    {equations}
    $$

    Write that step. It must work for a single number and for an array.
    """,
)


@exercise.solution
def sgd_step(theta, g, lr):
    """One step of SGD.

    theta: the parameters, a number or an array
    g: the gradient at theta, of the same shape
    lr: the learning rate η

    Returns the new theta.
    """
    return theta - lr * g


@exercise.reference
def reference(theta, g, lr):
    theta, _ = sgd.step(theta, g, {}, t=1, lr=lr)
    return theta


@exercise.probe
def probe(draw):
    return draw.array(), draw.array(), draw.lr()


@exercise.mistake("sec-sgd-rule")
def uphill(theta, g, lr):
    """The step goes uphill.

    The gradient points where the loss grows. Look at the sign between θ and the step.
    """
    return theta + lr * g


@exercise.mistake("sec-sgd-rule")
def rate_forgotten(theta, g, lr):
    """The learning rate is missing.

    The gradient gives the direction; η says how far to go. Where does lr come in?
    """
    return theta - g


@exercise.mistake("sec-sgd-rule")
def rate_divides(theta, g, lr):
    """The step is divided by the learning rate.

    A larger η must make a larger step.
    """
    return theta - g / lr


@exercise.mistake("sec-sgd-rule")
def move_returned(theta, g, lr):
    """This is the move, not the new θ.

    The move is right; it has not been added to the parameters.
    """
    return -lr * g
