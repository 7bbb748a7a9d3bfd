"""Smooth rational activation functions for PyTorch: GEM, E-GEM, SE-GEM and GoLU.

``gem.egem(x, N=1, eps=1e-4)`` is a function, ``gem.EGEM(N=1, eps=1e-4)`` a module, and ``gem.make_activation("egem")``
makes one by its name. ``gem.replace_activations(model, nn.ReLU, "egem")`` puts it into a model. The definitions are in
``gem.reference``: every faster implementation equals them. Read that module first.
"""

from gem import functional as functional
from gem import reference as reference
from gem.functional import egem as egem
from gem.functional import gem as gem
from gem.functional import golu as golu
from gem.functional import segem as segem
from gem.gated_units import EGEMGLU as EGEMGLU
from gem.gated_units import GEMGLU as GEMGLU
from gem.gated_units import SEGEMGLU as SEGEMGLU
from gem.gated_units import GatedUnit as GatedUnit
from gem.gated_units import GoLUGLU as GoLUGLU
from gem.gated_units import matched_width as matched_width
from gem.initialisation import gain as gain
from gem.integrations import assert_replaced as assert_replaced
from gem.integrations import count_activations as count_activations
from gem.integrations import register_config as register_config
from gem.integrations import register_with_timm as register_with_timm
from gem.integrations import register_with_transformers as register_with_transformers
from gem.integrations import replace_activations as replace_activations
from gem.modules import EGEM as EGEM
from gem.modules import GEM as GEM
from gem.modules import SEGEM as SEGEM
from gem.modules import GoLU as GoLU
from gem.parameters import parameter_groups as parameter_groups
from gem.registry import ACTIVATIONS as ACTIVATIONS
from gem.registry import ActivationSpec as ActivationSpec
from gem.registry import make_activation as make_activation

__version__ = "0.1.0"

__all__ = [
    "ACTIVATIONS",
    "EGEM",
    "EGEMGLU",
    "GEM",
    "GEMGLU",
    "SEGEM",
    "SEGEMGLU",
    "ActivationSpec",
    "GatedUnit",
    "GoLU",
    "GoLUGLU",
    "__version__",
    "assert_replaced",
    "count_activations",
    "egem",
    "functional",
    "gain",
    "gem",
    "golu",
    "make_activation",
    "matched_width",
    "parameter_groups",
    "reference",
    "register_config",
    "register_with_timm",
    "register_with_transformers",
    "replace_activations",
    "segem",
]
