"""Inference: what a brain gives for data without labels, in batches, traced once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from akid.backend import tf
from akid.blocks.block import Block, Signal
from akid.blocks.trip import Trip
from akid.errors import AkidError, DataError, near_match
from akid.inference.data_signals import Prepare, data_signals
from akid.inference.signature import Signature
from akid.layers.eval import EvalLayer
from akid.layers.loss import LossLayer
from akid.sensors.pipeline import Pipeline

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.sensors.sensor import Sensor


class Predictor:
    """``predictor(data)`` gives ``{full name: array}``, what the brain infers; the main output first.

    Args:
        brain: built.
        signature: of ``[data, *labels]`` as the brain is given them, or of raw data if there is a ``prepare``.
        prepare: makes of raw data what the brain is given.
    """

    def __init__(self, brain: Brain, signature: Sequence[tf.TensorSpec], prepare: Prepare | None = None) -> None:
        self.brain, self.prepare = brain, prepare
        self.takes = data_signals(brain, signature, prepare)
        shapes = [signature[i] for i in self.takes]
        self.signature = [tf.TensorSpec([None, *s.shape[1:]], s.dtype, name) for s, name in named(shapes)]
        self.function = tf.function(self._infer, autograph=False, input_signature=self.signature)
        self.outputs = self._ordered(list(self.function.get_concrete_function().structured_outputs))

    def _infer(self, *data: tf.Tensor) -> dict[str, tf.Tensor]:
        prepared = list(data) if self.prepare is None else self.prepare(list(data))
        given: list[tf.Tensor | None] = [None] * (max(self.takes) + 1)
        for index, tensor in zip(self.takes, prepared, strict=True):
            given[index] = tensor
        trip = Trip(inferring=True)
        self.brain(given, trip)
        if not trip.outputs:
            raise AkidError(f"The brain {self.brain.name!r} infers nothing: no block runs without labels.")
        return trip.outputs

    def _ordered(self, names: list[str]) -> list[str]:
        """The output of the block attached last first; what a loss layer infers after all others."""
        blocks = dict(self.brain.named_blocks())
        places = {name: i for i, name in enumerate(blocks)}

        def place(output: str) -> tuple[bool, int]:
            owner = max((n for n in blocks if output.startswith(n)), key=len, default="")
            return _is_loss(blocks.get(owner)), -places.get(owner, -1)

        return sorted(names, key=place)

    def __call__(
        self, data: Signal, outputs: Sequence[str] | None = None, batch_size: int = 100
    ) -> dict[str, np.ndarray]:
        """Infer.

        Args:
            data: ``[examples, ...]``, a list of such if the brain takes several inputs.
            outputs: full names of those wanted; all if left out.
            batch_size: examples sent through at once.

        Raises:
            AkidError: the brain has no such output; with a near match.
            DataError: the data have another shape than the brain takes.
        """
        wanted = self.outputs if outputs is None else list(outputs)
        for name in wanted:
            if name not in self.outputs:
                hint = near_match(name, self.outputs)
                raise AkidError(f"The brain infers no output {name!r}. {hint} Received: outputs={wanted!r}")
        arrays = self._arrays(data)
        found = []
        for start in range(0, max(len(arrays[0]), 1), batch_size):
            batch = self.function(*(tf.constant(a[start : start + batch_size]) for a in arrays))
            found.append({name: batch[name].numpy() for name in wanted})
        return {name: _joined([part[name] for part in found]) for name in wanted}

    def _arrays(self, data: Signal) -> list[np.ndarray]:
        if isinstance(data, (list, tuple)) and any(d is None for d in data):
            at = next(i for i, d in enumerate(data) if d is None)
            raise DataError(
                f"The brain needs all of {[s.name for s in self.signature]}. Received: data[{at}]=None"
            )
        several = isinstance(data, (list, tuple)) and all(hasattr(d, "shape") for d in data) and len(data) > 0
        given = list(data) if several and len(data) == len(self.signature) else [data]
        if len(given) != len(self.signature):
            expected = f"a list of {len(self.signature)} arrays, {[s.name for s in self.signature]}"
            raise DataError(f"The brain takes {expected}. Received: {type(data).__name__}")
        try:
            arrays = [np.asarray(d) for d in given]
        except ValueError:
            raise DataError("The data must be an array, or a list of arrays; those given have no shape.") from None
        rows = {len(a) if a.ndim else 0 for a in arrays}
        for array, spec in zip(arrays, self.signature, strict=True):
            if len(rows) > 1 or not spec.shape.is_compatible_with(array.shape):
                shapes = [tuple(a.shape) for a in arrays]
                raise DataError(
                    f"The brain takes {spec.name} of shape {['examples', *spec.shape[1:]]}, as many examples of"
                    f" each. Received: shape={shapes[0] if len(shapes) == 1 else shapes}"
                )
        hint = "" if self.prepare is None else " Data that are prepared already are given without raw=True."
        return [as_taken(a, s, hint) for a, s in zip(arrays, self.signature, strict=True)]


def as_taken(array: np.ndarray, spec: tf.TensorSpec, hint: str = "") -> np.ndarray:
    """The numbers in the dtype of ``spec``.

    Args:
        array: of any dtype.
        spec: what is taken.
        hint: ends the error.

    Raises:
        DataError: the dtype does not have such numbers: fractions or what is out of its range.
    """
    if array.dtype.kind not in "buif":
        raise DataError(f"The {spec.name} must be numbers. Received: an array of dtype {array.dtype}")
    with np.errstate(all="ignore"):
        cast = array.astype(spec.dtype.as_numpy_dtype)
    wrong = np.isfinite(array) & ~np.isfinite(cast) if spec.dtype.is_floating else cast != array
    if wrong.any():
        whole = "" if spec.dtype.is_floating else "whole "
        raise DataError(
            f"The brain takes {spec.name} of dtype {spec.dtype.name}, {whole}numbers from {spec.dtype.min} to"
            f" {spec.dtype.max}.{hint} Received: {array[wrong].flat[0]!r}"
        )
    return cast


def predictor_of(brain: Brain, sensor: Sensor, seed: int, raw: bool) -> Predictor:
    """Of data as the sensor gives them, or ``raw`` as the source does; see `preparation`."""
    signature = Signature.of(sensor)
    if raw:
        return Predictor(brain, signature.raw, preparation(sensor, seed))
    return Predictor(brain, signature.batch)


def preparation(sensor: Sensor, seed: int = 0) -> Prepare:
    """What the sensor does to raw data of the test split: the source's normalisation, then the jokers."""

    own = seed if sensor.seed is None else sensor.seed
    pipeline = Pipeline(sensor.source, sensor.jokers, "test", sensor.val_batch_size, own)
    return lambda raw: pipeline.prepare(raw, step=0)


def named(signature: Sequence[tf.TensorSpec]) -> list[tuple[tf.TensorSpec, str]]:
    """Inputs with the names they have in an export: ``data``, or ``data_0``, ``data_1``, ..."""
    return [(s, "data" if len(signature) == 1 else f"data_{i}") for i, s in enumerate(signature)]


def _is_loss(block: Block | None) -> bool:
    return isinstance(block, (LossLayer, EvalLayer))


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """One array of those of several batches; what has no examples, a scalar, comes once a batch."""
    return np.concatenate(parts) if parts[0].ndim else np.stack(parts)
