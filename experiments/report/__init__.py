"""results/report.html: one self-contained page of everything the records say."""

from experiments.report.page import render

__all__ = ["render"]
