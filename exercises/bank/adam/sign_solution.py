"""The solution that Adam, RMSProp and Adagrad end on where the signs fit (row R8)."""

import numpy as np

from exercises import Exercise
from optlib import rmsprop

exercise = Exercise(
    "The solution of the signs",
    row="R8",
    read="sec-signs",
    returns=("theta",),
    statement=r"""
    A linear model is trained on the squared error $\frac{1}{2n}\|X\theta - y\|^2$, from
    $\theta = 0$, by an optimizer that divides by the root of squared gradients. Its first move has
    the direction of some signs $s$. The data are such that $Xs$ is a multiple of $y$. Then the
    optimizer never leaves the line through zero and $s$.

    Write the function that finds the $\theta$ on that line which fits all examples.
    """,
)


@exercise.solution
def sign_solution(inputs, targets):
    """Where Adam, RMSProp and Adagrad end when they start at zero and never leave one line.

    inputs: the matrix X, a row for each example
    targets: the vector y; X times the signs of the first step is a multiple of it

    Returns the parameters θ that lie on that line and fit all examples.
    """
    signs = np.sign(inputs.T @ targets)
    multiple = (inputs @ signs)[0] / targets[0]
    return signs / multiple


@exercise.reference
def reference(inputs, targets):
    # The line is that of the rule's first step; the point on it is found by least squares.
    start = np.zeros(inputs.shape[1])
    gradient = inputs.T @ (inputs @ start - targets) / len(targets)
    step, _ = rmsprop.step(start, gradient, rmsprop.init(start), 1, lr=1.0, eps=0.0)
    scores = inputs @ step
    return step * (scores @ targets) / (scores @ scores)


@exercise.probe
def probe(draw):
    while True:
        inputs, targets = case(draw)
        u = inputs.T @ targets
        own = np.sign(least_norm(inputs, targets)) != np.sign(u)
        # In some cases the solution with the smallest norm has other signs.
        if draw.shape != (2, 2) or own.any():
            return inputs, targets


def case(draw):
    n, shared = int(draw.rng.integers(2, 5)), int(draw.rng.integers(1, 4))
    while True:
        common = np.round(draw.rng.uniform(-2, 2, (n, shared)), 2)
        targets = np.round(draw.rng.uniform(0.5, 2, n), 2) * draw.rng.choice([-1, 1], n)
        sums = common.T @ targets
        clear = min(abs(sums).min(), abs(common.sum(axis=0)).min(), abs(targets.sum())) > 0.1
        if clear and (np.sign(sums) != np.sign(common.sum(axis=0))).any():
            break
    # A feature of its own for each example, so large that the signs give a multiple of y.
    scores = common @ np.sign(sums)
    multiple = (np.sign(targets) * scores / abs(targets)).max() + draw.number(1.2, 3)
    multiple = max(multiple, 1.5)
    own = multiple * abs(targets) - np.sign(targets) * scores
    return np.hstack([common, np.diag(own)]), targets


def parts(inputs, targets):
    """The signs, and the multiple of y that they give."""
    signs = np.sign(inputs.T @ targets)
    return signs, (inputs @ signs)[0] / targets[0]


@exercise.mistake("sec-signs")
def not_scaled(inputs, targets):
    """These are the signs themselves.

    They have the right direction. Which multiple of y do their scores make?
    """
    return parts(inputs, targets)[0]


@exercise.mistake("sec-signs")
def multiplied(inputs, targets):
    """The signs are multiplied where they should be divided.

    Put your θ in: are the scores y?
    """
    signs, multiple = parts(inputs, targets)
    return signs * multiple


@exercise.mistake("sec-signs")
def downhill_sign(inputs, targets):
    """The sign is turned round.

    The gradient at zero is −Xᵀy / n. Which way does a step go?
    """
    signs, multiple = parts(inputs, targets)
    return -signs / multiple


@exercise.mistake("sec-separable")
def least_norm(inputs, targets):
    """This is the solution with the smallest norm, where gradient descent ends.

    It fits all examples too. What is left of a gradient that is divided by its own size?
    """
    return inputs.T @ np.linalg.solve(inputs @ inputs.T, targets)


@exercise.mistake("sec-signs")
def line_of_gradient(inputs, targets):
    """The line is that of the gradient, not that of its signs.

    Each coordinate is divided by the root of its own squares.
    """
    u = inputs.T @ targets
    scores = inputs @ u
    return u * (scores @ targets) / (scores @ scores)


@exercise.mistake("sec-signs")
def targets_left_out(inputs, targets):
    """The signs are those of the features' sums.

    What is each example multiplied by in the gradient at zero?
    """
    signs = np.sign(inputs.sum(axis=0))
    scores = inputs @ signs
    return signs * (scores @ targets) / (scores @ scores)


@exercise.mistake("sec-signs")
def first_example(inputs, targets):
    """The signs are those of the first example alone.

    The gradient is that of all examples.
    """
    signs = np.sign(inputs[0] * targets[0])
    scores = inputs @ signs
    return signs * (scores @ targets) / (scores @ scores)


@exercise.mistake("sec-signs")
def score_of_first(inputs, targets):
    """The signs are divided by their first score, not by the multiple.

    A score of the signs is the multiple times y.
    """
    signs, _ = parts(inputs, targets)
    return signs / (inputs @ signs)[0]


@exercise.mistake("sec-signs")
def size_of_scores(inputs, targets):
    """The signs are divided by the length of their scores.

    The length of y belongs in it too.
    """
    signs, _ = parts(inputs, targets)
    return signs / np.linalg.norm(inputs @ signs)


@exercise.mistake("sec-signs")
def by_examples(inputs, targets):
    """The signs are divided by the number of examples.

    It stands in the gradient. Does it change where the error is zero?
    """
    return parts(inputs, targets)[0] / len(targets)


@exercise.mistake("sec-signs")
def by_features(inputs, targets):
    """The signs are divided by the number of features.

    That fits if all features of an example are 1 and agree. Use the scores instead.
    """
    return parts(inputs, targets)[0] / inputs.shape[1]


@exercise.mistake("sec-signs")
def unit_length(inputs, targets):
    """The result has the length 1.

    Where on the line it ends is decided by the error, not by a length.
    """
    return parts(inputs, targets)[0] / np.sqrt(inputs.shape[1])


@exercise.mistake("sec-signs")
def divided_by_examples_too(inputs, targets):
    """The result is the right one divided by the number of examples.

    The mean over the examples scales the gradient, not the point where it is zero.
    """
    signs, multiple = parts(inputs, targets)
    return signs / multiple / len(targets)


@exercise.mistake("sec-signs")
def signs_of_targets(inputs, targets):
    """The scores are compared with the signs of y, not with y.

    The model is to give y itself.
    """
    signs, multiple = parts(inputs, targets)
    return signs / (multiple * abs(targets[0]))


@exercise.mistake("sec-signs")
def size_dropped(inputs, targets):
    """Signs that the data's sizes turned round: the sizes of the features are left out.

    A large feature weighs more in the sum Xᵀy.
    """
    signs = np.sign(np.sign(inputs).T @ np.sign(targets))
    scores = inputs @ signs
    return signs * (scores @ targets) / (scores @ scores)


@exercise.mistake("sec-separable")
def signs_of_least_norm(inputs, targets):
    """The signs are those of the solution with the smallest norm.

    The line is that of the first step. Which signs has the gradient at zero?
    """
    signs = np.sign(least_norm(inputs, targets))
    scores = inputs @ signs
    return signs * (scores @ targets) / (scores @ scores)


@exercise.mistake("sec-signs")
def mean_score(inputs, targets):
    """The signs are divided by the mean of their scores, not by the multiple.

    A score of the signs is the multiple times y.
    """
    signs, _ = parts(inputs, targets)
    return signs / (inputs @ signs).mean()
