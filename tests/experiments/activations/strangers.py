"""Custom activations, as files that tests write."""

from __future__ import annotations

from pathlib import Path

MINE = """
import torch
from torch import nn
from helpers import shift


class Swash(nn.Module):
    def __init__(self, beta: float = 1.0, order=1):
        super().__init__()
        self.beta, self.order = beta, order

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x + shift())


def wave(x, freq: float):
    return torch.sin(freq * x)


def careless(x):
    return exp(x)


def listing(x):
    return [x]


def summing(x):
    return x.sum()
"""
HELPERS = "def shift():\n    return {}\n"


def write_strangers(folder: Path, shift: float = 0.1) -> Path:
    """``mine.py`` and the helper it imports, below ``folder``; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.py").write_text(MINE)
    (folder / "helpers.py").write_text(HELPERS.format(shift))
    return folder / "mine.py"
