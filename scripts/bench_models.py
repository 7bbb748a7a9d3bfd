"""What an activation costs in a whole network: training steps as ratios to ReLU's, measured in one run.

  python scripts/bench.py models [rounds=10] [device=cpu|cuda] [threads=2] [models=resnet56,gpt2]

Forward and backward of ResNet-56 (32 images) and GPT-2 124M (2 sequences of 128 tokens), on a GPU 256 images and 8
sequences of 1,024; eager and compiled, fp32 on the CPU and bf16 on a GPU. Each round calls every step once, in turn;
the fastest call counts, compilation does not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from tabulate import tabulate
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from experiments.config import compose_run
from experiments.config.schema import Transformer
from experiments.errors import UserError
from experiments.files import write_page
from experiments.models import activation_factory, build_model, build_transformer
from experiments.provenance import device_name
from experiments.words import key_values
from scripts.bench_activations import Stopwatch, verdict

KEYS = {"rounds": "10", "device": "cpu", "threads": "2", "models": "resnet56,gpt2", "results_dir": "results"}
ACTIVATIONS = ("relu", "gelu", "gem", "gem N=2", "egem eps=1e-4")
TARGET = 1.03


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    names = values["models"].split(",")
    if unknown := set(names) - set(KEYS["models"].split(",")):
        raise UserError(f"models={','.join(sorted(unknown))}: must be among {KEYS['models']}")
    device = torch.device(values["device"])
    torch.set_num_threads(int(values["threads"]))
    torch._dynamo.config.recompile_limit = 1000
    watch = Stopwatch(device, "wall", int(values["rounds"]))
    rows, checks = [], []
    for name in names:
        for compiled in (False, True):
            took = watch.fastest({each: training_step(name, each, device, compiled) for each in ACTIVATIONS})
            for each in ACTIVATIONS:
                ratio, mode = took[each] / took["relu"], "compiled" if compiled else "eager"
                rows.append([name, mode, each, f"{1000 * took[each]:.1f}", f"{ratio:.3f}"])
                if compiled and "gem" in each:
                    checks.append(verdict(f"{name} step, compiled, {each} / relu", ratio, TARGET))
    titles = ["network", "mode", "activation", "ms/step", "/ relu"]
    table = tabulate(rows, titles, tablefmt="pipe", disable_numparse=True)
    note = (
        f"Forward and backward; fastest of {watch.rounds} rounds, all activations in turn. {device_name(device)}, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, {'bf16' if device.type == 'cuda' else 'fp32'}."
    )
    targets = "\n".join(["| what | target | measured | |", "|---|---|---|---|", *checks])
    text = f"# What an activation costs in a whole network\n\n{table}\n\n{note}\n\n## Targets\n\n{targets}\n"
    write_page(values["results_dir"], "bench_models", text)
    print(text)


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
