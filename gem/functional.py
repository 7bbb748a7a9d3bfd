"""The activations as functions: fast, with one tensor saved for backward.

They equal the definitions in :mod:`gem.reference` and raise the same errors. ``save="output"`` keeps the output for
backward instead of the input. This costs no memory if the next layer keeps it anyway, but more arithmetic in backward.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from gem import reference
from gem._autograd import activate
from gem._checks import SAVES, check_choice, check_floating, check_slope
from gem._closed_forms import Gated, Gompertz
from gem._scale import make_scale
from gem.reference import Scalar


def gem(x: Tensor, N: int = 1, save: str = "input") -> Tensor:
    """GEM: x^(2N+1) / (1 + x^(2N)) for x > 0, else 0. See :func:`gem.reference.gem`.

    Elementwise, for any shape and real floating-point dtype; the result has the same shape and dtype. ``N`` is an
    integer in [1, 32]. Source: GEM (arXiv:2604.21677), section 2.1. Raises TypeError or ValueError naming the
    parameter.
    """
    if has_torch_function_unary(x):
        out: Tensor = handle_torch_function(gem, (x,), x, N=N, save=save)
        return out
    if torch.compiler.is_compiling():
        return reference.gem(x, N)
    check_floating(x)
    return activate(x, gated(N, 1.0, "additive", 0.0), _checked(save))


def egem(x: Tensor, N: int = 1, eps: Scalar = 1e-4, convention: str = "additive", save: str = "input") -> Tensor:
    """E-GEM: x^(2N+1) / (eps + x^(2N)) for x > 0, else 0. With ``convention="scale"``, eps^(2N) replaces eps.

    A reconstruction; see :func:`gem.reference.egem`. Elementwise, for any shape and real floating-point dtype; the
    result has the same shape and dtype. ``eps`` is a number in [1e-30, 1e30], or a positive tensor that broadcasts
    against ``x``. A tensor uses the plain operations. After GEM (arXiv:2604.21677), section 2.2. Raises TypeError or
    ValueError naming the parameter.
    """
    if has_torch_function_unary(x):
        out: Tensor = handle_torch_function(egem, (x,), x, N=N, eps=eps, convention=convention, save=save)
        return out
    if torch.compiler.is_compiling() or isinstance(eps, Tensor):
        return reference.egem(x, N, eps, convention)
    check_floating(x)
    return activate(x, gated(N, eps, convention, 0.0), _checked(save))


def segem(
    x: Tensor,
    N: int = 1,
    eps: Scalar = 1e-4,
    negative_slope: float = 0.01,
    convention: str = "additive",
    save: str = "input",
) -> Tensor:
    """SE-GEM: egem(x) - negative_slope·egem(-x). A reconstruction; see :func:`gem.reference.segem`.

    ``negative_slope`` is in [0, 1). The other parameters, shapes, dtypes and errors are those of :func:`egem`. After
    GEM (arXiv:2604.21677), section 2.3.
    """
    if has_torch_function_unary(x):
        settings: Any = {"N": N, "eps": eps, "negative_slope": negative_slope, "convention": convention, "save": save}
        out: Tensor = handle_torch_function(segem, (x,), x, **settings)
        return out
    if torch.compiler.is_compiling() or isinstance(eps, Tensor):
        return reference.segem(x, N, eps, negative_slope, convention)
    check_floating(x)
    return activate(x, gated(N, eps, convention, negative_slope), _checked(save))


def golu(x: Tensor, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0) -> Tensor:
    """GoLU: x·alpha·exp(-beta·exp(-gamma·x)). Source: GoLU (arXiv:2502.03654), section 3.

    Elementwise, for any shape and real floating-point dtype; the result has the same shape and dtype. The parameters
    are in [1e-30, 1e30]. Raises TypeError or ValueError naming the parameter.
    """
    if has_torch_function_unary(x):
        out: Tensor = handle_torch_function(golu, (x,), x, alpha=alpha, beta=beta, gamma=gamma)
        return out
    if torch.compiler.is_compiling():
        return reference.golu(x, alpha, beta, gamma)
    check_floating(x)
    return activate(x, gompertz(alpha, beta, gamma))


def gated(N: int, eps: float, convention: str, negative_slope: float) -> Gated:
    """The GEM-family function with these parameters, after they were checked."""
    try:
        return _gated(N, eps, convention, negative_slope)
    except TypeError:  # also if the arguments cannot be a key of the cache
        return _gated.__wrapped__(N, eps, convention, negative_slope)


def gompertz(alpha: float, beta: float, gamma: float) -> Gompertz:
    """GoLU with these parameters, after they were checked."""
    try:
        return _gompertz(alpha, beta, gamma)
    except TypeError:
        return _gompertz.__wrapped__(alpha, beta, gamma)


@lru_cache(maxsize=1024, typed=True)
def _gated(N: int, eps: float, convention: str, negative_slope: float) -> Gated:
    return Gated(*make_scale(N, eps, convention), check_slope(negative_slope))


@lru_cache(maxsize=1024, typed=True)
def _gompertz(alpha: float, beta: float, gamma: float) -> Gompertz:
    reference.golu_limits(alpha, beta, gamma)
    return Gompertz(float(alpha), float(beta), float(gamma))


def _checked(save: str) -> str:
    return save if save in SAVES else check_choice("save", save, SAVES)
