"""Two processes on gloo: DDP, FSDP of both kinds, and DTensor, eager and compiled, against one process."""

from __future__ import annotations

import copy
import datetime
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

import gem

pytestmark = pytest.mark.skipif(not dist.is_gloo_available(), reason="needs gloo")
WORLD = 2


def network() -> nn.Sequential:
    """One of each, fixed and learnable; the channels of the last one are split between two processes."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for activation in (
        gem.GEM(),
        gem.EGEM(save="output"),
        gem.SEGEM(learnable=True),
        gem.GoLU(),
        gem.GoLU(learnable=True, channels=6, channel_dim=-1),
        gem.EGEM(learnable=True, channels=6, save="output"),
    ):
        layers += [nn.Linear(6, 6), activation]
    return nn.Sequential(*layers)


def batch() -> Tensor:
    return torch.randn(4, 6, generator=torch.Generator().manual_seed(1))


def gradients(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    model(x).square().mean().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(got: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert got.keys() == wanted.keys()
    for name, value in got.items():
        full = value.full_tensor() if isinstance(value, DTensor) else value
        torch.testing.assert_close(full, wanted[name], rtol=1e-4, atol=1e-7, msg=lambda m, n=name: f"{n}: {m}")


def by_ddp(rank: int, mesh: DeviceMesh, wanted: dict[str, Tensor]) -> None:
    model = DistributedDataParallel(network())
    got = gradients(model, batch().chunk(WORLD)[rank])
    assert_same({name.removeprefix("module."): g for name, g in got.items()}, wanted)


def by_fsdp1(rank: int, mesh: DeviceMesh, wanted: dict[str, Tensor]) -> None:
    model = FullyShardedDataParallel(network(), use_orig_params=True, device_id=torch.device("cpu"))
    model(batch().chunk(WORLD)[rank]).square().mean().backward()
    with FullyShardedDataParallel.summon_full_params(model, with_grads=True):
        got = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert_same({name.removeprefix("_fsdp_wrapped_module."): g for name, g in got.items()}, wanted)


def by_fsdp2(rank: int, mesh: DeviceMesh, wanted: dict[str, Tensor], compiled: bool = False) -> None:
    model = network()
    for layer in model:
        if list(layer.parameters()):
            fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    f = torch.compile(model, backend="aot_eager") if compiled else model
    f(batch().chunk(WORLD)[rank]).square().mean().backward()
    assert_same({name: p.grad for name, p in model.named_parameters() if p.grad is not None}, wanted)


def by_fsdp2_compiled(rank: int, mesh: DeviceMesh, wanted: dict[str, Tensor]) -> None:
    by_fsdp2(rank, mesh, wanted, compiled=True)


def by_dtensor(rank: int, mesh: DeviceMesh, wanted: dict[str, Tensor]) -> None:
    """Activations that are sharded or replicated, through modules and functions, eager and compiled."""
    whole = torch.randn(4, 6, generator=torch.Generator().manual_seed(2))
    modules: list[Callable[[Tensor], Tensor]] = [
        gem.GEM(N=2),
        gem.EGEM(save="output"),
        gem.SEGEM(),
        gem.GoLU(),
        gem.gem,
        gem.egem,
        gem.segem,
        gem.golu,
        gem.reference.segem,
    ]
    for f in modules:
        leaf = whole.clone().requires_grad_()
        y = f(leaf)
        (slope,) = torch.autograd.grad(y.sum(), leaf, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), leaf)
        for placement in (Shard(0), Shard(1), Replicate()):
            x = distribute_tensor(whole, mesh, [placement]).requires_grad_()
            out = f(x)
            assert isinstance(out, DTensor)
            assert out.placements == (placement,)
            torch.testing.assert_close(out.full_tensor(), y)
            (got,) = torch.autograd.grad(out.sum(), x, create_graph=True)
            torch.testing.assert_close(got.full_tensor(), slope)  # type: ignore[attr-defined]
            (got,) = torch.autograd.grad(got.sum(), x)
            torch.testing.assert_close(got.full_tensor(), bend, rtol=1e-4, atol=1e-4)  # type: ignore[attr-defined]
        torch._dynamo.reset()
        compiled = torch.compile(f, backend="aot_eager", fullgraph=True)
        x = distribute_tensor(whole, mesh, [Shard(0)]).requires_grad_()
        out = compiled(x)
        torch.testing.assert_close(out.full_tensor(), y)  # type: ignore[attr-defined]
        (got,) = torch.autograd.grad(out.sum(), x)
        torch.testing.assert_close(got.full_tensor(), slope, rtol=1e-4, atol=1e-6)  # type: ignore[attr-defined]


def by_dtensor_parameter(rank: int, mesh: DeviceMesh, wanted: dict[str, Tensor]) -> None:
    """Tensor parallelism: input and scale are sharded along the channels."""
    plain = gem.SEGEM(learnable=True, channels=6)
    sharded = copy.deepcopy(plain)
    sharded.log_alpha = nn.Parameter(distribute_tensor(plain.log_alpha.detach(), mesh, [Shard(0)]))
    x = batch()
    plain(x).square().sum().backward()
    sharded(distribute_tensor(x, mesh, [Shard(1)])).square().sum().backward()
    assert_same({"log_alpha": sharded.log_alpha.grad}, {"log_alpha": plain.log_alpha.grad})  # type: ignore[dict-item]


WAYS = {f.__name__: f for f in (by_ddp, by_fsdp1, by_fsdp2, by_fsdp2_compiled, by_dtensor, by_dtensor_parameter)}


def process(rank: int, folder: str, way: str) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    wanted = gradients(network(), batch())
    timeout = datetime.timedelta(seconds=300)
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=WORLD, timeout=timeout)
    try:
        WAYS[way](rank, init_device_mesh("cpu", (WORLD,)), wanted)
        dist.barrier()  # none leaves while another still speaks to it
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[] if way == "by_fsdp2" else pytest.mark.slow) for way in WAYS]
)
def test_two_processes_train_as_one_does(way: str, tmp_path: Path) -> None:
    mp.spawn(process, (str(tmp_path), way), WORLD)
