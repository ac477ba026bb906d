"""What libraries, papers and texts run under the names of our rules, where it is not the same.

Each box here differs from a rule of the book in few lines, and `optlib.dialects` says who
runs it; of timm, which is not among the libraries there, the box itself does. Defaults are those
of the library that it is named after.
"""

from optlib.arrays import clip, dot, maximum, sqrt, where
from optlib.rule import rule
from optlib.rules.adam import adam
from optlib.rules.momentum import sgdm
from optlib.rules.wrappers import decoupled
from optlib.wrapper import wrapper


@rule
def sgdm_torch(g, m, *, lr=1e-3, momentum=0.9):
    """SGDM with the rate outside the memory (PyTorch, Optax)."""
    m = momentum * m + g
    return -lr * m, m


@rule
def nag_torch(g, m, *, lr=1e-3, momentum=0.9):
    """Nesterov with the rate outside the memory (PyTorch, Optax)."""
    m = momentum * m + g
    return -lr * (g + momentum * m), m


@rule
def adagrad_optax(g, v, *, lr=1e-2, eps=1e-7, initial=0.1):
    """Adagrad whose sum begins above zero, eps inside the root (Optax)."""
    v = v + g**2
    return -lr * g / sqrt(initial + v + eps), v


@rule
def rmsprop_optax(g, v, *, lr=1e-2, beta2=0.9, eps=1e-8):
    """RMSProp with eps inside the root (Optax)."""
    v = beta2 * v + (1 - beta2) * g**2
    return -lr * g / sqrt(v + eps), v


@rule
def adam_eps_hat(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam with both corrections in the rate, before eps is added (Kingma & Ba 2015, section 2)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    lr_hat = lr * sqrt(1 - beta2**t) / (1 - beta1**t)
    return -lr_hat * m / (sqrt(v) + eps), m, v


@rule
def amsgrad_torch(g, m, v, v_max, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """AMSGrad that corrects the bias of the maximum (PyTorch)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = maximum(v_max, v)
    m_hat = m / (1 - beta1**t)
    v_hat = v_max / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v, v_max


@rule
def amsgrad_optax(g, m, v, v_max, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """AMSGrad that takes the maximum of what is corrected (Optax)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    v_max = maximum(v_max, v_hat)
    return -lr * m_hat / (sqrt(v_max) + eps), m, v, v_max


@rule
def adabound_po(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, final_lr=0.1):
    """AdaBound with Adam's corrections and no root of t (pytorch_optimizer)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    lower = final_lr - final_lr / ((1 - beta2) * t + 1)
    upper = final_lr + final_lr / ((1 - beta2) * t)
    lr_hat = lr * sqrt(1 - beta2**t) / (1 - beta1**t)
    return -clip(lr_hat / (sqrt(v + 1e-15) + eps), lower, upper) * m, m, v


@rule
def swats_po(
    g, m, v, b, t, q_bar=0, ratio=0, since=0, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-6
):
    """SWATS that switches at a relative distance, to a rate above zero (pytorch_optimizer)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    b = where(since > 0, beta1 * b + g, b)
    lr_hat = lr * sqrt(1 - beta2**t) / (1 - beta1**t)
    trial = -lr_hat * m / (sqrt(v + 1e-15) + eps)
    move = where(since > 0, -(1 - beta1) * lr * ratio * b, trial)
    q = dot(trial, trial) / -dot(trial, g)
    q_bar = where(abs(dot(trial, g)) > 0, beta2 * q_bar + (1 - beta2) * q, q_bar)
    q_hat = q_bar / (1 - beta2**t)
    tol = where(q_hat > 0, 1e-8 + eps * abs(q), 0)
    gap = where(t > 1, abs(q_hat - q), tol)
    ratio = where(since > 0, ratio, where(lr > 0, q_hat / lr, 0))
    since = where(since > 0, since, where(gap < tol, t, 0))
    return move, m, v, b, q_bar, ratio, since


@rule
def radam_torch(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """RAdam that waits until rho exceeds 5, eps beside the uncorrected root (PyTorch)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    lr_hat = r * sqrt(1 - beta2**t) / (sqrt(v) + eps)
    return -lr * where(rho > 5, lr_hat * m_hat, m_hat), m, v


@rule
def radam_optax(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """RAdam that waits until rho is 5 (Optax)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return -lr * where(rho >= 5, r * m_hat / (sqrt(v_hat) + eps), m_hat), m, v


@rule
def radam_po(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """RAdam that stands still until rho is 5 (pytorch_optimizer)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    r_hat = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    r = where(rho >= 5, r_hat, 0)
    lr_hat = r * sqrt(1 - beta2**t) / (sqrt(v) + eps)
    return -lr * lr_hat * m_hat, m, v


@rule
def nadam_timm(g, m, v, t, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Nadam with one correction for both parts (timm's NAdamW, its weight decay left out)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v


@rule
def nadam_paper(
    g, m, v, t, product=1, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=4e-3
):
    """Nadam whose m decays by the scheduled momentum, with beta2 in v_hat (Dozat 2016).

    The paper's Algorithm 2, which takes any momentum; the schedule and defaults are PyTorch's.
    """
    mu = beta1 * (1 - 0.5 * 0.96 ** (momentum_decay * t))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** (momentum_decay * (t + 1)))
    product = product * mu
    m = mu * m + (1 - mu) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
    v_hat = beta2 * v / (1 - beta2**t)
    return -lr * m_hat / (sqrt(v_hat) + eps), m, v, product


@wrapper
def decoupled_paper(theta, move, *, weight_decay=1e-5, multiplier=1.0):
    """Decay that no learning rate multiplies, only its schedule (Loshchilov & Hutter 2019)."""
    return move - multiplier * weight_decay * theta


sgdw_torch = decoupled(sgdm_torch, name="sgdw_torch")
sgdw_paper = decoupled_paper(sgdm, name="sgdw_paper")
adamw_paper = decoupled_paper(adam, name="adamw_paper")
