"""Replicas by `tf.distribute`: one on every device of a process, or of several processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from akid.backend import tf
from akid.engines.replicas import Replicas
from akid.errors import PeerLostError

#: What collectives and remote calls raise when a process of the others ends, hangs, or has begun anew.
_OF_PEERS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.FailedPreconditionError,
)


@contextlib.contextmanager
def lost_peers() -> Iterator[None]:
    """The context in which what TensorFlow raises for lack of another process is a `PeerLostError`."""
    try:
        yield
    except _OF_PEERS as error:
        reason = error.message.splitlines()[0]
        raise PeerLostError(f"Another member of the job is gone, or does not answer: {reason}") from None


class StrategyReplicas(Replicas):
    """The replicas of a strategy whose variables are mirrored.

    Args:
        strategy: MirroredStrategy or MultiWorkerMirroredStrategy.
        members: processes; each has equally many replicas.
        member: which of them this one is.
        compress: float32 gradients travel between processes as float16.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, members: int = 1, member: int = 0, compress: bool = False
    ) -> None:
        self.strategy, self.compress = strategy, compress
        self.count = strategy.num_replicas_in_sync
        self.members, self.member = members, member
        self._sum = tf.function(self._exchange, autograph=False, reduce_retracing=True)

    @property
    def local(self) -> Sequence[int]:
        """The replicas of this process."""
        each = self.count // self.members
        return range(self.member * each, (self.member + 1) * each)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The strategy's scope."""
        return self.strategy.scope()

    def index(self) -> int:
        """Which replica is traced now."""
        context = tf.distribute.get_replica_context()
        assert context is not None, "outside of run()"
        return int(tf.get_static_value(context.replica_id_in_sync_group))

    def run(self, function: Callable[[], Any]) -> list[Any]:
        """What the function gives on each replica of this process."""
        return list(self._of_replicas(self.strategy.run(function)))

    def _of_replicas(self, value: Any) -> list[Any]:
        """A structure of per-replica values as a list of structures; what is the same object is given once."""
        flat = [self.strategy.experimental_local_results(part) for part in tf.nest.flatten(value)]
        return [tf.nest.pack_sequence_as(value, [f[i % len(f)] for f in flat]) for i in range(len(self.local))]

    def sum(self, gradients: Sequence[Any], values: tf.Tensor) -> tuple[list[Any], tf.Tensor]:
        """Sums over all replicas; what has the same dtype travels together."""
        sent = [_compressed(g) if self.compress else g for g in gradients]
        *received, total = self._all_reduce([*sent, values])
        return [_cast(got, g.dtype) for got, g in zip(received, gradients, strict=True)], total

    def _all_reduce(self, tensors: list[Any]) -> list[Any]:
        context = tf.distribute.get_replica_context()
        assert context is not None, "outside of run()"
        received: list[Any] = [None] * len(tensors)
        for dtype in {tensor.dtype: None for tensor in tensors}:
            places = [i for i, tensor in enumerate(tensors) if tensor.dtype == dtype]
            group = context.all_reduce(tf.distribute.ReduceOp.SUM, [tensors[i] for i in places])
            for i, total in zip(places, group, strict=True):
                received[i] = total
        return received

    def peer_errors(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which the loss of another process is a `PeerLostError`."""
        return contextlib.nullcontext() if self.members == 1 else lost_peers()

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return flag if self.members == 1 else self._total(int(flag)) > 0

    def chief_value(self, value: int) -> int:
        """The chief's value."""
        return value if self.members == 1 else self._total(value if self.is_chief else 0)

    def _total(self, value: int) -> int:
        """The sum over the processes."""
        return int(self._sum(tf.constant([value], tf.int64))[0])

    def _exchange(self, value: tf.Tensor) -> tf.Tensor:
        """The sum over the processes; the first replica of each gives its own."""

        def given() -> tf.Tensor:
            mine = self.index() == self.local[0]
            # Made here, so that it is on the replica's device: a collective needs one.
            return self._all_reduce([tf.identity(value) if mine else tf.zeros_like(value)])[0]

        return self.run(given)[0]

    def gather(self, value: tf.Tensor) -> list[tf.Tensor]:
        """The tensors of all processes, by member: each adds its own to its place, all else being zero."""
        if self.members == 1:
            return [value]
        sizes = self._sum(tf.one_hot([self.member], self.members, dtype=tf.int64)[0] * len(value)).numpy().tolist()
        before, after = sum(sizes[: self.member]), sum(sizes[self.member + 1 :])
        wide = tf.int64 if value.dtype.is_integer or value.dtype.is_bool else tf.float64
        paddings = [[before, after]] + [[0, 0]] * (value.shape.rank - 1)
        total = self._sum(tf.pad(tf.cast(value, wide), paddings))
        return tf.split(tf.cast(total, value.dtype), sizes)


def _compressed(gradient: Any) -> Any:
    return _cast(gradient, tf.float16) if gradient.dtype == tf.float32 else gradient


def _cast(gradient: Any, dtype: tf.DType) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(tf.cast(gradient.values, dtype), gradient.indices, gradient.dense_shape)
    return tf.cast(gradient, dtype)
