"""The activations in eager mode now and at an earlier commit, beside F.gelu, and compiled beside F.silu, in one run.

  python benchmarks/bench.py before_after [before=b45f616] [rounds=15] [seconds=20] [threads=1,2]
                                          [sizes=1024,65536,1048576,16777216] [compiled=16777216]

Every comparison is interleaved, and the fastest round of each counts. There are ``rounds`` of them, or fewer (at least
three) once ``seconds`` have passed. One thread is timed by CPU time, so that other work does not count. Several threads
are timed by wall time. "native" are the kernels of gem.kernels.build_kernels(). The page also shows lower bounds:
copies of as many bytes, exponentials, and E-GEM's torch operations on one piece that stays in the cache. For small
tensors it also shows an autograd function in Python that does nothing.
"""

from __future__ import annotations

import importlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F  # noqa: N812

import gem
from experiments.cli import key_values, read_whole
from experiments.errors import UserError
from experiments.files import write_page
from experiments.runs.provenance import measured_on
from gem import _dispatch, _native, _pieces, kernels

KEYS = {
    "before": "b45f616",  # the last commit without fast functions
    "rounds": "15",
    "seconds": "20",
    "threads": "1,2",
    "sizes": "1024,65536,1048576,16777216",
    "compiled": "16777216",
    "results_dir": "results",
}
ROOT = Path(__file__).parents[1]
NAMES = {"gem": "GEM", "egem": "EGEM", "segem": "SEGEM", "golu": "GoLU"}
DTYPES = (torch.float32, torch.bfloat16)
CONVERSIONS = 5  # of half types: x and f(x) forward, x, the gradients of both backward
CALLS_FROM = 2**17  # number of elements between two readings of the clock
Activation = Callable[[Tensor], Tensor]


class Nothing(Function):
    """An autograd function in Python without arithmetic, to measure its overhead."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.clone()


def package_at(commit: str, folder: Path) -> ModuleType:
    """The package of a commit, imported under the name ``gem_before``."""
    archive = subprocess.run(["git", "archive", commit, "gem"], capture_output=True, cwd=ROOT)
    if archive.returncode:
        raise UserError(f"before={commit}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    (folder / "gem").rename(folder / "gem_before")
    for path in (folder / "gem_before").rglob("*.py"):
        path.write_text(re.sub(r"^(\s*(?:from|import) )gem\b", r"\1gem_before", path.read_text(), flags=re.MULTILINE))
    sys.path.insert(0, str(folder))
    return importlib.import_module("gem_before")


def candidates(before: ModuleType) -> dict[str, Activation]:
    found: dict[str, Activation] = {"gelu": F.gelu, "nothing": Nothing.apply}
    for name, kind in NAMES.items():
        found |= {
            f"{name}, function, before": getattr(before.functional, name),
            f"{name}, function": getattr(gem, name),
            f"{name}, module, before": getattr(before, kind)(),
            f"{name}, module": getattr(gem, kind)(),
            f"{name}, module, native": getattr(gem, kind)(),
        }
    return found


def fastest(steps: dict[str, Callable[[], None]], rounds: int, seconds: float) -> dict[str, float]:
    """Seconds of the fastest of the interleaved calls of each step, after one unmeasured call."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    best, began = dict.fromkeys(steps, float("inf")), time.perf_counter()
    for i in range(rounds + 1):
        if i > 3 and time.perf_counter() - began > seconds:
            break
        for name, step in steps.items():
            _dispatch.cpu = _native if name.endswith("native") else _pieces
            start = clock()
            step()
            if i:
                best[name] = min(best[name], clock() - start)
    _dispatch.cpu = _pieces
    return best


def repeated(step: Callable[[], object], size: int) -> Callable[[], None]:
    """``step`` repeated for small tensors. With several threads, from 64 Ki on, one call: less can come between."""
    count = max(1, CALLS_FROM // (size * (1 if torch.get_num_threads() == 1 else 4)))

    def steps() -> None:
        for _ in range(count):
            step()

    return steps


def forward_and_backward(f: Activation, x: Tensor, grad: Tensor) -> Callable[[], object]:
    leaf = x.detach().requires_grad_()
    return lambda: torch.autograd.grad(f(leaf), leaf, grad)


def measure(
    found: dict[str, Activation], dtype: torch.dtype, size: int, rounds: int, seconds: float
) -> dict[str, float]:
    x, grad = torch.randn(size).to(dtype), torch.randn(size).to(dtype)
    target = torch.empty_like(x)
    steps = {name: repeated(forward_and_backward(f, x, grad), size) for name, f in found.items()}
    steps |= {
        "copy": repeated(lambda: target.copy_(x), size),
        "exp": repeated(lambda: torch.exp(x, out=target), size),
        "operations": repeated(operations(dtype, size), size),
    }
    return fastest(steps, rounds, seconds)


def operations(dtype: torch.dtype, size: int) -> Callable[[], None]:
    """E-GEM's torch operations, and the conversions of half types, repeated on the same piece."""
    piece = min(size, _pieces.PIECE * torch.get_num_threads())
    x, grad, out, work = (torch.randn(piece) for _ in range(4))
    half, family = x.to(dtype), gem.EGEM()._family

    def step() -> None:
        for _ in range(size // piece):
            for _ in range(CONVERSIONS if dtype is not torch.float32 else 0):
                x.copy_(half)
            _pieces._gated_value(x, out, work, family)
            _pieces._gated_slope_product(x, grad, out, work, family)

    return step


def label(size: int) -> str:
    return f"{size >> 20} Mi" if size >= 1 << 20 else f"{size >> 10} Ki"


def limits(took: dict[str, float], other: str) -> str:
    """The bytes of five tensors (a copy moves two), and four exponentials, as ratios to ``other``."""
    return f"{2.5 * took['copy'] / took[other]:.2f} | {4 * took['exp'] / took[other]:.2f}"


def eager_rows(before: ModuleType, sizes: list[int], rounds: int, seconds: float) -> list[str]:
    rows = []
    for dtype in DTYPES:
        for size in sizes:
            took = measure(candidates(before), dtype, size, rounds, seconds)
            for name in NAMES:
                ways = ("function, before", "function", "module, before", "module", "module, native")
                ratios = " | ".join(f"{took[f'{name}, {way}'] / took['gelu']:.2f}" for way in ways)
                bounds = f"{took['nothing'] / took['gelu']:.2f} | {limits(took, 'gelu')}"
                bounds += f" | {took['operations'] / took['gelu']:.2f}"
                rows.append(
                    f"| {torch.get_num_threads()} | {str(dtype)[6:]} | {label(size)} | {name} | {ratios} | {bounds} |"
                )
            print(*rows[-len(NAMES) :], sep="\n", flush=True)
    return rows


def compiled_rows(size: int, rounds: int, seconds: float) -> list[str]:
    rows = []
    torch._dynamo.config.recompile_limit = 1000
    for dtype in DTYPES:
        torch._dynamo.reset()
        modules: dict[str, Activation] = {"silu": torch.nn.SiLU(), **{n: getattr(gem, k)() for n, k in NAMES.items()}}
        compiled = {n: torch.compile(m, dynamic=False, fullgraph=True) for n, m in modules.items()}
        took = measure(compiled, dtype, size, rounds, seconds)
        ratios = " | ".join(f"{took[name] / took['silu']:.2f}" for name in NAMES)
        rows.append(
            f"| {torch.get_num_threads()} | {str(dtype)[6:]} | {label(size)} | {ratios} | {limits(took, 'silu')} |"
        )
        print(rows[-1], flush=True)
    return rows


def main(words: list[str]) -> None:
    """Measure, print, and write the page, after each number of threads."""
    values = key_values(words, KEYS)
    rounds, seconds = read_whole("rounds", values["rounds"]), read_whole("seconds", values["seconds"])
    sizes = [read_whole("sizes", size) for size in values["sizes"].split(",")]
    torch.manual_seed(0)
    kernels.build_kernels()
    eager: list[str] = []
    compiled: list[str] = []
    conditions = (
        "Forward + backward, ratios to F.gelu in eager mode and to F.silu in compiled code, all in one run. The "
        f"fastest of at most {rounds} interleaved rounds counts, in CPU time with one thread, in wall time with more. "
        f"Before is commit {values['before']}. {measured_on(torch.device('cpu'))}. The last columns are limits: an "
        "autograd function in Python that does nothing, the bytes of five tensors, four exponentials of torch (GoLU "
        "needs as many), and E-GEM's operations of torch on one piece that stays in the cache."
    )
    with tempfile.TemporaryDirectory() as folder:
        before = package_at(values["before"], Path(folder))
        for count in values["threads"].split(","):
            torch.set_num_threads(read_whole("threads", count))
            eager += eager_rows(before, sizes, rounds, seconds)
            compiled += compiled_rows(read_whole("compiled", values["compiled"]), rounds, seconds)
            write_page(values["results_dir"], "bench_before_after", page(conditions, eager, compiled))


def page(conditions: str, eager: list[str], compiled: list[str]) -> str:
    head = ["threads", "type", "elements", "activation", "function, before", "function", "module, before", "module"]
    head += ["module, native", "empty autograd function", "bytes of 5 tensors", "4 exponentials", "E-GEM's operations"]
    compiled_head = ["threads", "type", "elements", *NAMES, "bytes of 5 tensors", "4 exponentials"]
    title, eager_title, compiled_title = "# Activations before and after", "## Eager, / F.gelu", "## Compiled, / F.silu"
    tables = [eager_title, table(head, eager), compiled_title, table(compiled_head, compiled)]
    return "\n\n".join([title, conditions, *tables]) + "\n"


def table(head: list[str], rows: list[str]) -> str:
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *rows])
