"""Landscapes against cases whose answer is known, and the command on real runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

import gem
from experiments.errors import UserError
from experiments.families.task import Task
from experiments.figures.landscape import landscape_figures
from experiments.landscape.distributions import BINS, histograms, output_variance, weights
from experiments.landscape.sharpness import sharpness
from experiments.landscape.study import Settings, measure_study
from experiments.landscape.surface import direction, surface
from experiments.studies.cells import cells_of
from experiments.studies.naming import cell_title
from experiments.studies.presets import load_preset
from experiments.tables.landscape_page import landscape_markdown, plane_share
from tests.experiments.results import bits
from tests.experiments.zygote import ROOT, Zygote


@pytest.fixture
def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_sharpness_of_a_quadratic(draw: torch.Generator) -> None:
    """Mean (wx - y)² has the Hessian 2XᵀX/n. Orthogonal columns make it diagonal, and Hutchinson exact."""
    x, _ = torch.linalg.qr(torch.randn(40, 5, generator=draw))
    x = x * torch.tensor([1.0, 2.0, 3.0, 4.0, 9.0])
    batches = [(part, torch.zeros(len(part), 1)) for part in x.split(16)]
    found = sharpness(nn.Linear(5, 1, bias=False).eval(), nn.MSELoss(), batches, vectors=4)
    assert found.top == pytest.approx(2 * 81 / 40, rel=1e-3)
    assert found.trace == pytest.approx(2 * (1 + 4 + 9 + 16 + 81) / 40, rel=1e-4)
    assert found.trace_error < 1e-4


def test_sharpness_of_a_small_network_is_that_of_its_full_hessian(draw: torch.Generator) -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), gem.make_activation("egem"), nn.Linear(5, 3)).eval()
    x, y = torch.randn(30, 4, generator=draw), torch.randint(3, (30,), generator=draw)
    names = [key for key, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]

    def loss(vector: Tensor) -> Tensor:
        parts = [part.view(s) for part, s in zip(vector.split([s.numel() for s in shapes]), shapes, strict=True)]
        logits = torch.func.functional_call(model, dict(zip(names, parts, strict=True)), (x,))
        return nn.functional.cross_entropy(logits, y)

    full = torch.autograd.functional.hessian(loss, parameters_to_vector(model.parameters()).detach())
    found = sharpness(model, nn.CrossEntropyLoss(), list(zip(x.split(16), y.split(16), strict=True)), vectors=20)
    assert found.top == pytest.approx(torch.linalg.eigvalsh(full)[-1].item(), rel=2e-3)
    assert abs(found.trace - full.trace().item()) < 4 * found.trace_error
    again = sharpness(model, nn.CrossEntropyLoss(), [(x, y)], vectors=20)
    assert again.trace == pytest.approx(found.trace, rel=1e-4)


@pytest.mark.parametrize("name", ["silu", "mish", "relu", "egem"])
def test_sharpness_of_every_activation(name: str, draw: torch.Generator) -> None:
    """Torch has no forward mode of the backward pass of SiLU and Mish; these have a Hessian all the same."""
    model = nn.Sequential(nn.Linear(4, 5), gem.make_activation(name), nn.Linear(5, 3)).eval()
    batches = [(torch.randn(20, 4, generator=draw), torch.randint(3, (20,), generator=draw))]
    assert sharpness(model, nn.CrossEntropyLoss(), batches, vectors=2).top > 0


def test_directions_have_the_norm_of_each_filter() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 2))
    for name in ("x", "y"):
        for p, d in zip(model.parameters(), direction(model, name), strict=True):
            norms = p.detach().flatten(1).norm(dim=1) if p.ndim > 1 else torch.zeros(())
            torch.testing.assert_close(d.flatten(1).norm(dim=1) if p.ndim > 1 else d.norm(), norms)
    first, second = (direction(model, name)[0].flatten() for name in ("x", "y"))
    assert abs(torch.cosine_similarity(first, second, 0).item()) < 0.5
    assert torch.equal(first, direction(model, "x")[0].flatten())


def test_global_directions_have_norm_one_and_do_not_depend_on_the_weights() -> None:
    models = [nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 2)) for _ in range(2)]
    first, second = (torch.cat([d.flatten() for d in direction(model, "x", "global")]) for model in models)
    assert first.norm().item() == pytest.approx(1, rel=1e-6)
    assert torch.equal(first, second)
    assert abs(torch.dot(first, torch.cat([d.flatten() for d in direction(models[0], "y", "global")])).item()) < 0.5


def page_of(runs: dict[str, list[float]]) -> str:
    """The page of a study whose surfaces have the standard deviations of ``runs``, by activation."""
    found = [
        {"cell": f"activation={name}", "title": name, "seed": seed}
        | {"surface": {"points": 2, "span": 1.0, "directions": "global", "loss": [[1 - sd, 1 + sd], [1 - sd, 1 + sd]]}}
        for name, values in runs.items()
        for seed, sd in enumerate(values)
    ]
    return landscape_markdown({"runs": found}, load_preset("quickstart")) or ""


def test_no_page_without_sharpness_or_surface() -> None:
    run = {"cell": "activation=gelu", "title": "gelu", "seed": 0}
    assert landscape_markdown({"runs": [run], "weights": {}}, load_preset("quickstart")) is None


def test_page_shows_ratios_to_the_reference_and_marks_the_significant_one() -> None:
    text = page_of({"gelu": [0.1, 0.11, 0.12], "relu": [0.1, 0.12, 0.11], "golu": [0.2, 0.22, 0.24]})
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert "| 4.00 [" not in lines["relu"]
    assert "**4.00 [" in lines["golu"]
    assert "1.00 [" in lines["relu"]
    assert "largest eigenvalue" not in text
    assert "norm 1 over all weights" in text
    assert "**" not in page_of({"gelu": [0.1], "relu": [0.1], "golu": [0.3]})


def test_a_plane_explains_a_slope_and_no_bowl() -> None:
    places = [-2, -1, 0, 1, 2]
    slope = [[7 + 3 * a - b for a in places] for b in places]
    bowl = [[a * a + b * b for a in places] for b in places]
    both = [[line + bend for line, bend in zip(*rows, strict=True)] for rows in zip(slope, bowl, strict=True)]
    shares = [plane_share({"surface": {"loss": loss}}) for loss in (slope, bowl, both)]
    assert shares == pytest.approx([1, 0, 20 / (20 + 5.6)])  # variances: 9 · 2 + 2, and 2 · 2.8
    assert plane_share({"surface": {"loss": [[1.0, None], [1.0, 1.0]]}}) is None


def test_surface_of_a_quadratic() -> None:
    """Loss |w|² around w: |w + aδ + bη|², and the weights are back at the end, also after a stop half-way."""
    model = nn.Linear(6, 2)
    before = bits(model.state_dict())
    w, x, y = (t.detach().clone().double() for t in (model.weight, direction(model, "x")[0], direction(model, "y")[0]))
    grid = list(surface(model, lambda: model.weight.detach().double().square().sum().item(), 5, 2.0))
    assert bits(model.state_dict()) == before
    for row, b in zip(grid, (-2, -1, 0, 1, 2), strict=True):
        expected = [(w + a * x + b * y).square().sum().item() for a in (-2, -1, 0, 1, 2)]
        assert row == pytest.approx(expected, rel=1e-5)
    rows = surface(model, lambda: 0.0, 5, 2.0)
    next(rows)
    rows.close()
    assert bits(model.state_dict()) == before


def test_weights_of_convolutions_and_linear_layers_alone() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.LayerNorm(3), nn.Linear(3, 2), nn.Embedding(5, 4))
    assert len(weights(model)) == 2 * 3 * 9 + 3 + 3 * 2 + 2


def test_histogram_of_normal_weights(draw: torch.Generator) -> None:
    """Range: the narrower one's percentiles, ±2.326 sd; there the density is the normal law's."""
    narrow, wide = torch.randn(200_000, generator=draw), 2 * torch.randn(200_000, generator=draw)
    edges, (density, other) = histograms([narrow, wide])
    assert [edges[0], edges[-1]] == pytest.approx([-2.326, 2.326], abs=0.03)
    assert len(density) == BINS
    assert numpy.mean(density[BINS // 2 - 5 : BINS // 2 + 5]) == pytest.approx(1 / math.sqrt(2 * math.pi), rel=0.02)
    assert sum(density) * (edges[1] - edges[0]) == pytest.approx(0.98, abs=0.002)
    assert numpy.mean(other[BINS // 2 - 5 : BINS // 2 + 5]) == pytest.approx(0.5 / math.sqrt(2 * math.pi), rel=0.03)


@pytest.mark.parametrize(("name", "variance"), [("relu", 0.3408), ("gelu", 0.3456), ("golu", 0.2526), ("gem", 0.1874)])
def test_output_variance_of_noise_is_that_of_the_normal_law(name: str, variance: float, draw: torch.Generator) -> None:
    """A sum of 27 uniform pixels is close to normal; the values are those derived in the literature notes."""
    images = torch.randint(256, (2, 3, 200, 200), generator=draw).to(torch.uint8)
    found = output_variance(gem.make_activation(name), images)
    assert found == pytest.approx([variance] * 2, rel=0.03)


@pytest.mark.slow
def test_the_command_on_real_runs(train: Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of a preset: measured by the script, kept by the next call with the same settings, and drawn."""
    ended = train.run(
        "-m", "experiment=quickstart", "fresh=true", "activation=gelu,egem", "seed=0", f"runs_dir={tmp_path}/runs"
    )
    assert ended.status == 0, ended.err
    words = ["experiment=quickstart", "examples=64", "vectors=2", "points=3"]
    words += [f"runs_dir={tmp_path}/runs", f"results_dir={tmp_path}"]
    made = subprocess.run(
        [sys.executable, "scripts/landscape.py", *words], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert made.returncode == 0, made.stderr
    assert "GELU, seed 0: largest eigenvalue " in made.stdout
    assert "| GELU " in (tmp_path / "tables" / "landscape_quickstart.md").read_text()
    study = json.loads((tmp_path / "landscape" / "quickstart.json").read_text(), parse_constant=pytest.fail)
    assert [run["title"] for run in study["runs"]] == ["GELU", "E-GEM (N=1, ε=1e-4)"]
    losses = [json.loads(path.read_text())["test_loss"] for path in sorted((tmp_path / "runs").rglob("metrics.json"))]
    assert sorted(run["surface"]["loss"][1][1] for run in study["runs"]) == pytest.approx(sorted(losses), rel=1e-4)
    assert set(study["output_variance"]) == {
        cell_title(cell.config.activation, "") for cell in cells_of(load_preset("quickstart"))
    }
    assert [name for name, _ in landscape_figures(study)] == ["quickstart_landscape", "quickstart_surface"]
    monkeypatch.setattr("experiments.landscape.study.surface", pytest.fail)
    monkeypatch.setattr("experiments.landscape.study.sharpness", pytest.fail)
    cells = cells_of(load_preset("quickstart"))
    for cell in cells:
        cell.config.runs_dir = f"{tmp_path}/runs"
    settings = Settings(("sharpness", "surface", "weights", "variance"), 64, 2, 3, 1.0)
    assert measure_study("quickstart", cells, [0], settings, tmp_path) == study


def test_text_and_runs_that_are_not_there(tmp_path: Path) -> None:
    cells = cells_of(load_preset("quickstart"))
    for cell in cells:
        cell.config.runs_dir = str(tmp_path)
    assert measure_study("quickstart", cells, [0], Settings((), 1, 2, 2, 1.0), tmp_path)["runs"] == []
    with pytest.raises(UserError, match="this kind of task has none"):
        Task.surroundings(object(), 1)  # type: ignore[arg-type]
