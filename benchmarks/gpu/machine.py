"""The device, and the versions of its examination."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.gpu.child import Row
from experiments.runs.provenance import code_version, commit_title, device_name

LIBRARIES = ("triton", "torchvision", "timm", "transformers", "diffusers")


def rows(device: str, results_dir: Path) -> Iterator[Row]:
    code = code_version()
    facts = {
        "device": device_name(torch.device(device)),
        "commit": commit_title(code["commit"], code["clean"]),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        facts |= {
            "memory": f"{properties.total_memory / 2**30:.0f} GiB",
            "capability": f"sm_{properties.major}{properties.minor}",
            "CUDA": str(torch.version.cuda),
            "cuDNN": str(torch.backends.cudnn.version()),
        }
    else:
        facts["threads"] = str(torch.get_num_threads())
    for library in LIBRARIES:
        try:
            facts[library] = version(library)
        except PackageNotFoundError:
            facts[library] = "not installed"
    for what, value in facts.items():
        yield {"what": what, "value": value}
