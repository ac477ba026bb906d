"""Gradient descent, momentum and Nesterov's look into the future."""

from optlib.rule import rule


@rule(title="SGD", change="a step against the gradient of a mini-batch")
def sgd(g, *, lr=1e-3):
    """Stochastic gradient descent (Robbins & Monro 1951)."""
    return -lr * g


@rule(title="SGDM", parents=(sgd,), change="steps add up, and fade")
def sgdm(g, m, *, lr=1e-3, momentum=0.9):
    """SGD with momentum (Polyak 1964; Sutskever et al. 2013, eq. 1-2)."""
    m = momentum * m + lr * g
    return -m, m


@rule(
    title="NAG",
    parents=(sgdm,),
    change="the gradient is taken where momentum is about to arrive",
)
def nag_lookahead(grad, theta, m, *, lr=1e-3, momentum=0.9):
    """Nesterov, look-ahead form (Nesterov 1983; Sutskever et al. 2013, eq. 3-4)."""
    m = momentum * m + lr * grad(theta - momentum * m)
    return -m, m


@rule(
    title="NAG, shifted",
    parents=(sgdm, nag_lookahead),
    change="the same in other parameters: the step has the new momentum in it and the gradient",
)
def nag(g, m, *, lr=1e-3, momentum=0.9):
    """Nesterov, shifted by momentum * m (Bengio et al. 2013)."""
    m = momentum * m + lr * g
    return -momentum * m - lr * g, m
