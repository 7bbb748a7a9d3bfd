"""Many seeds of one configuration: single runs, one tensor, and processes side by side, beside a plain loop.

  python scripts/bench.py seeds [seeds=10] [steps=10] [rounds=5] [case=digits-cnn|…|all] [processes=2]

Each round times all modes in turn, a step of every seed each; a ratio is the median of the rounds' ratios. ``plain``
is the loop everybody writes, over ready-made float batches; ``single`` this suite's, one run after another, which is
what interleaved seeds are too; ``vectorised`` all seeds as one tensor; ``packed`` processes that share the seeds out.
Start-up, evaluations and compilation are not counted. The roofline is the longer of the operations of a step
over the rate of a large matrix product and its bytes over the rate of a large copy, both measured here: a step that
read its inputs and wrote its results once an operator would take so long.
"""

from __future__ import annotations

import functools
import math
import os
import statistics
from collections.abc import Callable
from typing import Any

import torch
from tabulate import tabulate
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from experiments.config import Config, compose_run
from experiments.errors import UserError
from experiments.files import write_page
from experiments.loop import Trainer
from experiments.provenance import device_name, peak_memory_mib
from experiments.together.ensemble import images
from experiments.together.probe import Step, steps, timed, trainers
from experiments.words import key_values

KEYS = {"seeds": "10", "steps": "10", "rounds": "5", "case": "all", "processes": "2", "results_dir": "results"}
CASES = {
    "digits-mlp": ["dataset=digits", "model=mlp", "recipe=golu_mlp"],
    "digits-mlp-64": ["dataset=digits", "model=mlp", "model.width=64", "recipe=golu_mlp"],
    "digits-cnn": ["dataset=digits", "model=cnn", "recipe=digits"],
    "digits-cnn-8": ["dataset=digits", "model=cnn", "model.width=8", "recipe=digits"],
    "mnist-cnn": ["dataset=mnist", "model=cnn", "recipe=mnist"],
}
SLOW = ("mnist-cnn",)  # fewer steps


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    seeds, count, rounds = int(values["seeds"]), int(values["steps"]), int(values["rounds"])
    if values["case"] not in (*CASES, "all"):
        raise UserError(f"case={values['case']}: must be one of {', '.join(CASES)}, all")
    rates = peak_rates()
    rows = []
    for name in CASES if values["case"] == "all" else [values["case"]]:
        config = compose_run([*CASES[name], "impl.threads=1"])
        amount = (1, min(rounds, 3)) if name in SLOW else (count, rounds)
        rows += compare(name, config, seeds, *amount, int(values["processes"]), rates)
    titles = ["what", "mode", "images/s", "trainings/h", "to single", "CPU time to single", "of the roofline"]
    body = tabulate(rows, titles, tablefmt="pipe", disable_numparse=True)
    cpu = torch.device("cpu")
    note = (
        f"{seeds} seeds, batches of the recipe; {rounds} rounds of {count} steps of every seed (MNIST: 3 of 1). "
        f"{device_name(cpu)}, one thread a process, torch {torch.__version__}; matrix product "
        f"{rates[0] / 1e9:.0f} GFLOP/s, copy {rates[1] / 1e9:.1f} GB/s; load of the machine while this ran "
        f"{os.getloadavg()[1]:.1f}; the process held at most {peak_memory_mib(cpu):.0f} MiB."
    )
    text = f"# Many seeds of one configuration\n\n{body}\n\n{note}\n"
    if values["case"] == "all":
        write_page(values["results_dir"], "bench_seeds", text)
    print(text)


def compare(
    what: str, config: Config, seeds: int, count: int, rounds: int, processes: int, rates: tuple[float, float]
) -> list[list[str]]:
    alone, other = trainers(config, 2)
    kinds: dict[str, Callable[[int], tuple[float, float]]] = {"plain": per_call(plain(other, seeds))}
    kinds |= {name: per_call(step) for name, step in steps(config, seeds).items()}
    kinds[f"packed in {processes}"] = lambda number: packed(config, seeds, processes, number)
    for kind in kinds.values():
        kind(1)
    times = [{name: kind(count) for name, kind in kinds.items()} for _ in range(rounds)]
    count_images = seeds * config.recipe.batch_size
    work = counted(alone)
    least = seeds * max(work[0] / rates[0], work[1] / rates[1])
    rows = []
    for name in kinds:
        wall = statistics.median(each[name][0] for each in times)
        ratio, cpu = (statistics.median(each["single"][i] / each[name][i] for each in times) for i in (0, 1))
        hourly = 3600 * count_images / wall / (config.recipe.epochs * len(images(alone).train_y))
        share = "—" if name.startswith("packed") else f"{100 * least / wall:.0f} %"
        rows.append(
            [what, name, f"{count_images / wall:,.0f}", f"{hourly:,.0f}", f"{ratio:.2f}", f"{1 / cpu:.2f}", share]
        )
    return rows


def per_call(step: Step) -> Callable[[int], tuple[float, float]]:
    return lambda count: timed(step, count)


def plain(trainer: Trainer, seeds: int) -> Step:
    """A step of one network, as often as there are seeds."""
    task, recipe = images(trainer), trainer.recipe
    batches = [(task.normalise(x), y) for x, y in (task.batch(step) for step in range(4))]
    optimizer = torch.optim.SGD(task.model.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay)

    def step() -> None:
        for index in range(seeds):
            x, y = batches[index % len(batches)]
            optimizer.zero_grad()
            loss = F.cross_entropy(task.model(x), y)
            loss.backward()
            optimizer.step()
            loss.item()

    return step


def packed(config: Config, seeds: int, processes: int, count: int) -> tuple[float, float]:
    """Wall and CPU seconds of a step of every seed, shared out over forks; their preparation is not counted."""
    pipes = [os.pipe() for _ in range(processes)]
    for number, (_, write) in enumerate(pipes):
        if os.fork() == 0:
            own = trainers(config, len(range(number, seeds, processes)))
            step = functools.partial(each, own)
            step()
            times = timed(step, count)
            os.write(write, f"{times[0]} {times[1]}".encode())
            os._exit(0)
    found = []
    for read, write in pipes:
        found.append([float(value) for value in os.read(read, 100).split()])
        os.close(read)
        os.close(write)
        os.wait()
    return max(wall for wall, _ in found), math.fsum(cpu for _, cpu in found)


def each(trainers: list[Trainer]) -> None:
    for trainer in trainers:
        trainer.advance()


class Bytes(TorchDispatchMode):
    """Counts what operators read and write, each tensor once an operator; views count nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            flat = torch.utils._pytree.tree_leaves((args, kwargs, out))
            self.total += sum(tensor.nbytes for tensor in flat if isinstance(tensor, Tensor))
        return out


def counted(trainer: Trainer) -> tuple[float, float]:
    """Operations (of matrix products and convolutions) and bytes of one step of one seed."""
    trainer.advance()
    with FlopCounterMode(display=False) as operations, Bytes() as moved:
        trainer.advance()
    return float(operations.get_total_flops()), float(moved.total)


def peak_rates() -> tuple[float, float]:
    """FLOP/s of a large fp32 matrix product and bytes/s of a large copy, on one thread; the best of ten."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    a, b = torch.randn(1024, 1024), torch.empty(2**25)
    source = torch.ones_like(b)
    product = min(timed(lambda: a @ a, 3)[0] for _ in range(10))
    copied = min(timed(lambda: b.copy_(source), 1)[0] for _ in range(10))
    torch.set_num_threads(before)
    return 2 * 1024**3 / product, 2 * b.nbytes / copied
