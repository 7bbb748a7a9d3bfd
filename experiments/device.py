"""The device of a run, and the process-wide switches that ``impl`` sets."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import torch

from experiments.config.schema import Impl
from experiments.errors import UserError

Function = TypeVar("Function", bound=Callable[..., Any])


def prepare_device(impl: Impl) -> torch.device:
    """Choose the device and set threads and algorithms.

    Raises UserError if a GPU is requested but missing, or if switches contradict each other.
    """
    if impl.device == "cuda" and not torch.cuda.is_available():
        raise UserError("impl.device=cuda: no CUDA device is available; use impl.device=cpu or auto")
    if impl.cuda_graphs and not impl.compile:
        raise UserError("impl.cuda_graphs=true: replays what is compiled; needs impl.compile=true")
    if impl.probe and impl.deterministic:
        raise UserError(
            "impl.probe=true: chooses settings that may change the rounding; needs impl.deterministic=false"
        )
    # In a fork the first request for threads replaces the parent's thread pool. Autograd's device threads ask at the
    # same time, and abort the process if they find no pool (torch 2.15). So this thread asks before them.
    torch.set_num_threads(impl.threads or torch.get_num_threads())
    if impl.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if torch.are_deterministic_algorithms_enabled() != impl.deterministic:
        torch.use_deterministic_algorithms(impl.deterministic)  # imports the compiler, which takes seconds
    torch.backends.cudnn.benchmark = not impl.deterministic
    torch.backends.cudnn.allow_tf32 = False  # else fp32 convolutions use 10 of 23 bits, unlike matrix products
    if impl.kernels == "native":
        use_native_kernels()
    on_gpu = torch.cuda.is_available() and impl.device != "cpu"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()  # a run records its own peak, not that of the run before
    return torch.device("cuda" if on_gpu else "cpu")


def use_native_kernels() -> None:
    """Compile gem's CPU kernels, once per machine, and use them. Raises UserError if that fails."""
    import gem.kernels

    try:
        gem.kernels.build_kernels()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"impl.kernels=native: cannot be compiled here ({reason}); use impl.kernels=torch") from error


def compiled(function: Function, impl: Impl) -> Function:
    """``function``, compiled if ``impl`` says so."""
    if not impl.compile:
        return function
    mode = "reduce-overhead" if impl.cuda_graphs else None
    return cast(Function, torch.compile(function, dynamic=False, mode=mode))


BF16_UNITS = {"avx512_bf16", "amx_bf16", "bf16"}  # in the flags of /proc/cpuinfo: x86 and, the last, Arm


def settle_precision(impl: Impl, device: torch.device) -> Impl:
    """``impl`` with precision=auto replaced by the choice for ``device``, so that records state what was used."""
    if impl.precision != "auto":
        return impl
    if device.type == "cuda":
        has_units = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_units = bool(BF16_UNITS & cpu_flags())
    return dataclasses.replace(impl, precision="bf16" if has_units else "fp32")


def cpu_flags() -> set[str]:
    return {flag for flags in cpu_info("flags", "Features") for flag in flags.split()}


def cpu_info(*keys: str) -> list[str]:
    """The values of ``keys`` in /proc/cpuinfo, one per core; none if the file does not exist."""
    try:
        pairs = [line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line]
    except OSError:
        return []
    return [value.strip() for key, value in pairs if key.strip() in keys]


# Dense bf16 tensor-core peak in FLOP/s, from the makers' data sheets. Longer names precede their prefixes.
PEAK_FLOPS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12}


def peak_flops(device: torch.device, bf16: bool) -> float | None:
    """The peak to measure model FLOP utilisation against; None if no figure is known."""
    if device.type != "cuda" or not bf16:
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for key, peak in PEAK_FLOPS.items() if all(word in name for word in key.split())), None)
