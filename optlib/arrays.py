"""The few functions a formula may call, for whatever it is given: NumPy, PyTorch or SymPy.

A rule that calls `sqrt` from here runs on arrays, on tensors (under `vmap` and `torch.compile`
too), on symbols, and on a vector that lies in several pieces. Plain arithmetic needs nothing from
here.
"""

import dis
import inspect
import operator
import sys
from collections.abc import Callable
from functools import partial, wraps
from types import CodeType, FunctionType
from typing import Any

import numpy as np


class Pieces(tuple[Any, ...]):
    """One vector in several pieces, such as the tensors of a network.

    Arithmetic, comparison and the functions of this module go piece by piece; a number, or anything
    that is not in pieces, stands beside each of them. `dot` goes over all.
    """

    __array_ufunc__ = None  # a NumPy number leaves arithmetic to this class

    def dot(self, other: Any) -> Any:
        """Inner product with `other`, which lies in as many pieces."""
        return sum((x * y).sum() for x, y in zip(self, other, strict=True))


def _piecewise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `function` go piece by piece when it is given pieces."""

    @wraps(function)
    def each(*values: Any) -> Any:
        held = [v for v in values if isinstance(v, Pieces)]
        if not held:
            return function(*values)
        columns = [v if isinstance(v, Pieces) else [v] * len(held[0]) for v in values]
        return type(held[0])(each(*row) for row in zip(*columns, strict=True))

    return each


def _operators() -> None:
    for name in ("add", "sub", "mul", "truediv", "pow", "mod"):
        forward = _piecewise(getattr(operator, name))
        setattr(Pieces, f"__{name}__", lambda a, b, f=forward: f(a, b))
        setattr(Pieces, f"__r{name}__", lambda a, b, f=forward: f(b, a))
    for name in ("lt", "le", "gt", "ge", "neg", "abs"):
        setattr(Pieces, f"__{name}__", _piecewise(getattr(operator, name)))


_operators()


def _library(*values: Any) -> Any:
    """The module that can compute with `values`: `torch`, `sympy`, or else `numpy`."""
    for value in values:
        if isinstance(value, int | float):  # a compiled step cannot ask for its module
            continue
        name = type(value).__module__.partition(".")[0]
        if name in ("torch", "sympy"):
            return sys.modules[name]
    return np


@_piecewise
def sqrt(x: Any) -> Any:
    """Square root of `x`, elementwise; nan for a negative number."""
    library = _library(x)
    if library is np:
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)
    return library.sqrt(x)


@_piecewise
def cos(x: Any) -> Any:
    """Cosine of `x` in radians, elementwise."""
    return _library(x).cos(x)


@_piecewise
def log(x: Any) -> Any:
    """Natural logarithm of `x`, elementwise."""
    return _library(x).log(x)


@_piecewise
def floor(x: Any) -> Any:
    """The largest whole number not above `x`, elementwise."""
    return _library(x).floor(x)


@_piecewise
def maximum(x: Any, y: Any) -> Any:
    """The larger of `x` and `y`, elementwise."""
    return _extreme("maximum", "min", "Max", x, y)


@_piecewise
def minimum(x: Any, y: Any) -> Any:
    """The smaller of `x` and `y`, elementwise."""
    return _extreme("minimum", "max", "Min", x, y)


def _extreme(name: str, bound: str, symbolic: str, x: Any, y: Any) -> Any:
    library = _library(x, y)
    if library is np:
        return getattr(np, name)(x, y)
    if library.__name__ == "sympy":
        return getattr(library, symbolic)(x, y)
    if library.is_tensor(x) and library.is_tensor(y):
        return getattr(library, name)(x, y)
    x, y = (x, y) if library.is_tensor(x) else (y, x)
    return library.clamp(x, **{bound: y})


def clip(x: Any, low: Any, high: Any) -> Any:
    """`x`, but not below `low` and not above `high`, elementwise."""
    return minimum(maximum(x, low), high)


@_piecewise
def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where `condition` holds and `no` elsewhere; both are evaluated.

    Raises TypeError for == or != between symbols, which SymPy answers at once and not as a
    condition.
    """
    library = _library(condition, yes, no)
    if library is np:
        # Of mere numbers the one that is meant, since np.where would make an array of it.
        scalar = not any(map(np.ndim, (condition, yes, no)))
        return (yes if condition else no) if scalar else np.where(condition, yes, no)
    if library.__name__ == "sympy":
        if isinstance(condition, bool):
            raise TypeError("where: compare by <, <=, > or >=; == between symbols is no condition")
        return library.Piecewise((yes, condition), (no, True))
    if isinstance(condition, bool | np.bool_):  # of the step t, say, while the rest are tensors
        return yes if condition else no
    return library.where(condition, yes, no)


@_piecewise
def every(k: Any, t: Any) -> Any:
    """Whether step `t` is a `k`-th one: a condition for `where`."""
    library = _library(k, t)
    return library.Eq(library.Mod(t, k), 0) if library.__name__ == "sympy" else t % k == 0


def dot(a: Any, b: Any) -> Any:
    """Inner product over the whole vector: the last axis, which stays with length 1, or all pieces.

    Raises TypeError on symbols, which are single coordinates.
    """
    if isinstance(a, Pieces):
        return a.dot(b)
    if _library(a, b).__name__ == "sympy":
        raise TypeError("dot needs the whole vector, and a symbol is one coordinate")
    product = a * b
    return product.sum(-1)[..., None] if np.ndim(product) else product


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (sqrt, cos, log, floor, abs, maximum, minimum, clip, where, every, dot)
}
"""What a formula may call, by name. All but `dot` are elementwise: a coordinate's result depends on
that coordinate alone."""


def _is_plain(value: Any) -> bool:
    """Whether it makes a Python number, or an error."""
    return isinstance(value, type) and issubclass(value, int | float | BaseException)


def calls(function: Callable[..., Any]) -> tuple[set[Callable[..., Any]], list[str]]:
    """What a function calls, itself and in the functions that it calls.

    Returns
    -------
    tuple
        Those of `FUNCTIONS`, and the names of all else that may look beyond a coordinate: other
        functions, modules, attributes and methods, `@`, and `[...]`.
    """
    known: set[Callable[..., Any]] = set()
    strange: dict[str, None] = {}
    seen: set[Any] = set()

    def look(name: str, value: Any) -> None:
        while not isinstance(value, FunctionType):  # a rule, or a function with a cache
            inner = getattr(value, "func" if isinstance(value, partial) else "__wrapped__", None)
            if inner is None:
                break
            value = inner
        if any(value is f for f in FUNCTIONS.values()):
            known.add(value)
        elif isinstance(value, FunctionType):
            if value not in seen:
                seen.add(value)
                within(value)
        elif (callable(value) or inspect.ismodule(value)) and not _is_plain(value):
            strange[name] = None

    def within(function: FunctionType) -> None:
        scope = inspect.getclosurevars(function)
        for name, value in {**scope.builtins, **scope.globals, **scope.nonlocals}.items():
            look(name, value)
        strange.update(dict.fromkeys(sorted(scope.unbound)))
        for instruction in dis.get_instructions(function):
            if instruction.opname == "BINARY_SUBSCR" or instruction.argrepr in ("@", "[]"):
                strange[instruction.argrepr or "[...]"] = None
        for part in function.__code__.co_consts:
            if isinstance(part, CodeType):  # its names are not looked up here
                strange[f"the inner {part.co_name}"] = None

    look(getattr(function, "__name__", repr(function)), function)
    return known, list(strange)


def zeros_like(x: Any) -> Any:
    """Zeros with the shape of `x`, of its dtype if that is a floating one."""
    return _full(x, np.shape(x), 0.0)


def number_like(x: Any, value: float) -> Any:
    """`value` once for the whole vector `x`: its last axis has length 1."""
    shape = np.shape(x)
    return _full(x, (*shape[:-1], 1) if shape else (), value)


def _full(x: Any, shape: tuple[int, ...], value: float) -> Any:
    library = _library(x)
    if library.__name__ == "sympy":
        return library.sympify(value)
    if library is np:
        return np.full(shape, value, dtype=np.result_type(np.asarray(x), 0.0))
    return x.new_full(shape, value, dtype=None if x.is_floating_point() else library.float64)


def as_like(x: Any, like: Any) -> Any:
    """`x` in the dtype of `like`."""
    library = _library(like)
    if library is np:
        return np.asarray(x, dtype=like.dtype)[()]
    return x if library.__name__ == "sympy" else x.to(like.dtype)


def is_complex(x: Any) -> bool:
    """Whether `x` is an array, tensor or number of complex dtype."""
    library = _library(x)
    return np.iscomplexobj(x) if library is np else library.__name__ == "torch" and x.is_complex()
