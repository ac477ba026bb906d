"""One step of AdamW (row R22)."""

import numpy as np

from exercises import Exercise, load
from optlib import adamw, l2
from optlib.rules import adam
from optlib.rules.variants import adamw_paper

exercise = Exercise(
    "One step of AdamW",
    row="R22",
    read="sec-decay-rule",
    returns=("theta", "m", "v"),
    equations=adamw.equations(),
    statement=r"""
    AdamW is Adam with the weight decay beside the step. $\gamma$ is the decay, and as in the
    libraries the learning rate $\eta$ multiplies it:

    $$
    {equations}
    $$

    Write that step. It must work for single numbers and for arrays.
    """,
)


@exercise.solution
def adamw_step(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """One step of AdamW.

    theta: the parameters before the step, a number or an array
    m: the average of gradients before the step, of the same shape
    v: the average of squared gradients before the step, of the same shape
    g: the gradient of the loss at theta, of the same shape
    t: the number of this step; the first one is 1
    lr: the learning rate η
    beta1: the decay rate β₁ of m
    beta2: the decay rate β₂ of v
    eps: the constant ε in the denominator
    weight_decay: the weight decay γ

    Returns the new theta, the new m and the new v, in this order.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps) - lr * weight_decay * theta, m, v


def run(rule, theta, m, v, g, t, lr, beta1, beta2, eps, **more):
    """One step of a rule of optlib."""
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, **more}
    theta, state = rule.step(theta, g, {"m": m, "v": v}, t, **hyper)
    return theta, state["m"], state["v"]


@exercise.reference
def reference(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    return run(adamw, theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay=weight_decay)


@exercise.probe
def probe(draw):
    theta, g = draw.array(), draw.array()
    t = int(draw.rng.choice([draw.t(), draw.rng.integers(100, 200)]))  # late, v̂ is nearly v
    m, v = (draw.array(), draw.positive()) if t > 1 else (draw.zeros(), draw.zeros())
    decay = draw.number(0.2, 0.9)
    return theta, m, v, g, t, draw.lr(), *draw.betas(), draw.eps(), decay


def averages(m, v, g, beta1, beta2):
    """The two averages as they should be."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def hats(m, v, t, beta1, beta2):
    """The two corrected averages."""
    return m / (1 - beta1**t), v / (1 - beta2**t)


def adam_move(m, v, t, lr, beta1, beta2, eps):
    """Adam's move, with averages that may be wrong."""
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return -lr * m_hat / (np.sqrt(v_hat) + eps)


# Where the decay goes.


@exercise.mistake("sec-decay-adam")
def in_the_gradient(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is added to the gradient: this is Adam with L2.

    There it passes both averages and is divided by √v̂. Where does AdamW keep it?
    """
    return run(l2(adam), theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay=weight_decay)


@exercise.mistake("sec-decay-adam")
def through_m(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is in the gradient that m averages, though not in v.

    Neither of the two averages may see the decay.
    """
    m, _ = averages(m, v, g + weight_decay * theta, beta1, beta2)
    _, v = averages(m, v, g, beta1, beta2)
    return theta + adam_move(m, v, t, lr, beta1, beta2, eps), m, v


@exercise.mistake("sec-decay-adam")
def through_v(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The gradient that v averages the squares of has the decay in it.

    Neither of the two averages may see the decay.
    """
    _, new = averages(m, v, g + weight_decay * theta, beta1, beta2)
    m, _ = averages(m, v, g, beta1, beta2)
    return theta + adam_move(m, new, t, lr, beta1, beta2, eps) - lr * weight_decay * theta, m, new


@exercise.mistake("sec-decay-adam")
def preconditioned(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is divided by √v̂ + ε, as the gradient is.

    Then weights with large gradients decay less. What stands under the fraction's bar, and what
    beside the fraction?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return theta - lr * (m_hat + weight_decay * theta) / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-decay-adam")
def added_to_m(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is added to m.

    m is the average of the gradients of the loss and nothing else; the decay has no memory.
    """
    m, v = averages(m, v, g, beta1, beta2)
    m = m + weight_decay * theta
    return theta + adam_move(m, v, t, lr, beta1, beta2, eps), m, v


@exercise.mistake("sec-decay-rule")
def forgotten(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The weights do not decay: this is Adam.

    Where does γ come in?
    """
    return run(adam, theta, m, v, g, t, lr, beta1, beta2, eps)


# What multiplies it.


@exercise.mistake("sec-decay-rate")
def not_times_the_rate(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is not multiplied by the learning rate.

    That is the paper's form. Here it is the libraries' form that is asked for.
    """
    more = {"weight_decay": weight_decay, "multiplier": 1.0}
    return run(adamw_paper, theta, m, v, g, t, lr, beta1, beta2, eps, **more)


@exercise.mistake("sec-decay-rate")
def rate_twice(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is multiplied by the learning rate twice.

    Is the bracket that η multiplies closed where it should be?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta + adam_move(m, v, t, lr, beta1, beta2, eps) - lr**2 * weight_decay * theta, m, v


@exercise.mistake("sec-decay-rule")
def of_the_new_weights(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """It is the weights after Adam's move that decay.

    Adam's move itself must not shrink. Of which θ is the decay taken?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta = theta + adam_move(m, v, t, lr, beta1, beta2, eps)
    return theta - lr * weight_decay * theta, m, v


@exercise.mistake("sec-decay-rule")
def implicit(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The weights are divided by 1 + ηγ.

    For a small ηγ that is nearly the same, and not the step that is asked for.
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    return theta / (1 + lr * weight_decay) + move, m, v


@exercise.mistake("sec-decay-rule")
def growing(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The weights grow: the sign of the decay is wrong.

    A decay makes them smaller, whatever their sign.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta + adam_move(m, v, t, lr, beta1, beta2, eps) + lr * weight_decay * theta, m, v


@exercise.mistake("sec-decay-rule")
def by_the_sign(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay has the same size for all weights.

    A weight decays in proportion to itself.
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    return theta + move - lr * weight_decay * np.sign(theta), m, v


@exercise.mistake("sec-decay-rule")
def twice_the_decay(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is twice as large as it should be.

    No factor of 2 stands in the step. Is the decay taken twice, or is this the derivative of γθ²?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta + adam_move(m, v, t, lr, beta1, beta2, eps) - 2 * lr * weight_decay * theta, m, v


@exercise.mistake("sec-decay-rule")
def half_the_decay(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is half as large as it should be.

    The one half of the penalty is gone once it is differentiated.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta + adam_move(m, v, t, lr, beta1, beta2, eps) - lr * weight_decay * theta / 2, m, v


@exercise.mistake("sec-decay-adam")
def in_both_places(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The weights decay twice: by the gradient, and beside the step.

    Which of the two is L2, and which is AdamW?
    """
    new, m, v = run(l2(adam), theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay=weight_decay)
    return new - lr * weight_decay * theta, m, v


@exercise.mistake("sec-decay-rule")
def decayed_twice(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is taken twice, the second time of weights that have decayed.

    Is θ overwritten before it is used once more?
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    decayed = (1 - lr * weight_decay) * theta
    return decayed + move - lr * weight_decay * decayed, m, v


@exercise.mistake("sec-decay-rate")
def rate_and_decay_apart(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The weights are multiplied by 1 − η as well as by 1 − γ.

    η and γ stand in one product. Multiply out what you have.
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    return (1 - lr) * (1 - weight_decay) * theta + move, m, v


@exercise.mistake("sec-decay-rule")
def of_the_square(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is proportional to θ².

    The square stands in the penalty. A decay takes a share of θ itself.
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    return theta + move - lr * weight_decay * theta**2, m, v


@exercise.mistake("sec-decay-rule")
def of_the_size(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The decay is taken of |θ|, so that negative weights grow.

    Each weight is pulled towards zero, from either side.
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    return theta + move - lr * weight_decay * np.abs(theta), m, v


@exercise.mistake("sec-decay-rule")
def of_the_move(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """It is Adam's move that is multiplied by γ, not the weights.

    What decays?
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    return theta + (1 + lr * weight_decay) * move, m, v


@exercise.mistake("sec-decay-rule")
def exponential(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The weights are multiplied by exp(−ηγ).

    For a small ηγ that is nearly the same, and not the step that is asked for.
    """
    m, v = averages(m, v, g, beta1, beta2)
    move = adam_move(m, v, t, lr, beta1, beta2, eps)
    return theta * np.exp(-lr * weight_decay) + move, m, v


@exercise.mistake("sec-decay-rule")
def decay_of_the_gradient(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """It is the gradient that is multiplied by γ, not the weights.

    What decays?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta + adam_move(m, v, t, lr, beta1, beta2, eps) - lr * weight_decay * g, m, v


@exercise.mistake("sec-decay-rule")
def decay_alone(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
    """The weights decay, and Adam's move is missing.

    AdamW does both in one step.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta - lr * weight_decay * theta, m, v


# Adam's own: all that is known of its step, with the right decay.


def with_the_decay(known):
    """A mistake in Adam's step, as one in AdamW's."""

    def answer(theta, m, v, g, t, lr, beta1, beta2, eps, weight_decay):
        new, m, v = known.function(theta, m, v, g, t, lr, beta1, beta2, eps)
        return new - lr * weight_decay * theta, m, v

    answer.__name__ = f"adam_{known.name}"
    answer.__doc__ = f"The decay is right. {known.what}\n\n{known.hint}"
    return answer


for known in load("adam_step").mistakes:
    exercise.mistake(known.read)(with_the_decay(known))
