"""Writes requirements.txt: what optlib's `dev` extra needs, all the way down, as .venv holds it."""

import re
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TARGET = Path(__file__).resolve().parent.parent / "requirements.txt"
HEADER = """\
# Everything that `make book` and `make test` use, pinned. Written by `make pins`: do not edit.
# pip adds what only one system needs, such as torch's GPU libraries on Linux.
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


def main() -> None:
    found: dict[str, frozenset[str]] = {}
    closure("optlib", frozenset({"dev"}), found)
    # A local version such as torch's "+cpu" exists on one index only.
    pins = [f"{name}=={version(name).split('+')[0]}" for name in sorted(found) if name != "optlib"]
    TARGET.write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"{len(pins)} pins written to {TARGET.name}")


if __name__ == "__main__":
    main()
