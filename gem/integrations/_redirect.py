"""Modules whose own calls of ``F.relu`` and similar functions go to one of their submodules.

The module's class becomes a subclass of itself. Its methods with these calls run under a ``TorchFunctionMode``. Calls
that its children make are not affected. torch.compile and torch.export trace through it. Exceptions are methods that
call functions such as ``F.relu_`` or ``F.tanh``, which torch.compile hides from every mode: these methods stay outside
compiled graphs. The module can be copied, pickled and moved. Its state dict gains the submodule's parameters, if any.
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
    """Redirects the activation functions that the current owner calls to the owner's submodules."""

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
    """Make ``methods`` of ``module`` call ``replacement`` instead of the functions with ``label``."""
    module.add_module(_PREFIX + label, replacement)
    shield_calls(module, methods)


def shield_calls(module: nn.Module, methods: frozenset[str]) -> None:
    """Keep ``methods`` of ``module`` as they are, even if a module that calls them has replaced its functions."""
    cls, before = _original(type(module))
    methods = before | methods
    eager = frozenset(method for method in methods if calls_hidden_functions(module, method))
    module.__class__ = _redirecting_class(cls, methods, eager)  # type: ignore[arg-type]


def has_replaced(module: nn.Module, label: str) -> bool:
    """Whether calls of the functions with ``label`` already go to a submodule."""
    return bool(_original(type(module))[1]) and _PREFIX + label in module._modules


def _original(cls: type[nn.Module]) -> tuple[type[nn.Module], frozenset[str]]:
    """The class before the redirection, and its redirected methods."""
    found: tuple[type[nn.Module], frozenset[str]] = getattr(cls, "_gem_original", (cls, frozenset()))
    return found


@functools.cache  # modules of one class keep one class
def _redirecting_class(cls: type[nn.Module], methods: frozenset[str], eager: frozenset[str]) -> type[nn.Module]:
    def reduce_ex(self: nn.Module, protocol: Any) -> Any:
        """As the original class does it, but the class is made anew, because it cannot be imported by name."""
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
            if isinstance(mode, _Redirect):  # set by a module that called this one: replace it for this call
                before, mode.owner = mode.owner, self
                try:
                    return method(self, *args, **kwargs)
                finally:
                    mode.owner = before
        with _Redirect(self):
            return method(self, *args, **kwargs)

    return redirected
