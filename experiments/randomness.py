"""Randomness by address: every draw is a function of (seed, purpose, index), made where it is used.

Nothing depends on how far a stream was read, so resuming or interleaving runs cannot change a run, and a checkpoint
holds no generator states. Draws are made on the CPU, whatever the device, so that a run sees the same order and
augmentation everywhere. Where a library draws from torch's global streams (initialisation, dropout), these are set to
an address beforehand.
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
    """The seed of a generator for one address: an integer below 2^63."""
    text = "/".join([str(seed), purpose, *map(str, index)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def set_global_streams(seed: int, purpose: str, *index: int | str) -> None:
    """Set torch's global generators, of all devices, to one address: dropout draws from them."""
    torch.manual_seed(address(seed, purpose, *index))


@contextmanager
def global_streams_at(seed: int, purpose: str, *index: int | str) -> Iterator[None]:
    """Within the block torch's global generators start at one address: libraries initialise their networks from them.

    The CPU's generator is as before afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        set_global_streams(seed, purpose, *index)
        yield
