"""Jokers draw by the trip only: a batch is a function of its step, and a slice of it the same as in the whole."""

from __future__ import annotations

import numpy as np
import pytest

from akid import jokers
from akid.backend import tf
from akid.blocks.trip import Trip
from akid.jokers import JokerSystem

DRAW = np.random.default_rng(0)
BYTES = DRAW.integers(1, 256, (11, 9, 8, 3), np.uint8)
FLOATS = (BYTES / np.float32(255)).astype(np.float32)
NUMBERS = np.arange(11, dtype=np.int32) % 4

BY_ROW = {
    "crop": lambda: jokers.CropJoker(6, 5),
    "crop padded": lambda: jokers.CropJoker(9, 8, padding=4),
    "flip": lambda: jokers.FlipJoker(True, True),
    "light": lambda: jokers.LightJoker(),
    "cutout": lambda: jokers.CutoutJoker(3),
    "function": lambda: jokers.FunctionJoker(
        lambda x, t: tf.cast(x, tf.float32) + t.random(tf.shape(x), "normal")
    ),
}
RANDOM = {**BY_ROW, "mixup": lambda: jokers.MixupJoker(1.0, class_num=4)}
FIXED = {
    "pad": lambda: jokers.PadJoker(2),
    "whiten": lambda: jokers.WhitenJoker(),
    "rescale": lambda: jokers.RescaleJoker(),
    "resize": lambda: jokers.ResizeJoker(5, 12),
}


def play(joker, step=0, seed=0, rows=(0, None), images=FLOATS):
    trip = Trip(True, step, seed, rows)
    return [np.asarray(t) for t in joker([images, NUMBERS[: len(images)]], trip)]


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", RANDOM)
def test_the_same_step_gives_the_same_and_another_step_or_seed_something_else(name):
    np.random.seed(0)
    first = play(RANDOM[name](), step=3, seed=5)
    np.random.seed(1)
    tf.random.set_seed(7)
    joker = RANDOM[name]()
    play(joker, step=8)
    assert equal(first, play(joker, step=3, seed=5))
    assert not equal(first, play(joker, step=4, seed=5))
    assert not equal(first, play(joker, step=3, seed=6))


@pytest.mark.parametrize("name", RANDOM)
def test_two_jokers_of_one_kind_draw_differently(name):
    one, two = RANDOM[name](), RANDOM[name]()
    JokerSystem().attach(one, two)
    assert one.name != two.name
    assert not equal(play(one), play(two))


@pytest.mark.parametrize("name", BY_ROW)
@pytest.mark.parametrize("images", [BYTES, FLOATS], ids=["uint8", "float32"])
def test_a_slice_is_the_same_as_in_the_whole(name, images):
    joker = BY_ROW[name]()
    whole = play(joker, 2, images=images)[0]
    for start, end in ((0, 3), (3, 4), (4, 11)):
        part = play(joker, 2, rows=(start, 11), images=images[start:end])[0]
        np.testing.assert_array_equal(part, whole[start:end])
        part = play(joker, 2, rows=(tf.constant(start), tf.constant(11)), images=images[start:end])[0]
        np.testing.assert_array_equal(part, whole[start:end])


@pytest.mark.parametrize("name", FIXED)
def test_jokers_without_chance_treat_each_row_by_itself(name):
    whole = play(FIXED[name](), 2)[0]
    for i in range(3):
        part = play(FIXED[name](), 9, seed=4, rows=(i, 11), images=FLOATS[i : i + 1])[0]
        np.testing.assert_allclose(part, whole[i : i + 1], atol=1e-6)


def graph_of(joker, images):
    @tf.function(autograph=False)
    def played(data, label, step):
        return joker([data, label], Trip(True, step, 5))

    specs = [tf.TensorSpec(images.shape, images.dtype), tf.TensorSpec(images.shape[:1], tf.int32)]
    return played.get_concrete_function(*specs, tf.TensorSpec([], tf.int64))


@pytest.mark.parametrize("name", [*RANDOM, *FIXED])
def test_a_graph_gives_the_same_as_eager_code(name):
    joker = {**RANDOM, **FIXED}[name]()
    for images in (BYTES, FLOATS):
        graph = graph_of(joker, images)(tf.constant(images), tf.constant(NUMBERS), tf.constant(3, tf.int64))
        for ours, eager in zip(graph, play(joker, 3, seed=5, images=images), strict=True):
            np.testing.assert_array_equal(ours, eager)


@pytest.mark.parametrize("name", [*RANDOM, *FIXED])
@pytest.mark.parametrize("images", [BYTES, FLOATS], ids=["uint8", "float32"])
def test_a_batch_is_played_on_as_a_whole_and_sizes_are_known(name, images):
    joker = {**RANDOM, **FIXED}[name]()
    small, large = (graph_of(joker, np.tile(images, [n, 1, 1, 1])) for n in (1, 9))
    kinds = [[op.type for op in graph.graph.get_operations()] for graph in (small, large)]
    assert kinds[0] == kinds[1]
    assert not {"While", "StatelessWhile", "MapDefun", "TensorListStack"} & set(kinds[0])
    assert None not in tuple(large.structured_outputs[0].shape[1:])


@pytest.mark.parametrize("name", [*RANDOM, *FIXED])
def test_random_jokers_play_in_training_only_and_others_always(name):
    joker = {**RANDOM, **FIXED}[name]()
    # Crop takes the middle, mixup only makes the labels dense, so that all splits have the same shapes.
    always = name in FIXED or name in {"crop", "crop padded", "function", "mixup"}
    system = JokerSystem().attach(joker)
    assert [split for split in ("train", "val", "test") if system.playing(split)] == (
        ["train", "val", "test"] if always else ["train"]
    )


def test_a_joker_plays_in_the_splits_it_is_told():
    system = JokerSystem("jokers").attach(
        jokers.FlipJoker(splits=["val"]),
        jokers.PadJoker(1, splits=("train", "test")),
        jokers.WhitenJoker(splits=[]),
    )
    assert [[j.name for j in system.playing(s)] for s in ("train", "val", "test")] == [
        ["pad1"],
        ["flip1"],
        ["pad1"],
    ]
    padded = system.play([tf.constant(FLOATS), NUMBERS], "test", Trip())[0]
    assert padded.shape == [11, 11, 10, 3]


def test_only_a_joker_that_mixes_rows_needs_the_whole_batch():
    system = JokerSystem().attach(jokers.FlipJoker(), jokers.MixupJoker(class_num=4, splits=["train"]))
    assert system.mixes_rows("train")
    assert not system.mixes_rows("val")
