"""Begin with Adam, end with SGD."""

from optlib.arrays import dot, sqrt, where
from optlib.rule import rule


@rule
def swats(
    g, m, v, b, t, q_bar=0, ratio=0, since=0, *,
    lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-9, tol=1e-9,
):  # fmt: skip
    """SWATS: Adam until one rate for SGD has settled (Keskar & Socher 2017, Algorithm 1).

    `since` is the step at which all parameters switched together, 0 before. SGD's rate is then
    `lr * ratio`, so that a schedule of `lr` goes on to act; before, it is the estimate so far.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    b = where(since > 0, beta1 * b + g, b)
    lr_hat = lr * sqrt(1 - beta2**t) / (1 - beta1**t)
    trial = -lr_hat * m / (sqrt(v) + eps)
    move = where(since > 0, -(1 - beta1) * lr * ratio * b, trial)
    q = dot(trial, trial) / -dot(trial, g)
    q_bar = where(abs(dot(trial, g)) > 0, beta2 * q_bar + (1 - beta2) * q, q_bar)
    q_hat = q_bar / (1 - beta2**t)
    gap = where(t > 1, abs(q_hat - q), tol)
    ratio = where(since > 0, ratio, where(lr > 0, q_hat / lr, 0))
    since = where(since > 0, since, where(gap < tol, t, 0))
    return move, m, v, b, q_bar, ratio, since
