"""MNIST-1D: sequences that look like digits, drawn anew for each seed (Greydanus & Kobak 2024)."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock

import numpy as np
import torch
from mnist1d.data import get_dataset_args, make_dataset

from optlab.tasks.harder import harder
from optlab.tasks.networks import MLP, SequenceCNN
from optlab.tasks.task import Classification, Network, Part

TRAIN, VALIDATION, TEST = 2000, 2000, 3000
"""Examples of each part."""

LENGTH = 40
"""Numbers of an example."""

_turn = Lock()


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Give the random generators that all of Python and NumPy share their states back."""
    with _turn:
        states = random.getstate(), np.random.get_state()  # noqa: NPY002 the package draws from it
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002


def mnist1d(seed: int) -> tuple[Part, Part, Part]:
    """Train, validation and test examples of a seed's own draw, by the package of the authors.

    2000, 2000 and 3000, of ten classes. The authors divide 5000 into 4000 and 1000. Here fewer are
    for training, so that a gap shows, and more for the test, so that it can be measured.
    """
    settings = get_dataset_args(as_dict=False)
    settings.seed = seed
    settings.num_samples, settings.train_split = TRAIN + VALIDATION + TEST, 1.0
    with _generators_kept():
        drawn = make_dataset(settings)
    sizes = [TRAIN, VALIDATION, TEST]
    inputs = torch.from_numpy(drawn["x"]).split(sizes)
    targets = torch.from_numpy(drawn["y"]).long().split(sizes)
    first, second, third = zip(inputs, targets, strict=True)
    return first, second, third


def mnist1d_cnn(seed: int, large: bool = False, norm: str | None = None) -> Classification:
    """MNIST-1D with the authors' convolutional network: 5210 parameters, batches of 50.

    `norm` normalizes its convolutions, see `normalized`. `large`: 100 channels, 65 810 parameters.
    """
    network = SequenceCNN(LENGTH, 100 if large else 25, (5, 3, 3), 10, norm)
    return _task("mnist1d_cnn", network, seed, large)


def mnist1d_mlp(seed: int, large: bool = False) -> Classification:
    """MNIST-1D with one hidden layer of 256 units: 13 066 parameters, batches of 50.

    `large`: 4096 hidden units.
    """
    return _task("mnist1d_mlp", MLP(LENGTH, (4096 if large else 256,), 10), seed, large)


def mnist1d_mislabelled(seed: int, large: bool = False) -> Classification:
    """1000 examples of MNIST-1D, a fifth of them with wrong labels, and the CNN with batch norm.

    5285 parameters, batches of 50; validation and test have the right labels. `large`: 100
    channels.
    """
    make = partial(mnist1d_cnn, norm="batch")
    return harder(make, seed, large, examples=1000, wrong=0.2)


def _task(name: str, network: Network, seed: int, large: bool) -> Classification:
    name += "-large" * large
    return Classification(name, network, *mnist1d(seed), batch=50).to(dtype=torch.float32)
