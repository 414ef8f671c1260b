"""Pictures of how a Kid classifies: images with what they are and what they were taken for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from akid.blocks.wiring import SYSTEM_IN, edges_of
from akid.errors import AkidError, DataError, near_match
from akid.layers.loss import LossLayer
from akid.observer.canvas import Picture, new_figure, saved
from akid.pictures.tiles import to_unit

if TYPE_CHECKING:
    from akid.blocks.brain import Brain
    from akid.inference.predictor import Predictor
    from akid.sensors.sensor import Sensor

_RIGHT, _WRONG = "#1a7a2e", "#c02020"


@dataclass(frozen=True)
class Classified:
    """Examples of a split and what they were taken for.

    Attributes:
        name: full name of the output.
        images: ``[example, height, width, 1 or 3]``.
        labels: the right classes, int ``[example]``.
        scores: ``[example, class]``.
        numbers: of the examples in their split.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    numbers: np.ndarray

    @property
    def answers(self) -> np.ndarray:
        """The classes they were taken for, int ``[example]``; of equal scores the first."""
        return self.scores.argmax(axis=1)

    @property
    def mistaken(self) -> np.ndarray:
        """Whether each was taken for another class."""
        return self.answers != self.labels

    def chosen(self, rows: np.ndarray) -> Classified:
        """Those that a mask bool ``[example]`` says."""
        arrays = (self.images, self.labels, self.scores, self.numbers)
        return Classified(self.name, *(array[rows] for array in arrays))


def classify(
    predictor: Predictor, sensor: Sensor, split: str, name: str | None, numbers: Sequence[int] | None, most: int
) -> Classified:
    """Let a brain classify examples of a split.

    Args:
        predictor: of data as the sensor gives them.
        sensor: set up.
        split: ``train``, ``val`` or ``test``.
        name: full name of the output; may be left out if there is one alone.
        numbers: of examples, in the order in which the sensor gives them; None for those that are mistaken.
        most: how many at most.

    Raises:
        AkidError: there is no such output, or the data are no images.
        DataError: the split has no such example.
    """
    left = None if numbers is None else list(numbers)
    parts: list[Classified] = []
    seen = 0
    for step in range(sensor.num_batches(split)):
        batch = [signal.numpy() for signal in sensor.batch(step, split)]
        found = _of_batch(predictor, batch, name, seen)
        rows = found.mistaken if left is None else np.isin(found.numbers, left)
        parts.append(found.chosen(rows))
        seen += len(batch[0])
        if sum(len(p.labels) for p in parts) >= most or (left is not None and max(left, default=0) < seen):
            break
    if left is not None and max(left, default=0) >= seen and left != list(range(most)):
        raise DataError(f"The split {split!r} has {seen} examples. Received: idxs={left}")
    arrays = [[getattr(part, field) for part in parts] for field in ("images", "labels", "scores", "numbers")]
    return Classified(parts[0].name, *(np.concatenate(array)[:most] for array in arrays))


def _of_batch(predictor: Predictor, batch: list[np.ndarray], name: str | None, before: int) -> Classified:
    """Every example of a batch, the first of which has the number ``before``."""
    check_images(batch[0])
    outputs = predictor([batch[i] for i in predictor.takes])
    output = output_of(outputs, name, losses_of(predictor.brain))
    labels = batch[label_signal(predictor.brain, output, len(batch))]
    scores = outputs[output]
    numbers = np.arange(before, before + len(scores))
    return Classified(output, batch[0], class_numbers_of(labels, scores.shape[1]), scores, numbers)


def losses_of(brain: Brain) -> set[str]:
    """Full names of the loss layers."""
    return {name for name, block in brain.named_blocks() if isinstance(block, LossLayer)}


def output_of(outputs: Mapping[str, np.ndarray], name: str | None, losses: set[str]) -> str:
    """Which output gives the scores of classes.

    Args:
        outputs: ``{full name: array}``, as a `Predictor` gives them.
        name: the one wanted; if left out the only one of a loss layer, or else the only one that can be.
        losses: full names of the loss layers.

    Raises:
        AkidError: there is none, or several; with what there is.
    """
    scores = [n for n, array in outputs.items() if array.ndim == 2 and array.shape[1] > 1]
    if name is not None:
        if name in scores:
            return name
        hint = near_match(name, scores)
        raise AkidError(f"The brain infers no scores of classes called {name!r}. {hint} Received: name={name!r}")
    of_losses = [n for n in scores if n in losses] or scores
    if not of_losses:
        raise AkidError(f"The brain infers no scores of classes. Received: outputs={list(outputs)!r}")
    if len(of_losses) > 1:
        raise AkidError(f"The brain infers scores of classes as {of_losses}; say which, name={of_losses[0]!r}.")
    return of_losses[0]


def label_signal(brain: Brain, name: str, signals: int) -> int:
    """Which signal of ``system_in`` has the labels for a loss layer.

    Args:
        brain: whose block it is.
        name: full name of the block.
        signals: how many signals the brain is given.

    Raises:
        AkidError: it cannot be told.
    """
    block = dict(brain.named_blocks()).get(name)
    edges = edges_of(getattr(block, "inputs", None) or (), name) if "/" not in name else ()
    taken = [i for edge in edges if edge.name == SYSTEM_IN for i in edge.idxs or range(signals)]
    labels = [i for i in taken if i > 0]
    if len(labels) == 1:
        return labels[0]
    if signals == 2:
        return 1
    raise AkidError(f"It cannot be told which of the {signals - 1} labels belong to {name!r}.")


def class_numbers_of(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels ``[example]``, or probabilities ``[example, class]``, as class numbers.

    Raises:
        AkidError: they are neither.
    """
    if labels.ndim == 2 and labels.shape[1] == classes:
        return labels.argmax(axis=1)
    if labels.ndim == 1 or labels.shape[1:] == (1,):
        return labels.reshape(-1).astype(np.int64)
    raise AkidError(
        f"Labels must be class numbers, or probabilities of {classes} classes. Received: {labels.shape}"
    )


def check_images(data: np.ndarray) -> None:
    """Raises an AkidError if data cannot be shown as images."""
    if data.ndim != 4 or data.shape[-1] not in (1, 3):
        raise AkidError(
            "visualize_classifying() shows images [height, width, 1 or 3], which the data of this Kid are not."
            f" Received: shape={list(data.shape[1:])}"
        )


def classifying_picture(found: Classified, names: Sequence[str] | None, directory: Path) -> Picture:
    """Draw each image with its label, green if it was taken for that, else red with what it was taken for."""
    count = len(found.labels)
    if not count:
        figure = new_figure(3.4, 0.8)
        figure.add_subplot().set_axis_off()
        figure.suptitle(f"{found.name}: there are no such examples", fontsize=8)
        return saved(figure, directory, f"{found.name}_classifying")
    columns = min(count, 8)
    rows = math.ceil(count / columns)
    figure = new_figure(1.15 * columns, 1.4 * rows + 0.3)
    for i in range(count):
        axes = figure.add_subplot(rows, columns, i + 1)
        image = to_unit(found.images[i])
        axes.imshow(image if image.shape[-1] == 3 else image[..., 0], "gray", vmin=0, vmax=1)
        axes.set_axis_off()
        label, answer = int(found.labels[i]), int(found.answers[i])
        text = _named(answer, names) if label == answer else f"{_named(answer, names)}, is {_named(label, names)}"
        sure = float(found.scores[i, answer])
        axes.set_title(f"{text}\n{sure:.0%}" if 0 <= sure <= 1 else text, fontsize=7, pad=2)
        axes.title.set_color(_RIGHT if label == answer else _WRONG)
    figure.suptitle(f"{found.name}: answer and probability; in red what was mistaken", fontsize=8)
    return saved(figure, directory, f"{found.name}_classifying")


def _named(number: int, names: Sequence[str] | None) -> str:
    return str(names[number]) if names and number < len(names) else str(number)
