"""Checks one record by itself, part by part. Later parts are checked only if the earlier ones are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from experiments.records.checks.configuration import configuration_faults, configuration_of
from experiments.records.checks.curve import curve_faults
from experiments.records.checks.fields import WHOLE, Rule, field_faults, is_object
from experiments.records.checks.origin import provenance_faults
from experiments.records.checks.outcome import result_faults
from experiments.records.file import record_name
from experiments.records.record import FORMAT

TUNING = "tuning"  # the folder of tuning runs below that of the records
HASH = re.compile(r"[0-9a-f]{64}")
PART = Rule("an object", lambda value: isinstance(value, dict))


def record_faults(record: Any, path: Path) -> list[str]:
    """Reasons why ``record`` cannot be a line of the file ``path``; each message names the field."""
    if isinstance(record, dict) and record.get("format") != FORMAT:
        return [f"format={record.get('format')}: this version reads {FORMAT}"]
    rules = {
        "format": Rule("", lambda _: True),
        "experiment": Rule(f"{record_name(path)}, the name of its file", lambda value: value == record_name(path)),
        "run": Rule("64 hexadecimal digits", lambda value: isinstance(value, str) and bool(HASH.fullmatch(value))),
        "seed": WHOLE,
        "config": PART,
        "result": PART,
        "provenance": PART,
        "curve": PART,
    }
    faults = field_faults(record, rules, "") or configuration_faults(record["config"], record["run"])
    if faults:
        return faults
    known = configuration_of(record["config"])
    tuning = path.parent.name == TUNING
    if tuning and not known.holds_out:
        faults.append("config.dataset.holdout: a tuning run must be evaluated on held-out training data")
    faults += provenance_faults(record["provenance"], record["seed"])
    faults += result_faults(record["result"], known)
    if faults or (tuning and not is_object(record["curve"])):
        return faults
    return curve_faults(record["curve"], record["result"], record["provenance"]["seconds"], known)
