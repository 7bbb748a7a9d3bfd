"""Checkpoints with a checksum that reading verifies. The last two are kept; broken ones are renamed."""

from __future__ import annotations

import copy
import io
import itertools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from experiments.checkpoint_file import Broken, header_of
from experiments.checkpoint_file import read_checkpoint as read_checkpoint
from experiments.errors import UserError
from experiments.files import write_atomic

KEEP = 2


class Checkpoints:
    """The checkpoints of one run: ``<directory>/step<9 digits>.pt``.

    A file is one header line (format, sha256 and length of the rest), then the output of ``torch.save``. So a
    truncation or a flipped byte anywhere is detected.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def steps(self) -> list[int]:
        """Steps that have a checkpoint, oldest first."""
        names = (re.fullmatch(r"step(\d{9})\.pt", path.name) for path in self.directory.glob("step*.pt"))
        return sorted(int(match[1]) for match in names if match)

    def path(self, step: int) -> Path:
        return self.directory / f"step{step:09d}.pt"

    def save(self, step: int, state: dict[str, Any], keep: int = KEEP) -> None:
        """Write durably, then delete all but the newest ``keep``. Raises OSError (disk full) and keeps the old ones."""
        buffer = io.BytesIO()
        torch.save(own_storage(state), buffer)
        payload = buffer.getvalue()
        self.directory.mkdir(exist_ok=True)
        for leftover in self.directory.glob("*.tmp"):  # from a killed save; the lock makes this the only writer
            leftover.unlink()
        write_atomic(self.path(step), header_of(payload) + payload)
        for old in self.steps()[:-keep]:
            self.path(old).unlink()

    def latest(self, check: Callable[[dict[str, Any]], None]) -> dict[str, Any] | None:
        """The newest usable state, or None if nothing was ever saved. ``check`` may raise Broken too.

        A broken file is reported on stderr and renamed to ``*.broken``; the one before it is used.
        Raises UserError if checkpoints exist and none is usable, and leaves them unchanged. So a run never silently
        starts over. The fault may lie elsewhere (metrics.jsonl), where the user can correct it.
        """
        broken: dict[Path, Broken] = {}
        for step in reversed(self.steps()):
            try:
                state = read_checkpoint(self.path(step))
                check(state)
            except Broken as error:
                broken[self.path(step)] = error
                continue
            for path, reason in broken.items():
                print(f"warning: {path} is damaged ({reason}); using step {step} before it", file=sys.stderr)
                path.rename(unused(path))
            return state
        reasons = [f"{path.name}: {error}" for path, error in broken.items()]
        reasons += sorted(path.name for path in self.directory.glob("*.broken*"))
        if reasons:
            raise UserError(
                f"{self.directory}: no usable checkpoint is left ({'; '.join(reasons)}); correct that, "
                f"or move {self.directory.parent} away to train from the beginning"
            )
        return None


def own_storage(value: Any) -> Any:
    """``value`` with tensors that own their storage: a view into a larger tensor is copied."""
    if isinstance(value, dict):
        held = copy.copy(value)  # a state_dict has attributes too
        held.update((key, own_storage(item)) for key, item in value.items())
        return held
    if isinstance(value, (list, tuple)):
        return type(value)(map(own_storage, value))
    if isinstance(value, torch.Tensor) and value.untyped_storage().nbytes() > value.nbytes:
        return value.clone()
    return value


def unused(path: Path) -> Path:
    """A new name for the broken file ``path``, which no earlier broken file of the same step has."""
    names = (path.with_name(f"{path.name}.broken{number}") for number in itertools.chain([""], itertools.count(2)))
    return next(name for name in names if not name.exists())
