"""Use in existing models: replacing activations, and registering names with other libraries."""

from gem.integrations._count import assert_replaced as assert_replaced
from gem.integrations._count import count_activations as count_activations
from gem.integrations._names import parse_name as parse_name
from gem.integrations._replace import Replacement as Replacement
from gem.integrations._replace import replace_activations as replace_activations
from gem.integrations.timm import register_with_timm as register_with_timm
from gem.integrations.transformers import register_config as register_config
from gem.integrations.transformers import register_with_transformers as register_with_transformers
