"""From runs to records to tables and figures, through the real commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.records.file import read_lines, record_name, write_lines
from experiments.records.read import read_records
from experiments.records.store import write_records
from experiments.studies.cells import cells_of
from experiments.studies.presets import load_preset
from tests.experiments.zygote import Zygote
from tests.repository import git
from tests.synthetic import record

ROOT = Path(__file__).parents[2]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """A process from its start: what is to be equal must not depend on what another had in memory."""
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def results(train: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real runs of the quickstart preset, collected."""
    place = tmp_path_factory.mktemp("results")
    trained = train.run(
        "-m", "experiment=quickstart", "fresh=true", "activation=gelu,egem", "seed=0", f"runs_dir={place}/runs"
    )
    assert trained.status == 0, trained.err
    made = train.script("scripts/aggregate.py", "table=quickstart", f"runs_dir={place}/runs", f"results_dir={place}")
    assert made.status == 0, made.err
    return place


def test_records_of_real_runs_are_sound_and_name_no_place(results: Path) -> None:
    records = read_records(results / "records" / "quickstart.jsonl.gz")
    assert [r["config"]["activation"]["name"] for r in records.values()] == ["gelu", "egem"]
    assert all(len(r["curve"]["epoch"]) == 15 for r in records.values())
    assert str(results) not in read_lines(results / "records" / "quickstart.jsonl.gz").decode()


def test_tables_rebuild_byte_for_byte_without_the_runs(results: Path, tmp_path: Path) -> None:
    name = "records/quickstart.jsonl.gz"
    (tmp_path / "records").mkdir()
    shutil.copy(results / name, tmp_path / name)
    again = command("scripts/aggregate.py", "table=quickstart", f"runs_dir={tmp_path}/none", f"results_dir={tmp_path}")
    assert again.returncode == 0, again.stderr
    for suffix in ("md", "csv", "tex"):
        page = f"tables/quickstart.{suffix}"
        assert (tmp_path / page).read_bytes() == (results / page).read_bytes()
    assert (tmp_path / name).read_bytes() == (results / name).read_bytes()


def test_figures_rebuild_byte_for_byte(tmp_path: Path) -> None:
    cells = cells_of(load_preset("quickstart"))
    records = [record(c, s, 90.0 + s) for c in cells for s in range(3)]
    write_records(tmp_path / "records" / "quickstart.jsonl.gz", records)
    drawn = []
    for _ in range(2):
        assert command("scripts/figures.py", "figure=quickstart", f"results_dir={tmp_path}").returncode == 0
        files = sorted((tmp_path / "figures").iterdir())
        drawn.append([file.read_bytes() for file in files])
    assert {file.suffix for file in files} == {".pdf", ".png", ".svg"}
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["scripts/aggregate.py", "table=nope"], "error: experiment=nope: there is no such preset"),
        (["scripts/aggregate.py", "tabel=all"], "error: tabel=all: unknown; did you mean table=?"),
        (["scripts/figures.py", "figure=nope"], "error: figure=nope: must be all, functions, tasks or one of"),
        (
            ["scripts/plan.py", "experiment=quickstart", "workers=0"],
            "error: workers=0: must be an integer of at least 1",
        ),
        (["benchmarks/bench.py", "nope"], "error: bench nope: must be one of"),
        (["benchmarks/bench.py", "models", "models=nope"], "error: models=nope: must be among resnet56,gpt2"),
        (["benchmarks/equivalence.py", "case=nope"], "error: case=nope: must be all or one of digits, cifar"),
        (["scripts/prepare_data.py", "dataset=nope"], "error: dataset=nope: must be one of"),
    ],
)
def test_bad_words_are_one_line(train: Zygote, words: list[str], text: str) -> None:
    answer = train.script(*words)
    assert answer.status == 2
    assert answer.err.startswith(text)
    assert answer.err.count("\n") == 1


def test_committed_tables_are_those_of_the_committed_records(train: Zygote, tmp_path: Path) -> None:
    names = [record_name(Path(line)) for line in git(ROOT, "ls-files", "results/records").splitlines()]
    assert names
    for part in ("records", "landscape"):
        shutil.copytree(ROOT / "results" / part, tmp_path / part)
    made = train.script("scripts/aggregate.py", "table=all", f"runs_dir={tmp_path}/none", f"results_dir={tmp_path}")
    assert made.status == 0, made.err
    landscapes = [f"landscape_{name}.md" for name in ("mini_resnet50", "table_mnist", "tuned_mlp")]
    made_of_all = ["claims.md", "claims_golu.md", "studies.md", "tuned.md", "ladder_steps.md", *landscapes]
    for name in [*(f"{name}.{suffix}" for name in names for suffix in ("md", "csv", "tex")), *made_of_all]:
        assert (tmp_path / "tables" / name).read_bytes() == (ROOT / "results" / "tables" / name).read_bytes(), name


@pytest.mark.slow
def test_the_whole_report_is_below_3_mb(train: Zygote, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results" / "records", tmp_path / "records")
    made = train.script("scripts/report.py", "rebuild=true", f"runs_dir={tmp_path}/none", f"results_dir={tmp_path}")
    assert made.status == 0, made.err
    assert 1_000_000 < (tmp_path / "report.html").stat().st_size < 3_000_000


def test_check_names_file_and_line_of_a_forged_record_and_ends_with_2(train: Zygote, tmp_path: Path) -> None:
    name = "table_cifar10_jpeg.jsonl.gz"
    (tmp_path / "records").mkdir()
    shutil.copy(ROOT / "results" / "records" / name, tmp_path / "records")
    words = ("scripts/aggregate.py", "check=true", f"results_dir={tmp_path}")
    sound = train.script(*words)
    assert (sound.status, sound.err) == (0, "")
    lines = read_lines(tmp_path / "records" / name).decode().splitlines()
    third = json.loads(lines[2])
    third["result"]["test_accuracy"] = 101.0
    lines[2] = json.dumps(third)
    write_lines(tmp_path / "records" / name, ("\n".join(lines) + "\n").encode())
    forged = train.script(*words)
    assert forged.status == 2
    assert f"{name}:3: result.test_accuracy=101" in forged.err
    assert not (tmp_path / "tables").exists()


def test_rebuild_makes_tables_figures_and_the_report_in_one_go(train: Zygote, tmp_path: Path) -> None:
    name = "table_cifar10_jpeg"  # no other table has its pairs
    (tmp_path / "records").mkdir()
    shutil.copy(ROOT / "results" / "records" / f"{name}.jsonl.gz", tmp_path / "records")
    made = train.script("scripts/report.py", "rebuild=true", f"runs_dir={tmp_path}/none", f"results_dir={tmp_path}")
    assert made.status == 0, made.err
    committed = (ROOT / "results" / "tables" / f"{name}.md").read_bytes()
    assert (tmp_path / "tables" / f"{name}.md").read_bytes() == committed
    figures = {path.stem for path in (tmp_path / "figures").glob("*.svg")}
    assert {"functions", f"{name}_forest", f"{name}_curves"} <= figures
    assert "overview" not in figures  # takes two tasks
    assert made.out.count(".png") == len(figures)
    page = (tmp_path / "report.html").read_text()
    assert f'<section id="{name}">' in page
    assert '<section id="claims">' in page
    assert "not run: takes" in (tmp_path / "tables" / "claims.md").read_text()
    assert "1 tables from 21 runs" in made.out


def test_readme_shows_the_committed_tables(train: Zygote) -> None:
    assert train.script("scripts/report.py", "check=true").status == 0


HELPFUL = ("aggregate", "figures", "plan", "prepare_data", "report")


@pytest.mark.parametrize(
    "path",
    [f"scripts/{name}.py" for name in HELPFUL] + ["benchmarks/bench.py"],
)
def test_help_shows_the_commands(path: str) -> None:
    answer = command(path, "--help")
    assert answer.returncode == 0
    assert f"python {path}" in answer.stdout


def test_tables_that_no_preset_makes(train: Zygote, tmp_path: Path) -> None:
    shown = train.script("scripts/aggregate.py", "table=properties")
    assert shown.out.startswith("# Properties of GEM")
    absent = train.script("scripts/aggregate.py", "table=speed", f"results_dir={tmp_path}")
    assert absent.status == 2
    assert (
        absent.err
        == f"error: table=speed: {tmp_path}/tables has no bench_*.md; python benchmarks/bench.py train writes it\n"
    )


@pytest.mark.slow
def test_everything_rebuilds_from_the_records_byte_for_byte(tmp_path: Path) -> None:
    """Tables, figures (as pixels, vectors and PDF) and the page, by the three scripts and by the one."""
    separately = [("aggregate", "table=all", f"runs_dir={tmp_path}/none"), ("figures", "figure=all"), ("report",)]
    made = []
    for ways in (separately, [("report", "rebuild=true", f"runs_dir={tmp_path}/none")]):
        place = tmp_path / ways[0][0]
        for part in ("records", "tables"):
            shutil.copytree(ROOT / "results" / part, place / part)
        for script, *words in ways:
            ended = command(f"scripts/{script}.py", *words, f"results_dir={place}")
            assert ended.returncode == 0, ended.stderr
        made.append({path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()})
    assert made[0] == made[1]
    assert {path.suffix for path in made[0]} >= {".md", ".csv", ".tex", ".png", ".pdf", ".svg", ".html"}
