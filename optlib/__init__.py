"""optlib: each optimizer of the book, written once.

    >>> from optlib import adam
    >>> adam.path(lambda theta: theta, start=[1.0], steps=2, lr=0.5).round(4).tolist()
    [[1.0], [0.5], [0.1158]]

A rule is the algorithm box of its paper (`optlib.rules`); everything else it can do is derived
from that box (`optlib.faces`). This module needs NumPy alone; SymPy and PyTorch are imported by
the faces that use them.
"""

from typing import TYPE_CHECKING

from optlib import rules as rules
from optlib.problems import Problem as Problem
from optlib.problems import problem as problem
from optlib.rule import Rule as Rule
from optlib.rule import rule as rule
from optlib.rules import *  # noqa: F403

__version__ = "0.1.0"

if not TYPE_CHECKING:  # mypy reads a list that is written out only, and without one takes all
    __all__ = ["Problem", "Rule", "problem", "rule", *rules.__all__]
