"""Evaluation: losses and measures over a whole split, weighted by examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.blocks.brain import value_of
from akid.blocks.trip import Eval, Trip
from akid.engines.base import Report, forever
from akid.errors import DataError
from akid.runs.interrupts import Interrupted
from akid.sources.reading import teaching

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.sensors.sensor import Sensor


class Evaluator:
    """Sends every batch of a split through the brain in inference mode; ``evaluator(split)``."""

    def __init__(self, brain: Brain, sensor: Sensor, seed: int = 0) -> None:
        self.brain, self.sensor, self.seed = brain, sensor, seed
        self._finish: dict[str, Any] = {}
        self._run = tf.function(self._batch, autograph=False, input_signature=sensor.signature())
        self._datasets: dict[str, tf.data.Dataset] = {}

    def _batch(self, *batch: tf.Tensor) -> tuple[tf.Tensor, dict[str, Any], dict[str, Any]]:
        trip = Trip(seed=self.seed)
        self.brain(list(batch), trip)
        self._finish = {name: e.finish for name, e in trip.evals.items()}
        evals = {n: e.parts if e.finish else (e.value, e.weight) for n, e in trip.evals.items()}
        return tf.shape(batch[0])[0], trip.losses, evals

    def __call__(self, split: str, go_on: Callable[[], bool] = forever) -> Report:
        """Every example once.

        Raises:
            DataError: the split is empty.
            Interrupted: ``go_on`` said no after a batch.
        """
        if not self.sensor.size(split):
            raise DataError(
                f"The split {split!r} of {self.sensor.source.name!r} has no examples to evaluate."
                f" Give the source a num_{split} > 0."
            )
        results = []
        with teaching():
            for batch in self._batches(split):
                results.append(self._run(*batch))
                if not go_on():
                    raise Interrupted
        rows = [int(r[0]) for r in results]
        losses = {
            name: sum(n * float(r[1][name]) for n, r in zip(rows, results, strict=True)) / sum(rows)
            for name in results[0][1]
        }
        evals = {name: value_of([self._eval(name, r[2][name]) for r in results]) for name in self._finish}
        total = sum(losses.values())
        return Report(len(results), total, losses, evals)

    def _batches(self, split: str) -> Iterator[Sequence[tf.Tensor]]:
        """Every example once: the training batches, which are whole and go on for ever, are cut."""
        if split not in self._datasets:
            self._datasets[split] = self.sensor.dataset(split)
        left = self.sensor.size(split)
        for batch in self._datasets[split].take(self.sensor.num_batches(split)):
            yield batch if split != "train" else [tensor[:left] for tensor in batch]
            left -= self.sensor.batch_size

    def _eval(self, name: str, tensors: tuple[tf.Tensor, ...]) -> Eval:
        finish = self._finish[name]
        return Eval(parts=tensors, finish=finish) if finish else Eval(*tensors)
