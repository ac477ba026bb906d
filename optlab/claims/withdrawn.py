"""Verdicts that an earlier edition of the book printed, and why they were withdrawn."""

from optlab.claims import cards
from optlib.table import Table

WITHDRAWN = (
    (
        "adam-gap",
        "fails",
        "nets of 2000 parameters on images of 8 × 8 pixels, always the same 360 of them for the "
        "test; the loss of nets that fit everything, where Wilson et al. speak of error",
    ),
    ("sgdm-ends-lower", "fails", "the same nets, images and loss"),
    (
        "adam-faster",
        "holds",
        "as adam-sgdm-digits: the rival was SGDM, the source's is Nesterov's; and its interval "
        "left the tuning out",
    ),
    (
        "adam-unstable",
        "not at this scale",
        "the same images; two readings of the word in one card",
    ),
    (
        "adam-on-text",
        "not at this scale",
        "as adam-and-sgdm: diverged runs of SGDM lay in its median, and a second task was asked "
        "for the opposite",
    ),
    ("decoupling-unties", "fails", "a rule by which AdamW could not have won"),
    (
        "adamw-generalizes",
        "fails",
        "100 images, always the same, a network without normalization, and the loss, where "
        "Loshchilov and Hutter have the error",
    ),
    (
        "one-cycle",
        "holds",
        "small digits, always the same 360 for the test, by the loss; neither one cosine nor a "
        "warm-up was among the rivals, and the momentum stood still",
    ),
    ("warm-restarts", "not at this scale", "the same digits, loss and rivals"),
    (
        "warmup-needed",
        "fails",
        "a Transformer of one layer that normalizes before each block, which is known to need none",
    ),
    (
        "radam-sensitivity",
        "fails",
        "each rule four times off its own best rate, where Liu et al. give all the same rates",
    ),
    (
        "rare-gradients",
        "fails",
        "the length of the whole gradient, where Adam divides coordinate by coordinate",
    ),
    (
        "adagrad-burst",
        "fails",
        "“after about 1 / (1 − β₂) steps” were words of the card, and of no paper",
    ),
    (
        "lookahead-flatness",
        "fails",
        "a comparison at unequal training loss, which sharpness follows",
    ),
    (
        "lookahead-stable-sgdm",
        "fails",
        "small digits, always the same 360 for the test, and the worse of two sides in one number, "
        "where Zhang et al. speak of rates that are larger",
    ),
    (
        "shuffling",
        "not at this scale",
        "a network's test loss after 20 epochs, where Bottou has the training loss of a convex "
        "problem, near its lowest point",
    ),
    ("dropout", "fails", "32 hidden units, which can learn little by heart, and the loss"),
    (
        "gradient-noise",
        "fails",
        "one hidden layer and a good start, and only the smallest of the paper's three variances",
    ),
    (
        "curriculum",
        "fails",
        "right labels alone, and the loss; Wu et al. find that an order helps with wrong ones",
    ),
    ("fine-tuning", "fails", "32 hidden units on 64 pixels, and always the same ten images"),
)
"""Card, verdict before, and why it could not answer."""


class Withdrawn(Table):
    """The table of `withdrawn`, in a terminal and in the book."""

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f'<div class="optlib-claims">{self.html()}</div>'


def withdrawn() -> Withdrawn:
    """A row a card: its verdict before, why that could not answer, and its verdict now."""
    return Withdrawn(
        "Verdicts before and now",
        ("card", "before", "why it could not answer", "now"),
        [(name, before, why, cards[name].run().verdict.value) for name, before, why in WITHDRAWN],
    )
