"""Compares derivatives with differences of the values, and the modes of differentiation with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.func import grad, jvp, vmap

from experiments.trial.certificate.finding import Finding, Make, number, passes

STEP = 1e-5  # of central differences in float64
TOLERANCE = 1e-5  # relative to the largest slope nearby
GRID = torch.linspace(-5, 5, 401, dtype=torch.float64) + 0.00123  # avoids the places where kinks usually are

Function = Callable[[Tensor], Tensor]


def check_derivatives(make: Make) -> Iterator[Finding]:
    f = make().double()
    first = check_first(f)
    yield first
    if first.grade == "wrong":
        return
    yield from check_second(f)
    yield from check_forward_mode(f)
    yield from check_nested_modes(f)


def backward_slope(f: Function, x: Tensor) -> Tensor:
    """f'(x) by backward differentiation; zeros if the function does not depend on its input."""
    x = x.detach().clone().requires_grad_()
    out = f(x)
    if not out.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(out.sum(), x)[0]


def difference(f: Function, x: Tensor, step: float = STEP) -> Tensor:
    """(f(x + h) - f(x - h)) / 2h"""
    with torch.no_grad():
        return (f(x + step) - f(x - step)) / (2 * step)


def check_first(f: Function) -> Finding:
    """Check the gradient for training. A place where two step sizes disagree is a kink and is skipped."""
    slope = backward_slope(f, GRID)
    fine, coarse = difference(f, GRID), difference(f, GRID, 8 * STEP)
    scale = fine.abs().max().clamp_min(1e-3)
    smooth = (fine - coarse).abs() < 1e-3 * scale
    off = torch.where(smooth, (slope - fine).abs() / scale, 0.0)
    worst = int(off.nan_to_num(float("inf")).argmax())
    if not off[worst] < TOLERANCE:
        shown = f"at x = {number(GRID[worst])} backward says {number(slope[worst])}, differences {number(fine[worst])}"
        return Finding("first derivative", "wrong", "the backward pass is wrong", shown)
    if not slope.any():
        return Finding("first derivative", "wrong", "the gradient is 0 everywhere: nothing below it can learn")
    return passes("first derivative", "agrees with differences of the values")


def second_slope(f: Function, x: Tensor) -> Tensor:
    """f''(x) by differentiating the backward pass."""
    x = x.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    if not slope.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(slope.sum(), x)[0]


def check_second(f: Function) -> Iterator[Finding]:
    try:
        curvature = second_slope(f, GRID)
    except Exception as error:
        yield Finding("second derivative", "note", f"has none: {' '.join(str(error).split())[:120]}")
        return
    fine, coarse = (
        (backward_slope(f, GRID + step) - backward_slope(f, GRID - step)) / (2 * step) for step in (STEP, 8 * STEP)
    )
    scale = fine.abs().max().clamp_min(1e-3)
    off = torch.where((fine - coarse).abs() < 1e-3 * scale, (curvature - fine).abs() / scale, 0.0)
    worst = int(off.nan_to_num(float("inf")).argmax())
    if off[worst] < 10 * TOLERANCE:
        yield passes("second derivative", "agrees with differences of the first")
    else:
        shown = f"at x = {number(GRID[worst])} it says {number(curvature[worst])}, differences {number(fine[worst])}"
        yield Finding("second derivative", "fails", "the double backward pass is wrong", shown)


def forward_slope(f: Function) -> Function:
    """f' by forward differentiation."""
    return lambda x: jvp(f, (x,), (torch.ones_like(x),))[1]


def check_forward_mode(f: Function) -> Iterator[Finding]:
    try:
        forward = forward_slope(f)(GRID)
    except Exception as error:
        yield Finding("forward mode", "note", f"has none: {' '.join(str(error).split())[:120]}")
        return
    yield agreement("forward mode", "backward mode", forward, backward_slope(f, GRID))


def check_nested_modes(f: Function) -> Iterator[Finding]:
    """Orders two and three by nested forward mode and by forward over backward, against nested backward mode."""
    x = GRID[::16]

    def scalar(value: Tensor) -> Tensor:
        return f(value.reshape(1)).reshape(())

    try:
        backward = [vmap(grad(scalar))(x), vmap(grad(grad(scalar)))(x), vmap(grad(grad(grad(scalar))))(x)]
        nested = forward_slope(forward_slope(f))(x), forward_slope(forward_slope(forward_slope(f)))(x)
        mixed = vmap(forward_slope(grad(scalar)))(x)
    except Exception as error:
        yield Finding("nested modes", "note", f"cannot be nested: {' '.join(str(error).split())[:120]}")
        return
    for name, found, expected in (
        ("forward over backward", mixed, backward[1]),
        ("forward mode twice", nested[0], backward[1]),
        ("forward mode three times", nested[1], backward[2]),
    ):
        finding = agreement(name, "nested backward mode", found, expected)
        if finding.grade != "passes":
            yield finding
            return
    yield passes("nested modes", "forward and backward mode agree to third order")


def agreement(name: str, other: str, found: Tensor, expected: Tensor) -> Finding:
    scale = expected.abs().max().clamp_min(1e-3)
    off = ((found - expected).abs() / scale).nan_to_num(float("inf"))
    worst = int(off.argmax())
    if off[worst] < 1e-8:
        return passes(name, f"agrees with {other}")
    return Finding(name, "fails", f"disagrees with {other}", f"{number(found[worst])}, not {number(expected[worst])}")
