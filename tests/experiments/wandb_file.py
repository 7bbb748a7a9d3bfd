"""Reads what the real W&B client wrote offline: a LevelDB log of protobuf records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, FILE_HEADER, RECORD_HEADER = 32768, 7, 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def payloads(data: bytes) -> Iterator[bytes]:
    """The records of the log; a long one lies in pieces, and a piece never crosses a block of 32 KiB."""
    place, pieces = FILE_HEADER, b""
    while place + RECORD_HEADER <= len(data):
        if BLOCK - place % BLOCK < RECORD_HEADER:
            place += BLOCK - place % BLOCK
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        pieces += data[place + RECORD_HEADER : place + RECORD_HEADER + length]
        place += RECORD_HEADER + length
        if kind in (FULL, LAST):
            yield pieces
            pieces = b""
        else:
            assert kind in (FIRST, MIDDLE), kind


def read(path: Path) -> dict[str, Any]:
    """``run`` (id, group, tags, config), ``history`` (one dict a step), ``summary`` and ``exit``."""
    from wandb.proto.wandb_internal_pb2 import Record

    found: dict[str, Any] = {"history": [], "summary": {}, "exit": None}
    for payload in payloads(path.read_bytes()):
        record = Record.FromString(payload)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
            found["run"] = {
                "id": record.run.run_id, "group": record.run.run_group, "tags": list(record.run.tags), "config": config
            }  # fmt: skip
        elif kind == "history":
            values = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            found["history"].append(values)
        elif kind == "summary":
            updates = record.summary.update
            found["summary"] |= {item.key or item.nested_key[0]: json.loads(item.value_json) for item in updates}
        elif kind == "exit":
            found["exit"] = record.exit.exit_code
    return found
