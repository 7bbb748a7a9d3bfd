"""Randomness by address: every draw is a function of (seed, purpose, index), made where it is used.

No result depends on where a global stream happens to be, so resuming, interleaving runs or changing the number of
processes cannot change a run, and a checkpoint holds no generator states. Draws are made on the CPU,
whatever the device, so that a run sees the same order and augmentation everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def generator(seed: int, purpose: str, *index: int | str) -> torch.Generator:
    """A fresh CPU generator for one address, e.g. ``generator(seed, "order", epoch)``."""
    return torch.Generator().manual_seed(address(seed, purpose, *index))


def address(seed: int, purpose: str, *index: int | str) -> int:
    """The number of one address, from 0 to 2^63 - 1, for whatever takes a seed."""
    name = "/".join([str(seed), purpose, *map(str, index)])
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@contextmanager
def global_stream(seed: int, purpose: str, *index: int | str) -> Iterator[None]:
    """Torch's global CPU stream stands at one address within the block, and where it was after it.

    For the code of libraries that draws from the global stream, such as the constructors of their networks.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(address(seed, purpose, *index))
        yield
