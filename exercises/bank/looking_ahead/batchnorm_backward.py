"""The gradient through batch normalization (row R24)."""

import math

import numpy as np

from exercises import Exercise

exercise = Exercise(
    "Back through batch normalization",
    row="R24",
    read="sec-norm-backward",
    returns=("dx",),
    statement=r"""
    Batch normalization takes each channel's mean $\mu$ and variance $\sigma^2$ over the $m$
    examples of a mini-batch, the variance divided by $m$, and gives

    $$
    y_i = \gamma\,\frac{x_i-\mu}{\sqrt{\sigma^2+\epsilon}} + \beta .
    $$

    Write the function that finds the derivatives of a loss $L$ by all $x_i$, when those by all
    $y_i$ are given. Mind that $\mu$ and $\sigma^2$ depend on every $x_i$ too. Each channel is
    treated alone.
    """,
)


@exercise.solution
def batchnorm_backward(x, scale, dy, eps):
    """The gradient by the inputs of batch normalization.

    x: the inputs, an array (examples, channels)
    scale: the scale γ of each channel, an array (channels,)
    dy: the derivatives of the loss by the outputs y, an array of the shape of x
    eps: the constant ε under the root

    Returns dx, the derivatives of the loss by x, an array of the shape of x.
    """
    m = len(x)
    root = np.sqrt(x.var(0) + eps)
    x_hat = (x - x.mean(0)) / root
    return scale / (m * root) * (m * dy - dy.sum(0) - x_hat * (dy * x_hat).sum(0))


@exercise.reference
def reference(x, scale, dy, eps):
    import torch

    from optlab.tasks.networks import normalized

    # optlib has 1e-5 for ε: of values that are smaller by a factor, it is another ε.
    inputs = torch.tensor(x, requires_grad=True)
    y = torch.from_numpy(scale) * normalized(inputs * math.sqrt(1e-5 / eps), "batch")
    (dx,) = torch.autograd.grad(y, inputs, torch.from_numpy(dy))
    return dx.numpy()


@exercise.probe
def probe(draw):
    # More examples than channels, or fewer; the gradients have a mean that is not zero.
    m, channels = {(): (3, 1), (2,): (4, 2), (3,): (3, 2), (2, 2): (2, 3)}[draw.shape]
    dy = np.round(draw.array(m, channels) + 0.6, 2)
    x = draw.array(m, channels)
    while (x.var(0) < 0.05).any():  # an answer without ε divides by its root
        x = draw.array(m, channels)
    return x, draw.array(channels), dy, draw.number(0.1, 0.5)


def parts(x, eps, ddof=0):
    """The root, and x̂."""
    root = np.sqrt(x.var(0, ddof=ddof) + eps)
    return root, (x - x.mean(0)) / root


@exercise.mistake("sec-norm-backward")
def both_constant(x, scale, dy, eps):
    """Mean and variance are treated as constants.

    Move one input: the mean moves with it, and the variance.
    """
    root, _ = parts(x, eps)
    return scale * dy / root


@exercise.mistake("sec-norm-backward")
def mean_constant(x, scale, dy, eps):
    """The mean is treated as a constant.

    The variance is taken care of. By how much does the mean move with one input?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy - x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def variance_constant(x, scale, dy, eps):
    """The variance is treated as a constant.

    The mean is taken care of. By how much does the variance move with one input?
    """
    root, _ = parts(x, eps)
    return scale / root * (dy - dy.mean(0))


@exercise.mistake("sec-norm-backward")
def no_scale(x, scale, dy, eps):
    """The scale γ is missing.

    y is γ times x̂, plus a constant. What is the derivative by x̂?
    """
    return batchnorm_backward(x, np.ones_like(scale), dy, eps)


@exercise.mistake("sec-norm-backward")
def scale_twice(x, scale, dy, eps):
    """The scale γ is in it twice.

    Where have you multiplied by it already?
    """
    return batchnorm_backward(x, scale**2, dy, eps)


@exercise.mistake("sec-norm-backward")
def scale_divides(x, scale, dy, eps):
    """It is divided by the scale γ.

    y is γ times x̂, plus a constant. What is the derivative by x̂?
    """
    return batchnorm_backward(x, 1 / scale, dy, eps)


@exercise.mistake("sec-norm-backward")
def sums_for_means(x, scale, dy, eps):
    """Where means are due there are sums.

    The mean is the sum over m. Where has this m gone?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy - dy.sum(0) - x_hat * (dy * x_hat).sum(0))


@exercise.mistake("sec-norm-backward")
def variance_doubled(x, scale, dy, eps):
    """The term of the variance is twice too large.

    Which factor comes from the derivative of a root?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy - dy.mean(0) - 2 * x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def variance_halved(x, scale, dy, eps):
    """The term of the variance is half of what it is to be.

    Which factor comes from the derivative of a square?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0) / 2)


@exercise.mistake("sec-norm-backward")
def root_left_out(x, scale, dy, eps):
    """All of it is to be divided by the root once more.

    With x in larger units, what becomes of the derivative by x?
    """
    root, _ = parts(x, eps)
    return root * batchnorm_backward(x, scale, dy, eps)


@exercise.mistake("sec-norm-backward")
def m_left_out(x, scale, dy, eps):
    """All of it is m times too large.

    What stands before the bracket?
    """
    return len(x) * batchnorm_backward(x, scale, dy, eps)


@exercise.mistake("sec-norm-backward")
def m_too_often(x, scale, dy, eps):
    """All of it is divided by m once too often.

    `dy` belongs to the loss as it is: nothing is averaged over the examples here.
    """
    return batchnorm_backward(x, scale, dy, eps) / len(x)


@exercise.mistake("sec-norm-backward")
def means_over_m(x, scale, dy, eps):
    """The two means are divided by m once more.

    Have you taken means, and then multiplied the other term by m?
    """
    root, x_hat = parts(x, eps)
    m = len(x)
    return scale / (m * root) * (m * dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def no_root(x, scale, dy, eps):
    """It divides by the variance plus ε, without a root, before the bracket.

    By what does the forward formula divide?
    """
    root, _ = parts(x, eps)
    return batchnorm_backward(x, scale, dy, eps) / root


@exercise.mistake("sec-norm-forward")
def no_eps(x, scale, dy, eps):
    """ε is missing.

    It is in the root, and so in x̂ too.
    """
    return batchnorm_backward(x, scale, dy, 0.0)


@exercise.mistake("sec-norm-backward")
def bare_x_hat(x, scale, dy, eps):
    """x̂ has no ε, but the root before the bracket has.

    Both are the forward formula's.
    """
    root, _ = parts(x, eps)
    _, x_hat = parts(x, 0.0)
    return scale / root * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-dialects")
def outside(x, scale, dy, eps):
    """ε stands outside the root.

    Look at the forward formula.
    """
    root = x.std(0) + eps
    x_hat = (x - x.mean(0)) / root
    return scale / root * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-forward")
def unbiased(x, scale, dy, eps):
    """The variance is divided by m − 1.

    To normalize, the mini-batch counts as all there is.
    """
    root, x_hat = parts(x, eps, ddof=1)
    return scale / root * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def sign_of_mean(x, scale, dy, eps):
    """The mean of the derivatives is added.

    The mean is subtracted from x. Which sign has its derivative?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy + dy.mean(0) - x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def sign_of_variance(x, scale, dy, eps):
    """The term of the variance is added.

    A larger variance makes x̂ smaller. Which sign has that?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy - dy.mean(0) + x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def both_signs(x, scale, dy, eps):
    """Both corrections are added.

    What does the way over the mean do to the gradient, and the one over the variance?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy + dy.mean(0) + x_hat * (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def factor_missing(x, scale, dy, eps):
    """The term of the variance is the same for all examples.

    An example far from the mean moves the variance more. Which factor tells how far it is?
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy - dy.mean(0) - (dy * x_hat).mean(0))


@exercise.mistake("sec-norm-backward")
def centred_only(x, scale, dy, eps):
    """In the term of the variance stands x − μ where x̂ belongs.

    Two roots are missing there.
    """
    root, _ = parts(x, eps)
    off = x - x.mean(0)
    return scale / root * (dy - dy.mean(0) - off * (dy * off).mean(0))


@exercise.mistake("sec-norm-backward")
def raw_inputs(x, scale, dy, eps):
    """In the term of the variance stands x where x̂ belongs.

    It has to be normalized first.
    """
    root, _ = parts(x, eps)
    return scale / root * (dy - dy.mean(0) - x * (dy * x).mean(0))


@exercise.mistake("sec-norm-backward")
def one_term_centred(x, scale, dy, eps):
    """In the term of the variance one factor is x − μ, and one x̂.

    A root is missing there.
    """
    root, x_hat = parts(x, eps)
    return scale / root * (dy - dy.mean(0) - x_hat * (dy * (x - x.mean(0))).mean(0))


@exercise.mistake("sec-norm-axes")
def other_axis(x, scale, dy, eps):
    """The sums go over the channels.

    Which axis holds the examples?
    """
    root, x_hat = parts(x, eps)
    m = len(x)
    mean, along = dy.sum(1, keepdims=True), (dy * x_hat).sum(1, keepdims=True)
    return scale / (m * root) * (m * dy - mean - x_hat * along)


@exercise.mistake("sec-norm-axes")
def whole_array(x, scale, dy, eps):
    """Mean, variance and sums are those of the whole array.

    Each channel is treated alone.
    """
    root = np.sqrt(x.var() + eps)
    x_hat = (x - x.mean()) / root
    return scale / root * (dy - dy.mean() - x_hat * (dy * x_hat).mean())


@exercise.mistake("sec-norm-axes")
def sums_of_everything(x, scale, dy, eps):
    """The sums in the bracket go over the channels too.

    x̂ is right. Each channel is treated alone, also on the way back.
    """
    root, x_hat = parts(x, eps)
    m = len(x)
    return scale / (m * root) * (m * dy - dy.sum() - x_hat * (dy * x_hat).sum())


@exercise.mistake("sec-norm-backward")
def by_scale(x, scale, dy, eps):
    """These are the examples' parts of the derivative by γ.

    What is asked is the derivative by x.
    """
    _, x_hat = parts(x, eps)
    return dy * x_hat


@exercise.mistake("sec-norm-forward")
def forward(x, scale, dy, eps):
    """This is the forward formula.

    What is asked is the derivative of the loss by x, from those by y.
    """
    _, x_hat = parts(x, eps)
    return scale * x_hat


@exercise.mistake("sec-norm-backward")
def of_the_loss_by_mean(x, scale, dy, eps):
    """Only the direct way is missing: these are the ways over mean and variance.

    x stands in the numerator as well.
    """
    root, x_hat = parts(x, eps)
    return scale / root * (-dy.mean(0) - x_hat * (dy * x_hat).mean(0))
