"""Which tests ``make check`` leaves out: those that take long, listed in tests/long.txt.

  OMP_NUM_THREADS=1 python -m pytest -n 2 --durations-to=build/durations.tsv
  python tests/durations.py build/durations.tsv     write the list anew, from the times of that run

A line is a test function, or a module whose tests share what takes long to set up.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

CALL, SETUP = 0.15, 3.0  # seconds of the slowest case of a function, and of all that a module sets up
LIST = Path(__file__).with_name("long.txt")


def function_of(nodeid: str) -> str:
    """``tests/gem/test_modes.py::test_vmap`` of any of its cases."""
    return nodeid.partition("[")[0]


class Long:
    """The list, as a test of membership."""

    def __init__(self) -> None:
        self.names = frozenset(LIST.read_text().split())

    def __contains__(self, nodeid: str) -> bool:
        function = function_of(nodeid)
        return function in self.names or function.partition("::")[0] in self.names


def main(report: str) -> None:
    calls, setups = defaultdict[str, float](float), defaultdict[str, float](float)
    for line in Path(report).read_text().splitlines():
        when, seconds, nodeid = line.split("\t")
        if when == "setup":
            setups[nodeid.partition("::")[0]] += float(seconds)
        else:
            calls[function_of(nodeid)] = max(calls[function_of(nodeid)], float(seconds))
    modules = {module for module, seconds in setups.items() if seconds > SETUP}
    found = modules | {name for name, s in calls.items() if s > CALL and name.partition("::")[0] not in modules}
    LIST.write_text("\n".join(sorted(found)) + "\n")
    print(f"left out: {len(modules)} modules, {len(found) - len(modules)} functions of others")


if __name__ == "__main__":
    main(sys.argv[1])
