"""``python train.py`` on composed scenes and on small folders in the formats of COCO and VOC, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from experiments.families.registry import families
from experiments.families.scenes.example import TINY
from experiments.files import read_json
from experiments.runs.metrics_log import read_lines
from tests.experiments.families.scenes.coco_folder import edit_json, write_coco, write_voc
from tests.experiments.families.scenes.tiny import MODELS
from tests.experiments.results import directory_of, tree
from tests.experiments.test_bad_input import is_one_error_line
from tests.experiments.zygote import Zygote

METRICS = {
    "retinanet": ["test_box_map", "test_box_map50", "test_detection_loss"],
    "faster_rcnn": ["test_box_map", "test_box_map50"],
    "mask_rcnn": ["test_box_map", "test_box_map50", "test_mask_map", "test_mask_map50"],
    "deeplab": ["test_miou", "test_pixel_accuracy", "test_loss"],
}
SHORT = ("recipe.steps=2", "recipe.batch_size=2", "recipe.warmup_steps=1", "recipe.eval_every_steps=2")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_coco(folder / "coco")
    write_voc(folder / "VOCdevkit" / "VOC2012")
    return folder


@pytest.mark.parametrize("model", MODELS)
def test_composed_scenes(train: Zygote, tmp_path: Path, model: str) -> None:
    ended = train.run(*TINY, f"model={model}", "activation=egem", "eps=1e-4", f"runs_dir={tmp_path}")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines()[-1].startswith("finished: ")
    directory = directory_of(tmp_path)
    result = read_json(directory / "metrics.json")
    assert [key for key in METRICS[model] if key not in result] == []
    assert result["composed_scenes"] == 6
    scenes = families()["scenes"]
    for key in METRICS[model]:
        metric = scenes.metric(key)
        assert metric is not None
        assert metric.fault(result[key]) is None
    lines = read_lines(directory / "metrics.jsonl")
    assert [line["step"] for line in lines] == [2, 3, 4, 6]
    assert 0 <= lines[-1]["dead_units"] <= 1
    assert len(lines[-1]["by_layer"]["dead_units"]) > 5
    assert lines[-1]["images"] == 24
    assert "no evidence about COCO" in scenes.footnotes([result])[0]


@pytest.mark.parametrize("model", MODELS)
def test_a_folder_in_the_format_of_coco(train: Zygote, tmp_path: Path, data: Path, model: str) -> None:
    ended = train.run("dataset=coco", f"model={model}", *SHORT, f"data_dir={data}", f"runs_dir={tmp_path}")
    assert (ended.status, ended.err) == (0, "")
    result = read_json(directory_of(tmp_path) / "metrics.json")
    assert METRICS[model][0] in result
    assert "composed_scenes" not in result
    assert families()["scenes"].footnotes([result]) == []


def test_a_folder_in_the_layout_of_voc(train: Zygote, tmp_path: Path, data: Path) -> None:
    line = ["dataset=voc", "dataset.classes=3", "model=deeplab", *SHORT, "recipe.crop=48", "recipe.flip=0.5"]
    ended = train.run(*line, f"data_dir={data}", f"runs_dir={tmp_path}")
    assert (ended.status, ended.err) == (0, "")
    assert "test_miou" in read_json(directory_of(tmp_path) / "metrics.json")


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_the_recipes_at_full_size_take_two_steps(train: Zygote, tmp_path: Path, data: Path, model: str) -> None:
    """Small pictures, the whole network, every part of the recipe."""
    preset = [f"experiment=table_coco_{model}", "dataset.train_area=0", "dataset.categories=[2,5,16]"]
    small = ["recipe.batch_size=2", "recipe.max_steps=2", "recipe.log_every=1", "model.pretrained=null"]
    sizes = ["model.min_size=96", "model.max_size=160"]
    sizes += ["recipe.train_sides=[64,128,8]", "recipe.crop=64"] if model == "deeplab" else []
    sizes += ["model.proposals=[100,20]", "model.boxes_sampled=32"] if "rcnn" in model else []
    places = [f"data_dir={data}", f"runs_dir={tmp_path}", "tracking=disabled"]
    ended = train.run(*preset, *small, *sizes, *places, "activation=golu")
    assert ended.status in (0, 3), ended  # two steps at the rate for sixteen pictures may be one too many
    lines = read_lines(directory_of(tmp_path) / "metrics.jsonl")
    assert lines[0]["step"] == 1
    assert lines[0]["train_loss"] > 0


def test_several_runs_share_a_process(train: Zygote, tmp_path: Path) -> None:
    ended = train.run("-m", *TINY, "model=deeplab", "activation=relu,gelu", "seed=0,1", f"runs_dir={tmp_path}")
    assert (ended.status, ended.err) == (0, "")
    assert len(list(tmp_path.glob("*/*/seed*/metrics.json"))) == 4


def test_a_run_that_diverges_says_so(train: Zygote, tmp_path: Path) -> None:
    for model in ("retinanet", "mask_rcnn"):
        line = [*TINY, f"model={model}", "recipe.lr=1e30", "recipe.clip=null", f"runs_dir={tmp_path / model}"]
        ended = train.run(*line)
        assert ended.status == 3, ended
        assert ended.out.splitlines()[-1].startswith("diverged: loss or gradient not finite at step ")
        result = json.loads((directory_of(tmp_path / model) / "metrics.json").read_text(), parse_constant=pytest.fail)
        assert result["status"] == "diverged"


SCENES = "dataset=scenes dataset.sprites=[digits] dataset.train_size=20 dataset.test_size=5 model=retinanet"
REFUSED = {
    "dataset=scenes dataset.sprites=[cats] model=deeplab": ["dataset.sprites=['cats']", "mnist, fashion_mnist, digits"],
    "dataset=scenes dataset.sprites=[] model=deeplab": ["dataset.sprites=[]", "one or more of"],
    f"{SCENES} dataset.objects=[4,1]": ["dataset.objects=[4, 1]", "low ≤ high"],
    f"{SCENES} dataset.sides=[20,80]": ["dataset.sides=[20, 80]", "at most dataset.canvas=64"],
    f"{SCENES} dataset.sides=[2,8]": ["dataset.sides=[2, 8]", "8 ≤ low"],
    f"{SCENES} recipe.batch_size=9000": ["recipe.batch_size=9000", "at most 20"],
    f"{SCENES} recipe.crop=32": ["recipe.crop=32", "null for model=retinanet"],
    f"{SCENES} recipe.flip=2": ["recipe.flip=2.0", "a probability from 0 to 1"],
    f"{SCENES} recipe.train_sides=[3,2,1]": ["recipe.train_sides=[3, 2, 1]", "[first, last, step]"],
    f"{SCENES} recipe.dtype=float64": ["recipe.dtype=float64", "float32"],
    f"{SCENES} model.anchors=[8]": ["model.anchors=[8.0]", "sizes, one for each level"],
    f"{SCENES} model.swap=some": ["model.swap=some", "complete, modules"],
    f"{SCENES} model.frozen_norm=true": ["model.frozen_norm=true", "model.pretrained"],
    f"{SCENES} model.trainable_layers=2": ["model.trainable_layers=2", "5 for model.backbone=lean"],
    f"{SCENES} model.groups=5": ["model.groups=5", "a divisor of model.channels=32"],
    f"{SCENES} impl.compile=true": ["impl.compile=true", "cannot be compiled"],
    f"{SCENES} impl.micro_batch=2": ["impl.micro_batch=2", "BatchNorm sees the whole batch"],
    "dataset=voc model=mask_rcnn": ["model=mask_rcnn", "needs boxes", "use model=deeplab"],
    "dataset=scenes model=cnn": ["model=cnn", "is for images", "deeplab"],
    "dataset=mnist model=deeplab": ["model=deeplab", "is for scenes"],
    "dataset=coco dataset.folder=../coco model=deeplab": ["dataset.folder=../coco", "below data_dir"],
    "dataset=coco model=retinanet data_dir=nowhere": ["nowhere/coco/annotations/instances_train2017.json: missing"],
    "dataset=voc model=deeplab data_dir=nowhere": ["nowhere/VOCdevkit/VOC2012", "GEM_DATA"],
}


@pytest.mark.parametrize(("line", "parts"), REFUSED.items())
def test_one_line_and_nothing_created(train: Zygote, tmp_path: Path, line: str, parts: list[str]) -> None:
    assert is_one_error_line(train.run(*line.split(" "), cwd=tmp_path), *parts)
    assert not any(tmp_path.iterdir())


def test_pretrained_weights_that_are_not_there(train: Zygote, tmp_path: Path, data: Path) -> None:
    line = ["dataset=coco", "model=retinanet_resnet50", "activation=egem", "eps=1e-4", "recipe.batch_size=2"]
    ended = train.run(*line, f"data_dir={data}", cwd=tmp_path)
    words = ["model.pretrained=imagenet-resnet50", "no finished run with activation=egem", "eps=0.0001", "seed=0"]
    assert is_one_error_line(ended, *words, "train it first", "model.pretrained=null")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("fault", ["no boxes", "another size", "no picture"])
def test_damaged_data(train: Zygote, tmp_path: Path, data: Path, fault: str) -> None:
    shutil.copytree(data / "coco", tmp_path / "coco")
    annotations = tmp_path / "coco" / "annotations" / "instances_train2017.json"
    if fault == "no boxes":
        edit_json(annotations, lambda content: content.update(annotations=[]))
        words = ["instances_train2017.json", "it has no boxes"]
    elif fault == "another size":
        mask = {"size": [3, 3], "counts": [0, 9]}
        edit_json(annotations, lambda content: content["annotations"][0].update(segmentation=mask))
        words = ["instances_train2017.json", "has a mask of size [3, 3]"]
    else:
        (tmp_path / "coco" / "val2017" / "000001.jpg").write_bytes(b"x")
        words = ["val2017/000001.jpg", "not a readable picture"]
    before = tree(tmp_path)
    ended = train.run("dataset=coco", "model=mask_rcnn", *SHORT, "data_dir=.", cwd=tmp_path)
    assert is_one_error_line(ended, *words)
    assert tree(tmp_path) == before


def test_prepare_data_decodes_every_picture(train: Zygote, tmp_path: Path, data: Path) -> None:
    ended = train.script("scripts/prepare_data.py", "dataset=coco", "model=mask_rcnn", f"data_dir={data}")
    assert (ended.status, ended.err) == (0, "")
    assert "coco: 8 training and 4 test pictures, 16 classes, fingerprint " in ended.out
