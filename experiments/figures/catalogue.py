"""The catalogue of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.figures.curves import learning_curves
from experiments.figures.forest import forest
from experiments.figures.functions import convergence, derivatives, functions
from experiments.figures.maps import heat_map, lines
from experiments.figures.mechanism import mechanism
from experiments.figures.overview import overview
from experiments.figures.ranks import critical_differences
from experiments.figures.settings import settings_map
from experiments.figures.tuning import tuning_curves
from experiments.studies.presets import map_name
from experiments.tables.table import Table

FUNCTION_FIGURES: dict[str, Callable[[], Figure]] = {
    "functions": functions,
    "derivatives": derivatives,
    "convergence": convergence,
}
MOST_CURVES = 16  # more cannot be distinguished
MOST_ROWS = 60


def preset_figures(table: Table) -> Iterator[tuple[str, Figure]]:
    """Name and figure of everything that the records of a preset support."""
    preset = table.preset
    ran = [row for row in table.rows if row.values or row.diverged]
    if not ran:
        return
    for axes in preset.maps:
        yield map_name(preset, axes), lines(table, axes[0]) if len(axes) == 1 else heat_map(table, *axes)
    if any(row.judged for row in ran) and (made := settings_map(table)):
        yield f"{preset.name}_settings", made
    if len(ran) <= MOST_ROWS and any(row.verdict and row.values for row in ran):
        yield f"{preset.name}_forest", forest(table)
    if tried := tuning_curves(table):
        yield f"{preset.name}_tuning", tried
    if len(ran) <= MOST_CURVES:
        yield f"{preset.name}_curves", learning_curves(table)
        if watched := mechanism(table):
            yield f"{preset.name}_mechanism", watched


TASK_FIGURES: dict[str, Callable[[Sequence[Table]], Figure | None]] = {
    "overview": overview,
    "ranking": critical_differences,
}
