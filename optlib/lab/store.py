"""Results kept on disk, under a key made of everything they depend on.

A changed rule, task or grid has another key, so that it never meets old results. Files are written
whole or not at all, and carry a checksum by which a damaged one is noticed and made again.
"""

import hashlib
import io
import os
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

_DIGEST = hashlib.sha256().digest_size


def folder() -> Path:
    """Where results are kept.

    The folder named by the environment variable OPTLIB_RESULTS; without it `_build/results` of the
    book that optlib lies in, or the user's cache when optlib is installed elsewhere.
    """
    if named := os.environ.get("OPTLIB_RESULTS"):
        return Path(named)
    book = Path(__file__).parents[2]
    if (book / "_toc.yml").exists():
        return book / "_build" / "results"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "optlib"


def key(*parts: object) -> str:
    """A name for what depends on `parts`: bytes as they are, all else by its repr."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:32]


def keep(name: str, compute: Callable[[], Arrays]) -> Arrays:
    """The arrays kept under `name`, from `compute` if there are none or the file is damaged."""
    path = folder() / f"{name}.npz"
    if path.exists():
        data = path.read_bytes()
        content, digest = data[:-_DIGEST], data[-_DIGEST:]
        if hashlib.sha256(content).digest() == digest:
            with np.load(io.BytesIO(content)) as file:
                return dict(file)
        warnings.warn(f"{path} is damaged; its runs are made again", stacklevel=2)
    arrays = compute()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    content = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and then renamed: a reader sees the old file or the new, never half.
    draft = path.with_name(f"{name}.{uuid.uuid4().hex}.draft")
    try:
        draft.write_bytes(content + hashlib.sha256(content).digest())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return arrays
