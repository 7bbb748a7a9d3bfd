"""``metrics.jsonl``: one line per logged step, append-only. Everything else is derived from it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import Any

TIMES = ("seconds", "tokens_per_second", "images_per_second", "mfu")  # keys that differ between equal runs


class MetricsLog:
    """Appends lines, and tracks the length and the sha256 of the file, which checkpoints store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 - closed by __exit__
        self.hash = hashlib.sha256()
        self.last: dict[str, Any] = {}

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.file.close()

    def write(self, line: dict[str, Any]) -> None:
        """Append one line. A number that is not finite is written as null, because JSON has no NaN."""
        self.last = {key: None if is_non_finite(value) else value for key, value in line.items()}
        data = (json.dumps(self.last, allow_nan=False) + "\n").encode()
        self.file.write(data)
        self.file.flush()
        self.hash.update(data)

    def mark(self) -> dict[str, Any]:
        """Make all lines durable; return the length and sha256 for a checkpoint."""
        os.fsync(self.file.fileno())
        return {"length": self.file.tell(), "sha256": self.hash.hexdigest()}

    def agrees(self, mark: dict[str, Any]) -> bool:
        """Whether the file still begins with the lines that it had at ``mark``."""
        self.file.seek(0)
        data = self.file.read(mark["length"])
        return (len(data), hashlib.sha256(data).hexdigest()) == (mark["length"], mark["sha256"])

    def rewind(self, mark: dict[str, Any] | None) -> None:
        """Drop every line after ``mark`` (all lines for None), because they will be written again."""
        length = mark["length"] if mark else 0
        self.file.seek(0)
        data = self.file.read(length)
        self.hash = hashlib.sha256(data)
        self.last = json.loads(data.splitlines()[-1]) if data else {}
        self.file.truncate(length)
        self.file.seek(length)


def is_non_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Every complete line. The last line of a killed run may be cut off; it is left out."""
    return [json.loads(line) for line in path.read_text().rpartition("\n")[0].splitlines()]
