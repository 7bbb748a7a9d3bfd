"""Texts as a booktabs ``tabular`` of LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

SIGNS = {
    "±": r"$\pm$",
    "ε": r"$\varepsilon$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "−": "$-$",
    "—": "---",
    "†": r"$^\dagger$",
    "Δ": r"$\Delta$",
}
LATEX_BOLD = ("BOLD(", ")BOLD")  # what tabulate leaves alone


def tabular(rows: Sequence[Sequence[str]], names: Sequence[str]) -> str:
    """booktabs, with ``LATEX_BOLD`` and the signs of our texts as commands."""
    text: str = tabulate(rows, names, tablefmt="latex_booktabs", disable_numparse=True)
    for sign, command in zip(LATEX_BOLD, (r"\textbf{", "}"), strict=True):
        text = text.replace(sign, command)
    for sign, command in SIGNS.items():
        text = text.replace(sign, command)
    return text
