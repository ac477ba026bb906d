"""What makes any task harder: fewer examples, and wrong labels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from optlab.tasks.task import Classification, Part


def harder(
    make: Callable[..., Classification],
    seed: int,
    large: bool = False,
    *,
    examples: int | None = None,
    wrong: float = 0.0,
) -> Classification:
    """The task of a seed with fewer training examples, some of whose labels are wrong.

    Validation and test stay as they are.

    Parameters
    ----------
    make : callable
        Gives the task of a seed; with `large=True` the one for a GPU.
    seed : int
        The seed, also of which labels are wrong.
    large : bool
        What `make` is told.
    examples : int, optional
        How many training examples are left, the first ones; default all.
    wrong : float
        Share of the training labels that are wrong, each another class by chance.

    Raises
    ------
    ValueError
        More examples than there are, or a share outside [0, 1].
    """
    task = make(seed, large=large)
    return replace(task, train=_harder(task.train, examples, wrong, seed))


def _harder(part: Part, examples: int | None, wrong: float, seed: int) -> Part:
    inputs, targets = (each[:examples] for each in part)
    if examples is not None and len(targets) != examples:
        raise ValueError(f"examples = {examples}, but there are only {len(part[1])}")
    if not 0 <= wrong <= 1:
        raise ValueError(f"wrong = {wrong}, but a share must be in [0, 1]")
    rng = np.random.default_rng([seed, 4])
    rows = rng.permutation(len(targets))[: round(wrong * len(targets))]
    classes = int(part[1].max()) + 1
    moved = targets.clone()
    moved[rows] += torch.from_numpy(rng.integers(1, classes, len(rows)))
    return inputs, moved % classes
