"""From a preset and the user's words to the runs that must be trained, stage by stage."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from experiments.config.compose import composed_once
from experiments.config.identity import run_hash
from experiments.errors import UserError, must_be
from experiments.studies.cells import compose_cell
from experiments.studies.presets import Preset, typed_preset
from experiments.studies.results import Results

Words = list[str]


@dataclass(frozen=True)
class Expansion:
    """``jobs``: the overrides of every run. ``title``: their stage, or None if there are no stages.

    ``recorded``: number of runs that are left out because results/records has them.
    """

    jobs: list[Words]
    title: str | None = None
    recorded: int = 0

    def words(self) -> str:
        """The message to the user before the runs; empty if there is none."""
        lines = [f"{self.title}: {len(self.jobs)} runs"] if self.title else []
        if self.recorded:
            lines.append(f"{self.recorded} runs are in results/records and not trained again; fresh=true trains them")
        return "\n".join(lines)


def expand_jobs(experiment: DictConfig | None, jobs: Sequence[Sequence[str]], records_dir: Path) -> Expansion:
    """The runs that ``jobs`` (lists of ``key=value``) request.

    Without a preset they stay as they are. With a preset, runs that ``records_dir`` has are left out, unless
    ``fresh=true`` is among the words. A preset with stages gives the missing runs of its current stage. Raises
    UserError for two presets, and for another value of ``fresh``.
    """
    said = {word.partition("=")[2] for job in jobs for word in job if word.startswith("fresh=")}
    for value in said:
        if value.lower() not in ("true", "false"):
            raise UserError(must_be("fresh", value, "true or false"))
    fresh = "true" in map(str.lower, said)
    jobs = [[word for word in job if not word.startswith("fresh=")] for job in jobs]
    chosen = list(dict.fromkeys(word for job in jobs for word in job if word.startswith("experiment=")))
    if len(chosen) > 1:
        shown = ",".join(word.partition("=")[2] for word in chosen)
        raise UserError(f"experiment={shown}: must be one preset; give the command once for each")
    if experiment is None:
        return Expansion([list(job) for job in jobs])
    plan = typed_preset(experiment)
    results = Results(runs_dir_of(jobs), None if fresh else records_dir)
    if plan.staged:
        return expand_stage(plan, jobs, results)
    every = expand(plan, jobs)
    left = [job for job in every if not is_recorded(job, results)]
    return Expansion(left, recorded=len(every) - len(left))


def is_recorded(job: Sequence[str], results: Results) -> bool:
    """Whether a record has the run of ``job``. A run that also finished here is not left out."""
    if results.records_dir is None:
        return False
    config = composed_run(*(word for word in job if not word.startswith("seed=")))
    run, seed = run_hash(config), next(int(word[5:]) for word in job if word.startswith("seed="))
    results.read_records([run])
    return (run, seed) in results.recorded and not results.on_disk(config, seed)


composed_run = functools.lru_cache(maxsize=4096)(compose_cell)


def expand(plan: Preset, jobs: Sequence[Sequence[str]]) -> list[Words]:
    """Cells × seeds × ``jobs``. Seeds are the outer loop, so that early results cover every cell.

    A key given by the user selects among the cells that set it (``activation=gelu`` keeps GELU's cells). A key that no
    cell sets is added to all of them. Raises UserError if a given value selects no cell, so that no value is ignored
    silently.
    """
    cells = [dict(part.split("=", 1) for part in cell.split()) for cell in plan.cells]
    varied = {key for cell in cells for key in cell}
    given = [dict(part.split("=", 1) for part in job) for job in jobs]
    chosen_cells = [[cell for cell in cells if selects(values, cell, varied)] for values in given]
    for values, found in zip(given, chosen_cells, strict=True):
        if not found:
            raise UserError(no_cell(plan, cells, {key: value for key, value in values.items() if key in varied}))
    expanded: dict[tuple[str, ...], None] = {}
    for seed in plan.counted:
        for cell in cells:
            for values, found in zip(given, chosen_cells, strict=True):
                if cell in found:
                    every = {"seed": str(seed)} | values | cell
                    expanded[tuple(f"{key}={value}" for key, value in every.items())] = None
    return [list(words) for words in expanded]


def expand_stage(plan: Preset, jobs: Sequence[Sequence[str]], results: Results) -> Expansion:
    """The missing runs of the current stage of a preset with tuning or looks.

    The user's words select among its cells, or are added to all of them. Raises UserError for a seed, or a key that the
    preset tunes, because the preset plans these itself.
    """
    cells = [dict(part.split("=", 1) for part in cell.split()) for cell in plan.cells]
    varied = {key for cell in cells for key in cell}
    own = {"seed", *(plan.tune.grid if plan.tune else ()), *(["dataset.holdout"] if plan.tune else ())}
    found: dict[tuple[str, ...], None] = {}
    titles = []
    for job in jobs:
        given = dict(part.split("=", 1) for part in job)
        for key in own & set(given):
            raise UserError(f"{key}={given[key]}: experiment={plan.name} plans this itself (tune, looks); leave it out")
        chosen = [" ".join(f"{k}={v}" for k, v in cell.items()) for cell in cells if selects(given, cell, varied)]
        if not chosen:
            raise UserError(no_cell(plan, cells, {key: value for key, value in given.items() if key in varied}))
        extra = [f"{key}={value}" for key, value in given.items() if key not in (*varied, "experiment")]
        from experiments.studies.stages import follow_study  # imports scipy, which --help does not need

        study = follow_study(plan, results, extra)
        if study.stage is None:
            continue
        titles.append(study.stage.title)
        for cell, seed in study.stage.runs:
            if cell.overrides in chosen:
                words = [f"seed={seed}", f"experiment={plan.name}", *extra, *cell.words]
                found[tuple(words)] = None
    return Expansion([list(words) for words in found], "; ".join(dict.fromkeys(titles)))


def runs_dir_of(jobs: Sequence[Sequence[str]]) -> str:
    """The directory of the runs of ``jobs``, from their overrides or the configuration."""
    given = [word for word in (jobs[0] if jobs else []) if word.startswith("runs_dir=")]
    return str(composed_once(*given).runs_dir)


def selects(given: Mapping[str, str], cell: Mapping[str, str], varied: Collection[str]) -> bool:
    """Whether ``cell`` has every given value, for the keys that the cells vary."""
    return all(key in cell and same(cell[key], value) for key, value in given.items() if key in varied)


def no_cell(plan: Preset, cells: Sequence[Mapping[str, str]], given: Mapping[str, str]) -> str:
    """The error message for values that select no cell of a preset."""
    words = " ".join(f"{key}={value}" for key, value in given.items())
    first = next(iter(given))
    there = list(dict.fromkeys(cell[first] for cell in cells if first in cell))
    key = f"{words}: no cell of experiment={plan.name} has this"
    return f"{key}; its cells have {first}={','.join(there)}"


def same(a: str, b: str) -> bool:
    """Whether values are equal: ``1e-4`` and ``0.0001`` are one number."""
    try:
        return float(a) == float(b)
    except ValueError:
        return a == b
