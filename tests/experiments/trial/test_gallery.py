"""Each activation of the gallery is one function in a file, with its source, and is sound."""

from __future__ import annotations

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
def test_it_is_sound(path) -> None:  # type: ignore[no-untyped-def]
    candidate = read_candidate([f"activation={path}:{path.stem}"])
    checks = (check_values, check_derivatives, check_precision)
    failing = [f for check in checks for f in check(candidate.make) if f.grade in ("fails", "wrong")]
    assert failing == []
    assert any(year in path.read_text() for year in ("arXiv", "2021", "2022"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("telu", 0.9913289158),
        ("logish", 0.5487331165),
        ("squared_relu", 1.0),
        ("sinlu", 1.3462231607),
        ("lisht", 0.7615941560),
    ],
)
def test_values_at_1(name: str, value: float) -> None:
    """tanh(e), ln(1 + sigmoid(1)), 1, (1 + sin 1)·sigmoid(1), tanh(1)."""
    function = load_target(f"{ROOT}/gallery/{name}.py:{name}").function
    assert float(function(torch.tensor(1.0, dtype=torch.float64))) == pytest.approx(value, rel=1e-9)


def test_a_dozen() -> None:
    assert len(FILES) >= 12
