"""Which argument an error is about, and what TensorFlow's errors say."""

from __future__ import annotations

import pytest

from akid.errors import AkidError, BlockError
from akid.manifests.problems import argument_path
from akid.op_errors import NOT_FINITE, first_line, not_finite_output


@pytest.mark.parametrize(
    ("error", "path"),
    [
        (BlockError("conv1: ksize must be an integer.", argument="ksize"), "block.ksize"),
        (BlockError("conv1: ksize must be an integer."), "block"),
        (AkidError("ip2: out_channel_num must be ...", argument="out_channel_num"), "block"),
    ],
    ids=["its own", "not said", "of something inside"],
)
def test_the_argument_below_the_path_is_the_one_the_error_carries(error, path):
    assert argument_path("block", error, {"ksize", "name"}) == path


def test_a_message_of_tensorflow_is_cut_to_what_it_says():
    error = ValueError("Negative dimension size caused by 1 from 0 for '{{node a}} = Conv2D[...]'\nmore")
    assert first_line(error) == "Negative dimension size caused by 1 from 0"
    assert first_line(ValueError()) == ""


def test_the_block_that_is_not_finite_is_read_out_of_a_message():
    said = NOT_FINITE.format("branch/relu1")
    assert not_finite_output(ValueError(f"{said} : Tensor had NaN values [[node x]]")) == said  # type: ignore[arg-type]
    assert not_finite_output(ValueError("another")) == ""  # type: ignore[arg-type]
