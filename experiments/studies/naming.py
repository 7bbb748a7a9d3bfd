"""Names of activations and cells in tables and figures, and the format of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from experiments.activations.names import OWN_KEYS, activation_label
from experiments.activations.pinned import pinned_activations
from experiments.studies.presets import context

TITLES = {
    "gem": "GEM",
    "egem": "E-GEM",
    "segem": "SE-GEM",
    "segem_linear": "SE-GEM, linear",
    "segem_bounded": "SE-GEM, bounded",
    "golu": "GoLU",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "softplus": "Softplus",
}
SIGNS = {"eps": "ε", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "negative_slope": "slope"}
ALWAYS = ("N", "eps")  # shown also at their default
NAMED = 10  # most names in one line


def activation_title(activation: dict[str, Any]) -> str:
    """``E-GEM (N=1, ε=1e-4)``: always N and ε; other parameters only if they differ from the usual value.

    For a custom activation every parameter is shown.
    """
    usual = pinned_activations().get(activation["name"], {})
    shown = [
        f"{SIGNS.get(key, key)}={number(value)}"
        for key, value in activation.items()
        if key not in OWN_KEYS and (key in ALWAYS or key not in usual or value != usual[key])
    ]
    name = activation_label(activation)
    title = TITLES.get(name, name)
    return f"{title} ({', '.join(shown)})" if shown else title


def cell_title(activation: dict[str, Any], overrides: str) -> str:
    """The activation, and the other overrides that distinguish the cell."""
    pairs = [word.split("=", 1) for word in context(overrides)]
    return ", ".join([activation_title(activation), *(f"{key.rpartition('.')[2]} {value}" for key, value in pairs)])


def number(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    text = f"{value:g}"
    mantissa, e, exponent = text.partition("e")
    if not e and 0 < abs(value) < 1e-2:
        mantissa, _, exponent = f"{value:e}".partition("e")
        mantissa, e = mantissa.rstrip("0").rstrip("."), "e"
    return f"{mantissa}e{int(exponent)}" if e else text


def signed(value: float, places: int) -> str:
    return f"{value:+.{places}f}".replace("-", "−")


def with_interval(value: float, low: float, high: float, places: int) -> str:
    """``+0.05 [−0.01, +0.11]``; the value alone without an interval, and a dash without a value."""
    if math.isnan(value):
        return "—"
    interval = "" if math.isnan(low) else f" [{signed(low, places)}, {signed(high, places)}]"
    return signed(value, places) + interval


def seeds_text(finished: int, planned: int) -> str:
    """``3``, or ``2 of 3`` if some are missing or diverged."""
    return str(finished) if finished == planned else f"{finished} of {planned}"


def shortened(texts: Sequence[str]) -> str:
    """The first ten in one line, and the number of others."""
    rest = [f"and {len(texts) - NAMED} more"] if len(texts) > NAMED else []
    return "; ".join([*texts[:NAMED], *rest])


def p_text(p: float) -> str:
    return "—" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
