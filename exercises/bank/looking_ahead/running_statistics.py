"""Running mean and variance, and evaluation with them (row R24)."""

import numpy as np

from exercises import Exercise

exercise = Exercise(
    "Running statistics",
    row="R24",
    read="sec-norm-running",
    returns=("mean", "variance", "y"),
    statement=r"""
    During training batch normalization keeps a running mean and a running variance of each channel.
    They begin at 0 and at 1. After each mini-batch of $m$ values, whose mean is $\mu$ and whose
    variance is $\sigma^2$ (divided by $m$), PyTorch sets

    $$
    \text{mean} \leftarrow (1-\alpha)\,\text{mean} + \alpha\,\mu, \qquad
    \text{variance} \leftarrow (1-\alpha)\,\text{variance} + \alpha\,\frac{m}{m-1}\,\sigma^2 ,
    $$

    where $\alpha$ is called momentum. In evaluation a value $x$ of the channel becomes

    $$
    y = \frac{x-\text{mean}}{\sqrt{\text{variance}+\epsilon}}
    $$

    before scale and shift. Write the function that goes through some mini-batches of one channel,
    and then normalizes one new value.
    """,
)


@exercise.solution
def running_statistics(batches, x, momentum, eps):
    """Running mean and variance after some mini-batches, and a new value normalized with them.

    batches: the values of one channel, an array (number of mini-batches, m)
    x: a new value, in evaluation
    momentum: PyTorch's momentum α
    eps: the constant ε under the root

    Returns the running mean, the running variance and y, in this order.
    """
    mean, variance = 0.0, 1.0
    for batch in batches:
        mean = (1 - momentum) * mean + momentum * batch.mean()
        variance = (1 - momentum) * variance + momentum * batch.var(ddof=1)
    return mean, variance, (x - mean) / np.sqrt(variance + eps)


@exercise.reference
def reference(batches, x, momentum, eps):
    import torch

    layer = torch.nn.BatchNorm1d(1, eps=eps, momentum=momentum, affine=False, dtype=torch.float64)
    for batch in torch.from_numpy(batches):
        layer(batch[:, None])
    y, buffers = layer.eval()(torch.tensor([[x]], dtype=torch.float64)), layer.state_dict()
    return buffers["running_mean"].item(), buffers["running_var"].item(), y.item()


@exercise.probe
def probe(draw):
    count, m = int(draw.rng.integers(2, 5)), int(draw.rng.integers(3, 6))
    # One probe has another number of mini-batches than examples in each, for sums of the wrong one.
    batches = np.round(draw.array(count, m + (m == count)) + draw.number(0.3, 1.5), 2)
    return batches, draw.number(-2, 2), draw.number(0.1, 0.4), draw.number(0.1, 0.5)


def kept(batches, momentum, start=(0.0, 1.0), ddof=1, factor=1.0):
    """Running mean and variance; each mini-batch's variance is multiplied by `factor`."""
    mean, variance = start
    for batch in batches:
        mean = (1 - momentum) * mean + momentum * batch.mean()
        variance = (1 - momentum) * variance + momentum * factor * batch.var(ddof=ddof)
    return mean, variance


def put(x, statistics, eps):
    """What is returned, from the running mean and variance."""
    mean, variance = statistics
    return mean, variance, (x - mean) / np.sqrt(variance + eps)


@exercise.mistake("sec-norm-running")
def other_side(batches, x, momentum, eps):
    """The momentum stands on the other side, as in Keras: it is the weight of what is kept.

    Which of the two has the weight α here, the old value or the new mini-batch?
    """
    return put(x, kept(batches, 1 - momentum), eps)


@exercise.mistake("sec-norm-running")
def biased(batches, x, momentum, eps):
    """The running variance takes in the variance divided by m.

    Look at the factor before σ².
    """
    return put(x, kept(batches, momentum, ddof=0), eps)


@exercise.mistake("sec-norm-running")
def factor_upside_down(batches, x, momentum, eps):
    """The factor before σ² is upside down, so that it makes the variance smaller.

    Which of the two, m or m − 1, is the larger one?
    """
    m = batches.shape[1]
    return put(x, kept(batches, momentum, ddof=0, factor=(m - 1) / m), eps)


@exercise.mistake("sec-norm-running")
def factor_twice(batches, x, momentum, eps):
    """The factor before σ² is in it twice.

    By what does your function for the variance divide?
    """
    m = batches.shape[1]
    return put(x, kept(batches, momentum, factor=m / (m - 1)), eps)


@exercise.mistake("sec-norm-running")
def nothing_forgotten(batches, x, momentum, eps):
    """What comes is weighted with α, but what was there is not made smaller.

    Which weight has the old value?
    """
    mean, variance = 0.0, 1.0
    for batch in batches:
        mean, variance = mean + momentum * batch.mean(), variance + momentum * batch.var(ddof=1)
    return put(x, (mean, variance), eps)


@exercise.mistake("sec-norm-running")
def deviation_taken_in(batches, x, momentum, eps):
    """The running variance takes in standard deviations.

    The formula has σ².
    """
    mean, variance = 0.0, 1.0
    for batch in batches:
        mean = (1 - momentum) * mean + momentum * batch.mean()
        variance = (1 - momentum) * variance + momentum * batch.std(ddof=1)
    return put(x, (mean, variance), eps)


@exercise.mistake("sec-norm-dialects")
def keras(batches, x, momentum, eps):
    """This is what Keras does: momentum on the other side, and the variance divided by m.

    Look at both formulas: which weight has the new mini-batch, and which factor its variance?
    """
    return put(x, kept(batches, 1 - momentum, ddof=0), eps)


@exercise.mistake("sec-norm-running")
def own_statistics(batches, x, momentum, eps):
    """Mean and variance are right, but y is normalized with the mean and variance of x itself.

    The mean of one value is that value. Which ones does evaluation take?
    """
    mean, variance = kept(batches, momentum)
    return mean, variance, 0.0


@exercise.mistake("sec-norm-running")
def last_batch(batches, x, momentum, eps):
    """Mean and variance are right, but y is normalized with those of the last mini-batch.

    Which ones does evaluation take?
    """
    mean, variance = kept(batches, momentum)
    return mean, variance, (x - batches[-1].mean()) / np.sqrt(batches[-1].var() + eps)


@exercise.mistake("sec-norm-running")
def variance_from_zero(batches, x, momentum, eps):
    """The running variance begins at 0.

    A new layer hands its values on as they are. Which variance does that need?
    """
    return put(x, kept(batches, momentum, start=(0.0, 0.0)), eps)


@exercise.mistake("sec-norm-running")
def mean_from_one(batches, x, momentum, eps):
    """The running mean begins at 1.

    Both begin as if nothing had to be changed.
    """
    return put(x, kept(batches, momentum, start=(1.0, 1.0)), eps)


@exercise.mistake("sec-norm-running")
def starts_swapped(batches, x, momentum, eps):
    """The mean begins at 1 and the variance at 0: the two are swapped.

    A new layer hands its values on as they are.
    """
    return put(x, kept(batches, momentum, start=(1.0, 0.0)), eps)


@exercise.mistake("sec-norm-running")
def first_batch_starts(batches, x, momentum, eps):
    """The first mini-batch is taken whole, as the start.

    It counts with the weight α like all others. Where do the two begin?
    """
    start = batches[0].mean(), batches[0].var(ddof=1)
    return put(x, kept(batches[1:], momentum, start=start), eps)


@exercise.mistake("sec-norm-running")
def corrected(batches, x, momentum, eps):
    """Mean and variance are corrected for their start, as Adam's averages are.

    Batch normalization does not do that.
    """
    mean, variance = kept(batches, momentum)
    weight = 1 - (1 - momentum) ** len(batches)
    return put(x, (mean / weight, variance / weight), eps)


@exercise.mistake("sec-norm-running")
def plain_mean(batches, x, momentum, eps):
    """All mini-batches count alike, and α is not used.

    The older a mini-batch is, the less it counts.
    """
    return put(x, (batches.mean(1).mean(), batches.var(1, ddof=1).mean()), eps)


@exercise.mistake("sec-norm-running")
def pooled(batches, x, momentum, eps):
    """Mean and variance are those of all values together, and α is not used.

    Only one mini-batch at a time is known. What does each of them change?
    """
    return put(x, (batches.mean(), batches.var(ddof=1)), eps)


@exercise.mistake("sec-norm-running")
def one_update(batches, x, momentum, eps):
    """Only the first mini-batch has been counted.

    Does a `return` end your loop at its first step?
    """
    return put(x, kept(batches[:1], momentum), eps)


@exercise.mistake("sec-norm-running")
def last_update_alone(batches, x, momentum, eps):
    """Only the last mini-batch has been counted.

    Is the start set anew within the loop?
    """
    return put(x, kept(batches[-1:], momentum), eps)


@exercise.mistake("sec-norm-running")
def evaluation_counts(batches, x, momentum, eps):
    """The new value has changed the running mean.

    In evaluation nothing is counted any more.
    """
    mean, variance = kept(batches, momentum)
    return put(x, ((1 - momentum) * mean + momentum * x, variance), eps)


@exercise.mistake("sec-norm-running")
def around_the_running_mean(batches, x, momentum, eps):
    """The variance of a mini-batch is taken around the running mean.

    σ² is the mini-batch's own variance, around its own mean.
    """
    mean, variance = 0.0, 1.0
    for batch in batches:
        mean = (1 - momentum) * mean + momentum * batch.mean()
        square = ((batch - mean) ** 2).sum() / (len(batch) - 1)
        variance = (1 - momentum) * variance + momentum * square
    return put(x, (mean, variance), eps)


@exercise.mistake("sec-norm-running")
def roots_averaged(batches, x, momentum, eps):
    """The standard deviation is averaged, and squared at the end.

    The formula averages the variance.
    """
    mean, deviation = 0.0, 1.0
    for batch in batches:
        mean = (1 - momentum) * mean + momentum * batch.mean()
        deviation = (1 - momentum) * deviation + momentum * batch.std(ddof=1)
    return put(x, (mean, deviation**2), eps)


@exercise.mistake("sec-norm-running")
def deviation_returned(batches, x, momentum, eps):
    """The running standard deviation is returned where the variance is due.

    y is right. Return the variance itself.
    """
    mean, variance, y = running_statistics(batches, x, momentum, eps)
    return mean, np.sqrt(variance), y


@exercise.mistake("sec-norm-running")
def corrected_in_y(batches, x, momentum, eps):
    """Mean and variance are right, but y has them corrected for their start.

    Batch normalization takes them as they are.
    """
    mean, variance = kept(batches, momentum)
    weight = 1 - (1 - momentum) ** len(batches)
    return mean, variance, (x - mean / weight) / np.sqrt(variance / weight + eps)


@exercise.mistake("sec-norm-dialects")
def outside(batches, x, momentum, eps):
    """Mean and variance are right, but in y ε stands outside the root.

    What stands under the root?
    """
    mean, variance = kept(batches, momentum)
    return mean, variance, (x - mean) / (np.sqrt(variance) + eps)


@exercise.mistake("sec-norm-forward")
def no_eps(batches, x, momentum, eps):
    """Mean and variance are right, but in y ε is missing.

    Where does it belong?
    """
    mean, variance = kept(batches, momentum)
    return mean, variance, (x - mean) / np.sqrt(variance)


@exercise.mistake("sec-norm-forward")
def no_root(batches, x, momentum, eps):
    """Mean and variance are right, but y is divided by the variance plus ε.

    The variance has the unit of x squared. What has the unit of x?
    """
    mean, variance = kept(batches, momentum)
    return mean, variance, (x - mean) / (variance + eps)


@exercise.mistake("sec-norm-forward")
def not_centred(batches, x, momentum, eps):
    """Mean and variance are right, but in y the mean is not subtracted.

    What stands in the numerator?
    """
    mean, variance = kept(batches, momentum)
    return mean, variance, x / np.sqrt(variance + eps)


@exercise.mistake("sec-norm-running")
def biased_in_y(batches, x, momentum, eps):
    """Mean and variance are right, but y takes the factor (m − 1)/m back.

    Evaluation takes the running variance as it is.
    """
    mean, variance = kept(batches, momentum)
    m = batches.shape[1]
    return mean, variance, (x - mean) / np.sqrt(variance * (m - 1) / m + eps)


@exercise.mistake("sec-norm-running")
def eps_kept(batches, x, momentum, eps):
    """ε is added to the variance that is returned.

    It belongs under the root only.
    """
    mean, variance, y = running_statistics(batches, x, momentum, eps)
    return mean, variance + eps, y


@exercise.mistake("sec-norm-running")
def mean_square(batches, x, momentum, eps):
    """The running variance takes in the mean of the squares.

    The mean of the mini-batch has to be subtracted first.
    """
    mean, variance = 0.0, 1.0
    for batch in batches:
        mean = (1 - momentum) * mean + momentum * batch.mean()
        square = (batch**2).sum() / (len(batch) - 1)
        variance = (1 - momentum) * variance + momentum * square
    return put(x, (mean, variance), eps)


@exercise.mistake("sec-norm-running")
def columns(batches, x, momentum, eps):
    """It goes through the columns: a value of each mini-batch at a time.

    The first axis counts the mini-batches.
    """
    return put(x, kept(batches.T, momentum), eps)
