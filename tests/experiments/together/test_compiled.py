"""``impl.compile`` with several seeds: compiled once, and the same numbers."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch._dynamo.utils import counters

from experiments.config import compose_run
from experiments.loop import Trainer
from experiments.tasks import Builder, build_task
from experiments.together.ensemble import Ensemble
from tests.experiments.results import bits, distance

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
LINE = ("dataset=digits", "recipe=digits", "recipe.lr=0.01", "model=cnn", "model.width=4", "activation=egem")


def test_interleaved_seeds_and_values_of_eps_share_what_was_compiled() -> None:
    """Bit for bit what each gives alone, compiled for itself."""
    shared = Builder()
    graphs = []
    for words in ("seed=0", "seed=1", "seed=1 eps=0.1"):
        one = compose_run([*LINE, "impl.compile=true", *words.split()])
        states = []
        for build in (shared, build_task):
            trainer = Trainer(build(one, CPU), one.recipe, one.impl, CPU)
            before = counters["stats"]["unique_graphs"]
            for _ in range(23):  # with an evaluation
                trainer.advance()
            graphs.append(counters["stats"]["unique_graphs"] - before)
            states.append(bits({key: value for key, value in trainer.state().items() if key != "seconds"}))
        assert states[0] == states[1]
    assert graphs[0] > 0
    assert graphs[2] == graphs[4] == 0


def test_a_compiled_ensemble_steps_as_an_eager_one() -> None:
    config = compose_run([*LINE])
    results = []
    for compiled in (False, True):
        tasks = [build_task(dataclasses.replace(config, seed=seed), CPU) for seed in (0, 1)]
        trainers = [Trainer(task, config.recipe, config.impl, CPU) for task in tasks]
        ensemble = Ensemble(trainers, dataclasses.replace(config.impl, compile=compiled))
        for _ in range(20):
            ensemble.advance()
        results.append([trainer.task.model.state_dict() for trainer in trainers])
    assert distance(results[0], results[1]) < 1e-5


def test_the_switch_for_cuda_graphs_changes_nothing_without_a_gpu() -> None:
    states = []
    for graphs in (False, True):
        config = compose_run([*LINE, "impl.compile=true", f"impl.cuda_graphs={graphs}"])
        trainer = Trainer(build_task(config, CPU), config.recipe, config.impl, CPU)
        for _ in range(23):  # with an evaluation
            trainer.advance()
        states.append(bits({key: value for key, value in trainer.state().items() if key != "seconds"}))
    assert states[0] == states[1]
