"""The CPU kernels that are compiled on request: equal to the plain ones, selectable at any time, safe if they fail.

Compiling takes half a minute the first time, so tests that need the library are slow. It is kept in torch's cache.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import gem
from gem import _dispatch, _native, _pieces, kernels
from gem._closed_forms import Family, Gated, Gompertz
from gem._scale import make_scale

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(not (shutil.which("ninja") and shutil.which("c++")), reason="needs a C++ compiler")
FAMILIES: list[Family] = [
    Gated(*make_scale(1, 1.0), 0.0),
    Gated(*make_scale(2, 1e-4), 0.01),
    Gated(*make_scale(3, 1e-3, "scale"), 0.0),
    Gated(*make_scale(9, 1e6), 0.1),
    Gated(*make_scale(32, 0.5, "scale"), 0.0),
    Gompertz(1.0, 1.0, 1.0),
    Gompertz(1.5, 0.5, 2.0),
]
TOLERANCE = {torch.float64: 1e-14, torch.float32: 8e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}


@pytest.fixture
def native() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_dispatch, "cpu", _dispatch.cpu)  # put back in the end, whatever the test has chosen
        kernels.build_kernels()
        yield


def points(dtype: torch.dtype) -> Tensor:
    """Over the whole range, around 1, the special ones, and a number of elements that no vector divides."""
    info = torch.finfo(dtype)
    span = torch.linspace(math.log2(info.tiny), math.log2(info.max) - 0.1, 301, dtype=torch.float64).exp2()
    special = torch.tensor([0.0, -0.0, math.inf, -math.inf, math.nan, info.max, info.min], dtype=torch.float64)
    x = torch.cat([span.clamp(max=info.max), -span.clamp(max=info.max), torch.linspace(-9, 9, 501).double(), special])
    return x.to(dtype)


@needs_compiler
@pytest.mark.slow
@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("family", FAMILIES)
def test_native_kernels_equal_the_plain_ones(family: Family, dtype: torch.dtype) -> None:
    x = points(dtype)
    grad = torch.linspace(-2, 2, x.numel(), dtype=torch.float64).to(dtype)
    n = family.N if isinstance(family, Gated) else 8
    close = {"rtol": n * TOLERANCE[dtype], "atol": 1e-30 if dtype == torch.float64 else 1e-7, "equal_nan": True}
    torch.testing.assert_close(_native.value(x, family), _pieces.value(x, family), **close)
    torch.testing.assert_close(_native.slope_product(grad, x, family), _pieces.slope_product(grad, x, family), **close)
    if isinstance(family, Gated):
        y = _pieces.value(x, family)
        close["atol"] = 10 * n * TOLERANCE[dtype]
        ours, plain = _native.slope_product_at(grad, y, family), _pieces.slope_product_at(grad, y, family)
        torch.testing.assert_close(ours, plain, **close)
        finite = x.abs() < 1e3
        sums = [each.log_scale_sum(grad[finite], x[finite], family).item() for each in (_native, _pieces)]
        assert math.isclose(*sums, rel_tol=n * TOLERANCE[dtype], abs_tol=1e-2 if dtype == torch.bfloat16 else 2e-3)


@needs_compiler
@pytest.mark.slow
@pytest.mark.usefixtures("native")
def test_native_kernels_take_every_layout_and_any_number_of_threads() -> None:
    family, x = FAMILIES[1], torch.randn(6, 5, 70, 3, generator=torch.Generator().manual_seed(0))
    for view in (x, x.transpose(0, 2), x[..., ::2], x.to(memory_format=torch.channels_last), x[:0], x[0, 0, 0, 0]):
        y = _native.value(view, family)
        torch.testing.assert_close(y, _pieces.value(view, family))
        assert (y.shape, y.stride()) == (view.shape, torch.empty_like(view).stride())
        grad = torch.ones_like(view).contiguous()
        torch.testing.assert_close(_native.slope_product(grad, view, family), _pieces.slope_product(grad, view, family))
    long, threads = torch.randn(300_001), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        many = _native.value(long, family)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(many, _native.value(long, family))


@needs_compiler
@pytest.mark.slow
@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    "make", [gem.GEM, gem.SEGEM, gem.GoLU, lambda: gem.EGEM(save="output"), lambda: gem.EGEM(eps=0.1, learnable=True)]
)
def test_modules_train_alike_with_either(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    x, results = torch.randn(64, 8), []
    for name in kernels.CPU_KERNELS:
        assert kernels.use_kernels(name).cpu == name
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(8, 8), make(), nn.Linear(8, 1))
        model(x).square().sum().backward()
        results.append([model(x), *(p.grad for p in model.parameters())])
    torch.testing.assert_close(*results, rtol=2e-5, atol=2e-5)


def test_nothing_is_compiled_unless_asked() -> None:
    code = (
        "import gem, gem.kernels, torch; gem.egem(torch.ones(9)); status = gem.kernels.kernel_status();"
        "assert (status.cpu, status.library) == ('torch', None), status;"
        "assert not hasattr(torch.ops.gem_native, 'gated');"
        "gem.kernels.use_kernels('native')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "RuntimeError: the native kernels are not loaded: call gem.kernels.build_kernels() first" in done.stderr
    with pytest.raises(ValueError, match="cpu must be one of 'torch', 'native', got 'fast'"):
        kernels.use_kernels("fast")


def test_where_they_cannot_be_compiled_the_plain_ones_go_on(tmp_path: Path) -> None:
    code = (
        "import gem, gem.kernels, torch\n"
        "try:\n    gem.kernels.build_kernels()\n"
        "except RuntimeError as error:\n    print('RuntimeError:', error)\n"
        "assert gem.kernels.kernel_status().cpu == 'torch'\n"
        "print(gem.gem(torch.ones(1)).item())"
    )
    path = f"{tmp_path}:{Path(sys.executable).parent}"  # without a compiler
    environment = {"TORCH_HOME": str(tmp_path), "PATH": path, "CXX": str(tmp_path / "none"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("RuntimeError: the kernels could not be compiled, plain operations are used:"), done.stderr
    assert last == "0.5"
    assert not list((tmp_path / "gem").glob("*"))
