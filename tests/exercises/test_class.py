"""A class is graded by the command, as an instructor does it: every answer of the book comes out as
what it is, a batch that is broken off goes on, nbgrader finds its own, and what cannot be done is
refused before anything is written."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook

from exercises import Exercise, catalogue, load
from exercises.__main__ import main
from exercises.checker import judge
from exercises.exercise import Mistake, draw
from exercises.grading import sandbox
from exercises.grading.batch import grade_class
from exercises.grading.sandbox import _laid_out
from exercises.grading.settings import Settings
from exercises.notebook import notebook
from exercises.wire import pack_inputs, unpack_replies
from tests.exercises.classes import (
    ROOT,
    Report,
    answered,
    command,
    grade,
    hand_in,
    mistaken,
    run,
    store,
    uphill,
)
from tests.system import PATIENCE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is of Linux"),
    pytest.mark.usefixtures("bubblewrap"),
    # The command shuts them up; here pytest lets them speak again.
    pytest.mark.filterwarnings("ignore:Object of type <Submitted"),
]

SEED = "a secret"
ANSWERS = ("sgd_step", "sgdm_step")


# All answers of the book.


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, bubblewrap: str) -> Report:
    """A class in which each exercise is solved, left blank, and answered by a known mistake."""
    folder = tmp_path_factory.mktemp("whole")
    for exercise in map(load, catalogue()):
        name = f"{exercise.id}.ipynb"
        store(folder / "in/right" / name, answered(exercise.id))
        store(folder / "in/blank" / name, notebook(exercise))
        made = answered(exercise.id, mistaken(exercise, exercise.mistakes[-1]))
        store(folder / "in/mistaken" / name, made)
    return grade(folder / "in", folder / "out", "-j", 2)


@pytest.mark.parametrize("name", catalogue())
def test_solution_blank_and_mistake_come_out_as_what_they_are(whole, name):
    exercise, students = load(name), whole.students
    right, blank, wrong = (
        students[who]["verdicts"][name] for who in ("right", "blank", "mistaken")
    )
    assert (right["kind"], right["points"]) == ("right", exercise.points), right
    assert (blank["kind"], blank["points"]) == ("blank", 0), blank
    assert_made(exercise, exercise.mistakes[-1], wrong)


def assert_made(exercise: Exercise, mistake: Mistake, verdict: dict[str, Any]) -> None:
    """A verdict names a mistake in its own words, and gives no points."""
    assert (verdict["kind"], verdict["mistake"]) == ("mistake", mistake.name), verdict
    assert mistake.what in verdict["headline"]
    assert verdict["hint"] == mistake.hint
    assert verdict["points"] == 0


@pytest.mark.parametrize("name", catalogue())
def test_every_known_mistake_is_named_when_it_is_made_in_the_sandbox(bubblewrap, name):
    """All mistakes of an exercise as students write them, asked one after another in one sandbox
    and judged outside: what a job of the class grader does with a notebook each."""
    exercise = load(name)
    probes = exercise.probes(0)
    packed = [pack_inputs(inputs) for inputs in probes]
    steps, questions = [], {}
    for number, mistake in enumerate(exercise.mistakes):
        function = f"mistake_{number}"
        text = f"{mistaken(exercise, mistake)}\n{function} = {name}"
        steps += [("run", text), ("ask", function)]
        questions[function] = [asdict(exercise.question), packed]
    limits = Settings(wall=3000, cell=300, cpu=1000, output=200)
    run = sandbox.run(steps, questions, limits, safe=True)
    assert run.stopped == ""
    answers = [line for line in run.lines if line.get("step", 0) % 2]
    assert len(answers) == len(exercise.mistakes)
    for mistake, answer in zip(exercise.mistakes, answers, strict=True):
        assert "replies" in answer, (mistake.name, answer)
        replies = unpack_replies(answer["replies"], exercise.question, len(probes))
        assert_made(exercise, mistake, asdict(judge(exercise, probes, replies)))


def test_everybody_has_the_marks_that_are_due(whole):
    most = sum(load(name).points for name in catalogue())
    assert {row["student"] for row in whole.marks} == {"right", "blank", "mistaken"}
    for row in whole.marks:
        assert int(row["points"]) == (most if row["student"] == "right" else 0)
        assert int(row["max_points"]) == most
        assert row["flags"] == ""
    assert in_gradebook(whole.folder / "course") == {
        row["student"]: float(row["points"]) for row in whole.marks
    }


# A small class, graded once, which the tests below look at or go on with.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada has all right, Ben makes a mistake in each, Cleo has left one blank and one out."""
    folder = tmp_path_factory.mktemp("class") / "in"
    hand_in(folder, "ada", {"sgd_step": None, "sgdm_step": None})
    hand_in(folder, "ben", {"sgd_step": uphill(), "sgdm_step": uphill("sgdm_step")})
    store(folder / "cleo/sgd_step.ipynb", notebook(load("sgd_step")))
    return folder


@pytest.fixture(scope="module")
def graded(folder: Path, bubblewrap: str) -> Report:
    """What the command has written about it."""
    return grade(folder, folder.parent / "out")


@pytest.fixture
def again(folder: Path, graded: Report, tmp_path: Path) -> Report:
    """A copy of class and report, to go on with: `tmp_path / "in"` and `tmp_path / "out"`."""
    shutil.copytree(folder, tmp_path / "in")
    shutil.copytree(graded.folder, tmp_path / "out")
    return Report(tmp_path / "out")


def in_gradebook(course: Path, assignment: str = "exercises") -> dict[str, float]:
    """The marks in a course's gradebook."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return {each.student_id: each.score for each in book.assignment_submissions(assignment)}


def kept(report: Report) -> dict[str, int]:
    """When the outcome of each student was written: grading anew writes it anew."""
    return {path.stem: path.stat().st_mtime_ns for path in (report.folder / "work").glob("*.json")}


def written(folder: Path) -> dict[Path, bytes]:
    """All files in a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_marks_and_kinds(graded):
    points = {row["student"]: (row["points"], row["max_points"]) for row in graded.marks}
    assert points == {"ada": ("2", "2"), "ben": ("0", "2"), "cleo": ("0", "2")}
    assert graded.kinds("ada") == {"sgd_step": "right", "sgdm_step": "right"}
    assert graded.kinds("ben") == {"sgd_step": "mistake", "sgdm_step": "mistake"}
    assert graded.kinds("cleo") == {"sgd_step": "blank", "sgdm_step": "missing"}
    assert {path.stem for path in (graded.folder / "students").iterdir()} == {"ada", "ben", "cleo"}


def test_nothing_is_said_but_what_came_of_it(graded):
    """No warnings of the libraries that are used."""
    assert graded.out == f"3 submissions, 0 to look at: {graded.folder / 'index.html'}\n"
    assert re.fullmatch(r"(\nGrading: [^\n]*)+\n", graded.err)


def test_the_same_batch_graded_twice_gives_the_same(folder, graded, tmp_path):
    """From the beginning, elsewhere, one at a time: the inputs are the same, too."""
    other = grade(folder, tmp_path / "out", "-j", 1)
    assert (other.folder / "marks.csv").read_bytes() == (graded.folder / "marks.csv").read_bytes()
    assert other.same() == graded.same()


def test_the_same_command_runs_nothing_again(again, tmp_path):
    before, content = kept(again), again.content
    grade(tmp_path / "in", tmp_path / "out")
    assert kept(again) == before
    assert again.content == content


def test_what_has_changed_is_graded_anew_and_what_is_new_is_added(again, tmp_path):
    before = kept(again)
    hand_in(tmp_path / "in", "ben", {"sgd_step": None})
    hand_in(tmp_path / "in", "dora", {"sgdm_step": None})
    grade(tmp_path / "in", tmp_path / "out")
    after = kept(again)
    assert {name for name in after if after[name] != before.get(name)} == {"ben", "dora"}
    assert again.kinds("ben") == {"sgd_step": "right", "sgdm_step": "mistake"}
    assert {row["student"]: row["points"] for row in again.marks} == {
        **{"ada": "2", "ben": "1"},
        **{"cleo": "0", "dora": "1"},
    }
    assert in_gradebook(again.folder / "course") == {"ada": 2, "ben": 1, "cleo": 0, "dora": 1}


@pytest.mark.parametrize("option", ["--course", "--assignment"])
def test_another_gradebook_is_filled_from_the_same_report(again, tmp_path, option):
    """Though nothing has changed in what was handed in."""
    course, assignment = again.folder / "course", "exercises"
    if option == "--course":
        course = tmp_path / "other"
        grade(tmp_path / "in", tmp_path / "out", option, course)
    else:
        assignment = "week 2"
        grade(tmp_path / "in", tmp_path / "out", option, assignment)
    assert in_gradebook(course, assignment) == {"ada": 2, "ben": 0, "cleo": 0}
    assert len([*(course / "autograded").glob(f"*/{assignment}/*.ipynb")]) == 5


def test_a_gradebook_that_was_deleted_is_filled_again(again, tmp_path):
    shutil.rmtree(again.folder / "course")
    grade(tmp_path / "in", tmp_path / "out")
    assert in_gradebook(again.folder / "course") == {"ada": 2, "ben": 0, "cleo": 0}


def test_another_seed_gives_other_inputs_and_the_same_marks(graded, again, tmp_path):
    marks, contents = again.marks, [again.same()]
    for seed in ("one", "two"):
        grade(tmp_path / "in", tmp_path / "out", "--seed", seed)
        assert again.marks == marks
        contents.append(again.same())
    verdicts = [each["submissions"][1]["verdicts"]["sgd_step"] for each in contents]
    assert len({each["facts"]["input"] for each in verdicts}) == 3
    grade(tmp_path / "in", tmp_path / "out", "--seed", "one")
    assert again.same() == contents[1]


def test_what_counts_can_be_chosen(folder, tmp_path):
    report = grade(folder, tmp_path / "out", "--exercises", "sgdm_step", "nag_step")
    assert [each["name"] for each in report.content["exercises"]] == ["sgdm_step", "nag_step"]
    assert report.kinds("ada") == {"sgdm_step": "right", "nag_step": "missing"}
    assert report.marks[0]["max_points"] == "2"
    assert any("sgd_step" in note for note in report.students["ada"]["notes"])


# Broken off.


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of six."""
    folder = tmp_path_factory.mktemp("six") / "in"
    for student in ("ada", "ben", "cleo", "dora", "emil", "fee"):
        hand_in(folder, student, {"sgd_step": uphill() if student in ("ben", "fee") else None})
    return folder


@pytest.fixture(scope="module")
def unbroken(six: Path, bubblewrap: str) -> Report:
    return grade(six, six.parent / "out", "-j", 1)


HELD = """
import signal
import sys
from exercises.__main__ import main
from exercises.grading import batch

keep = batch._keep

def keep_and_wait(path, *rest):
    keep(path, *rest)
    if len([*path.parent.glob("*.json")]) == 2:
        print("two are kept", flush=True)
        sys.stdin.read()

batch._keep = keep_and_wait
# What a shell has begun in the background ignores the signal, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""
"""The command, which waits for the end of its input when it has finished two submissions."""


@contextlib.contextmanager
def begun(six: Path, report: Report) -> Iterator[subprocess.Popen[str]]:
    """The command at work on the class of six: it has finished two, and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, *command("grade", six, "--out", report.folder, "-j", 1)[3:]],
        cwd=ROOT,
        env=os.environ | {"OPTLIB_PROGRESS": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout and process.stdout.readline() == "two are kept\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_batch_that_is_broken_off_goes_on(six, unbroken, tmp_path, how):
    report = Report(tmp_path / "out")
    with begun(six, report) as process:
        process.send_signal(how)
        _, said = process.communicate()
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    if how == signal.SIGINT:
        assert "The same command goes on" in said
        assert "Traceback" not in said
    before = kept(report)
    assert len(before) == 2
    grade(six, tmp_path / "out", "-j", 1)
    after = kept(report)
    assert {name: after[name] for name in before} == before
    assert report.same() == unbroken.same()
    assert (tmp_path / "out/marks.csv").read_bytes() == (unbroken.folder / "marks.csv").read_bytes()
    marks = in_gradebook(tmp_path / "out/course")
    assert marks == in_gradebook(unbroken.folder / "course")
    assert marks == {row["student"]: float(row["points"]) for row in report.marks}


def test_a_second_command_on_the_same_report_is_refused(six, tmp_path, capsys):
    with begun(six, Report(tmp_path / "out")) as process:
        with pytest.raises(SystemExit) as refusal:
            main(["grade", str(six), "--out", str(tmp_path / "out")])
        said = capsys.readouterr().err
        assert process.poll() is None
        process.communicate()
    assert refusal.value.code == 2
    assert f"another command is grading into {tmp_path / 'out'}" in said
    assert process.returncode == 0


def test_a_job_that_dies_is_flagged_and_tried_anew_the_next_time(again, tmp_path, monkeypatch):
    """Here the grader itself is at fault."""
    hand_in(tmp_path / "in", "ben", {"sgd_step": None})
    with monkeypatch.context() as patch:
        patch.setattr("exercises.grading.batch.grade", lambda *_: os.kill(os.getpid(), 9))
        outcomes = grade_class(tmp_path / "in", tmp_path / "out")
    ben = next(each for each in outcomes if each.student == "ben")
    assert "could not be graded: its process ended with status -9" in ben.flags[0]
    assert again.students["ben"]["points"] == 0
    assert again.students["ada"]["points"] == 2
    grade(tmp_path / "in", tmp_path / "out")
    assert again.students["ben"]["points"] == 1
    assert again.students["ben"]["flags"] == []
    assert in_gradebook(again.folder / "course") == {"ada": 2, "ben": 1, "cleo": 0}


# nbgrader's own.


def nbgrader(course: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    tools = str(Path(sys.executable).parent)
    return subprocess.run(
        [f"{tools}/nbgrader", *arguments],
        cwd=course,
        env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )


def exported(course: Path) -> dict[str, float]:
    """The marks as `nbgrader export` gives them."""
    nbgrader(course, "export", "--to", "grades.csv")
    rows = Report(course).table("grades.csv")
    return {row["student_id"]: float(row["score"]) for row in rows}


def test_nbgrader_exports_the_same_marks(again):
    due = {row["student"]: float(row["points"]) for row in again.marks}
    assert in_gradebook(again.folder / "course") == due
    assert exported(again.folder / "course") == due


def test_nbgraders_pages_find_notebooks_and_comments(again):
    """Formgrader opens autograded/STUDENT/ASSIGNMENT; outputs and verdicts are in there."""
    course = again.folder / "course"
    path = course / "autograded/ben/exercises/sgd_step.ipynb"
    graded = nbformat.read(path, 4)
    nbformat.validate(graded)
    texts = [str(output) for cell in graded.cells for output in cell.get("outputs", ())]
    assert any("The step goes uphill" in text for text in texts)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        comment = book.find_comment("sgd_step-answer", "sgd_step", "exercises", "ben")
        assert "The step goes uphill" in comment.comment
        grade = book.find_grade("sgd_step-mark", "sgd_step", "exercises", "ben")
        assert (grade.auto_score, grade.max_score, grade.needs_manual_grade) == (0, 1, False)
    page = (course / "feedback/ben/exercises/sgd_step.html").read_text("utf-8")
    assert "The step goes uphill" in page


def test_nbgraders_own_grading_is_shut_off(again):
    """It would run what was handed in without a sandbox."""
    before = written(again.folder / "course/autograded")
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        nbgrader(again.folder / "course", "autograde", "exercises", "--force")
    assert "which runs in a sandbox" in refusal.value.stderr
    grade(again.folder.parent / "in", again.folder)
    assert in_gradebook(again.folder / "course") == {"ada": 2, "ben": 0, "cleo": 0}
    assert {*written(again.folder / "course/autograded")} == {*before}


def test_a_mark_and_a_comment_given_by_hand_stay(again, tmp_path):
    course = again.folder / "course"
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        for student in ("ben", "cleo"):
            mark = book.find_grade("sgd_step-mark", "sgd_step", "exercises", student)
            mark.manual_score, mark.needs_manual_grade = 0.5, False
            comment = book.find_comment("sgd_step-answer", "sgd_step", "exercises", student)
            comment.manual_comment = "Half a point for the idea."
        book.db.commit()
    hand_in(tmp_path / "in", "ben", {"sgd_step": uphill() + "\n# I tried", "sgdm_step": None})
    shutil.rmtree(tmp_path / "in/cleo")
    hand_in(tmp_path / "in", "cleo", {"sgdm_step": None})  # the other one has been taken back
    grade(tmp_path / "in", tmp_path / "out")
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        for student in ("ben", "cleo"):
            mark = book.find_grade("sgd_step-mark", "sgd_step", "exercises", student)
            assert (mark.manual_score, mark.auto_score) == (0.5, 0)
            comment = book.find_comment("sgd_step-answer", "sgd_step", "exercises", student)
            assert comment.comment == "Half a point for the idea."
    assert in_gradebook(course) == {"ada": 2, "ben": 1.5, "cleo": 1.5}


def test_an_outcome_that_was_kept_does_not_hide_what_was_merged_since(tmp_path):
    """Right, then stopped by a lower limit, then right again: the gradebook follows."""
    slow = (
        answered("sgd_step")
        .cells[1]
        .source.replace("return", "__import__('time').sleep(0.05); return")
    )
    hand_in(tmp_path / "in", "ada", {"sgd_step": slow})
    for cell, points in ((9, 1), (0.3, 0), (9, 1)):
        report = grade(tmp_path / "in", tmp_path / "out", "--cell", cell)
        assert report.students["ada"]["points"] == points
        assert in_gradebook(tmp_path / "out/course") == {"ada": points}


def test_nbgraders_own_feedback_takes_no_markup_from_a_student(tmp_path):
    """An error's text gets into a comment, which nbgrader takes for markdown."""
    text = "``` </textarea><script>alert(1)</script><img src=x onerror=alert(1)>[a](javascript:b)"
    answer = f"def sgd_step(theta, g, lr):\n    raise ValueError({text!r})"
    hand_in(tmp_path / "in", "eve", {"sgd_step": answer})
    report = grade(tmp_path / "in", tmp_path / "out")
    course = report.folder / "course"
    nbgrader(course, "generate_feedback", "exercises", "--force")
    page = (course / "feedback/eve/exercises/sgd_step.html").read_text("utf-8")
    assert "alert(1)" in page  # as text
    assert "<script>alert" not in page and "<img src=x" not in page
    assert 'href="javascript:' not in page


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course that has released an assignment."""
    folder = tmp_path_factory.mktemp("courses") / "course"
    done = run("release", *ANSWERS, "--course", folder, "--assignment", "week1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"week1 is released in {folder}/release/week1\n"
    return folder


@pytest.fixture
def own_course(course: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(course, tmp_path / "course")
    return tmp_path / "course"


def test_what_is_released_has_no_answer_in_it(course):
    for name in ANSWERS:
        released = nbformat.read(course / f"release/week1/{name}.ipynb", 4)
        assert released.cells[1].source == notebook(load(name)).cells[1].source
        locked = [
            cell.metadata.deletable for cell in released.cells if "deletable" in cell.metadata
        ]
        assert locked


def collected(course: Path, student: str, answers: dict[str, str | None]) -> Path:
    """What `nbgrader collect` has put into the course: the released notebooks, answered."""
    there = course / "submitted" / student / "week1"
    for name, answer in answers.items():
        released = nbformat.read(course / f"release/week1/{name}.ipynb", 4)
        released.cells[1].source = answer or answered(name).cells[1].source
        store(there / f"{name}.ipynb", released)
    (there / "timestamp.txt").write_text("2026-01-02 12:00:00.000000 UTC")
    (there / "submission_secret.txt").write_text(f"secret of {student}")
    return there


def test_a_course_in_which_nbgrader_has_collected(own_course, tmp_path):
    collected(own_course, "ada", {"sgd_step": None, "sgdm_step": None})
    collected(own_course, "ben", {"sgd_step": uphill()})
    before = written(own_course / "submitted")
    more = ["--course", own_course, "--assignment", "week1"]
    report = grade(own_course / "submitted", tmp_path / "out", *more)
    assert written(own_course / "submitted") == before
    assert report.kinds("ada") == {"sgd_step": "right", "sgdm_step": "right"}
    assert report.kinds("ben") == {"sgd_step": "mistake", "sgdm_step": "missing"}
    assert in_gradebook(own_course, "week1") == {"ada": 2, "ben": 0}
    for student in ("ada", "ben"):
        for step in ("autograded", "feedback"):
            there = own_course / step / student / "week1"
            assert (there / "timestamp.txt").read_text() == "2026-01-02 12:00:00.000000 UTC"
            assert (there / "submission_secret.txt").read_text() == f"secret of {student}"
    assert (own_course / "feedback/ben/week1/sgd_step.html").exists()
    with Gradebook(f"sqlite:///{own_course}/gradebook.db") as book:
        timestamp = book.find_submission("week1", "ada").timestamp
        assert str(timestamp) == "2026-01-02 12:00:00"
    assert not (tmp_path / "out/course").exists()


def test_a_folder_of_ones_own_in_a_released_course(own_course, folder, tmp_path):
    """What was released counts for all, whatever was handed in."""
    shutil.copytree(folder, tmp_path / "in")
    hand_in(tmp_path / "in", "ben", {"nag_step": None})
    more = ["--course", own_course, "--assignment", "week1"]
    report = grade(tmp_path / "in", tmp_path / "out", *more)
    assert [each["name"] for each in report.content["exercises"]] == [*ANSWERS]
    assert any("nag_step" in note for note in report.students["ben"]["notes"])
    assert in_gradebook(own_course, "week1") == {"ada": 2, "ben": 0, "cleo": 0}
    done = run("grade", folder, "--out", tmp_path / "o", *more, "--exercises", "nag_step")
    assert done.returncode == 2
    assert "week1 was released without nag_step" in done.stderr


GUIDE = (ROOT / "chapters/teach.md").read_text("utf-8")
"""The instructor's guide, whose commands are run here."""


def test_late_rules_are_nbgraders(own_course, tmp_path):
    """With the rule of the guide: a tenth of the points for each day begun."""
    (plugin,) = re.findall(r"```python\n(from nbgrader.plugins .*?)```", GUIDE, re.DOTALL)
    *above, below = plugin.strip().splitlines()
    config = own_course / "nbgrader_config.py"
    config.write_text("\n".join([*above, config.read_text(), below]))
    for student, when in (("ada", "2026-01-02 12:00"), ("ben", "2025-12-31 12:00")):
        there = collected(own_course, student, {"sgd_step": None, "sgdm_step": None})
        (there / "timestamp.txt").write_text(f"{when}:00.000000 UTC")
    more = ["--course", own_course, "--assignment", "week1"]
    for due, penalty in (("2026-01-01", 0.4), ("2026-01-03", 0)):
        with Gradebook(f"sqlite:///{own_course}/gradebook.db") as book:
            book.update_or_create_assignment("week1", duedate=f"{due} 00:00:00 UTC")
        grade(own_course / "submitted", tmp_path / "out", *more)
        with Gradebook(f"sqlite:///{own_course}/gradebook.db") as book:
            ada, ben = (book.find_submission("week1", student) for student in ("ada", "ben"))
            assert (ada.score, ada.late_submission_penalty or 0) == (2, penalty)
            assert (ben.score, ben.late_submission_penalty or 0) == (2, 0)
    assert exported(own_course) == {"ada": 2, "ben": 2}


def test_nobody_says_when_it_was_handed_in_but_nbgrader(own_course, folder, tmp_path):
    """A student's own file of that name is not believed."""
    shutil.copytree(folder, tmp_path / "in")
    (tmp_path / "in/ada/timestamp.txt").write_text("2020-01-01 00:00:00 UTC")
    more = ["--course", own_course, "--assignment", "week1"]
    report = grade(tmp_path / "in", tmp_path / "out", *more)
    assert report.kinds("ada") == {"sgd_step": "right", "sgdm_step": "right"}
    with Gradebook(f"sqlite:///{own_course}/gradebook.db") as book:
        assert book.find_submission("week1", "ada").timestamp is None


MANUAL = {
    "schema_version": 3,
    "grade_id": "why",
    "grade": True,
    "solution": True,
    "locked": False,
    "task": False,
    "points": 3,
}


def test_a_question_that_is_graded_by_hand(own_course, tmp_path):
    """It is added to what is released, answered in words, and waits for a mark."""
    path = own_course / "source/week1/sgd_step.ipynb"
    source = nbformat.read(path, 4)
    source.cells.append(new_markdown_cell("Why?", metadata={"nbgrader": MANUAL}))
    store(path, source)
    more = ["--course", own_course, "--assignment", "week1"]
    assert run("release", *ANSWERS, *more).returncode == 0
    there = collected(own_course, "ada", {"sgd_step": None})
    made = nbformat.read(there / "sgd_step.ipynb", 4)
    assert made.cells[-1].source == "Why?"
    made.cells[-1].source = "Because <b>it</b> goes downhill."
    store(there / "sgd_step.ipynb", made)
    report = grade(own_course / "submitted", tmp_path / "out", *more)
    assert report.kinds("ada") == {"sgd_step": "right", "sgdm_step": "missing"}
    with Gradebook(f"sqlite:///{own_course}/gradebook.db") as book:
        submission = book.find_submission("week1", "ada")
        assert (submission.score, submission.max_score) == (1, 5)
        assert submission.needs_manual_grade
        grade_of_why = book.find_grade("why", "sgd_step", "week1", "ada")
        assert (grade_of_why.auto_score, grade_of_why.needs_manual_grade) == (None, True)
        grade_of_why.manual_score, grade_of_why.needs_manual_grade = 2.5, False
        book.db.commit()
        assert book.find_submission("week1", "ada").score == 3.5
    shown = nbformat.read(own_course / "autograded/ada/week1/sgd_step.ipynb", 4)
    assert "Because <b>it</b> goes downhill." in shown.cells[-1].source
    # Graded again after a change elsewhere, the mark stays.
    made.cells[1].source = uphill()
    store(there / "sgd_step.ipynb", made)
    grade(own_course / "submitted", tmp_path / "out", *more)
    assert in_gradebook(own_course, "week1") == {"ada": 2.5}


def test_a_test_cell_of_ones_own_is_refused(own_course, folder, tmp_path):
    path = own_course / "release/week1/sgd_step.ipynb"
    released = nbformat.read(path, 4)
    about = MANUAL | {"grade_id": "mine", "solution": False, "locked": True}
    released.cells.append(new_code_cell("assert True", metadata={"nbgrader": about}))
    store(path, released)
    done = run(
        *("grade", folder, "--out", tmp_path / "out"),
        *("--course", own_course, "--assignment", "week1"),
    )
    assert done.returncode == 2
    assert "has the test cell mine" in done.stderr
    assert not (tmp_path / "out/marks.csv").exists()


def test_what_has_been_graded_can_be_released_again_but_with_the_same_exercises(
    again, tmp_path, capsys
):
    course = again.folder / "course"
    assert run("release", *ANSWERS, "--course", course).returncode == 0
    before = written(again.folder)
    for names in (["nag_step"], ["sgd_step"], [*ANSWERS, "nag_step"]):
        with pytest.raises(SystemExit) as refusal:
            main(["release", *names, "--course", str(course)])
        assert refusal.value.code == 2
        assert "make another assignment" in capsys.readouterr().err
        assert written(again.folder) == before
    grade(tmp_path / "in", tmp_path / "out")
    assert in_gradebook(course) == {"ada": 2, "ben": 0, "cleo": 0}


def test_what_is_taken_back_earns_nothing_any_more(again, tmp_path):
    (tmp_path / "in/ada/sgd_step.ipynb").unlink()
    grade(tmp_path / "in", tmp_path / "out")
    assert again.students["ada"]["points"] == 1
    assert in_gradebook(again.folder / "course") == {"ada": 1, "ben": 0, "cleo": 0}
    (tmp_path / "in/ada/sgdm_step.ipynb").unlink()
    grade(tmp_path / "in", tmp_path / "out")
    assert again.students["ada"]["points"] == 0
    assert in_gradebook(again.folder / "course") == {"ada": 0, "ben": 0, "cleo": 0}


def test_a_changed_source_is_kept_unless_it_is_forced(own_course):
    source = own_course / "source/week1/sgd_step.ipynb"
    changed = nbformat.read(source, 4)
    changed.cells.append(new_markdown_cell("And why?"))
    nbformat.write(changed, source)
    for more, there in (([], True), (["--force"], False)):
        done = run("release", *ANSWERS, "--course", own_course, "--assignment", "week1", *more)
        assert done.returncode == 0, done.stderr
        released = own_course / "release/week1/sgd_step.ipynb"
        assert ("And why?" in released.read_text("utf-8")) == there


def test_the_guides_two_minutes(tmp_path):
    """Its commands, as they stand there, say what it says."""
    first = GUIDE.split("\n## ")[1]
    blocks = re.findall(r"```(\w+)\n(.*?)```", first, re.DOTALL)
    (_, _), (kind, commands), (_, said) = blocks
    assert kind == "sh"
    done = subprocess.run(
        ["sh", "-e"],
        input=commands.replace(".venv/bin/python", sys.executable),
        cwd=tmp_path,
        env=os.environ | {"OPTLIB_PROGRESS": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.endswith(said)
    report = Report(tmp_path / "report")
    assert {row["student"]: row["points"] for row in report.marks} == {
        **{"ada": "0", "ben": "1"},
        **{"cleo": "0"},
    }
    assert "The step goes uphill" in (report.folder / "students/cleo.html").read_text("utf-8")


def test_an_assignment_of_drawn_exercises(folder, tmp_path, capsys):
    """Everybody who knows the secret draws the same ones, of different rows of the lecture."""
    names = []
    for place, seed in (("one", SEED), ("two", SEED), ("three", "another secret")):
        assert main(["release", "--draw", "5", "--seed", seed, "--out", str(tmp_path / place)]) == 0
        names.append(sorted(path.stem for path in (tmp_path / place).iterdir()))
    assert names[0] == names[1] == sorted(draw(5, SEED))
    assert names[2] != names[0]
    for each in names:
        assert len({load(name).row for name in each}) == 5
    assert SEED not in capsys.readouterr().out


# With no sandbox, and without one.


def test_without_a_sandbox_the_marks_are_the_same_and_the_report_says_it(folder, graded, tmp_path):
    report = grade(folder, tmp_path / "out", "--unsafe-no-sandbox")
    assert report.marks == graded.marks
    assert report.same() | {"sandboxed": True} == graded.same()
    assert (graded.content["sandboxed"], report.content["sandboxed"]) == (True, False)
    told = "not sandboxed"
    assert told in (tmp_path / "out/index.html").read_text("utf-8").lower()
    assert told not in (graded.folder / "index.html").read_text("utf-8").lower()


def test_what_was_graded_without_a_sandbox_is_graded_anew_with_one(again, tmp_path):
    before = kept(again)
    grade(tmp_path / "in", tmp_path / "out", "--unsafe-no-sandbox")
    between = kept(again)
    grade(tmp_path / "in", tmp_path / "out")
    assert not any(before[name] == between[name] for name in before)
    assert not any(between[name] == kept(again)[name] for name in before)
    assert again.content["sandboxed"] is True


LOOSE = """exec PYTHON -c 'import sys; sys.path.insert(0, "INSIDE")
from exercises.grading.inside import main; main()'"""
"""It asks as it should, but holds nothing."""

DENIED = "bwrap: No permissions to create new namespace, likely because the kernel does not allow"


@pytest.mark.parametrize(
    ("fake", "told"),
    [
        ("", ["bubblewrap is missing", "sudo apt install bubblewrap"]),
        (f"echo '{DENIED}' >&2; exit 1", [DENIED, "kernel.apparmor_restrict_unprivileged_userns"]),
        ("exit 0", ["There is no sandbox"]),
        (LOOSE, ["There is no sandbox", "does not hold"]),
    ],
    ids=["missing", "denied", "silent", "loose"],
)
def test_without_a_sandbox_that_holds_the_command_refuses(folder, tmp_path, fake, told):
    tools = tmp_path / "tools"
    tools.mkdir()
    fake = fake.replace("PYTHON", sys.executable).replace("INSIDE", _laid_out(tmp_path / "inside"))
    if fake:
        (tools / "bwrap").write_text(f"#!/bin/sh\n{fake}\n")
        (tools / "bwrap").chmod(0o755)
    done = run("grade", folder, "--out", tmp_path / "out", PATH=str(tools))
    assert done.returncode == 2
    for text in told:
        assert text in done.stderr
    assert not (tmp_path / "out").exists()


# What cannot be done.


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["IN/nowhere", "--out", "NEW"], "there is no folder"),
        (["IN/ada/sgd_step.ipynb", "--out", "NEW"], "there is no folder"),
        (["IN", "--out", "IN/report"], "lies among the submissions"),
        (["IN", "--out", "IN"], "lies among the submissions"),
        (["IN", "--out", "NEW", "--course", "IN/course"], "among the submissions"),
        (["IN", "--out", "NEW", "--course", "IN"], "among the submissions"),
        (["IN", "--out", "FILE"], "FILE"),
        (["IN", "--out", "NEW", "-j", "0"], "it must be at least 1"),
        (["IN", "--out", "NEW", "-j", "-2"], "it must be at least 1"),
        (["IN", "--out", "NEW", "-j", "two"], "invalid int value"),
        (["IN", "--out", "NEW", "--wall", "0"], "wall is 0.0: it must be a number above 0"),
        (["IN", "--out", "NEW", "--memory", "-1"], "memory is -1.0"),
        (["IN", "--out", "NEW", "--cell", "nan"], "cell is nan"),
        (["IN", "--out", "NEW", "--cell", "inf"], "cell is inf"),
        (["IN", "--out", "NEW", "--exercises", "nothing"], "no exercise is called nothing"),
        (["IN", "--out", "NEW", "--exercises", "sgd_step", "no"], "no exercise is called no"),
        (["IN", "--out", "NEW", "--assignment", ""], "assignment"),
        (["IN", "--out", "NEW", "--assignment", "../up"], "assignment"),
        (["IN", "--out", "NEW", "--assignment", "a/b"], "assignment"),
        (["IN", "--out", "NEW", "--assignment", "a+b"], "assignment"),
        (["IN"], "--out"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else None,
)
def test_what_cannot_be_graded_is_refused(folder, tmp_path, capsys, arguments, told):
    shutil.copytree(folder, tmp_path / "in")
    (tmp_path / "file").write_text("mine")
    before = written(tmp_path)
    places = {"IN": tmp_path / "in", "NEW": tmp_path / "new", "FILE": tmp_path / "file"}
    given = [
        str(places[head] / tail) if (head := each.partition("/")[0]) in places else each
        for each in arguments
        for tail in [each.partition("/")[2]]
    ]
    with pytest.raises(SystemExit) as refusal:
        main(["grade", *given])
    assert refusal.value.code == 2
    said = capsys.readouterr().err
    assert told.replace("FILE", str(tmp_path / "file")) in said
    assert written(tmp_path) == before
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--draw", "3"], "--draw needs a --seed"),
        (["--draw", "0", "--seed", "s"], "0 exercises cannot be drawn"),
        (["--draw", "1000", "--seed", "s"], "1000 exercises cannot be drawn"),
        (["sgd_step", "--draw", "3", "--seed", "s"], "not allowed with argument"),
        (["sgd_step", "--course", "C", "--assignment", "../up"], "assignment"),
    ],
)
def test_what_cannot_be_released_is_refused(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as refusal:
        main(["release", *arguments])
    assert refusal.value.code == 2
    assert told in capsys.readouterr().err
    assert written(tmp_path) == {}


def test_an_empty_folder_is_an_empty_class(tmp_path):
    (tmp_path / "in").mkdir()
    report = grade(tmp_path / "in", tmp_path / "out")
    assert report.marks == []


def test_a_class_that_answers_nothing_that_is_asked(tmp_path):
    (tmp_path / "in/ada").mkdir(parents=True)
    (tmp_path / "in/ada/essay.txt").write_text("On descent")
    report = grade(tmp_path / "in", tmp_path / "out")
    assert report.students["ada"]["flags"]


# A cluster.


def test_a_cluster_gives_the_same_marks(folder, graded, tmp_path):
    distributed = pytest.importorskip("distributed")
    settings: dict[str, Any] = {"dashboard_address": None, "silence_logs": 50}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, **settings
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        grade_class(folder, tmp_path / "out", client=client)
        report = Report(tmp_path / "out")
        assert report.same() == graded.same()
        assert report.content["sandboxed"] is True
        # The command takes the address of its scheduler.
        other = grade(folder, tmp_path / "other", "--dask", cluster.scheduler_address)
        assert other.same() == graded.same()
