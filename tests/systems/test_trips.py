"""Trips: what is noted under which name, and random numbers that depend on the row only."""

from __future__ import annotations

import contextlib
import itertools
import re
from typing import Any

import numpy as np
import pytest

from akid.backend import tf
from akid.blocks.random import time_key
from akid.blocks.trip import Trip
from akid.errors import BlockError


def test_what_is_noted_belongs_to_the_block_the_signal_is_in() -> None:
    trip = Trip()
    with trip.inside("a"), trip.inside("b"):
        assert trip.path == "a/b"
        trip.loss(tf.constant(1.0))
        trip.loss(tf.constant(2.0), "wd")
        trip.eval(tf.constant(0.5), 3, "accuracy")
        trip.summary("x", tf.constant(0.0), kind="scalar")
        trip.output(tf.constant(7.0))
        trip.gather([tf.constant([1.0])], np.mean, "auc")
    assert list(trip.losses) == ["a/b", "a/b/wd"]
    assert list(trip.evals) == ["a/b/accuracy", "a/b/auc"]
    assert float(trip.evals["a/b/accuracy"].weight) == 3.0
    assert trip.summaries["a/b/x"][0] == "scalar"
    assert list(trip.outputs) == ["a/b"]
    assert float(trip.total_loss) == 3.0
    assert trip.path == ""


def test_without_losses_the_total_is_zero() -> None:
    assert float(Trip().total_loss) == 0.0


def test_only_the_last_time_step_counts() -> None:
    trip = Trip(training=True, keep=True)
    for step in range(2):
        with trip.at_time(step, last=step == 1), trip.at_time(0, last=True):
            assert trip.updating is (step == 1)
            assert trip.keeps("x") is (step == 1)
            trip.loss(tf.constant(float(step)), "l")
            trip.eval(tf.constant(0.0), name=f"e{step}")
            trip.gather([], np.mean, f"g{step}")
            trip.summary(f"s{step}", tf.constant(0.0))
            trip.output(tf.constant(0.0), f"o{step}")
    assert float(trip.losses["l"]) == 1.0
    assert [list(d) for d in (trip.evals, trip.summaries, trip.outputs)] == [["e1", "g1"], ["s1"], ["o1"]]
    assert (trip.times, trip.last) == ((), True)


def test_updating_is_only_in_training() -> None:
    assert Trip(training=True).updating
    assert not Trip().updating


@pytest.mark.parametrize(
    ("keep", "kept"), [(True, ["a", "b"]), (False, []), (["b"], ["b"]), (("a", "zzz"), ["a"])], ids=str
)
def test_outputs_are_kept_when_asked_for(keep: Any, kept: list[str]) -> None:
    trip = Trip(keep=keep)
    assert [name for name in ("a", "b") if trip.keeps(name)] == kept


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (
            lambda trip: trip.loss(tf.constant(1.0)),
            "A loss called 'a' is noted already. Give each loss of a block a",
        ),
        (lambda trip: trip.loss(tf.constant(1.0), "x"), "A loss called 'a/x' is noted already."),
        (lambda trip: trip.eval(tf.constant(1.0)), "A measure called 'a' is noted already."),
        (lambda trip: trip.gather([], np.mean), "trip.eval(value, weight, name)"),
        (lambda trip: trip.summary("x", tf.constant(1.0)), "A summary called 'a/x' is noted already."),
        (lambda trip: trip.output(tf.constant(1.0)), "An output called 'a' is noted already."),
    ],
)
def test_two_notes_of_one_name_are_refused(note: Any, words: str) -> None:
    trip = Trip()
    with trip.inside("a"):
        note(trip)
        with pytest.raises(BlockError, match=re.escape(words)):
            note(trip)
        with trip.inside("b"):
            note(trip)


def draw(shape: Any, distribution: str = "uniform", path: str = "a", **options: Any) -> np.ndarray:
    trip = Trip(**options)
    with trip.inside(path):
        return trip.random(shape, distribution).numpy()


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 2, 5)])
def test_a_part_of_the_batch_draws_its_part_of_the_whole(shape: tuple[int, ...], distribution: str) -> None:
    whole = draw(shape, distribution, seed=3, step=5)
    for start in range(7):
        for end in range(start + 1, 8):
            part = draw((end - start, *shape[1:]), distribution, seed=3, step=5, rows=(start, end - start))
            np.testing.assert_array_equal(part, whole[start:end])


def test_shape_and_rows_may_be_tensors_of_any_integer_type() -> None:
    whole = draw((6, 3), seed=1)
    for dtype in (tf.int32, tf.int64):
        shape, start = tf.constant([2, 3], dtype), tf.constant(4, dtype)
        np.testing.assert_array_equal(draw(shape, seed=1, rows=(start, 2)), whole[4:])
        mixed = [tf.constant(2, dtype), 3]
        np.testing.assert_array_equal(draw(mixed, seed=1, rows=(start, 2)), whole[4:])


def test_a_draw_depends_on_seed_step_block_time_and_its_number() -> None:
    trip = Trip(seed=1, step=1)
    with trip.inside("a"):
        draws = [trip.random([50]).numpy(), trip.random([50]).numpy()]
        with trip.at_time(1, last=True):
            draws.append(trip.random([50]).numpy())
    draws += [draw([50], seed=2, step=1), draw([50], seed=1, step=2), draw([50], path="b", seed=1, step=1)]
    assert len({d.tobytes() for d in draws}) == len(draws)
    np.testing.assert_array_equal(draws[0], draw([50], seed=1, step=1))


def drawn_at(times: tuple[int, ...], step: int = 0) -> bytes:
    trip = Trip(seed=3, step=step)
    with contextlib.ExitStack() as stack:
        for time in times:
            stack.enter_context(trip.at_time(time, last=True))
        return trip.random([8]).numpy().tobytes()


def test_no_two_steps_and_times_share_their_draws() -> None:
    of_three = itertools.product((0, 1, 2), (0, 1, 1023), (0, 1, 1024))
    times = {*of_three, (1, 0, 0, 0), (0, 2**20), (1024, 0), (5, 3)}
    assert len({drawn_at(t, step) for t in times for step in (0, 1, 1024)}) == 3 * len(times)


def test_zeros_in_front_do_not_count_so_that_nesting_without_feedback_changes_nothing() -> None:
    assert drawn_at(()) == drawn_at((0,)) == drawn_at((0, 0, 0))
    assert time_key((0, 0, 4)) == time_key((4,)) == ("", 4)
    assert time_key((2, 1)) == ("", 2049)
    assert time_key((1, 0, 0)) == ("@1.0.0", 0)


def test_the_same_numbers_are_drawn_for_ever() -> None:
    trip = Trip(seed=3, step=11)
    with trip.inside("a"):
        np.testing.assert_allclose(trip.random([3]), [0.802006, 0.087738, 0.812789], atol=1e-6)
        np.testing.assert_allclose(trip.random([2], "normal"), [0.343613, 0.682323], atol=1e-6)
        with trip.at_time(7, last=True), trip.at_time(9, last=True):
            np.testing.assert_allclose(trip.random([3]), [0.498464, 0.999533, 0.274137], atol=1e-6)


def test_a_scalar_is_the_same_in_every_part_of_the_batch() -> None:
    assert draw([], seed=1, rows=(4, 2)) == draw([], seed=1)


def test_a_traced_step_draws_what_the_eager_one_draws() -> None:
    @tf.function(autograph=False)
    def traced(step: tf.Tensor) -> tf.Tensor:
        trip = Trip(seed=1, step=step)
        with trip.inside("a"):
            return trip.random([5])

    for step in (0, 7, 2**40):
        np.testing.assert_array_equal(traced(tf.constant(step, tf.int64)), draw([5], seed=1, step=step))


def test_the_distributions_are_what_they_are_called() -> None:
    uniform, normal = draw([40000]), draw([40000], "normal")
    assert (uniform.min() >= 0, uniform.max() < 1) == (True, True)
    assert abs(uniform.mean() - 0.5) < 5 / np.sqrt(12 * 40000)
    assert abs(normal.mean()) < 5 / 200
    assert abs(normal.std() - 1) < 5 / np.sqrt(80000)
    assert Trip().random([2], dtype=tf.float64).dtype == tf.float64
