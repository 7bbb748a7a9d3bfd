"""Two alternative definitions of SE-GEM, for the ablation over definitions that fit the paper.

The default is :func:`gem.reference.segem`. All three have the properties that the paper (arXiv:2604.21677) states:
piecewise, exactly C^(2N) at 0, and no dead units. On the positive side they are E-GEM, up to the linear term of
:func:`segem_linear`. All are **reconstructions**; none is confirmed. They use plain operations, so in eager mode
autograd keeps the intermediate tensors. Dtypes, infinities and NaN are as in :mod:`gem.reference`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from gem._checks import check_floating, check_N, check_positive, check_slope
from gem._layouts import has_values, map_values
from gem._settings import Activation, Setting
from gem.reference import ceiling, clip, constants, even_power, gated_leaky, widen


def segem_linear(x: Tensor, N: int = 1, eps: float = 1e-4, negative_slope: float = 0.01) -> Tensor:
    """(1 - λ)·egem(x) + λ·x with λ = ``negative_slope`` in [0, 1). The linear term is on both sides: slope λ at 0.

    Elementwise. The other parameters and the errors are those of :func:`gem.reference.egem` (additive eps).
    """
    out: Tensor
    if has_torch_function_unary(x):
        out = handle_torch_function(segem_linear, (x,), x, N=N, eps=eps, negative_slope=negative_slope)
        return out
    check_floating(x)
    slope, compiling = check_slope(negative_slope), torch.compiler.is_compiling()
    if not compiling and has_values(x):
        return map_values(lambda values: segem_linear(values, N, eps, slope), x)
    N, c, s = constants(N, eps, "additive")
    if not compiling and slope == 0:
        return gated_leaky(x, N, c, s, None)  # 0 at -inf, where the sum below would give NaN
    z = widen(x)
    v = even_power(clip(z * s, 0.0, ceiling(N, z.dtype)), N)
    q = c / (c + v)
    r = (v / (c + v)).detach() + (q.detach() - q)  # as in reference.gated_leaky
    return (z * (r + slope * q)).to(x.dtype)  # far out this is x without rounding


def segem_bounded(x: Tensor, N: int = 1, eps: float = 1e-4, bound: float = 0.01) -> Tensor:
    """egem(x) for x > 0, else -bound·u^(2N+1) / (eps + u^(2N+1)) with u = -x: the negative side saturates at -bound.

    Its slope there decreases but is never 0 in exact arithmetic. As eps → 0 it tends to a step of height ``bound`` at
    0. Elementwise. ``bound`` is in [1e-30, 1e30]. The other parameters and the errors are those of
    :func:`gem.reference.egem` (additive eps).
    """
    out: Tensor
    if has_torch_function_unary(x):
        out = handle_torch_function(segem_bounded, (x,), x, N=N, eps=eps, bound=bound)
        return out
    check_floating(x)
    if not torch.compiler.is_compiling() and has_values(x):
        return map_values(lambda values: segem_bounded(values, N, eps, bound), x)
    N, c, s = constants(N, eps, "additive")
    z, bound = widen(x), check_positive("bound", bound)
    half_way = eps ** (1 / (2 * N + 1))
    t = clip(-z / half_way, 0.0, 2.0 ** (100 / (2 * N + 1)))
    w = even_power(t, N) * t  # below 2^100
    return (gated_leaky(z, N, c, s, None) - bound * (w / (1 + w))).to(x.dtype)


class SEGEMLinear(Activation):
    """(1 - λ)·egem(x) + λ·x with λ = ``negative_slope``: a variant of SE-GEM, see :func:`segem_linear`."""

    N = Setting[int]()
    eps = Setting[float]()
    negative_slope = Setting[float]()

    def __init__(self, N: int = 1, eps: float = 1e-4, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.inplace, self.learnable = inplace, False
        self._settle({"N": N, "eps": eps, "negative_slope": negative_slope})

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {
            "N": check_N(settings["N"]),
            "eps": check_positive("eps", settings["eps"]),
            "negative_slope": check_slope(settings["negative_slope"]),
        }

    def forward(self, x: Tensor) -> Tensor:
        return segem_linear(x, self.N, self.eps, self.negative_slope)

    def _shown(self) -> dict[str, Any]:
        return self._settings


class SEGEMBounded(Activation):
    """E-GEM with a negative side that saturates at -``bound``: a variant of SE-GEM, see :func:`segem_bounded`."""

    N = Setting[int]()
    eps = Setting[float]()
    bound = Setting[float]()

    def __init__(self, N: int = 1, eps: float = 1e-4, bound: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.inplace, self.learnable = inplace, False
        self._settle({"N": N, "eps": eps, "bound": bound})

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {
            "N": check_N(settings["N"]),
            "eps": check_positive("eps", settings["eps"]),
            "bound": check_positive("bound", settings["bound"]),
        }

    def forward(self, x: Tensor) -> Tensor:
        return segem_bounded(x, self.N, self.eps, self.bound)

    def _shown(self) -> dict[str, Any]:
        return self._settings
