"""The small tasks that the tests of the lab go through."""

from dataclasses import replace

from optlab.card import Verdict
from optlab.tasks import Classification, digits_mlp

DECIDED = [verdict for verdict in Verdict if verdict is not Verdict.NOT_TESTED]
"""What a study can decide."""


def few(large: bool = False) -> Classification:
    """128 digits, all of them in every batch: nothing is random but the start."""
    inputs, targets = digits_mlp().train
    return replace(digits_mlp(), name="few", train=(inputs[:128], targets[:128]), batch=128)
