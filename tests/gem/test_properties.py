"""The derived properties against numbers from the functions themselves."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from gem import reference as F  # noqa: N812

pytest.importorskip("sympy")
ROOT = Path(__file__).resolve().parents[2]


def load_certify() -> ModuleType:
    spec = importlib.util.spec_from_file_location("certify", ROOT / "benchmarks" / "certify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["certify"] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


certify = load_certify()
ORDERS = [1, 2, 3]


@pytest.fixture(scope="module", params=ORDERS)
def derived(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return certify.derive(request.param)


def nth_derivative(f, x: Tensor, order: int) -> Tensor:  # type: ignore[no-untyped-def]
    leaf = x.clone().requires_grad_()
    y = f(leaf)
    for _ in range(order):
        (y,) = torch.autograd.grad(y.sum(), leaf, create_graph=True)
    return y.detach()


def test_derivatives_vanish_at_0_up_to_2n_and_then_jump(derived) -> None:  # type: ignore[no-untyped-def]
    N, eps, a = derived.N, 0.3, 0.1
    sides = torch.tensor([1e-5, -1e-5], dtype=torch.float64)

    def segem(z: Tensor) -> Tensor:
        return F.segem(z, N, eps, a)

    for order in range(2 * N + 1):
        assert nth_derivative(segem, sides, order).abs().max() <= 2e-5 * float(derived.jump.subs(certify.c, eps))
    right, left = nth_derivative(segem, sides, 2 * N + 1).tolist()
    symbols = {certify.c: eps, certify.a: a}
    assert math.isclose(right, float(derived.jump.subs(symbols)), rel_tol=1e-6)
    assert math.isclose(right - left, float(derived.jump_signed.subs(symbols)), rel_tol=1e-6)


@pytest.mark.parametrize("eps", [1e-6, 1.0, 10.0])
def test_maximum_slope_and_monotonicity(derived, eps: float) -> None:  # type: ignore[no-untyped-def]
    N = derived.N
    alpha = eps ** (1 / (2 * N))
    x = torch.linspace(1e-3, 20, 200_001, dtype=torch.float64) * alpha
    slope = nth_derivative(lambda z: F.egem(z, N, eps), x, 1)
    assert (slope > 0).all()
    assert (nth_derivative(lambda z: F.segem(z, N, eps, 0.1), -x, 1) > 0).all()
    assert math.isclose(slope.max().item(), float(derived.max_slope), rel_tol=1e-7)
    assert math.isclose(x[slope.argmax()].item() / alpha, float(derived.steepest_at), abs_tol=1e-3)


@pytest.mark.parametrize("eps", [1e-4, 1.0])
def test_distance_to_relu(derived, eps: float) -> None:  # type: ignore[no-untyped-def]
    N = derived.N
    alpha = eps ** (1 / (2 * N))
    u = torch.linspace(math.log(1e-12), math.log(1e8), 400_001, dtype=torch.float64)
    x = u.exp() * alpha
    gap = x - F.egem(x, N, eps)
    assert math.isclose(gap.max().item(), alpha * float(derived.max_gap), rel_tol=1e-8)
    assert math.isclose(x[gap.argmax()].item() / alpha, float(derived.gap_at), rel_tol=1e-3)
    for power, norm in ((1, derived.l1), (2, derived.l2)):
        if norm == certify.sp.oo:
            decade = (x > 1e4 * alpha) & (x < 1e5 * alpha)
            assert torch.trapezoid((gap * x)[decade], u[decade]) > 2 * alpha**2  # each decade adds as much: no limit
        else:
            integral = torch.trapezoid(gap.clamp(min=0) ** power * x, u).item()
            expected = alpha ** (1 + 1 / power) * float(norm)
            assert math.isclose(integral ** (1 / power), expected, rel_tol=2e-4)


def test_rate_of_the_approximation() -> None:
    """Halving α quarters the L¹ distance: α^(1 + 1/p) at p = 1."""
    x = torch.linspace(0, 200, 2_000_001, dtype=torch.float64)
    one, half = ((x - F.egem(x, 2, alpha, "scale")).sum().item() for alpha in (1.0, 0.5))
    assert math.isclose(one / half, 4, rel_tol=1e-3)


def test_the_committed_table_is_what_the_script_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certify.main([f"results_dir={tmp_path}"])
    assert capsys.readouterr().out
    assert (tmp_path / "tables/properties.md").read_text() == (ROOT / "results/tables/properties.md").read_text()
