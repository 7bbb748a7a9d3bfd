"""Pictures from files: a step's images depend only on seed and step, not on the decoding process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.images.data import stream
from experiments.families.images.data.images import IMAGENET
from experiments.families.images.data.stream import StreamedImages
from experiments.families.images.task import ImageTask
from experiments.processes import Processes
from tests.experiments.families.images.pictures import STREAM, write_pictures

CPU = torch.device("cpu")
EVERYTHING = ("recipe.auto_augment=rand-m9-mstd0.5-inc1", "recipe.random_erase=0.5", "recipe.interpolation=random")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven classes of 12 training and 5 test pictures."""
    return write_pictures(tmp_path_factory.mktemp("data"))


def task(data_dir: Path, *overrides: str, processes: Processes | None = None) -> ImageTask:
    line = [*STREAM, "model=mlp", "model.width=16", "recipe.batch_size=16", "impl.workers=0", *overrides]
    config = compose_run([*line, f"data_dir={data_dir}", f"cache_dir={data_dir}/cache"])
    built = build_task(config, CPU, processes)
    assert isinstance(built, ImageTask)
    return built


def source(subject: ImageTask) -> StreamedImages:
    assert isinstance(subject.images, StreamedImages)
    return subject.images


def same(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("overrides", [(), EVERYTHING], ids=["plain", "everything"])
def test_a_batch_does_not_depend_on_workers_or_on_what_was_asked_before(
    pictures: Path, overrides: tuple[str, ...]
) -> None:
    forward, jumping = task(pictures, *overrides), task(pictures, *overrides, "impl.workers=2")
    batches = [forward.batch(step) for step in range(8)]
    torch.manual_seed(1)
    for step in (0, 1, 7, 3, 4, 4):
        assert same(jumping.batch(step), batches[step])
    jumping.close()
    assert not same(batches[0], batches[5])  # the next epoch


def test_seed_counts(pictures: Path) -> None:
    assert not same(task(pictures).batch(0), task(pictures, "seed=1").batch(0))


def test_chunks_do_not_show(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [task(pictures).batch(step) for step in (0, 6)]
    monkeypatch.setattr(stream, "CHUNK", 5)
    assert all(same(task(pictures).batch(step), batch) for step, batch in zip((0, 6), whole, strict=True))


def test_an_epoch_has_every_picture_at_most_once(pictures: Path) -> None:
    subject = source(task(pictures))
    assert (subject.train_count, subject.steps_per_epoch) == (84, 5)
    for epoch in (0, 1):
        keys = [key for position in range(5) for key in subject.keys(5 * epoch + position)]
        assert [key[:2] for key in keys] == [(epoch, position) for position in range(80)]
        assert len({index for *_, index in keys}) == 80


def test_repeated_augmentation_has_copies_far_apart(pictures: Path) -> None:
    """A third of the pictures, three times each in a batch, never beside itself, augmented anew."""
    subject = task(pictures, "recipe.repeats=3", "recipe.batch_size=14")
    counts: Counter[int] = Counter()
    for step in range(6):
        keys = source(subject).keys(step)
        assert sorted(position for _, position, _ in keys) == list(range(14 * step, 14 * step + 14))
        numbers = [index for *_, index in keys]
        assert all(numbers[row] != numbers[row ^ 1] for row in range(14))
        counts.update(numbers)
    assert sorted(counts.values()) == [3] * 28
    x, y = subject.batch(0)
    assert torch.equal(y[:4], y[5:9])  # 5 + 5 + 4 rows, of which the first copies are pictures 0 to 4
    assert not any(torch.equal(x[row], x[row + 5]) for row in range(4))


def test_processes_share_a_batch_in_rank_order(pictures: Path) -> None:
    parts = []
    for rank in range(2):
        share = Processes()
        share.rank, share.count = rank, 2
        parts.append(task(pictures, "recipe.accumulate=2", *EVERYTHING, processes=share).batch(6))
    whole = task(pictures, "recipe.accumulate=2", *EVERYTHING).batch(6)
    assert all(torch.equal(torch.cat(both), one) for both, one in zip(zip(*parts, strict=True), whole, strict=True))


def test_evaluation_is_the_central_crop_of_every_test_picture(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, with Pillow: the shorter side to 40, then 32 in the middle. Every picture counts once."""
    monkeypatch.setattr(stream, "EVAL_BATCH", 8)
    monkeypatch.setattr(stream, "CHUNK", 3)
    subject = task(pictures)
    batches = list(subject.images.evaluation())
    assert {len(x) for x, _, _ in batches} == {8}
    images = torch.cat([x[len(x) - fresh :] for x, _, fresh in batches])
    labels = torch.cat([y[len(y) - fresh :] for _, y, fresh in batches])
    assert labels.tolist() == [label for label in range(7) for _ in range(5)]
    for number, image in enumerate(images):
        path = pictures / "imagenet" / "val" / f"n{number // 5}" / f"{number % 5}.JPEG"
        assert torch.equal(image, central(path))


def central(path: Path) -> Tensor:
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    scale = 40 / min(width, height)
    width, height = int(width * scale + 1e-9), int(height * scale + 1e-9)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - 32) / 2), round((height - 32) / 2)
    cut = numpy.array(picture.crop((left, top, left + 32, top + 32)))
    return torch.from_numpy(cut).permute(2, 0, 1)


def test_metrics_are_those_of_all_pictures_together(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "EVAL_BATCH", 8)
    subject = task(pictures)
    found = subject.evaluate()
    assert subject.model.training
    x, y = (
        torch.cat(parts) for parts in zip(*((x[-n:], y[-n:]) for x, y, n in subject.images.evaluation()), strict=True)
    )
    logits = subject.model.eval()(subject.normalise(x))
    five = logits.topk(5, 1).indices
    assert found["test_accuracy"] == pytest.approx(100 * (logits.argmax(1) == y).double().mean().item())
    assert found["test_top5_accuracy"] == pytest.approx(100 * (five == y[:, None]).any(1).double().mean().item())
    assert found["test_loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-6)


def test_holdout_and_train_size_are_disjoint(pictures: Path) -> None:
    subject = source(task(pictures, "dataset.holdout=20", "dataset.train_size=50"))
    assert (subject.train_count, len(subject.tested), subject.evaluated) == (50, 20, "holdout")
    assert not set(subject.chosen.tolist()) & set(subject.tested.tolist())
    labels = torch.cat([y[-fresh:] for _, y, fresh in subject.evaluation()])
    assert torch.equal(labels, subject.sets.train.labels[subject.tested])
    with pytest.raises(UserError, match=r"dataset\.holdout=80 dataset\.train_size=5: must together be at most 84"):
        task(pictures, "dataset.holdout=80", "dataset.train_size=5")


def test_erased_boxes_are_noise_of_unit_variance_in_normalised_images(pictures: Path) -> None:
    """Against the same images without erasing: what differs is a box a image, about half the images."""
    plain, erased = task(pictures), task(pictures, "recipe.random_erase=0.5")
    boxes, noise = 0, []
    for step in range(6):
        x, z = plain.normalise(plain.batch(step)[0]), erased.batch(step)[0]
        assert z.dtype == torch.float32
        for one, other in zip(x, z, strict=True):
            changed = ((one - other).abs() > 1e-4).any(0)
            if not changed.any():
                continue
            boxes += 1
            rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
            assert changed.sum() >= 0.95 * (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
            noise.append(other[:, changed])
    assert 0.3 < boxes / 96 < 0.7
    values = torch.cat([each.flatten() for each in noise])
    assert values.mean().item() == pytest.approx(0, abs=0.05)
    assert values.std().item() == pytest.approx(1, abs=0.05)


def test_normalisation_is_imagenets(pictures: Path) -> None:
    subject = task(pictures)
    x = subject.batch(0)[0]
    mean, sd = (torch.tensor(values)[:, None, None] for values in IMAGENET)
    torch.testing.assert_close(subject.normalise(x), (x / 255 - mean) / sd)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_is_named(tmp_path: Path, workers: int) -> None:
    write_pictures(tmp_path, 2)
    path = tmp_path / "imagenet" / "train" / "n1" / "3.JPEG"
    path.write_bytes(path.read_bytes()[:200])
    subject = task(tmp_path, f"impl.workers={workers}", "recipe.batch_size=24")
    with pytest.raises(UserError, match=r"n1/3\.JPEG: not a readable picture"):
        subject.batch(0)
    subject.close()


def test_training_without_augmentation_sees_the_central_crop(pictures: Path) -> None:
    subject = task(pictures, "recipe.augment=none")
    x, _ = subject.batch(0)
    index = source(subject).keys(0)[0][2]
    assert torch.equal(x[0], central(source(subject).sets.train.path(index)))
