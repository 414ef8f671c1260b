"""Jokers against numpy, on bytes and floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import BlockError, DataError
from akid.jokers import (
    CropJoker,
    CutoutJoker,
    FlipJoker,
    FunctionJoker,
    Joker,
    JokerSystem,
    LightJoker,
    MixupJoker,
    PadJoker,
    RescaleJoker,
    ResizeJoker,
    WhitenJoker,
)
from akid.jokers.mix import beta_quantiles
from akid.trips import Trip

DRAW = np.random.default_rng(0)
BYTES = DRAW.integers(0, 256, (40, 6, 8, 3), np.uint8)
FLOATS = (BYTES / 255.0 - 0.5).astype(np.float32)
BOTH = pytest.mark.parametrize("data", [BYTES, FLOATS], ids=["bytes", "floats"])


def played(joker: Joker, data: Any, training: bool = True) -> np.ndarray:
    return joker(tf.constant(data), Trip(training=training, step=7, seed=1)).numpy()


def draws(name: str, count: int, rows: int = 40) -> np.ndarray:
    """What a joker of this name draws first."""
    trip = Trip(training=True, step=7, seed=1)
    with trip.inside(name):
        return trip.random([rows, count]).numpy()


@BOTH
def test_pad(data: np.ndarray) -> None:
    np.testing.assert_array_equal(played(PadJoker([1, 2]), data), np.pad(data, [(0, 0), (1, 1), (2, 2), (0, 0)]))
    np.testing.assert_array_equal(played(PadJoker(0), data), data)


@BOTH
@pytest.mark.parametrize("padding", [0, 2])
def test_crop_while_training(data: np.ndarray, padding: int) -> None:
    cropped = played(CropJoker(5, 4, padding=padding), data)
    padded = np.pad(data, [(0, 0), (padding,) * 2, (padding,) * 2, (0, 0)])
    free = np.array(padded.shape[1:3]) - (5, 4)
    corners = np.floor(draws("crop", 2) * (free + 1)).astype(int)
    wanted = [image[y : y + 5, x : x + 4] for image, (y, x) in zip(padded, corners, strict=True)]
    np.testing.assert_array_equal(cropped, np.stack(wanted))
    assert cropped.dtype == data.dtype
    assert len({tuple(c) for c in corners}) > 5


def test_the_gather_for_gpus_crops_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    glimpse = played(CropJoker(5, 4, padding=1), FLOATS)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    np.testing.assert_array_equal(played(CropJoker(5, 4, padding=1), FLOATS), glimpse)


@BOTH
def test_crop_of_the_middle(data: np.ndarray) -> None:
    middle = data[:, 1:5, 2:6]
    np.testing.assert_array_equal(played(CropJoker(4, 4), data, training=False), middle)
    np.testing.assert_array_equal(played(CropJoker(4, 4, center=True), data), middle)
    np.testing.assert_array_equal(played(CropJoker(6, 8, padding=3), data, training=False), data)
    np.testing.assert_array_equal(played(CropJoker(central_fraction=0.5), data), data[:, 1:4, 2:6])
    assert CropJoker(4, 4).splits == ("train", "val", "test")


@BOTH
def test_flip(data: np.ndarray) -> None:
    flips = draws("flip", 2) < 0.5
    assert 10 < flips[:, 0].sum() < 30
    for left_right, up_down in ((True, False), (False, True), (True, True)):
        wanted = data.copy()
        wanted[flips[:, 0] & left_right] = wanted[flips[:, 0] & left_right][:, :, ::-1]
        wanted[flips[:, 1] & up_down] = wanted[flips[:, 1] & up_down][:, ::-1]
        np.testing.assert_array_equal(played(FlipJoker(left_right, up_down), data), wanted)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@BOTH
def test_resize(data: np.ndarray, method: Any) -> None:
    resized = played(ResizeJoker(3, 16, method), data)
    places = [(np.arange(new) + 0.5) * old / new - 0.5 for new, old in ((3, 6), (16, 8))]
    if method == "nearest":
        rows, columns = (np.floor(p + 0.5).astype(int) for p in places)
        np.testing.assert_array_equal(resized, data[:, rows][:, :, columns])
        return
    wanted = data.astype(np.float64)
    for axis, place in zip((1, 2), places, strict=True):
        place = np.clip(place, 0, data.shape[axis] - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, data.shape[axis] - 1)
        share = (place - low).reshape([-1, 1] if axis == 2 else [-1, 1, 1])
        wanted = np.take(wanted, low, axis) * (1 - share) + np.take(wanted, high, axis) * share
    if data.dtype == np.uint8:
        np.testing.assert_allclose(resized, np.rint(wanted), atol=1)
    np.testing.assert_allclose(resized, wanted, atol=0.5001 if data.dtype == np.uint8 else 1e-6)
    assert resized.dtype == data.dtype


@BOTH
@pytest.mark.parametrize("contrast", [True, False, [0.5, 0.7]])
@pytest.mark.parametrize("brightness", [True, False, [-0.1, 0.3]])
def test_light(data: np.ndarray, contrast: Any, brightness: Any) -> None:
    lit = played(LightJoker(contrast, brightness), data)
    drawn = draws("light", 2)[:, :, None, None, None].astype(np.float64)
    ranges = {True: (0.2, 1.8), False: (1.0, 1.0)}
    low, high = ranges[contrast] if isinstance(contrast, bool) else contrast
    mean = data.mean((1, 2), keepdims=True, dtype=np.float64)
    wanted = (data - mean) * (low + (high - low) * drawn[:, 0]) + mean
    ranges = {True: (-0.25, 0.25), False: (0.0, 0.0)}
    low, high = ranges[brightness] if isinstance(brightness, bool) else brightness
    extent = 255 if data.dtype == np.uint8 else 1
    wanted += (low + (high - low) * drawn[:, 1]) * extent
    assert lit.dtype == data.dtype
    if data.dtype == np.uint8:
        np.testing.assert_allclose(lit, np.clip(wanted, 0, 255), atol=0.501)
    else:
        np.testing.assert_allclose(lit, wanted, atol=1e-5)


@BOTH
def test_whiten(data: np.ndarray) -> None:
    data = data.copy()
    data[3] = 1
    white = played(WhitenJoker(), data, training=False)
    far = data - data.mean((1, 2, 3), keepdims=True, dtype=np.float64)
    deviation = np.maximum(data.std((1, 2, 3), keepdims=True, dtype=np.float64), 1 / np.sqrt(6 * 8 * 3))
    np.testing.assert_allclose(white, far / deviation, atol=1e-5)
    assert white.dtype == np.float32
    assert not white[3].any()


@BOTH
def test_rescale(data: np.ndarray) -> None:
    data = data.copy()
    data[3] = 0
    rescaled = played(RescaleJoker(), data)
    largest = np.maximum(np.abs(data.astype(np.float64)).max((1, 2, 3), keepdims=True), 1e-30)
    np.testing.assert_allclose(rescaled, data / largest, atol=1e-6)
    assert rescaled.dtype == np.float32
    assert np.abs(rescaled).max() == 1


@BOTH
def test_cutout(data: np.ndarray) -> None:
    cut = played(CutoutJoker([3, 4]), data)
    middles = np.floor(draws("cutout", 2) * (6, 8)).astype(int)
    wanted = data.copy()
    for image, (y, x) in zip(wanted, middles, strict=True):
        image[max(y - 1, 0) : y + 2, max(x - 2, 0) : x + 2] = 0
    np.testing.assert_array_equal(cut, wanted)


def test_mixup() -> None:
    classes, regressed = DRAW.integers(0, 5, 40).astype(np.int32), DRAW.random((40, 2)).astype(np.float32)
    share = float(draws("mixup", 1, 1)[0, 0])  # Beta(1, 1) is uniform
    batch = [tf.constant(t) for t in (FLOATS, classes, regressed)]
    data, dense, mixed = MixupJoker(1.0, 5)(batch, Trip(training=True, step=7, seed=1))
    for have, of in ((data, FLOATS), (dense, np.eye(5)[classes]), (mixed, regressed)):
        np.testing.assert_allclose(have, share * of + (1 - share) * np.roll(of, 1, 0), atol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(dense, 1), 1, atol=1e-6)
    data, dense, same = MixupJoker(1.0, 5)(batch, Trip())
    for have, of in ((data, FLOATS), (dense, np.eye(5)[classes]), (same, regressed)):
        np.testing.assert_array_equal(have, of)


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_shares_of_mixup_are_beta_distributed(alpha: float) -> None:
    quantiles = beta_quantiles(alpha)
    low = quantiles[:513]
    found = tf.math.betainc(np.float64(alpha), np.float64(alpha), low).numpy()
    np.testing.assert_allclose(found, np.linspace(0, 0.5, 513), atol=1e-5)
    np.testing.assert_allclose(quantiles[::-1], 1 - quantiles, atol=1e-12)


def test_a_function_and_a_subclass_are_jokers() -> None:
    class NoiseJoker(Joker):
        def _joke(self, data: tf.Tensor, trip: Trip) -> tf.Tensor:
            return data + trip.random(tf.shape(data))

    noise = played(NoiseJoker(name="noise"), FLOATS) - FLOATS
    assert noise.min() >= -1e-6
    assert noise.std() > 0.2
    np.testing.assert_array_equal(played(FunctionJoker(lambda d, trip: 1.0 - d), FLOATS), 1 - FLOATS)


def test_two_of_a_kind_draw_differently() -> None:
    jokers = JokerSystem("jokers").attach(CutoutJoker(1), CutoutJoker(1))
    [both] = jokers.play([tf.ones([40, 9, 9, 1])], "train", Trip(training=True))
    assert (np.sum(both.numpy() == 0, (1, 2, 3)) == 2).sum() > 30


WRONG = {
    "splits": (lambda: FlipJoker(splits=["tran"]), r"flip: splits must be of .*Did you mean 'train'.*\['tran'\]"),
    "pad": (lambda: PadJoker([1, 2, 3]), r"pad: padding must be an integer, .*>= 0. Received: \[1, 2, 3\]"),
    "crop nothing": (
        lambda: CropJoker(),
        "crop takes height and width, or central_fraction. Received: height=None",
    ),
    "crop both": (lambda: CropJoker(3, 3, central_fraction=0.5), "takes height and width, or central_fraction"),
    "crop half": (lambda: CropJoker(3), "takes height and width, .*height=3, width=None"),
    "crop zero": (lambda: CropJoker(0, 3), r"crop: \(height, width\) must be .*>= 1"),
    "crop fraction": (
        lambda: CropJoker(central_fraction=1.5),
        r"crop: central_fraction must be in \(0, 1\]. Received: 1.5",
    ),
    "crop large": (
        lambda: played(CropJoker(9, 9, padding=1), BYTES),
        "crop: the window must fit the images of 8 x 10 pixels, padding included. Received: height=9, width=9",
    ),
    "flip": (lambda: FlipJoker(False), "flip flips neither left and right nor up and down; leave it out"),
    "resize": (lambda: ResizeJoker(2, 2, "linear"), "resize: method must be .*Did you mean 'bilinear'"),  # type: ignore[arg-type]
    "light": (
        lambda: LightJoker([2.0, 1.0]),
        r"light: contrast must be true, false or \[lowest, highest\]. Received: \[2.0, 1.0\]",
    ),
    "cutout": (lambda: CutoutJoker(0), "cutout: size must be .*>= 1"),
    "alpha": (lambda: MixupJoker(0.0), "mixup: alpha must be > 0. Received: alpha=0.0"),
    "mixup data": (
        lambda: played(MixupJoker(), BYTES),
        r"mixup changes labels too: it plays on \[data, \*labels\]. Received: data alone",
    ),
    "mixup classes": (
        lambda: MixupJoker()([tf.zeros([4, 2]), tf.zeros([4], tf.int32)]),
        r"mixup needs class_num for each label that is a class number \[batch\]. Received: class_num=None",
    ),
    "function": (lambda: FunctionJoker(3), r"function must be callable as f\(data, trip\)"),  # type: ignore[arg-type]
    "nothing": (
        lambda: played(FunctionJoker(lambda d, t: None), BYTES),
        "must return the changed data. Received: None",
    ),
    "rank": (
        lambda: played(FlipJoker(), BYTES[0]),
        r"'flip' plays on images \[batch, height, width, channel\] of a known size. Received: shape=\(6, 8, 3\)",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_use_is_told(wrong: str) -> None:
    use, message = WRONG[wrong]
    with pytest.raises((BlockError, DataError), match=message):
        use()
