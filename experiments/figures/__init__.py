"""Every figure: of the functions themselves, and of the records of a preset. One look, the same bytes every time."""

from experiments.figures.catalogue import FUNCTION_FIGURES, TASK_FIGURES, preset_figures

__all__ = ["FUNCTION_FIGURES", "TASK_FIGURES", "preset_figures"]
