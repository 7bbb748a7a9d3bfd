"""The plan: what is left to run, how long it takes at the pace of the records, what the seeds can show."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import pytest

from experiments.config.compose import ROOT
from experiments.records.file import read_lines
from experiments.records.read import every_record
from experiments.records.record import Record
from experiments.studies.cells import Cell, cells_of
from experiments.studies.cost import duration, estimate, plan_text
from experiments.studies.presets import Preset, load_preset
from tests.synthetic import record

SPREAD = (-0.1, 0.0, 0.1)


def test_nothing_recorded(preset: Preset, cells: list[Cell]) -> None:
    text = plan_text(preset, cells, [], workers=1)
    assert "6 cells × 3 seeds = 18, of which recorded: 0" in text
    assert "18 runs cannot be estimated" in text
    assert "the spread over seeds is not known yet" in text


def test_the_presets_own_sd_serves_before_any_run(preset: Preset, cells: list[Cell]) -> None:
    text = plan_text(dataclasses.replace(preset, sd=0.2, effect=0.07, margin=0.5), cells, [], workers=1)
    assert "sd of one run 0.20 points, assumed from the preset's sd of one run, 0.2" in text
    assert "to find 0.07 points: 130 seeds" in text
    assert "planned 3: too few" in text
    assert "to show equivalence within 0.5 points: 4 seeds" in text


def test_a_paired_study_plans_with_differences_by_seed(preset: Preset, cells: list[Cell]) -> None:
    """Two independent runs of sd 0.2 differ by 0.28; recorded runs that move alike differ by less than one run."""
    paired = dataclasses.replace(preset, comparison="paired", seeds=5, sd=0.2, effect=0.2)
    assert "sd of a difference at one seed 0.28 points" in plan_text(paired, cells, [], workers=1)
    own = (0.01, 0.0, -0.01, 0.0, 0.0)
    records = [record(c, s, 90 + s + own[s] * (c.overrides != "activation=gelu")) for c in cells for s in range(5)]
    text = plan_text(paired, cells, records, workers=1)
    assert "sd of a difference at one seed 0.01 points" in text
    assert "planned 5: enough" in text


def test_time_and_sd_come_from_the_records(preset: Preset, cells: list[Cell]) -> None:
    """Nine runs took 75 s each, and so will the other nine."""
    records = [record(c, s, 90 + SPREAD[s]) for c in cells[:3] for s in range(3)]
    text = plan_text(dataclasses.replace(preset, effect=0.2), cells, records, workers=3)
    assert "of which recorded: 9" in text
    assert "11 min still to go, 4 min with 3 at a time" in text
    assert "from up to 9 recorded runs of this data and network on test device" in text
    assert "sd of one run 0.10 points, pooled over the records" in text
    assert "to find 0.2 points: 6 seeds (8 corrected over the table)" in text


def test_enough_is_what_the_corrected_test_needs(preset: Preset, cells: list[Cell]) -> None:
    records = [record(c, s, 90 + SPREAD[s]) for c in cells[:3] for s in range(3)]
    for seeds, word in (
        (5, "too few"),
        (6, "enough before correction"),
        (7, "enough before correction"),
        (8, "enough"),
    ):
        text = plan_text(dataclasses.replace(preset, effect=0.2, seeds=seeds), cells, records, workers=1)
        assert f"6 seeds (8 corrected over the table); planned {seeds}: {word}\n" in text + "\n"


def test_runs_on_fewer_images_say_nothing_of_the_time(preset: Preset, cells: list[Cell]) -> None:
    records = [record(c, s, 90 + SPREAD[s]) for c in cells[:3] for s in range(3)]
    for each in records:
        each["config"]["dataset"] = each["config"]["dataset"] | {"train_size": 100}
    assert "9 runs cannot be estimated" in plan_text(preset, cells, records, workers=1)


# Not table_mnist: its runs shared the cores, and took twice the time of the same runs in other studies.
UNSEEN = (
    "ablation_eps_cifar10_jpeg_small",
    "ablation_mnist_recipe",
    "golu_mlp_gain",
    "table_cifar10_jpeg_small",
    "table_fashion_mnist_claim",
    "table_mnist_best",
    "table_mnist_claim",
    "tuned_mlp",
)


@pytest.fixture(scope="module")
def every() -> list[Record]:
    return every_record(ROOT / "results" / "records")


@pytest.mark.parametrize("name", UNSEEN)
def test_a_study_is_predicted_from_the_records_of_others(name: str, every: list[Record]) -> None:
    """Within a factor of 1.5, on the device of most of its runs; its own records are left out."""
    cells = {cell.run: cell for cell in cells_of(load_preset(name))}
    own = [r for r in every if r["run"] in cells]
    device = Counter(r["provenance"]["device"] for r in own).most_common(1)[0][0]
    own = [r for r in own if r["provenance"]["device"] == device]
    file = ROOT / "results" / "records" / f"{name}.jsonl.gz"
    seen = {json.loads(line)["run"] for line in read_lines(file).splitlines()}
    others = [r for r in every if r["run"] not in seen | set(cells)]
    found = {run: estimate(cell.config, others, device) for run, cell in cells.items()}
    known = [(r["provenance"]["seconds"], each.seconds) for r in own if (each := found[r["run"]])]
    assert len(known) >= 10
    truth, predicted = map(sum, zip(*known, strict=True))
    assert 1 / 1.5 < predicted / truth < 1.5


def test_durations() -> None:
    assert [duration(s) for s in (5, 600, 36000)] == ["5 s", "10 min", "10.0 h"]


def test_a_plan_tells_the_stages() -> None:
    plan = load_preset("tuned_digits")
    text = plan_text(plan, cells_of(plan), [], 1)
    cells, values = len(cells_of(plan)), len(plan.tune.grid["recipe.lr"])
    assert f"= {cells * values * plan.tune.seeds} runs in addition" in text
    assert f"looks at {', '.join(map(str, plan.looks))} seeds" in text
