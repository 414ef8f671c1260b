"""Regularizers: what large weights cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.checks import Check
from akid.errors import BlockError

_CHECK = Check("wd", BlockError)


@dataclass(frozen=True)
class Regularizer:
    """Weight decay: ``l2`` costs ``scale * sum(w^2) / 2``, ``l1`` costs ``scale * sum|w|``."""

    type: str
    scale: float

    def __post_init__(self) -> None:
        _CHECK.one_of("type", self.type, ("l1", "l2"))
        _CHECK.number("scale", self.scale, least=0)

    def __call__(self, weights: tf.Variable) -> tf.Tensor:
        """Scalar, what these weights cost."""
        if self.type == "l2":
            return self.scale * tf.nn.l2_loss(weights)
        return self.scale * tf.reduce_sum(tf.abs(weights))

    @staticmethod
    def of(spec: Mapping[str, Any] | Regularizer | None) -> Regularizer | None:
        """From ``{"type": "l2", "scale": 5e-4}``; None and a scale of 0 mean no decay.

        Raises:
            BlockError: the dict has other keys, or values that cannot be.
        """
        if spec is None or isinstance(spec, Regularizer):
            return spec
        if not isinstance(spec, Mapping) or set(spec) != {"type", "scale"}:
            raise Check("", BlockError).wrong("wd", '{"type": "l1" | "l2", "scale": number}', spec)
        regularizer = Regularizer(spec["type"], _CHECK.number("scale", spec["scale"], least=0))
        return regularizer if regularizer.scale else None


def note_decay(trip: Trip, regularizer: Regularizer | None, *weights: tf.Variable | None) -> None:
    """Note what weights cost as the loss ``<block>/wd``. Those that several blocks share cost once a passage."""
    if regularizer is None:
        return
    costs = [regularizer(w) for w in weights if w is not None and trip.first(w)]
    if costs:
        trip.loss(tf.add_n(costs), "wd")
