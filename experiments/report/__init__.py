"""results/report.html: one self-contained page with the results of all records."""

from experiments.report.page import render

__all__ = ["render"]
