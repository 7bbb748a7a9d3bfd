"""impl.profile=true: the run under torch.profiler, the costliest operators on screen, a trace in the run directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from experiments.config.schema import Impl


@contextmanager
def profiled(impl: Impl, directory: Path) -> Iterator[None]:
    if not impl.profile:
        yield
        return
    with torch.profiler.profile() as profiler:
        yield
    profiler.export_chrome_trace(str(directory / "trace.json"))
    print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=15))
    print(f"trace (chrome://tracing, ui.perfetto.dev): {directory / 'trace.json'}")
