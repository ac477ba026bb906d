"""Adam, the rules that mend it, and SWATS, which leaves it."""

from optlib.arrays import clip, dot, maximum, sqrt, where
from optlib.rule import rule
from optlib.rules.adaptive import rmsprop
from optlib.rules.momentum import nag, sgdm


@rule(
    title="Adam",
    parents=(rmsprop, sgdm),
    change=(
        "the gradient becomes a moving average too, and both averages are corrected for their"
        " start at zero"
    ),
)
def adam(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam (Kingma & Ba 2015, Algorithm 1)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v


@rule(
    title="SWATS",
    parents=(adam, sgdm),
    change="goes over to SGDM when the rate for that has settled",
)
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


@rule(title="AMSGrad", parents=(adam,), change="the average of squares keeps its largest value")
def amsgrad(g, m, v, v_max, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """AMSGrad: the denominator never shrinks (Reddi et al. 2018, Algorithm 2)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = maximum(v_max, v)
    return -lr * m / (sqrt(v_max) + eps), m, v, v_max


@rule(
    title="AdaBound",
    parents=(adam, sgdm),
    change="each coordinate's rate stays between two bounds that close in on one number",
)
def adabound(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, final_lr=0.1):
    """AdaBound: from Adam to SGD between two bounds (Luo et al. 2019, Algorithm 2)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    lower = final_lr - final_lr / ((1 - beta2) * t + 1)
    upper = final_lr + final_lr / ((1 - beta2) * t)
    lr_hat = clip(lr / (sqrt(v) + eps), lower, upper)
    return -lr_hat / sqrt(t) * m, m, v


@rule(
    title="RAdam",
    parents=(adam,),
    change="the step is held back while the average of squares is young",
)
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


@rule(title="Nadam", parents=(adam, nag), change="the average of gradients looks one step ahead")
def nadam(g, m, v, t, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Nadam: Adam that looks ahead (Dozat 2016, Algorithm 2 with constant momentum)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v


@rule(
    title="Nadam, scheduled",
    parents=(nadam,),
    change="the momentum begins at about half and grows",
)
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
