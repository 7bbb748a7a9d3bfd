"""The leaderboard: activations ordered by the results of their trials. Open comparisons count as uncertainty."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.studies.cells import cells_of, metric_of
from experiments.studies.presets import load_preset
from experiments.trial.battery import batteries
from experiments.trial.leaderboard import Entry

TIES = ("equivalent", "identical")
BLOCK = re.compile(r"(<!-- leaderboard -->\n).*?(<!-- end of leaderboard -->)", re.DOTALL)
NONE = "There is no record yet."


@dataclass(frozen=True)
class Standing:
    """How often an activation was better, worse, tied or none of these, over all tasks and baselines."""

    name: str
    entry: Entry
    wins: int
    losses: int
    ties: int
    undecided: int

    @property
    def net(self) -> int:
        return self.wins - self.losses

    @property
    def reach(self) -> tuple[int, int]:
        """The least and the largest ``net`` that are possible after the undecided comparisons."""
        return self.net - self.undecided, self.net + self.undecided


def standing(name: str, entry: Entry) -> Standing:
    """The count over all rows of a record."""
    kinds = Counter(row["kind"] for task in entry["tasks"].values() for row in task["rows"])
    wins, losses, ties = kinds["better"], kinds["worse"], sum(kinds[kind] for kind in TIES)
    return Standing(name, entry, wins, losses, ties, sum(kinds.values()) - wins - losses - ties)


def ranked(standings: Sequence[Standing]) -> list[Standing]:
    """By wins minus losses; ties by fewer losses, then by title."""
    return sorted(standings, key=lambda each: (-each.net, each.losses, each.entry["title"].lower()))


def place(own: Standing, every: Sequence[Standing]) -> str:
    """``2–4``: the places that are possible after the undecided comparisons. Equal activations share places."""
    best = 1 + sum(each.reach[0] > own.reach[1] for each in every)
    worst = 1 + sum(each.reach[1] > own.reach[0] for each in every if each is not own)
    return str(best) if best == worst else f"{best}–{worst}"


def tables(entries: dict[str, Entry]) -> str:
    """For each battery that has records: the ranking, and the differences to GELU task by task."""
    parts = []
    for battery in batteries():
        mine = {name: entry for name, entry in entries.items() if entry["battery"] == battery}
        if mine:
            standings = ranked([standing(name, entry) for name, entry in mine.items()])
            parts += [f"## Battery `{battery}`\n", ranking_table(standings), differences_table(battery, standings)]
    return "\n".join(parts) or f"{NONE}\n"


def ranking_table(standings: Sequence[Standing]) -> str:
    lines = [
        "| place | activation | better | worse | tied | open | net [least, most] | time ÷ GELU | fails |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in standings:
        low, high = (f"{value:+d}".replace("-", "−") for value in each.reach)
        net, entry = f"{each.net:+d}".replace("-", "−"), each.entry
        cost = "—" if entry["time_beside_gelu"] is None else f"{entry['time_beside_gelu']:.1f}"
        link = f"[{entry['title']}](../results/leaderboard/{each.name}.json)"
        counts = [each.wins, each.losses, each.ties, each.undecided]
        fails = ", ".join(entry["failing"]) or "—"
        cells = [place(each, standings), link, *counts, f"{net} [{low}, {high}]", cost, fails]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, ""])


def differences_table(battery: str, standings: Sequence[Standing]) -> str:
    """Each activation minus GELU, with intervals that hold simultaneously for all comparisons of its trial."""
    presets = [load_preset(name) for name in batteries()[battery]]
    metrics = [metric_of(preset, cells_of(preset)) for preset in presets]
    units = [f" ({metric.difference_unit})" if metric.difference_unit else "" for metric in metrics]
    heads = [f"{p.title}: {m.title}{unit}" for p, m, unit in zip(presets, metrics, units, strict=True)]
    lines = ["Difference to GELU:\n", f"| activation | {' | '.join(heads)} |", f"| --- |{' --- |' * len(heads)}"]
    for each in standings:
        cells = []
        for preset, metric in zip(presets, metrics, strict=True):
            rows = each.entry["tasks"][preset.name]["rows"]
            row = next((row for row in rows if row["against"] == "GELU"), None)
            cells.append(difference(row, metric.digits))
        lines.append(f"| {each.entry['title']} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def difference(row: dict[str, Any] | None, digits: int) -> str:
    if row is None or row["difference"] is None:
        return "—"
    interval = "" if row["low"] is None else f" [{row['low']:+.{digits}f}, {row['high']:+.{digits}f}]"
    return f"{row['difference']:+.{digits}f}{interval} {row['kind']}".replace("-", "−")


def filled(page: str, entries: dict[str, Entry]) -> str:
    """``page`` with the tables between its two comments."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{tables(entries)}\n{found[2]}", page)


def shown(page: str) -> set[str]:
    """The names of the records that ``page`` shows."""
    return set(re.findall(r"\(\.\./results/leaderboard/([^)]+)\.json\)", page))


def page_path(root: Path) -> Path:
    return root / "docs" / "leaderboard.md"
