"""Imports run down: rules, then what is made of them, then live figures and lab, then the book.

Every import counts, also one within a function or for the type checker alone.
"""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = ("optlib", "optlive", "optlab", "exercises")
MAY_KNOW = {
    "optlib": {"optlib"},
    "optlive": {"optlive", "optlib"},
    "optlab": {"optlab", "optlib"},
}
OTHERS = ("_ext", "tools", "benchmarks")

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in (*PACKAGES, *OTHERS)
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def imports(name: str) -> Iterator[tuple[str, str]]:
    """The modules that a module imports, each with the name taken from it, if one is."""
    path = MODULES[name]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = name.split(".")[: -node.level or None] if node.level else []
            if node.level and path.name == "__init__.py":
                parts = name.split(".")[: len(name.split(".")) - node.level + 1]
            module = ".".join([*parts, *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield (whole, "") if whole in MODULES else (module, alias.name)


def test_all_packages_are_here() -> None:
    assert len(MODULES) > 150
    assert set(PACKAGES) <= set(MODULES)
    assert ("optlib.faces.path", "path") in imports("optlib.rule")  # one within a function


@pytest.mark.parametrize("package", MAY_KNOW)
def test_a_package_knows_those_below_it_alone(package: str) -> None:
    names = [n for n in MODULES if n.partition(".")[0] == package]
    known = {module.partition(".")[0] for n in names for module, _ in imports(n)}
    assert known & {*PACKAGES, *OTHERS, "tests"} <= MAY_KNOW[package]


def test_no_module_of_optlib_needs_itself() -> None:
    """Not even the faces, which a rule imports when it is first asked for one."""
    graph = {
        n: {module for module, _ in imports(n)} & set(MODULES)
        for n in MODULES
        if n.partition(".")[0] == "optlib"
    }
    order = [*TopologicalSorter(graph).static_order()]  # raises CycleError with the circle
    assert order.index("optlib.formula") < order.index("optlib.faces.equations")
    assert order.index("optlib.faces.equations") < order.index("optlib.rule")


def test_private_names_stay_in_their_modules() -> None:
    taken = {
        (n, module, name)
        for n in MODULES
        for module, name in imports(n)
        if name.startswith("_") and not name.startswith("__") and module in MODULES
    }
    assert not taken
