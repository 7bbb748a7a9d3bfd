"""Draw docs/architecture.svg, the packages and their imports, from the import statements themselves.

  python docs/architecture.py

An arrow leads from a package to one that it imports. An arrow that follows from two others is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("gem", "experiments", "scripts", "benchmarks")
SMALL = "small modules"
# A package whose files are on different levels is drawn twice; so are the modules beside the packages.
FLOORS = {
    "experiments.config.schema": "schemas",
    "experiments.config.rules": "schemas",
    "experiments.cli": "command line",
    "experiments.exits": "command line",
    "experiments.device": "device",
    "experiments.parallel": "device",
    "experiments.processes": "device",
}
WIDTH, HEIGHT, BOX, ROW = 880, 40, 128, 84  # width of the picture; height and width of a box; row distance; in pixels
STYLE = (
    "text { font: 14px sans-serif; text-anchor: middle; fill: #1a1a1a } rect { fill: #e8f0fa; stroke: #35618f }"
    " path { fill: none; stroke: #7a8794 } svg { background: #ffffff }"
)


def room_of(module: str) -> str:
    """``experiments.runs.loop`` is in ``runs``. A module beside the packages of experiments counts as a small one."""
    if module in FLOORS:
        return FLOORS[module]
    first, *rest = module.split(".")
    if first != "experiments":
        return first
    return rest[0] if rest and (ROOT / "experiments" / rest[0]).is_dir() else SMALL


def imports(path: Path) -> set[str]:
    """The modules of this repository that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "experiments" else set()
            found |= names or {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] in PARTS}


def room_imports() -> dict[str, set[str]]:
    """Each package with the packages that it imports."""
    graph: dict[str, set[str]] = {}
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
            graph.setdefault(room, set()).update(room_of(name) for name in imports(path))
    return {room: others - {room} for room, others in graph.items()}


def below(graph: Mapping[str, set[str]], room: str) -> set[str]:
    """Every package that ``room`` reaches."""
    found: set[str] = set()
    waiting = set(graph[room])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting |= graph[each]
    return found


def reduced(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """``graph`` without the arrows that follow from two others."""
    return {
        room: {each for each in others if not any(each in below(graph, other) for other in others - {each})}
        for room, others in graph.items()
    }


def levels(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """The longest way down from each room."""
    known: dict[str, int] = {}
    while len(known) < len(graph):
        ready = [room for room in graph if room not in known and graph[room] <= known.keys()]
        assert ready, f"rooms import each other: {sorted(set(graph) - known.keys())}"
        known |= {room: max((known[each] + 1 for each in graph[room]), default=0) for room in ready}
    return known


def draw(graph: Mapping[str, set[str]]) -> str:
    """The picture, with the most dependent packages at the top."""
    level = levels(graph)
    rows = [sorted(room for room in graph if level[room] == number) for number in range(max(level.values()), -1, -1)]
    place = {
        room: (WIDTH * (2 * column + 1) / (2 * len(row)), ROW * number + 30)
        for number, row in enumerate(rows)
        for column, room in enumerate(row)
    }
    lines = []
    for room, others in sorted(reduced(graph).items()):
        x, y = place[room]
        for each in sorted(others):
            to_x, to_y = place[each]
            middle = (y + HEIGHT + to_y) / 2
            bend = f"C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y}"
            lines.append(f'<path d="M{x:.0f} {y + HEIGHT} {bend}"/>')
    for room, (x, y) in sorted(place.items()):
        lines.append(f'<rect x="{x - BOX / 2:.0f}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="6"/>')
        lines.append(f'<text x="{x:.0f}" y="{y + 25}">{room}</text>')
    size = f'width="{WIDTH}" height="{ROW * len(rows) + 20}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>Rooms and imports</title>'
    return "\n".join([head, f"<style>{STYLE}</style>", *lines, "</svg>", ""])


if __name__ == "__main__":
    (ROOT / "docs" / "architecture.svg").write_text(draw(room_imports()))
