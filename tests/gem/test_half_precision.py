"""Second derivatives in float16 and bfloat16, against float64 at the same points.

They are computed in float32 and rounded once, in eager mode and in compiled code: within one unit in the last place of
the rounded result, plus 1e-5 of the largest second derivative. Where only the output is kept, the derivative is that of
the point with this output (plus 1e-4): half types round many points to one output, above all where it underflows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, jvp, vjp, vmap

import gem
from gem.variants import SEGEMBounded, SEGEMLinear

Function = Callable[[Tensor], Tensor]
HALVES = [torch.float16, torch.bfloat16]
SCALES: list[dict[str, Any]] = [
    {"N": 1, "eps": 1.0},
    {"N": 2, "eps": 1e-4, "negative_slope": 0.0},
    {"N": 1, "eps": 1e-12},  # the largest second derivative, 1.5e6, is beyond float16
    {"N": 3, "eps": 1e-3, "convention": "scale", "negative_slope": 0.0},
    {"N": 16, "eps": 1.0, "negative_slope": 0.1},
    {"N": 32, "eps": 1e-4, "convention": "scale"},
    {"N": 2, "eps": 1e6},
]
MAKERS: dict[str, Callable[[], nn.Module]] = {
    **{f"segem-{i}": lambda s=s: gem.SEGEM(**s) for i, s in enumerate(SCALES)},
    **{f"learnable-{i}": lambda s=s: gem.SEGEM(learnable=True, **s) for i, s in enumerate(SCALES)},
    "golu": lambda: gem.GoLU(1.5, 0.5, 2.0),
    "learnable-golu": lambda: gem.GoLU(learnable=True),
    "linear": lambda: SEGEMLinear(eps=0.1),
    "bounded": lambda: SEGEMBounded(eps=0.1, bound=0.2),
}
each_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def by_autograd(f: Function, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(f(leaf), leaf, torch.ones_like(x), create_graph=True)
    return torch.autograd.grad(first, leaf, torch.ones_like(x))[0]


def forward_over_forward(f: Function, x: Tensor) -> Tensor:
    one = torch.ones_like(x)
    return jvp(lambda z: jvp(f, (z,), (one,))[1], (x,), (one,))[1]


def reverse_over_reverse(f: Function, x: Tensor) -> Tensor:
    return vmap(grad(grad(f)))(x)


def forward_over_reverse(f: Function, x: Tensor) -> Tensor:
    one = torch.ones_like(x)
    return jvp(lambda z: vjp(f, z)[1](one)[0], (x,), (one,))[1]


def reverse_over_forward(f: Function, x: Tensor) -> Tensor:
    one = torch.ones_like(x)
    first: Callable[[Tensor], Tensor] = lambda z: jvp(f, (z,), (one,))[1]  # noqa: E731
    return vjp(first, x)[1](one)[0]


WAYS = [by_autograd, forward_over_forward, reverse_over_reverse, forward_over_reverse, reverse_over_forward]


def points(dtype: torch.dtype, alpha: float) -> Tensor:
    """Around the scale, over the whole range of the type, and where inputs usually lie; both signs and 0."""
    info = torch.finfo(dtype)
    near = torch.linspace(math.log2(alpha) - 8, math.log2(alpha) + 8, 600, dtype=torch.float64)
    span = torch.linspace(math.log2(info.tiny) - 8, math.log2(info.max) - 0.1, 300, dtype=torch.float64)
    positive = torch.cat([near, span]).exp2().clamp(max=info.max)
    usual = torch.linspace(-8, 8, 201, dtype=torch.float64)
    return torch.cat([positive, -positive, usual]).to(dtype)


def scale_of(module: Any) -> float:
    return 1.0 if isinstance(module, gem.GoLU | SEGEMLinear | SEGEMBounded) else float(module.alpha)


def exact(make: Callable[[], nn.Module], module: nn.Module, x: Tensor) -> Tensor:
    """In float64, with the parameters as the module has them."""
    double = make().double()
    double.load_state_dict(module.state_dict())
    return forward_over_forward(double, x.double()).detach()


def assert_rounded_once(got: Tensor, wanted: Tensor, of_largest: float = 1e-5) -> None:
    info, rounded = torch.finfo(got.dtype), wanted.to(got.dtype).double()
    fits = rounded.isfinite()
    assert torch.equal(got.double()[~fits], rounded[~fits])
    unit = info.eps * torch.clamp(wanted.abs(), min=info.tiny)
    allowed = unit + of_largest * wanted.abs().max().clamp(max=info.max)
    assert ((got.double() - rounded).abs() <= allowed)[fits].all()


@pytest.mark.parametrize("dtype", HALVES)
@each_maker
def test_second_derivatives_are_rounded_once(make: Callable[[], nn.Module], dtype: torch.dtype) -> None:
    module = make().to(dtype)
    with torch.no_grad():
        x = points(dtype, scale_of(make()))
    wanted = exact(make, module, x)
    for way in WAYS:
        assert_rounded_once(way(module, x), wanted)


COMPILED = ["segem-0", "segem-1", "segem-4", "learnable-3", "golu", "learnable-golu", "bounded"]
EVERY = [(name, dtype, "inductor") for name in COMPILED for dtype in HALVES]


@pytest.mark.parametrize(
    ("name", "dtype", "backend"),
    [
        ("segem-1", torch.float16, "aot_eager"),
        ("learnable-golu", torch.bfloat16, "aot_eager"),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in EVERY),
    ],
)
def test_in_compiled_code_too(name: str, dtype: torch.dtype, backend: str) -> None:
    make = MAKERS[name]
    module = make().to(dtype)
    with torch.no_grad():
        x = points(dtype, scale_of(make()))
    wanted = exact(make, module, x)
    for way in (forward_over_forward, reverse_over_reverse, forward_over_reverse):
        torch._dynamo.reset()
        compiled = torch.compile(lambda z, way=way: way(module, z), fullgraph=True, backend=backend)
        assert_rounded_once(compiled(x), wanted)


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("settings", SCALES, ids=map(str, range(len(SCALES))))
def test_from_the_output_it_is_that_of_the_point_with_this_output(
    settings: dict[str, Any], dtype: torch.dtype, learnable: bool
) -> None:
    module = gem.SEGEM(**settings, learnable=learnable, save="output").to(dtype)
    x = points(dtype, scale_of(gem.SEGEM(**settings)))
    double = gem.SEGEM(**settings, learnable=learnable).double()
    double.load_state_dict(module.state_dict())
    with torch.no_grad():
        found = preimage_by_bisection(double, module(x).double())
    wanted = torch.where(module(x) == 0, 0.0, forward_over_forward(double, found)).detach()
    assert_rounded_once(by_autograd(module, x), wanted, 1e-4)


def preimage_by_bisection(f: Function, y: Tensor) -> Tensor:
    """x with f(x) = y, an exponent of 2 found by bisection between -200 and 200, and the sign of y."""
    low, high, sign = torch.full_like(y, -200.0), torch.full_like(y, 200.0), y.sign()
    for _ in range(62):
        middle = (low + high) / 2
        above = f(sign * middle.exp2()).abs() > y.abs()
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return sign * low.exp2()


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("settings", SCALES, ids=map(str, range(len(SCALES))))
def test_mixed_second_derivatives_of_the_learnable_scale(settings: dict[str, Any], dtype: torch.dtype) -> None:
    """The gradient of Σ w·f'(x) against log_alpha, within one rounding of float64's, relative to the sum of sizes."""
    module = gem.SEGEM(**settings, learnable=True).to(dtype)
    double = gem.SEGEM(**settings, learnable=True).double()
    double.load_state_dict(module.state_dict())
    x = points(dtype, scale_of(gem.SEGEM(**settings))).unique()
    results = []
    for each, z in ((module, x), (double, x.double())):
        leaf = z.clone().requires_grad_()
        (first,) = torch.autograd.grad(each(leaf), leaf, torch.ones_like(z), create_graph=True)
        results.append(torch.autograd.grad(first, each.log_alpha, torch.ones_like(z))[0].double())
    sizes = (double.N * 2 + 1) ** 2 / 2 * x.numel()
    assert (results[0] - results[1]).abs() <= torch.finfo(dtype).eps * (results[1].abs() + 1e-3 * sizes)
