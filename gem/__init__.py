"""Smooth rational activation functions for PyTorch: GEM, E-GEM, SE-GEM and GoLU.

``gem.make_activation("egem", N=1, eps=1e-4)`` makes a module; ``gem.functional`` holds the definitions.
"""

from gem import functional as functional
from gem.initialisation import gain as gain
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
    "functional",
    "gain",
    "make_activation",
]
