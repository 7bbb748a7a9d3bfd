"""Tasks on generated data of the true shapes, for timing without the data set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy
import torch

from benchmarks.steps import endless
from experiments.config.schema import Config
from experiments.device import prepare_device
from experiments.families.images.data.images import ImageData
from experiments.families.images.data.resident import ResidentImages
from experiments.families.images.schema import ImageRecipe
from experiments.families.images.task import ImageTask
from experiments.families.share import Share
from experiments.families.task import Task
from experiments.families.text.data.tokens import Blocks
from experiments.families.text.schema import Transformer
from experiments.families.text.task import TextTask
from experiments.processes import Processes
from experiments.runs.loop import Trainer

PICTURES, TOKENS = 2048, 1 << 20
SHAPE, CLASSES = (3, 32, 32), 10  # as CIFAR-10


def endless_trainer(config: Config) -> Trainer:
    """A trainer on generated data that has no end, no log line and no evaluation."""
    device = prepare_device(config.impl)
    config = endless(config, device)
    return Trainer(generated_task(config, device), config.recipe, config.impl, device)


def generated_task(config: Config, device: torch.device) -> Task[Any]:
    """The task of a language model, or of an image classifier with CIFAR-10's shape."""
    if isinstance(config.model, Transformer):
        return TextTask(config, tokens(config.model.vocab_size), device, Processes())
    assert isinstance(config.recipe, ImageRecipe)
    images = ResidentImages(pictures(), config.recipe, config.seed, device, Share())
    return ImageTask(config, images, device, Processes())


def pictures() -> ImageData:
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(256, (PICTURES, *SHAPE), dtype=torch.uint8, generator=draw)
    y = torch.randint(CLASSES, (PICTURES,), generator=draw)
    return ImageData(x, y, x, y, CLASSES)


def token_stream(vocabulary: int) -> Any:
    """uint16 [TOKENS], uniform over the vocabulary."""
    return numpy.random.default_rng(0).integers(0, vocabulary, TOKENS).astype(numpy.uint16)


def tokens(vocabulary: int) -> Any:
    stream = token_stream(vocabulary)
    return SimpleNamespace(
        tokenizer=SimpleNamespace(size=vocabulary),
        vocabulary_map=lambda size: None,
        blocks=lambda split, length: Blocks([stream], length),
        unigram_entropy=lambda split, vocabulary_map: 0.0,
        fingerprint="generated",
    )
