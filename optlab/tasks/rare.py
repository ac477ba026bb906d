"""Features that most mini-batches say nothing about, as the rare words of a text are."""

from functools import cache

import numpy as np
import torch

from optlab.tasks.networks import Linear
from optlab.tasks.task import Classification, Part


@cache
def rare_features(large: bool = False) -> Classification:
    """Synthetic bags of words, of which only the rare words tell the class: batches of 16.

    3000 examples, counts of 200 words: word j occurs 10 / j times on average, Poisson distributed,
    after Zipf's law. The 20 most frequent words tell nothing. Of the others the odd ones speak for
    class 0 and the even ones for class 1, and an example is of the class that more of its words
    speak for; where as many do for either, it is drawn. The frequent words allow small rates only,
    while the rare ones, which seldom have a gradient, want large ones (Duchi et al. 2011, section
    1). Logistic regression; 60, 20 and 20 percent are train, validation and test.

    `large`: 6000 examples and 1000 words.
    """
    examples, words = (6000, 1000) if large else (3000, 200)
    rng = np.random.default_rng(0)
    counts = rng.poisson(10 / np.arange(1, words + 1), size=(examples, words))
    speaks = np.tile([-1, 1], words // 2)
    speaks[:20] = 0
    more = counts @ speaks
    classes = np.where(more == 0, rng.integers(2, size=examples), more > 0)
    first, second = examples * 6 // 10, examples * 8 // 10

    def part(rows: slice) -> Part:
        return torch.from_numpy(counts[rows]).double(), torch.from_numpy(classes[rows]).long()

    return Classification(
        "rare_features-large" if large else "rare_features",
        Linear(words, 2),
        part(slice(first)),
        part(slice(first, second)),
        part(slice(second, None)),
        batch=16,
        shuffle=False,
    )
