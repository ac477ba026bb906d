"""Text, character after character: Shakespeare, and the reference manual that Python carries."""

import lzma
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from pydoc_data.topics import topics as manual

import numpy as np
import torch

from optlab.tasks.networks import Transformer
from optlab.tasks.task import Classification, Network, Part, spread

SYMBOLS = "\n" + "".join(map(chr, range(32, 127)))
"""Characters with a number of their own; all others share the next one. The same for every text."""


BLOCK = 2000
"""Characters of a piece of the plays, which lies in one part whole."""

PLAYS = "48d8c9117620f2c4bac54de52aee25ba507a0bb70020010ae38cbd9af45f041b"
"""What the plays are: a digest of their text. Results are bound to it."""


@cache
def _plays() -> str:
    """All of the text that lies beside this module."""
    packed = Path(__file__).with_name("plays.txt.xz").read_bytes()
    try:
        text = lzma.decompress(packed)
    except lzma.LZMAError:
        text = b""
    if sha256(text).hexdigest() != PLAYS:
        raise ValueError("plays.txt.xz has been changed: install optlab again")
    return text.decode("ascii")


def plays(seed: int) -> tuple[str, str, str]:
    """Six plays of Shakespeare, drawn anew for each seed: train, validation and test.

    Hamlet, Macbeth, A Midsummer Night's Dream, Othello, Romeo and Juliet, and The Tempest. They
    are cut into pieces of `BLOCK` characters, of which 80, 10 and 10 percent are drawn.
    """
    text = _plays()
    pieces = [text[first : first + BLOCK] for first in range(0, len(text), BLOCK)]
    order = np.random.default_rng(seed).permutation(len(pieces))
    first, second = len(pieces) * 8 // 10, len(pieces) * 9 // 10
    parts = order[:first], order[first:second], order[second:]
    train, validation, test = ("".join(pieces[i] for i in part) for part in parts)
    return train, validation, test


@cache
def topics() -> tuple[str, str, str]:
    """The pages that Python's `help` shows of its reference manual: train, validation and test.

    80, 10 and 10 percent: the beginning, what comes next, and the end of the pages in the order of
    their titles. The text is that of the running Python, and differs a little from one release to
    the next.
    """
    text = "\n\n".join(manual[title] for title in sorted(manual))
    first, second = len(text) * 8 // 10, len(text) * 9 // 10
    return text[:first], text[first:second], text[second:]


def text_task(
    name: str,
    train: str,
    validation: str,
    test: str,
    network: Callable[[int], Network],
    context: int,
    batch: int,
    measured: int,
) -> Classification:
    """The task of predicting each character of a text from those before it.

    The examples are windows of the text side by side; their targets are the next characters. Each
    window of a mini-batch is drawn anew.

    Parameters
    ----------
    name : str
        Name of the task.
    train, validation, test : str
        The text.
    network : callable
        The network for so many different symbols.
    context : int
        Characters of a window.
    batch : int
        Windows of a mini-batch.
    measured : int
        Of how many windows of each part results are measured; they are spread evenly over it.

    Raises
    ------
    ValueError
        A part has fewer windows.
    """
    numbers = {symbol: number for number, symbol in enumerate(SYMBOLS)}

    def windows(text: str) -> Part:
        codes = torch.from_numpy(np.array([numbers.get(symbol, len(SYMBOLS)) for symbol in text]))
        return codes[:-1].unfold(0, context, context), codes[1:].unfold(0, context, context)

    return Classification(
        name,
        network(len(SYMBOLS) + 1),
        windows(train),
        spread(windows(validation), measured),
        spread(windows(test), measured),
        batch=batch,
        shuffle=False,
        measured=measured,
    )


@cache
def topics_transformer(large: bool = False) -> Classification:
    """Python's manual with a Transformer of one layer, 16 wide, that sees up to 32 characters.

    Mini-batches of 16 windows. `large`: four layers, 128 wide, that see 128 characters.
    """
    if large:
        network = partial(Transformer, context=128, width=128, heads=4, layers=4)
        return text_task("topics_transformer-large", *topics(), network, 128, 32, measured=256)
    network = partial(Transformer, context=32, width=16, heads=2, layers=1)
    return text_task("topics_transformer", *topics(), network, 32, 16, measured=128)


def plays_transformer(seed: int, large: bool = False) -> Classification:
    """Six plays of Shakespeare and a Transformer of two layers, 16 wide: 10 177 parameters.

    It sees up to 32 characters; mini-batches of 16 windows. `large`: four layers, 128 wide, that
    see 128 characters.
    """
    if large:
        network = partial(Transformer, context=128, width=128, heads=4, layers=4)
        task = text_task("plays_transformer-large", *plays(seed), network, 128, 32, measured=512)
    else:
        network = partial(Transformer, context=32, width=16, heads=2, layers=2)
        task = text_task("plays_transformer", *plays(seed), network, 32, 16, measured=500)
    return task.to(dtype=torch.float32)
