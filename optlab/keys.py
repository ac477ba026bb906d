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
from tokenize import TokenError
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import torch

from optlab.tasks import Task


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
        Text of the functions without comments and docstrings, settings and constants: what a
        person wrote.
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

    A function counts by its text and its defaults, and with all that it refers to by name: other
    functions, down to `optlib.arrays`, classes by their methods, and constants by their values.
    What belongs to Python or to another package that has a version counts by its name and version.
    """
    found = Ingredients()
    for value in values:
        _Look(found, value)(value)
    return found


class _Look:
    """Goes through a value and all that it refers to."""

    def __init__(self, found: Ingredients, value: Any) -> None:
        self.found = found
        self.seen: dict[Any, int] = {}
        self.own = _package(_module(_inner(value)))

    def __call__(self, value: Any) -> None:
        value = _inner(value)
        if isinstance(value, partial):
            for part in (value.func, *value.args, *value.keywords.items()):
                self(part)
        elif inspect.isroutine(value) or inspect.isclass(value) or inspect.ismodule(value):
            if _foreign(_module(value), self.own):
                self.foreign(value)
            elif self.new(value):
                self.ours(value)
        elif is_dataclass(value):
            self(type(value))
            for one in fields(value):
                self.field(value, one.name)
        else:
            self.constant(value)

    def constant(self, value: Any) -> None:
        """A value that is neither a function nor a class."""
        if isinstance(value, tuple | list | dict):
            self(type(value))
            self.found.definition.append(len(value))
            for part in value.items() if isinstance(value, dict) else value:
                self(part)
        elif isinstance(value, set | frozenset):  # in no order, or each process has its own
            self.found.definition.append(sorted(map(repr, value)))
        elif hasattr(value, "__array__"):
            self.found.definition.extend(_content(value))
        elif isinstance(value, str | bytes | bool | int | float | complex | None):
            self.found.definition.append(value)
        elif _told(value):
            self(type(value))
            self.found.definition.append(re.sub(" at 0x[0-9a-fA-F]+", "", repr(value)))
        elif self.new(id(value)):  # its repr tells nothing but an address
            self(type(value))
            self(getattr(value, "__dict__", None))

    def new(self, value: Any) -> bool:
        """Whether it was not met before; else it counts as the one that it is."""
        found = value not in self.seen
        number = self.seen.setdefault(value, len(self.seen))
        if not found:
            self.found.definition.append(("again", number))
        return found

    def field(self, value: Any, name: str) -> None:
        """A setting; a task's arrays are data."""
        part = getattr(value, name)
        arrays = part if isinstance(part, tuple) and part else (part,)
        self.found.definition.append(name)
        if isinstance(value, Task) and all(getattr(array, "ndim", 0) for array in arrays):
            self.found.data.extend(bit for array in arrays for bit in _content(array))
        else:
            self(part)

    def foreign(self, value: Any) -> None:
        """Something of another package."""
        module = _module(value)
        self.found.definition.extend([module, getattr(value, "__qualname__", None)])
        version = getattr(sys.modules.get(_package(module)), "__version__", None)
        self.found.machine.append((_package(module), version))

    def ours(self, value: Any) -> None:
        """A function with what it refers to, a class with its methods, or a module."""
        if inspect.isfunction(value):
            self.function(value)
        elif inspect.isclass(value):
            self.found.definition.append(value.__qualname__)
            for base in value.__mro__[1:]:
                self(base)
            for name, part in sorted(vars(value).items()):
                part = _method(part)
                own = _written(part) if inspect.isfunction(part) else not _machinery(name)
                if own:
                    self.found.definition.append(name)
                    self(part)
        else:
            self.found.definition.append(_text(value))

    def function(self, value: Callable[..., Any]) -> None:
        """Text, defaults, and the values of the names in it."""
        code = value.__code__
        text = _text(code)
        self.found.definition.append(text)
        self.found.machine.append(_compiled(code))
        if value.__module__ == "__main__":
            self.found.texts[code.co_filename] = linecache.getlines(code.co_filename)
        if value.__name__ == "<lambda>" or text is None:  # a lambda's text is the whole line
            self.found.definition.append(_compiled(code))
        scope = {**value.__globals__, **inspect.getclosurevars(value).nonlocals}
        names = sorted(set(_names(code)) & set(scope))
        self.found.definition.append(names)
        defaults = *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()
        for part in (*(scope[name] for name in names), *defaults):
            self(part)
            if inspect.ismodule(part):
                self.module(part, set(_attributes(code)))

    def module(self, value: ModuleType, names: set[str]) -> None:
        """What a function takes from a module by `names`, as it was loaded."""
        if _foreign(_module(value), self.own):
            return
        for name in sorted(names & set(vars(value))):
            if self.new((value, name)):
                part = vars(value)[name]
                self(part)
                if inspect.ismodule(part):
                    self.module(part, names)


@lru_cache(maxsize=1024)
def normal(text: str) -> str:
    """A text of Python without comments, docstrings and layout, which decide no number."""
    try:
        tree = ast.parse(textwrap.dedent(text))
    except SyntaxError:  # a lambda in the middle of an expression
        return text
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


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


def _text(value: Any) -> str | None:
    """The text of a function's code or of a module; None where it has no file, or another now."""
    try:
        return normal(inspect.getsource(value))
    except (OSError, TypeError, SyntaxError, TokenError):
        return None


def _written(function: Callable[..., Any]) -> bool:
    """Not those that dataclass and NamedTuple make; they follow from the fields."""
    code = getattr(inspect.unwrap(function), "__code__", None)  # none of object's own methods
    if code is None:
        return False
    return code.co_filename != "<string>" or not function.__name__.startswith("__")


def _machinery(name: str) -> bool:
    """What Python itself puts into a class."""
    return name.startswith("__") or name == "_abc_impl"


def _told(value: Any) -> bool:
    """Whether its repr tells more than an address."""
    return type(value).__repr__ is not object.__repr__


def _module(value: Any) -> str:
    if inspect.ismodule(value):
        return value.__name__
    return getattr(value, "__module__", None) or "builtins"


def _package(module: str) -> str:
    return module.partition(".")[0]


def _foreign(module: str, own: str) -> bool:
    """Whether a module belongs to Python or to another package that has a version."""
    package = _package(module)
    return package not in (own, "optlib", "optlab") and (
        package in sys.stdlib_module_names or hasattr(sys.modules.get(package), "__version__")
    )


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


def _names(code: CodeType) -> Iterator[str]:
    """The names from without that a function refers to, with the functions within it."""
    yield from code.co_freevars
    for one in dis.get_instructions(code):
        if one.opname.startswith("LOAD_") and ("GLOBAL" in one.opname or "NAME" in one.opname):
            yield one.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _attributes(code: CodeType) -> Iterator[str]:
    """All names in a function and in the functions within it, also those after a dot."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _attributes(inner)


def _compiled(code: CodeType) -> tuple[object, ...]:
    """What a function was compiled to, without its place in the file."""

    def settled(constant: object) -> object:
        if isinstance(constant, CodeType):
            return _compiled(constant)
        return sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant

    inner = tuple(map(settled, code.co_consts))
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, inner
