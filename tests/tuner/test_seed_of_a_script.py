"""The seed of a kid in Python, which its manifest may set: a repetition differs from another by it."""

from __future__ import annotations

import pytest

from akid.errors import InvalidSpecError
from akid.job.api.kid import Kid
from akid.manifests.runs import kid_of_spec

SCRIPT = """
from akid import DigitsSource, Kid, Sensor
from akid.models.brains import OneLayerBrain

def setup():
    return Kid(Sensor(DigitsSource()), OneLayerBrain(), max_steps=1, seed=3)
"""


@pytest.mark.parametrize(("given", "seed"), [({}, 3), ({"seed": 8}, 8), ({"seed": 0}, 0)], ids=str)
def test_the_manifest_s_seed_counts(given, seed):
    assert kid_of_spec(Kid.model_validate({"script": SCRIPT, **given})).kid.seed == seed


@pytest.mark.parametrize("seed", ["x", 1.5, True, [1]], ids=str)
def test_what_is_no_integer_is_refused_with_its_path(seed):
    with pytest.raises(InvalidSpecError, match="expected an integer, received") as error:
        kid_of_spec(Kid.model_validate({"script": SCRIPT, "seed": seed}))
    assert error.value.path == "spec.kid.seed"
