"""One cache of compiled kernels for all jobs of a sweep: a kernel is compiled once, and the other jobs load it.

Inductor and Triton write their files by rename, so processes may share a folder. CPU kernels are compiled for the
current processor (``-march=native``), but their cache key does not contain it. On an older processor they would be
illegal instructions. So there is one folder for each kind of processor and version.
"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import torch

from experiments.device import cpu_flags


def compile_folder(cache_dir: str) -> Path:
    """``<cache_dir>/compile/torch<version>-py<version>-<8 digits for the processor>``"""
    flags = " ".join([platform.machine(), *sorted(cpu_flags())])
    processor = hashlib.sha256(flags.encode()).hexdigest()[:8]
    python = "".join(platform.python_version_tuple()[:2])
    return Path(cache_dir) / "compile" / f"torch{torch.__version__}-py{python}-{processor}"


def share_compile_cache(cache_dir: str) -> None:
    """Point Inductor and Triton of this process and its children there, unless the user chose another place."""
    place = compile_folder(cache_dir)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(place / "inductor"))
    os.environ.setdefault("TRITON_CACHE_DIR", str(place / "triton"))
