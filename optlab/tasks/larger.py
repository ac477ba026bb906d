"""Larger data, read from disk: CIFAR-10 and WikiText-2, by Hugging Face's `datasets`.

Nothing is downloaded unless `fetch` is called, which is what `python -m optlab data NAME` does.
The data then lie in the folder that the environment variable OPTLIB_DATA names, default
~/.cache/optlib/data.
"""

import os
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

import torch

from optlab.tasks.language import text_task
from optlab.tasks.networks import CNN, Transformer
from optlab.tasks.task import Classification, Part


class Source(NamedTuple):
    """Where a data set is on the Hugging Face Hub: one version of it, so that it never changes."""

    path: str
    config: str
    revision: str


SOURCES = {
    "cifar10": Source("uoft-cs/cifar10", "plain_text", "0b2714987fa478483af9968de7c934580d0bb9a2"),
    "wikitext2": Source(
        "Salesforce/wikitext", "wikitext-2-raw-v1", "b08601e04326c79dfdd32d625aee71d232d685c3"
    ),
}
"""The data sets by our names: Krizhevsky (2009), and Merity et al. (2017) as raw text."""

VALIDATION = 5000
"""Of how many of CIFAR-10's training images, the last ones, the validation part consists."""


def folder(name: str) -> Path:
    """Where a data set lies, or would lie, on disk."""
    root = os.environ.get("OPTLIB_DATA") or Path.home() / ".cache" / "optlib" / "data"
    return Path(root) / name


def fetch(name: str) -> Path:
    """Download a data set, unless it is there, and say where it lies.

    Parameters
    ----------
    name : str
        "cifar10" or "wikitext2".

    Returns
    -------
    Path
        The folder. It is there only once it is whole.

    Raises
    ------
    ValueError
        Another name.
    ModuleNotFoundError
        Without `datasets`.
    ConnectionError
        Without a network.
    """
    if name not in SOURCES:
        raise ValueError(f"there is no data set {name!r}; choose from {', '.join(SOURCES)}")
    place = folder(name)
    if place.exists():
        return place
    source, datasets = SOURCES[name], _datasets(name)
    try:
        data = datasets.load_dataset(source.path, source.config, revision=source.revision)
    except ConnectionError as error:
        raise ConnectionError(
            f"{name} could not be downloaded: {error}; try again with a network"
        ) from error
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{name}-", dir=place.parent) as unfinished:
        data.save_to_disk(Path(unfinished) / name)
        (Path(unfinished) / name).rename(place)
    return place


def load(name: str) -> Any:
    """A data set from disk, a `datasets.DatasetDict` of its parts.

    Raises
    ------
    ModuleNotFoundError
        Without `datasets`.
    FileNotFoundError
        It was not fetched.
    """
    datasets, place = _datasets(name), folder(name)
    if not place.exists():
        raise FileNotFoundError(
            f"{name} is not in {place}; to download it: python -m optlab data {name}"
        )
    return datasets.load_from_disk(place)


def _datasets(name: str) -> ModuleType:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{name} needs Hugging Face's loader: pip install 'optlib[data]'"
        ) from error
    return datasets


@cache
def cifar10_cnn() -> Classification:
    """CIFAR-10's photographs with three convolutions, batch-normalized: batches of 128, float32.

    The last 5000 of the training images are the validation part. The pixels are scaled by each
    colour's mean and standard deviation over the images that remain. The training loss is measured
    on 5000 of these.

    Raises
    ------
    ModuleNotFoundError, FileNotFoundError
        From `load`.
    """
    data = load("cifar10").with_format("numpy")

    def tensors(name: str) -> Part:
        rows = data[name][:]
        return torch.from_numpy(rows["img"]), torch.from_numpy(rows["label"])

    images, labels = tensors("train")
    variance, mean = torch.var_mean(images[:-VALIDATION].float(), dim=(0, 1, 2), correction=0)

    def part(images: torch.Tensor, labels: torch.Tensor) -> Part:
        scaled = (images.float() - mean) / variance.sqrt()
        return scaled.permute(0, 3, 1, 2).flatten(1), labels

    return Classification(
        "cifar10_cnn",
        CNN(32, 3, widths=(32, 64, 128), classes=10, norm="batch"),
        part(images[:-VALIDATION], labels[:-VALIDATION]),
        part(images[-VALIDATION:], labels[-VALIDATION:]),
        part(*tensors("test")),
        batch=128,
        measured=5000,
        dtype=torch.float32,
    )


@cache
def wikitext2_transformer() -> Classification:
    """WikiText-2 with a Transformer of four layers, 128 wide, that sees up to 128 characters.

    The parts are the data set's own, raw text; see `text_task`. Mini-batches of 32 windows,
    float32.

    Raises
    ------
    ModuleNotFoundError, FileNotFoundError
        From `load`.
    """
    data, context = load("wikitext2"), 128
    train, validation, test = (
        "".join(data[name]["text"]) for name in ("train", "validation", "test")
    )
    network = partial(Transformer, context=context, width=128, heads=4, layers=4)
    task = text_task(
        "wikitext2_transformer", train, validation, test, network, context, batch=32, measured=256
    )
    return task.to(dtype=torch.float32)
