"""Functions of torch that a replacement must distinguish, or that torch.compile hides from modes."""

from __future__ import annotations

import functools
import types
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import gem
from gem.integrations._functions import LABEL_OF, MODULE_OF


class Sixes(nn.Module):
    """ReLU6 in every form that there is, and three calls of hardtanh that are something else."""

    def __init__(self) -> None:
        super().__init__()
        self.inplace, self.top = False, 6.0
        self.act, self.kept = nn.ReLU6(), functools.partial(F.hardtanh, min_val=0.0, max_val=6.0)
        self.other = nn.Hardtanh()

    def forward(self, x: Tensor) -> Tensor:
        six = F.relu6(x) + F.hardtanh(x, 0, 6, self.inplace) + F.hardtanh(x, min_val=0.0, max_val=self.top)
        six = six + F.hardtanh_(x.clone(), 0.0, 6.0) + self.act(x) + self.kept(x)
        return six + F.hardtanh(x) + self.other(x) + F.hardtanh(x, max_val=2.0)


def test_relu6_is_hardtanh_between_0_and_6_and_hardtanh_is_not_relu6() -> None:
    x = torch.linspace(-8, 8, 33)
    model = Sixes()
    with gem.count_activations(model) as calls:
        before = model(x)
    assert Counter(function for _, function in calls.elements()) == {"relu6": 6, "hardtanh": 3}
    gem.replace_activations(model, nn.ReLU6, "gem", functional=True)
    torch.testing.assert_close(model(x), before + 6 * (gem.gem(x) - F.relu6(x)))
    after = Counter(function for _, function in gem.assert_replaced(model, nn.ReLU6, x).elements())
    assert after == {"gem": 6, "hardtanh": 3}
    compiled = torch.compile(model, backend="aot_eager")
    torch.testing.assert_close(compiled(x), model(x))


def test_replacing_hardtanh_replaces_relu6_too_which_is_a_kind_of_it() -> None:
    x = torch.linspace(-8, 8, 33)
    model = gem.replace_activations(Sixes(), nn.Hardtanh, "gem", functional=True)
    after = Counter(function for _, function in gem.assert_replaced(model, nn.Hardtanh, x).elements())
    assert after == {"gem": 9}
    torch.testing.assert_close(model(x), 9 * gem.gem(x))


def test_mobilenet_of_torchvision_calls_relu6_35_times_and_then_no_more() -> None:
    models = pytest.importorskip("torchvision").models
    model, images = models.mobilenet_v2(weights=None, num_classes=3).eval(), torch.randn(1, 3, 32, 32)
    with torch.no_grad(), gem.count_activations(model) as calls:
        model(images)
    before = Counter(function for _, function in calls.elements())
    assert before == {"relu6": 35}
    gem.replace_activations(model, nn.ReLU6, "egem", functional=True)
    after = Counter(function for _, function in gem.assert_replaced(model, nn.ReLU6, images).elements())
    assert after == {"egem": 35}


def calling(function: Callable[..., Any]) -> nn.Module:
    """A module that calls the function on a tensor of its own. It has no source: the names in its code are read."""
    namespace = {"F": F, "torch": torch, "Tensor": Tensor, "nn": nn}
    home = next(name for name, where in namespace.items() if getattr(where, function.__name__, None) is function)
    exec(f"def forward(self, x):\n    return {home}.{function.__name__}(x.clone())", namespace)
    made = types.new_class("Calling", (nn.Module,), exec_body=lambda body: body.update(forward=namespace["forward"]))
    module: nn.Module = made()
    return module


def test_every_function_is_replaced_in_eager_and_in_compiled_code() -> None:
    """torch.compile shows F.relu_ and its kind, and three more, to no mode: left to it, they would stay."""
    x, kept = torch.linspace(-2, 2, 9), []
    for function, label in LABEL_OF.items():
        model = gem.replace_activations(calling(function), MODULE_OF[label], "gem", functional=True)
        torch.testing.assert_close(model(x), gem.gem(x))
        torch._dynamo.reset()
        torch.testing.assert_close(torch.compile(model, backend="eager")(x), gem.gem(x))
        kept.append(function.__name__)
    assert {"relu", "relu_", "elu_", "hardtanh_", "gelu", "mish"} <= set(kept)


class InPlace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(x.clone())


def test_in_one_whole_graph_a_function_that_torch_hides_is_an_error() -> None:
    model = gem.replace_activations(InPlace(), nn.ReLU, "gem", functional=True)
    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"write F.relu\(x, inplace=True\)"):
        torch.compile(model, backend="eager", fullgraph=True)(torch.ones(2))
