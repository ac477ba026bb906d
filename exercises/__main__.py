"""`python -m exercises list` and `python -m exercises release`."""

import argparse
import sys
from pathlib import Path

from exercises.exercise import catalogue, load


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m exercises", description="The book's exercises.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all exercises: name, row of the lecture, mistakes, title")
    releasing = commands.add_parser("release", help="make the students' notebooks")
    releasing.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    releasing.add_argument(
        "--out", type=Path, metavar="DIR", help="where to (default: the pages of the book)"
    )
    releasing.add_argument(
        "--force", action="store_true", help="overwrite notebooks that have been changed"
    )
    given = parser.parse_args(arguments)
    if given.command == "list":
        for exercise in map(load, catalogue()):
            mistakes = f"{len(exercise.mistakes)} known mistakes"
            print(f"{exercise.id:<20} {exercise.row:<4} {mistakes:<18} {exercise.title}")
        return 0
    if unknown := sorted(set(given.names) - set(catalogue())):
        parser.error(f"no exercise {', '.join(unknown)}; there are {', '.join(catalogue())}")
    try:
        # Needs the book's own tools, which are not installed with the package.
        from exercises.notebook import PAGES, ChangedError, release
    except ImportError as missing:
        parser.error(f"run this in the root of a clone of the book, in its .venv ({missing})")
    names = tuple(given.names) or catalogue()
    try:
        paths = release(names, given.out or PAGES, force=given.force)
    except ChangedError as changed:
        parser.error(f"changed since they were made: {changed}; --force overwrites them")
    except OSError as error:
        parser.error(f"cannot write {error.filename}: {error.strerror}")
    print(*paths, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
