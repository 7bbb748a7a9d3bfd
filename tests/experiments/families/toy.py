"""A task family of another package: regression of a sine, installed outside the checkout."""

from __future__ import annotations

from pathlib import Path

FAMILY = """
from __future__ import annotations

from dataclasses import dataclass

from experiments.config.rules import positive_int
from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.families.family import Family
from experiments.families.metric import Metric


@dataclass(kw_only=True)
class SineDataset(Dataset):
    points: int = positive_int(256)


@dataclass(kw_only=True)
class Line(Model):
    width: int = positive_int()


@dataclass(kw_only=True)
class SineRecipe(Recipe):
    batch_size: int = positive_int()


class Sines(Family):
    kind = "sines"
    datasets = {"sine": SineDataset}
    models = {"line": Line}
    recipe = SineRecipe
    metrics = (
        Metric("test_rmse", "test error", "V", False, 3, low=0.0),
        Metric("test_r2", "test R²", "", True, 3, high=1.0),
    )
    loss_unit = "V²"

    def build_task(self, config: Config, device, processes):
        from gem_sines.task import SineTask

        return SineTask(config, device)
"""
TASK = """
from __future__ import annotations

import torch
from torch import nn

from experiments.activations.build import activation_factory
from experiments.families.task import Task, cut_rows
from experiments.randomness import generator


def points(name, count):
    x = 6 * torch.rand(count, 1, generator=generator(0, name))
    return x, torch.sin(x)


class SineTask(Task):
    def __init__(self, config, device):
        self.seed, self.size = config.seed, config.recipe.batch_size
        self.x, self.y = points("train", config.dataset.points)
        self.test_x, self.test_y = points("test", 200)
        self.steps_per_epoch = len(self.x) // self.size
        self.fingerprint = "sine"
        activation = activation_factory(config.activation)
        self.activation_type = type(activation())
        draws = torch.Generator().manual_seed(config.seed)
        self.model = nn.Sequential(nn.Linear(1, config.model.width), activation(), nn.Linear(config.model.width, 1))
        for p in self.model.parameters():
            nn.init.normal_(p, 0.0, 0.5, generator=draws)

    def batch(self, step):
        chosen = torch.randint(len(self.x), (self.size,), generator=generator(self.seed, "batch", step))
        return self.x[chosen], self.y[chosen]

    def loss(self, batch):
        return ((self.model(batch[0]) - batch[1]) ** 2).mean()

    @torch.no_grad()
    def evaluate(self):
        error = ((self.model(self.test_x) - self.test_y) ** 2).mean().item()
        return {"test_rmse": error ** 0.5, "test_r2": 1 - error / self.test_y.var(correction=0).item()}

    def parts(self, batch):
        return cut_rows(batch, None)

    def probe_batch(self):
        return self.batch(0)

    def examples(self, batch):
        return len(batch[0])
"""
CONFIGS = {
    "dataset/sine.yaml": "name: sine\ntitle: a sine\nsource: sine\n",
    "model/line.yaml": (
        "# @package _global_\ndefaults:\n  - override /recipe: sine\nmodel:\n  name: line\n  kind: line\n  width: 16\n"
    ),
    "recipe/sine.yaml": (
        "name: sine\nfamily: sines\nsteps: 60\nbatch_size: 32\noptimizer: adamw\nlr: 0.02\nschedule: constant\n"
        "log_every: 10\neval_every_steps: 20\n"
    ),
}
PRESET = """# @package _global_
defaults:
  - override /dataset: sine
  - override /model: line
impl:
  threads: 1
experiment:
  name: {name}
  title: A sine
  seeds: 5
  cells: [activation=tanh, activation=softplus]
  reference: activation=tanh
  metric: {metric}
"""


def install_toy(folder: Path) -> Path:
    """The package gem_sines below ``folder``, with the metadata that an installation leaves; returns ``folder``."""
    package = folder / "gem_sines"
    presets = {f"experiment/sine_{metric}.yaml": PRESET.format(name=f"sine_{metric}", metric=f"test_{metric}")
               for metric in ("rmse", "r2")}  # fmt: skip
    files = {"__init__.py": FAMILY, "task.py": TASK} | {f"configs/{k}": v for k, v in (CONFIGS | presets).items()}
    files["configs/activation/tanh.yaml"] = "name: tanh\n"
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    info = folder / "gem_sines-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gem-sines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gem_activations.families]\nsines = gem_sines:Sines\n")
    return folder
