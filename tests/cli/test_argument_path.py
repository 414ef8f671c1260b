"""Which argument a message speaks of."""

from __future__ import annotations

import pytest

from akid.manifests.problems import argument_path, first_line


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ("conv1: ksize must be an integer. Received: 0", "block.ksize"),
        ("ksize must be an integer. Received: 0", "block.ksize"),
        ("best_metric: validation has no measure 'a'.", "block.best_metric"),
        ("early_stopping needs a validation split.", "block.early_stopping"),
        ("A name has letters only. Received: name='a b'", "block.name"),
        ("Takes either. Received: name=None, ksize=None", "block"),
        ("DatasetSource needs a pipeline: train=, name= or test=.", "block"),
        ("conv1: logits must have a shape. Received: shape=(3,)", "block"),
    ],
)
def test_the_argument_is_found_or_the_path_stays(message, path):
    assert argument_path("block", message, {"ksize", "best_metric", "early_stopping", "name", "train"}) == path


def test_a_message_of_tensorflow_is_cut_to_what_it_says():
    error = ValueError("Negative dimension size caused by 1 from 0 for '{{node a}} = Conv2D[...]'\nmore")
    assert first_line(error) == "Negative dimension size caused by 1 from 0"
    assert first_line(ValueError()) == ""
