"""Training steps alone, without logs, evaluations and probes, to be timed."""

from __future__ import annotations

import dataclasses

from benchmarks.timing import Train, repeated
from experiments.config.schema import Config
from experiments.device import prepare_device, settle_precision
from experiments.families.build import build_task
from experiments.runs.loop import Trainer


def bare_trainers(config: Config, seeds: int) -> list[Trainer]:
    """Trainers of seeds 0 … seeds - 1 that never come to an end, a log line or an evaluation."""
    device = prepare_device(config.impl)
    impl = dataclasses.replace(settle_precision(config.impl, device), mechanism=False)
    endless = {"epochs": None, "steps": 10**9, "max_steps": None, "log_every": 10**9, "eval_every_steps": 10**9}
    recipe = dataclasses.replace(config.recipe, **endless)  # type: ignore[arg-type]
    made = []
    for seed in range(seeds):
        one = dataclasses.replace(config, seed=seed, recipe=recipe, impl=impl)
        made.append(Trainer(build_task(one, device), recipe, impl, device))
    return made


def one_by_one(config: Config, seeds: int) -> Train:
    """A step of every seed, one after another."""
    trainers = bare_trainers(config, seeds)

    def step() -> None:
        for trainer in trainers:
            trainer.advance()

    return repeated(step)
