"""Data that can only be read in order: a run resumes by skipping, and is looked at without reading ahead."""

from pathlib import Path

import numpy as np
import pytest
from small_kids import metrics, small_kid, values

from akid import AkidError, ArraySource, Sensor
from akid.backend import tf
from akid.sources.base import ENDLESS


class StreamSource(ArraySource):
    """Arrays that can only be read in order, again and again."""

    random_access = False
    in_memory = False

    def stream(self, split: str, skip: int) -> tf.data.Dataset:
        examples = tf.data.Dataset.from_tensor_slices(tuple(self.arrays[split]))
        return (examples.repeat() if split == "train" else examples).skip(skip)


class EndlessSource(StreamSource):
    """Has no end."""

    def size(self, split: str) -> int:
        return ENDLESS if split == "train" else super().size(split)


def sensor(kind: type[ArraySource]) -> Sensor:
    rng = np.random.default_rng(0)
    data, labels = rng.normal(size=(70, 4)).astype(np.float32), rng.integers(0, 3, 70)
    return Sensor(kind(data, labels, num_val=20), batch_size=8)


@pytest.mark.parametrize("kind", [StreamSource, EndlessSource])
def test_a_run_on_a_stream_goes_on_where_it_was(tmp_path: Path, kind: type[ArraySource]) -> None:
    straight = small_kid(tmp_path / "a", sensor=sensor(kind), max_steps=15, do_summary=kind is EndlessSource)
    straight.practice()
    small_kid(tmp_path / "b", sensor=sensor(kind), max_steps=10).practice()
    resumed = small_kid(tmp_path / "b", sensor=sensor(kind), max_steps=15)
    resumed.practice()
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    for name, value in values(straight).items():
        np.testing.assert_array_equal(values(resumed)[name], value)


def test_data_without_an_end_have_no_epochs(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, sensor=sensor(EndlessSource), max_epoch=2)
    text = r"The training examples have no end, so there are no epochs; give max_steps, not max_epoch\."
    with pytest.raises(AkidError, match=text):
        kid.setup()
