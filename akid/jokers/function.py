"""FunctionJoker: a function as a joker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.jokers.base import Joker, JokerOptions


class FunctionJoker(Joker):
    """Plays a function ``f(data, trip)`` of a whole batch, e.g. ``FunctionJoker(lambda data, trip: 1.0 - data)``.

    It must draw random numbers only by ``trip.random`` and treat each row by itself; see `Joker`.

    Args:
        function: gets the data ``[batch, ...]`` and the trip, gives the changed data.
        **options: see `Joker`; by default every split.
    """

    stem = "function"
    is_random = False

    def __init__(self, function: Callable[[tf.Tensor, Trip], tf.Tensor], **options: Unpack[JokerOptions]) -> None:
        super().__init__(**options)
        if not callable(function):
            raise self.check.wrong("function", "callable as f(data, trip)", function)
        self.function = function

    def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
        joked = self.function(data, trip)
        if joked is None:
            raise BlockError(f"{self.name}: the function must return the changed data. Received: None")
        return joked
