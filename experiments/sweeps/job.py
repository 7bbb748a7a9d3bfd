"""A job of a sweep: it runs the runs of its task, reports how each ended, and requeues itself when it is stopped.

It uses the frozen code. Signal handlers are installed before any heavy import.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from experiments import exits
from experiments.config.schema import Config
from experiments.errors import BAD_INPUT, DIVERGED, FAILED, FINISHED, UNFINISHED, Busy, Stopped, UserError, worst
from experiments.families.registry import family_of_model
from experiments.runs.signals import StopFlag, leave_on_signals, stop_on_signals
from experiments.sweeps import freeze, slurm
from experiments.sweeps.folder import Sweep, outcome, read_sweep
from experiments.sweeps.plan import thaw
from experiments.sweeps.pool import in_forks

BUSY_PATIENCE = (1, 2, 5, 10, 20)  # seconds; an earlier job may still be saving
GPUS = Path("/proc/driver/nvidia/gpus")
WORDS = {FINISHED: "finished", BAD_INPUT: "bad input", DIVERGED: "diverged", UNFINISHED: "unfinished", FAILED: "failed"}


def run_task(folder: str, number: int) -> None:
    """Run task ``number`` of the sweep in ``folder``. Exit with the worst status of its runs.

    The status is 0 only if every run is complete, so that Slurm reports COMPLETED only in this case.
    """
    sweep = read_sweep(Path(folder))
    with stop_on_signals() as stop:
        try:
            status = Job(sweep, number, stop).run()
        except UserError as error:
            status = exits.say(error)
        if stop and status:
            print(f"stopped by {stop.signal.name if stop.signal else ''}", flush=True)
            print(requeue_or_leave(sweep) if slurm.in_job() else "submit again to continue", flush=True)
            status = UNFINISHED
    if status:
        sys.exit(status)


def requeue_or_leave(sweep: Sweep) -> str:
    """Requeue, but a limited number of times: a time limit shorter than a run's start would requeue for ever."""
    count = int(os.environ.get("SLURM_RESTART_COUNT", 0))
    if count >= sweep.max_requeues:
        return f"requeued {count} times already (max_num_timeout={sweep.max_requeues}); submit again to continue"
    return slurm.requeue()


class Job:
    """The runs of one task, in ``sweep.width`` parallel forks, and the outcome of each."""

    def __init__(self, sweep: Sweep, number: int, stop: StopFlag) -> None:
        self.sweep, self.number, self.stop = sweep, number, stop
        self.indices = sweep.packs[number]
        known = {index: outcome(sweep.directory(index)) for index in self.indices}
        self.status = {index: UNFINISHED if status is None else status for index, status in known.items()}
        self.bar = tqdm(total=len(self.indices), unit="run", disable=not sys.stderr.isatty(), leave=False)

    def run(self) -> int:
        freeze.verify(Path(self.sweep.code))
        todo = [index for index, status in self.status.items() if status == UNFINISHED]
        self.bar.update(len(self.indices) - len(todo))
        self.warm(todo)
        with self.bar:
            for pause in (0, *BUSY_PATIENCE):
                self.wait(pause)
                in_forks(todo, self.sweep.width, self.work, self.begun, self.ended, self.stop)
                todo = [index for index in todo if self.status[index] == UNFINISHED]
                if self.stop or not todo:
                    break
        return worst(self.status.values())

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stop:
            time.sleep(0.1)

    def warm(self, todo: list[int]) -> None:
        """Import and read, once for all forks, what their runs need. The runs report errors, not this."""
        configs = list(self.configs(todo).values())
        if any(config.impl.compile or config.impl.probe for config in configs):
            from experiments.runs import compile_cache

            compile_cache.share_compile_cache(configs[0].cache_dir)
        for config in configs:
            warm_process(config)

    def configs(self, todo: list[int]) -> dict[int, Config]:
        """The configurations of the runs that still equal the submitted ones."""
        found = {}
        for index in todo:
            with contextlib.suppress(UserError):
                found[index] = thaw(self.sweep.runs[index])
        return found

    def work(self, index: int, slot: int) -> int:
        """In the fork: train the run, with its output in its own log."""
        frozen = self.sweep.runs[index]
        log = os.open(self.log(index), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for number in (1, 2):
            os.dup2(log, number)
        try:
            with leave_on_signals():
                from experiments.runs.run import run_config

                os.chdir(frozen["config"]["runs_dir"])  # messages show paths relative to it
                place_on_gpu(slot, self.sweep.width)
                return run_config(with_threads(thaw(frozen), self.sweep.width), frozen["command"])
        except (UserError, Busy, OSError, Stopped) as error:
            return exits.say(error)
        except Exception:
            traceback.print_exc()
            return FAILED

    def log(self, index: int) -> Path:
        return self.sweep.folder / "logs" / f"{self.sweep.runs[index]['title'].replace('/', '-')}.log"

    def begun(self, index: int, pid: int) -> None:
        self.sweep.event(self.number, run=index, event="begun", pid=pid)

    def ended(self, index: int, status: int) -> None:
        line = f"killed by {signal.Signals(-status).name}" if status < 0 else last_line(self.log(index))
        if status < 0:
            status = UNFINISHED if self.stop else FAILED
        line = line or WORDS.get(status, f"exit status {status}")
        self.status[index] = status
        if status != UNFINISHED:
            self.bar.update()
        self.sweep.event(self.number, run=index, event="ended", status=status, line=line)
        self.bar.write(f"{time.strftime('%H:%M:%S')} {self.sweep.runs[index]['title']}: {line}")
        sys.stdout.flush()


def last_line(path: Path) -> str:
    """The last line of a log, or an empty string."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def warm_process(config: Config) -> None:
    """Import and read, once for all forks, what a run of ``config`` needs."""
    import torch._dynamo  # the first optimizer would import it, in three seconds

    import experiments.runs.run  # noqa: F401

    if config.impl.deterministic or config.impl.compile or config.impl.probe:
        import torch._inductor.config
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads started here would be missing in the forks
    with contextlib.suppress(UserError, OSError):
        family_of_model(config.model.kind).warm(config)
    torch.set_num_threads(threads)


def place_on_gpu(slot: int, width: int) -> None:
    """Assign the slots in turn to the job's GPUs, or, outside Slurm, to all GPUs of the machine.

    Slots that share a GPU get equal parts of its memory, so a run that needs more fails alone. Tasks that train one
    run together see all GPUs: each takes its own by its number.
    """
    from experiments.processes import place

    if place(os.environ)[1] > 1:
        return
    devices = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if "CUDA_VISIBLE_DEVICES" not in os.environ and not slurm.in_job():
        devices = [str(number) for number, _ in enumerate(GPUS.glob("*"))]
    if len(devices) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[slot % len(devices)]
    sharing = -(-width // max(1, len(devices)))
    if devices and sharing > 1:
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(1 / sharing)


def with_threads(config: Config, width: int) -> Config:
    """Parallel runs share the job's cores, unless ``impl.threads`` is given."""
    if config.impl.threads is not None or width == 1:
        return config
    cores = int(os.environ.get("SLURM_CPUS_PER_TASK") or len(os.sched_getaffinity(0)))
    return replace(config, impl=replace(config.impl, threads=max(1, cores // width)))


if __name__ == "__main__":
    run_task(sys.argv[1], *map(int, sys.argv[2:]))
