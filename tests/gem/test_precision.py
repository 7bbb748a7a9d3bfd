"""Values and derivatives against 50-digit decimal arithmetic, from the subnormals to 1e300."""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext

import torch
from torch import Tensor

from gem import functional as F  # noqa: N812
from gem._scale import make_scale
from gem.blocked import slope_product, slope_product_at, value
from gem.closed_forms import Gated

DIGITS = Context(prec=50, Emin=-(10**9), Emax=10**9)
FLOOR = 1e-20  # below this an absolute error counts, not a relative one
PRECISION = {torch.float64: (53, -1074), torch.float32: (24, -149), torch.bfloat16: (8, -133), torch.float16: (11, -24)}
LARGEST = {torch.float64: 1e300, torch.float32: 3e38, torch.bfloat16: 3e38, torch.float16: 6e4}


def sample(dtype: torch.dtype, count: int, alpha: float) -> Tensor:
    """Magnitudes spread over the whole range of the type, and as many around the scale; both signs."""
    smallest = 2.0 ** PRECISION[dtype][1]
    span = torch.linspace(math.log2(smallest), math.log2(LARGEST[dtype]), count // 2, dtype=torch.float64)
    near = torch.linspace(math.log2(alpha) - 6, math.log2(alpha) + 6, count // 2, dtype=torch.float64)
    x = torch.cat([span, near]).exp2().clamp(max=LARGEST[dtype])
    x[1::2] *= -1
    return x.to(dtype)


def ulps(got: Tensor, exact: list[Decimal], floor: float = FLOOR) -> float:
    """The largest error in units in the last place of the exact result, errors below ``floor`` left out."""
    bits, lowest = PRECISION[got.dtype]
    worst = 0.0
    for measured, wanted in zip(got.double().tolist(), exact, strict=True):
        error = float(abs(Decimal(measured) - wanted))
        if error > floor:
            exponent = math.frexp(float(wanted))[1]
            worst = max(worst, error / 2.0 ** max(exponent - bits, lowest))
    return worst


def exact_gated(x: Tensor, N: int, eps: float, slope: float, convention: str) -> tuple[list[Decimal], list[Decimal]]:
    """Value and first derivative of SE-GEM."""
    values, slopes = [], []
    with localcontext(DIGITS):
        c = Decimal(eps) if convention == "additive" else Decimal(eps) ** (2 * N)
        for point in x.double().tolist():
            z = Decimal(point)
            v = z ** (2 * N)
            lead = Decimal(1) if z > 0 else Decimal(slope)
            values.append(lead * z * v / (c + v))
            slopes.append(lead * v * (v + (2 * N + 1) * c) / (c + v) ** 2)
    return values, slopes


def exact_golu(x: Tensor) -> tuple[list[Decimal], list[Decimal]]:
    """Value and first derivative of GoLU; below -1000 both are 0 to any precision asked here."""
    values, slopes = [], []
    with localcontext(DIGITS):
        for point in x.double().tolist():
            z = Decimal(max(point, -1000.0))
            rate = (-z).exp()
            gate = (-rate).exp()
            values.append(z * gate)
            slopes.append(gate * (1 + z * rate))
    return values, slopes


CASES = [(N, eps, c) for N in range(1, 9) for eps in (1e-12, 1e-4, 1.0, 1e6) for c in ("additive", "scale")]
REDUCED = CASES[::7] + CASES[-2:]


def errors(dtype: torch.dtype, count: int, N: int, eps: float, convention: str, slope: float) -> dict[str, float]:
    family = Gated(*make_scale(N, eps, convention), slope)
    x = sample(dtype, count, family.alpha)
    values, slopes = exact_gated(x, N, eps, slope, convention)
    one, leaf = torch.ones_like(x), x.clone().requires_grad_()
    plain = F.segem(leaf, N, eps, slope, convention)
    (plain_slope,) = torch.autograd.grad(plain, leaf, one)
    return {
        "value": ulps(value(x, family), values),
        "slope": ulps(slope_product(one, x, family), slopes),
        "slope from output": ulps(slope_product_at(one, value(x, family), family), slopes),
        "plain value": ulps(plain.detach(), values),
        "plain slope": ulps(plain_slope, slopes),
        "closed slope": ulps(family.derivative(x), slopes),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    import sys

    cnt = int(sys.argv[1])
    for dt in (torch.float64, torch.float32):
        worst = {}
        for N, eps, c in CASES:
            for slope in (0.0, 0.01):
                e = errors(dt, cnt, N, eps, c, slope)
                for k, v in e.items():
                    r = v / (2 * N + 6)
                    if r > worst.get(k, (0,))[0]:
                        worst[k] = (r, v, N, eps, c, slope)
        print(dt)
        [print(k, v) for k, v in worst.items()]
