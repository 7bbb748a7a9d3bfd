"""Other libraries' models with every activation replaced, shown by counting calls. Slow: the models are whole."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gem

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]


def totals(calls: Counter[tuple[str, str]]) -> Counter[str]:
    """Calls by function."""
    found = Counter[str]()
    for (_, function), number in calls.items():
        found[function] += number
    return found


def check_replaced(model: nn.Module, old: Any, *inputs: Any, **named: Any) -> int:
    """Replace ``old`` by E-GEM; what called the one now calls the other, as often. Returns how often."""
    label = old.__name__.lower()
    with torch.no_grad(), gem.count_activations(model) as calls:
        model(*inputs, **named)
    before = totals(calls)
    assert before[label] > 0
    gem.replace_activations(model, old, "egem", functional=True, eps=1e-2)
    after = totals(gem.assert_replaced(model, old, *inputs, **named))
    assert after["egem"] == before[label]
    assert after[label] == 0
    return before[label]


def tensors_of(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    values = output.values() if hasattr(output, "values") else output
    return [t for v in values if v is not None for t in (tensors_of(v) if not isinstance(v, str) else [])]


def check_backward(model: nn.Module, *inputs: Any, **named: Any) -> None:
    """Gradients of every parameter that has one are finite, and some are not 0."""
    found = [t for t in tensors_of(model(*inputs, **named)) if t.is_floating_point() and t.requires_grad]
    torch.stack([t.float().sum() for t in found]).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(bool(g.isfinite().all()) for g in gradients)
    assert any(bool((g != 0).any()) for g in gradients)


@pytest.mark.parametrize("name", ["fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn", "maskrcnn_resnet50_fpn"])
def test_detectors_of_torchvision(name: str) -> None:
    detection = pytest.importorskip("torchvision").models.detection
    model = getattr(detection, name)(
        weights=None, weights_backbone=None, num_classes=3, min_size=64, max_size=64, trainable_backbone_layers=5
    ).train()
    images = [torch.rand(3, 64, 64), torch.rand(3, 64, 64)]
    box, mask = torch.tensor([[4.0, 4.0, 40.0, 40.0]]), torch.ones(1, 64, 64, dtype=torch.uint8)
    targets = [{"boxes": box, "labels": torch.tensor([1]), "masks": mask} for _ in images]
    assert check_replaced(model, nn.ReLU, images, targets) > 49  # 49 are the backbone's: the heads have theirs too
    check_backward(model, images, targets)


def test_densenet_of_torchvision() -> None:
    model = pytest.importorskip("torchvision").models.densenet121(weights=None, num_classes=3)
    images = torch.randn(2, 3, 64, 64)
    assert check_replaced(model, nn.ReLU, images) == 121  # the last one is F.relu
    check_backward(model, images)


@pytest.mark.parametrize(
    ("name", "old", "options"),
    [
        ("resnet18", nn.ReLU, {}),
        ("regnetx_002", nn.ReLU, {}),
        ("densenet121", nn.ReLU, {}),
        ("repvgg_a0", nn.ReLU, {}),
        ("resnest14d", nn.ReLU, {}),
        ("efficientnet_b0", nn.SiLU, {}),
        ("vit_tiny_patch16_224", nn.GELU, {"img_size": 64}),
        ("deit_tiny_patch16_224", nn.GELU, {"img_size": 64}),
        ("convnext_atto", nn.GELU, {}),
        ("mixer_s32_224", nn.GELU, {"img_size": 64}),
    ],
)
def test_ten_of_timm(name: str, old: type[nn.Module], options: dict[str, Any]) -> None:
    model = pytest.importorskip("timm").create_model(name, num_classes=3, **options)
    images = torch.randn(2, 3, 64, 64)
    check_replaced(model, old, images)
    check_backward(model, images)


TEXT = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
BERT = TEXT | {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
LLAMA = BERT | {"num_key_value_heads": 2}
T5 = TEXT | {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}


@pytest.mark.parametrize(
    ("kind", "options", "name", "uses"),
    [
        ("Bert", BERT, "hidden_act", 2),
        ("Roberta", BERT, "hidden_act", 2),
        ("Llama", LLAMA, "hidden_act", 2),
        ("Mistral", LLAMA | {"head_dim": 8}, "hidden_act", 2),
        ("GPT2", TEXT | {"n_layer": 2, "n_head": 2, "n_embd": 16}, "activation_function", 2),
        ("GPTNeoX", BERT, "hidden_act", 2),
        ("T5", T5, "feed_forward_proj", 4),
    ],
)
def test_seven_of_transformers_by_name(kind: str, options: dict[str, Any], name: str, uses: int, tmp_path: Any) -> None:
    transformers = pytest.importorskip("transformers")
    gem.register_with_transformers("egem_n2_eps1em2")
    config = getattr(transformers, f"{kind}Config")(**options, **{name: "egem_n2_eps1em2"})
    model: nn.Module = getattr(transformers, f"{kind}Model")(config).eval()
    tokens = torch.randint(2, 50, (2, 8))
    inputs = {"input_ids": tokens} | ({"decoder_input_ids": tokens} if kind == "T5" else {})
    with torch.no_grad(), gem.count_activations(model) as calls:
        model(**inputs)
    assert totals(calls)["egem"] == uses
    check_backward(model, **inputs)
    model.save_pretrained(tmp_path)  # type: ignore[operator]
    again = type(model).from_pretrained(tmp_path).eval()  # type: ignore[attr-defined]
    with torch.no_grad():
        torch.testing.assert_close(again(**inputs)[0], model(**inputs)[0])


def unet(diffusers: Any) -> nn.Module:
    made: nn.Module = diffusers.UNet2DModel(
        sample_size=16,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    return made


@pytest.mark.parametrize("new", ["egem", "golu"])
def test_a_unet_of_diffusers(new: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    model, inputs = unet(diffusers), (torch.randn(2, 1, 16, 16), 3)
    with torch.no_grad(), gem.count_activations(model) as calls:
        model(*inputs)
    plan = gem.replace_activations(model, nn.SiLU, new, functional=True, dry_run=True)
    gem.replace_activations(model, nn.SiLU, new, functional=True)
    after = totals(gem.assert_replaced(model, nn.SiLU, *inputs))
    assert after[new] == totals(calls)["silu"] >= len(plan) == 10
    check_backward(model, *inputs)
    again = gem.replace_activations(unet(diffusers), nn.SiLU, new, functional=True)
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(again(*inputs).sample, model(*inputs).sample)
