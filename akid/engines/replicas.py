"""Replicas: copies of the brain that learn together, each from its rows of the global batch.

This is all in which the engines that learn in step differ: how many replicas there are, which rows each takes, and
how what they found is added up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from akid.backend import tf


def slice_of(index: int, count: int, size: int) -> tuple[int, int]:
    """``(start, rows)`` of part ``index`` of ``count`` of a batch of ``size``; parts differ by one row at most."""
    share, rest = divmod(size, count)
    return index * share + min(index, rest), share + (index < rest)


class Replicas:
    """One replica in one process: nothing to split, nothing to add up.

    Attributes:
        count: replicas in all processes.
        members: processes that learn together.
        member: which of them this one is.
    """

    count: int = 1
    members: int = 1
    member: int = 0

    @property
    def local(self) -> Sequence[int]:
        """The replicas of this process."""
        return (0,)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what the run leaves."""
        return self.member == 0

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which variables are made, one copy for every replica."""
        return contextlib.nullcontext()

    def index(self) -> int:
        """Which replica the code that is traced now belongs to; within `run`."""
        return 0

    def run(self, function: Callable[[], Any]) -> list[Any]:
        """What the function gives on each replica of this process; in eager code or in a graph."""
        return [function()]

    def sum(self, gradients: Sequence[Any], values: tf.Tensor) -> tuple[list[Any], tf.Tensor]:
        """Sums over all replicas; within `run`.

        Args:
            gradients: tensors or `tf.IndexedSlices`; a last bit may be lost to compression.
            values: a vector whose sums are exact to its dtype.
        """
        return list(gradients), values

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process. All must call it, at the same step."""
        return flag

    def chief_value(self, value: int) -> int:
        """The chief's value, for all. All must call it, at the same step."""
        return value

    def gather(self, value: tf.Tensor) -> list[tf.Tensor]:
        """The tensors of all processes, by member; their first dimensions may differ. All must call it."""
        return [value]

    def peer_errors(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which the loss of another process is a `PeerLostError`."""
        return contextlib.nullcontext()
