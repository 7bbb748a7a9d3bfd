"""Initialises backbones with the weights of this suite's ImageNet runs of the same activation and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from experiments.activations.names import activation_label
from experiments.checkpoint_file import Broken, read_checkpoint
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.files import read_json

HEAD = "fc."  # prefix of the classifier, which a backbone lacks


def load_pretrained(backbone: nn.Module, config: Config, pretrained: str) -> None:
    """Give ``backbone`` the weights of the run in ``<runs_dir>/<pretrained>`` of this activation and seed.

    Raises UserError if there is no such run or more than one, or if its weights are of another network.
    """
    shown = f"model.pretrained={pretrained}"
    run = find_run(config, pretrained)
    files = sorted((run / "checkpoints").glob("step*.pt"))
    if not files:
        raise UserError(f"{shown}: {run} has no checkpoint")
    try:
        state = read_checkpoint(files[-1])
    except Broken as error:
        raise UserError(f"{shown}: {files[-1]} is damaged ({error})") from error
    weights: dict[str, Tensor] = state["model"] | averages(state)
    prefix = next((name.removesuffix("conv1.weight") for name in weights if name.endswith("conv1.weight")), "")
    wanted = {name for name in backbone.state_dict() if not name.startswith(HEAD)}
    given = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
    try:
        backbone.load_state_dict({name: given[name] for name in wanted} | own_head(backbone))
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{shown}: {run} holds another network than {config.model.name} needs ({reason})") from error


def averages(state: dict[str, Any]) -> dict[str, Tensor]:
    """The moving averages of the weights if the run kept them, because these were evaluated."""
    found = state.get("average", {})
    return found if isinstance(found, dict) else {}


def own_head(backbone: nn.Module) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in backbone.state_dict().items() if name.startswith(HEAD)}


def find_run(config: Config, pretrained: str) -> Path:
    """The finished run below ``<runs_dir>/<pretrained>`` that has the activation and the seed of ``config``."""
    folder = Path(config.runs_dir) / pretrained
    name = f"seed{config.seed}"
    places = [*folder.glob(f"{activation_label(config.activation)}-*/{name}"), folder / name]
    found = [place for place in sorted(places) if is_finished(place) and activation_of(place) == config.activation]
    parameters = ", ".join(f"{key}={value}" for key, value in config.activation.items() if key != "name")
    name = activation_label(config.activation)
    wanted = f"activation={name}{f' ({parameters})' if parameters else ''} and seed={config.seed}"
    if not found:
        raise UserError(
            f"model.pretrained={pretrained}: {folder} holds no finished run with {wanted}; train it first, or give "
            f"model.pretrained=null to begin with random weights, which is another experiment"
        )
    if len(found) > 1:
        raise UserError(
            f"model.pretrained={pretrained}: {len(found)} runs have {wanted}: {', '.join(map(str, found))}; name one's "
            f"folder, as model.pretrained={found[0].parent.relative_to(config.runs_dir)}"
        )
    return found[0]


def is_finished(directory: Path) -> bool:
    result = directory / "metrics.json"
    return result.is_file() and read_json(result)["status"] == "finished"


def activation_of(directory: Path) -> Any:
    return yaml.safe_load((directory / "config.yaml").read_text())["activation"]
