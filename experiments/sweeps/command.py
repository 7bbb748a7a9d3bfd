"""Common to ``scripts/submit.py`` and Hydra's launcher: from overrides to a submitted sweep, with messages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.errors import UserError
from experiments.runs.tracking import check_tracking
from experiments.sweeps import slurm
from experiments.sweeps.folder import LOCAL, Sweep
from experiments.sweeps.plan import Planned, plan
from experiments.sweeps.submit import Decision, alone, common_place, count_kinds, decide, hand_over, packs_of


@dataclass
class Handed:
    """The result of a submission: the decisions, the sweep if anything was submitted, and the malformed runs."""

    decisions: list[Decision]
    sweep: Sweep | None
    wrong: dict[str, str]


def submit_runs(
    jobs: Sequence[Sequence[str]],
    launcher: str,
    settings: dict[str, Any],
    dry_run: bool = False,
) -> Handed:
    """Plan every run, report the decisions, and submit the runs that are neither complete nor queued.

    Malformed runs are named on stderr; the others go on. Raises UserError if nothing can be submitted.
    """
    runs, wrong = plan(jobs)
    complain(wrong)
    if not runs:
        if wrong:
            raise UserError("nothing submitted: every run is malformed")
        raise UserError("nothing submitted: no cell of the experiment has these values")
    check_tracking(runs[0].config.tracking)
    runs_dir = common_place(runs)
    if dry_run:
        decisions = decide(runs, runs_dir)
        explain(decisions)
        print(f"nothing submitted (--dry-run); {packing(decisions, launcher, settings)}")
        return Handed(decisions, None, wrong)
    with alone(runs_dir):
        decisions = decide(runs, runs_dir)
        name = sweep_name(runs)
        print(f"{name}: {len(runs)} runs: {count_kinds(decisions)}", flush=True)
        chosen = [decision.planned for decision in decisions if decision.submitted]
        sweep = hand_over(name, chosen, launcher, settings) if chosen else None
    return Handed(decisions, sweep, wrong)


def sweep_name(runs: Sequence[Planned]) -> str:
    tags = {tag for planned in runs for tag in planned.config.tags}
    return "-".join(sorted(tags)) or "runs"


def complain(wrong: dict[str, str]) -> None:
    """Print one line per malformed run; runs with the same fault share a line."""
    by_text: dict[str, list[str]] = {}
    for overrides, text in wrong.items():
        by_text.setdefault(text, []).append(overrides)
    for text, names in by_text.items():
        more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        print(f"error: {names[0]}{more}: {text}", file=sys.stderr)


def explain(decisions: Sequence[Decision]) -> None:
    """``--dry-run``: list every run, the decision, and the reason."""
    width = max(len(decision.kind) for decision in decisions)
    for decision in decisions:
        detail = f"  ({decision.detail})" if decision.detail else ""
        print(f"{decision.kind:<{width}}  {decision.planned.title}  {decision.planned.command}{detail}")
    print(f"{len(decisions)} runs: {count_kinds(decisions)}")


def packing(decisions: Sequence[Decision], launcher: str, settings: dict[str, Any]) -> str:
    """How the runs would be divided: the jobs, their size, and the options of sbatch."""
    count = sum(decision.submitted for decision in decisions)
    if launcher == LOCAL:
        return f"{count} runs here, {settings['jobs']} at a time"
    packs = packs_of(count, settings)[0] if count else []
    given = ", ".join(f"{key}={value}" for key, value in sorted(slurm.sbatch_settings(settings).items()))
    return f"{len(packs)} jobs of up to {max(map(len, packs), default=0)} runs; {given}"
