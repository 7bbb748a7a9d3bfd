"""One of several processes, without the others: what it is given to do can be looked at."""

from __future__ import annotations

from experiments.processes import Processes


class Share(Processes):
    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count
