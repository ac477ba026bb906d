# ruff: noqa: F403, I001
"""The algorithm boxes, a file a family. Nothing else lives here.

What has a title there is a member of the family, and can be imported from here and from `optlib`.
A new file of rules is named here, after those of its parents.
"""

from typing import TYPE_CHECKING

from optlib.rules.momentum import *
from optlib.rules.adaptive import *
from optlib.rules.adam import *
from optlib.rules.wrappers import *
from optlib.rules.decay import *

from optlib.rule import Rule
from optlib.wrapper import Wrapper

RULES: dict[str, Rule] = {
    r.name: r for r in list(vars().values()) if isinstance(r, Rule) and r.title
}
"""Every rule of the book by name, parents before children."""

WRAPPERS: dict[str, Wrapper] = {
    w.name: w for w in list(vars().values()) if isinstance(w, Wrapper) and w.title
}
"""Every wrapper of the book by name."""

if not TYPE_CHECKING:  # mypy reads a list that is written out only, and without one takes all
    __all__ = ["RULES", "WRAPPERS", *RULES, *WRAPPERS]
