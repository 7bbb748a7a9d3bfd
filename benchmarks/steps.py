"""Training steps for timing, without logs, evaluations and probes."""

from __future__ import annotations

import dataclasses

import torch

from benchmarks.timing import Train, repeated
from experiments.config.schema import Config
from experiments.device import prepare_device, settle_precision
from experiments.families.build import build_task
from experiments.runs.loop import Trainer


def endless(config: Config, device: torch.device) -> Config:
    """``config`` without an end, a log line, an evaluation or a probe, with the precision chosen for ``device``."""
    impl = dataclasses.replace(settle_precision(config.impl, device), mechanism=False)
    never = {"epochs": None, "steps": 10**9, "max_steps": None, "log_every": 10**9, "eval_every_steps": 10**9}
    recipe = dataclasses.replace(config.recipe, **never)  # type: ignore[arg-type]
    return dataclasses.replace(config, recipe=recipe, impl=impl)


def bare_trainers(config: Config, seeds: int) -> list[Trainer]:
    """Trainers of seeds 0 … seeds - 1 that have no end, no log line and no evaluation."""
    device = prepare_device(config.impl)
    each = [dataclasses.replace(endless(config, device), seed=seed) for seed in range(seeds)]
    return [Trainer(build_task(one, device), one.recipe, one.impl, device) for one in each]


def one_by_one(config: Config, seeds: int) -> Train:
    """A step of every seed, one after another."""
    trainers = bare_trainers(config, seeds)

    def step() -> None:
        for trainer in trainers:
            trainer.advance()

    return repeated(step)
