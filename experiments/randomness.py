"""Randomness by address: every draw is a function of (seed, purpose, index), made at the place of its use.

No result depends on the state of a global stream. So resuming, interleaving runs or changing the number of processes
cannot change a run, and a checkpoint holds no generator states. Draws are made on the CPU, so that a run has the same
order and augmentation on every device.
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
    """The number of one address, from 0 to 2^63 - 1, for libraries that take a seed."""
    name = "/".join([str(seed), purpose, *map(str, index)])
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@contextmanager
def global_stream(seed: int, purpose: str, *index: int | str) -> Iterator[None]:
    """Set torch's global CPU stream to one address within the block, and restore it afterwards.

    This is for library code that draws from the global stream, such as constructors of networks.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(address(seed, purpose, *index))
        yield
