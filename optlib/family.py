"""The family tree: each optimizer as a change to its parent, in words.

A member is a rule that has a `title`, its `parents` and its `change`, or a wrapper, which goes
around any optimizer. `rule.box(parent)` shows the same change in code and equations.
"""

from optlib.formula import Formula
from optlib.rules import RULES, WRAPPERS

FAMILY: dict[str, Formula] = {**RULES, **WRAPPERS}
"""All members by name, parents before children but for the wrappers, which are last."""


def children(name: str) -> list[Formula]:
    """Those whose nearest parent it is."""
    return [member for member in FAMILY.values() if [p.name for p in member.parents[:1]] == [name]]


def lineage(name: str) -> list[Formula]:
    """It and its nearest ancestors, the oldest first.

    Raises KeyError for a name that is not in the family; the message lists those that are.
    """
    if name not in FAMILY:
        raise KeyError(f"{name!r} is not in the family; there are {', '.join(FAMILY)}")
    member = FAMILY[name]
    return [*(lineage(member.parents[0].name) if member.parents else []), member]
