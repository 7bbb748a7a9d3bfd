"""A whole trial: certificate, cost, battery, page. Each step is stored, so that the same command continues."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from experiments.config.compose import RECORDS
from experiments.errors import UserError
from experiments.files import write_atomic, write_json
from experiments.records.read import every_record
from experiments.studies.cells import cells_of
from experiments.studies.presets import Preset
from experiments.studies.results import Results
from experiments.sweeps.command import submit_runs
from experiments.sweeps.folder import SLURM
from experiments.trial.battery import TaskState, follow_task, tasks_of
from experiments.trial.candidate import Candidate
from experiments.trial.certificate.certify import certify
from experiments.trial.cost import measure_cost, saved_bytes
from experiments.trial.page import render_page
from experiments.trial.plan import battery_plan, finished_here
from experiments.trial.recorded import trial_record
from experiments.trial.training import check_data, compute_once, train_runs
from experiments.trial.verdict import FORMAT, markdown, rows_of, summary, task_verdict

LARGER = {"none": "minutes", "minutes": "hour", "hour": "night", "night": "gpu"}
METHOD = (
    "Differences are those by seed, the newcomer minus the other, each at its own learning rate, tuned on held-out "
    "training data. The error of 5 % is shared over all {comparisons} comparisons (Bonferroni) and over the looks."
)


@dataclass(frozen=True)
class Trial:
    """The user's request. ``launcher``: the settings of Slurm. None trains here, except for the battery gpu."""

    candidate: Candidate
    against: list[str]
    battery: str
    jobs: int
    fresh: bool
    force: bool
    folder: Path
    command: str
    launcher: dict[str, Any] | None = None

    @property
    def runs_dir(self) -> str:
        return str((self.folder / "runs").resolve())

    @property
    def elsewhere(self) -> bool:
        """Whether its runs are submitted instead of trained here."""
        return self.launcher is not None or self.battery == "gpu"


def run_trial(trial: Trial) -> bool:
    """Run it to its end, or return False after a certificate with a wrong finding. Raises UserError and Stopped."""
    torch.set_num_threads(1)  # threads started here would be missing in the forks
    tasks = [] if trial.battery == "none" else tasks_of(trial.battery, trial.candidate.overrides, trial.against)
    for preset in [] if trial.elsewhere else tasks:
        check_data(cells_of(preset)[0].config)
    certificate = compute_once(trial.folder / "certificate.json", trial.candidate.identity, certificate_of(trial))
    graded = [finding for findings in certificate.values() for finding in findings]
    for finding in graded:
        if finding["grade"] in ("fails", "wrong"):
            print(f"  {finding['grade']}: {finding['name']}: {finding['text']} {finding['shown_by']}".rstrip())
    wrong = any(finding["grade"] == "wrong" for finding in graded)
    if wrong and not trial.force:
        write_results(trial, certificate, None, [])
        print("stopped: training with it is pointless; force=true continues", flush=True)
        return False
    cost = None
    if not wrong:
        cost = compute_once(trial.folder / "cost.json", trial.candidate.identity, cost_of(trial))
    results = Results(trial.runs_dir, None if trial.fresh else RECORDS)
    if trial.elsewhere and not submit_battery(trial, tasks, results):
        write_results(trial, certificate, cost, [])
        return True
    states = run_battery(trial, tasks, results)
    verdict = write_results(trial, certificate, cost, [task_verdict(state, results) for state in states])
    write_record(trial, verdict, states, results)
    return True


def certificate_of(trial: Trial) -> Any:
    def compute() -> Any:
        print(f"certificate of {trial.candidate.title}", flush=True)
        found = certify(trial.candidate.make, lambda part: print(f"  {part}", flush=True))
        return {part: [finding.as_dict() for finding in findings] for part, findings in found.items()}

    return compute


def cost_of(trial: Trial) -> Any:
    def compute() -> Any:
        print("cost beside ReLU, GELU, SiLU", flush=True)
        return {"times": measure_cost(trial.candidate.make), "saved": saved_bytes(trial.candidate.make)}

    return compute


def run_battery(trial: Trial, tasks: Sequence[Preset], results: Results) -> list[TaskState]:
    """Train every task, stage by stage, until nothing is missing."""
    found = []
    for number, preset in enumerate(tasks, 1):
        comparisons = len(tasks) * len(trial.against)
        while (state := follow_task(preset, results, comparisons)).missing:
            title = f"task {number} of {len(tasks)}, {preset.title}, {state.stage}"
            train_runs(state.missing, trial.runs_dir, trial.folder / "logs", trial.jobs, title)
        found.append(state)
        for row in rows_of(state):
            print(f"{preset.title}, against {row['against']}: {row['words']}", flush=True)
    return found


def submit_battery(trial: Trial, tasks: Sequence[Preset], results: Results) -> bool:
    """Show the plan, and submit the missing runs of every task's current stage. Returns whether none is missing.

    Without a launcher it shows only the plan and the command that submits it. Raises UserError.
    """
    states = [follow_task(preset, results, len(tasks) * len(trial.against)) for preset in tasks]
    if not any(state.missing for state in states):
        return True
    known = [*every_record(RECORDS), *finished_here(Path(trial.runs_dir))]
    print(battery_plan(states, results, known), flush=True)
    if trial.launcher is None:
        print(f"nothing was submitted; to submit it: {trial.command} launcher=slurm launcher.partition=…", flush=True)
        return False
    for state in states:
        jobs = [
            [f"seed={seed}", f"experiment={state.preset.name}", *cell.words, f"runs_dir={trial.runs_dir}"]
            for cell, seed in state.missing
        ]
        if jobs:
            submit_runs(jobs, SLURM, trial.launcher)
    print("when they are done, run the same command again: it submits the next stage, or writes the page", flush=True)
    return False


def write_record(trial: Trial, verdict: Mapping[str, Any], states: Sequence[TaskState], results: Results) -> None:
    """Write record.json, for the leaderboard."""
    if states:
        try:
            record = trial_record(trial.candidate, trial.battery, trial.against, trial.fresh, verdict, states, results)
        except UserError as reason:
            print(f"no record.json: {reason}", flush=True)
        else:
            write_json(trial.folder / "record.json", record)


def write_results(trial: Trial, certificate: Any, cost: Any, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Write verdict.json, verdict.md and index.html. Returns the content of the first."""
    larger = LARGER.get(trial.battery)
    activation = trial.candidate.overrides.replace("activation=custom activation.target=", "activation=")
    verdict = {
        "format": FORMAT,
        "title": trial.candidate.title,
        "activation": {key: value for key, value in trial.candidate.activation.items() if key != "target"},
        "battery": trial.battery,
        "summary": summary(trial.candidate.title, certificate, cost, tasks),
        "method": METHOD.format(comparisons=len(tasks) * len(trial.against)) if tasks else "",
        "command": trial.command,
        "next": f"python scripts/trial.py {activation} battery={larger}" if larger else "",
        "tasks": tasks,
        "certificate": certificate,
        "cost": cost,
    }
    write_json(trial.folder / "verdict.json", verdict)
    write_atomic(trial.folder / "verdict.md", markdown(verdict).encode())
    write_atomic(trial.folder / "index.html", render_page(verdict).encode())
    print(f"{verdict['summary']}\n→ {os.path.relpath(trial.folder / 'index.html')}", flush=True)
    return verdict
