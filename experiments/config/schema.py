"""The typed configuration of a run. Four groups may change the result: dataset, model, activation, recipe.

A task family (``experiments/families``) derives its own data sets, models and recipe from the classes here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from experiments.config.rules import (
    fraction,
    label,
    non_negative,
    one_of,
    optional,
    positive,
    positive_int,
    rule,
    switch,
    text,
    whole,
)


@dataclass(kw_only=True)
class Dataset:
    """Data by name. ``source`` selects the reader; ``title`` is shown to people."""

    name: str = text()
    title: str = label()
    source: str = text()


@dataclass(kw_only=True)
class Model:
    """A network. ``kind`` selects the architecture and thereby the task family."""

    name: str = label()
    kind: str = text()


SCHEDULES = ("constant", "step", "linear", "cosine", "poly", "inverse_sqrt")


@dataclass(kw_only=True)
class Recipe:
    """Everything about training that may change the result. Its length is given in steps or in epochs.

    A family may give other defaults to ``steps``, ``eval_every`` and ``eval_every_steps``, and adds its own keys.
    """

    name: str = label()
    # Length: steps or epochs.
    epochs: int | None = optional(positive_int())
    steps: int | None = optional(positive_int())  # optimiser steps
    max_steps: int | None = optional(positive_int())  # stop after this many optimiser steps in any case
    # The optimiser.
    optimizer: str = one_of("sgd", "adamw", "rmsprop", "rmsprop_tf")
    lbfgs_steps: int = whole(0)  # this many last steps are by L-BFGS on one fixed batch; see runs/lbfgs.py
    lr: float = positive()
    momentum: float = fraction(0.0)  # all but adamw, which uses betas
    nesterov: bool = switch(False)
    betas: list[float] = rule(
        "two numbers from 0 up to, not including, 1", lambda b: len(b) == 2 and all(0 <= v < 1 for v in b), [0.9, 0.999]
    )
    weight_decay: float = non_negative(0.0)
    decay_all: bool = switch(True)  # false: biases and normalisation parameters are not decayed
    clip: float | None = optional(positive())  # largest gradient norm
    accumulate: int = positive_int(1)  # parts of a batch, each with a backward pass of its own; BatchNorm sees a part
    ema: float | None = optional(fraction())  # evaluate an exponential moving average of the weights with this decay
    dtype: str = one_of("float32", "float64", default="float32")  # of weights and data
    # The learning rate over time.
    schedule: str = one_of(*SCHEDULES)
    milestones: list[float] = rule(
        "epochs in increasing order, each above 0", lambda m: m == sorted(set(m)) and all(v > 0 for v in m), []
    )
    step_epochs: float | None = optional(positive())  # step: a milestone every so many epochs, instead of milestones
    lr_factor: float = positive(0.1)  # step: the factor at each milestone
    power: float = positive(0.9)  # poly: (1 - share of the training)^power
    final_lr: float = fraction(0.0)  # where linear, cosine and poly end, as a fraction of lr
    warmup_epochs: float = non_negative(0.0)
    warmup_steps: int = whole(0)
    # What is logged.
    log_every: int = positive_int(50)  # steps between lines of metrics.jsonl
    eval_every: int | None = optional(positive_int())  # epochs between evaluations; null: eval_every_steps
    eval_every_steps: int | None = optional(positive_int())  # steps between evaluations, instead of eval_every


@dataclass(kw_only=True)
class Impl:
    """Options that change only the speed. Not part of the identity."""

    name: str = label()
    device: str = one_of("auto", "cpu", "cuda")
    precision: str = one_of("fp32", "bf16", "auto")  # auto: bf16 if the hardware computes in it, else fp32
    channels_last: bool = switch(False)
    kernels: str = one_of("torch", "native", default="torch")  # of gem's activations in eager mode on a CPU
    compile: bool = switch(False)
    probe: bool = switch(False)  # take the settings of impl=fast where a probe shows that they are faster
    cuda_graphs: bool = switch(False)  # replay compiled code as CUDA graphs; needs one pass a step
    deterministic: bool = switch(False)
    micro_batch: int | None = optional(positive_int())  # examples a backward pass; null: the task's choice
    threads: int | None = optional(positive_int())  # null: torch's choice
    workers: int | None = optional(whole())  # processes that decode pictures; null: one a processor but one, at most 8
    save_every_seconds: float = non_negative(300.0)
    profile: bool = switch(False)
    mechanism: bool = switch(True)  # log dead units, saturation, moments and gradients of activations at evaluations


@dataclass(kw_only=True)
class Tracking:
    """Weights & Biases, a mirror of metrics.jsonl."""

    mode: str = one_of("disabled", "offline", "online")
    project: str = text("gem-activations")
    entity: str | None = optional(text())


@dataclass(kw_only=True)
class Root:
    """The keys outside every group that belong to one run. Paths are places on this machine, never results."""

    seed: int = whole()
    runs_dir: str = text()
    data_dir: str = text()
    cache_dir: str = text()


@dataclass(kw_only=True)
class Config(Root):
    """One run, typed and checked. ``activation`` holds the name and every parameter, given or default."""

    dataset: Dataset
    model: Model
    activation: dict[str, Any]
    recipe: Recipe
    impl: Impl
    tracking: Tracking
    tags: list[str] = field(default_factory=list)
