"""How long does a class take, and how long with nbgrader alone?

Makes a class whose students hand in right answers and blanks by turns, and grades it twice: with
`python -m exercises grade`, in the sandbox, and with `nbgrader autograde` and `generate_feedback`,
one after another in this user's own Python. Both times feedback is made for everybody. Prints the
seconds on the clock of each, and their marks, which are the same.

    python -m benchmarks.grading                  100 students, one exercise
    python -m benchmarks.grading --students 30 sgd_step sgdm_step adam_step
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat

from exercises.exercise import load
from exercises.grading.course import Course
from exercises.notebook import notebook

ASSIGNMENT = "week1"
CONFIG = """\
c = get_config()
c.ExecutePreprocessor.timeout = 60
"""


def make_class(folder: Path, students: int, names: Sequence[str]) -> None:
    """Submissions as `nbgrader collect` lays them out: every other student is right."""
    for number in range(students):
        own = folder / f"student{number:03d}" / ASSIGNMENT
        own.mkdir(parents=True)
        for name in names:
            handed = notebook(load(name), solved=number % 2 == 0)
            nbformat.write(handed, own / f"{name}.ipynb")


def run(*command: str | Path, cwd: Path | None = None) -> float:
    """Run a command quietly, and tell how many seconds it took."""
    # nbgrader and Jupyter are called by their names, and progress is the students'.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OPTLIB_PROGRESS": ""}
    begun = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begun


def ours(submissions: Path, names: Sequence[str], report: Path, jobs: int) -> tuple[float, float]:
    """Seconds and sum of marks of `python -m exercises grade`."""
    command: list[str | Path] = [sys.executable, "-m", "exercises", "grade", submissions]
    command += ["--out", report, "--assignment", ASSIGNMENT, "-j", str(jobs)]
    command += ["--exercises", *names]
    seconds = run(*command)
    with (report / "marks.csv").open(encoding="utf-8-sig") as file:
        return seconds, sum(float(row["points"]) for row in csv.DictReader(file))


def plain(submissions: Path, names: Sequence[str], course: Path) -> tuple[float, float]:
    """The same of nbgrader alone."""
    Course(course, ASSIGNMENT).release({name: notebook(load(name)) for name in names})
    (course / "nbgrader_config.py").write_text(CONFIG)
    (course / "submitted").symlink_to(submissions)
    seconds = run("nbgrader", "autograde", ASSIGNMENT, cwd=course)
    seconds += run("nbgrader", "generate_feedback", ASSIGNMENT, cwd=course)
    run("nbgrader", "export", "--to=marks.csv", cwd=course)
    with (course / "marks.csv").open() as file:
        return seconds, sum(float(row["score"]) for row in csv.DictReader(file))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["sgdm_step"], metavar="NAME")
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        submissions = Path(folder).resolve() / "submissions"
        make_class(submissions, given.students, given.names)
        print(f"{given.students} students, {len(given.names)} exercises, {given.jobs} at a time")
        for what, (seconds, marks) in {
            "python -m exercises grade": ours(
                submissions, given.names, submissions.parent / "report", given.jobs
            ),
            "nbgrader alone": plain(submissions, given.names, submissions.parent / "course"),
        }.items():
            print(f"{what:<26} {seconds:6.1f} s   {marks:g} points")


if __name__ == "__main__":
    main()
