"""The lab: sweeps over optimizers, learning rates and seeds, and the claim cards built on them.

from optlib.lab import cards
cards["momentum-faster"].run()
"""

from optlib.lab.card import Card, Result, Verdict
from optlib.lab.claims import all_cards, cards
from optlib.lab.sweeps import Curves, Sweep, sweep

__all__ = ["Card", "Curves", "Result", "Sweep", "Verdict", "all_cards", "cards", "sweep"]
