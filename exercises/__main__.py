"""`python -m exercises list`, `progress`, `release` and `grade`."""

import argparse
import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from exercises.exercise import catalogue, draw, load
from exercises.grading.settings import Settings
from exercises.progress import progress


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser("python -m exercises", description="The book's exercises.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="all exercises: name, row of the lecture, mistakes, title")
    commands.add_parser("progress", help="what you have done and tried, and what is next")
    _add_release(commands.add_parser("release", help="make the students' notebooks"))
    _add_grade(commands.add_parser("grade", help="grade a class's submissions"))
    given = parser.parse_args(arguments)
    run = {"list": _list, "progress": _progress, "release": _release, "grade": _grade}
    try:
        return run[given.command](given)
    except CommandError as error:
        commands.choices[given.command].error(str(error))


LIMITS = {limit.name: limit for limit in fields(Settings)}
GRADING = "install what grades a class: pip install 'optlib[grading]'"


class CommandError(Exception):
    """The command cannot be carried out; the text says what to do."""


def _list(_: argparse.Namespace) -> int:
    for exercise in map(load, catalogue()):
        mistakes = f"{len(exercise.mistakes)} known mistakes"
        print(f"{exercise.id:<20} {exercise.row:<4} {mistakes:<18} {exercise.title}")
    return 0


def _progress(_: argparse.Namespace) -> int:
    kept = progress()
    print(kept)
    return 1 if kept.trouble else 0


def _known(names: list[str]) -> tuple[str, ...]:
    if unknown := sorted(set(names) - set(catalogue())):
        near = [n for each in unknown for n in get_close_matches(each, catalogue(), n=1)]
        guess = f" Did you mean {', '.join(near)}?" if near else ""
        raise CommandError(
            f"no exercise is called {', '.join(unknown)}.{guess} `list` names all of them"
        )
    return tuple(names)


# For students.


def _add_release(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make the students' notebooks: pages of the book, or an assignment of an nbgrader course."
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("names", nargs="*", metavar="NAME", default=[], help="which (default: all)")
    which.add_argument("--draw", type=int, metavar="N", help="so many, drawn by the seed")
    parser.add_argument("--seed", default="", help="a secret of yours, another for each class")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--out", type=Path, metavar="DIR", help="where to (default: the pages of the book)"
    )
    place.add_argument(
        "--course", type=Path, metavar="DIR", help="make an assignment of an nbgrader course"
    )
    _add_assignment(parser)
    parser.add_argument(
        "--force", action="store_true", help="overwrite notebooks that have been changed"
    )


def _add_assignment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--assignment",
        default="exercises",
        metavar="NAME",
        help="its name in the gradebook (default: exercises)",
    )


def _release(given: argparse.Namespace) -> int:
    names = _known(given.names) or catalogue()
    if given.draw is not None:
        if not given.seed:
            raise CommandError("--draw needs a --seed: a secret that decides which are drawn")
        try:
            names = draw(given.draw, given.seed)
        except ValueError as error:
            raise CommandError(str(error)) from None
    try:
        from exercises.notebook import PAGES, ChangedError, notebook, release

        more = {}
        if PAGES.is_dir():
            # In a clone each gets what all notebooks of the book have. An installed package has
            # neither pages nor the book's tools.
            from tools.notebooks import cleaned

            more["finish"] = cleaned
    except ImportError as missing:
        raise CommandError(
            f"run this in the .venv of the book, or install nbformat ({missing})"
        ) from None
    if given.course:
        return _release_in_course(given, {name: notebook(load(name)) for name in names})
    if not (given.out or PAGES.is_dir()):
        raise CommandError("there are no pages of the book here: give --out DIR")
    try:
        paths = release(names, given.out or PAGES, force=given.force, **more)
    except ChangedError as changed:
        raise CommandError(
            f"changed since they were made: {changed}; --force overwrites them"
        ) from None
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from None
    print(*paths, sep="\n")
    return 0


def _release_in_course(given: argparse.Namespace, notebooks: dict[str, Any]) -> int:
    try:
        from exercises.grading.course import Course, CourseError
    except ImportError as missing:
        raise CommandError(f"{GRADING} ({missing})") from None

    try:
        folder = Course(given.course, given.assignment).release(notebooks, force=given.force)
    except CourseError as error:
        raise CommandError(str(error)) from None
    print(f"{given.assignment} is released in {folder}")
    return 0


# For instructors.


def _add_grade(parser: argparse.ArgumentParser) -> None:
    parser.description = "Grade a folder of submissions: a folder or a file for each student."
    parser.add_argument("submissions", type=Path, metavar="SUBMISSIONS")
    parser.add_argument("--out", type=Path, metavar="REPORT", required=True, help="marks and pages")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="so many at a time")
    _add_assignment(parser)
    parser.add_argument(
        "--exercises",
        nargs="+",
        default=[],
        metavar="NAME",
        help="those that count (default: those of the assignment, or those handed in)",
    )
    parser.add_argument(
        "--course", type=Path, metavar="DIR", help="an nbgrader course (default: REPORT/course)"
    )
    parser.add_argument(
        "--roster", type=Path, metavar="CSV", help="the class list; comes back as REPORT/roster.csv"
    )
    parser.add_argument(
        "--column",
        default="",
        metavar="NAME",
        help="its column for the points",
    )
    parser.add_argument("--seed", default="", help="a secret that the inputs are drawn from")
    parser.add_argument("--dask", metavar="ADDRESS", help="grade on this Dask cluster")
    parser.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="run the notebooks as you would yourself; for your own notebooks only",
    )
    limits = parser.add_argument_group("limits")
    for name, limit in LIMITS.items():
        text = f"{limit.metadata['help']} (default: {limit.default:g})"
        unit = limit.metadata["unit"].upper()
        option = f"--{name.replace('_', '-')}"
        limits.add_argument(option, type=float, default=limit.default, metavar=unit, help=text)


def _cluster(address: str | None) -> AbstractContextManager[Any]:
    """The client of a Dask cluster, or none."""
    if address is None:
        return nullcontext()
    try:
        from distributed import Client
    except ImportError as missing:
        raise CommandError(f"--dask: pip install 'optlib[cluster]' ({missing})") from None
    client: AbstractContextManager[Any] = Client(address)
    return client


def _grade(given: argparse.Namespace) -> int:
    if sys.platform != "linux":
        raise CommandError("a class is graded on Linux: use WSL2, a virtual machine or a container")
    try:
        from exercises.grading.batch import BatchError, grade_class
        from exercises.grading.course import CourseError
        from exercises.grading.job import NOT_ASKED
        from exercises.grading.report import line
        from exercises.grading.roster import RosterError
        from exercises.grading.sandbox import SandboxError
    except ImportError as missing:
        raise CommandError(f"{GRADING} ({missing})") from None
    try:
        if given.jobs is not None and given.jobs < 1:
            raise ValueError(f"-j {given.jobs}: it must be at least 1")
        with _cluster(given.dask) as client:
            outcomes = grade_class(
                given.submissions,
                given.out,
                assignment=given.assignment,
                names=_known(given.exercises),
                course=given.course,
                seed=given.seed,
                jobs=given.jobs,
                settings=Settings(**{name: getattr(given, name) for name in LIMITS}),
                safe=not given.unsafe_no_sandbox,
                client=client,
                roster=given.roster,
                column=given.column,
            )
    except (BatchError, CourseError, RosterError, SandboxError, OSError, ValueError) as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        print(f"\nInterrupted. The same command goes on with {given.out}.", file=sys.stderr)
        return 130
    flagged = [outcome for outcome in outcomes if outcome.flags]
    print(f"{len(outcomes)} submissions, {len(flagged)} to look at: {given.out / 'index.html'}")
    verdicts = [verdict for outcome in outcomes for verdict in outcome.verdicts.values()]
    handed = Counter(verdict.exercise for verdict in verdicts if verdict.kind != "missing")
    for name, count in handed.items():
        if 2 * count < len(outcomes) and not (given.exercises or given.course):
            print(f"Only {count} handed in {name}; --exercises says which count.")
    notes = [note for outcome in outcomes for note in outcome.notes]
    besides = Counter(note.split()[0] for note in notes if NOT_ASKED in note)
    for name, count in besides.items():
        print(f"{count} handed in {name}, which is not asked for; --exercises says what is.")
    for outcome in flagged:
        print(f"  {line(outcome.student)}: {line(outcome.flags[0])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
