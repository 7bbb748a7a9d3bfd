"""Tests inputs and outputs: type, shape, strides, side effects, randomness."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from experiments.trial.certificate.finding import Finding, Make, passes

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def sample(dtype: torch.dtype = torch.float32) -> Tensor:
    """Values on both sides of 0, of small and usual size."""
    return torch.linspace(-6, 6, 97).to(dtype)


def check_values(make: Make) -> Iterator[Finding]:
    yield from check_types(make)
    yield from check_side_effects(make)
    yield from check_chance(make)
    yield from check_shapes(make)
    yield check_elementwise(make)


def check_types(make: Make) -> Iterator[Finding]:
    """The output must be a tensor of the input's dtype, for every floating-point dtype."""
    wrong = []
    for dtype in FLOATS:
        found = make()(sample(dtype))
        if not isinstance(found, Tensor):
            yield Finding("type", "wrong", f"returns {type(found).__name__}, not a tensor")
            return
        if found.dtype != dtype:
            wrong.append(f"{short(dtype)} in, {short(found.dtype)} out")
    if wrong:
        yield Finding("type", "fails", f"changes the type: {'; '.join(wrong)}", "any tensor")
    else:
        yield passes("type", "returns the type of its input, for 64, 32 and 16 bits")


def check_side_effects(make: Make) -> Iterator[Finding]:
    x = sample()
    before = x.clone()
    make()(x)
    if not torch.equal(x, before):
        at = int((x != before).nonzero()[0])
        yield Finding("input", "wrong", "changes its input", f"x = {before[at]:g} becomes {x[at]:g}")
    else:
        yield passes("input", "leaves its input as it is")


def check_chance(make: Make) -> Iterator[Finding]:
    """Two calls in training mode, and two in evaluation mode, must give the same."""
    x = sample()
    for module, mode in ((make().train(), "training"), (make().eval(), "evaluation")):
        first, second = module(x), module(x)
        if not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second)):
            at = int((first != second).nonzero()[0])
            text = f"is random in {mode} mode: runs cannot be repeated bit for bit"
            yield Finding("chance", "fails", text, f"f({x[at]:g}) is {first[at]:g}, then {second[at]:g}")
            return
    yield passes("chance", "gives the same for the same input")


def check_shapes(make: Make) -> Iterator[Finding]:
    """Any shape, including scalar and empty, and any memory layout must give the values of a plain vector."""
    module, x = make(), sample()
    plain = module(x)
    layouts = {
        "a scalar": (x[50].clone(), plain[50]),
        "an empty tensor": (x[:0], plain[:0]),
        "every second element": (x[::2], plain[::2]),
        "a transposed matrix": (x[:96].view(8, 12).t(), plain[:96].view(8, 12).t()),
        "channels last": (
            x[:96].view(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
            plain[:96].view(2, 3, 4, 4),
        ),
        "an expanded row": (x[:1].expand(5, 1), plain[:1].expand(5, 1)),
    }
    for name, (given, expected) in layouts.items():
        try:
            found = module(given)
        except Exception as error:
            yield Finding("shapes", "fails", f"refuses {name}: {' '.join(str(error).split())[:120]}", name)
            return
        if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True):
            yield Finding("shapes", "fails", f"gives other values for {name}", name)
            return
    yield passes("shapes", "takes any shape and memory layout")


def check_elementwise(make: Make) -> Finding:
    """Whether each output depends only on its own input."""
    module, x = make().eval(), sample()
    moved = x.clone()
    moved[10] += 1.0
    others = torch.arange(len(x)) != 10
    if torch.equal(torch.nan_to_num(module(x)[others]), torch.nan_to_num(module(moved)[others])):
        return passes("elementwise", "works element by element")
    return Finding("elementwise", "note", "an output depends on other inputs too: its form is not examined")


def short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
