r"""LaTeX tables as wide as the page's text, with notes below: booktabs and longtable.

A ``longtable`` continues over several pages, so a table may have 300 rows. It does not work in two columns: use
``\onecolumn`` there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

LATEX_BOLD = ("BOLD(", ")BOLD")  # marks that no text contains
PREAMBLE = r"\usepackage{booktabs,longtable,array}"
CITED = "krause2026gem, das2025golu"
BOUND = "\N{NO-BREAK SPACE}"
SIGNS = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    BOUND: "~",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "√": r"$\surd$",
    "²": "$^2$",
    "·": r"$\cdot$",
    "ε": r"$\varepsilon$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "λ": r"$\lambda$",
    "Δ": r"$\Delta$",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "†": r"$^\dagger$",
    "“": "``",
    "”": "''",
}
GAP = 3.0  # points on either side of a column
TEXT_WIDTH = 345.0  # points, in the article class at 10 points; on a wider page the columns are wider
# For each size, the points of a usual type of the same width, because small types are broad. The table uses the first
# size that holds the longest words.
SIZES = {r"\scriptsize": 8.0, r"\tiny": 6.8}
SAFE = 1.05  # estimated widths are too small by a few per cent at most
STEP = 1.0  # decrement of a column's width, in em
# Widths in Computer Modern, in em.
NARROW, DIGIT, LOWER, UPPER, WIDE = 0.33, 0.5, 0.47, 0.75, 0.83


def escaped(text: str) -> str:
    """``text`` with special characters, and the marks of bold, as LaTeX commands."""
    text = "".join(SIGNS.get(sign, sign) for sign in bound(text))
    for mark, command in zip(LATEX_BOLD, (r"\textbf{", "}"), strict=True):
        text = text.replace(mark, command)
    return text


def bound(text: str) -> str:
    """``text`` without line breaks inside ``83.24 ± 0.20`` and ``< 0.001``."""
    return text.replace(" ± ", f"{BOUND}±{BOUND}").replace("< 0", f"<{BOUND}0")


def longtable(rows: Sequence[Sequence[str]], names: Sequence[str], title: str, label: str = "") -> str:
    """A table as wide as the text. Cells break at spaces, as their column's width requires."""
    size, shares = columns_of([names, *rows])
    gaps = 2 * GAP * (len(names) - 1)
    layout = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{share:.4f}\dimexpr\linewidth-{gaps:g}pt\relax}}" for share in shares
    )
    caption = rf"\caption{{{escaped(title)}.}}" + (rf"\label{{tab:{label}}}" if label else "")
    head = " & ".join(escaped(name) for name in names)
    lines = [
        rf"{{{size}\setlength{{\tabcolsep}}{{{GAP:g}pt}}\setlength{{\LTcapwidth}}{{\linewidth}}",
        rf"\begin{{longtable}}{{@{{}}{layout}@{{}}}}",
        rf"{caption}\\",
        rf"\toprule {head} \\ \midrule \endfirsthead",
        rf"\toprule {head} \\ \midrule \endhead",
        r"\bottomrule \endfoot",
        *(" & ".join(escaped(cell) for cell in row) + r" \\" for row in rows),
        r"\end{longtable}}",
    ]
    return "\n".join(lines)


def notes_below(notes: Sequence[str]) -> str:
    """The footnotes of a table, each as a paragraph in its small type."""
    lines = [rf"\noindent {escaped(note)}\par" for note in notes]
    return "\n".join([r"{\scriptsize\raggedright", *lines, "}"])


def columns_of(texts: Sequence[Sequence[str]]) -> tuple[str, list[float]]:
    """The size of the type, and each column's share of the width.

    Columns start as wide as their longest text. While they do not fit, the column that costs the fewest lines becomes
    narrower. No column becomes narrower than its longest word.
    """
    columns = list(zip(*texts, strict=True))
    least = [max(SAFE * text_width(word) for text in column for word in bound(text).split(" ")) for column in columns]
    widths = [max(SAFE * text_width(text) for text in column) for column in columns]
    fitting = {size: room for size, room in rooms(len(columns)).items() if sum(least) <= room}
    size, room = next(iter(fitting.items())) if fitting else list(rooms(len(columns)).items())[-1]
    lines = [[1] * len(texts) for _ in columns]
    while sum(widths) > room:
        tries = []
        for k, column in enumerate(columns):
            if widths[k] > least[k]:
                width = max(least[k], widths[k] - min(STEP, sum(widths) - room))
                narrower = [line_count(text, width) for text in column]
                height = sum(map(max, zip(*lines[:k], narrower, *lines[k + 1 :], strict=True)))
                tries.append((height, width - widths[k], k, width, narrower))
        if not tries:
            break
        _, _, k, widths[k], lines[k] = min(tries)
    return size, [width / max(room, sum(widths)) for width in widths]


def line_count(text: str, width: float) -> int:
    """The number of lines of a text that breaks at spaces."""
    lines, used = 1, 0.0
    for word in bound(text).split(" "):
        needed = SAFE * text_width(word)
        if used and used + NARROW + needed > width:
            lines, used = lines + 1, needed
        else:
            used += needed + (NARROW if used else 0.0)
    return lines


def rooms(columns: int) -> dict[str, float]:
    """The available width for text, in em, by size."""
    return {size: (TEXT_WIDTH - 2 * GAP * (columns - 1)) / points for size, points in SIZES.items()}


@functools.cache
def text_width(text: str) -> float:
    """The estimated width in em."""
    bold = LATEX_BOLD[0] in text
    for mark in LATEX_BOLD:
        text = text.replace(mark, "")
    return (1.15 if bold else 1.0) * sum(sign_width(sign) for sign in text)


def sign_width(sign: str) -> float:
    if re.match(rf"[{BOUND} ,.;:()\[\]'|†-]", sign):
        return NARROW
    if sign.isdigit():
        return DIGIT
    if sign in "±−+=<>≤≥×÷→%—mw":
        return WIDE
    return UPPER if sign.isupper() else LOWER
