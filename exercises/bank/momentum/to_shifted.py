"""The change of variables, from θ to θ′ (row R4)."""

from exercises import Exercise

exercise = Exercise(
    "The change of variables: to θ′",
    row="R4",
    read="sec-change-of-variables",
    returns=("theta_prime",),
    statement=r"""
    Nesterov's gradient is taken at $\theta_t - \lambda m_t$, not at $\theta_t$. The trick is to
    make that point the parameters:

    $$
    \theta'_t = \theta_t - \lambda m_t
    $$

    Write this change of variables. It must work for single numbers and for arrays.
    """,
)


@exercise.solution
def to_shifted(theta, m, momentum):
    """From the parameters to the shifted ones.

    theta: the parameters, a number or an array
    m: the momentum, of the same shape
    momentum: the momentum coefficient λ

    Returns theta_prime, where the next gradient is taken.
    """
    return theta - momentum * m


@exercise.reference
def reference(theta, m, momentum):
    return theta - momentum * m


@exercise.probe
def probe(draw):
    return draw.array(), draw.array(), draw.momentum()


@exercise.mistake("sec-change-of-variables")
def way_back(theta, m, momentum):
    """The sign is wrong: this is the way back, from θ′ to θ.

    Momentum will carry the parameters by −λm, and θ′ is where they will be.
    """
    return theta + momentum * m


@exercise.mistake("sec-change-of-variables")
def momentum_forgotten(theta, m, momentum):
    """λ is missing: the shift is the whole memory.

    Only a part λ of the memory is carried into the next step.
    """
    return theta - m


@exercise.mistake("sec-change-of-variables")
def complement(theta, m, momentum):
    """The shift is (1 − λ) m.

    λ is the part of the memory that is kept, and that part is the shift.
    """
    return theta - (1 - momentum) * m


@exercise.mistake("sec-change-of-variables")
def parameters_scaled(theta, m, momentum):
    """λ multiplies θ.

    λ belongs to the memory; the parameters are shifted, not scaled.
    """
    return momentum * theta - m


@exercise.mistake("sec-change-of-variables")
def shift_alone(theta, m, momentum):
    """This is the shift alone.

    The shift is right; it has not been added to the parameters.
    """
    return -momentum * m
