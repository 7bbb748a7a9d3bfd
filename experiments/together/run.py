"""Runs that differ in seed and ε alone, trained by one process; each keeps its own directory, lock, log and result."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack

from experiments.config import Config, run_path, run_title
from experiments.config.schema import TextDataset
from experiments.device import prepare, settle
from experiments.errors import Busy, Stopped, UserError, worst
from experiments.exits import say
from experiments.lock import hold
from experiments.loop import Trainer
from experiments.processes import place
from experiments.progress import Progress
from experiments.run import reachable, report, run_config
from experiments.run_directory import open_directory
from experiments.session import Session, session
from experiments.signals import StopFlag, stop_on_signals
from experiments.tasks import Builder, build_task
from experiments.together.ensemble import Ensemble


def run_together(configs: Sequence[Config], commands: Sequence[str]) -> int:
    """Train them as ``impl.together`` says. Returns the worst exit status, after a line for each run that failed.

    Raises UserError for what concerns all of them, and Stopped.
    """
    pairs = list(zip(configs, commands, strict=True))
    if configs[0].impl.together == "vectorised" and len(configs) > 1:
        statuses = vectorised(pairs)
    else:
        build = Builder()
        statuses = [attempt(config, command, build) for config, command in pairs]
    return worst(statuses)


def attempt(config: Config, command: str, build: Builder) -> int:
    try:
        return run_config(config, command, build)
    except (UserError, Busy) as error:
        return say(error)


def vectorised(pairs: Sequence[tuple[Config, str]]) -> list[int]:
    """All that are neither complete nor held elsewhere, as one ensemble. Returns the exit statuses."""
    impl = pairs[0][0].impl
    check(pairs[0][0])
    statuses, members = [], []
    device = prepare(impl)
    impl = settle(impl, device)
    eager = dataclasses.replace(impl, compile=False)  # of a member only its evaluations run; the step is compiled once
    with ExitStack() as all_open, stop_on_signals() as stop:
        for config, command in pairs:
            config = dataclasses.replace(config, impl=impl)
            directory = run_path(config)
            try:
                with ExitStack() as opened:
                    if not (directory / "metrics.json").exists():
                        task = build_task(dataclasses.replace(config, impl=eager), device)
                        trainer = Trainer(task, config.recipe, impl, device)
                        opened.enter_context(reachable(config, directory))
                        opened.enter_context(hold(directory))
                    if (directory / "metrics.json").exists():
                        statuses.append(report(directory, "finished before"))
                        continue
                    open_directory(directory, config)
                    files = opened.enter_context(session(config, directory, trainer))
                    files.resume()
                    members.append((files, command))
                    all_open.push(opened.pop_all().__exit__)
            except (UserError, Busy) as error:
                statuses.append(say(error))
        for files, command in members:
            files.begin(command, [run_title(other.config) for other, _ in members])
        drive([files for files, _ in members], stop)
        statuses += [report(files.directory, "finished") for files, _ in members]
    return statuses


def check(config: Config) -> None:
    said = "impl.together=vectorised"
    if isinstance(config.dataset, TextDataset):
        raise UserError(f"{said}: is for images; dataset={config.dataset.name} is text, use impl.together=interleaved")
    if config.impl.deterministic:
        raise UserError(f"{said}: equals single runs but for rounding; impl.deterministic=true wants interleaved")
    if config.impl.profile:
        raise UserError(f"{said}: impl.profile=true wants interleaved, or a single run")
    if place(os.environ)[1] > 1:
        raise UserError(f"{said}: trains in one process, but several were started")


def drive(members: Sequence[Session], stop: StopFlag) -> None:
    """Step until all are done. Who is behind goes on alone until it has caught up with the next.

    One may be done already, stopped between its last checkpoint and its result.
    """
    for files in members:
        if files.trainer.done:
            files.finish()
    while behind := [files for files in members if not files.trainer.done]:
        step = min(files.trainer.step for files in behind)
        ahead = [files.trainer.step for files in behind if files.trainer.step > step]
        moving = [files for files in behind if files.trainer.step == step]
        advance(moving, min(ahead, default=None), stop)
        for files in moving:
            if files.trainer.done:
                files.finish()


def advance(members: Sequence[Session], until: int | None, stop: StopFlag) -> None:
    """Step members that stand at the same step, until one of them is done or they are at step ``until``."""
    trainers = [files.trainer for files in members]
    impl = members[0].config.impl
    ensemble = Ensemble(trainers, impl)
    saved_at = time.monotonic()

    def save() -> None:
        ensemble.hand_back()
        for files in members:
            files.save()

    with Progress(trainers[0]) as progress:
        while trainers[0].step != until and not any(trainer.done for trainer in trainers):
            lines = ensemble.advance()
            for files, line in zip(members, lines, strict=True):
                if line is not None:
                    files.write(line)
            progress.show_mean([line for line in lines if line is not None])
            progress.update()
            if stop and not all(trainer.done for trainer in trainers):
                save()
                raise Stopped(
                    f"stopped by {stop.signal.name if stop.signal else ''} after step {trainers[0].step} of "
                    f"{trainers[0].total_steps}, {len(trainers)} runs saved; run the same command again to continue"
                )
            if time.monotonic() - saved_at >= impl.save_every_seconds:
                save()
                saved_at = time.monotonic()
    ensemble.hand_back()
