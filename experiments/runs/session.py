"""The files of one run during its training: it resumes from them, writes to them, and ends with the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from experiments.activations.target import keep_source
from experiments.checkpoint_file import Broken
from experiments.config.identity import run_hash
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.registry import family_of_model
from experiments.files import read_json, write_json
from experiments.runs.averaging import evaluated_weights
from experiments.runs.checkpoint import Checkpoints
from experiments.runs.loop import Trainer
from experiments.runs.metrics_log import TIMES, MetricsLog
from experiments.runs.provenance import keep_changes, part, peak_memory_mib
from experiments.runs.run_directory import FORMAT
from experiments.runs.tracking import PICTURES, NoMirror, mirror


class Session:
    """A run in training: ``write`` its lines, ``save`` at intervals, ``finish`` it."""

    def __init__(self, config: Config, directory: Path, trainer: Trainer, log: MetricsLog) -> None:
        self.config, self.directory, self.trainer, self.log = config, directory, trainer, log
        self.checkpoints = Checkpoints(directory / "checkpoints")
        self.identity = {"run": [run_hash(config), config.seed], "data": trainer.task.fingerprint}
        self.meta: dict[str, Any] = {}
        self.tracker = NoMirror()
        self.result: dict[str, Any] | None = None

    def resume(self) -> dict[str, Any] | None:
        """Continue from the newest valid checkpoint of this run, or from the beginning if there is none.

        Returns the state that it continued from.
        """
        state = self.checkpoints.latest(self.check)
        self.log.rewind(state["log"] if state else None)
        if state:
            self.trainer.load(state)
        return state

    def check(self, state: dict[str, Any]) -> None:
        if state["run"] != self.identity["run"]:
            raise Broken("it belongs to another run")
        if not self.log.agrees(state["log"]):
            raise Broken(f"{self.log.path.name} no longer begins with the lines written before it")
        if state.get("data", self.identity["data"]) != self.identity["data"]:
            raise UserError(
                f"data_dir={self.config.data_dir}: the data differ from those at the start of this run; put them "
                f"back, or move {self.directory} away to train on the new ones"
            )

    def begin(self, command: str) -> None:
        """Record in meta.json the first step and the command of this start. Keep the activation's source."""
        self.meta = read_json(self.directory / "meta.json")
        begun = part(self.config.impl, self.trainer.device, self.trainer.step, command)
        begun |= {"processes": self.trainer.processes.count}
        begun["versions"] |= {name: version(name) for name in self.trainer.task.libraries}
        self.meta["parts"].append(begun)
        keep_changes(self.directory)
        keep_source(self.config.activation, self.directory / "activation")
        write_json(self.directory / "meta.json", self.meta)
        self.tracker = mirror(self.config, self.directory)

    def write(self, line: dict[str, Any]) -> None:
        self.log.write(line)
        self.tracker.log(line)

    def save(self, keep: int = 2) -> None:
        state = {**self.identity, "log": self.log.mark(), **self.trainer.state()}
        self.checkpoints.save(self.trainer.step, state, keep)

    def finish(self) -> None:
        """Write the last checkpoint, meta.json and, as the very last file, metrics.json."""
        self.save(keep=1)
        self.result = self.outcome()
        if self.config.tracking.mode != "disabled":
            self.draw()
        self.tracker.finish(self.result)
        self.meta["seconds"] = round(self.trainer.seconds, 3)
        self.meta["peak_memory_mib"] = round(peak_memory_mib(self.trainer.device), 1)
        self.meta["data"] = self.trainer.task.fingerprint
        write_json(self.directory / "meta.json", self.meta)
        write_json(self.directory / "metrics.json", self.result)

    def draw(self) -> None:
        """Draw pictures from the trained network, for W&B."""
        weights = evaluated_weights(self.trainer.state())
        family = family_of_model(self.config.model.kind)
        self.tracker.show(family.pictures(self.config, weights, self.directory / PICTURES))

    def outcome(self) -> dict[str, Any]:
        """The result: the last logged line, without times, so that equal runs have equal files."""
        last = {key: value for key, value in self.log.last.items() if key not in (*TIMES, "lr")}
        status = "diverged" if self.trainer.diverged else "finished"
        known = {"format": FORMAT, "status": status, "run": run_hash(self.config), "seed": self.config.seed}
        return {**known, **last, **self.trainer.task.signatures}


@contextmanager
def session(config: Config, directory: Path, trainer: Trainer) -> Iterator[Session]:
    """The session of a directory that this process holds. It closes its files after the block."""
    with MetricsLog(directory / "metrics.jsonl") as log:
        opened = Session(config, directory, trainer, log)
        try:
            yield opened
        finally:
            if opened.result is None:
                opened.tracker.finish(None)
