"""The colour of each activation, the same in every figure; colour-blind readers see it (Okabe and Ito 2008)."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.studies.naming import TITLES

COLOURS = {
    "gelu": "#000000",
    "relu": "#E69F00",
    "silu": "#56B4E9",
    "golu": "#009E73",
    "gem": "#0072B2",
    "egem": "#D55E00",
    "segem": "#CC79A7",
    "segem_linear": "#CC79A7",
    "segem_bounded": "#CC79A7",
}
OTHERS = "#8E6BBF"  # all other activations; their line styles differ
MUTED = "#9A9A9A"  # lines for comparison, and marks that belong to no activation
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (9, 3)), (0, (6, 2, 1, 2, 1, 2)), (0, (1, 4)))
DASHED = ("egem",)  # dashed first: drawn over the curve of SE-GEM, so that both are visible
USUAL = "ε=1e-4"
MOST = 7  # coloured lines; more cannot be followed
BY_TITLE = {title: name for name, title in sorted(TITLES.items(), key=lambda item: -len(item[1]))}


@dataclass(frozen=True)
class Look:
    """The style of a line. ``muted``: grey, thin, and without its own entry in the legend."""

    colour: str
    line: Any  # a line style of matplotlib
    muted: bool = False

    @property
    def plot(self) -> dict[str, Any]:
        """Arguments of ``Axes.plot``."""
        width = {"linewidth": 0.8, "zorder": 1.5} if self.muted else {}
        return {"color": self.colour, "linestyle": self.line, **width}


def name_of(title: str) -> str:
    """``egem`` for ``E-GEM (N=1, ε=1e-4)``; the title itself if it is not one of gem's names."""
    starts = {known: (f"{known} (", f"{known}, ") for known in BY_TITLE}
    found = (BY_TITLE[known] for known, start in starts.items() if title == known or title.startswith(start))
    return next(found, title)


def colour_of(title: str) -> str:
    """The colour of the activation in a title, for all of its parameters."""
    return COLOURS.get(name_of(title), OTHERS)


def looks(titles: Sequence[str], reference: str = "") -> dict[str, Look]:
    """The look of each title. Among more than seven, the first seven by rank are coloured and the others grey.

    Ranks: first the reference, then one title of each activation with its own colour, then the others in order. For
    E-GEM it is the title with the usual ε, if there is one.
    """
    usual = sorted(titles, key=lambda title: "ε=" in title and USUAL not in title)
    several = Counter[str]()
    ranks = {}
    for title in usual:
        own = colour_of(title)
        several[own] += 1
        ranks[title] = title != reference, several[own] > 1, own == OTHERS, titles.index(title)
    chosen = sorted(ranks, key=lambda title: ranks[title])[:MOST]
    styles = Counter[str]()
    found = {}
    for title in titles:
        colour = colour_of(title)
        if title not in chosen:
            found[title] = Look(MUTED, "-", muted=True)
            continue
        first = int(name_of(title) in DASHED)
        found[title] = Look(colour, LINES[(first + styles[colour]) % len(LINES)])
        styles[colour] += 1
    return found


def legend(panel: Axes, shown: dict[str, Look], more: Sequence[Any] = (), **where: Any) -> None:
    """One entry for each coloured title, one for all grey titles with their names, and the handles ``more``."""
    where = where or {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    handles = [Line2D([], [], label=title, **look.plot) for title, look in shown.items() if not look.muted]
    if others := [title for title, look in shown.items() if look.muted]:
        names = "\n".join(textwrap.wrap(f"grey: {'; '.join(others)}", 34))
        handles.append(Line2D([], [], label=names, color=MUTED, linewidth=0.8))
    panel.legend(handles=[*handles, *more], fontsize=7, **where)
