"""What a paper claims beside what the tables found: each claim holds, does not hold, or is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from tabulate import tabulate

from experiments.config.compose import CONFIGS
from experiments.errors import UserError
from experiments.stats import Comparison, as_family, compare
from experiments.studies.naming import activation_title, seeds_text, with_interval
from experiments.studies.presets import load_preset
from experiments.tables.overall import Overall, activation_of, standings
from experiments.tables.table import Row, Table

CLAIMS = CONFIGS / "claims.yaml"
TITLE = "The paper's claims"
CLAIMED = "arXiv 2604.21677, abstract"
SUMMARY = (CLAIMED, "on the paper's data and kind of network", "in miniature")
HEADERS = (CLAIMED, "asked of", "found", "n", "difference [95 %]", "table")
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
    """The page: one row a claim, then one row a question, in the order of the claims."""
    by_name = {table.preset.name: table for table in tables}
    answers = corrected({q: answer(q, by_name[q.table]) for q in asked if q.table in by_name})
    rows = []
    for before, q in zip([None, *asked], asked, strict=False):
        claim = "" if before and before.claim == q.claim else q.claim
        of = q.of + (" †" if q.known else "")
        rows.append([claim, of, *(told(q, answers[q]) if q in answers else unrun(q)), f"`{q.table}`"])
    short = tabulate(summary(asked, answers), SUMMARY, tablefmt="pipe", disable_numparse=True)
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
    bullets = "".join(f"- {note}\n" for note in notes)
    return f"# {TITLE}\n\n{short}\n\n## Question by question\n\n{body}\n\n{bullets}"


def summary(asked: Sequence[Question], answers: Mapping[Question, Answer]) -> list[list[str]]:
    """One row a claim: how its questions came out, those of the paper's size and those in miniature."""
    rows = []
    for claim, of_claim in groupby(asked, key=lambda q: q.claim):
        every = list(of_claim)
        rows.append([claim, *(tally([q for q in every if q.miniature is small], answers) for small in (False, True))])
    return rows


def tally(asked: Sequence[Question], answers: Mapping[Question, Answer]) -> str:
    """``holds``, ``open: all 5``, ``open: 4 of 5; does not hold: 1 of 5``; what has not run says what it takes."""
    counts = Counter(state(q, answers[q]) if q in answers else unrun(q)[0] for q in asked)
    if len(counts) == 1:
        ((state_of_all, count),) = counts.items()
        return state_of_all if count == 1 or state_of_all.startswith("not run") else f"{state_of_all}: all {count}"
    return "; ".join(f"{each}: {count} of {len(asked)}" for each, count in counts.most_common()) or "—"


def answer(question: Question, table: Table) -> Answer:
    """The comparison of the two sides, with the table's corrected p where one of them is its reference."""
    found = standings(table)
    reference = next(each for each in found.values() if each.comparison is None)
    one = side(table, found, question.cell)
    other = side(table, found, question.against) if question.against else reference
    known = one.comparison if other.comparison is None else other.comparison if one.comparison is None else None
    plan, values = table.preset, {"one": one.values, "other": other.values}
    higher = table.metric.higher_is_better
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
    interval = with_interval(c.main.value, c.main.low, c.main.high, table.digits)
    difference = f"{one.title} − {other.title}: {interval} {table.metric.difference_unit}".rstrip()
    found = state(question, answered)
    where = " in miniature" if question.miniature and not found.startswith("open") else ""
    return f"{found}{where}: {table.verdict(c)}", n, difference


def state(question: Question, answered: Answer) -> str:
    """``holds``, ``does not hold`` or ``open``. No claim of a difference is refuted by equality within a margin."""
    table, c = answered.table, answered.comparison
    if c is None or table.left:
        return "open, runs to come"
    finding = c.finding(table.metric.higher_is_better)
    if c.equal if question.says == "equal" else finding == question.says:
        return "holds"
    return "does not hold" if c.different else "open"


def unrun(question: Question) -> tuple[str, str, str]:
    plan = load_preset(question.table)
    runs = len(plan.cells) * len(plan.counted)
    return f"not run: takes {runs:,} runs" + (f" and {question.needs}" if question.needs else ""), "0", "—"
