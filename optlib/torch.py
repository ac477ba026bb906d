"""Drop-in optimizers for PyTorch: `from optlib.torch import Adam`."""

from optlib.faces.torch import RuleOptimizer
from optlib.rules import adam, nag, sgd, sgdm

__all__ = ["NAG", "SGD", "SGDM", "Adam"]


class SGD(RuleOptimizer):
    """`torch.optim.SGD(params, lr)`."""

    rule = sgd


class SGDM(RuleOptimizer):
    """`torch.optim.SGD(params, lr, momentum)` while the rate is constant.

    The rate stands inside the memory here and outside it in torch, so that under a learning-rate
    schedule the two part.
    """

    rule = sgdm


class NAG(RuleOptimizer):
    """`torch.optim.SGD(params, lr, momentum, nesterov=True)` while the rate is constant.

    The parameters are the shifted ones, theta' = theta - momentum * m, as in every library.
    """

    rule = nag


class Adam(RuleOptimizer):
    """`torch.optim.Adam(params, lr, betas, eps)`."""

    rule = adam
