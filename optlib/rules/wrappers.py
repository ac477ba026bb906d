"""L2 regularization, decoupled weight decay and Lookahead, around any rule."""

from optlib.arrays import every, where
from optlib.wrapper import wrapper


@wrapper(
    title="L2 regularization",
    change="the weights decay by way of the gradient",
    neutral={"weight_decay": 0.0},
)
def l2(theta, g, *, weight_decay=0.0):
    """L2 regularization: decay in the gradient (Loshchilov & Hutter 2019, Algorithms 1 and 2)."""
    g_tilde = g + weight_decay * theta
    return g_tilde


@wrapper(
    title="Decoupled weight decay",
    change="the weights decay beside the step",
    neutral={"weight_decay": 0.0},
)
def decoupled(theta, move, *, lr, weight_decay=1e-2):
    """Decoupled weight decay: beside the step (Loshchilov & Hutter 2019, Algorithms 1 and 2)."""
    return move - lr * weight_decay * theta


@wrapper(title="Lookahead", change="k steps forward, one step back")
def lookahead(theta, move, t, slow="theta", *, k=5, alpha=0.5):
    """Lookahead: k steps forward, 1 step back (Zhang et al. 2019, Algorithm 1)."""
    fast = theta + move
    slow = where(every(k, t), slow + alpha * (fast - slow), slow)
    return where(every(k, t), slow, fast) - theta, slow
