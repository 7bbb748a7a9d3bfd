"""The record of a trial: whole, judged anew to the same verdicts, refused where they do not follow; the ranking."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.config.compose import RECORDS, ROOT
from experiments.errors import UserError
from experiments.files import read_json, write_json
from experiments.studies.results import Results
from experiments.trial.battery import batteries, follow_task, tasks_of
from experiments.trial.candidate import read_candidate
from experiments.trial.leaderboard import check_entry, compare_values, read_entry, record_paths
from experiments.trial.ranking import filled, page_path, place, ranked, shown, standing, tables
from experiments.trial.recorded import circumstances, trial_record
from experiments.trial.verdict import rows_of
from tests.experiments.zygote import environment

AGAINST = ["gelu", "relu", "silu"]


ONE_TASK = ["battery_digits_mlp"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of TeLU on one task, with made-up results beside the baselines' records."""
    folder = tmp_path_factory.mktemp("board")
    candidate = read_candidate([f"activation={ROOT}/gallery/telu.py:telu"])
    results = Results(str(folder / "runs"), RECORDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(batteries(), "minutes", ONE_TASK)
        (preset,) = tasks_of("minutes", candidate.overrides, AGAINST)
        while (state := follow_task(preset, results, 3)).missing:
            key = state.tuning.metric.key if state.stage == "tuning" else state.metric.key
            for cell, seed in state.missing:
                best = 90.0 - 5 * abs(math.log10(cell.config.recipe.lr / 0.03))
                path = results.path(cell.config, seed)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, {"status": "finished", key: best + seed % 7 / 10})
    verdict = {"certificate": {}, "cost": None, "tasks": [{"rows": rows_of(state)}]}
    write_json(folder / "telu.json", trial_record(candidate, "minutes", AGAINST, False, verdict, [state], results))
    return folder / "telu.json"


@pytest.fixture
def record(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(batteries(), "minutes", ONE_TASK)
    return Path(shutil.copy(made, tmp_path / "telu.json"))


def test_its_verdicts_follow_from_its_results(record: Path) -> None:
    check_entry(record)
    entry = read_entry(record)
    assert set(entry["files"]) == {"telu.py"}
    assert entry["overrides"] == "activation=custom activation.target=telu.py:telu"
    assert str(ROOT) not in record.read_text()


def change_source(entry: dict[str, Any]) -> None:
    entry["files"]["telu.py"] = entry["files"]["telu.py"].replace("torch.tanh", "torch.sin")


def drop_a_seed(entry: dict[str, Any]) -> None:
    values = next(r for r in entry["tasks"]["battery_digits_mlp"]["runs"] if r["stage"] == "counted")["values"]
    del values[next(iter(values))]


def raise_a_value(entry: dict[str, Any]) -> None:
    values = next(r for r in entry["tasks"]["battery_digits_mlp"]["runs"] if r["stage"] == "counted")["values"]
    values[next(iter(values))] = 97.0


def exceed_the_range(entry: dict[str, Any]) -> None:
    values = next(r for r in entry["tasks"]["battery_digits_mlp"]["runs"] if r["stage"] == "counted")["values"]
    values[next(iter(values))] = 101.0


def claim_a_win(entry: dict[str, Any]) -> None:
    entry["tasks"]["battery_digits_mlp"]["rows"][0]["kind"] = "better"


def leave_a_task_out(entry: dict[str, Any]) -> None:
    entry["tasks"] = {}


def leave_the_folder(entry: dict[str, Any]) -> None:
    entry["files"]["../telu.py"] = ""


def add_a_key(entry: dict[str, Any]) -> None:
    entry["more"] = 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_source, "is not the source of the trial"),
        (drop_a_seed, "this result is missing"),
        (raise_a_value, "its rows must follow from its runs|this result is missing"),
        (exceed_the_range, "test_accuracy=101.0: must be from 0 to 100"),
        (claim_a_win, "its rows must follow from its runs"),
        (leave_a_task_out, "must be those of battery=minutes: battery_digits_mlp"),
        (leave_the_folder, "must lie below the folder"),
        (add_a_key, "must be a record of a trial in format 1"),
    ],
)
def test_what_does_not_follow_is_refused(record: Path, change: Any, words: str) -> None:
    entry = read_json(record)
    change(entry)
    write_json(record, entry)
    with pytest.raises(UserError, match=words):
        check_entry(record)


REPEAT = """
import sys
from pathlib import Path
from experiments.errors import UserError
from experiments.trial.battery import batteries
from experiments.trial.leaderboard import repeat_run

batteries()["minutes"] = sys.argv[2:]
try:
    repeat_run(Path(sys.argv[1]), 0)
except UserError as error:
    print(error, file=sys.stderr)
"""


def test_a_repeated_run_that_differs_is_refused(record: Path) -> None:
    """The results are made up, so a real run gives another value, and the same twice."""
    found = []
    for _ in range(2):
        command = [sys.executable, "-c", REPEAT, str(record), *ONE_TASK]
        ended = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, check=True)
        assert re.search(r"battery_digits_mlp seed=\d+: .*, recorded", ended.stderr), ended
        found.append(ended.stderr)
    assert found[0] == found[1]


def test_how_far_a_repeated_run_may_differ() -> None:
    values = {"0": 90.0, "1": 91.0, "2": 92.0}
    here = circumstances()
    assert "the same" in compare_values(here, "a run", values, "0", 90.0)
    with pytest.raises(UserError, match="allowed 0"):
        compare_values(here, "a run", values, "0", 90.1)
    there = here | {"device": "another"}
    assert "allowed 4.2" in compare_values(there, "a run", values, "0", 94.0)
    with pytest.raises(UserError, match=re.escape("allowed 4.2")):
        compare_values(there, "a run", values, "0", 95.0)


def entry_of(title: str, *kinds: str) -> dict[str, Any]:
    rows = [
        {"against": against, "kind": kind, "difference": -0.5, "low": -1.0, "high": 0.0, "seeds": 5}
        for against, kind in zip(("GELU", "ReLU", "SiLU"), kinds, strict=False)
    ]
    tasks = {name: {"rows": rows, "runs": []} for name in batteries()["minutes"]}
    return {"title": title, "battery": "minutes", "tasks": tasks, "time_beside_gelu": 1.25, "failing": []}


def test_the_ranking_and_what_it_leaves_open() -> None:
    entries = {
        "a": entry_of("A", "open", "open"),
        "b": entry_of("B", "better", "equivalent"),
        "c": entry_of("C", "worse"),
    }
    order = ranked([standing(name, entry) for name, entry in entries.items()])
    tasks = len(batteries()["minutes"])
    assert [(each.name, each.net) for each in order] == [("b", tasks), ("a", 0), ("c", -tasks)]
    assert order[1].reach == (-2 * tasks, 2 * tasks)
    assert [place(each, order) for each in order] == ["1–2", "1–3", "2–3"]
    page = filled("Before\n<!-- leaderboard -->\nold\n<!-- end of leaderboard -->\nafter\n", entries)
    assert "old" not in page
    counts = f"{tasks} | 0 | {tasks} | 0 | +{tasks} [+{tasks}, +{tasks}]"
    assert f"| 1–2 | [B](../results/leaderboard/b.json) | {counts} | 1.2 | — |" in page
    assert shown(page) == {"a", "b", "c"}
    assert tables({}) == "There is no record yet.\n"


def test_the_committed_page_shows_its_records() -> None:
    """A pull request adds a record alone, so the page may lack it; what it shows must be so."""
    page = page_path(ROOT).read_text()
    entries = {path.stem: read_entry(path) for path in record_paths()}
    assert shown(page) <= set(entries)
    assert filled(page, {name: entries[name] for name in shown(page)}) == page


@pytest.mark.slow  # CI's check runs scripts/leaderboard.py check=true
@pytest.mark.parametrize("path", record_paths(), ids=lambda path: path.stem)
def test_every_committed_record_is_sound(path: Path) -> None:
    check_entry(path)
