"""Records: the runs of a card that takes minutes, kept with the book.

A record holds the chunks that a card used, each under the key of its definition, and says when and
with which versions they were made. With another rule, task or protocol the keys differ: the
record is stale, and says so. `Record.check` runs a few of the seeds again.
"""

import io
import json
import lzma
import platform
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from optlab.keys import key
from optlab.sweeps import Meter
from optlab.tasks import one_thread
from optlab.train import Arrays, Chunk, train
from optlib import files

FOLDER = Path(__file__).parents[1] / "results"
MOST_CHECKED = 12
"""Pairs of a task and a rule of which runs are made again."""

TOLERANCE = 1e-6
"""Largest relative difference of a run that is made again from its record."""


def place(card: str) -> Path:
    """Where a card's record lies, if it has one."""
    return FOLDER / f"{card}.npz.xz"


class Record(Mapping[str, Arrays]):
    """A card's recorded chunks, by the key of their definition.

    Attributes
    ----------
    card : str
        Name of the card.
    provenance : dict
        Date, versions, seconds, and for each chunk a key of its data.
    """

    def __init__(self, card: str, chunks: dict[str, Arrays], provenance: dict[str, Any]) -> None:
        self.card = card
        self.chunks = chunks
        self.provenance = provenance

    @classmethod
    def read(cls, card: str) -> "Record | None":
        """The card's record; None if it has none."""
        path = place(card)
        if not path.exists():
            return None
        chunks: dict[str, Arrays] = {}
        with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as file:
            provenance = json.loads(str(file["provenance"]))
            for name in file.files:
                if "/" in name:
                    chunk, _, variable = name.partition("/")
                    chunks.setdefault(chunk, {})[variable] = file[name]
        return cls(card, chunks, provenance)

    @classmethod
    def write(cls, card: str, meter: Meter) -> Path:
        """Record the chunks that a card used; the path of the file.

        Raises ValueError if it used none, as its numbers are computed whenever it is run.
        """
        if not meter.chunks:
            raise ValueError(f"{card} trains in no sweep: there is nothing to record")
        provenance = {
            "date": datetime.now(UTC).date().isoformat(),
            "seconds": round(meter.seconds, 1),
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__.partition("+")[0],
                "numpy": np.__version__,
            },
            "data": {stated: _data(chunk) for stated, (chunk, _) in sorted(meter.chunks.items())},
        }
        arrays: dict[str, Any] = {"provenance": np.array(json.dumps(provenance))}
        for stated, (_, found) in sorted(meter.chunks.items()):
            arrays.update({f"{stated}/{name}": values for name, values in found.items()})
        # Compressed as a whole: of thousands of small arrays the names and heads are much alike.
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        path = place(card)
        files.write(path, lzma.compress(buffer.getvalue()))
        return path

    @property
    def made(self) -> str:
        """When and with what the runs were made."""
        versions = self.provenance["versions"]
        return (
            f"recorded on {self.provenance['date']} with Python {versions['python']}, "
            f"PyTorch {versions['torch']} and NumPy {versions['numpy']}"
        )

    def __getitem__(self, stated: str) -> Arrays:
        if stated in self.chunks:
            return self.chunks[stated]
        raise ValueError(
            f"the record of {self.card} is stale: a rule, a task or the protocol has changed "
            f"since. Make it again: python -m optlab claims {self.card} --record"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.chunks)

    def __len__(self) -> int:
        return len(self.chunks)

    def check(self, meter: Meter, runs: int = 2) -> str:
        """Make the first runs of the last chunk of each task and rule again and compare them.

        Where there are many, it is done for `MOST_CHECKED` of them, evenly spread. Returns a
        sentence on what was compared.

        Raises
        ------
        ValueError
            A number that differs by more than 1e-6 of itself, or no runs to make.
        """
        if runs < 1:
            raise ValueError(f"runs = {runs}, but at least one must be made again")
        last = {(c.task.name, c.rule.name): (s, c) for s, (c, _) in meter.chunks.items()}
        done, skipped = 0, []
        for stated, chunk in list(last.values())[:: max(1, -(-len(last) // MOST_CHECKED))]:
            if self.provenance["data"][stated] != _data(chunk):
                skipped.append(chunk.task.name)
                continue
            with one_thread():  # as `sweep` trains
                again = train(_cut(chunk, runs))
            for name, values in again.items():
                if name == "seconds":
                    continue
                kept = self[stated][name][: len(values)]
                same = np.isclose(values, kept, rtol=TOLERANCE, atol=1e-12, equal_nan=True)
                if not same.all():
                    raise ValueError(
                        f"{chunk.rule.name} on {chunk.task.name}: {name} is not what the record of "
                        f"{self.card} has, {kept[~same][0]:g} there and {values[~same][0]:g} now"
                    )
            done += len(again["diverged"])
        text = f"{done} of the recorded runs were made again: equal to {TOLERANCE:g}."
        if skipped:
            text += f" Not those on {', '.join(dict.fromkeys(skipped))}, whose data differ here."
        return text


def _data(chunk: Chunk) -> str:
    return key(*chunk.ingredients().data)


def _cut(chunk: Chunk, runs: int) -> Chunk:
    """The first runs of a chunk."""
    hyper = {name: values[:runs] for name, values in chunk.hyper.items()}
    return replace(chunk, hyper=hyper, seeds=chunk.seeds[:runs])
