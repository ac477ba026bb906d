"""One step of Adagrad (row R5)."""

import numpy as np

from exercises import Step
from optlib import adagrad

exercise = Step(
    "One step of Adagrad",
    adagrad,
    row="R5",
    read="sec-adagrad-rule",
    statement=r"""
    Where gradients have been large, steps should be short; where they have been small, long. So
    Adagrad keeps a sum $v$ of the squares of all gradients so far, one for each coordinate, and
    divides by its root:

    $$
    {equations}
    $$

    Write that step. Square, root and fraction are taken coordinate by coordinate. It must work for
    single numbers and for arrays.
    """,
)


@exercise.solution
def adagrad_step(theta, v, g, lr, eps):
    """One step of Adagrad.

    theta: the parameters, a number or an array
    v: the sum of squared gradients before the step, of the same shape
    g: the gradient at theta, of the same shape
    lr: the learning rate η
    eps: the constant ε in the denominator

    Returns the new theta and the new v, in this order.
    """
    v = v + g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


# The sum.


exercise.mistake("sec-adagrad-rule", "old_sum_used", move="-lr * g / (sqrt(v_old) + eps)")("""
    The step is made with the old sum.

    The sum comes first, then the step, which uses the new one.
""")

exercise.mistake("sec-adagrad-rule", "old_sum_returned", keeps={"v": "v_old"})("""
    The new θ is right, but the v that came back is the old one.

    The next step would forget this gradient. Which v do you return?
""")

exercise.mistake("sec-adagrad-idea", "sum_untouched", v="v")("""
    v is not changed: the step is made with the old sum, which also came back.

    The new square goes into v first, and the next step needs that v. Does your line keep its
    result?
""")

exercise.mistake("sec-adagrad-idea", "not_summed", v="g**2")("""
    v holds the last square alone: the sum is not kept.

    Does your line add to v, or does it replace it?
""")

exercise.mistake("sec-adagrad-rule", "gradients_summed", v="v + g")("""
    The gradients are summed, not their squares.

    Gradients of either sign cancel in a sum, and its root may not exist. What has no sign?
""")

exercise.mistake("sec-adagrad-rule", "sizes_summed", v="v + abs(g)")("""
    The sizes |g| are summed, not the squares.

    The root belongs to a sum of squares. Look at the power of the gradient.
""")

exercise.mistake("sec-adagrad-rule", "doubled", v="v + 2 * g")("""
    The gradient is doubled, not squared.

    How is a power written in Python?
""")

exercise.mistake("sec-adagrad-rule", "dot_product", v="v + np.dot(g, g)")("""
    The gradient is multiplied with itself as a vector or a matrix, as np.dot and @ do.

    Each coordinate is squared by itself. Which of Python's signs works coordinate by coordinate?
""")

exercise.mistake("sec-adagrad-rule", "sum_squared", v="(v + g) ** 2")("""
    The whole sum is squared, old v and all.

    The old v holds squares already. What does the power stand on?
""")

exercise.mistake("sec-adagrad-rule", "rate_inside", v="v + (lr * g) ** 2")("""
    η is inside the sum.

    v gathers gradients, not steps. η comes in when the step is made.
""")

exercise.mistake("sec-adagrad-idea", "shared_sum", v="v + np.sum(g**2)")("""
    The squares of all coordinates are added up: one sum for all.

    Each coordinate has a sum of its own. Look at what you sum over.
""")

exercise.mistake("sec-adagrad-idea", "shared_mean", v="v + np.mean(g**2)")("""
    The mean square over all coordinates is added: one number for all.

    Each coordinate has a sum of its own. Look at what you average over.
""")

exercise.mistake("sec-adagrad-rule", "root_kept", keeps={"v": "sqrt(v)"})("""
    The new θ is right, but the v that came back is the root of the sum.

    The next step would add a square to a root. What is to be kept?
""")


# The denominator.


exercise.mistake("sec-adagrad-rule", "root_missing", move="-lr * g / (v + eps)")("""
    The root is missing.

    v is a sum of squares. What must be done to it before it is beside a gradient?
""")

exercise.mistake("sec-adagrad-dialects", "eps_inside", move="-lr * g / sqrt(v + eps)")("""
    ε is inside the root, as in Optax's dialect.

    A small ε grows when its root is taken. Which comes first here, the root or ε?
""")

exercise.mistake("sec-adagrad-dialects", "eps_summed", v="v + g**2 + eps", eps="0")("""
    ε goes into v, once more at every step.

    v is a sum of squares and nothing else. ε is added where the step is made, beside the root.
""")

exercise.mistake("sec-adagrad-rule", "eps_forgotten", eps="0")("""
    ε is missing, or is a tiny number of your own.

    Is the eps that is given in your denominator? Without one, what happens to a coordinate whose
    gradients have all been zero?
""")

exercise.mistake("sec-adagrad-dialects", "eps_added", move="-lr * g / sqrt(v) + eps")("""
    ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-adagrad-dialects", "eps_in_step", move="-(lr * g / sqrt(v) + eps)")("""
    ε is added to the step, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-adagrad-dialects", "eps_in_direction", move="-lr * (g / sqrt(v) + eps)")("""
    ε is added to g / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-adagrad-dialects", "eps_in_rate", move="-(lr / sqrt(v) + eps) * g")("""
    ε is added to η / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")


# The step.


exercise.mistake("sec-adagrad-idea", "undivided", move="-lr * g")("""
    The new v is right, but θ moves as in plain SGD.

    What is v for? Look at what is below the line.
""")

exercise.mistake("sec-adagrad-idea", "multiplied", move="-lr * g * (sqrt(v) + eps)")("""
    The step is multiplied by the root, not divided.

    Where gradients have been large, steps should be short.
""")

exercise.mistake(
    "sec-adagrad-rule", "parameters_divided", move="(theta - lr * g) / (sqrt(v) + eps) - theta"
)("""
    θ is divided, too.

    Only the step is divided. Look at the brackets.
""")

exercise.mistake("sec-adagrad-rule", "rate_forgotten", lr="1")("""
    The learning rate is missing.

    Dividing by the root leaves a direction; η says how far to go. Where does lr come in?
""")

exercise.mistake("sec-adagrad-rule", "step_returned", move="lr * g / (sqrt(v) + eps) - theta")("""
    The step alone came back in the place of θ.

    The step is taken away from where θ was. Where does the old θ come in?
""")

exercise.mistake("sec-adagrad-rule", "move_returned", move="-lr * g / (sqrt(v) + eps) - theta")("""
    The move alone came back in the place of θ.

    The move starts from where θ was. Where does the old θ come in?
""")

exercise.mistake("sec-adagrad-rule", "uphill", lr="-lr")("""
    The step goes uphill.

    The sum is right. Look at the sign between θ and the step.
""")
