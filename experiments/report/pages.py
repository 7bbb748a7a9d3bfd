"""Puts the current tables into README.md and docs/findings*.md, between `table: <name>` and `end of table` comments."""

from __future__ import annotations

import re
from itertools import dropwhile, takewhile
from pathlib import Path

from experiments.errors import UserError
from experiments.files import write_atomic

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("findings*.md")))
TABLES = ROOT / "results" / "tables"
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def with_tables(text: str, tables: Path) -> str:
    """``text`` with every marked block replaced by the first table of its page, without title and footnotes."""

    def rows(match: re.Match[str]) -> str:
        lines = (tables / f"{match[2]}.md").read_text().splitlines()
        first = takewhile(is_row, dropwhile(lambda line: not is_row(line), lines))
        return match[1] + "\n".join(first) + "\n" + match[3]

    return BLOCK.sub(rows, text)


def is_row(line: str) -> bool:
    return line.startswith("|")


def write_pages() -> None:
    """Write the tables of results/tables into the pages."""
    for page in PAGES:
        write_atomic(page, with_tables(page.read_text(), TABLES).encode())


def check_pages() -> None:
    """Raise UserError if a page shows other tables than those of results/tables."""
    for page in PAGES:
        if with_tables(page.read_text(), TABLES) != page.read_text():
            name = page.relative_to(ROOT)
            raise UserError(f"{name}: its tables are not those of results/tables; run scripts/report.py rebuild=true")
