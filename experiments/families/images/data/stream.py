"""Pictures decoded and augmented by worker processes. (seed, epoch, position) determines order and augmentation.

Neither the number of workers nor a resumed run nor earlier requests change the result.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from experiments.errors import UserError
from experiments.families.images.data.images import IMAGENET
from experiments.families.images.data.picture_list import PictureList, PictureSets
from experiments.families.images.data.source import ImageSource
from experiments.families.images.data.transforms import (
    Transform,
    addressed,
    decode_picture,
    evaluation_transform,
    training_transform,
)
from experiments.families.images.schema import ImageRecipe, PictureFolder
from experiments.families.share import Share
from experiments.families.workers import begin_worker
from experiments.randomness import generator

CHUNK = 64  # images that a worker makes at a time
AHEAD = 4  # chunks that a worker makes in advance
EVAL_BATCH = 256
MOST_WORKERS = 8  # default limit

Key = tuple[int, int, int]  # epoch, position in the epoch, number of the picture


class Pictures(Dataset[tuple[Tensor, int] | str]):
    """Pictures by key, decoded and transformed. For an unreadable picture the item is the text of the error."""

    def __init__(self, pictures: PictureList, transform: Transform, seed: int) -> None:
        self.pictures, self.transform, self.seed = pictures, transform, seed

    def __getitem__(self, key: Key) -> tuple[Tensor, int] | str:
        epoch, position, index = key
        try:
            picture = decode_picture(self.pictures.path(index))
        except UserError as error:  # as an exception, the loader would wrap it into a traceback
            return str(error)
        with addressed(self.seed, "augment", epoch, position):
            return self.transform(picture), int(self.pictures.labels[index])


class Steps(Sampler[list[Key]]):
    """The chunks of every step from ``first`` on, without end."""

    def __init__(self, source: StreamedImages) -> None:
        self.source = source
        self.first = 0

    def __iter__(self) -> Iterator[list[Key]]:
        for step in itertools.count(self.first):
            yield from chunks(self.source.keys(step))


def chunks(keys: Sequence[Key]) -> Iterator[list[Key]]:
    return (list(keys[start : start + CHUNK]) for start in range(0, len(keys), CHUNK))


class StreamedImages(ImageSource):
    """The pictures of a folder. Worker processes make this process's share of each batch."""

    evaluated = "test"

    def __init__(
        self,
        sets: PictureSets,
        dataset: PictureFolder,
        recipe: ImageRecipe,
        seed: int,
        device: torch.device,
        share: Share,
        workers: int | None,
    ) -> None:
        self.sets, self.recipe, self.seed, self.device, self.share = sets, recipe, seed, device, share
        self.shape, self.classes, self.fingerprint = (3, dataset.size, dataset.size), sets.classes, sets.fingerprint
        self.top_five = sets.classes > 5
        self.chosen, self.tested = split(sets, dataset)
        self.train_count = len(self.chosen)
        self.steps_per_epoch = self.train_count // recipe.batch_size
        self.epoch_order = functools.lru_cache(maxsize=2)(self.draw_epoch)
        self.workers = default_workers(share.count) if workers is None else workers
        self.steps = Steps(self)
        self.train = self.loader(sets.train, training_transform(recipe, dataset), self.steps)
        self.evaluated = "holdout" if dataset.holdout else "test"
        self.plain = evaluation_transform(recipe, dataset)
        self.made: Iterator[Any] | None = None  # the chunks to come; holds the only reference to the workers
        self.last: tuple[int, tuple[Tensor, Tensor]] | None = None  # the last requested step and its batch

    def loader(self, pictures: PictureList, transform: Transform, batch_sampler: Any) -> DataLoader[Any]:
        return DataLoader(
            Pictures(pictures, transform, self.seed),
            batch_sampler=batch_sampler,
            num_workers=self.workers,
            collate_fn=collate,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=begin_worker,
            generator=torch.Generator(),  # otherwise it would advance the global one
            prefetch_factor=AHEAD if self.workers else None,
        )

    def statistics(self) -> tuple[Tensor, Tensor]:
        return torch.tensor(IMAGENET[0]), torch.tensor(IMAGENET[1])

    def draw_epoch(self, epoch: int) -> Tensor:
        return torch.randperm(self.train_count, generator=generator(self.seed, "order", epoch))

    def keys(self, step: int) -> list[Key]:
        """This process's pictures of a step. In the epoch's order each picture comes ``repeats`` times in a row.

        Within a batch the copies are then moved far apart, because neighbours are mixed.
        """
        epoch, number = divmod(step, self.steps_per_epoch)
        size, repeats = self.recipe.batch_size, self.recipe.repeats
        places = torch.cat([torch.arange(copy, size, repeats) for copy in range(repeats)])[self.share.rows(size)]
        positions = number * size + places
        indices = self.chosen[self.epoch_order(epoch)[positions // repeats]]
        return [(epoch, *pair) for pair in zip(positions.tolist(), indices.tolist(), strict=True)]

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        if self.last is not None and self.last[0] == step:
            return self.last[1]
        if self.made is None or self.last is None or self.last[0] != step - 1:
            self.steps.first = step
            self.made = iter(self.train)
        count = self.recipe.batch_size // self.share.count
        batch = self.joined([self.take(self.made) for _ in range(-(-count // CHUNK))])
        self.last = (step, batch)
        return batch

    def close(self) -> None:
        """End the workers."""
        self.made = self.last = None

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        tested, count = self.tested.tolist(), len(self.tested)
        size = min(EVAL_BATCH, count)
        starts = list(range(0, count, size))[self.share.rank :: self.share.count]
        begins = [min(start, count - size) for start in starts]
        keys = [(0, begin + row, tested[begin + row]) for begin in begins for row in range(size)]
        pictures = self.sets.train if self.evaluated == "holdout" else self.sets.test
        made = iter(self.loader(pictures, self.plain, list(chunks_of(keys, size))))
        for start, begin in zip(starts, begins, strict=True):
            x, y = self.joined([self.take(made) for _ in range(-(-size // CHUNK))])
            yield x, y, size - (start - begin)

    def take(self, made: Iterator[Any]) -> tuple[Tensor, Tensor]:
        """The next chunk. Raises UserError if a picture cannot be read or a worker died."""
        try:
            chunk: tuple[Tensor, Tensor] | str = next(made)
        except RuntimeError as error:
            if "worker" not in str(error):
                raise
            raise UserError(
                f"impl.workers={self.workers}: a loader process died ({str(error).splitlines()[0]}); each needs "
                f"memory, and shared memory (/dev/shm); run the same command again, perhaps with fewer"
            ) from error
        if isinstance(chunk, str):
            raise UserError(chunk)
        return chunk

    def joined(self, made: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        x, y = (parts[0] if len(parts) == 1 else torch.cat(parts) for parts in zip(*made, strict=True))
        return x.to(self.device, non_blocking=True), y.to(self.device, non_blocking=True)


def chunks_of(keys: Sequence[Key], size: int) -> Iterator[list[Key]]:
    """Batches of ``size`` cut into chunks."""
    for start in range(0, len(keys), size):
        yield from chunks(keys[start : start + size])


def split(sets: PictureSets, dataset: PictureFolder) -> tuple[Tensor, Tensor]:
    """The numbers of the training and of the evaluation pictures; with ``holdout`` both are training pictures.

    Raises UserError if there are too few.
    """
    count = len(sets.train)
    if dataset.holdout + (dataset.train_size or 1) > count:
        raise UserError(
            f"dataset.holdout={dataset.holdout} dataset.train_size={dataset.train_size}: must together be at most "
            f"{count}, the number of training pictures of {dataset.name}"
        )
    order = torch.randperm(count, generator=generator(0, "split"))
    tested = order[: dataset.holdout] if dataset.holdout else torch.arange(len(sets.test))
    if not dataset.holdout and not dataset.train_size:
        return torch.arange(count), tested
    return order[dataset.holdout :][: dataset.train_size], tested


def default_workers(processes: int) -> int:
    """All processors but one, divided among the ``processes`` of the run; at most eight."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_WORKERS, max(1, cores // processes - 1))


def collate(made: list[tuple[Tensor, int] | str]) -> tuple[Tensor, Tensor] | str:
    """A chunk as tensors, or the first error in it."""
    fault = next((each for each in made if isinstance(each, str)), None)
    if fault is not None:
        return fault
    pictures, labels = zip(*made, strict=True)
    return torch.stack(pictures), torch.tensor(labels)
