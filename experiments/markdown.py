"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate


def pipe_table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """A pipe table. Cells that are text stay as they are, also if they look like numbers."""
    text: str = tabulate(list(rows), headers, tablefmt="pipe", disable_numparse=True)
    return text
