"""Tables of presets with stages, from the committed records: words, intervals and choices agree."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.studies.collect import collect_stages
from experiments.studies.presets import load_preset
from experiments.tables import staged
from experiments.tables.notes import footnotes
from experiments.tables.render import markdown
from experiments.tables.staged import csv_text
from experiments.tables.table import Table, build_staged
from scripts.aggregate import aggregate
from tests.experiments.zygote import ROOT


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("results") / "records"
    for name in ("tuned_gpt2_tiny.jsonl.gz", "tuning/tuned_gpt2_tiny.jsonl.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / "results" / "records" / name).read_bytes())
    return build_staged(*collect_stages(load_preset("tuned_gpt2_tiny"), folder, str(folder / "none")))


def test_a_word_says_what_its_interval_says(table: Table) -> None:
    """The loss is better where it is lower."""
    for row in csv.DictReader(io.StringIO(csv_text(table))):
        if row["verdict"] == "reference":
            continue
        low, high = float(row["low"]), float(row["high"])
        assert low < float(row["difference"]) < high
        assert row["verdict"].startswith("better") == (high < 0)
        assert row["verdict"].startswith("worse") == (low > 0)


def test_the_chosen_value_is_the_best_on_held_out_data(table: Table) -> None:
    assert table.study
    tuning = table.study.tuning
    assert tuning is not None
    for row in table.rows:
        means = {
            point: sum(value for value in scores.values() if value is not None) / len(scores)
            for point, scores in tuning.scores[row.cell.overrides].items()
        }
        best = min(means, key=lambda point: means[point])
        assert row.cell.tuned == (f"recipe.lr={best[0]:g}",)
        assert f"**{means[best]:.4f}**" in markdown(table)


def test_a_shared_value_costs_its_regret(table: Table) -> None:
    """The difference at own values is that at the shared value, improved by the regret."""
    tuning = staged.tuning_of(table)
    assert tuning is not None
    sign = 1 if tuning.metric.higher_is_better else -1
    for row, texts in zip(table.rows, staged.tuning_texts(table, ("", "")), strict=True):
        shared, own, regret = (text.replace("−", "-") for text in texts[-3:])
        reference = table.pairs.get(row.cell.overrides)
        if reference is None:
            assert (shared, own, regret) == ("—", "—", "—")
            continue
        assert float(regret) >= 0
        assert float(own) == pytest.approx(float(shared) + sign * float(regret), abs=1.5 * 10**-tuning.metric.digits)
        if tuning.choices[row.cell.overrides].point == tuning.choices[reference].point:
            assert float(regret) == 0


def test_tuning_runs_and_counted_runs_have_no_seed_in_common(table: Table) -> None:
    assert {record["seed"] for record in table.runs}.isdisjoint(table.preset.tune.seed_numbers)
    assert all(record["config"]["dataset"].get("holdout", 0) == 0 for record in table.runs)


def test_a_changed_plan_is_told_below_the_table(table: Table) -> None:
    assert not any("Changed after" in line for line in staged.footnotes(table))
    changed = replace(table, preset=replace(table.preset, changed="two rows left out, to save time"))
    told = "Changed after the first counted run: two rows left out, to save time."
    assert told in staged.footnotes(changed)
    assert told in footnotes(replace(changed, study=None))


def test_without_runs_there_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"table=tuned_gpt2_tiny: no run counts yet; next stage: tuning: recipe\.lr in"):
        aggregate("tuned_gpt2_tiny", tmp_path, str(tmp_path / "runs"))
    assert not list(tmp_path.iterdir())


def test_a_tuned_study_without_looks_is_judged_once() -> None:
    """Otherwise each of its rows would be told as the reference."""
    plan = load_preset("tuned_cifar10_jpeg")
    assert plan.looks == [len(plan.counted)]
