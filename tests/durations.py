"""Which tests ``make check`` leaves out: those that take long, listed in tests/long.txt.

OMP_NUM_THREADS=1 python -m pytest -n 2 --junitxml=build/tests.xml
python tests/durations.py build/tests.xml     write the list anew, from the times of that run
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

LONG = 0.3  # seconds, with the fixtures it is the first to need; of its slowest case
LIST = Path(__file__).with_name("long.txt")


def function_of(module: str, name: str) -> str:
    """``tests.gem.test_modes::test_vmap`` of any of its cases."""
    return f"{module}::{name.partition('[')[0]}"


def long_functions() -> frozenset[str]:
    return frozenset(LIST.read_text().split())


def main(report: str) -> None:
    found = {
        function_of(case.get("classname", ""), case.get("name", ""))
        for case in ElementTree.parse(report).iter("testcase")
        if float(case.get("time", 0)) > LONG
    }
    LIST.write_text("\n".join(sorted(found)) + "\n")
    print(f"{len(found)} functions take more than {LONG} s")


if __name__ == "__main__":
    main(sys.argv[1])
