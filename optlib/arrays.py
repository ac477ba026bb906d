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
    """`yes` where `condition` holds and `no` elsewhere; both are evaluated.

    Raises TypeError for == or != between symbols, which SymPy answers at once and not as a
    condition.
    """
    library = _library(condition, yes, no)
    if library is np:
        return np.where(condition, yes, no)
    if library.__name__ == "sympy":
        if isinstance(condition, bool):
            raise TypeError("where: compare by <, <=, > or >=; == between symbols is no condition")
        return library.Piecewise((yes, condition), (no, True))
    if isinstance(condition, bool):  # of the step t, say, while the rest are tensors
        return yes if condition else no
    return library.where(condition, yes, no)


def zeros_like(x: Any) -> Any:
    """Zeros with the shape of `x`, of its dtype if that is a floating one."""
    library = _library(x)
    if library.__name__ == "sympy":
        return library.S.Zero
    if library is np:
        return np.zeros_like(x, dtype=np.result_type(np.asarray(x), 0.0))
    return library.zeros_like(x, dtype=None if x.is_floating_point() else library.float64)


def is_complex(x: Any) -> bool:
    """Whether `x` is an array, tensor or number of complex dtype."""
    library = _library(x)
    return np.iscomplexobj(x) if library is np else library.__name__ == "torch" and x.is_complex()
