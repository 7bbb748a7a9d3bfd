"""The activations as modules.

All are elementwise and keep shape, dtype and memory layout. They raise TypeError for an input that is not real
floating-point. They check their parameters at construction and at every change. ``inplace`` is accepted for
compatibility with other activations, and has no effect. E-GEM and SE-GEM are reconstructions, see
:mod:`gem.reference`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import has_torch_function_unary

from gem import functional, reference
from gem._autograd import activate
from gem._checks import SAVES, check_choice, check_count, check_floating, check_integer
from gem._closed_forms import Gated, Gompertz
from gem._learnable import learnable_gem
from gem._learnable_golu import learnable_golu
from gem._scale import constants_from_bits, constants_to_bits
from gem._scripted import scripted_gated, scripted_golu
from gem._settings import Activation, Setting
from gem.reference import widen

if TYPE_CHECKING:
    from typing_extensions import Self

Device = torch.device | str | int | None  # as torch's own modules take it


class _Learnable(Activation):
    """Base of the learnable modules: how many elements the parameters have, and which dimension they follow."""

    channel_dim = Setting[int]()

    def __init__(self, settings: dict[str, Any], inplace: bool, learnable: bool, channels: int | None) -> None:
        super().__init__()
        self.inplace, self.learnable = inplace, bool(learnable)
        self.channels = None if channels is None else check_count("channels", channels)
        if self.channels is not None and not self.learnable:
            raise ValueError(f"channels must be None unless learnable=True, got {channels!r}")
        self._settle(settings)

    def _make_parameter(self, device: Device, dtype: torch.dtype | None) -> nn.Parameter:
        return nn.Parameter(torch.empty(self.channels or 1, device=device, dtype=dtype))

    @property
    def _dim(self) -> int | None:
        return None if self.channels is None else self.channel_dim

    def _shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"learnable": True} if self.learnable else {}
        if self.channels is not None:
            shown["channels"] = self.channels
            if self.channel_dim != 1:
                shown["channel_dim"] = self.channel_dim
        return shown


class _LogLogistic(_Learnable):
    """Base of GEM, E-GEM and SE-GEM: the constants of the gate, or a learnable scale instead of them."""

    N = Setting[int]()
    eps = Setting[float](learned=True)
    convention = Setting[str](learned=True)
    negative_slope = Setting[float]()
    save = Setting[str]()

    __jit_unused_properties__ = ["alpha", "_dim"]  # noqa: RUF012, torch's own name
    if TYPE_CHECKING:  # torch.jit.script cannot read string annotations
        _family: Gated
        _bits: Tensor
        _numbers: tuple[int, float, float, float]

    def __init__(
        self,
        settings: dict[str, Any],
        inplace: bool,
        learnable: bool,
        channels: int | None,
        device: Device,
        dtype: torch.dtype | None,
    ) -> None:
        defaults = {"eps": 1.0, "convention": "additive", "negative_slope": 0.0}
        super().__init__(defaults | settings, inplace, learnable, channels)
        if self.learnable:
            self.log_alpha = self._make_parameter(device, dtype)
            self.reset_parameters()
        if device is not None:
            self.to(device)

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        check_choice("save", settings["save"], SAVES)
        check_integer("channel_dim", settings["channel_dim"])
        family = _family_of(settings)
        return settings | {"N": family.N, "negative_slope": family.slope}

    def _derived(self, settings: dict[str, Any]) -> dict[str, Any]:
        # torch.compile reads these bits instead of the Python numbers, so another eps needs no new compilation. They
        # are no buffer: code that builds a model on the meta device and loads a file leaves such buffers undefined.
        family = _family_of(settings)
        bits = constants_to_bits(family.c, family.s)
        before = self.__dict__.get("_bits", bits)
        numbers = (family.N, family.c, family.s, family.slope)
        return {"_family": family, "_numbers": numbers, "_bits": bits.to(before.device)}

    def reset_parameters(self) -> None:
        """Set a learnable scale to its start value, which ``eps`` determines."""
        if self.learnable:
            nn.init.constant_(self.log_alpha, math.log(self._family.alpha))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Follow ``to()`` and similar calls to another device. A change of dtype does not affect the constants."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        device = fn(torch.empty(0, device=self._bits.device)).device
        bits = constants_to_bits(self._family.c, self._family.s)
        self._bits = bits if device.type == "meta" else bits.to(device)
        return self

    @property
    def alpha(self) -> Tensor | float:
        """The scale α, at which the gate is 1/2: a number, or a positive tensor of one element or one per channel."""
        return widen(self.log_alpha).exp() if self.learnable else self._family.alpha

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            assert not self.learnable, "a learnable scale does not work in TorchScript"
            return scripted_gated(x, self._numbers)
        family = self._family
        if self.learnable:
            return learnable_gem(x, self.log_alpha, family.N, family.slope, self._dim, self.save)
        if has_torch_function_unary(x):
            return self._call_function(x)
        # The private flag, because in the compiler of torch 2.11 is_exporting() is always true.
        if torch.compiler.is_dynamo_compiling() and not torch.compiler._is_exporting_flag:
            c, s = constants_from_bits(self._bits.to(x.device), x.dtype)
            return reference.gated_leaky(x, family.N, c, s, family.slope or None)
        check_floating(x)
        return activate(x, family, self._settings["save"])

    def _shown(self) -> dict[str, Any]:
        return super()._shown() | ({} if self.save == "input" else {"save": self.save})

    def _call_function(self, x: Tensor) -> Tensor:
        """The same through the public function, which tracers and tensor subclasses may intercept."""
        raise NotImplementedError


def _family_of(settings: dict[str, Any]) -> Gated:
    return functional.gated(settings["N"], settings["eps"], settings["convention"], settings["negative_slope"])


class GEM(_LogLogistic):
    """GEM: x^(2N+1) / (1 + x^(2N)) for x > 0, else 0. Source: GEM (arXiv:2604.21677), section 2.1.

    ``N`` is an integer in [1, 32]. ``learnable=True`` makes the scale α a positive parameter: α·gem(x/α) with
    α = exp(``log_alpha``), which starts at α = 1. ``log_alpha`` has one element, or ``channels`` elements along
    dimension ``channel_dim``. ``save="output"`` keeps the output for backward instead of the input. This costs no
    memory if the next layer keeps it anyway, but more arithmetic in backward. ``device`` and ``dtype`` are those of
    the learnable scale. Raises TypeError or ValueError naming the parameter.
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
        channel_dim: int = 1,
    ) -> None:
        settings = {"N": N, "save": save, "channel_dim": channel_dim}
        super().__init__(settings, inplace, learnable, channels, device, dtype)

    def _call_function(self, x: Tensor) -> Tensor:
        return functional.gem(x, self.N, self.save)

    def _shown(self) -> dict[str, Any]:
        return {"N": self.N} | super()._shown()


class EGEM(_LogLogistic):
    """E-GEM: x^(2N+1) / (eps + x^(2N)) for x > 0, else 0. With ``convention="scale"``, eps^(2N) replaces eps.

    A reconstruction; see :func:`gem.reference.egem`. ``N`` is an integer in [1, 32], ``eps`` a number in [1e-30, 1e30].
    ``learnable``, ``channels``, ``channel_dim``, ``save``, ``device`` and ``dtype`` are as in :class:`GEM`; ``eps``
    determines the start value of α. After GEM (arXiv:2604.21677), section 2.2. Raises TypeError or ValueError naming
    the parameter.
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
        channel_dim: int = 1,
    ) -> None:
        settings = {"N": N, "eps": eps, "convention": convention, "save": save, "channel_dim": channel_dim}
        super().__init__(settings, inplace, learnable, channels, device, dtype)

    def _call_function(self, x: Tensor) -> Tensor:
        return functional.egem(x, self.N, self.eps, self.convention, self.save)

    def _shown(self) -> dict[str, Any]:
        scale = {} if self.convention == "additive" else {"convention": self.convention}
        return {"N": self.N, "eps": float(self.eps)} | scale | super()._shown()


class SEGEM(_LogLogistic):
    """SE-GEM: egem(x) - negative_slope·egem(-x).

    A reconstruction; see :func:`gem.reference.segem`. ``negative_slope`` is in [0, 1); ``N``, ``eps`` and
    ``convention`` are as in :class:`EGEM`. ``learnable``, ``channels``, ``channel_dim``, ``save``, ``device`` and
    ``dtype`` are as in :class:`GEM`; ``eps`` determines the start value of α. After GEM (arXiv:2604.21677), section
    2.3. Raises TypeError or ValueError naming the parameter.
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
        channel_dim: int = 1,
    ) -> None:
        settings = {"N": N, "eps": eps, "negative_slope": negative_slope, "convention": convention}
        super().__init__(
            settings | {"save": save, "channel_dim": channel_dim}, inplace, learnable, channels, device, dtype
        )

    def _call_function(self, x: Tensor) -> Tensor:
        return functional.segem(x, self.N, self.eps, self.negative_slope, self.convention, self.save)

    def _shown(self) -> dict[str, Any]:
        scale = {} if self.convention == "additive" else {"convention": self.convention}
        slope = {"negative_slope": self.negative_slope}
        return {"N": self.N, "eps": float(self.eps)} | slope | scale | super()._shown()


class _Logarithmic(Setting[Any]):
    """A positive number, or a positive tensor if it is learned by its logarithm."""

    def __init__(self) -> None:
        super().__init__(learned=True)

    def __get__(self, module: Any, owner: type) -> Any:
        learned = module is not None and module.learnable
        return widen(getattr(module, f"log_{self.name}")).exp() if learned else super().__get__(module, owner)


class GoLU(_Learnable):
    """GoLU: x·alpha·exp(-beta·exp(-gamma·x)). Source: GoLU (arXiv:2502.03654), section 3.

    The parameters are in [1e-30, 1e30]. ``learnable=True`` makes all three positive parameters of the module. They are
    ``log_alpha``, ``log_beta`` and ``log_gamma``, and start at the values given. ``channels``, ``channel_dim``,
    ``device`` and ``dtype`` are as in :class:`GEM`. Raises TypeError or ValueError naming the parameter.
    """

    alpha = _Logarithmic()
    beta = _Logarithmic()
    gamma = _Logarithmic()
    __jit_unused_properties__ = ["_dim"]  # noqa: RUF012
    if TYPE_CHECKING:
        _family: Gompertz
        _numbers: tuple[float, float, float, float, float]

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        inplace: bool = False,
        learnable: bool = False,
        channels: int | None = None,
        device: Device = None,
        dtype: torch.dtype | None = None,
        channel_dim: int = 1,
    ) -> None:
        settings = {"alpha": alpha, "beta": beta, "gamma": gamma, "channel_dim": channel_dim}
        super().__init__(settings, inplace, learnable, channels)
        if self.learnable:
            self.log_alpha = self._make_parameter(device, dtype)
            self.log_beta = self._make_parameter(device, dtype)
            self.log_gamma = self._make_parameter(device, dtype)
            self.reset_parameters()

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        check_integer("channel_dim", settings["channel_dim"])
        family = _gompertz_of(settings)
        return settings | {"alpha": family.alpha, "beta": family.beta, "gamma": family.gamma}

    def _derived(self, settings: dict[str, Any]) -> dict[str, Any]:
        family = _gompertz_of(settings)
        return {"_family": family, "_numbers": (family.alpha, family.beta, family.gamma, *family.limits)}

    def reset_parameters(self) -> None:
        """Set learnable parameters to the values given."""
        if self.learnable:
            for name in ("alpha", "beta", "gamma"):
                nn.init.constant_(getattr(self, f"log_{name}"), math.log(self._settings[name]))

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            assert not self.learnable, "learnable parameters do not work in TorchScript"
            return scripted_golu(x, self._numbers)
        if self.learnable:
            return learnable_golu(x, self.log_alpha, self.log_beta, self.log_gamma, self._dim)
        family = self._family
        if has_torch_function_unary(x) or torch.compiler.is_compiling():
            return functional.golu(x, family.alpha, family.beta, family.gamma)
        check_floating(x)
        return activate(x, family)

    def _shown(self) -> dict[str, Any]:
        return {name: self._settings[name] for name in ("alpha", "beta", "gamma")} | super()._shown()


def _gompertz_of(settings: dict[str, Any]) -> Gompertz:
    return functional.gompertz(settings["alpha"], settings["beta"], settings["gamma"])
