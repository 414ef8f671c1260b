"""KongFus: how a Kid learns. First-order optimisers over TensorFlow's raw training ops."""

from akid.kongfus.adam import AdamKongFu, AdamWKongFu, LAMBKongFu
from akid.kongfus.adaptive import AdagradKongFu, RMSPropKongFu
from akid.kongfus.base import KongFu, Scheme
from akid.kongfus.descent import GradientDescentKongFu, MomentumKongFu, SGDKongFu

__all__ = [
    "AdagradKongFu",
    "AdamKongFu",
    "AdamWKongFu",
    "GradientDescentKongFu",
    "KongFu",
    "LAMBKongFu",
    "MomentumKongFu",
    "RMSPropKongFu",
    "SGDKongFu",
    "Scheme",
]
