"""Correctness and speed of the activations on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

import gem
from benchmarks.bench_activations import Step, Stopwatch, forward_and_backward
from benchmarks.gpu.child import Row
from gem import reference

SIZES = {"cuda": 2**26, "cpu": 2**20}
CHECKED = 2**18  # elements, on top of a grid of extremes
ROUNDS = 10
LIMIT = 8.0  # rounding steps; the slope of N = 2 in float32 takes four on a CPU
Definition = Callable[[Tensor], Tensor]


def subjects() -> dict[str, tuple[nn.Module, Definition]]:
    """The modules to examine, with their definitions."""
    return {
        "gem N=1": (gem.GEM(), reference.gem),
        "gem N=2": (gem.GEM(N=2), partial(reference.gem, N=2)),
        "egem eps=1e-4": (gem.EGEM(), reference.egem),
        "segem eps=1e-4": (gem.SEGEM(), reference.segem),
        "golu": (gem.GoLU(), reference.golu),
    }


def rows(device: str, results_dir: Path) -> Iterator[Row]:
    torch.manual_seed(0)
    place = torch.device(device)
    for dtype in (torch.float32, torch.bfloat16):
        x, grad = (torch.randn(SIZES[device], device=place).to(dtype) for _ in range(2))
        target = torch.empty_like(x)
        modules = {name: module.to(place) for name, (module, _) in subjects().items()}
        steps: dict[str, Step] = {"copy": partial(target.copy_, x), "gelu": forward_and_backward(nn.GELU(), x, grad)}
        steps |= {name: forward_and_backward(module, x, grad) for name, module in modules.items()}
        took = Stopwatch(place, "wall", ROUNDS).fastest(steps)
        for name, (_, definition) in subjects().items():
            error, slope_error = errors(modules[name], definition, dtype, place)
            yield {
                "activation": name,
                "dtype": str(dtype)[6:],
                "error": round(error, 2),
                "slope_error": round(slope_error, 2),
                "right": error <= LIMIT and slope_error <= LIMIT,
                "to_gelu": round(took[name] / took["gelu"], 3),
                # Forward and backward move five tensors at least, a copy moves two.
                "bandwidth": round(2.5 * took["copy"] / took[name], 3),
            }


def errors(module: nn.Module, definition: Definition, dtype: torch.dtype, device: torch.device) -> tuple[float, float]:
    """Errors of value and slope, in rounding steps of ``dtype`` at max(1, |value|)."""
    x = torch.cat([torch.randn(CHECKED), torch.linspace(-30, 30, 4001), torch.tensor([0.0, -0.0, 1e-30, 1e4])])
    x = x.to(dtype)
    exact = x.double().requires_grad_()
    value = definition(exact)
    (slope,) = torch.autograd.grad(value.sum(), exact)
    ours = x.to(device).requires_grad_()
    y = module(ours)
    (ours_slope,) = torch.autograd.grad(y.sum(), ours)
    return rounding_steps(y, value, dtype), rounding_steps(ours_slope, slope, dtype)


def rounding_steps(ours: Tensor, exact: Tensor, dtype: torch.dtype) -> float:
    difference = (ours.detach().cpu().double() - exact.detach()).abs()
    return float((difference / (torch.finfo(dtype).eps * exact.detach().abs().clamp_min(1))).max())
