"""The larger data sets: read from disk by their loader, and never downloaded by surprise."""

import subprocess
import sys
from dataclasses import replace

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from torch.func import grad

from optlab.tasks import larger
from optlab.tasks.language import SYMBOLS

pytestmark = pytest.mark.slow

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
ARTICLE = ["", " = Robert = \n", "", " Robert is an actor – in film . \n", " = = Career = = \n", ""]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """An empty folder for the data, and small parts of them."""
    monkeypatch.setenv("OPTLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(larger, "VALIDATION", 10)
    for task in (larger.cifar10_cnn, larger.wikitext2_transformer):
        task.cache_clear()
    yield
    for task in (larger.cifar10_cnn, larger.wikitext2_transformer):
        task.cache_clear()


def pixels(count, seed):
    return np.random.default_rng(seed).integers(256, size=(count, 32, 32, 3), dtype=np.uint8)


def photographs():
    """As uoft-cs/cifar10 is: columns img and label."""
    features = datasets.Features(
        {"img": datasets.Image(), "label": datasets.ClassLabel(names=CLASSES)}
    )

    def part(count, seed):
        rows = {"img": [Image.fromarray(picture) for picture in pixels(count, seed)]}
        rows["label"] = [row % 10 for row in range(count)]
        return datasets.Dataset.from_dict(rows, features=features)

    return datasets.DatasetDict(train=part(150, 0), test=part(20, 1))


def articles():
    """As Salesforce/wikitext's wikitext-2-raw-v1 is: a row a line, blank ones too."""
    parts = {"test": 700, "train": 800, "validation": 700}
    return datasets.DatasetDict(
        {name: datasets.Dataset.from_dict({"text": ARTICLE * n}) for name, n in parts.items()}
    )


MADE = {"cifar10": photographs, "wikitext2": articles}
TASKS = {"cifar10": larger.cifar10_cnn, "wikitext2": larger.wikitext2_transformer}


@pytest.fixture
def hub(monkeypatch):
    """A Hub that has small data sets of the same format, and what was asked of it."""
    asked = []

    def load_dataset(path, config, *, revision):
        asked.append((path, config, revision))
        names = {source: name for name, source in larger.SOURCES.items()}
        return MADE[names[path, config, revision]]()

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


@pytest.mark.parametrize("name", larger.SOURCES)
def test_fetched_once_and_read_from_disk(name, hub) -> None:
    place = larger.fetch(name)
    assert place == larger.folder(name) and place.is_dir()
    assert larger.fetch(name) == place
    assert len(hub) == 1
    assert [path.name for path in place.parent.iterdir()] == [name]
    made = MADE[name]()
    for part, data in larger.load(name).items():
        assert data.features == made[part].features
        assert len(data) == len(made[part])


@pytest.mark.parametrize("name", larger.SOURCES)
def test_a_step(name, hub) -> None:
    larger.fetch(name)
    task = TASKS[name]()
    rows = torch.arange(8)
    theta = task.start(0)
    assert theta.dtype == torch.float32
    before = task.loss(theta, *task.arguments(rows))
    theta = theta - 0.01 * grad(task.loss)(theta, *task.arguments(rows))
    assert task.loss(theta, *task.arguments(rows)) < before
    found = replace(task, measured=16).measure(theta)  # few, as the data are
    for part in ("train", "validation", "test"):
        assert found[f"{part}_loss"].isfinite()
        assert 0 <= found[f"{part}_accuracy"] <= 1


def test_cifar10(hub) -> None:
    larger.fetch("cifar10")
    task = larger.cifar10_cnn()
    assert [len(part[0]) for part in (task.train, task.validation, task.test)] == [140, 10, 20]
    assert task.validation[1].tolist() == [row % 10 for row in range(140, 150)]
    images, _ = task.train
    colours = images.view(140, 3, 32, 32).transpose(0, 1).flatten(1)
    assert colours.mean(dim=1).abs().max() < 1e-4
    assert (colours.std(dim=1) - 1).abs().max() < 1e-4
    # Undo the scaling of one colour: it is that of the pictures, row after row.
    given = pixels(20, 1)[..., 1].reshape(20, -1)
    blue = task.test[0].view(20, 3, -1)[:, 1]
    assert np.corrcoef(given.ravel(), blue.numpy().ravel())[0, 1] == pytest.approx(1)


def test_wikitext2(hub) -> None:
    larger.fetch("wikitext2")
    task = larger.wikitext2_transformer()
    text = "".join(ARTICLE * 800).replace("–", "?")  # the last number is all other characters'
    shown = SYMBOLS + "?"
    before, after = task.train
    assert before.shape == after.shape == ((len(text) - 1) // 128, 128)
    assert "".join(shown[number] for number in before[:2].flatten()) == text[:256]
    assert "".join(shown[number] for number in after[:2].flatten()) == text[1:257]


@pytest.mark.parametrize("name", larger.SOURCES)
def test_never_fetched(name) -> None:
    with pytest.raises(FileNotFoundError, match=f"to download it: python -m optlab data {name}"):
        TASKS[name]()
    assert not larger.folder(name).parent.exists()


def test_no_network(tmp_path) -> None:
    """Run by itself: `datasets` looks only once whether it may use the network."""
    code = "from optlab.tasks.larger import fetch; fetch('wikitext2')"
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "OPTLIB_DATA": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "ConnectionError: wikitext2 could not be downloaded" in ran.stderr
    assert "try again with a network" in ran.stderr
    assert not (tmp_path / "wikitext2").exists()


def test_a_half_download_is_not_taken_for_whole(hub, monkeypatch) -> None:
    def full(data, place):
        (place / "train").mkdir(parents=True)
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(datasets.DatasetDict, "save_to_disk", full)
        with pytest.raises(OSError, match="no space left"):
            larger.fetch("cifar10")
    assert list(larger.folder("cifar10").parent.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        larger.load("cifar10")
    assert larger.fetch("cifar10").is_dir()


def test_without_the_loader(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    for ask in (larger.fetch, larger.load):
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'optlib\[data\]'"):
            ask("cifar10")


def test_another_name() -> None:
    with pytest.raises(ValueError, match="no data set 'mnist'; choose from cifar10, wikitext2"):
        larger.fetch("mnist")
