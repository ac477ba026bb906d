"""Reads the LaTeX of our equations and computes what it says.

It knows nothing of the printer: what a reader would take the LaTeX to mean is computed, and a test
holds it against the code. Symbols are those it is given; whatever else it does not know is an
error, so that no index and no hat is lost unseen.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

Value = Callable[[], Any]
"""Computed when it is asked for: the branch of a choice that is not taken may divide by zero."""

_FUNCTIONS = {
    r"\max": max, r"\min": min, r"\cos": np.cos, r"\sin": np.sin, r"\log": np.log, r"\exp": np.exp,
}  # fmt: skip

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    r"\le": lambda a, b: a <= b,
    r"\ge": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}

_NUMBER = r"\d+(?:\.\d+)?"
_MARK = r"\\(?:left|right)\s*(?:\\[a-zA-Z]+|.)|\\(?:begin|end|text)\{\w+\}|\\[a-zA-Z]+|\\\\|\S"


def evaluate(
    latex: str,
    values: Mapping[str, float],
    functions: Mapping[str, Callable[..., float]] | None = None,
) -> float:
    r"""The value of an expression; nan where it has none, such as the root of a negative number.

    Parameters
    ----------
    latex : str
        Sums, products (also without a sign), `\frac`, `\sqrt`, powers, `\left|`, `\left\lfloor`,
        `\max`, `\min`, `\cos`, `\bmod`, `x^{\top} y` of two numbers, and cases.
    values : dict of str to float
        Each symbol as it is printed, such as `\hat{m}_{t}`, and its value.
    functions : dict of str to function, optional
        Further functions, such as `\nabla L`.

    Raises
    ------
    SyntaxError
        It is no such expression, or has a symbol that is not in `values`.
    """
    reader = _Reader(latex, values, {**_FUNCTIONS, **(functions or {})})
    value = reader.sum()
    reader.expect("")
    with np.errstate(all="ignore"):
        return float(value())


def read_back(
    lines: Iterable[str],
    values: Mapping[str, float],
    functions: Mapping[str, Callable[..., float]] | None = None,
) -> dict[str, float]:
    """All symbols and their values after the equations `left = right`, one after the other."""
    known = dict(values)
    for line in lines:
        left, right = line.split(" = ", 1)
        known[left] = evaluate(right, known, functions)
    return known


class _Reader:
    """Reads from left to right; `kind` and `token` are what comes next."""

    def __init__(
        self,
        latex: str,
        values: Mapping[str, float],
        functions: Mapping[str, Callable[..., float]],
    ) -> None:
        self.latex, self.values, self.functions = latex, values, functions
        self.position = 0
        # The longest name first: \beta_1 is not \beta, and m_{t-1} is not m.
        names = sorted([*values, *functions], key=len, reverse=True)
        self.names = [(n, re.compile(re.escape(n) + _END.get(n[-1].isalpha(), ""))) for n in names]
        self.next()

    def next(self) -> str:
        """Step over the token and return it."""
        taken = getattr(self, "token", "")
        rest = re.compile(r"\s*").match(self.latex, self.position)
        self.position = rest.end()
        self.kind, self.token = self._look()
        self.position += len(self.token)
        return taken

    def _look(self) -> tuple[str, str]:
        for name, pattern in self.names:
            if pattern.match(self.latex, self.position):
                return ("symbol" if name in self.values else "function"), name
        for kind, pattern in (("number", _NUMBER), ("mark", _MARK)):
            if found := re.compile(pattern).match(self.latex, self.position):
                return kind, found.group()
        return "end", ""

    def expect(self, token: str) -> None:
        if self.token != token:
            raise SyntaxError(
                f"expected {token or 'the end'!r} before {self.latex[self.position :]!r} and not "
                f"{self.token!r}, in {self.latex}"
            )
        self.next()

    def accept(self, *tokens: str) -> str:
        """The token, stepped over, if it is one of these."""
        return self.next() if self.kind == "mark" and self.token in tokens else ""

    # Each of these reads one kind of expression, from loose to tight.

    def condition(self) -> Value:
        left = self.sum()
        if self.token not in _RELATIONS:
            raise SyntaxError(f"no condition at {self.token!r}, in {self.latex}")
        holds = _RELATIONS[self.next()]
        right = self.sum()
        return lambda: holds(left(), right())

    def sum(self) -> Value:
        value = self._signed(bool(self.accept("-")))
        while sign := self.accept("+", "-"):
            value = _binary(np.add, value, self._signed(sign == "-"))
        return value

    def _signed(self, minus: bool) -> Value:
        value = self.product()
        return (lambda: -value()) if minus else value

    def product(self) -> Value:
        value = self.power()
        while True:
            if self.accept(r"\bmod"):
                value = _binary(np.mod, value, self.power())
            elif self.accept(r"\cdot") or self._begins():
                value = _binary(np.multiply, value, self.power())
            else:
                return value

    def _begins(self) -> bool:
        """Whether another factor begins here, without a sign."""
        if self.kind == "mark":
            return self.token in _OPENING
        return self.kind in ("symbol", "function")

    def power(self) -> Value:
        base = self.atom()
        while self.accept("^"):
            if self.accept("{"):
                if self.accept(r"\top"):  # of numbers, x^T y is the product
                    self.expect("}")
                    continue
                exponent = self.sum()
                self.expect("}")
            else:
                exponent = self.atom()
            base = _binary(np.power, base, exponent)
        return base

    def atom(self) -> Value:
        kind, token = self.kind, self.next()
        if kind == "number":
            return lambda: np.float64(token)
        if kind == "symbol":
            return lambda: np.float64(self.values[token])
        if kind == "function" or token in self.functions:
            arguments = self._arguments()
            return lambda: np.float64(self.functions[token](*[a() for a in arguments]))
        match token:
            case "(" | r"\left(":
                return self._until(")" if token == "(" else r"\right)")
            case "{":
                return self._until("}")
            case r"\left|":
                return _unary(np.abs, self._until(r"\right|"))
            case r"\left\lfloor":
                return _unary(np.floor, self._until(r"\right\rfloor"))
            case r"\sqrt":
                return _unary(np.sqrt, self._group())
            case r"\frac":
                return _binary(np.divide, self._group(), self._group())
            case r"\begin{cases}":
                return self._cases()
        raise SyntaxError(f"unknown {token!r}, in {self.latex}")

    def _until(self, closing: str) -> Value:
        value = self.sum()
        self.expect(closing)
        return value

    def _group(self) -> Value:
        self.expect("{")
        return self._until("}")

    def _arguments(self) -> list[Value]:
        closing = r"\right)" if self.accept(r"\left(") else ")"
        if closing == ")":
            self.expect("(")
        arguments = [self.sum()]
        while self.accept(","):
            arguments.append(self.sum())
        self.expect(closing)
        return arguments

    def _cases(self) -> Value:
        rows: list[tuple[Value, Value]] = []
        while True:
            value = self.sum()
            self.expect("&")
            otherwise = bool(self.accept(r"\text{otherwise}"))
            rows.append(((lambda: True) if otherwise else self.condition(), value))
            if not self.accept(r"\\"):
                break
        self.expect(r"\end{cases}")
        return lambda: next((value() for holds, value in rows if holds()), np.float64(np.nan))


# A name that ends in a letter ends there: \eta is not the beginning of another command. None goes
# on with an index or a prime.
_END = {True: r"(?![a-zA-Z_'])", False: r"(?![_'])"}

_OPENING = {
    "(", r"\left(", r"\left|", r"\left\lfloor", r"\sqrt", r"\frac", r"\begin{cases}", *_FUNCTIONS,
}  # fmt: skip


def _unary(function: Callable[[Any], Any], x: Value) -> Value:
    return lambda: function(x())


def _binary(function: Callable[[Any, Any], Any], x: Value, y: Value) -> Value:
    return lambda: function(x(), y())
