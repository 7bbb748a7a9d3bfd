"""Checks the provenance of a record: code, versions, device, time, duration and command."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from experiments.records.checks.fields import COUNT, POSITIVE, SWITCH, TEXT, Rule, field_faults, is_text, shown

HEX = re.compile(r"[0-9a-f]{40}")
STARTED = "%Y-%m-%dT%H:%M:%S%z"
PLAIN = (str, int, float, bool, type(None))


def is_moment(value: Any) -> bool:
    try:
        return is_text(value) and bool(moment(value))
    except ValueError:
        return False


def names_versions(value: Any) -> bool:
    return isinstance(value, dict) and {"python", "torch"} <= value.keys() and all(map(is_text, value.values()))


def names_settings(value: Any) -> bool:
    return isinstance(value, dict) and is_text(value.get("name")) and all(type(v) in PLAIN for v in value.values())


MOMENT = Rule("a moment with its zone, such as 2026-01-31T12:00:00+0000", is_moment)
OWN = {
    "commit": Rule("40 hexadecimal digits, or null", lambda v: v is None or (is_text(v) and bool(HEX.fullmatch(v)))),
    "clean": Rule("true or false, or null", lambda v: v is None or isinstance(v, bool)),
    "versions": Rule("an object of texts with python and torch", names_versions),
    "device": TEXT,
    "threads": COUNT,
    "impl": Rule("an object of plain values with a name", names_settings),
}
RULES = OWN | {
    "started": MOMENT,
    "command": Rule("a command of train.py", lambda v: is_text(v) and v.split()[:2] == ["python", "train.py"]),
    "starts": COUNT,
    "seconds": POSITIVE,
    "peak_memory_mib": POSITIVE,
    "data": TEXT,
    "begun": Rule(MOMENT.allowed, is_moment, optional=True),  # the first start; absent before 2026-11-29
    "earlier": Rule("a list that is not empty", lambda v: isinstance(v, list) and bool(v), optional=True),
    "vectorised": Rule(SWITCH.allowed, SWITCH.check, optional=True),  # in records before 2026-11-29
}


def provenance_faults(provenance: Any, seed: int) -> list[str]:
    """Missing or wrong parts of ``provenance`` for a run with this seed."""
    faults = field_faults(provenance, RULES, "provenance")
    if faults:
        return faults
    for index, part in enumerate(provenance.get("earlier", [])):
        place = f"provenance.earlier[{index}]"
        faults += field_faults(part, OWN, place) or code_faults(part, place)
    faults += code_faults(provenance, "provenance")
    resumed = [key for key in ("begun", "earlier") if key in provenance]
    if resumed and provenance["starts"] == 1:
        faults.append(f"provenance.{resumed[0]}: a run with one start has none")
    if "begun" in provenance and moment(provenance["begun"]) > moment(provenance["started"]):
        faults.append("provenance.begun: must not be after provenance.started")
    return [*faults, *command_faults(provenance["command"], seed)]


def code_faults(part: Mapping[str, Any], place: str) -> list[str]:
    """Rule: code outside a git checkout has neither a commit nor a statement about a clean tree."""
    if (part["commit"] is None) != (part["clean"] is None):
        return [f"{place}.clean={shown(part['clean'])}: must be null where commit is null, and only there"]
    return []


def command_faults(command: str, seed: int) -> list[str]:
    """Rule: the command trains this seed; a command without ``seed=`` trains seed 0."""
    given = ["0", *(word.removeprefix("seed=") for word in command.split() if word.startswith("seed="))]
    return [] if given[-1] == str(seed) else [f"provenance.command: trains seed {given[-1]}, not {seed}"]


@functools.lru_cache(maxsize=4096)
def moment(text: str) -> datetime:
    return datetime.strptime(text, STARTED)
