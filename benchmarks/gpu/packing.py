"""The speed of several parallel runs on one device, with and without NVIDIA's MPS."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.generated import endless_trainer
from benchmarks.gpu.child import Row
from benchmarks.timing import Train, in_turn, repeated
from experiments.config.compose import compose_run
from experiments.families.images.schema import ImageRecipe

COUNTS = {"cuda": (1, 2, 4, 8), "cpu": (1, 2)}
STEPS, ROUNDS = {"cuda": 50, "cpu": 2}, 3
CONTROL = "nvidia-cuda-mps-control"


def rows(device: str, results_dir: Path) -> Iterator[Row]:
    words = f"dataset=cifar10 model=resnet20 recipe=standard impl.device={device} impl.threads=1"
    config = compose_run(words.split())
    assert isinstance(config.recipe, ImageRecipe)

    def make() -> Train:
        return repeated(endless_trainer(config).advance)

    alone: float | None = None
    for mps in (False, True) if device == "cuda" and shutil.which(CONTROL) else (False,):
        with daemon() if mps else nullcontext():
            for count in COUNTS[device]:
                taken = in_turn({count: [make] * count}, STEPS[device], ROUNDS)
                fastest = min((each[count] for each in taken), key=lambda measured: measured.wall)
                rate = count * config.recipe.batch_size / fastest.wall
                alone = alone or rate
                yield {
                    "processes": count,
                    "mps": mps,
                    "rate": round(rate),
                    "to_one": round(rate / alone, 2),
                    "mib": round(fastest.mib),
                }


@contextmanager
def daemon() -> Iterator[None]:
    """A separate MPS control daemon for the processes that begin within the block."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        os.environ.update(own)
        subprocess.run([CONTROL, "-d"], check=True)
        try:
            yield
        finally:
            subprocess.run([CONTROL], input=b"quit\n", check=False)
            for key in own:
                del os.environ[key]
