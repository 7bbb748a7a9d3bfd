"""Counts the activation functions that a forward pass calls, by module: to check that a replacement is complete."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from gem.integrations._find import module_types
from gem.integrations._functions import label_of_call, labels_of


class _Counting(TorchFunctionMode):
    """Counts calls by the module that makes them. Calls inside a counted function are not counted."""

    def __init__(self, names: dict[nn.Module, str]) -> None:
        super().__init__()
        self.names, self.calls, self.running = names, Counter[tuple[str, str]](), [""]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if label := label_of_call(func, args, kwargs):
            self.calls[self.running[-1], label] += 1
        return func(*args, **kwargs)

    def enter(self, module: nn.Module, inputs: Any) -> None:
        self.running.append(self.names.get(module, self.running[-1]))
        if type(module).__module__ in ("gem.modules", "gem.variants"):
            self.calls[self.running[-1], type(module).__name__.lower()] += 1

    def leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.running.pop()


@contextlib.contextmanager
def count_activations(model: nn.Module) -> Iterator[Counter[tuple[str, str]]]:
    """Count the activation functions that are called inside the ``with`` block, by module and function.

    The keys are pairs such as ``("layer1.0", "relu")``: the innermost running module of ``model``, and the function.
    Functions of torch count if called directly or by a module such as ``nn.ReLU``. So do those of gem. Calls that
    bypass Python (a scripted or compiled module, torch's fused layers) are not counted.

        with gem.count_activations(model) as calls:
            model(images)
        assert not any(function == "relu" for _, function in calls)
    """
    mode = _Counting({module: name for name, module in model.named_modules()})
    before = nn.modules.module.register_module_forward_pre_hook(mode.enter)
    after = nn.modules.module.register_module_forward_hook(mode.leave, always_call=True)
    try:
        with mode:
            yield mode.calls
    finally:
        before.remove()
        after.remove()


def assert_replaced(model: nn.Module, old: Any, *inputs: Any, **named_inputs: Any) -> Counter[tuple[str, str]]:
    """Run ``model(*inputs, **named_inputs)``. Raise AssertionError if it still calls an activation of type ``old``.

    ``old`` is as in :func:`gem.replace_activations`. Returns the calls that :func:`gem.count_activations` counted.
    """
    kinds = module_types(old)
    labels = labels_of(kinds)
    modules = Counter[tuple[str, str]]()

    def note(module: nn.Module, inputs: Any) -> None:
        if isinstance(module, kinds):
            modules[names.get(module, "?"), type(module).__name__] += 1

    names = {module: name for name, module in model.named_modules()}
    handle = nn.modules.module.register_module_forward_pre_hook(note)
    try:
        with torch.no_grad(), count_activations(model) as calls:
            model(*inputs, **named_inputs)
    finally:
        handle.remove()
    left = {place: number for place, number in calls.items() if place[1] in labels} or modules
    if left:
        shown = ", ".join(
            f"{function} in {module or 'the model itself'} ({n})" for (module, function), n in left.items()
        )
        raise AssertionError(f"still called: {shown}")
    return calls
