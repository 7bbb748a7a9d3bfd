"""Speed and memory of the activations beside torch's own, measured in one run: `python scripts/bench.py activations`.

Every comparison is interleaved (one call of each in turn, many rounds) and the fastest round of each is kept, so that a
disturbance hits all alike. Only ratios within a run mean anything.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

import gem

TABLE = Path(__file__).resolve().parent.parent / "results" / "tables" / "bench_activations.md"
OURS = ("gem", "gem N=2", "egem", "segem")
Step = Callable[[], object]
Seconds = dict[tuple[torch.dtype, int, str], float]


class Naive(nn.Module):
    """GEM as one would write it down: what eager mode makes of the formula."""

    def forward(self, x: Tensor) -> Tensor:
        p = x.clamp(min=0)
        return p**3 / (1 + p**2)


def candidates() -> dict[str, nn.Module]:
    """What is compared; "saves y" are the modules with ``save="output"``."""
    return {
        "relu": nn.ReLU(),
        "gelu": nn.GELU(),
        "silu": nn.SiLU(),
        "mish": nn.Mish(),
        "naive": Naive(),
        "gem": gem.GEM(),
        "gem N=2": gem.GEM(N=2),
        "egem": gem.EGEM(),
        "segem": gem.SEGEM(),
        "golu": gem.GoLU(),
        "gem, saves y": gem.GEM(save="output"),
        "egem, learnable": gem.EGEM(learnable=True),
    }


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Stopwatch:
    """Times steps on a device by wall clock, or by CPU time where other processes share the machine."""

    def __init__(self, device: torch.device, clock: str, rounds: int) -> None:
        self.device, self.clock, self.rounds = device, CLOCKS[clock], rounds

    def fastest(self, steps: dict[str, Step]) -> dict[str, float]:
        """Seconds of the fastest of the interleaved calls of each step, after two unmeasured ones."""
        best = dict.fromkeys(steps, float("inf"))
        for i in range(self.rounds + 2):
            for name, step in steps.items():
                self._finish()
                start = self.clock()
                step()
                self._finish()
                if i >= 2:
                    best[name] = min(best[name], self.clock() - start)
        return best

    def _finish(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def forward_and_backward(module: Callable[[Tensor], Tensor], x: Tensor, grad: Tensor) -> Step:
    leaf = x.detach().requires_grad_()

    def step() -> None:
        torch.autograd.grad(module(leaf), leaf, grad)

    return step


def elementwise(watch: Stopwatch, sizes: Iterable[int], compiled: bool) -> tuple[list[str], Seconds]:
    """Rows of the table, and seconds by (type, size, name)."""
    rows: list[str] = []
    seconds: Seconds = {}
    modules: dict[str, Callable[[Tensor], Tensor]] = {name: m.to(watch.device) for name, m in candidates().items()}
    if compiled:
        # One compilation for each type and size: dynamic shapes or the limit on recompilations would blur the figures.
        torch._dynamo.config.recompile_limit = 1000
        modules = {n: torch.compile(m, dynamic=False, fullgraph=True) for n, m in modules.items() if "saves" not in n}
    for dtype in (torch.float32, torch.bfloat16):
        for size in sizes:
            x, grad = (torch.randn(size, device=watch.device).to(dtype) for _ in range(2))
            target = torch.empty_like(x)
            steps: dict[str, Step] = {"copy": partial(target.copy_, x)}
            steps |= {name: forward_and_backward(m, x, grad) for name, m in modules.items()}
            took = watch.fastest(steps)
            seconds |= {(dtype, size, name): t for name, t in took.items()}
            for name in modules:
                # Forward reads and writes one tensor, backward reads two and writes one; a copy reads and writes one.
                bandwidth = 5 / took[name] / (2 / took["copy"])
                ratios = " | ".join(f"{took[name] / took[other]:.2f}" for other in ("relu", "gelu", "silu", "naive"))
                label = f"{size / 2**20:g} Mi" if size >= 2**20 else f"{size / 2**10:g} Ki"
                rows.append(f"| {str(dtype)[6:]} | {label} | {name} | {ratios} | {bandwidth:.0%} |")
    return rows, seconds


def saved_per_layer(activation: nn.Module, layers: int = 9) -> float:
    """Distinct storages saved for backward by ``layers`` × conv–BN–activation, in activation tensors a layer."""
    blocks = [nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), activation) for _ in range(layers)]
    net, x = nn.Sequential(*blocks), torch.randn(4, 8, 32, 32)
    owned = {p.untyped_storage().data_ptr() for p in net.parameters()}
    saved: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in owned:
            saved[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        out = net(x)
    return sum(saved.values()) / (out.numel() * out.element_size()) / layers


class Residual(nn.Module):
    """Two 3 × 3 convolutions with batch normalisation and a parameter-free shortcut."""

    def __init__(self, inside: int, outside: int, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.stride = 1 if inside == outside else 2
        self.first = nn.Sequential(
            nn.Conv2d(inside, outside, 3, self.stride, 1, bias=False), nn.BatchNorm2d(outside), make()
        )
        self.second = nn.Sequential(nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside))
        self.last, self.padding = make(), (outside - inside) // 2

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x[:, :, :: self.stride, :: self.stride]
        shortcut = nn.functional.pad(shortcut, (0, 0, 0, 0, self.padding, self.padding))
        return self.last(self.second(self.first(x)) + shortcut)


def resnet56(make: Callable[[], nn.Module]) -> nn.Module:
    widths = [16] * 10 + [32] * 9 + [64] * 9
    blocks = [Residual(a, b, make) for a, b in itertools.pairwise(widths)]
    stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), make())
    return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class TransformerBlock(nn.Module):
    """A pre-norm GPT-2 block."""

    def __init__(self, width: int, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.heads = width // 64
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), make(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (t.unflatten(2, (self.heads, 64)).transpose(1, 2) for t in self.qkv(self.before(x)).chunk(3, 2))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.between(x))


def gpt2(make: Callable[[], nn.Module], layers: int = 12, width: int = 768) -> nn.Module:
    """GPT-2 small without the embeddings, which no activation touches."""
    return nn.Sequential(*(TransformerBlock(width, make) for _ in range(layers)), nn.LayerNorm(width))


def train_step(net: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor) -> None:
    net.zero_grad()
    run(x).square().mean().backward()


def model_steps(watch: Stopwatch, compiled: bool) -> tuple[list[str], dict[tuple[str, str], float]]:
    """Forward and backward of the two models with each activation, as ratios to ReLU."""
    rows: list[str] = []
    ratios: dict[tuple[str, str], float] = {}
    makers: dict[str, Callable[[], nn.Module]] = {
        "relu": nn.ReLU,
        "gelu": nn.GELU,
        "gem": gem.GEM,
        "gem N=2": lambda: gem.GEM(N=2),
    }
    if not compiled:
        makers["gem, saves y"] = lambda: gem.GEM(save="output")
    inputs = {"ResNet-56": torch.randn(32, 3, 32, 32), "GPT-2": torch.randn(2, 128, 768)}
    for model, build in {"ResNet-56": resnet56, "GPT-2": gpt2}.items():
        x = inputs[model].to(watch.device)
        steps: dict[str, Step] = {}
        for name, make in makers.items():
            net = build(make).to(watch.device)
            run = torch.compile(net) if compiled else net
            steps[name] = partial(train_step, net, run, x)
        took = watch.fastest(steps)
        for name in makers:
            ratios[model, name] = took[name] / took["relu"]
            rows.append(f"| {model} | {'compiled' if compiled else 'eager'} | {name} | {ratios[model, name]:.3f} |")
    return rows, ratios


def verdict(what: str, measured: float, limit: float, at_most: bool = True) -> str:
    met = measured <= limit if at_most else measured >= limit
    sign = "≤" if at_most else "≥"
    return f"| {what} | {sign} {limit:.2f} | {measured:.2f} | {'met' if met else '**missed**'} |"


def worst(seconds: Seconds, names: Iterable[str], other: str, dtypes: Iterable[torch.dtype], from_size: int) -> float:
    """The largest ratio to ``other`` over the given activations, types and sizes."""
    sizes = {size for _, size, _ in seconds if size >= from_size}
    return max(seconds[d, n, a] / seconds[d, n, other] for d in dtypes for n in sizes for a in names)


def main(argv: list[str]) -> int:
    """Measure, print, and write the table; 0 whether or not the targets are met."""
    parser = argparse.ArgumentParser(prog="bench.py activations", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall", help="cpu: where others share the machine")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2**12, 2**16, 2**20, 2**23, 2**24])
    parser.add_argument("--models", action="store_true", help="also time steps of ResNet-56 and GPT-2 (minutes)")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args(argv)
    device = torch.device(options.device)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    gpu = device.type == "cuda"
    sizes = sorted({*options.sizes, *([2**26] if gpu else [2**23])})
    watch = Stopwatch(device, options.clock, options.rounds)

    eager_rows, eager = elementwise(watch, sizes, compiled=False)
    compiled_rows, compiled = elementwise(watch, [s for s in sizes if s >= 2**20], compiled=True)
    memory = {name: saved_per_layer(m) for name, m in candidates().items()}
    f32, bf16 = torch.float32, torch.bfloat16
    checks = [
        verdict(f"saved per layer beyond ReLU's, {name}", memory[name] - memory["relu"], 0.05)
        for name in ("gem, saves y", "gem", "golu")
    ]
    if gpu:
        copy = 2.5 * eager[bf16, 2**26, "copy"]
        checks += [
            verdict("eager GEM family / relu, bf16, 64 Mi", worst(eager, OURS, "relu", [bf16], 2**26), 1.05),
            verdict(
                "share of copy bandwidth, bf16, 64 Mi", min(copy / eager[bf16, 2**26, n] for n in OURS), 0.85, False
            ),
            verdict("eager GEM / naive, any size", worst(eager, ["gem"], "naive", [f32, bf16], 0), 1.0),
        ]
    else:
        checks += [
            verdict("compiled GEM family / silu, fp32", worst(compiled, OURS, "silu", [f32], 0), 1.10),
            verdict("compiled GoLU / silu, fp32", worst(compiled, ["golu"], "silu", [f32], 0), 1.10),
            verdict("eager GEM family / gelu, fp32, from 8 Mi", worst(eager, OURS, "gelu", [f32], 2**23), 1.30),
            verdict("eager GoLU / gelu, fp32, from 8 Mi", worst(eager, ["golu"], "gelu", [f32], 2**23), 1.30),
        ]
    step_rows: list[str] = []
    if options.models:
        for is_compiled in (False, True):
            rows, ratios = model_steps(watch, is_compiled)
            step_rows += rows
            if is_compiled:
                checks += [
                    verdict(f"compiled {model} step with {name} / ReLU", ratio, 1.03)
                    for (model, name), ratio in ratios.items()
                    if name.startswith("gem")
                ]

    header = (
        "| type | elements | activation | / relu | / gelu | / silu | / naive | of copy bandwidth |\n" + "|---" * 8 + "|"
    )
    where = torch.cuda.get_device_name(device) if gpu else f"{platform.machine()} CPU, {options.threads} thread(s)"
    sections = [
        "# Activations: speed and memory",
        f"torch {torch.__version__}, {where}. Forward + backward, {options.clock} time, fastest of {options.rounds} "
        "interleaved rounds. "
        "Written by `python scripts/bench.py activations`; ratios within this run only.",
        "## Targets",
        "\n".join(["| what | target | measured | |", "|---|---|---|---|", *checks]),
        "## Eager",
        "\n".join([header, *eager_rows]),
        "## Compiled",
        "\n".join([header, *compiled_rows]),
        "## Memory, eager",
        "Distinct storages saved for backward by 9 × conv–BN–activation, in activation tensors a layer.",
        "\n".join(["| activation | saved a layer |", "|---|---|", *(f"| {n} | {m:.2f} |" for n, m in memory.items())]),
    ]
    if step_rows:
        sections += [
            "## Model steps, relative to ReLU",
            "\n".join(["| model | mode | activation | / relu |", "|---|---|---|---|", *step_rows]),
        ]
    text = "\n\n".join(sections) + "\n"
    print(text)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
