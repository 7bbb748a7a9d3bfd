"""Names for transformers, timm, ONNX: against the real libraries."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import gem
from gem.integrations import parse_name

OURS = (gem.GEM, gem.EGEM, gem.SEGEM, gem.GoLU)


def count(model: nn.Module, kind: type[nn.Module] | tuple[type[nn.Module], ...]) -> int:
    return sum(isinstance(m, kind) for m in model.modules())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gem", ("gem", {})),
        ("egem_n2_eps1e-4", ("egem", {"N": 2, "eps": 1e-4})),
        ("segem_n1_eps10_slope0.1_scale", ("segem", {"N": 1, "eps": 10, "negative_slope": 0.1, "convention": "scale"})),
        ("egem_n2_eps1em4", ("egem", {"N": 2, "eps": 1e-4})),
        (
            "egem_eps1em2_learnable_channels8_dimm1_output",
            ("egem", {"eps": 1e-2, "learnable": True, "channels": 8, "channel_dim": -1, "save": "output"}),
        ),
        ("segem_linear_n2_slope0.1", ("segem_linear", {"N": 2, "negative_slope": 0.1})),
        ("segem_bounded_bound1em3", ("segem_bounded", {"bound": 1e-3})),
        ("golu_learnable", ("golu", {"learnable": True})),
        ("golu_alpha1.5_beta2_gamma0.5", ("golu", {"alpha": 1.5, "beta": 2, "gamma": 0.5})),
    ],
)
def test_parameters_in_a_name(name: str, expected: tuple[str, dict[str, Any]]) -> None:
    assert parse_name(name) == expected
    activation, params = expected
    gem.make_activation(activation, **params)


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "egem_",
        "egem_n",
        "egem_q1",
        "egem_n2eps1",
        "gem_eps1x",
        "egem_n2_",
        "xgem",
        "gem_n1_n3",
        "egem_eps1.2.3",
        "egem_learnable2",
        "egem_eps1m4",
        "egem_learnable_learnable",
        "segem_linear_",
    ],
)
def test_a_name_that_says_nothing(name: str) -> None:
    with pytest.raises(ValueError, match="name must be"):
        parse_name(name)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_transformers_builds_models_with_registered_names() -> None:
    transformers = pytest.importorskip("transformers")
    assert gem.register_with_transformers() == ["gem", "egem", "segem", "segem_linear", "segem_bounded", "golu"]
    gem.register_with_transformers("egem_n2_eps1e-4", "segem_n1_eps1_slope0.1_scale")
    with pytest.raises(ValueError, match="N must be"):
        gem.register_with_transformers("gem_n0")
    with pytest.raises(TypeError, match="no parameter 'eps'"):
        gem.register_with_transformers("gem_eps1")
    tokens = torch.randint(50, (2, 8))
    small = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    gpt2 = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            n_layer=2, n_head=2, n_embd=16, n_positions=16, activation_function="egem_n2_eps1e-4", **small
        )
    )
    gpt2(tokens, labels=tokens).loss.backward()
    assert count(gpt2, gem.EGEM) == 2
    bert = transformers.BertModel(
        transformers.BertConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            hidden_act="segem_n1_eps1_slope0.1_scale",
            **small,
        )
    )
    (found,) = [m for m in bert.modules() if isinstance(m, gem.SEGEM)]
    assert (found.N, found.eps, found.negative_slope, found.convention) == (1, 1, 0.1, "scale")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("projection", ["egem_n2_eps1em4", "gated-egem_n2_eps1em4", "gated-egem_eps1em2_learnable"])
def test_t5_which_splits_names_at_a_dash(projection: str) -> None:
    transformers = pytest.importorskip("transformers")
    gem.register_with_transformers(projection.removeprefix("gated-"))
    config = transformers.T5Config(
        feed_forward_proj=projection, vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    assert count(transformers.T5EncoderModel(config), gem.EGEM) == 1


ACT_LAYERS: list[Callable[..., nn.Module]] = [gem.GEM, functools.partial(gem.EGEM, N=2, eps=1e-4), gem.SEGEM, gem.GoLU]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("act_layer", ACT_LAYERS)
@pytest.mark.parametrize(
    ("name", "options", "uses"),
    [("resnet18", {}, 17), ("vit_tiny_patch16_224", {"img_size": 32}, 12), ("convnext_atto", {}, 12)],
)
def test_timm_takes_them_as_act_layer(
    name: str, options: dict[str, Any], uses: int, act_layer: Callable[..., nn.Module]
) -> None:
    timm = pytest.importorskip("timm")
    model = timm.create_model(name, act_layer=act_layer, num_classes=3, **options)
    assert count(model, OURS) == uses
    model(torch.randn(2, 3, 32, 32)).sum().backward()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_timm_takes_registered_names() -> None:
    timm = pytest.importorskip("timm")
    assert gem.register_with_timm() == ["gem", "egem", "segem", "segem_linear", "segem_bounded", "golu"]
    gem.register_with_timm("egem_n2_eps1em4_learnable")
    with pytest.raises(ValueError, match="N must be"):
        gem.register_with_timm("gem_n0")
    for name, kind in (("egem_n2_eps1em4_learnable", gem.EGEM), ("golu", gem.GoLU)):
        model = timm.create_model("resnet18", act_layer=name, num_classes=3)
        found = [m for m in model.modules() if isinstance(m, kind)]
        assert len(found) == 17
        assert kind is gem.GoLU or all((m.N, m.eps, m.learnable) == (2, 1e-4, True) for m in found)
    with pytest.raises(KeyError, match=r"'gem_n7' is not registered: call gem.register_with_timm\('gem_n7'\) first"):
        timm.create_model("resnet18", act_layer="gem_n7")
    with pytest.raises(KeyError, match=r"activation must be one of .*relu.*, got 'nonsense'"):
        timm.create_model("resnet18", act_layer="nonsense")
    assert type(timm.create_model("resnet18", act_layer="gelu").act1).__name__ == "GELU"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_configuration_with_a_name_that_is_not_registered() -> None:
    transformers = pytest.importorskip("transformers")
    gem.register_with_transformers()
    small = {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    config = transformers.T5Config(feed_forward_proj="gated-gem_n7", **small)
    with pytest.raises(KeyError, match=r"'gem_n7' is not registered: call gem.register_with_transformers\('gem_n7'\)"):
        transformers.T5EncoderModel(config)
    assert gem.register_config(config) == ["gem_n7"]
    assert gem.register_config({"text_config": {"hidden_act": "golu_beta3"}}) == ["golu_beta3"]
    assert count(transformers.T5EncoderModel(config), gem.GEM) == 1
    with pytest.raises(KeyError, match=r"activation must be one of .*relu.*, got 'nonsense'"):
        transformers.activations.ACT2FN["nonsense"]
    with pytest.raises(ValueError, match="must name an activation of this package, got relu"):
        gem.register_config({"hidden_act": "relu"})


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "activation",
    [
        gem.GEM(N=2),
        gem.EGEM(save="output"),
        gem.SEGEM(N=3, eps=1e-3, convention="scale"),
        gem.EGEM(learnable=True, channels=4),
        gem.GoLU(),
    ],
)
def test_onnx_export_equals_the_module(activation: nn.Module) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model, x, file = nn.Sequential(nn.Conv2d(3, 4, 3), activation).eval(), torch.randn(2, 3, 8, 8), io.BytesIO()
    program = torch.onnx.export(model, (x,), dynamo=True, verbose=False)
    assert program is not None
    program.save(file)
    session = runtime.InferenceSession(file.getvalue())
    (y,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(y), model(x).detach(), rtol=1e-5, atol=1e-6)
