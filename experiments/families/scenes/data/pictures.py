"""Decodes picture files. A damaged file or an unexpected size is an error of one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image
from torch import Tensor

from experiments.errors import UserError

LOOKED_AT = 200  # pictures per set that are decoded before a run begins; prepare_data.py decodes all


def read_rgb(path: Path, size: tuple[int, int] | None = None) -> Tensor:
    """uint8 [3, H, W]. Raises UserError if the file is missing, damaged, or not of ``size`` (height, width)."""
    image = torch.from_numpy(decoded(path, "RGB")).permute(2, 0, 1).contiguous()
    if size is not None and tuple(image.shape[1:]) != size:
        found = "×".join(str(side) for side in image.shape[1:])
        raise UserError(f"{path}: {found} pixels, its annotations are for {size[0]}×{size[1]} (height × width)")
    return image


def read_classes(path: Path) -> Tensor:
    """uint8 [H, W]: the values of a palette or grey picture."""
    return torch.from_numpy(decoded(path, None))


def decoded(path: Path, mode: str | None) -> numpy.ndarray[Any, Any]:
    try:
        with Image.open(path) as opened:
            if mode is None and opened.mode not in ("P", "L"):
                raise ValueError(f"mode {opened.mode}; a palette or grey levels of 8 bits hold classes")
            return numpy.array(opened.convert(mode) if mode else opened)
    except FileNotFoundError as error:
        raise UserError(f"{path}: missing") from error
    except (OSError, SyntaxError, ValueError) as error:  # SyntaxError from damaged PNG files
        raise UserError(f"{path}: not a readable picture ({error})") from error


def check_some(count: int, read: Callable[[int], Any], every: bool = False) -> None:
    """Read up to ``LOOKED_AT`` of ``count`` pictures, evenly spread, or every one. Raises what ``read`` raises."""
    chosen: Sequence[int] = range(count)
    if not every and count > LOOKED_AT:
        chosen = torch.linspace(0, count - 1, LOOKED_AT).round().long().tolist()
    for index in chosen:
        read(index)
