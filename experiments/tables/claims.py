"""A paper's claims and the results: each claim holds, does not hold, or is open.

All comparisons of the page share one error of 5 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omegaconf import OmegaConf

from experiments.config.compose import CONFIGS
from experiments.errors import UserError
from experiments.stats import Verdict
from experiments.studies.naming import activation_title
from experiments.tables.overall import Overall, activation_of, standings
from experiments.tables.pair import Pair
from experiments.tables.pairs import PairBook, overall_pair, pair_within
from experiments.tables.row import Row
from experiments.tables.table import Table

CLAIMS = CONFIGS / "claims.yaml"
SAYS = ("better", "worse", "equal")
PAPERS = {"gem": "arXiv 2604.21677, abstract", "golu": "arXiv 2502.03654, tables of its repository"}
State = Literal["holds", "does not hold", "open", "pending"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One test of a claim: ``cell`` of ``table`` should be ``says`` compared with ``against``, or its reference."""

    claim: str
    of: str
    table: str
    cell: str
    says: str  # one of SAYS
    against: str | None = None
    miniature: bool = False  # a smaller network, data set or training than the paper's
    needs: str | None = None  # what running the table requires
    known: str | None = None  # the runs that had been seen when the question was asked
    paper: str = "gem"  # one of PAPERS

    def __post_init__(self) -> None:
        if self.says not in SAYS:
            raise UserError(f"{CLAIMS.name}: says={self.says}: must be one of {', '.join(SAYS)}")
        if self.paper not in PAPERS:
            raise UserError(f"{CLAIMS.name}: paper={self.paper}: must be one of {', '.join(PAPERS)}")


@dataclass(frozen=True)
class Answer:
    """The ``pair`` with its verdict on this page, whose error is shared over all comparisons of the page.

    ``staged``: whether it is from a study with looks. Its verdict is that of its last look, with its own error.
    """

    question: Question
    pair: Pair
    on_page: Verdict | None
    staged: bool = False

    @property
    def state(self) -> State:
        """The answer. Equivalence within a margin does not refute a claim of a difference."""
        if self.pair.pending or self.on_page is None:
            return "pending"
        kind, says = self.on_page.kind, self.question.says
        if kind == "diverged":
            return "open"
        if self.on_page.within_margin if says == "equal" else kind == says:
            return "holds"
        return "does not hold" if kind in ("better", "worse") else "open"


def read_questions(path: Path = CLAIMS) -> list[Question]:
    """The questions of the file. Raises UserError for an unknown or missing key, or a value that is not allowed."""
    entries: Any = OmegaConf.to_container(OmegaConf.load(path))
    try:
        return [
            Question(claim=entry["claim"], paper=entry.get("paper", "gem"), **place)
            for entry in entries
            for place in entry["asked"]
        ]
    except (TypeError, KeyError) as error:
        raise UserError(f"{path.name}: {error}") from error


def questions_by_paper(path: Path = CLAIMS) -> dict[str, list[Question]]:
    """``read_questions`` by paper. Each paper has its own page, with its own error."""
    asked = read_questions(path)
    return {paper: [q for q in asked if q.paper == paper] for paper in PAPERS}


def answers_to(asked: Sequence[Question], tables: Sequence[Table]) -> dict[Question, Answer]:
    """The answers to questions whose table has runs. All pairs with runs share the error; each counts once."""
    by_name, book = {table.preset.name: table for table in tables}, PairBook(tables)
    pairs = {q: asked_pair(q, by_name[q.table], book) for q in asked if q.table in by_name}
    staged = {q: by_name[q.table].study is not None for q in pairs}
    count = number_of_comparisons(pair for q, pair in pairs.items() if not staged[q])

    def on_page(q: Question, pair: Pair) -> Verdict | None:
        if pair.kind in ("not run", "other data"):
            return None
        return pair.verdict if staged[q] else pair.judged(count)

    return {q: Answer(q, pair, on_page(q, pair), staged[q]) for q, pair in pairs.items()}


def number_of_comparisons(pairs: Iterable[Pair]) -> int:
    """Number of pairs with runs on both sides. Two questions about the same runs are one comparison."""
    return max(1, len({pair.key for pair in pairs if pair.ran}))


def asked_pair(question: Question, table: Table, book: PairBook) -> Pair:
    """The two sides, over all tables that have them. If the table has several settings: over all its settings."""
    found = standings(table)
    row = side(table, found, question.cell)
    reference = next(each for each in found.values() if each.is_reference)
    other = side(table, found, question.against) if question.against else reference
    if isinstance(row, Row) and isinstance(other, Row):
        if table.study is not None:
            return pair_within(table, row, other)
        pair = book.pair(row.cell.run, other.cell.run, table.metric.key)
        assert pair
        return pair
    assert isinstance(row, Overall)
    assert isinstance(other, Overall)
    return overall_pair(table, row, other, len(found))


def side(table: Table, found: Mapping[str, Row | Overall], cell: str) -> Row | Overall:
    """The result of ``cell`` in ``found``, the standings of ``table``. Raises UserError if it is not there."""
    for row in table.rows:
        if cell.split() in (row.cell.overrides.split(), activation_of(row.cell).split()):
            return found.get(row.title) or found[activation_title(row.cell.config.activation)]
    raise UserError(f"{CLAIMS.name}: cell={cell}: must be one of {table.preset.name}'s cells")
