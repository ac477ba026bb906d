"""One step of Lookahead around SGD (row R20)."""

from exercises import Step
from optlib import lookahead, sgd

exercise = Step(
    "One step of Lookahead",
    lookahead(sgd),
    row="R20",
    read="sec-lookahead-rule",
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


@exercise.probe
def probe(draw):
    k = int(draw.rng.integers(2, 7))
    later = k * int(draw.rng.integers(2, 5))
    # At the first synchronization, at a later one, right after it, or right before the first.
    t = {(3,): k, (): later, (2,): later + 1}.get(draw.shape, k - 1)
    lr, alpha = draw.lr(), draw.number(0.55, 0.9) - 0.4 * draw.rng.integers(2)
    return draw.array(), draw.array(), draw.array(), t, lr, k, round(float(alpha), 2)


exercise.mistake("sec-lookahead-rule", "fast_goes_on", move="fast - theta")("""
    The fast weights are not set back.

    The slow weights are right. Where do the fast ones go on from after a synchronization?
""")

exercise.mistake("sec-lookahead-rule", "alpha_swapped", alpha="1 - alpha")("""
    α and 1 − α are swapped.

    With α = 1 the slow weights come all the way to the fast ones.
""")

exercise.mistake(
    "sec-lookahead-rule", "every_step", slow="slow + alpha * (fast - slow)", move="slow - theta"
)("""
    The two are synchronized at every step.

    That happens only at some of the steps. Which ones?
""")

exercise.mistake("sec-lookahead-rule", "counted_from_zero", t="t - 1")("""
    It synchronizes one step after the right one: t − 1 is divided.

    The steps are counted from 1, and the first synchronization is due after k of them.
""")

exercise.mistake(
    "sec-lookahead-rule",
    "before_the_step",
    slow="where(every(k, t), slow + alpha * (theta - slow), slow)",
)("""
    The slow weights go towards the fast ones as they were before this step.

    The k-th step of SGD belongs to the way. When are the two weights compared?
""")

exercise.mistake(
    "sec-lookahead-rule",
    "step_after",
    slow="where(every(k, t), slow + alpha * (theta - slow), slow)",
    move="where(every(k, t), slow, theta) - lr * g - theta",
)("""
    The weights are synchronized first, and then SGD takes its step.

    The slow weights are right only by the step before. Which of the two comes first?
""")

exercise.mistake("sec-lookahead-rule", "always_averaged", slow="slow + alpha * (fast - slow)")("""
    The slow weights move at every step.

    An average of all steps is another algorithm. When do the slow weights stand still?
""")

exercise.mistake("sec-lookahead-rule", "never", slow="slow", move="fast - theta")("""
    This is SGD; nothing happens at a k-th step.

    Try it with t = k.
""")

exercise.mistake("sec-lookahead-rule", "all_the_way", alpha="1")("""
    The slow weights jump to the fast ones.

    α says which part of the way they go.
""")

exercise.mistake(
    "sec-lookahead-rule", "set_back_whole", move="where(every(k, t), slow_old, fast) - theta"
)("""
    The fast weights are set back to the old slow weights.

    The slow weights are right. Which slow weights do the fast ones take: the old or the new ones?
""")

exercise.mistake("sec-lookahead-rule", "away", alpha="-alpha")("""
    The slow weights go away from the fast ones.

    Look at the sign of the difference.
""")

exercise.mistake(
    "sec-lookahead-rule", "from_fast", slow="where(every(k, t), fast + alpha * (fast - slow), slow)"
)("""
    The step α is taken from the fast weights, without the slow ones as its start.

    The slow weights move from where they are.
""")

exercise.mistake("sec-lookahead-rule", "slow_gradient", fast="slow - lr * g")("""
    SGD starts each of its steps from the slow weights.

    The fast weights move on from where they are, for k steps.
""")

exercise.mistake(
    "sec-lookahead-rule",
    "from_then_on",
    slow="where(t >= k, slow + alpha * (fast - slow), slow)",
    move="where(t >= k, slow, fast) - theta",
)("""
    From the k-th step on the weights are synchronized at every step.

    It happens at multiples of k. Try it with t = k + 1.
""")

exercise.mistake(
    "sec-lookahead-rule",
    "only_once",
    slow="where(t == k, slow + alpha * (fast - slow), slow)",
    move="where(t == k, slow, fast) - theta",
)("""
    The weights are synchronized at step k and never again.

    It happens at all multiples of k. Try it with t = 2 k.
""")

exercise.mistake("sec-lookahead-rule", "uphill", lr="-lr")("""
    SGD's step goes uphill.

    Look at the sign of η g.
""")

exercise.mistake("sec-lookahead-rule", "smaller_step", fast="theta - alpha * lr * g", alpha="1")("""
    SGD's step is multiplied by α.

    α belongs to the slow weights alone.
""")

exercise.mistake(
    "sec-lookahead-rule",
    "turned_round",
    slow="where(every(k, t), slow, slow + alpha * (fast - slow))",
    move="where(every(k, t), fast, slow) - theta",
)("""
    The weights are synchronized at all steps but the right ones.

    What is t % k at a multiple of k?
""")

exercise.mistake("sec-lookahead-rule", "too_early", t="t + 1")("""
    The weights are synchronized one step before the right one: t + 1 is divided.

    The steps are counted from 1: which one is the k-th?
""")

exercise.mistake("sec-lookahead-rule", "slow_stays", keeps={"slow": "slow_old"})("""
    The fast weights are right, but the slow ones stay where they are.

    After a synchronization both are at one place.
""")

exercise.mistake(
    "sec-lookahead-rule",
    "twice",
    move="where(every(k, t), slow + alpha * (fast - slow), fast) - theta",
)("""
    The fast weights go a part of the way to the new slow ones.

    The slow weights are right. Where do the fast ones go on from after a synchronization?
""")
