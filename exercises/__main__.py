"""`python -m exercises list`, `progress` and `release`."""

import argparse
import sys
from pathlib import Path

from exercises.exercise import catalogue, load
from exercises.progress import progress


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m exercises", description="The book's exercises.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all exercises: name, row of the lecture, mistakes, title")
    commands.add_parser("progress", help="what you have done and tried, and what is next")
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
    if given.command == "progress":
        kept = progress()
        print(kept)
        return 1 if kept.trouble else 0
    if unknown := sorted(set(given.names) - set(catalogue())):
        parser.error(f"no exercise {', '.join(unknown)}; there are {', '.join(catalogue())}")
    try:
        from exercises.notebook import PAGES, ChangedError, release

        more = {}
        if PAGES.is_dir():
            # In a clone each gets what all notebooks of the book have. An installed package has
            # neither pages nor the book's tools.
            from tools.notebooks import cleaned

            more["finish"] = cleaned
    except ImportError as missing:
        parser.error(f"run this in the .venv of the book, or install nbformat ({missing})")
    if not (given.out or PAGES.is_dir()):
        parser.error("there are no pages of the book here: give --out DIR")
    names = tuple(given.names) or catalogue()
    try:
        paths = release(names, given.out or PAGES, force=given.force, **more)
    except ChangedError as changed:
        parser.error(f"changed since they were made: {changed}; --force overwrites them")
    except OSError as error:
        parser.error(f"cannot write {error.filename}: {error.strerror}")
    print(*paths, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
