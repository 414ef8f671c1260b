"""Loss layers: what a brain is to make small. The base, and losses of classes."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from akid.backend import tf
from akid.blocks.block import ProcessingLayer, Signal
from akid.blocks.trip import Trip
from akid.errors import BlockError
from akid.layers.measures import class_hits, top_k_hits
from akid.layers.options import LayerOptions, LossOptions
from akid.layers.targets import check_scores, class_numbers, is_dense, rows, signals

#: A mean, over examples unless the number of what it is over comes with it; both are scalars.
Mean = tf.Tensor | tuple[tf.Tensor, tf.Tensor]


class LossLayer(ProcessingLayer):
    """A layer that notes a loss, the mean over the batch times ``multiplier``, and gives it.

    A subclass writes ``_loss(x, trip)``, and ``infer(args, trip)`` if it has something to say of predictions
    alone. In inference there is no loss, whether labels are there or not.

    Args:
        multiplier: the weight of this loss among several.
        **options: see `ProcessingLayer`.

    Raises:
        BlockError: the layer is given too few or too many signals, or shapes that do not fit.
    """

    stem = "loss"
    #: What the layer takes, in this order.
    takes: ClassVar[tuple[str, ...]] = ("predictions", "labels")
    #: What it may be given after that.
    optional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, multiplier: float = 1.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.multiplier = self.check.number("multiplier", multiplier)

    @property
    def label_args(self) -> tuple[int, ...]:
        """Which of its arguments are labels, which inference does without."""
        return tuple(i for i, role in enumerate(self.takes) if role == "labels")

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> Mean:
        """Scalar, the mean over the batch; of something else than its examples, a pair of it and their number.

        Args:
            x: what the layer takes, None for what is optional and not given.
            trip: the passage.
        """
        raise NotImplementedError(f"{type(self).__name__} must define _loss(self, x, trip)")

    def _forward(self, x: Signal, trip: Trip) -> Signal:
        given = signals(self, x, self.takes, self.optional)
        if trip.inferring:
            return self.infer(given, trip)
        mean = self._loss(given, trip)
        mean, weight = mean if isinstance(mean, tuple) else (mean, None)
        loss = mean * self.multiplier
        trip.loss(loss, weight=weight)
        return loss

    @staticmethod
    def _hits(scores: tf.Tensor, targets: tf.Tensor, trip: Trip) -> tf.Tensor:
        """`class_hits` of the scores that the loss is of; NaN is not looked for where it ends the run anyway."""
        if trip.training:
            return tf.cast(tf.equal(tf.argmax(scores, -1), targets), tf.float32)
        return class_hits(scores, targets)

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"multiplier": None if self.multiplier == 1.0 else self.multiplier}


class SoftmaxWithLossLayer(LossLayer):
    """Cross entropy of the softmax of ``[logits, labels]``; notes the accuracy.

    Infers the probabilities, ``[batch, class_num]``. Of equal logits the first is the answer.

    Args:
        class_num: number of classes; the logits' last dimension.
        **options: see `LossLayer`. Labels are class numbers ``[batch]`` or
            probabilities ``[batch, class_num]``.
    """

    takes = ("logits", "labels")

    def __init__(
        self,
        class_num: int,
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(**options)
        self.class_num = self.check.integer("class_num", class_num, least=2)

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> tf.Tensor:
        logits, labels = x
        check_scores(self, logits, self.class_num)
        targets = class_numbers(self, labels, self.class_num)
        if is_dense(labels, self.class_num):
            losses = tf.nn.softmax_cross_entropy_with_logits(tf.cast(labels, logits.dtype), logits)
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        trip.eval(tf.reduce_mean(self._hits(logits, targets, trip)), rows(logits), "accuracy")
        return tf.reduce_mean(losses)

    def infer(self, args: list[tf.Tensor], trip: Trip) -> Signal | None:
        """Without labels: the probabilities, as an output of their own."""
        if args[0] is not None:
            trip.output(tf.nn.softmax(args[0]))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"class_num": self.class_num, **super().options()}


class GroupSoftmaxWithLossLayer(LossLayer):
    """Cross entropy of the softmax of every group of classes, each with a ground state: "none of these".

    The ground state is that of `GroupSoftmaxLayer`: a logit of 1, but of 0 in groups of one, which are sigmoids.
    The group of the label must say its class, the others their ground state; the loss is the sum over groups, the
    mean over the batch.

    Notes ``accuracy`` (the most probable class of all is the label) and ``group_accuracy`` (the share of groups
    that say what they must). Infers the classes' probabilities, ``[batch, class_num]``, without the ground states.

    Args:
        class_num: number of classes; the logits' last dimension, a multiple of ``group_size``.
        group_size: classes a group; consecutive ones.
        **options: see `LossLayer`. It takes ``[logits, labels]``, labels as
            `SoftmaxWithLossLayer` does, and optionally ``label_vectors [batch, class_num]``: what the groups must
            say instead, for examples of several classes; at most 1 in the sum of every group.
    """

    takes = ("logits", "labels")
    optional = ("label_vectors",)

    def __init__(
        self,
        class_num: int,
        group_size: int = 4,
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(**options)
        self.class_num = self.check.integer("class_num", class_num, least=2)
        self.group_size = self.check.integer("group_size", group_size)
        if class_num % group_size:
            raise BlockError(
                f"{self.name}: class_num must be a multiple of group_size. Received: class_num={class_num},"
                f" group_size={group_size}",
                argument="class_num",
            )

    def _grouped(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, [-1, self.class_num // self.group_size, self.group_size])

    def _augmented(self, logits: tf.Tensor) -> tf.Tensor:
        """``[batch, groups, 1 + group_size]``, the ground state first."""
        ground = 1.0 if self.group_size > 1 else 0.0
        return tf.pad(self._grouped(logits), [[0, 0], [0, 0], [1, 0]], constant_values=ground)

    def _probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.nn.softmax(self._augmented(logits))[..., 1:], [-1, self.class_num])

    def _loss(self, x: list[tf.Tensor], trip: Trip) -> tf.Tensor:
        logits, labels, vectors = x
        check_scores(self, logits, self.class_num)
        targets = class_numbers(self, labels, self.class_num)
        if vectors is None:
            vectors = tf.one_hot(targets, self.class_num)
        elif not is_dense(vectors, self.class_num):
            raise BlockError(
                f"{self.name}: the label_vectors must have the shape [batch, class_num={self.class_num}]."
                f" Received: shape={tuple(vectors.shape)}"
            )
        wanted = self._grouped(tf.cast(vectors, logits.dtype))
        wanted = tf.concat([1.0 - tf.reduce_sum(wanted, -1, keepdims=True), wanted], -1)
        augmented = self._augmented(logits)
        said = self._hits(augmented, tf.argmax(wanted, -1), trip)
        hits = top_k_hits(self._probabilities(logits), targets, 1)
        trip.eval(tf.reduce_mean(hits), rows(logits), "accuracy")
        trip.eval(tf.reduce_mean(said), rows(logits), "group_accuracy")
        losses = tf.nn.softmax_cross_entropy_with_logits(wanted, augmented)
        return tf.reduce_mean(tf.reduce_sum(losses, -1))

    def infer(self, args: list[tf.Tensor], trip: Trip) -> Signal | None:
        """Without labels: the probabilities of the classes, as an output of their own."""
        if args[0] is not None:
            trip.output(self._probabilities(args[0]))

    def options(self) -> dict[str, Any]:
        """What the layer's `repr` shows."""
        return {"class_num": self.class_num, "group_size": self.group_size, **super().options()}
