"""The equations face: the displayed equations of a rule, made from its own text.

Each line is printed from the parsed source, so that terms stand in the order of the paper and
the reader can compare line with line. What the equations say is proven in the tests: the LaTeX
is parsed back, evaluated, and must take the same step as the code.
"""

import ast
import tokenize
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from io import StringIO
from itertools import groupby

from optlib.formula import Formula
from optlib.notation import Names, symbol


@dataclass(frozen=True)
class Line:
    """One equation: the name it defines, its LaTeX in two halves, and the code it is made from."""

    name: str
    left: str
    right: str
    code: str

    @property
    def equation(self) -> str:
        """Both halves."""
        return f"{self.left} = {self.right}"


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
        return "\n".join(line.equation for line in self.lines)


@dataclass(frozen=True)
class Row:
    """A line of a box: the rule's own, "" or "changed" or "new", or one of the parent's, "gone".

    `marks` are the columns of `line.code` where tokens begin that the line opposite has not; in
    its LaTeX the terms made of these are marked. A sign alone is marked in the code only.
    """

    line: Line
    kind: str = ""
    marks: frozenset[int] = frozenset()


class Box:
    """A rule's source lines beside its equations, with the change to its parent marked.

    The parent's lines that are changed or dropped stand above what replaces them, and in a changed
    line the terms are marked that are new.
    """

    def __init__(self, rule: Formula, parent: Formula | None) -> None:
        self.rule = rule
        self.parent = parent

    def rows(self) -> list[Row]:
        """The lines from top to bottom."""
        if self.parent is None:
            return [Row(line) for line in _lines(self.rule)]
        own = {line.name: line for line in _lines(self.rule)}
        theirs = {line.name: line for line in _lines(self.parent)}
        changed = {
            name: _difference(theirs[name].code, line.code)
            for name, line in own.items()
            if name in theirs and line.equation != theirs[name].equation
        }
        place = {name: i for i, name in enumerate(theirs)}
        above = [
            Row(line, "gone", changed[name][0] if name in changed else frozenset())
            for name, line in theirs.items()
            if name in changed or name not in own
        ]
        rows = []
        for name, line in own.items():
            while above and place[above[0].line.name] <= place.get(name, -1):
                rows.append(above.pop(0))
            if name in changed:
                rows.append(Row(line, "changed", changed[name][1]))
            else:
                rows.append(Row(line, "" if name in theirs else "new"))
        return rows

    def __repr__(self) -> str:
        sign = {"": " ", "gone": "-"}
        return "\n".join(f"{sign.get(row.kind, '+')} {row.line.equation}" for row in self.rows())

    def _repr_html_(self) -> str:
        title = f"The rule <code>{self.rule.name}</code>"
        labels = {"": "", "new": "new", "changed": "changed"}
        rows = self.rows()
        marked = _marked_equations(self.rule, [row for row in rows if row.kind != "gone"], "new")
        gone = {}
        if self.parent is not None:
            title += f" as a change to <code>{self.parent.name}</code>"
            labels["gone"] = f"only in {self.parent.name}"
            lost = [row for row in rows if row.kind == "gone"]
            gone = _marked_equations(self.parent, lost, "gone")
        body = "".join(
            _row(row, (gone if row.kind == "gone" else marked)[row.line.name], labels[row.kind])
            for row in rows
        )
        return (
            f'<table class="optlib-box"><caption>{title}</caption><thead><tr>'
            '<th scope="col">Code</th><th scope="col">Equation</th></tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )


def _marked_equations(rule: Formula, rows: list[Row], kind: str) -> dict[str, str]:
    """By name the equations of a rule's rows, their marks in them."""
    marks = {row.line.name: row.marks for row in rows}
    return {line.name: line.equation for line in _lines(rule, marks, kind)}


def _row(row: Row, equation: str, label: str) -> str:
    note = f' <span class="optlib-mark">{label}</span>' if label else ""
    tag = "del" if row.kind == "gone" else "mark"
    code = "".join(
        f"<{tag}>{escape(text)}</{tag}>" if marked else escape(text)
        for marked, text in _pieces(row.line.code, row.marks)
    )
    return (
        f'<tr class="{row.kind}"><td><code>{code}</code>{note}</td>'
        f"<td>\\(\\displaystyle {escape(equation)}\\)</td></tr>"
    )


def _tokens(code: str) -> list[tuple[int, str]]:
    """The tokens of a line of program text, each with its column."""
    read = tokenize.generate_tokens(StringIO(code).readline)
    return [(token.start[1], token.string) for token in read if token.string.strip()]


def _difference(old: str, new: str) -> tuple[frozenset[int], frozenset[int]]:
    """Of two lines the columns of those tokens that only the one or only the other has."""
    a, b = _tokens(old), _tokens(new)
    matcher = SequenceMatcher(None, [t for _, t in a], [t for _, t in b], autojunk=False)
    only_old, only_new = {column for column, _ in a}, {column for column, _ in b}
    for i, j, size in matcher.get_matching_blocks():
        only_old -= {column for column, _ in a[i : i + size]}
        only_new -= {column for column, _ in b[j : j + size]}
    return frozenset(only_old), frozenset(only_new)


def _pieces(code: str, marks: Collection[int]) -> list[tuple[bool, str]]:
    """A line cut where marks begin and end; the space between two marked tokens is marked too."""
    pieces: list[tuple[bool, str]] = []
    end = 0
    for marked, tokens in groupby(_tokens(code), key=lambda token: token[0] in marks):
        first, *_, last = [*tokens] * 2
        pieces += [(False, code[end : first[0]])]
        end = last[0] + len(last[1])
        pieces += [(marked, code[first[0] : end])]
    return [piece for piece in pieces if piece[1]]


def equations(rule: Formula) -> Equations:
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
    return Equations(_lines(rule))


def _lines(
    rule: Formula, marks: Mapping[str, Collection[int]] | None = None, kind: str = ""
) -> list[Line]:
    """The equations of a rule; `marks` are for a line's name columns of its code, see `Row`."""
    index = starting_indices(rule)
    lines = []
    if not rule.needs_function:
        left, theta = rule.symbol("g", "t-1"), rule.symbol("theta", "t-1")
        lines.append(Line("g", left, rf"\nabla L({theta})", "g = grad(theta)"))
    for name, expression in rule.lines():
        match expression:
            case ast.Name(id=same) if same in index and name not in index:
                if rule.symbol(name) == rule.symbol(same):
                    index[name] = index[same]  # a second name for it, as m_old is for m
                    continue
        code, last = ast.unparse(expression), name == "theta"
        code = ", ".join([f"return {code}", *rule.slots]) if last else f"{name} = {code}"
        # Read again, so that each name and number stands in the column where the reader sees it.
        read = ast.parse(code).body[0].value  # type: ignore[attr-defined]
        expression = read.elts[0] if last and rule.slots else read
        printer = Printer(index, (marks or {}).get(name, ()), kind, rule.names)
        if last:
            match expression:
                case ast.BinOp(left=new, op=ast.Sub(), right=ast.Name(id="theta")):
                    right = printer.print(new)
                case _:
                    move = printer.print(expression)
                    right = f"{rule.symbol('theta', 't-1')} {_spaced(move, plus='+ ')}"
            index[name] = "t"
        else:
            right = printer.print(expression)
            if changes(expression, index):
                index[name] = "t"
        lines.append(Line(name, rule.symbol(name, index.get(name, "")), right, code))
    return lines


def starting_indices(rule: Formula) -> dict[str, str]:
    """By name the step that a quantity belongs to when a step of the rule begins."""
    return {"theta": "t-1", "g": "t-1", "t": ""} | dict.fromkeys(rule.slots, "t-1")


def schedule_equations(schedule: Formula) -> Equations:
    """The displayed equations of a schedule; s counts the updates made so far.

    Raises as `equations` does.
    """
    index = {"step": ""}
    lines = []
    for name, expression in schedule.lines():
        right, code = (
            Printer(index, names=schedule.names).print(expression),
            ast.unparse(expression),
        )
        last = name == schedule.result
        if last or changes(expression, index):
            index[name] = schedule.symbol("step")
        left = schedule.symbol(name, index.get(name, ""))
        lines.append(Line(name, left, right, f"return {code}" if last else f"{name} = {code}"))
    return Equations(lines)


def changes(expression: ast.expr, index: dict[str, str]) -> bool:
    """Whether it differs from step to step, as it has a name with an index in it."""
    return any(isinstance(n, ast.Name) and n.id in index for n in ast.walk(expression))


def _spaced(right: str, plus: str = "") -> str:
    """What follows a sum's first term: with its own minus, or with `plus`."""
    return f"- {right[1:].lstrip()}" if right.startswith("-") else plus + right


# How tightly an expression binds, from loose to tight.
_SUM, _PRODUCT, _POWER, _ATOM = range(4)


class Printer:
    """Prints an expression as LaTeX, terms in the order in which they are written.

    A term all of whose names and numbers stand in the columns `marks` gets the class mjx-`kind`.
    """

    def __init__(
        self,
        index: dict[str, str],
        marks: Collection[int] = (),
        kind: str = "",
        names: Names | None = None,
    ) -> None:
        self.index = index
        self.names = names
        self.marks = marks
        # JupyterLab lets pass only classes that begin so.
        self.opening = rf"\class{{mjx-{kind}}}{{"

    def print(self, node: ast.expr, within: int = _SUM) -> str:
        """LaTeX of `node`, in brackets if it binds more loosely than its surroundings."""
        if self._marked(node):
            return self._mark(Printer(self.index, names=self.names).print(node, within))
        latex, strength = self._print(node)
        return latex if strength >= within else rf"\left({latex}\right)"

    def _marked(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call) and node.col_offset in self.marks:
            return True  # another function is new with what it is of
        leaves = (n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Constant))
        return bool(self.marks) and all(leaf.col_offset in self.marks for leaf in leaves)

    def _mark(self, latex: str) -> str:
        """A minus stays before the mark, where what stands before it is printed by its sign."""
        return f"-{self._mark(latex[1:])}" if latex[0] == "-" else f"{self.opening}{latex}}}"

    def _print(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Name(id=name):
                return symbol(name, self.index.get(name, ""), self.names), _ATOM
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
                function in PRINTED
            ):
                return PRINTED[function](*[self.print(a) for a in arguments]), _ATOM
        raise SyntaxError(
            f"no LaTeX for `{ast.unparse(node)}`: an equation is arithmetic and calls, by name, "
            "functions of optlib.arrays; those that can be printed are "
            f"{', '.join(['dot', *PRINTED])}"
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
        dot = r" \cdot " if second.removeprefix(self.opening)[0].isdigit() else " "
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

PRINTED: dict[str, Callable[..., str]] = {
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
