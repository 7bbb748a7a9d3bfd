"""Gated linear units: feed-forward blocks in which an activation gates a second linear map.

Source: GLU Variants Improve Transformer (arXiv:2002.05202), section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gem._checks import check_count
from gem.registry import make_activation

Device = torch.device | str | int | None


def matched_width(plain: int, multiple_of: int = 1) -> int:
    """Hidden width at which a gated unit has as many weights as a plain feed-forward block of width ``plain``.

    A gated unit has three matrices where a plain block has two, so the width is 2/3 of ``plain``. It is rounded to the
    nearest multiple of ``multiple_of``, and is at least one multiple. Raises TypeError or ValueError naming the
    parameter.
    """
    plain, step = check_count("plain", plain), check_count("multiple_of", multiple_of)
    return max(1, (4 * plain + 3 * step) // (6 * step)) * step


class GatedUnit(nn.Module):
    """down(f(gate(x)) · up(x)), with an activation f: a feed-forward block of three linear maps.

    Input: any floating-point tensor [..., ``features``]. Output: [..., ``out_features``], by default ``features``.
    ``hidden`` is the inner width. Its default ``matched_width(4 * features)`` gives as many weights as a plain block
    that is four times as wide. ``activation`` is a name for :func:`gem.make_activation`, with ``params``, or a callable
    that makes a module. ``device`` and ``dtype`` are those of the parameters. Raises TypeError or ValueError naming the
    parameter. Source: GLU Variants Improve Transformer (arXiv:2002.05202), section 2.
    """

    def __init__(
        self,
        features: int,
        hidden: int | None = None,
        activation: str | Callable[..., nn.Module] = "gem",
        *,
        out_features: int | None = None,
        bias: bool = False,
        device: Device = None,
        dtype: torch.dtype | None = None,
        **params: Any,
    ) -> None:
        super().__init__()
        features = check_count("features", features)
        hidden = matched_width(4 * features) if hidden is None else check_count("hidden", hidden)
        out = features if out_features is None else check_count("out_features", out_features)
        made = make_activation(activation, **params) if isinstance(activation, str) else activation(**params)
        self.gate = nn.Linear(features, hidden, bias, device, dtype)
        self.up = nn.Linear(features, hidden, bias, device, dtype)
        self.down = nn.Linear(hidden, out, bias, device, dtype)
        self.activation = made.to(device=device, dtype=dtype)

    if TYPE_CHECKING:  # gives a call a type

        def __call__(self, x: Tensor) -> Tensor: ...

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down(self.activation(self.gate(x)) * self.up(x))
        return out


class GEMGLU(GatedUnit):
    """A :class:`GatedUnit` whose gate is :class:`gem.GEM`; ``params`` are those of GEM."""

    def __init__(self, features: int, hidden: int | None = None, **params: Any) -> None:
        super().__init__(features, hidden, "gem", **params)


class EGEMGLU(GatedUnit):
    """A :class:`GatedUnit` whose gate is :class:`gem.EGEM`; ``params`` are those of EGEM."""

    def __init__(self, features: int, hidden: int | None = None, **params: Any) -> None:
        super().__init__(features, hidden, "egem", **params)


class SEGEMGLU(GatedUnit):
    """A :class:`GatedUnit` whose gate is :class:`gem.SEGEM`; ``params`` are those of SEGEM."""

    def __init__(self, features: int, hidden: int | None = None, **params: Any) -> None:
        super().__init__(features, hidden, "segem", **params)


class GoLUGLU(GatedUnit):
    """A :class:`GatedUnit` whose gate is :class:`gem.GoLU`; ``params`` are those of GoLU."""

    def __init__(self, features: int, hidden: int | None = None, **params: Any) -> None:
        super().__init__(features, hidden, "golu", **params)
