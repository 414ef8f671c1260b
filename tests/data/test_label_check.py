"""Labels are numbers of the classes of the blocks they are given to, before anything is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.files import BLOCKS, write
from kid.small_kids import small_kid

from akid import ArraySource, Brain, Sensor
from akid.backend import tf
from akid.blocks.trip import Trip
from akid.cli import main
from akid.errors import DataError
from akid.jokers import Joker
from akid.layers import (
    GroupSoftmaxWithLossLayer,
    HingeLossLayer,
    InnerProductLayer,
    SoftmaxWithLossLayer,
)
from akid.sources.images import ImageFolderSource

LABELLED = ["ip", {"name": "system_in", "idxs": [1]}]
LOSSES = {"softmax": SoftmaxWithLossLayer, "group": GroupSoftmaxWithLossLayer, "hinge": HingeLossLayer}


def kid_of(tmp_path: Path, labels: np.ndarray, loss: Any = SoftmaxWithLossLayer, **options: Any) -> Any:
    data = np.zeros([len(labels), 2], np.float32)
    source = ArraySource(data, labels, split_seed=None, name="mine", **options.pop("source", {}))
    brain = Brain("small").attach(InnerProductLayer(4, name="ip"), loss(4, name="loss", inputs=LABELLED))
    return small_kid(tmp_path, sensor=Sensor(source, 2, **options), brain=brain)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("wrong", [-1, 4, 255])
def test_a_label_that_is_no_class_is_told_with_its_example(tmp_path: Path, loss: str, wrong: int):
    labels = np.array([0, 1, 2, 3, 0, wrong, 1, 2, wrong, 3])
    message = rf"loss: a label must be .* 4 classes, 0 to 3. Received: {wrong}, of example 5 of 'train' of mine"
    with pytest.raises(DataError, match=message) as error:
        kid_of(tmp_path, labels, LOSSES[loss]).setup()
    assert (error.value.argument, error.value.block) == ("class_num", "loss")


def test_all_splits_are_looked_at(tmp_path: Path):
    kid = kid_of(tmp_path, np.array([0, 1, 2, 3, 0, 9]), source={"num_val": 2})
    with pytest.raises(DataError, match="Received: 9, of example 1 of 'val' of mine"):
        kid.setup()


def test_the_classes_of_folders_are_known_without_reading_a_picture(tmp_path: Path):
    for number in range(5):
        (tmp_path / "pictures" / f"class-{number}").mkdir(parents=True)
        picture = tf.io.encode_png(np.zeros([2, 2, 1], np.uint8))
        (tmp_path / "pictures" / f"class-{number}" / "0.png").write_bytes(picture.numpy())
    source = ImageFolderSource(str(tmp_path / "pictures"), name="mine")
    brain = Brain("small").attach(InnerProductLayer(4, name="ip"), SoftmaxWithLossLayer(4, inputs=LABELLED))
    with pytest.raises(DataError, match=r"loss1: a label must be .* Received: 4, of example 4 of 'train' of mine"):
        small_kid(tmp_path, sensor=Sensor(source, 2), brain=brain).setup()


class TensJoker(Joker):
    """Labels 10 to 13 to 0 to 3."""

    is_random = False

    def _forward(self, x: Any, trip: Trip) -> Any:
        return [x[0], x[1] - 10]


def test_labels_that_a_joker_makes_are_not_those_of_the_source(tmp_path: Path):
    kid_of(tmp_path, np.array([10, 11, 12, 13, 10, 11]), jokers=[TensJoker()]).practice()


def test_a_manifest_with_too_few_classes_is_not_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    nine = BLOCKS.replace("class_num: 10", "class_num: 9").replace("channel_num: 10", "channel_num: 9")
    for command in (["validate"], ["run", "--log-dir", str(tmp_path / "run")]):
        assert main([*command, write(tmp_path, nine)]) == 2
        told = capsys.readouterr().err
        assert told.startswith("akid: spec.kid.brain.blocks[4]: loss: a label must be the number of one of the 9")
        assert len(told.splitlines()) == 1
