"""The processes that train one run together: alone, under ``torchrun``, or as tasks of a Slurm job step.

Gradients are summed over the processes once a step, so that a run is the same for every number of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from experiments.errors import Stopped, UserError

# Messages of gloo's plain RuntimeErrors when the other process is gone.
LOST = ("closed by peer", "reset by peer", "Broken pipe", "was likely closed", "Gloo")


class Processes:
    """A single process. With one process, every collective operation is a no-op."""

    rank = 0
    count = 1

    def sum_gradients(self, model: nn.Module, loss: Tensor) -> Tensor:
        """Sum gradients in place and ``loss`` over the processes. Returns the sum of the losses."""
        return loss

    def sum(self, values: Tensor) -> Tensor:
        return values

    def stack(self, values: Tensor) -> Tensor:
        """``values`` of every process, [count, …], in the order of ranks."""
        return values[None]

    def any(self, flag: bool) -> bool:
        return flag

    def to_first(self, value: Any) -> list[Any]:
        """In the first process the ``value`` of every process, in the order of ranks; in the others an empty list."""
        return [value]

    def from_first(self, value: Any) -> Any:
        """``value`` of the first process; the others' values are ignored."""
        return value


class Distributed(Processes):
    """Several processes. Tensors use the device's own backend, flags and states use gloo."""

    def __init__(self, device: torch.device) -> None:
        self.rank, self.count = dist.get_rank(), dist.get_world_size()
        self.device = device
        control = dist.new_group(backend="gloo")
        assert isinstance(control, dist.ProcessGroup)
        self.control = control

    def sum_gradients(self, model: nn.Module, loss: Tensor) -> Tensor:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), loss.reshape(1)])
        dist.all_reduce(flat)
        sizes = [gradient.numel() for gradient in gradients]
        *parts, total = flat.tensor_split(list(accumulate(sizes)))
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return total.reshape(())

    def sum(self, values: Tensor) -> Tensor:
        dist.all_reduce(values)
        return values

    def stack(self, values: Tensor) -> Tensor:
        found = [torch.empty_like(values) for _ in range(self.count)]
        dist.all_gather(found, values)
        return torch.stack(found)

    def any(self, flag: bool) -> bool:
        votes = torch.tensor(int(flag))
        dist.all_reduce(votes, group=self.control)
        return bool(votes.item())

    def to_first(self, value: Any) -> list[Any]:
        found = [None] * self.count if self.rank == 0 else None
        dist.gather_object(value, found, dst=0, group=self.control)
        return found or []

    def from_first(self, value: Any) -> Any:
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.control)
        return box[0]


def place(environment: Mapping[str, str]) -> tuple[int, int, int]:
    """(rank, count, local rank) from torchrun's variables, or Slurm's; (0, 1, 0) without either.

    A Slurm batch script with one task is one process, and so is an interactive allocation.
    """
    for rank, count, local in (
        ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
        ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
    ):
        if rank in environment and int(environment.get(count, "1")) > 1:
            return int(environment[rank]), int(environment[count]), int(environment.get(local, "0"))
    return 0, 1, 0


def own_gpu(rank: int, local: int, visible: int, by_slurm: bool) -> int:
    """The number of this process's GPU: its local rank, or 0 if Slurm shows each task one GPU. Raises UserError."""
    if by_slurm and visible == 1:
        return 0
    if local >= visible:
        known = f"GPUs 0 to {visible - 1}" if visible > 1 else "one GPU"
        raise UserError(f"process {rank}: is number {local} on its machine, which has {known} only")
    return local


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """Join the other processes for the duration of the block.

    Raises UserError if they cannot be found or NCCL fails, and Stopped if one of them dies meanwhile.
    """
    rank, count, local = place(os.environ)
    if count == 1:
        yield Processes()
        return
    if device.type == "cuda":
        torch.cuda.set_device(own_gpu(rank, local, torch.cuda.device_count(), "LOCAL_RANK" not in os.environ))
    os.environ.setdefault("MASTER_ADDR", os.environ.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1"))
    os.environ.setdefault("MASTER_PORT", str(20000 + int(os.environ.get("SLURM_JOB_ID", "0")) % 20000))
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=rank, world_size=count)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"process {rank} of {count}: cannot join the others ({reason})") from error
    try:
        yield Distributed(device)
    except RuntimeError as error:
        if device.type == "cuda":  # without it NCCL would wait for pending operations
            cast(dist.ProcessGroup, dist.group.WORLD).abort()
        cause = str(error).strip().rpartition("\n")[2]  # NCCL names the cause in the last line
        if "ncclInvalidUsage" in str(error):
            raise UserError(f"process {rank} of {count}: {cause}") from error
        if isinstance(error, dist.DistError) or any(word in str(error) for word in LOST):
            raise Stopped(
                f"process {rank} of {count}: another process of this run died; "
                f"run the same command again to continue from the last checkpoint ({cause})"
            ) from error
        raise
    finally:
        dist.destroy_process_group()
