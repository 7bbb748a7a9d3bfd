"""The presets of ImageNet's nine networks: they compose, count parameters as published, train a step, and plan."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from experiments.config.compose import compose_run
from experiments.families.images.models.library import create
from experiments.families.images.schema import ImageRecipe, LibraryModel
from experiments.studies.cells import cells_of
from experiments.studies.presets import load_preset
from tests.experiments.families.images.pictures import write_pictures
from tests.experiments.zygote import Zygote

# Millions of parameters with 1,000 classes, as the papers or the libraries' tables have them.
PARAMETERS = {
    "resnet18": 11.69,
    "resnet34": 21.80,
    "resnet50": 25.56,
    "wide_resnet50": 68.88,
    "densenet121": 7.98,
    "efficientnet": 5.29,
    "tiny_vit": 21.20,
    "vit_b_32": 88.22,
    "vit_b_16": 86.57,
}
# GoLU's recipes, arXiv 2502.03654: epochs, images a step, optimiser, learning rate, weight decay.
RECIPES = {
    **dict.fromkeys(("resnet18", "resnet34", "resnet50"), (90, 256, "sgd", 0.1, 1e-4)),
    **dict.fromkeys(("wide_resnet50", "densenet121"), (90, 256, "sgd", 0.1, 1e-4)),
    "efficientnet": (450, 1536, "rmsprop_tf", 0.048, 1e-5),
    "tiny_vit": (300, 1024, "adamw", 1e-3, 0.05),
    **dict.fromkeys(("vit_b_32", "vit_b_16"), (300, 4096, "adamw", 3e-3, 0.3)),
}
QUICK = "resnet18"  # the others take a quarter of a minute or more


@pytest.mark.parametrize("name", PARAMETERS)
def test_networks_and_recipes_are_those_published(name: str) -> None:
    preset = load_preset(f"table_imagenet_{name}")
    config = cells_of(preset)[0].config
    model, recipe = config.model, config.recipe
    assert isinstance(model, LibraryModel)
    assert isinstance(recipe, ImageRecipe)
    with torch.device("meta"):
        count = sum(p.numel() for p in create(model, 3, 1000).parameters())
    assert round(count / 1e6, 2) == PARAMETERS[name]
    found = (recipe.epochs, recipe.batch_size, recipe.optimizer, recipe.lr, recipe.weight_decay)
    assert found == RECIPES[name]
    assert recipe.nesterov == (name in ("wide_resnet50", "densenet121"))
    assert len(preset.published) == (3 if name == "densenet121" else 5)


def test_golus_arm_of_densenet_is_compared_with_gelu_in_the_same_arm() -> None:
    cells = load_preset("table_imagenet_densenet121").cells
    assert [cell for cell in cells if "modules" in cell] == [
        "activation=gelu model.swap=modules",
        "activation=golu model.swap=modules",
    ]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data"), classes=6, splits={"train": 12, "val": 1})


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == QUICK else [pytest.mark.slow]) for name in PARAMETERS]
)
def test_one_step_at_full_size(train: Zygote, tmp_path: Path, pictures: Path, name: str) -> None:
    """224 pixels and the whole recipe, but two images a part."""
    accumulate = compose_run([f"experiment=table_imagenet_{name}"]).recipe.accumulate
    places = [f"data_dir={pictures}", f"cache_dir={tmp_path / 'cache'}", f"runs_dir={tmp_path / 'runs'}"]
    short = [f"recipe.batch_size={2 * accumulate}", "recipe.max_steps=1", "impl.workers=1", "tracking=disabled"]
    line = [f"experiment=table_imagenet_{name}", "activation=egem", "N=1", "eps=1e-4", *short, *places]
    ended = train.run(*line)
    assert ended.status == 0, ended.err
    assert "finished: test accuracy" in ended.out


def test_a_preset_is_planned(train: Zygote) -> None:
    ended = train.script("scripts/plan.py", "experiment=table_imagenet_vit_b_16")
    assert ended.status == 0, ended.err
    assert "10 cells × 5 seeds = 50, of which recorded: 0" in ended.out
