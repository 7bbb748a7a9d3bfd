"""The identity of a run: published hashes stay, equal values are one run, any value that may change it counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from experiments.config import compose_run, run_hash, run_path
from experiments.config.rules import defaults
from experiments.config.schema import CNN, ImageDataset, ImageRecipe, ResNet, TextDataset, TextRecipe, Transformer

DIGITS = ("dataset=digits", "recipe=digits")
# Runs with these identities exist. A change here orphans them, and their records no longer match their presets.
PUBLISHED = {
    "dataset=mnist model=cnn recipe=mnist activation=gelu": "c521959d9efeb38d",
    "dataset=mnist model=cnn recipe=mnist activation=relu": "30e031eaa6512575",
    "dataset=mnist model=cnn recipe=mnist activation=gem N=2": "6768f897b2e4531a",
    "dataset=mnist model=cnn recipe=mnist activation=egem N=1 eps=1e-4": "f3a5e36dfe163206",
    "dataset=mnist model=cnn recipe=mnist activation=segem N=1 eps=1e-4": "23187dd688ac2eee",
    "dataset=digits model=cnn recipe=digits activation=golu": "94c68dd288723805",
    "dataset=cifar10 model=resnet56 recipe=standard activation=gem": "3037b762ac89e2a4",
    "dataset=cifar100 model=resnet56 recipe=strong activation=gelu": "2fe04d1f197e5d5a",
    "dataset=cifar10_jpeg model=resnet20 recipe=short activation=gelu": "ec080104deae075d",
    "dataset=imdb model=gpt2_tiny activation=gelu": "2f374c1ea6ad5f50",
    "dataset=imdb model=bert_tiny activation=egem eps=10": "9ee760bf25517d05",
    "dataset=openwebtext model=gpt2 activation=gem N=2": "fc7806d1e1385a99",
    "dataset=openwebtext model=bert_small activation=relu": "4fd4bb10f6b871cd",
}


def hash_of(*overrides: str) -> str:
    return run_hash(compose_run([*DIGITS, *overrides]))


@pytest.mark.parametrize(("line", "expected"), PUBLISHED.items())
def test_published_identities_stay(line: str, expected: str) -> None:
    assert run_hash(compose_run(line.split()))[:16] == expected


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_a_folder_that_says_what_is_so_anyway_is_the_same_run(name: str) -> None:
    plain = hash_of(f"dataset={name}")
    assert hash_of(f"dataset={name}", f"dataset.folder={name}") == plain
    assert hash_of(f"dataset={name}", "dataset.folder=null") == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("activation=egem eps=1e-4", "activation=egem eps=0.0001"),
        ("activation=egem eps=1e-4", "activation=egem"),
        ("activation=egem eps=1", "activation=egem eps=1.0"),
        ("activation=gem N=2", "activation=gem activation.N=2"),
        ("recipe.lr=0.10", "recipe.lr=1e-1"),
        ("recipe.milestones=[1,2]", "recipe.milestones=[1.0,2.0]"),
    ],
)
def test_equal_values_are_one_run(one: str, other: str) -> None:
    assert hash_of(*one.split()) == hash_of(*other.split())


@pytest.mark.parametrize(
    "override",
    [
        "seed=7",
        "impl=fast",
        "impl=deterministic",
        "impl.threads=3",
        "impl.save_every_seconds=1",
        "tracking=offline",
        "tracking.project=other",
        "runs_dir=elsewhere",
        "data_dir=elsewhere",
        "cache_dir=elsewhere",
        "dataset.title=Ziffern",
        "recipe.name=other",
        "experiment=quickstart",
    ],
)
def test_what_cannot_change_the_result_lies_outside(override: str) -> None:
    assert hash_of(override) == hash_of()


TEXT = ("dataset=imdb", "model=gpt2_tiny")
OTHER_TEXT_VALUES = {
    "dataset": {"name": "x", "source": "hub", "folder": "x", "subset": "x", "validation": 0.02},
    "model": {"kind": "bert", "layers": 3, "heads": 2, "width": 64, "context": 32, "vocab_size": 512},
    "recipe": {
        "max_steps": 9,
        "optimizer": "sgd",
        "lr": 0.2,
        "momentum": 0.8,
        "nesterov": "true",
        "betas": "[0.8,0.9]",
        "weight_decay": 1e-3,
        "decay_all": "true",
        "clip": 2,
        "log_every": 23,
        "steps": 77,
        "tokens_per_step": 128,
        "sequence": 32,
        "schedule": "linear",
        "final_lr": 0.3,
        "warmup_steps": 3,
        "mask_rate": 0.3,
        "eval_every_steps": 7,
        "eval_tokens": 64,
    },
}
OTHER_VALUES = {
    "dataset": {"name": "x", "source": "mnist", "folder": "x", "size": 9, "train_size": 100, "holdout": 100},
    "model": {"kind": None, "width": 25},
    "recipe": {
        "epochs": 16,
        "max_steps": 9,
        "batch_size": 65,
        "optimizer": "adamw",
        "lr": 0.2,
        "momentum": 0.8,
        "nesterov": "true",
        "betas": "[0.8,0.9]",
        "weight_decay": 1e-3,
        "decay_all": "false",
        "schedule": "step",
        "milestones": "[3]",
        "lr_factor": 0.2,
        "warmup_epochs": 2,
        "clip": 1,
        "label_smoothing": 0.1,
        "augment": "crop",
        "normalize": "imagenet",
        "init_gain": "activation",
        "log_every": 23,
        "eval_every": 2,
    },
}
LABELS = {("dataset", "title"), ("model", "name"), ("recipe", "name")}


@pytest.mark.parametrize(
    ("group", "key"),
    [
        (group, f.name)
        for group, schema in (("dataset", ImageDataset), ("model", CNN), ("recipe", ImageRecipe))
        for f in dataclasses.fields(schema)
        if (group, f.name) not in LABELS
    ],
)
def test_every_other_value_counts(group: str, key: str) -> None:
    """A field added later fails here until its other value is given."""
    value = OTHER_VALUES[group][key]
    base = {"dataset.source": "image_folder", "dataset.folder": "y"} if key in ("folder", "size") else {}
    changed = {"model": "mlp"} if value is None else {f"{group}.{key}": value}

    def of(values: dict[str, Any]) -> str:
        return hash_of(*(f"{word}={given}" for word, given in values.items()))

    assert of(base | changed) != of(base)


@pytest.mark.parametrize(
    ("group", "key"),
    [
        (group, f.name)
        for group, schema in (("dataset", TextDataset), ("model", Transformer), ("recipe", TextRecipe))
        for f in dataclasses.fields(schema)
        if (group, f.name) not in LABELS
    ],
)
def test_every_other_value_counts_for_text(group: str, key: str) -> None:
    def of(*words: str) -> str:
        return run_hash(compose_run([*TEXT, *words]))

    assert of(f"{group}.{key}={OTHER_TEXT_VALUES[group][key]}") != of()


@pytest.mark.parametrize("override", ["activation=relu", "activation=golu activation.alpha=1.5", "activation=gem N=2"])
def test_the_activation_counts(override: str) -> None:
    name = override.split()[0]
    assert hash_of(*override.split()) != hash_of()
    assert (hash_of(*override.split()) == hash_of(name)) == (override == name)


# A value that equals its default is left out of the hash, so another default would be another run under the same name.
DEFAULTS: dict[type, dict[str, Any]] = {
    ImageDataset: {"folder": None, "size": None, "train_size": None, "holdout": 0},
    ResNet: {"width": 16},
    ImageRecipe: {
        "max_steps": None,
        "momentum": 0.0,
        "nesterov": False,
        "betas": [0.9, 0.999],
        "weight_decay": 0.0,
        "decay_all": True,
        "milestones": [],
        "lr_factor": 0.1,
        "warmup_epochs": 0.0,
        "clip": None,
        "label_smoothing": 0.0,
        "normalize": "dataset",
        "init_gain": "relu",
        "log_every": 50,
        "eval_every": 1,
    },
    TextDataset: {"subset": None, "validation": 0.01},
    TextRecipe: {
        "max_steps": None,
        "momentum": 0.0,
        "nesterov": False,
        "betas": [0.9, 0.999],
        "weight_decay": 0.0,
        "decay_all": True,
        "clip": None,
        "log_every": 50,
        "sequence": None,
        "final_lr": 0.0,
        "warmup_steps": 0,
        "mask_rate": 0.15,
        "eval_every_steps": 250,
        "eval_tokens": None,
    },
}


@pytest.mark.parametrize("schema", DEFAULTS)
def test_published_defaults_stay(schema: type) -> None:
    values = defaults(schema)
    assert {key: values[key] for key in DEFAULTS[schema]} == DEFAULTS[schema]


def test_place() -> None:
    config = compose_run([*DIGITS, "activation=gem", "N=2", "seed=3", "runs_dir=runs"])
    cell = f"gem-{run_hash(config)[:8]}"
    assert run_path(config) == Path("runs") / "digits-cnn" / cell / "seed3"
