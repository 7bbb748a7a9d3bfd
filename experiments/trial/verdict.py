"""The result of a trial as plain data. verdict.json contains it; verdict.md and the page show it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.stats import RowState
from experiments.studies.naming import activation_title
from experiments.studies.results import Results
from experiments.tables.provenance import KINDS, provenance_remark
from experiments.trial.battery import TaskState
from experiments.trial.curves import curves_of, tuning_curves

FORMAT = 1
OVERHEAD = 30.0  # times ReLU's call on a small tensor; formulas of several operations stay below it
Certificate = Mapping[str, Sequence[Mapping[str, Any]]]  # findings by part


def task_verdict(state: TaskState, results: Results) -> dict[str, Any]:
    """One task: a row for each baseline, the chosen settings, curves."""
    titles = titles_of(state)
    return {
        "preset": state.preset.name,
        "title": state.preset.title,
        "metric": state.metric.title,
        "unit": state.metric.difference_unit,
        "digits": state.metric.digits,
        "margin": state.preset.margin,
        "chosen": {titles[name]: list(choice.point) for name, choice in state.tuning.choices.items()},
        "edges": [f"{key} at its {end} end" for key, end in state.tuning.edges],
        "rows": [
            row | {"differs": differs(state, name, results)}
            for name, row in zip(state.rows, rows_of(state), strict=True)
        ],
        "tuning": tuning_curves(state, titles),
        "curves": curves_of(state, titles, results),
    }


def differs(state: TaskState, baseline: str, results: Results) -> str:
    """How the newcomer's runs differ from the baseline's in device, versions or threads.

    Commits are not compared, because every trial has its own.
    """
    newcomer, *baselines = state.cells
    other = next(cell for cell in baselines if cell.overrides == baseline)
    own, theirs = (
        [record for seed in state.preset.counted if (record := results.record(cell.run, cell.config, seed))]
        for cell in (newcomer, other)
    )
    kinds = [kind for kind in KINDS if kind != "commit"]
    return provenance_remark(own, theirs, titles_of(state)[baseline], kinds)


def titles_of(state: TaskState) -> dict[str, str]:
    """The title of each cell, by its overrides."""
    return {cell.overrides: activation_title(cell.config.activation) for cell in state.cells}


def rows_of(state: TaskState) -> list[dict[str, Any]]:
    """A row for each baseline."""
    return [row_verdict(titles_of(state)[name], row, state) for name, row in state.rows.items()]


def row_verdict(against: str, row: RowState, state: TaskState) -> dict[str, Any]:
    """The newcomer minus ``against``. Numbers that do not exist are None."""
    verdict = row.verdict
    assert verdict is not None
    kind, words = str(verdict.kind), row.words(state.metric.difference_unit, state.metric.digits)
    if verdict.estimate.value == 0 and verdict.estimate.standard_error == 0:  # the same function in another form
        kind, words = "identical", f"identical results at all {verdict.estimate.n} seeds"
    return {
        "against": against,
        "kind": kind,
        "difference": finite(verdict.estimate.value),
        "low": finite(verdict.low),
        "high": finite(verdict.high),
        "p": finite(verdict.p),
        "p_equal": finite(verdict.p_equal),
        "within_margin": verdict.within_margin,
        "seeds": verdict.estimate.n,
        "least_detectable": finite(verdict.least_detectable),
        "favours_newcomer_if": "positive" if state.metric.higher_is_better else "negative",
        "words": words,
    }


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def summary(
    title: str, certificate: Certificate, cost: Mapping[str, Any] | None, tasks: Sequence[Mapping[str, Any]]
) -> str:
    """The verdict in a few sentences: whether it is sound, its cost, and its results."""
    graded = [finding for findings in certificate.values() for finding in findings]
    wrong = [f for f in graded if f["grade"] == "wrong"]
    fails = [f for f in graded if f["grade"] == "fails"]
    if wrong:
        sound = f"{title} is not sound: {wrong[0]['text']}."
    elif fails:
        names = ", ".join(dict.fromkeys(finding["name"] for finding in fails))
        sound = f"{title} can be trained, but fails {len(fails)} of {len(graded)} checks: {names}."
    else:
        sound = f"{title} is sound."
    sound = " ".join([sound, *cost_sentences(cost)])
    if not tasks:
        return sound
    kinds = Counter(row["kind"] for task in tasks for row in task["rows"])
    total = sum(kinds.values())
    order = ("better", "worse", "equivalent", "identical", "open", "diverged", "untested")
    counts = ", ".join(f"{kind} in {kinds[kind]}" for kind in order if kinds[kind])
    return f"{sound} Of {total} comparisons over {len(tasks)} tasks it is {counts}."


def cost_sentences(cost: Mapping[str, Any] | None) -> list[str]:
    """Its time relative to GELU's on a large tensor, and to ReLU's on a small one if that is large."""
    times = cost["times"] if cost else []
    rows = {(row["mode"], row["size"], row["part"]): row["ratios"] for row in times if "ratios" in row}
    sentences = []
    if ratios := rows.get(("eager", "large", "training")):
        sentences.append(f"Forward and backward pass take {ratios['GELU'][0]:.2g} times as long as GELU's.")
    ratios = rows.get(("eager", "small", "forward"))
    if ratios and ratios["ReLU"][0] > OVERHEAD:
        sentences.append(
            f"A call has an overhead: on a small tensor it takes {ratios['ReLU'][0]:.2g} times as long as ReLU's."
        )
    return sentences


def open_questions(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each comparison that is not settled, with the difference it could have found."""
    lines = []
    for task in tasks:
        for row in task["rows"]:
            if row["kind"] in ("open", "untested", "diverged"):
                least = row["least_detectable"]
                found = "" if least is None else (
                    f": {row['seeds']} seeds find a difference of {least:.{task['digits']}f} {task['unit']} "
                    "with 80 % power"
                )  # fmt: skip
                lines.append(f"{task['title']}, against {row['against']}{found}")
    return lines


def markdown(verdict: Mapping[str, Any]) -> str:
    """verdict.md, for a paper's appendix."""
    lines = [f"# Trial of {verdict['title']}", "", verdict["summary"], ""]
    if verdict["tasks"]:
        lines += ["| task | against | difference [interval] | seeds | verdict |", "| --- | --- | --- | --- | --- |"]
    for task in verdict["tasks"]:
        for row in task["rows"]:
            numbers = difference_text(row, task)
            lines.append(f"| {task['title']} | {marked(row)} | {numbers} | {row['seeds']} | {row['words']} |")
    lines += ["", *remarks(verdict["tasks"])]
    lines += ["", f"Command: `{verdict['command']}`", "", verdict["method"], ""]
    failing = [f for part in verdict["certificate"].values() for f in part if f["grade"] in ("fails", "wrong")]
    lines += [f"* {f['name']}: {f['text']} {f['shown_by']}".rstrip() for f in failing]
    return "\n".join(lines).rstrip() + "\n"


def marked(row: Mapping[str, Any]) -> str:
    """The baseline, with † if its runs were made on another device or with other versions."""
    return f"{row['against']} †" if row.get("differs") else str(row["against"])


def remarks(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The meaning of the marks, each once."""
    found = dict.fromkeys(row["differs"] for task in tasks for row in task["rows"] if row.get("differs"))
    return [f"† {remark[0].upper()}{remark[1:]}." for remark in found]


def difference_text(row: Mapping[str, Any], task: Mapping[str, Any]) -> str:
    digits, unit = task["digits"], task["unit"]
    if row["difference"] is None:
        return "—"
    interval = "" if row["low"] is None else f" [{row['low']:+.{digits}f}, {row['high']:+.{digits}f}]"
    return f"{row['difference']:+.{digits}f}{interval} {unit}".replace("-", "−").rstrip()
