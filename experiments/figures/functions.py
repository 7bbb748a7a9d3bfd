"""The activations themselves: value, gate, derivatives up to the first that jumps, and convergence to ReLU."""

from __future__ import annotations

import math
from typing import Any

import torch
from matplotlib.figure import Figure
from scipy.special import beta
from torch import Tensor

import gem
from experiments.figures import style
from experiments.figures.colours import COLOURS, LINES, looks
from experiments.studies.naming import activation_title
from gem import functional

SHOWN: list[dict[str, Any]] = [
    {"name": "relu"},
    {"name": "gelu"},
    {"name": "golu"},
    {"name": "gem", "N": 1},
    {"name": "gem", "N": 2},
    {"name": "segem", "N": 1, "eps": 1e-2, "negative_slope": 0.1},
    {"name": "egem", "N": 1, "eps": 1e-2},  # drawn over SE-GEM, whose positive side is the same
]
EPS = [10.0**k for k in range(-8, 2)]


def functions() -> Figure:
    """Value, gate f(x)/x and slope of each activation on [-3, 3], by automatic differentiation in float64."""
    made, axes = style.figure(3)
    x = torch.linspace(-3, 3, 1200, dtype=torch.float64, requires_grad=True)  # an even number avoids x = 0
    shown = looks([activation_title(activation) for activation in SHOWN])
    for activation in SHOWN:
        parameters = {key: value for key, value in activation.items() if key != "name"}
        y = gem.make_activation(activation["name"], **parameters)(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        title = activation_title(activation)
        for panel, values in zip(axes, (y, y / x, slope), strict=True):
            panel.plot(x.detach(), values.detach(), label=title, **shown[title].plot)
    for panel, title in zip(axes, ("f(x)", "gate f(x)/x", "slope f′(x)"), strict=True):
        panel.set(title=title, xlabel="x")
    axes[0].legend(fontsize=7)
    return made


def derivatives() -> Figure:
    """GEM of order N = 1 and 2: derivatives 1 to 2N + 1 on [-1, 2]; only the last one jumps at 0."""
    made, axes = style.figure(5, 2.6, 2.4, rows=2)
    for row, N in enumerate((1, 2)):
        panels = axes[5 * row : 5 * row + 5]
        for panel, (order, x, values) in zip(panels, derived(N), strict=False):
            for side in (x < 0, x > 0):
                panel.plot(x[side], values[side], color=COLOURS["gem"])
            panel.set(title=f"N = {N}, order {order}" + (": jumps" if order > 2 * N else ""), xlabel="x")
        for panel in panels[2 * N + 1 :]:
            panel.set_visible(False)
    return made


def derived(N: int) -> list[tuple[int, Tensor, Tensor]]:
    """Order, x and derivative of that order, of GEM on a grid without 0."""
    x = torch.linspace(-1, 2, 600, dtype=torch.float64, requires_grad=True)
    y, found = functional.gem(x, N), []
    for order in range(1, 2 * N + 2):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        found.append((order, x.detach(), y.detach()))
    return found


def convergence() -> Figure:
    """E-GEM's distance to ReLU as ε → 0, measured (dots) and derived (lines), in three norms."""
    made, axes = style.figure(3)
    for panel, p, title in zip(axes, (math.inf, 2, 1), ("largest gap", "L²", "L¹"), strict=True):
        for N in (1, 2, 3):
            if p * (2 * N - 1) <= 1:
                continue  # the norm is infinite
            line: dict[str, Any] = {"color": COLOURS["egem"], "linestyle": LINES[N - 1], "label": f"N = {N}, derived"}
            panel.plot(EPS, [theory(eps, N, p) for eps in EPS], **line)
            mark: dict[str, Any] = {"color": COLOURS["egem"], "markersize": 4, "label": f"N = {N}, measured"}
            panel.plot(EPS, [distance(eps, N, p) for eps in EPS], "osD"[N - 1], **mark)
        panel.set(title=f"{title} distance to ReLU", xlabel="ε", xscale="log", yscale="log")
    axes[0].legend(fontsize=8)
    return made


def distance(eps: float, N: int, p: float) -> float:
    """‖egem - relu‖ in L^p, computed from the function on a geometric grid around its scale α = ε^(1/2N)."""
    alpha = eps ** (1 / (2 * N))
    x = alpha * torch.logspace(-5, 7, 40_001, dtype=torch.float64)
    gap = x - functional.egem(x, N, eps)
    if math.isinf(p):
        return float(gap.max())
    return math.pow(torch.trapezoid(gap.abs() ** p, x).item(), 1 / p)


def theory(eps: float, N: int, p: float) -> float:
    """α^(1 + 1/p)·C with α = ε^(1/2N) and C the norm of t / (1 + t^(2N)) on t > 0, by Euler's beta function."""
    alpha = eps ** (1 / (2 * N))
    if math.isinf(p):
        return float(alpha * (2 * N - 1) ** (1 - 1 / (2 * N)) / (2 * N))
    a = (p + 1) / (2 * N)
    return float(alpha ** (1 + 1 / p) * (beta(a, p - a) / (2 * N)) ** (1 / p))
