"""``python -m experiments.stats.simulation [studies]``: write the simulated tables of docs/verdicts.md."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.stats.simulation.page import write_page

PAGE = Path(__file__).parents[3] / "docs" / "verdicts.md"
STUDIES = 40_000

if __name__ == "__main__":
    write_page(PAGE, int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES)
