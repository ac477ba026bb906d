"""When RAdam leaves its beginning, and when it never does (row R19)."""

import numpy as np

from exercises import Exercise
from optlib import radam

exercise = Exercise(
    "How long does RAdam stay with momentum?",
    row="R19",
    read="sec-radam-swats",
    returns=("step",),
    statement=r"""
    SWATS looks at the gradients to find the step of its switch, and some runs have none. RAdam
    needs no gradients for it. Its steps are momentum alone until

    $$
    \rho_t > 4, \qquad
    \rho_t = \rho_\infty - \frac{2\,t\,\beta_2^{\,t}}{1-\beta_2^{\,t}}, \qquad
    \rho_\infty = \frac{2}{1-\beta_2} - 1 .
    $$

    From there on they are rectified. Write the function that finds the first rectified step of a
    run of so many steps. If the run has none, the answer is 0.
    """,
)


@exercise.solution
def momentum_steps(beta2, steps):
    """The first step of a run of RAdam that is rectified.

    beta2: the decay rate β₂
    steps: how many steps the run has

    Returns the number of the step, from 1; 0 if the run has no such step.
    """
    rho_inf = 2 / (1 - beta2) - 1
    for t in range(1, steps + 1):
        if rho_inf - 2 * t * beta2**t / (1 - beta2**t) > 4:
            return t
    return 0


@exercise.reference
def reference(beta2, steps):
    # The rule itself: a rectified step does not double with its gradients, another one does.
    once, twice = (
        np.asarray(radam.record([c] * steps, 0.0, steps, lr=1.0, beta2=beta2, eps=0.0)["move"])
        for c in (1.0, 2.0)
    )
    other = ~np.isclose(twice, 2 * once)
    return float(other.argmax() + 1 if other.any() else 0)


def rho(t, beta2):
    """The length of the average at step t."""
    return 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)


def first(lengths, bound=4):
    """The first step, from 1, whose length is above the bound, or 0."""
    return next((t for t, length in enumerate(lengths, start=1) if length > bound), 0)


@exercise.probe
def probe(draw):
    # The shape decides: a step in the midst of the run; none because the average is too short;
    # the last step; or one step too late, with a short memory.
    while True:
        ranges = {(2,): (0.3, 0.6), (2, 2): (0.64, 0.68)}
        beta2 = draw.number(*ranges.get(draw.shape, (0.7, 0.97)))
        if draw.shape == (2,):
            return beta2, int(draw.rng.integers(8, 20))
        lengths = [rho(t, beta2) for t in range(1, 40)]
        due = first(lengths)
        if due == 0 or min(abs(length - b) for length in lengths for b in (4, 5)) < 1e-3:
            continue
        steps = {(3,): due, (2, 2): due - 1}.get(draw.shape, due + int(draw.rng.integers(2, 20)))
        return beta2, steps


def searched(beta2, steps, length, bound=4):
    """The first step whose length is above the bound, with another formula of the length."""
    return first([length(t, beta2) for t in range(1, steps + 1)], bound)


@exercise.mistake("sec-radam-dialects")
def five(beta2, steps):
    """The bound is 5, as in PyTorch.

    The paper has another one. From where on is the variance finite?
    """
    return searched(beta2, steps, rho, 5)


@exercise.mistake("sec-radam-swats")
def how_many(beta2, steps):
    """This is the number of the steps before it.

    Asked is the first rectified step itself. From which number do you count?
    """
    found = momentum_steps(beta2, steps)
    return found - 1 if found else 0


@exercise.mistake("sec-radam-swats")
def one_late(beta2, steps):
    """This is the step after the first rectified one.

    The first step of the run is number 1.
    """
    found = momentum_steps(beta2, steps)
    return found + 1 if found else 0


@exercise.mistake("sec-radam-length")
def in_the_long_run(beta2, steps):
    """The length in the long run decides, as if the average were long from the first step on.

    Which length does the average have after t steps?
    """
    return searched(beta2, steps, lambda t, b: 2 / (1 - b) - 1)


@exercise.mistake("sec-radam-length")
def without_the_one(beta2, steps):
    """The 1 that is taken from 2 / (1 − β₂) is missing.

    Compare your ρ∞ with the formula.
    """
    return searched(beta2, steps, lambda t, b: rho(t, b) + 1)


@exercise.mistake("sec-radam-length")
def without_the_two(beta2, steps):
    """The factor 2 of the second term is missing.

    Compare what you take from ρ∞ with the formula.
    """
    return searched(beta2, steps, lambda t, b: 2 / (1 - b) - 1 - t * b**t / (1 - b**t))


@exercise.mistake("sec-radam-length")
def without_the_step(beta2, steps):
    """The factor t of the second term is missing.

    Compare what you take from ρ∞ with the formula.
    """
    return searched(beta2, steps, lambda t, b: 2 / (1 - b) - 1 - 2 * b**t / (1 - b**t))


@exercise.mistake("sec-radam-length")
def without_the_correction(beta2, steps):
    """The second term is not divided by 1 − β₂ᵗ.

    It is the weights' sum after t steps.
    """
    return searched(beta2, steps, lambda t, b: 2 / (1 - b) - 1 - 2 * t * b**t)


@exercise.mistake("sec-radam-swats")
def the_last_is_left_out(beta2, steps):
    """The last step of the run is not looked at.

    Where does your loop end?
    """
    return momentum_steps(beta2, steps - 1)


@exercise.mistake("sec-radam-swats")
def goes_on(beta2, steps):
    """It finds steps that the run does not have.

    How long is the run?
    """
    return searched(beta2, 100, rho)


@exercise.mistake("sec-radam-swats")
def the_end_anyway(beta2, steps):
    """Where no step is rectified, the number of steps is returned.

    Without such a step the answer is 0.
    """
    return momentum_steps(beta2, steps) or steps


@exercise.mistake("sec-radam-swats")
def always_the_fifth(beta2, steps):
    """It is step 5, whatever β₂ is, if the run is so long.

    That is so for β₂ from about 0.8 on. What does a shorter memory do?
    """
    return 5 if steps >= 5 else 0


@exercise.mistake("sec-radam-swats")
def turned_round(beta2, steps):
    """This is the first step of all, as its length is below the bound.

    Look at the sign: when is the variance finite?
    """
    return 1 if steps else 0


@exercise.mistake("sec-radam-swats")
def last_one(beta2, steps):
    """This is the last step of the run that is rectified, not the first.

    Does your loop stop when it has found one?
    """
    return steps if momentum_steps(beta2, steps) else 0


@exercise.mistake("sec-radam-swats")
def never(beta2, steps):
    """It is 0 on every run.

    Does a `return` end your loop at its first step? Is β₂ taken to the power of t?
    """
    return 0


@exercise.mistake("sec-radam-swats")
def too_few_is_none(beta2, steps):
    """Where no step is rectified, it is the step after the last one.

    A run without such a step has the answer 0.
    """
    return momentum_steps(beta2, steps) or steps + 1


@exercise.mistake("sec-radam-swats")
def count_before(beta2, steps):
    """This is how many steps of the run are not rectified.

    Asked is the number of the first one that is, and 0 if there is none.
    """
    return momentum_steps(beta2, steps) - 1 if momentum_steps(beta2, steps) else steps


@exercise.mistake("sec-radam-swats")
def count_after(beta2, steps):
    """This is how many steps of the run are rectified.

    Asked is the number of the first one.
    """
    found = momentum_steps(beta2, steps)
    return steps - found + 1 if found else 0


@exercise.mistake("sec-radam-swats")
def first_if_none(beta2, steps):
    """Where no step is rectified, it is step 1.

    `argmax` of nothing but False is 0, as if the first were True. Is there any?
    """
    return momentum_steps(beta2, steps) or 1


@exercise.mistake("sec-radam-swats")
def minus_one_if_none(beta2, steps):
    """Where no step is rectified, it is −1.

    Read the statement again: which number stands for "none"?
    """
    return momentum_steps(beta2, steps) or -1
