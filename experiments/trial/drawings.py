"""Small pictures as inline SVG: intervals, and lines over an axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from experiments.figures.colours import colour_of

WIDTH, HEIGHT = 180, 26
PLOT_WIDTH, PLOT_HEIGHT, EDGE = 340, 190, 46


def interval_svg(row: Mapping[str, Any], reach: float, margin: float | None) -> str:
    """The difference with its interval on an axis from −reach to reach; the band is the margin of equivalence."""
    if row["difference"] is None:
        return ""

    def at(value: float) -> float:
        return WIDTH / 2 + max(-1.0, min(1.0, value / reach)) * (WIDTH / 2 - 4)

    parts = []
    if margin:
        left, right = at(-margin), at(margin)
        parts.append(f'<rect x="{left:.1f}" y="2" width="{right - left:.1f}" height="{HEIGHT - 4}" class="band"/>')
    parts.append(f'<line x1="{WIDTH / 2}" y1="0" x2="{WIDTH / 2}" y2="{HEIGHT}" class="zero"/>')
    middle = HEIGHT / 2
    if row["low"] is not None:
        low, high = at(row["low"]), at(row["high"])
        parts.append(f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" class="reach"/>')
    parts.append(f'<circle cx="{at(row["difference"]):.1f}" cy="{middle}" r="4" class="point"/>')
    label = escape(f"{row['kind']} against {row['against']}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def lines_svg(curves: Mapping[str, Sequence[Sequence[float]]], x_title: str, y_title: str, logarithmic: bool) -> str:
    """One line per curve in the colour of its activation, with a legend below; empty without points."""
    points = [point for curve in curves.values() for point in curve if all(map(math.isfinite, point))]
    if not points:
        return ""

    def along(value: float) -> float:
        return math.log10(value) if logarithmic else value

    xs, ys = [along(x) for x, _ in points], [y for _, y in points]

    def place(x: float, y: float) -> str:
        right = (along(x) - min(xs)) / ((max(xs) - min(xs)) or 1) * (PLOT_WIDTH - EDGE - 8)
        up = (y - min(ys)) / ((max(ys) - min(ys)) or 1) * (PLOT_HEIGHT - 40)
        return f"{EDGE + right:.1f},{PLOT_HEIGHT - 30 - up:.1f}"

    drawn, legend = [], []
    for name, curve in curves.items():
        colour = colour_of(name).replace("#000000", "currentColor")  # black would vanish on a dark page
        path = " ".join(place(x, y) for x, y in curve if math.isfinite(x) and math.isfinite(y))
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        legend.append(f'<span class="key" style="border-color:{colour}"></span> {escape(name)}')
    low_x, high_x = (f"{x:g}" for x in (min(p[0] for p in points), max(p[0] for p in points)))
    bottom = PLOT_HEIGHT - 14
    labels = (
        f'<text x="{EDGE}" y="{bottom}">{low_x}</text>'
        f'<text x="{PLOT_WIDTH - 8}" y="{bottom}" text-anchor="end">{high_x}</text>'
        f'<text x="{(PLOT_WIDTH + EDGE) / 2}" y="{PLOT_HEIGHT - 2}" text-anchor="middle">{escape(x_title)}</text>'
        f'<text x="{EDGE - 4}" y="14" text-anchor="end">{max(ys):.4g}</text>'
        f'<text x="{EDGE - 4}" y="{PLOT_HEIGHT - 30}" text-anchor="end">{min(ys):.4g}</text>'
    )
    label = escape(f"{y_title} over {x_title}")
    svg = (
        f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" role="img" aria-label="{label}">{"".join(drawn)}{labels}</svg>'
    )
    return f"<figure>{svg}<figcaption>{escape(y_title)}. {' '.join(legend)}</figcaption></figure>"
