"""Shakespeare: drawn anew for each seed, and the text that results are bound to."""

import lzma
from collections import Counter
from pathlib import Path

import pytest
import torch

from optlab.tasks import language
from optlab.tasks.language import BLOCK, plays, plays_transformer


def test_each_seed_divides_all_of_it_anew() -> None:
    for seed in (0, 1):
        train, validation, test = plays(seed)
        assert Counter(train + validation + test) == Counter(language._plays())
        assert len(train) == pytest.approx(0.8 * len(language._plays()), abs=2 * BLOCK)
        assert len(validation) == pytest.approx(len(test), abs=2 * BLOCK)
    assert plays(0) == plays(0)
    assert len({plays(seed)[2] for seed in range(4)}) == 4
    assert "To be, or not to be" in language._plays()


def test_what_is_learnt() -> None:
    task = plays_transformer(0)
    assert (task.size, task.dtype) == (10_177, torch.float32)
    for inputs, targets in (task.train, task.validation, task.test):
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert len(task.validation[0]) == len(task.test[0]) == task.measured == 500
    assert plays_transformer(0, large=True).size > 50 * task.size


def test_a_changed_text_is_noticed(monkeypatch) -> None:
    read = Path.read_bytes
    language._plays.cache_clear()
    for change in (lambda packed: packed[:-9], lambda _: lzma.compress(b"another text")):
        monkeypatch.setattr(Path, "read_bytes", lambda path, change=change: change(read(path)))
        with pytest.raises(ValueError, match=r"plays\.txt\.xz has been changed: install optlab"):
            language._plays()
