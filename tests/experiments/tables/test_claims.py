"""The rows of claims, from synthetic records whose truth is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from experiments.config.compose import ROOT
from experiments.errors import UserError
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, context, load_preset
from experiments.tables.claims import Question, answers_to, questions_by_paper, read_questions
from experiments.tables.claims_page import claims_markdown
from experiments.tables.recorded import recorded
from experiments.tables.table import Table, build
from tests.synthetic import record

NOISE = (-0.1, 0.0, 0.1)
OFFSETS = {"activation=relu": 2.0, "activation=gem": -2.0, "activation=golu": 0.05}


def built(without: str) -> Table:
    plan = dataclasses.replace(load_preset("quickstart"), demonstration=False, margin=0.5)
    cells = cells_of(plan)
    ran = [c for c in cells if without not in c.overrides]
    return build(
        plan, cells, [record(c, s, 90 + OFFSETS.get(c.overrides, 0) + NOISE[s]) for c in ran for s in range(3)]
    )


@pytest.fixture(scope="module")
def table() -> Table:
    """ReLU two points ahead of GELU, GEM two behind, GoLU equal within half a point, no run of SE-GEM."""
    return built(without="segem")


@pytest.fixture(scope="module")
def whole() -> Table:
    """The same with SE-GEM, as GELU."""
    return built(without="nothing")


def question(cell: str, says: str = "better", against: str | None = None, miniature: bool = False) -> Question:
    return Question(
        claim="a claim", of="digits", table="quickstart", cell=cell, says=says, against=against, miniature=miniature
    )


def rows(tables: list[Table], *asked: Question) -> list[list[str]]:
    """The cells of the page's second table, a list a question."""
    return parsed(claims_markdown(tables, asked).partition("## Question by question")[2])


def summary(tables: list[Table], *asked: Question) -> list[list[str]]:
    """The cells of the page's first table, a list a claim."""
    return parsed(claims_markdown(tables, asked).partition("## Question by question")[0])


def parsed(page: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize(
    ("cell", "says", "finding"),
    [
        ("activation=relu", "better", "holds: better by"),
        ("activation=relu", "worse", "does not hold: better by"),
        ("activation=gem", "better", "does not hold: worse by"),
        ("activation=gem", "equal", "does not hold: worse by"),
        ("activation=golu", "equal", "holds: equivalent within ±0.5 points"),
        ("activation=golu", "better", "open: equivalent within ±0.5 points"),
    ],
)
def test_a_claim_is_held_against_the_verdict(whole: Table, cell: str, says: str, finding: str) -> None:
    ((claim, of, found, n, difference, elsewhere, name),) = rows([whole], question(cell, says))
    assert (claim, of, n, name) == ("a claim", "digits", "3", "`quickstart`")
    assert found.startswith(finding)
    assert elsewhere == next(row.words for row in whole.rows if row.cell.overrides == cell)
    assert difference.endswith("] points")
    assert " − GELU: " in difference


def test_a_miniature_says_so(whole: Table) -> None:
    small = question("activation=gem", miniature=True)
    assert rows([whole], small)[0][2].startswith("does not hold in miniature: ")


def test_while_runs_are_to_come_a_claim_is_pending(table: Table) -> None:
    """Holm's correction needs all rows of the table."""
    ((*_, found, n, difference, elsewhere, _),) = rows([table], question("activation=gem"))
    assert (found, n, elsewhere) == ("pending", "3", "pending")
    assert " − GELU: −2.00 [" in difference


def test_a_claim_is_told_once(table: Table) -> None:
    asked = question("activation=gem"), question("activation=relu")
    assert [row[0] for row in rows([table], *asked)] == ["a claim", ""]


def test_the_summary_counts_how_a_claims_questions_came_out(whole: Table) -> None:
    """Apart for the paper's size and for miniatures; claims stay in their order. The same pair counts once."""
    ahead, behind = question("activation=relu"), question("activation=gem", miniature=True)
    level = question("activation=golu", miniature=True)
    other = dataclasses.replace(ahead, claim="another claim")
    assert summary([whole], ahead, behind, level, behind, other) == [
        ["a claim", "holds", "does not hold: 1 of 2; open: 1 of 2"],
        ["another claim", "holds", "—"],
    ]
    ahead_too = dataclasses.replace(ahead, cell="activation=gem", says="worse")
    assert summary([whole], ahead, ahead_too) == [["a claim", "holds: all 2", "—"]]


def test_the_summary_says_what_is_to_come_and_what_it_takes(table: Table) -> None:
    waiting = dataclasses.replace(question("activation=gem"), table="table_cifar100", needs="a GPU")
    some, none = question("activation=relu", miniature=True), question("activation=segem", miniature=True)
    assert summary([table], waiting, waiting, some, none) == [
        ["a claim", "not run: takes 49 runs and a GPU", "pending: all 2"]
    ]


def test_the_reference_as_first_side_turns_the_comparison_round(whole: Table) -> None:
    asked = question("activation=gelu", against="activation=relu")
    pair = answers_to([asked], [whole])[asked].pair
    own = whole.by_overrides["activation=relu"].verdict
    assert pair.verdict
    assert own
    assert (pair.verdict.estimate.value, pair.verdict.p) == (-own.estimate.value, own.p)
    assert (pair.verdict.low, pair.verdict.high) == (-own.high, -own.low)
    assert rows([whole], asked)[0][2].startswith("does not hold")


def test_the_page_has_one_error_for_all_its_comparisons(preset: Preset, cells: list[Cell]) -> None:
    """GoLU 0.33 points ahead of GELU in three seeds: found as the only question (p = 0.016), not among five."""
    lead = {"activation=golu": 0.33}
    ran = build(
        preset, cells, [record(c, s, 90 + lead.get(c.overrides, 0) + NOISE[s]) for c in cells for s in (0, 1, 2)]
    )
    asked = question("activation=golu")
    alone = answers_to([asked], [ran])[asked].on_page
    assert alone
    assert 0.01 < alone.p < 0.05
    others = [question(cell.overrides) for cell in cells if cell.overrides not in (asked.cell, "activation=gelu")]
    among = answers_to([asked, *others], [ran])[asked].on_page
    assert among
    assert among.p == pytest.approx(5 * alone.p)
    assert rows([ran], asked)[0][2].startswith("holds: better by")
    assert rows([ran], asked, *others)[0][2].startswith("open: not significant (")
    assert rows([ran], asked, asked)[0][2].startswith("holds: better by")  # the same comparison twice is one


def test_a_claim_never_holds_where_runs_diverged(preset: Preset, cells: list[Cell]) -> None:
    plan = dataclasses.replace(preset, margin=0.5)
    ran = [record(c, s, 90 + OFFSETS.get(c.overrides, 0) + NOISE[s]) for c in cells for s in range(3)]
    failed = [
        record(c, 2, 0.0, status="diverged") for c in cells if c.overrides in ("activation=relu", "activation=golu")
    ]
    lost = {(r["run"], r["seed"]) for r in failed}
    table = build(plan, cells, [*(r for r in ran if (r["run"], r["seed"]) not in lost), *failed])
    found = [
        rows([table], asked)[0][2] for asked in (question("activation=relu"), question("activation=golu", "equal"))
    ]
    assert all(text.startswith("open: diverged: 1 of 3 runs (reference: 0 of 3, p = ") for text in found)


def test_what_was_known_is_marked(table: Table) -> None:
    asked = dataclasses.replace(question("activation=gem"), known="two of three seeds")
    assert rows([table], asked)[0][1] == "digits ‡"
    assert "- ‡ digits (`quickstart`): known when this was asked: two of three seeds.\n" in claims_markdown(
        [table], [asked]
    )


def test_what_has_not_run_says_what_it_takes(table: Table) -> None:
    waiting = dataclasses.replace(question("activation=gem"), table="table_cifar100", needs="a GPU")
    assert rows([table], waiting)[0][2:6] == ["not run: takes 49 runs and a GPU", "0", "—", "—"]
    half = question("activation=segem")
    assert rows([table], half)[0][2:6] == ["not run", "0 of 3", "—", "not run"]


def test_each_paper_has_a_page(whole: Table) -> None:
    of_golu = dataclasses.replace(question("activation=golu"), paper="golu")
    text = claims_markdown([whole], [of_golu])
    assert "| arXiv 2502.03654, tables of its repository" in text
    assert "SE-GEM a reconstruction" not in text
    assert "SE-GEM a reconstruction" in claims_markdown([whole], [question("activation=golu")])
    assert {paper: bool(asked) for paper, asked in questions_by_paper().items()} == {"gem": True, "golu": True}
    with pytest.raises(UserError, match="paper=bert: must be one of gem, golu"):
        dataclasses.replace(of_golu, paper="bert")


def test_a_study_with_looks_keeps_its_own_error(whole: Table) -> None:
    """Its verdict holds at its last look; a test at a fixed number of seeds would not."""
    name = "tuned_gpt2_tiny"
    table = recorded(name, ROOT / "results")
    assert table is not None
    cell = "activation=relu"
    staged = Question(claim="another", of="GPT-2", table=name, cell=cell, says="worse")
    asked = [question("activation=relu"), staged]
    answer = answers_to(asked, [whole, table])[staged]
    assert answer.staged
    assert answer.on_page == next(row.verdict for row in table.rows if row.cell.overrides == cell)
    text = claims_markdown([whole, table], asked)
    assert "shared over the 1 comparisons" in text
    assert "A study with looks is not among them" in text


def test_mistakes_are_one_line(table: Table, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cell=activation=tanh: must be one of quickstart's cells"):
        answers_to([question("activation=tanh")], [table])
    with pytest.raises(UserError, match="says=ahead: must be one of better, worse, equal"):
        question("activation=gem", says="ahead")
    (tmp_path / "claims.yaml").write_text("- {claim: a, asked: [{of: b, tabel: c}]}")
    with pytest.raises(UserError, match="tabel"):
        read_questions(tmp_path / "claims.yaml")


def test_every_question_names_cells_of_its_preset() -> None:
    for asked in read_questions():
        cells = load_preset(asked.table).cells
        known = [*cells, *(" ".join(w for w in cell.split() if w not in context(cell)) for cell in cells)]
        for cell in filter(None, (asked.cell, asked.against)):
            assert cell in known, f"{asked.table}: {cell}"
