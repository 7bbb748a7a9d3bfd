"""The rows of a batch that one process trains on, and the passes that process them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from experiments.errors import UserError
from experiments.processes import Processes


@dataclass(frozen=True)
class Share:
    """A batch has ``parts`` parts (``recipe.accumulate``), each with a backward pass of its own.

    If the processes can divide the parts evenly, a process trains ``whole`` parts: every ``count``-th of them, as cards
    are dealt. Otherwise all processes train every part together, each an equal share of its rows.
    """

    rank: int = 0
    count: int = 1
    parts: int = 1

    @classmethod
    def of(cls, processes: Processes, batch_size: int, parts: int) -> Share:
        """The share of this process. ``parts`` must divide ``batch_size``. Raises UserError for unequal shares."""
        share = cls(processes.rank, processes.count, parts)
        if batch_size % (share.passes * share.count):
            raise UserError(
                f"recipe.batch_size={batch_size} recipe.accumulate={parts}: {processes.count} processes were started, "
                f"but cannot share {batch_size // parts} rows equally"
            )
        return share

    @property
    def whole(self) -> bool:
        return self.parts % self.count == 0

    @property
    def passes(self) -> int:
        """Backward passes of this process in a step."""
        return self.parts // self.count if self.whole else self.parts

    def pass_rows(self, batch_size: int) -> int:
        """Rows of this process in one pass."""
        return batch_size // (self.passes * self.count)

    def rows(self, batch_size: int) -> Tensor:
        """int64 [batch_size / count]: this process's rows of a batch, pass by pass."""
        return torch.arange(batch_size).view(self.passes, self.count, -1)[:, self.rank].flatten()
