"""Footnotes on the method: how the rows were compared, and which verdicts another test would change."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from experiments.stats.estimate import Test, Values
from experiments.studies.naming import shortened
from experiments.tables.evidence import judge_by_holm
from experiments.tables.overall import overall_rows
from experiments.tables.table import Table


def method_note(table: Table) -> str:
    """The footnote on test, correction and interval."""
    margin, rows = "", len(table.pairs)
    if table.preset.margin is not None:
        size = f"±{table.preset.margin:g} {table.metric.difference_unit}".rstrip()
        margin = f" “Equivalent within {size}” needs the two one-sided tests at that margin, corrected likewise."
    start = "± is the sample sd over seeds (ddof 1)."
    if not table.paired:
        return (
            f"{start} Welch's test, as planned, with Holm's correction (5 %, {rows} rows). An interval has the level "
            f"at which Holm's method tests its row, so that interval, p and verdict agree.{margin} docs/verdicts.md "
            f"explains the rules."
        )
    return (
        f"{start} Differences are paired by seed (Student's t). The error of 5 % is shared over {rows} rows "
        f"(Bonferroni). The intervals hold for all rows at once.{margin} docs/verdicts.md explains the rules."
    )


def pending_notes(table: Table) -> list[str]:
    """The footnote on why there are no verdicts yet."""
    if not table.left or not table.runs:
        return []
    planned = sum(row.planned for row in table.rows)
    return [
        f"{table.left} of {planned} planned runs are pending. There is no verdict yet: an earlier look would "
        f"find differences that do not exist in more than 5 % of cases."
    ]


def alternative_test_notes(table: Table) -> list[str]:
    """The verdicts that the paired test would change, if the preset planned Welch's."""
    if table.paired or max((len(row.values) for row in table.rows), default=0) < 2:
        return []
    titles = {row.cell.overrides: row.title for row in table.rows}
    changed = changed_verdicts(table, table.values, table.pairs, table.diverged)
    lines = [changed_words("Compared paired by seed instead", [titles[name] for name in changed])]
    settings = overall_rows(table)
    if any(len(row.values) > 1 for row in settings):
        reference = next(row.overrides for row in settings if row.is_reference)
        pairs = {row.overrides: reference for row in settings if row.overrides != reference}
        failed = {row.overrides: row.diverged for row in settings}
        changed = changed_verdicts(table, {row.overrides: row.values for row in settings}, pairs, failed)
        names = [row.title for row in settings if row.overrides in changed]
        lines.append(changed_words(f"Over the {settings[0].settings} settings, compared paired by seed instead", names))
    return lines


def changed_words(start: str, titles: list[str]) -> str:
    changes = f"the verdict would change for: {shortened(titles)}" if titles else "no verdict would change"
    return f"{start}, {changes}."


def changed_verdicts(
    table: Table,
    values: Mapping[str, Values],
    pairs: Mapping[str, str],
    diverged: Mapping[str, Collection[int]],
) -> list[str]:
    """The rows for which only one of the two tests finds a difference, or equivalence."""
    tests: tuple[Test, Test] = ("welch", "paired")
    higher, margin = table.metric.higher_is_better, table.preset.margin
    one, other = (
        {
            name: (verdict.different, verdict.within_margin)
            for name, verdict in judge_by_holm(test, values, pairs, higher, margin, diverged).items()
        }
        for test in tests
    )
    return [name for name in pairs if one[name] != other[name]]
