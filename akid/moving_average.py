"""Moving averages of the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from akid.backend import tf


class MovingAverage:
    """Temporary."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.slots: dict[str, tf.Variable] = {}

    def setup(self, parameters: Mapping[str, tf.Variable]) -> None:
        """Make the slots."""

    def update(self, step: tf.Tensor) -> None:
        """Update."""

    @contextmanager
    def swap(self) -> Iterator[None]:
        """Swap."""
        yield
