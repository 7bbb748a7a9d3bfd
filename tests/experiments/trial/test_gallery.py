"""Each activation of the gallery is one function in a file, with its source, and is sound."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from experiments.activations.target import load_target
from experiments.trial.candidate import read_candidate
from experiments.trial.certificate.derivatives import check_derivatives
from experiments.trial.certificate.precision import check_precision
from experiments.trial.certificate.values import check_values
from tests.experiments.zygote import ROOT

FILES = sorted((ROOT / "gallery").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_sound(path: Path) -> None:
    candidate = read_candidate([f"activation={path}:{path.stem}"])
    checks = (check_values, check_derivatives, check_precision)
    failing = [f for check in checks for f in check(candidate.make) if f.grade in ("fails", "wrong")]
    assert failing == []
    assert any(year in path.read_text() for year in ("arXiv", "2021", "2022"))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


FORMULAS: dict[str, Callable[[float], float]] = {  # of single numbers, with the functions of Python alone
    "erfact": lambda x: x * math.erf(0.75 * math.exp(0.75 * x)),
    "hard_swish": lambda x: 0.0 if x < -3 else x if x > 3 else x * (x + 3) / 6,
    "lisht": lambda x: x * (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1),
    "logish": lambda x: x * math.log((1 + 2 * math.exp(x)) / (1 + math.exp(x))),
    "pserf": lambda x: x * math.erf(1.25 * softplus(0.85 * x)),
    "quick_gelu": lambda x: x * math.exp(1.702 * x) / (1 + math.exp(1.702 * x)),
    "serf": lambda x: x * math.erf(softplus(x)),
    "sinlu": lambda x: (x + math.sin(x)) * sigmoid(x),
    "smish": lambda x: x * ((1 + sigmoid(x)) ** 2 - 1) / ((1 + sigmoid(x)) ** 2 + 1),
    "squared_relu": lambda x: x * x if x > 0 else 0.0,
    "star_relu": lambda x: 0.8944 * (x * x if x > 0 else 0.0) - 0.4472,
    "telu": lambda x: x * math.tanh(math.exp(x)),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_its_formula(path: Path) -> None:
    function = load_target(f"{path}:{path.stem}").function
    places = [-20.0, -7.5, -3.0, -2.5, -1.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 2.0, 3.0, 6.0, 12.5]
    found = function(torch.tensor(places, dtype=torch.float64)).tolist()
    assert found == pytest.approx([FORMULAS[path.stem](x) for x in places], rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_about_ten_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 12


def test_a_dozen() -> None:
    assert len(FILES) >= 12
