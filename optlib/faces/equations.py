"""The equations face: the displayed equations of a rule, made from its own text.

Each line is printed from the parsed source, so that terms stand in the order of the paper and
the reader can compare line with line. What the equations say is proven in the tests: the LaTeX
is parsed back, evaluated, and must take the same step as the code.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from optlib.notation import symbol

if TYPE_CHECKING:
    from optlib.rule import Rule
    from optlib.schedule import Schedule


@dataclass(frozen=True)
class Line:
    """One equation: the name it defines, its LaTeX in two halves, and the code it is made from."""

    name: str
    left: str
    right: str
    code: str


class Equations:
    """The displayed equations of a rule or a schedule; Jupyter typesets them.

    `lines` has them one by one and `str()` gives the LaTeX without delimiters.
    """

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def __str__(self) -> str:
        rows = " \\\\\n".join(f"{line.left} &= {line.right}" for line in self.lines)
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self}\n$$"

    def __repr__(self) -> str:
        return "\n".join(f"{line.left} = {line.right}" for line in self.lines)


class Box:
    """A rule's source lines beside its equations, those that differ from its parent's marked."""

    def __init__(self, rule: "Rule", parent: "Rule | None") -> None:
        self.rule = rule
        self.parent = parent

    def rows(self) -> list[tuple[Line, bool]]:
        """Each line with whether it is new against the parent (never, without a parent)."""
        own = equations(self.rule).lines
        if self.parent is None:
            return [(line, False) for line in own]
        theirs = [(line.left, line.right) for line in equations(self.parent).lines]
        return [(line, (line.left, line.right) not in theirs) for line in own]

    def gone(self) -> list[Line]:
        """Lines of the parent that the rule has changed or dropped."""
        if self.parent is None:
            return []
        own = [(line.left, line.right) for line in equations(self.rule).lines]
        return [line for line in equations(self.parent).lines if (line.left, line.right) not in own]

    def __repr__(self) -> str:
        before = [f"- {line.left} = {line.right}" for line in self.gone()]
        after = [f"{'+' if new else ' '} {line.left} = {line.right}" for line, new in self.rows()]
        return "\n".join(before + after)

    def _repr_html_(self) -> str:
        title = f"The rule <code>{self.rule.name}</code>"
        if self.parent is not None:
            title += f" as a change to <code>{self.parent.name}</code>"
        rows = (
            [_row(line, "gone", f"only in {self.parent.name}") for line in self.gone()]
            if self.parent
            else []
        )
        rows += [_row(line, "new", "new") if new else _row(line) for line, new in self.rows()]
        return (
            f'<table class="optlib-box"><caption>{title}</caption><thead><tr>'
            '<th scope="col">Code</th><th scope="col">Equation</th></tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table>"
        )


def _row(line: Line, kind: str = "", label: str = "") -> str:
    mark = f' <span class="optlib-mark">{label}</span>' if label else ""
    return (
        f'<tr class="{kind}"><td><code>{escape(line.code)}</code>{mark}</td>'
        f"<td>\\({escape(line.left)} = {escape(line.right)}\\)</td></tr>"
    )


def equations(rule: "Rule") -> Equations:
    """The displayed equations of a rule, in the order of its lines.

    The index says which step a quantity belongs to: the gradient taken at theta_{t-1} is g_{t-1},
    a slot is m_{t-1} until its line has made m_t of it.

    Raises
    ------
    OSError
        The rule's source cannot be read.
    SyntaxError
        The rule is not a sequence of assignments and a return, or uses what cannot be printed.
    """
    index = {"theta": "t-1", "g": "t-1", "t": ""} | dict.fromkeys(rule.slots, "t-1")
    lines = []
    if not rule.needs_function:
        left = symbol("g", "t-1")
        lines.append(Line("g", left, rf"\nabla L({symbol('theta', 't-1')})", "g = grad(theta)"))
    move = ""
    for name, expression in rule.lines():
        right = _Printer(index).print(expression)
        code = ast.unparse(expression)
        if name == "theta":
            match expression:
                case ast.BinOp(left=new, op=ast.Sub(), right=ast.Name(id="theta")):
                    move = _Printer(index).print(new)
                case _:
                    move = f"{symbol('theta', 't-1')} {_spaced(right, plus='+ ')}"
            code = ", ".join([code, *rule.slots])
            break
        if _changes(expression, index):
            index[name] = "t"
        lines.append(Line(name, symbol(name, index.get(name, "")), right, f"{name} = {code}"))
    lines.append(Line("theta", symbol("theta", "t"), move, f"return {code}"))
    return Equations(lines)


def schedule_equations(schedule: "Schedule") -> Equations:
    """The displayed equations of a schedule; s counts the updates made so far.

    Raises as `equations` does.
    """
    index = {"step": ""}
    lines = []
    for name, expression in schedule.lines():
        right, code = _Printer(index).print(expression), ast.unparse(expression)
        last = name == schedule.result
        if last or _changes(expression, index):
            index[name] = symbol("step")
        left = symbol(name, index.get(name, ""))
        lines.append(Line(name, left, right, f"return {code}" if last else f"{name} = {code}"))
    return Equations(lines)


def _changes(expression: ast.expr, index: dict[str, str]) -> bool:
    """Whether it differs from step to step, as it has a name with an index in it."""
    return any(isinstance(n, ast.Name) and n.id in index for n in ast.walk(expression))


def _spaced(right: str, plus: str = "") -> str:
    """What follows a sum's first term: with its own minus, or with `plus`."""
    return f"- {right[1:].lstrip()}" if right.startswith("-") else plus + right


# How tightly an expression binds, from loose to tight.
_SUM, _PRODUCT, _POWER, _ATOM = range(4)


class _Printer:
    """Prints an expression as LaTeX, terms in the order in which they are written."""

    def __init__(self, index: dict[str, str]) -> None:
        self.index = index

    def print(self, node: ast.expr, within: int = _SUM) -> str:
        """LaTeX of `node`, in brackets if it binds more loosely than its surroundings."""
        latex, strength = self._print(node)
        return latex if strength >= within else rf"\left({latex}\right)"

    def _print(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Name(id=name):
                return symbol(name, self.index.get(name, "")), _ATOM
            case ast.Constant(value=int() | float() as number):
                return _number(number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.print(operand, _PRODUCT)}", _SUM
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                latex = self.print(right)
                return f"{self.print(left)} {_spaced(latex, plus='+ ')}", _SUM
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                latex = self.print(right, _PRODUCT)
                latex = rf"\left({latex}\right)" if latex.startswith("-") else latex
                return f"{self.print(left)} - {latex}", _SUM
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
                return self._product(left, op, right)
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return self._power(base, exponent), _POWER
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _SIGNS:
                return f"{self.print(left)} {_SIGNS[type(op)]} {self.print(right)}", _SUM
            case ast.Call(func=ast.Name(id="dot"), args=[a, b], keywords=[]):
                return rf"{self.print(a, _POWER)}^{{\top}} {self.print(b, _POWER)}", _PRODUCT
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if (
                function in _FUNCTIONS
            ):
                return _FUNCTIONS[function](*[self.print(a) for a in arguments]), _ATOM
        raise SyntaxError(
            f"no LaTeX for `{ast.unparse(node)}`: an equation is arithmetic and calls, by name, "
            "functions of optlib.arrays; those that can be printed are "
            f"{', '.join(['dot', *_FUNCTIONS])}"
        )

    def _product(self, left: ast.expr, op: ast.operator, right: ast.expr) -> tuple[str, int]:
        # A leading minus belongs to the whole product: -lr * m / d is -(lr m / d).
        match left:
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                latex, _ = self._product(operand, op, right)
                return f"-{latex}", _SUM
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                latex, strength = self._print(left)
                if strength == _SUM:
                    inner, _ = self._product(_without_sign(left), op, right)
                    return f"-{inner}", _SUM
        if isinstance(op, ast.Div):
            return rf"\frac{{{self.print(left)}}}{{{self.print(right)}}}", _PRODUCT
        first, second = self.print(left, _PRODUCT), self.print(right, _POWER)
        dot = r" \cdot " if second[0].isdigit() else " "
        return f"{first}{dot}{second}", _PRODUCT

    def _power(self, base: ast.expr, exponent: ast.expr) -> str:
        return f"{self.print(base, _ATOM)}^{{{self.print(exponent)}}}"


def _number(value: float) -> tuple[str, int]:
    """A number with all its digits: 0.999, and 10^{-8} for 1e-08."""
    digits, _, exponent = repr(value).partition("e")
    if not exponent:
        return digits, _ATOM
    power = f"10^{{{int(exponent)}}}"
    return (power, _POWER) if digits == "1" else (rf"{digits} \cdot {power}", _PRODUCT)


def _without_sign(node: ast.expr) -> ast.expr:
    """The product `node` without the minus with which it begins."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return operand
        case ast.BinOp(left=left, op=op, right=right):
            return ast.BinOp(_without_sign(left), op, right)
    raise AssertionError(ast.unparse(node))


_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: r"\le",
    ast.Gt: ">",
    ast.GtE: r"\ge",
}

_FUNCTIONS: dict[str, Callable[..., str]] = {
    "sqrt": lambda x: rf"\sqrt{{{x}}}",
    "cos": lambda x: rf"\cos\left({x}\right)",
    "log": lambda x: rf"\log\left({x}\right)",
    "floor": lambda x: rf"\left\lfloor {x} \right\rfloor",
    "abs": lambda x: rf"\left|{x}\right|",
    "maximum": lambda x, y: rf"\max\left({x}, {y}\right)",
    "minimum": lambda x, y: rf"\min\left({x}, {y}\right)",
    "clip": lambda x, low, high: rf"\min\left(\max\left({x}, {low}\right), {high}\right)",
    "every": lambda k, t: rf"{t} \bmod {k} = 0",
    "grad": lambda x: rf"\nabla L\left({x}\right)",
    "where": lambda condition, yes, no: (
        rf"\begin{{cases}} {yes} & {condition} \\ {no} & \text{{otherwise}} \end{{cases}}"
    ),
}
