"""Which requests go together is a pure decision."""

from __future__ import annotations

import numpy as np
import pytest

from akid.backend import tf
from akid.serving.batching import taken, together
from akid.serving.model import ModelSignature
from akid.serving.options import Batching

LIMITS = Batching(max_rows=8, max_wait=0.01)


@pytest.mark.parametrize(
    ("rows", "waited", "count"),
    [
        ([1, 1], 0.0, 0),
        ([1, 1], 0.01, 2),
        ([4, 4], 0.0, 2),
        ([4, 4, 1], 0.0, 2),
        ([4, 5], 0.0, 1),
        ([20, 1], 0.0, 1),
        ([7], 0.02, 1),
    ],
    ids=str,
)
def test_a_batch_goes_when_it_is_full_or_the_first_has_waited(rows, waited, count):
    assert taken(rows, waited, LIMITS) == count


def doubling(x):
    if np.any(x.numpy() < 0):
        raise ValueError("negative")
    return {"y": 2 * x}


SPEC = tf.TensorSpec([None, 2], tf.float32)
DOUBLE = ModelSignature("double", {"x": SPEC}, {"y": SPEC}, doubling)


def ask(*values):
    return [{"x": np.full([2, 2], value, np.float32)} for value in values]


def test_each_request_gets_its_rows():
    found = together(DOUBLE, ask(1, 2, 3))
    assert [answer["y"].tolist() for answer in found] == [[[v, v]] * 2 for v in (2, 4, 6)]


def test_a_request_that_fails_spoils_no_other():
    good, bad, last = together(DOUBLE, ask(1, -1, 3))
    assert isinstance(bad, ValueError)
    assert (good["y"][0, 0], last["y"][0, 0]) == (2, 6)


def test_what_is_no_row_an_example_is_asked_one_by_one():
    total = ModelSignature("sum", {"x": SPEC}, {"y": SPEC}, lambda x: {"y": tf.reduce_sum(x, 0, keepdims=True)})
    assert [answer["y"].tolist() for answer in together(total, ask(1, 2))] == [[[2, 2]], [[4, 4]]]
