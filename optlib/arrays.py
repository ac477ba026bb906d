"""The few functions a rule may call, for whatever it is given: NumPy, PyTorch or SymPy.

A rule that calls `sqrt` from here runs on arrays, on tensors (under `vmap` and `torch.compile`
too) and on symbols. Plain arithmetic needs nothing from here.
"""

import sys
from typing import Any

import numpy as np


def _library(*values: Any) -> Any:
    """The module that can compute with `values`: `torch`, `sympy`, or else `numpy`."""
    for value in values:
        name = type(value).__module__.partition(".")[0]
        if name in ("torch", "sympy"):
            return sys.modules[name]
    return np


def sqrt(x: Any) -> Any:
    """Square root of `x`, elementwise."""
    return _library(x).sqrt(x)


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where `condition` holds and `no` elsewhere; both are evaluated."""
    library = _library(condition, yes, no)
    if library.__name__ == "sympy":
        return library.Piecewise((yes, condition), (no, True))
    return library.where(condition, yes, no)


def zeros_like(x: Any) -> Any:
    """Zeros with the shape of `x`, of its dtype if that is a floating one."""
    library = _library(x)
    if library.__name__ == "sympy":
        return library.S.Zero
    if library is np:
        return np.zeros_like(as_float(x))
    return library.zeros_like(x)


def as_float(x: Any) -> Any:
    """`x` as a NumPy array of its own floating dtype, of float64 if it has none."""
    x = np.asarray(x)
    return x if np.issubdtype(x.dtype, np.inexact) else x.astype(float)
