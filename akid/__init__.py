"""akid: describe a Kid once; train it on a laptop or on a Kubernetes cluster with the same file.

The public names are loaded when they are first used, so that ``import akid`` is fast and needs no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

#: Public names by the module they live in.
_NAMES = {
    "akid.blocks": ("Block", "ProcessingLayer"),
    "akid.brains": ("Brain",),
    "akid.data_path": ("AKID_DATA_PATH",),
    "akid.engines": ("Engine", "SingleEngine"),
    "akid.errors": (
        "AkidError",
        "BlockError",
        "DataError",
        "InvalidSpecError",
        "NotFiniteError",
        "WiringError",
    ),
    "akid.jokers": ("Joker", "JokerSystem", "PadJoker"),
    "akid.kids": ("Kid",),
    "akid.kongfus": ("GradientDescentKongFu", "KongFu", "MomentumKongFu"),
    "akid.lr_schemes": ("LearningRateScheme",),
    "akid.sensors": ("FeedSensor", "Sensor"),
    "akid.sources": ("ArraySource", "DigitsSource", "InMemorySource", "Source"),
    "akid.systems": ("GraphSystem", "SequentialSystem", "System"),
    "akid.trips": ("Trip",),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [*sorted(_MODULE_OF), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        from akid.errors import near_match

        raise AttributeError(f"akid has no {name!r}. {near_match(name, _MODULE_OF)}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_MODULE_OF]
