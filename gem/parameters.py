"""Parameter groups for an optimizer: learnable scales get no weight decay."""

from __future__ import annotations

from typing import Any

from torch import nn

from gem._settings import Activation


def parameter_groups(model: nn.Module, weight_decay: float, no_decay: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The trainable parameters of ``model`` in two groups for an optimizer, the second without weight decay.

    The second group holds the learnable scales of this package's activations. They are learned by their logarithm, so
    weight decay would pull a scale towards 1. It also holds every parameter whose name ends in one of ``no_decay``,
    such as ``("bias",)``. A shared parameter appears once, without decay if any of its names is in the second group.

        torch.optim.AdamW(gem.parameter_groups(model, weight_decay=0.1), lr=1e-3)

    Raises TypeError or ValueError unless ``weight_decay`` is a number of 0 or more.
    """
    if isinstance(weight_decay, bool) or not isinstance(weight_decay, int | float):
        raise TypeError(f"weight_decay must be a number of 0 or more, got {weight_decay!r}")
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must be a number of 0 or more, got {weight_decay!r}")
    scales = {p for m in model.modules() if isinstance(m, Activation) for p in m.parameters(recurse=False)}
    named = [(name, p) for name, p in model.named_parameters(remove_duplicate=False) if p.requires_grad]
    plain = dict.fromkeys(p for name, p in named if p in scales or name.endswith(no_decay))
    decayed = dict.fromkeys(p for _, p in named if p not in plain)
    groups = [{"params": list(decayed), "weight_decay": weight_decay}, {"params": list(plain), "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
