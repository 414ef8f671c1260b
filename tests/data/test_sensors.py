"""A sensor is a function of the step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from akid.backend import tf
from akid.errors import DataError
from akid.jokers import (
    CropJoker,
    CutoutJoker,
    FlipJoker,
    FunctionJoker,
    Joker,
    LightJoker,
    MixupJoker,
    PadJoker,
    RescaleJoker,
    ResizeJoker,
    WhitenJoker,
)
from akid.sensors import FeedSensor, Sensor
from akid.sources import ArraySource, DigitsSource
from akid.sources.reading import ReadingSource


class PythonSource(ReadingSource):
    """The same examples, read by Python."""

    def __init__(self, arrays: dict[str, list[np.ndarray]]) -> None:
        super().__init__(scale=True)
        self.arrays = arrays

    def _setup(self) -> None:
        pass

    def size(self, split: str) -> int:
        return len(self.arrays[split][0]) if split in self.arrays else 0

    def signature(self) -> list[tf.TensorSpec]:
        return [tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in self.arrays["train"]]

    def read(self, split: str, indices: np.ndarray) -> list[np.ndarray]:
        return [a[indices] for a in self.arrays[split]]


def all_jokers() -> list[Joker]:
    """One of each, the one that mixes rows last."""
    return [
        LightJoker(),
        FlipJoker(True, True),
        CropJoker(7, 6, padding=2),
        CutoutJoker([3, 2]),
        PadJoker(1),
        ResizeJoker(8, 8),
        FunctionJoker(lambda data, trip: data + trip.random(tf.shape(data), "normal")),
        WhitenJoker(),
        RescaleJoker(),
        MixupJoker(1.0, 10),
    ]


def sensor_of(jokers: list[Joker] | None = None, python: bool = False, **options: Any) -> Sensor:
    draw = np.random.default_rng(1)
    data, labels = draw.integers(0, 256, (50, 8, 8, 3), np.uint8), np.arange(50, dtype=np.int32) % 10
    source: Any = ArraySource(data, labels, num_val=11, num_test=7, scale=True, split_seed=None)
    if python:
        source.setup()
        source = PythonSource({s: list(a) for s, a in source.arrays.items()})
    sensor = Sensor(source, **{"batch_size": 8, "val_batch_size": 4, "seed": 3, "jokers": jokers or [], **options})
    sensor.setup()
    return sensor


def same(a: Any, b: Any) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def stepped(sensor: Sensor, split: str) -> Any:
    batches = iter(sensor.dataset(split, 2))
    return lambda step: next(batches)


FORMS = {
    "eager": lambda sensor, split: lambda step: sensor.batch(step, split),
    "graph": lambda sensor, split: tf.function(lambda step: sensor.batch(step, split), autograph=False),
    "feed": lambda sensor, split: sensor.feed(split, 2),
    "feed in a graph": lambda sensor, split: tf.function(sensor.feed(split, 2), autograph=False),
    "dataset": stepped,
}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("python", [False, True], ids=["in memory", "read"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_batch_of_a_step_and_resumes(form: str, python: bool, split: str) -> None:
    reference = sensor_of(all_jokers())
    ask = FORMS[form](sensor_of(all_jokers(), python), split)
    steps = range(2, 3) if split == "val" else range(2, 7)
    for step in steps:
        same(ask(tf.constant(step, tf.int64)), reference.batch(step, split))


def test_a_batch_does_not_depend_on_what_was_asked_before() -> None:
    sensor, other = sensor_of(all_jokers()), sensor_of(all_jokers())
    asked = {step: sensor.batch(step) for step in (40, 0, 3, 3, 17, 1)}
    for step in sorted(asked):
        same(other.batch(step), asked[step])
        same(sensor.batch(step), asked[step])


@pytest.mark.parametrize("python", [False, True], ids=["in memory", "read"])
@pytest.mark.parametrize("mixing", [False, True], ids=["by row", "mixing rows"])
def test_slices_for_workers_are_the_batch_bit_by_bit(mixing: bool, python: bool) -> None:
    sensor = sensor_of(all_jokers() if mixing else all_jokers()[:-1], python)
    for split, step in (("train", 3), ("val", 1), ("val", 2)):
        whole = sensor.batch(step, split)
        size = 8 if split == "train" else 4
        for count in (2, size // 2):
            slices = [(start, count) for start in range(0, size, count)]
            eager = [sensor.batch(step, split, rows=rows) for rows in slices]
            same([np.concatenate(parts) for parts in zip(*eager, strict=True)], whole)
            feeds = [sensor.feed(split, step, rows)(tf.constant(step, tf.int64)) for rows in slices]
            same([np.concatenate(parts) for parts in zip(*feeds, strict=True)], whole)


def test_a_slice_may_begin_at_a_tensor_and_keeps_its_static_size() -> None:
    sensor = sensor_of([FlipJoker()])

    @tf.function(autograph=False)
    def part(start: tf.Tensor) -> list[tf.Tensor]:
        batch = sensor.batch(tf.constant(5), rows=(start, 3))
        assert batch[0].shape == (3, 8, 8, 3)
        return batch

    same(part(tf.constant(4)), [t[4:7] for t in sensor.batch(5)])


@given(
    size=st.integers(1, 40),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32),
    first=st.integers(0, 10**6),
    shuffle=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_every_epoch_is_a_permutation_and_forms_agree(
    size: int, share: float, seed: int, first: int, shuffle: bool
) -> None:
    batch_size = 1 + int(share * (size - 1))
    sensor = Sensor(ArraySource(np.arange(size), split_seed=None), batch_size, seed=seed, shuffle=shuffle)
    sensor.setup()
    epoch = first * batch_size // size
    begin, end = epoch * size // batch_size, -(-(epoch + 2) * size // batch_size)
    eager = np.concatenate([sensor.data(step) for step in range(begin, end)])
    start = epoch * size - begin * batch_size
    for k in range(2):
        order = eager[start + k * size : start + (k + 1) * size]
        assert sorted(order) == list(range(size))
        assert shuffle or list(order) == list(range(size))
    piped = [batch[0] for batch, _ in zip(sensor.dataset("train", begin), range(begin, end), strict=False)]
    np.testing.assert_array_equal(np.concatenate(piped), eager)
    graph = tf.function(lambda step: sensor.batch(step)[0], autograph=False)
    np.testing.assert_array_equal(graph(tf.constant(begin, tf.int64)), eager[:batch_size])


def test_epochs_differ_and_so_do_seeds() -> None:
    sensor, other = sensor_of(batch_size=32), sensor_of(batch_size=32, seed=4)
    first, second = (np.concatenate([sensor.labels(s) for s in steps])[:32] for steps in ((0,), (1,)))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other.labels(0))


def test_validation_runs_once_in_order_and_ends_with_a_smaller_batch() -> None:
    sensor = sensor_of()
    assert (sensor.num_batches("train"), sensor.num_batches("val"), sensor.num_batches("test")) == (4, 3, 2)
    batches = list(sensor.batches("val"))
    assert [len(b[0]) for b in batches] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), np.arange(32, 43) % 10)
    assert [len(b[0]) for b in sensor.dataset("test")] == [4, 3]
    assert len(sensor.batch(2, "val", rows=(3, 1))[0]) == 0
    assert len(sensor.batch(2, "val", rows=(2, 2))[0]) == 1


def test_jokers_play_in_the_splits_they_name() -> None:
    add = [
        FunctionJoker(lambda d, _, n=n: d + n, splits) for n, splits in ((1.0, ["train"]), (2.0, ["val", "test"]))
    ]
    sensor, plain = sensor_of(add), sensor_of()
    for split, added in (("train", 1.0), ("val", 2.0), ("test", 2.0)):
        np.testing.assert_allclose(sensor.data(0, split), plain.data(0, split) + added)
        same(sensor.batch(0, split, augment=False), plain.batch(0, split))


def test_data_and_labels_are_the_paper_s() -> None:
    sensor = FeedSensor(name="Sensor", source_in=DigitsSource())
    sensor.setup()
    assert sensor.data().shape == (100, 8, 8, 1)
    assert sensor.labels().shape == (100,)
    several = Sensor(ArraySource(np.zeros([9, 2]), [np.arange(9), np.ones(9)]), 3)
    several.setup()
    assert [len(t) for t in [several.data(), *several.labels()]] == [3, 3, 3]


def test_the_signature_is_that_of_the_batches() -> None:
    sensor = sensor_of(all_jokers())
    assert [(s.shape[1:], s.dtype) for s in sensor.signature()] == [
        (t.shape[1:], t.dtype) for t in sensor.batch(0)
    ]


WRONG = {
    "source": (lambda: Sensor(), r"A Sensor needs a source. Received: source=None"),
    "batch_size": (lambda: sensor_of(batch_size=0), "batch_size must be >= 1. Received: batch_size=0"),
    "val_batch_size": (
        lambda: sensor_of(val_batch_size=-1),
        "val_batch_size must be >= 1. Received: val_batch_size=-1",
    ),
    "too large": (
        lambda: sensor_of(batch_size=33),
        "sensor: batch_size must be at most the 32 training examples of 'ArraySource'. Received: batch_size=33",
    ),
    "split": (
        lambda: sensor_of().batch(0, "vla"),
        r"split must be one of \('train', 'val', 'test'\). Did you mean 'val'\? Received: split='vla'",
    ),
    "not set up": (
        lambda: Sensor(DigitsSource()).data(),
        r"sensor is not set up: call sensor.setup\(\) before it is asked for data",
    ),
    "step": (lambda: sensor_of().batch(-1), "step must be >= 0. Received: step=-1"),
    "val step": (
        lambda: sensor_of().batch(3, "val"),
        "step must be >= 0 and at most 2, the last batch of 'val'. Received: step=3",
    ),
    "no test": (lambda: ready_without_val().batch(0, "val"), "sensor: 'ArraySource' has no 'val' examples"),
    "no val data": (lambda: ready_without_val().dataset("val"), "sensor: 'ArraySource' has no 'val' examples"),
    "rows": (
        lambda: sensor_of().batch(0, rows=(6, 3)),
        r"rows=\(start, count\) must lie within the batch of 8 and count be >= 1. Received: rows=\(6, 3\)",
    ),
    "no rows": (lambda: sensor_of().feed("train", rows=(6, 0))(0), r"count be >= 1. Received: rows=\(6, 0\)"),
    "lengths": (
        lambda: Sensor(ArraySource(np.zeros(3), np.zeros(4))).setup(),
        r"data and labels must have the same length. Received for 'train': \[3, 4\]",
    ),
}


def ready_without_val() -> Sensor:
    sensor = Sensor(ArraySource(np.zeros([9, 2])), 3)
    sensor.setup()
    return sensor


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_use_is_told(wrong: str) -> None:
    use, message = WRONG[wrong]
    with pytest.raises(DataError, match=message):
        use()
