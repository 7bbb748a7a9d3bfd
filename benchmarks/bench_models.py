"""The cost of an activation in a whole network: training steps as ratios to ReLU's, measured in one run.

  python benchmarks/bench.py models [rounds=30] [device=cpu|cuda] [threads=2] [models=resnet56,gpt2]

It times forward and backward of ResNet-56 (32 images) and GPT-2 124M (2 sequences of 128 tokens). On a GPU it uses 256
images and 8 sequences of 1,024. Both run eager and compiled, in fp32 on the CPU and bf16 on a GPU. Each round (GPT-2: a
fifth as many) calls every step once, in turn. A ratio is the median over rounds of the ratio within a round.
Compilation does not count. Every network is built twice: the difference of the two copies is the error of a ratio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.bench_activations import verdict
from experiments.activations.build import activation_factory
from experiments.cli import key_values, read_device, read_whole
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.images.models.build import build_model
from experiments.families.text.models.build import build_transformer
from experiments.families.text.schema import Transformer
from experiments.files import write_page
from experiments.markdown import pipe_table
from experiments.runs.provenance import measured_on

KEYS = {"rounds": "30", "device": "cpu", "threads": "2", "models": "resnet56,gpt2", "results_dir": "results"}
ACTIVATIONS = ("relu", "gelu", "gem", "gem N=2", "egem eps=1e-4")
TARGET = 1.03
Key = tuple[str, int]  # activation and copy


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    names = values["models"].split(",")
    if unknown := set(names) - set(KEYS["models"].split(",")):
        raise UserError(f"models={','.join(sorted(unknown))}: must be among {KEYS['models']}")
    device = torch.device(read_device(values["device"]))
    torch.set_num_threads(read_whole("threads", values["threads"]))
    torch._dynamo.config.recompile_limit = 1000
    turns = read_whole("rounds", values["rounds"])
    rounds = {"resnet56": turns, "gpt2": max(3, turns // 5)}
    rows, checks = [], []
    for name in names:
        for compiled in (False, True):
            copies = [(each, copy) for copy in (0, 1) for each in ACTIVATIONS]
            steps = {(each, copy): training_step(name, each, device, compiled) for each, copy in copies}
            seconds = interleaved(steps, rounds[name], device)
            both = {each: list(map(sum, zip(seconds[each, 0], seconds[each, 1], strict=True))) for each in ACTIVATIONS}
            mode = "compiled" if compiled else "eager"
            for each in ACTIVATIONS:
                apart, ratio = median_ratio(seconds[each, 1], seconds[each, 0]), median_ratio(both[each], both["relu"])
                fastest = 1000 * min(seconds[each, 0] + seconds[each, 1])
                rows.append([name, mode, each, f"{fastest:.0f}", f"{ratio:.3f}", f"{apart:.3f}"])
                if compiled and "gem" in each:
                    checks.append(verdict(f"{name} step, compiled, {each} / relu", ratio, TARGET))
    titles = ["network", "mode", "activation", "ms, fastest", "/ relu", "copy / copy"]
    table = pipe_table(rows, titles)
    note = (
        f"Forward and backward; medians over {' and '.join(str(rounds[name]) for name in names)} rounds, all steps in "
        f"turn; the last column is the same network against its twin. {measured_on(device)}, "
        f"{torch.get_num_threads()} threads, {'bf16' if device.type == 'cuda' else 'fp32'}."
    )
    targets = "\n".join(["| what | target | measured | result |", "|---|---|---|---|", *checks])
    text = f"# What an activation costs in a whole network\n\n{table}\n\n{note}\n\n## Targets\n\n{targets}\n"
    write_page(values["results_dir"], "bench_models", text)
    print(text)


def interleaved(steps: Mapping[Key, Callable[[], None]], rounds: int, device: torch.device) -> dict[Key, list[float]]:
    """Seconds of every step in every round, after two rounds that are not counted."""
    seconds: dict[Key, list[float]] = {key: [] for key in steps}
    for _ in range(rounds + 2):
        for key, step in steps.items():
            started = time.perf_counter()
            step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds[key].append(time.perf_counter() - started)
    return {key: each[2:] for key, each in seconds.items()}


def median_ratio(times: list[float], others: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(times, others, strict=True))


def training_step(name: str, activation: str, device: torch.device, compiled: bool) -> Callable[[], None]:
    """Forward and backward of one batch with the activation in every place."""
    words = [f"model={name}", *(["dataset=cifar10"] if name == "resnet56" else ["dataset=openwebtext"])]
    config = compose_run([*words, *(f"activation={activation}".split())])
    factory, gpu = activation_factory(config.activation), device.type == "cuda"
    torch.manual_seed(0)
    net: nn.Module
    if isinstance(config.model, Transformer):
        net = build_transformer(config.model, factory, config.model.vocab_size, seed=0)
        tokens = torch.randint(config.model.vocab_size, (8, 1025) if gpu else (2, 129))
        x, y = tokens[:, :-1], tokens[:, 1:].flatten()
    else:
        net = build_model(config.model, factory, (3, 32, 32), 10)
        x, y = torch.randn(256 if gpu else 32, 3, 32, 32), torch.randint(10, (256 if gpu else 32,))
    net, x, y = net.to(device), x.to(device), y.to(device)
    run = torch.compile(net, dynamic=False) if compiled else net
    return partial(forward_and_backward, net, run, x, y)


def forward_and_backward(net: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> None:
    net.zero_grad()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda"):
        loss = F.cross_entropy(run(x).flatten(0, -2).float(), y)
    loss.backward()
