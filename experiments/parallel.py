"""Independent work over all cores, for scripts that build many things from records."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import gem  # noqa: F401  imports torch once for all forks

Item = TypeVar("Item")
Result = TypeVar("Result")


def over_cores(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """``function`` of every item, in order. Each call is in a fork that inherits the values computed before.

    Function, items and results must be picklable. Exceptions of the function are raised here.
    """
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        yield from pool.map(function, items)
