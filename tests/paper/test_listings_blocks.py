"""The listings of the paper's section 3.1.1, as near verbatim as Python allows."""

from __future__ import annotations

import numpy as np
import pytest

from akid import Brain, DigitsSource, FeedSensor
from akid.layers import (
    ConvolutionLayer,
    InnerProductLayer,
    PoolingLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
)

# The listing's class, as printed but for the lines' breaks.


class OneLayerBrain(Brain):
    def __init__(self, **kwargs):
        super(OneLayerBrain, self).__init__(**kwargs)  # noqa: UP008
        self.attach(
            ConvolutionLayer(
                ksize=[5, 5],
                strides=[1, 1, 1, 1],
                padding="SAME",
                out_channel_num=32,
                name="conv1",
            )
        )
        self.attach(ReLULayer(name="relu1"))
        self.attach(PoolingLayer(ksize=[1, 5, 5, 1], strides=[1, 5, 5, 1], padding="SAME", name="pool1"))
        self.attach(InnerProductLayer(out_channel_num=10, name="ip1"))
        self.attach(
            SoftmaxWithLossLayer(
                class_num=10,
                inputs=[{"name": "ip1", "idxs": [0]}, {"name": "system_in", "idxs": [1]}],
                name="loss",
            )
        )


@pytest.fixture
def sensor():
    # "... first get a feed sensor"
    return FeedSensor(source_in=DigitsSource(), batch_size=20)


def test_a_brain_is_set_up_with_a_batch(sensor):
    sensor.setup()
    brain = OneLayerBrain(name="brain")
    input = [sensor.data(), sensor.labels()]
    brain.setup(input)
    # "offers sub-graphs for inference, loss, evaluation"; "provides access to all data and parameters within"
    assert np.isclose(float(brain.loss), np.log(10), atol=1.0)
    assert set(brain.eval) == {"loss/accuracy"}
    assert brain.data["relu1"].shape == (20, 8, 8, 32)
    assert brain["conv1/weights"].shape == (5, 5, 1, 32)


def test_the_one_layer_brain_of_the_library_is_the_paper_s(sensor):
    from akid.models.brains import OneLayerBrain as Ready

    sensor.setup()
    input = [sensor.data(), sensor.labels()]
    mine, ready = OneLayerBrain(name="brain"), Ready(name="brain")
    assert float(mine.setup(input)) == float(ready.setup(input))
    assert list(mine.parameters) == list(ready.parameters)


def test_labels_may_be_a_list():
    # The paper: "If it does not, saying return a list of tensors, you need do things like" this.
    from akid import ArraySource

    images, labels = np.zeros([40, 8, 8, 1], np.float32), np.arange(40, dtype=np.int64) % 10
    sensor = FeedSensor(source_in=ArraySource(images, [labels, labels]), batch_size=20)
    sensor.setup()
    input = [sensor.data()]
    input.extend(sensor.labels())
    brain = OneLayerBrain(name="brain")
    brain.setup(input)
    assert len(input) == 3
    assert np.isfinite(float(brain.loss))


def test_all_blocks_work_this_way(sensor):
    # "Similarly, all blocks work this way."
    sensor.setup()
    conv = ConvolutionLayer(ksize=[5, 5], out_channel_num=3, name="conv1")
    assert conv(sensor.data()).shape == (20, 8, 8, 3)
