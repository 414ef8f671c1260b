"""TensorFlow, imported once, without Keras (which akid does not need) and without garbage collection.

Both together take two fifths off the time to start. Its threads sleep when there is nothing to do.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from akid.errors import AkidError
from akid.greeting import without_greetings


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


def _without_spinning() -> None:
    """Idle threads spin by default before they sleep: processor time that buys no speed here.

    TensorFlow 2 has no public way to say so; where the private one is gone, they go on spinning. A context that
    exists already is the user's, and stays as it is.
    """
    with suppress(ImportError, AttributeError):
        from tensorflow.python.eager import context

        if context.context_safe() is None:
            config = tf.compat.v1.ConfigProto()
            config.experimental.disable_thread_spinning = True
            context.context()._config = config  # pyright: ignore[reportOptionalMemberAccess]


def watch_heartbeats(members: Mapping[str, int], milliseconds: int) -> None:
    """Have processes that learn together take one for lost that gives no sign of life for so long.

    TensorFlow's own time is half a minute, and it has no public way to say so; where the private one is gone, its
    own counts. To be called before a strategy is made.

    Args:
        members: how many there are of each role, the chief's role first.
        milliseconds: the time.
    """
    with suppress(ImportError, AttributeError, TypeError):
        from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2 as config
        from tensorflow.python.eager import context

        job: Any = config.CoordinatedJob  # pyright: ignore[reportAttributeAccessIssue]
        context.context().configure_coordination_service(  # pyright: ignore[reportOptionalMemberAccess]
            service_type="standalone",
            service_leader=f"/job:{next(iter(members))}/replica:0/task:0",
            heartbeat_timeout_in_ms=milliseconds,
            coordinated_jobs=[job(name=role, num_tasks=size) for role, size in members.items()],
        )


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    with without_greetings(), _without_keras(), _without_garbage_collection():
        import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise AkidError(
        "This part of akid needs TensorFlow, which is not installed. Install akid[cpu] or akid[gpu]."
    ) from None
_without_spinning()

__all__ = ["tf", "watch_heartbeats"]
