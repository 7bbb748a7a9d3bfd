"""Finds the activations of a model: modules, functions kept in attributes, and functions that methods call."""

from __future__ import annotations

import fnmatch
import functools
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, get_args

from torch import nn

from gem.integrations._functions import MODULE_OF, label_of, label_of_call
from gem.integrations._redirect import has_replaced
from gem.integrations._scan import methods_with_calls
from gem.registry import ACTIVATIONS

Types = tuple[type[nn.Module], ...]
Where = Callable[[str, nn.Module], bool] | Iterable[str] | str | None


class Kept(NamedTuple):
    """A function that a module keeps in an attribute, as ``self.act = F.relu``."""

    name: str
    module: nn.Module
    attribute: str
    label: str


class Call(NamedTuple):
    """Functions with one label that certain methods of a module call."""

    name: str
    module: nn.Module
    methods: frozenset[str]
    label: str


def module_types(old: Any) -> Types:
    """A module class, or a tuple, list or union of module classes, as a tuple. Raises TypeError for anything else."""
    if isinstance(old, tuple | list):
        found = tuple(old)
    else:
        found = get_args(old) if isinstance(old, types.UnionType) else (old,)
    if not found or not all(isinstance(each, type) and issubclass(each, nn.Module) for each in found):
        raise TypeError(f"old must be a type of module or several of them, as torch.nn.ReLU, got {old!r}")
    return found


def predicate(where: Where) -> Callable[[str, nn.Module], bool]:
    """A predicate of (name, module) from ``where``: a predicate, names with wildcards, or None for all modules."""
    if where is None:
        return lambda name, module: True
    if callable(where):
        return where
    patterns = [where] if isinstance(where, str) else list(where)
    return lambda name, module: any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def find_kept(model: nn.Module, labels: frozenset[str]) -> Iterator[Kept]:
    """The functions in attributes, including those inside a ``functools.partial``."""
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            label = label_of(value)
            if isinstance(value, functools.partial) and label_of(value.func):
                label = label_of_call(value.func, (None, *value.args[1:]), value.keywords)
            if label in labels:
                yield Kept(name, module, attribute, label)


def find_calls(model: nn.Module, labels: frozenset[str], without: Types = ()) -> Iterator[Call]:
    """The functions that methods call. Skips modules of the types ``without`` and calls that are already replaced."""
    for name, module in model.named_modules():
        if isinstance(module, without):
            continue
        methods = methods_with_calls(module)
        for label in sorted(labels & frozenset().union(*methods.values())):
            if not has_replaced(module, label):
                with_label = frozenset(method for method, found in methods.items() if label in found)
                yield Call(name, module, with_label, label)


def classes_present(model: nn.Module) -> str:
    """The classes of activations in the model with their counts, such as ``GELU (12), Tanh (1)``."""
    known = (*MODULE_OF.values(), *(s.factory for s in ACTIVATIONS.values() if isinstance(s.factory, type)))
    homes = ("torch.nn.modules.activation", "transformers.activations", "timm.layers.activations")
    found = Counter(
        type(module).__name__
        for module in model.modules()
        if not isinstance(module, nn.Identity | nn.MultiheadAttention)
        and (isinstance(module, known) or type(module).__module__ in homes)
    )
    return ", ".join(f"{name} ({number})" for name, number in found.most_common()) or "none"
