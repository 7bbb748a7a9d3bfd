"""Values and derivatives against 50-digit decimal arithmetic, from the subnormals to 1e300."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from gem import reference as F  # noqa: N812
from gem._closed_forms import Family, Gated, Gompertz
from gem._pieces import slope_product, slope_product_at, value
from gem._scale import make_scale

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


def exact_gated(x: Tensor, N: int, eps: float, slope: float, convention: str) -> list[list[Decimal]]:
    """Value, first and second derivative of SE-GEM at the points."""
    rows = []
    with localcontext(DIGITS):
        c = Decimal(eps) if convention == "additive" else Decimal(eps) ** (2 * N)
        for point in x.double().tolist():
            z = Decimal(point)
            v = z ** (2 * N)
            lead = Decimal(1) if z > 0 else Decimal(slope)
            r, q = v / (c + v), c / (c + v)
            bend = 2 * N * r * q * (1 - 2 * N + 4 * N * q) / z if z else Decimal(0)
            rows.append([lead * z * r, lead * r * (1 + 2 * N * q), lead * bend])
    return [list(column) for column in zip(*rows, strict=True)]


def exact_golu(x: Tensor) -> list[list[Decimal]]:
    """Value, first and second derivative of GoLU, and its larger term; below -1000 all are 0 to any precision here."""
    rows = []
    with localcontext(DIGITS):
        for point in x.double().tolist():
            z = Decimal(max(point, -1000.0))
            rate = (-z).exp()
            gate = (-rate).exp()
            terms = [z * gate, gate * (1 + z * rate), gate * rate * (2 - z * (1 - rate))]
            rows.append([*terms, max(gate, abs(gate * z * rate))])
    return [list(column) for column in zip(*rows, strict=True)]


def plain_derivative(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf, torch.ones_like(x))[0]


def check_gated(dtype: torch.dtype, count: int, N: int, eps: float, convention: str, slope: float) -> None:
    family = Gated(*make_scale(N, eps, convention), slope)
    x = sample(dtype, count, family.alpha)
    values, slopes, bends = exact_gated(x, N, eps, slope, convention)
    one, y = torch.ones_like(x), value(x, family)

    def plain(z: Tensor) -> Tensor:
        return F.segem(z, N, eps, slope, convention)

    measured = {
        "value": ulps(y, values),
        "value, plain": ulps(plain(x), values),
        "slope": ulps(slope_product(one, x, family), slopes),
        "slope from the output": ulps(slope_product_at(one, y, family), slopes),
        "slope, plain": ulps(plain_derivative(plain, x), slopes),
        "slope, closed form": ulps(family.derivative(x), slopes),
    }
    assert max(measured.values()) <= 2 * N + 6, measured
    allowed = 1e-12 if dtype == torch.float64 else 1e-5
    assert relative_to_maximum(family.second_derivative(x), bends) <= allowed


def relative_to_maximum(got: Tensor, exact: list[Decimal]) -> float:
    largest = max(map(abs, exact))
    return float(max(abs(Decimal(g) - e) for g, e in zip(got.double().tolist(), exact, strict=True)) / largest)


ORDERS, EPSILONS, CONVENTIONS = range(1, 9), (1e-12, 1e-4, 1.0, 10.0, 1e6), ("additive", "scale")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("N", ORDERS)
def test_family_within_ulps_of_exact_arithmetic(N: int, dtype: torch.dtype) -> None:
    for eps, convention in ((1e-12, "additive"), (1e-4, "scale"), (10.0, "additive"), (1e6, "scale")):
        for slope in (0.0, 0.01):
            check_gated(dtype, 300, N, eps, convention, slope)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("N", ORDERS)
def test_family_within_ulps_of_exact_arithmetic_at_10000_points(N: int, dtype: torch.dtype) -> None:
    for eps in EPSILONS:
        for convention in CONVENTIONS:
            for slope in (0.0, 0.01):
                check_gated(dtype, 10_000, N, eps, convention, slope)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_golu_within_the_conditioning_of_its_formula(dtype: torch.dtype) -> None:
    x = torch.cat([sample(dtype, 3000, 1.0), torch.linspace(-8, 8, 2001).to(dtype)])
    family, one = Gompertz(1.0, 1.0, 1.0), torch.ones_like(x)
    values, slopes, bends, larger = exact_golu(x)
    unit = 2.0 ** (1 - PRECISION[dtype][0])
    slope_scale = [float(t) * unit for t in larger]
    value_scale = [abs(float(v)) * unit for v in values]
    for got, exact, scale in (
        (value(x, family), values, value_scale),
        (F.golu(x), values, value_scale),
        (slope_product(one, x, family), slopes, slope_scale),
        (family.derivative(x), slopes, slope_scale),
        (plain_derivative(F.golu, x), slopes, slope_scale),
    ):
        for point, measured, wanted, ulp in zip(x.tolist(), got.double().tolist(), exact, scale, strict=True):
            error = abs(float(Decimal(measured) - wanted))
            assert error <= FLOOR or error <= 8 * (1 + math.exp(min(-point, 700.0))) * ulp, point
    assert relative_to_maximum(family.second_derivative(x), bends) <= (1e-12 if dtype == torch.float64 else 1e-5)


HALF_CASES: list[tuple[Family, Callable[[Tensor], list[list[Decimal]]]]] = [
    (Gompertz(1.0, 1.0, 1.0), exact_golu),
    *(
        (Gated(*make_scale(N, eps, convention), slope), lambda x, a=(N, eps, slope, convention): exact_gated(x, *a))
        for N in (1, 2, 4, 8)
        for eps, convention, slope in ((1e-12, "additive", 0.0), (1e-4, "scale", 0.01), (1e6, "additive", 0.0))
    ),
]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("family", "exact"), HALF_CASES)
def test_half_types_within_one_ulp_of_the_rounded_result(
    family: Family, exact: Callable[[Tensor], list[list[Decimal]]], dtype: torch.dtype
) -> None:
    x = sample(dtype, 1500, 1.0)
    values, slopes, *_ = exact(x)
    for got, wanted in ((value(x, family), values), (slope_product(torch.ones_like(x), x, family), slopes)):
        rounded = torch.tensor([float(w) for w in wanted], dtype=torch.float64).to(dtype)
        assert ulps(got, [Decimal(r) for r in rounded.double().tolist()]) <= 1


def exact_derivatives(x: list[float], N: int, c: Fraction, order: int) -> list[Fraction]:
    """The derivative of x^(2N+1) / (c + x^(2N)) as P / (c + x^(2N))^(order+1), in rational arithmetic."""
    numerator = {2 * N + 1: Fraction(1)}
    for k in range(order):
        derived: dict[int, Fraction] = {}
        for power, a in numerator.items():
            for shift, factor in ((-1, power * c), (2 * N - 1, Fraction(power - (k + 1) * 2 * N))):
                if a * factor:
                    derived[power + shift] = derived.get(power + shift, Fraction(0)) + a * factor
        numerator = derived
    out = []
    for point in map(Fraction, x):
        below = (c + point ** (2 * N)) ** (order + 1)
        out.append(sum((a * point**p for p, a in numerator.items()), Fraction(0)) / below if point > 0 else Fraction(0))
    return out


@pytest.mark.parametrize("eps", [1e-12, 1e-4, 1.0, 1e6])
@pytest.mark.parametrize("N", [1, 2, 3, 4])
def test_derivatives_by_composition_up_to_order_2n(N: int, eps: float) -> None:
    alpha = make_scale(N, eps).c ** (1 / (2 * N))
    x = torch.cat([torch.linspace(-1, 0, 3), torch.logspace(-3, 3, 60)]).double() * alpha
    leaf = x.clone().requires_grad_()
    derivative = F.egem(leaf, N, eps)
    for order in range(1, 2 * N + 1):
        (derivative,) = torch.autograd.grad(derivative.sum(), leaf, create_graph=True)
        exact = torch.tensor([float(e) for e in exact_derivatives(x.tolist(), N, Fraction(eps), order)]).double()
        assert ((derivative - exact).abs().max() / exact.abs().max()).item() <= 1e-6, order
