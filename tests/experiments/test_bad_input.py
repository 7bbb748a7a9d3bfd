"""Bad input: one line that names the key, what was given and what is allowed; exit status 2; nothing created."""

from __future__ import annotations

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
    "seed=0,1": ["seed=0,1", "--multirun"],
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
    "dataset=digits dataset.size=16": ["dataset.size=16", "image_folder"],
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


@pytest.mark.parametrize(("line", "parts"), [*VALUES.items(), *NAMES.items(), *SIZES.items(), *PLACES.items()])
def test_one_line_and_nothing_created(train: Zygote, tmp_path: Path, line: str, parts: list[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    before = tree(tmp_path)
    if line.endswith("device=cuda") and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    assert is_one_error_line(train.run(*line.split(" "), cwd=tmp_path), *parts)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("line", ["activation=egem eps=abc", "foo=1"])
def test_the_real_command_line(tmp_path: Path, line: str) -> None:
    command = [sys.executable, str(ROOT / "train.py"), *line.split()]
    process = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert is_one_error_line(Ended(process.returncode, process.stdout, process.stderr))
    assert not any(tmp_path.iterdir())
