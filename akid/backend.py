"""TensorFlow, imported once, without Keras (which akid does not need), garbage collection and greetings.

The first two take two fifths off the time to start. What the import changes in the process is undone when it
ends: standard error, the collector's state, ``TF_USE_LEGACY_KERAS``. Two things stay: ``TF_CPP_MIN_LOG_LEVEL`` is
2 unless it was set, and TensorFlow's threads sleep when there is nothing to do, unless its context exists already.
If TensorFlow was imported before, nothing else is touched.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from akid.errors import AkidError

#: In lines that TensorFlow writes each time it is loaded, whatever its log level; no user could act on them.
GREETINGS = (b"log messages before absl::InitializeLog()", b"oneDNN custom operations are on")


@contextmanager
def without_greetings() -> Iterator[None]:
    """Standard error without these lines; the others come when the context ends.

    The library writes past Python, to the file descriptor, so what other threads write meanwhile is held back too.
    A processor without AVX2 never sees the greetings, and TensorFlow may abort there with a message that must not
    be held back. A process without standard error sees none either.
    """
    if not _has_stderr() or not _has_avx2():
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        before = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            os.write(2, kept(held.read()))


def kept(text: bytes) -> bytes:
    """The lines that are no greetings."""
    return b"".join(line for line in text.splitlines(True) if not any(g in line for g in GREETINGS))


def _has_stderr() -> bool:
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


def _has_avx2() -> bool:
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@contextmanager
def _without_keras() -> Iterator[None]:
    """With this variable set TensorFlow looks for the package tf_keras, and goes on without it if there is none.

    It is unset again, so that ``import keras`` and ``tf.keras`` work afterwards.
    """
    name = "TF_USE_LEGACY_KERAS"
    if name in os.environ:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        del os.environ[name]


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """An import makes a million objects that stay: looking through them at once finds nothing.

    They end up in the oldest generation, which is looked through least. What the process froze stays frozen.
    """
    was_enabled, frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if not frozen:
            gc.freeze()
            gc.unfreeze()
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


def watch_heartbeats(members: Mapping[str, int], seconds: float) -> None:
    """Have processes that learn together take one for lost that gives no sign of life for so long.

    TensorFlow's own time is half a minute, and it has no public way to say so; where the private one is gone, its
    own counts. To be called before a strategy is made.

    Args:
        members: how many there are of each role, the chief's role first.
        seconds: the time.
    """
    with suppress(ImportError, AttributeError, TypeError):
        from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2 as config
        from tensorflow.python.eager import context

        job: Any = config.CoordinatedJob  # pyright: ignore[reportAttributeAccessIssue]
        context.context().configure_coordination_service(  # pyright: ignore[reportOptionalMemberAccess]
            service_type="standalone",
            service_leader=f"/job:{next(iter(members))}/replica:0/task:0",
            heartbeat_timeout_in_ms=int(1000 * seconds),
            coordinated_jobs=[job(name=role, num_tasks=size) for role, size in members.items()],
        )


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    with ExitStack() as quietly:
        if "tensorflow" not in sys.modules:
            for without in (without_greetings, _without_keras, without_garbage_collection):
                quietly.enter_context(without())
        import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise AkidError(
        "This part of akid needs TensorFlow, which is not installed. Install akid[cpu] or akid[gpu]."
    ) from None
_without_spinning()

__all__ = ["tf", "watch_heartbeats"]
