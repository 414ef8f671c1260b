"""Exponential moving average of the parameters: train on the raw ones, validate the average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from akid.backend import tf
from akid.checks import Check
from akid.errors import AkidError


class MovingAverage(tf.Module):
    """``average = d * average + (1 - d) * parameter`` after every update, ``d = min(decay, (1 + s) / (10 + s))``.

    The smaller ``d`` of the first steps ``s`` lets the average forget the initial values soon. Only parameters
    are averaged, not state such as running statistics.

    Args:
        decay: in [0.5, 1); the average spans about ``1 / (1 - decay)`` steps.

    Attributes:
        slots: the averages by name (``conv1/weights/average``); a checkpoint must hold them.
        swapped: whether the parameters hold the averages now; do not save a checkpoint then.
    """

    def __init__(self, decay: float = 0.999) -> None:
        super().__init__()
        self.decay = Check("MovingAverage").number("decay", decay, least=0.5, below=1)
        self.slots: dict[str, tf.Variable] = {}
        self.swapped = False
        self._pairs: list[tuple[tf.Variable, tf.Variable]] = []

    def setup(self, parameters: Mapping[str, tf.Variable]) -> None:
        """Make the averages, which start with the parameters' values.

        Args:
            parameters: by full name, such as ``brain.parameters``.
        """
        self.slots = {
            f"{name}/average": tf.Variable(
                parameter.value(), trainable=False, name=f"{parameter.name.split(':')[0]}/average"
            )
            for name, parameter in parameters.items()
        }
        self._pairs = list(zip(parameters.values(), self.slots.values(), strict=True))

    def begin(self) -> None:
        """Let the averages begin anew with what the parameters hold."""
        for parameter, average in self._pairs:
            average.assign(parameter.value())

    def update(self, step: int | tf.Tensor) -> None:
        """Draw the averages towards the parameters; once after every update, in a graph or not.

        Args:
            step: int or scalar integer tensor, the number of updates made before this one.
        """
        self._check_ready("update()")
        clock = tf.cast(step, tf.float64)
        rest = 1.0 - tf.minimum(tf.constant(self.decay, tf.float64), (1.0 + clock) / (10.0 + clock))
        for parameter, average in self._pairs:
            move = (average.value() - parameter.value()) * tf.cast(rest, average.dtype)
            tf.raw_ops.AssignSubVariableOp(resource=average.handle, value=move)

    @contextmanager
    def swap(self) -> Iterator[None]:
        """In this context the parameters hold the averages; after it the raw values, also if an error is raised.

        For eager code, around a validation.

        Raises:
            AkidError: within a graph, within another swap, or before `setup`.
        """
        self._check_ready("swap()")
        if not tf.executing_eagerly():
            raise AkidError("MovingAverage: swap() is for eager code, around a call; not inside a tf.function.")
        if self.swapped:
            raise AkidError("MovingAverage: swap() within swap(); the parameters hold the averages already.")
        raw = [tf.identity(parameter.value()) for parameter, _ in self._pairs]
        self.swapped = True
        try:
            for parameter, average in self._pairs:
                parameter.assign(average.value())
            yield
        finally:
            for (parameter, _), value in zip(self._pairs, raw, strict=True):
                parameter.assign(value)
            self.swapped = False

    def _check_ready(self, what: str) -> None:
        if not self._pairs:
            raise AkidError(f"MovingAverage: {what} needs parameters; call setup(brain.parameters) first.")
