"""The family tree holds every optimizer once, and its changes are real ones."""

import pytest

from optlib import RULES, rules
from optlib.family import FAMILY, children, lineage
from optlib.wrapper import Wrapper


def test_every_rule_and_every_wrapper_is_in_the_family():
    wrappers = {name for name in rules.__all__ if isinstance(getattr(rules, name), Wrapper)}
    assert set(FAMILY) == set(RULES) | wrappers
    assert {name for name, member in FAMILY.items() if not member.parents} == {"sgd"} | wrappers


def test_parents_come_before_their_children():
    seen = set()
    for name, member in FAMILY.items():
        assert set(member.parents) <= set(FAMILY)
        assert set(member.parents) & set(RULES) <= seen
        seen.add(name)


@pytest.mark.parametrize("name", [n for n, member in FAMILY.items() if member.parents])
def test_a_child_keeps_something_of_its_parent_and_changes_something(name):
    kinds = [row.kind for row in RULES[name].box(RULES[FAMILY[name].parents[0]]).rows()]
    assert "" in kinds
    assert {"new", "changed"} & set(kinds)


def test_lines_of_descent():
    assert [member.title for member in lineage("adam")] == ["SGD", "Adagrad", "RMSProp", "Adam"]
    assert [member.name for member in children("sgdm")] == ["nag_lookahead", "nag", "sgdw"]
    with pytest.raises(KeyError, match="'adm' is not in the family; there are sgd,"):
        lineage("adm")
