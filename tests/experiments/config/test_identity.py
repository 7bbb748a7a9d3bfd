"""The identity of a run: published hashes stay, equal values are one run, any value that may change it counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from experiments.config import identity
from experiments.config.compose import compose_run
from experiments.config.identity import run_hash, run_path
from experiments.families.images.schema import CNN, ImageDataset, ImageRecipe
from experiments.families.registry import families
from experiments.families.text.schema import TextDataset, TextRecipe, Transformer

IMAGES, TEXT_FAMILY = (families()[kind] for kind in ("images", "text"))
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
    "dataset": {"name": "x", "source": "hub", "folder": "x", "subset": "x", "validation": 0.02, "holdout": 0.1},
    "model": {"kind": "bert", "layers": 3, "heads": 2, "width": 64, "context": 32, "vocab_size": 512}
    | {"mlp": "gated", "dropout": 0.1, "bias": "false"},
    "recipe": {
        "max_steps": 9,
        "lbfgs_steps": 1,
        "optimizer": "sgd",
        "lr": 0.2,
        "momentum": 0.8,
        "nesterov": "true",
        "betas": "[0.8,0.9]",
        "weight_decay": 1e-3,
        "decay_all": "true",
        "clip": 2,
        "log_every": 23,
        "accumulate": 2,
        "ema": 0.5,
        "dtype": "float64",
        "power": 2.0,
        "steps": 77,
        "epochs": "3 recipe.steps=null",
        "milestones": "[3]",
        "lr_factor": 0.2,
        "step_epochs": 2.4,
        "warmup_epochs": "2 recipe.warmup_steps=0",
        "eval_every": 2,
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
        "lbfgs_steps": 1,
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
        "accumulate": 2,
        "ema": 0.5,
        "dtype": "float64",
        "power": 2.0,
        "step_epochs": 2.4,
        "mixup": 0.2,
        "cutmix": 1,
        "eval_every": 2,
        "steps": "9 recipe.epochs=null",
        "final_lr": 0.3,
        "warmup_steps": "3 recipe.warmup_epochs=0",
        "eval_every_steps": 7,
    },
}
# What the check of the family refuses for images in memory, as typed values.
REFUSED_IN_MEMORY = {
    "interpolation": "bicubic",
    "auto_augment": "randaugment",
    "random_erase": 0.25,
    "repeats": 2,
}
LABELS = {("dataset", "title"), ("model", "name"), ("recipe", "name")}


@pytest.mark.parametrize(
    ("group", "key"),
    [
        (group, f.name)
        for group, schema in (("dataset", ImageDataset), ("model", CNN), ("recipe", ImageRecipe))
        for f in dataclasses.fields(schema)
        if (group, f.name) not in LABELS and f.name not in REFUSED_IN_MEMORY
    ],
)
def test_every_other_value_counts(group: str, key: str) -> None:
    """A field added later fails here until its other value is given."""
    value = OTHER_VALUES[group][key]
    base = {"dataset.source": "image_folder", "dataset.folder": "y"} if key in ("folder", "size") else {}
    changed = {"model": "mlp"} if value is None else {f"{group}.{key}": value}

    def of(values: dict[str, Any]) -> str:
        return hash_of(*(word for key, given in values.items() for word in f"{key}={given}".split()))

    assert of(base | changed) != of(base)


@pytest.mark.parametrize(("key", "value"), REFUSED_IN_MEMORY.items())
def test_values_for_other_data_count_too(key: str, value: Any) -> None:
    config = compose_run(list(DIGITS))
    changed = dataclasses.replace(config, recipe=dataclasses.replace(config.recipe, **{key: value}))
    assert run_hash(changed) != run_hash(config)


LIBRARY = ("dataset=imagenet", "recipe=imagenet", "model=timm", "model.architecture=resnet18")
OTHER_LIBRARY_VALUES = {
    "dataset.folder": "birds",
    "dataset.size": "160",
    "dataset.resize": "232",
    "dataset.train_size": "100",
    "dataset.holdout": "100",
    "model.kind": "torchvision",
    "model.architecture": "resnet34",
    "model.options": "{drop_rate: 0.1}",
    "model.swap": "modules",
    "recipe.repeats": "2",
}


@pytest.mark.parametrize(("key", "value"), OTHER_LIBRARY_VALUES.items())
def test_every_value_of_a_librarys_network_counts(key: str, value: str) -> None:
    assert run_hash(compose_run([*LIBRARY, f"{key}={value}"])) != run_hash(compose_run([*LIBRARY]))


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

    assert of(*f"{group}.{key}={OTHER_TEXT_VALUES[group][key]}".split()) != of()


@pytest.mark.parametrize("override", ["activation=relu", "activation=golu activation.alpha=1.5", "activation=gem N=2"])
def test_the_activation_counts(override: str) -> None:
    name = override.split()[0]
    assert hash_of(*override.split()) != hash_of()
    assert (hash_of(*override.split()) == hash_of(name)) == (override == name)


def test_every_pin_is_a_value_that_its_key_may_have() -> None:
    """Pins name keys that exist; with every key at its pin nothing but the unpinned keys is hashed."""
    for family, schemas in ((IMAGES, (ImageDataset, ImageRecipe)), (TEXT_FAMILY, (TextDataset, TextRecipe))):
        for group, schema in zip(("dataset", "recipe"), schemas, strict=True):
            keys = {f.name for f in dataclasses.fields(schema)}
            assert set(family.pinned[group]) <= keys


def test_a_changed_default_of_the_code_is_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """``normalize`` is pinned at "dataset": with another default in the code, a recipe without the key is hashed."""
    before = compose_run([*DIGITS, "recipe.normalize=dataset"])
    field = next(f for f in dataclasses.fields(ImageRecipe) if f.name == "init_gain")
    changed = dataclasses.replace(before, recipe=dataclasses.replace(before.recipe, init_gain="activation"))
    assert field.default == "relu"
    assert run_hash(changed) != run_hash(before)
    monkeypatch.setitem(identity.pinned_activations(), "gelu", {"approximate": "tanh"})
    assert run_hash(before) != hash_of("recipe.normalize=dataset", "activation=relu")
    assert "approximate" in identity.science(before)["activation"]


def test_what_has_no_pin_is_always_hashed() -> None:
    """A pin of another type is no pin, and a key without one counts even where it has the code's default."""
    assert identity.unpinned({"a": 1, "b": True, "c": 1.0}, {"a": True, "b": 1, "c": 1}) == {"a": 1, "b": True}
    assert identity.unpinned({"new": 3}, {}) == {"new": 3}


def test_place() -> None:
    config = compose_run([*DIGITS, "activation=gem", "N=2", "seed=3", "runs_dir=runs"])
    cell = f"gem-{run_hash(config)[:8]}"
    assert run_path(config) == Path("runs") / "digits-cnn" / cell / "seed3"
