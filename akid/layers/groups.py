"""Group layers: functions of groups of channels, such as maxout and the softmax of groups."""

from __future__ import annotations

from typing import Any, Literal, Unpack

from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.options import LayerOptions


class GroupLayer(ProcessingLayer):
    """A function of groups of consecutive channels of ``[batch, ..., channel]``.

    A tensor is divided evenly; of a list each tensor is a group, whatever ``group_size`` is. A subclass writes
    ``_group(x)``, which gets ``[..., group]`` and works on the last dimension only.

    Args:
        group_size: how many channels a group has; the channels must be a multiple of it.
        **options: see `ProcessingLayer`.
    """

    stem = "group"

    def __init__(self, group_size: int = 4, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.group_size = self.check.integer("group_size", group_size)

    def _setup(self, x: Signal) -> None:
        if not isinstance(x, list) and (x.shape[-1] is None or x.shape[-1] % self.group_size):
            raise BlockError(
                f"{self.name}: the channels must be a multiple of group_size={self.group_size}."
                f" Received: shape={tuple(x.shape)}"
            )

    def _group(self, x: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _group(self, x)")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if isinstance(x, list):
            return tf.concat([self._group(group) for group in x], -1)
        channels, rank = x.shape[-1], x.shape.rank
        shape = [-1, *x.shape[1:-1]] if None not in x.shape[1:-1] else tf.unstack(tf.shape(x)[:-1], rank - 1)
        out = self._group(tf.reshape(x, [*shape, channels // self.group_size, self.group_size]))
        return tf.reshape(out, [*shape, out.shape[-2] * out.shape[-1]])

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"group_size": self.group_size}


class CollapseOutLayer(GroupLayer):
    """Every group becomes one channel: its maximum (Goodfellow et al., 2013) or its mean.

    Args:
        type: ``maxout`` or ``average_out``.
        group_size, **options: see `GroupLayer`.
    """

    stem = "collapse"

    def __init__(
        self,
        type: Literal["maxout", "average_out"] = "maxout",
        group_size: int = 2,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(group_size, **options)
        self.type = self.check.one_of("type", type, ("maxout", "average_out"))

    def _group(self, x: tf.Tensor) -> tf.Tensor:
        reduce = tf.reduce_max if self.type == "maxout" else tf.reduce_mean
        return reduce(x, -1, keepdims=True)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"type": self.type, **super().options()}


class MaxoutLayer(CollapseOutLayer):
    """The maximum of every group (Goodfellow et al., 2013).

    Args:
        group_size, **options: see `GroupLayer`.
    """

    stem = "maxout"

    def __init__(self, group_size: int = 2, **options: Unpack[LayerOptions]) -> None:
        super().__init__("maxout", group_size, **options)


class AverageOutLayer(CollapseOutLayer):
    """The mean of every group.

    Args:
        group_size, **options: see `GroupLayer`.
    """

    stem = "average_out"

    def __init__(self, group_size: int = 2, **options: Unpack[LayerOptions]) -> None:
        super().__init__("average_out", group_size, **options)


class SoftmaxNormalizationLayer(GroupLayer):
    """The softmax of every group, ``ngsmax``: the channels of a group sum to 1.

    Args:
        use_temperature: divide by a temperature first, which is learnt and starts at 10: variable ``T``.
        group_size, **options: see `GroupLayer`.
    """

    stem = "ngsmax"

    def __init__(
        self, use_temperature: bool = False, group_size: int = 4, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(group_size, **options)
        self.use_temperature = self.check.flag("use_temperature", use_temperature)
        self.temperature: tf.Variable | None = None

    def _setup(self, x: Signal) -> None:
        super()._setup(x)
        if self.use_temperature:
            self.temperature = self.variable("T", [], {"name": "constant", "value": 10.0})

    def _cool(self, x: tf.Tensor) -> tf.Tensor:
        return x if self.temperature is None else x / self.temperature

    def _group(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(self._cool(x))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {**super().options(), "use_temperature": self.use_temperature or None}


class GroupSoftmaxLayer(SoftmaxNormalizationLayer):
    """The softmax of every group and a ground state, ``gsmax``.

    To each group a constant 1 is added, which stands for *none of them* and is left out of the output: all
    channels of a group can be near 0 at once. The temperature divides the channels, not the ground state. A
    group of one channel is a sigmoid.

    Args:
        concat_output: whether to put the groups together again; else the output is a list of them.
        use_temperature: see `SoftmaxNormalizationLayer`.
        group_size, **options: see `GroupLayer`.
    """

    stem = "gsmax"

    def __init__(
        self,
        concat_output: bool = True,
        use_temperature: bool = False,
        group_size: int = 4,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(use_temperature, group_size, **options)
        self.concat_output = self.check.flag("concat_output", concat_output)

    def _group(self, x: tf.Tensor) -> tf.Tensor:
        x = self._cool(x)
        if x.shape[-1] == 1:
            return tf.nn.sigmoid(x)
        augmented = tf.concat([x, tf.ones_like(x[..., :1])], -1)
        return tf.nn.softmax(augmented)[..., :-1]

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        if self.concat_output:
            return super()._forward(x, trip)
        groups = x if isinstance(x, list) else tf.split(x, x.shape[-1] // self.group_size, -1)
        return [self._group(group) for group in groups]
