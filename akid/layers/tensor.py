"""TensorLayer: what the layers that take one tensor have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError

VECTORS = {2: "[batch, channel]"}
SEQUENCES = {3: "[batch, time, channel]"}
IMAGES = {4: "[batch, height, width, channel]"}
VOLUMES = {5: "[batch, depth, height, width, channel]"}


class TensorLayer(ProcessingLayer):
    """A layer that takes one tensor; a list would otherwise be stacked into one without a word.

    Args:
        **options: see `ProcessingLayer`.
    """

    #: The ranks it takes and what each means; empty for any.
    takes: ClassVar[Mapping[int, str]] = {}

    def _build(self, signal: Signal, trip: Trip) -> None:
        check_signal(signal, self.takes, trip.path or self.name)
        super()._build(signal, trip)


def check_window(window: Sequence[int], padding: str, signal: tf.Tensor, where: str) -> None:
    """Without padding a window fits into the signal at least once, as far as its size is known.

    Some of TensorFlow's ops fail with a kernel's words, others give an output without places.

    Args:
        window: its extent along the signal's second dimension and the following ones, dilation included.
        padding: of the layer.
        signal: ``[batch, ..., channel]``.
        where: the layer's name.

    Raises:
        BlockError: it does not fit.
    """
    places = list(signal.shape[1 : 1 + len(window)])
    if padding == "VALID" and any(n is not None and k > n for k, n in zip(window, places, strict=True)):
        raise BlockError(
            f"{where}: its window of {list(window)} must fit into the signal's {places}. Use a smaller ksize, or"
            f' padding="SAME". Received: shape={tuple(signal.shape)}'
        )


def check_signal(signal: Signal, ranks: Mapping[int, str], where: str) -> None:
    """The signal is one tensor, of one of these ranks.

    Args:
        signal: what a layer is given.
        ranks: a rank that is allowed and what it means: ``{2: "[batch, channel]"}``; empty for any.
        where: the layer's name.

    Raises:
        BlockError: it is a list, or has another rank.
    """
    if isinstance(signal, (list, tuple)):
        raise BlockError(
            f"{where} takes one tensor. Received: a list of {len(signal)}. Name the one it should take:"
            ' inputs=[{"name": <block>, "idxs": [0]}].'
        )
    if ranks and signal.shape.rank not in ranks:
        shape = "unknown" if signal.shape.rank is None else tuple(signal.shape)
        raise BlockError(f"{where} takes a signal {' or '.join(ranks.values())}. Received: shape={shape}")
