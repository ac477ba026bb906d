"""The algorithm boxes, a file a family. Nothing else lives here."""

from optlib.rule import Rule
from optlib.rules.adam import adabound, adam, amsgrad, nadam, nadam_schedule, radam
from optlib.rules.adaptive import adagrad, rmsprop
from optlib.rules.decay import adamw, sgdw
from optlib.rules.momentum import nag, nag_lookahead, sgd, sgdm
from optlib.rules.swats import swats
from optlib.rules.wrappers import decoupled, l2, lookahead

RULES: dict[str, Rule] = {
    r.name: r
    for r in (
        sgd, sgdm, nag_lookahead, nag, adagrad, rmsprop, adam, swats, amsgrad, adabound, radam,
        nadam, nadam_schedule, sgdw, adamw,
    )
}  # fmt: skip
"""Every rule of the book by name, parents before children."""

__all__ = [
    "RULES",
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
    "radam",
    "rmsprop",
    "sgd",
    "sgdm",
    "sgdw",
    "swats",
]
