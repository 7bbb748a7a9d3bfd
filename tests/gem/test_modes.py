"""The same function in every mode: compiled, traced, exported, autocast, any layout; copied and pickled."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import gem
from gem import reference as F  # noqa: N812
from gem._pieces import PIECE

MODULES: list[Callable[[], nn.Module]] = [
    lambda: gem.GEM(N=2),
    lambda: gem.EGEM(eps=1e-3, save="output"),
    lambda: gem.SEGEM(N=3, eps=1e-8, convention="scale"),
    lambda: gem.EGEM(N=2, learnable=True, channels=3),
    lambda: gem.GoLU(beta=1.5),
    lambda: gem.GoLU(learnable=True, channels=3),
]
modules = pytest.mark.parametrize("make", MODULES)


def images(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).to(dtype)


def value_and_slope(f: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = f(leaf)
    return y.detach(), torch.autograd.grad(y, leaf, torch.ones_like(y))[0]


def assert_same(f: Callable[[Tensor], Tensor], g: Callable[[Tensor], Tensor], x: Tensor) -> None:
    for a, b in zip(value_and_slope(f, x), value_and_slope(g, x), strict=True):
        assert a.dtype == b.dtype == x.dtype
        unit = torch.finfo(x.dtype).eps
        torch.testing.assert_close(a, b, rtol=16 * unit, atol=unit)  # absolute for GoLU, whose slope passes through 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@modules
def test_compiled_without_graph_breaks(make: Callable[[], nn.Module], dtype: torch.dtype) -> None:
    torch._dynamo.reset()
    module = make()
    assert_same(torch.compile(module, fullgraph=True, backend="aot_eager"), module, images(dtype))


def test_compiled_by_inductor() -> None:
    torch._dynamo.reset()
    together = nn.ModuleList(make() for make in MODULES)

    def total(x: Tensor) -> Tensor:
        return torch.stack([m(x) for m in together])

    assert_same(torch.compile(total, fullgraph=True), total, images())


@pytest.mark.parametrize("name", ["gem", "egem", "segem", "golu"])
def test_the_plain_functions_compile_too(name: str) -> None:
    torch._dynamo.reset()
    f = getattr(F, name)
    assert_same(torch.compile(f, fullgraph=True, backend="aot_eager"), f, images())


def test_another_eps_needs_no_new_compilation() -> None:
    torch._dynamo.reset()
    counter = torch._dynamo.testing.CompileCounter()
    compiled = torch.compile(lambda module, x: module(x), backend=counter, fullgraph=True)
    for convention in ("additive", "scale"):
        for eps in (1e-12, 1e-6, 1e-4, 1.0, 10.0):
            module = gem.EGEM(N=2, eps=eps, convention=convention)
            torch.testing.assert_close(compiled(module, images()), module(images()), rtol=2e-6, atol=1e-20)
    assert counter.frame_count == 1


def test_compiled_vmap_of_grad() -> None:
    torch._dynamo.reset()
    module, x = gem.SEGEM(N=2), images().flatten()
    per_sample = torch.func.vmap(torch.func.grad(module))
    compiled = torch.compile(per_sample, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), per_sample(x), rtol=2e-6, atol=1e-20)


@modules
def test_export_and_trace(make: Callable[[], nn.Module]) -> None:
    module, x = make(), images()
    torch.testing.assert_close(torch.export.export(module, (x,)).module()(x), module(x), rtol=2e-6, atol=1e-20)
    graph = torch.fx.symbolic_trace(nn.Sequential(module))
    assert torch.equal(graph(x), module(x))


@pytest.mark.filterwarnings("ignore:`torch.jit")
@modules
def test_a_traced_module_survives_saving(make: Callable[[], nn.Module]) -> None:
    module, x, file = make(), images(), io.BytesIO()
    torch.jit.save(torch.jit.trace(module, (x,)), file)
    file.seek(0)
    torch.testing.assert_close(torch.jit.load(file)(x), module(x), rtol=2e-6, atol=1e-20)


@pytest.mark.filterwarnings("ignore:`torch.jit", "ignore::FutureWarning")
@pytest.mark.parametrize("name", ["gem", "egem", "segem", "golu"])
def test_a_scripted_module_survives_saving(name: str) -> None:
    module, file = gem.make_activation(name), io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Sequential(module)), file)
    file.seek(0)
    loaded = torch.jit.load(file)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        exact = value_and_slope(module, images(dtype))
        torch.testing.assert_close(value_and_slope(loaded, images(dtype)), exact, rtol=2e-6, atol=1e-7)
    special = torch.tensor([math.inf, -math.inf, math.nan, 0.0])
    torch.testing.assert_close(value_and_slope(loaded, special), value_and_slope(module, special), equal_nan=True)


@pytest.mark.filterwarnings("ignore:`torch.jit", "ignore::FutureWarning")
def test_a_scripted_module_has_the_settings_of_its_making_and_nothing_learned() -> None:
    module, x = gem.GoLU(), images()
    module.gamma = 3.0
    torch.testing.assert_close(torch.jit.script(module)(x), gem.golu(x, gamma=3.0))
    segem = gem.SEGEM(N=3)
    segem.eps, segem.negative_slope = 0.3, 0.2
    torch.testing.assert_close(torch.jit.script(segem)(x), gem.segem(x, 3, 0.3, 0.2))
    for learnable in (gem.EGEM(learnable=True), gem.GoLU(learnable=True)):
        with pytest.raises(torch.jit.Error, match="TorchScript"):
            torch.jit.script(learnable)(x)


@modules
def test_autocast_keeps_the_type_of_the_input(make: Callable[[], nn.Module]) -> None:
    module = make()
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        expected = value_and_slope(module, images(dtype))
        with torch.autocast("cpu", torch.bfloat16):
            measured = value_and_slope(module, images(dtype))
            linear = nn.Linear(5, 7)
            assert module(linear(images())).dtype == torch.bfloat16
        assert all(torch.equal(a, b) and a.dtype == dtype for a, b in zip(measured, expected, strict=True))


@modules
def test_any_layout(make: Callable[[], nn.Module]) -> None:
    module, x = make(), images()
    value, slope = value_and_slope(module, x)
    layouts = {
        "channels last": x.contiguous(memory_format=torch.channels_last),
        "permuted": x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0),
        "strided": x.repeat_interleave(2, dim=3)[..., ::2],
        "offset": torch.cat([x[:1], x])[1:],
    }
    for name, view in layouts.items():
        leaf = view.detach().requires_grad_()
        y = module(leaf)
        (gradient,) = torch.autograd.grad(y, leaf, torch.ones_like(y))
        assert torch.equal(y, value), name
        assert torch.equal(gradient, slope), name
    assert module(layouts["channels last"]).is_contiguous(memory_format=torch.channels_last)
    wide = x[:, :, :1, :].expand(-1, -1, 6, -1)
    assert torch.equal(module(wide), module(wide.contiguous()))
    mixed = value_and_slope(lambda z: module(z).transpose(2, 3), layouts["channels last"])
    assert torch.equal(mixed[1], slope)


@modules
def test_empty_and_0d(make: Callable[[], nn.Module]) -> None:
    module = make()
    value, slope = value_and_slope(module, torch.zeros(0, 3, 2))
    assert value.shape == slope.shape == (0, 3, 2)
    if getattr(module, "channels", None) is None:
        value, slope = value_and_slope(module, torch.tensor(0.7))
        expected = value_and_slope(module, torch.tensor([0.7]))
        assert value.shape == slope.shape == ()
        assert (value, slope) == expected


def test_pieces_do_not_show() -> None:
    """Tensors longer than a piece, in every type, equal the plain operations on short ones.

    Of a length that fills whole vectors: torch computes what remains one by one, with other roundings.
    """
    x = torch.randn(2 * PIECE * torch.get_num_threads() + 17, generator=torch.Generator().manual_seed(0))
    for make in (gem.GEM, gem.SEGEM, lambda: gem.EGEM(N=3, save="output"), gem.GoLU):
        module = make()
        for dtype in (torch.float32, torch.bfloat16):
            value, slope = value_and_slope(module, x.to(dtype))
            short = [value_and_slope(module, part) for part in x.to(dtype).split(1 << 13)]
            assert torch.equal(value, torch.cat([v for v, _ in short]))
            assert torch.equal(slope, torch.cat([s for _, s in short]))


@modules
def test_copies_pickles_and_casts(make: Callable[[], nn.Module]) -> None:
    module, x = make(), images()
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), make()):
        other.load_state_dict(module.state_dict())
        assert torch.equal(other(x), module(x))
        assert repr(other) == repr(module)
    assert set(module.state_dict()) <= {"log_alpha", "log_beta", "log_gamma"}


def test_a_cast_to_half_keeps_the_constants_exact() -> None:
    module, cast, x = gem.EGEM(eps=1e-9), gem.EGEM(eps=1e-9).half(), images(torch.float64)
    assert torch.equal(module(x), cast(x))
    torch._dynamo.reset()
    assert torch.equal(torch.compile(module, backend="aot_eager")(x), torch.compile(cast, backend="aot_eager")(x))


def test_inplace_is_accepted() -> None:
    x = images()
    for name in ("gem", "egem", "segem", "golu"):
        assert torch.equal(gem.make_activation(name, inplace=True)(x), gem.make_activation(name)(x))


def test_the_learnable_scale_starts_at_eps_and_learns_per_channel() -> None:
    module = gem.EGEM(N=2, eps=1e-4, learnable=True, channels=3)
    torch.testing.assert_close(module(images()), gem.EGEM(N=2, eps=1e-4)(images()), rtol=1e-5, atol=1e-12)
    loss = module(images()).square().sum()
    (gradient,) = torch.autograd.grad(loss, module.log_alpha)
    assert gradient.shape == (3,)
    assert (gradient < 0).all()
    with torch.no_grad():
        module.log_alpha -= 1e-2 * gradient
    assert (module.alpha > 0).all()
    assert module(images()).square().sum() < loss


def test_a_learnable_scale_in_half_precision_is_computed_in_float32() -> None:
    tiny = gem.EGEM(eps=1e-16, learnable=True).half()
    assert tiny(torch.zeros(1, dtype=torch.half)).item() == 0
    module = gem.EGEM(learnable=True).half()
    x = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0)).half()
    module(x).backward(torch.ones_like(x))
    assert module.log_alpha.grad is not None
    assert module.log_alpha.grad.isfinite()


def test_the_learnable_scale_is_made_where_and_how_it_is_asked_for() -> None:
    module = gem.SEGEM(learnable=True, channels=3, dtype=torch.float64)
    assert module.log_alpha.dtype == torch.float64
    assert module(images(torch.float64)).dtype == torch.float64
    meta = gem.EGEM(learnable=True, device="meta", dtype=torch.bfloat16)
    assert (meta.log_alpha.device.type, meta.log_alpha.dtype) == ("meta", torch.bfloat16)
    assert meta(images().to("meta")).is_meta
    plain = gem.GEM(device="cpu", dtype=torch.half)  # nothing to be made
    assert torch.equal(plain(images()), gem.GEM()(images()))
    with pytest.raises((RuntimeError, TypeError)):
        gem.GEM(learnable=True, dtype=torch.int64)


def test_a_learnable_scale_can_be_put_back() -> None:
    module = gem.EGEM(eps=0.01, learnable=True, channels=3)
    begun = module.log_alpha.detach().clone()
    with torch.device("meta"):
        empty = gem.EGEM(eps=0.01, learnable=True, channels=3)
    empty.to_empty(device="cpu").reset_parameters()
    torch.testing.assert_close(empty.log_alpha.detach(), begun)
    gem.EGEM().reset_parameters()


@pytest.mark.parametrize("shape", [(2, 1, 4), (3,), ()])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_channels_that_the_input_has_not_are_named(shape: tuple[int, ...], device: str) -> None:
    module = gem.GEM(learnable=True, channels=3).to(device)
    with pytest.raises(ValueError, match="channels must be the size of dimension 1 of an input"):
        module(torch.zeros(shape, device=device))


def test_another_default_device_changes_nothing_on_the_cpu() -> None:
    x = torch.linspace(-2, 2, 9)
    expected = [gem.SEGEM()(x), gem.GoLU()(x.half())]
    with torch.device("meta"):
        assert torch.equal(gem.SEGEM()(x), expected[0])
        assert torch.equal(gem.GoLU()(x.half()), expected[1])
        assert gem.gain("gem") == pytest.approx(gem.gain(gem.GEM()))
    assert gem.gain("gem") == pytest.approx(gem.gain("gem"))


@pytest.mark.parametrize("save", ["input", "output"])
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_learnable_scale_is_the_same_in_pieces(
    monkeypatch: pytest.MonkeyPatch, save: str, channels: int | None, layout: torch.memory_format
) -> None:
    """An input larger than a piece: value and gradients are those of the plain formula."""
    monkeypatch.setattr("gem._learnable.PIECE", 16)
    module = gem.SEGEM(eps=0.1, learnable=True, channels=channels, save=save).double()
    x = images().double().contiguous(memory_format=layout).requires_grad_()
    alpha = module.log_alpha.exp().view(-1, 1, 1) if channels else module.log_alpha.exp()
    plain = F.gated_leaky(x, 1, 1.0, 1 / alpha, 0.01)
    weights = torch.linspace(-1, 1, x.numel(), dtype=torch.float64).view_as(x)
    assert module(x).is_contiguous(memory_format=layout)
    torch.testing.assert_close(module(x), plain, rtol=1e-12, atol=1e-12)
    ours, theirs = (torch.autograd.grad((y * weights).sum(), [x, module.log_alpha]) for y in (module(x), plain))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
