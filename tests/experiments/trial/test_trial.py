"""The command: bad input, suspects told as what they are, a battery to its end, killed and continued."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.files import read_json
from experiments.studies.cells import cells_of
from experiments.studies.naming import activation_title
from experiments.studies.presets import load_preset
from experiments.studies.results import Results
from experiments.trial.battery import batteries, tasks_of
from experiments.trial.drawings import interval_svg, lines_svg
from experiments.trial.page import render_page
from experiments.trial.verdict import difference_text, differs, markdown, open_questions, summary
from tests.experiments.zygote import ROOT, Zygote, environment
from tests.synthetic import record

TRIAL = "scripts/trial.py"
SHORT = "tests/experiments/trial/short_trial.py"  # two tasks that take seconds
SUSPECTS = f"{ROOT}/tests/experiments/trial/suspects.py"
ROW = {
    "against": "GELU", "kind": "open", "difference": -0.25, "low": -1.0, "high": 0.5, "p": 0.4, "p_equal": 0.2,
    "within_margin": False, "seeds": 5, "least_detectable": 0.75, "favours_newcomer_if": "positive", "words": "open",
}  # fmt: skip
TASK = {
    "preset": "battery", "title": "Digits <small>", "metric": "accuracy", "unit": "points", "digits": 2, "margin": 1.0,
    "chosen": {"Mine": [0.1]}, "edges": [], "rows": [ROW], "curves": {},
    "tuning": {"Mine": [[0.01, 90.0], [0.1, 95.0]]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([], ["activation", "mine.py:Swash"]),
        (["activation=nowhere.py:Swash"], ["nowhere.py", "there is no file"]),
        (["activation=gelu", "battery=day"], ["battery=day", "none, minutes, hour, night"]),
        (["activation=gelu", "force=perhaps"], ["force=perhaps", "true or false"]),
        (["activation=gelu", "jobs=0"], ["jobs=0", "an integer of at least 1"]),
        (["activation=gelu", "batery=none"], ["batery=none", "battery="]),
        (["activation=gelu", "against=gelo"], ["gelo"]),
        (["activation=gelu", "against=gelu"], ["activation=gelu"]),
        (["activation=gelu", "battery=hour"], ["error: "]),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    train: Zygote, tmp_path: Path, words: list[str], parts: list[str]
) -> None:
    ended = train.script(TRIAL, *words, f"results_dir={tmp_path}", env={"GEM_DATA": str(tmp_path / "data")})
    assert ended.status == 2, ended
    assert all(part in ended.err for part in parts), ended.err
    assert not any(tmp_path.iterdir())


def test_a_wrong_backward_stops_the_trial(train: Zygote, tmp_path: Path) -> None:
    words = [f"activation={SUSPECTS}:WrongBackward", f"results_dir={tmp_path}"]
    ended = train.script(TRIAL, *words)
    assert ended.status == 2, ended
    assert "wrong: first derivative: the backward pass is wrong at x = " in ended.out
    folder = tmp_path / "trials" / "WrongBackward"
    assert "is not sound: the backward pass is wrong" in read_json(folder / "verdict.json")["summary"]
    assert [path.name for path in tmp_path.iterdir()] == ["trials"]
    assert not (folder / "runs").exists()
    forced = train.script(TRIAL, *words, "battery=none", "force=true")
    assert forced.status == 0, forced


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("Noisy", 0, ["chance", "is random in training mode"]),
        ("RandomSlope", 0, ["chance", "is random in training mode"]),
        ("Constant", 2, ["is not sound: the gradient is 0 everywhere: nothing below it can learn"]),
        ("WrongBackward", 2, ["is not sound: the backward pass is wrong", "backward says"]),
        ("Overwriting", 2, ["is not sound: changes its input", "becomes 0"]),
        ("KinkAtOne", 0, ["is sound", "has a kink at x = 1: the slope jumps by 1"]),
        ("Widening", 0, ["checks: type", "float32 in, float64 out"]),
        ("Looping", 0, ["A call has an overhead: on a small tensor it takes"]),
        ("Renamed", 0, ["is sound", "f(-2.47266) is -0.0169067 in float16"]),
    ],
)
def test_a_suspect_is_told_as_what_it_is(
    train: Zygote, tmp_path: Path, name: str, status: int, words: list[str]
) -> None:
    ended = train.script(TRIAL, f"activation={SUSPECTS}:{name}", "battery=none", f"results_dir={tmp_path}")
    assert ended.status == status, ended
    page = (tmp_path / "trials" / name / "index.html").read_text()
    assert [each for each in words if each not in page] == []


@pytest.mark.slow
def test_it_leaves_its_folder_alone_behind(train: Zygote, tmp_path: Path) -> None:
    """Nothing in the home, the temporary folder, beside the user's file, or in the repository."""
    user, places = tmp_path / "mine", {name: tmp_path / name for name in ("home", "temporary", "data")}
    for folder in (user, *places.values()):
        folder.mkdir()
    (user / "mine.py").write_text(
        "import torch\n\n\ndef bend(x):\n    return x * torch.tanh(torch.exp(x.clamp(max=9)))\n"
    )
    own = {"HOME": "home", "TMPDIR": "temporary", "GEM_DATA": "data"}
    env = environment() | {key: str(places[name]) for key, name in own.items()} | {"PYTHONDONTWRITEBYTECODE": "1"}
    before = entries(ROOT)
    line = [sys.executable, SHORT, f"activation={user}/mine.py:bend", "against=relu", f"results_dir={tmp_path}/results"]
    subprocess.run(line, cwd=ROOT, env=env, check=True, capture_output=True)
    assert entries(ROOT) == before
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    outside = {name for name in left if not name.startswith("results/trials/bend/")}
    assert {name for name in outside if "/.cache/matplotlib/" not in name} == {"mine/mine.py"}  # its list of fonts
    folder = tmp_path / "results" / "trials" / "bend"
    pages = {"index.html", "verdict.md", "verdict.json", "record.json"}
    kept = {"certificate.json", "certificate.log", "cost.json", "cost.log", "logs", "runs"}
    assert {path.name for path in folder.iterdir()} == pages | kept
    assert "http" not in (folder / "index.html").read_text()
    assert "src=" not in (folder / "index.html").read_text()


def entries(root: Path) -> set[str]:
    """The files of a checkout that git does not hold, without caches of Python and its tools."""
    line = ["git", "status", "--porcelain", "--ignored", "--untracked-files=all"]
    shown = subprocess.run(line, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    return {each for each in shown if each.startswith(("??", "!!")) and "cache" not in each}


@pytest.mark.slow
def test_killed_ten_times_it_ends_with_the_same_verdict(train: Zygote, tmp_path: Path) -> None:
    """By SIGKILL or Ctrl-C in turn: twice before the runs, then at equal parts of them. GELU equals GELU."""
    words = [f"activation={SUSPECTS}:Renamed", "against=gelu", "jobs=1"]
    assert train.script(SHORT, *words, f"results_dir={tmp_path}/whole").status == 0
    total = finished_runs(tmp_path / "whole")
    statuses = []
    for kill in range(10):
        command = train.start(*words, f"results_dir={tmp_path}/cut", script=SHORT)
        begun = time.monotonic()
        while command.running() and finished_runs(tmp_path / "cut") < total * (kill - 1) / 9:
            time.sleep(0.01)
        while kill < 2 and time.monotonic() < begun + 4 * (kill + 1):
            time.sleep(0.01)
        command.send(signal.SIGKILL if kill % 2 else signal.SIGINT)
        statuses.append(command.wait().status)
    assert set(statuses) <= {75, -signal.SIGKILL}, statuses
    assert train.script(SHORT, *words, f"results_dir={tmp_path}/cut").status == 0
    whole, cut = (read_json(tmp_path / name / "trials" / "Renamed" / "verdict.json") for name in ("whole", "cut"))
    assert verdicts(whole) == verdicts(cut)
    assert finished_runs(tmp_path / "cut") == total
    assert {row["kind"] for task in whole["tasks"] for row in task["rows"]} <= {"equivalent", "identical", "open"}


def finished_runs(folder: Path) -> int:
    return sum(1 for _ in folder.glob("trials/*/runs/*/*/*/metrics.json"))


def verdicts(verdict: dict[str, Any]) -> list[Any]:
    return [{key: value for key, value in task.items() if key != "curves"} for task in verdict["tasks"]]


def test_every_task_of_a_battery_is_a_staged_preset() -> None:
    assert set(batteries()["minutes"]) <= set(batteries()["hour"])
    for battery in batteries():
        for preset in tasks_of(battery, "activation=tanh", ["gelu", "relu"]):
            assert preset.looks
            assert preset.tune
            assert preset.margin
            assert preset.cells == ["activation=tanh", "activation=gelu", "activation=relu"]


@pytest.mark.parametrize("task", batteries()["hour"])
def test_every_task_of_minutes_and_hour_has_told_a_pair_apart(task: str) -> None:
    with open(ROOT / "results" / "tables" / f"{task}.csv") as file:
        verdicts = [row["verdict"] for row in csv.DictReader(file)]
    assert any(verdict.startswith(("better by", "worse by")) for verdict in verdicts), verdicts


def test_the_page_shows_and_escapes() -> None:
    verdict = {
        "title": "Mine", "summary": summary("Mine", {}, None, [TASK]), "method": "By seed.", "command": "trial.py",
        "next": "battery=hour", "tasks": [TASK], "certificate": {}, "cost": None,
    }  # fmt: skip
    assert verdict["summary"] == "Mine is sound. Of 1 comparisons over 1 tasks it is open in 1."
    page = render_page(verdict)
    assert page.index("Mine is sound") < page.index("Task by task") < page.index("What is open")
    assert "Digits &lt;small&gt;" in page
    assert "<small>" not in page
    assert "5 seeds find a difference of 0.75 points with 80 % power" in page
    assert "| Digits <small> | GELU | −0.25 [−1.00, +0.50] points | 5 | open |" in markdown(verdict)


def test_a_row_that_compares_across_machines_carries_a_dagger() -> None:
    """The baseline's runs were made on another device and commit; of the commit, which always differs, no word."""
    cells = cells_of(load_preset("quickstart"))[:3]
    made = {0: {}, 1: {"device": "another", "commit": "1" * 40}, 2: {"commit": "1" * 40}}
    results = Results(None)
    for number, cell in enumerate(cells):
        for seed in range(3):
            results.recorded[cell.run, seed] = record(cell, seed, 90.0, **made[number])
    state: Any = SimpleNamespace(cells=cells, preset=SimpleNamespace(counted=range(3)))
    first, other, alike = (cell.overrides for cell in cells)
    title = activation_title(cells[1].config.activation)
    told = f"runs differ from those of {title} in device"
    assert differs(state, other, results) == told
    assert differs(state, alike, results) == ""
    marked = TASK | {"rows": [ROW | {"differs": told}, ROW | {"against": "ReLU", "differs": ""}]}
    verdict = {"title": first, "summary": "", "method": "By seed.", "command": "", "next": "", "cost": None}
    verdict |= {"tasks": [marked], "certificate": {}}
    text = markdown(verdict)
    assert "| GELU † |" in text
    assert "| ReLU |" in text
    assert f"† Runs differ from those of {title} in device." in text
    assert f"† Runs differ from those of {title} in device." in render_page(verdict)


def test_drawings_place_values() -> None:
    svg = interval_svg(ROW, 2.0, 1.0)
    assert 'cx="79.2"' in svg  # 90 − 86 · 0.25 / 2
    assert interval_svg(ROW | {"difference": None}, 2.0, None) == ""
    assert lines_svg({"Mine": []}, "rate", "accuracy", True) == ""
    assert lines_svg({"Mine": [[0.01, 90.0], [0.1, 95.0]]}, "rate", "accuracy", True).count("<polyline") == 1


def test_open_rows_alone_are_open_questions() -> None:
    assert open_questions([TASK | {"rows": [ROW | {"kind": "equivalent"}]}]) == []
    assert difference_text(ROW | {"low": None}, TASK) == "−0.25 points"
