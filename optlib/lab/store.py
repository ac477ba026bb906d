"""Results kept on disk, under a key made of everything they depend on.

A changed rule, task or grid has another key, so that it never meets old results. Files are written
whole or not at all, and carry a checksum by which a damaged one is noticed and made again.
"""

import hashlib
import inspect
import io
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

import optlib.arrays

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


def ingredients(function: Any) -> list[object]:
    """What a function's results depend on beside its arguments, as parts for `key`.

    Its text and its defaults, and whatever it refers to by name: other functions in the same way,
    down to those of `optlib.arrays`; modules and classes by their text, or, of another package
    that has a version, by that; and constants by their value.
    """
    found: list[object] = []
    seen: set[Callable[..., Any]] = set()

    def look(value: Any) -> None:
        value = _inner(value)
        if not (inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value)):
            found.extend(_content(value))
        elif (module := _module(value)) == optlib.arrays.__name__ or _foreign(module, own):
            version = getattr(sys.modules.get(_package(module)), "__version__", None)
            found.extend([module, getattr(value, "__qualname__", None), version])
        elif not inspect.isfunction(value):
            found.append(inspect.getsource(value))
        elif value not in seen:
            seen.add(value)
            found.append(inspect.getsource(value.__code__))
            if value.__name__ == "<lambda>":  # its text is the whole line, others' too
                found.extend([value.__code__.co_code, value.__code__.co_consts])
            scope = {**value.__globals__, **inspect.getclosurevars(value).nonlocals}
            names = sorted(set(_names(value.__code__)) & set(scope))
            found.append(names)
            defaults = *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()
            for part in (*(scope[name] for name in names), *defaults):
                look(part)

    own = _package(_module(_inner(function)))
    look(function)
    return found


def _inner(value: Any) -> Any:
    """The function within a rule, or within one with a cache."""
    return value if inspect.isfunction(value) else getattr(value, "__wrapped__", value)


def _module(value: Any) -> str:
    return value.__name__ if inspect.ismodule(value) else value.__module__ or "builtins"


def _package(module: str) -> str:
    return module.partition(".")[0]


def _foreign(module: str, own: str) -> bool:
    """Whether a module belongs to Python or to another package that has a version."""
    package = _package(module)
    return package not in (own, "optlib") and (
        package in sys.stdlib_module_names or hasattr(sys.modules.get(package), "__version__")
    )


def _content(value: Any) -> tuple[object, ...]:
    """A constant; an array with all its digits, which its repr leaves out."""
    if not hasattr(value, "__array__"):
        return (value,)
    array = np.asarray(value)
    return array.dtype, array.shape, array.tobytes()


def _names(code: CodeType) -> Iterator[str]:
    """The names that occur in a function and in the functions within it."""
    yield from (*code.co_names, *code.co_freevars)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


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
