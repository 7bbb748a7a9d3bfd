"""Models of timm, transformers and diffusers with random weights, as a user makes, saves and loads them.

    python -m tests.gem.zoo FOLDER

loads in a fresh process what :func:`save` has left in FOLDER, compares results bit for bit, and prints the names.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import gem

TIMM: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "resnet18": (nn.ReLU, {}),
    "regnetx_002": (nn.ReLU, {}),
    "densenet121": (nn.ReLU, {}),
    "repvgg_a0": (nn.ReLU, {}),
    "resnest14d": (nn.ReLU, {}),
    "efficientnet_b0": (nn.SiLU, {}),
    "vit_tiny_patch16_224": (nn.GELU, {"img_size": 64}),
    "deit_tiny_patch16_224": (nn.GELU, {"img_size": 64}),
    "convnext_atto": (nn.GELU, {}),
    "mixer_s32_224": (nn.GELU, {"img_size": 64}),
}
TEXT = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
BERT = TEXT | {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
LLAMA = BERT | {"num_key_value_heads": 2}
TRANSFORMERS: dict[str, tuple[dict[str, Any], str, int]] = {  # settings, where the activation is named, its uses
    "Bert": (BERT, "hidden_act", 2),
    "Roberta": (BERT, "hidden_act", 2),
    "Llama": (LLAMA, "hidden_act", 2),
    "Mistral": (LLAMA | {"head_dim": 8}, "hidden_act", 2),
    "GPT2": (TEXT | {"n_layer": 2, "n_head": 2, "n_embd": 16}, "activation_function", 2),
    "GPTNeoX": (BERT, "hidden_act", 2),
    "T5": (TEXT | {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}, "feed_forward_proj", 4),
}
UNETS = ("egem", "golu_learnable")
NAMES = [*TIMM, *TRANSFORMERS, *(f"unet_{name}" for name in UNETS)]
ACTIVATION = "egem_n2_eps1em2"


def totals(calls: Counter[tuple[str, str]]) -> Counter[str]:
    """Calls by function."""
    found = Counter[str]()
    for (_, function), number in calls.items():
        found[function] += number
    return found


def timm_model(name: str) -> nn.Module:
    import timm

    old, options = TIMM[name]
    model: nn.Module = timm.create_model(name, num_classes=3, **options)
    return gem.replace_activations(model, old, "egem", functional=True, eps=1e-2)


def transformers_model(kind: str) -> nn.Module:
    import transformers

    options, key, _ = TRANSFORMERS[kind]
    gem.register_with_transformers(ACTIVATION)
    config = getattr(transformers, f"{kind}Config")(**options, **{key: ACTIVATION})
    model: nn.Module = getattr(transformers, f"{kind}Model")(config)
    return model


def plain_unet() -> nn.Module:
    import diffusers

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


def replace_in_unet(model: nn.Module, name: str) -> nn.Module:
    activation, params = gem.integrations.parse_name(name)
    return gem.replace_activations(model, nn.SiLU, activation, functional=True, **params)


def inputs_of(name: str) -> dict[str, Any]:
    """By the names of the arguments of ``forward``; the same in every process."""
    generator = torch.Generator().manual_seed(1)
    if name in TIMM:
        return {"x": torch.randn(2, 3, 64, 64, generator=generator)}
    if name in TRANSFORMERS:
        tokens = torch.randint(2, 50, (2, 8), generator=generator)
        return {"input_ids": tokens} | ({"decoder_input_ids": tokens} if name == "T5" else {})
    return {"sample": torch.randn(2, 1, 16, 16, generator=generator), "timestep": 3}


def tensors_of(output: Any) -> list[Tensor]:
    """Every tensor of an output, however deep."""
    if isinstance(output, Tensor):
        return [output]
    values = output.values() if hasattr(output, "values") else output
    return [t for v in values if v is not None for t in (tensors_of(v) if not isinstance(v, str) else [])]


def results(model: nn.Module, name: str) -> dict[str, Any]:
    """Outputs, the gradients of all parameters, and how often which activation was called."""
    model.eval().zero_grad()
    with gem.count_activations(model) as calls:
        found = [t for t in tensors_of(model(**inputs_of(name))) if t.is_floating_point() and t.requires_grad]
    torch.stack([t.float().square().mean() for t in found]).sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {"outputs": [t.detach() for t in found], "gradients": gradients, "calls": dict(totals(calls))}


def save(folder: Path) -> dict[str, dict[str, Any]]:
    """Make every model, save it as its library's users do, and its results beside it."""
    expected = {}
    for name in NAMES:
        torch.manual_seed(0)
        place = folder / name
        place.mkdir()
        if name in TIMM:
            model = timm_model(name)
            torch.save(model.state_dict(), place / "weights.pt")
            torch.save(model, place / "model.pt")
        elif name in TRANSFORMERS:
            model = transformers_model(name)
            model.save_pretrained(place)  # type: ignore[operator]
        else:
            model = plain_unet()
            model.save_pretrained(place)  # type: ignore[operator]
            replace_in_unet(model, name.removeprefix("unet_"))
            torch.save(model.state_dict(), place / "weights.pt")
            torch.save(model, place / "model.pt")
        expected[name] = results(model, name)
        torch.save(expected[name], place / "results.pt")
    return expected


def load(place: Path) -> list[nn.Module]:
    """Every way in which a user gets the model back: made anew and filled, or as one file."""
    if place.name in TRANSFORMERS:
        import transformers

        config = transformers.AutoConfig.from_pretrained(place)
        assert gem.register_config(config) == [ACTIVATION]
        return [transformers.AutoModel.from_pretrained(place, config=config)]
    if place.name in TIMM:
        model = timm_model(place.name)
    else:
        import diffusers

        model = replace_in_unet(diffusers.UNet2DModel.from_pretrained(place), place.name.removeprefix("unet_"))
    model.load_state_dict(torch.load(place / "weights.pt"))
    return [model, torch.load(place / "model.pt", weights_only=False)]


def assert_same_bits(got: dict[str, Any], expected: dict[str, Any]) -> None:
    assert got["calls"] == expected["calls"]
    assert got["gradients"].keys() == expected["gradients"].keys()
    compare: Callable[..., bool] = torch.equal
    assert all(map(compare, got["outputs"], expected["outputs"]))
    assert all(compare(value, expected["gradients"][name]) for name, value in got["gradients"].items())


def main(folder: Path) -> None:
    for place in sorted(folder.iterdir()):
        torch.manual_seed(2)  # what is loaded does not depend on what was drawn
        expected = torch.load(place / "results.pt")
        for model in load(place):
            assert_same_bits(results(model, place.name), expected)
        print(place.name, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
