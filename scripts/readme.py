"""Put the current tables into README.md and docs/findings.md, between the comments `table: <name>` and `end of table`.

python scripts/readme.py           rewrite them
python scripts/readme.py check=1   only say whether they are up to date (exit status 2 where it is not)
"""

from __future__ import annotations

import re
import sys
from itertools import dropwhile, takewhile
from pathlib import Path

from experiments.cli import key_values, script
from experiments.errors import UserError
from experiments.files import write_atomic

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "findings.md")
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


def main(words: list[str]) -> None:
    checking = key_values(words, {"check": ""})["check"]
    for page in PAGES:
        before = page.read_text()
        after = with_tables(before, ROOT / "results" / "tables")
        if checking and after != before:
            name = page.relative_to(ROOT)
            raise UserError(f"{name}: its tables are not those of results/tables; run python scripts/readme.py")
        if after != before:
            write_atomic(page, after.encode())


if __name__ == "__main__":
    sys.exit(script(main, __doc__))
