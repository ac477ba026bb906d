"""Functions made of text: `optlib.wrapper` joins two rules, `Rule.altered` changes one's lines."""

import ast
import linecache
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from optlib.formula import Formula


class Put(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, expressions: Mapping[str, ast.expr]) -> None:
        self.expressions = expressions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.expressions.get(node.id, node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        match operand := self.visit(node.operand):
            case ast.UnaryOp(op=ast.USub()) if isinstance(node.op, ast.USub):
                return operand.operand  # two signs that met, as with `-lr` in the place of `lr`
        return ast.UnaryOp(node.op, operand)


def rule_text(
    name: str,
    doc: str,
    used: Collection[str],
    slots: Mapping[str, Any],
    hyper: Mapping[str, float],
    lines: Iterable[tuple[str, ast.expr]],
    move: ast.expr,
) -> str:
    """The text of a rule. `used` are its arguments, `slots` says how each begins, as `start`."""
    given = [
        *(n for n in ("theta", "g", "grad") if n in used),
        *(n for n, start in slots.items() if start is None),
        *(n for n in ("t",) if n in used),
        *(f"{n}={start!r}" for n, start in slots.items() if start is not None),
    ]
    settings = [f"{n}={value!r}" for n, value in hyper.items()]
    return "\n    ".join(
        [
            f"def {name}(\n        {', '.join(given)}, *,\n        {', '.join(settings)},\n):",
            _quoted(doc),
            *(f"{n} = {ast.unparse(line)}" for n, line in lines),
            f"return {', '.join([ast.unparse(move), *slots])}\n",
        ]
    )


def _quoted(doc: str) -> str:
    """A docstring as program text."""
    escaped = doc.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""'


def summary(formula: Formula) -> list[str]:
    """The first paragraph of its docstring, line by line."""
    return (formula.__doc__ or formula.name).partition("\n\n")[0].splitlines()


def compiled(name: str, text: str, scope: dict[str, Any], module: str) -> Callable[..., Any]:
    """The function that `text` defines: it calls what is in `scope` and counts as `module`'s."""
    filename = f"<rule {name} {abs(hash(text))}>"
    # inspect, and so the printed source, finds the text where it finds that of a notebook cell.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), scope)
    function = scope[name]
    function.__module__ = module
    return function
