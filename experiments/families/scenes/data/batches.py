"""Batches by step. Worker processes prepare them in advance if pictures have to be decoded."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from experiments.errors import UserError
from experiments.families.workers import begin_worker

Item = TypeVar("Item")


class Made(Dataset[Item | str], Generic[Item]):
    """``make(number)`` as a map-style data set. A UserError is returned as its text, and the reader raises it."""

    def __init__(self, make: Callable[[int], Item]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> Item | str:
        try:
            return self.make(number)
        except UserError as error:
            return str(error)


def read_ahead(make: Callable[[int], Item], numbers: Iterable[int], workers: int) -> Iterator[Item]:
    """``make(number)`` for all ``numbers``, in order. With ``workers`` processes they are made in advance.

    Raises the first UserError of ``make``.
    """
    if not workers:
        yield from map(make, numbers)
        return
    loader: DataLoader[Item | str] = DataLoader(
        Made(make),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        worker_init_fn=begin_worker,
        generator=torch.Generator(),  # otherwise it would advance the global one
        multiprocessing_context="fork" if "fork" in multiprocessing.get_all_start_methods() else None,
    )
    made = iter(loader)
    while True:
        try:
            item = next(made)
        except StopIteration:
            return
        except RuntimeError as error:
            if "worker" not in str(error):
                raise
            raise UserError(
                f"impl.workers={workers}: a process that reads pictures died ({str(error).splitlines()[0]}); each "
                f"needs memory, and shared memory (/dev/shm); run the same command again, perhaps with fewer"
            ) from error
        if isinstance(item, str):
            raise UserError(item)
        yield item


class BatchReader(Generic[Item]):
    """``at(step)`` returns ``make(step)``. Consecutive steps are made in advance."""

    def __init__(self, make: Callable[[int], Item], workers: int) -> None:
        self.make, self.workers = make, workers
        self.stream: Iterator[Item] = iter(())
        self.next_step = -1

    def at(self, step: int) -> Item:
        if not self.workers:
            return self.make(step)
        if step != self.next_step:
            self.stream = read_ahead(self.make, itertools.count(step), self.workers)
        self.next_step = step + 1
        return next(self.stream)

    def close(self) -> None:
        """End the workers."""
        self.stream, self.next_step = iter(()), -1
