"""What a claim's row says, from synthetic records whose truth is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from experiments.errors import UserError
from experiments.studies.cells import Cell, cells_of
from experiments.studies.presets import Preset, context, load_preset
from experiments.tables.claims import Question, answer, markdown, questions
from experiments.tables.table import Table, build
from tests.synthetic import record

NOISE = (-0.1, 0.0, 0.1)
OFFSETS = {"activation=relu": 2.0, "activation=gem": -2.0, "activation=golu": 0.05}


def built(without: str) -> Table:
    plan = dataclasses.replace(load_preset("quickstart"), margin=0.5)
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
    return parsed(markdown(tables, asked).partition("## Question by question")[2])


def summary(tables: list[Table], *asked: Question) -> list[list[str]]:
    """The cells of the page's first table, a list a claim."""
    return parsed(markdown(tables, asked).partition("## Question by question")[0])


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
        ("activation=golu", "equal", "holds: equal within ±0.5 points"),
        ("activation=golu", "better", "open: equal within ±0.5 points"),
    ],
)
def test_a_claim_is_held_against_the_verdict(whole: Table, cell: str, says: str, finding: str) -> None:
    ((claim, of, found, n, difference, name),) = rows([whole], question(cell, says))
    assert (claim, of, n, name) == ("a claim", "digits", "3", "`quickstart`")
    verdict = next(row.verdict for row in whole.rows if row.cell.overrides == cell)
    assert found.startswith(finding)
    assert found.endswith(verdict)
    assert difference.endswith("] points")
    assert " − GELU: " in difference


def test_a_miniature_says_so(whole: Table) -> None:
    small = question("activation=gem", miniature=True)
    assert rows([whole], small)[0][2].startswith("does not hold in miniature: ")


def test_while_runs_are_to_come_a_claim_is_open(table: Table) -> None:
    assert rows([table], question("activation=gem"))[0][2].startswith("open, runs to come: so far worse by ")


def test_a_claim_is_told_once(table: Table) -> None:
    asked = question("activation=gem"), question("activation=relu")
    assert [row[0] for row in rows([table], *asked)] == ["a claim", ""]


def test_the_summary_counts_how_a_claims_questions_came_out(whole: Table) -> None:
    """Apart for the paper's size and for miniatures; claims stay in their order."""
    ahead, behind = question("activation=relu"), question("activation=gem", miniature=True)
    level = question("activation=golu", miniature=True)
    other = dataclasses.replace(ahead, claim="another claim")
    assert summary([whole], ahead, behind, level, behind, other) == [
        ["a claim", "holds", "does not hold: 2 of 3; open: 1 of 3"],
        ["another claim", "holds", "—"],
    ]
    assert summary([whole], behind, behind) == [["a claim", "—", "does not hold: all 2"]]


def test_the_summary_says_what_is_to_come_and_what_it_takes(table: Table) -> None:
    waiting = dataclasses.replace(question("activation=gem"), table="table_cifar100", needs="a GPU")
    some, none = question("activation=relu", miniature=True), question("activation=segem", miniature=True)
    assert summary([table], waiting, waiting, some, none) == [
        ["a claim", "not run: takes 49 runs and a GPU", "open, runs to come: all 2"]
    ]


def test_the_reference_as_first_side_turns_the_tables_comparison_round(whole: Table) -> None:
    turned = answer(question("activation=gelu", against="activation=relu"), whole)
    own = next(row.comparison for row in whole.rows if row.cell.overrides == "activation=relu")
    assert turned.comparison is not None
    assert own is not None
    assert turned.comparison.main.value == pytest.approx(-own.main.value)
    assert (turned.comparison.p, turned.comparison.p_equal) == (own.p, own.p_equal)
    assert not turned.alone
    assert rows([whole], question("activation=gelu", against="activation=relu"))[0][2].startswith("does not hold")


def test_pairs_that_the_table_does_not_compare_are_a_family_of_their_own(preset: Preset, cells: list[Cell]) -> None:
    """GoLU 0.22 points ahead of ReLU in three seeds: found alone (p = 0.045), not among two such pairs."""
    offsets = {"activation=golu": 0.233}
    ran = build(
        preset, cells, [record(c, s, 90 + offsets.get(c.overrides, 0) + NOISE[s]) for c in cells for s in (0, 1, 2)]
    )
    pair = question("activation=golu", against="activation=relu")
    alone = answer(pair, ran)
    assert alone.alone
    assert alone.comparison is not None
    assert 0.025 < alone.comparison.p < 0.05
    assert rows([ran], pair)[0][2].startswith("holds: better by")
    other = question("activation=gem", against="activation=relu")
    assert [row[2] for row in rows([ran], pair, other)] == ["open: no difference detectable"] * 2


def test_what_was_known_is_marked(table: Table) -> None:
    asked = dataclasses.replace(question("activation=gem"), known="two of three seeds")
    assert rows([table], asked)[0][1] == "digits †"
    assert "- † digits (`quickstart`): known when this was asked: two of three seeds.\n" in markdown([table], [asked])


def test_what_has_not_run_says_what_it_takes(table: Table) -> None:
    waiting = dataclasses.replace(question("activation=gem"), table="table_cifar100", needs="a GPU")
    assert rows([table], waiting)[0][2:5] == ["not run: takes 49 runs and a GPU", "0", "—"]
    half = question("activation=segem")
    assert rows([table], half)[0][2:5] == ["open: not all of it has run", "0 of 3", "—"]


def test_mistakes_are_one_line(table: Table, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cell=activation=tanh: must be one of quickstart's cells"):
        answer(question("activation=tanh"), table)
    with pytest.raises(UserError, match="says=ahead: must be one of better, worse, equal"):
        question("activation=gem", says="ahead")
    (tmp_path / "claims.yaml").write_text("- {claim: a, asked: [{of: b, tabel: c}]}")
    with pytest.raises(UserError, match="tabel"):
        questions(tmp_path / "claims.yaml")


def test_every_question_names_cells_of_its_preset() -> None:
    for asked in questions():
        cells = load_preset(asked.table).cells
        known = [*cells, *(" ".join(w for w in cell.split() if w not in context(cell)) for cell in cells)]
        for cell in filter(None, (asked.cell, asked.against)):
            assert cell in known, f"{asked.table}: {cell}"
