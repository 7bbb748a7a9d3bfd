"""Every figure: of the functions themselves, and of the records of a preset. One look, the same bytes every time."""

from experiments.figures.catalogue import FUNCTION_FIGURES, preset_figures, ranking_figure

__all__ = ["FUNCTION_FIGURES", "preset_figures", "ranking_figure"]
