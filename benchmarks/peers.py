"""Training loops over images for comparison: a plain one, and a published one in its own checkout."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision import transforms

from benchmarks.timing import Train
from experiments.config.schema import Config
from experiments.families.images.data.images import IMAGENET, ImageData
from experiments.families.images.models.build import build
from experiments.families.images.schema import ImageRecipe


class Pictures(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """The training images as in torchvision's datasets: PIL images passed through transforms, one at a time."""

    def __init__(self, data: ImageData, transform: Any) -> None:
        self.pixels = data.train_x.permute(0, 2, 3, 1).squeeze(3).numpy()
        self.labels, self.transform = data.train_y.tolist(), transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def plain(config: Config, data: ImageData, device: torch.device, seeds: int) -> Train:
    """A plain loop: fp32, eager, one network for all seeds. The loader has no workers on a CPU and four on a GPU."""
    torch.set_num_threads(config.impl.threads or 1)
    recipe, model = config.recipe, build(config, data.shape, data.classes)[0].to(device)
    assert isinstance(recipe, ImageRecipe)
    optimizer = torch.optim.SGD(
        model.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=recipe.nesterov
    )
    statistics = [value.tolist() for value in data.statistics(recipe.normalize)]
    transform = transforms.Compose(
        [*moves(recipe, data.shape[1]), transforms.ToTensor(), transforms.Normalize(*statistics)]
    )
    batches = endless(
        torch.utils.data.DataLoader(
            Pictures(data, transform),
            recipe.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=4 if device.type == "cuda" else 0,
            persistent_workers=device.type == "cuda",
        )
    )

    def train(count: int) -> None:
        for x, y in itertools.islice(batches, count * seeds):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x.to(device)), y.to(device))
            loss.backward()
            optimizer.step()
            loss.item()

    return train


def moves(recipe: ImageRecipe, size: int) -> list[Any]:
    return {
        "none": [],
        "crop": [transforms.RandomCrop(size, padding=4)],
        "crop_flip": [transforms.RandomCrop(size, padding=4), transforms.RandomHorizontalFlip()],
    }[recipe.augment]


def endless(loader: Any) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loader


def is_published(folder: str) -> bool:
    return all((Path(folder) / name).is_file() for name in ("trainer.py", "resnet.py"))


def published(folder: str, threads: int, data: ImageData, device: torch.device, seeds: int) -> Train:
    """``train`` of github.com/akamaster/pytorch_resnet_cifar10, with the network, loader and optimiser of its main.

    There is one network for all seeds, a ResNet-56. Without a GPU its ``cuda()`` does nothing.
    """
    torch.set_num_threads(threads)
    sys.path.insert(0, folder)
    with contextlib.redirect_stdout(io.StringIO()):
        script: Any = importlib.import_module("trainer")
        network: Any = importlib.import_module("resnet")
    script.args = Namespace(half=False, print_freq=50)
    if device.type == "cpu":
        torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    torch.backends.cudnn.benchmark = True
    model = nn.DataParallel(network.resnet56()).to(device)
    criterion = nn.CrossEntropyLoss().to(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    transform = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(32, 4),
            transforms.ToTensor(),
            transforms.Normalize(*IMAGENET),
        ]
    )
    on_gpu = device.type == "cuda"
    batches = endless(
        torch.utils.data.DataLoader(Pictures(data, transform), 128, shuffle=True, num_workers=4, pin_memory=on_gpu)
    )

    def train(count: int) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            script.train(First(batches, count * seeds), model, criterion, optimizer, 0)

    return train


class First:
    """The next ``count`` batches, for a loop that asks for their number."""

    def __init__(self, batches: Iterator[tuple[Tensor, Tensor]], count: int) -> None:
        self.batches, self.count = batches, count

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return itertools.islice(self.batches, self.count)

    def __len__(self) -> int:
        return self.count
