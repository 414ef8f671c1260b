"""Batches by their step from a stream that can only be read forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from akid.backend import tf
from akid.errors import DataError


class Replay:
    """Reads forward to the step asked for; starts again, skipping, if that lies behind. Eager code only.

    Args:
        name: of the source, for errors.
        begin: gives an iterator over the batches from a step on.
    """

    def __init__(self, name: str, begin: Callable[[int], Iterator[list[tf.Tensor]]]) -> None:
        self._name, self._begin = name, begin
        self._iterator: Iterator[list[tf.Tensor]] = iter(())
        self._step: int | None = None
        self._batch: list[tf.Tensor] = []

    def at(self, step: int | tf.Tensor) -> list[tf.Tensor]:
        """The raw batch of a step.

        Raises:
            DataError: in a graph; or the stream has ended before.
        """
        if not tf.executing_eagerly():
            raise DataError(
                f"{self._name!r} is a stream without random access: inside a graph use sensor.feed(split) or"
                " sensor.dataset(split) instead of sensor.batch(step)."
            )
        step = int(step)
        if step == self._step:
            return self._batch
        if self._step is None or step != self._step + 1:
            self._iterator = self._begin(step)
        batch = next(self._iterator, None)
        if batch is None:
            raise DataError(f"{self._name!r} has ended before batch {step}.")
        self._step, self._batch = step, batch
        return self._batch
