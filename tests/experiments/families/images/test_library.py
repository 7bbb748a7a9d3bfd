"""Networks of torchvision and timm: the configured activation in every place, counted, and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import gem
from experiments.errors import UserError
from experiments.families.images.models.build import build_surveyed
from experiments.families.images.models.library import check_library_model
from experiments.families.images.models.survey import Survey, survey_model
from experiments.families.images.models.swap import put_in
from experiments.families.images.schema import LibraryModel

# How often one pass calls an activation, by library, architecture and side of the images. From the papers: in ResNets 2
# or 3 a block and 1 in the stem; in DenseNet 2 a layer, 1 a transition, 1 in the stem and 1 at the end; in RegNetX 3 a
# block and 1 in the stem, in RegNetY 1 more in each squeeze-and-excitation; in transformers and ConvNeXt 1 a block;
# in CAFormer 1 a block, 1 more in its 6 blocks of convolutions, and 1 in the head.
CALLS = {
    ("torchvision", "resnet18", 64): 2 * 8 + 1,
    ("torchvision", "resnet34", 64): 2 * 16 + 1,
    ("torchvision", "resnet50", 64): 3 * 16 + 1,
    ("torchvision", "wide_resnet50_2", 64): 3 * 16 + 1,
    ("torchvision", "densenet121", 64): 2 * 58 + 3 + 1 + 1,
    ("torchvision", "vit_b_32", 224): 12,
    ("torchvision", "vit_b_16", 224): 12,
    ("torchvision", "convnext_tiny", 64): 18,
    ("torchvision", "swin_t", 64): 12,
    ("torchvision", "regnet_x_400mf", 64): 3 * 22 + 1,
    ("torchvision", "regnet_y_400mf", 64): 4 * 16 + 1,
    ("torchvision", "mobilenet_v2", 64): 35,
    ("torchvision", "mobilenet_v3_small", 64): 33,
    ("torchvision", "efficientnet_b0", 64): 3 * 16 - 1 + 2,
    ("torchvision", "googlenet", 64): 57,
    ("timm", "resnet50", 64): 3 * 16 + 1,
    ("timm", "efficientnet_b0", 64): 3 * 16 - 1 + 2,
    ("timm", "tiny_vit_5m_224", 224): 23,
    ("timm", "vit_tiny_patch16_224", 224): 12,
    ("timm", "convnext_atto", 64): 12,
    ("timm", "convnext_tiny", 64): 18,
    ("timm", "mobilenetv3_small_050", 64): 33,
    ("timm", "regnety_002", 64): 4 * 13 + 1,
    ("timm", "efficientvit_b0", 64): 24,
    ("timm", "caformer_s18", 64): 18 + 6 + 1,
    ("timm", "fastvit_t8", 64): 18,
    ("timm", "mobilevitv2_050", 64): 34,
}
OPTIONS = {"googlenet": {"aux_logits": False, "init_weights": False}}
SMALL = ("timm", "test_convnext", 64)


class Counted(nn.Module):
    """An activation that no library has."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


class Learnable(nn.Module):
    """Each one has a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def network(library: str, architecture: str, **values: Any) -> LibraryModel:
    options = {"options": OPTIONS.get(architecture, {})}
    return LibraryModel(**{"name": architecture, "kind": library, "architecture": architecture} | options | values)


def built(case: tuple[str, str, int], activation: Callable[[], nn.Module], **values: Any) -> tuple[nn.Module, Survey]:
    library, architecture, side = case
    return build_surveyed(network(library, architecture, **values), activation, (3, side, side), 10, seed=0)


def shown(case: tuple[str, str, int]) -> str:
    return "-".join(map(str, case))


@pytest.mark.parametrize("case", CALLS, ids=shown)
def test_every_activation_is_the_configured_one(case: tuple[str, str, int]) -> None:
    """All calls are counted. What is left are gates, and the positive feature map of EfficientViT's attention."""
    model, survey = built(case, Counted)
    assert survey.calls == CALLS[case]
    assert survey.left == {}
    with torch.no_grad(), gem.count_activations(model.eval()) as calls:
        model(torch.zeros(1, 3, case[2], case[2]))
    own = {name for name, module in model.named_modules() if type(module) is Counted}
    assert sum(count for (place, _), count in calls.items() if place in own) == CALLS[case]
    others = {(place.rpartition(".")[2], function) for place, function in calls if place not in own}
    assert {function for _, function in others} <= {"sigmoid", "relu"}
    assert {place for place, function in others if function == "relu"} <= {"kernel_func"}


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "golu", "egem", "segem"])
@pytest.mark.parametrize("case", [("timm", "test_resnet", 64), SMALL, ("torchvision", "densenet121", 32)], ids=shown)
def test_an_activation_that_the_network_has_already_is_counted_as_well(case: tuple[str, str, int], name: str) -> None:
    _, survey = built(case, lambda: gem.make_activation(name))
    assert (survey.calls, survey.left) == ({"test_resnet": 12, "test_convnext": 9, "densenet121": 121}[case[1]], {})


def test_without_another_activation_the_network_computes_what_it_did() -> None:
    """The one thing that changes is the activation."""
    model, _ = built(("timm", "test_resnet", 64), nn.ReLU)
    original = timm.create_model("test_resnet", num_classes=10)
    original.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(model.eval()(x), original.eval()(x))


def test_the_arm_as_golu_swapped_it() -> None:
    """DenseNet's last activation is a function call, which stays ReLU there."""
    case = ("torchvision", "densenet121", 64)
    _, survey = built(case, Counted, swap="modules")
    assert survey.calls == 120
    assert survey.left == {"relu in the network itself": 1}
    with pytest.raises(UserError, match=r"model\.swap=modules: all activations of .*resnet18 are modules; use .*comp"):
        built(("torchvision", "resnet18", 64), Counted, swap="modules")


def test_initial_weights_depend_on_the_seed_and_not_on_the_activation() -> None:
    def weights(activation: Callable[[], nn.Module], seed: int) -> dict[str, Tensor]:
        torch.manual_seed(seed + 7)
        model, _ = build_surveyed(network(*SMALL[:2]), activation, (3, 64, 64), 10, seed)
        return model.state_dict()

    one, other, third = weights(nn.ReLU, 0), weights(gem.EGEM, 0), weights(nn.ReLU, 1)
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert not torch.equal(one["stem.0.weight"], third["stem.0.weight"])


def test_building_leaves_the_global_stream_where_it_was() -> None:
    before = torch.get_rng_state()
    built(("timm", "test_vit", 160), nn.ReLU, options={"drop_path_rate": 0.5})
    assert torch.equal(torch.get_rng_state(), before)


def test_a_survey_changes_no_buffer_and_finds_what_is_random() -> None:
    for rate, draws in ((0.0, False), (0.5, True)):
        model, survey = built(("timm", "test_efficientnet", 64), nn.ReLU, options={"drop_rate": rate})
        assert survey.draws == draws
        means = [value for name, value in model.named_buffers() if name.endswith("running_mean")]
        assert means
        assert not any(value.any() for value in means)


def test_flops_are_those_of_the_papers() -> None:
    """He et al. 2015 count 3.8·10⁹ multiply-adds in ResNet-50 without its shortcuts, torchvision 4.09·10⁹ with them."""
    _, survey = built(("torchvision", "resnet50", 224), nn.ReLU)
    assert survey.flops / 2 == pytest.approx(4.09e9, rel=0.01)


@pytest.mark.parametrize(
    ("case", "last"),
    [
        (("torchvision", "convnext_tiny", 64), 18),
        (("timm", "convnext_tiny", 64), 18),
        (("timm", "convnext_atto", 64), 0),  # its MLPs are 1×1 convolutions
        (("torchvision", "swin_t", 64), 12),
        (("torchvision", "resnet18", 64), 0),
        (("torchvision", "efficientnet_b0", 64), 0),
        (("timm", "tiny_vit_5m_224", 224), 0),  # convolutions, then tokens of three axes
    ],
    ids=str,
)
def test_where_channels_come_last(case: tuple[str, str, int], last: int) -> None:
    assert len(built(case, Counted)[1].units_last) == last


def test_learnable_activations_of_a_call_belong_to_the_network() -> None:
    model, _ = built(("torchvision", "densenet121", 32), Learnable)
    names = [name for name, _ in model.named_parameters() if "replaced_relu" in name]
    assert names == ["replaced_relu.weight"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "timm", "architecture": "nfnet_l0"}, "nfnet_l0: is scaled by a constant .* own activation"),
        ({"kind": "torchvision", "architecture": "googlenet", "options": {"init_weights": False}}, "aux_logits: false"),
        ({"kind": "torchvision", "architecture": "resnet18", "options": {"depth": 3}}, r": 3\}: TypeError: .*depth"),
        ({"kind": "torchvision", "architecture": "vit_b_32"}, r"cannot take images of 3×64×64 \(AssertionError: Wrong"),
    ],
)
def test_what_a_library_or_network_refuses_is_one_line(values: dict[str, Any], message: str) -> None:
    config = LibraryModel(name="x", **values)
    with pytest.raises(UserError, match=message):
        build_surveyed(config, nn.ReLU, (3, 64, 64), 10, 0)


def test_a_network_without_activations_is_refused() -> None:
    with pytest.raises(UserError, match="linear: has no activation that could be replaced"):
        put_in(nn.Sequential(nn.Linear(2, 2), nn.Sigmoid()), nn.ReLU, "torchvision", "complete", "linear")


def test_torchvision_takes_three_channels() -> None:
    with pytest.raises(UserError, match="takes images of 3 channels, these have 1; model=timm"):
        build_surveyed(network("torchvision", "resnet18"), nn.ReLU, (1, 64, 64), 10, 0)
    model, _ = build_surveyed(network("timm", "test_resnet"), nn.ReLU, (1, 64, 64), 10, 0)
    assert model(torch.zeros(2, 1, 64, 64)).shape == (2, 10)


def test_names_and_options_are_checked_before_anything_is_built() -> None:
    with pytest.raises(UserError, match=r"model\.architecture=resnet55: unknown to torchvision; did you mean resnet50"):
        check_library_model(network("torchvision", "resnet55"))
    with pytest.raises(UserError, match=r"\{act_layer: relu\}: must leave out act_layer"):
        check_library_model(network("timm", "resnet18", options={"act_layer": "relu"}))
    for library, names in (("timm", timm.list_models()), ("torchvision", ["resnet18", "maxvit_t"])):
        for name in names[:20]:
            check_library_model(network(library, name))


def test_a_survey_names_what_is_left() -> None:
    model = torchvision.models.densenet121(num_classes=10)
    survey = survey_model(model, Counted, (3, 32, 32), 10, "x")
    assert survey.calls == 0
    assert survey.left["relu in the network itself"] == 1
    assert len(survey.left) == 121
