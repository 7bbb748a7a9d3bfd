"""Mixup and CutMix against a loop over images, the distribution of what is drawn, and the loss of two labels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from experiments.config.compose import compose_run
from experiments.families.build import build_task
from experiments.families.images.mixing import draw_mix, mix_images, swap_neighbours

DRAWS = 2000


def one_by_one(x: Tensor, mix: Tensor) -> Tensor:
    out = []
    for row, image in enumerate(x):
        other = x[row + 1 if row % 2 == 0 else row - 1]
        weight, top, bottom, left, right = mix[row].tolist()
        mixed = image.clone() if bottom > top else weight * image + (1 - weight) * other
        mixed[:, int(top) : int(bottom), int(left) : int(right)] = other[
            :, int(top) : int(bottom), int(left) : int(right)
        ]
        out.append(mixed)
    return torch.stack(out)


def test_equals_a_loop() -> None:
    x = torch.randn(8, 3, 9, 7)
    boxes = [(0.3, 0, 0, 0, 0), (0.9, 2, 5, 0, 7), (0.5, 0, 9, 0, 7), (1.0, 0, 0, 0, 0)]
    mix = torch.tensor(boxes).repeat_interleave(2, 0)
    torch.testing.assert_close(mix_images(x, mix), one_by_one(x, mix))


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.2, 0.0), (0.0, 1.0), (0.8, 1.0)])
def test_weights_are_beta_and_boxes_have_what_is_left(mixup: float, cutmix: float) -> None:
    draws = [draw_mix(seed, mixup, cutmix, 20, 30) for seed in range(DRAWS)]
    assert draws[:5] == [draw_mix(seed, mixup, cutmix, 20, 30) for seed in range(5)]
    for weight, top, bottom, left, right in draws:
        assert 0 <= top <= bottom <= 20
        assert 0 <= left <= right <= 30
        assert bottom == top or weight == pytest.approx(1 - (bottom - top) * (right - left) / 600)
    boxes = sum(bottom > top for _, top, bottom, *_ in draws) / DRAWS
    blended = torch.tensor([weight for weight, top, bottom, *_ in draws if bottom == top])
    if not cutmix:
        assert boxes == 0
    elif mixup:
        assert boxes == pytest.approx(0.5, abs=0.05)
    if mixup and not cutmix:
        assert blended.mean().item() == pytest.approx(0.5, abs=0.04)
        sd = math.sqrt(1 / (4 * (2 * mixup + 1)))  # of Beta(α, α)
        assert blended.std().item() == pytest.approx(sd, rel=0.05)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_soft_labels(smoothing: float) -> None:
    line = ["dataset=digits", "recipe=digits", "model=cnn", f"recipe.label_smoothing={smoothing}"]
    task = build_task(compose_run([*line, "recipe.mixup=0.4", "recipe.cutmix=1"]), torch.device("cpu"))
    x, y, mix = task.batch(3)
    logits = task.model(mix_images(task.normalise(x), mix))
    hot = F.one_hot(y, 10).float()
    weight = mix[:, :1]
    target = weight * hot + (1 - weight) * swap_neighbours(hot)
    expected = F.cross_entropy(logits, target, label_smoothing=smoothing)
    torch.testing.assert_close(task.loss((x, y, mix)), expected)


def test_every_part_of_a_batch_is_mixed_in_its_own_way_and_addressed() -> None:
    line = ["dataset=digits", "recipe=digits", "model=mlp", "recipe.mixup=0.4", "recipe.accumulate=4"]
    task, again = (build_task(compose_run(line), torch.device("cpu")) for _ in range(2))
    batches = [task.batch(step)[2] for step in range(3)]
    assert torch.equal(again.batch(2)[2], batches[2])
    assert not torch.equal(batches[0], batches[1])
    parts = [part[2] for part, _ in task.parts(task.batch(0))]
    assert len(parts) == 4
    assert all((part == part[0]).all() for part in parts)
    assert len({part[0, 0].item() for part in parts}) == 4


def test_the_probe_sees_images_that_are_not_mixed() -> None:
    task = build_task(compose_run(["dataset=digits", "recipe=digits", "recipe.mixup=0.4"]), torch.device("cpu"))
    assert len(task.probe_batch()) == 2
