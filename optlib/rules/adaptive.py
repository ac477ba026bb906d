"""A rate for each parameter, from the squares of its gradients."""

from optlib.arrays import sqrt
from optlib.rule import rule
from optlib.rules.momentum import sgd


@rule(
    title="Adagrad",
    parents=(sgd,),
    change="each coordinate's step is divided by the root of the sum of its squared gradients",
)
def adagrad(g, v, *, lr=1e-2, eps=1e-10):
    """Adagrad: the sum of squares never forgets (Duchi et al. 2011, Figure 1)."""
    v = v + g**2
    return -lr * g / (sqrt(v) + eps), v


@rule(title="RMSProp", parents=(adagrad,), change="the sum becomes a moving average, which forgets")
def rmsprop(g, v, *, lr=1e-2, beta2=0.99, eps=1e-8):
    """RMSProp: an average of squares forgets (Tieleman & Hinton 2012, lecture 6e)."""
    v = beta2 * v + (1 - beta2) * g**2
    return -lr * g / (sqrt(v) + eps), v
