"""Speed of training on a CPU with another memory allocator, as ratios to the C library's, measured in one run.

  python benchmarks/bench.py allocator [library=libtcmalloc_minimal.so.4] [presets=mini_ddpm,mini_convnext]
                                       [steps=20] [rounds=5]

``library`` is put into LD_PRELOAD. Each round trains ``steps`` steps of every preset, GELU, in a process of its own,
once with the library and once without. Start-up and the first three steps do not count. A ratio is the median over
rounds of the ratio of CPU times within a round. The last column says whether the weights are equal to the last bit.
The data of the presets are needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys

import torch

from benchmarks.steps import bare_trainers
from benchmarks.timing import repeated, timed
from experiments.cli import key_values, read_whole
from experiments.config.compose import compose_run
from experiments.config.schema import Config
from experiments.errors import UserError, must_be
from experiments.files import write_page
from experiments.markdown import pipe_table
from experiments.runs.provenance import measured_on

KEYS = {
    "library": "libtcmalloc_minimal.so.4",
    "presets": "mini_ddpm,mini_convnext",
    "steps": "20",
    "rounds": "5",
    "results_dir": "results",
}
FIRST = 3  # steps that do not count
TITLES = ["preset", "ms a step", "with the library", "ratio of CPU time", "range", "weights"]


def main(words: list[str]) -> None:
    values = key_values(words, KEYS)
    count, turns = read_whole("steps", values["steps"]), read_whole("rounds", values["rounds"])
    presets = values["presets"].split(",")
    for preset in presets:
        configuration(preset)  # raises UserError before any training
    rows = [compare(preset, values["library"], count, turns) for preset in presets]
    text = (
        f"# Training with another memory allocator\n\n{pipe_table(rows, TITLES)}\n\n"
        f"{values['library']} beside the C library's allocator, GELU, one thread. CPU time of {count} steps, user and "
        f"system; medians and range of {turns} rounds. {measured_on(torch.device('cpu'))}.\n"
    )
    write_page(values["results_dir"], "bench_allocator", text)
    print(text)


def configuration(preset: str) -> Config:
    return compose_run([f"experiment={preset}", "activation=gelu"])


def compare(preset: str, library: str, steps: int, rounds: int) -> list[str]:
    """One row: CPU milliseconds of a step without and with ``library``, their ratio, and whether weights agree."""
    pairs = [(train_apart(preset, steps, ""), train_apart(preset, steps, library)) for _ in range(rounds)]
    plain, other = ([pair[side][0] for pair in pairs] for side in (0, 1))
    ratios = [b / a for a, b in zip(plain, other, strict=True)]
    same = len({weights for pair in pairs for _, weights in pair}) == 1
    ms = [f"{1000 * statistics.median(times):.0f}" for times in (plain, other)]
    ends = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return [preset, *ms, f"{statistics.median(ratios):.2f}", ends, "equal" if same else "different"]


def train_apart(preset: str, steps: int, library: str) -> tuple[float, str]:
    """CPU seconds of a step, and a hash of the weights, of a new process that preloads ``library``."""
    environment = os.environ | {"LD_PRELOAD": library, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.bench_allocator", preset, str(steps)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    messages = done.stderr.splitlines()
    if done.returncode:
        raise UserError(f"presets={preset}: {messages[-1] if messages else f'exit status {done.returncode}'}")
    if any("cannot be preloaded" in message for message in messages):
        raise UserError(must_be("library", library, "a library that the loader finds"))
    seconds, weights = json.loads(done.stdout.splitlines()[-1])
    return seconds, weights


def train_here(preset: str, steps: int) -> tuple[float, str]:
    """CPU seconds of a step in this process, and a hash of the weights after it."""
    [trainer] = bare_trainers(configuration(preset), 1)
    repeated(trainer.advance)(FIRST)
    seconds = timed(repeated(trainer.advance), steps).cpu
    digest = hashlib.sha256()
    for value in trainer.task.model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return seconds, digest.hexdigest()


if __name__ == "__main__":
    print(json.dumps(train_here(sys.argv[1], int(sys.argv[2]))))
