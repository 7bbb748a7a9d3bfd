"""The critical-difference diagram: average ranks over the tasks, bars over what cannot be told apart."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import scikit_posthocs
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.stats import Ranking, rank
from experiments.tables.overall import standings
from experiments.tables.table import Table

WIDTH = 88  # letters of a title that fit the figure's width


def ranking_of(tables: Sequence[Table]) -> Ranking | None:
    """Ranks by mean of the activations that every table has, of the tables all of whose planned runs have ended.

    Where a table has several settings, its mean is over the seeds that finished in all of them. None with fewer than
    two tasks or three such activations.
    """
    scores: dict[str, dict[str, float]] = {}
    for table in tables:
        sign = 1 if table.metric.higher_is_better else -1
        rows = standings(table)
        means = {title: sign * row.summary.mean for title, row in rows.items() if row.values}
        if not any(row.missing for row in rows.values()):
            scores[str(table.preset.task)] = means
    try:
        return rank(scores)
    except ValueError:
        return None


def critical_differences(tables: Sequence[Table]) -> Figure | None:
    ranking = ranking_of([table for table in tables if table.preset.task])
    if ranking is None:
        return None
    title = textwrap.wrap(f"Average rank over {' · '.join(ranking.tasks)}", WIDTH)
    title.append(f"critical difference {ranking.critical_difference:.2f}, Friedman p = {ranking.p:.3f}")
    made, (panel,) = style.figure(1, 7.0, 0.7 + 0.15 * len(title) + 0.24 * len(ranking.ranks))
    palette = dict.fromkeys(ranking.ranks.index, style.COLOURS[0])
    drawn = scikit_posthocs.critical_difference_diagram(
        ranking.ranks,
        ranking.pairs,
        ax=panel,
        color_palette=palette,
        crossbar_props={"color": style.COLOURS[2]},
        text_h_margin=0.04,
        label_fmt_left="{label} ({rank:.2g}) ",
        label_fmt_right=" ({rank:.2g}) {label}",
    )
    for line in (line for lines in drawn["crossbars"] for line in lines):
        line.set_xdata(sorted(line.get_xdata()))  # they come from a set, in an order that changes from run to run
    made.suptitle("\n".join(title), fontsize=9)
    return made
