"""The store: files that are whole or not there."""

import numpy as np
import pytest

from optlab import store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def test_what_is_saved_is_loaded(folder) -> None:
    arrays = {
        "x": np.arange(3),
        "y": np.array([[0.1, np.nan], [np.inf, -0.0]]),
        "z": np.array([True, False]),
        "seconds": np.array(1.5),
    }
    assert store.load("a") is None
    store.save("a", arrays)
    kept = store.load("a")
    assert list(kept) == list(arrays)
    for name, values in arrays.items():
        assert kept[name].dtype == values.dtype
        np.testing.assert_array_equal(kept[name], values)
    assert [path.name for path in folder.iterdir()] == ["a.npz"]


def test_the_last_one_saved_counts(folder) -> None:
    for value in (1, 2):
        store.save("a", {"x": np.array(value)})
    assert store.load("a")["x"] == 2
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:20],
        lambda data: b"",
        lambda data: data[:80] + bytes([data[80] ^ 1]) + data[81:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data + b"more",
    ],
    ids=["cut", "shorter than a checksum", "empty", "a bit", "a bit at the end", "longer"],
)
def test_a_damaged_file_is_noticed(folder, damage) -> None:
    store.save("a", {"x": np.arange(3)})
    path = folder / "a.npz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match=r"a\.npz is damaged; its runs are made again"):
        assert store.load("a") is None
    store.save("a", {"x": np.arange(4)})
    assert store.load("a")["x"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("method", ["replace", "open"])
def test_a_save_that_is_broken_off_leaves_nothing(folder, monkeypatch, method) -> None:
    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.Path, method, broken)
        with pytest.raises(KeyboardInterrupt):
            store.save("a", {"x": np.arange(3)})
    assert list(folder.iterdir()) == []


def test_a_draft_that_a_kill_left_is_no_result(folder) -> None:
    store.save("a", {"x": np.arange(3)})
    (folder / "a.npz").rename(folder / "a.npz.0123.draft")
    assert store.load("a") is None
    assert store.load("a.npz.0123") is None


def test_the_file_opens_without_optlib(folder) -> None:
    store.save("a", {"x": np.arange(3)})
    with np.load(folder / "a.npz") as file:
        assert file["x"].tolist() == [0, 1, 2]


def test_the_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("OPTLIB_RESULTS", raising=False)
    assert store.folder().parts[-2:] == ("_build", "results")
    monkeypatch.setattr(store, "__file__", str(tmp_path / "a/b/store.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert store.folder() == tmp_path / "cache" / "optlib"
    monkeypatch.setenv("OPTLIB_RESULTS", str(tmp_path / "mine"))
    assert store.folder() == tmp_path / "mine"
