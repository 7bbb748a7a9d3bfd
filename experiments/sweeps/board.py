"""The state of runs for people: a table per experiment, the runs in progress, and the failures."""

from __future__ import annotations

from collections import Counter

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from experiments.sweeps.states import STATES, Board, CellState, Group, RunState

STYLES = {
    "done": "green",
    "running": "bold cyan",
    "queued": "blue",
    "interrupted": "yellow",
    "diverged": "red",
    "missing": "dim",
}
BAR = 20


def render_board(board: Board) -> RenderableType:
    parts: list[RenderableType] = []
    for group in board.groups:
        parts += [headline(group), cell_table(group.cells), *details(group), Text()]
    if not board.groups:
        parts.append(Text("no runs here, and nothing submitted"))
    if board.scheduler:
        parts.append(Text(f"queue unknown: {board.scheduler}", style="yellow"))
    return Lines(*parts)


def headline(group: Group) -> Text:
    counts = Counter(run.state for run in group.runs())
    total = sum(counts.values())
    text = Text(group.name, style="bold")
    text.append(f"  {group.title}" if group.title else "", style="not bold")
    text.append(f"\n{counts['done']} of {total} done", style="green" if counts["done"] == total else "not bold")
    for state in STATES[1:]:
        if counts[state]:
            text.append(", ").append(f"{counts[state]} {state}", style=STYLES[state])
    if group.eta_seconds is not None:
        text.append(f"; about {duration(group.eta_seconds)} to go", style="not bold")
    return text


def cell_table(cells: list[CellState]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="dim")
    shown.add_column("cell", no_wrap=True)
    for state in STATES:
        shown.add_column(state, justify="right")
    for cell in cells:
        counts = cell.counts()
        row = [Text(str(counts[state]), style=STYLES[state]) if counts[state] else Text("·", "dim") for state in STATES]
        shown.add_row(cell.title, *row)
    return shown


def details(group: Group) -> list[Text]:
    """One line for each run in progress or with a problem. Queued runs at one place share a line."""
    lines = []
    places: Counter[str] = Counter()
    for cell in group.cells:
        for run in cell.runs:
            name = f"{cell.title} seed {run.seed}"
            if run.state == "running":
                lines.append(Text(f"  {name}  {bar(run)}  {run.where}", style=STYLES["running"]))
            elif run.state in ("interrupted", "diverged") or (run.state == "missing" and run.why):
                at = f" at step {run.step}" if run.step is not None else ""
                why = f": {run.why}" if run.why else ""
                lines.append(Text(f"  {name}  {run.state}{at}{why}", style=STYLES[run.state]))
            elif run.state == "queued":
                places[run.where] += 1
    lines += [Text(f"  {count} in {place}", style=STYLES["queued"]) for place, count in sorted(places.items())]
    return lines


def bar(run: RunState) -> str:
    if run.fraction is None:
        return f"{'step ' + str(run.step) if run.step is not None else 'starting'}"
    full = round(BAR * run.fraction)
    eta = f", {duration(run.eta_seconds)} to go" if run.eta_seconds is not None else ""
    return f"{'━' * full}{'╌' * (BAR - full)} {100 * run.fraction:3.0f} % (step {run.step}{eta})"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes >= 5 else f"{60 * minutes + rest} s"
