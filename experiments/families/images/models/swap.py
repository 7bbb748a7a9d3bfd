"""Replaces a library's own activations by the configured one.

The library builds the network, and then every hidden activation is replaced: first modules, then functions that methods
call. timm's constructor argument ``act_layer`` is not used: some of its networks ignore it in places, and others look
its name up in a table. Gates (sigmoid, hard sigmoid, tanh and softmax) are not replaced, because their range is part of
the architecture.
"""

from __future__ import annotations

import functools

from torch import nn

import gem
from experiments.activations.build import MakeActivation
from experiments.errors import UserError

TORCH = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Softplus,
    nn.Hardswish,
)
HIDDEN_FUNCTIONS = frozenset(kind.__name__.lower() for kind in TORCH if kind not in (nn.LeakyReLU, nn.PReLU)) | {
    "leaky_relu"
}
FEATURE_MAPS = ("kernel_func",)  # linear attention divides by their sum, which must be positive


@functools.cache
def timm_types() -> tuple[type[nn.Module], ...]:
    """timm's own classes of hidden activations, which do not derive from torch's."""
    from timm.layers import activations
    from timm.models import metaformer

    names = ("Swish", "Mish", "HardSwish", "HardMish", "PReLU", "GELU", "GELUTanh", "QuickGELU")
    found = tuple(getattr(activations, name) for name in names)
    return (*found, metaformer.StarReLU, metaformer.SquaredReLU)


def hidden_types(library: str) -> tuple[type[nn.Module], ...]:
    """The classes of hidden activations in networks of ``library``: torchvision or timm."""
    return (*TORCH, *timm_types()) if library == "timm" else TORCH


def put_in(model: nn.Module, activation: MakeActivation, library: str, swap: str, shown: str) -> type[nn.Module]:
    """Replace the hidden activations of ``model``, in place. Returns the type of the new activations in it.

    It is a subclass if the activation's own type is among those replaced, see ``gem.replace_activations``.
    ``swap`` is ``complete``, or ``modules`` to leave the functions that methods call, as GoLU's repository does.
    ``shown`` names the network in messages. Raises UserError if nothing can be replaced, if the network is scaled by
    constants of its own activation, or if ``modules`` would equal ``complete``.
    """
    refuse_constants(model, library, shown)
    types = hidden_types(library)
    found = gem.replace_activations(model, types, activation, functional=True, where=is_hidden, dry_run=True)
    if not found:
        raise UserError(f"{shown}: has no activation that could be replaced; choose another")
    if swap == "modules" and all(place.kind == "module" for place in found):
        raise UserError(f"model.swap=modules: all activations of {shown} are modules; use model.swap=complete")
    made: list[nn.Module] = []

    def make() -> nn.Module:
        made.append(activation())
        return made[-1]

    gem.replace_activations(model, types, make, functional=swap == "complete", where=is_hidden)
    return type(made[0])


def is_hidden(name: str, module: nn.Module) -> bool:
    """Whether a module of these classes is an activation to replace."""
    return name.rpartition(".")[2] not in FEATURE_MAPS


def refuse_constants(model: nn.Module, library: str, shown: str) -> None:
    """Raise UserError for a network without normalisation layers, whose weights are scaled for one activation."""
    if library == "timm":
        from timm.layers import ScaledStdConv2d, ScaledStdConv2dSame

        if any(isinstance(module, (ScaledStdConv2d, ScaledStdConv2dSame)) for module in model.modules()):
            raise UserError(
                f"{shown}: is scaled by a constant that belongs to its own activation (a normaliser-free network); "
                f"it cannot take another one"
            )
