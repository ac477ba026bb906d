"""Live figures: optimizers that the reader moves by hand, in a notebook and in the built book.

    >>> import optlive as live
    >>> from optlib import nag, sgdm
    >>> from optlib.problems import quadratic
    >>> print(live.paths([sgdm, nag], quadratic, (-2, 1), 60, lr=0.05, momentum=0.9).status)
    sgdm: loss 0.00699 at step 60
    nag: loss 1.15×10⁻⁴ at step 60

`paths` shows rules on a problem, `signals` what they see and do at each step, `switches` one rule
whose terms are switched on and off, with its equations, `plane` what a rule does for each pair of
settings, `curves` numbers that were computed before, `studio` a small network that is trained in
the page with the schedule that the reader bends. Each returns a `Figure`, which Jupyter shows.
"""

from optlive.curves import curves
from optlive.figure import Figure
from optlive.paths import paths
from optlive.plane import plane
from optlive.signals import signals
from optlive.studio import studio
from optlive.switches import switches

__all__ = ["Figure", "curves", "paths", "plane", "signals", "studio", "switches"]
