"""Replaces activations in an existing model."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar, overload

from torch import nn

from gem.integrations._find import (
    Call,
    Kept,
    Types,
    Where,
    classes_present,
    find_calls,
    find_kept,
    module_types,
    predicate,
)
from gem.integrations._functions import labels_of
from gem.integrations._redirect import redirect_calls, shield_calls
from gem.integrations._scan import checkpoints_a_closure
from gem.registry import make_activation

Model = TypeVar("Model", bound=nn.Module)
_HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_is_full_backward_hook",
)


class Replacement(NamedTuple):
    """One thing that :func:`replace_activations` replaces.

    ``module``: the name of the module, as in ``model.named_modules()``: the activation itself, or the module that calls
    or keeps a function. ``activation``: its class, or the function's name. ``kind``: ``"module"``, ``"attribute"`` (a
    function that the module keeps, as ``self.act = F.relu``) or ``"call"`` (a function that its methods call).
    """

    module: str
    activation: str
    kind: str


@overload
def replace_activations(
    model: nn.Module,
    old: Any,
    new: str | Callable[..., nn.Module],
    *,
    dry_run: Literal[True],
    functional: bool | None = None,
    where: Where = None,
    **params: Any,
) -> list[Replacement]: ...


@overload
def replace_activations(
    model: Model,
    old: Any,
    new: str | Callable[..., nn.Module],
    *,
    dry_run: Literal[False] = False,
    functional: bool | None = None,
    where: Where = None,
    **params: Any,
) -> Model: ...


def replace_activations(
    model: Model,
    old: Any,
    new: str | Callable[..., nn.Module],
    *,
    functional: bool | None = None,
    where: Where = None,
    dry_run: bool = False,
    **params: Any,
) -> Model | list[Replacement]:
    """Replace every activation of type ``old`` in the model, in place, and return the model.

    ``old`` is a module class or several of them (a tuple, a list or a union, such as ``nn.ReLU | nn.GELU``). ``new`` is
    a name for :func:`gem.make_activation` or a callable that makes a module; both receive ``params``. A module that is
    used in several places stays one module. Its hooks, its mode and its device carry over. If ``model`` itself is of
    type ``old``, the new activation is returned.

    ``functional=True`` also replaces functions that compute the same activation. These are functions that a module
    keeps in an attribute, and functions that its methods call (``F.relu(x)``, ``torch.relu(x)``, ``x.relu_()``). Calls
    are found in the source of the methods. The calling module gets a submodule such as ``replaced_relu``, which then
    receives the calls. In-place calls stay in place. ``functional=False`` leaves functions alone. ``None`` does so too,
    with a warning.

    ``where`` restricts the replacement: names of modules as in ``named_modules()``, with wildcards (``"layer1.*"``),
    or a predicate of name and module. For a function, it receives the module that calls or keeps it.

    ``dry_run=True`` changes nothing and returns the list of what would be replaced, as :class:`Replacement`.

    Raises ValueError if there is nothing to replace; the message lists the activations that occur. Raises TypeError
    if ``old`` is no module class, or if ``new`` is a module instead of a callable that makes one.
    :func:`gem.assert_replaced` checks that no call is left.
    """
    kinds, chosen = module_types(old), predicate(where)
    if isinstance(new, nn.Module):
        raise TypeError(f"new must be a name or a class, as 'gem' or gem.GEM, got the module {new!r}")
    labels = labels_of(kinds)
    modules = [(name, m) for name, m in model.named_modules() if isinstance(m, kinds) and chosen(name, m)]
    kept = [found for found in find_kept(model, labels) if chosen(found.name, found.module)]
    calls = [found for found in find_calls(model, labels, kinds) if chosen(found.name, found.module)]
    plan = [Replacement(name, type(m).__name__, "module") for name, m in modules]
    functions = [Replacement(found.name, found.label, "attribute") for found in kept]
    functions += [Replacement(found.name, found.label, "call") for found in calls]
    if functional:
        plan += functions
    if dry_run:
        return plan
    if not plan:
        raise ValueError(_nothing(model, kinds, functions, where))
    if functions and functional is None:
        _warn_of(functions)
    make = functools.partial(_make, model, new, params)
    result = _replace_modules(model, {m: _take_over(m, make(m)) for _, m in modules})
    if functional:
        _replace_functions(kept, calls, make)
        _shield_the_rest(model, kinds, labels)
    return result


def _make(model: nn.Module, new: str | Callable[..., nn.Module], params: dict[str, Any], near: nn.Module) -> nn.Module:
    """A new activation on the device and in the dtype of the nearest parameters, or else of the model's."""
    made = make_activation(new, **params) if isinstance(new, str) else new(**params)
    like = next((p for home in (near, model) for p in home.parameters() if p.is_floating_point()), None)
    if like is not None:
        made.to(device=like.device, dtype=None if params.get("dtype") else like.dtype)
    return made.train(near.training)


def _take_over(old: nn.Module, new: nn.Module) -> nn.Module:
    """Give ``new`` the hook dictionaries of ``old`` themselves, so that the handles that remove hooks stay valid."""
    vars(new).update({name: vars(old)[name] for name in _HOOKS})
    return new


def _replace_modules(model: Model, fresh: dict[nn.Module, nn.Module]) -> Model:
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):  # named_children() skips repeated modules
            if child in fresh:
                setattr(parent, name, fresh[child])
                _leave_fast_path(parent)
    return fresh.get(model, model)  # type: ignore[return-value]


def _replace_functions(kept: list[Kept], calls: list[Call], make: Callable[[nn.Module], nn.Module]) -> None:
    for found in kept:
        delattr(found.module, found.attribute)
        setattr(found.module, found.attribute, make(found.module))
        _leave_fast_path(found.module)
    for call in calls:
        if any(checkpoints_a_closure(call.module, method) for method in call.methods):
            _warn(f"{call.name or 'the model'} calls {call.label} in a function that it checkpoints: there it stays")
        redirect_calls(call.module, call.methods, call.label, make(call.module))


def _leave_fast_path(module: nn.Module) -> None:
    if isinstance(module, nn.TransformerEncoderLayer):
        module.activation_relu_or_gelu = 0  # torch's fast path reads this number and ignores the module


def _shield_the_rest(model: nn.Module, kinds: Types, labels: frozenset[str]) -> None:
    """Keep what ``where`` excludes as it is, even inside a module whose calls are replaced."""
    for call in list(find_calls(model, labels)):
        shield_calls(call.module, call.methods)
    callers = [m for m in model.modules() if isinstance(m, kinds) and type(m).__module__.startswith("torch.nn.")]
    for module in [*callers, *(found.module for found in find_kept(model, labels))]:
        shield_calls(module, frozenset({"forward"}))


def _warn_of(functions: list[Replacement]) -> None:
    places = ", ".join(f"{r.activation} in {r.module or 'the model itself'}" for r in functions[:5])
    more = f" and {len(functions) - 5} more" if len(functions) > 5 else ""
    _warn(f"functions stay as they are: {places}{more}. Say functional=True to replace them, or False to leave them")


def _warn(text: str) -> None:
    warnings.warn(f"replace_activations: {text}", stacklevel=4)


def _nothing(model: nn.Module, kinds: Types, functions: list[Replacement], where: Where) -> str:
    wanted = " or ".join(kind.__name__ for kind in kinds)
    place = "" if where is None else f" where {where!r} holds"
    text = f"old must be a type of module that occurs in the model{place}, got {wanted}; activations there: "
    text += classes_present(model)
    if functions:
        text += f"; functions: {', '.join(sorted({r.activation for r in functions}))} (functional=True replaces them)"
    return text
