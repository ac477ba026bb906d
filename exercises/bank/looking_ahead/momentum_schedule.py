"""The libraries' momentum schedule for Nadam (row R21)."""

import numpy as np

from exercises import Exercise
from optlib import nadam_schedule

exercise = Exercise(
    "Nadam's momentum schedule",
    row="R21",
    read="sec-nadam-schedule",
    returns=("product", "of_m", "of_g"),
    statement=r"""
    In the libraries' Nadam the momentum grows from step to step, and the corrections need the
    product of all momenta so far:

    $$
    \mu_t = \beta_1\left(1 - 0.5\cdot 0.96^{\psi t}\right), \qquad
    \Pi_t = \mu_1\,\mu_2\cdots\mu_t ,
    $$

    $$
    \hat m_t = \underbrace{\frac{\mu_{t+1}}{1-\Pi_t\,\mu_{t+1}}}_{\text{factor of } m}\, m_t
    + \underbrace{\frac{1-\mu_t}{1-\Pi_t}}_{\text{factor of } g}\, g_{t-1} .
    $$

    Write the function that finds $\Pi_t$ and the two factors for the first `steps` steps, each an
    array whose first number is that of $t = 1$.
    """,
)


@exercise.solution
def momentum_schedule(steps, beta1, psi):
    """What Nadam's momentum schedule makes of the first steps.

    steps: the number of steps; the first one has t = 1
    beta1: the momentum β₁ that the schedule grows to
    psi: how fast it grows, ψ

    Returns three arrays, a number a step: the products Π, the factors of m and the factors of g.
    """
    t = np.arange(1, steps + 2)  # one more than asked for: the last step looks ahead
    mu = beta1 * (1 - 0.5 * 0.96 ** (psi * t))
    product = np.cumprod(mu)
    return product[:-1], mu[1:] / (1 - product[1:]), (1 - mu[:-1]) / (1 - product[:-1])


@exercise.reference
def reference(steps, beta1, psi):
    # The rule itself. With m = 1 and g = 0, and then with m = 0 and g = 1, its move shows one
    # factor after the other; with β₂ = 0 and ε = 1 the denominator is 1 and 2.
    hyper = {"lr": 1.0, "beta1": beta1, "beta2": 0.0, "eps": 1.0, "momentum_decay": psi}
    product, rows = 1.0, []
    for t in range(1, steps + 1):
        given = {"v": 0.0, "product": product}
        of_m, state = nadam_schedule.step(0.0, 0.0, {"m": 1 / beta1, **given}, t, **hyper)
        of_g, _ = nadam_schedule.step(0.0, 1.0, {"m": 1 - 1 / beta1, **given}, t, **hyper)
        product = state["product"]
        rows.append((product, -of_m, -2 * of_g))
    return tuple(np.array(rows, dtype=float).T)


@exercise.probe
def probe(draw):
    steps = {(): 1, (2,): 2, (3,): 3, (2, 2): int(draw.rng.integers(4, 9))}[draw.shape]
    return steps, draw.number(0.6, 0.95), draw.number(0.5, 8)


def momenta(steps, beta1, psi):
    """The momenta of the steps, and of the steps after them, as they should be."""
    t = np.arange(1, steps + 1)
    return tuple(beta1 * (1 - 0.5 * 0.96 ** (psi * k)) for k in (t, t + 1))


def factors(mu, later, product):
    """Products and factors from momenta that may be wrong."""
    with np.errstate(divide="ignore"):
        return product, later / (1 - product * later), (1 - mu) / (1 - product)


def of(schedule, steps):
    """All of it, for a schedule t ↦ μ_t that may be wrong."""
    t = np.arange(1, steps + 1)
    mu = schedule(t)
    return factors(mu, schedule(t + 1), np.cumprod(mu))


# The momenta.


@exercise.mistake("sec-nadam-schedule")
def constant(steps, beta1, psi):
    """The momentum is β₁ at every step: nothing is scheduled.

    That is the lecture's form. What does the bracket do to β₁?
    """
    return of(lambda t: beta1 + 0.0 * t, steps)


@exercise.mistake("sec-nadam-schedule")
def half(steps, beta1, psi):
    """The momentum is β₁/2 at every step, as with ψ = 0.

    Which number in the schedule changes from step to step?
    """
    return of(lambda t: beta1 / 2 + 0.0 * t, steps)


@exercise.mistake("sec-nadam-schedule")
def half_missing(steps, beta1, psi):
    """The factor 0.5 is missing.

    Then the momentum would grow from zero. From where should it grow?
    """
    return of(lambda t: beta1 * (1 - 0.96 ** (psi * t)), steps)


@exercise.mistake("sec-nadam-schedule")
def numbers_swapped(steps, beta1, psi):
    """0.5 and 0.96 are swapped.

    Which of the two is raised to a power?
    """
    return of(lambda t: beta1 * (1 - 0.96 * 0.5 ** (psi * t)), steps)


@exercise.mistake("sec-nadam-schedule")
def product_raised(steps, beta1, psi):
    """0.5 and 0.96 are multiplied before the power is taken.

    What does the power stand on?
    """
    return of(lambda t: beta1 * (1 - (0.5 * 0.96) ** (psi * t)), steps)


@exercise.mistake("sec-nadam-schedule")
def power_brackets(steps, beta1, psi):
    """ψ is a factor, not in the exponent: its brackets are missing.

    Python takes the power first. What is all of the exponent?
    """
    return of(lambda t: beta1 * (1 - 0.5 * 0.96**t * psi), steps)


@exercise.mistake("sec-nadam-dialects")
def psi_forgotten(steps, beta1, psi):
    """The exponent is t alone: ψ is missing.

    So it is in Keras, whose ψ is 1. Here it is an argument.
    """
    return of(lambda t: beta1 * (1 - 0.5 * 0.96**t), steps)


@exercise.mistake("sec-nadam-schedule")
def psi_divides(steps, beta1, psi):
    """The exponent is t/ψ.

    Does a larger ψ make the momentum grow faster or more slowly?
    """
    return of(lambda t: beta1 * (1 - 0.5 * 0.96 ** (t / psi)), steps)


@exercise.mistake("sec-nadam-schedule")
def beta1_forgotten(steps, beta1, psi):
    """β₁ is missing: the momentum grows to 1.

    Where is the schedule to end?
    """
    return of(lambda t: 1 - 0.5 * 0.96 ** (psi * t), steps)


@exercise.mistake("sec-nadam-schedule")
def beta1_inside(steps, beta1, psi):
    """The bracket is missing: β₁ stands in front of the 1 alone.

    All of the bracket is multiplied by β₁. What is left of the second part?
    """
    return of(lambda t: beta1 - 0.5 * 0.96 ** (psi * t), steps)


@exercise.mistake("sec-nadam-schedule")
def from_zero(steps, beta1, psi):
    """The steps are counted from 0.

    The first number of each array is that of t = 1.
    """
    return of(lambda t: beta1 * (1 - 0.5 * 0.96 ** (psi * (t - 1))), steps)


@exercise.mistake("sec-nadam-schedule")
def from_two(steps, beta1, psi):
    """The steps are counted from 2.

    The first number of each array is that of t = 1. Does your code count on before it begins?
    """
    return of(lambda t: beta1 * (1 - 0.5 * 0.96 ** (psi * (t + 1))), steps)


# The product.


@exercise.mistake("sec-nadam-schedule")
def product_from_zero(steps, beta1, psi):
    """The product began at 0 and stays there.

    What is a product of no factors at all?
    """
    mu, later = momenta(steps, beta1, psi)
    return factors(mu, later, 0 * mu)


@exercise.mistake("sec-nadam-schedule")
def product_late(steps, beta1, psi):
    """The product is one factor behind: that of this step comes in afterwards.

    At t = 1 your gradient part divides by 1 − 1. Which factors are in Π₁?
    """
    mu, later = momenta(steps, beta1, psi)
    product = np.cumprod(mu)
    return factors(mu, later, product / mu)


@exercise.mistake("sec-nadam-schedule")
def late_in_factors(steps, beta1, psi):
    """The products are right, but the factors are made with the one before.

    At t = 1 your gradient part divides by 1 − 1. Update the product first.
    """
    mu, later = momenta(steps, beta1, psi)
    product = np.cumprod(mu)
    return product, *factors(mu, later, product / mu)[1:]


@exercise.mistake("sec-nadam-schedule")
def product_early(steps, beta1, psi):
    """The product has the momentum of the next step in it already.

    That factor belongs to the look-ahead alone. Which is the last factor of Πₜ?
    """
    mu, later = momenta(steps, beta1, psi)
    return factors(mu, later, np.cumprod(mu) * later)


@exercise.mistake("sec-nadam-schedule")
def early_kept(steps, beta1, psi):
    """The factors are right, but the products that came back are those of the look-ahead.

    The next step would count a momentum twice. Which is the last factor of Πₜ?
    """
    mu, later = momenta(steps, beta1, psi)
    product = np.cumprod(mu)
    return product * later, *factors(mu, later, product)[1:]


@exercise.mistake("sec-nadam-schedule")
def next_kept_in_product(steps, beta1, psi):
    """The product is multiplied by the next momentum at every step, not by this one's.

    Which is the first factor of Π₁?
    """
    mu, later = momenta(steps, beta1, psi)
    return factors(mu, later, np.cumprod(later))


@exercise.mistake("sec-nadam-schedule")
def power_of_beta1(steps, beta1, psi):
    """The product is β₁ᵗ, as if the momentum were constant.

    Which factors does Π have, now that they differ?
    """
    mu, later = momenta(steps, beta1, psi)
    return factors(mu, later, beta1 ** np.arange(1.0, steps + 1))


@exercise.mistake("sec-nadam-schedule")
def power_of_mu(steps, beta1, psi):
    """The product is the newest momentum to the power t.

    The earlier factors were smaller. How is a product kept up from step to step?
    """
    mu, later = momenta(steps, beta1, psi)
    return factors(mu, later, mu ** np.arange(1, steps + 1))


@exercise.mistake("sec-nadam-schedule")
def sum_for_product(steps, beta1, psi):
    """The momenta are added up, not multiplied.

    What does Π stand for?
    """
    mu, later = momenta(steps, beta1, psi)
    return factors(mu, later, np.cumsum(mu))


# The factors.


@exercise.mistake("sec-nadam-schedule")
def not_ahead(steps, beta1, psi):
    """The factor of m is made with the momentum of this step, not of the next.

    m is taken one step ahead. Which momentum applies there?
    """
    mu, later = momenta(steps, beta1, psi)
    product = np.cumprod(mu)
    return product, mu / (1 - product * mu), factors(mu, later, product)[2]


@exercise.mistake("sec-nadam-schedule")
def numerator_not_ahead(steps, beta1, psi):
    """Above the line of the factor of m stands the momentum of this step.

    The correction below looks ahead. Does what it corrects?
    """
    mu, later = momenta(steps, beta1, psi)
    product, of_m, of_g = factors(mu, later, np.cumprod(mu))
    return product, of_m * mu / later, of_g


@exercise.mistake("sec-nadam-schedule")
def denominator_not_ahead(steps, beta1, psi):
    """The correction of m lacks the momentum of the next step.

    How many factors has the product by which m is corrected in the next step?
    """
    mu, later = momenta(steps, beta1, psi)
    product, _, of_g = factors(mu, later, np.cumprod(mu))
    return product, later / (1 - product), of_g


@exercise.mistake("sec-nadam-schedule")
def gradient_ahead(steps, beta1, psi):
    """The factor of g is made with the momentum of the next step.

    The gradient belongs to this step. Which momentum goes with it?
    """
    mu, later = momenta(steps, beta1, psi)
    product, of_m, of_g = factors(mu, later, np.cumprod(mu))
    return product, of_m, of_g * (1 - later) / (1 - mu)


@exercise.mistake("sec-nadam-schedule")
def uncorrected(steps, beta1, psi):
    """The factors are not corrected.

    m begins at zero. What is the product for?
    """
    mu, later = momenta(steps, beta1, psi)
    return np.cumprod(mu), later, 1 - mu


@exercise.mistake("sec-nadam-schedule")
def multiplied(steps, beta1, psi):
    """The factors are multiplied by their corrections, not divided.

    An average that begins at zero is too small. Does your correction make it larger?
    """
    mu, later = momenta(steps, beta1, psi)
    product = np.cumprod(mu)
    return product, later * (1 - product * later), (1 - mu) * (1 - product)


@exercise.mistake("sec-nadam-schedule")
def correction_of_this_step(steps, beta1, psi):
    """Below the line of the factor of m the momentum of this step was multiplied in once more.

    Which momentum does Π get in the next step?
    """
    mu, later = momenta(steps, beta1, psi)
    product, _, of_g = factors(mu, later, np.cumprod(mu))
    return product, later / (1 - product * mu), of_g


@exercise.mistake("sec-nadam-schedule")
def beta1_in_factor_of_m(steps, beta1, psi):
    """Above the line of the factor of m stands β₁.

    The corrections are scheduled. What is scheduled beside them?
    """
    mu, later = momenta(steps, beta1, psi)
    product, of_m, of_g = factors(mu, later, np.cumprod(mu))
    return product, of_m * beta1 / later, of_g


@exercise.mistake("sec-nadam-schedule")
def beta1_in_factor_of_g(steps, beta1, psi):
    """Above the line of the factor of g stands 1 − β₁.

    The corrections are scheduled. What is scheduled beside them?
    """
    mu, later = momenta(steps, beta1, psi)
    product, of_m, of_g = factors(mu, later, np.cumprod(mu))
    return product, of_m, of_g * (1 - beta1) / (1 - mu)


@exercise.mistake("sec-nadam-schedule")
def bracket_early(steps, beta1, psi):
    """The bracket is closed after the 0.5: the momentum fades to zero.

    In which direction should the momentum go, and from what is the power taken away?
    """
    return of(lambda t: beta1 * (1 - 0.5) * 0.96 ** (psi * t), steps)


@exercise.mistake("sec-nadam-schedule")
def momenta_for_products(steps, beta1, psi):
    """The factors are right, but the momenta came back in place of their products.

    At t = 1 the two are equal. And at t = 2?
    """
    mu, later = momenta(steps, beta1, psi)
    return mu, *factors(mu, later, np.cumprod(mu))[1:]


@exercise.mistake("sec-nadam-schedule")
def powers_in_corrections(steps, beta1, psi):
    """The products are right, but the corrections are made with powers of β₁.

    What is it that the products are for?
    """
    mu, later = momenta(steps, beta1, psi)
    power = beta1 ** np.arange(1.0, steps + 1)
    return np.cumprod(mu), later / (1 - power * beta1), (1 - mu) / (1 - power)
