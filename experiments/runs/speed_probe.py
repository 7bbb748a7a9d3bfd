"""Measures how much faster a small network trains with the settings of ``impl=fast`` than with ``impl=default``.

``measure_speedups`` runs this module as a separate program, so that its threads, compiled code and memory are not those
of the run. One network consists of convolutions, the other of matrix products, both in residual blocks.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 7
SECONDS = 0.15  # approximate time of the plain steps in one round
TIMEOUT = 180.0


class Block(nn.Module):
    """``x + f(x)``, twice, where f is a normalised layer with an activation."""

    def __init__(self, layers: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.second = layers(), layers()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.first(x)
        y: Tensor = x + self.second(x)
        return y


def convolutions() -> nn.Module:
    """Blocks as in a ResNet for CIFAR, for [B, 32, H, W]."""
    return nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.GELU())


def products() -> nn.Module:
    """Blocks as in the MLP of a transformer, for [B, T, 256]."""
    return nn.Sequential(nn.LayerNorm(256), nn.Linear(256, 1024), nn.GELU(), nn.Linear(1024, 256))


LAYERS = {"convolutions": (convolutions, (64, 32, 16, 16)), "products": (products, (8, 64, 256))}


def step_of(kind: str, device: torch.device, fast: bool, bf16: bool) -> Callable[[], None]:
    """One forward and backward pass of a new network."""
    torch.manual_seed(0)
    layers, shape = LAYERS[kind]
    network, x = Block(layers).to(device), torch.randn(shape).to(device)
    if fast and len(shape) == 4:
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)

    def loss(x: Tensor) -> Tensor:
        mean: Tensor = network(x).float().square().mean()
        return mean

    run = torch.compile(loss, dynamic=False) if fast else loss

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=fast and bf16):
            value = run(x)
        value.backward()
        network.zero_grad(set_to_none=True)

    return step


def seconds_of(step: Callable[[], None], count: int, device: torch.device) -> float:
    """Seconds per step, the mean of ``count`` steps."""
    started = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - started) / count


def speedup_of(kind: str, device: torch.device, bf16: bool) -> float:
    """Step time of the plain settings divided by that of the fast ones: the median of interleaved rounds."""
    plain, fast = (step_of(kind, device, choice, bf16) for choice in (False, True))
    for _ in range(3):
        plain()
        fast()
    count = max(1, round(SECONDS / seconds_of(plain, 1, device)))
    return statistics.median(seconds_of(plain, count, device) / seconds_of(fast, count, device) for _ in range(ROUNDS))


def measure_speedups(device: torch.device, threads: int, bf16: bool) -> dict[str, float]:
    """The speedup of each kind of network, by its name, with ``threads`` threads. It takes about 30 seconds.

    Raises RuntimeError with the last line of the program's output, for example if there is no compiler.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    line = [sys.executable, "-m", __name__, device.type, str(threads), str(int(bf16))]
    try:
        ended = subprocess.run(
            line, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"took more than {TIMEOUT:.0f} s") from None
    if ended.returncode:
        raise RuntimeError((ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1])
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def main(device: str, threads: str, bf16: str) -> None:
    """Print the speedups as JSON."""
    torch.set_num_threads(int(threads))
    print(json.dumps({kind: speedup_of(kind, torch.device(device), bf16 == "1") for kind in LAYERS}))


if __name__ == "__main__":
    main(*sys.argv[1:])
