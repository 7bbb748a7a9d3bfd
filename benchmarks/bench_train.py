"""Training speed of this suite, alone and in parallel, compared with a plain loop and a published one.

  python benchmarks/bench.py train [case=digits-cnn|…|all] [seeds=10] [rounds=5] [device=cpu|cuda] [processes=2]
                                [peer=…/pytorch_resnet_cifar10] [cifar=cifar10] [steps=10]

Each round times all modes in turn, ``steps`` steps of every seed. A ratio is the median of the rounds' ratios, with
their minimum and maximum. Modes:

- ``plain``: a loop over torchvision's DataLoader in fp32.
- ``published``: the training function of ``peer`` with its loader, a checkout of
  github.com/akamaster/pytorch_resnet_cifar10.
- ``single``: this suite's runs in sequence.
- ``packed``: processes that share seeds and cores.
- ``fast``: single runs with impl=fast, for ResNet-56, which is also packed with it.

Start-up, evaluations and compilation are not counted. benchmarks/roofline.py explains the roofline.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch

from benchmarks import peers
from benchmarks.roofline import least_seconds
from benchmarks.steps import bare_trainers, one_by_one
from benchmarks.timing import Measured, Train, in_turn, run_in_fork
from experiments.cli import key_values, read_device, read_whole
from experiments.config.compose import compose_run
from experiments.config.schema import Config
from experiments.errors import UserError
from experiments.families.images.data.images import ImageData
from experiments.families.images.data.load import load_images
from experiments.families.images.schema import ImageDataset, ImageRecipe
from experiments.files import write_page
from experiments.markdown import pipe_table
from experiments.runs.provenance import measured_on

KEYS = {
    "case": "all",
    "seeds": "10",
    "rounds": "5",
    "steps": "10",
    "device": "cpu",
    "processes": "2",
    "peer": "",
    "cifar": "cifar10",
    "results_dir": "results",
}
TITLES = ["what", "mode", "images/s", "trainings/h", "to plain", "to single", "CPU time to single", "of the roofline"]


@dataclass(frozen=True)
class Case:
    """A training. ``large`` ones are compiled and use all cores; on a CPU they have fewer seeds and steps."""

    words: str
    few: bool = False  # one step of every seed a round on a CPU
    large: bool = False


CASES = {
    "digits-mlp": Case("dataset=digits model=mlp recipe=golu_mlp"),
    "digits-mlp-64": Case("dataset=digits model=mlp model.width=64 recipe=golu_mlp"),
    "digits-cnn": Case("dataset=digits model=cnn recipe=digits"),
    "digits-cnn-8": Case("dataset=digits model=cnn model.width=8 recipe=digits"),
    "mnist-cnn": Case("dataset=mnist model=cnn recipe=mnist", few=True),
    "resnet56": Case("model=resnet56 recipe=standard", few=True, large=True),
}
LARGE_SEEDS = 2  # on a CPU


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    if values["case"] not in (*CASES, "all"):
        raise UserError(f"case={values['case']}: must be one of {', '.join(CASES)}, all")
    if values["peer"] and not peers.is_published(values["peer"]):
        raise UserError(f"peer={values['peer']}: must be a checkout of github.com/akamaster/pytorch_resnet_cifar10")
    for key in ("seeds", "steps", "rounds", "processes"):
        read_whole(key, values[key])
    read_device(values["device"], there=lambda: run_in_fork(torch.cuda.is_available))
    torch.set_num_threads(1)  # a thread started here would be missing in the forks
    rows = []
    for name in CASES if values["case"] == "all" else [values["case"]]:
        rows += compare(name, CASES[name], values)
    on_gpu = values["device"] == "cuda"
    measured = ["J/training", "MiB"] if on_gpu else ["MiB"]
    body = pipe_table(rows, [*TITLES, *measured])
    note = (
        f"{values['seeds']} seeds (ResNet-56 on a CPU: {LARGE_SEEDS}); {values['rounds']} rounds of {values['steps']} "
        f"steps of every seed (MNIST and ResNet-56 on a CPU: 1). "
        f"{run_in_fork(lambda: measured_on(torch.device(values['device'])))}; one thread a process, ResNet-56: all "
        f"cores, shared out where packed; load of the machine while this ran "
        f"{os.getloadavg()[1]:.1f}. MiB: the most {'device memory' if on_gpu else 'resident memory'}, over all "
        f"processes of a mode."
    )
    text = f"# Training speed\n\n{body}\n\n{note}\n"
    if values["case"] == "all":
        write_page(values["results_dir"], "bench_train", text)
    print(text)


def compare(name: str, case: Case, values: dict[str, str]) -> list[list[str]]:
    on_gpu = values["device"] == "cuda"
    seeds = LARGE_SEEDS if case.large and not on_gpu else int(values["seeds"])
    count = 1 if case.few and not on_gpu else int(values["steps"])
    threads = (os.cpu_count() or 1) if case.large else 1
    dataset = [f"dataset={values['cifar']}"] if case.large else []
    places = [f"impl.device={values['device']}", f"impl.threads={threads}"]
    config = compose_run([*dataset, *case.words.split(), *places])
    fast = compose_run([*dataset, *case.words.split(), *places, "impl=fast"]) if case.large else config
    data = load_images(cast(ImageDataset, config.dataset), config.data_dir, config.cache_dir)
    floor = seeds * run_in_fork(lambda: least_seconds(bare_trainers(config, 1)[0]))
    rounds = in_turn(modes(config, fast, data, seeds, values), count, int(values["rounds"]))
    recipe = config.recipe
    assert isinstance(recipe, ImageRecipe)
    steps_of_a_training = (recipe.epochs or 0) * (len(data.train_y) // recipe.batch_size)
    return [
        [name, *row(mode, rounds, seeds, seeds * recipe.batch_size, steps_of_a_training, floor, on_gpu)]
        for mode in rounds[0]
    ]


def modes(
    config: Config, fast: Config, data: ImageData, seeds: int, values: dict[str, str]
) -> dict[str, list[Callable[[], Train]]]:
    """By mode, functions that make the step of every seed, one for each process."""
    device, threads = torch.device(values["device"]), config.impl.threads or 1
    processes = int(values["processes"])
    made: dict[str, list[Callable[[], Train]]] = {"plain": [lambda: peers.plain(config, data, device, seeds)]}
    if values["peer"] and fast is not config:
        made["published"] = [lambda: peers.published(values["peer"], threads, data, device, seeds)]
    made["single"] = [functools.partial(one_by_one, config, seeds)]
    if fast is not config:
        made["fast"] = [functools.partial(one_by_one, fast, seeds)]
    share = dataclasses.replace(fast, impl=dataclasses.replace(fast.impl, threads=max(1, threads // processes)))
    made[f"packed in {processes}"] = [
        functools.partial(one_by_one, share, len(range(number, seeds, processes))) for number in range(processes)
    ]
    return made


def row(
    mode: str,
    rounds: list[dict[str, Measured]],
    seeds: int,
    images: int,
    steps_of_a_training: int,
    floor: float,
    on_gpu: bool,
) -> list[str]:
    wall = statistics.median(each[mode].wall for each in rounds)
    to_plain = over_rounds([each["plain"].wall / each[mode].wall for each in rounds])
    to_single = over_rounds([each["single"].wall / each[mode].wall for each in rounds])
    cpu = statistics.median(each[mode].cpu / each["single"].cpu for each in rounds)
    energy = statistics.median(each[mode].joules for each in rounds) * steps_of_a_training / seeds
    told = [to_plain, to_single, f"{cpu:.2f}", f"{100 * floor / wall:.0f} %"]
    memory = f"{max(each[mode].mib for each in rounds):,.0f}"
    hourly = 3600 * seeds / (wall * steps_of_a_training)
    return [
        mode,
        f"{images / wall:,.0f}",
        f"{hourly:,.3g}" if hourly < 100 else f"{hourly:,.0f}",
        *told,
        *([f"{energy:,.0f}"] if on_gpu else []),
        memory,
    ]


def over_rounds(ratios: list[float]) -> str:
    """``1.01 (0.93–1.20)``, or ``1.00`` if all are."""
    least, middle, most = (f"{ratio:.2f}" for ratio in (min(ratios), statistics.median(ratios), max(ratios)))
    return middle if least == most else f"{middle} ({least}–{most})"
