"""First and second derivatives: gradcheck, forward mode, batched, third order, torch.func, special points."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

import gem
from gem import reference as F  # noqa: N812
from gem._autograd import activate
from gem._closed_forms import Family, Gated, Gompertz
from gem._learnable import learnable_gem
from gem._learnable_golu import learnable_golu
from gem._scale import make_scale

GEM1, SEGEM2 = Gated(*make_scale(1, 0.3), 0.0), Gated(*make_scale(2, 0.3, "scale"), 0.1)
GOLU = Gompertz(1.1, 1.2, 0.8)
FORMS = [(GEM1, "input"), (GEM1, "output"), (SEGEM2, "input"), (SEGEM2, "output"), (GOLU, "input")]
forms = pytest.mark.parametrize(("family", "save"), FORMS)


def points(count: int = 12) -> Tensor:
    return torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@forms
def test_gradcheck_and_gradgradcheck(family: Family, save: str) -> None:
    x = points().requires_grad_()

    def f(z: Tensor) -> Tensor:
        return activate(z, family, save)

    assert gradcheck(f, x, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True)
    assert gradgradcheck(f, x, check_batched_grad=True, check_fwd_over_rev=True, check_rev_over_rev=True)


@pytest.mark.parametrize("channel_dim", [None, 0, 1, -1])
@pytest.mark.parametrize("save", ["input", "output"])
@pytest.mark.parametrize(("N", "slope"), [(1, 0.0), (2, 0.1)])
def test_gradcheck_of_the_learnable_scale(N: int, slope: float, save: str, channel_dim: int | None) -> None:
    x = points(24).view(3, 4, 2).requires_grad_()
    count = 1 if channel_dim is None else x.shape[channel_dim]
    log_alpha = (
        torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 0.5
    ).requires_grad_()

    def f(z: Tensor, a: Tensor) -> Tensor:
        return learnable_gem(z, a, N, slope, channel_dim, save)

    assert gradcheck(f, (x, log_alpha), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(f, (x, log_alpha), check_batched_grad=True, check_fwd_over_rev=True)


@pytest.mark.parametrize("channel_dim", [None, 1])
def test_gradcheck_of_the_learnable_golu(channel_dim: int | None) -> None:
    x = points(24).view(3, 4, 2).requires_grad_()
    generator = torch.Generator().manual_seed(1)
    logs = torch.rand(3, 1 if channel_dim is None else 4, dtype=torch.float64, generator=generator) - 0.5
    inputs = (x, *(p.clone().requires_grad_() for p in logs))

    def f(*args: Tensor) -> Tensor:
        return learnable_golu(*args, channel_dim)

    assert gradcheck(f, inputs, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(f, inputs, check_batched_grad=True, check_fwd_over_rev=True)


@forms
def test_the_fast_form_equals_the_plain_one_to_third_order(family: Family, save: str) -> None:
    fast, plain = points(50).requires_grad_(), points(50).requires_grad_()
    a, b = activate(fast, family, save), family.value(plain)
    for _ in range(4):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
        (a,) = torch.autograd.grad(a.sum(), fast, create_graph=True)
        (b,) = torch.autograd.grad(b.sum(), plain, create_graph=True)


@forms
def test_vmap_of_grad_equals_a_loop(family: Family, save: str) -> None:
    x = points(9)

    def f(z: Tensor) -> Tensor:
        return activate(z, family, save)

    first, second = vmap(grad(f))(x), vmap(grad(grad(f)))(x)
    assert torch.equal(first, torch.stack([grad(f)(z) for z in x]))
    torch.testing.assert_close(second, torch.stack([grad(grad(f))(z) for z in x]), rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(hessian(lambda z: f(z).sum())(x).diagonal(), second, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(vmap(jacrev(jacfwd(f)))(x), second, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(jvp(f, (x,), (torch.ones_like(x),))[1], first, rtol=1e-14, atol=1e-15)


@forms
def test_vmap_over_any_dimension(family: Family, save: str) -> None:
    x = points(24).view(2, 3, 4)
    out = vmap(vmap(lambda z: activate(z, family, save), in_dims=1, out_dims=1), in_dims=2, out_dims=2)(x)
    assert torch.equal(out, activate(x, family, save))
    weighted = vmap(jacrev(lambda z: (activate(z, family, save) ** 2).sum()), in_dims=1)(x)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad((activate(leaf, family, save) ** 2).sum(), leaf)
    torch.testing.assert_close(weighted, expected.transpose(0, 1), rtol=1e-14, atol=1e-15)


def test_vmap_of_grad_over_the_learnable_scale() -> None:
    x, log_alpha = points(6).view(3, 2), torch.tensor([-0.5, 0.0, 1.0], dtype=torch.float64)

    def loss(a: Tensor, z: Tensor) -> Tensor:
        return learnable_gem(z, a.view(1), 2, 0.1).square().sum()

    batched = vmap(grad(loss))(log_alpha, x)
    torch.testing.assert_close(batched, torch.stack([grad(loss)(a, z) for a, z in zip(log_alpha, x, strict=True)]))


MODULES: list[Callable[[], torch.nn.Module]] = [
    lambda: gem.GEM(),
    lambda: gem.EGEM(N=3, eps=1e-6),
    lambda: gem.EGEM(save="output"),
    lambda: gem.SEGEM(N=2, negative_slope=0.1),
    lambda: gem.SEGEM(save="output"),
    lambda: gem.EGEM(learnable=True),
    lambda: gem.EGEM(learnable=True, save="output"),
    lambda: gem.GoLU(),
    lambda: gem.GoLU(learnable=True),
]
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", MODULES)
def test_infinities_and_nan(make: Callable[[], torch.nn.Module], dtype: torch.dtype) -> None:
    """+inf gives +inf with slope 1, -inf the limit with its slope, NaN gives NaN in value and gradient."""
    module = make()
    x = torch.tensor([math.inf, -math.inf, math.nan], dtype=dtype, requires_grad=True)
    y = module(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    negative_slope = getattr(module, "negative_slope", 0.0)
    assert y[0] == math.inf
    assert y[1] == (-math.inf if negative_slope else 0)
    assert torch.isnan(y[2])
    assert torch.isnan(slope[2])
    limits = torch.tensor([1, negative_slope], dtype=dtype)
    torch.testing.assert_close(slope[:2], limits, rtol=4 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("N", [1, 4, 6, 8])
@pytest.mark.parametrize(("eps", "convention"), [(1e-12, "scale"), (1e-6, "additive"), (10.0, "scale"), (1e6, "scale")])
def test_second_derivatives_of_the_plain_functions_are_finite_in_float32(N: int, eps: float, convention: str) -> None:
    x = torch.cat([torch.zeros(1), torch.logspace(-30, 30, 1001), -torch.logspace(-30, 30, 1001)]).requires_grad_()
    (first,) = torch.autograd.grad(F.segem(x, N, eps, 0.01, convention).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert torch.isfinite(second).all()
    (closed,) = torch.autograd.grad(gem.SEGEM(N, eps, 0.01, convention)(x).sum(), x, create_graph=True)
    (by_module,) = torch.autograd.grad(closed.sum(), x)
    torch.testing.assert_close(
        second, by_module, rtol=1e-3, atol=1e-5 / Gated(*make_scale(N, eps, convention), 0).alpha
    )


@pytest.mark.parametrize("N", [16, 24, 32])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_second_derivative_is_left_far_out_for_a_large_order(N: int, dtype: torch.dtype) -> None:
    """f'' is 2N·r·q·(1 - 2N + 4N·q) / x, and q is at most x^(-2N)."""
    x = torch.logspace(0.01, 30, 2001, dtype=torch.float64).to(dtype)
    bound = (4.0 * N * N * x.double() ** (-2 * N - 1)).to(dtype) * 2
    for f in (gem.GEM(N), lambda z: F.gem(z, N), gem.GEM(N, save="output")):
        leaf = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(f(leaf).sum(), leaf, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), leaf)
        assert (second.abs() <= bound + 4 * N * N * torch.finfo(dtype).eps).all()
        assert (second[x > 100] == 0).all()


@pytest.mark.parametrize("N", [9, 16, 24, 32])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_slope_from_the_output_is_as_good_for_a_large_order(N: int, dtype: torch.dtype) -> None:
    x = torch.linspace(0.9, 1.2, 2001, dtype=dtype, requires_grad=True)
    slopes = [torch.autograd.grad(gem.GEM(N, save=save)(x).sum(), x)[0] for save in ("input", "output")]
    torch.testing.assert_close(slopes[1], slopes[0], rtol=400 * N * torch.finfo(dtype).eps / 9, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", MODULES)
def test_a_nan_that_comes_in_through_the_gradient_goes_out(
    make: Callable[[], torch.nn.Module], dtype: torch.dtype
) -> None:
    x = torch.tensor([-100.0, -1.0, 0.5, 100.0], dtype=dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(make()(x), x, torch.full((4,), math.nan, dtype=dtype))
    assert torch.isnan(slope[2:]).all()
    (second,) = torch.autograd.grad(make()(x).sum(), x)
    assert torch.isfinite(second).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", MODULES)
def test_finite_in_finite_out(make: Callable[[], torch.nn.Module], dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    exponents = torch.linspace(math.log2(info.tiny) - 8, math.log2(info.max) - 0.1, 500, dtype=torch.float64)
    magnitudes = exponents.exp2()
    x = torch.cat([magnitudes, -magnitudes, torch.tensor([0.0, -0.0, info.tiny]).double()])
    x = torch.cat([x.to(dtype), torch.tensor([info.max, info.min], dtype=dtype)])
    x.requires_grad_()
    y = make()(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert torch.isfinite(y).all()
    assert torch.isfinite(first).all()
    assert torch.isfinite(second).all()
