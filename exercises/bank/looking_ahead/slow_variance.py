"""How far Lookahead's slow weights scatter, in units of SGD (row R20)."""

import numpy as np

from exercises import Exercise
from optlib import lookahead, sgd

exercise = Exercise(
    "The variance of the slow weights",
    row="R20",
    read="sec-lookahead-variance",
    returns=("ratio",),
    statement=r"""
    On a parabola of curvature $h$ with noisy gradients SGD multiplies its distance by
    $A = 1 - \eta h$ at each step, and its iterates settle to a variance $V$. Around it Lookahead
    goes $k$ steps forward and then keeps a part $\alpha$ of the way. Its slow weights settle to
    another variance, with the same $\eta$. Write the function that gives the ratio

    $$
    \frac{V_{\text{slow}}}{V}
    $$

    from $\eta h$, $k$ and $\alpha$.
    """,
)


@exercise.solution
def slow_variance(x, k, alpha):
    """The variance of Lookahead's slow weights over that of SGD with the same rate.

    x: the learning rate times the curvature, η h, between 0 and 2
    k: steps of SGD from one synchronization to the next
    alpha: the part α of the way that the slow weights go, above 0

    Returns the ratio, a number.
    """
    forward = (1 - x) ** k
    kept = 1 - alpha + alpha * forward
    return alpha**2 * (1 - forward**2) / (1 - kept**2)


@exercise.reference
def reference(x, k, alpha):
    # The rule itself, one round of k steps in k + 1 runs: what is left at its end of a distance of
    # 1 at its start, and of a push of 1 at each of its steps.
    ahead = lookahead(sgd)
    theta = np.append(1.0, np.zeros(k))
    state = ahead.init(theta)
    for t in range(1, k + 1):
        push = (np.arange(k + 1) == t).astype(float)
        theta, state = ahead.step(theta, x * theta + push, state, t, lr=1.0, k=k, alpha=alpha)
    distance, *pushes = state["slow"]
    return np.sum(np.square(pushes)) / (1 - distance**2) * (1 - (1 - x) ** 2)


@exercise.probe
def probe(draw):
    k, x = int(draw.rng.integers(2, 7)), draw.number(0.05, 0.6)
    alpha = draw.number(0.55, 0.9) if draw.rng.integers(2) else draw.number(0.15, 0.45)
    if draw.shape == (3,):  # one that jumps over the minimum, and ends on the other side
        return draw.number(1.4, 1.8), 3, alpha
    return x, k, alpha


@exercise.mistake("sec-lookahead-variance")
def noise_once(x, k, alpha):
    """The fast weights' variance after k steps is taken to be all of V.

    They begin each round from a point without new noise. What is there after k steps?
    """
    forward = (1 - x) ** k
    return alpha**2 / (1 - (1 - alpha + alpha * forward) ** 2)


@exercise.mistake("sec-lookahead-variance")
def not_squared(x, k, alpha):
    """The noise of a round is multiplied by α and not by its square.

    What becomes of a variance when the number is multiplied by α?
    """
    forward = (1 - x) ** k
    return alpha * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)


@exercise.mistake("sec-lookahead-variance")
def one_power(x, k, alpha):
    """The noise of a round has the power k of A where the variance needs another.

    A distance shrinks by Aᵏ in k steps. And a variance?
    """
    forward = (1 - x) ** k
    return alpha**2 * (1 - forward) / (1 - (1 - alpha + alpha * forward) ** 2)


@exercise.mistake("sec-lookahead-variance")
def factor_not_squared(x, k, alpha):
    """The slow weights' variance is taken to shrink by the same factor as their mean.

    Square what the distance is multiplied by.
    """
    forward = (1 - x) ** k
    return alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward))


@exercise.mistake("sec-lookahead-variance")
def independent(x, k, alpha):
    """The old slow weights and the fast ones are added as if they were independent.

    The fast weights begin where the slow ones are. Add the factors first and square then.
    """
    forward = (1 - x) ** k
    return alpha**2 * (1 - forward**2) / (1 - (1 - alpha) ** 2 - alpha**2 * forward**2)


@exercise.mistake("sec-lookahead-variance")
def half_cross_term(x, k, alpha):
    """The mixed term in the denominator is there once and not twice.

    Multiply the square of the sum out.
    """
    forward = (1 - x) ** k
    top = alpha**2 * (1 - forward**2)
    return top / (top + alpha * (1 - alpha) * (1 - forward))


@exercise.mistake("sec-lookahead-variance")
def forgotten(x, k, alpha):
    """Aᵏ is left out or cancels, as if k were endless.

    After k steps the fast weights still remember where they began.
    """
    return alpha**2 / (1 - (1 - alpha) ** 2)


@exercise.mistake("sec-lookahead-variance")
def one_step(x, k, alpha):
    """This is right for k = 1 alone, and there Lookahead is SGD with the rate α η.

    What becomes of a distance in k steps?
    """
    forward = 1 - x
    return alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)


@exercise.mistake("sec-lookahead-variance")
def alpha_swapped(x, k, alpha):
    """α and 1 − α are swapped.

    With α = 1 Lookahead is SGD, and the ratio is 1.
    """
    forward, alpha = (1 - x) ** k, 1 - alpha
    return alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)


@exercise.mistake("sec-lookahead-variance")
def x_for_factor(x, k, alpha):
    """SGD's factor is taken to be η h.

    One step goes from θ to θ − η h θ. What is left of θ?
    """
    forward = x**k
    return alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)


@exercise.mistake("sec-lookahead-variance")
def spread(x, k, alpha):
    """This is the ratio of the standard deviations.

    The ratio of the variances is asked for.
    """
    forward = (1 - x) ** k
    return (alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)) ** 0.5


@exercise.mistake("sec-lookahead-variance")
def inverted(x, k, alpha):
    """The ratio is turned round.

    Lookahead's variance goes above the line.
    """
    forward = (1 - x) ** k
    return (1 - (1 - alpha + alpha * forward) ** 2) / (alpha**2 * (1 - forward**2))


@exercise.mistake("sec-lookahead-variance")
def fast_variance(x, k, alpha):
    """This is the variance of the fast weights, right before a synchronization.

    The slow weights are asked for.
    """
    forward = (1 - x) ** k
    slow = alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)
    return forward**2 * slow + 1 - forward**2


@exercise.mistake("sec-lookahead-variance")
def absolute(x, k, alpha):
    """This is the variance itself, in units of the noise, and not its ratio to SGD's.

    Divide by what SGD has.
    """
    forward = (1 - x) ** k
    slow = alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)
    return slow * x / (2 - x)


@exercise.mistake("sec-lookahead-variance")
def without_sign(x, k, alpha):
    """A is taken without its sign.

    Beyond η h = 1 each step ends on the other side of the minimum. Where do k of them end?
    """
    forward = abs(1 - x) ** k
    return alpha**2 * (1 - forward**2) / (1 - (1 - alpha + alpha * forward) ** 2)


@exercise.mistake("sec-lookahead-variance")
def of_the_mean(x, k, alpha):
    """This is the factor of the mean in a round.

    The noise of a round is missing. Which variance is gained and which is lost in a round?
    """
    return 1 - alpha + alpha * (1 - x) ** k
