"""The cost of an activation compared with ReLU, GELU and SiLU: time and saved memory, as ratios within one run."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch._dynamo
from torch import Tensor, nn

from experiments.trial.certificate.finding import Make

PEERS: dict[str, Make] = {"ReLU": nn.ReLU, "GELU": nn.GELU, "SiLU": nn.SiLU}
SIZES = {"small": 4096, "large": 1 << 20}  # elements
ROUNDS = 15
TRIES = 2  # measurements per round; the shorter one counts
SHORTEST = 2e-3  # seconds of processor time per measurement: small calls are repeated
Row = dict[str, Any]


def measure_cost(make: Make) -> list[Row]:
    """One row for each mode and size: ``peer`` → [median, lower and upper quartile] of the ratio of times.

    Every round calls all of them in turn, so a disturbance affects all alike, and ratios are taken within a round.
    ``forward`` is only the call, ``training`` the call and its backward pass. Threads: 1. Compiled rows are missing if
    torch.compile fails.
    """
    torch.set_num_threads(1)
    rows: list[Row] = []
    for mode in ("eager", "compiled"):
        try:
            for size, part in itertools.product(SIZES, ("forward", "training")):
                torch._dynamo.reset()  # else the limit on recompilations would silently fall back to eager mode
                modules = {name: prepared(each, mode) for name, each in {"own": make, **PEERS}.items()}
                ratios = compare_times(modules, SIZES[size], part)
                rows.append({"mode": mode, "size": size, "part": part, "ratios": ratios})
        except Exception as error:  # a compiler may raise anything on user code
            rows.append({"mode": mode, "error": " ".join(str(error).split())[:160]})
    return rows


def prepared(make: Make, mode: str) -> Callable[[Tensor], Tensor]:
    module = make().eval()
    return torch.compile(module) if mode == "compiled" else module


def compare_times(modules: dict[str, Callable[[Tensor], Tensor]], count: int, part: str) -> dict[str, list[float]]:
    steps = {name: step_of(module, count, part) for name, module in modules.items()}
    calls = {}
    for name, step in steps.items():
        step()
        calls[name] = max(1, round(SHORTEST / max(seconds_of(step, 3), 1e-7)))
    times = [
        {name: min(seconds_of(step, calls[name]) for _ in range(TRIES)) for name, step in steps.items()}
        for _ in range(ROUNDS)
    ]
    found = {}
    for peer in PEERS:
        low, middle, high = statistics.quantiles([each["own"] / each[peer] for each in times], n=4)
        found[peer] = [round(value, 3) for value in (middle, low, high)]
    return found


def step_of(module: Callable[[Tensor], Tensor], count: int, part: str) -> Callable[[], object]:
    x = torch.linspace(-4, 4, count).requires_grad_(part == "training")

    def forward() -> object:
        with torch.no_grad():
            return module(x)

    upstream = torch.ones(count)
    return forward if part == "forward" else lambda: torch.autograd.grad(module(x), x, upstream)


def seconds_of(step: Callable[[], object], calls: int) -> float:
    """Seconds of processor time. Unlike wall time, it excludes other work on the machine."""
    start = time.process_time()
    for _ in range(calls):
        step()
    return (time.process_time() - start) / calls


def saved_bytes(make: Make) -> dict[str, float]:
    """Bytes per element that eager mode keeps for backward in float32. A tensor that is kept twice counts once."""
    return {name: bytes_kept(each()) for name, each in {"own": make, **PEERS}.items()}


def bytes_kept(module: nn.Module, count: int = 4096) -> float:
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    alive = []
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alive.append(module(torch.linspace(-4, 4, count).requires_grad_()))
    return sum(kept.values()) / count
