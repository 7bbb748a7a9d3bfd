"""Compares half types with float64, and tests extreme inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from experiments.trial.certificate.finding import Finding, Make, number, passes

HALF = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
ALLOWED_UNITS = 4.0  # units in the last place by which a half type may differ from float64
TAIL = 2.0**-6  # a result is small if it is below this share of its input


def check_precision(make: Make) -> Iterator[Finding]:
    yield from check_half(make)
    yield from check_nan(make)
    yield from check_ends(make)


@torch.no_grad()
def check_half(make: Make) -> Iterator[Finding]:
    """float16 and bfloat16 may differ from float64 by a few units in the last place of the result or the input.

    A small result of a large input may lose digits to cancellation. This is only a note, because it is far below the
    resolution of the input.
    """
    for dtype, name in HALF.items():
        x = torch.linspace(-8, 8, 2001).to(dtype)
        found, exact = make()(x).double(), make().double()(x.double())
        size, given = exact.abs().clamp_min(torch.finfo(dtype).tiny), x.double().abs()
        off = (found - exact).abs() / torch.finfo(dtype).eps
        coarse, fine = ((off / torch.maximum(size, part * given)).nan_to_num(math.inf) for part in (1.0, TAIL))
        units = coarse if coarse.max() > ALLOWED_UNITS else fine
        worst = int(units.argmax())
        shown = f"f({number(x[worst])}) is {number(found[worst])} in {name}, {number(exact[worst])} in float64"
        if coarse.max() > ALLOWED_UNITS:
            yield Finding(name, "fails", f"is off by {units[worst]:.3g} units in the last place", shown)
        elif fine.max() > ALLOWED_UNITS:
            yield Finding(name, "note", "loses digits where its value is small", shown)
        else:
            yield passes(name, f"right to {units[worst]:.2g} units in the last place")


def check_nan(make: Make) -> Iterator[Finding]:
    """A NaN input must give a NaN output; otherwise a divergence stays hidden."""
    x = torch.tensor([math.nan, 1.0], requires_grad=True)
    found = make()(x)
    if not found[0].isnan():
        yield Finding("NaN", "fails", f"hides a NaN: returns {number(found[0].detach())}", "x = NaN")
        return
    found.sum().backward()
    assert x.grad is not None
    if x.grad[1].isnan():
        yield Finding("NaN", "fails", "a NaN in one place reaches the gradients of others", "x = [NaN, 1]")
    else:
        yield passes("NaN", "passes a NaN on")


def check_ends(make: Make) -> Iterator[Finding]:
    """At ±0, subnormal and huge inputs value and gradient are finite. At ±∞ the value is not NaN."""
    for dtype, name in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16"), (torch.float16, "float16")):
        info = torch.finfo(dtype)
        values = [0.0, -0.0, info.tiny / 4, -info.tiny / 4, 100.0, -100.0, 1e4, -1e4, info.max / 8, -info.max / 8]
        x = torch.tensor(values, dtype=dtype, requires_grad=True)
        found = make()(x)
        (slope,) = torch.autograd.grad(found.sum(), x)
        bad = [
            (given, y, s)
            for given, y, s in zip(values, found.tolist(), slope.tolist(), strict=True)
            if not math.isfinite(s) or math.isnan(y) or (not math.isfinite(y) and abs(given) <= 100)
        ]
        if bad:
            given, y, s = bad[0]
            yield Finding("extremes", "fails", f"not finite in {name}", f"f({given:g}) = {y:g}, f'({given:g}) = {s:g}")
            return
    infinite = make()(torch.tensor([math.inf, -math.inf]))
    if infinite.isnan().any():
        at = "+∞" if infinite[0].isnan() else "−∞"
        yield Finding("extremes", "note", "is NaN at infinity", f"x = {at}")
    else:
        yield passes("extremes", "finite from subnormal to huge inputs, and no NaN at ±∞")
