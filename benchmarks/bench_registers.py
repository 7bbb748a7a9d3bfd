"""What the Triton kernels need on a GPU, compiled without one: registers, spills, bytes moved.

python benchmarks/bench.py registers
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from experiments.cli import key_values
from experiments.files import write_page
from experiments.markdown import pipe_table
from experiments.runs.provenance import code_version, commit_title

KEYS = {"results_dir": "results"}
CAPABILITIES = {80: "Ampere", 90: "Hopper", 100: "Blackwell"}
TYPES = {"fp32": 4, "bf16": 2}  # bytes
BLOCK, THREADS = 1024, 128  # elements and threads of a block
PARAMETERS = {f"p{i}": "fp32" for i in range(5)}
ACCESS = re.compile(r"(?:ld|st)\.global(?:\.[a-z]\w*)*?(?:\.v(\d))?\.[bfu](\d+)")


class Need(NamedTuple):
    """``registers`` and ``spilled`` bytes per thread. ``moved`` and ``least`` are bytes per element."""

    capability: int
    dtype: str
    orders: str  # values of N; 0 is GoLU
    kernel: str
    registers: int
    spilled: int
    moved: float
    least: int


def needs() -> Iterator[Need]:
    """The needs of every kernel, type and architecture. Needs Triton, with the assembler in its wheel."""
    from gem._triton_kernels import _slope_kernel, _value_kernel

    for capability in CAPABILITIES:
        for dtype, size in TYPES.items():
            for N in (0, 1, 3):
                signature = {"x_ptr": f"*{dtype}", "out_ptr": f"*{dtype}"}
                yield need(_value_kernel, signature, {"N": N}, capability, dtype, "value", 2 * size)
                for invert in sorted({False, N > 0}):
                    signature = {"grad_ptr": f"*{dtype}", "saved_ptr": f"*{dtype}", "out_ptr": f"*{dtype}"}
                    name = "slope from the output" if invert else "slope"
                    constants = {"N": N, "INVERT": invert}
                    yield need(_slope_kernel, signature, constants, capability, dtype, name, 3 * size)


def need(
    function: Any,
    pointers: dict[str, str],
    constants: dict[str, Any],
    capability: int,
    dtype: str,
    name: str,
    least: int,
) -> Need:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    constants = constants | {"BLOCK": BLOCK}
    signature = pointers | {"count": "i32"} | PARAMETERS | dict.fromkeys(constants, "constexpr")
    kernel = triton.compile(ASTSource(function, signature, constants), target=GPUTarget("cuda", capability, 32))
    code = kernel.asm["ptx"]
    assert ".f64" not in code, f"{name} on sm_{capability} computes in double precision"
    bits = sum(int(width) * int(lanes or 1) for lanes, width in ACCESS.findall(code))
    orders = "GoLU" if constants["N"] == 0 else f"N = {constants['N']}"
    moved = bits / 8 / (BLOCK / THREADS)
    return Need(capability, dtype, orders, name, *assembled(code, capability), moved, least)


def assembled(code: str, capability: int) -> tuple[int, int]:
    """Registers and bytes spilled, from the assembler's output, which Triton does not pass on."""
    from triton import knobs

    tool = knobs.nvidia.ptxas_blackwell if capability >= 100 else knobs.nvidia.ptxas
    target = re.search(r"[.]target (sm_\w+)", code)
    assert target
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(code)
        command = [tool.path, "-v", f"--gpu-name={target[1]}", source, "-o", source.with_suffix(".cubin")]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers = re.search(r"Used (\d+) registers", told)
    spills = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", told)
    assert registers
    assert spills
    return int(registers[1]), int(spills[1]) + int(spills[2])


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    titles = ["architecture", "type", "activation", "kernel", "registers", "spilled bytes", "bytes moved", "least"]
    rows = [
        [f"{CAPABILITIES[each.capability]}, sm_{each.capability}", *each[1:-2], f"{each.moved:g}", each.least]
        for each in needs()
    ]
    body = pipe_table(rows, titles)
    code = code_version()
    note = (
        f"Registers and spills are of a thread, bytes moved of an element. A multiprocessor has 65,536 registers: "
        f"32 a thread allow 2,048 threads. Compiled by Triton {version('triton')} without a GPU, commit "
        f"{commit_title(code['commit'], code['clean'])}."
    )
    text = f"# What the Triton kernels need of a GPU\n\n{body}\n\n{note}\n"
    write_page(values["results_dir"], "bench_registers", text)
    print(text)
