"""Keys: what a result depends on, so that a changed rule or task never meets old results."""

import ast
import dis
import hashlib
import inspect
import linecache
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property, lru_cache, partial
from pathlib import PurePath
from tokenize import TokenError
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import torch

from optlab.tasks import Task
from optlib.faces.population import population


def key(*parts: object) -> str:
    """A name for what depends on `parts`: bytes as they are, all else by its repr."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:32]


@dataclass
class Ingredients:
    """What a result is made of.

    Attributes
    ----------
    definition : list
        What a person means: functions as text, settings and constants.
    data : list
        The numbers of tasks.
    machine : list
        Versions of other packages, and the functions as this process has compiled them: a file
        may have been changed since.
    texts : dict of str to list of str
        The files, line by line, of functions of a script or a notebook, which no other process
        can import.
    """

    definition: list[object] = field(default_factory=list)
    data: list[object] = field(default_factory=list)
    machine: list[object] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def exact(self) -> str:
        """Key of all of it."""
        return key(*self.definition, "data", *self.data, "machine", *self.machine)

    @property
    def stated(self) -> str:
        """Key of the definition alone, the same with other versions."""
        return key(*self.definition)


def ingredients(*values: Any) -> Ingredients:
    """What results depend on that are made with `values`: functions, rules, tasks, settings.

    A function counts by its text, and by the values of its defaults and of all that it names:
    other functions, down to `optlib.arrays`, classes by their methods, and constants. What they
    are called does not count, nor do comments, docstrings, annotations and messages of errors.
    What belongs to Python or to another package that has a version counts by name and version.
    """
    found = Ingredients()
    for value in values:
        _Reader(found, value)(value)
    return found


class _Reader:
    """Goes through a value and all that it refers to."""

    def __init__(self, found: Ingredients, value: Any) -> None:
        self.found = found
        self.add = found.definition.append
        self.seen: dict[object, tuple[int, Any]] = {}
        self.root = value
        self.package = _package(_inner(value))

    def __call__(self, value: Any) -> None:
        value = _inner(value)
        if isinstance(value, partial):
            self((value.func, value.args, value.keywords))
        elif value is population is not self.root:  # the engine, which counts by its number
            self.add("engine")
        elif inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value):
            if self.foreign(value):
                self.add((_module(value), getattr(value, "__qualname__", None)))
                version = getattr(sys.modules.get(_package(value)), "__version__", None)
                self.found.machine.append((_package(value), version))
            elif self.first(id(value), value):
                self.own(value)
        elif is_dataclass(value):
            self(type(value))
            for each in fields(value):
                self.add(each.name)
                self.setting(value, getattr(value, each.name))
        else:
            self.constant(value)

    def foreign(self, value: Any) -> bool:
        """Whether it belongs to Python or to another package that has a version."""
        package = _package(value)
        return package not in (self.package, "optlib", "optlab") and (
            package in sys.stdlib_module_names or hasattr(sys.modules.get(package), "__version__")
        )

    def first(self, name: object, value: Any) -> bool:
        """Whether it was not met before; else it counts as the one that it is."""
        found = name not in self.seen
        number, _ = self.seen.setdefault(name, (len(self.seen), value))  # held: an id is given anew
        if not found:
            self.add(("again", number))
        return found

    def setting(self, owner: Any, value: Any) -> None:
        """The value of a field; a task's arrays are data."""
        arrays = value if isinstance(value, tuple) and value else (value,)
        if isinstance(owner, Task) and all(getattr(array, "ndim", 0) for array in arrays):
            self.found.data.extend(part for array in arrays for part in _content(array))
        else:
            self(value)

    def constant(self, value: Any) -> None:
        """A value that is neither a function nor a class."""
        if isinstance(value, tuple | list | dict):
            self(type(value))
            self.add(len(value))
            for part in value.items() if isinstance(value, dict) else value:
                self(part)
        elif isinstance(value, set | frozenset):  # in no order, or each process has its own
            self.add(sorted(map(repr, value)))
        elif hasattr(value, "__array__"):
            self.found.definition.extend(_content(value))
        elif isinstance(value, str | PurePath) and PurePath(value).is_absolute():
            self.add(PurePath(value).name)  # where it lies is a matter of the machine
        elif isinstance(value, str | bytes | bool | int | float | complex | None):
            self.add(value)
        elif _described(value):
            self(type(value))
            self.add(re.sub(" at 0x[0-9a-fA-F]+", "", repr(value)))
        elif self.first(id(value), value):  # its repr tells nothing but an address
            self(type(value))
            self(getattr(value, "__dict__", None))

    def own(self, value: Any) -> None:
        """A function with what it refers to, a class with its methods, or a module."""
        if inspect.isfunction(value):
            self.function(value)
        elif inspect.isclass(value):
            for base in value.__mro__[1:]:
                self(base)
            for name, part in sorted(vars(value).items()):
                part = _method(part)
                if _written(part) if inspect.isfunction(part) else not _machinery(name):
                    self.add(name)
                    self(part)
        else:  # what is taken from it counts by itself; the text, for what is taken by `getattr`
            self.found.machine.append(_source(value))

    def function(self, value: Callable[..., Any]) -> None:
        """Text, defaults, and the values of the names in it."""
        code = value.__code__
        text, names = _text(code)
        self.add(text or _compiled(code))
        self.found.machine.append(_compiled(code))
        if value.__module__ == "__main__":
            self.found.texts[code.co_filename] = linecache.getlines(code.co_filename)
        scope = {**value.__globals__, **inspect.getclosurevars(value).nonlocals}
        for name in names:
            if name not in scope or name.startswith("__"):  # Python's own; also where a file lies
                self.add(name)
                continue
            self(scope[name])
            if inspect.ismodule(scope[name]):
                self.taken(scope[name], set(_attributes(code)))
        self((value.__defaults__, value.__kwdefaults__))

    def taken(self, value: ModuleType, names: set[str]) -> None:
        """What a function takes from a module by `names`, as it was loaded."""
        if self.foreign(value):
            return
        for name in sorted(names & set(vars(value))):
            if self.first((id(value), name), value):
                part = vars(value)[name]
                self(part)
                if inspect.ismodule(part):
                    self.taken(part, names)


@lru_cache(maxsize=4096)
def _text(code: CodeType) -> tuple[str | None, list[str]]:
    """A function's text as far as it decides a number, and the names from without, in order.

    Each of these names stands as its place in the list. None as text where it has none of its own:
    a lambda's is the whole line, and a file may be gone or have another text now.
    """
    names = set(_names(code))
    try:
        lines = "" if code.co_name == "<lambda>" else textwrap.dedent(inspect.getsource(code))
        [tree] = ast.parse(lines).body
    except (OSError, SyntaxError, TokenError, ValueError):
        return None, sorted(names)
    _Plain().visit(tree)
    tree.name = ""  # type: ignore[attr-defined]
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    inside = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    inside |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    order = list(dict.fromkeys(node.id for node in nodes if node.id in names))
    for node in nodes:
        if node.id in names - inside:
            node.id = f"<{order.index(node.id)}>"
    return ast.unparse(tree), [*order, *sorted(names - set(order))]


class _Plain(ast.NodeTransformer):
    """Takes away what decides no number: docs, annotations, family, what an error says."""

    def visit(self, node: Any) -> Any:
        self.generic_visit(node)
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                if ast.get_docstring(node) is not None:
                    node.body = node.body[1:] or [ast.Pass()]
                if isinstance(node, ast.FunctionDef):
                    node.returns = None
                    node.decorator_list = list(map(_bare, node.decorator_list))
            case ast.arg():
                node.annotation = None
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return ast.copy_location(ast.Assign([target], value), node)
            case ast.Raise():
                return ast.copy_location(ast.Raise(None, None), node)
        return node


def _bare(decorator: ast.expr) -> ast.expr:
    """A rule's decorator without what it is told of the family."""
    match decorator:
        case ast.Call(func=ast.Name(id="rule" | "wrapper" | "schedule") as name):
            return name
    return decorator


@lru_cache(maxsize=4096)
def _compiled(code: CodeType) -> str:
    """A key of what a function was compiled to, without its place in the file."""

    def settled(constant: object) -> object:
        if isinstance(constant, CodeType):
            return _compiled(constant)
        return sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant

    names = code.co_names, code.co_varnames, code.co_freevars
    return key(code.co_code, *names, *map(settled, code.co_consts))


def _names(code: CodeType) -> Iterator[str]:
    """The names from without that a function refers to, with the functions within it."""
    yield from code.co_freevars
    for each in dis.get_instructions(code):
        if each.opname.startswith("LOAD_") and ("GLOBAL" in each.opname or "NAME" in each.opname):
            yield each.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from set(_names(inner)) - set(code.co_cellvars)


def _attributes(code: CodeType) -> Iterator[str]:
    """All names in a function and in the functions within it, also those after a dot."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _attributes(inner)


def _inner(value: Any) -> Any:
    """The function within a rule, a schedule or a method, or within one with a cache."""
    while not inspect.isfunction(value):
        within = getattr(value, "__wrapped__", getattr(value, "__func__", None))
        if within is None:
            return value
        value = within
    return value


def _method(value: Any) -> Any:
    """The function within a property."""
    if isinstance(value, property):
        return value.fget
    return value.func if isinstance(value, cached_property) else _inner(value)


def _written(function: Callable[..., Any]) -> bool:
    """Not those that dataclass and NamedTuple make; they follow from the fields."""
    code = getattr(inspect.unwrap(function), "__code__", None)  # none of object's own methods
    if code is None:
        return False
    return code.co_filename != "<string>" or not function.__name__.startswith("__")


def _machinery(name: str) -> bool:
    """What Python itself puts into a class."""
    return name.startswith("__") or name == "_abc_impl"


def _source(module: ModuleType) -> str | None:
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return None


def _described(value: Any) -> bool:
    """Whether its repr tells more than an address."""
    return type(value).__repr__ is not object.__repr__


def _module(value: Any) -> str:
    if inspect.ismodule(value):
        return value.__name__
    return getattr(value, "__module__", None) or "builtins"


def _package(value: Any) -> str:
    return _module(value).partition(".")[0]


def _content(value: Any) -> tuple[object, ...]:
    """An array with all its digits, which its repr leaves out."""
    if isinstance(value, torch.Tensor):
        whole = value.detach().cpu()
        # Of a view whose windows overlap, what lies beneath.
        beneath = whole.new_empty(0).set_(whole.untyped_storage())
        place = whole.stride(), whole.storage_offset()
        array = beneath.numpy() if beneath.numel() < whole.numel() else whole.numpy()
        return value.dtype, value.shape, place, key(array.tobytes())
    array = np.asarray(value)
    return array.dtype, array.shape, key(array.tobytes())
