"""PyTorch's own descriptions of modules and operators, ModuleInfo and OpInfo, with their checks. Slow."""

from __future__ import annotations

import copy
import pickle
import warnings
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gem
from gem import reference
from gem.variants import SEGEMBounded, SEGEMLinear, segem_bounded, segem_linear

pytest.importorskip("expecttest")  # torch.testing._internal imports it
with warnings.catch_warnings():  # what torch's test utilities warn of is theirs
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import FunctionInput, ModuleInfo, ModuleInput
    from torch.testing._internal.opinfo.core import SampleInput, UnaryUfuncInfo

pytestmark = pytest.mark.slow
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}
SETTINGS: dict[type[nn.Module], list[dict[str, Any]]] = {
    gem.GEM: [{}, {"N": 3}, {"learnable": True}, {"learnable": True, "channels": 3}, {"save": "output"}],
    gem.EGEM: [{"eps": 0.1}, {"N": 2, "eps": 0.5, "convention": "scale"}, {"eps": 0.1, "learnable": True}],
    gem.SEGEM: [{"eps": 0.1}, {"N": 2, "eps": 0.5, "negative_slope": 0.2}, {"eps": 0.1, "learnable": True}],
    gem.GoLU: [{}, {"alpha": 1.5, "beta": 0.5, "gamma": 2.0}, {"learnable": True, "channels": 3}],
    SEGEMLinear: [{"eps": 0.1}],
    SEGEMBounded: [{"eps": 0.1, "bound": 0.2}],
}


def points(shape: tuple[int, ...], dtype: torch.dtype, requires_grad: bool = False) -> Tensor:
    """Points on both sides of 0 and away from it, where derivatives of finite order end."""
    x = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2.5 + 0.2
    signs = torch.arange(x.numel()).reshape(shape) % 3 != 1
    return torch.where(signs, x, -x).to(dtype).requires_grad_(requires_grad)


def module_inputs(
    info: Any, device: str, dtype: torch.dtype, requires_grad: bool, training: bool, **kwargs: Any
) -> list[Any]:
    make = partial(points, dtype=dtype, requires_grad=requires_grad)
    return [
        ModuleInput(constructor_input=FunctionInput(**settings), forward_input=FunctionInput(make((2, 3, 2))))
        for settings in SETTINGS[info.module_cls]
    ]


MODULES = [ModuleInfo(cls, module_inputs_func=module_inputs, dtypes=DTYPES) for cls in SETTINGS]
CASES = [(info, number) for info in MODULES for number in range(len(SETTINGS[info.module_cls]))]
each_module = pytest.mark.parametrize(("info", "number"), CASES, ids=[f"{i.module_cls.__name__}-{n}" for i, n in CASES])


def made(info: Any, number: int, dtype: torch.dtype, requires_grad: bool = False) -> tuple[nn.Module, Tensor]:
    case = info.module_inputs_func(info, "cpu", dtype, requires_grad, True)[number]
    module = info.module_cls(*case.constructor_input.args, **case.constructor_input.kwargs).to(dtype)
    return module, case.forward_input.args[0]


def gradients(module: nn.Module, x: Tensor) -> list[Tensor]:
    leaf = x.detach().requires_grad_()
    return list(torch.autograd.grad(module(leaf).sum(), [leaf, *module.parameters()]))


@each_module
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_module_in_every_dtype(info: Any, number: int, dtype: torch.dtype) -> None:
    module, x = made(info, number, dtype)
    exact, _ = made(info, number, torch.float64)
    exact.load_state_dict(module.state_dict())
    close = partial(torch.testing.assert_close, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])
    y = module(x)
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    close(y, exact(x.double()).to(dtype))
    for ours, theirs in zip(gradients(module, x), gradients(exact, x.double()), strict=True):
        assert ours.dtype == dtype
        close(ours, theirs.to(dtype), rtol=4 * TOLERANCES[dtype])


@each_module
def test_a_module_is_differentiable_twice(info: Any, number: int) -> None:
    module, x = made(info, number, torch.float64, requires_grad=True)
    parameters = tuple(module.parameters())

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        names = [name for name, _ in module.named_parameters()]
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    inputs = (x, *parameters)
    assert torch.autograd.gradcheck(call, inputs, check_batched_grad=True)
    assert torch.autograd.gradcheck(call, inputs, check_forward_ad=True, check_backward_ad=False)
    assert torch.autograd.gradgradcheck(call, inputs, check_fwd_over_rev=True, check_batched_grad=True)


@each_module
def test_a_module_on_strided_inputs_and_as_a_copy(info: Any, number: int) -> None:
    module, x = made(info, number, torch.float32)
    y = module(x)
    for view in (x.transpose(0, 2).contiguous().transpose(0, 2), torch.stack([x, x], -1)[..., 0]):
        assert not view.is_contiguous()
        torch.testing.assert_close(module(view), y)
        for ours, theirs in zip(gradients(module, view), gradients(module, x), strict=True):
            torch.testing.assert_close(ours, theirs)
    for again in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        torch.testing.assert_close(again(x), y, rtol=0, atol=0)
        assert repr(again) == repr(module)


@each_module
def test_a_module_takes_the_arguments_of_a_factory(info: Any, number: int) -> None:
    settings = SETTINGS[info.module_cls][number]
    if not settings.get("learnable"):
        pytest.skip("without parameters there is nothing to place")
    for dtype in (torch.float32, torch.float64):
        module = info.module_cls(**settings, device="cpu", dtype=dtype)
        assert {p.dtype for p in module.parameters()} == {dtype}
    assert all(p.is_meta for p in info.module_cls(**settings, device="meta").parameters())


def samples(op: Any, device: str, dtype: torch.dtype, requires_grad: bool, **kwargs: Any) -> list[Any]:
    return [
        SampleInput(points(shape, dtype, requires_grad), kwargs=op.settings) for shape in ((), (5,), (2, 3), (0, 2))
    ]


def operator(name: str, function: Any, definition: Any, **settings: Any) -> Any:
    info = UnaryUfuncInfo(
        name,
        op=function,
        ref=definition,
        dtypes=DTYPES,
        sample_inputs_func=samples,
        supports_forward_ad=True,
        supports_fwgrad_bwgrad=True,
        supports_out=False,
    )
    info.settings = settings
    return info


OPERATORS = [
    operator("gem", gem.gem, reference.gem, N=2),
    operator("egem", gem.egem, reference.egem, N=1, eps=0.1),
    operator("segem", gem.segem, reference.segem, N=2, eps=0.5, negative_slope=0.2),
    operator("golu", gem.golu, reference.golu, beta=0.5),
    operator("segem_linear", segem_linear, segem_linear, eps=0.1),
    operator("segem_bounded", segem_bounded, segem_bounded, eps=0.1, bound=0.2),
]
each_operator = pytest.mark.parametrize("op", OPERATORS, ids=[op.name for op in OPERATORS])


@each_operator
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_function_in_every_dtype(op: Any, dtype: torch.dtype) -> None:
    for sample in op.sample_inputs("cpu", dtype):
        x = sample.input
        y = op(x, **sample.kwargs)
        assert (y.dtype, y.shape) == (x.dtype, x.shape)
        expected = op.ref(x.double(), **sample.kwargs).to(dtype)
        torch.testing.assert_close(y, expected, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


@each_operator
def test_a_function_is_differentiable_twice(op: Any) -> None:
    for sample in op.sample_inputs("cpu", torch.float64, requires_grad=True):
        call = partial(op, **sample.kwargs)
        assert torch.autograd.gradcheck(call, (sample.input,), check_forward_ad=True, check_batched_grad=True)
        assert torch.autograd.gradgradcheck(call, (sample.input,), check_fwd_over_rev=True, check_batched_grad=True)


@each_operator
def test_a_function_on_strided_inputs(op: Any) -> None:
    for sample in op.sample_inputs("cpu", torch.float64):
        view = torch.stack([sample.input, sample.input], -1)[..., 0]
        torch.testing.assert_close(op(view, **sample.kwargs), op(sample.input, **sample.kwargs))
