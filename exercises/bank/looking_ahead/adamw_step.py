"""One step of AdamW (row R22)."""

import numpy as np

from exercises import Step, load
from optlib import adamw

exercise = Step(
    "One step of AdamW",
    adamw,
    row="R22",
    read="sec-decay-rule",
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


@exercise.probe
def probe(draw):
    theta, g = draw.array(), draw.array()
    t = int(draw.rng.choice([draw.t(), draw.rng.integers(100, 200)]))  # late, v̂ is nearly v
    m, v = (draw.array(), draw.positive()) if t > 1 else (draw.zeros(), draw.zeros())
    decay = draw.number(0.2, 0.9)
    return theta, m, v, g, t, draw.lr(), *draw.betas(), draw.eps(), decay


# Where the decay goes.


exercise.mistake(
    "sec-decay-adam",
    "in_the_gradient",
    g="g + weight_decay * theta",
    weight_decay="0",
)("""
    The decay is added to the gradient: this is Adam with L2.

    There it passes both averages and is divided by √v̂. Where does AdamW keep it?
""")

exercise.mistake(
    "sec-decay-adam",
    "through_m",
    m="beta1 * m + (1 - beta1) * (g + weight_decay * theta)",
    weight_decay="0",
)("""
    The decay is in the gradient that m averages, though not in v.

    Neither of the two averages may see the decay.
""")

exercise.mistake(
    "sec-decay-adam", "through_v", v="beta2 * v + (1 - beta2) * (g + weight_decay * theta) ** 2"
)("""
    The gradient that v averages the squares of has the decay in it.

    Neither of the two averages may see the decay.
""")

exercise.mistake(
    "sec-decay-adam",
    "preconditioned",
    move="-lr * (m_hat + weight_decay * theta) / (sqrt(v_hat) + eps)",
)("""
    The decay is divided by √v̂ + ε, as the gradient is.

    Then weights with large gradients decay less. What stands under the fraction's bar, and what
    beside the fraction?
""")

exercise.mistake(
    "sec-decay-adam",
    "added_to_m",
    m="beta1 * m + (1 - beta1) * g + weight_decay * theta",
    weight_decay="0",
)("""
    The decay is added to m.

    m is the average of the gradients of the loss and nothing else; the decay has no memory.
""")

exercise.mistake("sec-decay-rule", "forgotten", weight_decay="0")("""
    The weights do not decay: this is Adam.

    Where does γ come in?
""")


# What multiplies it.


exercise.mistake(
    "sec-decay-rate",
    "not_times_the_rate",
    move="-lr * m_hat / (sqrt(v_hat) + eps) - weight_decay * theta",
)("""
    The decay is not multiplied by the learning rate.

    That is the paper's form. Here it is the libraries' form that is asked for.
""")

exercise.mistake("sec-decay-rate", "rate_twice", weight_decay="lr * weight_decay")("""
    The decay is multiplied by the learning rate twice.

    Is the bracket that η multiplies closed where it should be?
""")

exercise.mistake(
    "sec-decay-rule",
    "of_the_new_weights",
    move="(1 - lr * weight_decay) * (theta - lr * m_hat / (sqrt(v_hat) + eps)) - theta",
)("""
    It is the weights after Adam's move that decay.

    Adam's move itself must not shrink. Of which θ is the decay taken?
""")

exercise.mistake(
    "sec-decay-rule",
    "implicit",
    move="theta / (1 + lr * weight_decay) - lr * m_hat / (sqrt(v_hat) + eps) - theta",
)("""
    The weights are divided by 1 + ηγ.

    For a small ηγ that is nearly the same, and not the step that is asked for.
""")

exercise.mistake("sec-decay-rule", "growing", weight_decay="-weight_decay")("""
    The weights grow: the sign of the decay is wrong.

    A decay makes them smaller, whatever their sign.
""")

exercise.mistake(
    "sec-decay-rule",
    "by_the_sign",
    move="-lr * m_hat / (sqrt(v_hat) + eps) - lr * weight_decay * np.sign(theta)",
)("""
    The decay has the same size for all weights.

    A weight decays in proportion to itself.
""")

exercise.mistake("sec-decay-rule", "twice_the_decay", weight_decay="2 * weight_decay")("""
    The decay is twice as large as it should be.

    No factor of 2 stands in the step. Is the decay taken twice, or is this the derivative of γθ²?
""")

exercise.mistake("sec-decay-rule", "half_the_decay", weight_decay="weight_decay / 2")("""
    The decay is half as large as it should be.

    The one half of the penalty is gone once it is differentiated.
""")

exercise.mistake("sec-decay-adam", "in_both_places", g="g + weight_decay * theta")("""
    The weights decay twice: by the gradient, and beside the step.

    Which of the two is L2, and which is AdamW?
""")

exercise.mistake(
    "sec-decay-rule",
    "decayed_twice",
    move="(1 - lr * weight_decay) ** 2 * theta - lr * m_hat / (sqrt(v_hat) + eps) - theta",
)("""
    The decay is taken twice, the second time of weights that have decayed.

    Is θ overwritten before it is used once more?
""")

exercise.mistake(
    "sec-decay-rate",
    "rate_and_decay_apart",
    move="(1 - lr) * (1 - weight_decay) * theta - lr * m_hat / (sqrt(v_hat) + eps) - theta",
)("""
    The weights are multiplied by 1 − η as well as by 1 − γ.

    η and γ stand in one product. Multiply out what you have.
""")

exercise.mistake(
    "sec-decay-rule",
    "of_the_square",
    move="-lr * m_hat / (sqrt(v_hat) + eps) - lr * weight_decay * theta**2",
)("""
    The decay is proportional to θ².

    The square stands in the penalty. A decay takes a share of θ itself.
""")

exercise.mistake(
    "sec-decay-rule",
    "of_the_size",
    move="-lr * m_hat / (sqrt(v_hat) + eps) - lr * weight_decay * abs(theta)",
)("""
    The decay is taken of |θ|, so that negative weights grow.

    Each weight is pulled towards zero, from either side.
""")

exercise.mistake(
    "sec-decay-rule",
    "of_the_move",
    move="-(1 + lr * weight_decay) * lr * m_hat / (sqrt(v_hat) + eps)",
)("""
    It is Adam's move that is multiplied by γ, not the weights.

    What decays?
""")

exercise.mistake(
    "sec-decay-rule",
    "exponential",
    move="np.exp(-lr * weight_decay) * theta - lr * m_hat / (sqrt(v_hat) + eps) - theta",
)("""
    The weights are multiplied by exp(−ηγ).

    For a small ηγ that is nearly the same, and not the step that is asked for.
""")

exercise.mistake(
    "sec-decay-rule",
    "decay_of_the_gradient",
    move="-lr * m_hat / (sqrt(v_hat) + eps) - lr * weight_decay * g",
)("""
    It is the gradient that is multiplied by γ, not the weights.

    What decays?
""")

exercise.mistake("sec-decay-rule", "decay_alone", move="-lr * weight_decay * theta")("""
    The weights decay, and Adam's move is missing.

    AdamW does both in one step.
""")


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
