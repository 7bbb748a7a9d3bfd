"""What a run left behind, in a form in which two runs can be compared bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from experiments.runs import checkpoint
from experiments.runs.metrics_log import TIMES, read_lines

# The smallest real run: two epochs of 22 steps on the digits, in about a second.
TINY = ("dataset=digits", "recipe=digits", "recipe.epochs=2", "impl=deterministic")


def directory_of(runs_dir: Path) -> Path:
    """The directory of the only run below ``runs_dir``."""
    (directory,) = runs_dir.glob("*/*/seed*")
    return directory


def result(runs_dir: Path) -> dict[str, Any]:
    """metrics.json to the byte, metrics.jsonl but for the times, and the last weights and optimiser state."""
    directory = directory_of(runs_dir)
    lines = read_lines(directory / "metrics.jsonl")
    assert all(line["seconds"] > 0 for line in lines)
    lines = [{key: value for key, value in line.items() if key not in TIMES} for line in lines]
    last = max((directory / "checkpoints").glob("step*.pt"))
    state = checkpoint.read_checkpoint(last)
    return {
        "metrics.json": (directory / "metrics.json").read_bytes(),
        "metrics.jsonl": [json.dumps(line) for line in lines],
        "checkpoint": last.name,
        "state": {name: bits(state[name]) for name in ("model", "optimizer", "lbfgs", "step", "run") if name in state},
    }


def bits(value: Any) -> Any:
    """Tensors as their bytes, since equality of floats takes 0.0 for -0.0 and NaN for nothing."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [bits(item) for item in value]
    return value


def distance(a: Any, b: Any) -> float:
    """The largest difference between two states, in units of the largest entry of the tensor it is in."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return max((distance(a[key], b[key]) for key in a), default=0.0)
    if isinstance(a, (list, tuple)):
        return max((distance(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    if isinstance(a, torch.Tensor):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        return ((a - b).abs().max() / b.abs().max().clamp_min(1e-3)).item()
    if isinstance(a, float):
        return abs(a - b) / max(abs(b), 1e-2)
    assert a == b
    return 0.0


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below ``folder``: the content of files, None for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
