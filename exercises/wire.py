"""How inputs and replies travel between what judges and what runs a student's code, as JSON.

What comes back was written by a student's process. It is believed to be numbers and short texts
and nothing else; whatever is not, raises.
"""

import base64
from dataclasses import asdict
from math import prod
from typing import Any

import numpy as np

from exercises.asking import DEEPEST, MANY, Inputs, Question, Reply
from exercises.inputs import FUNCTIONS

LONGEST = 600
"""Characters of a text in a reply; more are cut off."""


def pack_inputs(inputs: Inputs) -> list[Any]:
    """Inputs as JSON has them.

    Raises
    ------
    TypeError
        There is one of another kind. A function belongs in `exercises.inputs`.
    """
    return [_packed(value) for value in inputs]


def _packed(value: Any) -> Any:
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    if FUNCTIONS.get(type(value).__name__) is type(value):
        return {"function": type(value).__name__, "numbers": asdict(value)}
    raise TypeError(f"an input of type {type(value).__name__} cannot be sent: {value}")


def unpack_inputs(packed: list[Any]) -> Inputs:
    """The inputs that `pack_inputs` packed."""
    return tuple(_unpacked(value) for value in packed)


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "function" in value:
        return FUNCTIONS[value["function"]](**value["numbers"])
    return np.array(value["values"], dtype=value["dtype"])[()]


def pack_reply(reply: Reply) -> dict[str, Any]:
    """A reply as JSON has it."""
    if reply.trouble:
        texts = {"headline": reply.headline, "hint": reply.hint, "input": reply.input}
        return {"trouble": reply.trouble, **texts}
    return {
        "values": [
            {"shape": value.shape, "data": base64.b64encode(value.astype("<f8").tobytes()).decode()}
            for value in reply.values
        ]
    }


def unpack_replies(packed: Any, question: Question, probes: int) -> list[Reply]:
    """The replies of a student's process to a question.

    Raises
    ------
    ValueError
        They are not one reply for each probe, or not of the form that `pack_reply` gives.
    """
    if type(packed) is not list or len(packed) != probes:
        raise ValueError(f"one reply for each of {probes} inputs is due")
    try:
        return [_reply(each, len(question.returns)) for each in packed]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a reply has another form: {error}") from None


def _reply(packed: dict[str, Any], count: int) -> Reply:
    if "trouble" in packed:
        trouble, headline, hint = packed["trouble"], packed["headline"], packed["hint"]
        if trouble not in ("blank", "form", "error") or type(headline) is not str or not headline:
            raise ValueError("a reply has a trouble that cannot be")
        return Reply((), trouble, _text(headline), _text(str(hint)), packed["input"] is True)
    values = packed["values"]
    if type(values) is not list or len(values) != count:
        raise ValueError(f"{count} values are due")
    return Reply(tuple(_array(value) for value in values))


def _text(text: str) -> str:
    """A text that is not too long and that UTF-8 can write."""
    return text[:LONGEST].encode("utf-8", "replace").decode()


def _array(packed: dict[str, Any]) -> np.ndarray:
    shape = packed["shape"]
    if type(shape) is not list or len(shape) > DEEPEST:
        raise ValueError("a value has a shape that cannot be")
    if not all(type(n) is int and 0 <= n <= MANY for n in shape) or prod(shape) > MANY:
        raise ValueError("a value has a shape that cannot be")
    data = base64.b64decode(packed["data"], validate=True)
    if len(data) != 8 * prod(shape):
        raise ValueError("a value has another size than its shape says")
    return np.frombuffer(data, "<f8").reshape(shape).astype(float)
