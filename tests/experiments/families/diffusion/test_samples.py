"""Samples, their Fréchet distance, the weights they are drawn from, and the pictures for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from experiments.config.compose import compose_run
from experiments.families.build import build_task
from experiments.families.diffusion import frechet
from experiments.families.diffusion.example import TINY_UNET
from experiments.families.diffusion.frechet import (
    FEATURES,
    feature_statistics,
    frechet_distance,
    load_classifier,
    train_classifier,
)
from experiments.families.diffusion.pictures import tiled
from experiments.families.diffusion.sampling import sample_pictures
from experiments.families.images.data.digits import read_digits
from experiments.families.registry import families
from experiments.runs.averaging import WeightAverage, evaluated_weights
from experiments.runs.loop import Trainer

pytest.importorskip("diffusers")
CPU = torch.device("cpu")


class Oracle(nn.Module):
    """Knows the only picture there is, so it knows the noise: x = √ᾱ·picture + √(1 - ᾱ)·noise."""

    def __init__(self, picture: Tensor, alphas: Tensor) -> None:
        super().__init__()
        self.picture, self.alphas = picture, alphas

    def forward(self, x: Tensor, step: Tensor) -> Any:
        alpha = self.alphas[step]
        noise = (x - alpha.sqrt() * self.picture) / (1 - alpha).sqrt()
        return type("Output", (), {"sample": noise})


@pytest.mark.parametrize("steps", [50, 7])
def test_a_network_that_knows_the_noise_leads_to_the_picture(steps: int) -> None:
    """Through a whole chain of DDIM, and a shortened one."""
    from diffusers import DDPMScheduler

    recipe: Any = compose_run([*TINY_UNET, f"recipe.sample_steps={steps}"]).recipe
    alphas = DDPMScheduler(num_train_timesteps=recipe.time_steps).alphas_cumprod
    pictures = read_digits().train_x[:1]
    model = Oracle(pictures[0].float() / 127.5 - 1, alphas)
    found = sample_pictures(model, recipe, (1, 8, 8), 3, CPU)
    assert found.shape == (3, 1, 8, 8)
    assert (found.int() - pictures.int()).abs().max() <= 1


def test_samples_are_a_function_of_the_weights_alone() -> None:
    task: Any = build_task(compose_run([*TINY_UNET]), CPU)
    first = task.sample(10)
    torch.rand(5)
    assert torch.equal(task.sample(10), first)
    assert task.model.training


def test_the_distance_is_that_of_torchmetrics() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    draw = torch.Generator().manual_seed(0)
    samples = [
        torch.randn(200, 8, generator=draw, dtype=torch.float64) @ torch.randn(8, 8, generator=draw).double()
        for _ in range(2)
    ]
    one, other = ((x.mean(0), x.T.cov()) for x in samples)
    expected = fid._compute_fid(*one, *other).item()
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_the_classifier_is_trained_once_and_tells_pictures_from_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = read_digits()
    monkeypatch.setattr(frechet, "EPOCHS", 6)
    model = load_classifier(data, tmp_path)
    assert (model(data.test_x.float() / 127.5 - 1).argmax(1) == data.test_y).double().mean() > 0.8
    trainings: list[int] = []
    monkeypatch.setattr(frechet, "train_classifier", lambda data: trainings.append(1) or train_classifier(data))
    again = load_classifier(data, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert not trainings
    (path,) = tmp_path.rglob("*.pt")
    path.write_bytes(b"damaged")
    load_classifier(data, tmp_path)
    assert trainings == [1]
    assert "is damaged; training the classifier again" in capsys.readouterr().err
    real, half = (feature_statistics(model, x) for x in (data.test_x, data.train_x[:700]))
    noise = torch.randint(0, 256, (360, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert real[0].shape == (FEATURES,)
    assert frechet_distance(real, half) < 0.2 * frechet_distance(real, feature_statistics(model, noise))


def test_the_distance_is_measured_at_the_end_and_says_with_what(tmp_path: Path) -> None:
    words = [*TINY_UNET, "recipe.steps=4", "recipe.eval_every_steps=2", "recipe.frechet_images=40"]
    config = compose_run([*words, f"cache_dir={tmp_path}"])
    trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
    lines = [line for _ in range(4) if (line := trainer.advance())]
    assert ["test_classifier_frechet" in line for line in lines] == [False, True]
    assert trainer.task.signatures["frechet"].startswith("classifier ")
    note = families()["diffusion"].footnotes([{"test_loss": 1.0, **trainer.task.signatures}])[1]
    assert note.startswith("Fréchet distance: classifier ")
    assert note.endswith("it is not the FID.")


def test_pictures_are_drawn_from_the_averaged_weights(tmp_path: Path) -> None:
    """``evaluated_weights`` are those of the last evaluation, and what ``Family.pictures`` takes."""
    config = compose_run([*TINY_UNET, "recipe.steps=10", "recipe.ema=0.9"])
    trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
    lines = [line for _ in range(10) if (line := trainer.advance())]
    weights = evaluated_weights(trainer.state())
    other: Any = build_task(config, CPU)
    other.model.load_state_dict(weights)
    assert other.evaluate()["test_loss"] == lines[-1]["test_loss"] != trainer.task.evaluate()["test_loss"]
    (path,) = families()["diffusion"].pictures(config, weights, tmp_path / "pictures")
    assert path == tmp_path / "pictures" / "samples.png"
    with Image.open(path) as picture:
        assert picture.size == (1080, 576)
        assert len(picture.convert("L").getcolors(1 << 16) or []) > 20


def test_tied_weights_are_averaged_once_and_named_twice() -> None:
    model = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
    model["b"].weight = model["a"].weight
    average = WeightAverage(model, 0.5)
    with torch.no_grad():
        model["a"].weight.add_(1)
    average.update()
    weights = evaluated_weights({"model": model.state_dict(), "average": average.state()})
    assert set(weights) == {"a.weight", "a.bias", "b.weight", "b.bias"}
    assert torch.equal(weights["a.weight"], weights["b.weight"])
    torch.testing.assert_close(weights["a.weight"], model["a"].weight - 0.5)
    assert len(average.average) == 3


def test_pictures_are_tiled_row_by_row() -> None:
    pictures = torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    sheet = tiled(pictures, 2)
    assert sheet.shape == (6, 6)
    assert sheet[:2, :2].unique().tolist() == [0]
    assert sheet[:2, 3:5].unique().tolist() == [1]
    assert sheet[3:5, :2].unique().tolist() == [2]
    assert tiled(pictures.expand(3, 3, 2, 2), 2).shape == (6, 6, 3)
