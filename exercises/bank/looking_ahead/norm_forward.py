"""Batch, layer and group normalization, forward (row R24)."""

import math

import numpy as np

from exercises import Exercise

exercise = Exercise(
    "Three normalizations",
    row="R24",
    read="sec-norm-forward",
    returns=("y",),
    statement=r"""
    A layer hands on values $x$ with three axes: examples, channels, and places within a channel.
    They are divided into sets. From the values of each set come its mean $\mu$ and its variance
    $\sigma^2$, divided by the number of values. Each value then becomes

    $$
    y = \gamma\,\frac{x-\mu}{\sqrt{\sigma^2+\epsilon}} + \beta ,
    $$

    with a scale $\gamma$ and a shift $\beta$ for each channel. The number `groups` says which sets:

    - 0 is batch normalization: a set for each channel, over all examples and places;
    - 1 is layer normalization: a set for each example, over all channels and places;
    - more is group normalization: a set for each example and each of so many groups of neighbouring
      channels, all of the same size.

    Write this function.
    """,
)


@exercise.solution
def norm_forward(x, scale, shift, groups, eps):
    """Values normalized by batch, by layer or by groups, then scaled and shifted.

    x: the values, an array (examples, channels, places)
    scale: the scale γ of each channel, an array (channels,)
    shift: the shift β of each channel, an array (channels,)
    groups: 0 for batch normalization, 1 for layer normalization, else the number of groups
    eps: the constant ε under the root

    Returns y, an array of the shape of x.
    """
    if groups == 0:
        mean, variance = x.mean((0, 2), keepdims=True), x.var((0, 2), keepdims=True)
        x_hat = (x - mean) / np.sqrt(variance + eps)
    else:
        sets = x.reshape(len(x), groups, -1)
        mean, variance = sets.mean(2, keepdims=True), sets.var(2, keepdims=True)
        x_hat = ((sets - mean) / np.sqrt(variance + eps)).reshape(x.shape)
    return scale[:, None] * x_hat + shift[:, None]


@exercise.reference
def reference(x, scale, shift, groups, eps):
    import torch

    from optlab.tasks.networks import normalized, standardized

    # optlib has 1e-5 for ε: of values that are smaller by a factor, it is another ε.
    values = torch.from_numpy(x) * math.sqrt(1e-5 / eps)
    if groups > 1:
        x_hat = standardized(values.reshape(len(x), groups, -1), (2,)).reshape(x.shape)
    else:
        x_hat = normalized(values, "layer" if groups else "batch")
    return scale[:, None] * x_hat.numpy() + shift[:, None]


@exercise.probe
def probe(draw):
    groups = {(): 0, (2,): 1, (3,): 2, (2, 2): 3}[draw.shape]
    # All of one sign, so that the means are far from zero; no two axes of one length.
    x = np.abs(draw.array(*((3, 6, 2) if draw.rng.random() < 0.5 else (2, 6, 3))))
    return x, draw.array(6), draw.array(6), groups, draw.number(0.1, 0.4)


def put(x, groups, spread, centre=True, axes=None, count=None):
    """x̂ for sets over other axes, with other means and spreads, and with another grouping.

    The axes are examples, groups, channels of a group and places.
    """
    parts = x.reshape(len(x), count or groups or x.shape[1], -1, x.shape[2])
    axes = axes or ((2, 3) if groups else (0, 2, 3))
    mean = parts.mean(axes, keepdims=True) if centre else 0
    return ((parts - mean) / spread(parts, axes)).reshape(x.shape)


def rooted(eps, ddof=0):
    return lambda parts, axes: np.sqrt(parts.var(axes, ddof=ddof, keepdims=True) + eps)


def finished(x_hat, scale, shift):
    return scale[:, None] * x_hat + shift[:, None]


@exercise.mistake("sec-norm-axes")
def one_set(x, scale, shift, groups, eps):
    """There is one mean and one variance for the whole array.

    Which values share a mean? That depends on `groups`. Give `mean` and `var` the axes.
    """
    return finished(put(x, groups, rooted(eps), axes=(0, 1, 2, 3)), scale, shift)


@exercise.mistake("sec-norm-axes")
def always_batch(x, scale, shift, groups, eps):
    """Whatever `groups` is, this is batch normalization.

    What does your function do with `groups`?
    """
    return norm_forward(x, scale, shift, 0, eps)


@exercise.mistake("sec-norm-axes")
def always_layer(x, scale, shift, groups, eps):
    """Whatever `groups` is, this is layer normalization.

    What does your function do with `groups`?
    """
    return norm_forward(x, scale, shift, 1, eps)


@exercise.mistake("sec-norm-axes")
def no_batch(x, scale, shift, groups, eps):
    """With `groups` 0 this is layer normalization.

    There the examples share a mean, and the channels do not.
    """
    return norm_forward(x, scale, shift, groups or 1, eps)


@exercise.mistake("sec-norm-axes")
def batch_and_layer_swapped(x, scale, shift, groups, eps):
    """Batch and layer normalization are swapped.

    In batch normalization the examples share a mean. In which one do the channels?
    """
    return norm_forward(x, scale, shift, {0: 1, 1: 0}.get(groups, groups), eps)


@exercise.mistake("sec-norm-axes")
def grouped_or_batch(x, scale, shift, groups, eps):
    """With `groups` 1 this is batch normalization.

    One group holds all channels of an example. Which number stands for the batch?
    """
    return norm_forward(x, scale, shift, groups if groups > 1 else 0, eps)


@exercise.mistake("sec-norm-axes")
def batch_by_place(x, scale, shift, groups, eps):
    """In batch normalization each place has a mean of its own.

    The places of a channel belong to one set. How many axes does its mean go over?
    """
    axes = None if groups else (0,)
    return finished(put(x, groups, rooted(eps), axes=axes), scale, shift)


@exercise.mistake("sec-norm-axes")
def layer_by_place(x, scale, shift, groups, eps):
    """In layer normalization each place has a mean of its own.

    Here the places belong to the set too. How many axes does its mean go over?
    """
    axes = (1, 2) if groups == 1 else None
    return finished(put(x, groups, rooted(eps), axes=axes), scale, shift)


@exercise.mistake("sec-norm-axes")
def every_channel_its_group(x, scale, shift, groups, eps):
    """In group normalization each channel is a group of its own.

    A group has several channels. How many, with `groups` groups?
    """
    count = x.shape[1] if groups > 1 else None
    return finished(put(x, groups, rooted(eps), count=count), scale, shift)


@exercise.mistake("sec-norm-axes")
def group_size(x, scale, shift, groups, eps):
    """`groups` is taken for the number of channels in a group.

    It is the number of groups.
    """
    count = x.shape[1] // groups if groups else None
    return finished(put(x, groups, rooted(eps), count=count), scale, shift)


@exercise.mistake("sec-norm-axes")
def every_other_channel(x, scale, shift, groups, eps):
    """The groups are not of neighbouring channels.

    With six channels and two groups the first three belong together.
    """
    if groups < 2:
        return norm_forward(x, scale, shift, groups, eps)
    order = np.argsort(np.arange(x.shape[1]) % groups, kind="stable")
    x_hat = put(x[:, order], groups, rooted(eps))
    return finished(x_hat[:, np.argsort(order)], scale, shift)


@exercise.mistake("sec-norm-axes")
def groups_over_the_batch(x, scale, shift, groups, eps):
    """In group normalization the examples share a mean.

    Each example has its own.
    """
    axes = (0, 2, 3) if groups > 1 else None
    return finished(put(x, groups, rooted(eps), axes=axes), scale, shift)


@exercise.mistake("sec-norm-axes")
def layer_over_the_batch(x, scale, shift, groups, eps):
    """In layer normalization the examples share a mean.

    Each example has its own.
    """
    axes = (0, 1, 2, 3) if groups == 1 else None
    return finished(put(x, groups, rooted(eps), axes=axes), scale, shift)


@exercise.mistake("sec-norm-axes")
def each_place_alone(x, scale, shift, groups, eps):
    """In layer and group normalization each place has a mean of its own.

    Transformers have it so. Here the places belong to the set too.
    """
    axes = (2,) if groups else None
    return finished(put(x, groups, rooted(eps), axes=axes), scale, shift)


@exercise.mistake("sec-norm-axes")
def instance(x, scale, shift, groups, eps):
    """With `groups` 0 each example and channel is a set of its own.

    That is another layer, instance normalization. What do examples share in batch normalization?
    """
    return norm_forward(x, scale, shift, groups or x.shape[1], eps)


@exercise.mistake("sec-norm-axes")
def variances_averaged(x, scale, shift, groups, eps):
    """In batch normalization the variance is the mean of the variances of the examples.

    The examples' means differ too. Around which mean is the variance of the whole set?
    """
    if groups:
        return norm_forward(x, scale, shift, groups, eps)
    mean, variance = x.mean((0, 2), keepdims=True), x.var(2).mean(0)[:, None]
    return finished((x - mean) / np.sqrt(variance + eps), scale, shift)


@exercise.mistake("sec-norm-forward")
def unbiased(x, scale, shift, groups, eps):
    """The variance is divided by the number of values minus one.

    That estimates a population. To normalize, the set counts as all there is.
    """
    return finished(put(x, groups, rooted(eps, ddof=1)), scale, shift)


@exercise.mistake("sec-norm-dialects")
def outside(x, scale, shift, groups, eps):
    """ε stands outside the root.

    Adam has it there. What stands under the root here?
    """

    def spread(parts, axes):
        return parts.std(axes, keepdims=True) + eps

    return finished(put(x, groups, spread), scale, shift)


@exercise.mistake("sec-norm-forward")
def no_eps(x, scale, shift, groups, eps):
    """ε is missing.

    Where does it belong?
    """
    return finished(put(x, groups, rooted(0.0)), scale, shift)


@exercise.mistake("sec-norm-forward")
def eps_squared(x, scale, shift, groups, eps):
    """ε is squared.

    It is added to the variance as it is.
    """
    return finished(put(x, groups, rooted(eps**2)), scale, shift)


@exercise.mistake("sec-norm-forward")
def no_root(x, scale, shift, groups, eps):
    """It divides by the variance plus ε.

    The variance has the unit of x squared. What has the unit of x?
    """

    def spread(parts, axes):
        return parts.var(axes, keepdims=True) + eps

    return finished(put(x, groups, spread), scale, shift)


@exercise.mistake("sec-norm-forward")
def not_centred(x, scale, shift, groups, eps):
    """The mean is not subtracted.

    What stands in the numerator?
    """
    return finished(put(x, groups, rooted(eps), centre=False), scale, shift)


@exercise.mistake("sec-norm-forward")
def mean_square(x, scale, shift, groups, eps):
    """The variance is taken around zero: it is the mean of x².

    The mean has to go first.
    """

    def spread(parts, axes):
        return np.sqrt((parts**2).mean(axes, keepdims=True) + eps)

    return finished(put(x, groups, spread), scale, shift)


@exercise.mistake("sec-norm-forward")
def rms_only(x, scale, shift, groups, eps):
    """It divides by the root of the mean of x², and subtracts no mean.

    That is another layer, RMSNorm. What is the numerator here, and around what is the variance?
    """

    def spread(parts, axes):
        return np.sqrt((parts**2).mean(axes, keepdims=True) + eps)

    return finished(put(x, groups, spread, centre=False), scale, shift)


@exercise.mistake("sec-norm-forward")
def swapped(x, scale, shift, groups, eps):
    """Scale and shift are swapped.

    Which of the two is multiplied?
    """
    return norm_forward(x, shift, scale, groups, eps)


@exercise.mistake("sec-norm-forward")
def shifted_first(x, scale, shift, groups, eps):
    """The shift is added before the scale is multiplied.

    In which order does the formula have them?
    """
    return norm_forward(x, scale, scale * shift, groups, eps)


@exercise.mistake("sec-norm-forward")
def not_scaled(x, scale, shift, groups, eps):
    """The scale is missing.

    What becomes of x̂ at last?
    """
    return norm_forward(x, np.ones_like(scale), shift, groups, eps)


@exercise.mistake("sec-norm-forward")
def not_shifted(x, scale, shift, groups, eps):
    """The shift is missing.

    What becomes of x̂ at last?
    """
    return norm_forward(x, scale, np.zeros_like(shift), groups, eps)


@exercise.mistake("sec-norm-forward")
def bare(x, scale, shift, groups, eps):
    """Scale and shift are both missing: this is x̂.

    What becomes of x̂ at last?
    """
    return norm_forward(x, np.ones_like(scale), np.zeros_like(shift), groups, eps)


@exercise.mistake("sec-norm-forward")
def shift_normalized_away(x, scale, shift, groups, eps):
    """Scale and shift are applied before the normalization.

    It takes away most of what they do. Which comes first?
    """
    return norm_forward(
        finished(x, scale, shift), np.ones_like(scale), np.zeros_like(shift), groups, eps
    )
