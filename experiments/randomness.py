"""Randomness by address: every draw is a function of (seed, purpose, index), made where it is used.

Nothing reads or advances a global stream, so resuming, interleaving runs or changing the number of
processes cannot change a run, and a checkpoint holds no generator states. Draws are made on the CPU,
whatever the device, so that a run sees the same order and augmentation everywhere.
"""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, purpose: str, *index: int | str) -> torch.Generator:
    """A fresh CPU generator for one address, e.g. ``generator(seed, "order", epoch)``."""
    address = "/".join([str(seed), purpose, *map(str, index)])
    digest = hashlib.blake2b(address.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
