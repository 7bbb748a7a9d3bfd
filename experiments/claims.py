"""What a paper claims beside what the tables found: each claim holds, does not hold, or is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from tabulate import tabulate

from experiments.config.compose import CONFIGS
from experiments.errors import UserError
from experiments.naming import activation_title, difference_unit, higher_is_better, seeds_text, with_interval
from experiments.overall import Overall, activation_of, standings
from experiments.presets import load
from experiments.stats import Comparison, as_family, compare
from experiments.tables import Row, Table

CLAIMS = CONFIGS / "claims.yaml"
TITLE = "The paper's claims"
HEADERS = ("arXiv 2604.21677, abstract", "asked of", "found", "n", "difference [95 %]", "table")
SAYS = ("better", "worse", "equal")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Where a claim is asked: ``cell`` of ``table`` should be ``says`` beside ``against``, or beside its reference."""

    claim: str
    of: str
    table: str
    cell: str
    says: str  # one of SAYS
    against: str | None = None
    miniature: bool = False  # a smaller network, data set or training than the paper's
    needs: str | None = None  # what it takes to run the table
    known: str | None = None  # which of the runs had been seen when the question was put

    def __post_init__(self) -> None:
        if self.says not in SAYS:
            raise UserError(f"{CLAIMS.name}: says={self.says}: must be one of {', '.join(SAYS)}")


@dataclass(frozen=True)
class Answer:
    """The two sides and their comparison, None where one of them has no finished run."""

    table: Table
    sides: tuple[Row | Overall, Row | Overall]
    comparison: Comparison | None
    alone: bool  # compared here, and not by the table


def questions(path: Path = CLAIMS) -> list[Question]:
    """Raises UserError for an unknown or missing key, or one whose value is not allowed."""
    entries: Any = OmegaConf.to_container(OmegaConf.load(path))
    try:
        return [Question(claim=entry["claim"], **place) for entry in entries for place in entry["asked"]]
    except (TypeError, KeyError) as error:
        raise UserError(f"{path.name}: {error}") from error


def markdown(tables: Sequence[Table], asked: Sequence[Question]) -> str:
    """The page: one row a question, in the order of the claims."""
    by_name = {table.preset.name: table for table in tables}
    answers = corrected({q: answer(q, by_name[q.table]) for q in asked if q.table in by_name})
    rows = []
    for before, q in zip([None, *asked], asked, strict=False):
        claim = "" if before and before.claim == q.claim else q.claim
        of = q.of + (" †" if q.known else "")
        rows.append([claim, of, *(told(q, answers[q]) if q in answers else unrun(q)), f"`{q.table}`"])
    body = tabulate(rows, HEADERS, tablefmt="pipe", disable_numparse=True)
    alone = sum(each.alone for each in answers.values())
    notes = [
        "Holds, does not hold, open: by the verdict of the table in the last column, corrected over that table (Holm, "
        f"5 %), once all its planned runs have run; {alone} rows that compare with another activation than that table "
        "does are a family of their own.",
        "In miniature: of a smaller network, data set or training than the paper's, which can hint and not settle. "
        "The paper's networks and recipes are known in parts only.",
        "E-GEM is the likelier of two readings of the paper, SE-GEM a reconstruction.",
        *(f"† {q.of} (`{q.table}`): known when this was asked: {q.known}." for q in asked if q.known),
    ]
    return f"# {TITLE}\n\n{body}\n\n" + "\n".join(f"- {note}" for note in notes) + "\n"


def answer(question: Question, table: Table) -> Answer:
    """The comparison of the two sides, with the table's corrected p where one of them is its reference."""
    found = standings(table)
    reference = next(each for each in found.values() if each.comparison is None)
    one = side(table, found, question.cell)
    other = side(table, found, question.against) if question.against else reference
    known = one.comparison if other.comparison is None else other.comparison if one.comparison is None else None
    plan, values = table.preset, {"one": one.values, "other": other.values}
    higher = higher_is_better(plan.metric)
    pair = compare(values, {"one": "other"}, higher, plan.margin, plan.comparison == "paired")["one"]
    if known:
        pair = replace(pair, p=known.p, p_equal=known.p_equal)
    return Answer(table, (one, other), pair if one.values and other.values else None, alone=known is None)


def side(table: Table, found: Mapping[str, Row | Overall], cell: str) -> Row | Overall:
    """What ``cell`` has reached by ``found``, the standings of ``table``."""
    for row in table.rows:
        if cell.split() in (row.cell.overrides.split(), activation_of(row.cell).split()):
            return found.get(row.title) or found[activation_title(row.cell.config.activation)]
    raise UserError(f"{CLAIMS.name}: cell={cell}: must be one of {table.preset.name}'s cells")


def corrected(answers: Mapping[Question, Answer]) -> dict[Question, Answer]:
    """The comparisons that no table makes are one family."""
    own = {q: a.comparison for q, a in answers.items() if a.alone and a.comparison}
    family = dict(zip(own, as_family(list(own.values())), strict=True))
    return {q: replace(a, comparison=family.get(q, a.comparison)) for q, a in answers.items()}


def told(question: Question, answered: Answer) -> tuple[str, str, str]:
    """Finding, number of seeds and difference."""
    table, (one, other), c = answered.table, answered.sides, answered.comparison
    n = seeds_text(min(len(one.values), len(other.values)), len(table.preset.counted))
    if c is None:
        return "open: not all of it has run", n, "—"
    metric = table.preset.metric
    interval = with_interval(c.main.value, c.main.low, c.main.high, table.digits)
    difference = f"{one.title} − {other.title}: {interval} {difference_unit(metric)}".rstrip()
    found = "open, runs to come" if table.left else standing(question, c, higher_is_better(metric))
    return f"{found}: {table.verdict(c)}", n, difference


def standing(question: Question, comparison: Comparison, higher: bool) -> str:
    """``holds``, ``does not hold`` or ``open``. No claim of a difference is refuted by equality within a margin."""
    where = " in miniature" if question.miniature else ""
    holds = comparison.equal if question.says == "equal" else comparison.finding(higher) == question.says
    if holds:
        return f"holds{where}"
    return f"does not hold{where}" if comparison.different else "open"


def unrun(question: Question) -> tuple[str, str, str]:
    plan = load(question.table)
    runs = len(plan.cells) * len(plan.counted)
    return f"not run: takes {runs:,} runs" + (f" and {question.needs}" if question.needs else ""), "0", "—"
