"""README.md in this folder lists which test shows what. Each test in it exists, and no fault or promise is missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE / "README.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) > 60
    missing = [f"{file}::{name}" for file, name in NAMED if name not in defined_in(HERE / file)]
    assert not missing


def test_no_fault_is_left_out() -> None:
    rows = re.findall(r"^\| (F\d+) [^|]+ \| (.+) \|$", PAGE, re.MULTILINE)
    assert {name for name, _ in rows} == {f"F{number}" for number in range(1, 15)}
    assert all("test_" in tests for _, tests in rows)


def test_no_promise_is_left_out() -> None:
    page = (HERE.parents[1] / "docs" / "activations.md").read_text(encoding="utf-8")
    section = page.split("\n## Promises\n")[1].split("\n## ")[0]
    promises = re.findall(r"^\* \*\*(\w[\w ]*?)\.?\*\*", section, re.MULTILINE)
    assert len(promises) == 9
    rows = PAGE.split("\n## Promises")[1]
    assert [promise for promise in promises if not re.search(rf"^\| {promise} \|", rows, re.MULTILINE)] == []
