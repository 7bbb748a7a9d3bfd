"""Runs the parts in sequence within the given minutes. After every row the page and the JSON on disk are complete."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.gpu.child import PartFailed, Row, TimeOver, rows_of
from benchmarks.gpu.page import page_text, word
from benchmarks.gpu.parts import PARTS, Part
from experiments.files import write_atomic, write_json

WAITING, RUNNING, DONE, CUT, FAILED = "not begun", "running", "done", "time was over", "failed"
Say = Callable[[str], None]


class Examination:
    """``report`` is the content of the JSON: minutes, begin, and for each part its state, seconds, rows and note."""

    def __init__(self, device: str, minutes: float, results_dir: Path, say: Say, parts: Sequence[Part] = PARTS) -> None:
        self.device, self.results_dir, self.say, self.parts = device, results_dir, say, parts
        self.seconds, self.begun = 60 * minutes, time.monotonic()
        self.stem = results_dir / "gpu" / device_slug(device)
        self.report: dict[str, Any] = {
            "device": device,
            "minutes": minutes,
            "begun": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "parts": {part.module: {"state": WAITING, "seconds": 0.0, "rows": [], "note": ""} for part in parts},
        }

    def run(self) -> None:
        """Run every part in turn. A part that fails does not stop the next ones."""
        self.stem.parent.mkdir(parents=True, exist_ok=True)
        self.save()
        for part in self.parts:
            self.examine(part)

    def examine(self, part: Part) -> None:
        own = self.report["parts"][part.module]
        begun = time.monotonic()
        left = self.begun + part.until * self.seconds - begun
        own["state"] = RUNNING
        self.say(f"{part.title}: at most {max(0.0, left):.0f} s")
        self.save()
        log = self.stem.parent / f".{part.module}.log"
        try:
            with closing(rows_of(part.module, self.device, self.results_dir, left, log)) as rows:
                for row in rows:
                    self.add(part, own["rows"], row)
            own["state"] = DONE
        except TimeOver:
            own["state"] = CUT
        except PartFailed as error:
            own["state"], own["note"] = FAILED, str(error)
            self.say(f"  failed: {error}")
        except BaseException:
            own["state"] = CUT
            raise
        finally:
            own["seconds"] = round(time.monotonic() - begun, 1)
            self.save()

    def add(self, part: Part, rows: list[Row], row: Row) -> None:
        rows.append(row)
        self.save()
        told = [(title, word(row.get(key))) for key, title in part.columns.items()]
        self.say("  " + ", ".join(f"{title}: {value}" for title, value in told if value))

    def save(self) -> None:
        write_json(self.stem.with_suffix(".json"), self.report)
        write_atomic(self.stem.with_suffix(".md"), page_text(self.report, self.parts).encode())


def device_slug(device: str) -> str:
    """``nvidia-h200``: the driver's name of the first GPU, or ``device``."""
    if device == "cuda" and shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        told = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
        if told:
            return re.sub(r"[^a-z0-9]+", "-", told.splitlines()[0].lower()).strip("-")
    return device
