"""One step of SGD (row R2)."""

from exercises import Step
from optlib import sgd

exercise = Step(
    "One step of SGD",
    sgd,
    row="R2",
    read="sec-sgd-rule",
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


exercise.mistake("sec-sgd-rule", "uphill", move="lr * g")("""
    The step goes uphill.

    The gradient points where the loss grows. Look at the sign between θ and the step.
""")

exercise.mistake("sec-sgd-rule", "rate_forgotten", lr="1")("""
    The learning rate is missing.

    The gradient gives the direction; η says how far to go. Where does lr come in?
""")

exercise.mistake("sec-sgd-rule", "rate_divides", move="-g / lr")("""
    The step is divided by the learning rate.

    A larger η must make a larger step.
""")

exercise.mistake("sec-sgd-rule", "move_returned", move="-theta - lr * g")("""
    This is the move, not the new θ.

    The move is right; it has not been added to the parameters.
""")
