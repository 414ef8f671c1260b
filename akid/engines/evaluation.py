"""Evaluation: losses and measures over a whole split, weighted by examples."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from akid.backend import tf
from akid.blocks.brain import value_of
from akid.blocks.trip import Eval, Trip
from akid.engines.base import Report, forever
from akid.engines.replicas import Replicas
from akid.errors import DataError
from akid.op_errors import data_errors
from akid.runs.interrupts import Interrupted
from akid.sources.base import ENDLESS

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.sensors.sensor import Batch, Sensor

#: Of one batch: its rows, its losses, each with the number of what it is the mean of, and its measures' tensors.
Noted = tuple[tf.Tensor, dict[str, tuple[tf.Tensor, tf.Tensor]], dict[str, tuple[tf.Tensor, ...]]]


class Evaluator:
    """Sends every batch of a split through the brain in inference mode; ``evaluator(split)``.

    Replicas take whole batches by turns, and what they found is put together in the order of the batches: the
    report is the same to the last bit however many replicas there are.
    """

    def __init__(self, brain: Brain, sensor: Sensor, replicas: Replicas, seed: int = 0) -> None:
        self.brain, self.sensor, self.replicas, self.seed = brain, sensor, replicas, seed
        self._finish: dict[str, Callable[..., float] | None] = {}
        self._signature = sensor.signature()
        self._datasets: dict[str, tf.data.Dataset] = {}

    @functools.cached_property
    def _run(self) -> Any:
        # Concrete: TensorFlow would warn of the traces of a process that makes many evaluators.
        signature = list(self._signature) * len(self.replicas.local)
        return tf.function(self._round, autograph=False, input_signature=signature).get_concrete_function()

    def _round(self, *tensors: tf.Tensor) -> list[Noted]:
        """A batch for every replica of this process, their tensors one after another."""
        width = len(self._signature)

        def of_replica() -> Noted:
            place = self.replicas.local.index(self.replicas.index())
            return self._batch(list(tensors[place * width : (place + 1) * width]))

        return self.replicas.run(of_replica)

    def _batch(self, batch: list[tf.Tensor]) -> Noted:
        trip = Trip(seed=self.seed)
        self.brain(batch, trip)
        self._finish = {name: e.finish for name, e in trip.evals.items()}
        evals = {n: e.parts if e.finish else (e.value, e.weight) for n, e in trip.evals.items()}
        rows = tf.shape(batch[0])[0]
        losses = {n: (value, trip.loss_weights.get(n, rows)) for n, value in trip.losses.items()}
        return rows, losses, evals

    def __call__(self, split: str, go_on: Callable[[], bool] = forever) -> Report:
        """Every example once.

        Raises:
            DataError: the split is empty, or has no known end.
            Interrupted: ``go_on`` said no after a batch, to any of the processes.
        """
        if not self.sensor.size(split):
            raise DataError(
                f"The split {split!r} of {self.sensor.source.name!r} has no examples to evaluate."
                f" Give the source a num_{split} > 0."
            )
        if self.sensor.size(split) == ENDLESS:
            raise DataError(
                f"The split {split!r} of {self.sensor.source.name!r} has no known end to evaluate it up to."
                f" Give the source a num_{split}."
            )
        results: list[Noted] = []
        with data_errors():
            for batches in self._rounds(split):
                if batches:
                    results += self._run(*_filled(batches, len(self.replicas.local)))[: len(batches)]
                if self.replicas.any(not go_on()):
                    raise Interrupted
        return self._report(self._of_all(results))

    def _rounds(self, split: str) -> Iterator[list[Batch]]:
        """A batch for each replica of this process a round; every process has equally many rounds, some maybe
        with fewer batches or none, so that they can agree after each."""
        members, at_once = self.replicas.members, len(self.replicas.local)
        most = math.ceil(self.sensor.num_batches(split) / members)
        batches = self._batches(split)
        for _ in range(math.ceil(most / at_once)):
            yield list(itertools.islice(batches, at_once))

    def _batches(self, split: str) -> Iterator[Batch]:
        """Those of this process; the training batches, which are whole and go on for ever, are cut."""
        if split not in self._datasets:
            self._datasets[split] = self.sensor.dataset(split)
        members, member = self.replicas.members, self.replicas.member
        mine = self._datasets[split].take(self.sensor.num_batches(split)).shard(members, member)
        size, whole = self.sensor.size(split), self.sensor.batch_size
        for i, batch in enumerate(mine):
            left = size - (member + i * members) * whole
            yield list(batch) if split != "train" else [tensor[:left] for tensor in batch]

    def _of_all(self, results: list[Noted]) -> list[Noted]:
        """The results of all processes, in the order of the batches, which they took by turns."""
        if self.replicas.members == 1:
            return results
        outputs = self._run.structured_outputs[0]
        by_member = [_unpacked(packed, outputs) for packed in _gathered(results, outputs, self.replicas)]
        turns = itertools.zip_longest(*by_member)
        return [result for turn in turns for result in turn if result is not None]

    def _report(self, results: Sequence[Noted]) -> Report:
        losses = {name: _mean([r[1][name] for r in results]) for name in results[0][1]}
        evals = {name: value_of([self._eval(name, r[2][name]) for r in results]) for name in self._finish}
        return Report(len(results), sum(losses.values()), losses, evals)

    def _eval(self, name: str, tensors: tuple[tf.Tensor, ...]) -> Eval:
        finish = self._finish[name]
        return Eval(parts=tensors, finish=finish) if finish else Eval(*tensors)


def _mean(means: Sequence[tuple[tf.Tensor, tf.Tensor]]) -> float:
    """The mean of all of pairs of a mean and the number of what it is of; 0 if they are of nothing."""
    pairs = [(float(mean), float(number)) for mean, number in means]
    total = sum(number for _, number in pairs)
    return sum(mean * number for mean, number in pairs) / total if total else 0.0


def _filled(batches: list[Batch], count: int) -> list[tf.Tensor]:
    """The tensors of the batches; the last one again where there are fewer than replicas."""
    whole = batches + batches[-1:] * (count - len(batches))
    return [tensor for batch in whole for tensor in batch]


def _gathered(results: Sequence[Noted], like: Noted, replicas: Replicas) -> list[list[tf.Tensor]]:
    """By member: for every tensor a batch notes, those of its batches one after another; the rows come first."""
    columns: list[tf.Tensor] = []
    for place, spec in enumerate(tf.nest.flatten(like)):
        parts = [tf.nest.flatten(result)[place] for result in results]
        parts = [part if part.shape.rank else part[tf.newaxis] for part in parts]
        nothing = tf.zeros([0, *spec.shape[1:]], spec.dtype)
        columns.append(tf.concat([nothing, *parts], 0))
    by_column = [replicas.gather(column) for column in columns]
    return [list(member) for member in zip(*by_column, strict=True)]


def _unpacked(columns: list[tf.Tensor], like: Noted) -> list[Noted]:
    """The results of a member's batches, from what `_gathered` gives of it."""
    rows = columns[0].numpy().tolist()
    split = [
        tf.split(column, rows if spec.shape.rank else [1] * len(rows))
        for column, spec in zip(columns, tf.nest.flatten(like), strict=True)
    ]
    flat_like = tf.nest.flatten(like)
    return [
        tf.nest.pack_sequence_as(
            like, [column[i] if s.shape.rank else column[i][0] for column, s in zip(split, flat_like, strict=True)]
        )
        for i in range(len(rows))
    ]
