"""Tensors and modes that are not plain: torch.fx, make_fx, dispatch modes, sparse and nested tensors, subclasses."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import allow_mutation_on_saved_tensors
from torch.fx import symbolic_trace
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

import gem
from gem.variants import segem_bounded, segem_linear

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gem": gem.gem,
    "egem": gem.egem,
    "segem": gem.segem,
    "golu": gem.golu,
    "segem_linear": segem_linear,
    "segem_bounded": segem_bounded,
    "GEM": gem.GEM(N=2),
    "EGEM": gem.EGEM(save="output"),
    "SEGEM": gem.SEGEM(),
    "GoLU": gem.GoLU(),
    "SEGEMLinear": gem.make_activation("segem_linear"),
    "learnable SEGEM": gem.SEGEM(learnable=True, save="output"),
    "learnable GoLU": gem.GoLU(learnable=True),
}
BY_CHANNEL: dict[str, Callable[[Tensor], Tensor]] = {
    "GEM by channel": gem.GEM(learnable=True, channels=4),
    "GoLU by channel": gem.GoLU(learnable=True, channels=4, channel_dim=-1),
}
functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
all_functions = pytest.mark.parametrize("f", [*FUNCTIONS.values(), *BY_CHANNEL.values()], ids=[*FUNCTIONS, *BY_CHANNEL])


def points() -> Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def slope(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    leaf = x.detach().requires_grad_()
    return torch.autograd.grad(f(leaf).sum(), leaf)[0]


class Around(nn.Module):
    def __init__(self, f: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.f = f

    def forward(self, x: Tensor) -> Tensor:
        return self.f(2 * x)


Around.forward.__annotations__.clear()  # torch 2.11 cannot pickle a graph whose annotations are strings


@all_functions
def test_symbolic_trace_makes_one_node_of_a_call(f: Callable[[Tensor], Tensor]) -> None:
    graph, x = symbolic_trace(Around(f)), points()
    calls = [node.target for node in graph.graph.nodes if node.op == "call_function"]
    assert len(calls) == 2
    assert calls[1].__module__.startswith("gem.")
    for copied in (graph, copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        assert torch.equal(copied(x), f(2 * x))


@functions
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_make_fx_sees_plain_operations(f: Callable[[Tensor], Tensor], mode: Any) -> None:
    if mode != "real" and isinstance(f, nn.Module) and list(f.parameters()):
        pytest.skip("the parameters would have to be fake as well")
    x = points()
    graph = make_fx(lambda z: f(z), tracing_mode=mode)(x)
    for z in (x, 2 * x):
        torch.testing.assert_close(graph(z), f(z), rtol=1e-5, atol=1e-6)


@functions
def test_saved_tensors_may_be_changed_where_autograd_allows_it(f: Callable[[Tensor], Tensor]) -> None:
    x = points()
    with allow_mutation_on_saved_tensors():
        leaf = x.clone().requires_grad_()
        middle = leaf.clone()
        y = f(middle)
        middle.zero_()
        (got,) = torch.autograd.grad(y.sum(), leaf)
    torch.testing.assert_close(got, slope(f, x))


@functions
def test_under_a_dispatch_mode_the_result_is_the_same(f: Callable[[Tensor], Tensor]) -> None:
    x, leaf = points(), points().requires_grad_()
    with FlopCounterMode(display=False):
        got = f(x)
        f(leaf).sum().backward()  # torch's module tracker does not serve autograd.grad
    torch.testing.assert_close((got, leaf.grad), (f(x), slope(f, x)))


SPARSE: dict[str, Callable[[Tensor], Tensor]] = {
    "coo": lambda x: x.to_sparse(),
    "csr": lambda x: x.to_sparse_csr(),
    "csc": lambda x: x.to_sparse_csc(),
    "bsr": lambda x: x.to_sparse_bsr((1, 1)),
}


@pytest.mark.filterwarnings("ignore:Sparse .* tensor support is in beta")
@functions
@pytest.mark.parametrize("layout", SPARSE)
def test_sparse_tensors(f: Callable[[Tensor], Tensor], layout: str) -> None:
    x = torch.tensor([[0.0, 1.0], [-2.0, 0.0]])
    y = f(SPARSE[layout](x))
    assert y.layout == SPARSE[layout](x).layout
    assert torch.equal(y.to_dense(), f(x))
    if layout in ("coo", "csr"):
        leaf = x.clone().requires_grad_()
        (got,) = torch.autograd.grad(f(SPARSE[layout](leaf)).to_dense().sum(), leaf)
        dense = got if got.layout == torch.strided else got.to_dense()
        torch.testing.assert_close(dense, torch.where(x == 0, 0, slope(f, x)))


def test_a_sparse_tensor_with_an_index_twice() -> None:
    x = torch.sparse_coo_tensor(
        torch.tensor([[0, 0]]), torch.tensor([1.0, 1.0]), (2,), is_coalesced=False, check_invariants=True
    )
    assert torch.equal(gem.gem(x).to_dense(), gem.gem(torch.tensor([2.0, 0.0])))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@functions
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors(f: Callable[[Tensor], Tensor], layout: torch.layout) -> None:
    parts = [torch.randn(n, 3, generator=torch.Generator().manual_seed(n), requires_grad=True) for n in (2, 4)]
    y = f(torch.nested.as_nested_tensor(parts, layout=layout))
    assert y.is_nested
    assert y.layout == layout
    for got, part in zip(y.unbind(), parts, strict=True):
        torch.testing.assert_close(got, f(part))
    gradients = torch.autograd.grad(sum(part.sum() for part in y.unbind()), parts)  # type: ignore[arg-type]
    for gradient, part in zip(gradients, parts, strict=True):
        torch.testing.assert_close(gradient, slope(f, part))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("f", BY_CHANNEL.values(), ids=BY_CHANNEL)
def test_a_scale_by_channel_refuses_what_has_no_fixed_dimensions(f: Callable[[Tensor], Tensor]) -> None:
    for x in (points().to_sparse(), torch.nested.as_nested_tensor([points(), points()])):
        with pytest.raises(TypeError, match="channels must be None for a sparse or nested tensor"):
            f(x)


class Labelled(Tensor):
    """A subclass that keeps its class, as torch's own default has it."""


@functions
def test_a_subclass_of_tensor_stays_what_it_is(f: Callable[[Tensor], Tensor]) -> None:
    x = points().as_subclass(Labelled)
    y = f(x)
    assert type(y) is Labelled
    torch.testing.assert_close(y.as_subclass(Tensor), f(points()))
    leaf = points().as_subclass(Labelled).requires_grad_()
    (got,) = torch.autograd.grad(f(leaf).sum(), leaf)
    torch.testing.assert_close(got.as_subclass(Tensor), slope(f, points()))


class Names(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["gem", "egem", "segem", "golu", "segem_linear", "segem_bounded"])
def test_a_function_mode_sees_functions_and_modules_by_one_name(name: str) -> None:
    with Names() as mode:
        FUNCTIONS[name](points())
        gem.make_activation(name)(points())
    assert [seen for seen in mode.seen if "gem" in seen or "golu" in seen] == [name, name]
