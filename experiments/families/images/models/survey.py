"""Surveys a network in one forward pass: whether it accepts the images, its activations, its cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import gem
from experiments.errors import UserError
from experiments.families.images.models.swap import HIDDEN_FUNCTIONS, is_hidden
from experiments.randomness import global_stream

EXAMPLES = 2  # BatchNorm needs more than one value per channel
LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


@dataclass
class Survey:
    """``calls``: number of calls of the configured activation. ``left``: other hidden activations, by place and name.

    ``activation_type``: type of the activations in the network.
    ``units_last``: activations whose input [B, …, C] has its units on the last axis although it has four axes.
    ``draws``: whether a training pass draws random numbers, for dropout or stochastic depth. ``flops``: FLOPs of a
    forward pass of one image.
    """

    activation_type: type[nn.Module]
    calls: int = 0
    left: dict[str, int] = field(default_factory=dict)
    units_last: set[nn.Module] = field(default_factory=set)
    draws: bool = False
    flops: float = math.nan


def survey_model(
    model: nn.Module, activation: type[nn.Module], shape: tuple[int, int, int], classes: int, shown: str
) -> Survey:
    """Run ``model`` once in training mode on images of ``shape``. Weights, buffers and generators do not change.

    Raises UserError if it fails, or does not return logits [B, classes].
    """
    survey = Survey(activation)
    training = model.training
    images = torch.zeros(EXAMPLES, *shape)
    counter = FlopCounterMode(display=False)
    try:
        with kept_buffers(model), global_stream(0, "survey"), observed(model, activation, survey):
            before = torch.get_rng_state()
            with torch.no_grad(), gem.count_activations(model) as calls, counter:
                logits = model.train()(images)
            survey.draws = not torch.equal(torch.get_rng_state(), before)
    except Exception as error:  # networks reject a size with many types
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{shown}: cannot take images of {'×'.join(map(str, shape))} ({reason})") from error
    finally:
        model.train(training)
    if not isinstance(logits, Tensor) or logits.shape != (EXAMPLES, classes):
        found = f"a tensor of {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(
            f"{shown}: must return logits of {(EXAMPLES, classes)} for {EXAMPLES} images, returned {found}; "
            f"where it has auxiliary outputs, model.options={{aux_logits: false}} leaves them out"
        )
    survey.flops = counter.get_total_flops() / EXAMPLES
    survey.left = calls_left(model, activation, calls)
    return survey


def calls_left(model: nn.Module, activation: type[nn.Module], calls: Any) -> dict[str, int]:
    """The calls of hidden activations outside modules of type ``activation``."""
    known = [
        name for name, module in model.named_modules() if type(module) is activation or not is_hidden(name, module)
    ]
    own = tuple(f"{name}." for name in known)
    left: dict[str, int] = {}
    for (place, function), count in calls.items():
        if function in HIDDEN_FUNCTIONS and not f"{place}.".startswith(own):
            left[f"{function} in {place or 'the network itself'}"] = count
    return left


@contextmanager
def kept_buffers(model: nn.Module) -> Iterator[None]:
    """Restore BatchNorm's running statistics and all other buffers after the block."""
    kept = [buffer.clone() for buffer in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(model.buffers(), kept, strict=True):
                buffer.copy_(value)


@contextmanager
def observed(model: nn.Module, activation: type[nn.Module], survey: Survey) -> Iterator[None]:
    """Count the activation's calls. Note those that follow a linear layer on a tensor of more than three axes.

    The position of the units is that of the last convolution or linear layer with as many axes as the activation's
    input. ConvNeXt and Swin compute on [B, H, W, C].
    """
    last: dict[int, bool] = {}  # by number of axes: whether the units are on the last one

    def remember(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        last[output.ndim] = isinstance(module, nn.Linear)

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        survey.calls += 1
        if inputs[0].ndim > 3 and last.get(inputs[0].ndim, False):
            survey.units_last.add(module)

    handles = [m.register_forward_hook(remember) for m in model.modules() if isinstance(m, LAYERS)]
    handles += [m.register_forward_pre_hook(note) for m in model.modules() if type(m) is activation]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
