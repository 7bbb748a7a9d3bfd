"""The drawings of a page with their captions, inlined from results/figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from experiments.report.svg import ShortNames, inline_svg

CAPTIONS = {
    "functions": "Value, gate and slope of the activations.",
    "derivatives": "Derivatives of GEM up to order 2N + 1, the first that jumps.",
    "convergence": "Distance of E-GEM to ReLU as ε → 0: dots measured, lines derived.",
    "overview": "Each difference over the runs of all tables that have the pair. A frame marks a significant "
    "difference (corrected). A field without colour still lacks runs. Activations that less than a fifth of the tasks "
    "compare are left out.",
    "ranking": "Average ranks over the data sets, with tuned values where a task has them. A bar connects activations "
    "that do not differ significantly (Nemenyi, 5 %).",
    "forest": "Difference to the reference with its corrected interval. A filled dot is better or worse.",
    "tuning": "Held-out result at every value that was tried, before the counted runs. A dot marks the chosen value.",
    "curves": "Learning curves: mean over seeds. The band reaches from the lowest seed to the highest.",
    "landscape": "Curvature of the training loss, weights, and outputs behind a random layer (scripts/landscape.py).",
    "surface": "Test loss (nats) around each network, along two random directions.",
    "settings": "Difference to the reference in each setting. A frame marks a significant difference (corrected).",
}
DEFAULT_CAPTION = "The metric over what the preset varies, as difference or mean ± sd."


@dataclass(frozen=True)
class Drawing:
    """An inline SVG with its caption and the names of its files."""

    name: str
    caption: str
    svg: Markup


def drawings(figures: Path, names: Iterable[str], short: ShortNames) -> list[Drawing]:
    """The drawings among ``names`` that exist as <name>.svg in ``figures``."""
    found = []
    for name in names:
        path = figures / f"{name}.svg"
        if path.exists():
            caption = CAPTIONS.get(name if name in CAPTIONS else name.rpartition("_")[2], DEFAULT_CAPTION)
            found.append(Drawing(name, caption, Markup(inline_svg(path.read_text(), caption, short))))
    return found
