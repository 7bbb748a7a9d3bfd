"""The configuration of diffusion: pictures, network and recipe."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.config.rules import fraction, one_of, optional, positive_int, rule, switch, text, whole
from experiments.config.schema import Dataset, Model, Recipe
from experiments.errors import UserError, must_be


@dataclass(kw_only=True)
class CelebA(Dataset):
    """The faces of CelebA in torchvision's folder and files. No labels are read."""

    folder: str = text()  # below data_dir
    size: int = positive_int()  # side in pixels
    train_size: int | None = optional(positive_int())  # use only this many training pictures (drawn by seed 0)
    holdout: int = whole(0)  # evaluate on this many held-out training pictures instead of the validation pictures


@dataclass(kw_only=True)
class UNet(Model):
    """diffusers' ``UNet2DModel``. ``channels`` has one entry per level; each level halves height and width."""

    channels: list[int] = rule(
        "a list of integers of at least 1, one a level", lambda c: len(c) > 0 and all(v >= 1 for v in c)
    )
    blocks: int = positive_int()  # residual blocks a level on the way down; one more on the way up
    attention: list[int] = rule(
        "a list of levels, counted from 0", lambda a: all(v >= 0 for v in a), []
    )  # the middle always has attention
    groups: int = positive_int()  # of the group normalisations
    dropout: float = fraction(0.0)


@dataclass(kw_only=True)
class DiffusionRecipe(Recipe):
    """Denoising diffusion (Ho et al. 2020, arXiv 2006.11239): the network predicts the noise in a picture."""

    batch_size: int = positive_int()
    time_steps: int = positive_int(1000)
    noise_schedule: str = one_of("linear", "squaredcos_cap_v2", default="linear")  # linear: beta from 1e-4 to 0.02
    mirror: bool = switch(False)  # flip each training picture left to right with probability 1/2
    eval_every: int | None = optional(positive_int(), 1)
    eval_images: int | None = optional(positive_int())  # evaluate on the first so many; null: all
    sample_steps: int = positive_int(50)  # of DDIM, for sample grids and the Fréchet distance
    frechet_images: int = whole(0)  # samples for the Fréchet distance at the end; 0: not measured


def check_levels(config: UNet) -> None:
    """Raise UserError for a level that does not exist, and for channels that cannot be grouped."""
    last = len(config.channels) - 1
    if any(level > last for level in config.attention):
        raise UserError(must_be("model.attention", config.attention, f"levels from 0 to {last}"))
    if any(channels % config.groups for channels in config.channels):
        raise UserError(must_be("model.groups", config.groups, f"a divisor of every one of {config.channels}"))
