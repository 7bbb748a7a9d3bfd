"""Batches are addressed: a step's images depend only on seed and step."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from experiments.config.compose import compose_run
from experiments.families.build import build_task
from experiments.families.images.data import resident
from experiments.families.images.data.digits import read_digits
from experiments.families.images.data.resident import ResidentImages
from experiments.families.images.task import ImageTask


def task(*overrides: str) -> ImageTask:
    line = ["dataset=digits", "recipe=digits", "model=mlp", "model.width=16", *overrides]
    built = build_task(compose_run(line), torch.device("cpu"))
    assert isinstance(built, ImageTask)
    return built


def images_of(subject: ImageTask) -> ResidentImages:
    assert isinstance(subject.images, ResidentImages)
    return subject.images


def same(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("augment", ["none", "crop", "crop_flip"])
def test_a_batch_does_not_depend_on_what_was_asked_before(augment: str) -> None:
    forward, jumping = (task(f"recipe.augment={augment}") for _ in range(2))
    batches = [forward.batch(step) for step in range(50)]
    torch.manual_seed(1)
    for step in (49, 0, 30, 21, 22, 3):
        assert same(jumping.batch(step), batches[step])


def test_seed_and_step_count() -> None:
    zero, one = task("recipe.augment=crop"), task("recipe.augment=crop", "seed=1")
    assert not same(zero.batch(0), one.batch(0))
    assert not same(zero.batch(0), zero.batch(22))


def test_an_epoch_is_a_permutation() -> None:
    """Every image at most once, and one partial batch left out."""
    subject = task()
    assert subject.steps_per_epoch == 1437 // 64
    for epoch in (0, 1):
        order, _ = images_of(subject).draw_epoch(epoch)
        assert torch.equal(order.sort().values, torch.arange(1437))
        seen = torch.cat([subject.batch(epoch * 22 + position)[1] for position in range(22)])
        assert torch.equal(seen, images_of(subject).train_y[order[: 22 * 64]])
    orders = [images_of(subject).draw_epoch(epoch)[0] for epoch in (0, 1)]
    assert not torch.equal(*orders)


def test_normalisation_uses_the_training_images() -> None:
    subject, data = task(), read_digits()
    x = data.train_x.double() / 255
    expected = (data.train_x[:5].double() / 255 - x.mean()) / x.std()
    torch.testing.assert_close(subject.normalise(data.train_x[:5]).double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [7, 100, 359, 360, 1000])
def test_evaluation_counts_every_image_once(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Whatever the batch size, although the last batch reaches back over images already seen."""
    subject, data = task(), read_digits()
    monkeypatch.setattr(resident, "EVAL_BATCH", size)
    subject.model.eval()
    with torch.no_grad():
        logits = subject.model(subject.normalise(data.test_x))
    metrics = subject.evaluate()
    assert metrics["test_accuracy"] == pytest.approx(100 * (logits.argmax(1) == data.test_y).double().mean().item())
    assert metrics["test_loss"] == pytest.approx(F.cross_entropy(logits, data.test_y).item(), rel=1e-6)
    assert subject.model.training


def test_holdout_and_train_size_are_disjoint_parts_of_the_training_images() -> None:
    subject = task("dataset.holdout=437", "dataset.train_size=1000")
    images = images_of(subject)
    assert (len(images.train_x), len(images.test_x), subject.evaluated) == (1000, 437, "holdout")
    both = torch.cat([images.train_x, images.test_x]).flatten(1)
    assert torch.equal(both.unique(dim=0), read_digits().train_x.flatten(1).unique(dim=0))
    assert set(subject.evaluate()) == {"holdout_loss", "holdout_accuracy"}


def test_the_fingerprint_covers_every_pixel_and_label() -> None:
    data = read_digits()
    pixel = data.train_x.clone()
    pixel[0, 0, 0, 0] += 1
    changed = [dataclasses.replace(data, train_x=pixel), dataclasses.replace(data, test_y=data.test_y.flip(0))]
    assert len({one.fingerprint() for one in (data, *changed)}) == 3
