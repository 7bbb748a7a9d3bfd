"""torch.compile: dynamic shapes, varying parameters, and torch.func inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
import torch._dynamo.testing
from torch import Tensor, nn

import gem
from gem import reference
from gem.variants import segem_bounded, segem_linear

MAKERS: list[Callable[[], nn.Module]] = [
    gem.GEM,
    lambda: gem.EGEM(N=2, eps=1e-3),
    lambda: gem.SEGEM(eps=1e-8, convention="scale"),
    gem.GoLU,
    lambda: gem.EGEM(learnable=True),
    lambda: gem.GoLU(learnable=True),
    lambda: gem.make_activation("segem_linear"),
    lambda: gem.make_activation("segem_bounded"),
]
FUNCTIONS: list[Callable[..., Tensor]] = [
    *(getattr(home, name) for home in (gem, reference) for name in ("gem", "egem", "segem", "golu")),
    segem_linear,
    segem_bounded,
]
EPS = (1e-25, 1e-12, 1e-6, 1e-4, 1e-2, 1.0, 1.5, 10.0, 1e3, 1e6, 1e20)
ONCE_A_VALUE = torch.__version__ < (2, 14)  # the compiler of torch 2.11 makes code for every value of a number
MANY = tuple(0.07 * k for k in range(1, 12))


@pytest.fixture(autouse=True)
def fresh() -> None:
    torch._dynamo.reset()


@pytest.fixture(autouse=True)
def no_limit() -> Iterator[None]:
    """So that numbers of compilations are compared, and results, instead of an error at the eighth."""
    with torch._dynamo.config.patch(recompile_limit=64):
        yield


def points(count: int) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(count))


def assert_same(f: Callable[[Tensor], Tensor], g: Callable[[Tensor], Tensor], x: Tensor) -> None:
    results = []
    for each in (f, g):
        leaf = x.clone().requires_grad_()
        y = each(leaf)
        results.append((y.detach(), torch.autograd.grad(y.sum(), leaf)[0]))
    torch.testing.assert_close(*results, rtol=5e-6, atol=2e-7)


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize("make", MAKERS)
def test_modules_with_dynamic_shapes(make: Callable[[], nn.Module], backend: str) -> None:
    module = make()
    compiled = torch.compile(module, dynamic=True, fullgraph=True, backend=backend)
    for count in (7, 12, 33):
        assert_same(compiled, module, points(count))


@pytest.mark.parametrize("make", MAKERS)
def test_compiled_code_keeps_the_input_and_no_mask_for_backward(make: Callable[[], nn.Module]) -> None:
    """As Inductor divides forward and backward; GoLU kept two masks besides, and took three times as long."""
    compiled, kept = torch.compile(make(), fullgraph=True, backend="aot_eager_decomp_partition"), []

    def pack(t: Tensor) -> Tensor:
        kept.append(t)
        return t

    x = points(1000).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        compiled(x)
    assert [t.dtype for t in kept if t.numel() >= 1000] == [torch.float32]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_functions_with_dynamic_shapes(f: Callable[..., Tensor]) -> None:
    compiled = torch.compile(f, dynamic=True, fullgraph=True, backend="aot_eager")
    for count in (7, 12, 33):
        assert_same(compiled, f, points(count))


VARYING: list[tuple[Callable[[Tensor, float], Tensor], Sequence[float]]] = [
    (lambda x, eps: gem.egem(x, 2, eps), EPS),
    (lambda x, eps: gem.egem(x, 3, eps, "scale"), EPS[1:-1]),
    (lambda x, slope: gem.segem(x, 1, 1e-2, slope), MANY),
    (lambda x, alpha: gem.golu(x, alpha, 1.0, 1.0), MANY),
    (lambda x, beta: gem.golu(x, 1.0, beta, 1.0), MANY),
    (lambda x, gamma: gem.golu(x, 1.0, 1.0, gamma), MANY),
    (lambda x, eps: segem_linear(x, 2, eps), EPS),
    (lambda x, slope: segem_linear(x, 2, 1e-2, slope), MANY),
    (lambda x, bound: segem_bounded(x, 1, 1e-2, bound), MANY),
]


@pytest.mark.parametrize(("f", "values"), VARYING)
def test_a_parameter_that_varies_is_compiled_once_more_at_most(
    f: Callable[[Tensor, float], Tensor], values: Sequence[float]
) -> None:
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(f, fullgraph=True, backend=counter)
    for value in values:
        assert_same(lambda x, v=value: compiled(x, v), lambda x, v=value: f(x, v), points(40))  # type: ignore[misc]
    assert counter.frame_count <= (len(values) + 1 if ONCE_A_VALUE else 2)


@pytest.mark.parametrize(
    ("make", "name", "values", "most"),
    [
        (gem.EGEM, "eps", EPS, 1),
        (gem.SEGEM, "eps", EPS, 1),
        (gem.SEGEM, "negative_slope", MANY, 2),
        (gem.GoLU, "beta", MANY, 2),
        (lambda: gem.make_activation("segem_linear"), "eps", EPS, 2),
    ],
)
def test_a_setting_that_is_changed_is_seen_by_compiled_code(
    make: Callable[[], Any], name: str, values: Sequence[float], most: int
) -> None:
    module, counter = make(), torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(module, fullgraph=True, backend=counter)
    for value in values:
        setattr(module, name, value)
        assert_same(compiled, module, points(40))
    assert counter.frame_count <= (len(values) + 1 if ONCE_A_VALUE else most)


@pytest.mark.parametrize("make", [gem.GEM, gem.GoLU, lambda: gem.SEGEM(learnable=True)])
def test_derivatives_inside_compiled_code(make: Callable[[], nn.Module]) -> None:
    module, x = make().double(), points(9).double()

    def by_jvp(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda z: torch.func.jvp(f, (z,), (torch.ones_like(z),))[1]

    for f in (by_jvp(by_jvp(module)), torch.func.vmap(torch.func.grad(torch.func.grad(module)))):
        compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x), f(x), rtol=1e-10, atol=1e-12)
