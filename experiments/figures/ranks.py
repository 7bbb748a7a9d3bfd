"""The critical-difference diagram: average ranks over the tasks, and bars over activations that do not differ."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import scikit_posthocs
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.figures.colours import MUTED, colour_of
from experiments.figures.overview import task_title
from experiments.stats.ranks import Ranking, rank
from experiments.tables.overall import standings
from experiments.tables.table import Table

INCHES = 7.0


def ranking_of(tables: Sequence[Table]) -> Ranking | None:
    """Ranks by mean of the activations that every table has, over the tables whose planned runs have all ended.

    If a task has a table with tuned values, that one counts. If a table has several settings, its mean is over the
    seeds that finished in all of them. Tasks on the same data set count as one. None with fewer than two tasks or
    three activations.
    """
    scores: dict[str, dict[str, float]] = {}
    data_sets: dict[str, str] = {}
    tuned = {table.preset.task for table in tables if table.preset.tune and not table.left}
    for table in tables:
        if table.left or (table.preset.task in tuned and not table.preset.tune):
            continue
        sign = 1 if table.metric.higher_is_better else -1
        name = task_title(table)
        scores[name] = {title: sign * row.summary.mean for title, row in standings(table).items() if row.values}
        data_sets[name] = table.rows[0].cell.config.dataset.title
    try:
        return rank(scores, data_sets)
    except ValueError:
        return None


def critical_differences(tables: Sequence[Table]) -> Figure | None:
    ranking = ranking_of([table for table in tables if table.preset.task])
    if ranking is None:
        return None
    title = textwrap.wrap(f"Average rank over {' · '.join(ranking.tasks)}", int(style.LETTERS * INCHES))
    title.append(f"critical difference {ranking.critical_difference:.2f}, Friedman p = {ranking.p:.3f}")
    made, (panel,) = style.figure(1, INCHES, 0.7 + 0.15 * len(title) + 0.24 * len(ranking.ranks))
    palette = {title: colour_of(title) for title in ranking.ranks.index}
    drawn = scikit_posthocs.critical_difference_diagram(
        ranking.ranks,
        ranking.pairs,
        ax=panel,
        color_palette=palette,
        crossbar_props={"color": MUTED},
        text_h_margin=0.04,
        label_fmt_left="{label} ({rank:.2g}) ",
        label_fmt_right=" ({rank:.2g}) {label}",
    )
    for line in (line for lines in drawn["crossbars"] for line in lines):
        line.set_xdata(sorted(line.get_xdata()))  # they come from a set, whose order changes from run to run
    style.headline(made, "\n".join(title))
    return made
