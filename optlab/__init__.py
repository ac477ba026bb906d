"""The lab: sweeps over optimizers, learning rates and seeds, and the claim cards built on them.

from optlab import cards
cards["momentum-faster"].run()
"""

from optlab.bands import Curves
from optlab.card import Card, Result, Setting, Verdict
from optlab.claims import Claims, all_cards, cards
from optlab.plots import sensitivity, training_curves
from optlab.records import Record
from optlab.sweeps import sweep
from optlab.tuning import tune

__all__ = [
    "Card",
    "Claims",
    "Curves",
    "Record",
    "Result",
    "Setting",
    "Verdict",
    "all_cards",
    "cards",
    "sensitivity",
    "sweep",
    "training_curves",
    "tune",
]
