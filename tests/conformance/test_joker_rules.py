"""Every joker keeps the same rules: tests over the table in conformance/jokers.py.

Jokers draw by the trip only: a batch is a function of its step, and a slice of it the same as in the whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conformance.jokers import (
    ABSTRACT,
    BYTES,
    CLASSES,
    EVERY_SPLIT,
    FLOATS,
    LABELS,
    MIXES_ROWS,
    NUMBERS,
    RANDOM,
    ROWS,
    Row,
)

from akid import jokers
from akid.backend import tf
from akid.blocks.trip import Trip
from akid.jokers import Joker, JokerSystem
from akid.sources.base import SPLITS

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
both_dtypes = pytest.mark.parametrize("images", [BYTES, FLOATS], ids=["uint8", "float32"])


def rows_with(flag: str, wanted: bool = True) -> pytest.MarkDecorator:
    chosen = [row for row in ROWS if (flag in row.flags) is wanted]
    return pytest.mark.parametrize("row", chosen, ids=lambda row: row.id)


def play(
    joker: Joker, step: int = 0, seed: int = 0, rows: tuple[Any, int] | None = None, images: np.ndarray = FLOATS
) -> list[np.ndarray]:
    numbers = NUMBERS[: len(images)]
    return [np.asarray(t) for t in joker([images, numbers], Trip(True, step, seed, rows))]


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_every_exported_joker_has_a_line() -> None:
    exported = {getattr(jokers, name) for name in jokers.__all__}
    missing = exported - ABSTRACT - {type(row.make()) for row in ROWS}
    assert not missing, f"add a line to tests/conformance/jokers.py for {sorted(c.__name__ for c in missing)}"


@both_dtypes
@every_row
def test_shapes_and_dtypes_are_those_of_the_table(row: Row, images: np.ndarray) -> None:
    data, label = play(row.make(), images=images)
    assert data.shape == (len(images), *row.shape)
    assert data.dtype == (np.uint8 if images is BYTES and row.keeps_bytes else np.float32)
    if LABELS in row.flags:
        assert (label.shape, label.dtype) == ((len(images), CLASSES), np.float32)
    else:
        np.testing.assert_array_equal(label, NUMBERS)


@rows_with(RANDOM)
def test_the_same_step_gives_the_same_and_another_step_or_seed_something_else(row: Row) -> None:
    np.random.seed(0)
    first = play(row.make(), step=3, seed=5)
    np.random.seed(1)
    tf.random.set_seed(7)
    joker = row.make()
    play(joker, step=8)
    assert equal(first, play(joker, step=3, seed=5))
    assert not equal(first, play(joker, step=4, seed=5))
    assert not equal(first, play(joker, step=3, seed=6))


@rows_with(RANDOM, False)
def test_without_chance_step_and_seed_change_nothing(row: Row) -> None:
    assert equal(play(row.make(), step=3, seed=5), play(row.make(), step=4, seed=6))


@rows_with(RANDOM)
def test_two_jokers_of_one_kind_draw_differently(row: Row) -> None:
    one, two = row.make(), row.make()
    JokerSystem().attach(one, two)
    assert one.name != two.name
    assert not equal(play(one), play(two))


@both_dtypes
@rows_with(MIXES_ROWS, False)
def test_a_slice_is_the_same_as_in_the_whole(row: Row, images: np.ndarray) -> None:
    joker = row.make()
    whole = play(joker, 2, images=images)[0]
    # Means are summed in another order for other numbers of rows.
    tolerance = 0.0 if RANDOM in row.flags else 1e-6
    for start, end in ((0, 3), (3, 4), (4, 11)):
        for rows in ((start, end - start), (tf.constant(start), end - start)):
            part = play(joker, 2, rows=rows, images=images[start:end])[0]
            np.testing.assert_allclose(part, whole[start:end], rtol=0, atol=tolerance)


@every_row
def test_the_batch_that_is_given_stays_as_it_is(row: Row) -> None:
    images = FLOATS.copy()
    play(row.make(), 1, images=images)
    np.testing.assert_array_equal(images, FLOATS)


def graph_of(joker: Joker, images: np.ndarray) -> Any:
    @tf.function(autograph=False)
    def played(data: tf.Tensor, label: tf.Tensor, step: tf.Tensor) -> Any:
        return joker([data, label], Trip(True, step, 5))

    specs = [tf.TensorSpec(images.shape, images.dtype), tf.TensorSpec(images.shape[:1], tf.int32)]
    return played.get_concrete_function(*specs, tf.TensorSpec([], tf.int64))


@both_dtypes
@every_row
def test_a_graph_gives_the_same_as_eager_code(row: Row, images: np.ndarray) -> None:
    joker = row.make()
    graph = graph_of(joker, images)(tf.constant(images), tf.constant(NUMBERS), tf.constant(3, tf.int64))
    for ours, eager in zip(graph, play(joker, 3, seed=5, images=images), strict=True):
        np.testing.assert_array_equal(ours, eager)


@both_dtypes
@every_row
def test_a_batch_is_played_on_as_a_whole_and_sizes_are_known(row: Row, images: np.ndarray) -> None:
    joker = row.make()
    small, large = (graph_of(joker, np.tile(images, [n, 1, 1, 1])) for n in (1, 9))
    kinds = [[op.type for op in graph.graph.get_operations()] for graph in (small, large)]
    assert kinds[0] == kinds[1]
    assert not {"While", "StatelessWhile", "MapDefun", "TensorListStack"} & set(kinds[0])
    assert None not in tuple(large.structured_outputs[0].shape[1:])


@every_row
def test_it_plays_in_the_splits_of_the_table_and_leaves_the_others_untouched(row: Row) -> None:
    system = JokerSystem().attach(row.make())
    playing = [split for split in SPLITS if system.playing(split)]
    assert playing == (list(SPLITS) if EVERY_SPLIT in row.flags else ["train"])
    batch = [tf.constant(FLOATS), tf.constant(NUMBERS)]
    for split in set(SPLITS) - set(playing):
        data, label = system.play(batch, split, Trip())
        assert data is batch[0]
        assert label is batch[1]


@every_row
def test_outside_of_training_nothing_is_drawn(row: Row) -> None:
    system = JokerSystem().attach(row.make())
    batch = [tf.constant(FLOATS), tf.constant(NUMBERS)]
    first, second = (system.play(batch, "val", Trip(step=step, seed=step)) for step in (1, 2))
    # A function of one's own draws when it likes.
    if not isinstance(system.blocks[0], jokers.FunctionJoker):
        assert equal(first, second)


def test_a_joker_plays_in_the_splits_it_is_told() -> None:
    system = JokerSystem("jokers").attach(
        jokers.FlipJoker(splits=["val"]),
        jokers.PadJoker(1, splits=("train", "test")),
        jokers.WhitenJoker(splits=[]),
    )
    assert [[j.name for j in system.playing(s)] for s in SPLITS] == [["pad1"], ["flip1"], ["pad1"]]
    padded = system.play([tf.constant(FLOATS), NUMBERS], "test", Trip())[0]
    assert padded.shape == [11, 11, 10, 3]


@every_row
def test_only_a_joker_that_mixes_rows_needs_the_whole_batch(row: Row) -> None:
    system = JokerSystem().attach(row.make())
    assert system.mixes_rows("train") is (MIXES_ROWS in row.flags)


def test_mixing_rows_counts_where_it_plays() -> None:
    system = JokerSystem().attach(jokers.MixupJoker(class_num=4, splits=["train"]))
    assert system.mixes_rows("train")
    assert not system.mixes_rows("val")
