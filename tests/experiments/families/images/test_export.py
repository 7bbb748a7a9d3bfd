"""A trained network of timm or torchvision, loaded by the printed lines, computes what ours computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.config.compose import compose_run
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.images.export import export_classifier
from experiments.families.images.models.build import build
from tests.experiments.zygote import Zygote

SIDE = 64
CASES = {
    "timm convnext with learnable scales": [
        "model=timm",
        "model.architecture=test_convnext",
        "activation=egem",
        "eps=0.5",
        "+activation.learnable=true",
    ],
    "timm, one channel, options": [
        "model=timm",
        "model.architecture=test_efficientnet",
        "model.options={drop_rate: 0.1}",
        "activation=golu",
    ],
    "torchvision densenet": ["model=torchvision", "model.architecture=densenet121", "activation=gem", "N=2"],
    "torchvision densenet, modules": [
        "model=torchvision",
        "model.architecture=densenet121",
        "model.swap=modules",
        "activation=segem",
    ],
}


def configured(words: list[str]) -> Config:
    return compose_run(["dataset=imagenet", "recipe=imagenet", *words])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "torchvision densenet" else []) for name in CASES]
)
def test_the_printed_lines_load_it(name: str, tmp_path: Path) -> None:
    config = configured(CASES[name])
    channels = 1 if "one channel" in name else 3
    ours, _ = build(config, (channels, SIDE, SIDE), 7)
    with torch.no_grad():
        for value in ours.parameters():  # scales are learned, too
            value.add_(0.01 * torch.rand_like(value))
    lines = export_classifier(config, ours.state_dict(), tmp_path / "out")
    scope: dict[str, Any] = {"__name__": "loading"}
    exec("\n".join(lines), scope)
    x = torch.randn(2, channels, SIDE, SIDE)
    assert torch.equal(scope["model"].eval()(x), ours.eval()(x))
    about = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (about["architecture"], about["classes"], about["channels"]) == (config.model.architecture, 7, channels)


MINE = """
import torch

class Half(torch.nn.Module):
    def __init__(self, slope: float = 0.5) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x):
        return bent(x, self.slope)

def bent(x, slope: float = 0.5):
    return torch.maximum(x, slope * x)
"""


@pytest.mark.parametrize("name", ["Half", "bent"])
def test_an_activation_of_ones_own_is_imported(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_exported.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    words = ["activation=custom", f"activation.target={tmp_path}/mine_exported.py:{name}", "activation.slope=0.25"]
    config = configured(["model=timm", "model.architecture=test_resnet", *words])
    ours, _ = build(config, (3, SIDE, SIDE), 7)
    scope: dict[str, Any] = {"__name__": "loading"}
    exec("\n".join(export_classifier(config, ours.state_dict(), tmp_path / "out")), scope)
    x = torch.randn(2, 3, SIDE, SIDE)
    assert torch.equal(scope["model"].eval()(x), ours.eval()(x))


def test_our_own_networks_have_no_library(tmp_path: Path) -> None:
    config = compose_run(["dataset=digits", "recipe=digits", "model=resnet20"])
    with pytest.raises(UserError, match="model=resnet20: no other library has this network; model=timm"):
        export_classifier(config, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_script_writes_what_was_evaluated(train: Zygote, tmp_path: Path) -> None:
    """With an average of the weights, the average."""
    line = ["dataset=digits", "recipe=digits", "model=timm", "model.architecture=test_resnet", "recipe.max_steps=3"]
    ended = train.run(*line, "recipe.ema=0.9", f"runs_dir={tmp_path / 'runs'}")
    assert ended.status == 0, ended.err
    (run,) = (tmp_path / "runs").glob("*/*/seed0")
    out = tmp_path / "out"
    ended = train.script("scripts/export.py", f"run={run}", f"out={out}")
    assert ended.status == 0, ended.err
    scope: dict[str, Any] = {"__name__": "loading"}
    exec("\n".join(ended.out.splitlines()[1:]), scope)
    (checkpoint,) = (run / "checkpoints").glob("*.pt")
    from experiments.checkpoint_file import read_checkpoint

    state = read_checkpoint(checkpoint)
    loaded = scope["model"].state_dict()
    assert torch.equal(loaded["conv1.0.weight"], state["average"]["conv1.0.weight"])
    assert not torch.equal(loaded["conv1.0.weight"], state["model"]["conv1.0.weight"])
