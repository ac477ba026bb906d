"""Adam with some of its terms left out: the way from SGD to it, a term at a time.

Without the correction and the average of gradients it is `rmsprop`, without anything `sgd`.
"""

from optlib.arrays import sqrt
from optlib.rule import rule


@rule
def sgdm_ema(g, m, *, lr=1e-2, beta1=0.9):
    """SGDM whose memory is a moving average: no second moment, no correction."""
    m = beta1 * m + (1 - beta1) * g
    return -lr * m, m


@rule
def sgdm_corrected(g, m, t, *, lr=1e-2, beta1=0.9):
    """SGDM whose memory is a moving average with its bias corrected: no second moment."""
    m = beta1 * m + (1 - beta1) * g
    m_hat = m / (1 - beta1**t)
    return -lr * m_hat, m


@rule
def rmsprop_corrected(g, v, t, *, lr=1e-2, beta2=0.99, eps=1e-8):
    """RMSProp with its bias corrected: Adam without the average of gradients."""
    v = beta2 * v + (1 - beta2) * g**2
    v_hat = v / (1 - beta2**t)
    return -lr * g / (sqrt(v_hat) + eps), v


@rule
def adam_uncorrected(g, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam without bias correction."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return -lr * m / (sqrt(v) + eps), m, v
