"""BatchNorm over two processes is BatchNorm of one, forwards, backwards and in its running statistics."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from experiments.errors import UserError
from experiments.families.batch_norm import SharedBatchNorm, share_batch_norm
from experiments.families.share import Share
from experiments.processes import Processes
from tests.experiments.share import Share as One
from tests.experiments.together import together

CLOSE = {torch.float32: 1e-6, torch.float64: 1e-12}
SHAPES = {"matrix": (7, 3), "sequences": (5, 3, 4), "images": (6, 3, 8, 8)}
SETTINGS: list[dict[str, Any]] = [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}]


def layer_for(x: Tensor, **settings: Any) -> nn.Module:
    """In a network, since the layer of a network is replaced."""
    kind = nn.BatchNorm2d if x.ndim == 4 else nn.BatchNorm1d
    layer = kind(x.shape[1], dtype=x.dtype, **settings)
    if layer.affine:
        with torch.no_grad():
            layer.weight.copy_(torch.linspace(0.5, 2, x.shape[1]))
            layer.bias.copy_(torch.linspace(-1, 1, x.shape[1]))
    return nn.Sequential(layer)


def passed(model: nn.Module, x: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs and gradients at ``x`` of a loss whose gradient at the outputs is ``slopes``."""
    x = x.clone().requires_grad_()
    y = model(x)
    (y * slopes).sum().backward()
    assert x.grad is not None
    return y.detach(), x.grad


def assert_close(found: Tensor, wanted: Tensor) -> None:
    assert found.dtype == wanted.dtype
    if found.is_floating_point():
        scale = wanted.abs().max().clamp_min(1)
        assert (found - wanted).abs().max() <= CLOSE[found.dtype] * scale, (found, wanted)
    else:
        assert torch.equal(found, wanted)


def compare(processes: Processes, x: Tensor, slopes: Tensor, first: int, **settings: Any) -> None:
    """Two steps of a layer of which one process has the ``first`` rows, and the other one the rest."""
    single, shared = layer_for(x, **settings), layer_for(x, **settings)
    share_batch_norm(shared, processes, Share(processes.rank, processes.count))
    assert isinstance(shared[0], SharedBatchNorm)  # type: ignore[index]
    rows = slice(first) if processes.rank == 0 else slice(first, None)
    for factor in (1.0, 0.5):
        wanted, found = passed(single, factor * x, slopes), passed(shared, factor * x[rows], slopes[rows])
        for one, other in zip(found, wanted, strict=True):
            assert_close(one, other[rows])
    for one, other in zip(shared.parameters(), single.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert_close(processes.sum(one.grad), other.grad)
    assert list(shared.state_dict()) == list(single.state_dict())
    for key, value in single.state_dict().items():
        assert_close(shared.state_dict()[key], value)
    assert_close(shared.eval()(x), single.eval()(x))


def compare_parts(processes: Processes, x: Tensor, slopes: Tensor) -> None:
    """Four parts of a batch of which each process has two: normalised apart, statistics moved in the order of parts."""
    single, shared = layer_for(x), layer_for(x)
    share = Share(processes.rank, processes.count, parts=4)
    share_batch_norm(shared, processes, share)
    rows = share.rows(len(x))
    wanted = [passed(single, *pair) for pair in zip(x.chunk(4), slopes.chunk(4), strict=True)]
    found = [passed(shared, *pair) for pair in zip(x[rows].chunk(2), slopes[rows].chunk(2), strict=True)]
    for number, pair in enumerate(found):
        for one, other in zip(pair, wanted[2 * number + processes.rank], strict=True):
            assert torch.equal(one, other)
    for key, value in single.state_dict().items():
        assert_close(shared.state_dict()[key], value)


def compare_all(processes: Processes) -> None:
    generator = torch.Generator().manual_seed(0)
    for dtype in CLOSE:
        for shape in SHAPES.values():
            x, slopes = torch.randn(2, *shape, generator=generator, dtype=dtype)
            for settings in SETTINGS:
                compare(processes, 3 * x + 1, slopes, first=2, **settings)
            compare(processes, 3 * x + 1, slopes, first=1)
            if dtype == torch.float64:  # in float32 torch's own layer loses a digit to a mean of ten sd
                compare(processes, x + 10, slopes, first=3)
        x, slopes = torch.randn(2, 8, 3, 4, 4, generator=generator, dtype=dtype)
        compare(processes, x.contiguous(memory_format=torch.channels_last), slopes, first=4)
        compare_parts(processes, x, slopes)


def test_two_processes_normalise_as_one_does() -> None:
    """Also with unequal numbers of rows."""
    together(2, compare_all)


def test_one_process_keeps_torchs_own_layers() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm2d(2)))
    before = list(model.modules())
    share_batch_norm(model, Processes(), Share())
    assert list(model.modules()) == before


def test_the_batch_norm_of_timm_keeps_its_activation() -> None:
    from timm.layers import BatchNormAct2d

    model = nn.Sequential(BatchNormAct2d(3, act_layer=nn.Tanh)).eval()
    x = torch.randn(2, 3, 4, 4)
    wanted, keys = model(x), list(model.state_dict())
    share_batch_norm(model, One(0, 2), Share(0, 2))
    assert isinstance(model[0], SharedBatchNorm)
    assert not model[0].training
    assert torch.equal(model(x), wanted)
    assert list(model.state_dict()) == keys


def test_a_normalisation_of_another_kind_is_refused() -> None:
    with pytest.raises(UserError, match=r"nn\.modules\.batchnorm\.BatchNorm3d: 2 processes were started, but"):
        share_batch_norm(nn.Sequential(nn.BatchNorm3d(3)), One(0, 2), Share(0, 2))


@pytest.mark.parametrize(("parts", "rows"), [(1, [4, 5, 6, 7]), (2, [2, 3]), (3, [2, 3, 6, 7, 10, 11]), (4, [2, 6])])
def test_whole_parts_are_dealt_out_and_others_are_shared(parts: int, rows: list[int]) -> None:
    size = {1: 8, 2: 4, 3: 12, 4: 8}[parts]
    share = Share.of(One(1, 2), size, parts)
    found = share.rows(size).tolist()
    assert share.whole == (parts % 2 == 0)
    assert found[: len(rows)] == rows or parts == 4
    both = [row for rank in range(2) for row in Share.of(One(rank, 2), size, parts).rows(size).tolist()]
    assert sorted(both) == list(range(size))


def test_a_part_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(UserError, match=r"recipe\.batch_size=6 recipe\.accumulate=1: 4 processes were started, but"):
        Share.of(One(0, 4), 6, 1)
