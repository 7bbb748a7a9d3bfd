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

from experiments.config.schema import Impl
from experiments.device import cpu_info

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def code_version() -> dict[str, Any]:
    """Commit of this checkout and whether it was clean (``results/`` aside); nulls outside a git checkout."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        commit = git("rev-parse", "HEAD").strip()
        clean = not git("status", "--porcelain", "--", ".", ":!results").strip()
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "clean": None}
    return {"commit": commit, "clean": clean}


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_model()} ({os.cpu_count()} cores)"


@functools.cache
def cpu_model() -> str:
    return next(iter(cpu_info("model name")), platform.processor() or platform.machine())


def command() -> str:
    """What starts this very run again, also when it is one of a sweep."""
    overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    return " ".join(["python train.py", *overrides])


def part(impl: Impl, device: torch.device, from_step: int) -> dict[str, Any]:
    """One start of a run: what, where and when."""
    return {
        **code_version(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "host": socket.gethostname(),
        "command": command(),
        "impl": asdict(impl),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "from_step": from_step,
    }


def peak_memory_mib(device: torch.device) -> float:
    """Peak device memory in MiB; on the CPU the largest resident size of the process so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
