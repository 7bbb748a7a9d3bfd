"""Image classification: all images on the device as uint8, batches addressed by (seed, epoch, position)."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import gem
from experiments.config import Config
from experiments.data import ImageData
from experiments.device import compiled
from experiments.errors import UserError
from experiments.models import activation_factory, build_model
from experiments.models.init import RELU_GAIN, initialise
from experiments.randomness import generator
from experiments.tasks.augment import PAD, draw_moves, move

EVAL_BATCH = 1000


class ImageTask:
    """Cross-entropy on shuffled batches of equal size; the last partial batch of an epoch is left out."""

    micro_batch: int | None = None
    tokens_per_step: int | None = None
    flops_per_step: float | None = None

    def __init__(self, config: Config, data: ImageData, device: torch.device) -> None:
        self.recipe, self.seed, self.device = config.recipe, config.seed, device
        if config.impl.micro_batch is not None:
            raise UserError(
                f"impl.micro_batch={config.impl.micro_batch}: must be null for images, where BatchNorm sees the batch"
            )
        self.steps_per_epoch = len(data.train_y) // self.recipe.batch_size
        if self.steps_per_epoch == 0:
            raise UserError(
                f"recipe.batch_size={self.recipe.batch_size}: must be at most {len(data.train_y)}, "
                f"the number of training images of {config.dataset.name}"
            )
        self.fingerprint = data.fingerprint()
        self.evaluated = data.evaluated
        self.activation = config.activation
        self.build = functools.partial(build, shape=data.shape, classes=data.classes)
        self.model = self.build(config).to(device)
        if config.impl.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        mean, sd = data.statistics(self.recipe.normalize)
        self.mean, self.sd = (255 * value.view(1, -1, 1, 1).to(device) for value in (mean, sd))
        self.layout = torch.channels_last if config.impl.channels_last else torch.contiguous_format
        padding = PAD if self.recipe.augment != "none" else 0
        self.train_x, self.train_y, self.test_x, self.test_y = placed(data, padding, device)
        self.size = data.shape[-1]
        self.epoch_draws = functools.lru_cache(maxsize=1)(self.draw_epoch)
        self.loss = compiled(self.loss, config.impl)  # type: ignore[method-assign]
        self.predict = compiled(self.predict, config.impl)  # type: ignore[method-assign]

    def become(self, config: Config) -> None:
        """Become the task of a run with another seed or ε. The model object stays, with fresh weights and what was
        compiled for it."""
        self.seed, self.activation = config.seed, config.activation
        self.epoch_draws.cache_clear()
        fresh, common = self.build(config).to(self.device), vars(nn.Module())
        self.model.load_state_dict(fresh.state_dict())
        for module, other in zip(self.model.modules(), fresh.modules(), strict=True):
            vars(module).update({key: value for key, value in vars(other).items() if key not in common})
        for p in self.model.parameters():
            p.grad = None

    def draw_epoch(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Order and augmentation of one epoch, drawn on the CPU whatever the device."""
        count = len(self.train_y)
        order = torch.randperm(count, generator=generator(self.seed, "order", epoch))
        moves = draw_moves(count, generator(self.seed, "augment", epoch), self.recipe.augment == "crop_flip")
        return order.to(self.device), moves.to(self.device)

    def batch(self, step: int) -> tuple[Tensor, ...]:
        """Images uint8 [B, C, H, W], augmented, and labels int64 [B]."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order, moves = self.epoch_draws(epoch)
        chosen = slice(position * self.recipe.batch_size, (position + 1) * self.recipe.batch_size)
        index = order[chosen]
        if self.recipe.augment != "none":
            return move(self.train_x, index, moves[:, chosen], self.size), self.train_y[index]
        return self.train_x[index], self.train_y[index]

    def normalise(self, x: Tensor) -> Tensor:
        return ((x.float() - self.mean) / self.sd).contiguous(memory_format=self.layout)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return self.criterion(self.model(self.normalise(x)), y)

    def criterion(self, logits: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        """What is minimised: the cross-entropy in nats, smoothed as the recipe says."""
        return F.cross_entropy(logits.float(), y, label_smoothing=self.recipe.label_smoothing, reduction=reduction)

    def predict(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy in nats and whether the prediction is right, by image."""
        logits = self.model(self.normalise(x)).float()
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


def build(config: Config, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The network of ``config`` for images of ``shape``, initialised."""
    activation = activation_factory(config.activation)
    model = build_model(config.model, activation, shape, classes)
    gain = RELU_GAIN if config.recipe.init_gain == "relu" else gem.gain(activation())
    initialise(model, config.seed, gain)
    return model


@functools.lru_cache(maxsize=1)
def placed(data: ImageData, padding: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images, with a border of zeros, and labels, and those to evaluate on; one copy for all tasks."""
    padded = F.pad(data.train_x, (padding,) * 4) if padding else data.train_x
    return padded.to(device), data.train_y.to(device), data.test_x.to(device), data.test_y.to(device)
