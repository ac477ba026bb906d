"""The small tasks that the tests of the lab go through."""

from dataclasses import replace

from optlab.tasks import Classification, digits_mlp


def few(large: bool = False) -> Classification:
    """128 digits, all of them in every batch: nothing is random but the start."""
    inputs, targets = digits_mlp().train
    return replace(digits_mlp(), name="few", train=(inputs[:128], targets[:128]), batch=128)
