"""The Triton kernels, run by Triton's interpreter on the CPU, and compiled for three GPU architectures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import ModuleType

import pytest
import torch

import gem
from benchmarks.bench_registers import Need
from gem import _dispatch

pytest.importorskip("triton")

INTERPRETED = """
import torch
from gem import _pieces
from gem._scale import make_scale
from gem._closed_forms import Gated, Gompertz
from gem._triton_kernels import arguments, slope_product_op, value_op

torch.manual_seed(0)
families = [Gompertz(1.0, 1.0, 1.0), Gompertz(1.5, 0.7, 2.0)]
for N, eps, convention, slope in (
    (1, 1e-12, "additive", 0.0), (1, 1.0, "additive", 0.01), (2, 1e-4, "scale", 0.0), (3, 10.0, "additive", 0.1),
    (8, 1e6, "scale", 0.01), (8, 1e-12, "additive", 0.0),
):
    families.append(Gated(*make_scale(N, eps, convention), slope))
for dtype, tolerance in ((torch.float32, 4e-6), (torch.bfloat16, 1e-2), (torch.float16, 2e-3)):
    x = (torch.randn(40, 60) * torch.logspace(-6, 4, 60)).to(dtype)
    x[0, :5] = torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0, -0.0])
    grad = torch.randn(60, 40).to(dtype).t()
    same = dict(rtol=tolerance, atol=1e-7, equal_nan=True)
    for family in families:
        N, parameters = arguments(family)
        y = value_op(x, N, parameters)
        torch.testing.assert_close(y, _pieces.value(x, family), **same)
        slope = slope_product_op(grad, x, N, False, parameters)
        torch.testing.assert_close(slope, _pieces.slope_product(grad, x, family), **same)
        if isinstance(family, Gated):
            slope = slope_product_op(grad, y, *arguments(family, invert=True)[:1], True, arguments(family, True)[1])
            torch.testing.assert_close(slope, _pieces.slope_product_at(grad, y, family), **same)
assert value_op(torch.empty(0), 1, arguments(families[2])[1]).shape == (0,)

x = torch.randn(3, 5, requires_grad=True)
for family in families[:3]:
    N, parameters = arguments(family)
    torch.library.opcheck(value_op, (x, N, parameters))
    torch.library.opcheck(slope_product_op, (x.detach(), x.detach(), N, False, parameters))
N, parameters = arguments(families[3], invert=True)
torch.library.opcheck(slope_product_op, (x.detach(), x.detach(), N, True, parameters))
"""

MOST_REGISTERS = 64  # a thread: four warps a block then fill half the threads of a multiprocessor (65,536 registers)


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kernels_equal_the_cpu_form_and_pass_opcheck() -> None:
    run(INTERPRETED, TRITON_INTERPRET="1")


def test_kernels_compile_without_a_gpu() -> None:
    """For Ampere, Hopper and Blackwell: few registers, nothing spilled, and no byte moved that need not be."""
    program = "import json; from benchmarks.bench_registers import needs; print(json.dumps([*map(list, needs())]))"
    found = [Need(*each) for each in json.loads(run(program))]
    assert len(found) == 3 * 2 * (3 + 3 + 2)  # architectures, types, and kernels: value, slope, slope from the output
    assert all(each.registers <= MOST_REGISTERS for each in found)
    assert all(each.spilled == 0 for each in found)
    assert all(each.moved == each.least for each in found)


def test_without_triton_the_plain_operations_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    _dispatch._load_triton.cache_clear()
    monkeypatch.setitem(sys.modules, "gem._triton_kernels", None)
    assert _dispatch._load_triton() is None
    _dispatch._load_triton.cache_clear()


def test_a_launch_that_fails_is_told_once_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without a C compiler, which Triton needs at its first launch."""
    broken = ModuleType("gem._triton_kernels")

    def try_out(device: torch.device) -> None:
        raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.")

    broken.try_out = try_out  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gem._triton_kernels", broken)
    _dispatch._load_triton.cache_clear()
    with pytest.warns(UserWarning, match=r"Triton cannot launch \(Failed to find C compiler"):
        assert _dispatch._load_triton() is None
    assert _dispatch._load_triton() is None
    _dispatch._load_triton.cache_clear()
    monkeypatch.setenv("GEM_TRITON", "0")
    assert _dispatch._load_triton() is None
    _dispatch._load_triton.cache_clear()


def test_a_device_without_kernels_gets_plain_operations() -> None:
    x = torch.empty(3, 4, device="meta", requires_grad=True)
    for name in ("gem", "segem", "golu"):
        y = gem.make_activation(name)(x)
        y.sum().backward()
        assert y.shape == x.shape
        assert y.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["gem", "egem", "segem", "golu"])
def test_on_a_gpu_as_on_the_cpu(name: str, dtype: torch.dtype) -> None:
    for save in ("input",) if name == "golu" else ("input", "output"):
        module = gem.make_activation(name, **({} if name == "golu" else {"save": save}))
        for count in (10, 100_000):
            x = torch.randn(count, dtype=dtype, requires_grad=True)
            z = x.detach().cuda().requires_grad_()
            (on_cpu,) = torch.autograd.grad(module(x).sum(), x)
            (on_gpu,) = torch.autograd.grad(module(z).sum(), z)
            tolerance = 16 * torch.finfo(dtype).eps
            torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=tolerance, atol=tolerance)
            torch.testing.assert_close(module(z).cpu(), module(x), rtol=tolerance, atol=tolerance)
