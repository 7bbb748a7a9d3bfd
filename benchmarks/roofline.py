"""A lower bound for the time of a training step on this device, from its operations and its memory traffic."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import repeated, timed
from experiments.runs.loop import Trainer


class Bytes(TorchDispatchMode):
    """Counts the bytes that operators read and write, each tensor once per operator. Views count nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            flat = torch.utils._pytree.tree_leaves((args, kwargs, out))
            self.total += sum(tensor.nbytes for tensor in flat if isinstance(tensor, Tensor))
        return out


def least_seconds(trainer: Trainer) -> float:
    """The lower bound for an eager step of ``trainer``: the longer of two times, in fp32 on its device and threads.

    One is its matrix products and convolutions at the rate of a large matrix product. The other is its bytes at the
    rate of a large copy.
    """
    trainer.advance()
    with FlopCounterMode(display=False) as operations, Bytes() as moved:
        trainer.advance()
    flops, copied = peak_rates(trainer.device)
    seconds: float = max(operations.get_total_flops() / flops, moved.total / copied)
    return seconds


def peak_rates(device: torch.device) -> tuple[float, float]:
    """FLOP/s of a large fp32 matrix product and bytes/s of a large copy; the best of ten."""
    side = 1024 if device.type == "cpu" else 8192
    a, b = torch.randn(side, side, device=device), torch.empty(2**25, device=device)
    source = torch.ones_like(b)
    product = min(timed(repeated(lambda: a @ a), 3).wall for _ in range(10))
    copied = min(timed(repeated(lambda: b.copy_(source)), 1).wall for _ in range(10))
    return 2 * side**3 / product, 2 * b.nbytes / copied
