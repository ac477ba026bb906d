"""The family tree holds every optimizer once, and its changes are real ones."""

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx.errors import ExtensionError

import optlib
from optlib import RULES, rules
from optlib.family import FAMILY, children, lineage
from optlib.formula import Formula
from optlib.wrapper import Wrapper

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The extension that draws the tree."""
    monkeypatch.syspath_prepend(ROOT / "_ext")
    import family_tree

    yield family_tree
    del sys.modules["family_tree"]


def test_every_rule_and_every_wrapper_is_in_the_family():
    wrappers = [n for n, w in vars(rules.wrappers).items() if isinstance(w, Wrapper)]
    assert list(FAMILY) == [*RULES, *wrappers]
    assert {name for name, member in FAMILY.items() if not member.parents} == {"sgd", *wrappers}


def test_a_rule_of_the_book_has_a_title():
    """Not those of libraries and papers, nor what is left of Adam without some of its terms."""
    for path in (ROOT / "optlib" / "rules").glob("[!_]*.py"):
        module = import_module(f"optlib.rules.{path.stem}")
        made = [f for f in vars(module).values() if isinstance(f, Formula) and f.name not in FAMILY]
        assert not made or path.stem in ("variants", "terms")
    assert not hasattr(optlib, "sqrt")
    assert {*optlib.__all__} >= {*FAMILY}


def test_parents_come_before_their_children():
    seen = set()
    for name, member in FAMILY.items():
        parents = {parent.name for parent in member.parents}
        assert all(FAMILY[parent.name] is parent for parent in member.parents)
        assert parents & set(RULES) <= seen
        seen.add(name)


@pytest.mark.parametrize("name", [n for n, member in FAMILY.items() if member.parents])
def test_a_child_keeps_something_of_its_parent_and_changes_something(name):
    kinds = [row.kind for row in RULES[name].box(FAMILY[name].parents[0]).rows()]
    assert "" in kinds
    assert {"new", "changed"} & set(kinds)


def test_lines_of_descent():
    assert [member.title for member in lineage("adam")] == ["SGD", "Adagrad", "RMSProp", "Adam"]
    below = [member.name for member in children("sgdm")]
    assert [n for n in below if n in ("nag_lookahead", "nag", "sgdw", "adam")] == [
        "nag_lookahead", "nag", "sgdw",
    ]  # fmt: skip
    with pytest.raises(KeyError, match="'adm' is not in the family; there are sgd,"):
        lineage("adm")


PLACE = re.compile(r"```\{div\} family-tree ([\w ]+)\n(.*?)\n```", re.DOTALL)


def test_chapters_name_the_parents_where_the_tree_cannot_be_made():
    found = {}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for names, told in PLACE.findall("".join(cell["source"])):
                found |= dict.fromkeys(names.split(), told)
    assert set(found) >= {"sgd", "sgdm", "nag_lookahead", "nag", "adagrad", "rmsprop", "adam"}
    for name, told in found.items():
        for parent in FAMILY[name].parents:
            told_with = found.get(parent.name) == told
            assert parent.title in told or told_with


def test_a_tree_for_a_name_that_is_not_there_stops_the_build(tree: SimpleNamespace) -> None:
    doctree = new_document("")
    doctree += nodes.container(classes=["family-tree", "is-div", "adam", "adm"])
    with pytest.raises(ExtensionError, match="a/page: 'adm' is not in the family; there are sgd"):
        tree.grow(SimpleNamespace(env=SimpleNamespace(docname="a/page")), doctree)


def test_the_tree_of_a_wrapper_is_the_wrapper(tree: SimpleNamespace) -> None:
    [told, entries] = tree.Tree("a/page", ["lookahead"]).build()
    assert told.astext() == "Around any of them:"
    assert entries.astext().startswith("Lookahead: k steps forward")
    assert len(entries) == 1
