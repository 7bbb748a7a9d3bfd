"""The kernels of ``_native.cpp``: compiled on request, kept in a folder, and loaded from it afterwards."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gem._closed_forms import Family, Gated
from gem._inverse import FAR, halley_steps

SOURCE = Path(__file__).with_name("_native.cpp")
_X86 = {
    "AVX512": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx2", "-mfma", "-mf16c"],
    "AVX2": ["-mavx2", "-mfma", "-mf16c"],
}
_ops: Any = torch.ops.gem_native


def compiler_flags() -> list[str]:
    """The vector instructions that torch uses on this machine. The compiler adds no fused multiply-add of its own."""
    capability = torch.backends.cpu.get_cpu_capability()
    known = _X86.get(capability, [])
    name = capability if known else "DEFAULT"
    return ["-O3", "-ffp-contract=off", f"-DCPU_CAPABILITY={name}", f"-DCPU_CAPABILITY_{name}", *known]


def library_path() -> Path:
    """The library's path in torch's cache (``TORCH_HOME``). The name has a digest of source, flags and versions."""
    parts = [SOURCE.read_text(), *compiler_flags(), torch.__version__, platform.machine()]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return Path(torch.hub.get_dir()).parent / "gem" / f"kernels_{digest}.so"


def load(verbose: bool = False) -> Path:
    """Load the library; compile it first if it is not there. Raises RuntimeError if compilation or loading fails."""
    path = library_path()
    if not path.is_file():
        _compile(path, verbose)
    torch.ops.load_library(str(path))
    return path


def _compile(path: Path, verbose: bool) -> None:
    """Compile in a temporary folder, then move the finished library: several processes may compile at once."""
    from torch.utils import cpp_extension

    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="building_", dir=path.parent))
    try:
        cpp_extension.load(
            path.stem,
            [str(SOURCE)],
            extra_cflags=compiler_flags(),
            build_directory=str(folder),
            is_python_module=False,
            is_standalone=False,
            verbose=verbose,
        )
        os.replace(folder / f"{path.stem}{cpp_extension.LIB_EXT}", path)
    except (RuntimeError, OSError) as error:
        lines = [line for line in str(error).splitlines() if "error" in line.lower()] or [type(error).__name__]
        raise RuntimeError(
            f"the kernels could not be compiled, plain operations are used: {lines[-1].strip()}"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def value(x: Tensor, family: Family) -> Tensor:
    """f(x)."""
    out: Tensor
    if isinstance(family, Gated):
        out = _ops.gated(x, family.N, family.c, family.s, family.slope)
    else:
        out = _ops.gompertz(x, family.alpha, family.beta, family.gamma, *family.limits)
    return out


def slope_product(grad: Tensor, x: Tensor, family: Family) -> Tensor:
    """grad·f'(x)."""
    out: Tensor
    if isinstance(family, Gated):
        out = _ops.gated_slope(grad, x, family.N, family.c, family.s, family.slope)
    else:
        out = _ops.gompertz_slope(grad, x, family.alpha, family.beta, family.gamma, *family.limits)
    return out


def slope_product_at(grad: Tensor, y: Tensor, family: Gated) -> Tensor:
    """grad·f'(x) where f(x) = ``y``."""
    steps = halley_steps(family.N, y.dtype)
    out: Tensor = _ops.gated_slope_at(grad, y, family.N, family.alpha, family.slope, FAR, steps)
    return out


def log_scale_sum(grad: Tensor, x: Tensor, family: Gated) -> Tensor:
    """The sum of grad·(f(x) - x·f'(x)) = -2N·grad·f(x)·q, in float32 or float64."""
    numbers = (family.N, family.c, family.s, family.slope, *family.middle)
    product: Tensor = _ops.gated_by_scale(grad, x, *numbers)
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    return product.sum(dtype=wide) * (-2 * family.N)
