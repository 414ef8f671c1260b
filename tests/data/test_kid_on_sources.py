"""Kids that practise on each kind of source, and manifests that name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from akid import Brain, DataError, Kid, MomentumKongFu, Sensor
from akid.backend import tf
from akid.jokers import CropJoker, FlipJoker, MixupJoker
from akid.layers import InnerProductLayer, SoftmaxWithLossLayer
from akid.manifests.declare import declare_kid
from akid.sources import ArraySource, DatasetSource, ImageFolderSource, Source, TFRecordSource

DRAW = np.random.default_rng(0)
LABELS = np.arange(40, dtype=np.int64) % 2
IMAGES = (DRAW.integers(0, 100, (40, 4, 4, 1)) + 100 * LABELS[:, None, None, None]).astype(np.uint8)


def arrays(work_dir: Path) -> Source:
    return ArraySource(IMAGES, LABELS, num_val=10, split_seed=None, scale=True)


def folder(work_dir: Path) -> Source:
    for i, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        path = work_dir / ("train" if i < 30 else "val") / str(label) / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(image).numpy())
    return ImageFolderSource(str(work_dir), channels=1, scale=True)


def records(work_dir: Path) -> Source:
    work_dir.mkdir(exist_ok=True)
    for split, rows in (("train", range(30)), ("val", range(30, 40))):
        with tf.io.TFRecordWriter(str(work_dir / split)) as writer:
            for i in rows:
                example = tf.train.Example()
                example.features.feature["image"].bytes_list.value.append(IMAGES[i].tobytes())
                example.features.feature["label"].int64_list.value.append(LABELS[i])
                writer.write(example.SerializeToString())
    features = {"image": {"dtype": "uint8", "shape": [4, 4, 1], "encoding": "raw"}, "label": {"dtype": "int64"}}
    return TFRecordSource(features, "train", "val", work_dir=str(work_dir), scale=True)


def pipeline(work_dir: Path) -> Source:
    data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
    return DatasetSource(data.take(30).shuffle(30, seed=1), data.skip(30), scale=True)


def kid_of(source: Source, log_dir: Path, max_steps: int = 12, mixup: bool = False) -> Kid:
    jokers = [CropJoker(4, 4, padding=1), FlipJoker(), *([MixupJoker(1.0, 2)] if mixup else [])]
    brain = Brain("b").attach(
        InnerProductLayer(2, name="ip"),
        SoftmaxWithLossLayer(2, inputs=[{"name": "ip"}, {"name": "system_in", "idxs": [1]}], name="loss"),
    )
    sensor = Sensor(source, batch_size=8, val_batch_size=4, jokers=jokers)
    return Kid(
        sensor,
        brain,
        MomentumKongFu(0.1),
        max_steps=max_steps,
        log_dir=log_dir,
        do_summary=False,
        progress=False,
        val_log_step=6,
        train_log_step=6,
    )


def practised(kid: Kid) -> dict[str, np.ndarray]:
    kid.practice()
    return {name: v.numpy() for name, v in kid.brain.parameters.items()}


SOURCES: dict[str, Callable[[Path], Source]] = {"folder": folder, "records": records, "pipeline": pipeline}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_kid_practises_and_resumes_exactly(kind: str, tmp_path: Path) -> None:
    whole = practised(kid_of(SOURCES[kind](tmp_path / "data"), tmp_path / "whole"))
    practised(kid_of(SOURCES[kind](tmp_path / "data"), tmp_path / "parts", 7))
    parts = practised(kid_of(SOURCES[kind](tmp_path / "data"), tmp_path / "parts"))
    for name, value in whole.items():
        np.testing.assert_array_equal(value, parts[name])


def test_records_teach_what_arrays_teach(tmp_path: Path) -> None:
    from_arrays = practised(kid_of(arrays(tmp_path), tmp_path / "a"))
    from_records = practised(kid_of(records(tmp_path / "data"), tmp_path / "b"))
    for name, value in from_arrays.items():
        np.testing.assert_allclose(value, from_records[name], rtol=1e-6)


def test_mixed_labels_are_learnt_and_class_numbers_validated(tmp_path: Path) -> None:
    kid = kid_of(arrays(tmp_path), tmp_path / "a", mixup=True)
    loss, evals = kid.practice(return_eval=True)
    assert np.isfinite(loss)
    assert 0 <= evals["accuracy"] <= 1


def test_damaged_data_stop_a_kid_with_their_name(tmp_path: Path) -> None:
    source = folder(tmp_path / "data")
    (tmp_path / "data" / "train" / "1" / "13.png").write_bytes(b"no picture")
    kid = kid_of(source, tmp_path / "a")
    with pytest.raises(DataError, match=r"train/1/13.png cannot be read: it is damaged, or no PNG"):
        kid.practice()


def declared(sensor: dict[str, Any]) -> Any:
    kongfu = {"type": "MomentumKongFu"}
    return declare_kid({"sensor": sensor, "brain": {"type": "OneLayerBrain"}, "kongfu": kongfu, "max_steps": 1})


def test_manifests_name_sources_and_jokers() -> None:
    features = {"image": {"dtype": "uint8", "shape": [4, 4, 1], "encoding": "raw"}, "label": {"dtype": "int64"}}
    jokers = [
        {"type": "CropJoker", "height": 28, "width": 28, "padding": 2},
        {"type": "FlipJoker", "flip_up_down": True, "splits": ["train"]},
        {"type": "PadJoker", "padding": 1},
        {"type": "ResizeJoker", "height": 8, "width": 8, "method": "nearest"},
        {"type": "LightJoker", "contrast": [0.5, 1.5], "brightness": False},
        {"type": "WhitenJoker"},
        {"type": "RescaleJoker"},
        {"type": "CutoutJoker", "size": [2, 3]},
        {"type": "MixupJoker", "alpha": 0.2, "class_num": 10},
    ]
    for source in (
        {"type": "MNISTFeedSource", "work_dir": "x", "url": "http://example.org", "checksums": {"a": "b"}},
        {"type": "CIFAR10Source", "format": "binary", "num_val": 10},
        {"type": "CIFAR100Source", "labels": "both"},
        {"type": "ImageFolderSource", "work_dir": "x", "size": [32, 32], "num_val": 3},
        {"type": "TFRecordSource", "features": features, "train": ["a-*", "b-*"], "work_dir": "x"},
    ):
        declared({"source": source, "jokers": jokers})


@pytest.mark.parametrize("source", ["ReadingSource", "InMemorySource"])
def test_manifests_do_not_name_abstract_sources(source: str) -> None:
    with pytest.raises(Exception, match=f"there is no source called '{source}'"):
        declared({"source": {"type": source}})


def in_order(work_dir: Path) -> Source:
    data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
    return DatasetSource(data.take(30), data.skip(30), scale=True)


@pytest.mark.parametrize("mixup", [False, True], ids=["by row", "mixing"])
@pytest.mark.parametrize("make", [arrays, folder, records, in_order], ids=lambda make: make.__name__)
def test_slices_of_every_batch_are_the_batch_down_to_slices_without_rows(
    make: Callable[[Path], Source], mixup: bool, tmp_path: Path
) -> None:
    sensor = kid_of(make(tmp_path / "data"), tmp_path / "log", mixup=mixup).sensor
    sensor.setup()
    assert sensor.sliceable == (make is not in_order)
    for split, whole, steps in (("train", 8, 5), ("val", 4, 3)):
        slices = [(0, 3), (3, whole - 3)] if split == "train" else [(0, 2), (2, 2)]
        pipelines = [sensor.dataset(split, rows=rows).take(steps) for rows in slices]
        feeds = [sensor.feed(split, rows=rows) for rows in slices]
        for step, *parts in zip(range(steps), *pipelines, strict=True):
            batch = sensor.batch(step, split)
            fed = [feed(tf.constant(step, tf.int64)) for feed in feeds]
            for sliced in (parts, fed, [sensor.batch(step, split, rows=rows) for rows in slices]):
                for one, *joined in zip(batch, *sliced, strict=True):
                    np.testing.assert_array_equal(np.concatenate(joined), one)
        if split == "val":
            assert [len(part[0]) for part in parts] == [2, 0]


def test_a_stream_says_that_the_whole_batch_is_read_for_some_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sensor = kid_of(in_order(tmp_path), tmp_path).sensor
    sensor.setup()
    sensor.dataset("train")
    assert "no random access" not in caplog.text
    sensor.dataset("train", rows=(0, 2))
    assert "DatasetSource has no random access: the whole batch is read for rows=(0, 2) of it" in caplog.text
