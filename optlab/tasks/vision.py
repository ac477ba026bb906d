"""Images: scikit-learn's handwritten digits."""

from functools import cache

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from optlab.tasks.networks import CNN, MLP, Linear
from optlab.tasks.task import Classification, Part


@cache
def digits() -> tuple[Part, Part, Part]:
    """scikit-learn's 1797 handwritten digits of 8 by 8 pixels: train, validation and test.

    60, 20 and 20 percent, stratified by class and split once for all. The pixels are scaled by the
    mean and the standard deviation of all pixels of the training images.
    """
    images, labels = load_digits(return_X_y=True)
    rest, test = train_test_split(
        range(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    train, validation = train_test_split(
        rest, test_size=0.25, stratify=labels[rest], random_state=0
    )
    scaled = (images - images[train].mean()) / images[train].std()

    def part(rows: list[int]) -> Part:
        return torch.from_numpy(scaled[rows]), torch.from_numpy(labels[rows]).long()

    return part(train), part(validation), part(test)


@cache
def digits_mlp(
    norm: str | None = None, dropout: float = 0.0, large: bool = False
) -> Classification:
    """The digits with a network of 64, 32 and 10 units: 2410 parameters, batches of 64.

    `norm` and `dropout` as in `MLP`. `large`: 1024 hidden units, 76 810 parameters.
    """
    network = MLP(64, 1024 if large else 32, 10, norm, dropout)
    return Classification(_name("digits_mlp", norm, dropout, large), network, *digits(), batch=64)


@cache
def digits_cnn(
    norm: str | None = None, dropout: float = 0.0, large: bool = False
) -> Classification:
    """The digits with convolutions of 8 and 16 channels: 1898 parameters, batches of 64.

    `norm` and `dropout` as in `CNN`. `large`: 64, 128 and 256 channels, 372 234 parameters.
    """
    widths = (64, 128, 256) if large else (8, 16)
    network = CNN(8, 1, widths, 10, norm, dropout)
    return Classification(_name("digits_cnn", norm, dropout, large), network, *digits(), batch=64)


@cache
def digits_softmax(large: bool = False) -> Classification:
    """The digits with softmax regression: 650 parameters, strongly convex, batches of 16.

    Each example is drawn anew, so that the gradients of the steps are independent. `large`: the
    products of every two pixels, a sixteenth of each, are inputs too: 21 450 parameters.
    """
    train, validation, test = digits()
    if large:
        train, validation, test = map(_with_products, (train, validation, test))
    network = Linear(train[0].shape[1], 10)
    name = _name("digits_softmax", None, 0.0, large)
    return Classification(name, network, train, validation, test, batch=16, shuffle=False, l2=0.01)


def _with_products(part: Part) -> Part:
    inputs, targets = part
    first, second = torch.triu_indices(inputs.shape[1], inputs.shape[1])
    return torch.cat([inputs, inputs[:, first] * inputs[:, second] / 16], dim=1), targets


def _name(name: str, norm: str | None, dropout: float, large: bool) -> str:
    """A variant's name: all that differs from the default, after hyphens."""
    told = norm, f"dropout{dropout:g}" if dropout else None, "large" if large else None
    return "-".join([name, *(part for part in told if part)])
