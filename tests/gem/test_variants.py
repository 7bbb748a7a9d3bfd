"""SE-GEM's other candidate forms have the properties for which they are candidates."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import gem
from gem import reference as F  # noqa: N812
from gem.variants import segem_bounded, segem_linear

FORMS: dict[str, Callable[..., Tensor]] = {"segem_linear": segem_linear, "segem_bounded": segem_bounded}
forms = pytest.mark.parametrize("name", FORMS)
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def derivatives(f: Callable[[Tensor], Tensor], at: float, highest: int) -> list[float]:
    """f, f', … up to order ``highest`` at one place."""
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    values = [f(x)]
    for _ in range(highest):
        values += torch.autograd.grad(values[-1], x, create_graph=True)
    return [value.item() for value in values]


def test_values_worked_by_hand() -> None:
    """N = 1, eps = 1: egem(2) = 8/5, and at -2 the odd power gives 8/9."""
    x = torch.tensor([2.0, -2.0, 0.0], dtype=torch.float64)
    assert segem_linear(x, 1, 1.0, 0.25).tolist() == pytest.approx([0.75 * 1.6 + 0.5, -0.5, 0.0])
    assert segem_bounded(x, 1, 1.0, 0.25).tolist() == pytest.approx([1.6, -0.25 * 8 / 9, 0.0])


@forms
@pytest.mark.parametrize("N", [1, 2])
def test_gradcheck_and_gradgradcheck(name: str, N: int) -> None:
    x = torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert gradcheck(lambda z: FORMS[name](z, N, 0.3, 0.1), x, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(lambda z: FORMS[name](z, N, 0.3, 0.1), x)


@forms
@pytest.mark.parametrize("N", [1, 2])
def test_smooth_to_order_2n_at_0_and_no_further(name: str, N: int) -> None:
    """The derivative of order 2N + 1 jumps by (1 - a)·(2N+1)!/eps, a being slope (of the gate's part) or bound."""
    eps, a, h = 0.5, 0.25, 1e-5
    left, right = (derivatives(lambda z: FORMS[name](z, N, eps, a), at, 2 * N + 1) for at in (-h, h))
    scale = math.factorial(2 * N + 1) / eps
    assert right[: 2 * N + 1] == pytest.approx(left[: 2 * N + 1], abs=5 * scale * h)
    assert right[-1] - left[-1] == pytest.approx((1 - a) * scale, rel=1e-3)


@forms
def test_no_unit_is_dead_and_the_positive_side_is_egem(name: str) -> None:
    x = torch.linspace(-20, -0.01, 200, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(FORMS[name](x).sum(), x)
    assert (slope > 0).all()
    x = torch.linspace(0, 20, 200, dtype=torch.float64)
    expected = F.egem(x) if name == "segem_bounded" else 0.99 * F.egem(x) + 0.01 * x
    torch.testing.assert_close(FORMS[name](x), expected, rtol=1e-14, atol=1e-15)


@forms
@pytest.mark.parametrize("eps", [1e-30, 1e-4, 10.0, 1e30])
@pytest.mark.parametrize("dtype", DTYPES)
def test_extremes(name: str, eps: float, dtype: torch.dtype) -> None:
    """What goes in finite comes out finite, with its slope; infinities give the limits, NaN gives NaN."""
    info = torch.finfo(dtype)
    x = torch.tensor([info.max, info.min, info.tiny, -info.tiny, 0.0, 1.0, -1.0], dtype=dtype, requires_grad=True)
    module = gem.make_activation(name, N=2, eps=eps)
    y = module(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert y.dtype == dtype
    assert torch.isfinite(y).all()
    assert torch.isfinite(slope).all()
    x = torch.tensor([math.inf, -math.inf, math.nan], dtype=dtype, requires_grad=True)
    y = module(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    limit, slope_there = (-math.inf, 0.01) if name == "segem_linear" else (-0.01, 0.0)
    torch.testing.assert_close(y, torch.tensor([math.inf, limit, math.nan], dtype=dtype), equal_nan=True)
    expected = torch.tensor([1.0, slope_there, math.nan], dtype=dtype)
    torch.testing.assert_close(slope, expected, equal_nan=True)


@forms
def test_modules_are_the_functions_and_check_their_parameters(name: str) -> None:
    x = torch.linspace(-3, 3, 50)
    third = "negative_slope" if name == "segem_linear" else "bound"
    module = gem.make_activation(name, N=2, eps=0.1, **{third: 0.2})
    assert torch.equal(module(x), FORMS[name](x, 2, 0.1, 0.2))
    assert f"{third}=0.2" in repr(module)
    with pytest.raises(ValueError, match="N must be"):
        gem.make_activation(name, N=0)
    with pytest.raises(ValueError, match=f"{third} must be"):
        gem.make_activation(name, **{third: -1.0})
    with pytest.raises(TypeError, match=r"torch\.int64"):
        module(torch.arange(3))


def test_without_a_slope_it_is_egem() -> None:
    x = torch.tensor([-math.inf, -1.0, 0.5, 2.0])
    assert torch.equal(segem_linear(x, negative_slope=0.0), F.egem(x))
