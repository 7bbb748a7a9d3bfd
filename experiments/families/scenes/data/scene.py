"""A picture with its annotations, independent of the file format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Split = Literal["train", "evaluation"]
UNLABELLED = 255  # a pixel that counts in no loss and no metric


@dataclass(frozen=True)
class Scene:
    """A picture uint8 [3, H, W] and its n objects.

    ``boxes`` float32 [n, 4] in pixels (left, top, right, bottom) and ``labels`` int64 [n] from 1. ``crowd`` bool [n]
    marks a region of many objects, for evaluation only. ``masks`` uint8 [n, H, W] of zeros and ones, if they were
    requested.
    """

    image: Tensor
    boxes: Tensor
    labels: Tensor
    crowd: Tensor
    masks: Tensor | None = None


@dataclass(frozen=True)
class LabelledPicture:
    """A picture uint8 [3, H, W] and the class of every pixel, uint8 [H, W]: 0 is the background, 255 is unlabelled."""

    image: Tensor
    classes: Tensor


class SceneSource(ABC):
    """Training and evaluation pictures, by number."""

    class_names: Sequence[str]  # names of the classes 0, 1, …; 0 is the background
    fingerprint: str  # differs for different data
    evaluated: str = "test"  # or holdout
    uniform: bool = False  # whether all pictures have one size
    composed: bool = False  # whether it is a miniature instead of photographs
    in_memory: bool = False  # whether worker processes are useless

    @abstractmethod
    def count(self, split: Split) -> int:
        """Number of pictures in ``split``."""

    @abstractmethod
    def scene(self, split: Split, index: int, with_masks: bool) -> Scene:
        """Picture ``index`` with its objects. Raises UserError if its file is damaged."""

    @abstractmethod
    def labelled(self, split: Split, index: int) -> LabelledPicture:
        """Picture ``index`` with the class of every pixel. Raises UserError if its file is damaged."""
