"""An error that comes from a block carries the block's full name."""

from __future__ import annotations

import pytest
import tensorflow as tf

from akid import Brain, ProcessingLayer
from akid.errors import blame, blamed


class FaultyLayer(ProcessingLayer):
    def _forward(self, x, trip):
        raise KeyError("b")


def test_the_innermost_block_is_blamed_and_the_traceback_says_so():
    brain = Brain().attach(Brain(name="branch").attach(FaultyLayer(name="faulty")))
    with pytest.raises(KeyError) as error:
        brain(tf.zeros([1, 2]))
    assert blamed(error.value) == "branch/faulty"
    assert error.value.__notes__ == ["(in the block 'branch/faulty')"]


def test_an_error_from_no_block_blames_none():
    assert blamed(KeyError()) == ""


def test_what_is_no_error_passes():
    with pytest.raises(SystemExit) as end, blame("conv1"):
        raise SystemExit(3)
    assert blamed(end.value) == ""
