"""A sensor's batch is a function of (seed, step, split), wherever and in whatever order it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from akid.backend import tf
from akid.jokers import CropJoker, CutoutJoker, FlipJoker, LightJoker, MixupJoker, PadJoker
from akid.sensors import FeedSensor, Sensor
from akid.sources import ArraySource, DigitsSource

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 6, 5, 3), np.uint8)
NUMBERS = np.arange(23, dtype=np.int32)


def numbered(size, batch_size, val=0, **options):
    """A sensor whose examples are their own numbers; those of validation are the last."""
    numbers = np.arange(size + val)
    source = ArraySource(numbers.astype(np.float32), numbers, num_val=val, split_seed=None)
    sensor = Sensor(source, batch_size, **options)
    sensor.setup()
    return sensor


def pictures(jokers=None, batch_size=8, num_val=0, **options):
    default = [CropJoker(6, 5, padding=2), FlipJoker(), LightJoker(), CutoutJoker(2)]
    source = ArraySource(IMAGES, [NUMBERS, NUMBERS + 100], num_val=num_val, scale=True)
    sensor = Sensor(source, batch_size, jokers=default if jokers is None else jokers, **options)
    sensor.setup(3)
    return sensor


def order(sensor, steps):
    """The examples of some training steps, one after the other."""
    batches = [sensor.batch(step) for step in steps]
    for data, label in batches:
        assert data.dtype == tf.float32
        np.testing.assert_array_equal(data, label)
    return np.concatenate([label.numpy() for _, label in batches])


@st.composite
def sizes(draw):
    size = draw(st.integers(1, 30))
    return size, draw(st.integers(1, size))


@given(sizes(), st.integers(0, 2**40), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_each_example_comes_once_an_epoch_even_if_batches_span_two(size_batch, seed, epoch):
    size, batch = size_batch
    sensor = numbered(size, batch, seed=seed)
    first = epoch * size // batch
    last = -(-(epoch + 2) * size // batch)
    examples = order(sensor, range(first, last))
    start = epoch * size - first * batch
    for one_epoch in np.split(examples[start : start + 2 * size], 2):
        assert sorted(one_epoch) == list(range(size))


@given(sizes(), st.integers(0, 10**6), st.integers(0, 2**31), st.booleans())
@settings(max_examples=8, deadline=None)
def test_a_pipeline_from_any_step_gives_the_batches_of_the_steps(size_batch, step, seed, shuffle):
    sensor = numbered(*size_batch, seed=seed, shuffle=shuffle)
    pipeline = sensor.dataset("train", step).take(3).as_numpy_iterator()
    np.testing.assert_array_equal([b[1] for b in pipeline], np.split(order(sensor, range(step, step + 3)), 3))


@given(sizes(), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_without_shuffling_the_examples_come_in_order(size_batch, step):
    size, batch = size_batch
    examples = order(numbered(size, batch, shuffle=False), [step, step + 1])
    np.testing.assert_array_equal(examples, (step * batch + np.arange(2 * batch)) % size)


@given(st.permutations(range(12)))
@settings(max_examples=10, deadline=None)
def test_a_batch_does_not_depend_on_what_was_asked_before(steps):
    asked = {step: order(SHUFFLED, [step]) for step in steps}
    np.testing.assert_array_equal(np.concatenate([asked[s] for s in range(12)]), ORDER)


SHUFFLED = numbered(20, 7, seed=1)
ORDER = order(SHUFFLED, range(12))


def test_epochs_seeds_and_splits_of_seeds_have_orders_of_their_own():
    orders = [
        order(numbered(20, 20, seed=seed), [epoch])[:20] for seed in (0, 1, -1, 2**33) for epoch in (0, 1, 2)
    ]
    assert len({o.tobytes() for o in orders}) == len(orders)


def equal(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "jokers", [None, [MixupJoker(1.0, class_num=[23, 123]), FlipJoker()]], ids=["rows", "mixup"]
)
def test_a_batch_is_the_same_in_eager_code_a_graph_a_pipeline_and_a_feed(jokers):
    sensor = pictures(jokers)
    in_graph = tf.function(sensor.batch, autograph=False)
    fed = tf.function(sensor.feed("train"), autograph=False)
    pipeline = sensor.dataset("train", 4).as_numpy_iterator()
    for step in range(4, 8):
        eager = [t.numpy() for t in sensor.batch(step)]
        clock = tf.constant(step, tf.int64)
        for other in (
            in_graph(clock),
            fed(clock),
            sensor.batch(clock),
            next(pipeline),
            pictures(jokers).batch(step),
        ):
            equal([np.asarray(t) for t in other], eager)


def test_steps_may_be_looped_over_inside_a_graph():
    sensor = numbered(10, 4, seed=2)

    @tf.function(autograph=False)
    def steps(first):
        numbers = tf.TensorArray(tf.int64, 6)
        return tf.while_loop(
            lambda i, _: i < 6,
            lambda i, a: (i + 1, a.write(i, sensor.batch(first + tf.cast(i, tf.int64))[1])),
            (0, numbers),
        )[1].concat()

    np.testing.assert_array_equal(steps(tf.constant(3, tf.int64)), order(sensor, range(3, 9)))


def test_a_step_may_be_an_array_or_a_variable():
    sensor = numbered(10, 4)
    for step in (np.int64(3), np.int32(3), tf.constant(3), tf.Variable(3, dtype=tf.int64)):
        np.testing.assert_array_equal(sensor.batch(step)[1], order(sensor, [3]))


@pytest.mark.parametrize(("val", "size"), [(10, 4), (8, 4), (3, 4), (1, 1)])
def test_validation_runs_in_order_and_its_last_batch_may_be_smaller(val, size):
    sensor = numbered(20, 5, val=val, val_batch_size=size)
    expected = [list(range(20 + i, 20 + min(i + size, val))) for i in range(0, val, size)]
    assert sensor.num_batches("val") == len(expected)
    in_graph = tf.function(sensor.feed("val"), autograph=False)
    clocks = [tf.constant(i, tf.int64) for i in range(len(expected))]
    for batches in (
        [sensor.batch(i, "val") for i in range(len(expected))],
        [in_graph(clock) for clock in clocks],
        sensor.batches("val"),
        sensor.dataset("val"),
    ):
        assert [b[1].numpy().tolist() for b in batches] == expected
    rest = [b[1].numpy().tolist() for b in sensor.dataset("val", len(expected) - 1)]
    assert rest == expected[-1:]


def test_batches_gives_a_split_once():
    sensor = numbered(10, 4, val=6)
    assert [len(b[0]) for b in sensor.batches("train")] == [4, 4, 4]
    assert [len(b[0]) for b in sensor.batches("val")] == [4, 2]


def test_val_batch_size_is_batch_size_if_left_out():
    assert numbered(10, 4, val=6).num_batches("val") == 2
    assert numbered(10, 4, val=6, val_batch_size=1).num_batches("val") == 6


def test_jokers_play_where_they_should_and_not_on_raw_batches():
    sensor = pictures([PadJoker(1), FlipJoker(splits=["val"])], num_val=5, batch_size=4)
    raw = sensor.batch(0, "val", augment=False)[0].numpy()
    played = sensor.batch(0, "val")[0].numpy()[:, 1:-1, 1:-1]
    mirrored = (played == raw[:, :, ::-1]).all((1, 2, 3))
    assert 0 < mirrored.sum() < 4
    np.testing.assert_array_equal(played[~mirrored], raw[~mirrored])
    np.testing.assert_array_equal(sensor.data()[:, 1:-1, 1:-1], sensor.batch(0, augment=False)[0])


def test_jokers_are_attached_in_order():
    sensor = pictures([PadJoker(1)]).attach(CropJoker(3, 3, center=True), PadJoker(2))
    assert [j.name for j in sensor.jokers] == ["pad1", "crop1", "pad2"]
    assert sensor.data().shape == [8, 7, 7, 3]


def test_data_and_labels_are_those_of_a_batch():
    sensor = pictures(num_val=5)
    data, *labels = sensor.batch(0)
    equal([sensor.data(), *sensor.labels()], [data, *labels])
    equal([sensor.data(1), *sensor.labels(1)], sensor.batch(1))
    equal([sensor.data(0, "val"), *sensor.labels(split="val")], sensor.batch(0, "val"))
    np.testing.assert_array_equal(labels[0] + 100, labels[1])
    one = numbered(10, 4)
    np.testing.assert_array_equal(one.labels(), one.batch(0)[1])


def test_there_may_be_no_labels():
    sensor = Sensor(ArraySource(IMAGES), 4)
    sensor.setup()
    assert len(sensor.batch(0)) == 1
    assert sensor.labels() == []


def test_the_signature_is_that_of_the_batches():
    sensor = pictures([CropJoker(4, 3), MixupJoker(class_num=[23, 123])])
    specs, batch = sensor.signature(), sensor.batch(0)
    assert [s.dtype for s in specs] == [t.dtype for t in batch]
    assert [s.shape.as_list() for s in specs] == [[None, *t.shape[1:]] for t in batch]
    traced = tf.function(sensor.batch, autograph=False).get_concrete_function(tf.TensorSpec([], tf.int64))
    assert all(None not in t.shape[1:] for t in traced.structured_outputs)


def test_the_sensors_own_seed_comes_before_the_kids():
    def setup(own, *given):
        sensor = numbered(20, 20, seed=own)
        for seed in given:
            sensor.setup(seed)
        return order(sensor, [0]).tolist()

    assert setup(5, 1) == setup(5) == setup(5, 1, 2)
    assert setup(None, 1) == setup(1)
    assert setup(None) == setup(0)
    assert len({tuple(setup(seed)) for seed in (0, 1, 5)}) == 3


def test_a_set_up_without_a_seed_leaves_it_to_the_kid_which_fixes_it():
    sensor = numbered(20, 20)
    before = order(sensor, [0]).tolist()
    sensor.setup(7)
    assert order(sensor, [0]).tolist() == order(numbered(20, 20, seed=7), [0]).tolist() != before
    sensor.setup(8)
    assert sensor.seed == 7


def test_the_seed_is_the_jokers_too():
    def played(seed):
        sensor = Sensor(ArraySource(IMAGES), 23, jokers=[FlipJoker()], shuffle=False, seed=seed)
        sensor.setup()
        return sensor.data().numpy()

    np.testing.assert_array_equal(played(1), played(1))
    assert not np.array_equal(played(1), played(2))


def test_the_papers_spellings():
    sensor = FeedSensor(source_in=DigitsSource(num_val=300, num_test=97), batch_size=50, name="digits")
    sensor.setup()
    assert [sensor.size(s) for s in ("train", "val", "test")] == [1400, 300, 97]
    assert not sensor.endless
    assert sensor.data().shape == [50, 8, 8, 1]
    assert sensor.labels().shape == [50]
    every = np.concatenate([d.numpy() for s in ("train", "val", "test") for d, _ in sensor.batches(s)])
    assert every.shape == (1797, 8, 8, 1)
    assert every.dtype == np.float32
    assert (every.min(), every.max()) == (0, 1)


@pytest.mark.parametrize("labels", [[0, 1, 2], (0, 1, 2), [np.int64(0), 1, 2], [[0, 1, 2]], ([0, 1, 2],)])
def test_lists_and_tuples_of_numbers_are_arrays(labels: Any):
    source = ArraySource([[0.5], [1.5], [2.5]], labels, split_seed=None)
    source.setup()
    data, *found = source.gather("train", tf.constant([2, 0], tf.int64))
    assert data.numpy().tolist() == [[2.5], [0.5]]
    assert [label.numpy().tolist() for label in found] == [[2, 0]]
