"""Two more things that SE-GEM may mean, for the ablation over readings of the paper.

Ours is :func:`gem.reference.segem`. All three have what the paper (arXiv:2604.21677) states: piecewise, C^(2N) at 0
and no more, no dead units, E-GEM on the positive side (here up to the linear term). **Reconstructions**, none
confirmed. Plain operations, so in eager mode autograd keeps the intermediates; conventions for types, infinities and
NaN are those of :mod:`gem.reference`.
"""

from __future__ import annotations

from torch import Tensor, nn

from gem import reference as F  # noqa: N812
from gem._checks import check_floating, check_N, check_positive, check_slope
from gem._scale import make_scale


def segem_linear(x: Tensor, N: int = 1, eps: float = 1e-4, negative_slope: float = 0.01) -> Tensor:
    """(1 - λ)·egem(x) + λ·x with λ = ``negative_slope`` in [0, 1): a linear term on both sides, slope λ at 0 too.

    Elementwise; parameters otherwise, and errors, as in :func:`gem.reference.egem` (additive eps).
    """
    N, c, s = make_scale(N, eps, "additive")
    return gated_linear(x, N, c, s, check_slope(negative_slope))


def segem_bounded(x: Tensor, N: int = 1, eps: float = 1e-4, bound: float = 0.01) -> Tensor:
    """egem(x) for x > 0, else -bound·u^(2N+1) / (eps + u^(2N+1)) with u = -x: the negative side saturates at -bound.

    Its slope there fades, in exact arithmetic never to 0. As eps → 0 it tends to a step of height ``bound`` at 0.
    Elementwise; ``bound`` lies in [1e-30, 1e30], the rest is as in :func:`gem.reference.egem` (additive eps).
    """
    N, c, s = make_scale(N, eps, "additive")
    return gated_bounded(x, N, c, s, bounded_scale(N, eps), check_positive("bound", bound))


def bounded_scale(N: int, eps: float) -> float:
    """Where the bounded side is half way down: eps^(1/(2N+1))."""
    return float(eps ** (1 / (2 * N + 1)))


def gated_linear(x: Tensor, N: int, c: float, s: float, slope: float) -> Tensor:
    """x·(r + slope·q) with the gate r of x > 0 and q = 1 - r, so that far out it is x without rounding."""
    if slope == 0:
        return F.gated_leaky(x, N, c, s, None)  # and 0, not NaN, at -inf
    check_floating(x)
    z = F.widen(x)
    v = F.even_power(F.clip(z * s, 0.0, F.ceiling(N, z.dtype)), N)
    q = c / (c + v)
    r = (v / (c + v)).detach() + (q.detach() - q)  # as in functional.gated_leaky
    return (z * (r + slope * q)).to(x.dtype)


def gated_bounded(x: Tensor, N: int, c: float, s: float, scale: float, bound: float) -> Tensor:
    """E-GEM less bound·w / (1 + w) with w = (u / scale)^(2N+1), u = max(-x, 0); w stays below 2^100."""
    check_floating(x)
    z = F.widen(x)
    t = F.clip(-z / scale, 0.0, float(2.0 ** (100 / (2 * N + 1))))
    w = F.even_power(t, N) * t
    return (F.gated_leaky(z, N, c, s, None) - bound * (w / (1 + w))).to(x.dtype)


class SEGEMLinear(nn.Module):
    """(1 - λ)·egem(x) + λ·x with λ = ``negative_slope``: one reading of SE-GEM, see :func:`segem_linear`."""

    def __init__(self, N: int = 1, eps: float = 1e-4, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.N, self.eps = check_N(N), check_positive("eps", eps)
        self.negative_slope, self.inplace = check_slope(negative_slope), inplace
        _, self._c, self._s = make_scale(N, eps, "additive")

    def forward(self, x: Tensor) -> Tensor:
        return gated_linear(x, self.N, self._c, self._s, self.negative_slope)

    def extra_repr(self) -> str:
        return f"N={self.N}, eps={self.eps:g}, negative_slope={self.negative_slope:g}"


class SEGEMBounded(nn.Module):
    """E-GEM with a negative side that saturates at -``bound``: one reading of SE-GEM, see :func:`segem_bounded`."""

    def __init__(self, N: int = 1, eps: float = 1e-4, bound: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.N, self.eps = check_N(N), check_positive("eps", eps)
        self.bound, self.inplace = check_positive("bound", bound), inplace
        _, self._c, self._s = make_scale(N, eps, "additive")
        self._scale = bounded_scale(self.N, self.eps)

    def forward(self, x: Tensor) -> Tensor:
        return gated_bounded(x, self.N, self._c, self._s, self._scale, self.bound)

    def extra_repr(self) -> str:
        return f"N={self.N}, eps={self.eps:g}, bound={self.bound:g}"
