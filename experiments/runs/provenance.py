"""Where a run came from: commit, versions, device, command; written to ``meta.json``, one part per start."""

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

FROZEN = "frozen.json"  # in a copy of the code that a sweep runs from: commit, whether it was clean, sums of files


@functools.cache
def code_version() -> dict[str, Any]:
    """Commit of this code and whether it was clean (``results/`` aside); nulls outside a git checkout.

    The frozen copy that the jobs of a sweep run from says itself what it is a copy of.
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
    """Eight digits of a commit, and whether the tree differed from it."""
    return (commit or "unknown")[:8] + ("" if clean else " (tree not clean)")


def keep_changes(directory: Path) -> None:
    """Beside a run of code that was not committed, the difference to its commit."""
    name = code_version().get("changes")
    if name and not (directory / name).exists():
        write_atomic(directory / name, (ROOT / name).read_bytes())


def device_name(device: torch.device) -> str:
    """Of a CPU with its instruction set: clouds give those with AVX-512 and those without, which round differently, one
    name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_model()} ({os.cpu_count()} cores, {instructions()})"


def instructions() -> str:
    """``AVX512``, ``AVX2``, …: what torch computes with; and its library of convolutions, if held to something else.

    Less than the CPU has where ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2 say so.
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
    """What starts this very run again, also when it is one of a sweep."""
    overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    return " ".join(["python train.py", *overrides])


def part(impl: Impl, device: torch.device, from_step: int, command: str) -> dict[str, Any]:
    """One start of a run: what, where and when."""
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
    """``frozen.json`` of the copy at ``root``, or None where ``root`` is no frozen copy."""
    path = root / FROZEN
    return read_json(path) if path.exists() else None
