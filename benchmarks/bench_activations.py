"""Speed and memory of the activations compared with torch's own, measured in one run.

  python benchmarks/bench.py activations [device=cpu|cuda] [threads=2] [rounds=15] [clock=wall|cpu]
                                      [sizes=4096,65536,1048576,8388608,16777216]

Use clock=cpu, CPU time, on a machine that others use too. Every comparison is interleaved (one call of each in turn,
many rounds), and the fastest round of each is kept. So a disturbance affects all alike. Only ratios within a run are
meaningful.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

import gem
from experiments.cli import key_values, read_device, read_whole
from experiments.errors import UserError
from experiments.files import write_page
from experiments.runs.provenance import measured_on

KEYS = {
    "device": "cuda" if torch.cuda.is_available() else "cpu",
    "threads": "2",
    "rounds": "15",
    "sizes": "4096,65536,1048576,8388608,16777216",
    "clock": "wall",
    "results_dir": "results",
}
OURS = ("gem", "gem N=2", "egem", "segem")
Step = Callable[[], object]
Seconds = dict[tuple[torch.dtype, int, str], float]


class Naive(nn.Module):
    """GEM written directly as its formula, in eager mode."""

    def forward(self, x: Tensor) -> Tensor:
        p = x.clamp(min=0)
        return p**3 / (1 + p**2)


def candidates() -> dict[str, nn.Module]:
    """The modules to compare; "saves y" marks modules with ``save="output"``."""
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
    """Times steps on a device by wall clock, or by CPU time if other processes share the machine."""

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
        # One compilation for each type and size: dynamic shapes or the limit on recompilations would distort the times.
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


LAYERS = 9


def saved_per_layer(activation: nn.Module) -> float:
    """Distinct storages saved for backward by nine conv–BN–activation layers, in activation tensors per layer."""
    blocks = [nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), activation) for _ in range(LAYERS)]
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
    share: float = sum(saved.values()) / (out.numel() * out.element_size())
    return share / LAYERS


def verdict(what: str, measured: float, limit: float, at_most: bool = True) -> str:
    met = measured <= limit if at_most else measured >= limit
    sign = "≤" if at_most else "≥"
    return f"| {what} | {sign} {limit:.2f} | {measured:.2f} | {'met' if met else '**missed**'} |"


def worst(seconds: Seconds, names: Iterable[str], other: str, dtypes: Iterable[torch.dtype], from_size: int) -> float:
    """The largest ratio to ``other`` over the given activations, types and sizes."""
    sizes = {size for _, size, _ in seconds if size >= from_size}
    return max(seconds[d, n, a] / seconds[d, n, other] for d in dtypes for n in sizes for a in names)


def main(words: list[str]) -> None:
    """Measure, print, and write the table, even if targets are missed."""
    values = key_values(words, KEYS)
    if values["clock"] not in CLOCKS:
        raise UserError(f"clock={values['clock']}: must be one of {', '.join(CLOCKS)}")
    device = torch.device(read_device(values["device"]))
    torch.set_num_threads(read_whole("threads", values["threads"]))
    torch.manual_seed(0)
    gpu = device.type == "cuda"
    sizes = sorted({*(read_whole("sizes", size) for size in values["sizes"].split(",")), 2**26 if gpu else 2**23})
    watch = Stopwatch(device, values["clock"], read_whole("rounds", values["rounds"]))

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
    header = (
        "| type | elements | activation | / relu | / gelu | / silu | / naive | of copy bandwidth |\n" + "|---" * 8 + "|"
    )
    sections = [
        "# Activations: speed and memory",
        f"Forward + backward, {values['clock']} time, fastest of {watch.rounds} interleaved rounds; ratios within this "
        f"run only. {measured_on(device)}, {torch.get_num_threads()} threads.",
        "## Targets",
        "\n".join(["| what | target | measured | result |", "|---|---|---|---|", *checks]),
        "## Eager",
        "\n".join([header, *eager_rows]),
        "## Compiled",
        "\n".join([header, *compiled_rows]),
        "## Memory, eager",
        "Distinct storages saved for backward by 9 × conv–BN–activation, in activation tensors a layer.",
        "\n".join(["| activation | saved a layer |", "|---|---|", *(f"| {n} | {m:.2f} |" for n, m in memory.items())]),
    ]
    text = "\n\n".join(sections) + "\n"
    write_page(values["results_dir"], "bench_activations", text)
    print(text)
