"""Image classification: all images on the device as uint8, batches addressed by (seed, epoch, position)."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import gem
from experiments.activations.build import activation_factory
from experiments.config.schema import Config
from experiments.device import compiled
from experiments.errors import UserError
from experiments.families.images.augment import PAD, draw_moves, move
from experiments.families.images.data.images import ImageData
from experiments.families.images.models.build import build_model
from experiments.families.images.models.init import RELU_GAIN, initialise
from experiments.families.images.schema import ImageRecipe
from experiments.families.task import Rows, Surroundings, Task, cut_rows
from experiments.processes import Processes
from experiments.randomness import generator

EVAL_BATCH = 1000
PROBE_IMAGES = 256
LANDSCAPE_BATCH = 256
BATCH_NORM = nn.modules.batchnorm._BatchNorm


class ImageTask(Task[Rows]):
    """Cross-entropy on shuffled batches of equal size; the last partial batch of an epoch is left out.

    A batch is images uint8 [B, C, H, W] and labels int64 [B].
    """

    def __init__(self, config: Config, data: ImageData, device: torch.device, processes: Processes) -> None:
        recipe = config.recipe
        assert isinstance(recipe, ImageRecipe)
        if processes.count > 1:
            raise UserError(
                f"dataset={config.dataset.name}: {processes.count} processes were started, but images train in one, "
                f"since BatchNorm sees the whole batch; start one process a run"
            )
        self.recipe, self.seed, self.device = recipe, config.seed, device
        self.steps_per_epoch = len(data.train_y) // recipe.batch_size
        if self.steps_per_epoch == 0:
            raise UserError(
                f"recipe.batch_size={recipe.batch_size}: must be at most {len(data.train_y)}, "
                f"the number of training images of {config.dataset.name}"
            )
        self.fingerprint = data.fingerprint()
        self.evaluated = data.evaluated
        self.activation_type = type(activation_factory(config.activation)())
        self.dtype = getattr(torch, recipe.dtype)
        self.model = build(config, data.shape, data.classes).to(device, self.dtype)
        self.rows = rows_a_pass(config, self.model)
        if config.impl.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        mean, sd = data.statistics(recipe.normalize)
        self.mean, self.sd = (255 * value.view(1, -1, 1, 1).to(device, self.dtype) for value in (mean, sd))
        self.layout = torch.channels_last if config.impl.channels_last else torch.contiguous_format
        padding = PAD if recipe.augment != "none" else 0
        self.train_x, self.train_y, self.test_x, self.test_y = placed(data, padding, device)
        self.size = data.shape[-1]
        self.epoch_draws = functools.lru_cache(maxsize=1)(self.draw_epoch)
        self.predict = compiled(self.predict, config.impl)  # type: ignore[method-assign]

    def draw_epoch(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Order and augmentation of one epoch, drawn on the CPU whatever the device."""
        count = len(self.train_y)
        order = torch.randperm(count, generator=generator(self.seed, "order", epoch))
        moves = draw_moves(count, generator(self.seed, "augment", epoch), self.recipe.augment == "crop_flip")
        return order.to(self.device), moves.to(self.device)

    def batch(self, step: int) -> Rows:
        epoch, position = divmod(step, self.steps_per_epoch)
        order, moves = self.epoch_draws(epoch)
        chosen = slice(position * self.recipe.batch_size, (position + 1) * self.recipe.batch_size)
        index = order[chosen]
        if self.recipe.augment != "none":
            return move(self.train_x, index, moves[:, chosen], self.size), self.train_y[index]
        return self.train_x[index], self.train_y[index]

    def parts(self, batch: Rows) -> Iterator[tuple[Rows, float]]:
        return cut_rows(batch, self.rows)

    def normalise(self, x: Tensor) -> Tensor:
        return ((x.to(self.dtype) - self.mean) / self.sd).contiguous(memory_format=self.layout)

    def loss(self, batch: Rows) -> Tensor:
        """The cross-entropy in nats, smoothed as the recipe says."""
        x, y = batch
        logits = self.model(self.normalise(x)).to(self.dtype)
        return F.cross_entropy(logits, y, label_smoothing=self.recipe.label_smoothing)

    def predict(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy in nats and whether the prediction is right, by image."""
        logits = self.model(self.normalise(x)).to(self.dtype)
        return F.cross_entropy(logits, y, reduction="none"), logits.argmax(1) == y

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        self.model.eval()
        count = len(self.test_y)
        size = min(EVAL_BATCH, count)
        losses, right = [], []
        for start in range(0, count, size):
            begin = min(start, count - size)  # the last batch reaches back, so that every batch has one shape
            loss, correct = self.predict(self.test_x[begin : begin + size], self.test_y[begin : begin + size])
            losses.append(loss[start - begin :].double())
            right.append(correct[start - begin :].clone())  # a CUDA graph writes the next batch's to the same place
        self.model.train()
        name = self.evaluated
        return {
            f"{name}_loss": torch.cat(losses).mean().item(),
            f"{name}_accuracy": 100 * torch.cat(right).sum().item() / count,
        }

    def probe_batch(self) -> Rows:
        x, y = self.batch(0)
        return x[:PROBE_IMAGES], y[:PROBE_IMAGES]

    def examples(self, batch: Rows) -> int:
        return len(batch[1])

    def surroundings(self, examples: int) -> Surroundings:
        """The first training images, normalised, not augmented."""
        x, y = self.train_x[:examples], self.train_y[:examples]
        margin = (x.shape[-1] - self.size) // 2
        if margin:
            x = x[..., margin:-margin, margin:-margin]
        parts = zip(x.split(LANDSCAPE_BATCH), y.split(LANDSCAPE_BATCH), strict=True)
        loss = nn.CrossEntropyLoss(label_smoothing=self.recipe.label_smoothing)
        batches = [(self.normalise(part), labels) for part, labels in parts]
        return Surroundings(loss, batches, self.train_x.cpu(), f"{self.evaluated}_loss")


def rows_a_pass(config: Config, model: nn.Module) -> int | None:
    """Images of a backward pass, None for the whole batch. Raises UserError where the loss would be another."""
    recipe, micro_batch = config.recipe, config.impl.micro_batch
    assert isinstance(recipe, ImageRecipe)
    if micro_batch is not None and any(isinstance(module, BATCH_NORM) for module in model.modules()):
        raise UserError(
            f"impl.micro_batch={micro_batch}: must be null for model={config.model.name}, whose BatchNorm sees the "
            f"whole batch; recipe.accumulate=… trains in parts, which is another run"
        )
    if recipe.accumulate > 1:
        if recipe.batch_size % recipe.accumulate:
            raise UserError(f"recipe.accumulate={recipe.accumulate}: must divide recipe.batch_size={recipe.batch_size}")
        return recipe.batch_size // recipe.accumulate
    return micro_batch


def build(config: Config, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The network of ``config`` for images of ``shape``, initialised."""
    recipe = config.recipe
    assert isinstance(recipe, ImageRecipe)
    activation = activation_factory(config.activation)
    model = build_model(config.model, activation, shape, classes)
    gain = RELU_GAIN if recipe.init_gain == "relu" else gem.gain(activation())
    initialise(model, config.seed, gain)
    return model


@functools.lru_cache(maxsize=1)
def placed(data: ImageData, padding: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images, with a border of zeros, and labels, and those to evaluate on; one copy for all tasks."""
    padded = F.pad(data.train_x, (padding,) * 4) if padding else data.train_x
    return padded.to(device), data.train_y.to(device), data.test_x.to(device), data.test_y.to(device)
