"""akid: describe a Kid once; train it on a laptop or on a Kubernetes cluster with the same file.

The public names are loaded when they are first used, so that ``import akid`` is fast and needs no TensorFlow:
those of `_NAMES`, and every public name of the packages in `_PACKAGES`. Layers are in `akid.layers`, brains that
are ready to use in `akid.models.brains`.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from akid.blocks import Block, Brain, GraphSystem, ProcessingLayer, SequentialSystem, System, Trip
    from akid.data_path import AKID_DATA_PATH
    from akid.engines import *
    from akid.errors import *
    from akid.jokers import *
    from akid.kids import Kid
    from akid.kongfus import *
    from akid.layers.sugar import cnn_block
    from akid.lr_schemes import LearningRateScheme
    from akid.observer import Observer
    from akid.sensors import FeedSensor, Sensor
    from akid.sources import *
    from akid.tuner import GridStrategy, OptunaStrategy, RandomStrategy, TuneResult, tune

__version__ = "0.1.0"

#: Public names by the module they live in.
_NAMES = {
    "akid.blocks": ("Block", "Brain", "GraphSystem", "ProcessingLayer", "SequentialSystem", "System", "Trip"),
    "akid.data_path": ("AKID_DATA_PATH",),
    "akid.kids": ("Kid",),
    "akid.lr_schemes": ("LearningRateScheme",),
    "akid.observer": ("Observer",),
    "akid.sensors": ("FeedSensor", "Sensor"),
    "akid.layers.sugar": ("cnn_block",),
    "akid.tuner": ("GridStrategy", "OptunaStrategy", "RandomStrategy", "TuneResult", "tune"),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}
#: Packages whose ``__all__`` is public here too.
_PACKAGES = ("akid.errors", "akid.engines", "akid.jokers", "akid.kongfus", "akid.sources")


def __getattr__(name: str) -> Any:
    if name == "__all__":  # of `from akid import *`; here, because it loads all there is
        return _public_names()
    if name.startswith("_"):
        raise AttributeError(f"module 'akid' has no attribute {name!r}")
    value = _find(name)
    globals()[name] = value
    return value


def _find(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
    # Before the packages are searched, which loads TensorFlow: `from akid import job` must not.
    if name.islower() and importlib.util.find_spec(f"akid.{name}"):
        return importlib.import_module(f"akid.{name}")
    for package in map(importlib.import_module, _PACKAGES):
        if name in package.__all__:
            return getattr(package, name)
    from akid.errors import near_match

    raise AttributeError(f"akid has no {name!r}. {near_match(name, _public_names())}")


def _public_names() -> list[str]:
    packages = map(importlib.import_module, _PACKAGES)
    return [*_MODULE_OF, *(name for package in packages for name in package.__all__)]


def __dir__() -> list[str]:
    return sorted({*globals(), *_public_names()})
