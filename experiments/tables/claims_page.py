"""The page of a paper's claims: one row per claim, then one row per question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from experiments.markdown import pipe_table
from experiments.stats import verdict_words
from experiments.studies.naming import seeds_text, with_interval
from experiments.studies.presets import load_preset
from experiments.tables.claims import PAPERS, Answer, Question, answers_to, number_of_comparisons
from experiments.tables.table import Table

TITLE = "The paper's claims"
SUMMARY = ("on the paper's data and kind of network", "in miniature")
HEADERS = (
    "asked of",
    "found",
    "n",
    "difference [95 %, simultaneous]",
    "verdict of its own table",
    "table",
)
KNOWN_OF = {
    "gem": "The paper's networks and recipes are known in parts only.",
    "golu": "The presets have the recipes of the paper's repository.",
}
STAGED = "A study with looks is not among them: its verdict keeps the error of its own table."
DEFINITIONS = (
    "E-GEM is the likelier of two definitions, SE-GEM a reconstruction: the paper's own could not be obtained."
)


def claims_markdown(tables: Sequence[Table], asked: Sequence[Question]) -> str:
    """The page of one paper, in the order of the claims."""
    claimed = PAPERS[asked[0].paper]
    answers = answers_to(asked, tables)
    rows = []
    for before, q in zip([None, *asked], asked, strict=False):
        claim = "" if before and before.claim == q.claim else q.claim
        of = q.of + (" ‡" if q.known else "")
        rows.append([claim, of, *(answer_cells(answers[q]) if q in answers else unrun_cells(q)), tables_of(q, answers)])
    short = pipe_table(summary_rows(asked, answers), [claimed, *SUMMARY])
    body = pipe_table(rows, [claimed, *HEADERS])
    count = number_of_comparisons(answer.pair for answer in answers.values() if not answer.staged)
    notes = [
        f"Found: one error of 5 % is shared over the {count} comparisons of this page (Bonferroni). All its intervals "
        f"hold simultaneously. Each comparison has the test that its tables planned.",
        *([STAGED] if any(answer.staged for answer in answers.values()) else []),
        "Verdict of its own table: the one that overview, findings and README show. It is corrected over that table.",
        "n: seeds of all tables in the last column together. Two questions about the same runs count once above. "
        "Others share runs, too, and are no independent votes.",
        "In miniature: of a smaller network, data set or training than the paper's. Such a result is a hint, no proof. "
        + KNOWN_OF[asked[0].paper],
        *([DEFINITIONS] if asked[0].paper == "gem" else []),
        *(f"‡ {q.of} (`{q.table}`): known when this was asked: {q.known}." for q in asked if q.known),
    ]
    bullets = "".join(f"- {note}\n" for note in notes)
    return f"# {TITLE}\n\n{short}\n\n## Question by question\n\n{body}\n\n{bullets}"


def summary_rows(asked: Sequence[Question], answers: Mapping[Question, Answer]) -> list[list[str]]:
    """One row per claim: the answers to its questions, those at the paper's size and those in miniature."""
    rows = []
    for claim, of_claim in groupby(asked, key=lambda q: q.claim):
        every = list(of_claim)
        sizes = (once([q for q in every if q.miniature is small], answers) for small in (False, True))
        rows.append([claim, *(tally_words(questions, answers) for questions in sizes)])
    return rows


def once(asked: Sequence[Question], answers: Mapping[Question, Answer]) -> list[Question]:
    """The questions without repetitions of an earlier one about the same pair and in the same way."""
    kept: dict[object, Question] = {}
    for q in asked:
        kept.setdefault((answers[q].pair.key, q.says) if q in answers else q, q)
    return list(kept.values())


def tally_words(asked: Sequence[Question], answers: Mapping[Question, Answer]) -> str:
    """``holds``, ``open: 4 of 5; does not hold: 1 of 5``; for questions without runs, what they require."""
    counts = Counter(answers[q].state if q in answers else unrun_words(q) for q in asked)
    if len(counts) == 1:
        ((state, count),) = counts.items()
        return state if count == 1 or state.startswith("not run") else f"{state}: all {count}"
    return "; ".join(f"{state}: {count} of {len(asked)}" for state, count in counts.most_common()) or "—"


def answer_cells(answer: Answer) -> list[str]:
    """Finding, number of seeds, difference, and the verdict of its table."""
    pair, verdict = answer.pair, answer.on_page
    metric = pair.metric
    n = seeds_text(pair.n, len(load_preset(answer.question.table).counted)) if pair.pending else str(pair.n)
    if verdict is None:
        return [pair.words, n, "—", pair.words]
    shown = with_interval(verdict.estimate.value, verdict.low, verdict.high, metric.digits)
    difference = f"{pair.titles[0]} − {pair.titles[1]}: {shown} {metric.difference_unit}".rstrip()
    if answer.state == "pending":
        return ["pending", n, difference, "pending"]
    where = " in miniature" if answer.question.miniature and answer.state != "open" else ""
    words = verdict_words(verdict, metric.difference_unit, metric.digits)
    return [f"{answer.state}{where}: {words}", n, difference, pair.words]


def tables_of(question: Question, answers: Mapping[Question, Answer]) -> str:
    names = answers[question].pair.tables if question in answers else (question.table,)
    return ", ".join(f"`{name}`" for name in names)


def unrun_words(question: Question) -> str:
    plan = load_preset(question.table)
    runs = len(plan.cells) * len(plan.counted)
    return f"not run: takes {runs:,} runs" + (f" and {question.needs}" if question.needs else "")


def unrun_cells(question: Question) -> list[str]:
    return [unrun_words(question), "0", "—", "—"]
