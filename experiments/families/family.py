"""The interface of a task family to the rest of the suite. Imports no torch, so that composing stays fast."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from experiments.config.schema import Config, Dataset, Model, Recipe
from experiments.errors import UserError
from experiments.families.metric import Metric

if TYPE_CHECKING:
    import torch

    from experiments.families.task import Task
    from experiments.processes import Processes

Pinned = Mapping[str, Any]


class Family(ABC):
    """One kind of task. Derive from it and set the class attributes; see CONTRIBUTING.md for an example."""

    kind: ClassVar[str]
    datasets: ClassVar[Mapping[str, type[Dataset]]]  # by ``source``
    models: ClassVar[Mapping[str, type[Model]]]  # by ``kind``; kinds are unique over all families
    recipe: ClassVar[type[Recipe]]
    metrics: ClassVar[Sequence[Metric]]
    held_out: ClassVar[Mapping[str, str]] = {}  # metric → the same metric on held-out training data, for tuning
    progress_key: ClassVar[str] = "epoch"  # the x axis of learning curves: a key of every line
    counts: ClassVar[Sequence[str]] = ()  # keys of a result that are counts, not metrics
    loss_unit: ClassVar[str] = "nats"  # unit of the training loss

    @cached_property
    def pinned(self) -> Pinned:
        """The values at which a key is left out of the run's hash. Every other key is always hashed.

        They are read from ``pinned.yaml`` beside the family's module: ``{dataset: {key: value}, model: {kind: {key:
        value}}, recipe: {key: value}}``. Only a family with recorded runs needs it, for keys that it gets later.
        """
        path = Path(inspect.getfile(type(self))).with_name("pinned.yaml")
        return yaml.safe_load(path.read_text()) if path.exists() else {}

    @abstractmethod
    def build_task(self, config: Config, device: torch.device, processes: Processes) -> Task[Any]:
        """The task of ``config``. Raises UserError if its data is missing or wrong."""

    def settle_dataset(self, dataset: Dataset) -> Dataset:
        """``dataset`` in its one canonical spelling, checked on its own. Raises UserError."""
        return dataset

    def check(self, dataset: Dataset, model: Model, recipe: Recipe) -> None:  # noqa: B027 - optional
        """Raise UserError if the three do not fit together."""

    def prepare(self, dataset: Dataset, model: Model, data_dir: str, cache_dir: str) -> str:
        """Download, decode or tokenise what a run needs. Returns one line that describes the data."""
        return f"{dataset.name}: nothing to prepare"

    def data_folder(self, dataset: Dataset, data_dir: str) -> Path | None:
        """The folder of the user's own files that ``dataset`` reads, which may change. None for published data."""
        return None

    def warm(self, config: Config) -> None:  # noqa: B027 - optional
        """Import and read what the runs of a sweep share, before they fork. The runs report errors, not this."""

    def example(self, folder: Path) -> list[str]:
        """Command-line words of a run that takes seconds, or none. Its data come with a library or go to ``folder``.

        The tests on fake devices and scripts/gpu.py run it.
        """
        return []

    def export(self, config: Config, state: Mapping[str, Any], out: Path) -> list[str]:
        """Write the trained weights ``state`` below ``out`` for another library. Returns lines on how to load them.

        Raises UserError if no library can load them.
        """
        raise UserError(f"model={config.model.name}: no other library has this network")

    def pictures(self, config: Config, state: Mapping[str, Any], out: Path) -> list[Path]:
        """Draw PNG files below ``out`` that show what the trained weights ``state`` do; returns their paths.

        They go to W&B, and to the folder that scripts/export.py is given.
        """
        return []

    def recipe_words(self, recipe: Recipe) -> dict[str, str]:
        """The main facts about a recipe, by key: ``{"epochs": "8 epochs", …}``."""
        length = f"{recipe.steps} steps" if recipe.steps else f"{recipe.epochs} epochs"
        return {"length": length} | common_words(recipe)

    def footnotes(self, results: Sequence[Mapping[str, Any]]) -> list[str]:
        """The family's own footnotes to a table of these results."""
        return []

    def metric(self, key: str) -> Metric | None:
        """The declared metric ``key``, or None."""
        return next((metric for metric in self.metrics if metric.key == key), None)


def batch_words(recipe: Recipe, batch_size: int) -> dict[str, str]:
    """Length and batch of a recipe that counts examples, then the facts common to all families."""
    steps = recipe.max_steps or recipe.steps
    length = f"{steps} steps" if steps else f"{recipe.epochs} epochs"
    return {"epochs": length, "batch_size": f"batch {batch_size}"} | common_words(recipe)


def common_words(recipe: Recipe) -> dict[str, str]:
    """Optimiser, learning rate and schedule, common to all families."""
    return {"optimizer": recipe.optimizer, "lr": f"learning rate {recipe.lr:g}", "schedule": recipe.schedule}
