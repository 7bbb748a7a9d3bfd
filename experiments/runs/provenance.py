"""The origin of a run: commit, versions, device, command. ``meta.json`` has one part for each start."""

from __future__ import annotations

import functools
import os
import platform
import resource
import socket
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig

from experiments.config.compose import ROOT
from experiments.config.schema import Impl
from experiments.device import cpu_info
from experiments.files import read_json, write_atomic

FROZEN = "frozen.json"  # in the code copy of a sweep: commit, whether the tree was clean, digests of the files


@functools.cache
def code_version() -> dict[str, Any]:
    """Commit of this code, and whether it was clean (apart from ``results/``); nulls outside a git checkout.

    For the frozen copy of a sweep, these come from its own file.
    """
    frozen = read_frozen(ROOT)
    if frozen:
        return {key: frozen[key] for key in ("commit", "clean", "changes") if key in frozen}

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        commit = git("rev-parse", "HEAD").strip()
        clean = not git("status", "--porcelain", "--", ".", ":!results").strip()
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "clean": None}
    return {"commit": commit, "clean": clean}


def commit_title(commit: str | None, clean: bool | None) -> str:
    """Eight digits of a commit, and whether the working tree differed from it."""
    return (commit or "unknown")[:8] + ("" if clean else " (tree not clean)")


def keep_changes(directory: Path) -> None:
    """For a run of uncommitted code, save the difference to its commit beside the run."""
    name = code_version().get("changes")
    if name and not (directory / name).exists():
        write_atomic(directory / name, (ROOT / name).read_bytes())


def device_name(device: torch.device) -> str:
    """The device's name; for a CPU with its instruction set.

    Clouds use one name for CPUs with and without AVX-512, and the two round differently.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_model()} ({os.cpu_count()} cores, {instructions()})"


def instructions() -> str:
    """``AVX512``, ``AVX2``, …: torch's instruction set, and that of its convolution library if it is limited.

    It is smaller than the CPU's if ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2 are set.
    """
    own: str = torch.backends.cpu.get_cpu_capability()
    limits = [os.environ.get(name, "").upper() for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")]
    return own if limits[0] == limits[1] else f"{own}, oneDNN {limits[1] or 'unlimited'}"


def measured_on(device: torch.device) -> str:
    """Device, version and commit, for the page of a measurement."""
    code = code_version()
    commit = commit_title(code["commit"], code["clean"])
    return f"{device_name(device)}, torch {torch.__version__}, commit {commit}"


@functools.cache
def cpu_model() -> str:
    return next(iter(cpu_info("model name")), platform.processor() or platform.machine())


def command() -> str:
    """The command that starts this run again, also if it is part of a sweep."""
    overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    return " ".join(["python train.py", *overrides])


def part(impl: Impl, device: torch.device, from_step: int, command: str) -> dict[str, Any]:
    """The record of one start of a run: code, device and time."""
    return {
        **code_version(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "host": socket.gethostname(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "command": command,
        "impl": asdict(impl),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "from_step": from_step,
    }


def peak_memory_mib(device: torch.device) -> float:
    """Peak device memory in MiB; on the CPU the largest resident size of the process so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_frozen(root: Path) -> dict[str, Any] | None:
    """``frozen.json`` of the copy at ``root``, or None if ``root`` is no frozen copy."""
    path = root / FROZEN
    return read_json(path) if path.exists() else None
