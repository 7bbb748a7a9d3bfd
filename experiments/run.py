"""One run, from configuration to ``metrics.json``: finished before, held elsewhere, continued, or new."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.checkpoint import Broken, Checkpoints
from experiments.config import Config, resolve, run_hash, run_path
from experiments.device import prepare, settle
from experiments.errors import DIVERGED, FINISHED, Stopped, UserError
from experiments.files import read_json, write_json
from experiments.lock import hold
from experiments.loop import Trainer
from experiments.metrics_log import TIMES, MetricsLog
from experiments.processes import processes
from experiments.profiling import profiled
from experiments.progress import Progress
from experiments.provenance import command, keep_changes, part, peak_memory_mib
from experiments.run_directory import FORMAT, open_directory, read_known
from experiments.signals import StopFlag, stop_on_signals
from experiments.tasks import build_task
from experiments.tracking import NoMirror, mirror


def run(cfg: DictConfig) -> int:
    """Train what Hydra composed, see ``run_config``."""
    return run_config(resolve(cfg), command())


def run_config(config: Config, command: str) -> int:
    """Train what ``config`` says, or say that it is done. Returns the exit status; raises UserError, Busy or Stopped.

    ``command`` is what starts this very run again; meta.json keeps it.
    """
    directory = run_path(config)
    if (directory / "metrics.json").exists():
        return report(directory, "finished before")
    device = prepare(config.impl)
    config.impl = settle(config.impl, device)
    with processes(device) as group:
        task = build_task(config, device, group)  # before anything is created: it finds missing data
        trainer = Trainer(task, config.recipe, config.impl, device, group)
        return lead(config, directory, trainer, command) if group.rank == 0 else follow(trainer)


def lead(config: Config, directory: Path, trainer: Trainer, command: str) -> int:
    """What the first process does, or the only one: the training and all the files."""
    with reachable(config, directory), hold(directory):
        if (directory / "metrics.json").exists():
            trainer.processes.from_first({"over": True})
            return report(directory, "finished before")
        open_directory(directory, config)
        result = train(config, directory, trainer, command)
        write_json(directory / "metrics.json", result)
    return report(directory, result["status"])


def follow(trainer: Trainer) -> int:
    """What every other process does: the same steps on its share of each batch, and no files."""
    group = trainer.processes
    with stop_on_signals() as stop:
        start = group.from_first(None)
        if start["over"]:
            return FINISHED
        if start["state"]:
            trainer.load(start["state"])
        while not trainer.done:
            trainer.advance()
            if group.any(bool(stop)) and not trainer.done:
                raise Stopped(f"process {group.rank} of {group.count}: stopped with the others")
    return DIVERGED if trainer.diverged else FINISHED


@contextmanager
def reachable(config: Config, directory: Path) -> Iterator[None]:
    """Create the directory; say in one line when the disk is full, read-only or missing."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        name = error.filename or directory
        raise UserError(
            f"runs_dir={config.runs_dir}: cannot write {name}: {error.strerror}; "
            f"put that right and run the same command again, it continues from the last checkpoint"
        ) from error


def train(config: Config, directory: Path, trainer: Trainer, command: str) -> dict[str, Any]:
    """Resume, train to the end, keep meta.json up to date. Returns the content of metrics.json."""
    checkpoints = Checkpoints(directory / "checkpoints")
    with MetricsLog(directory / "metrics.jsonl") as log, stop_on_signals() as stop:
        state = resume(config, trainer, checkpoints, log)
        trainer.processes.from_first({"over": False, "state": state})
        meta = read_json(directory / "meta.json")
        begun = part(config.impl, trainer.device, trainer.step, command)
        meta["parts"].append(begun | {"processes": trainer.processes.count})
        keep_changes(directory)
        write_json(directory / "meta.json", meta)
        tracker = mirror(config, directory)
        result = None
        try:
            with profiled(config.impl, directory):
                drive(config, trainer, checkpoints, log, tracker, stop)
            result = outcome(config, trainer, log)
        finally:
            tracker.finish(result)
        meta["seconds"] = round(trainer.seconds, 3)
        meta["peak_memory_mib"] = round(peak_memory_mib(trainer.device), 1)
        meta["data"] = trainer.task.fingerprint
        write_json(directory / "meta.json", meta)
    return result


def resume(config: Config, trainer: Trainer, checkpoints: Checkpoints, log: MetricsLog) -> dict[str, Any] | None:
    """Continue from the newest sound checkpoint of this very run, or from the beginning where there is none.

    Returns what it continued from.
    """

    def check(state: dict[str, Any]) -> None:
        if state["run"] != [run_hash(config), config.seed]:
            raise Broken("it belongs to another run")
        if not log.agrees(state["log"]):
            raise Broken(f"{log.path.name} no longer begins with the lines written before it")
        if state.get("data", trainer.task.fingerprint) != trainer.task.fingerprint:
            raise UserError(f"data_dir={config.data_dir}: the data are not those this run was begun with")

    state = checkpoints.latest(check)
    log.rewind(state["log"] if state else None)
    if state:
        trainer.load(state)
    return state


def drive(
    config: Config, trainer: Trainer, checkpoints: Checkpoints, log: MetricsLog, tracker: NoMirror, stop: StopFlag
) -> None:
    """Step until done; log, save by the clock, and save and leave when a signal asks for it."""

    def save(keep: int = 2) -> None:
        run = {"run": [run_hash(config), config.seed], "data": trainer.task.fingerprint}
        state = {**run, "log": log.mark(), **trainer.state()}
        checkpoints.save(trainer.step, state, keep)

    saved_at = trainer.seconds
    with Progress(trainer) as progress:
        while not trainer.done:
            line = trainer.advance()
            if line is not None:
                log.write(line)
                tracker.log(line)
                progress.show(line)
            progress.update()
            if trainer.processes.any(bool(stop)) and not trainer.done:
                save()
                raise Stopped(
                    f"stopped by {stop.signal.name if stop.signal else 'another process'} after step {trainer.step} of "
                    f"{trainer.total_steps}, saved; run the same command again to continue"
                )
            if trainer.seconds - saved_at >= config.impl.save_every_seconds:
                save()
                saved_at = trainer.seconds
    save(keep=1)


def outcome(config: Config, trainer: Trainer, log: MetricsLog) -> dict[str, Any]:
    """The result: the last logged line, without times, so that equal runs have equal files."""
    last = {key: value for key, value in log.last.items() if key not in (*TIMES, "lr")}
    status = "diverged" if trainer.diverged else "finished"
    return {"format": FORMAT, "status": status, "run": run_hash(config), "seed": config.seed, **last}


def report(directory: Path, what: str) -> int:
    """One line on what came out; the exit status."""
    result = read_known(directory / "metrics.json")
    if result["status"] == "diverged":
        step = result["diverged_at_step"]
        print(f"diverged: loss or gradient not finite at step {step}; recorded → {os.path.relpath(directory)}")
        return DIVERGED
    shown = ", ".join(
        f"{key.replace('_', ' ')} {value:.2f} %" if key.endswith("accuracy") else f"{key.replace('_', ' ')} {value:.4f}"
        for key, value in result.items()
        if key.endswith(("accuracy", "_loss"))
    )
    print(f"{what}: {shown} → {os.path.relpath(directory)}")
    return FINISHED
