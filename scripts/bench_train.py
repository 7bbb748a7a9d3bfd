"""Speed of training beside plain PyTorch, as ratios measured side by side in one run.

  python scripts/bench.py train [steps=60] [rounds=5] [part=mnist|resnet56|all]

mnist: this suite's step against a DataLoader over torchvision's MNIST, same network, recipe and precision (fp32).
resnet56: impl=fast against the same network in fp32, NCHW, eager, on the same batches; compile time is not counted.
Each round times both sides one after the other; the ratio is that of their medians.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tabulate import tabulate
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from experiments.config import Config, compose_run
from experiments.config.schema import ImageDataset
from experiments.data import ImageData, load_images
from experiments.data.mnist import CLASSES, UNPACKED, load
from experiments.device import prepare, settle
from experiments.files import write_page
from experiments.loop import Trainer
from experiments.provenance import device_name
from experiments.tasks.images import ImageTask
from experiments.words import key_values

KEYS = {"steps": "60", "rounds": "5", "part": "all", "results_dir": "results"}
Step = Callable[[], object]


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    steps, rounds, part = int(values["steps"]), int(values["rounds"]), values["part"]
    rows = []
    if part in ("all", "mnist"):
        for augment in ("crop", "none"):
            ours, theirs = mnist_steps(augment)
            rows.append(compare(f"MNIST, small CNN, augment={augment}", theirs, ours, steps, rounds))
    if part in ("all", "resnet56"):
        for activation in ("relu", "egem"):
            ours, theirs = resnet_steps(activation)
            rows.append(compare(f"ResNet-56 step, {activation}, impl=fast", theirs, ours, max(2, steps // 10), rounds))
    titles = ["what", "plain, ms/step", "this suite, ms/step", "ratio"]
    body = tabulate(rows, titles, tablefmt="pipe", disable_numparse=True)
    cpu = torch.device("cpu")
    precision = settle(compose_run(["impl=fast"]).impl, cpu).precision
    note = (
        f"Batch 128; median (lowest to highest) of {rounds} rounds of {steps} steps (ResNet-56: a tenth), both sides "
        f"in turn. {device_name(cpu)}, {torch.get_num_threads()} threads, torch {torch.__version__}; impl=fast uses "
        f"{precision} here."
    )
    text = f"# Training speed beside plain PyTorch\n\n{body}\n\n{note}\n"
    if part == "all":
        write_page(values["results_dir"], "bench_train", text)
    print(text)


def compare(what: str, theirs: Step, ours: Step, steps: int, rounds: int) -> list[str]:
    for step in (theirs, ours):
        timed(step, 2)  # compile, allocate
    times = [(timed(theirs, steps), timed(ours, steps)) for _ in range(rounds)]
    plain, suite = ([pair[side] for pair in times] for side in (0, 1))
    ratio = statistics.median(plain) / statistics.median(suite)
    return [what, spread(plain), spread(suite), f"{ratio:.2f}"]


def timed(step: Step, count: int) -> float:
    """Milliseconds a step."""
    started = time.perf_counter()
    for _ in range(count):
        step()
    return 1000 * (time.perf_counter() - started) / count


def spread(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"


def trainer(config: Config, data: ImageData) -> Trainer:
    device = prepare(config.impl)
    config.impl = settle(config.impl, device)
    return Trainer(ImageTask(config, data, device), config.recipe, config.impl, device)


def plain_step(config: Config, data: ImageData, batches: Iterator[tuple[Tensor, Tensor]]) -> Step:
    """The loop everybody writes: same network and optimiser, ready-made float batches."""
    model = ImageTask(config, data, torch.device("cpu")).model
    recipe = config.recipe
    optimizer = torch.optim.SGD(
        model.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=recipe.nesterov
    )

    def step() -> float:
        x, y = next(batches)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def mnist_steps(augment: str) -> tuple[Step, Step]:
    config = compose_run(["experiment=table_mnist", "impl.device=cpu", f"recipe.augment={augment}"])
    assert isinstance(config.dataset, ImageDataset)
    data = load_images(config.dataset, config.data_dir, config.cache_dir)
    mean, sd = data.statistics("dataset")
    loader = torchvision_loader(config, (mean.item(), sd.item()))
    return trainer(config, data).advance, plain_step(config, data, loader)


def torchvision_loader(config: Config, statistics: tuple[float, float]) -> Iterator[tuple[Tensor, Tensor]]:
    """DataLoader batches of torchvision's MNIST, for ever; its reader wants unpacked files in its own layout."""
    from torchvision import datasets, transforms

    moves = [transforms.RandomCrop(28, padding=4)] if config.recipe.augment == "crop" else []
    change = transforms.Compose(
        [*moves, transforms.ToTensor(), transforms.Normalize((statistics[0],), (statistics[1],))]
    )
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root) / CLASSES["mnist"] / "raw"
        raw.mkdir(parents=True)
        folders = [Path(config.data_dir) / "mnist", Path(config.data_dir) / "MNIST/raw"]
        for file in UNPACKED["mnist"]:
            _, content = load("mnist", folders, file)
            (raw / file).write_bytes(content)
        dataset = datasets.MNIST(root, train=True, transform=change)
        loader = torch.utils.data.DataLoader(dataset, config.recipe.batch_size, shuffle=True, drop_last=True)
    while True:
        yield from loader


def resnet_steps(activation: str) -> tuple[Step, Step]:
    common = ["dataset=cifar10", "model=resnet56", f"activation={activation}", "recipe=standard", "impl.device=cpu"]
    common.append("recipe.eval_every=1000")  # steps are compared, not evaluations
    fast, plain = compose_run([*common, "impl=fast"]), compose_run(common)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (1280, 3, 32, 32), dtype=torch.uint8, generator=generator)
    labels = torch.randint(10, (1280,), generator=generator)
    data = ImageData(images, labels, images, labels, classes=10)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        task = ImageTask(plain, data, torch.device("cpu"))
        prepared = [task.batch(step) for step in range(10)]
        floats = [(task.normalise(x), y) for x, y in prepared]
        while True:
            yield from floats

    return trainer(fast, data).advance, plain_step(plain, data, batches())
