"""The factor that rectifies the variance (row R18)."""

import numpy as np
from scipy.special import gammaln

from exercises import Exercise

exercise = Exercise(
    "The rectifier",
    row="R18",
    read="sec-radam-rectifier",
    returns=("r",),
    statement=r"""
    To first order the adaptive rate from an average of length $\rho$ has the variance

    $$
    \operatorname{Var}(\rho) = \frac{\rho}{2\,(\rho-2)\,(\rho-4)\,\sigma^2}, \qquad \rho > 4 .
    $$

    RAdam multiplies the rate by the factor $r$ with which its variance is that of the long run, of
    the length $\rho_\infty$. Write the function that finds this factor. Where $\rho \le 4$ there is
    none: return 0 there.
    """,
)


@exercise.solution
def rectifier(rho, rho_inf):
    """The factor r that gives the adaptive rate the variance of the long run.

    rho: the length ρ of the average at this step
    rho_inf: its length ρ∞ in the long run, larger than 4

    Returns r, a number; 0 where ρ is at most 4.
    """
    if rho <= 4:
        return 0.0
    square = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
    return np.sqrt(square)


def variance(rho):
    """The variance to first order, in units of 1/σ²."""
    return rho / (2 * (rho - 2) * (rho - 4))


@exercise.reference
def reference(rho, rho_inf):
    return np.sqrt(variance(rho_inf) / variance(rho)) if rho > 4 else 0.0


@exercise.probe
def probe(draw):
    # By turns, so that no kind of length is ever left out.
    kinds = {(): (9, 60), (2,): (2.1, 3.9), (3,): (4.05, 4.95), (2, 2): (5.05, 9)}
    return draw.number(*kinds[draw.shape]), draw.number(60, 2000)


@exercise.mistake("sec-radam-rectifier")
def without_root(rho, rho_inf):
    """This is the square of the factor.

    By what does the variance grow when the rate is multiplied by r?
    """
    return variance(rho_inf) / variance(rho) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def fourth_root(rho, rho_inf):
    """One root too many.

    The variance goes with the square of the factor, not with its fourth power.
    """
    return (variance(rho_inf) / variance(rho)) ** 0.25 if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def upside_down(rho, rho_inf):
    """The fraction is upside down.

    The early rate scatters more. Must the factor be above 1 or below?
    """
    return np.sqrt(variance(rho) / variance(rho_inf)) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def not_for_the_long_run(rho, rho_inf):
    """The length of the long run is missing.

    The factor must go to 1 as ρ goes to ρ∞. Put ρ = ρ∞ in.
    """
    return np.sqrt((rho - 4) * (rho - 2) / rho) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def four_alone(rho, rho_inf):
    """Only the factors with the 4 are there.

    Write the two variances out, one above the other. Three factors of each have ρ in them.
    """
    return np.sqrt((rho - 4) / (rho_inf - 4)) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def lengths_forgotten(rho, rho_inf):
    """The factors ρ and ρ∞ themselves are missing.

    The variance has one more ρ than its denominator shows.
    """
    square = (rho - 4) * (rho - 2) / ((rho_inf - 4) * (rho_inf - 2))
    return np.sqrt(square) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def lengths_swapped(rho, rho_inf):
    """ρ and ρ∞ themselves have changed places.

    The fraction is turned over as a whole, the numerator of the variance too.
    """
    square = (rho - 4) * (rho - 2) * rho / ((rho_inf - 4) * (rho_inf - 2) * rho_inf)
    return np.sqrt(square) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def two_forgotten(rho, rho_inf):
    """The factors with the 2 are missing.

    Write the two variances out, one above the other. Three factors of each have ρ in them.
    """
    square = (rho - 4) * rho_inf / ((rho_inf - 4) * rho)
    return np.sqrt(square) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rate")
def of_the_square(rho, rho_inf):
    """This is made from the variance of ψ², the inverse of the average itself.

    The rate ψ has a root in it. Which of the two variances is asked for?
    """

    def other(n):
        return 2 * n**2 / ((n - 2) ** 2 * (n - 4))

    return np.sqrt(other(rho_inf) / other(rho)) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def of_the_exact_variance(rho, rho_inf):
    """This is made from the exact variance.

    It would be the better factor. RAdam's is made from the variance to first order.
    """

    def exact(n):
        return n / (n - 2) - n / 2 * np.exp(2 * gammaln((n - 1) / 2) - 2 * gammaln(n / 2))

    return np.sqrt(exact(rho_inf) / exact(rho)) if rho > 4 else 0.0


@exercise.mistake("sec-radam-rectifier")
def long_average(rho, rho_inf):
    """This is the factor for long averages alone.

    There the variance is about 1 over 2ρ. At ρ = 5 that is far off: keep the 2 and the 4.
    """
    return np.sqrt(rho / rho_inf) if rho > 4 else 0.0


@exercise.mistake("sec-radam-dialects")
def from_five_on(rho, rho_inf):
    """It waits until ρ is 5.

    So do some libraries. Where does the variance begin to exist?
    """
    return np.sqrt(variance(rho_inf) / variance(rho)) if rho > 5 else 0.0


@exercise.mistake("sec-radam-rectifier")
def one_before(rho, rho_inf):
    """Where ρ is at most 4, the factor is 1.

    The step without a factor belongs to the rule. This function is to return 0 there.
    """
    return np.sqrt(variance(rho_inf) / variance(rho)) if rho > 4 else 1.0


@exercise.mistake("sec-radam-rectifier")
def sign_dropped(rho, rho_inf):
    """Where ρ is at most 4, the root is taken all the same, of the fraction without its sign.

    A negative fraction says that there is no variance to rectify. What is to come back then?
    """
    return np.sqrt(abs(variance(rho_inf) / variance(rho)))


@exercise.mistake("sec-radam-rectifier")
def always(rho, rho_inf):
    """The case of a short average is missing.

    Between 2 and 4 the fraction is negative and has no root. Ask for ρ > 4 first.
    """
    with np.errstate(invalid="ignore"):
        return np.sqrt(variance(rho_inf) / variance(rho))
