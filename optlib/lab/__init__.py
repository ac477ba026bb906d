"""The lab: sweeps over optimizers, learning rates and seeds, and the claim cards built on them.

from optlib.lab import cards
cards["momentum-faster"].run()
"""

from optlib.lab.card import Card, Result, Setting, Verdict
from optlib.lab.claims import Claims, all_cards, cards
from optlib.lab.curves import Curves
from optlib.lab.plots import sensitivity, training_curves
from optlib.lab.records import Record
from optlib.lab.sweeps import sweep
from optlib.lab.tuning import tune

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
