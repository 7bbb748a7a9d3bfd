"""diffusers' UNet with the configured activation in every place."""

from __future__ import annotations

from typing import Any

from torch import nn

import gem
from experiments.activations.build import MakeActivation
from experiments.errors import UserError
from experiments.families.diffusion.schema import UNet
from experiments.randomness import global_stream


def build_unet(config: UNet, shape: tuple[int, int, int], activation: MakeActivation, seed: int) -> Any:
    """The UNet for pictures of ``shape`` (channels, height, width), initialised by diffusers itself.

    Raises UserError if the pictures cannot be halved at every level.
    """
    check_shape(config, shape)
    with global_stream(seed, "init"):
        model = diffusers().UNet2DModel(**unet_settings(config, shape))
    return gem.replace_activations(model, nn.SiLU, activation)


def check_shape(config: UNet, shape: tuple[int, int, int]) -> None:
    factor = 2 ** (len(config.channels) - 1)
    if any(side % factor for side in shape[1:]):
        raise UserError(
            f"model.channels={config.channels}: has {len(config.channels)} levels, so height and width must be "
            f"multiples of {factor}; the pictures are {shape[1]}×{shape[2]}"
        )


def unet_settings(config: UNet, shape: tuple[int, int, int]) -> dict[str, Any]:
    """The arguments of ``UNet2DModel``; attention has one head, as in GoLU's network."""
    attends = [level in config.attention for level in range(len(config.channels))]
    return {
        "sample_size": shape[1:],
        "in_channels": shape[0],
        "out_channels": shape[0],
        "block_out_channels": tuple(config.channels),
        "layers_per_block": config.blocks,
        "down_block_types": tuple("AttnDownBlock2D" if here else "DownBlock2D" for here in attends),
        "up_block_types": tuple("AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attends)),
        "attention_head_dim": None,
        "norm_num_groups": config.groups,
        "dropout": config.dropout,
        "act_fn": "silu",
    }


def diffusers() -> Any:
    try:
        import diffusers
    except ImportError as error:
        raise UserError("diffusion needs the diffusers package: pip install diffusers") from error
    return diffusers
