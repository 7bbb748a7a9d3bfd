"""Bad input: one line that names the key, what was given and what is allowed; exit status 2; nothing created."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.experiments.results import tree
from tests.experiments.zygote import ROOT, Ended, Zygote, environment

# What is typed, and what the line must contain.
VALUES = {
    "activation=gem N=0": ["N ", "got 0", "[1, "],
    "activation=gem N=1.5": ["N=1.5", "an integer"],
    "activation=gem N=abc": ["N=abc", "an integer"],
    "activation=gem N=true": ["N=True", "an integer"],
    "activation=egem eps=abc": ["eps=abc", "a finite number"],
    "activation=egem eps=-1": ["eps ", "got -1.0", "[1e-"],
    "activation=egem eps=0": ["eps ", "got 0.0", "[1e-"],
    "activation=egem eps=nan": ["eps=nan", "a finite number"],
    "activation=egem eps=inf": ["eps=inf", "a finite number"],
    "activation=elu activation.alpha=nan": ["activation.alpha=nan", "a finite number"],
    "activation=gelu +activation.approximate=foo": ["activation=gelu", "approximate"],
    "activation=egem activation.convention=other": ["convention", "other", "additive"],
    "activation=gelu N=2": ["N=2", "activation=gelu has no parameter N", "it takes approximate"],
    "activation=gem eps=1e-4": ["eps=0.0001", "activation=gem has no parameter eps", "it takes N"],
    "seed=abc": ["seed=abc", "an integer of at least 0"],
    "seed=-1": ["seed=-1", "an integer of at least 0"],
    "seed=0,1": ["seed=0,1", "add -m"],
    "runs_dir=": ["runs_dir=", "a text that is not empty"],
    "recipe.lr=abc": ["recipe.lr=abc", "a finite number above 0"],
    "recipe.lr=0": ["recipe.lr=0.0", "a finite number above 0"],
    "recipe.epochs=0": ["recipe.epochs=0", "an integer of at least 1"],
    "recipe.epochs=null": ["recipe.epochs", "no value given", "recipe.steps=…"],
    "recipe.steps=5": ["recipe.steps=5", "recipe.epochs=8 is given too", "recipe.epochs=null"],
    "recipe.warmup_steps=5": ["recipe.warmup_steps=5", "recipe.warmup_epochs=0.5 is given too"],
    "recipe.momentum=1": ["recipe.momentum=1.0", "a number from 0 up to, not including, 1"],
    "recipe.betas=[0.9]": ["recipe.betas=[0.9]", "two numbers"],
    "recipe.milestones=[3,2]": ["recipe.milestones=[3.0, 2.0]", "increasing order"],
    "recipe.milestones=abc": ["recipe.milestones=abc", "increasing order"],
    "recipe.schedule=exponential": ["recipe.schedule=exponential", "constant, step, linear, cosine"],
    "recipe.optimizer=adam": ["recipe.optimizer=adam", "sgd, adamw"],
    "impl.threads=0": ["impl.threads=0", "an integer of at least 1, or null"],
    "impl.precision=fp8": ["impl.precision=fp8", "fp32, bf16"],
    "impl.save_every_seconds=-1": ["impl.save_every_seconds=-1.0", "at least 0"],
    "tracking.mode=maybe": ["tracking.mode=maybe", "disabled, offline, online"],
    "model=resnet20 model.depth=21": ["model.depth=21", "6n + 2"],
    "model.kind=transformer": ["model.kind=transformer", "mlp, cnn, resnet"],
    "dataset.train_size=0": ["dataset.train_size=0", "an integer of at least 1"],
    "dataset=imdb model=gpt2_tiny model.heads=3": ["model.heads=3", "a divisor of model.width=128"],
    "recipe=mnist recipe.momentum=0": ["recipe.nesterov=true", "recipe.momentum=0"],
    "dataset=imdb model=gpt2_tiny recipe=mnist": ["recipe=mnist", "is for images", "a recipe for text"],
    "dataset=imdb": ["dataset=imdb", "model=cnn", "is for images", "a model of kind bert, gpt2"],
    "recipe=mnist recipe.tokens_per_step=8": ["recipe.tokens_per_step", "unknown"],
    "dataset=image_folder dataset.folder=/data/birds": ["dataset.folder=/data/birds", "below data_dir"],
    "dataset=text dataset.folder=../notes model=gpt2_tiny": ["dataset.folder=../notes", "below data_dir"],
    "dataset=mnist dataset.folder=fashion_mnist": ["dataset.folder=fashion_mnist", "image_folder"],
    "dataset=poisson model=pinn recipe.epochs=3 recipe.steps=null": ["recipe.epochs=3", "must be null", "recipe.steps"],
    "dataset=poisson model=pinn recipe.lbfgs_steps=-1": ["recipe.lbfgs_steps=-1", "an integer of at least 0"],
    "dataset=poisson model=pinn recipe.lbfgs_steps=9999": ["recipe.lbfgs_steps=9999", "at most"],
    "dataset=poisson model=pinn recipe.sampling=sobol": ["recipe.sampling=sobol", "random, grid"],
    "dataset=poisson model=pinn dataset.viscosity=0.1": ["dataset.viscosity=0.1", "unknown"],
    "dataset=burgers model=pinn dataset.viscosity=0": ["dataset.viscosity=0.0", "a finite number above 0"],
    "dataset=burgers model=pinn recipe.points=150": ["recipe.points=150", "a square", "144"],
    "dataset=burgers model=pinn dataset.holdout=1000": ["dataset.holdout=1000", "a square", "1024"],
    "dataset=poisson model=pinn dataset.holdout=-1": ["dataset.holdout=-1", "an integer of at least 0"],
    "dataset=poisson model=pinn impl.precision=bf16": ["impl.precision=bf16", "recipe.dtype=float64"],
    "dataset=poisson model=pinn impl.compile=true": ["impl.compile=true", "cannot be compiled"],
    "dataset=poisson": ["dataset=poisson", "model=cnn", "is for images", "a model of kind pinn"],
    "dataset=mnist model=pinn": ["model=pinn", "is for physics", "dataset=mnist"],
    "dataset=digits dataset.size=16": ["dataset.size=16", "image_folder"],
    "model=timm": ["model.architecture", "no value given"],
    "model=torchvision model.architecture=resnet55": ["architecture=resnet55", "unknown to torchvision", "resnet50"],
    "model=timm model.architecture=zzz": ["model.architecture=zzz", "unknown to timm"],
    "model=timm model.architecture=resnet18 model.options={pretrained: true}": ["{pretrained: True}", "leave out"],
    "model=timm model.architecture=resnet18 model.swap=all": ["model.swap=all", "complete, modules"],
    "model=timm model.architecture=resnet18 recipe.init_gain=activation": ["recipe.init_gain=activation", "be relu"],
    "model=wrn28_2 model.depth=20": ["model.depth=20", "6n + 4"],
    "model=densenet40 model.growth=0": ["model.growth=0", "at least 1"],
    "recipe.mixup=-1": ["recipe.mixup=-1.0", "at least 0"],
    "recipe.mixup=0.2 recipe.batch_size=63": ["recipe.batch_size=63", "must be even"],
    "recipe.accumulate=3": ["recipe.batch_size=128", "a multiple of recipe.accumulate=3"],
    "recipe.random_erase=0.25": ["recipe.random_erase=0.25", "must be 0.0 for images in memory", "dataset=imagenet"],
    "recipe.augment=resized_crop_flip": ["recipe.augment=resized_crop_flip", "none, crop or crop_flip"],
    "recipe.auto_augment=Rand": ["recipe.auto_augment=Rand", "rand-m9-mstd0.5"],
    "recipe=standard recipe.step_epochs=3": ["recipe.step_epochs=3", "recipe.milestones is given too"],
    "dataset=imagenet recipe=standard": ["recipe.augment=crop_flip", "must be none or resized_crop_flip"],
    "dataset=imagenet recipe=imagenet recipe.normalize=dataset": ["recipe.normalize=dataset", "must be imagenet"],
    "dataset=imagenet recipe=imagenet dataset.size=300": ["dataset.resize=256", "at least dataset.size=300"],
    "dataset=imagenet recipe=imagenet dataset.folder=../x": ["dataset.folder=../x", "below data_dir"],
    "impl.workers=-1": ["impl.workers=-1", "at least 0"],
}
NAMES = {
    "dataset=nope": ["dataset=nope", "digits", "mnist", "cifar10"],
    "model=nope": ["model=nope", "cnn", "resnet56"],
    "activation=nope": ["activation=nope", "egem", "gelu"],
    "recipe=nope": ["recipe=nope", "standard", "short"],
    "impl=nope": ["impl=nope", "deterministic", "fast"],
    "tracking=nope": ["tracking=nope", "offline"],
    "experiment=nope": ["experiment=nope", "quickstart"],
    "model=null": ["model=null"],
    "foo=1": ["foo=1", "unknown"],
    "sede=1": ["sede=1", "did you mean seed"],
    "recipe.lrr=1": ["recipe.lrr=1", "did you mean recipe.lr"],
    "model.blocks=3": ["model.blocks=3", "unknown"],
    "+model.blocks=3": ["model.blocks", "unknown"],
    "activation.alpha=1": ["activation.alpha=1", "activation=gelu has no parameter alpha", "it takes approximate"],
    "seed": ["seed", "key=value"],
    "dataset=digits dataset.source=cifar": ["dataset.name=digits", "cifar10, cifar100"],
    "dataset=digits dataset.source=mnist": ["dataset.name=digits", "mnist, fashion_mnist"],
    "dataset=image_folder": ["dataset.folder", "no value given"],
    "-m experiment=quickstart experiment.seeds=0": ["experiment.seeds=0", "an integer of at least 1"],
    "-m activation=gelu,nope": ["activation=nope", "gelu"],
}
DIGITS = "dataset=digits recipe=digits"
SIZES = {
    f"{DIGITS} recipe.batch_size=1438": ["recipe.batch_size=1438", "at most 1437"],
    f"{DIGITS} dataset.holdout=1437": ["dataset.holdout=1437", "at most 1437"],
    f"{DIGITS} dataset.train_size=1438": ["dataset.train_size=1438", "at most 1437"],
    f"{DIGITS} dataset.train_size=1000 dataset.holdout=438": ["dataset.holdout=438", "at most 1437"],
    f"{DIGITS} impl.cuda_graphs=true": ["impl.cuda_graphs=true", "needs impl.compile=true"],
    f"{DIGITS} impl.device=cuda": ["impl.device=cuda", "cpu or auto"],
    f"{DIGITS} impl.device=tpu": ["impl.device=tpu", "auto, cpu, cuda"],
}
NETWORKS = {
    "model.architecture=nfnet_l0": ["architecture=nfnet_l0", "cannot take another one"],
    "model.architecture=vit_tiny_patch16_224": ["vit_tiny_patch16_224", "cannot take images of 1×8×8"],
    "model.architecture=resnet18 model.options={depth: 4}": ["model.options={depth: 4}", "TypeError"],
    "model.architecture=resnet18 model.swap=modules": ["model.swap=modules", "use model.swap=complete"],
    "model.architecture=test_resnet impl.micro_batch=8": ["impl.micro_batch=8", "BatchNorm sees the whole batch"],
}
NETWORKS = {f"{DIGITS} model=timm {line}": parts for line, parts in NETWORKS.items()}
FILES = {
    "seed=1": ["imagenet: must have train/<class>/* and val/<class>/*", "scripts/prepare_data.py"],
    "dataset.folder=empty": ["empty: must have train/<class>/*"],
    "dataset.folder=broken": ["broken/train/a/0.jpg: not a readable picture"],
    "dataset.folder=lonely": ["lonely: train/ and val/ must have the same classes; only one has b"],
    "dataset.folder=broken recipe.auto_augment=rand-q1": ["recipe.auto_augment=rand-q1", "timm cannot read it"],
    "dataset.folder=broken recipe.batch_size=4": ["recipe.batch_size=4", "at most 2", "imagenet"],
}
FILES = {
    f"dataset=imagenet model=mlp recipe=imagenet recipe.batch_size=2 impl.workers=0 {line}": parts
    for line, parts in FILES.items()
}
PLACES = {
    f"{DIGITS} runs_dir=file": ["runs_dir=file"],
    f"{DIGITS} runs_dir=file/below": ["runs_dir=file/below"],
    f"{DIGITS} runs_dir=/proc/runs": ["runs_dir=/proc/runs"],
    f"{DIGITS} runs_dir={'x' * 300}": ["x" * 300],
}


def is_one_error_line(ended: Ended, *parts: str) -> bool:
    """Exit status 2 and one line with every part in it; otherwise an assertion shows what there was."""
    assert ended.status == 2, ended
    assert ended.err.startswith("error: "), ended.err
    assert ended.err.count("\n") == 1, ended.err
    assert all(part in ended.err for part in parts), (ended.err, parts)
    return True


def write_bad_pictures(data_dir: Path) -> None:
    """Folders in the layout of ImageNet: one without pictures that can be read, one with a class too many."""
    for name in ("broken/train/a/0.jpg", "broken/train/a/1.jpg", "broken/val/a/0.jpg"):
        (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / name).write_bytes(b"no picture")
    for name in ("lonely/train/a", "lonely/train/b", "lonely/val/a", "empty"):
        (data_dir / name).mkdir(parents=True)


@pytest.mark.parametrize(
    ("line", "parts"),
    [*VALUES.items(), *NAMES.items(), *SIZES.items(), *NETWORKS.items(), *FILES.items(), *PLACES.items()],
)
def test_one_line_and_nothing_created(train: Zygote, tmp_path: Path, line: str, parts: list[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    if line.startswith("dataset=imagenet"):
        write_bad_pictures(tmp_path / "data")
    before = tree(tmp_path)
    if line.endswith("device=cuda") and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    words = re.split(" (?![^{]*})", line)  # a mapping is one word
    cache = [f"cache_dir={tmp_path.parent / 'cache'}"] if line.startswith("dataset=imagenet") else []
    assert is_one_error_line(train.run(*words, *cache, cwd=tmp_path), *parts)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("line", ["activation=egem eps=abc", "foo=1"])
def test_the_real_command_line(tmp_path: Path, line: str) -> None:
    command = [sys.executable, str(ROOT / "train.py"), *line.split()]
    process = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert is_one_error_line(Ended(process.returncode, process.stdout, process.stderr))
    assert not any(tmp_path.iterdir())
