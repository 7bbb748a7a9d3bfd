"""``impl=auto``: the settings of ``impl=fast`` if they are faster for this run on this machine, else ``default``.

A probe measures the gain once per machine. The figures stay in the cache folder, so every run of a sweep and every
continued run makes the same decision.
"""

from __future__ import annotations

import fcntl
import sys
from contextlib import closing
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from experiments.config.schema import Config, Impl
from experiments.device import settle_precision
from experiments.families.build import build_task
from experiments.families.task import Task
from experiments.files import read_json, write_json
from experiments.processes import Processes
from experiments.runs.compile_cache import compile_folder
from experiments.runs.schedule import Schedule
from experiments.runs.speed_probe import measure_speedups, seconds_of

LEAST_SPEEDUP = 1.2
LEAST_SECONDS = 300.0  # shortest run, with the plain settings; compiling takes about a minute


def choose_impl(config: Config, device: torch.device, processes: Processes) -> Impl:
    """``config.impl`` with the settings that are expected to be faster, the same for all processes of a run.

    Prints the choice and its reason on stderr.
    """
    impl, reason = decide(config, device, processes)
    chosen: Impl = processes.from_first(impl)
    if processes.rank == 0:
        print(f"impl=auto: takes impl={chosen.name}; {reason}", file=sys.stderr, flush=True)
    return chosen


def decide(config: Config, device: torch.device, processes: Processes) -> tuple[Impl, str]:
    """The settings, and the reason in words."""
    plain = replace(config.impl, name="default", probe=False)
    if config.recipe.dtype == "float64":
        return plain, "recipe.dtype=float64 has no faster settings"
    with closing(build_task(replace(config, impl=plain), device, processes)) as task:
        if not task.compiles:
            return plain, "this kind of task cannot be compiled"
        kind = "convolutions" if any(isinstance(module, nn.Conv2d) for module in task.model.modules()) else "products"
        seconds = Schedule(config.recipe, task.steps_per_epoch).total * step_seconds(task, device, processes.count)
    if seconds < LEAST_SECONDS:
        return plain, f"the run is short (about {seconds:.0f} s), and compiling takes a minute"
    fast = settle_precision(with_fast_settings(plain), device)
    try:
        speedup = known_speedups(config.cache_dir, fast, device)[kind]
    except RuntimeError as error:
        return plain, f"the probe failed: {error}"
    chosen = fast if speedup >= LEAST_SPEEDUP else plain
    return chosen, f"with impl=fast a probe of {kind} ran {speedup:.2f} times as fast"


def step_seconds(task: Task[Any], device: torch.device, processes: int) -> float:
    """Seconds of one optimiser step, from its first forward and backward pass."""
    part, weight = next(iter(task.parts(task.batch(0))))

    def one_pass() -> None:
        task.loss(part).backward()

    one_pass()
    return seconds_of(one_pass, 1, device) / (weight * processes)


def with_fast_settings(impl: Impl) -> Impl:
    """``impl`` with the settings of configs/impl/fast.yaml."""
    return replace(impl, name="fast", precision="auto", channels_last=True, compile=True)


def known_speedups(cache_dir: str, fast: Impl, device: torch.device) -> dict[str, float]:
    """The speedups of this machine, from the cache folder or measured now, by one process at a time."""
    place = f"{device.type}-{torch.get_num_threads()}-{fast.precision}"
    if device.type == "cuda":
        place += "-" + torch.cuda.get_device_name(device).replace(" ", "_")
    path = compile_folder(cache_dir) / f"speedup-{place}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            print("impl=auto: measuring this machine, about 30 s, once", file=sys.stderr, flush=True)
            write_json(path, measure_speedups(device, torch.get_num_threads(), fast.precision == "bf16"))
        found: dict[str, float] = read_json(path)
    return found
