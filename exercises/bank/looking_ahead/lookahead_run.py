"""A Lookahead with three faults, to be repaired (row R20)."""

import numpy as np

from exercises import Exercise
from optlib import lookahead, sgd

exercise = Exercise(
    "Repair a Lookahead",
    row="R20",
    read="sec-lookahead-dialects",
    returns=("theta", "slow"),
    statement=r"""
    This loop is meant to run Lookahead around SGD, as the paper has it. It has three faults.

    ```python
    fast, slow = start, np.zeros_like(start)
    for step in range(steps):
        fast = fast - lr * gradient(fast)
        if step % k == 0:
            slow = slow + alpha * (fast - slow)
    return fast, slow
    ```

    Find them, and write the loop as it should be. The two weights are to be
    synchronized after every $k$-th step.
    """,
)


@exercise.solution
def lookahead_run(gradient, start, steps, lr, k, alpha):
    """A run of Lookahead around SGD.

    gradient: the gradient, a function of the weights
    start: where both weights begin, a number or an array
    steps: how many steps are taken
    lr: the learning rate η of SGD
    k: after how many steps the two weights are synchronized
    alpha: the part α of the way that the slow weights go

    Returns the fast weights theta and the slow weights after the last step, in this order.
    """
    ahead = slow = start
    for t in range(1, steps + 1):
        ahead = ahead - lr * gradient(ahead)
        if t % k == 0:
            ahead = slow = slow + alpha * (ahead - slow)
    return ahead, slow


@exercise.reference
def reference(gradient, start, steps, lr, k, alpha):
    ahead, theta = lookahead(sgd), start
    state = ahead.init(start)
    for t in range(1, steps + 1):
        theta, state = ahead.step(theta, gradient(theta), state, t, lr=lr, k=k, alpha=alpha)
    return theta, state["slow"]


@exercise.probe
def probe(draw):
    k = int(draw.rng.integers(2, 5))
    # Two or three whole rounds, and often a part of another one.
    steps = k * int(draw.rng.integers(2, 4)) + int(draw.rng.integers(k))
    start, alpha = draw.array(), draw.number(0.55, 0.9) - 0.4 * draw.rng.integers(2)
    return draw.gradient(), start, steps, draw.lr(), k, round(float(alpha), 2)


def run(
    gradient,
    start,
    steps,
    lr,
    k,
    alpha,
    *,
    slow=None,
    due=lambda t, k: t % k == 0,
    reset=True,
    first=True,
):
    """A run in which something is otherwise."""
    theta, slow = start, start if slow is None else slow
    for t in range(1, steps + 1):
        theta = theta - lr * gradient(theta)
        if due(t, k):
            slow = slow + alpha * (theta - slow) if first or t > k else theta
            theta = slow if reset else theta
    return theta, slow


def from_zero(t, k):
    """Whether a loop that counts its steps from 0 synchronizes at the t-th."""
    return (t - 1) % k == 0


@exercise.mistake("sec-lookahead-dialects")
def as_given(gradient, start, steps, lr, k, alpha):
    """Nothing is repaired: this is the loop with its three faults.

    Go through the first two rounds by hand.
    """
    zero = np.zeros_like(start)
    return run(gradient, start, steps, lr, k, alpha, slow=zero, due=from_zero, reset=False)


@exercise.mistake("sec-lookahead-dialects")
def slow_from_zero(gradient, start, steps, lr, k, alpha):
    """The slow weights begin at zero.

    Before the first step nothing has moved: where are both weights?
    """
    return run(gradient, start, steps, lr, k, alpha, slow=np.zeros_like(start))


@exercise.mistake("sec-lookahead-rule")
def counted_from_zero(gradient, start, steps, lr, k, alpha):
    """The steps are counted from 0, so that the first one synchronizes already.

    How many steps are to be taken before the first synchronization?
    """
    return run(gradient, start, steps, lr, k, alpha, due=from_zero)


@exercise.mistake("sec-lookahead-rule")
def fast_goes_on(gradient, start, steps, lr, k, alpha):
    """The fast weights are not set back.

    Where do they go on from after a synchronization?
    """
    return run(gradient, start, steps, lr, k, alpha, reset=False)


@exercise.mistake("sec-lookahead-dialects")
def zero_and_count(gradient, start, steps, lr, k, alpha):
    """One fault is repaired, and two are left: where the slow weights begin, and when they move.

    Go through the first round by hand.
    """
    return run(gradient, start, steps, lr, k, alpha, slow=np.zeros_like(start), due=from_zero)


@exercise.mistake("sec-lookahead-dialects")
def zero_and_fast(gradient, start, steps, lr, k, alpha):
    """One fault is repaired, and two are left: where the slow weights begin, and what the fast
    ones do after a synchronization.

    Go through the first two rounds by hand.
    """
    return run(gradient, start, steps, lr, k, alpha, slow=np.zeros_like(start), reset=False)


@exercise.mistake("sec-lookahead-rule")
def count_and_fast(gradient, start, steps, lr, k, alpha):
    """One fault is repaired, and two are left: when the weights are synchronized, and what the
    fast ones do after that.

    Go through the first two rounds by hand.
    """
    return run(gradient, start, steps, lr, k, alpha, due=from_zero, reset=False)


@exercise.mistake("sec-lookahead-dialects")
def first_synchronization(gradient, start, steps, lr, k, alpha):
    """The slow weights are taken at the first synchronization, which then does nothing.

    A library does that. In the paper they are there from the start.
    """
    return run(gradient, start, steps, lr, k, alpha, first=False)


@exercise.mistake("sec-lookahead-rule")
def every_step(gradient, start, steps, lr, k, alpha):
    """The weights are synchronized at every step.

    When is it due?
    """
    return run(gradient, start, steps, lr, k, alpha, due=lambda t, k: True)


@exercise.mistake("sec-lookahead-rule")
def one_late(gradient, start, steps, lr, k, alpha):
    """A round has k + 1 steps.

    The synchronization belongs to the k-th step.
    """
    return run(gradient, start, steps, lr, k + 1, alpha)


@exercise.mistake("sec-lookahead-rule")
def alpha_swapped(gradient, start, steps, lr, k, alpha):
    """α and 1 − α are swapped.

    With α = 1 the slow weights come all the way to the fast ones.
    """
    return run(gradient, start, steps, lr, k, 1 - alpha)


@exercise.mistake("sec-lookahead-rule")
def only_sgd(gradient, start, steps, lr, k, alpha):
    """The weights are never synchronized.

    This is SGD.
    """
    return run(gradient, start, steps, lr, k, alpha, due=lambda t, k: False)


@exercise.mistake("sec-lookahead-rule")
def only_fast(gradient, start, steps, lr, k, alpha):
    """The fast weights are right, but they are returned twice.

    Between two synchronizations the slow weights stand still.
    """
    theta, _ = run(gradient, start, steps, lr, k, alpha)
    return theta, theta


@exercise.mistake("sec-lookahead-rule")
def only_slow(gradient, start, steps, lr, k, alpha):
    """The slow weights are right, but they are returned twice.

    Between two synchronizations the fast weights go on.
    """
    _, slow = run(gradient, start, steps, lr, k, alpha)
    return slow, slow


@exercise.mistake("sec-lookahead-rule")
def set_back_whole(gradient, start, steps, lr, k, alpha):
    """The fast weights are set back to the slow weights as they were.

    Which slow weights do they take: the old or the new ones?
    """
    theta = slow = start
    for t in range(1, steps + 1):
        theta = theta - lr * gradient(theta)
        if t % k == 0:
            theta, slow = slow, slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def synchronized_at_last(gradient, start, steps, lr, k, alpha):
    """There is one more synchronization, after the last step.

    It is due at multiples of k only; what is left of a round stays with the fast weights.
    """
    theta, slow = run(gradient, start, steps, lr, k, alpha)
    if steps % k:
        theta = slow = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def gradient_at_slow(gradient, start, steps, lr, k, alpha):
    """The gradient is taken at the slow weights.

    SGD's steps are the fast weights' own: where do they see the slope?
    """
    theta = slow = start
    for t in range(1, steps + 1):
        theta = theta - lr * gradient(slow)
        if t % k == 0:
            theta = slow = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def first_round_longer(gradient, start, steps, lr, k, alpha):
    """The first round has one step too many.

    The steps are counted from 0, and step 0 is left out. How many steps have been taken at the
    first synchronization?
    """
    return run(gradient, start, steps, lr, k, alpha, due=lambda t, k: t > 1 and from_zero(t, k))


@exercise.mistake("sec-lookahead-rule")
def one_step_less(gradient, start, steps, lr, k, alpha):
    """One step is missing at the end.

    Where does a range that begins at 1 end?
    """
    return run(gradient, start, steps - 1, lr, k, alpha)


@exercise.mistake("sec-lookahead-rule")
def rounds_for_steps(gradient, start, steps, lr, k, alpha):
    """So many rounds are made as steps are due.

    `steps` are steps of SGD.
    """
    return run(gradient, start, steps * k, lr, k, alpha)


@exercise.mistake("sec-lookahead-rule")
def only_once(gradient, start, steps, lr, k, alpha):
    """The weights are synchronized at step k and never again.

    It is due at all multiples of k.
    """
    return run(gradient, start, steps, lr, k, alpha, due=lambda t, k: t == k)


@exercise.mistake("sec-lookahead-rule")
def from_then_on(gradient, start, steps, lr, k, alpha):
    """From the k-th step on the weights are synchronized at every step.

    It is due at multiples of k only.
    """
    return run(gradient, start, steps, lr, k, alpha, due=lambda t, k: t >= k)


@exercise.mistake("sec-lookahead-rule")
def before_the_step(gradient, start, steps, lr, k, alpha):
    """The weights are synchronized before the k-th step and not after it.

    Which of the two comes first in the loop that was given?
    """
    theta = slow = start
    for t in range(1, steps + 1):
        if t % k == 0:
            theta = slow = slow + alpha * (theta - slow)
        theta = theta - lr * gradient(theta)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def slow_stays(gradient, start, steps, lr, k, alpha):
    """The fast weights are set back, but the slow ones stay where they began.

    After a synchronization both are at one place.
    """
    theta = start
    for t in range(1, steps + 1):
        theta = theta - lr * gradient(theta)
        if t % k == 0:
            theta = start + alpha * (theta - start)
    return theta, start


@exercise.mistake("sec-lookahead-dialects")
def one_array(gradient, start, steps, lr, k, alpha):
    """Both weights are one and the same, as with two names for an array that is changed in place.

    Then there is no way between them to go back. What does `fast -= …` change?
    """
    theta, _ = run(gradient, start, steps, lr, k, alpha, due=lambda t, k: False)
    return theta, theta
