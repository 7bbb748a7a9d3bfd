"""Code common to detection and segmentation: the order of the pictures, batches by step, and their parts."""

from __future__ import annotations

import functools
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from experiments.activations.build import activation_factory
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.batch_norm import has_batch_norm, share_batch_norm
from experiments.families.scenes.data.batches import BatchReader, read_ahead
from experiments.families.scenes.data.scene import SceneSource
from experiments.families.scenes.data.views import Draw, Views, draw_view
from experiments.families.scenes.models.build import build_network
from experiments.families.scenes.padding import size_of_largest
from experiments.families.scenes.schema import SceneModel, SceneRecipe
from experiments.families.share import Share
from experiments.families.task import Task, Throughput
from experiments.processes import Processes
from experiments.randomness import generator

Made = TypeVar("Made")
PROBE_PICTURES = 16
MOST_WORKERS = 8  # default limit
UNIFORM_BATCH = 50  # pictures of one size in an evaluation batch


@dataclass(frozen=True)
class SceneBatch:
    """Pictures uint8 [3, H, W] of any sizes, the target of each, and a number for the randomness of each.

    They are padded to one size of at least ``padded``: the largest of all processes.
    """

    images: list[Tensor]
    targets: list[dict[str, Tensor]]
    numbers: list[int]
    padded: tuple[int, int] = (0, 0)

    def part(self, chosen: slice) -> SceneBatch:
        return SceneBatch(self.images[chosen], self.targets[chosen], self.numbers[chosen])

    def to(self, device: torch.device) -> SceneBatch:
        targets = [{key: value.to(device) for key, value in target.items()} for target in self.targets]
        return replace(self, images=[image.to(device) for image in self.images], targets=targets)


class SceneTask(Task[SceneBatch]):
    """Every picture once per epoch, with its own order and view. The last partial batch is left out."""

    compiles = False  # shapes depend on the data
    libraries: tuple[str, ...] = ("torchvision",)

    def __init__(self, config: Config, source: SceneSource, device: torch.device, processes: Processes) -> None:
        recipe, model = config.recipe, config.model
        assert isinstance(recipe, SceneRecipe)
        assert isinstance(model, SceneModel)
        self.recipe, self.model_config, self.seed = recipe, model, config.seed
        self.source, self.device, self.processes = source, device, processes
        self.steps_per_epoch = source.count("train") // recipe.batch_size
        if self.steps_per_epoch == 0:
            raise UserError(
                f"recipe.batch_size={recipe.batch_size}: must be at most {source.count('train')}, "
                f"the number of training pictures of {config.dataset.name}"
            )
        self.fingerprint, self.evaluated = source.fingerprint, source.evaluated
        self.classes = len(source.class_names)
        self.activation_type = type(activation_factory(config.activation)())
        self.model = build_network(config, self.classes).to(device)
        if config.impl.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.share = share_of(recipe, processes)
        self.pictures_a_pass = pictures_a_pass(config, self.model, self.share, self.splits_exactly())
        share_batch_norm(self.model, processes, self.share)
        self.views = views_of(recipe, model)
        self.throughput = Throughput("images", recipe.batch_size)
        self.workers = 0 if source.in_memory else workers_of(config.impl.workers, processes.count)
        self.reader = BatchReader(self.make_batch, self.workers)
        self.order = functools.lru_cache(maxsize=2)(self.draw_order)

    @abstractmethod
    def make(self, index: int, view: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """Training picture ``index`` as ``view`` shows it, and its target."""

    @abstractmethod
    def splits_exactly(self) -> bool:
        """Whether the loss of a batch is the mean of its pictures' losses, apart from normalisation layers."""

    def number_row(self, row: int) -> int:
        """The row of a batch whose number row ``row`` uses: its own by default."""
        return row

    def draw_order(self, epoch: int) -> list[int]:
        order: list[int] = torch.randperm(
            self.source.count("train"), generator=generator(self.seed, "order", epoch)
        ).tolist()
        return order

    def make_batch(self, step: int) -> SceneBatch:
        """This process's share of the pictures of a step, on the CPU."""
        epoch, position = divmod(step, self.steps_per_epoch)
        size, order = self.recipe.batch_size, self.order(epoch)
        rows = self.share.rows(size).tolist()
        chosen = [order[position * size + row] for row in rows]
        made = [self.make(index, draw_view(self.views, self.seed, epoch, index)) for index in chosen]
        drawn = torch.randint(2**62, (size,), generator=generator(self.seed, "sampling", step)).tolist()
        numbers = [drawn[self.number_row(row)] for row in rows]
        return SceneBatch([image for image, _ in made], [target for _, target in made], numbers)

    def batch(self, step: int) -> SceneBatch:
        return self.reader.at(step).to(self.device)

    def close(self) -> None:
        self.reader.close()

    def probe_batch(self) -> SceneBatch:
        return self.make_batch(0).part(slice(PROBE_PICTURES)).to(self.device)

    def examples(self, batch: SceneBatch) -> int:
        return len(batch.images)

    def cut(self, batch: SceneBatch) -> Iterator[SceneBatch]:
        size = self.pictures_a_pass or len(batch.images)
        parts = [batch.part(slice(start, start + size)) for start in range(0, len(batch.images), size)]
        if self.share.whole:
            yield from parts
            return
        own = torch.tensor([size_of_largest(part.images) for part in parts], device=self.device)
        for part, (height, width) in zip(parts, self.processes.stack(own).amax(0).tolist(), strict=True):
            yield replace(part, padded=(height, width))

    def observable(self, images: Tensor) -> Tensor:
        """The images with a gradient in evaluation mode, so that activations of frozen layers are observed too."""
        return images if self.model.training else images.requires_grad_(torch.is_grad_enabled())

    def evaluated_at_once(self) -> list[range]:
        """Numbers of the evaluation pictures, by batch. Pictures of one size are evaluated together."""
        count = self.source.count("evaluation")
        size = UNIFORM_BATCH if self.source.uniform else 1
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def own_evaluation(self) -> range:
        """The numbers of the evaluation batches of this process."""
        return range(len(self.evaluated_at_once()))[self.processes.rank :: self.processes.count]

    def read(self, make: Callable[[int], Made], numbers: Iterable[int]) -> Iterator[Made]:
        return read_ahead(make, numbers, self.workers)

    def composed(self) -> dict[str, float]:
        """A mark in the results of composed scenes; tables add a footnote for it."""
        return {"composed_scenes": self.source.count("evaluation")} if self.source.composed else {}


def share_of(recipe: SceneRecipe, processes: Processes) -> Share:
    if recipe.batch_size % recipe.accumulate:
        raise UserError(f"recipe.accumulate={recipe.accumulate}: must divide recipe.batch_size={recipe.batch_size}")
    return Share.of(processes, recipe.batch_size, recipe.accumulate)


def pictures_a_pass(config: Config, network: nn.Module, share: Share, exact: bool) -> int | None:
    """Pictures per backward pass; None for all of the process. Raises UserError if the loss would change."""
    recipe, micro_batch = config.recipe, config.impl.micro_batch
    assert isinstance(recipe, SceneRecipe)
    live = has_batch_norm(network)
    if micro_batch is not None and (live or not exact):
        reason = "whose BatchNorm sees the whole batch" if live else "whose loss is a mean over what the batch samples"
        raise UserError(
            f"impl.micro_batch={micro_batch}: must be null for model={config.model.name}, {reason}; "
            f"recipe.accumulate=… trains in parts, which is another run"
        )
    return share.pass_rows(recipe.batch_size) if recipe.accumulate > 1 else micro_batch


def views_of(recipe: SceneRecipe, model: SceneModel) -> Views:
    first, last, step = recipe.train_sides or (model.min_size, model.min_size, 1)
    longest = None if recipe.crop else model.max_size
    return Views(range(first, last + 1, step), longest, recipe.flip, recipe.crop)


def workers_of(given: int | None, processes: int) -> int:
    """The value given, else all processors but one, divided among the ``processes`` of the run; at most eight."""
    if given is not None:
        return given
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_WORKERS, max(1, cores // processes - 1))
