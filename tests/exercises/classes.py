"""Classes of students for the tests of the class grader: who hands in what, and the command.

A known mistake is handed in as a student would write it, with what it needs of its module. Where
it needs optlib, which is not in the sandbox, the student brings it along.
"""

import ast
import base64
import csv
import functools
import importlib
import inspect
import io
import json
import multiprocessing
import os
import subprocess
import symtable
import sys
import tempfile
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from exercises import Exercise, load
from exercises.__main__ import main
from exercises.exercise import Mistake
from exercises.notebook import notebook
from exercises.step import Stepper
from tests.system import PATIENCE

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {"math", "numpy", "sympy", "scipy", "typing"}
"""The packages that mistakes use and that are there in the sandbox."""

OPTLIB = ROOT / "optlib"

NEEDED = """
from functools import partial
from types import SimpleNamespace
def defined(text):
    scope = {"every": lambda k, t: t % k == 0}
    exec("import numpy as np\\nfrom numpy import *\\n" + text, scope)
    return scope["step"]
""".strip()
"""What the text of a mistake may call; a rule's text calls `every`, and functions that
NumPy has, too."""


# What a student writes.


def answered(name: str, answer: str | None = None) -> Any:
    """The notebook of an exercise with an answer in its place; without one, with the solution."""
    made = notebook(load(name), solved=answer is None)
    if answer is not None:
        made.cells[1].source = answer
    return made


def store(path: Path, content: Any) -> Path:
    """Write a notebook, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def hand_in(folder: Path, student: str, answers: dict[str, str | None]) -> None:
    """A student's folder with a notebook for each answer; None is the solution."""
    for name, answer in answers.items():
        store(folder / student / f"{name}.ipynb", answered(name, answer))


def uphill(name: str = "sgd_step") -> str:
    """A known mistake of `sgd_step` or `sgdm_step`, which is called uphill in both."""
    exercise = load(name)
    return mistaken(exercise, next(m for m in exercise.mistakes if m.name == "uphill"))


def mistaken(exercise: Exercise, mistake: Mistake) -> str:
    """The text of an answer that makes a mistake."""
    modules: dict[str, set[str]] = {}
    called = _expression(mistake.function, modules)
    arguments = ", ".join(exercise.arguments)
    parts = [f"def {exercise.id}({arguments}):\n    return {called}({arguments})"]
    while modules:
        parts.insert(0, _parts(next(iter(modules)), modules))
    parts.insert(0, f"{NEEDED}\n{exercise.imports}")
    if any("from optlib" in part for part in parts):
        parts.insert(0, _brought())
    return "\n\n\n".join(parts)


@functools.cache
def _brought() -> str:
    """What brings the rules of optlib along: they need NumPy alone."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [*OPTLIB.glob("*.py"), *OPTLIB.glob("rules/*.py")]:
            archive.write(path, path.relative_to(ROOT))
    return textwrap.dedent(f"""
        import base64, sys
        with open("/tmp/optlib.zip", "wb") as file:
            file.write(base64.b85decode({base64.b85encode(made.getvalue()).decode()!r}))
        sys.path.insert(0, "/tmp/optlib.zip")
    """).strip()


# The command.


@dataclass(frozen=True)
class Report:
    """What the command has written into a folder, and what it said."""

    folder: Path
    out: str = ""
    err: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """What is in report.json."""
        read: dict[str, Any] = json.loads((self.folder / "report.json").read_text("utf-8"))
        return read

    @property
    def marks(self) -> list[dict[str, str]]:
        """The rows of marks.csv."""
        return self.table("marks.csv")

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of a table in the folder."""
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as file:
            return [*csv.DictReader(file)]

    @property
    def students(self) -> dict[str, dict[str, Any]]:
        """The submissions by their students."""
        return {each["student"]: each for each in self.content["submissions"]}

    def kinds(self, student: str) -> dict[str, str]:
        """The kind of each of a student's verdicts."""
        verdicts = self.students[student]["verdicts"]
        return {name: verdict["kind"] for name, verdict in verdicts.items()}

    def same(self) -> dict[str, Any]:
        """What must be the same when a class is graded again: all but the time that it took."""
        content = self.content
        for each in content["submissions"]:
            del each["seconds"]
        return content


def command(*arguments: Any) -> list[str]:
    """`python -m exercises …`."""
    return [sys.executable, "-m", "exercises", *map(str, arguments)]


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.exercises.preloaded"])


def run(*arguments: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in a process of its own.

    It is forked from one that has loaded the grader and nbgrader, which takes seconds.
    """
    texts = [str(each) for each in arguments]
    with tempfile.TemporaryDirectory() as name:
        out, err = Path(name, "out"), Path(name, "err")
        settings = os.environ | {"OPTLIB_PROGRESS": ""} | environment
        process = FORKS.Process(target=_run, args=(texts, settings, out, err))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(command(*arguments), PATIENCE)
        return subprocess.CompletedProcess(
            command(*arguments), process.exitcode, out.read_text("utf-8"), err.read_text("utf-8")
        )


def _run(arguments: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    """What `python -m exercises` does, with its streams in files."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, file in enumerate((nowhere, os.open(out, flags), os.open(err, flags))):
        os.dup2(file, number)
    sys.stdin = open(0)  # noqa: SIM115
    sys.exit(main(arguments))


def grade(submissions: Path, out: Path, *arguments: Any) -> Report:
    """Grade a class, which must go well."""
    done = run("grade", submissions, "--out", out, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return Report(out, done.stdout, done.stderr)


# The text of a mistake's function, with all that it calls. What it needs of one module stands in
# one function, so that names of different modules, and the student's own, are kept apart.


def _expression(value: Any, modules: dict[str, set[str]]) -> str:
    """What gives a value in the student's notebook; what it needs of modules is added to these."""
    if isinstance(value, functools.partial):
        parts = [_expression(each, modules) for each in (value.func, *value.args)]
        return f"partial({', '.join(parts)})"
    if isinstance(value, Stepper):
        return f"defined({_student(value)!r})"
    if isinstance(value, Mistake):
        texts = {name: repr(getattr(value, name)) for name in ("name", "what", "hint")}
        texts["function"] = _expression(value.function, modules)
        return f"SimpleNamespace({', '.join(f'{name}={text}' for name, text in texts.items())})"
    assert isinstance(value, FunctionType), value
    maker, _, inner = value.__qualname__.partition(".<locals>.")
    made = f"{_called(value.__module__)}().{maker}"
    modules.setdefault(value.__module__, set()).add(maker)
    if inner:  # it is made anew
        made += "(" + ", ".join(
            f"{name}={_expression(cell.cell_contents, modules)}"
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        )
        made += ")"
    return made


def _student(stepper: Stepper) -> str:
    """A step of a rule as a student writes it."""
    *lines, (_, move) = stepper.rule.lines()
    returned = ", ".join([f"theta + ({ast.unparse(move)})", *stepper.rule.slots])
    texts = ["t = np.float64(t)"] if "t" in stepper.arguments else []  # as a rule has it
    texts += [*(f"{name} = {ast.unparse(line)}" for name, line in lines), f"return {returned}"]
    arguments = ", ".join(["theta", *stepper.arguments[1:]])
    return f"def step({arguments}):\n    " + "\n    ".join(texts)


def _called(module: str) -> str:
    """The function in the student's notebook that stands for a module."""
    return f"parts_of_{module.rpartition('.')[2]}"


def _parts(name: str, modules: dict[str, set[str]]) -> str:
    """The function that stands for a module, which is taken out of `modules`."""
    module, wanted = importlib.import_module(name), sorted(modules.pop(name))
    tree = ast.parse(inspect.getsource(module))
    for statement in tree.body:  # students write neither decorators nor docstrings
        if isinstance(statement, ast.FunctionDef):
            statement.decorator_list = []
            if ast.get_docstring(statement):
                del statement.body[0]
    statements = {each: statement for statement in tree.body for each in _defined(statement)}
    needed, todo = set(), [*wanted]
    while todo:
        statement = statements.get(todo.pop())  # what is not among them is Python's own
        if statement is not None and statement not in needed:
            needed.add(statement)
            todo += _globals(symtable.symtable(ast.unparse(statement), name, "exec"))
            for node in ast.walk(statement):
                match node:
                    case ast.Attribute(ast.Name(other), attribute) if _exercise(module, other):
                        modules.setdefault(vars(module)[other].__name__, set()).add(attribute)
    texts = [_text(each, module, modules) for each in tree.body if each in needed]
    returned = f"return SimpleNamespace({', '.join(f'{each}={each}' for each in wanted)})"
    return f"def {_called(name)}():\n" + textwrap.indent("\n".join([*texts, returned]), "    ")


def _defined(statement: ast.stmt) -> list[str]:
    """The names that a statement of a module gives a meaning."""
    match statement:
        case ast.FunctionDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [each.asname or each.name.partition(".")[0] for each in names]
        case ast.Assign(targets=targets):
            nodes = [node for target in targets for node in ast.walk(target)]
            return [node.id for node in nodes if isinstance(node, ast.Name)]
    return []


def _globals(table: symtable.SymbolTable) -> list[str]:
    """The names that a statement needs of its module."""
    own = [each.get_name() for each in table.get_symbols() if each.is_global()]
    return own + [name for child in table.get_children() for name in _globals(child)]


def _exercise(module: ModuleType, name: str) -> bool:
    """Whether a name in a module is that of another exercise's module."""
    value = vars(module).get(name)
    return isinstance(value, ModuleType) and value.__name__.startswith("exercises.")


def _text(statement: ast.stmt, module: ModuleType, modules: dict[str, set[str]]) -> str:
    """A statement as a student has it."""
    match statement:
        case ast.ImportFrom(names=[ast.alias(asname=str(own))]) if _exercise(module, own):
            return f"{own} = {_called(vars(module)[own].__name__)}()"
        case ast.ImportFrom(module=str(name)) if name.startswith("optlab."):
            # This part of optlib needs more than there is: it is treated as an exercise's module.
            modules.setdefault(name, set()).update(own := _defined(statement))
            return "\n".join(f"{each} = {_called(name)}().{each}" for each in own)
        case ast.Import(names=[ast.alias(str(name))]) | ast.ImportFrom(module=str(name)):
            assert name.partition(".")[0] in PACKAGES | {"optlib"}, (
                f"{module.__name__} needs {name}"
            )
    return ast.unparse(statement)
