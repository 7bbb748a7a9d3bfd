"""Images and scenes over several processes: BatchNorm, losses, dropout and metrics are those of one process."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.scenes.example import TINY
from experiments.processes import Processes
from experiments.runs.loop import Trainer
from tests.experiments.families.scenes.coco_folder import write_coco
from tests.experiments.results import directory_of, distance, result
from tests.experiments.share import Share
from tests.experiments.test_processes import finish, start
from tests.experiments.together import together
from tests.experiments.training import finish as train_to_the_end

CPU = torch.device("cpu")
EXACT = ["impl=deterministic", "impl.mechanism=false", "recipe.log_every=1"]
DIGITS = ["dataset=digits", "recipe=digits", "recipe.max_steps=20", *EXACT]
RESNET = [*DIGITS, "model=resnet20", "recipe.lr=0.01"]
NOISY = ["model=timm", "model.architecture=test_efficientnet", "model.options={drop_rate: 0.3, drop_path_rate: 0.2}"]
# Plain gradients, as AdamW makes a step out of the rounding of a gradient of nearly 0.
GENTLE = ["recipe.optimizer=sgd", "recipe.momentum=0.9", "recipe.lr=0.002"]
SCENES = [
    *("dataset=scenes", "dataset.sprites=[digits]", "dataset.train_size=48", "dataset.test_size=120"),
    *("recipe.steps=20", "recipe.batch_size=8", "recipe.warmup_steps=2", "recipe.eval_every_steps=20"),
    *EXACT,
    *GENTLE,
]
# The words of a run, and the largest difference that it may have from one process.
NETWORKS = {
    "resnet20": (RESNET, 1e-5),
    "resnet20 in float64": ([*RESNET, "recipe.dtype=float64"], 1e-12),
    "retinanet": ([*SCENES, "model=retinanet"], 1e-5),
    "deeplab": ([*SCENES, "model=deeplab"], 1e-5),
}
SPECIAL = {
    "whole parts": ([*RESNET, "recipe.dtype=float64", "recipe.accumulate=4"], 1e-12),
    "shared parts": ([*RESNET, "recipe.dtype=float64", "recipe.accumulate=3", "recipe.batch_size=60"], 1e-12),
    "mixed pairs": ([*RESNET, "recipe.dtype=float64", "recipe.mixup=0.2", "recipe.ema=0.9"], 1e-12),
    "noise by parts": ([*DIGITS, *NOISY, "recipe.dtype=float64", "recipe.accumulate=4"], 1e-10),
    "dropout": ([*SCENES, "model=deeplab", "model.dropout=true"], 1e-5),
    "dropout by parts": ([*SCENES, "model=deeplab", "model.dropout=true", "recipe.accumulate=2"], 1e-5),
    "faster_rcnn": ([*SCENES, "model=faster_rcnn"], 1e-5),
    "mask_rcnn": ([*SCENES, "model=mask_rcnn"], 1e-5),
}


def train(processes: Processes, runs: dict[str, list[str]], folder: Path) -> None:
    """One run after the other, as starting processes takes longer than their 20 steps."""
    for name, words in runs.items():
        config = compose_run(words)
        task = build_task(config, CPU, processes)
        trainer = Trainer(task, config.recipe, config.impl, CPU, processes)
        lines = train_to_the_end(trainer)
        if processes.rank == 0:
            state = {"lines": [numbers(line) for line in lines], "model": task.model.state_dict()}
            torch.save(state, folder / f"{name} by {processes.count}.pt")


def numbers(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if not key.endswith("per_second")}


def assert_one_is_equal(cases: dict[str, tuple[list[str], float]], folder: Path, count: int) -> None:
    """Of ``count`` processes and one, all logged figures and the weights at the end, relative to the largest."""
    runs = {name: words for name, (words, _) in cases.items()}
    train(Processes(), runs, folder)
    together(count, train, runs, folder)
    found = {}
    for name in cases:
        one, many = (torch.load(folder / f"{name} by {number}.pt") for number in (1, count))
        found[name] = distance(many, one)
    print(f"{count} processes:", {name: f"{value:.1e}" for name, value in found.items()})
    assert {name: value for name, value in found.items() if not value <= cases[name][1]} == {}


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_several_processes_equal_one_for_20_steps(count: int, tmp_path: Path) -> None:
    assert_one_is_equal(NETWORKS, tmp_path, count)


@pytest.mark.slow
def test_two_processes_equal_one_in_other_ways_to_train(tmp_path: Path) -> None:
    assert_one_is_equal(SPECIAL, tmp_path, 2)


@pytest.mark.slow
def test_pictures_of_several_sizes_are_padded_alike(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco")
    words = [*EXACT, *GENTLE, "dataset=coco", f"data_dir={tmp_path}", "recipe.batch_size=4", "impl.workers=0"]
    words += ["recipe.steps=3", "recipe.warmup_steps=0", "recipe.train_sides=[40,72,8]", "recipe.eval_every_steps=3"]
    models = ("retinanet", "mask_rcnn", "deeplab")
    assert_one_is_equal({model: ([*words, f"model={model}"], 1e-5) for model in models}, tmp_path, 2)


def evaluate(processes: Processes, model: str, out: Path) -> None:
    words = [*TINY, f"model={model}", "dataset.test_size=120"]
    task: Any = build_task(compose_run(words), CPU, processes)
    found = task.evaluate()
    torch.save(found, out / f"{model}{processes.rank}of{processes.count}.pt")


def evaluate_all(processes: Processes, out: Path) -> None:
    for model in ("mask_rcnn", "retinanet", "deeplab"):
        evaluate(processes, model, out)


@pytest.mark.slow
def test_metrics_are_those_of_one_process_to_the_last_digit(tmp_path: Path) -> None:
    """With three batches for two processes; and both know the result."""
    evaluate_all(Processes(), tmp_path)
    together(2, evaluate_all, tmp_path)
    for model in ("mask_rcnn", "retinanet", "deeplab"):
        one, *two = (torch.load(tmp_path / f"{model}{which}.pt") for which in ("0of1", "0of2", "1of2"))
        losses = {key for key in one if key.endswith("loss")}
        for found in two:
            assert found.keys() == one.keys()
            assert {key: found[key] for key in one if key not in losses} == {
                key: one[key] for key in one if key not in losses
            }
            assert all(found[key] == pytest.approx(one[key], rel=1e-12) for key in losses)


KILLED = {
    "resnet20": [*RESNET, "recipe.max_steps=60"],
    "deeplab": [*SCENES, "model=deeplab", "recipe.steps=60", "recipe.eval_every_steps=30"],
    "retinanet": [*SCENES, "model=retinanet", "recipe.steps=60", "recipe.eval_every_steps=30"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLED)
def test_when_one_is_killed_all_leave_and_the_run_ends_as_if_undisturbed(name: str, tmp_path: Path) -> None:
    line = [*KILLED[name], "impl.save_every_seconds=0"]
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert [code for code, _ in finish(start(2, [f"runs_dir={undisturbed}"], line))] == [0, 0]
    processes = start(2, [f"runs_dir={killed}"], line)
    patience = time.monotonic() + 120
    while not list(killed.glob("*/*/seed0/checkpoints/step00000001*.pt")) and time.monotonic() < patience:
        time.sleep(0.01)
    processes[1].send_signal(signal.SIGKILL)
    first, second = finish(processes)
    assert (first[0], second[0]) == (75, -signal.SIGKILL), (first, second)
    assert "process 0 of 2: another process of this run died; run the same command again" in first[1]
    assert not (directory_of(killed) / "metrics.json").exists()
    assert [code for code, _ in finish(start(2, [f"runs_dir={killed}"], line))] == [0, 0]
    assert result(killed) == result(undisturbed)


REFUSED = {
    "a batch that cannot be shared": (
        3,
        DIGITS,
        r"recipe\.batch_size=64 recipe\.accumulate=1: 3 processes were started",
    ),
    "a pair that would be torn": (
        2,
        [*DIGITS, "recipe.batch_size=30", "recipe.mixup=0.2"],
        r"recipe\.accumulate=1: 2 processes were started, but pairs of images are mixed",
    ),
    "noise for a part": (
        2,
        [*DIGITS, *NOISY],
        r"recipe\.accumulate=1: 2 processes were started, but model=.* draws at random for each part",
    ),
    "scenes that cannot be shared": (3, [*SCENES, "model=deeplab"], "cannot share 8 rows equally"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_another_run_is_refused(name: str) -> None:
    count, words, said = REFUSED[name]
    with pytest.raises(UserError, match=said):
        build_task(compose_run(words), CPU, Share(0, count))


def test_the_shares_of_a_batch_are_the_batch() -> None:
    """Images, labels, how they are mixed, and the seeds, part by part."""
    words = [*DIGITS, "model=cnn", "recipe.mixup=0.2", "recipe.accumulate=4"]
    whole: Any = build_task(compose_run(words), CPU).batch(3)
    shares: Any = [build_task(compose_run(words), CPU, Share(rank, 2)).batch(3) for rank in range(2)]
    for tensor, *parts in zip(whole, *shares, strict=True):
        dealt = [part for pair in zip(*(share.chunk(2) for share in parts), strict=True) for part in pair]
        assert torch.equal(torch.cat(dealt), tensor)
