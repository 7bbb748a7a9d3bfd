"""Replacing activations in models that exist: modules, and the functions that methods call."""

from __future__ import annotations

import copy
import functools
import io
import pickle
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils._python_dispatch import TorchDispatchMode

import gem
from gem.integrations import Replacement
from tests.gem import calling


class AtenCounter(TorchDispatchMode):
    """What reaches torch's kernels, whoever calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names[func.__name__.split(".")[0]] += 1
        return func(*args, **(kwargs or {}))


def count(model: nn.Module, kind: type[nn.Module] | tuple[type[nn.Module], ...]) -> int:
    return sum(isinstance(m, kind) for m in model.modules())


def everything(seed: int = 0) -> calling.Everything:
    torch.manual_seed(seed)
    return calling.Everything()


def relu_calls(model: nn.Module, x: Tensor) -> int:
    with AtenCounter() as counter:
        model(x)
    return counter.names["relu"] + counter.names["relu_"]


X = torch.linspace(-2, 2, 12).view(3, 4)


def test_every_module_is_reached_once() -> None:
    shared = nn.ReLU()
    model = nn.Sequential(nn.Linear(4, 4), shared, nn.Sequential(nn.Linear(4, 4), nn.ReLU(), shared), nn.GELU()).eval()
    same = gem.replace_activations(model, nn.ReLU, "egem", N=2, eps=1e-3)
    assert same is model
    assert count(model, nn.ReLU) == 0
    assert count(model, gem.EGEM) == 2
    assert model[1] is model[2][2]
    assert model[1].eps == 1e-3
    assert not model[1].training
    gem.replace_activations(model, (gem.EGEM, nn.GELU), functools.partial(gem.GEM, N=3))
    assert count(model, gem.GEM) == 3
    model(torch.randn(2, 4)).sum().backward()


def test_a_module_with_two_names_in_one_parent_is_replaced_under_both() -> None:
    shared = nn.ReLU()
    model = gem.replace_activations(nn.Sequential(nn.Linear(4, 4), shared, nn.Linear(4, 4), shared), nn.ReLU, "gem")
    assert model[1] is model[3]
    assert isinstance(model[1], gem.GEM)


@pytest.mark.parametrize("old", [nn.ReLU, nn.GELU])
def test_a_transformer_layer_evaluates_what_it_was_trained_with(old: type[nn.Module]) -> None:
    """torch's fast path goes by a number that it has kept, not by the module."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, activation=old(), batch_first=True)
    gem.replace_activations(layer, old, "gem", N=2).eval()
    x = torch.randn(2, 5, 16)
    slow = layer(x)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), slow, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("old", [[nn.ReLU, nn.GELU], (nn.ReLU, nn.GELU), nn.ReLU | nn.GELU])
def test_several_types_may_be_given_in_any_form(old: Any) -> None:
    model = gem.replace_activations(nn.Sequential(nn.ReLU(), nn.GELU(), nn.SiLU()), old, "gem")
    assert [type(m) for m in model] == [gem.GEM, gem.GEM, nn.SiLU]


@pytest.mark.parametrize(("old", "new"), [("relu", "gem"), ((nn.ReLU, 1), "gem"), ((), "gem"), (nn.ReLU, gem.GEM())])
def test_what_is_no_type_or_no_class_is_named(old: Any, new: Any) -> None:
    with pytest.raises(TypeError, match=r"^(old must be a type of module|new must be a name or a class)"):
        gem.replace_activations(nn.Sequential(nn.ReLU()), old, new)


def test_an_activation_by_itself_comes_back_as_the_new_one() -> None:
    assert isinstance(gem.replace_activations(nn.ReLU(), nn.ReLU, "gem"), gem.GEM)


def test_where_there_is_nothing_the_error_lists_what_there_is() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.GELU(), nn.GELU(), nn.SiLU())
    with pytest.raises(ValueError, match=r"got ReLU; activations there: GELU \(2\), SiLU \(1\)$"):
        gem.replace_activations(model, nn.ReLU, "gem")
    with pytest.raises(ValueError, match=r"activations there: none; functions: gelu \(functional=True"):
        gem.replace_activations(nn.Sequential(Gelu()), nn.GELU, "gem")
    with pytest.raises(ValueError, match="where 'head' holds"):
        gem.replace_activations(model, nn.GELU, "gem", where="head")


class Gelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(x)


def test_hooks_carry_over_and_can_be_removed() -> None:
    model, seen = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), Counter[str]()
    before = model[1].register_forward_pre_hook(lambda m, args: seen.update(["before"]))
    after = model[1].register_forward_hook(lambda m, args, kwargs, y: seen.update(["after"]), with_kwargs=True)
    back = model[1].register_full_backward_hook(lambda m, gi, go: seen.update(["back"]))
    gem.replace_activations(model, nn.ReLU, "gem")
    model(X).sum().backward()
    assert seen == {"before": 1, "after": 1, "back": 1}
    for handle in (before, after, back):
        handle.remove()
    model(X).sum().backward()
    assert seen == {"before": 1, "after": 1, "back": 1}


def test_the_new_module_lives_where_the_model_does() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU()).double()
    gem.replace_activations(model, nn.ReLU, "egem", learnable=True)
    assert model[1].log_alpha.dtype == torch.float64
    with torch.device("meta"):
        empty = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    gem.replace_activations(empty, nn.ReLU, "egem", learnable=True)
    assert empty[1].log_alpha.is_meta


def test_where_takes_names_wildcards_and_predicates() -> None:
    def fresh() -> nn.Sequential:
        return nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), nn.ReLU()), nn.ReLU())

    for where, expected in (
        ("1.*", [1, 2]),
        (["0", "3"], [0]),
        (lambda name, module: name == "2", [3]),
        (iter(["1.1"]), [2]),
    ):
        model = gem.replace_activations(fresh(), nn.ReLU, "gem", where=where)
        flat = [m for m in model.modules() if isinstance(m, nn.ReLU | gem.GEM)]
        assert [i for i, m in enumerate(flat) if isinstance(m, gem.GEM)] == expected


def test_functions_are_replaced_everywhere() -> None:
    model = everything()
    assert relu_calls(model, X) == 18
    gem.replace_activations(model, nn.ReLU, "egem", functional=True, N=2)
    assert relu_calls(model, X) == 0
    calls = gem.assert_replaced(model, nn.ReLU, X)
    assert sum(n for (_, function), n in calls.items() if function == "egem") == 18
    assert sum(n for (_, function), n in calls.items() if function == "gelu") == 1
    with pytest.raises(AssertionError, match=r"still called: gelu in the model itself \(1\)"):
        gem.assert_replaced(model, nn.GELU, X)


def test_a_replaced_function_computes_what_a_replaced_module_does() -> None:
    """ReLU itself in the place of ReLU: values and gradients do not change, in place or not."""
    plain, replaced = everything(), everything()
    gem.replace_activations(replaced, nn.ReLU, nn.ReLU, functional=True)
    for model in (plain, replaced):
        model(X).square().sum().backward()
    assert torch.equal(plain(X), replaced(X))
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), replaced.parameters(), strict=True))
    with torch.no_grad():
        torch.testing.assert_close(replaced.eval()(X), plain.eval()(X))


def test_an_in_place_call_changes_its_input_as_before() -> None:
    model = calling.Methods()
    expected = model.fc(X).clone()
    activation = gem.GEM(N=2)
    expected = activation(activation(model.fc(X)) * 2 - 0.5)
    gem.replace_activations(model, nn.ReLU, "gem", functional=True, N=2)
    torch.testing.assert_close(model(X), expected)


def test_without_functional_what_is_left_is_told() -> None:
    with pytest.warns(UserWarning, match=r"functions stay as they are: relu in parts\.3, .*functional=True"):
        gem.replace_activations(everything(), nn.ReLU, "gem")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = gem.replace_activations(everything(), nn.ReLU, "gem", functional=False)
        gem.replace_activations(nn.Sequential(nn.ReLU()), nn.ReLU, "gem")
    assert type(model) is calling.Everything
    assert relu_calls(model, X) == 16


def test_a_dry_run_lists_and_changes_nothing() -> None:
    model = everything()
    before = repr(model)
    plan = gem.replace_activations(model, nn.ReLU, "gem", functional=True, dry_run=True)
    assert repr(model) == before
    assert relu_calls(model, X) == 18
    assert plan == [
        Replacement("parts.0.inner.relu", "ReLU", "module"),
        Replacement("parts.4.relu", "ReLU", "module"),
        Replacement("parts.3", "relu", "attribute"),
        Replacement("parts.3", "relu", "attribute"),
        Replacement("layer", "relu", "attribute"),
        Replacement("", "relu", "call"),
        Replacement("parts.0", "relu", "call"),
        Replacement("parts.1", "relu", "call"),
        Replacement("parts.2", "relu", "call"),
    ]
    assert len(gem.replace_activations(model, nn.ReLU, "gem", dry_run=True)) == 2


def test_what_where_leaves_out_stays_though_an_outer_module_is_replaced() -> None:
    model = everything()
    gem.replace_activations(model, nn.ReLU, "gem", functional=True, where=lambda name, module: name == "")
    with gem.count_activations(model) as calls:
        model(X)
    assert calls["replaced_relu", "gem"] == 6
    assert sum(n for (_, function), n in calls.items() if function == "relu") == 12
    assert relu_calls(model, X) == 12


def test_functions_may_be_replaced_twice() -> None:
    model = gem.replace_activations(everything(), nn.ReLU, "gem", functional=True)
    gem.replace_activations(model, nn.GELU, "egem", functional=True)
    gem.replace_activations(model, gem.GEM, "golu")
    calls = gem.assert_replaced(model, nn.ReLU | nn.GELU | gem.GEM, X)
    assert Counter(function for _, function in calls.elements()) == {"golu": 18, "egem": 1}


COPIES: list[Callable[[nn.Module], nn.Module]] = [
    copy.deepcopy,
    lambda model: pickle.loads(pickle.dumps(model)),
    lambda model: load(save(model)),
]


def save(model: nn.Module) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return file


def load(file: io.BytesIO) -> nn.Module:
    model: nn.Module = torch.load(file, weights_only=False)
    return model


@pytest.mark.parametrize("make_copy", COPIES)
def test_a_model_with_replaced_functions_can_be_copied(make_copy: Callable[[nn.Module], nn.Module]) -> None:
    model = gem.replace_activations(everything(), nn.ReLU, "egem", functional=True, learnable=True)
    other = make_copy(model)
    assert torch.equal(other(X), model(X))
    assert relu_calls(other, X) == 0
    with torch.no_grad():
        other.replaced_relu.log_alpha.fill_(0.0)
        assert not torch.equal(other(X), model(X))
    assert isinstance(other, calling.Everything)
    assert type(other).__name__ == "Everything"


def test_the_state_dict_does_not_change_unless_something_is_learned() -> None:
    keys = set(everything().state_dict())
    assert set(gem.replace_activations(everything(), nn.ReLU, "egem", functional=True).state_dict()) == keys
    learned = gem.replace_activations(everything(), nn.ReLU, "egem", functional=True, learnable=True)
    more = set(learned.state_dict()) - keys
    assert {"replaced_relu.log_alpha", "parts.0.replaced_relu.log_alpha", "layer.activation.log_alpha"} < more
    other = gem.replace_activations(everything(1), nn.ReLU, "egem", functional=True, learnable=True)
    other.load_state_dict(learned.state_dict())
    assert torch.equal(other(X), learned(X))


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_replaced_functions_compile_without_graph_breaks(backend: str) -> None:
    torch._dynamo.reset()
    model = gem.replace_activations(everything(), nn.ReLU, "egem", functional=True)
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    torch.testing.assert_close(compiled(X), model(X), rtol=1e-4, atol=1e-6)
    grads = [torch.autograd.grad(m(X).sum(), list(model.parameters())) for m in (compiled, model)]
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-5)


def test_replaced_functions_export() -> None:
    model = gem.replace_activations(everything(), nn.ReLU, "egem", functional=True)
    exported = torch.export.export(model, (X,)).module()
    torch.testing.assert_close(exported(X), model(X), rtol=1e-5, atol=1e-6)
    assert "relu" not in str(exported.graph).replace("replaced_relu", "")


class Checkpointed(nn.Module):
    def __init__(self, nested: bool) -> None:
        super().__init__()
        self.fc, self.nested = nn.Linear(4, 4), nested

    def part(self, x: Tensor) -> Tensor:
        return F.relu(self.fc(x))

    def forward(self, x: Tensor) -> Tensor:
        from torch.utils.checkpoint import checkpoint

        out: Tensor = checkpoint(self.part, x, use_reentrant=False)
        return out


class ClosureCheckpointed(Checkpointed):
    def forward(self, x: Tensor) -> Tensor:
        from torch.utils.checkpoint import checkpoint

        out: Tensor = checkpoint(lambda z: F.relu(self.fc(z)), x, use_reentrant=False)
        return out


def test_a_checkpointed_method_is_repeated_with_the_new_activation() -> None:
    torch.manual_seed(0)
    model = gem.replace_activations(Checkpointed(False), nn.ReLU, "gem", functional=True)
    (grad,) = torch.autograd.grad(model(X).sum(), model.fc.weight)
    (expected,) = torch.autograd.grad(gem.GEM()(model.fc(X)).sum(), model.fc.weight)
    torch.testing.assert_close(grad, expected)
    with pytest.warns(UserWarning, match="calls relu in a function that it checkpoints"):
        gem.replace_activations(ClosureCheckpointed(True), nn.ReLU, "gem", functional=True)


def test_an_exception_in_the_forward_pass_leaves_nothing_behind() -> None:
    model = gem.replace_activations(everything(), nn.ReLU, "gem", functional=True)
    with pytest.raises(RuntimeError):
        model(torch.randn(3, 5))
    assert torch.equal(F.relu(X), X.clamp(min=0))
    model(X)
