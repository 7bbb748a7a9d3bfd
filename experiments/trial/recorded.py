"""The record of a trial: one file with the activation's source, every result of the trial, and its verdicts.

It has all data that results/records lacks, so that anyone can judge the comparisons again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.activations.source import import_folder, installed_version
from experiments.activations.target import load_target
from experiments.errors import UserError
from experiments.runs.provenance import code_version, device_name
from experiments.studies.results import Results, value_of
from experiments.trial.battery import TaskState
from experiments.trial.candidate import Candidate

FORMAT = 1
OWN = "own"  # the newcomer, if a baseline has the same overrides
ROW_KEYS = ("against", "kind", "difference", "low", "high", "seeds")


def trial_record(
    candidate: Candidate, battery: str, against: Sequence[str], fresh: bool, verdict: Mapping[str, Any],
    states: Sequence[TaskState], results: Results,
) -> dict[str, Any]:  # fmt: skip
    """The record of a trial for results/leaderboard. Raises UserError for an activation of an installed package."""
    overrides, files = portable(candidate)
    graded = [finding for findings in verdict["certificate"].values() for finding in findings]
    return {
        "format": FORMAT,
        "title": candidate.title,
        "overrides": overrides,
        "source": candidate.activation.get("source", ""),
        "files": files,
        "battery": battery,
        "against": list(against),
        "fresh": fresh,
        "date": time.strftime("%Y-%m-%d"),
        "commit": code_version()["commit"],
        **circumstances(),
        "checks": len(graded),
        "failing": [finding["name"] for finding in graded if finding["grade"] in ("fails", "wrong")],
        "time_beside_gelu": time_beside_gelu(verdict["cost"]),
        "tasks": {
            state.preset.name: {
                "rows": [{key: row[key] for key in ROW_KEYS} for row in task["rows"]],
                "runs": runs_of(state, candidate.overrides, results),
            }
            for state, task in zip(states, verdict["tasks"], strict=True)
        },
    }


def portable(candidate: Candidate) -> tuple[str, dict[str, str]]:
    """The overrides with a target relative to its import folder, and the text of its files by that path."""
    target = candidate.activation.get("target")
    if target is None:
        return candidate.overrides, {}
    place, _, name = str(target).rpartition(":")
    path = Path(place)
    if not place.endswith(".py") or installed_version(path) is not None:
        raise UserError(f"activation={target}: a record holds the source, so it must be a file of your own")
    files = {name: path.read_text() for name, path in load_target(target).files.items()}
    words = candidate.overrides.split()
    at = next(index for index, word in enumerate(words) if word.startswith("activation.target="))
    words[at] = f"activation.target={path.relative_to(import_folder(path)).as_posix()}:{name}"
    return " ".join(words), files


def circumstances() -> dict[str, str]:
    """The device and versions of the trial. If they are equal, a repeated run gives the same bits."""
    return {"device": device_name(torch.device("cpu")), "torch": torch.__version__}


def time_beside_gelu(cost: Mapping[str, Any] | None) -> float | None:
    """Time of forward and backward pass, eager, on a large tensor, as a multiple of GELU's; the median."""
    rows = cost["times"] if cost else []
    found = [r for r in rows if (r.get("size"), r["mode"], r.get("part")) == ("large", "eager", "training")]
    return float(found[0]["ratios"]["GELU"][0]) if found else None


def runs_of(state: TaskState, newcomer: str, results: Results) -> list[dict[str, Any]]:
    """Every result that the trial trained: the overrides of a cell, and its metric by seed; None: diverged."""
    tuning = [("tuning", cell, state.preset.tune.seed_numbers, state.tuning.metric.key) for cell in state.tuning.tried]
    counted = [("counted", cell, state.preset.counted, state.metric.key) for cell in state.cells]
    found = []
    for stage, cell, seeds, key in [*tuning, *counted]:
        values = {
            str(seed): value_of(results.find(cell.run, cell.config, seed), key)
            for seed in seeds
            if results.on_disk(cell.config, seed)
        }
        if values:
            name = OWN if cell.overrides == newcomer else cell.overrides
            found.append({"stage": stage, "activation": name, "with": " ".join(cell.tuned), "values": values})
    return found
