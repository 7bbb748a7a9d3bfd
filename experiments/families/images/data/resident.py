"""All images on the device as uint8. Order and augmentation of an epoch are drawn at once."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from experiments.families.images.augment import PAD, draw_moves, move
from experiments.families.images.data.images import ImageData
from experiments.families.images.data.source import ImageSource
from experiments.families.images.schema import ImageRecipe
from experiments.families.share import Share
from experiments.randomness import generator

EVAL_BATCH = 1000


class ResidentImages(ImageSource):
    """Shuffled batches of equal size; the last partial batch of an epoch is left out."""

    def __init__(self, data: ImageData, recipe: ImageRecipe, seed: int, device: torch.device, share: Share) -> None:
        self.data, self.recipe, self.seed, self.device = data, recipe, seed, device
        self.share, self.rows = share, share.rows(recipe.batch_size).to(device)
        self.shape, self.classes, self.evaluated = data.shape, data.classes, data.evaluated
        self.fingerprint = data.fingerprint()
        self.train_count = len(data.train_y)
        self.steps_per_epoch = self.train_count // recipe.batch_size
        padding = PAD if recipe.augment != "none" else 0
        self.train_x, self.train_y, self.test_x, self.test_y = placed(data, padding, device)
        self.epoch_draws = functools.lru_cache(maxsize=1)(self.draw_epoch)

    def statistics(self) -> tuple[Tensor, Tensor]:
        return self.data.statistics(self.recipe.normalize)

    def draw_epoch(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Order and augmentation of one epoch, drawn on the CPU for every device."""
        count = len(self.train_y)
        order = torch.randperm(count, generator=generator(self.seed, "order", epoch))
        moves = draw_moves(count, generator(self.seed, "augment", epoch), self.recipe.augment == "crop_flip")
        return order.to(self.device), moves.to(self.device)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(step, self.steps_per_epoch)
        order, moves = self.epoch_draws(epoch)
        chosen = position * self.recipe.batch_size + self.rows
        index = order[chosen]
        if self.recipe.augment != "none":
            return move(self.train_x, index, moves[:, chosen], self.shape[-1]), self.train_y[index]
        return self.train_x[index], self.train_y[index]

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        count = len(self.test_y)
        size = min(EVAL_BATCH, count)
        for number, start in enumerate(range(0, count, size)):
            if number % self.share.count == self.share.rank:
                begin = min(start, count - size)
                fresh = size - (start - begin)
                yield self.test_x[begin : begin + size], self.test_y[begin : begin + size], fresh

    def training_images(self, count: int) -> tuple[Tensor, Tensor]:
        """The first ``count`` training images uint8 [n, C, H, W], not augmented, and their labels."""
        x, y = self.train_x[:count], self.train_y[:count]
        margin = (x.shape[-1] - self.shape[-1]) // 2
        return (x[..., margin:-margin, margin:-margin] if margin else x), y


@functools.lru_cache(maxsize=1)
def placed(data: ImageData, padding: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Padded training images, their labels, the evaluation images and their labels. All tasks share one copy."""
    padded = F.pad(data.train_x, (padding,) * 4) if padding else data.train_x
    return padded.to(device), data.train_y.to(device), data.test_x.to(device), data.test_y.to(device)
