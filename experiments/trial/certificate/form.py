"""The form of an elementwise function: kinks and their order, monotony, bounds, flat parts, gain.

All of it is numerical in float64, by nested differentiation if it works and by differences otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

import gem
from experiments.trial.certificate.derivatives import Function, backward_slope, forward_slope
from experiments.trial.certificate.finding import Finding, Make, number, passes

WIDE = torch.linspace(-8, 8, 1602, dtype=torch.float64)  # without 0, where kinks usually are
NARROW = 2.0**-30  # distance from a kink at which both sides are compared
HIGHEST = 5  # highest order of derivatives that is examined
JUMP = 1e-4  # least jump, relative to the largest derivative nearby
NEIGHBOURS = 1e-3  # kinks closer than this count as one


@dataclass(frozen=True)
class Kink:
    """At ``x`` the derivative of ``order`` jumps by ``jump``; lower derivatives are continuous there."""

    x: float
    order: int
    jump: float


def check_form(make: Make) -> Iterator[Finding]:
    f = make().double().eval()
    yield from describe_smoothness(f)
    yield describe_monotony(f)
    yield describe_bounds(f)
    yield describe_flat_parts(f)
    yield describe_moments(f)


def derivatives(f: Function, highest: int) -> list[Function]:
    """f, f', f'' … by nested forward mode as far as it works; at least f and f'."""
    found: list[Function] = [f, lambda x: backward_slope(f, x)]
    probe = torch.tensor([0.3, -0.7], dtype=torch.float64)
    nested = f
    for order in range(1, highest + 1):
        nested = forward_slope(nested)
        try:
            if not nested(probe).isfinite().all():
                break
        except Exception:
            break
        if order > 1:
            found.append(nested)
    return found


def describe_smoothness(f: Function) -> Iterator[Finding]:
    kinks = find_kinks(f)
    if not kinks:
        yield passes("smoothness", f"no kink between −8 and 8 in derivatives up to order {HIGHEST}")
        return
    for kink in kinks[:4]:
        where = f"at x = {number(kink.x)}"
        if kink.order == 0:
            yield Finding("smoothness", "note", f"jumps {where} by {number(kink.jump)}: not continuous", where)
        elif kink.order == 1:
            yield Finding("smoothness", "note", f"has a kink {where}: the slope jumps by {number(kink.jump)}", where)
        else:
            text = f"{kink.order - 1} times continuously differentiable {where}, and no more"
            yield Finding("smoothness", "note", text, where)


def find_kinks(f: Function) -> list[Kink]:
    """Places between −8 and 8 where a derivative jumps, for the lowest order that has jumps."""
    kinks: list[Kink] = []
    for order, derivative in enumerate(derivatives(f, HIGHEST)):
        scale = float(derivative(WIDE).detach().abs().nan_to_num(0.0).max()) or 1.0
        places, jumps = find_jumps(derivative, JUMP * scale)
        sides = derivative(torch.tensor([-NARROW, NARROW], dtype=torch.float64)).tolist()
        at_zero = sides[1] - sides[0]  # checked separately: a bend may be narrower than the grid
        for x, jump in [(0.0, at_zero), *zip(places.tolist(), jumps.tolist(), strict=True)]:
            if abs(jump) > JUMP * scale and not any(abs(x - kink.x) < NEIGHBOURS for kink in kinks):
                kinks.append(Kink(0.0 if abs(x) < 1e-5 else round(x, 6), order, jump))
        if kinks:
            break
    return sorted(kinks, key=lambda kink: (kink.order, abs(kink.x)))


def find_jumps(derivative: Function, least: float) -> tuple[Tensor, Tensor]:
    """Where ``derivative`` jumps by more than ``least``, and by how much.

    Each interval of the grid is bisected repeatedly, towards the half with the larger change. For a smooth function the
    change tends to 0; at a jump it does not.
    """
    low, high = WIDE[:-1], WIDE[1:]
    while len(low) and float(high[0] - low[0]) > NARROW:
        middle = (low + high) / 2
        left, centre, right = (derivative(x).detach() for x in (low, middle, high))
        lower = (centre - left).abs() > (right - centre).abs()
        kept = torch.maximum((centre - left).abs(), (right - centre).abs()) > least
        low, high = torch.where(lower, low, middle)[kept], torch.where(lower, middle, high)[kept]
    if not len(low):
        return low, low
    return (low + high) / 2, (derivative(high) - derivative(low)).detach()


def describe_monotony(f: Function) -> Finding:
    slope = backward_slope(f, WIDE)
    if (slope >= -1e-12).all():
        return passes("monotony", "never falls")
    if (slope <= 1e-12).all():
        return passes("monotony", "never rises")
    falling = WIDE[slope < -1e-9]
    return passes("monotony", f"falls from x = {number(falling.min())} to {number(falling.max())}, rises elsewhere") \
        if is_one_piece(slope < -1e-9) else passes("monotony", "rises and falls more than once")  # fmt: skip


def is_one_piece(mask: Tensor) -> bool:
    return int(mask.long().diff().abs().sum()) <= 2


def describe_bounds(f: Function) -> Finding:
    with torch.no_grad():
        far = f(torch.tensor([-1e4, -1e3, 1e3, 1e4], dtype=torch.float64)).tolist()
        low, high = float(f(WIDE).min()), float(f(WIDE).max())
    below = abs(far[0] - far[1]) < 1e-3 * max(1.0, abs(far[1]))
    above = abs(far[3] - far[2]) < 1e-3 * max(1.0, abs(far[2]))
    if below and above:
        return passes("bounds", f"bounded: between {number(min(low, far[0]))} and {number(max(high, far[3]))}")
    if below:
        return passes("bounds", f"bounded on the left: at least {number(low)}; grows on the right")
    if above:
        return passes("bounds", f"bounded on the right: at most {number(high)}; grows on the left")
    return passes("bounds", "unbounded on both sides")


def describe_flat_parts(f: Function) -> Finding:
    """Where the slope is exactly 0, and the share of a standard normal input that gets no gradient."""
    dead = backward_slope(f, WIDE) == 0
    density = torch.exp(-(WIDE**2) / 2)
    share = float(density[dead].sum() / density.sum())
    if share > 0.9:
        return Finding("dead region", "fails", f"no gradient for {100 * share:.0f} % of a standard normal input")
    if share > 1e-3:
        text = f"no gradient for {100 * share:.0f} % of a standard normal input"
        return Finding(
            "dead region", "note", f"{text}, from x = {number(WIDE[dead].min())} to {number(WIDE[dead].max())}"
        )
    return passes("dead region", "gradient everywhere between −8 and 8")


def describe_moments(f: Function) -> Finding:
    """Kaiming gain, and mean and variance of f(z) for z ~ N(0, 1)."""
    density = torch.exp(-(WIDE**2) / 2) / math.sqrt(2 * math.pi) * (WIDE[1] - WIDE[0])
    with torch.no_grad():
        y = f(WIDE)
    mean = float((y * density).sum())
    variance = float((y**2 * density).sum()) - mean**2
    try:
        gain = gem.gain(f)
    except ValueError as error:
        return Finding("moments", "fails", str(error))
    return passes("moments", f"gain {gain:.3f}; of a normal input mean {mean:.3f}, variance {variance:.3f}")
