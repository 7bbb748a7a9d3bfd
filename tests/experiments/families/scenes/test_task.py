"""Batches, their parts and the randomness of the losses are functions of (seed, step), not of earlier requests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.config.compose import compose_run
from experiments.errors import UserError
from experiments.families.build import build_task
from experiments.families.registry import families
from experiments.families.scenes.average_precision import AveragePrecision
from experiments.families.scenes.detection import DetectionTask
from experiments.families.scenes.example import TINY
from experiments.families.scenes.padding import padded
from experiments.families.scenes.schema import ComposedScenes
from experiments.families.scenes.task import SceneBatch, SceneTask, pictures_a_pass, views_of
from experiments.families.share import Share
from experiments.runs.loop import Trainer
from tests.experiments.families.scenes.coco_folder import write_coco
from tests.experiments.families.scenes.tiny import CPU, MODELS, tiny_task


def same(one: SceneBatch, other: SceneBatch) -> bool:
    pairs = zip(one.targets, other.targets, strict=True)
    return (
        all(torch.equal(a, b) for a, b in zip(one.images, other.images, strict=True))
        and all(torch.equal(a[key], b[key]) for a, b in pairs for key in a)
        and one.numbers == other.numbers
    )


@pytest.mark.parametrize("model", ["mask_rcnn", "deeplab"])
def test_a_batch_does_not_depend_on_what_was_asked_before(model: str) -> None:
    line = ["recipe.flip=0.5", "recipe.train_sides=[48,80,16]", "recipe.crop=40"] if model == "deeplab" else []
    forward, jumping = (tiny_task(model, *line) for _ in range(2))
    batches = [forward.batch(step) for step in range(14)]
    torch.manual_seed(1)
    for step in (13, 0, 7, 6, 5):
        assert same(jumping.batch(step), batches[step])
    assert not same(batches[0], batches[6])
    assert not same(tiny_task(model, *line, "seed=1").batch(0), batches[0])


def test_an_epoch_has_every_picture_once() -> None:
    task = tiny_task("retinanet")
    assert task.steps_per_epoch == 6
    for epoch in (0, 1):
        assert sorted(task.order(epoch)) == list(range(24))
    assert task.order(0) != task.order(1)
    first = task.source.scene("train", task.order(0)[0], False)
    assert torch.equal(task.batch(0).images[0], first.image)


@pytest.mark.parametrize("model", MODELS)
def test_the_loss_is_addressed_and_draws_from_no_global_stream(model: str) -> None:
    task = tiny_task(model, "model.dropout=true") if model == "deeplab" else tiny_task(model)
    task.model.train()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = task.loss(task.batch(0)).item()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert task.loss(task.batch(0)).item() == first
    other = SceneBatch(task.batch(0).images, task.batch(0).targets, [number + 1 for number in task.batch(0).numbers])
    assert (task.loss(other).item() == first) == (model == "retinanet")  # which samples nothing


def test_what_is_sampled_of_a_picture_does_not_depend_on_the_others() -> None:
    task = tiny_task("faster_rcnn")
    assert isinstance(task, DetectionTask)
    sampler = task.samplers[0]
    matched = [torch.randint(-1, 2, (500,), generator=torch.Generator().manual_seed(k)) for k in range(3)]
    sampler.numbers = [11, 12, 13]
    positive, negative = sampler(matched)
    sampler.numbers = [13, 11]
    again, _ = sampler([matched[2], matched[0]])
    assert torch.equal(again[0], positive[2])
    assert torch.equal(again[1], positive[0])
    assert int(positive[0].sum() + negative[0].sum()) == sampler.batch_size_per_image
    assert not (positive[0].bool() & negative[0].bool()).any()


@pytest.mark.parametrize("model", ["retinanet", "deeplab"])
def test_parts_add_up_to_the_whole(model: str) -> None:
    """In evaluation mode, in which BatchNorm does not depend on the batch: loss and gradient."""
    task = tiny_task(model, "recipe.batch_size=6", "recipe.accumulate=2")
    task.model.eval()
    batch = task.batch(0)
    if model == "deeplab":  # so that the parts weigh differently
        batch.targets[0]["classes"] = torch.full_like(batch.targets[0]["classes"], 255)
    parts = list(task.parts(batch))
    assert [len(part.images) for part, _ in parts] == [3, 3]
    assert sum(weight for _, weight in parts) == pytest.approx(1.0)
    assert (parts[0][1] == parts[1][1]) == (model == "retinanet")
    whole = gradient_of(task, [(batch, 1.0)])
    torch.testing.assert_close(gradient_of(task, parts), whole, rtol=1e-4, atol=1e-6)


def gradient_of(task: SceneTask, parts: list[tuple[SceneBatch, float]]) -> torch.Tensor:
    task.model.zero_grad()
    for part, weight in parts:
        (task.loss(part) * weight).backward()
    return torch.cat([p.grad.flatten() for p in task.model.parameters() if p.grad is not None])


def test_a_picture_without_labels_or_objects_has_a_finite_loss() -> None:
    segmentation = tiny_task("deeplab")
    batch = segmentation.batch(0)
    for target in batch.targets:
        target["classes"] = torch.full_like(target["classes"], 255)
    assert segmentation.loss(batch).item() == 0.0
    for model in ("retinanet", "mask_rcnn"):
        task = tiny_task(model)
        batch = task.batch(0)
        empty = {key: value[:0] for key, value in batch.targets[0].items()}
        emptied = SceneBatch(batch.images, [empty, *batch.targets[1:]], batch.numbers)
        assert task.loss(emptied).isfinite()


def test_micro_batches_only_where_the_loss_stays_the_same() -> None:
    line = ["dataset=coco", "model=retinanet_resnet50", "model.pretrained=x", "impl.micro_batch=2"]
    without_norm = torch.nn.Linear(1, 1)
    assert pictures_a_pass(compose_run(line), without_norm, Share(), exact=True) == 2
    with pytest.raises(UserError, match=r"impl\.micro_batch=2: .* whose loss is a mean over what the batch samples"):
        pictures_a_pass(compose_run(line), without_norm, Share(), exact=False)
    with pytest.raises(UserError, match=r"impl\.micro_batch=2: .* whose BatchNorm sees the whole batch"):
        tiny_task("retinanet", "impl.micro_batch=2")
    with pytest.raises(UserError, match=r"recipe\.accumulate=3: must divide recipe\.batch_size=4"):
        tiny_task("retinanet", "recipe.accumulate=3")


def test_evaluation_equals_picture_by_picture() -> None:
    """Pictures of one size are evaluated together; and evaluation leaves mode and weights as they were."""
    task = tiny_task("retinanet", "recipe.lr=1e-3")
    config = compose_run([*TINY, "model=retinanet"])
    trainer = Trainer(task, config.recipe, config.impl, CPU)
    while not trainer.done:
        trainer.advance()
    found = task.evaluate()
    assert task.model.training
    task.model.eval()
    scorer = AveragePrecision(with_masks=False)
    scenes = [task.source.scene("evaluation", index, False) for index in range(6)]
    with torch.no_grad():
        for scene in scenes:
            scorer.add(task.model([scene.image.float() / 255]), [scene])
    expected = scorer.result()
    assert found["test_box_map"] == pytest.approx(expected["box_map"], abs=1e-3)
    assert found["composed_scenes"] == 6


def test_padded_to_the_largest() -> None:
    images = [torch.full((3, 4, 6), 9, dtype=torch.uint8), torch.full((3, 5, 2), 7, dtype=torch.uint8)]
    made, classes = padded(images, [image[0] for image in images])
    assert made.shape == (2, 3, 5, 6)
    assert classes[0, 4].tolist() == [255] * 6
    assert classes[1, :, 2:].unique().tolist() == [255]
    assert made[1, :, :, 2:].sum() == 0


def test_the_sides_of_the_recipes() -> None:
    retinanet, deeplab = (compose_run(["dataset=coco", f"model={name}_resnet50"]) for name in ("retinanet", "deeplab"))
    views = views_of(retinanet.recipe, retinanet.model)  # type: ignore[arg-type]
    assert list(views.sides) == [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800]
    assert views.longest == 1333
    views = views_of(deeplab.recipe, deeplab.model)  # type: ignore[arg-type]
    assert (views.sides[0], views.sides[-1], views.crop, views.longest) == (260, 1040, 480, None)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_coco(folder / "coco")
    return folder


def coco_task(data: Path, model: str, *overrides: str) -> SceneTask:
    line = ["dataset=coco", f"model={model}", f"data_dir={data}", "recipe.batch_size=3", *overrides]
    task: Any = build_task(compose_run(line), CPU)
    assert isinstance(task, SceneTask)
    return task


@pytest.mark.parametrize("model", ["mask_rcnn", "deeplab"])
def test_workers_change_nothing(data: Path, model: str) -> None:
    line = ["recipe.flip=0.5", "recipe.train_sides=[40,72,8]"]
    alone, helped = (coco_task(data, model, *line, f"impl.workers={count}") for count in (0, 2))
    for step in (0, 1, 2, 5, 6, 0, 1):
        assert same(alone.batch(step), helped.batch(step))
    alone.model.load_state_dict(helped.model.state_dict())
    assert alone.evaluate() == helped.evaluate()
    helped.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_breaks_meanwhile_ends_the_run_in_one_line(data: Path, tmp_path: Path, workers: int) -> None:
    shutil.copytree(data / "coco", tmp_path / "coco")
    task = coco_task(tmp_path, "retinanet", f"impl.workers={workers}")
    for path in (tmp_path / "coco" / "train2017").iterdir():
        path.write_bytes(b"no picture any more")
    with pytest.raises(UserError, match=r"train2017/0000\d\d.jpg: not a readable picture"):
        task.batch(0)
    task.close()


def test_data_sets_are_one_for_all_runs_of_a_process() -> None:
    one, other = tiny_task("retinanet"), tiny_task("deeplab", "seed=3")
    assert one.source.sets["train"] is other.source.sets["train"]  # type: ignore[attr-defined]
    assert isinstance(compose_run([*TINY, "model=deeplab"]).dataset, ComposedScenes)


@pytest.mark.parametrize("model", ["deeplab", "mask_rcnn"])
def test_tuning_evaluates_held_out_scenes_alone(model: str) -> None:
    held_out = families()["scenes"].held_out
    found = tiny_task(model, "dataset.holdout=4").evaluate().keys() - {"composed_scenes"}
    assert found
    assert found <= set(held_out.values())
    assert not found & set(held_out)
