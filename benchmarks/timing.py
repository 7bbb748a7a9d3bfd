"""Times steps in separate processes, so that CPU time, memory and compiled code are theirs alone."""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
import multiprocessing
import resource
import signal
import time
import traceback
from collections.abc import Callable, Hashable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, TypeVar

import torch

from experiments.errors import UserError
from experiments.families.workers import die_with_parent
from experiments.runs.provenance import peak_memory_mib

FORK = multiprocessing.get_context("fork")  # forks share loaded data; the parent must not compute
Step = Callable[[], object]
Train = Callable[[int], object]  # takes this number of steps
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Measured(NamedTuple):
    """Seconds, CPU seconds and joules per step (NaN if the device does not report them), and peak memory in MiB."""

    wall: float
    cpu: float
    joules: float
    mib: float


class Worker:
    """A fork that makes a function and then returns its value for each number it receives."""

    def __init__(self, make: Callable[[], Callable[[int], object]]) -> None:
        self.pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=serve, args=(theirs, make))
        self.process.start()
        theirs.close()

    def ask(self, count: int) -> None:
        self.pipe.send(count)

    def answer(self) -> Any:
        """The next answer. Raises UserError if the process ended instead; it has printed the reason."""
        try:
            return self.pipe.recv()
        except EOFError:
            raise UserError("a process that was to be timed failed; see above") from None

    def stop(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.pipe.send(0)
        self.process.join()


def timer(make: Callable[[], Train]) -> Worker:
    """A worker that receives a number of steps and answers with a ``Measured``."""
    return Worker(lambda: functools.partial(timed, make()))


def in_turn(makers: Mapping[K, Sequence[Callable[[], Train]]], count: int, rounds: int) -> list[dict[K, Measured]]:
    """Time ``count`` steps of each, in turn, for several rounds, after one step that does not count.

    An entry with several makers runs as several processes that step at the same time.
    """
    with contextlib.ExitStack() as stopped:
        workers: dict[K, list[Worker]] = {}
        for name, own in makers.items():
            workers[name] = [timer(make) for make in own]
            for worker in workers[name]:
                stopped.callback(worker.stop)
        for group in workers.values():
            measure(group, 1)  # allocate, compile
        return [{name: measure(group, count) for name, group in workers.items()} for _ in range(rounds)]


def measure(workers: Sequence[Worker], count: int) -> Measured:
    """Time ``count`` steps of all workers at the same time."""
    for worker in workers:
        worker.ask(count)
    parts: list[Measured] = [worker.answer() for worker in workers]
    walls, cpus, joules, mibs = zip(*parts, strict=True)
    return Measured(max(walls), math.fsum(cpus), max(joules), math.fsum(mibs))


def run_in_fork(function: Callable[[], T]) -> T:
    """The value of ``function``, computed in a fork."""
    worker = Worker(lambda: lambda count: function())
    worker.ask(1)
    try:
        value: T = worker.answer()
        return value
    finally:
        worker.stop()


def serve(pipe: Connection, make: Callable[[], Callable[[int], object]]) -> None:
    die_with_parent(signal.SIGKILL)  # this fork's copy of the other end keeps the pipe open
    try:
        answer = make()
        while count := pipe.recv():
            pipe.send(answer(count))
    except Exception:
        traceback.print_exc()
    finally:
        pipe.close()


def timed(train: Train, count: int) -> Measured:
    device = torch.device("cuda" if torch.cuda.is_initialized() else "cpu")
    synchronise()
    energy, cpu, wall = joules(device), cpu_seconds(), time.perf_counter()
    train(count)
    synchronise()
    wall, cpu, energy = time.perf_counter() - wall, cpu_seconds() - cpu, joules(device) - energy
    return Measured(wall / count, cpu / count, energy / count, peak_memory_mib(device))


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended, such as a loader's."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return math.fsum(usage.ru_utime + usage.ru_stime for usage in usages)


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def repeated(step: Step) -> Train:
    def train(count: int) -> None:
        for _ in range(count):
            step()

    return train


def joules(device: torch.device) -> float:
    """The device's energy since it was started; NaN if it does not report it, or a library is missing."""
    if device.type == "cuda":
        with contextlib.suppress(Exception):  # the driver's library raises many types
            nvml = importlib.import_module("pynvml")
            nvml.nvmlInit()
            uuid = torch.cuda.get_device_properties(device).uuid  # NVML's numbers ignore CUDA_VISIBLE_DEVICES
            handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
            return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    return math.nan
