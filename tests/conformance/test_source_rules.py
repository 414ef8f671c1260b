"""Every source keeps the same rules: tests over the table in conformance/sources.py."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

import numpy as np
import pytest
from conformance.sources import ABSTRACT, ROWS, SIZES, Examples, Row
from tensorflow.python.eager.context import Context

from akid import Sensor, sources
from akid.backend import tf
from akid.sources import Source
from akid.sources.base import SPLITS

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
random_access = pytest.mark.parametrize("row", [r for r in ROWS if not r.stream], ids=lambda row: row.id)
streams = pytest.mark.parametrize("row", [row for row in ROWS if row.stream], ids=lambda row: row.id)
every_split = pytest.mark.parametrize("split", SPLITS)
#: Backwards, twice the same, the last one.
SOME = {"train": [11, 0, 7, 7, 3], "val": [3, 3, 0], "test": [2, 0, 1]}


def ready(row: Row, directory: Path) -> tuple[Source, Examples]:
    source, examples = row.make(directory)
    source.setup()
    return source, examples


def same(got: list[tf.Tensor], wanted: list[np.ndarray]) -> None:
    assert len(got) == len(wanted)
    for tensor, array in zip(got, wanted, strict=True):
        assert tensor.dtype.as_numpy_dtype == array.dtype
        np.testing.assert_array_equal(tensor, array)


def test_every_exported_source_has_a_line(tmp_path: Path) -> None:
    exported = {getattr(sources, name) for name in sources.__all__}
    made = set()
    for row in ROWS:
        (directory := tmp_path / row.id).mkdir()
        made.add(type(row.make(directory)[0]))
    missing = exported - ABSTRACT - made
    assert not missing, f"add a line to tests/conformance/sources.py for {sorted(c.__name__ for c in missing)}"


@every_row
def test_sizes_are_those_of_the_splits(row: Row, tmp_path: Path) -> None:
    source, _ = ready(row, tmp_path)
    assert {split: source.size(split) for split in SPLITS} == SIZES
    assert source.random_access is not row.stream


@every_row
def test_the_signature_is_that_of_the_examples(row: Row, tmp_path: Path) -> None:
    source, examples = ready(row, tmp_path)
    for split in SPLITS:
        wanted = [([None, *array.shape[1:]], tf.as_dtype(array.dtype)) for array in examples[split]]
        assert [(spec.shape.as_list(), spec.dtype) for spec in source.signature()] == wanted


@every_split
@random_access
def test_any_rows_are_those_of_the_whole_in_order(row: Row, split: str, tmp_path: Path) -> None:
    source, examples = ready(row, tmp_path)
    same(source.gather(split, tf.range(SIZES[split], dtype=tf.int64)), examples[split])
    same(source.gather(split, tf.constant(SOME[split], tf.int64)), [a[SOME[split]] for a in examples[split]])


@random_access
def test_a_graph_gathers_the_same_and_knows_the_shapes(row: Row, tmp_path: Path) -> None:
    source, examples = ready(row, tmp_path)
    shapes: list[list[int | None]] = []

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None], tf.int64)])
    def gathered(indices: tf.Tensor) -> list[tf.Tensor]:
        batch = source.gather("train", indices)
        shapes.extend(t.shape.as_list() for t in batch)
        return batch

    got = gathered(tf.constant(SOME["train"], tf.int64))
    same(got, [array[SOME["train"]] for array in examples["train"]])
    assert shapes == [spec.shape.as_list() for spec in source.signature()]


@every_row
def test_it_is_set_up_once(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, _ = ready(row, tmp_path)

    def again() -> None:
        raise AssertionError("set up a second time")

    monkeypatch.setattr(source, "_setup", again)
    source.setup()


@random_access
def test_its_set_up_does_not_start_tensorflow(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine settles threads and collectives once it knows the data: TensorFlow must not run before."""
    source, _ = row.make(tmp_path)

    def started(context: Context) -> None:
        raise AssertionError("TensorFlow was started")

    gc.collect()  # functions that earlier tests have left start it when they go
    monkeypatch.setattr(Context, "ensure_initialized", started)
    sensor = Sensor(source, batch_size=4)
    sensor.setup(0)
    sensor.signature()


@every_row
def test_data_become_float32_as_they_are_unless_asked(row: Row, tmp_path: Path) -> None:
    source, examples = ready(row, tmp_path)
    source.center, source.scale = False, False
    data = source.normalise(tf.constant(examples["val"][0]))
    assert data.dtype == tf.float32
    np.testing.assert_array_equal(data, examples["val"][0].astype(np.float32))


@every_split
@pytest.mark.parametrize("skip", [0, 1, 2])
@streams
def test_a_stream_goes_on_where_it_is_told(
    row: Row, split: str, skip: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, examples = ready(row, tmp_path)
    # The training examples come again and again.
    number = SIZES[split] + 5 if split == "train" else SIZES[split] - skip
    stream = source.stream(split, skip)
    taken = list(itertools.islice(stream, number)) if split == "train" else list(stream)
    assert len(taken) == number
    for place, example in enumerate(taken, skip):
        same(list(example), [array[place % SIZES[split]] for array in examples[split]])
    assert ("resumes by skipping" in caplog.text) is (skip > 0)
