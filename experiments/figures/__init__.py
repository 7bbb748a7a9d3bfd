"""Figures of the functions and of the records of a preset. They share one style; equal inputs give equal files."""

from experiments.figures.catalogue import FUNCTION_FIGURES, TASK_FIGURES, preset_figures

__all__ = ["FUNCTION_FIGURES", "TASK_FIGURES", "preset_figures"]
