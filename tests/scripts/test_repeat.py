"""A recorded run is trained again by its commit and compared. Differences are judged by device and versions."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from experiments.errors import UserError
from experiments.families.metric import percentage
from experiments.records.record import Record
from experiments.records.store import write_records
from experiments.runs.provenance import device_name
from experiments.studies.cells import cells_of
from experiments.studies.presets import load_preset
from scripts.repeat import compare, main, recorded_tables, repeat, spread
from tests.experiments.zygote import Zygote, environment
from tests.repository import git, repository
from tests.synthetic import record

MISSING = "f" * 40  # a commit

ACCURACY = percentage("test_accuracy", "test accuracy")


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = environment() | {"PYTHONPATH": str(root)}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=root, env=own, check=False)


@pytest.mark.slow
def test_a_recorded_run_repeats_after_the_code_has_moved_on(tmp_path: Path) -> None:
    root = repository(tmp_path / "checkout")
    preset = root / "configs" / "experiment" / "quickstart.yaml"
    preset.write_text(preset.read_text().replace("threads: 1", "threads: 1\nrecipe:\n  epochs: 2"))
    git(root, "commit", "-q", "-a", "-m", "short runs")
    trained = command(
        root, "train.py", "-m", "experiment=quickstart", "fresh=true", "activation=relu", "seed=0,1", "impl.threads=1"
    )
    assert trained.returncode == 0, trained.stderr
    assert command(root, "scripts/aggregate.py", "table=quickstart").returncode == 0
    (root / "experiments" / "runs" / "loop.py").write_text("raise RuntimeError('later code')\n")
    git(root, "commit", "-q", "-a", "-m", "later")

    again = command(root, "scripts/repeat.py")
    assert again.returncode == 0, again.stderr
    page = (root / "results" / "tables" / "repeats.md").read_text()
    assert "equal to the last bit" in page
    assert device_name(torch.device("cpu")) in page


def test_a_difference_is_status_1_and_what_cannot_be_trained_2(
    runs: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are trained and judged all the same."""
    runs[0]["provenance"]["commit"] = MISSING
    (tmp_path / "records").mkdir()
    path = tmp_path / "records" / "quickstart.jsonl.gz"

    def again(record: Record, folder: Path, places: list[str]) -> Record:
        if record["provenance"]["commit"] == MISSING:
            return repeat(record, folder, places)
        loss = record["result"]["train_loss"]
        return record | {
            "result": record["result"] | {"train_loss": math.nextafter(loss, 1) if record["seed"] == 1 else loss}
        }

    monkeypatch.setattr("scripts.repeat.repeat", again)
    status = {}
    for name, chosen in (("sound", runs[2:]), ("differs", runs[1:]), ("missing", runs)):
        write_records(path, chosen)
        status[name] = main(["runs=3", f"results_dir={tmp_path}"])
    assert status == {"sound": 0, "differs": 1, "missing": 2}
    assert f"commit {MISSING} is not in this repository" in capsys.readouterr().err
    page = (tmp_path / "tables" / "repeats.md").read_text()
    for verdict in ("could not be trained here", "equal to the last bit", "differs by"):
        assert page.count(verdict) == 1


def test_one_table_joins_the_page_of_its_draw(
    runs: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rows replace its own and leave those of other tables; a page of another draw stays."""
    for name in ("quickstart", "battery_digits_cnn"):
        cell = cells_of(load_preset(name))[0]
        runs = [record(cell, seed, 90.0 + seed) | {"experiment": name} for seed in range(3)]
        write_records(tmp_path / "records" / f"{name}.jsonl.gz", runs)
    monkeypatch.setattr("scripts.repeat.repeat", lambda record, folder, places: record)

    def titles(*words: str) -> list[str]:
        main([*words, f"results_dir={tmp_path}"])
        page = (tmp_path / "tables" / "repeats.md").read_text()
        return [line.split()[1] for line in page.splitlines() if line.startswith("| ")][1:]

    assert titles("table=quickstart", "runs=2") == ["quickstart"] * 2
    both = ["battery_digits_cnn"] * 2 + ["quickstart"] * 2
    assert titles("table=battery_digits_cnn", "runs=2") == both
    assert titles("table=battery_digits_cnn", "runs=2") == both
    assert titles("table=quickstart", "runs=3") == both
    assert "has another draw and stays as it is" in capsys.readouterr().out
    assert len(titles("runs=3")) == 6


def test_long_runs_can_be_left_out(tmp_path: Path, runs: list[Record]) -> None:
    for run, seconds in zip(runs, (30, 90, 3000), strict=True):
        scale = seconds / run["provenance"]["seconds"]
        run["curve"]["seconds"] = [scale * each for each in run["curve"]["seconds"]]
        run["provenance"]["seconds"] = seconds
    write_records(tmp_path / "quickstart.jsonl.gz", runs)
    assert [len(recorded_tables("all", tmp_path, minutes)["quickstart"]) for minutes in (1, 2, math.inf)] == [1, 2, 3]


def test_those_that_were_interrupted(tmp_path: Path, runs: list[Record]) -> None:
    runs[1]["provenance"]["starts"] = 3
    path = tmp_path / "quickstart.jsonl.gz"
    write_records(path, runs)
    assert recorded_tables("all", tmp_path, which="interrupted")["quickstart"] == [runs[1]]
    write_records(path, runs[:1])
    with pytest.raises(UserError, match="which=interrupted: table=all has no such run"):
        recorded_tables("all", tmp_path, which="interrupted")


def test_those_with_tuned_rates(tmp_path: Path, runs: list[Record]) -> None:
    write_records(tmp_path / "quickstart.jsonl.gz", runs)
    with pytest.raises(UserError, match="which=tuned: table=all has no such run"):
        recorded_tables("all", tmp_path, which="tuned")
    tuned = record(cells_of(load_preset("battery_digits_cnn"))[0], 0, 90.0) | {"experiment": "battery_digits_cnn"}
    write_records(tmp_path / "battery_digits_cnn.jsonl.gz", [tuned])
    assert recorded_tables("all", tmp_path, which="tuned") == {"battery_digits_cnn": [tuned]}


@pytest.fixture
def runs() -> list[Record]:
    """Three seeds of a cell: sd 1."""
    cell = cells_of(load_preset("quickstart"))[0]
    return [record(cell, seed, 90.0 + seed) for seed in range(3)]


def judged(runs: list[Record], value: float, **provenance: object) -> tuple[str, bool]:
    again = copy.deepcopy(runs[0])
    again["result"]["test_accuracy"] = value
    again["provenance"] |= provenance
    return compare(runs[0], again, ACCURACY, spread(runs[0], runs, ACCURACY))


def test_elsewhere_the_spread_of_the_seeds_is_allowed(runs: list[Record]) -> None:
    assert judged(runs, 90.0) == ("equal to the last bit", True)
    assert judged(runs, 90.0, device="other") == ("equal to the last bit", True)
    assert judged(runs, 94.0) == ("differs by 4, on the same device with the same versions", False)
    assert judged(runs, 94.0, device="other") == ("differs by 4 (device; allowed 4.2)", True)
    assert judged(runs, 95.0, device="other") == ("differs by 5 (device; allowed 4.2)", False)
    assert judged(runs, 94.0, data="e" * 16)[0].startswith("other data")


def test_one_seed_allows_no_judgement_and_divergence_is_a_difference(runs: list[Record]) -> None:
    assert judged(runs[:1], 99.0, device="other")[0].endswith("too few seeds to judge by")
    again = copy.deepcopy(runs[0])
    again["result"] = {"status": "diverged"}
    again["provenance"]["device"] = "other"
    assert compare(runs[0], again, ACCURACY, 1.0) == ("differs by inf (device; allowed 4.2)", False)


def test_the_curve_counts_but_for_its_times(runs: list[Record]) -> None:
    again = copy.deepcopy(runs[0])
    again["curve"]["seconds"] = [1.0, 2.0]
    assert compare(runs[0], again, ACCURACY, 1.0).holds
    again["curve"]["train_loss"][0] += 1e-12
    assert not compare(runs[0], again, ACCURACY, 1.0).holds


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("runs=-1", "at least 1"),
        ("runs=0", "at least 1"),
        ("draw=x", "draw=x"),
        ("table=none", "table=none"),
        ("which=no", "which=no: must be one of all, tuned, interrupted"),
        ("minutes=0", "minutes=0"),
        ("minutes=1e-9", "shortest run"),
    ],
)
def test_bad_words_are_one_line(train: Zygote, word: str, told: str) -> None:
    done = train.script("scripts/repeat.py", word)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert told in done.err
