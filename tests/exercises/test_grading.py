"""The parts of the class grader: what travels to the sandbox and back, what is read of what was
handed in, how a notebook is rebuilt, what there is in the sandbox, and its limits."""

import io
import json
import os
import re
import socket
import stat
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from collections import Counter
from copy import deepcopy
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from exercises import Verdict, catalogue, load
from exercises.asking import MANY, Reply, ask
from exercises.checker import judge
from exercises.exercise import draw
from exercises.grading import batch, sandbox, seccomp
from exercises.grading.intake import (
    Cell,
    Notebook,
    Submission,
    collect,
    rebuilt,
    safe_id,
)
from exercises.grading.job import Assignment, grade
from exercises.grading.outcome import Outcome
from exercises.grading.settings import Settings
from exercises.inputs import FUNCTIONS
from exercises.notebook import notebook
from exercises.wire import LONGEST, pack_inputs, pack_reply, unpack_inputs, unpack_replies
from tests.exercises.classes import answered, mistaken, store

pytestmark = pytest.mark.slow

SETTINGS = Settings()


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


# What travels.


def alike(one: Any, other: Any) -> bool:
    """Whether two inputs are the same in every respect: functions, if they give the same."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray | np.generic):
        return bool(one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True))
    return bool(one == other)


@pytest.mark.parametrize("name", catalogue())
def test_the_inputs_of_every_exercise_arrive_as_they_were(name):
    for seed in range(5):
        for inputs in load(name).probes(seed):
            there = unpack_inputs(through_json(pack_inputs(inputs)))
            assert len(there) == len(inputs)
            assert all(map(alike, there, inputs)), (there, inputs)


def test_functions_among_the_inputs_give_the_same():
    x = np.array([0.3, -1.2])
    arguments = {"Gradient": (x,), "SquaredLoss": (x, 2 * x, 0.5), "FallingRate": (3, 20)}
    assert arguments.keys() == FUNCTIONS.keys()
    met = set()
    for name in catalogue():
        for value in load(name).probes(0)[0]:
            if callable(value):
                kind = type(value).__name__
                (there,) = unpack_inputs(through_json(pack_inputs((value,))))
                expected, found = value(*arguments[kind]), there(*arguments[kind])
                assert np.array_equal(expected, found)
                assert str(there) == str(value)
                met.add(kind)
    assert met == FUNCTIONS.keys()


@pytest.mark.parametrize("value", [lambda x: x, object(), (1, 2), {"a": 1}, [1.0], b"bytes", 1j])
def test_what_cannot_be_sent_is_said_before_it_is(value):
    with pytest.raises(TypeError, match="cannot be sent"):
        pack_inputs((1.0, value))


@pytest.mark.parametrize("name", catalogue())
def test_the_replies_to_every_exercise_arrive_as_they_were(name):
    exercise = load(name)
    probes = exercise.probes(1)
    replies = ask(exercise.question, exercise.solve, probes)
    packed = through_json([pack_reply(reply) for reply in replies])
    there = unpack_replies(packed, exercise.question, len(probes))
    for one, other in zip(replies, there, strict=True):
        assert not one.trouble
        assert all(map(alike, one.values, other.values))
    assert judge(exercise, probes, there) == judge(exercise, probes, replies)
    assert judge(exercise, probes, there).right


VALUES = arrays.arrays(np.float64, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0))


@given(VALUES, VALUES)
def test_values_arrive_to_the_last_bit(theta, m):
    question = load("sgdm_step").question
    packed = through_json([pack_reply(Reply((theta, m)))])
    (there,) = unpack_replies(packed, question, 1)
    for one, other in zip((theta, m), there.values, strict=True):
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("trouble", ["blank", "form", "error"])
@pytest.mark.parametrize("input", [True, False])
def test_troubles_arrive(trouble, input):  # noqa: A002
    reply = Reply((), trouble, "what went wrong", "Line 3.", input)
    packed = through_json([pack_reply(reply)])
    assert unpack_replies(packed, load("sgd_step").question, 1) == [reply]


def test_long_texts_are_cut_and_broken_ones_mended():
    packed = through_json([pack_reply(Reply((), "error", "x" * 10_000, "\ud800"))])
    (there,) = unpack_replies(packed, load("sgd_step").question, 1)
    assert there.headline == "x" * LONGEST
    there.hint.encode("utf-8")


KEYS = st.sampled_from(["values", "trouble", "headline", "hint", "input", "shape", "data", "other"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["error", "blank", "right", "AAAAAAAA8D8=", "AAAAAAAA8H8="]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
NEARLY = st.one_of(
    st.fixed_dictionaries(
        {
            "values": st.lists(
                st.fixed_dictionaries(
                    {
                        "shape": JSON | st.lists(st.integers(-1, 3) | st.booleans(), max_size=3),
                        "data": JSON
                        | st.sampled_from(["", "AAAAAAAA8D8=", "AAAAAAAA8H8AAAAAAAD4fw=="]),
                    }
                ),
                max_size=3,
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "trouble": st.sampled_from(["blank", "form", "error", "right", "mistake"]) | JSON,
            "headline": JSON,
            "hint": JSON,
            "input": JSON,
        }
    ),
    JSON,
)


@given(JSON | st.lists(NEARLY, min_size=3, max_size=3), st.sampled_from(["sgd_step", "sgdm_step"]))
def test_no_reply_breaks_what_reads_it_or_what_judges_it(packed, name):
    """It is refused by a ValueError or judged; unless it holds the right numbers, it earns
    nothing."""
    exercise = load(name)
    probes = exercise.probes(0)[:3]
    try:
        replies = unpack_replies(packed, exercise.question, len(probes))
    except ValueError:
        return
    verdict = judge(exercise, probes, replies)
    assert verdict.points == 0
    json.dumps(Outcome("a", "a", (), {name: verdict}, {}).to_json()).encode()
    assert not re.search(r"[\ud800-\udfff]", repr(verdict))


@pytest.mark.parametrize("name", ["choose_momentum", "rare_move", "adam_step", "gap_at_loss"])
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_no_numbers_break_what_judges_them(name, data):
    """Numbers of any size and any shape, the right shape among them."""
    exercise = load(name)
    probes = exercise.probes(0)
    due = [exercise.due(exercise.refer, inputs) for inputs in probes]
    right_shape = data.draw(st.booleans())
    replies = []
    for values in due:
        shapes = [value.shape if right_shape else None for value in values]
        drawn = (data.draw(VALUES if s is None else arrays.arrays(float, s)) for s in shapes)
        replies.append(Reply(tuple(drawn)))
    packed = through_json([pack_reply(reply) for reply in replies])
    there = unpack_replies(packed, exercise.question, len(probes))
    verdict = judge(exercise, probes, there)
    assert verdict.kind in ("right", "wrong", "form", "mistake")


@pytest.mark.parametrize(
    "value",
    [
        {"shape": [MANY + 1], "data": ""},
        {"shape": [10**5, 0], "data": ""},
        {"shape": [2**62, 2**62, 0], "data": ""},
        {"shape": [-1], "data": ""},
        {"shape": [1.0], "data": "AAAAAAAA8D8="},
        {"shape": [True], "data": "AAAAAAAA8D8="},
        {"shape": [1] * 65, "data": "AAAAAAAA8D8="},
        {"shape": "", "data": "AAAAAAAA8D8="},
        {"shape": [2], "data": "AAAAAAAA8D8="},
        {"shape": [1], "data": "AAAAAAAA8D8=\n"},
        {"shape": [1], "data": "not base 64!"},
        {"shape": [1], "data": [0] * 8},
        {"shape": [1]},
        {"data": "AAAAAAAA8D8="},
        1.0,
        None,
    ],
)
def test_an_array_that_cannot_be_is_refused(value):
    with pytest.raises(ValueError, match=r"shape|size|form|base64|data|Only"):
        unpack_replies([{"values": [value]}], load("sgd_step").question, 1)


def test_an_outcome_is_kept_as_it_is():
    facts = {"input": "g = 1", "yours": "2", "due": "3"}
    verdicts = {"sgd_step": Verdict("sgd_step", "mistake", "not yet", "hint", facts, "read", "m")}
    made = Outcome("ada", "ada", ("a.ipynb",), verdicts, {"sgd_step": {}}, ("f",), ("n",), 1.5)
    assert Outcome.from_json(through_json(made.to_json())) == made


# Intake.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def taken(root: Path, limits: Settings = SETTINGS, assignment: str = "") -> dict[str, Submission]:
    return {each.student: each for each in collect(root, limits, assignment)}


def text_of(content: Any) -> bytes:
    return json.dumps(content).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(files: dict[str, bytes], compression: str = "gz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=f"w:{compression}") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def entered(kind: bytes, name: str = "sgd_step.ipynb") -> bytes:
    """A tar file with an entry of another kind."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    return made.getvalue()


PAPER = text_of(answered("sgd_step"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ada/sgd_step.ipynb", PAPER),
        ("ada/deep/er/sgd_step.ipynb", PAPER),
        ("ada/homework.zip", zipped({"a/b/sgd_step.ipynb": PAPER})),
        ("ada.zip", zipped({"sgd_step.ipynb": PAPER})),
        ("ada.tar", tarred({"sgd_step.ipynb": PAPER}, "")),
        ("ada.tar.gz", tarred({"sgd_step.ipynb": PAPER})),
        ("ada.tgz", tarred({"sgd_step.ipynb": PAPER})),
        ("ada_sgd_step.ipynb", PAPER),
        ("ada-sgd_step (1).ipynb", PAPER),
        ("ada.ipynb", PAPER),
        ("ada.py", b"def sgd_step(theta, g, lr):\n    return theta - lr * g\n"),
        ("ada.IPYNB", PAPER),
    ],
)
def test_whatever_holds_a_notebook_is_read(root, name, content):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (ada,) = collect(root, SETTINGS)
    assert (ada.student, ada.flags) == ("ada", [])
    assert [each.answers for each in ada.notebooks] == [("sgd_step",)]
    assert any("theta - lr * g" in cell.source for cell in ada.notebooks[0].cells)
    assert {str(path) for path in root.rglob("*") if path.is_file()} == {str(root / name)}


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def folder_link(path: Path) -> None:
    path.symlink_to(path.parent.parent, target_is_directory=True)


def hard_link(path: Path) -> None:
    store(path.parents[2] / "other.ipynb", answered("sgd_step"))
    path.hardlink_to(path.parents[2] / "other.ipynb")


def sock(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # the name of a socket must be short
        made.bind(path.name)


BOMB = zipped({"sgd_step.ipynb": b"0" * (30 * 2**20)})


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("sgd_step.ipynb", link, "is a link"),
        ("folder", folder_link, "is a link"),
        ("sgd_step.ipynb", hard_link, "hard links"),
        ("sgd_step.ipynb", os.mkfifo, "is no regular file"),
        ("sgd_step.ipynb", sock, "is no regular file"),
        ("sgd_step.ipynb", b"", "is empty"),
        ("sgd_step.ipynb", b" \n", "is empty"),
        ("sgd_step.ipynb", b"\xff\xfe\x00\xd8", "UTF-8|damaged"),
        ("sgd_step.ipynb", b"\x80abc", "is no text in UTF-8"),
        ("sgd_step.ipynb", PAPER[:-20], "damaged"),
        ("sgd_step.ipynb", b"[1, 2]", "other JSON"),
        ("sgd_step.ipynb", b'{"cells": {}}', "other JSON"),
        ("sgd_step.ipynb", b"[" * 100_000, "too deeply"),
        ("sgd_step.ipynb", b" " * (21 * 2**20), "larger than 20 MiB"),
        ("sgd_step.ipynb", text_of({"cells": [{"cell_type": "code"}] * 501}), "500 cells"),
        ("sgd_step.py", b"#" * (600 * 1024), "512 KiB"),
        ("x.ipynb", text_of({"cells": []}), "nothing in it says which"),
        ("x.zip", b"PK\x03\x04 no zip", "damaged archive"),
        ("x.zip", BOMB, "larger than 20 MiB"),
        ("x.zip", zipped({f"{i}.txt": b"" for i in range(300)}), "more than 200 files"),
        ("x.zip", zipped({"inner.zip": zipped({"sgd_step.ipynb": PAPER})}), "not opened"),
        ("x.tar.gz", b"\x1f\x8b no gzip", "damaged archive"),
        ("x.tar.gz", tarred({"sgd_step.ipynb": PAPER})[:-30], "damaged archive"),
        ("x.tar", entered(tarfile.SYMTYPE), "has a link in it"),
        ("x.tar", entered(tarfile.LNKTYPE), "has a link in it"),
        ("x.tar", entered(tarfile.FIFOTYPE), "links are not followed|link in it"),
        ("x.tar", entered(tarfile.CHRTYPE), "links are not followed|link in it"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_not_read_is_flagged_by_its_name(root, monkeypatch, name, make, told):
    monkeypatch.chdir(root)
    (root / "ada").mkdir()
    path = root / "ada" / name
    path.write_bytes(make) if isinstance(make, bytes) else make(path)
    ada = taken(root)["ada"]
    assert ada.notebooks == []
    assert len(ada.flags + ada.notes) >= 1
    assert re.search(told, " ".join(ada.flags)), ada
    assert name in " ".join(ada.flags + ada.notes)


def test_what_cannot_be_opened_is_flagged(root):
    path = store(root / "ada/sgd_step.ipynb", answered("sgd_step"))
    path.chmod(0)
    opened = os.geteuid() == 0  # root opens everything
    assert taken(root)["ada"].flags == (
        [] if opened else ["ada/sgd_step.ipynb cannot be read: Permission denied."]
    )


def test_what_stands_beside_costs_nothing(root):
    store(root / "ada/sgd_step.ipynb", answered("sgd_step"))
    (root / "ada/essay.txt").write_text("On descent")
    (root / "ada/.DS_Store").write_bytes(b"litter")
    (root / ".DS_Store").write_bytes(b"litter")
    ada = taken(root)["ada"]
    assert (len(taken(root)), ada.flags) == (1, [])
    assert ada.notes == ["ada/essay.txt is no notebook, and was left alone."]


def test_nothing_that_is_read_is_executed(root):
    """Neither Python nor magics nor what the metadata name."""
    sign = root.parent / "was-here"
    bad = f"open({str(sign)!r}, 'w')"
    made = answered("sgd_step", f"%run x\n!touch {sign}\n{bad}")
    made.metadata.kernelspec = {"name": "python3", "argv": ["touch", str(sign)]}
    store(root / "ada/sgd_step.ipynb", made)
    (root / "ada/sitecustomize.py").write_text(bad)
    (root / "ada/conftest.py").write_text(bad)
    taken(root)
    assert not sign.exists()


def test_files_called_after_exercises_are_the_folders_own(root):
    for name in ("sgd_step", "sgdm_step"):
        store(root / f"{name}.ipynb", answered(name))
    (own,) = collect(root, SETTINGS)
    assert own.student == "in"
    assert [each.answers for each in own.notebooks] == [("sgd_step",), ("sgdm_step",)]


def test_only_the_folder_of_the_assignment_is_looked_at(root):
    store(root / "ada/week1/sgd_step.ipynb", answered("sgd_step"))
    store(root / "ada/week2/sgdm_step.ipynb", answered("sgdm_step"))
    assert [each.answers for each in taken(root, assignment="week1")["ada"].notebooks] == [
        ("sgd_step",)
    ]
    assert len(taken(root, assignment="week3")["ada"].notebooks) == 2


def test_of_several_the_one_with_an_answer_counts(root):
    store(root / "ada/sgd_step.ipynb", notebook(load("sgd_step")))
    store(root / "ada/my answer.ipynb", answered("sgd_step"))
    chosen = taken(root)["ada"].answer("sgd_step")
    assert chosen and chosen.path == "ada/my answer.ipynb"
    store(root / "ada/sgd_step.ipynb", answered("sgd_step"))
    chosen = taken(root)["ada"].answer("sgd_step")
    assert chosen and chosen.path == "ada/sgd_step.ipynb"
    assert taken(root)["ada"].answer("adam_step") is None


@given(st.text(min_size=1, max_size=90))
def test_an_id_is_safe(student):
    made = safe_id(student)
    assert re.fullmatch(r"[A-Za-z0-9_@][A-Za-z0-9_.@-]{0,80}", made)
    assert not made.startswith((".", "-"))
    assert made not in ("", ".", "..")
    assert safe_id(student) == made


@pytest.mark.parametrize("student", ["ada", "ada.lovelace", "s123456", "a_b-c", "a@b.org", "A"])
def test_a_plain_name_is_its_own_id(student):
    assert safe_id(student) == student


def test_different_students_have_different_ids(root):
    names = ["a b", "a_b", "a/b", "ä", "a", "A", "á", "", " ", "..", "-", "日本", "日木", "x" * 70]
    names += ["x" * 71, "a\nb", "a\x00b", "café", "cafe\u0301", "cafe", "CAFE", "İ", "ﬁ", "fi"]
    assert len({safe_id(name) for name in names}) == len(names)
    # On a disk that does not tell a from A the folders of reports would be one.
    for name in ("a", "A", "cafe", "CAFE", "Cafe"):
        store(root / name / "sgd_step.ipynb", answered("sgd_step"))
    assert len({each.id.lower() for each in collect(root, SETTINGS)}) == 5


# Rebuilding.

RELEASED = through_json(notebook(load("sgdm_step")))
LOCKED = {
    cell["metadata"]["nbgrader"]["grade_id"]: cell
    for cell in RELEASED["cells"]
    if cell["metadata"]["nbgrader"]["locked"]
}
GIVEN = [
    Cell(cell["cell_type"], cell["source"], cell["metadata"]["nbgrader"]["grade_id"])
    for cell in RELEASED["cells"]
]
ANSWER = "def sgdm_step(theta, m, g, lr, momentum):\n    return theta - lr * g, m"


def rebuild(cells: Any) -> tuple[list[dict[str, Any]], list[str]]:
    handed = Notebook("ada/sgdm_step.ipynb", tuple(cells), ("sgdm_step",), True)
    made, notes = rebuilt(RELEASED, handed, "sgdm_step")
    return made["cells"], notes


def grade_id(cell: dict[str, Any]) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def test_what_was_left_alone_stays_as_it_is():
    cells, notes = rebuild(GIVEN)
    assert notes == []
    assert cells == RELEASED["cells"]


def test_an_answer_and_extra_cells_keep_their_places():
    extra = [Cell("code", "a = 1"), Cell("markdown", "Note")]
    answer = replace(GIVEN[1], source=ANSWER)
    cells, notes = rebuild([GIVEN[0], extra[0], answer, extra[1], *GIVEN[2:]])
    assert notes == []
    kinds = [grade_id(cell).removeprefix("sgdm_step-") for cell in cells]
    assert kinds == ["statement", "", "answer", "", "check", "mark", "reading"]
    assert cells[2]["source"] == ANSWER
    assert cells[1]["source"] == "a = 1"
    assert "Note" in cells[3]["source"]


def test_metadata_of_the_students_own_is_left_out():
    """Only text is taken: no tags, no attachments, no outputs."""
    cells, _ = rebuild([*GIVEN, Cell("code", "a = 1"), Cell("code", "b", "someone-elses")])
    for cell in cells[-2:]:
        assert cell["metadata"] == {}
        assert cell["outputs"] == []
        assert cell.keys() == {
            *("cell_type", "id", "metadata", "source", "outputs", "execution_count")
        }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda cells: cells[:2],
            "lacked sgdm_step-check, sgdm_step-mark, sgdm_step-reading, which",
        ),
        (lambda cells: [cells[1]], "lacked sgdm_step-statement"),
        (lambda cells: [*cells, cells[3]], "had the cell sgdm_step-mark twice"),
        (lambda cells: [*cells[:4], replace(cells[4], source="mine")], "had another text"),
        (lambda cells: [*cells[:3], replace(cells[3], source="1 / 0"), cells[4]], "had another te"),
    ],
)
def test_every_repair_is_noted(change, told):
    _, notes = rebuild(change(GIVEN))
    assert any(told in note for note in notes)


def test_what_is_fenced_stays_fenced():
    text = "```\n<script>alert(1)</script>\n````` and `more`"
    cells, _ = rebuild([*GIVEN, Cell("markdown", text)])
    fence, *inside, last = cells[-1]["source"].splitlines()
    assert fence == last + "text"
    assert last == "`" * 6
    assert "\n".join(inside) == text


def test_a_released_cell_is_never_changed_by_what_was_handed_in():
    before = deepcopy(RELEASED)
    cells, _ = rebuild([replace(GIVEN[1], source=ANSWER), Cell("code", "a = 1"), *GIVEN])
    for cell in cells:
        cell["source"], cell["metadata"] = "overwritten", {}
    assert before == RELEASED


SOURCES = st.text(max_size=20) | st.sampled_from(
    [ANSWER, "", "```", *(cell["source"] for cell in RELEASED["cells"])]
)
CELLS = st.builds(
    Cell,
    st.sampled_from(["code", "markdown"]),
    SOURCES,
    st.sampled_from(["", "x", "sgdm_step-", "sgd_step-mark", "-answer", *LOCKED])
    | st.just("sgdm_step-answer"),
)


@given(st.lists(CELLS | st.sampled_from(GIVEN), max_size=12), st.randoms())
def test_locked_cells_are_there_once_and_no_answer_is_lost(cells, chance):
    """However cells are shuffled, doubled, deleted, changed and called."""
    chance.shuffle(cells)
    made, _ = rebuild(cells)
    count = Counter(map(grade_id, made))
    for name, locked in LOCKED.items():
        assert count[name] == 1
        (cell,) = (cell for cell in made if grade_id(cell) == name)
        assert cell["source"] == locked["source"]
        assert cell["metadata"] == locked["metadata"]
    given = [cell for cell in cells if cell.grade_id == "sgdm_step-answer"]
    assert bool(given) <= count["sgdm_step-answer"] <= 1
    assert count.keys() <= {*LOCKED, "sgdm_step-answer", ""}
    sources = "\0".join(cell["source"] for cell in made)
    for cell in cells:
        if cell.kind == "code" and not cell.grade_id.startswith("sgd_step"):
            assert cell.source.strip() in sources
    ids = [cell["id"] for cell in made]
    assert len(set(ids)) == len(ids)


# What is asked.


def test_inputs_follow_from_the_seed_the_exercise_and_what_was_handed_in_alone():
    """So nobody who has seen them can use them the next time."""

    def probes(seed: str, name: str, *cells: Cell) -> str:
        handed = Notebook("anywhere.ipynb", cells, (name,), True)
        return repr(Assignment("a", {}, seed, SETTINGS, True).probes(load(name), handed))

    first = probes("one", "sgdm_step", *GIVEN)
    assert first == probes("one", "sgdm_step", *GIVEN)
    assert first != probes("two", "sgdm_step", *GIVEN)
    assert first != probes("one", "sgdm_step", *GIVEN, Cell("code", "a = 1"))
    assert probes("one", "to_shifted")[:20] != probes("one", "from_shifted")[:20]


@pytest.mark.parametrize("count", [1, 5, 25, len(catalogue())])
def test_exercises_are_drawn_by_the_secret_from_all_rows(count):
    drawn = draw(count, "a secret")
    assert drawn == draw(count, "a secret")
    assert len(drawn) == len(set(drawn)) == count
    assert set(drawn) <= set(catalogue())
    rows = Counter(load(name).row for name in drawn)
    of_all = Counter(load(name).row for name in catalogue())
    assert len(rows) == min(count, len(of_all))
    # No row is taken a second time while another one could be taken a first time, and so on.
    for row in of_all:
        assert rows[row] >= min(of_all[row], max(rows.values()) - 1)


def test_another_secret_draws_others_and_each_is_as_likely():
    drawn = [draw(5, f"secret {number}") for number in range(300)]
    assert len({*drawn}) > 290
    count = Counter(name for each in drawn for name in each)
    assert {*count} == {*catalogue()}
    sizes = Counter(load(name).row for name in catalogue())
    for name in catalogue():  # a row is as likely as another, and in it an exercise
        due = 300 * 5 / len(sizes) / sizes[load(name).row]
        assert abs(count[name] - due) < 6 * due**0.5, name


@pytest.mark.parametrize("count", [0, -1, len(catalogue()) + 1])
def test_so_many_cannot_be_drawn(count):
    with pytest.raises(ValueError, match="cannot be drawn"):
        draw(count, "a secret")


@pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), -float("inf")])
def test_a_limit_is_a_number_above_zero(name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        Settings(**{name: value})


def test_limits_are_settled():
    with pytest.raises(FrozenInstanceError):
        SETTINGS.wall = 1  # type: ignore[misc]
    assert all(each.metadata["help"] for each in fields(Settings))


# What marks depend on.


@pytest.mark.parametrize("package", ["exercises", "optlib", "optlab"])
def test_marks_are_made_anew_when_what_decides_about_them_has_changed(
    monkeypatch, tmp_path, package
):
    """An exercise's reference may be a rule of optlib or the lab's own function."""
    packages = ("exercises", "optlib", "optlab")
    for name in packages:
        (tmp_path / name / "part").mkdir(parents=True)
        (tmp_path / name / "part/module.py").write_text("x = 1")
    monkeypatch.setattr(batch, "find_spec", lambda name: SimpleNamespace(
        submodule_search_locations=[str(tmp_path / name)]))  # fmt: skip
    before = batch._sources()
    assert before == batch._sources()
    (tmp_path / package / "part/module.py").write_text("x = 2")
    changed = batch._sources()
    assert changed != before
    (tmp_path / package / "part/notes.txt").write_text("no module")
    assert batch._sources() == changed


# The sandbox.

linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is of Linux")


def said(source: str, limits: Settings = SETTINGS) -> str:
    """What a cell prints in the sandbox."""
    run = sandbox.run([("run", textwrap.dedent(source))], {}, limits, safe=True)
    assert not run.stopped, run
    texts = [each["text"] for line in run.lines for each in line.get("outputs", ())]
    return "".join(texts).strip()


@pytest.fixture(scope="module")
def inside(bubblewrap: str) -> Any:
    """What one cell finds out about the sandbox it is in."""
    made = said(
        """
        import ctypes, importlib, json, os, resource, signal, socket, sys, threading, time

        def tried(attempt, *arguments, **named):
            try:
                return f"done: {attempt(*arguments, **named)!r:.200}"
            except BaseException as error:
                return f"{type(error).__name__}: {error}"[:200]

        def descriptors():
            found = []
            for number in range(256):
                try:
                    about = os.fstat(number)
                    found.append([about.st_mode, about.st_rdev])
                except OSError:
                    pass
            return found

        def written(folder):
            name = os.path.join(folder, "written")
            open(name, "w").close()
            os.remove(name)

        def folders(top="/", most=20_000):
            found = []
            for folder, inner, _ in os.walk(top):
                found.append(folder)
                if folder.startswith(("/packages", "/usr/lib", sys.base_prefix)):
                    inner.clear()
                if len(found) > most:
                    break
            return found

        with open("/tmp/own", "w") as file:
            file.write("x")
        everywhere = folders()
        thread = threading.Thread(target=lambda: found.update(thread="ran"))
        found = {
            "environment": dict(os.environ),
            "root": sorted(os.listdir("/")),
            "writable": [each for each in everywhere if tried(written, each).startswith("done")],
            "descriptors": descriptors(),
            "own": open("/tmp/own").read(),
            "ids": [os.getuid(), os.getgid(), os.getgroups()],
            "hostname": socket.gethostname(),
            "socket": tried(socket.socket),
            "unix": tried(socket.socket, socket.AF_UNIX),
            "fork": tried(os.fork),
            "spawn": tried(os.posix_spawn, sys.executable, [sys.executable, "-V"], {}),
            "system": tried(os.system, "true"),
            "chroot": tried(os.chroot, "/tmp"),
            "memfd": tried(os.memfd_create, "x"),
            "link": tried(os.symlink, "/", "/tmp/link"),
            "fifo": tried(os.mkfifo, "/tmp/fifo"),
            "raised": tried(resource.setrlimit, resource.RLIMIT_AS, (-1, -1)),
            "there": {
                path: os.path.exists(path)
                for path in ["/proc", "/proc/self", "/sys", "/etc/passwd", "/etc/hosts", "/home",
                             "/root", "/var", "/run", "/bin/sh", "/usr/bin/env", "/dev/shm",
                             "/dev/tty", "/dev/mem"] + PATHS
            },
            "modules": {
                name: tried(importlib.import_module, name)
                for name in ["optlib", "torch", "nbgrader", "exercises.checker", "distributed",
                             "exercises.exercise", "exercises.bank.momentum.sgd_step", "sklearn",
                             "pip"]
            },
            "packages": {
                name: tried(importlib.import_module, name)
                for name in ["numpy", "scipy.optimize", "scipy.stats", "sympy", "matplotlib.pyplot",
                             "pandas", "tqdm", "IPython", "exercises.inputs", "sqlite3", "ssl",
                             "multiprocessing", "asyncio", "ctypes", "lzma", "decimal"]
            },
            "memory": tried(bytearray, 3 * 2**30),
        }
        thread.start()
        thread.join()
        print(json.dumps(found))
        """.replace("PATHS", repr([str(sandbox.OWN), str(sandbox.OWN.parent), sys.prefix])),
        replace(SETTINGS, shown=1000),
    )
    return SimpleNamespace(**json.loads(made))


@linux
def test_there_is_one_folder_to_write_in(inside):
    assert inside.writable[0] == "/tmp"
    assert all(each.startswith("/tmp/") for each in inside.writable[1:])
    assert inside.own == "x"
    assert set(inside.root) <= {
        "dev",
        "etc",
        "grader",
        "lib",
        "lib64",
        "packages",
        "root",
        "tmp",
        "usr",
        "home",
        "opt",
        *Path(sys.base_prefix).parts,
    }


@linux
def test_nothing_of_the_machine_is_there(inside):
    base = {str(parent) for parent in [Path(sys.base_prefix), *Path(sys.base_prefix).parents]}
    assert {path for path, there in inside.there.items() if there} <= base
    assert inside.hostname == "sandbox"
    assert inside.ids[:2] == [65534, 65534]
    assert set(inside.environment) <= {
        *(*sandbox.ENVIRONMENT, "HOME", "MPLCONFIGDIR", "PWD"),
        *("MPLBACKEND", "LC_CTYPE", "COLUMNS", "LINES", "CLICOLOR", "PAGER", "GIT_PAGER"),
        *("TERM", "FORCE_COLOR", "CLICOLOR_FORCE", "PYDEVD_USE_FRAME_EVAL"),
    }
    assert not any(str(Path.home()) in value for value in inside.environment.values())


@linux
def test_no_open_file_leads_out(inside):
    """Some that lead nowhere, and the pipe; no folder, no file, no socket of the grader's."""
    kinds = Counter(stat.S_IFMT(mode) for mode, _ in inside.descriptors)
    assert kinds.keys() == {stat.S_IFCHR, stat.S_IFIFO}
    assert kinds[stat.S_IFIFO] == 1
    nowhere = Path(os.devnull).stat().st_rdev
    assert {device for _, device in inside.descriptors} <= {0, nowhere}


@linux
@pytest.mark.parametrize(
    "what",
    ["socket", "unix", "fork", "spawn", "system", "chroot", "memfd", "link", "fifo", "raised"],
)
def test_what_is_not_needed_is_refused(inside, what):
    answer = getattr(inside, what)
    refused = "done: 32512" if what == "system" else ("OSError", "PermissionError", "ValueError")
    assert answer.startswith(refused), answer


@linux
def test_what_has_the_answers_cannot_be_imported(inside):
    for name, answer in inside.modules.items():
        assert answer.startswith("ModuleNotFoundError"), (name, answer)


@linux
def test_what_an_answer_may_use_can_be_imported(inside):
    for name, answer in inside.packages.items():
        assert answer.startswith("done"), (name, answer)
    assert inside.thread == "ran"


@linux
def test_memory_is_bounded(inside):
    assert inside.memory.startswith("MemoryError")


REFUSED = {
    # x86-64's numbers
    "ptrace": 101, "mount": 165, "umount2": 166, "reboot": 169, "sethostname": 170,
    "init_module": 175, "kexec_load": 246, "unshare": 272, "setns": 308, "bpf": 321,
    "perf_event_open": 298, "io_uring_setup": 425, "userfaultfd": 323, "keyctl": 250,
    "add_key": 248, "process_vm_readv": 310, "process_vm_writev": 311, "socket": 41,
    "connect": 42, "bind": 49, "fork": 57, "vfork": 58, "clone3": 435, "memfd_create": 319,
    "shmget": 29, "mq_open": 240, "inotify_init": 253, "chroot": 161, "pivot_root": 155,
    "open_by_handle_at": 304, "name_to_handle_at": 303, "mknod": 133, "symlink": 88, "link": 86,
    "setuid": 105, "capset": 126, "personality": 135, "pidfd_open": 434, "pidfd_getfd": 438,
    "fsopen": 430, "seccomp": 317, "syslog": 103, "acct": 163, "swapon": 167, "execveat": 322,
    "mlock": 149, "landlock_create_ruleset": 444, "process_madvise": 440, "open_tree": 428,
}  # fmt: skip


@linux
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system calls have other numbers here")
def test_system_calls_that_nobody_needs_do_not_exist(bubblewrap):
    made = said(
        f"""
        import ctypes, errno, json
        call = ctypes.CDLL(None, use_errno=True).syscall
        found = {{}}
        for name, number in {REFUSED}.items():
            result = call(number, 0, 0, 0, 0, 0, 0)
            found[name] = [result, errno.errorcode.get(ctypes.get_errno())]
        # clone makes threads, and with any other flags nothing
        found["clone"] = [call(56, 17, 0, 0, 0, 0), errno.errorcode.get(ctypes.get_errno())]
        found["clone in a namespace"] = [
            call(56, 0x10000000 | 17, 0, 0, 0, 0), errno.errorcode.get(ctypes.get_errno())
        ]
        print(json.dumps(found))
        """
    )
    for name, (result, code) in json.loads(made).items():
        assert (result, code) == (-1, "ENOSYS"), name


@linux
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system calls have other numbers here")
def test_a_call_by_another_interface_ends_the_notebook(bubblewrap):
    """Its numbers mean other calls."""
    socket = "import ctypes\nctypes.CDLL(None).syscall(0x40000000 | 41, 2, 1, 0)"  # of x32
    run = sandbox.run([("run", socket)], {}, SETTINGS, safe=True)
    assert "ended before it was done" in run.stopped


@linux
def test_the_filter_names_what_is_allowed_and_nothing_twice():
    assert len(set(seccomp.ALLOWED)) == len(seccomp.ALLOWED)
    for name in ("socket", "connect", "fork", "vfork", "clone3", "ptrace", "mount", "unshare"):
        assert name not in seccomp.ALLOWED
    assert seccomp.program() == seccomp.program()
    assert len(seccomp.program()) % 8 == 0


@linux
def test_what_a_cell_prints_is_kept_apart(bubblewrap):
    source = "import sys\nprint('out')\nprint('care', file=sys.stderr)"
    run = sandbox.run([("run", source)], {}, SETTINGS, safe=True)
    assert run.lines[1]["outputs"] == [
        {"name": "stdout", "text": "out\n"},
        {"name": "stderr", "text": "care\n"},
    ]


@linux
@pytest.mark.parametrize(
    ("source", "limits", "told"),
    [
        ("while True: pass", {"cell": 3}, ""),
        # Without the cell's limit the notebook's would end both.
        ("import time\ntime.sleep(1000)", {"cell": 3}, ""),
        ("import numpy as np\nnp.ones(10**9)", {}, ""),
        ("open('/tmp/x', 'wb').write(bytes(20 * 2**20))", {}, ""),
        ("import sys\nsys.exit(3)", {}, ""),
        ("raise KeyboardInterrupt", {}, ""),
        ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass",
         {"wall": 2}, "took too long"),
        ("import signal\nsignal.signal(14, signal.SIG_IGN)\nwhile True: pass",
         {"cpu": 1}, "ended before it was done"),
        ("import os\nos._exit(0)", {}, "ended before it was done"),
        ("import os, signal\nos.kill(os.getpid(), 9)", {}, "ended before it was done"),
        ("import ctypes\nctypes.string_at(0)", {}, "ended before it was done"),
        ("import os\nfor n in range(3, 64):\n  try:\n    os.write(n, b'x' * 2**20 * 5)\n"
         "  except OSError: pass", {}, "sent back more than 4 MiB"),
        ("import os\nfor n in range(3, 64):\n  try: os.close(n)\n  except OSError: pass",
         {}, "ended before it was done"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, str) else None,
)  # fmt: skip
def test_a_limit_ends_what_goes_beyond_it(bubblewrap, source, limits, told):
    """A cell alone where that is enough, so that the next one runs; else the notebook."""
    steps = [("run", source), ("run", "print('went on')")]
    run = sandbox.run(steps, {}, Settings(**limits), safe=True)
    if told:
        assert told in run.stopped, run
    else:
        assert run.stopped == ""
        assert run.lines[2]["outputs"] == [{"name": "stdout", "text": "went on\n"}], run


@linux
def test_what_is_shown_is_bounded(bubblewrap):
    (text,) = (
        each["text"]
        for line in sandbox.run(
            [("run", "print('x' * 10**6)")], {}, replace(SETTINGS, shown=1), safe=True
        ).lines
        for each in line.get("outputs", ())
    )
    assert len(text) == 1024


@linux
def test_one_notebook_knows_nothing_of_another(bubblewrap):
    said("open('/tmp/left', 'w').write('behind')")
    assert said("import os\nprint(os.path.exists('/tmp/left'))") == "False"


@linux
def test_nothing_is_left_running(bubblewrap):
    """A thread that never ends goes with its sandbox."""
    source = """
    import threading, time
    threading.Thread(target=lambda: time.sleep(10**6)).start()
    """
    assert said(source) == ""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if children.exists():
        for pid in children.read_text().split():
            assert b"bwrap" not in Path(f"/proc/{pid}/cmdline").read_bytes()


@linux
def test_a_probe_accepts_this_sandbox(bubblewrap):
    sandbox.probe(SETTINGS)


# One submission.


def notebook_of(*sources: str) -> Notebook:
    """A notebook with these code cells in the answer's place."""
    given = tuple(Cell("code", source) for source in sources)
    return Notebook("sgdm_step.ipynb", (GIVEN[0], *given, *GIVEN[2:]), ("sgdm_step",), True)


def graded(cells: list[str], safe: bool = True, **limits: float) -> Outcome:
    """What comes of a notebook with these code cells."""
    asked = Assignment("a", {"sgdm_step": RELEASED}, "s", Settings(**limits), safe)
    return grade(asked, Submission("ada", "ada", [notebook_of(*cells)]))


RIGHT = load("sgdm_step").answer()


@linux
@pytest.mark.parametrize(
    ("cells", "kind", "told"),
    [
        ([RIGHT], "right", ""),
        ([RIGHT.replace("theta - m", "theta + m")], "mistake", "uphill"),
        (["def sgdm_step(*a): return a[0], a[1]"], "wrong", ""),
        (["def sgdm_step(theta): return theta"], "form", "it is called as"),
        (["def sgdm_step(theta, m, g, lr, momentum): return 1"], "form", "2 values are due"),
        (["def sgdm_step(theta, m, g, lr, momentum): return 1 / 0, m"], "error", "ZeroDivision"),
        (["def sgdm_step(theta, m, g, lr, momentum): pass"], "blank", "returned None"),
        (["import torch\n" + RIGHT], "error", "No module named 'torch'"),
        (["def sgdm_step(theta, m, g, lr, momentum):\n    import optlib"], "error", "optlib"),
        (["def sgdm_step(theta, m, g, lr, momentum)\n    return 1"], "error", "SyntaxError"),
        (["sgdm_step = 3"], "lost", "is no function"),
        (["a = 1"], "lost", "there is no function"),
        (["while True: pass", RIGHT], "right", ""),
        ([RIGHT, "import os\nos._exit(1)"], "right", ""),
        (["def sgdm_step(theta, m, g, lr, momentum):\n    while True: pass"], "stopped", "longer"),
        (["import os\nos._exit(1)\n" + RIGHT], "stopped", "ended before"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, list) else None,
)
def test_what_comes_of_a_notebook(bubblewrap, cells, kind, told):
    outcome = graded(cells, cell=3)
    verdict = outcome.verdicts["sgdm_step"]
    assert verdict.kind == kind, outcome
    assert told in f"{verdict.headline} {verdict.mistake}"
    assert outcome.points == (1 if kind == "right" else 0)
    made = outcome.notebooks["sgdm_step"]
    mark = next(cell for cell in made["cells"] if grade_id(cell) == "sgdm_step-mark")
    assert mark["outputs"][0]["data"]["text/plain"] == str(outcome.points)
    json.dumps(outcome.to_json())


@linux
def test_the_judge_is_the_checker(bubblewrap):
    """A student who checks at home is told the same of the same inputs."""
    exercise = load("sgdm_step")
    for mistake in exercise.mistakes[:3]:
        handed = notebook_of(mistaken(exercise, mistake))
        asked = Assignment("a", {"sgdm_step": RELEASED}, "s", SETTINGS, True)
        probes = asked.probes(exercise, handed)
        at_home = judge(exercise, probes, ask(exercise.question, mistake.function, probes))
        outcome = grade(asked, Submission("ada", "ada", [handed]))
        assert outcome.verdicts["sgdm_step"] == at_home


@linux
def test_what_is_asked_is_asked_again_when_the_first_answer_is_blank(bubblewrap):
    """The function may stand below the mark."""
    handed = Notebook("x.ipynb", (*GIVEN, Cell("code", RIGHT)), ("sgdm_step",), True)
    asked = Assignment("a", {"sgdm_step": RELEASED}, "s", SETTINGS, True)
    assert grade(asked, Submission("ada", "ada", [handed])).points == 1


def test_what_was_not_handed_in_is_missing():
    asked = Assignment("a", {"sgdm_step": RELEASED}, "s", SETTINGS, True)
    outcome = grade(asked, Submission("ada", "ada", flags=["f"], notes=["n"]))
    assert outcome.verdicts["sgdm_step"].kind == "missing"
    assert (outcome.flags, outcome.notes, outcome.points) == (("f",), ("n",), 0)
    assert outcome.notebooks == {}


@linux
def test_without_a_sandbox_limits_hold_all_the_same():
    assert graded([RIGHT], safe=False).points == 1
    stopped = graded(["while True: pass", RIGHT], safe=False, cell=3)
    assert stopped.points == 1
    assert graded(["import os\nos._exit(1)\n" + RIGHT], safe=False).points == 0


@linux
def test_an_answer_that_draws_numbers_gives_the_same_ones_each_time(bubblewrap):
    """So that the same batch has the same verdicts."""
    cell = (
        "import numpy as np, random\n"
        "def sgdm_step(theta, m, g, lr, momentum):\n"
        "    return theta + np.random.rand(), m + random.random()"
    )
    verdicts = [graded([cell]).verdicts["sgdm_step"] for _ in range(2)]
    assert verdicts[0] == verdicts[1]
    assert verdicts[0].kind == "wrong"


def test_python_that_is_needed_inside_is_found():
    """Packages lie side by side there, each where it is here."""
    there = sandbox._packages(sandbox.PACKAGES)
    assert {"numpy", "scipy", "sympy", "matplotlib", "pandas", "IPython", "tqdm"} <= there.keys()
    assert not {"torch", "optlib", "nbgrader", "exercises", "pip", "sklearn"} & there.keys()
    assert all(path.exists() for path in there.values())


def test_reading_the_grader_needs_no_nbgrader():
    """A student's installation has none."""
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; sys.modules['nbgrader'] = None\n"
            "import exercises.__main__, exercises.grading\n"
            "assert exercises.__main__.main(['list']) == 0",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
