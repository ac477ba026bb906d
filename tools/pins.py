"""Writes the pins: what an extra of optlib needs, all the way down, as .venv holds it.

requirements.txt has what the book is built and read with, requirements-dev.txt adds what its tests
and its authors need.
"""

import re
from importlib.metadata import requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.execution import ROOT

BOOK = """\
# Everything that `make book` and `make lab` use, pinned. Written by `make pins`: do not edit.
# pip adds what only one system needs, such as torch's GPU libraries on Linux.
"""
DEV = """\
# What `make check` and `make test` use besides, pinned. Written by `make pins`: do not edit.
--requirement requirements.txt
"""
# Each system's torch brings its own; pinned, they would be forced on every other system.
PER_SYSTEM = re.compile(r"nvidia-|cuda-|triton$")


def closure(name: str, extras: frozenset[str], found: dict[str, frozenset[str]]) -> None:
    """Adds the distribution and all that it requires here to `found`: name -> extras asked for."""
    name = canonicalize_name(name)
    known = found.get(name)
    if PER_SYSTEM.match(name) or (known is not None and extras <= known):
        return
    found[name] = extras | (known or frozenset())
    for line in requires(name) or []:
        requirement = Requirement(line)
        for extra in {"", *extras}:
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                closure(requirement.name, frozenset(requirement.extras), found)


def needed(extra: str) -> set[str]:
    """The names of the distributions that optlib with this extra needs."""
    found: dict[str, frozenset[str]] = {}
    closure("optlib", frozenset({extra}), found)
    return found.keys() - {"optlib"}


def write(file: str, header: str, names: set[str]) -> None:
    """Writes a file of pins."""
    # A local version such as torch's "+cpu" exists on one index only.
    pins = [f"{name}=={version(name).split('+')[0]}" for name in sorted(names)]
    (ROOT / file).write_text(header + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"{len(pins)} pins written to {file}")


def main() -> None:
    book = needed("build")
    write("requirements.txt", BOOK, book)
    write("requirements-dev.txt", DEV, needed("dev") - book)


if __name__ == "__main__":
    main()
