"""The change of variables, from θ′ back to θ (row R4)."""

from exercises import Exercise

exercise = Exercise(
    "The change of variables: back to θ",
    row="R4",
    read="sec-change-of-variables",
    returns=("theta",),
    statement=r"""
    A library that runs Nesterov in the changed variables leaves you $\theta'_t$ and $m_t$. From

    $$
    \theta'_t = \theta_t - \lambda m_t
    $$

    find the parameters $\theta_t$ that the look-ahead form would have. It must work for single
    numbers and for arrays.
    """,
)


@exercise.solution
def from_shifted(theta_prime, m, momentum):
    """From the shifted parameters back to the parameters.

    theta_prime: the shifted parameters, a number or an array
    m: the momentum, of the same shape
    momentum: the momentum coefficient λ

    Returns theta.
    """
    return theta_prime + momentum * m


@exercise.reference
def reference(theta_prime, m, momentum):
    return theta_prime + momentum * m


@exercise.probe
def probe(draw):
    return draw.array(), draw.array(), draw.momentum()


@exercise.mistake("sec-change-of-variables")
def shifted_again(theta_prime, m, momentum):
    """The sign is wrong: this shifts once more, away from θ.

    Solve the equation for θ.
    """
    return theta_prime - momentum * m


@exercise.mistake("sec-change-of-variables")
def momentum_forgotten(theta_prime, m, momentum):
    """λ is missing: the shift is the whole memory.

    The two points are λm apart.
    """
    return theta_prime + m


@exercise.mistake("sec-change-of-variables")
def divided(theta_prime, m, momentum):
    """Something is divided by λ.

    λ multiplies the memory only. To undo a shift, shift back; nothing is divided.
    """
    return theta_prime + m / momentum


@exercise.mistake("sec-change-of-variables")
def all_divided(theta_prime, m, momentum):
    """All is divided by λ.

    λ multiplies the memory only. To undo a shift, shift back; nothing is divided.
    """
    return (theta_prime + m) / momentum
