"""Asking: what runs a student's function, and knows no right answer.

The checker asks in the student's own Python; the class grader asks in a sandbox, where this
module, `exercises.inputs`, `exercises.wire` and `exercises.verdict` are all of this package. What
comes back is a `Reply`, made of plain floats: nothing that the student's objects say of themselves
is in it, and what cannot be made a float is a complaint.
"""

import copy
import inspect
import linecache
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType, GeneratorType
from typing import Any

import numpy as np

from exercises.verdict import Kind, a, attribute, type_name

Function = Callable[..., Any]
Inputs = tuple[Any, ...]
Values = tuple[np.ndarray, ...]

MANY = 10_000
"""More numbers than this are not looked at."""

DEEPEST = 32
"""More axes than these are not looked at."""

BLANK = "no answer yet. Replace the line that raises NotImplementedError, then run the cells again."


class FormError(Exception):
    """What a student's function gave is not of the form that was asked; its text says why."""


@dataclass(frozen=True)
class Question:
    """What is asked of a function.

    Attributes
    ----------
    name : str
        The function's name, which is the exercise's.
    arguments, returns : tuple of str
        Names of what it takes and of what it returns, in order.
    advice : str
        What is told besides when it raises an error.
    integers : tuple of bool, optional
        For a derivation: which of its arguments are symbols for integers.
    """

    name: str
    arguments: tuple[str, ...]
    returns: tuple[str, ...]
    advice: str = ""
    integers: tuple[bool, ...] | None = None

    @property
    def symbols(self) -> tuple[Any, ...]:
        """The arguments of a derivation as SymPy symbols."""
        import sympy

        return tuple(
            sympy.Symbol(name, positive=True, integer=whole or None)
            for name, whole in zip(self.arguments, self.integers or (), strict=True)
        )


@dataclass(frozen=True)
class Reply:
    """What a function gave on one input: values, or the kind of trouble and its description."""

    values: Values = ()
    trouble: Kind | None = None
    headline: str = ""
    hint: str = ""
    input: bool = True
    """Whether the trouble belongs to one input."""


def ask(question: Question, function: Function, probes: Sequence[Inputs]) -> list[Reply]:
    """What a function gives on each of the inputs."""
    if complaint := _signature(question, function):
        return [Reply(trouble="form", headline=complaint, input=False)] * len(probes)
    if question.integers is not None:
        function = _formula(question, function)
    return [_call(question, function, inputs) for inputs in probes]


def _call(question: Question, function: Function, inputs: Inputs) -> Reply:
    """Call a function on copies of `inputs` and make plain numbers of what it returns."""
    try:
        answer = function(*copy.deepcopy(inputs))
    except NotImplementedError:
        return Reply(trouble="blank", headline=BLANK)
    except FormError as complaint:
        return Reply(trouble="form", headline=str(complaint))
    except (Exception, SystemExit) as error:
        hint = " ".join(filter(None, (question.advice, _line(error, function))))
        return Reply(trouble="error", headline=_raised(error), hint=hint)
    if answer is ...:
        return Reply(trouble="blank", headline=BLANK)
    if answer is None:
        missing = "no answer yet: the function returned None. Is its `return` missing?"
        return Reply(trouble="blank", headline=missing)
    due = question.returns
    values = _members(answer) if len(due) > 1 else [answer]
    if values is None or len(values) != len(due):
        came = a(answer) + (f" of {len(values)}" if values is not None else "")
        if type(answer) is GeneratorType:
            came += " (write `return` in place of `yield`)"
        wanted = f"return {', '.join(due)}"
        headline = f"{len(due)} values are due, but {came} came back."
        return Reply(trouble="form", headline=headline, hint=f"End with `{wanted}`.")
    numbers = []
    for value_name, value in zip(due, values, strict=True):
        number = _floats(value)
        if isinstance(number, str):
            headline = f"{value_name} came back as {number}; a float or an array of floats is due."
            return Reply(trouble="form", headline=headline)
        numbers.append(number)
    return Reply(tuple(numbers))


def _members(answer: Any) -> list[Any] | None:
    """The members of a tuple or list, whatever a subclass makes of iteration; None for others."""
    for kind in (tuple, list):
        if issubclass(type(answer), kind):
            return [*kind.__iter__(answer)]
    return None


def _floats(value: Any) -> np.ndarray | str:
    """A float64 copy of a number or an array; for anything else, what it is."""
    if issubclass(type(value), np.integer):  # a count, as NumPy gives it
        value = int(value)
    if type(value) in (float, int):
        try:
            return np.array(float(value))
        except OverflowError:
            return "an integer beyond all floats"
    if not issubclass(type(value), np.ndarray | np.generic):
        return a(value)
    array = np.asarray(value)
    if array.dtype.kind != "f" or array.dtype.itemsize < 8:
        coarse = ", too coarse to check" if array.dtype.kind == "f" else ""
        return f"numbers of type {array.dtype.name}{coarse}"
    if max(array.size, *array.shape, 0) > MANY:
        return f"{max(array.size, *array.shape)} numbers"
    if array.ndim > DEEPEST:
        return f"an array with {array.ndim} axes"
    return np.array(array, dtype=float)


def _formula(question: Question, function: Function) -> Function:
    """A function of numbers, made of one that is asked once with symbols for an expression."""
    symbols = question.symbols

    @cache
    def expression() -> Any:
        return _expression(function(*symbols), symbols)

    def formula(*inputs: Any) -> Any:
        made = expression()
        return made if made is None or made is ... else _value(made, symbols, inputs)

    formula.__wrapped__ = function  # type: ignore[attr-defined]  # where errors come from
    return formula


def _expression(answer: Any, symbols: tuple[Any, ...]) -> Any:
    """The expression that an answer is, in no other symbols and with nothing left to work out."""
    import sympy
    from sympy.core.function import AppliedUndef

    if answer is None or answer is ...:
        return answer
    kind, names = type(answer), " and ".join(map(str, symbols))
    if kind in (int, float) or issubclass(kind, np.number):
        answer = sympy.sympify(answer)  # a constant is an expression, too
    elif issubclass(kind, sympy.Equality):
        raise FormError("an equation came back: return its right side alone.")
    elif not issubclass(kind, sympy.Expr):
        one = "; is it one of its members?" if issubclass(kind, list | tuple | sympy.Set) else "."
        raise FormError(f"{a(answer)} came back, and an expression in {names} is due{one}")
    todo = (sympy.Sum, sympy.Product, sympy.Integral, sympy.Derivative, sympy.Limit, sympy.Subs)
    for part in answer.atoms(*todo, AppliedUndef):
        raise FormError(f"there is {a(part)} in it that is not worked out: {part}.")
    for other in sorted(answer.free_symbols - {*symbols}, key=str):
        if str(other) in map(str, symbols):
            raise FormError(f"{other} in it is a new symbol: use the argument {other} itself.")
        raise FormError(f"{other} is a symbol that was not given; there are {names}.")
    return answer


def _value(expression: Any, symbols: tuple[Any, ...], inputs: Inputs) -> float:
    """The value of an expression, with as many digits on the way as do not cancel away."""
    import sympy

    point = {s: sympy.Rational(str(x)) for s, x in zip(symbols, inputs, strict=True)}
    try:
        return float(expression.evalf(30, subs=point))
    except TypeError:  # it is complex, infinite or not known
        raise FormError("your expression has no real value on this input.") from None


def _signature(question: Question, function: Function) -> str:
    """A complaint about the arguments that a function takes, or nothing."""
    try:
        signature = inspect.signature(function)
    except Exception:  # what has no signature is tried as it is
        return ""
    due, own = ", ".join(question.arguments), ", ".join(signature.parameters)
    try:
        signature.bind(*question.arguments)
    except TypeError:
        return f"it is called as {question.name}({due}), but your function takes ({own})."
    names = list(signature.parameters)
    if names != list(question.arguments) and sorted(names) == sorted(question.arguments):
        return f"it is called as {question.name}({due}), but yours takes them as ({own})."
    return ""


def _raised(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # a student's own error class may fail to print
        text = ""
    short = text if len(text) <= 200 else f"{text[:199]}…"
    return f"your function raised {type_name(error)}" + (f": {short}" if short else ".")


def _line(error: BaseException, function: Function) -> str:
    """The last line of the student's file or cell that the error went through."""
    student = attribute(function, "__wrapped__")
    code = attribute(function if student is None else student, "__code__")
    for frame, line in reversed([*traceback.walk_tb(error.__traceback__)]):
        if type(code) is CodeType and frame.f_code.co_filename == code.co_filename:
            text = linecache.getline(code.co_filename, line).strip()
            return f"Line {line}: {text}" if text else f"Line {line}."
    return ""
