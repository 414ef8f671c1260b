"""Pooling layers: the maximum or the mean of patches of an image."""

from __future__ import annotations

from typing import Any, Literal

from akid.backend import tf
from akid.blocks import ProcessingLayer, Signal
from akid.layers.arguments import Padding, Size, one_of, pair
from akid.layers.synapse import Inputs
from akid.trips import Trip


class PoolingLayer(ProcessingLayer):
    """Pools patches of images ``[batch, height, width, channel]``.

    Args:
        ksize: patch, an int, ``[height, width]`` or the paper's ``[1, height, width, 1]``.
        strides: in the same forms; ``ksize`` if left out.
        padding: ``SAME`` or ``VALID``.
        type: ``max`` or ``avg``.
        name, inputs, dtype: see `ProcessingLayer`.
    """

    stem = "pool"

    def __init__(
        self,
        ksize: Size,
        strides: Size | None = None,
        padding: Padding = "VALID",
        type: Literal["max", "avg"] = "max",
        name: str | None = None,
        inputs: Inputs = None,
        *,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name, inputs, dtype=dtype)
        self.ksize = pair(ksize, f"{self.name}: ksize")
        self.strides = self.ksize if strides is None else pair(strides, f"{self.name}: strides")
        self.padding = one_of(padding, ("SAME", "VALID"), f"{self.name}: padding")
        self.type = one_of(type, ("max", "avg"), f"{self.name}: type")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        pool = tf.nn.max_pool2d if self.type == "max" else tf.nn.avg_pool2d
        return pool(x, self.ksize, self.strides, self.padding)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"ksize": self.ksize, "strides": self.strides, "type": self.type}
