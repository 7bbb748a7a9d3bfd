"""Modules whose own calls of ``F.relu`` and the like go to one of their submodules.

The module's class becomes a subclass of itself, in which the methods with such calls run under a
``TorchFunctionMode``. The calls of its children are the children's own. torch.compile and torch.export trace through
it, but for methods that call functions such as ``F.relu_`` or ``F.tanh``: these are left out of compiled graphs, as
torch.compile shows such calls to no mode. The module can be copied, pickled and moved; its state dict gains the
submodule's parameters, if there are any.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from gem.integrations._functions import is_in_place, label_of_call
from gem.integrations._scan import calls_hidden_functions

_PREFIX = "replaced_"
_HIDDEN = (
    "it calls a function that torch.compile shows to no mode; "
    "write F.relu(x, inplace=True) for F.relu_(x), torch.tanh for F.tanh, nn.Hardswish for F.hardswish"
)


class _Redirect(TorchFunctionMode):
    """Hands the activation functions that the present owner calls to the owner's submodules."""

    def __init__(self, owner: nn.Module) -> None:
        super().__init__()
        self.owner = owner

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        label = label_of_call(func, args, kwargs)
        replacement = self.owner._modules.get(_PREFIX + label) if label else None
        if replacement is None:
            return func(*args, **kwargs)
        x = args[0] if args else kwargs["input"]
        if not is_in_place(func, args, kwargs):
            return replacement(x)
        return x.copy_(replacement(x.clone() if torch.is_grad_enabled() else x))


def redirect_calls(module: nn.Module, methods: frozenset[str], label: str, replacement: nn.Module) -> None:
    """From now on ``methods`` of ``module`` call ``replacement`` in place of the functions with ``label``."""
    module.add_module(_PREFIX + label, replacement)
    shield_calls(module, methods)


def shield_calls(module: nn.Module, methods: frozenset[str]) -> None:
    """From now on ``methods`` of ``module`` do not go by what a module that calls them has replaced."""
    cls, before = _original(type(module))
    methods = before | methods
    eager = frozenset(method for method in methods if calls_hidden_functions(module, method))
    module.__class__ = _redirecting_class(cls, methods, eager)  # type: ignore[arg-type]


def has_replaced(module: nn.Module, label: str) -> bool:
    """Whether the calls of the functions with ``label`` go to a submodule already."""
    return bool(_original(type(module))[1]) and _PREFIX + label in module._modules


def _original(cls: type[nn.Module]) -> tuple[type[nn.Module], frozenset[str]]:
    """The class that was there before, and which of its methods are redirected."""
    found: tuple[type[nn.Module], frozenset[str]] = getattr(cls, "_gem_original", (cls, frozenset()))
    return found


@functools.cache  # so that modules of one class stay of one class
def _redirecting_class(cls: type[nn.Module], methods: frozenset[str], eager: frozenset[str]) -> type[nn.Module]:
    def reduce_ex(self: nn.Module, protocol: Any) -> Any:
        """As the original class does it; but the class is made anew, as it has no place to be imported from."""
        _, _, *rest = super(made, self).__reduce_ex__(max(2, protocol))  # type: ignore[arg-type]
        return (_rebuild, (cls, methods, eager), *rest)

    namespace: dict[str, Any] = {name: _redirected(getattr(cls, name)) for name in methods}
    namespace |= {name: torch.compiler.disable(namespace[name], reason=_HIDDEN) for name in eager}
    namespace |= {"_gem_original": (cls, methods), "__reduce_ex__": reduce_ex, "__doc__": cls.__doc__}
    namespace |= {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    made = type(cls.__name__, (cls,), namespace)
    return made


def _rebuild(cls: type[nn.Module], methods: frozenset[str], eager: frozenset[str] = frozenset()) -> nn.Module:
    made = _redirecting_class(cls, methods, eager)  # type: ignore[arg-type]
    return made.__new__(made)


def _redirected(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def redirected(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        for mode in _get_current_function_mode_stack():
            if isinstance(mode, _Redirect):  # of a module that called this one: take its place for a while
                before, mode.owner = mode.owner, self
                try:
                    return method(self, *args, **kwargs)
                finally:
                    mode.owner = before
        with _Redirect(self):
            return method(self, *args, **kwargs)

    return redirected
