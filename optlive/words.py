"""Numbers and names as the figures write them; `figure.mjs` writes numbers in the same way."""

import re
import unicodedata

import numpy as np

from optlib.notation import Names, quantity

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def number(value: float) -> str:
    """Three significant digits: 0.05, 1.15×10⁻⁴, −∞."""
    if np.isnan(value):
        return "none"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    power = 0 if value == 0 else int(np.floor(np.log10(abs(value))))
    if -3 <= power < 5:
        return f"{float(f'{value:.3g}'):.6g}".replace("-", "−")
    digits, exponent = f"{value:.2e}".split("e")
    raised = str(int(exponent)).translate(_SUPERSCRIPT)
    return f"{float(digits):g}×10".replace("-", "−") + raised


def symbol(name: str, names: Names | None = None) -> str:
    """The symbol of the book's notation, or of a formula's own names, in Unicode: η, β₁."""
    text = re.sub(r"\\mathrm\{(.*?)\}", r"\1", quantity(name, names).symbol).replace(r"\_", "_")
    text = re.sub(r"_\{\\(min|max)\}", r" \1", text)
    text = re.sub(r"\\([a-z]+)", lambda found: _greek(found[1]), text)
    return re.sub(r"_\{?(\d+|∞)\}?", lambda found: found[1].translate(_SUBSCRIPT), text)


def title(name: str, names: Names | None = None) -> str:
    """Symbol and meaning: "η learning rate"."""
    sign, meaning = symbol(name, names), quantity(name, names).meaning
    return meaning if sign == meaning else f"{sign} {meaning}"


def _greek(letter: str) -> str:
    if letter == "infty":
        return "∞"
    name = {"lambda": "lamda"}.get(letter, letter)
    return unicodedata.lookup(f"GREEK SMALL LETTER {name}")
