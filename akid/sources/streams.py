"""DatasetSource: any ``tf.data`` pipeline, the paper's "data in form of tensors" (section 3.2.1)."""

from __future__ import annotations

import logging
from typing import Unpack

import numpy as np

from akid.backend import tf
from akid.errors import DataError
from akid.sources.base import ENDLESS, Source, SourceOptions, checked_sizes
from akid.sources.calls import call_python

logger = logging.getLogger(__name__)


class DatasetSource(Source):
    """Single examples ``data``, ``(data, label, ...)`` or nested tuples of them, from ``tf.data`` pipelines.

    The examples come in the order of the pipeline: shuffle it yourself, with a seed, to be able to repeat a run. A
    finite training pipeline is begun anew at its end. There is no random access: a run resumes by skipping what
    it has seen, says so in the log, and elastic membership is refused. A pipeline whose batches all have the same
    size (``drop_remainder``) cannot be told from one of sequences: the brain sees the one dimension too many.

    Args:
        train, val, test: pipelines of the splits. All must give the same shapes and dtypes.
        num_train: how many examples an epoch has, if ``train`` cannot tell. Without it such a pipeline has no
            epochs, only steps.
        num_val, num_test: so many examples at most.
        **options: see `Source`.

    Attributes:
        skipped: how many examples were skipped to resume.
    """

    in_memory = False
    random_access = False

    def __init__(
        self,
        train: tf.data.Dataset | None = None,
        val: tf.data.Dataset | None = None,
        test: tf.data.Dataset | None = None,
        num_train: int | None = None,
        num_val: int | None = None,
        num_test: int | None = None,
        **options: Unpack[SourceOptions],
    ) -> None:
        super().__init__(**options)
        given = {"train": train, "val": val, "test": test}
        self._pipelines = {split: self._checked(split, data) for split, data in given.items() if data is not None}
        if not self._pipelines:
            raise DataError(f"{self.name} needs a pipeline: train=, val= or test=.")
        self._numbers = checked_sizes(self.check, num_train=num_train, num_val=num_val, num_test=num_test)
        self._sizes: dict[str, int] = {}
        self.skipped = 0

    def _checked(self, split: str, data: tf.data.Dataset) -> tf.data.Dataset:
        """The pipeline with tuples ``(data, *labels)`` as elements."""
        if not isinstance(data, tf.data.Dataset):
            raise self.check.wrong(split, "a tf.data.Dataset", data)
        spec = data.element_spec
        parts = tf.nest.flatten(spec)
        known = all(isinstance(p, tf.TensorSpec) and p.shape.rank is not None for p in parts)
        if not known or isinstance(spec, dict):
            raise DataError(
                f"{self.name}: an example of {split} must be a tensor or a tuple (data, label, ...) of tensors of"
                f" known rank; map() it to one. Received: {spec}"
            )
        if all(p.shape.rank and p.shape[0] is None for p in parts):
            raise DataError(
                f"{self.name}: {split} must give single examples, and seems to give batches, which the sensor"
                f" makes. Use the pipeline before batch(), or unbatch(). Received: {spec}"
            )
        return data.map(_flat)

    def _setup(self) -> None:
        specs = {split: data.element_spec for split, data in self._pipelines.items()}
        first, *others = specs
        for other in others:
            if specs[other] != specs[first]:
                raise DataError(
                    f"{self.name}: {first} and {other} must give the same shapes and dtypes. Received:"
                    f" {specs[first]} and {specs[other]}"
                )
        for split in specs:
            if self.size(split) == 0:
                raise DataError(f"{self.name}: the pipeline {split} is empty.")

    def size(self, split: str) -> int:
        """How many examples a split has; validation and test are counted if the pipeline cannot tell."""
        if split not in self._pipelines:
            return 0
        if split not in self._sizes:
            self._sizes[split] = self._count(split)
        return self._sizes[split]

    def _count(self, split: str) -> int:
        data, number = self._pipelines[split], self._numbers[split]
        there = int(data.cardinality())
        if split == "train":
            known = there if there >= 0 else ENDLESS
            return known if number is None else number
        if there == tf.data.INFINITE_CARDINALITY and number is None:
            raise DataError(f"{self.name}: {split} has no end: say how many examples to take by num_{split}.")
        if there < 0:
            data = data if number is None else data.take(number)
            logger.info("%s: counting the examples of %s", self.name, split)
            return int(data.reduce(tf.constant(0, tf.int64), lambda n, *_: n + 1))
        return there if number is None else min(there, number)

    def signature(self) -> list[tf.TensorSpec]:
        """Shapes and dtypes of the pipelines, the batch dimension None."""
        specs = next(iter(self._pipelines.values())).element_spec
        return [tf.TensorSpec([None, *s.shape], s.dtype) for s in specs]

    def stream(self, split: str, skip: int) -> tf.data.Dataset:
        """See `Source.stream`."""
        data = self._pipelines[split]
        data = self._endless(data) if split == "train" else data.take(self.size(split))
        if not skip:
            return data
        logger.warning(
            "%s has no random access: resumes by skipping %d %s examples, which must come in the same order as"
            " before",
            self.name,
            skip,
            split,
        )
        self.skipped += skip
        return data.skip(skip)

    def _endless(self, data: tf.data.Dataset) -> tf.data.Dataset:
        """Begun anew at its end; one that gives nothing has no other end than an error."""
        specs = [tf.TensorSpec([None, *spec.shape], spec.dtype) for spec in data.element_spec]

        def refuse(_: np.ndarray) -> list[np.ndarray]:
            raise DataError(f"{self.name}: the pipeline train gives no examples.")

        @tf.autograph.experimental.do_not_convert
        def ended(_: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return tuple(tensor[0] for tensor in call_python(refuse, tf.zeros([1], tf.int64), specs))

        return data.repeat().concatenate(tf.data.Dataset.range(1).map(ended))


@tf.autograph.experimental.do_not_convert
def _flat(*example: tf.Tensor) -> tuple[tf.Tensor, ...]:
    return tuple(tf.nest.flatten(example))
