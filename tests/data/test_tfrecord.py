"""TFRecord files read by index."""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from akid import storage
from akid.backend import tf
from akid.errors import DataError
from akid.sensors import Sensor
from akid.sources.formats import record_index
from akid.sources.tfrecords import TFRecordSource

DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (20, 2, 3, 1), np.uint8)
FEATURES: dict[str, dict[str, Any]] = {
    "image": {"dtype": "uint8", "shape": [2, 3, 1], "encoding": "raw"},
    "label": {"dtype": "int32"},
    "box": {"shape": [4]},
}


def serialised(i: int, **features: Any) -> bytes:
    example = tf.train.Example()
    there = example.features.feature
    there["image"].bytes_list.value.append(IMAGES[i].tobytes())
    there["label"].int64_list.value.append(i)
    there["box"].float_list.value.extend([i, 0.5, 1, 2])
    for key, value in features.items():
        there[key].bytes_list.value.append(value)
    return example.SerializeToString()


def write(path: Path, records: list[bytes]) -> Path:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    for shard, rows in enumerate(np.array_split(np.arange(16), 3)):
        write(tmp_path / f"train-{shard}.tfrecord", [serialised(i) for i in rows])
    write(tmp_path / "val.tfrecord", [serialised(i) for i in range(16, 20)])
    return tmp_path


def ready(work_dir: Path, features: dict[str, dict[str, Any]] = FEATURES, **options: Any) -> TFRecordSource:
    options = {"train": "train-*.tfrecord", "labels": ["label", "box"], **options}
    source = TFRecordSource(features, work_dir=str(work_dir), **options)
    source.setup()
    return source


def test_records_are_read_by_index_over_all_files(work_dir: Path) -> None:
    source = ready(work_dir, val="val.tfrecord")
    assert [source.size(s) for s in ("train", "val", "test")] == [16, 4, 0]
    wanted = np.array([15, 0, 7, 7, 5])
    images, labels, boxes = source.gather("train", tf.constant(wanted, tf.int64))
    np.testing.assert_array_equal(images, IMAGES[wanted])
    np.testing.assert_array_equal(labels, wanted)
    np.testing.assert_array_equal(boxes[:, 0], wanted)
    np.testing.assert_array_equal(source.gather("val", tf.constant([3], tf.int64))[1], [19])
    assert [(s.shape.as_list(), s.dtype) for s in source.signature()] == [
        ([None, 2, 3, 1], tf.uint8),
        ([None], tf.int32),
        ([None, 4], tf.float32),
    ]


def test_pictures_are_decoded(tmp_path: Path) -> None:
    images = DRAW.integers(0, 256, (3, 5, 4, 3), np.uint8)
    records = [serialised(i, photo=tf.io.encode_png(image).numpy()) for i, image in enumerate(images)]
    write(tmp_path / "train-0.tfrecord", records)
    features = {"photo": {"shape": [5, 4, 3], "encoding": "image"}, "label": {"dtype": "int64"}}
    source = ready(tmp_path, features, data="photo", labels=["label"])
    np.testing.assert_array_equal(source.gather("train", tf.constant([2, 0], tf.int64))[0], images[[2, 0]])


def test_the_index_is_built_once(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ready(work_dir)
    [kept] = work_dir.glob(".akid-index-*")
    scanned: list[Path] = []
    scan = record_index._scan
    monkeypatch.setattr(record_index, "_scan", lambda path: scanned.append(path) or scan(path))
    again = ready(work_dir)
    assert scanned == []
    np.testing.assert_array_equal(again._index["train"].offset, first._index["train"].offset)
    write(work_dir / "train-1.tfrecord", [serialised(3)])
    assert ready(work_dir).size("train") == 12
    assert len(scanned) == 3
    kept.write_bytes(kept.read_bytes()[:100])
    assert ready(work_dir).size("train") == 12
    assert len(scanned) == 6


def test_a_directory_that_cannot_be_written_costs_only_the_index(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**options: object) -> Iterator[None]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with caplog.at_level("INFO", logger="akid"):
        assert ready(work_dir).size("train") == 16
    assert f"the index of the records cannot be kept in {work_dir}: Permission denied" in caplog.messages


def test_sharded_files_beyond_the_limit_of_open_ones(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("akid.sources.tfrecords._OPEN_FILES", 2)
    source = ready(work_dir)
    np.testing.assert_array_equal(source.gather("train", tf.constant([0, 15], tf.int64))[1], [0, 15])
    assert not source._open


def test_open_files_are_closed_with_the_source(work_dir: Path) -> None:
    source = ready(work_dir)
    source.gather("train", tf.constant([0, 15], tf.int64))
    handles = list(source._open.values())
    assert len(handles) == 2
    del source
    for handle in handles:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)


def damage(work_dir: Path, how: str) -> None:
    path = work_dir / "train-1.tfrecord"
    content = bytearray(path.read_bytes())
    record = len(content) // 5
    if how == "length":
        content[record] ^= 1
    elif how == "checksum":
        content[9] ^= 1
    elif how == "header":
        del content[4 * record + 5 :]
    elif how == "data":
        del content[-6:]
    elif how == "html":
        content[:] = b"<html>not what you wanted</html>"
    path.write_bytes(gzip.compress(bytes(content)) if how == "gzip" else content)


NO_RECORD = "is damaged, or no TFRecord file: the length of record {} has a wrong checksum. Delete it"
DAMAGES = {
    "length": NO_RECORD.format(1),
    "checksum": NO_RECORD.format(0),
    "header": r"is truncated: it ends within record 4, at byte \d+. Delete it",
    "data": r"is truncated: it ends within record 4, at byte \d+. Delete it",
    "html": NO_RECORD.format(0),
    "gzip": "is gzipped; records are read one by one, so unpack it: gunzip train-1.tfrecord",
}


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_files_are_named(work_dir: Path, how: str) -> None:
    damage(work_dir, how)
    with pytest.raises(DataError, match=f"train-1.tfrecord {DAMAGES[how]}"):
        ready(work_dir)


def test_a_file_that_becomes_shorter_is_named_in_eager_code_and_through_a_graph(work_dir: Path) -> None:
    sensor = Sensor(ready(work_dir), 16)
    sensor.setup()
    damage(work_dir, "data")
    message = r"train-1.tfrecord has become shorter: it ends within the record at byte \d+"
    with pytest.raises(DataError, match=message):
        sensor.batch(0)
    with pytest.raises(DataError, match=message):
        next(sensor.batches("train"))


@pytest.mark.parametrize("where", range(0, 60, 7))
def test_a_byte_of_the_data_that_changed_is_told_before_it_is_learnt_from(work_dir: Path, where: int) -> None:
    sensor = Sensor(ready(work_dir), 16, shuffle=False)
    sensor.setup()
    path = work_dir / "train-1.tfrecord"
    content = bytearray(path.read_bytes())
    content[2 * (len(content) // 5) + 12 + where] ^= 4
    path.write_bytes(content)
    message = "train-1.tfrecord is damaged: the data of record 2 have a wrong checksum. Delete it"
    with pytest.raises(DataError, match=message):
        next(sensor.batches("train"))


def odd(**changes: Any) -> bytes:
    example = tf.train.Example.FromString(serialised(3))
    for key, value in changes.items():
        example.features.feature[key].bytes_list.value[:] = [value]
    return example.SerializeToString()


ODD = {
    "junk": (b"\xff\xfe", "is no tf.train.Example"),
    "empty": (b"", "has no feature 'image'"),
    "short": (odd(image=b"abc"), r": the feature 'image' holds 3 bytes, but shape=\[2, 3, 1\]"),
    "twice": (odd(image=bytes(12)), r": the feature 'image' holds 12 bytes, but shape=\[2, 3, 1\]"),
}


@pytest.mark.parametrize("how", ODD)
@pytest.mark.parametrize("batch_size", [1, 12])
def test_a_record_that_differs_is_named_with_its_file(tmp_path: Path, how: str, batch_size: int) -> None:
    record, message = ODD[how]
    write(tmp_path / "train-0.tfrecord", [serialised(0)] * 2)
    write(tmp_path / "train-1.tfrecord", [*[serialised(1)] * 7, record, *[serialised(2)] * 2])
    sensor = Sensor(ready(tmp_path), batch_size, shuffle=False)
    sensor.setup()
    with pytest.raises(DataError, match=f"record 7 of .*train-1.tfrecord ?{message}") as error:
        list(sensor.batches("train"))
    assert len(str(error.value).splitlines()) == 1


def test_a_picture_of_another_size_is_named_with_its_record(tmp_path: Path) -> None:
    pictures = [tf.io.encode_png(np.zeros([*size, 3], np.uint8)).numpy() for size in ((5, 4), (5, 4), (4, 5))]
    features = {"photo": {"shape": [5, 4, 3], "encoding": "image"}, "label": {"dtype": "int64"}}
    for last in (pictures[2], pictures[0][:40]):
        write(tmp_path / "train-0.tfrecord", [serialised(0, photo=p) for p in (*pictures[:2], last)])
        source = ready(tmp_path, features, data="photo", labels=["label"])
        with pytest.raises(DataError, match=r"record 2 of .* holds a picture that cannot be decoded"):
            source.gather("train", tf.constant([0, 2], tf.int64))


def test_a_file_that_went_away_is_named(work_dir: Path) -> None:
    source = ready(work_dir)
    (work_dir / "train-2.tfrecord").unlink()
    with pytest.raises(DataError, match=r"train-2.tfrecord cannot be read: No such file or directory"):
        source.gather("train", tf.constant([15], tf.int64))


def test_a_file_system_that_is_mounted_anew_is_read_on_through_new_handles(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, wanted = ready(work_dir), np.array([15, 0, 7], np.int64)
    expected = source.read("train", wanted)
    pread, dead = os.pread, {*source._open.values()}

    def read(handle: int, length: int, offset: int) -> bytes:
        if handle in dead:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return pread(handle, length, offset)

    monkeypatch.setattr(os, "pread", read)
    monkeypatch.setattr(storage, "RETRY", 0.0)
    images, labels, boxes = source.gather("train", tf.constant(wanted))
    for got, array in zip((images, labels, boxes), expected, strict=True):
        np.testing.assert_array_equal(got.numpy(), array)
    assert not dead & {*source._open.values()}


def test_missing_files_are_told_with_what_is_there(work_dir: Path) -> None:
    message = r"no file is called 'tarin-\*' in .*, which has train-0.tfrecord, .*val.tfrecord. Received: train=\["
    with pytest.raises(DataError, match=message):
        ready(work_dir, train="tarin-*")
    with pytest.raises(DataError, match=r"no file is called .*which has nothing"):
        ready(work_dir / "nowhere")
    with pytest.raises(DataError, match="needs the files of a split: train='train-"):
        TFRecordSource(FEATURES)


def test_empty_files_and_other_records_are_refused(work_dir: Path) -> None:
    write(work_dir / "empty", [])
    with pytest.raises(DataError, match=r"the files of 'train' have no records: .*empty"):
        ready(work_dir, train="empty")
    write(work_dir / "other", [b"\xff\xff"])
    with pytest.raises(DataError, match=r"record 0 of .*other is no tf.train.Example"):
        ready(work_dir, train="other")


def feature(key: str, **changes: Any) -> dict[str, dict[str, Any]]:
    return {**FEATURES, key: {**FEATURES[key], **changes}}


WRONG: dict[str, tuple[dict[str, dict[str, Any]], str]] = {
    "no such": ({"imago": FEATURES["image"]}, "features has no 'image'. Did you mean 'imago'"),
    "key": (feature("image", dtyp="int8"), r"features\['image'\] has no key 'dtyp'. Did you mean 'dtype'"),
    "encoding": (feature("image", encoding="rw"), "encoding must be one of .* Received: encoding='rw'"),
    "shape": (
        feature("image", shape=[-1, 3]),
        r"shape must be a list of integers >= 1. .* shape=\[-1, 3\]",
    ),
    "dtype": (feature("image", dtype="unit8"), "dtype must be that of numbers. Received: 'unit8'"),
    "string": (feature("image", dtype="string"), "dtype must be that of numbers. Received: 'string'"),
    "image": (
        feature("image", encoding="image", shape=[2, 3]),
        r"an image is uint8 of shape \[height, width, 1, 3 or 4\]. Received: dtype='uint8', shape=\[2, 3\]",
    ),
    "kind": (
        feature("label", dtype="float32"),
        "'label' holds integers, but encoding='numbers' and dtype='float32' expect floats",
    ),
    "bytes": (
        feature("image", encoding="numbers"),
        "'image' holds bytes, but encoding='numbers' and dtype='uint8' expect integers",
    ),
    "count": (feature("box", shape=[3]), r"'box' holds 4 numbers, but shape=\[3\] and dtype='float32' make 3"),
    "size": (
        feature("image", shape=[2, 2, 1]),
        r"'image' holds 6 bytes, but shape=\[2, 2, 1\] and dtype='uint8' make 4",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_specification_is_told(work_dir: Path, wrong: str) -> None:
    features, message = WRONG[wrong]
    with pytest.raises(DataError, match=message):
        ready(work_dir, features)


def test_a_feature_that_is_not_in_the_records_is_told(work_dir: Path) -> None:
    with pytest.raises(DataError, match=r"record 0 of .*train-0.tfrecord has no feature 'lable'. Did you mean"):
        ready(work_dir, {**FEATURES, "lable": {}}, labels=["lable"])


def test_files_may_lie_under_any_path_and_have_any_name(tmp_path: Path) -> None:
    odd = tmp_path / "a[0-9]{b,c}*?\\"
    odd.mkdir()
    write(odd / "lr=[0.05].tfrecord", [serialised(i) for i in range(5)])
    write(odd / "other.tfrecord", [serialised(i) for i in range(5, 8)])
    for pattern, size in (("*.tfrecord", 8), ("lr=[[]*.tfrecord", 5), ("lr=[0.05].tfrecord", 5)):
        source = ready(odd, train=pattern)
        rows = source.gather("train", tf.range(size, dtype=tf.int64))
        assert source.size("train") == size
        np.testing.assert_array_equal(rows[1], range(size))
