"""Derive the properties of GEM, E-GEM and SE-GEM symbolically and write results/tables/properties.md.

    python benchmarks/certify.py [orders=1,2,3,4]

For x > 0 everything follows from f(x) = x^(2N+1) / (c + x^(2N)), where c is eps (E-GEM), eps^(2N) (scale convention)
or 1 (GEM). SE-GEM is f(x) for x > 0 and -a·f(-x) for x < 0. sympy derives each claim for every order in ``orders``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import sympy as sp

from experiments.cli import key_values, read_whole, script
from experiments.files import write_page

KEYS = {"orders": "1,2,3,4", "results_dir": "results"}
x, c, a, t = sp.symbols("x c a t", positive=True)


@dataclass(frozen=True)
class Properties:
    """The derived properties for one N, in c (the gate's constant), a (the negative slope) and α = c^(1/(2N))."""

    N: int
    jump: sp.Expr  # right limit of derivative 2N+1 at 0; all lower ones vanish
    jump_signed: sp.Expr  # the same difference, right minus left, for SE-GEM
    steepest_at: sp.Expr  # x / α
    max_slope: sp.Expr
    gap_at: sp.Expr  # x / α
    max_gap: sp.Expr  # in units of α
    l1: sp.Expr  # ‖f - relu‖ on the line over α^(1 + 1/p), infinite if p·(2N - 1) ≤ 1
    l2: sp.Expr


def branch(N: int) -> sp.Expr:
    """The function on x > 0."""
    return x ** (2 * N + 1) / (c + x ** (2 * N))


def derive(N: int) -> Properties:
    """Derive every property for the order ``N``. Raises AssertionError if a claim does not hold."""
    f = branch(N)
    right = derivatives_at_zero(f, 2 * N + 1)
    left = [sp.simplify(-a * (-1) ** k * d) for k, d in enumerate(right)]
    assert all(d == 0 for d in right[:-1] + left[:-1]), "a derivative of order 2N or less does not vanish at 0"
    assert right[-1] != 0, "derivative 2N+1 vanishes at 0"

    scaled = sp.cancel(f.subs(c, 1))
    homogeneous = f.subs({c: t ** (2 * N), x: t * x}, simultaneous=True) / t - scaled
    assert sp.simplify(homogeneous) == 0, "f is not α·f(x/α) at c = 1"
    slope = sp.together(sp.diff(scaled, x))
    assert all(k > 0 for k in sp.Poly(sp.numer(slope), x).coeffs() if k != 0), "the slope changes sign on x > 0"
    steepest = stationary_point(slope)
    max_slope = sp.nsimplify(sp.simplify(slope.subs(x, steepest)))
    assert max_slope == sp.Rational((2 * N + 1) ** 2, 8 * N), "the maximum slope is not (2N+1)²/(8N)"
    gap = sp.cancel(x - scaled)
    widest = stationary_point(gap)
    return Properties(
        N,
        right[-1],
        sp.simplify(right[-1] - left[-1]),
        steepest,
        max_slope,
        widest,
        sp.simplify(gap.subs(x, widest)),
        norm(N, 1),
        norm(N, 2),
    )


def derivatives_at_zero(f: sp.Expr, order: int) -> list[sp.Expr]:
    """Right limits at 0 of the derivatives 0 … ``order``."""
    found = []
    for _ in range(order + 1):
        found.append(sp.simplify(f.subs(x, 0)))
        f = sp.cancel(sp.diff(f, x))
    return found


def stationary_point(f: sp.Expr) -> sp.Expr:
    """The one x > 0 where f' vanishes, solved in u = x^(2N) or x: the one in which the numerator is a polynomial."""
    numerator = sp.Poly(sp.numer(sp.cancel(sp.diff(f, x))), x)
    step = sp.gcd([power - numerator.monoms()[-1][0] for (power,) in numerator.monoms()])
    lowest = numerator.monoms()[-1][0]
    u = sp.Symbol("u", positive=True)
    reduced = sum(k * u ** ((power - lowest) / step) for (power,), k in numerator.terms())
    roots = [r for r in sp.solve(reduced, u) if r.is_positive]
    assert len(roots) == 1, f"expected one stationary point, got {roots}"
    return sp.simplify(roots[0] ** sp.Rational(1, step))


def norm(N: int, power: int) -> sp.Expr:
    """‖t / (1 + t^(2N))‖ in L^power on t > 0, by the Beta integral. f - relu is α times this function at t = x/α."""
    if power * (2 * N - 1) <= 1:
        return sp.oo
    # ∫ t^p / (1 + t^(2N))^p dt = B((p+1)/(2N), p - (p+1)/(2N)) / (2N), with u = t^(2N).
    first = sp.Rational(power + 1, 2 * N)
    integral = sp.gamma(first) * sp.gamma(power - first) / sp.gamma(power) / (2 * N)
    return sp.simplify(integral ** sp.Rational(1, power))


def shown(value: sp.Expr) -> str:
    return "∞" if value == sp.oo else f"{float(value):.5g}"


def table(properties: list[Properties]) -> str:
    """The page, in Markdown."""
    smooth = [f"| {q.N} | {2 * q.N} | {sp.sstr(q.jump)} | {sp.sstr(q.jump_signed)} |" for q in properties]
    slopes = [
        f"| {q.N} | {sp.sstr(q.max_slope)} = {shown(q.max_slope)} | {shown(q.steepest_at)} | {shown(q.max_gap)} "
        f"| {shown(q.gap_at)} | {shown(q.l1)} | {shown(q.l2)} |"
        for q in properties
    ]
    rates = [
        f"| {q.N} | eps^({sp.Rational(1, 2 * q.N)}) | {'—' if q.l1 == sp.oo else f'eps^({sp.Rational(1, q.N)})'} "
        f"| eps^({sp.Rational(3, 4 * q.N)}) |"
        for q in properties
    ]
    return "\n".join(
        [
            "# Properties of GEM, E-GEM and SE-GEM",
            "",
            "Derived symbolically by `python benchmarks/certify.py`; the tests compare each with numbers. E-GEM and",
            "SE-GEM are reconstructions. c is the constant in x^(2N+1) / (c + x^(2N)): 1 for GEM, eps for E-GEM,",
            "eps^(2N) in the scale convention. α = c^(1/(2N)) is the scale, a the negative slope of SE-GEM.",
            "",
            "## Smoothness at 0",
            "",
            "The derivatives of order 0 to 2N vanish on both sides; that of order 2N+1 jumps: C^(2N), not C^(2N+1).",
            "",
            "| N | continuous derivatives | jump of the next, GEM and E-GEM | SE-GEM |",
            "|---|---|---|---|",
            *smooth,
            "",
            "## Slope and distance to ReLU",
            "",
            "The slope is positive on x > 0: GEM and E-GEM never fall, SE-GEM rises everywhere but at 0 (a > 0). Its",
            "maximum, (2N+1)²/(8N), does not depend on eps. The distance to ReLU on the line is α times the largest",
            "gap, and α^(1 + 1/p) times the L^p norm, finite if p·(2N - 1) > 1.",
            "",
            "| N | maximum slope | at x/α | largest gap / α | at x/α | L¹ norm / α² | L² norm / α^(3/2) |",
            "|---|---|---|---|---|---|---|",
            *slopes,
            "",
            "## Rate of the approximation as eps → 0",
            "",
            "With α = eps^(1/(2N)); in the scale convention the rates are eps, eps² and eps^(3/2) for every N.",
            "",
            "| N | largest gap | L¹ | L² |",
            "|---|---|---|---|",
            *rates,
            "",
        ]
    )


def main(words: list[str]) -> None:
    """Derive, print and write. Raises AssertionError if a claim does not hold."""
    values = key_values(words, KEYS)
    text = table([derive(read_whole("orders", N)) for N in values["orders"].split(",")])
    write_page(values["results_dir"], "properties", text)
    print(text)


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
