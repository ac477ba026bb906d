"""optlib: each optimizer of the book, written once.

    >>> from optlib import adam
    >>> adam.path(lambda theta: theta, start=[1.0], steps=2, lr=0.5).round(4).tolist()
    [[1.0], [0.5], [0.1158]]

A rule is the algorithm box of its paper (`optlib.rules`); everything else it can do is derived
from that box (`optlib.faces`). This module needs NumPy alone; SymPy and PyTorch are imported by
the faces that use them.
"""

from optlib.problems import Problem, problem
from optlib.rule import Rule, rule
from optlib.rules import (
    RULES,
    adabound,
    adagrad,
    adam,
    adamw,
    amsgrad,
    decoupled,
    l2,
    lookahead,
    nadam,
    nadam_schedule,
    nag,
    nag_lookahead,
    radam,
    rmsprop,
    sgd,
    sgdm,
    sgdw,
    swats,
)

__version__ = "0.1.0"

__all__ = [
    "RULES",
    "Problem",
    "Rule",
    "adabound",
    "adagrad",
    "adam",
    "adamw",
    "amsgrad",
    "decoupled",
    "l2",
    "lookahead",
    "nadam",
    "nadam_schedule",
    "nag",
    "nag_lookahead",
    "problem",
    "radam",
    "rmsprop",
    "rule",
    "sgd",
    "sgdm",
    "sgdw",
    "swats",
]
