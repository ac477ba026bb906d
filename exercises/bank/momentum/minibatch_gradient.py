"""The gradient of a mini-batch (row R1)."""

import numpy as np

from exercises import Exercise
from exercises.inputs import SquaredLoss

exercise = Exercise(
    "The gradient of a mini-batch",
    row="R1",
    read="sec-problem",
    returns=("g",),
    statement=r"""
    The data are pairs $(x_i, y_i)$, and $\nabla L(\theta; x_i, y_i)$ is the gradient on one of
    them. A mini-batch $B$ is a handful of indices. Its gradient is the mean over its pairs, so
    that the learning rate need not change with the size of the batch:

    $$
    g = \frac{1}{|B|} \sum_{i \in B} \nabla L(\theta; x_i, y_i)
    $$

    Write it. The function `grad` is given; it takes $\theta$ and one pair.
    """,
)


@exercise.solution
def minibatch_gradient(theta, x, y, batch, grad):
    """The gradient of a mini-batch.

    theta: the parameters, an array
    x, y: the data; pair i is x[i], y[i]
    batch: the indices of the pairs in the mini-batch
    grad: grad(theta, x[i], y[i]) is the gradient on pair i

    Returns the gradient on the mini-batch, an array like theta.
    """
    return np.mean([grad(theta, x[i], y[i]) for i in batch], axis=0)


@exercise.reference
def reference(theta, x, y, batch, grad):
    chosen = np.zeros(len(x))
    chosen[batch] = 1 / len(batch)
    return chosen @ [grad(theta, *pair) for pair in zip(x, y, strict=True)]


@exercise.probe
def probe(draw):
    pairs, size = 5, int(draw.rng.integers(2, 5))
    batch = draw.rng.choice(pairs, size, replace=False)
    return draw.array(2), draw.array(pairs, 2), draw.array(pairs), batch, SquaredLoss()


@exercise.mistake("sec-sgd-dialects")
def summed(theta, x, y, batch, grad):
    """This is the sum over the mini-batch, not the mean.

    With a sum the step grows with the size of the batch. What turns a sum into a mean?
    """
    return np.sum([grad(theta, x[i], y[i]) for i in batch], axis=0)


@exercise.mistake("sec-problem")
def all_pairs(theta, x, y, batch, grad):
    """This is the mean over all the data: off-line, every pair in every step.

    Only the pairs in the batch count. Where do you use its indices?
    """
    return np.mean([grad(theta, x[i], y[i]) for i in range(len(x))], axis=0)


@exercise.mistake("sec-sgd-dialects")
def divided_by_data(theta, x, y, batch, grad):
    """The sum is divided by the number of all pairs.

    A mean over the batch divides by the number of pairs in the batch.
    """
    return np.sum([grad(theta, x[i], y[i]) for i in batch], axis=0) / len(x)


@exercise.mistake("sec-problem")
def first_pairs(theta, x, y, batch, grad):
    """The first pairs of the data are taken, not those of the batch.

    The batch holds indices. It is not enough to know how many there are.
    """
    return np.mean([grad(theta, x[i], y[i]) for i in range(len(batch))], axis=0)


@exercise.mistake("sec-problem")
def mean_pair(theta, x, y, batch, grad):
    """The gradient is taken at the mean pair.

    Average the gradients, not the data: the gradient at a mean is not the mean of the gradients.
    """
    return grad(theta, np.mean(x[batch], axis=0), np.mean(y[batch]))


@exercise.mistake("sec-problem")
def one_pair(theta, x, y, batch, grad):
    """Only the first pair of the batch is used.

    Is there a `return` inside of your loop?
    """
    return grad(theta, x[batch[0]], y[batch[0]])


@exercise.mistake("sec-problem")
def one_term(theta, x, y, batch, grad):
    """Only the first term of the mean came back.

    Is there a `return` inside of your loop?
    """
    return grad(theta, x[batch[0]], y[batch[0]]) / len(batch)


@exercise.mistake("sec-problem")
def last_pair(theta, x, y, batch, grad):
    """Only the last pair of the batch is used.

    Does each turn of your loop add to the gradient, or does it replace it?
    """
    return grad(theta, x[batch[-1]], y[batch[-1]])
