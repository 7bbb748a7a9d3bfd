"""CelebA in its true form: torchvision's folder and partition file, read, cut out, cached; and the full-size preset."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.diffusion.data.celeba import read_celeba
from experiments.runs.loop import Trainer

SIZES = (178, 218)  # of every picture of CelebA


def write_celeba(folder: Path, train: int = 6, validation: int = 3) -> Path:
    """Noise pictures; the partition file names two test pictures that are not there, and need not be."""
    (folder / "img_align_celeba").mkdir(parents=True)
    draw = numpy.random.default_rng(0)
    lines = []
    for number in range(train + validation + 2):
        name = f"{number + 1:06d}.jpg"
        split = 0 if number < train else 1 if number < train + validation else 2
        lines.append(f"{name} {split}\n")
        if split < 2:
            pixels = draw.integers(0, 256, (SIZES[1], SIZES[0], 3), dtype=numpy.uint8)
            Image.fromarray(pixels).save(folder / "img_align_celeba" / name, quality=95)
    (folder / "list_eval_partition.txt").write_text("".join(lines))
    return folder


def test_pictures_are_cut_out_of_the_middle(tmp_path: Path) -> None:
    """A picture with a white square in the middle of a black field: nothing of it is lost, nothing is distorted."""
    folder = write_celeba(tmp_path / "celeba")
    pixels = numpy.zeros((218, 178, 3), numpy.uint8)
    pixels[20:198, :] = 255  # 178 × 178
    Image.fromarray(pixels).save(folder / "img_align_celeba" / "000001.jpg", quality=100)
    data = read_celeba(folder, 64, tmp_path / "cache")
    assert data.train_x.shape == (6, 3, 64, 64)
    assert data.test_x.shape == (3, 3, 64, 64)
    assert data.train_x[0].float().mean() > 250


def test_it_is_decoded_once(tmp_path: Path) -> None:
    folder = write_celeba(tmp_path / "celeba")
    first = read_celeba(folder, 16, tmp_path / "cache")
    (folder / "img_align_celeba" / "000002.jpg").write_bytes(b"no picture")
    assert torch.equal(read_celeba(folder, 16, tmp_path / "cache").train_x, first.train_x)
    with pytest.raises(UserError, match=r"000002.jpg: not a readable picture"):
        read_celeba(folder, 32, tmp_path / "cache")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"list_eval_partition.txt: missing; dataset.folder lies below data_dir"),
        ("000001.jpg 0\n000002.jpg x\n", r"list_eval_partition.txt, line 2: '000002.jpg x': must be a file name and"),
        ("000001.jpg 0\n", r"list_eval_partition.txt: names no validation picture"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    folder = write_celeba(tmp_path / "celeba")
    (folder / "list_eval_partition.txt").unlink()
    if text is not None:
        (folder / "list_eval_partition.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        read_celeba(folder, 16, tmp_path / "cache")


def test_labels_are_not_to_be_had() -> None:
    with pytest.raises(UserError, match=r"recipe.frechet_images=10: must be 0 for dataset=celeba"):
        compose_run(["dataset=celeba", "model=ddpm", "recipe.frechet_images=10"])
    with pytest.raises(UserError, match=r"dataset=celeba; choose a model of kind unet2d"):
        compose_run(["dataset=celeba"])


def test_the_full_size_preset_trains_on_files_in_the_true_form(tmp_path: Path) -> None:
    """Two steps, with a narrower network of the same form: the widths alone are not those of the preset."""
    pytest.importorskip("diffusers")
    write_celeba(tmp_path / "celeba")
    places = [f"data_dir={tmp_path}", f"cache_dir={tmp_path / 'cache'}", "impl=default", "tracking=disabled"]
    small = ["model.channels=[8,16,16,16]", "model.groups=4", "recipe.batch_size=2", "recipe.max_steps=2"]
    config = compose_run(["experiment=table_celeba_ddpm", *places, *small])
    trainer = Trainer(build_task(config, torch.device("cpu")), config.recipe, config.impl, torch.device("cpu"))
    lines = [line for _ in range(2) if (line := trainer.advance())]
    assert trainer.done
    assert lines[-1]["test_loss"] > 0
