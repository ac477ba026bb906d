"""Records: the runs of a card that takes minutes, kept with the book.

A record holds the chunks that a card used, each under the key of its definition, and says when and
with which versions they were made. With another rule, task or protocol the keys differ: the
record is stale, and says so. `Record.check` runs a few of the seeds again; by such a check
`Record.rebind` binds a record to code that was only put in other words.
"""

import io
import json
import lzma
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from optlab import store
from optlab.keys import key
from optlab.store import Arrays
from optlab.sweeps import Meter, metered, results
from optlab.train import Chunk
from optlib import files

FOLDER = Path(__file__).parent / "recorded"
MAX_CHECKED = 12
"""Pairs of a task and a rule of which runs are made again."""

MAX_STEPS = 400
"""Steps of a run that are made again at most, but at least those to its second record."""

TOLERANCES = {"float64": 1e-6, "float32": 1e-2}
"""Largest relative difference of a run that is made again from its record, by its numbers.

Training doubles a rounding error again and again: a relative change of the start by 1e-7 is one of
the loss by 0.2 after 400 steps at the best rate of Adam on `mnist1d_cnn`, and by less than 1e-3 at
a tenth of that. So of a grid the lowest rates are made again, which come first.
"""


def place(card: str) -> Path:
    """Where a card's record lies, if it has one."""
    return FOLDER / f"{card}.npz.xz"


class Record(Mapping[str, Arrays]):
    """A card's recorded chunks, by the key of their definition.

    Only the one that was used last stays in memory.

    Attributes
    ----------
    card : str
        Name of the card.
    provenance : dict
        Date, versions, seconds, and for each chunk its plan and a key of its data.
    """

    def __init__(self, card: str, provenance: dict[str, Any]) -> None:
        self.card = card
        self.provenance = provenance

    @classmethod
    def read(cls, card: str) -> "Record | None":
        """The card's record; None if it has none."""
        return cls(card, _content(card)[0]) if place(card).exists() else None

    @classmethod
    def write(cls, card: str, meter: Meter) -> Path:
        """Record the chunks that a card used, as the store has them; the path of the file.

        Raises ValueError if it used none, as its numbers are not those of runs, or if the store
        has lost one meanwhile.
        """
        if not meter.chunks:
            raise ValueError(f"{card} trains in no sweep: there is nothing to record")
        uses = sorted(meter.chunks.items())
        chunks = {stated: store.load(use.name) for stated, use in uses}
        if None in chunks.values():
            raise ValueError(f"{store.folder()} has lost runs of {card}: run it again")
        plans = Plans()
        provenance = {
            "date": datetime.now(UTC).date().isoformat(),
            "seconds": round(meter.seconds, 1),
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__.partition("+")[0],
                "numpy": np.__version__,
            },
            "plans": {s: plans.of(use.chunk, s) for s, use in meter.chunks.items()},
            "data": {stated: _data(use.chunk) for stated, use in uses},
        }
        path = place(card)
        files.write(path, _packed(provenance, chunks))
        return path

    @classmethod
    def rebind(cls, card: str, run: Callable[[], Any]) -> str:
        """Bind a card's record to the code of today, and say what was compared; see `check`.

        For code that says the same in other words. `run` runs the card and those that are kept
        with it; their chunks are found in the record by their plans.

        Raises
        ------
        ValueError
            No record, a chunk that it has not or that is not used, other data, or a number that
            differs. The record then stays as it was.
        """
        if not place(card).exists():
            raise ValueError(f"{card} has no record: make one with --record")
        before = place(card).read_bytes()
        provenance, chunks = _content(card)
        found = _Planned(card, provenance.get("plans", {}), chunks)
        with metered(found) as meter:
            run()
        if unused := len(chunks) - len(found.known):
            raise ValueError(f"{card} no longer uses {unused} of its chunks: record it anew")
        own = {stated: provenance["data"][old] for stated, old in found.known.items()}
        if any(_data(use.chunk) != own[stated] for stated, use in meter.chunks.items()):
            raise ValueError(f"the data of {card} have changed: record it anew")
        plans = {stated: provenance["plans"][old] for stated, old in found.known.items()}
        provenance = {**provenance, "plans": plans, "data": own}
        renamed = {stated: chunks[old] for stated, old in sorted(found.known.items())}
        files.write(place(card), _packed(provenance, renamed))
        try:
            return cls(card, provenance).check(meter, runs=1)
        except ValueError:
            files.write(place(card), before)
            raise

    @property
    def made(self) -> str:
        """When and with what the runs were made."""
        versions = self.provenance["versions"]
        return (
            f"recorded on {self.provenance['date']} with Python {versions['python']}, "
            f"PyTorch {versions['torch']} and NumPy {versions['numpy']}"
        )

    def __getitem__(self, stated: str) -> Arrays:
        chunks = _content(self.card)[1]
        if stated in chunks:
            return chunks[stated]
        raise ValueError(
            f"the record of {self.card} is stale: a rule, a task or the protocol has changed "
            f"since. Make it again: python -m optlab claims {self.card} --record"
        )

    def runs(self, chunk: Chunk, stated: str) -> Arrays:
        """The runs of a chunk, by the key of its definition."""
        return self[stated]

    def __iter__(self) -> Iterator[str]:
        return iter(_content(self.card)[1])

    def __len__(self) -> int:
        return len(_content(self.card)[1])

    def check(self, meter: Meter, runs: int = 2) -> str:
        """Make the first runs of the largest chunk of each task and rule again and compare them.

        A task counts as another one for each of the options that it is made with.
        Where there are many, it is done for `MAX_CHECKED` of them, evenly spread; and of long runs
        up to step `MAX_STEPS`. Returns a sentence on what was compared.

        Raises
        ------
        ValueError
            A number that differs by more than its part of `TOLERANCES`, or no runs to make.
        """
        if runs < 1:
            raise ValueError(f"runs = {runs}, but at least one must be made again")
        largest: dict[tuple[str, str, str], tuple[str, Chunk]] = {}
        for stated, use in meter.chunks.items():
            make = getattr(use.chunk.task, "make", None)
            options = str(make.keywords) if isinstance(make, partial) else ""
            kind = use.chunk.task.name, use.chunk.rule.name, options
            if kind not in largest or len(use.chunk.seeds) >= len(largest[kind][1].seeds):
                largest[kind] = stated, use.chunk
        some = list(largest.values())[:: max(1, -(-len(largest) // MAX_CHECKED))]
        data = self.provenance["data"]
        same_data = [(s, chunk) for s, chunk in some if data[s] == _data(chunk)]
        skipped = [chunk.task.name for s, chunk in some if data[s] != _data(chunk)]
        done, as_far_as, tolerance = 0, set(), 0.0
        # Runs that this code has made on this machine before are in the store.
        cut = [_cut(chunk, runs) for _, chunk in same_data]
        for (stated, whole), chunk, again in zip(same_data, cut, results(cut), strict=True):
            allowed = TOLERANCES[str(again["train_loss"].dtype)]
            tolerance = max(tolerance, allowed)
            if chunk.steps < whole.steps:
                as_far_as.add(chunk.steps)
                del again["diverged"]  # it speaks of the whole run
            for name, values in again.items():
                if name == "seconds":
                    continue
                before = self[stated][name][: len(values)]
                if values.ndim > 1:
                    before = before[:, : values.shape[1]]
                same = np.isclose(values, before, rtol=allowed, atol=1e-12, equal_nan=True)
                if not same.all():
                    raise ValueError(
                        f"{chunk.rule.name} on {chunk.task.name}: {name} is not what the record of "
                        f"{self.card} has, {before[~same][0]:g} there and {values[~same][0]:g} now"
                    )
            done += len(chunk.seeds)
        steps = f" up to step {max(as_far_as)}" if as_far_as else ""
        text = f"{done} of the recorded runs were made again{steps}: equal to {tolerance:g}."
        if skipped:
            text += f" Not those on {', '.join(dict.fromkeys(skipped))}, whose data differ here."
        return text


class Plans:
    """What chunks are, in words that do not depend on how the code is written.

    Chunks that are alike in these words are numbered as they come.
    """

    def __init__(self) -> None:
        self._numbered: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def of(self, chunk: Chunk, stated: str) -> str:
        """The plan of a chunk; `stated` is the key of its definition."""
        if stated not in self._numbered:
            task = chunk.task
            make = getattr(task, "make", None)
            told = json.dumps(
                [
                    task.name,
                    getattr(task, "seed", None),
                    _told(make)[1:],
                    chunk.rule.name,
                    sorted(chunk.hyper.items()),
                    chunk.seeds,
                    chunk.steps,
                    chunk.every,
                    _told(chunk.schedule),
                    _told(chunk.momentum),
                    chunk.gradients,
                ]
            )
            self._numbered[stated] = f"{told} {self._count[told]}"
            self._count[told] += 1
        return self._numbered[stated]


def _told(function: Any) -> list[Any]:
    """The name of a function, and what it is given."""
    if function is None:
        return []
    given = function.keywords if isinstance(function, partial) else {}
    function = function.func if isinstance(function, partial) else function
    name = getattr(function, "name", None) or getattr(function, "__name__", "")
    return [name, sorted((each, str(value)) for each, value in given.items())]


class _Planned:
    """A record's chunks, found by their plans; `known` has the old key of each new one."""

    def __init__(self, card: str, plans: dict[str, str], chunks: Mapping[str, Arrays]) -> None:
        self.card, self.chunks = card, chunks
        self.keys = {plan: stated for stated, plan in plans.items()}
        self.known: dict[str, str] = {}
        self._plans = Plans()

    def runs(self, chunk: Chunk, stated: str) -> Arrays:
        """The runs of a chunk."""
        plan = self._plans.of(chunk, stated)
        if plan not in self.keys:
            raise ValueError(f"the record of {self.card} has no such runs: record it anew. {plan}")
        self.known[stated] = self.keys[plan]
        return self.chunks[self.known[stated]]


def _content(card: str) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """Provenance and chunks of a card's record."""
    path = place(card)
    return _unpacked(path, path.stat().st_mtime_ns)


def _packed(provenance: dict[str, Any], chunks: Mapping[str, Arrays | None]) -> bytes:
    """A record's file."""
    arrays: dict[str, Any] = {"provenance": np.array(json.dumps(provenance))}
    for stated, found in chunks.items():
        arrays.update({f"{stated}/{name}": values for name, values in (found or {}).items()})
    # Compressed as a whole: of thousands of small arrays the names and heads are much alike.
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return lzma.compress(buffer.getvalue())


@lru_cache(maxsize=1)
def _unpacked(path: Path, changed: int) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """Provenance and chunks of a record's file, which was `changed` at this time."""
    chunks: dict[str, Arrays] = {}
    with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as file:
        for name, values in file.items():
            stated, _, metric = name.rpartition("/")
            chunks.setdefault(stated, {})[metric] = values
    return json.loads(str(chunks.pop("")["provenance"])), chunks


def _data(chunk: Chunk) -> str:
    return key(*chunk.ingredients().data)


def _cut(chunk: Chunk, runs: int) -> Chunk:
    """The first runs of a chunk, long ones up to one of their records."""
    hyper = {name: values[:runs] for name, values in chunk.hyper.items()}
    records = max(1, MAX_STEPS // chunk.every)
    steps = min(chunk.steps, records * chunk.every)
    return replace(chunk, hyper=hyper, seeds=chunk.seeds[:runs], steps=steps)
