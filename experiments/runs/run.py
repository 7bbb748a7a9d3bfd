"""One run, from configuration to ``metrics.json``: finished before, held by another process, continued, or new."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import torch
from omegaconf import DictConfig

from experiments.config.identity import run_path
from experiments.config.resolve import resolve
from experiments.config.schema import Config, Impl
from experiments.device import prepare_device, settle_precision
from experiments.errors import DIVERGED, FINISHED, Stopped, UserError
from experiments.families.build import build_task
from experiments.families.registry import family_of_model
from experiments.processes import Processes, processes
from experiments.runs.lock import hold
from experiments.runs.loop import Trainer
from experiments.runs.profiling import profiled
from experiments.runs.progress import Progress
from experiments.runs.provenance import command
from experiments.runs.run_directory import open_directory, read_known
from experiments.runs.session import Session, session
from experiments.runs.signals import StopFlag, stop_on_signals
from experiments.runs.tracking import check_tracking


def run(cfg: DictConfig) -> int:
    """Train the configuration that Hydra composed, see ``run_config``."""
    return run_config(resolve(cfg), command())


def run_config(config: Config, command: str) -> int:
    """Train ``config``, or report that it is done. Returns the exit status; raises UserError, Busy or Stopped.

    ``command`` starts this run again; meta.json keeps it.
    """
    directory = run_path(config)
    if (directory / "metrics.json").exists():
        warn_of_newer_data(config, directory)
        return report(config, directory, "finished before")
    check_tracking(config.tracking)
    device = prepare_device(config.impl)
    with processes(device) as group:
        config.impl = settle_impl(config, device, group)
        # The task is made before any file, because it detects missing data.
        with closing(build_task(config, device, group)) as task:
            trainer = Trainer(task, config.recipe, config.impl, device, group)
            return lead(config, directory, trainer, command) if group.rank == 0 else follow(trainer)


def settle_impl(config: Config, device: torch.device, group: Processes) -> Impl:
    """``config.impl`` with every "auto" replaced by what is used, so that records say it."""
    if config.impl.probe:
        from experiments.runs.choose_impl import choose_impl

        return choose_impl(config, device, group)
    return settle_precision(config.impl, device)


def lead(config: Config, directory: Path, trainer: Trainer, command: str) -> int:
    """The first or only process: the training and all files."""
    with reachable(config, directory), hold(directory):
        if (directory / "metrics.json").exists():
            trainer.processes.from_first({"over": True})
            return report(config, directory, "finished before")
        open_directory(directory, config)
        train(config, directory, trainer, command)
    return report(config, directory, "finished")


def follow(trainer: Trainer) -> int:
    """Every other process: the same steps on its share of each batch, and no files."""
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
    """Create the directory. Report in one line if the disk is full, read-only or missing."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    except BrokenPipeError:  # from stdout, see exits.guarded
        raise
    except OSError as error:
        name = error.filename or directory
        raise UserError(
            f"runs_dir={config.runs_dir}: cannot write {name}: {error.strerror}; "
            f"correct that and run the same command again: it continues from the last checkpoint"
        ) from error


def train(config: Config, directory: Path, trainer: Trainer, command: str) -> None:
    """Resume, train to the end, and leave metrics.json."""
    with session(config, directory, trainer) as files, stop_on_signals() as stop:
        state = files.resume()
        trainer.processes.from_first({"over": False, "state": state})
        if state and trainer.step:
            print(f"continuing from step {trainer.step} of {trainer.total_steps}", flush=True)
        files.begin(command)
        with profiled(config.impl, directory):
            drive(files, stop)
        files.finish()


def drive(files: Session, stop: StopFlag) -> None:
    """Step until done: log, save at intervals, and save and leave after a signal."""
    trainer = files.trainer
    saved_at = trainer.seconds
    with Progress(trainer, family_of_model(files.config.model.kind).metrics) as progress:
        while not trainer.done:
            line = trainer.advance()
            if line is not None:
                files.write(line)
                progress.show(line)
            progress.update()
            if trainer.processes.any(bool(stop)) and not trainer.done:
                files.save()
                raise Stopped(
                    f"stopped by {stop.signal.name if stop.signal else 'another process'} after step {trainer.step} of "
                    f"{trainer.total_steps}, saved; run the same command again to continue"
                )
            if trainer.seconds - saved_at >= files.config.impl.save_every_seconds:
                files.save()
                saved_at = trainer.seconds


def warn_of_newer_data(config: Config, directory: Path) -> None:
    """Warn on stderr if the user's files changed after the run had finished, because it was not trained on them."""
    folder = family_of_model(config.model.kind).data_folder(config.dataset, config.data_dir)
    if folder is None or not folder.is_dir():
        return
    newest = max((path.stat().st_mtime for path in folder.rglob("*")), default=0.0)
    if newest > (directory / "metrics.json").stat().st_mtime:
        print(
            f"warning: files below {folder} changed after this run had finished; move {os.path.relpath(directory)} "
            f"away to train on them",
            file=sys.stderr,
        )


def report(config: Config, directory: Path, what: str) -> int:
    """Print one line on the result; return the exit status."""
    result = read_known(directory / "metrics.json")
    if result["status"] == "diverged":
        step = result["diverged_at_step"]
        print(f"diverged: loss or gradient not finite at step {step}; recorded → {os.path.relpath(directory)}")
        return DIVERGED
    metrics = family_of_model(config.model.kind).metrics
    shown = ", ".join(f"{m.title} {m.text(result[m.key])}" for m in metrics if m.key in result)
    print(f"{what}: {shown} → {os.path.relpath(directory)}")
    return FINISHED
