"""Adam and the rules that mend it."""

from optlib.arrays import clip, maximum, sqrt, where
from optlib.rule import rule


@rule
def adam(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam (Kingma & Ba 2015, Algorithm 1)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v


@rule
def amsgrad(g, m, v, v_max, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """AMSGrad: the denominator never shrinks (Reddi et al. 2018, Algorithm 2)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = maximum(v_max, v)
    return -lr * m / (sqrt(v_max) + eps), m, v, v_max


@rule
def adabound(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, final_lr=0.1):
    """AdaBound: from Adam to SGD between two bounds (Luo et al. 2019, Algorithm 2)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    lower = final_lr - final_lr / ((1 - beta2) * t + 1)
    upper = final_lr + final_lr / ((1 - beta2) * t)
    lr_hat = clip(lr / (sqrt(v) + eps), lower, upper)
    return -lr_hat / sqrt(t) * m, m, v


@rule
def radam(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """RAdam: Adam once its second moment can be trusted (Liu et al. 2020, Algorithm 2)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return -lr * where(rho > 4, r * m_hat / (sqrt(v_hat) + eps), m_hat), m, v


@rule
def nadam(g, m, v, t, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Nadam: Adam that looks ahead (Dozat 2016, Algorithm 2 with constant momentum)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v


@rule
def nadam_schedule(
    g, m, v, t, product=1, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=4e-3
):
    """Nadam with a momentum that grows to beta1 (after Dozat 2016, Algorithm 2).

    As in PyTorch, `m` itself decays by beta1; the schedule weighs what is made of it.
    """
    mu = beta1 * (1 - 0.5 * 0.96 ** (momentum_decay * t))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** (momentum_decay * (t + 1)))
    product = product * mu
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
    v_hat = v / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v, product
