"""The kernels of eager mode, and how to get faster ones on a CPU.

Nothing is compiled unless you ask for it, and no result depends on whether a compiler exists. :func:`build_kernels`
compiles the CPU kernels (half a minute, once) and uses them in this process from then on. They are several times faster
on large tensors. Their results equal those of the plain operations up to rounding, but not bit for bit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from gem import _dispatch, _native, _pieces
from gem._checks import check_choice

CPU_KERNELS = ("torch", "native")


class KernelStatus(NamedTuple):
    """The kernels of eager mode in this process.

    ``cpu``: ``"torch"`` (plain operations, the default) or ``"native"`` (compiled on request). ``cuda``: ``"triton"``
    or ``"torch"``, with the reason. ``vector``: the vector instructions of torch and of the native kernels.
    ``library``: the path of the compiled library if it is in use.
    """

    cpu: str
    cuda: str
    vector: str
    library: str | None


def kernel_status() -> KernelStatus:
    """The kernels of eager mode now."""
    native = _dispatch.cpu is _native
    return KernelStatus(
        "native" if native else "torch",
        _dispatch.triton_status(),
        torch.backends.cpu.get_cpu_capability(),
        str(_native.library_path()) if native else None,
    )


def build_kernels(verbose: bool = False) -> KernelStatus:
    """Compile the native CPU kernels and use them in this process from now on. Loads them if they exist already.

    The first call needs a C++ compiler and ninja. The library is kept in torch's cache (``TORCH_HOME``) for this
    version of torch and this kind of CPU. Raises RuntimeError if compilation fails; then nothing has changed.
    """
    _native.load(verbose)
    return use_kernels("native")


def use_kernels(cpu: str) -> KernelStatus:
    """Use ``"torch"`` or ``"native"`` CPU kernels from now on in this process.

    Raises ValueError for another name, and RuntimeError for ``"native"`` before :func:`build_kernels`.
    """
    check_choice("cpu", cpu, CPU_KERNELS)
    if cpu == "native" and not hasattr(torch.ops.gem_native, "gated"):
        raise RuntimeError("the native kernels are not loaded: call gem.kernels.build_kernels() first")
    _dispatch.cpu = _native if cpu == "native" else _pieces
    return kernel_status()
