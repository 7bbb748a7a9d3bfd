"""The typed configuration of a run, group by group. What may change the result: dataset, model, activation, recipe."""

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
class ImageDataset:
    """Images with labels. ``folder`` lies below ``data_dir``; it is a name, not a machine path."""

    name: str = text()
    title: str = label()
    source: str = one_of("digits", "mnist", "cifar", "image_folder")
    folder: str | None = optional(text())
    size: int | None = optional(positive_int())  # image_folder: side to which images are resized
    train_size: int | None = optional(positive_int())  # use only this many training images (drawn by seed 0)
    holdout: int = whole(0)  # evaluate on this many held-out training images instead of the test set


@dataclass(kw_only=True)
class TextDataset:
    """Documents. ``source=text``: files below ``data_dir``/``folder``; ``source=hub``: through ``datasets``."""

    name: str = text()
    title: str = label()
    source: str = one_of("text", "hub")
    folder: str = text()  # below data_dir; for the hub, of the dataset (owner/name)
    subset: str | None = optional(text())  # of a dataset on the hub
    validation: float = fraction(0.01)  # share of the documents, chosen by their hash; the hub's own split goes before


@dataclass(kw_only=True)
class MLP:
    """Blocks of Linear, LayerNorm, activation (the network of GoLU's MLP study)."""

    name: str = label()
    kind: str = one_of("mlp")
    blocks: int = positive_int()
    width: int = positive_int()


@dataclass(kw_only=True)
class CNN:
    """Three convolution-BatchNorm-activation layers, then linear."""

    name: str = label()
    kind: str = one_of("cnn")
    width: int = positive_int()


@dataclass(kw_only=True)
class ResNet:
    """The CIFAR ResNet of He et al. 2015, section 4.2: 6n + 2 layers."""

    name: str = label()
    kind: str = one_of("resnet")
    depth: int = rule("6n + 2 with n of at least 1: 8, 20, 32, 44, 56, 110 …", lambda d: d >= 8 and d % 6 == 2)
    shortcut: str = one_of("identity_pad", "conv")
    width: int = positive_int(16)


@dataclass(kw_only=True)
class Transformer:
    """GPT-2 with its byte-level BPE, or BERT with a WordPiece vocabulary of ``vocab_size`` trained from the corpus.

    With ``vocab_size`` below the BPE's 50,257 the most frequent tokens keep an id of their own, all others share one.
    """

    name: str = label()
    kind: str = one_of("gpt2", "bert")
    layers: int = positive_int()
    heads: int = positive_int()
    width: int = positive_int()
    context: int = positive_int()
    vocab_size: int = rule("an integer from 16 to 65536, what a uint16 can tell apart", lambda v: 16 <= v <= 2**16)


IMAGE_MODELS: dict[str, type] = {"mlp": MLP, "cnn": CNN, "resnet": ResNet}
TEXT_MODELS: dict[str, type] = {"gpt2": Transformer, "bert": Transformer}


@dataclass(kw_only=True)
class Recipe:
    """What every recipe says: everything about training that may change the result."""

    name: str = label()
    max_steps: int | None = optional(positive_int())  # end after this many optimiser steps
    optimizer: str = one_of("sgd", "adamw")
    lr: float = positive()
    momentum: float = fraction(0.0)  # sgd; adamw uses betas
    nesterov: bool = switch(False)
    betas: list[float] = rule(
        "two numbers from 0 up to, not including, 1", lambda b: len(b) == 2 and all(0 <= v < 1 for v in b), [0.9, 0.999]
    )
    weight_decay: float = non_negative(0.0)
    decay_all: bool = switch(True)  # false: biases and normalisation parameters are not decayed
    clip: float | None = optional(positive())  # largest gradient norm
    log_every: int = positive_int(50)  # steps between lines of metrics.jsonl


@dataclass(kw_only=True)
class ImageRecipe(Recipe):
    """Image classification, in epochs."""

    epochs: int = positive_int()
    batch_size: int = positive_int()
    schedule: str = one_of("constant", "step", "cosine")
    milestones: list[float] = rule(
        "epochs in increasing order, each above 0", lambda m: m == sorted(set(m)) and all(v > 0 for v in m), []
    )
    lr_factor: float = positive(0.1)  # step: the factor at each milestone
    warmup_epochs: float = non_negative(0.0)
    label_smoothing: float = fraction(0.0)
    augment: str = one_of("none", "crop", "crop_flip")
    normalize: str = one_of("dataset", "imagenet", default="dataset")
    init_gain: str = one_of("relu", "activation", default="relu")
    eval_every: int = positive_int(1)  # epochs between evaluations


@dataclass(kw_only=True)
class TextRecipe(Recipe):
    """Language models, in steps of so many tokens, whatever the number of processes."""

    steps: int = positive_int()
    tokens_per_step: int = positive_int()
    sequence: int | None = optional(positive_int())  # tokens a sequence; null: the model's context
    schedule: str = one_of("constant", "linear", "cosine")
    final_lr: float = fraction(0.0)  # what linear and cosine end at, as a fraction of lr
    warmup_steps: int = whole(0)
    mask_rate: float = fraction(0.15)  # BERT: share of the tokens that are to be predicted
    eval_every_steps: int = positive_int(250)
    eval_tokens: int | None = optional(positive_int())  # evaluate on so many tokens, evenly spread; null: all


@dataclass(kw_only=True)
class Impl:
    """What may only change the speed. Not part of the identity."""

    name: str = label()
    device: str = one_of("auto", "cpu", "cuda")
    precision: str = one_of("fp32", "bf16", "auto")  # auto: bf16 where the hardware computes in it, else fp32
    channels_last: bool = switch(False)
    compile: bool = switch(False)
    cuda_graphs: bool = switch(False)  # replay what is compiled as CUDA graphs; images on a GPU
    deterministic: bool = switch(False)
    micro_batch: int | None = optional(positive_int())  # text: sequences a backward pass; null: 16,384 tokens
    threads: int | None = optional(positive_int())  # null: torch's choice
    save_every_seconds: float = non_negative(300.0)
    seeds_per_process: int = positive_int(1)  # of a sweep: runs that differ in seed and ε alone and share a process
    together: str = one_of("interleaved", "vectorised", default="interleaved")  # how they train there
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
    """The keys outside every group that belong to one run. Paths name places of this machine, never results."""

    seed: int = whole()
    runs_dir: str = text()
    data_dir: str = text()
    cache_dir: str = text()


@dataclass(kw_only=True)
class Config(Root):
    """One run, typed and checked. ``activation`` is the name with every parameter it takes."""

    dataset: ImageDataset | TextDataset
    model: Any
    activation: dict[str, Any]
    recipe: Any  # ImageRecipe or TextRecipe
    impl: Impl
    tracking: Tracking
    tags: list[str] = field(default_factory=list)
