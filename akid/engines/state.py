"""State of blocks, such as running statistics: each replica's copy goes its own way, until they are merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from akid.backend import tf
from akid.engines.replicas import Replicas

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.blocks.merging import Merge


class StateMerger:
    """``merger()`` makes the replicas' copies of every variable that is not learnt equal again.

    Every copy becomes what all were after the last time, plus the mean (or sum, or the first) of what the replicas
    have added since: so state that nobody changes keeps its last bit, and merging more often changes nothing but
    rounding. All processes must call it at the same step.

    Args:
        brain: built in the replicas' scope.
        replicas: who has copies.
    """

    def __init__(self, brain: Brain, replicas: Replicas) -> None:
        self.replicas = replicas
        self._state = brain.state() if replicas.count > 1 else []
        with replicas.scope():
            self._before = [tf.Variable(v.value(), trainable=False, dtype=v.dtype) for v, _ in self._state]
        self._merge = tf.function(lambda: replicas.run(self._of_replica), autograph=False)
        self._begin = tf.function(lambda: replicas.run(self._begin_replica), autograph=False)

    def __call__(self) -> None:
        """Merge."""
        if self._state:
            with self.replicas.peer_errors():
                self._merge()

    def begin(self) -> None:
        """The copies were set from outside, all to the same: begin there."""
        if self._state:
            self._begin()

    def _of_replica(self) -> tf.Tensor:
        added = [_added(v, before) for (v, _), before in zip(self._state, self._before, strict=True)]
        first = self.replicas.index() == 0
        parts = [self._part(a, merge, first) for a, (_, merge) in zip(added, self._state, strict=True)]
        sums, done = self.replicas.sum(parts, tf.zeros([1]))
        for (variable, _), before, total in zip(self._state, self._before, sums, strict=True):
            value = tf.cast(_wide(before) + total, variable.dtype)
            variable.assign(value)
            before.assign(value)
        return done

    def _part(self, added: tf.Tensor, merge: Merge, first: bool) -> tf.Tensor:
        """What this replica's change counts for in the sum over all."""
        if merge == "mean":
            return added / self.replicas.count if added.dtype.is_floating else added // self.replicas.count
        return added if merge == "sum" or first else tf.zeros_like(added)

    def _begin_replica(self) -> tf.Tensor:
        for (variable, _), before in zip(self._state, self._before, strict=True):
            before.assign(variable.value())
        return tf.zeros([1])


def _added(variable: tf.Variable, before: tf.Variable) -> tf.Tensor:
    return _wide(variable) - _wide(before)


def _wide(variable: tf.Variable) -> tf.Tensor:
    """The value in a dtype that processes can add up."""
    value = variable.value()
    return value if value.dtype in (tf.float32, tf.float64) else tf.cast(value, tf.int64)
