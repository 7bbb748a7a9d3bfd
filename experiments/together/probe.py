"""What training several seeds as one tensor would gain here: a few steps of each kind, timed in turn."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from experiments.config import Config
from experiments.config.schema import ImageDataset
from experiments.device import prepare, settle
from experiments.loop import Trainer
from experiments.tasks import build_task
from experiments.together.ensemble import Ensemble

WORTH = 1.15  # below it a group is not worth what it costs: results that are no longer bit for bit those of single runs
Step = Callable[[], object]


def trainers(config: Config, members: int) -> list[Trainer]:
    """Of seeds 0 … members - 1. Nothing is logged or evaluated on the way, so that steps alone are timed."""
    device = prepare(config.impl)
    impl = settle(config.impl, device)
    recipe = dataclasses.replace(config.recipe, log_every=10**9, eval_every=10**6, epochs=10**6, max_steps=None)
    made = []
    for seed in range(members):
        one = dataclasses.replace(config, seed=seed, recipe=recipe, impl=dataclasses.replace(impl, mechanism=False))
        made.append(Trainer(build_task(one, device), recipe, one.impl, device))
    return made


def steps(config: Config, members: int) -> dict[str, Step]:
    """``single``: one step of every member, one after another; ``vectorised``: the same as one."""
    alone, together = trainers(config, members), Ensemble(trainers(config, members), config.impl.compile)

    def one_by_one() -> None:
        for trainer in alone:
            trainer.advance()

    return {"single": one_by_one, "vectorised": together.advance}


def timed(step: Step, count: int) -> tuple[float, float]:
    """Wall and CPU seconds a step."""
    synchronise()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        step()
    synchronise()
    return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def gain(config: Config, members: int, count: int = 5, rounds: int = 5) -> float:
    """Images a second as one tensor over images a second one by one; the median of the rounds' ratios."""
    kinds = steps(config, members)
    for step in kinds.values():
        timed(step, 1)  # allocate, compile
    seconds = [{name: timed(step, count)[0] for name, step in kinds.items()} for _ in range(rounds)]
    return statistics.median(each["single"] / each["vectorised"] for each in seconds)


def advice(config: Config, seeds: int, members: Sequence[int] = (5, 10)) -> str:
    """The words that train ``config`` fastest for so many seeds, and why."""
    if not isinstance(config.dataset, ImageDataset) or config.impl.deterministic or seeds < 2:
        why = "only images train as one tensor, and not bit for bit" if seeds > 1 else "there is one seed"
        return f"impl.seeds_per_process=1: {why}"
    gains = {count: gain(config, count) for count in sorted({min(count, seeds) for count in members})}
    best = max(gains, key=lambda count: gains[count])
    measured = ", ".join(f"{value:.2f} times with {count} seeds" for count, value in gains.items())
    if gains[best] >= WORTH:
        return f"impl.seeds_per_process={best} impl.together=vectorised: {measured} the images a second of single runs"
    return f"impl.seeds_per_process=1: as one tensor {measured} the images a second of single runs"
