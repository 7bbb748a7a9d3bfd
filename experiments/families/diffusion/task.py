"""Denoising diffusion: the network predicts the noise that was added to a picture."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from experiments.activations.build import activation_factory
from experiments.config.schema import Config
from experiments.device import compiled
from experiments.errors import UserError
from experiments.families.diffusion.frechet import (
    describe_classifier,
    feature_statistics,
    frechet_distance,
    load_classifier,
)
from experiments.families.diffusion.models.unet import build_unet, diffusers
from experiments.families.diffusion.sampling import sample_pictures, scheduler_settings, to_unit
from experiments.families.diffusion.schema import DiffusionRecipe, UNet
from experiments.families.images.data.images import ImageData
from experiments.families.passes import check_parts, set_dropout
from experiments.families.task import Rows, Task, Throughput, cut_rows
from experiments.processes import Processes
from experiments.randomness import generator

EVAL_BATCH = 250
PROBE_IMAGES = 32


class DiffusionTask(Task[Rows]):
    """Mean squared error between the noise that was added and the noise that the network predicts.

    A batch is pictures uint8 [B, C, H, W], noise float32 of the same shape, and time steps int64 [B]. Noise and time
    steps are drawn for the whole batch, so a row does not depend on how processes share the batch.
    """

    libraries = ("diffusers",)

    def __init__(self, config: Config, data: ImageData, device: torch.device, processes: Processes) -> None:
        recipe, model = config.recipe, config.model
        assert isinstance(recipe, DiffusionRecipe)
        assert isinstance(model, UNet)
        self.recipe, self.seed, self.device, self.processes = recipe, config.seed, device, processes
        self.data, self.cache_dir = data, config.cache_dir
        self.steps_per_epoch = len(data.train_x) // recipe.batch_size
        if self.steps_per_epoch == 0:
            raise UserError(
                f"recipe.batch_size={recipe.batch_size}: must be at most {len(data.train_x)}, "
                f"the number of training pictures of {config.dataset.name}"
            )
        self.share, self.rows = own_rows(config, processes)
        self.fingerprint = data.fingerprint()
        activation = activation_factory(config.activation)
        self.activation_type = type(activation())
        layout = torch.channels_last if config.impl.channels_last else torch.contiguous_format
        self.model = build_unet(model, data.shape, activation, config.seed).to(device, memory_format=layout)
        self.scheduler = diffusers().DDPMScheduler(**scheduler_settings(recipe))
        self.dropout, self.step = model.dropout, 0
        self.train_x, self.test_x = data.train_x.to(device), data.test_x[: recipe.eval_images].to(device)
        self.throughput = Throughput("images", recipe.batch_size)
        if device.type == "cuda":
            self.flops_per_step = recipe.batch_size * flops_per_picture(self.model, data.shape, device)
        self.epoch_order = functools.lru_cache(maxsize=1)(self.draw_epoch)
        self.errors = compiled(self.errors, config.impl)  # type: ignore[method-assign]

    def draw_epoch(self, epoch: int) -> Tensor:
        return torch.randperm(len(self.train_x), generator=generator(self.seed, "order", epoch))

    def batch(self, step: int) -> Rows:
        """This process's pictures of a step, with their noise and time steps."""
        self.step = step
        epoch, position = divmod(step, self.steps_per_epoch)
        size, shape = self.recipe.batch_size, self.data.shape
        chosen = self.epoch_order(epoch)[position * size : (position + 1) * size][self.share].to(self.device)
        noise = torch.randn(size, *shape, generator=generator(self.seed, "noise", step))[self.share]
        times = torch.randint(self.recipe.time_steps, (size,), generator=generator(self.seed, "time steps", step))
        pictures = self.train_x[chosen]
        if self.recipe.mirror:
            flips = torch.rand(size, generator=generator(self.seed, "mirror", step))[self.share] < 0.5
            pictures = torch.where(flips.to(self.device)[:, None, None, None], pictures.flip(-1), pictures)
        return pictures, noise.to(self.device), times[self.share].to(self.device)

    def parts(self, batch: Rows) -> Iterator[tuple[Rows, float]]:
        first = self.share.start
        for part, weight in cut_rows(batch, self.rows, self.processes.count):
            if self.dropout:
                set_dropout(self.seed, self.step, first)
            yield part, weight
            first += len(part[0])

    def loss(self, batch: Rows) -> Tensor:
        """Mean squared error of the noise, over pictures, channels and pixels."""
        return self.errors(*batch).mean()

    def errors(self, pictures: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """The mean squared error of the noise in each picture: [B]."""
        noisy = self.scheduler.add_noise(to_unit(pictures), noise, times)
        predicted = self.model(noisy, times).sample.float()
        return F.mse_loss(predicted, noise, reduction="none").flatten(1).mean(1)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The loss on fixed noise and time steps, the same for every evaluation and seed. Time steps occur equally."""
        self.model.eval()
        times = even_time_steps(len(self.test_x), self.recipe.time_steps)
        total = torch.zeros((), dtype=torch.float64)
        for number, first in enumerate(range(0, len(self.test_x), EVAL_BATCH)):
            if number % self.processes.count == self.processes.rank:
                pictures = self.test_x[first : first + EVAL_BATCH]
                noise = torch.randn(pictures.shape, generator=generator(0, "evaluation noise", number))
                own = times[first : first + EVAL_BATCH]
                errors = self.errors(pictures, noise.to(self.device), own.to(self.device))
                total += errors.sum(dtype=torch.float64).cpu()
        self.model.train()
        mean = self.processes.sum(total.to(self.device)).item() / len(self.test_x)
        return {f"{self.data.evaluated}_loss": mean}

    def sample(self, count: int) -> Tensor:
        """New pictures, uint8 [count, C, H, W] on the CPU."""
        return sample_pictures(self.model, self.recipe, self.data.shape, count, self.device)

    def final_metrics(self) -> dict[str, float]:
        """The Fréchet distance between samples and all evaluation pictures, if the recipe requests it."""
        if not self.recipe.frechet_images or self.data.evaluated != "test":
            return {}
        classifier = load_classifier(self.data, Path(self.cache_dir))
        self.signatures = {"frechet": describe_classifier(classifier, self.data)}
        samples = self.sample(self.recipe.frechet_images)
        both = (feature_statistics(classifier, pictures) for pictures in (samples, self.data.test_x))
        return {"test_classifier_frechet": frechet_distance(*both)}

    def probe_batch(self) -> Rows:
        return tuple(tensor[:PROBE_IMAGES] for tensor in self.batch(0))

    def examples(self, batch: Rows) -> int:
        return len(batch[0])


def own_rows(config: Config, processes: Processes) -> tuple[slice, int]:
    """The rows of a batch for this process, and how many of them a pass takes. Raises UserError."""
    recipe, model = config.recipe, config.model
    assert isinstance(recipe, DiffusionRecipe)
    assert isinstance(model, UNet)
    size, count, parts = recipe.batch_size, processes.count, recipe.accumulate
    if size % count:
        raise UserError(f"recipe.batch_size={size}: cannot be shared equally by {count} processes")
    if size % parts:
        raise UserError(f"recipe.accumulate={parts}: must divide {size}, the pictures of a step")
    if model.dropout:
        check_parts(config, processes)
    share = size // count
    rows = min(share, size // parts, config.impl.micro_batch or size)
    return slice(processes.rank * share, (processes.rank + 1) * share), rows


def even_time_steps(count: int, time_steps: int) -> Tensor:
    """``count`` time steps, evenly spread from 0 to ``time_steps`` - 1, in a fixed random order."""
    spread = ((torch.arange(count, dtype=torch.float64) + 0.5) * time_steps / count).long()
    return spread[torch.randperm(count, generator=generator(0, "evaluation time steps"))]


@torch.no_grad()
def flops_per_picture(model: Any, shape: tuple[int, int, int], device: torch.device) -> float:
    """FLOPs of training on one picture: three times the forward pass, as the backward pass takes about two."""
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *shape, device=device), torch.zeros(1, dtype=torch.int64, device=device))
    return 3.0 * float(counter.get_total_flops())
