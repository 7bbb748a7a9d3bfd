"""The activations as modules.

All are elementwise, keep shape, type and memory layout, raise TypeError for an input that is not real
floating-point, and check their parameters at construction. ``inplace`` is accepted, so that they take the place of
other activations, and has no effect. E-GEM and SE-GEM are reconstructions, see :mod:`gem.reference`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gem._autograd import activate
from gem._checks import SAVES, check_choice, check_count, check_slope
from gem._closed_forms import Gated, Gompertz
from gem._learnable import activate_scaled
from gem._scale import constants_from_bits, constants_to_bits, make_scale
from gem.reference import gated_leaky, golu_limits, gompertz_gated, widen

if TYPE_CHECKING:
    from typing_extensions import Self

Device = torch.device | str | int | None  # as torch's own modules take it
SETTINGS = ("N", "eps", "convention", "negative_slope")

torch.fx.wrap("activate")
torch.fx.wrap("activate_scaled")
torch.fx.wrap("widen")


class _LogLogistic(nn.Module):
    """What GEM, E-GEM and SE-GEM share: the constants of the gate, or the learnable scale in their place."""

    __jit_unused_properties__ = ("alpha",)

    if TYPE_CHECKING:  # set by _settle
        N: int
        eps: float
        convention: str
        negative_slope: float
        _c: float
        _s: float
        _family: Gated
        _bits: Tensor

    def __init__(
        self,
        scale: tuple[int, float, str],
        negative_slope: float,
        inplace: bool,
        learnable: bool,
        channels: int | None,
        save: str,
        device: Device,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        N, eps, convention = scale
        self._settle(N=N, eps=eps, convention=convention, negative_slope=negative_slope)
        self.save = check_choice("save", save, SAVES)
        self.inplace, self.learnable = inplace, bool(learnable)
        self.channels = None if channels is None else check_count("channels", channels)
        if self.learnable:
            shape = () if self.channels is None else (self.channels,)
            self.log_alpha = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
            self.reset_parameters()
        elif self.channels is not None:
            raise ValueError(f"channels must be None unless learnable=True, got {channels!r}")
        if device is not None:
            self.to(device)

    def _settle(self, **settings: Any) -> None:
        """Take the settings over with all that is derived from them; nothing where one of them is wrong."""
        constants = make_scale(settings["N"], settings["eps"], settings["convention"])
        slope = check_slope(settings["negative_slope"])
        settings |= {"N": constants.N, "negative_slope": slope, "_c": constants.c, "_s": constants.s}
        # The bits are read under torch.compile in place of the Python numbers, so that another eps needs no new
        # compilation. No buffer: what builds a model on the meta device and fills it from a file leaves such undefined.
        bits = constants_to_bits(constants)
        before = self.__dict__.get("_bits", bits)
        settings |= {"_family": Gated(*constants, slope), "_bits": bits.to(before.device)}
        for name, value in settings.items():
            super().__setattr__(name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        """A setting may be changed, as to anneal eps; but where α is learned, eps says only where it began."""
        if name not in SETTINGS or "_family" not in self.__dict__:
            super().__setattr__(name, value)
        elif self.learnable and name in ("eps", "convention"):
            raise AttributeError(f"{name} cannot be changed to {value!r}: alpha is learned; fill log_alpha")
        else:
            self._settle(**{key: getattr(self, key) for key in SETTINGS} | {name: value})

    def reset_parameters(self) -> None:
        """A learnable scale begins where eps puts it."""
        if self.learnable:
            nn.init.constant_(self.log_alpha, math.log(self._family.alpha))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow ``to()`` and its kind to another device; a change of dtype does not touch the constants."""
        super()._apply(fn, recurse)
        device = fn(torch.empty(0, device=self._bits.device)).device
        bits = constants_to_bits(make_scale(self.N, self.eps, self.convention))
        self._bits = bits if device.type == "meta" else bits.to(device)
        return self

    @property
    def alpha(self) -> Tensor | float:
        """The scale α, where the gate is 1/2: a number, or a positive tensor (one per channel) if it is learnable."""
        return widen(self.log_alpha).exp() if self.learnable else self._family.alpha

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            assert not self.learnable, "a learnable scale does not work in TorchScript"
            return gated_leaky(x, self.N, self._c, self._s, self.negative_slope)
        if self.learnable:
            return activate_scaled(x, widen(self.log_alpha).exp(), self.N, self.negative_slope, self.save)
        if torch.compiler.is_dynamo_compiling() and not torch.compiler.is_exporting():
            c, s = constants_from_bits(self._bits.to(x.device), x.dtype)
            return gated_leaky(x, self.N, c, s, self.negative_slope)
        return activate(x, self._family, self.save)

    def extra_repr(self) -> str:
        shown = self._parameters_shown()
        if self.learnable:
            shown["learnable"] = True
        if self.channels is not None:
            shown["channels"] = self.channels
        if self.save != "input":
            shown["save"] = self.save
        return ", ".join(f"{k}={v:g}" if isinstance(v, float) else f"{k}={v!r}" for k, v in shown.items())

    def _parameters_shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"N": self.N, "eps": float(self.eps)}
        if self.convention != "additive":
            shown["convention"] = self.convention
        return shown


class GEM(_LogLogistic):
    """GEM: x^(2N+1) / (1 + x^(2N)) for x > 0, else 0. Source: GEM (arXiv:2604.21677), section 2.1.

    ``learnable=True`` makes the scale α, 1 at first, a positive parameter: α·gem(x/α), one α for the layer, or one
    for each of ``channels`` along dimension 1. ``save="output"`` keeps the output for backward in place of the
    input: no memory where the next layer keeps it anyway, for more arithmetic in backward. ``device`` and ``dtype``
    are those of the learnable scale. Raises TypeError or ValueError naming the parameter.
    """

    def __init__(
        self,
        N: int = 1,
        inplace: bool = False,
        learnable: bool = False,
        channels: int | None = None,
        save: str = "input",
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__((N, 1.0, "additive"), 0.0, inplace, learnable, channels, save, device, dtype)

    def _parameters_shown(self) -> dict[str, Any]:
        return {"N": self.N}


class EGEM(_LogLogistic):
    """E-GEM: x^(2N+1) / (eps + x^(2N)) for x > 0, else 0; eps^(2N) in place of eps with ``convention="scale"``.

    A reconstruction; see :func:`gem.reference.egem`. ``learnable``, ``channels``, ``save``, ``device`` and ``dtype``
    are as in :class:`GEM`; α starts where ``eps`` puts it.
    """

    def __init__(
        self,
        N: int = 1,
        eps: float = 1e-4,
        convention: str = "additive",
        inplace: bool = False,
        learnable: bool = False,
        channels: int | None = None,
        save: str = "input",
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__((N, eps, convention), 0.0, inplace, learnable, channels, save, device, dtype)


class SEGEM(_LogLogistic):
    """SE-GEM: egem(x) - negative_slope·egem(-x).

    A reconstruction; see :func:`gem.reference.segem`. ``learnable``, ``channels``, ``save``, ``device`` and ``dtype``
    are as in :class:`GEM`; α starts where ``eps`` puts it.
    """

    def __init__(
        self,
        N: int = 1,
        eps: float = 1e-4,
        negative_slope: float = 0.01,
        convention: str = "additive",
        inplace: bool = False,
        learnable: bool = False,
        channels: int | None = None,
        save: str = "input",
        device: Device = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__((N, eps, convention), negative_slope, inplace, learnable, channels, save, device, dtype)

    def _parameters_shown(self) -> dict[str, Any]:
        shown = super()._parameters_shown()
        return {"N": shown.pop("N"), "eps": shown.pop("eps"), "negative_slope": self.negative_slope, **shown}


class GoLU(nn.Module):
    """GoLU: x·alpha·exp(-beta·exp(-gamma·x)). Source: GoLU (arXiv:2502.03654), section 3."""

    def __init__(self, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self._low, self._high = golu_limits(alpha, beta, gamma)
        self.alpha, self.beta, self.gamma, self.inplace = float(alpha), float(beta), float(gamma), inplace

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return gompertz_gated(x, self.alpha, self.beta, self.gamma, self._low, self._high)
        return activate(x, Gompertz(self.alpha, self.beta, self.gamma))

    def extra_repr(self) -> str:
        return f"alpha={self.alpha:g}, beta={self.beta:g}, gamma={self.gamma:g}"
