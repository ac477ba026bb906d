"""The algorithm boxes, a file a family. Nothing else lives here."""

from optlib.rule import Rule
from optlib.rules.adam import adam
from optlib.rules.momentum import nag, nag_lookahead, sgd, sgdm

RULES: dict[str, Rule] = {r.name: r for r in (sgd, sgdm, nag_lookahead, nag, adam)}
"""Every rule of the book by name, parents before children."""

__all__ = ["RULES", "adam", "nag", "nag_lookahead", "sgd", "sgdm"]
