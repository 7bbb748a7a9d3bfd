"""Smooth rational activation functions for PyTorch: GEM, E-GEM, SE-GEM and GoLU.

``gem.make_activation("egem", N=1, eps=1e-4)`` makes a module, ``gem.replace_activations(model, nn.ReLU, "egem")``
puts it into a model. ``gem.reference`` holds the definitions; read it first.
"""

from gem import functional as functional
from gem.initialisation import gain as gain
from gem.integrations import assert_replaced as assert_replaced
from gem.integrations import count_activations as count_activations
from gem.integrations import register_with_transformers as register_with_transformers
from gem.integrations import replace_activations as replace_activations
from gem.modules import EGEM as EGEM
from gem.modules import GEM as GEM
from gem.modules import SEGEM as SEGEM
from gem.modules import GoLU as GoLU
from gem.registry import ACTIVATIONS as ACTIVATIONS
from gem.registry import ActivationSpec as ActivationSpec
from gem.registry import make_activation as make_activation

__all__ = [
    "ACTIVATIONS",
    "EGEM",
    "GEM",
    "SEGEM",
    "ActivationSpec",
    "GoLU",
    "assert_replaced",
    "count_activations",
    "functional",
    "gain",
    "make_activation",
    "register_with_transformers",
    "replace_activations",
]
