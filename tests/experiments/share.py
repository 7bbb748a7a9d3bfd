"""One of several processes without the others, so that a test can inspect its share of the work."""

from __future__ import annotations

from experiments.processes import Processes


class Share(Processes):
    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count
