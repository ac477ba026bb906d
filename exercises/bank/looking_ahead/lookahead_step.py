"""One step of Lookahead around SGD (row R20)."""

from exercises import Exercise
from optlib import lookahead, sgd

exercise = Exercise(
    "One step of Lookahead",
    row="R20",
    read="sec-lookahead-rule",
    returns=("theta", "slow"),
    equations=lookahead(sgd).equations(),
    statement=r"""
    Lookahead keeps two sets of weights. The fast ones $\theta$ take steps of SGD. The slow ones
    $\phi$ stand still, except at every $k$-th step: there they go a part $\alpha$ of the way to
    where the fast ones have come, and the fast ones go on from there.

    $$
    {equations}
    $$

    Write one step, the $t$-th. It must work for single numbers and for arrays.
    """,
)


@exercise.solution
def lookahead_step(theta, slow, g, t, lr, k, alpha):
    """One step of Lookahead around SGD.

    theta: the fast weights, a number or an array
    slow: the slow weights φ before the step, of the same shape
    g: the gradient at theta, of the same shape
    t: the number of this step, from 1
    lr: the learning rate η of SGD
    k: after how many steps the two are synchronized
    alpha: the part α of the way that the slow weights go

    Returns the new theta and the new slow weights, in this order.
    """
    fast = theta - lr * g
    if t % k == 0:
        fast = slow = slow + alpha * (fast - slow)
    return fast, slow


@exercise.reference
def reference(theta, slow, g, t, lr, k, alpha):
    theta, state = lookahead(sgd).step(theta, g, {"slow": slow}, t, lr=lr, k=k, alpha=alpha)
    return theta, state["slow"]


@exercise.probe
def probe(draw):
    k = int(draw.rng.integers(2, 7))
    later = k * int(draw.rng.integers(2, 5))
    # At the first synchronization, at a later one, right after it, or right before the first.
    t = {(3,): k, (): later, (2,): later + 1}.get(draw.shape, k - 1)
    lr, alpha = draw.lr(), draw.number(0.55, 0.9) - 0.4 * draw.rng.integers(2)
    return draw.array(), draw.array(), draw.array(), t, lr, k, round(float(alpha), 2)


@exercise.mistake("sec-lookahead-rule")
def fast_goes_on(theta, slow, g, t, lr, k, alpha):
    """The fast weights are not set back.

    The slow weights are right. Where do the fast ones go on from after a synchronization?
    """
    theta = theta - lr * g
    if t % k == 0:
        slow = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def alpha_swapped(theta, slow, g, t, lr, k, alpha):
    """α and 1 − α are swapped.

    With α = 1 the slow weights come all the way to the fast ones.
    """
    theta = theta - lr * g
    if t % k == 0:
        slow = theta = slow + (1 - alpha) * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def every_step(theta, slow, g, t, lr, k, alpha):
    """The two are synchronized at every step.

    That happens only at some of the steps. Which ones?
    """
    fast = theta - lr * g
    slow = slow + alpha * (fast - slow)
    return slow, slow


@exercise.mistake("sec-lookahead-rule")
def counted_from_zero(theta, slow, g, t, lr, k, alpha):
    """It synchronizes one step after the right one: t − 1 is divided.

    The steps are counted from 1, and the first synchronization is due after k of them.
    """
    theta = theta - lr * g
    if (t - 1) % k == 0:
        slow = theta = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def before_the_step(theta, slow, g, t, lr, k, alpha):
    """The slow weights go towards the fast ones as they were before this step.

    The k-th step of SGD belongs to the way. When are the two weights compared?
    """
    fast = theta - lr * g
    if t % k == 0:
        slow = fast = slow + alpha * (theta - slow)
    return fast, slow


@exercise.mistake("sec-lookahead-rule")
def step_after(theta, slow, g, t, lr, k, alpha):
    """The weights are synchronized first, and then SGD takes its step.

    The slow weights are right only by the step before. Which of the two comes first?
    """
    if t % k == 0:
        slow = theta = slow + alpha * (theta - slow)
    return theta - lr * g, slow


@exercise.mistake("sec-lookahead-rule")
def always_averaged(theta, slow, g, t, lr, k, alpha):
    """The slow weights move at every step.

    An average of all steps is another algorithm. When do the slow weights stand still?
    """
    theta = theta - lr * g
    slow = slow + alpha * (theta - slow)
    return (slow if t % k == 0 else theta), slow


@exercise.mistake("sec-lookahead-rule")
def never(theta, slow, g, t, lr, k, alpha):
    """This is SGD; nothing happens at a k-th step.

    Try it with t = k.
    """
    return theta - lr * g, slow


@exercise.mistake("sec-lookahead-rule")
def all_the_way(theta, slow, g, t, lr, k, alpha):
    """The slow weights jump to the fast ones.

    α says which part of the way they go.
    """
    theta = theta - lr * g
    return theta, (theta if t % k == 0 else slow)


@exercise.mistake("sec-lookahead-rule")
def set_back_whole(theta, slow, g, t, lr, k, alpha):
    """The fast weights are set back to the old slow weights.

    The slow weights are right. Which slow weights do the fast ones take: the old or the new ones?
    """
    fast = theta - lr * g
    if t % k == 0:
        return slow, slow + alpha * (fast - slow)
    return fast, slow


@exercise.mistake("sec-lookahead-rule")
def away(theta, slow, g, t, lr, k, alpha):
    """The slow weights go away from the fast ones.

    Look at the sign of the difference.
    """
    theta = theta - lr * g
    if t % k == 0:
        slow = theta = slow + alpha * (slow - theta)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def from_fast(theta, slow, g, t, lr, k, alpha):
    """The step α is taken from the fast weights, without the slow ones as its start.

    The slow weights move from where they are.
    """
    theta = theta - lr * g
    if t % k == 0:
        slow = theta = theta + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def slow_gradient(theta, slow, g, t, lr, k, alpha):
    """SGD starts each of its steps from the slow weights.

    The fast weights move on from where they are, for k steps.
    """
    fast = slow - lr * g
    if t % k == 0:
        slow = fast = slow + alpha * (fast - slow)
    return fast, slow


@exercise.mistake("sec-lookahead-rule")
def from_then_on(theta, slow, g, t, lr, k, alpha):
    """From the k-th step on the weights are synchronized at every step.

    It happens at multiples of k. Try it with t = k + 1.
    """
    theta = theta - lr * g
    if t >= k:
        slow = theta = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def only_once(theta, slow, g, t, lr, k, alpha):
    """The weights are synchronized at step k and never again.

    It happens at all multiples of k. Try it with t = 2 k.
    """
    theta = theta - lr * g
    if t == k:
        slow = theta = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def uphill(theta, slow, g, t, lr, k, alpha):
    """SGD's step goes uphill.

    Look at the sign of η g.
    """
    theta = theta + lr * g
    if t % k == 0:
        slow = theta = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def smaller_step(theta, slow, g, t, lr, k, alpha):
    """SGD's step is multiplied by α.

    α belongs to the slow weights alone.
    """
    theta = theta - alpha * lr * g
    return theta, (theta if t % k == 0 else slow)


@exercise.mistake("sec-lookahead-rule")
def turned_round(theta, slow, g, t, lr, k, alpha):
    """The weights are synchronized at all steps but the right ones.

    What is t % k at a multiple of k?
    """
    theta = theta - lr * g
    if t % k:
        slow = theta = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def too_early(theta, slow, g, t, lr, k, alpha):
    """The weights are synchronized one step before the right one: t + 1 is divided.

    The steps are counted from 1: which one is the k-th?
    """
    theta = theta - lr * g
    if (t + 1) % k == 0:
        slow = theta = slow + alpha * (theta - slow)
    return theta, slow


@exercise.mistake("sec-lookahead-rule")
def slow_stays(theta, slow, g, t, lr, k, alpha):
    """The fast weights are right, but the slow ones stay where they are.

    After a synchronization both are at one place.
    """
    theta = theta - lr * g
    return (slow + alpha * (theta - slow) if t % k == 0 else theta), slow


@exercise.mistake("sec-lookahead-rule")
def twice(theta, slow, g, t, lr, k, alpha):
    """The fast weights go a part of the way to the new slow ones.

    The slow weights are right. Where do the fast ones go on from after a synchronization?
    """
    theta = theta - lr * g
    if t % k == 0:
        slow = slow + alpha * (theta - slow)
        theta = slow + alpha * (theta - slow)
    return theta, slow
