"""Results kept on disk, each under the key of everything that it depends on.

Files are written whole or not at all, and carry a checksum by which a damaged one is noticed.
"""

import hashlib
import io
import os
import warnings
from pathlib import Path

import numpy as np

from optlib import files

Arrays = dict[str, np.ndarray]

_DIGEST = hashlib.sha256().digest_size


def folder() -> Path:
    """Where results are kept.

    The folder named by the environment variable OPTLIB_RESULTS; without it `_build/results` of the
    book that optlib lies in, or the user's cache when optlib is installed elsewhere.
    """
    if named := os.environ.get("OPTLIB_RESULTS"):
        return Path(named)
    book = Path(__file__).parents[1]
    if (book / "_toc.yml").exists():
        return book / "_build" / "results"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "optlib"


def load(name: str) -> Arrays | None:
    """The arrays kept under `name`; None if there are none, or the file is damaged."""
    path = folder() / f"{name}.npz"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    content, digest = data[:-_DIGEST], data[-_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        warnings.warn(f"{path} is damaged; its runs are made again", stacklevel=2)
        return None
    with np.load(io.BytesIO(content)) as file:
        return dict(file)


def save(name: str, arrays: Arrays) -> None:
    """Keep the arrays under `name`."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    content = buffer.getvalue()
    files.write(folder() / f"{name}.npz", content + hashlib.sha256(content).digest())
