"""Finds the methods of a module that call activation functions directly. It reads their source and runs nothing."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from torch import nn

from gem.integrations._functions import (
    HIDDEN_WHEN_COMPILED,
    NAMES,
    TENSOR_METHODS,
    label_of,
    label_of_call,
    may_be_hidden,
)

_DEPTH = 4  # how many levels of helper functions are followed
_UNKNOWN = object()


@dataclass(frozen=True)
class _Source:
    """The names in a function's source, those that it binds itself, and its calls by the id of what they call."""

    names: list[ast.Name | ast.Attribute]
    local: frozenset[str]
    calls: dict[int, ast.Call]


def methods_with_calls(module: nn.Module) -> dict[str, frozenset[str]]:
    """The labels of the functions that each method of ``module`` calls, such as ``{"forward": {"relu"}}``.

    Methods of torch's own classes are left out. Helper functions are followed if they belong to the package that
    defines the method.
    """
    found: dict[str, frozenset[str]] = {}
    for name, method in _own_methods(type(module)):
        labels = frozenset(label for label, _ in _calls_in(inspect.unwrap(method), module, 0))
        if labels:
            found[name] = labels
    return found


def calls_hidden_functions(module: nn.Module, name: str) -> bool:
    """Whether the method calls a function that torch.compile hides from modes, such as ``F.relu_`` or ``F.tanh``."""
    method = dict(_own_methods(type(module))).get(name)
    return method is not None and any(hidden for _, hidden in _calls_in(inspect.unwrap(method), module, 0))


def checkpoints_a_closure(module: nn.Module, name: str) -> bool:
    """Whether the method passes a nested function or lambda with an activation call to activation checkpointing."""
    method = inspect.unwrap(dict(_own_methods(type(module)))[name])
    nested = [constant for constant in method.__code__.co_consts if isinstance(constant, CodeType)]
    return "checkpoint" in method.__code__.co_names and any(NAMES & set(code.co_names) for code in nested)


def _own_methods(cls: type) -> Iterator[tuple[str, FunctionType]]:
    seen: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.split(".")[0] in ("torch", "builtins"):
            continue
        for name, value in vars(base).items():
            if name not in seen and isinstance(value, FunctionType) and not name.startswith("__"):
                seen.add(name)
                yield name, value


def _calls_in(function: FunctionType, module: nn.Module | None, depth: int) -> Iterator[tuple[str, bool]]:
    """The labels of the functions called, each with whether torch.compile hides its calls from modes."""
    names = dict(function.__globals__)
    if function.__closure__:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
            try:
                names[name] = cell.cell_contents
            except ValueError:  # an empty cell
                continue
    source = _source_of(function.__code__)
    if source is None:  # no source: take every name for a call
        for name in NAMES & _all_names(function.__code__):
            for label in (name.removesuffix("_"), *(["relu6"] if name.startswith("hardtanh") else [])):
                yield label, may_be_hidden(name)
        return
    local = source.local
    if module is not None and function.__code__.co_argcount:
        names[function.__code__.co_varnames[0]] = module
        local = local - {function.__code__.co_varnames[0]}
    for node in source.names:
        value = _value_of(node, names, local)
        if value is _UNKNOWN:
            if isinstance(node, ast.Attribute) and node.attr in TENSOR_METHODS:
                yield node.attr.removesuffix("_"), False
        elif label_of(value):
            for label in _labels_of_call(value, source.calls.get(id(node))):
                yield label, value in HIDDEN_WHEN_COMPILED
        elif isinstance(value, FunctionType) and depth < _DEPTH and _same_package(value, function):
            yield from _calls_in(inspect.unwrap(value), None, depth + 1)


def _labels_of_call(function: Any, call: ast.Call | None) -> Iterator[str]:
    """One label. If its deciding arguments are not numbers in the source, all possible labels."""
    args = [_literal(arg) for arg in call.args] if call else []
    kwargs = {keyword.arg or "": _literal(keyword.value) for keyword in call.keywords} if call else {}
    label = label_of_call(function, args, kwargs)
    yield label
    bounds = [*args[1:3], *(value for name, value in kwargs.items() if name in ("min_val", "max_val", ""))]
    if label == "hardtanh" and (call is None or _UNKNOWN in bounds):
        yield "relu6"


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return _UNKNOWN


def _value_of(node: ast.expr, names: dict[str, Any], local: frozenset[str]) -> Any:
    """The object that ``F.relu`` or ``torch.nn.functional.relu`` stands for, or ``_UNKNOWN``."""
    if isinstance(node, ast.Name):
        return _UNKNOWN if node.id in local else names.get(node.id, _UNKNOWN)
    if not isinstance(node, ast.Attribute):
        return _UNKNOWN
    owner = _value_of(node.value, names, local)
    if isinstance(owner, ModuleType | type):
        return getattr(owner, node.attr, _UNKNOWN)
    if isinstance(owner, nn.Module):
        return _attribute_of(owner, node.attr)
    return _UNKNOWN


def _attribute_of(module: nn.Module, name: str) -> Any:
    """A static function of the class, else None: a function kept in an attribute is replaced in the attribute."""
    value = inspect.getattr_static(type(module), name, None)
    return value.__func__ if isinstance(value, staticmethod) else None


@functools.lru_cache(maxsize=4096)
def _source_of(code: CodeType) -> _Source | None:
    """What ``_calls_in`` needs of the source. It is read once for all modules of a class. None without a source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError):
        return None
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name | ast.Attribute)]
    assigned = {node.id for node in names if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    calls = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
    return _Source(names, frozenset(assigned | arguments), calls)


def _all_names(code: CodeType) -> set[str]:
    nested = (_all_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*nested)


def _same_package(one: FunctionType, other: FunctionType) -> bool:
    return (one.__module__ or "").split(".")[0] == (other.__module__ or "").split(".")[0]
