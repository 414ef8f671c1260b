"""Prediction: batched, traced once, by name; which signals are data; raw data; single activations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_kids import blobs, small_brain, small_kid

from akid import AkidError, ArraySource, Brain, DataError, Joker, Kid, PadJoker, ProcessingLayer, Sensor
from akid.backend import tf
from akid.inference.predictor import Predictor
from akid.layers import (
    AccuracyLayer,
    ConcatLayer,
    ConvolutionLayer,
    InnerProductLayer,
    MSELossLayer,
    ReLULayer,
    SoftmaxWithLossLayer,
)


def second(name: str) -> list[Any]:
    return [name, {"name": "system_in", "idxs": [1]}]


def predictor(brain: Brain, *shapes: list[int], labels: int = 1) -> Predictor:
    signature = [tf.TensorSpec([None, *shape], tf.float32) for shape in shapes]
    signature += [tf.TensorSpec([None], tf.int64)] * labels
    brain.build(signature)
    return Predictor(brain, signature)


def test_predictions_come_by_full_name_the_main_one_first(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    data = np.random.default_rng(1).normal(size=(23, 4)).astype(np.float32)
    found = kid.predict(data)
    assert list(found) == ["ip2", "loss"]
    ip1 = np.maximum(data @ kid.brain["ip1/weights"].numpy(), 0)
    np.testing.assert_allclose(found["ip2"], ip1 @ kid.brain["ip2/weights"].numpy(), rtol=1e-5, atol=1e-6)
    exp = np.exp(found["ip2"])
    np.testing.assert_allclose(found["loss"], exp / exp.sum(1, keepdims=True), rtol=1e-5)
    assert list(kid.predict(data, outputs=["loss"])) == ["loss"]
    np.testing.assert_array_equal(kid.predict(data[:0])["ip2"], np.zeros([0, 3]))
    np.testing.assert_allclose(kid.predict([data])["ip2"], found["ip2"])
    np.testing.assert_allclose(kid.predict(data.tolist())["ip2"], found["ip2"], rtol=1e-6)


def test_prediction_is_traced_once(tmp_path: Path) -> None:
    traces: list[int] = []

    class Counting(ProcessingLayer):
        def _forward(self, x: Any, trip: Any) -> Any:
            traces.append(1)
            return x

    brain = Brain().attach(Counting("count"), InnerProductLayer(2, name="ip1"))
    predict = predictor(brain, [4])
    before = len(traces)
    for size in (1, 7, 100, 250):
        assert predict(np.zeros([size, 4], np.float32))["ip1"].shape == (size, 2)
    assert len(traces) == before


def test_an_unknown_output_is_an_error(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    text = r"The brain infers no output 'ip22'\. Did you mean 'ip2'\? Received: outputs=\['ip22'\]"
    with pytest.raises(AkidError, match=text):
        kid.predict(np.zeros([1, 4]), outputs=["ip22"])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.zeros([4]), r"The brain takes data of shape \['examples', 4\], .* Received: shape=\(4,\)"),
        (np.zeros([2, 5]), r"Received: shape=\(2, 5\)"),
        (3.0, r"Received: shape=\(\)"),
    ],
)
def test_data_of_another_shape_are_an_error(tmp_path: Path, data: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        small_kid(tmp_path).predict(data)


def test_a_brain_of_several_inputs_losses_and_measures() -> None:
    brain = Brain().attach(
        InnerProductLayer(3, name="left", inputs=[{"name": "system_in", "idxs": [0]}]),
        InnerProductLayer(2, name="right", inputs=[{"name": "system_in", "idxs": [1]}]),
        ConcatLayer(inputs=["left", "right"], name="both"),
        InnerProductLayer(3, name="head1", inputs=["both"]),
        SoftmaxWithLossLayer(3, name="loss1", inputs=["head1", {"name": "system_in", "idxs": [2]}]),
        InnerProductLayer(2, name="head2", inputs=["both"]),
        SoftmaxWithLossLayer(2, name="loss2", inputs=["head2", {"name": "system_in", "idxs": [3]}]),
        AccuracyLayer(inputs=["head2", {"name": "system_in", "idxs": [3]}], name="measure"),
    )
    predict = predictor(brain, [4], [5], labels=2)
    assert predict.outputs == ["head2", "head1", "loss2", "loss1"]
    found = predict([np.ones([6, 4]), np.ones([6, 5])], batch_size=4)
    assert {name: value.shape for name, value in found.items()} == {
        "head2": (6, 2), "head1": (6, 3), "loss2": (6, 2), "loss1": (6, 3)
    }  # fmt: skip
    with pytest.raises(
        DataError, match=r"The brain takes a list of 2 arrays, \['data_0', 'data_1'\]\. Received: nd"
    ):
        predict(np.ones([6, 4]))
    with pytest.raises(DataError, match=r"as many examples of each\. Received: shape=\[\(6, 4\), \(5, 5\)\]"):
        predict([np.ones([6, 4]), np.ones([5, 5])])


def test_an_autoencoders_target_is_its_data() -> None:
    brain = Brain().attach(
        InnerProductLayer(2, name="code"),
        InnerProductLayer(4, name="back"),
        MSELossLayer(name="loss", inputs=["back", {"name": "system_in", "idxs": [0]}]),
    )
    predict = predictor(brain, [4], labels=0)
    assert predict(np.ones([2, 4]))["back"].shape == (2, 4)


def test_nested_brains_with_a_loss_inside() -> None:
    head = Brain("head", inputs=["ip1", {"name": "system_in", "idxs": [1]}]).attach(
        InnerProductLayer(3, name="ip2"), SoftmaxWithLossLayer(3, name="loss", inputs=second("ip2"))
    )
    brain = Brain().attach(InnerProductLayer(5, name="ip1"), head)
    predict = predictor(brain, [4])
    assert predict.outputs == ["head/ip2", "head/loss"]
    assert predict(np.ones([2, 4]))["head/ip2"].shape == (2, 3)


def test_a_label_on_its_way_through_a_block_is_still_a_label() -> None:
    class OneHot(ProcessingLayer):
        def _forward(self, x: Any, trip: Any) -> Any:
            return tf.one_hot(x, 3)

    brain = Brain().attach(
        InnerProductLayer(3, name="ip1"),
        OneHot("hot", inputs=[{"name": "system_in", "idxs": [1]}]),
        SoftmaxWithLossLayer(3, name="loss", inputs=["ip1", "hot"]),
    )
    predict = predictor(brain, [4])
    assert predict.outputs == ["ip1", "loss"]


def test_a_brain_without_a_loss_predicts() -> None:
    brain = Brain().attach(InnerProductLayer(3, name="ip1"), ReLULayer(name="relu1"))
    assert predictor(brain, [4], labels=0)(np.ones([2, 4]))["relu1"].shape == (2, 3)


def test_a_brain_that_infers_nothing_says_so() -> None:
    brain = Brain("mute").attach(
        MSELossLayer(name="loss", inputs=[{"name": "system_in", "idxs": [0]}, {"name": "system_in", "idxs": [1]}])
    )
    with pytest.raises(AkidError, match="The brain 'mute' infers nothing: no block runs without labels"):
        predictor(brain, [1], [1], labels=0)


class FlipJoker(Joker):
    """Turns every example round; in the test split too."""

    is_random = False

    def _joke(self, data: Any, trip: Any) -> Any:
        return data[:, ::-1]


class NoiseJoker(Joker):
    """In training only."""

    def _joke(self, data: Any, trip: Any) -> Any:
        return data + trip.random(tf.shape(data), "normal")


def raw_kid(log_dir: Path) -> Kid:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 255, [40, 6, 6, 1], np.uint8), rng.integers(0, 3, 40)
    source = ArraySource(images, labels, num_val=10, center=True, scale=True)
    brain = Brain("raw").attach(
        ConvolutionLayer(3, out_channel_num=2, name="conv1"),
        InnerProductLayer(3, name="ip1"),
        SoftmaxWithLossLayer(3, name="loss", inputs=second("ip1")),
    )
    sensor = Sensor(source, batch_size=8, jokers=[PadJoker([1, 1]), FlipJoker(), NoiseJoker()])
    return small_kid(log_dir, sensor=sensor, brain=brain)


def test_raw_data_are_prepared_as_the_test_split_is(tmp_path: Path) -> None:
    kid = raw_kid(tmp_path)
    kid.practice()
    images = kid.sensor.source.arrays["val"][0]
    prepared = np.pad((images.astype(np.float32) - 127.5) / 255.0, [[0, 0], [1, 1], [1, 1], [0, 0]])[:, ::-1]
    expected = kid.predict(prepared)["ip1"]
    np.testing.assert_allclose(kid.predict(images, raw=True)["ip1"], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(DataError, match=r"takes data of shape \['examples', 6, 6, 1\]"):
        kid.predict(prepared, raw=True)


def test_activations_by_name(tmp_path: Path) -> None:
    kid = small_kid(tmp_path)
    batch = np.asarray(kid_batch(kid))
    np.testing.assert_allclose(
        kid.data("relu1"), np.maximum(batch @ kid.brain["ip1/weights"].numpy(), 0), rtol=1e-5, atol=1e-6
    )
    assert kid.data("ip2", "val").shape == (8, 3)
    with pytest.raises(KeyError, match=r"has no block 'relu11'\. Did you mean 'relu1'"):
        kid.data("relu11")


def kid_batch(kid: Kid) -> Any:
    kid.setup()
    return kid.sensor.batch(0, "train")[0]


def test_a_measured_kid_agrees_with_its_predictions(tmp_path: Path) -> None:
    kid = small_kid(tmp_path, sensor=Sensor(blobs(), batch_size=8, val_batch_size=7), brain=small_brain())
    kid.practice()
    data, labels = kid.sensor.source.arrays["val"]
    accuracy = np.mean(kid.predict(data)["ip2"].argmax(1) == labels)
    assert kid.validate()[1]["accuracy"] == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.full([2, 6, 6, 1], 0.9), "0.9"),
        (np.full([2, 6, 6, 1], 256), "256"),
        (np.full([2, 6, 6, 1], -1, np.int8), "-1"),
        (np.full([2, 6, 6, 1], np.nan, np.float32), "nan"),
    ],
    ids=["fraction", "too large", "negative", "nan"],
)
def test_raw_data_that_the_source_cannot_hold_are_refused(tmp_path: Path, data: Any, text: str) -> None:
    words = (
        r"The brain takes data of dtype uint8, whole numbers from 0 to 255. Data that are prepared already are"
        rf" given without raw=True. Received: .*{text}"
    )
    with pytest.raises(DataError, match=words):
        raw_kid(tmp_path).predict(data, raw=True)


def test_whole_numbers_of_any_type_are_raw_data(tmp_path: Path) -> None:
    kid = raw_kid(tmp_path)
    images = np.random.default_rng(3).integers(0, 2, [4, 6, 6, 1])
    expected = kid.predict(images.astype(np.uint8), raw=True)["ip1"]
    for dtype in (np.float64, np.int64, bool):
        np.testing.assert_array_equal(kid.predict(images.astype(dtype), raw=True)["ip1"], expected)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.full([1, 4], 1e39), r"dtype float32, numbers from -3.4\S+ to 3.4\S+ Received: .*1e\+39"),
        (np.full([1, 4], "x"), "The data must be numbers. Received: an array of dtype <U1"),
        ([[1.0, 2.0], [3.0]], "The data must be an array, or a list of arrays; those given have no shape"),
    ],
    ids=["too large", "text", "ragged"],
)
def test_data_that_are_no_numbers_of_the_brain_are_refused(tmp_path: Path, data: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        small_kid(tmp_path).predict(data)
