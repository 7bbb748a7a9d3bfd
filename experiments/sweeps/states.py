"""The state of every run of an experiment, from its files, its lock and the queue."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from experiments.config.identity import run_directories, run_path
from experiments.errors import DIVERGED, FINISHED, UserError
from experiments.files import read_json
from experiments.runs.lock import holder, holder_record, locked
from experiments.studies.presets import Preset, load_preset, preset_names
from experiments.sweeps.folder import outcome, sweeps
from experiments.sweeps.queued import Place, waiting

if TYPE_CHECKING:
    from experiments.studies.cells import Cell

STATES = ("done", "running", "queued", "interrupted", "diverged", "missing")
OTHERS = "other runs"


@dataclass
class RunState:
    """One seed of a cell. ``step``, ``fraction`` and ``eta_seconds`` are set if it has begun and is not complete."""

    seed: int
    directory: str
    state: str
    where: str = ""
    why: str = ""  # how the last attempt ended
    step: int | None = None
    fraction: float | None = None
    eta_seconds: float | None = None
    seconds: float | None = None


@dataclass
class CellState:
    title: str
    folder: str
    runs: list[RunState] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        return Counter(run.state for run in self.runs)


@dataclass
class Group:
    """An experiment with all its planned runs, or a collection of runs that belong to none."""

    name: str
    title: str
    cells: list[CellState]
    eta_seconds: float | None = None

    def runs(self) -> list[RunState]:
        return [run for cell in self.cells for run in cell.runs]


@dataclass
class Board:
    groups: list[Group]
    scheduler: str  # "", or why the queue is unknown


Planned = Mapping[Path, tuple[str, Sequence[int]]]  # by cell folder: its overrides and its seeds


class Watcher:
    """Watches one runs_dir. It finds the planned runs once per stage, and their states at every ``look``."""

    def __init__(self, runs_dir: str, experiment: str | None) -> None:
        self.runs_dir = Path(os.path.abspath(runs_dir))
        self.experiment = experiment
        self.presets: dict[str, Planned] = {}
        self.tuning: dict[Path, str] = {}  # by cell folder: the preset whose finished tuning has runs there
        self.stages: dict[str, str] = {}  # by preset: the next stage
        if experiment:
            self.planned(experiment)

    def planned(self, name: str) -> Planned:
        """By cell folder of preset ``name``: its overrides and its seeds."""
        if name not in self.presets:
            from experiments.studies.cells import cells_of

            preset = load_preset(name)
            if preset.staged:
                self.presets[name] = self.planned_stage(preset)
            else:
                self.presets[name] = {
                    self.folder(cell): (cell.overrides, list(preset.counted)) for cell in cells_of(preset)
                }
        return self.presets[name]

    def planned_stage(self, preset: Preset) -> Planned:
        """The tuning runs during tuning; then the counted runs, without those of later looks."""
        from experiments.studies.results import Results
        from experiments.studies.stages import follow_study

        study = follow_study(preset, Results(str(self.runs_dir)))
        self.stages[preset.name] = study.stage.title if study.stage else "complete"
        if study.tuning is not None:
            tried = study.tuning.tried
            if not study.tuning.done:
                seeds = list(preset.tune.seed_numbers)
                return {self.folder(cell): (" ".join(cell.words), seeds) for cell in tried}
            self.tuning |= {self.folder(cell): preset.name for cell in tried}
        wanted = {(cell.run, seed) for cell, seed in study.stage.runs} if study.stage else set()
        planned = {}
        for cell in study.cells:
            done = [seed for seed in preset.counted if (self.folder(cell) / f"seed{seed}" / "metrics.json").exists()]
            due = [seed for seed in preset.counted if (cell.run, seed) in wanted]
            planned[self.folder(cell)] = (" ".join(cell.words), sorted({*done, *due}))
        return planned

    def is_over(self, planned: Planned) -> bool:
        """Whether every planned run is complete."""
        return all(
            outcome(folder / f"seed{seed}") is not None for folder, (_, seeds) in planned.items() for seed in seeds
        )

    def folder(self, cell: Cell) -> Path:
        return run_path(dataclasses.replace(cell.config, runs_dir=str(self.runs_dir))).parent

    def look(self) -> Board:
        for name, stage in list(self.stages.items()):
            if stage != "complete" and self.is_over(self.presets[name]):
                del self.presets[name]
                self.planned(name)  # its next stage
        try:
            places, scheduler = waiting(self.runs_dir), ""
        except UserError as error:
            places, scheduler = {}, str(error)
        last = last_endings(self.runs_dir)
        groups = [
            self.group(name, cells, places, last)
            for name, cells in self.universe().items()
            if self.experiment in (None, name)
        ]
        return Board(groups, scheduler)

    def universe(self) -> dict[str, dict[Path, tuple[str, set[int]]]]:
        """By experiment and cell folder: title and seeds of everything planned, submitted or on disk.

        A run of a preset with other values than the preset's belongs to no experiment, as the preset does not plan it.
        """
        found: dict[str, dict[Path, tuple[str, set[int]]]] = {}
        for tag, directory in self.seen():
            planned = self.planned(tag) if tag in preset_names() else {}
            for folder, (title, seeds) in planned.items():
                found.setdefault(tag, {}).setdefault(folder, (title, set(seeds)))
            name = tag if not planned or directory.parent in planned else OTHERS
            if name == OTHERS and directory.parent in self.tuning:
                name = f"{self.tuning[directory.parent]}, tuning"
            cells = found.setdefault(name, {})
            title, seeds_seen = cells.setdefault(directory.parent, (directory.parent.name, set()))
            seeds_seen.add(int(directory.name.removeprefix("seed")))
        if self.experiment and self.experiment not in found:
            found[self.experiment] = {f: (t, set(seeds)) for f, (t, seeds) in self.planned(self.experiment).items()}
        return dict(sorted(found.items(), key=lambda item: (item[0] == OTHERS, item[0])))

    def seen(self) -> list[tuple[str, Path]]:
        """Experiment and directory of every run that was submitted or has begun."""
        found: dict[Path, str] = {}
        for sweep in sweeps(self.runs_dir):
            for frozen in sweep.runs:
                found[Path(frozen["directory"])] = next(iter(frozen["config"]["tags"]), OTHERS)
        tags: dict[Path, str] = {}
        for directory in run_directories(self.runs_dir, "meta.json"):
            if directory not in found:
                if directory.parent not in tags:
                    tags[directory.parent] = tag_of(directory)
                found[directory] = tags[directory.parent]
        return [(name, directory) for directory, name in sorted(found.items())]

    def group(
        self, name: str, cells: dict[Path, tuple[str, set[int]]], places: dict[Path, Place], last: dict[Path, str]
    ) -> Group:
        shown = []
        for folder, (title, seeds) in cells.items():
            runs = [state_of(folder / f"seed{seed}", places, last) for seed in sorted(seeds)]
            shown.append(CellState(title, os.path.relpath(folder, self.runs_dir), runs))
        title = load_preset(name).title if name in preset_names() else ""
        if name in self.stages:
            title += f"; {self.stages[name]}"
        group = Group(name, title, shown)
        group.eta_seconds = eta_of(group.runs())
        return group


def state_of(directory: Path, places: dict[Path, Place], last: dict[Path, str]) -> RunState:
    run = RunState(int(directory.name.removeprefix("seed")), str(directory), "missing", why=last.get(directory, ""))
    status, place = outcome(directory), places.get(directory)
    if status is not None:
        run.state = {FINISHED: "done", DIVERGED: "diverged"}[status]
        run.seconds = read_json(directory / "meta.json").get("seconds")
        return run
    begun = (directory / "meta.json").exists()
    if begun:
        read_progress(run, directory)
    in_task = place is not None and place.running and place.job == holder_record(directory).get("slurm_job", "")
    if begun and (locked(directory / "lock") or in_task):
        run.state, run.where = "running", place.text if place else holder(directory)
    elif place:
        run.state, run.where, run.eta_seconds = "queued", place.text, None
    elif begun:
        run.state, run.eta_seconds = "interrupted", None
    return run


def read_progress(run: RunState, directory: Path) -> None:
    """Fill in the progress of a run, from the last logged line and the configuration."""
    try:
        line = json.loads((directory / "metrics.jsonl").read_text().splitlines()[-1])
        recipe = yaml.safe_load((directory / "config.yaml").read_text())["recipe"]
    except (OSError, ValueError, IndexError, KeyError, yaml.YAMLError):
        return  # nothing logged yet, or a half-written line
    parts = [line["step"] / recipe[key] for key in ("steps", "max_steps") if recipe.get(key)]
    parts += [line["epoch"] / recipe["epochs"]] if recipe.get("epochs") and "epoch" in line else []
    run.step, run.seconds = line["step"], line["seconds"]
    run.fraction = min(1.0, max(parts)) if parts else None
    if run.fraction:
        run.eta_seconds = run.seconds * (1 - run.fraction) / run.fraction


def eta_of(runs: list[RunState]) -> float | None:
    """Seconds until all are done, with as many parallel runs as now and the median time of the completed ones."""
    active = [run for run in runs if run.state == "running"]
    finished = [run.seconds for run in runs if run.state == "done" and run.seconds]
    known = [run.eta_seconds for run in active if run.eta_seconds is not None]
    if not active or not (finished or known):
        return None
    each = statistics.median(finished or [(r.seconds or 0) + (r.eta_seconds or 0) for r in active])
    queued = sum(run.state == "queued" for run in runs)
    return (sum(known) + each * (queued + len(active) - len(known))) / len(active)


def last_endings(runs_dir: Path) -> dict[Path, str]:
    """How the latest attempt at each run ended, for those that did not succeed."""
    found: dict[Path, str] = {}
    for sweep in sweeps(runs_dir):
        for event in sweep.events():
            found[sweep.directory(event["run"])] = event["line"] if event.get("status") else ""
    return found


def tag_of(directory: Path) -> str:
    try:
        config: dict[str, Any] = yaml.safe_load((directory / "config.yaml").read_text())
        return str(next(iter(config["tags"]), OTHERS))
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return OTHERS
