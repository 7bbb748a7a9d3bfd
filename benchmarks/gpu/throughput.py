"""Optimiser steps per second, model FLOP utilisation, memory and energy."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch.utils.flop_counter import FlopCounterMode

from benchmarks.generated import endless_trainer
from benchmarks.gpu.child import Row
from benchmarks.timing import Measured, repeated, run_in_fork, timed
from experiments.config.compose import compose_run
from experiments.device import peak_flops
from experiments.families.images.schema import ImageRecipe
from experiments.runs.loop import Trainer

WARM = 3  # steps before the timing: allocation, graphs
SECONDS, ROUNDS = 0.7, 3  # seconds per round
WORKLOADS = {
    "cuda": {
        "resnet56": "dataset=cifar10 model=resnet56 recipe=standard",
        "gpt2": "dataset=openwebtext model=gpt2 recipe=gpt2_nano recipe.tokens_per_step=16384",
        "bert_small": "dataset=openwebtext model=bert_small recipe.tokens_per_step=32768",
    },
    "cpu": {
        "resnet20": "dataset=cifar10 model=resnet20 recipe=standard recipe.batch_size=32",
        "gpt2_tiny": "dataset=openwebtext model=gpt2_tiny recipe.tokens_per_step=1024",
        "bert_tiny": "dataset=openwebtext model=bert_tiny recipe.tokens_per_step=1024",
    },
}
IMPLS = {
    "cuda": {
        "default, fp32": "impl=default",
        "default, bf16": "impl=default impl.precision=bf16",
        "fast": "impl=fast",
        "fast, CUDA graphs": "impl=fast impl.cuda_graphs=true",
    },
    "cpu": {"default, fp32": "impl=default", "fast": "impl=fast"},
}


class Speed(NamedTuple):
    """``flops`` per step, 0 if it was compiled; ``peak`` in FLOP/s, NaN if unknown."""

    step: Measured
    flops: int
    peak: float
    examples: int
    unit: str


def rows(device: str, results_dir: Path) -> Iterator[Row]:
    for model, words in WORKLOADS[device].items():
        flops = 0
        for impl, switches in IMPLS[device].items():
            speed = run_in_fork(partial(measure, f"{words} {switches} impl.device={device} activation=egem"))
            flops = speed.flops or flops  # the eager step's FLOPs: a compiled step does the same work
            rate = flops / speed.step.wall
            yield {
                "model": model,
                "impl": impl,
                "rate": round(speed.examples / speed.step.wall, 1),
                "unit": speed.unit,
                "mfu": none_if_nan(rate / speed.peak),
                "tflops": round(rate / 1e12, 3),
                "mib": round(speed.step.mib),
                "joules": none_if_nan(speed.step.joules),
                "seconds": speed.step.wall,
                "flops": flops,
            }


def measure(words: str) -> Speed:
    config = compose_run(words.split())
    trainer = endless_trainer(config)
    flops = 0
    if config.impl.compile:
        trainer.advance()
    else:
        with FlopCounterMode(display=False) as counter:
            trainer.advance()
        flops = counter.get_total_flops()
    step = repeated(trainer.advance)
    pace = timed(step, WARM).wall
    count = max(2, round(SECONDS / pace))
    taken = [timed(step, count) for _ in range(ROUNDS)]
    middle = Measured(*(statistics.median(values) for values in zip(*taken, strict=True)))
    peak = peak_flops(trainer.device, trainer.bf16) or math.nan
    examples, unit = examples_of(trainer)
    return Speed(middle, flops, peak, examples, unit)


def examples_of(trainer: Trainer) -> tuple[int, str]:
    """The number of examples per step, and their name in the plural."""
    if work := trainer.task.throughput:
        return work.per_step, work.unit
    assert isinstance(trainer.recipe, ImageRecipe)
    return trainer.recipe.batch_size, "images"


def none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
