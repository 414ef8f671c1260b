"""Regularizers: what large weights cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from akid.backend import tf
from akid.blocks.trip import Trip
from akid.checks import number
from akid.errors import BlockError, near_match


@dataclass(frozen=True)
class Regularizer:
    """Weight decay: ``l2`` costs ``scale * sum(w^2) / 2``, ``l1`` costs ``scale * sum|w|``."""

    type: str
    scale: float

    def __post_init__(self) -> None:
        if self.type not in ("l1", "l2"):
            raise BlockError(
                "wd: type must be 'l1' or 'l2'."
                f" {near_match(self.type, ['l1', 'l2'])} Received: type={self.type!r}"
            )
        if self.scale < 0:
            raise BlockError(f"wd: scale must be >= 0. Received: scale={self.scale!r}")

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
        if set(spec) != {"type", "scale"}:
            raise BlockError(f'wd must be {{"type": "l1" | "l2", "scale": number}}. Received: {dict(spec)!r}')
        regularizer = Regularizer(str(spec["type"]), number(spec["scale"], "wd", "scale", error=BlockError))
        return regularizer if regularizer.scale else None


def note_decay(trip: Trip, regularizer: Regularizer | None, *weights: tf.Variable | None) -> None:
    """Note what weights cost as the loss ``<block>/wd``. Those that several blocks share cost once a passage."""
    if regularizer is None:
        return
    costs = [regularizer(w) for w in weights if w is not None and trip.first(w)]
    if costs:
        trip.loss(tf.add_n(costs), "wd")
