"""Speed of language-model training compared with nanoGPT's step, as ratios within one run.

  python benchmarks/bench.py lm peer=…/nanoGPT [shape=readme|gpt2] [steps=50] [rounds=5] [device=cpu|cuda]
                             [activation=gelu]

``peer`` is a checkout of github.com/karpathy/nanoGPT. Its model and its optimiser run in a loop with the steps of its
train.py (random batch, mean loss, clipping to 1, AdamW). ``readme`` is the CPU shape of its README (4 layers, 4 heads,
width 128, block 64, 12 sequences, 65 kinds of tokens). ``gpt2`` is GPT-2 124M with 12 sequences of 1,024. Both sides
use fp32 on the CPU and bf16 on a GPU, compiled and not. Compilation is not counted. Each round times all of them in
turn. A ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import torch

from benchmarks.generated import endless_trainer, token_stream
from benchmarks.timing import Step, repeated, timed
from experiments.cli import key_values, read_device, read_whole
from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.files import write_page
from experiments.markdown import pipe_table
from experiments.runs.provenance import measured_on

KEYS = {
    "peer": "",
    "shape": "readme",
    "steps": "50",
    "rounds": "5",
    "device": "cpu",
    "activation": "gelu",
    "results_dir": "results",
}
SHAPES = {
    "readme": {"layers": 4, "heads": 4, "width": 128, "context": 64, "vocab_size": 65, "batch": 12},
    "gpt2": {"layers": 12, "heads": 12, "width": 768, "context": 1024, "vocab_size": 50257, "batch": 12},
}


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    if values["shape"] not in SHAPES:
        raise UserError(f"shape={values['shape']}: must be one of {', '.join(SHAPES)}")
    if not (Path(values["peer"]) / "model.py").is_file():
        raise UserError(f"peer={values['peer']}: must be a checkout of github.com/karpathy/nanoGPT, with its model.py")
    count, turns = read_whole("steps", values["steps"]), read_whole("rounds", values["rounds"])
    shape, device = SHAPES[values["shape"]], read_device(values["device"])
    sides: dict[str, Callable[[bool], Step]] = {
        "nanoGPT": lambda compiled: nano_step(Path(values["peer"]), shape, device, compiled),
        "this suite": lambda compiled: our_step(shape, device, compiled, values["activation"]),
    }
    steps = {
        f"{side}, {'compiled' if compiled else 'eager'}": make(compiled)
        for compiled in (False, True)
        for side, make in sides.items()
    }
    for step in steps.values():
        timed(repeated(step), 3)  # compile, allocate
    rounds = [{name: timed(repeated(step), count).wall for name, step in steps.items()} for _ in range(turns)]
    tokens = shape["batch"] * shape["context"]
    median = {name: statistics.median(times[name] for times in rounds) for name in steps}
    rows = []
    for name in steps:
        speeds = sorted(tokens / times[name] for times in rounds)
        ratios = [
            f"{statistics.median(times[f'nanoGPT, {mode}'] / times[name] for times in rounds):.2f}"
            for mode in ("eager", "compiled")
        ]
        rows.append([name, f"{tokens / median[name]:,.0f} ({speeds[0]:,.0f} to {speeds[-1]:,.0f})", *ratios])
    titles = ["what", "tokens/s", "× nanoGPT eager", "× nanoGPT compiled"]
    body = pipe_table(rows, titles)
    told = ", ".join(f"{key} {value}" for key, value in shape.items())
    note = (
        f"Shape {values['shape']}: {told}; activation {values['activation']}. Median (lowest to highest) "
        f"of {values['rounds']} rounds of {values['steps']} steps, all in turn. {measured_on(torch.device(device))}, "
        f"{torch.get_num_threads()} threads, {'bf16' if device == 'cuda' else 'fp32'}."
    )
    text = f"# Language-model training beside nanoGPT\n\n{body}\n\n{note}\n"
    write_page(values["results_dir"], "bench_lm", text)
    print(text)


def nano_step(peer: Path, shape: dict[str, int], device: str, compiled: bool) -> Step:
    spec = importlib.util.spec_from_file_location("nanogpt_model", peer / "model.py")
    assert spec is not None
    assert spec.loader is not None
    nano = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nano)
    block, batch = shape["context"], shape["batch"]
    names = {"n_layer": "layers", "n_head": "heads", "n_embd": "width", "block_size": "context"}
    sizes = {theirs: shape[ours] for theirs, ours in names.items()} | {"vocab_size": shape["vocab_size"]}
    model = nano.GPT(nano.GPTConfig(**sizes, dropout=0.0, bias=False)).to(device)
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.95), device)
    run = torch.compile(model) if compiled else model
    data = token_stream(shape["vocab_size"])

    def step() -> None:
        starts = torch.randint(len(data) - block, (batch,)).tolist()
        x = torch.stack([torch.from_numpy(data[i : i + block].astype(numpy.int64)) for i in starts]).to(device)
        y = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + block].astype(numpy.int64)) for i in starts]).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            _, loss = run(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def our_step(shape: dict[str, int], device: str, compiled: bool, activation: str) -> Step:
    sizes = [f"model.{key}={value}" for key, value in shape.items() if key != "batch"]
    config = compose_run(
        [
            "dataset=openwebtext",
            "model=gpt2",
            "recipe=gpt2_nano",
            f"recipe.tokens_per_step={shape['batch'] * shape['context']}",
            f"activation={activation}",
            f"impl={'fast' if compiled else 'default'}",
            f"impl.precision={'bf16' if device == 'cuda' else 'fp32'}",
            f"impl.device={device}",
            *sizes,
        ]
    )
    return endless_trainer(config).advance
