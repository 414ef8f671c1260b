"""The MNIST source on small files of the same format."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from data.local_server import LocalServer

from akid.errors import DataError
from akid.sensors import Sensor
from akid.sources import MNISTFeedSource

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DRAW = np.random.default_rng(0)
IMAGES, LABELS = DRAW.integers(0, 256, (50, 28, 28), np.uint8), DRAW.integers(0, 10, 50, np.uint8)
TEST_IMAGES, TEST_LABELS = IMAGES[:7, ::-1], LABELS[:7]


def idx(array: np.ndarray, code: int = 8) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array).tobytes()


FILES = dict(zip(NAMES, map(idx, (IMAGES, LABELS, TEST_IMAGES, TEST_LABELS)), strict=True))


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def ready(work_dir: Path, **options: object) -> MNISTFeedSource:
    source = MNISTFeedSource(work_dir=str(work_dir), **{"num_val": 10, **options})  # type: ignore[arg-type]
    source.setup()
    return source


def check(source: MNISTFeedSource) -> None:
    train, val, test = (source.arrays[s] for s in ("train", "val", "test"))
    np.testing.assert_array_equal(train[0], IMAGES[:40, ..., None])
    np.testing.assert_array_equal(train[1], LABELS[:40])
    np.testing.assert_array_equal(val[0], IMAGES[40:, ..., None])
    np.testing.assert_array_equal(test[0], TEST_IMAGES[..., None])
    np.testing.assert_array_equal(test[1], TEST_LABELS)


def test_plain_files(work_dir: Path) -> None:
    check(ready(work_dir))


def test_gzipped_files_and_dotted_names(work_dir: Path) -> None:
    for name in NAMES[:2]:
        (work_dir / f"{name}.gz").write_bytes(gzip.compress(FILES[name]))
        (work_dir / name).unlink()
    (work_dir / NAMES[2]).rename(work_dir / "t10k-images.idx3-ubyte")
    check(ready(work_dir))


def test_the_paper_s_arguments_and_batches(work_dir: Path) -> None:
    source = MNISTFeedSource(
        name="Source",
        url="http://yann.lecun.com/exdb/mnist/",
        work_dir=str(work_dir),
        center=True,
        scale=True,
        num_train=30,
        num_val=10,
    )
    sensor = Sensor(source, batch_size=10, shuffle=False)
    sensor.setup()
    assert [sensor.size(s) for s in ("train", "val", "test")] == [30, 10, 7]
    np.testing.assert_allclose(sensor.data(1)[..., 0], (IMAGES[10:20] - 127.5) / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(sensor.labels(0, "val"), LABELS[30:40])


def test_by_default_the_files_are_read_below_the_data_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid.sources.files.AKID_DATA_PATH", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    for name, content in FILES.items():
        (tmp_path / "mnist" / name).write_bytes(content)
    source = MNISTFeedSource(num_val=10)
    source.setup()
    check(source)


@pytest.mark.parametrize(
    ("given", "directory"),
    [
        ({"AKID_DATA_PATH": "/data"}, "/data"),
        ({"AKID_DATA_PATH": ""}, "/home/a/.akid/data"),
        ({}, "/home/a/.akid/data"),
    ],
)
def test_the_data_path_is_that_of_the_environment(given: dict[str, str], directory: str) -> None:
    code = "from akid.data_path import AKID_DATA_PATH; print(AKID_DATA_PATH)"
    kept = {key: value for key, value in os.environ.items() if key != "AKID_DATA_PATH"}
    environment = kept | {"HOME": "/home/a"} | given
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == directory


def test_missing_files_are_listed(work_dir: Path) -> None:
    (work_dir / NAMES[0]).unlink()
    (work_dir / NAMES[3]).unlink()
    with pytest.raises(DataError) as caught:
        ready(work_dir)
    assert str(caught.value) == (
        f"MNISTFeedSource: put these files into {work_dir} (work_dir), or give the url to download them from:\n"
        "  train-images-idx3-ubyte.gz (or train-images-idx3-ubyte, train-images.idx3-ubyte):"
        " 60,000 training images, 9,912,422 bytes\n"
        "  t10k-labels-idx1-ubyte.gz (or t10k-labels-idx1-ubyte, t10k-labels.idx1-ubyte):"
        " their labels, 4,542 bytes"
    )


def served(server: LocalServer) -> dict[str, str]:
    """Gives the server the gzipped files; their checksums."""
    packed = {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}
    server.files = {f"/mnist/{name}": content for name, content in packed.items()}
    return {name: hashlib.sha256(content).hexdigest() for name, content in packed.items()}


def test_what_is_missing_is_downloaded_once(work_dir: Path, server: LocalServer) -> None:
    checksums = served(server)
    for name in NAMES[1:]:
        (work_dir / name).unlink()
    for _ in range(2):
        check(ready(work_dir, url=f"{server.url}/mnist/", checksums=checksums))
    assert [path for path, _ in server.asked] == [f"/mnist/{name}.gz" for name in NAMES[1:]]


def test_a_wrong_checksum_is_an_error(tmp_path: Path, server: LocalServer) -> None:
    checksums = {**served(server), "t10k-labels-idx1-ubyte.gz": "00"}
    with pytest.raises(DataError, match=r"checksum of http.*t10k-labels-idx1-ubyte.gz is wrong"):
        ready(tmp_path, url=f"{server.url}/mnist", checksums=checksums)


def test_a_checksum_of_no_file_is_an_error(tmp_path: Path, server: LocalServer) -> None:
    with pytest.raises(DataError, match=r"checksums name no file 'train-images'. Did you mean 'train-images-idx3"):
        ready(tmp_path, url=server.url, checksums={"train-images": "00"})


def test_published_files_are_checked_without_being_told() -> None:
    files = MNISTFeedSource(url="https://storage.googleapis.com/cvdf-datasets/mnist/").files
    from akid.sources.mnist import _FILES

    assert files._checksum(_FILES[0], f"{files.url}{_FILES[0].name}") == _FILES[0].sha256
    assert files._checksum(_FILES[0], "http://example.org/train-images-idx3-ubyte.gz") is None


MEND = re.escape(". Delete it; then put a good copy there, or give the url to have it downloaded.")
BAD_GZIP = r"is a truncated or damaged gzip file \(.*\)" + MEND
DAMAGES = {
    "no idx": (0, b"<html>", "is no idx file: it begins with the bytes 3c 68 74 6d" + MEND),
    "empty": (0, b"", r"is no idx file: it begins with the bytes \(none\)" + MEND),
    "short header": (0, b"\0\0\x08\x03\0\0", "ends within its header of 16 bytes" + MEND),
    "truncated": (
        0,
        FILES[NAMES[0]][:-100],
        r"should hold 39,200 bytes of data by its header, which says shape \[50, 28, 28\], but holds 39,100"
        + MEND,
    ),
    "truncated gzip": (
        0,
        gzip.compress(FILES[NAMES[0]])[:-100],
        r"is a truncated or damaged gzip file \(.*\)" + MEND,
    ),
    "damaged gzip": (0, b"\x1f\x8b" + b"x" * 100, BAD_GZIP),
    "counts": (1, idx(LABELS[:49]), "holds 49 labels for the 50 images of train-images-idx3-ubyte" + MEND),
    "labels for images": (2, idx(LABELS), r"should hold images of bytes, but holds uint8 \[50\]"),
    "floats": (
        2,
        idx(TEST_IMAGES.astype(">f4"), 0x0D),
        r"should hold images of bytes, but holds float32",
    ),
    "images for labels": (
        3,
        idx(IMAGES),
        r"should hold one label an image, but holds an array \[50, 28, 28\]",
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_files_are_named_with_what_to_do(work_dir: Path, kind: str) -> None:
    index, content, message = DAMAGES[kind]
    (work_dir / NAMES[index]).write_bytes(content)
    with pytest.raises(DataError, match=f"{NAMES[index]} {message}"):
        ready(work_dir)


def test_more_examples_than_there_are(work_dir: Path) -> None:
    with pytest.raises(DataError, match=r"num_train=45 \+ num_val=10 must be at most the 50 examples there are"):
        ready(work_dir, num_train=45)
