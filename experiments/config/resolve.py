"""From Hydra's composed configuration to a typed, checked :class:`Config`. Every error message is one line."""

from __future__ import annotations

import dataclasses
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.activations.names import ROOT_KEYS
from experiments.activations.resolve import typed_activation
from experiments.config.schema import Config, Dataset, Impl, Model, Recipe, Root, Tracking
from experiments.config.typed import Group, typed
from experiments.errors import UserError, must_be
from experiments.families.family import Family
from experiments.families.registry import families, family_of_model


def resolve(cfg: DictConfig) -> Config:
    """Type and check the composed configuration. Raises UserError naming key, value and what is allowed."""
    experiment = cfg.get("experiment")
    family = family_of_model(cfg.model.get("kind"))
    check_family(family, cfg)
    dataset, model = typed_dataset(family, cfg.dataset), typed_model(family, cfg.model)
    recipe = typed_recipe(family, cfg.recipe)
    family.check(dataset, model, recipe)
    root = {f.name: cfg[f.name] for f in dataclasses.fields(Root)}
    return Config(
        dataset=dataset,
        model=model,
        activation=typed_activation(cfg.activation, {key: cfg.get(key) for key in ROOT_KEYS}),
        recipe=recipe,
        impl=typed(Impl, cfg.impl, "impl."),
        tracking=typed(Tracking, cfg.tracking, "tracking."),
        tags=[str(experiment.name)] if experiment else [],
        **vars(typed(Root, root, "")),
    )


def check_family(family: Family, cfg: DictConfig) -> None:
    """Raise UserError if data or recipe belongs to another family than the network."""
    source, name = cfg.dataset.get("source"), cfg.dataset.get("name")
    if source not in family.datasets:
        others = sorted(kind for other in families().values() if source in other.datasets for kind in other.models)
        if not others:
            known = sorted({each for other in families().values() for each in other.datasets})
            raise UserError(must_be("dataset.source", source, f"one of {', '.join(known)}"))
        raise UserError(
            f"model={cfg.model.get('name')}: is for {family.kind}, which cannot use dataset={name}; "
            f"choose a model of kind {', '.join(others)}, or another dataset"
        )
    of = cfg.recipe.get("family")
    if of not in (None, "???", family.kind):
        raise UserError(
            f"recipe={cfg.recipe.get('name')}: is for {of}, model={cfg.model.get('name')} is for {family.kind}; "
            f"choose a recipe for {family.kind}"
        )


def typed_dataset(family: Family, node: Group) -> Dataset:
    return family.settle_dataset(typed(family.datasets[str(node.get("source"))], node, "dataset."))


def typed_model(family: Family, node: Group) -> Model:
    return typed(family.models[str(node.get("kind"))], node, "model.")


def typed_recipe(family: Family, node: Group) -> Recipe:
    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else dict(node)
    assert isinstance(plain, dict)
    recipe = typed(family.recipe, {str(k): v for k, v in plain.items() if k != "family"}, "recipe.")
    check_recipe(recipe)
    return recipe


def check_recipe(recipe: Recipe) -> None:
    """Raise UserError for values that contradict each other."""
    if (recipe.epochs is None) == (recipe.steps is None):
        if recipe.steps is None:
            raise UserError("recipe.epochs: no value given; give recipe.epochs=… or recipe.steps=… on the command line")
        raise UserError(
            f"recipe.steps={recipe.steps}: recipe.epochs={recipe.epochs} is given too; give recipe.epochs=null with it"
        )
    if recipe.warmup_steps and recipe.warmup_epochs:
        raise UserError(
            f"recipe.warmup_steps={recipe.warmup_steps}: recipe.warmup_epochs={recipe.warmup_epochs:g} is given too; "
            f"give recipe.warmup_epochs=0 with it"
        )
    if recipe.step_epochs and recipe.milestones:
        raise UserError(
            f"recipe.step_epochs={recipe.step_epochs:g}: recipe.milestones is given too; "
            f"give recipe.milestones=[] with it"
        )
    if recipe.nesterov and recipe.optimizer == "sgd" and not recipe.momentum:
        raise UserError(must_be("recipe.nesterov", "true", "false where recipe.momentum=0"))
    if recipe.eval_every is None and recipe.eval_every_steps is None:
        raise UserError("recipe.eval_every: no value given; give recipe.eval_every=… or recipe.eval_every_steps=…")


def restore(values: dict[str, Any]) -> Config:
    """Inverse of ``dataclasses.asdict``: the configuration from its values (of a config.yaml), typed and checked."""
    tags = values["tags"]
    rest = {key: value for key, value in values.items() if key != "tags"}
    return resolve(OmegaConf.create(rest | {"experiment": {"name": tags[0]} if tags else None}))
