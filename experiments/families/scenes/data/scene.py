"""A picture and what is known of it, whatever it was read from."""

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

    ``boxes`` float32 [n, 4] in pixels (left, top, right, bottom), ``labels`` int64 [n] from 1, ``crowd`` bool [n]: a
    region of many objects, for evaluation alone. ``masks`` uint8 [n, H, W] of zeros and ones, where they were asked
    for.
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
    """Pictures to train on and pictures to evaluate on, by number."""

    class_names: Sequence[str]  # of the classes 0, 1, …; 0 is the background
    fingerprint: str  # of the data: two runs on different data cannot pass for the same
    evaluated: str = "test"  # or holdout
    uniform: bool = False  # all pictures have one size
    composed: bool = False  # a miniature, not photographs
    in_memory: bool = False  # no worker processes are worth while

    @abstractmethod
    def count(self, split: Split) -> int:
        """How many pictures ``split`` has."""

    @abstractmethod
    def scene(self, split: Split, index: int, with_masks: bool) -> Scene:
        """Picture ``index`` with its objects. Raises UserError where its file is damaged."""

    @abstractmethod
    def labelled(self, split: Split, index: int) -> LabelledPicture:
        """Picture ``index`` with the class of every pixel. Raises UserError where its file is damaged."""
