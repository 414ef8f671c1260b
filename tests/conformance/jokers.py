"""The conformance table of the jokers: a line for every joker that akid exports. To add one, add a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from akid import jokers as J  # noqa: N812
from akid.backend import tf
from akid.jokers import Joker, JokerSystem

#: Draws random numbers while training.
RANDOM = "random"
#: A row of the result depends on others.
MIXES_ROWS = "mixes rows"
#: Changes the labels too.
LABELS = "labels"
#: Does something in every split by default.
EVERY_SPLIT = "every split"

HEIGHT, WIDTH, CHANNELS, CLASSES = 9, 8, 3, 4
_draw = np.random.default_rng(0)
BYTES = _draw.integers(1, 256, (11, HEIGHT, WIDTH, CHANNELS), np.uint8)
FLOATS = (BYTES / np.float32(255)).astype(np.float32)
NUMBERS = np.arange(11, dtype=np.int32) % CLASSES


@dataclass(frozen=True)
class Row:
    """A joker and what it must do.

    Args:
        make: makes it.
        shape: of an image it gives.
        flags: of the constants above.
        keeps_bytes: whether bytes stay bytes; else they become float32.
        id: in the names of tests.
    """

    make: Callable[[], Joker]
    shape: tuple[int, int, int]
    flags: frozenset[str]
    keeps_bytes: bool
    id: str


def row(
    kind: type[Joker],
    *arguments: object,
    shape: Sequence[int] = (HEIGHT, WIDTH),
    flags: Sequence[str] = (),
    keeps_bytes: bool = True,
    id: str = "",
    **options: object,
) -> Row:
    """A line of the table; ``arguments`` and ``options`` are the joker's."""
    high, wide = shape
    label = kind.__name__ + (f"-{id}" if id else "")
    return Row(lambda: kind(*arguments, **options), (high, wide, CHANNELS), frozenset(flags), keeps_bytes, label)


def noisy(data: tf.Tensor, trip: object) -> tf.Tensor:
    """A joke of one's own."""
    return tf.cast(data, tf.float32) + trip.random(tf.shape(data), "normal")  # type: ignore[attr-defined]


ROWS = [
    row(J.CropJoker, 6, 5, shape=(6, 5), flags=[RANDOM, EVERY_SPLIT]),
    row(J.CropJoker, HEIGHT, WIDTH, padding=4, flags=[RANDOM, EVERY_SPLIT], id="padded"),
    row(J.CropJoker, 6, 5, center=True, shape=(6, 5), flags=[EVERY_SPLIT], id="center"),
    row(J.CropJoker, central_fraction=0.5, shape=(4, 4), flags=[EVERY_SPLIT], id="fraction"),
    row(J.FlipJoker, True, True, flags=[RANDOM]),
    row(J.LightJoker, flags=[RANDOM]),
    row(J.CutoutJoker, 3, flags=[RANDOM]),
    row(J.FunctionJoker, noisy, flags=[RANDOM, EVERY_SPLIT], keeps_bytes=False),
    row(
        J.MixupJoker,
        1.0,
        class_num=CLASSES,
        flags=[RANDOM, EVERY_SPLIT, MIXES_ROWS, LABELS],
        keeps_bytes=False,
    ),
    row(J.PadJoker, 2, shape=(HEIGHT + 4, WIDTH + 4), flags=[EVERY_SPLIT]),
    row(J.WhitenJoker, flags=[EVERY_SPLIT], keeps_bytes=False),
    row(J.RescaleJoker, flags=[EVERY_SPLIT], keeps_bytes=False),
    row(J.ResizeJoker, 5, 12, shape=(5, 12), flags=[EVERY_SPLIT]),
    row(J.ResizeJoker, 5, 12, "nearest", shape=(5, 12), flags=[EVERY_SPLIT], id="nearest"),
]

#: Exported to be subclassed, or to hold others.
ABSTRACT = {Joker, JokerSystem}
