"""The networks, each a plain function of its weights; see `optlab.tasks.task.Network`."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from optlab.tasks.task import Weight

GROUPS = 4
"""Groups of channels of group normalization."""


def he(inputs: int, *shape: int) -> Weight:
    """Weights as He et al. (2015) draw them for rectified linear units, of so many inputs each."""
    return Weight(shape, std=math.sqrt(2 / inputs))


def lecun(inputs: int, *shape: int) -> Weight:
    """Weights as LeCun et al. (1998) draw them, which keep the variance of so many inputs."""
    return Weight(shape, std=math.sqrt(1 / inputs))


def scored(features: int, classes: int, number: str = "") -> dict[str, Weight]:
    """The weights of the last layer, whose scores are linear in its inputs."""
    return {
        f"W{number}": he(features, features, classes),
        f"b{number}": Weight((classes,)),
    }


def standardized(values: Tensor, dims: tuple[int, ...], count: int | None = None) -> Tensor:
    """Values minus their mean, over the root of their variance plus 1e-5.

    Both are taken over `dims`, of the first `count` examples, default all. The shape stays.
    """
    variance, mean = torch.var_mean(values[:count], dims, correction=0, keepdim=True)
    return (values - mean) * torch.rsqrt(variance + 1e-5)


def normalized(values: Tensor, norm: str, count: int | None = None) -> Tensor:
    """Values (examples, channels, ...) with mean 0 and variance 1, before scale and shift.

    "batch": of each channel, over the examples and all places (Ioffe & Szegedy 2015); mean and
    variance are those of the first `count` examples, default all. "layer": of each example, over
    channels and places (Ba et al. 2016). "group": of each example and each of `GROUPS` groups of
    neighbouring channels (Wu & He 2018).
    """
    if norm == "batch":
        return standardized(values, (0, *range(2, values.ndim)), count)
    groups = GROUPS if norm == "group" else 1
    return standardized(values.reshape(len(values), groups, -1), (2,)).view_as(values)


def dropped(values: Tensor, rate: float, uniform: Tensor | None) -> Tensor:
    """Values (examples, numbers), of which a share `rate` is zero and the others are enlarged.

    So that the mean stays (Srivastava et al. 2014, "inverted"). `uniform` are as many numbers from
    [0, 1); None when measuring, and nothing is dropped.
    """
    return values if uniform is None else values * (uniform >= rate) / (1 - rate)


@dataclass(frozen=True)
class Linear:
    """Softmax regression: the scores are linear in the inputs."""

    inputs: int
    classes: int
    noise = 0

    @property
    def weights(self) -> dict[str, Weight]:
        """Slopes and intercepts."""
        return scored(self.inputs, self.classes)

    def __call__(
        self,
        weights: dict[str, Tensor],
        inputs: Tensor,
        uniform: Tensor | None = None,
        count: int | None = None,
    ) -> Tensor:
        """Scores (examples, classes) of inputs (examples, inputs)."""
        return inputs @ weights["W"] + weights["b"]


class _Rectified:
    """What the networks of rectified linear units share: normalization and dropout.

    The bias comes after the normalization, which would take it away again: there it is the
    learnable shift.
    """

    norm: str | None
    dropout: float

    def _check(self, *channels: int) -> None:
        if self.norm not in (None, "batch", "layer", "group"):
            raise ValueError(
                f"norm = {self.norm!r}, but it must be None, 'batch', 'layer' or 'group'"
            )
        if self.norm == "group" and any(count % GROUPS for count in channels):
            raise ValueError(
                f"{GROUPS} groups do not fit into {channels} channels: take multiples of {GROUPS}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout = {self.dropout}, but it must be in [0, 1)")

    def _layer(self, number: int, matrix: Weight, channels: int) -> dict[str, Weight]:
        """The weights of a hidden layer of so many channels."""
        scale = {f"scale{number}": Weight((channels,), mean=1.0)} if self.norm else {}
        return {f"W{number}": matrix, **scale, f"b{number}": Weight((channels,))}

    def _rectified(
        self, weights: dict[str, Tensor], number: int, values: Tensor, count: int | None
    ) -> Tensor:
        """Values (examples, channels, ...) of a hidden layer from its products."""
        places = (-1, *(1,) * (values.ndim - 2))
        if self.norm:
            scale = weights[f"scale{number}"].view(places)
            values = normalized(values, self.norm, count) * scale
        return torch.relu(values + weights[f"b{number}"].view(places))


@dataclass(frozen=True)
class MLP(_Rectified):
    """Hidden layers of rectified linear units, one after the other.

    `hidden` are their widths. `norm` normalizes each, see `normalized`; `dropout` is the share of
    the hidden units that is dropped. `std` is the standard deviation of all matrices at the start,
    default that of He et al. (2015) for each.

    Raises
    ------
    ValueError
        No such normalization, units that do not fall into groups, or a share outside [0, 1).
    """

    inputs: int
    hidden: tuple[int, ...]
    classes: int
    norm: str | None = None
    dropout: float = 0.0
    std: float | None = None

    def __post_init__(self) -> None:
        self._check(*self.hidden)

    @property
    def noise(self) -> int:
        """One number for each hidden unit, if there is dropout."""
        return sum(self.hidden) if self.dropout else 0

    @property
    def weights(self) -> dict[str, Weight]:
        """Each layer's matrix and biases."""
        layers: dict[str, Weight] = {}
        inputs = self.inputs
        for number, width in enumerate(self.hidden, start=1):
            layers |= self._layer(number, he(inputs, inputs, width), width)
            inputs = width
        layers |= scored(inputs, self.classes, str(len(self.hidden) + 1))
        if self.std is None:
            return layers
        return {n: w._replace(std=self.std) if n[0] == "W" else w for n, w in layers.items()}

    def __call__(
        self,
        weights: dict[str, Tensor],
        inputs: Tensor,
        uniform: Tensor | None = None,
        count: int | None = None,
    ) -> Tensor:
        """Scores (examples, classes) of inputs (examples, inputs)."""
        last = len(self.hidden) + 1
        noise = [None] * last if uniform is None else uniform.split(self.hidden, -1)
        values = inputs
        for number in range(1, last):
            product = values @ weights[f"W{number}"]
            rectified = self._rectified(weights, number, product, count)
            values = dropped(rectified, self.dropout, noise[number - 1])
        return values @ weights[f"W{last}"] + weights[f"b{last}"]


@dataclass(frozen=True)
class CNN(_Rectified):
    """Convolutions 3 by 3 with stride 2, rectified, and a linear layer on what they leave.

    Strides instead of pooling, after Springenberg et al. (2015): each convolution halves the image,
    so that `side` is a multiple of 2 to the power of the number of convolutions. `widths` are their
    channels. `norm` normalizes them, see `normalized`; `dropout` is the share that is dropped
    before the linear layer.

    Raises
    ------
    ValueError
        As for `MLP`, or an image that cannot be halved so often.
    """

    side: int
    colours: int
    widths: tuple[int, ...]
    classes: int
    norm: str | None = None
    dropout: float = 0.0

    def __post_init__(self) -> None:
        self._check(*self.widths)
        if self.side % 2 ** len(self.widths):
            raise ValueError(
                f"side = {self.side} cannot be halved {len(self.widths)} times: give fewer widths"
            )

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        return self.widths[-1] * (self.side // 2 ** len(self.widths)) ** 2

    @property
    def noise(self) -> int:
        """One number for each input of the linear layer, if there is dropout."""
        return self.features if self.dropout else 0

    @property
    def weights(self) -> dict[str, Weight]:
        """Each convolution's kernels (channels, inputs, 3, 3) and biases, and the linear layer."""
        layers: dict[str, Weight] = {}
        inputs = self.colours
        for number, width in enumerate(self.widths, start=1):
            layers |= self._layer(number, he(9 * inputs, width, inputs, 3, 3), width)
            inputs = width
        return layers | scored(self.features, self.classes)

    def __call__(
        self,
        weights: dict[str, Tensor],
        inputs: Tensor,
        uniform: Tensor | None = None,
        count: int | None = None,
    ) -> Tensor:
        """Scores (examples, classes) of images (examples, colours * side * side)."""
        values = inputs.view(-1, self.colours, self.side, self.side)
        for number in range(1, len(self.widths) + 1):
            product = torch.conv2d(values, weights[f"W{number}"], stride=2, padding=1)
            values = self._rectified(weights, number, product, count)
        return dropped(values.flatten(1), self.dropout, uniform) @ weights["W"] + weights["b"]


@dataclass(frozen=True)
class SequenceCNN(_Rectified):
    """Convolutions along a sequence with stride 2, rectified, and a linear layer: see `mnist1d`.

    Each sees `kernels` neighbouring places, one of which may lie beyond either end, and halves the
    sequence. It is written as a matrix product: under `vmap` that is quicker than `conv1d`, as the
    kernels of several networks differ. `norm` normalizes the convolutions, see `normalized`.

    Raises
    ------
    ValueError
        As for `MLP`.
    """

    length: int
    channels: int
    kernels: tuple[int, ...]
    classes: int
    norm: str | None = None
    dropout = 0.0
    noise = 0

    def __post_init__(self) -> None:
        self._check(self.channels)

    @property
    def features(self) -> int:
        """Inputs of the linear layer."""
        length = self.length
        for kernel in self.kernels:
            length = (length + 2 - kernel) // 2 + 1
        return self.channels * length

    @property
    def weights(self) -> dict[str, Weight]:
        """Each convolution's kernels (places * inputs, channels) and biases; the linear layer."""
        layers: dict[str, Weight] = {}
        inputs = 1
        for number, kernel in enumerate(self.kernels, start=1):
            matrix = he(kernel * inputs, kernel * inputs, self.channels)
            layers |= self._layer(number, matrix, self.channels)
            inputs = self.channels
        return layers | scored(self.features, self.classes)

    def __call__(
        self,
        weights: dict[str, Tensor],
        inputs: Tensor,
        uniform: Tensor | None = None,
        count: int | None = None,
    ) -> Tensor:
        """Scores (examples, classes) of sequences (examples, length)."""
        values = inputs[..., None]
        for number, kernel in enumerate(self.kernels, start=1):
            padded = torch.nn.functional.pad(values, (0, 0, 1, 1))
            places = (padded.shape[1] - kernel) // 2 + 1
            seen = torch.cat([padded[:, k : k + 2 * places - 1 : 2] for k in range(kernel)], -1)
            product = (seen.flatten(0, 1) @ weights[f"W{number}"]).view(len(inputs), places, -1)
            rectified = self._rectified(weights, number, product.movedim(-1, 1), count)
            values = rectified.movedim(1, -1)
        return values.flatten(1) @ weights["W"] + weights["b"]


@dataclass(frozen=True)
class Transformer:
    """A decoder of text (Vaswani et al. 2017; Radford et al. 2019): each symbol from those before.

    Each layer adds attention, without biases, and a rectified hidden layer of four times the width
    to what it gets. Both work on layer-normalized inputs, and so do the scores ("pre-LN"); with
    `post` each sum is normalized instead, as in the original ("post-LN", Xiong et al. 2020). The
    positions are learned.

    Raises
    ------
    ValueError
        The heads do not share the width evenly.
    """

    symbols: int
    context: int
    width: int
    heads: int
    layers: int
    post: bool = False
    noise = 0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is no multiple of heads = {self.heads}")

    @property
    def weights(self) -> dict[str, Weight]:
        """Of symbols and positions, of each layer with its number, and of the scores."""
        width = self.width
        weights = {
            "symbol": Weight((self.symbols, width), std=1.0),
            "position": Weight((self.context, width), std=1.0),
        }
        for layer in range(1, self.layers + 1):
            weights |= {
                **_norm(f"attention{layer}", width),
                f"QKV{layer}": lecun(width, width, 3 * width),
                f"O{layer}": lecun(width, width, width),
                **_norm(f"hidden{layer}", width),
                f"W{layer}": he(width, width, 4 * width),
                f"b{layer}": Weight((4 * width,)),
                f"V{layer}": he(4 * width, 4 * width, width),
                f"c{layer}": Weight((width,)),
            }
        return {
            **weights,
            **({} if self.post else _norm("scores", width)),
            "W": lecun(width, width, self.symbols),
            "b": Weight((self.symbols,)),
        }

    def __call__(
        self,
        weights: dict[str, Tensor],
        inputs: Tensor,
        uniform: Tensor | None = None,
        count: int | None = None,
    ) -> Tensor:
        """Scores (examples, context, symbols) of numbers of symbols (examples, context)."""

        def normed(x: Tensor, name: str) -> Tensor:
            return standardized(x, (-1,)) * weights[f"{name}.scale"] + weights[f"{name}.shift"]

        def before(x: Tensor, name: str) -> Tensor:
            return x if self.post else normed(x, name)

        def after(x: Tensor, name: str) -> Tensor:
            return normed(x, name) if self.post else x

        x = weights["symbol"][inputs] + weights["position"][: inputs.shape[1]]
        for layer in range(1, self.layers + 1):
            name = f"attention{layer}"
            qkv = before(x, name) @ weights[f"QKV{layer}"]
            x = after(x + self._attention(qkv) @ weights[f"O{layer}"], name)
            name = f"hidden{layer}"
            hidden = torch.relu(before(x, name) @ weights[f"W{layer}"] + weights[f"b{layer}"])
            x = after(x + hidden @ weights[f"V{layer}"] + weights[f"c{layer}"], name)
        return before(x, "scores") @ weights["W"] + weights["b"]

    def _attention(self, qkv: Tensor) -> Tensor:
        """What each place reads from itself and those before: (examples, places, width).

        `qkv` holds queries, keys and values side by side, (examples, places, 3 width).
        """
        examples, places, _ = qkv.shape
        split = qkv.view(examples, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys, values = split.unbind()
        scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
        later = torch.ones(places, places, dtype=torch.bool, device=qkv.device).triu(1)
        read = scores.masked_fill(later, -torch.inf).softmax(-1) @ values
        return read.transpose(1, 2).flatten(2)


def _norm(name: str, width: int) -> dict[str, Weight]:
    """Scale and shift of a layer normalization."""
    return {f"{name}.scale": Weight((width,), mean=1.0), f"{name}.shift": Weight((width,))}
