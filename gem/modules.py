"""The activations as modules."""

from __future__ import annotations

from torch import Tensor, nn

from gem import functional as F  # noqa: N812
from gem._checks import check_slope
from gem._scale import make_scale


class SEGEM(nn.Module):
    """SE-GEM, egem(x) - negative_slope·egem(-x), elementwise; see :func:`gem.functional.segem`. A reconstruction."""

    def __init__(
        self,
        N: int = 1,
        eps: float = 1e-4,
        negative_slope: float = 0.01,
        convention: str = "additive",
        inplace: bool = False,
    ) -> None:
        super().__init__()
        make_scale(N, eps, convention)
        self.N, self.eps, self.convention, self.inplace = N, eps, convention, inplace
        self.negative_slope = check_slope(negative_slope)

    def forward(self, x: Tensor) -> Tensor:
        return F.segem(x, self.N, self.eps, self.negative_slope, self.convention)

    def extra_repr(self) -> str:
        shown = "" if self.convention == "additive" else f", convention={self.convention!r}"
        return f"N={self.N}, eps={self.eps:g}, negative_slope={self.negative_slope:g}{shown}"


class EGEM(SEGEM):
    """E-GEM, x^(2N+1) / (eps + x^(2N)) for x > 0, else 0; see :func:`gem.functional.egem`. A reconstruction."""

    def __init__(self, N: int = 1, eps: float = 1e-4, convention: str = "additive", inplace: bool = False) -> None:
        super().__init__(N, eps, 0.0, convention, inplace)

    def extra_repr(self) -> str:
        return super().extra_repr().replace(", negative_slope=0", "")


class GEM(EGEM):
    """GEM, x^(2N+1) / (1 + x^(2N)) for x > 0, else 0, elementwise; see :func:`gem.functional.gem`."""

    def __init__(self, N: int = 1, inplace: bool = False) -> None:
        super().__init__(N, 1.0, "additive", inplace)

    def extra_repr(self) -> str:
        return f"N={self.N}"


class GoLU(nn.Module):
    """GoLU, x·alpha·exp(-beta·exp(-gamma·x)), elementwise; see :func:`gem.functional.golu`."""

    def __init__(self, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        F.golu_limits(alpha, beta, gamma)
        self.alpha, self.beta, self.gamma, self.inplace = alpha, beta, gamma, inplace

    def forward(self, x: Tensor) -> Tensor:
        return F.golu(x, self.alpha, self.beta, self.gamma)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha:g}, beta={self.beta:g}, gamma={self.gamma:g}"
