"""Every block of the table gives what it gave before, and after an export what it gave before that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.blocks import ROWS
from conformance.golden import FILE, golden
from conformance.rows import Row

from akid.backend import tf
from akid.blocks.brain import Brain
from akid.blocks.trip import Trip
from akid.inference.export import export_brain
from akid.inference.predictor import Predictor
from akid.inference.signature import Signature
from akid.layers import EvalLayer, LossLayer, TanhLayer

GOLDEN: dict[str, Any] = json.loads(FILE.read_text())
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


def test_every_line_has_golden_values_and_no_other() -> None:
    written = "write them by PYTHONPATH=tests python -m conformance.golden"
    assert list(GOLDEN) == [row.id for row in ROWS], written


def assert_near(found: Any, wanted: Any) -> None:
    """Equal but for the last digits of numbers."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            assert_near(found[key], wanted[key])
    elif isinstance(wanted, list):
        for a, b in zip(found, wanted, strict=True):
            assert_near(a, b)
    else:
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)


@every_row
def test_it_gives_what_it_gave_before(row: Row) -> None:
    assert_near(golden(row), GOLDEN[row.id])


def is_measure(row: Row) -> bool:
    return isinstance(row.make, type) and issubclass(row.make, EvalLayer)


def in_a_brain(row: Row, signals: int) -> Brain:
    """A brain with the block; there is one before a loss, since some infer nothing themselves."""
    block = row.block(name="it")
    given: list[Any] = [{"name": "system_in", "idxs": [i]} for i in range(signals)]
    brain = Brain("outer")
    if isinstance(block, LossLayer):
        brain.attach(TanhLayer(name="before", inputs=given[:1]))
        given[0] = "before"
    block.inputs = tuple(given)
    return brain.attach(block)


@pytest.mark.parametrize("row", [row for row in ROWS if not is_measure(row)], ids=lambda row: row.id)
def test_an_export_gives_what_the_block_infers(row: Row, tmp_path: Path) -> None:
    signal = row.signal()
    arrays = signal if isinstance(signal, list) else [signal]
    brain = in_a_brain(row, len(arrays))
    specs = [tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in arrays]
    brain.build(specs, 1)
    trip = Trip(inferring=True)
    brain(signal, trip)
    exported = export_brain(brain, Signature(specs, specs), tmp_path / "it")
    takes = Predictor(brain, specs).takes
    names = ["data"] if len(takes) == 1 else [f"data_{i}" for i in range(len(takes))]
    # A loaded model is held while it is called: its variables go with it.
    loaded = tf.saved_model.load(str(exported))
    given = {name: arrays[i] for name, i in zip(names, takes, strict=True)}
    found = loaded.signatures["serving_default"](**given)
    assert found.keys() == trip.outputs.keys()
    for name, value in trip.outputs.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)
