"""TensorFlow, imported once, without Keras (which akid does not need) and without garbage collection.

Both together take two fifths off the time to start.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from akid.errors import AkidError


@contextmanager
def _without_keras() -> Iterator[None]:
    """With this variable set TensorFlow looks for the package tf_keras, and goes on without it if there is none.

    It is unset again, so that ``import keras`` and ``tf.keras`` work afterwards.
    """
    name = "TF_USE_LEGACY_KERAS"
    if name in os.environ or "tensorflow" in sys.modules:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        del os.environ[name]


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """An import makes a million objects that stay: looking through them, now or later, finds nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    with _without_keras(), _without_garbage_collection():
        import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise AkidError(
        "This part of akid needs TensorFlow, which is not installed. Install akid[cpu] or akid[gpu]."
    ) from None

__all__ = ["tf"]
