"""Tables from synthetic records: the right runs in the right cells, and nothing claimed that the data do not say."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest

from experiments.records.record import Record
from experiments.studies.cells import Cell, cells_of, metric_of
from experiments.studies.presets import Preset, load_preset
from experiments.tables.csv_file import csv_text
from experiments.tables.explored import explored_notes
from experiments.tables.notes import footnotes, setting_note
from experiments.tables.render import latex, markdown
from experiments.tables.row import Row
from experiments.tables.table import Table, build
from tests.synthetic import record


def rows_of(preset: Preset, cells: list[Cell], records: list[Record]) -> dict[str, Row]:
    return {row.cell.overrides: row for row in build(preset, cells, records).rows}


def full(cells: list[Cell], offsets: dict[str, float]) -> list[Record]:
    noise = (-0.1, 0.0, 0.1)
    return [record(c, s, 90 + offsets.get(c.overrides, 0) + noise[s]) for c in cells for s in range(3)]


def test_names_that_contain_each_other_stay_apart(preset: Preset, cells: list[Cell]) -> None:
    """relu and gelu, gem and egem and segem: a substring match would mix them."""
    offsets = {cell.overrides: float(index) for index, cell in enumerate(cells)}
    rows = rows_of(preset, cells, full(cells, offsets))
    for cell in cells:
        assert rows[cell.overrides].summary.mean == pytest.approx(90 + offsets[cell.overrides])
        assert rows[cell.overrides].summary.n == 3


def test_verdicts_follow_the_truth(preset: Preset, cells: list[Cell]) -> None:
    rows = rows_of(preset, cells, full(cells, {"activation=relu": 2.0, "activation=gem": -2.0}))
    assert rows["activation=relu"].kind == "better"
    assert rows["activation=gem"].words.startswith("worse by")
    assert rows["activation=golu"].words.startswith("not significant (least detectable difference: 0.")
    assert rows["activation=gelu"].words == "reference"


def test_bold_only_where_the_test_says_better(preset: Preset, cells: list[Cell]) -> None:
    text = markdown(build(preset, cells, full(cells, {"activation=relu": 2.0, "activation=golu": 0.05})))
    assert text.count("**92.00 ± 0.10**") == 1
    assert text.count("**") == 2


def test_missing_seeds_and_divergence_are_shown(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {})
    golu = next(cell for cell in cells if cell.overrides == "activation=golu")
    records = [r for r in records if not (r["run"] == golu.run and r["seed"] > 0)]
    records.append(record(golu, 1, 10.0, status="diverged"))
    row = rows_of(preset, cells, records)["activation=golu"]
    assert (len(row.values), row.planned, row.diverged, row.missing) == (1, 3, [1], 1)
    line = next(line for line in markdown(build(preset, cells, records)).splitlines() if "GoLU" in line)
    assert "1 of 3" in line
    assert "pending: 1 of 3 runs are missing" in line


@pytest.mark.parametrize(("finished", "diverged", "missing"), [(3, 0, 0), (2, 1, 0), (1, 1, 1), (0, 2, 1), (0, 3, 0)])
def test_a_diverged_run_is_not_missing(
    preset: Preset, cells: list[Cell], finished: int, diverged: int, missing: int
) -> None:
    ended = ["finished"] * finished + ["diverged"] * diverged
    runs = [record(cells[0], s, 90.0 + s, status=status) for s, status in enumerate(ended)]
    table = build(preset, cells, runs)
    row = table.rows[0]
    assert (len(row.values), len(row.diverged), row.missing) == (finished, diverged, missing)
    assert table.left == missing + 3 * (len(cells) - 1)


def test_while_runs_are_to_come_there_is_no_verdict(preset: Preset, cells: list[Cell]) -> None:
    better = full(cells, {"activation=relu": 2.0})
    last = next(r for r in better if r["run"] == cells[-1].run and r["seed"] == 2)
    before, after = (build(preset, cells, runs) for runs in ([r for r in better if r is not last], better))
    (one, two) = (table.by_overrides["activation=relu"] for table in (before, after))
    assert (one.kind, one.words, two.kind) == ("pending", "pending", "better")
    note = f"1 of {len(better)} planned runs are pending. There is no verdict yet"
    assert [any(line.startswith(note) for line in footnotes(table)) for table in (before, after)] == [True, False]
    assert ["**" in markdown(table) for table in (before, after)] == [False, True]
    runs = [r for r in better if r is not last]
    next(r for r in runs if r["run"] == one.cell.run)["result"]["test_accuracy"] += 0.01  # some spread by seed
    alone = build(dataclasses.replace(preset, comparison="paired"), cells, runs)
    assert alone.by_overrides["activation=relu"].kind == "better"  # Bonferroni needs no p of the other rows
    assert alone.rows[-1].words == "pending: 1 of 3 runs are missing"


def test_seeds_beyond_the_plan_do_not_count(preset: Preset, cells: list[Cell]) -> None:
    records = [*full(cells, {}), record(cells[0], 3, 0.0)]
    assert rows_of(preset, cells, records)[cells[0].overrides].summary.n == 3


def test_mixed_commits_are_footnoted(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {})
    records[0]["provenance"]["commit"] = "f" * 40
    text = markdown(build(preset, cells, records))
    assert "ReLU †" in text
    assert "† ReLU: runs differ in commit." in text


def test_a_run_of_two_commits_is_footnoted(preset: Preset, cells: list[Cell]) -> None:
    records = full(cells, {})
    records[0]["provenance"]["earlier"] = [{"commit": "e" * 40, "clean": False}]
    text = markdown(build(preset, cells, records))
    assert "† ReLU: runs differ in commit." in text
    assert "commit 00000000, eeeeeeee (tree not clean)" in text


def test_runs_that_round_differently_are_footnoted_and_no_others(preset: Preset, cells: list[Cell]) -> None:
    """Compiled or not, at the same precision, is another order of additions; how often a run is saved is not."""
    records = full(cells, {})
    records[0]["provenance"]["impl"] = {"name": "default", "compile": True, "precision": "fp32"}
    records[4]["provenance"]["impl"] = {"name": "mine", "compile": False, "save_every_seconds": 5.0}
    text = markdown(build(preset, cells, records))
    assert [line for line in text.splitlines() if "differ in" in line] == ["- † ReLU: runs differ in impl.compile."]


def test_nothing_run_yet(preset: Preset, cells: list[Cell]) -> None:
    text = markdown(build(preset, cells, []))
    assert text.count("not run") == len(cells) - 1
    assert text.count("reference") == 1
    assert "No run yet." in text


def test_published_figure_and_gap(cells: list[Cell], preset: Preset) -> None:
    known = [
        {"cell": "activation=egem", "value": 99.23, "source": "somewhere"},
        {"cell": "activation=gem", "difference": -2.1, "source": "somewhere"},
    ]
    published = dataclasses.replace(preset, published=known)
    text = markdown(build(published, cells, full(cells, {"activation=gem": -2.0})))
    lines = {line.split("|")[1].split()[0]: line for line in text.splitlines() if line.startswith("| ")}
    assert "| 99.23 " in lines["E-GEM"]
    assert "| −9.23 " in lines["E-GEM"]
    assert "| Δ −2.10 " in lines["GEM"]
    assert "| +0.10 " in lines["GEM"]
    assert lines["ReLU"].count("—") == 2


def test_two_published_values_give_a_published_difference(cells: list[Cell], preset: Preset) -> None:
    known = [{"cell": f"activation={n}", "value": v, "source": "s"} for n, v in (("segem", 92.51), ("gelu", 92.44))]
    rows = {row.cell.overrides: row for row in build(dataclasses.replace(preset, published=known), cells, []).rows}
    assert rows["activation=segem"].published_difference == pytest.approx(0.07)
    assert rows["activation=gelu"].published_difference is None


def test_equivalence_needs_the_margin_and_the_test(cells: list[Cell], preset: Preset) -> None:
    for margin, words in ((1.0, "equivalent within ±1 points"), (0.05, "not significant (")):
        rows = build(dataclasses.replace(preset, margin=margin), cells, full(cells, {})).by_overrides
        assert rows["activation=relu"].words.startswith(words)


def moved(cells: list[Cell], own: dict[str, tuple[float, ...]]) -> list[Record]:
    """Seeds that move every activation by two points."""
    moves = (-2.0, 0.0, 2.0)
    return [record(c, s, 90 + moves[s] + own.get(c.overrides, (0, 0, 0))[s]) for c in cells for s in range(3)]


def test_the_comparison_is_the_presets_choice(cells: list[Cell], preset: Preset) -> None:
    """Pairing sees 0.1 points, Welch's test does not; the note of a Welch table says so."""
    records = moved(cells, {"activation=relu": (0.10, 0.11, 0.09)})
    planned = {c: build(dataclasses.replace(preset, comparison=c), cells, records) for c in ("welch", "paired")}
    assert planned["welch"].rows[0].kind == "open"
    assert planned["paired"].rows[0].words == "better by 0.04 to 0.16 points"
    changed = "Compared paired by seed instead, the verdict would change for: ReLU."
    assert [changed in footnotes(table) for table in planned.values()] == [True, False]
    methods = [next(note for note in footnotes(table) if note.startswith("±")) for table in planned.values()]
    assert "Welch's test, as planned, with Holm's correction (5 %, 5 rows)" in methods[0]
    assert "paired by seed (Student's t). The error of 5 % is shared over 5 rows (Bonferroni)" in methods[1]


def test_the_note_counts_equivalence_as_a_verdict(cells: list[Cell], preset: Preset) -> None:
    """Paired they are equivalent within one point, unpaired nobody can tell."""
    records = moved(cells, {"activation=relu": (0.05, -0.05, 0.0)})
    table = build(dataclasses.replace(preset, margin=1.0), cells, records)
    assert table.rows[0].kind == "open"
    assert "Compared paired by seed instead, the verdict would change for: ReLU." in footnotes(table)
    narrow = build(dataclasses.replace(preset, margin=0.001), cells, records)
    assert "Compared paired by seed instead, no verdict would change." in footnotes(narrow)


def test_a_cell_is_compared_within_its_context(cells: list[Cell], preset: Preset) -> None:
    """GEM at depth 20 with GELU at depth 20, at depth 56 with GELU at depth 56."""
    texts = [f"activation={name} model=resnet{depth}" for depth in (20, 56) for name in ("gelu", "gem")]
    two = dataclasses.replace(preset, cells=texts)
    four = [dataclasses.replace(cell, overrides=text) for cell, text in zip(cells, texts, strict=False)]
    means = (90, 91, 80, 85)
    records = [record(c, s, mean + s / 10) for c, mean in zip(four, means, strict=True) for s in range(3)]
    rows = build(two, four, records).rows
    assert [row.verdict and round(row.difference, 6) for row in rows] == [None, 1.0, None, 5.0]
    assert rows[3].title.endswith(", model resnet56")


def test_seeds_that_raised_the_question_are_in_no_verdict(cells: list[Cell], preset: Preset) -> None:
    """Seeds 0 to 2 have GEM 2 points ahead, the five after them not at all."""
    lead = {"activation=gem": 2.0}
    noise = (-0.1, 0.0, 0.1, 0.0, -0.1)
    records = full(cells, lead) + [record(c, s, 90 + noise[s - 3]) for c in cells for s in range(3, 8)]
    asked = dataclasses.replace(preset, seeds=8, explored=3)
    table = build(asked, cells, records)
    row = next(row for row in table.rows if row.cell.overrides in lead)
    assert (sorted(row.values), row.planned, row.kind) == ([3, 4, 5, 6, 7], 5, "open")
    commit = "0" * 8
    first = f"Seeds 0 to 2, which raised the question (commit {commit}), are not in this table"
    (note,) = explored_notes(table)
    assert note.startswith(f"{first}; over all 8: ReLU +0.00 [")
    assert "GEM (N=1) +0.75 [" in note
    assert f"{5 * len(cells)} runs" in " ".join(footnotes(table))
    assert explored_notes(build(asked, cells, records[:-1])) == [f"{first}."]
    new = [r for r in records if r["seed"] >= asked.explored]
    assert explored_notes(build(asked, cells, new)) == ["Seeds 0 to 2 are not in this table, by plan."]


def test_the_boundary_between_explored_and_counted_seeds(cells: list[Cell], preset: Preset) -> None:
    """Seed 1 is the last that raised the question, seed 2 the first that counts; each has a commit of its own."""
    asked = dataclasses.replace(preset, seeds=5, explored=2)
    records = [record(c, s, 90 + s / 10) for c in cells for s in range(5)]
    for each in records:
        each["provenance"]["commit"] = str(each["seed"]) * 40
    table = build(asked, cells, records)
    assert {r["seed"] for r in table.explored} == {0, 1}
    assert {r["seed"] for r in table.runs} == {2, 3, 4}
    (note,) = explored_notes(table)
    assert note.startswith("Seeds 0 to 1, which raised the question (commit 00000000, 11111111), are not in this")
    one = build(dataclasses.replace(asked, explored=1), cells, records)
    assert explored_notes(one)[0].startswith(
        "Seed 0, which raised the question (commit 00000000), is not in this table"
    )


def test_the_note_says_what_the_seeds_can_show(cells: list[Cell], preset: Preset) -> None:
    """Every sd is 0.1. The figures are those of Welch's test, which finds 0.31 points with three seeds in 70 %."""

    def note(table: Table) -> str:
        return next(note for note in footnotes(table) if note.startswith("Power of"))

    found = note(build(dataclasses.replace(preset, effect=0.2, margin=0.1), cells, full(cells, {})))
    assert "Power of Welch's test: the sd of one run, pooled over all rows, is 0.100 points." in found
    assert "With 3 seeds, a true difference of 0.35 points is found with 80 % power (0.63 corrected" in found
    assert "To find 0.2 takes 6 seeds (8 corrected)" in found
    assert "To show equal activations equivalent within ±0.1 takes 18 seeds (28 corrected)" in found
    uneven = [r | {"result": r["result"] | {"test_accuracy": 90.0 + r["seed"]}} if r["run"] == cells[0].run else r
              for r in full(cells, {})]  # fmt: skip
    start = "the sd of one run, pooled over the two sides of each row, as the rows spread unequally, is 0.100 to 0.711"
    assert start in note(build(preset, cells, uneven))
    paired = note(build(dataclasses.replace(preset, comparison="paired"), cells, uneven))
    assert "Power of the paired test: the sd of a difference at one seed" in paired


def test_the_note_says_whether_the_rows_of_a_family_differ(cells: list[Cell], preset: Preset) -> None:
    """Three seeds of 0.1 spread: 0.05 points between means are nothing, 2 points are."""

    def note(records: list[Record]) -> str:
        table = build(dataclasses.replace(preset, families=[["golu", "gem", "egem"]]), cells, records)
        return next(note for note in footnotes(table) if "among themselves" in note)

    start = "The 3 rows of GoLU; GEM; E-GEM among themselves: "
    alike = note(full(cells, {"activation=relu": 9.0, "activation=gem": 0.05}))
    assert alike.startswith(f"{start}means from 90.00 to 90.05, not significant (Welch's analysis of variance")
    assert note(full(cells, {"activation=golu": -2.0})).startswith(f"{start}means from 88.00 to 90.00, they differ")
    assert note([]) == f"{start}not tested, a row has fewer than two runs or no spread."


def test_the_note_names_a_recipe_only_as_far_as_it_holds_for_the_rows() -> None:
    def note(name: str) -> str:
        plan = load_preset(name)
        cells = cells_of(plan)
        return setting_note(metric_of(plan, cells), cells)

    assert "golu_mlp (8 epochs, batch 128, sgd, learning rate 0.01, constant; unless the row says" in note("golu_mlp")
    assert "Recipe: golu_mlp (8 epochs, batch 128, sgd, constant). " in note("golu_mlp_gain")
    assert "Recipe: mnist, mnist_plain (8 epochs, batch 128). " in note("ablation_mnist_recipe")
    assert "Model: resnet20, resnet32, resnet44, resnet56, resnet110. Recipe: standard (164 epochs" in note("depth")


def test_all_diverged(cells: list[Cell], preset: Preset) -> None:
    records = [record(cells[0], s, 10.0, status="diverged") for s in range(3)]
    table = build(preset, cells, records)
    assert table.rows[0].words == "pending"
    assert any("are counted, but are in no mean" in note for note in footnotes(table))
    others = [r for r in full(cells, {}) if r["run"] != cells[0].run]
    row = build(preset, cells, [*records, *others]).rows[0]
    assert (row.kind, row.words) == ("diverged", "diverged: 3 of 3 runs (reference: 0 of 3, p = 0.156)")


def test_csv_has_the_numbers_to_eight_digits(preset: Preset, cells: list[Cell]) -> None:
    table = build(preset, cells, full(cells, {"activation=relu": 2.0}))
    first = next(csv.DictReader(io.StringIO(csv_text(table))))
    assert float(first["mean"]) == pytest.approx(table.rows[0].summary.mean, rel=1e-7)
    assert float(first["sd"]) == pytest.approx(table.rows[0].summary.sd, rel=1e-7)
    assert first["overrides"] == "activation=relu"


def test_latex_escapes_what_latex_reads(preset: Preset, cells: list[Cell]) -> None:
    body = latex(build(preset, cells, full(cells, {"activation=relu": 2.0})))
    assert r"\toprule" in body
    assert r"\textbf{92.00~$\pm$~0.10}" in body
    assert body.isascii()
