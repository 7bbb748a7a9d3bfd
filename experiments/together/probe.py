"""How runs would train fastest on this machine: as one tensor or not, and how many processes; a few steps of each."""

from __future__ import annotations

import dataclasses
import functools
import os
import statistics
from collections.abc import Callable, Sequence

from experiments.config import Config
from experiments.config.schema import ImageDataset
from experiments.device import prepare, settle
from experiments.loop import Trainer
from experiments.tasks import build_task
from experiments.timing import Train, apart, in_turn, repeated, timed
from experiments.together.ensemble import Ensemble

WORTH = 1.15  # below it a group is not worth what it costs: results that are no longer bit for bit those of single runs
COUNT, ROUNDS = 5, 5  # steps of every seed in a round
PROCESSES = (2, 4, 8)


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


def one_by_one(config: Config, members: int) -> Train:
    """Steps of every member, one after another."""
    alone = trainers(config, members)

    def step() -> None:
        for trainer in alone:
            trainer.advance()

    return repeated(step)


def as_one(config: Config, members: int) -> Train:
    """The same as steps of one tensor."""
    return repeated(Ensemble(trainers(config, members), config.impl).advance)


def gain(config: Config, members: int, count: int = COUNT, rounds: int = ROUNDS) -> float:
    """Images a second as one tensor over images a second one by one; the median of the rounds' ratios."""
    kinds = [one_by_one(config, members), as_one(config, members)]
    for train in kinds:
        train(1)  # allocate, compile
    seconds = [[timed(train, count).wall for train in kinds] for _ in range(rounds)]
    return statistics.median(single / together for single, together in seconds)


def side_by_side(
    config: Config, kind: Callable[[Config, int], Train], members: int, counts: Sequence[int]
) -> dict[int, float]:
    """Images a second of so many processes, each with ``members`` of its own and its share of the cores, over those of
    one process; the median of the rounds' ratios."""
    cores = len(os.sched_getaffinity(0))
    makers = {}
    for count in (1, *counts):
        threads = config.impl.threads or max(1, cores // count)
        own = dataclasses.replace(config, impl=dataclasses.replace(config.impl, threads=threads))
        makers[count] = [functools.partial(kind, own, members)] * count
    rounds = in_turn(makers, COUNT, ROUNDS)
    return {count: statistics.median(count * each[1].wall / each[count].wall for each in rounds) for count in counts}


def advice(config: Config, seeds: int, runs: int, members: Sequence[int] = (5, 10), local: bool = True) -> str:
    """The words for ``scripts/submit.py`` that train ``runs``, so many seeds of each, fastest here, and why.

    ``local``: not for a cluster, where what shares a GPU is one job.

    All is timed in forks, and nothing computed here: a process that has computed cannot be forked into such that do.
    """
    words, kind, size = "impl.seeds_per_process=1", one_by_one, 1
    if seeds < 2 or not isinstance(config.dataset, ImageDataset):
        return f"{words}: {'there is one seed' if seeds < 2 else 'only images train as one tensor'}"
    if config.impl.deterministic:
        why = "as one tensor results are not bit for bit those of single runs"
    else:
        gains = {count: apart(functools.partial(gain, config, count)) for count in {min(m, seeds) for m in members}}
        best = max(gains, key=lambda count: gains[count])
        if gains[best] >= WORTH:
            words, kind, size = f"impl.seeds_per_process={best} impl.together=vectorised", as_one, best
        told = ", ".join(f"{gains[count]:.2f} times with {count} seeds" for count in sorted(gains))
        why = f"as one tensor {told} the images a second of single runs"
    on_gpu = apart(lambda: prepare(config.impl).type) == "cuda"
    most = min(runs // size, max(PROCESSES) if on_gpu else len(os.sched_getaffinity(0)))
    if counts := [count for count in PROCESSES if count <= most]:
        speeds = side_by_side(config, kind, size, counts)
        best = max(speeds, key=lambda count: speeds[count])
        if speeds[best] >= WORTH:
            words += f" {'per_gpu' if on_gpu and not local else 'jobs'}={best}"
        why += "; " + ", ".join(f"{speed:.2f} times with {count} processes" for count, speed in speeds.items())
    return f"{words}: {why}"
