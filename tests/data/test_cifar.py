"""The CIFAR sources on small files of the same formats."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.local_server import LocalServer

from akid.errors import DataError
from akid.sources import CIFAR10Source, CIFAR100Source

DRAW = np.random.default_rng(0)
PIXELS = DRAW.integers(0, 256, (6, 4, 3072), np.uint8)
COARSE, FINE = DRAW.integers(0, 10, (6, 4), np.uint8), DRAW.integers(0, 100, (6, 4), np.uint8)
NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def binary(i: int, *labels: np.ndarray) -> bytes:
    return np.concatenate([*(label[i][:, None] for label in labels), PIXELS[i]], 1).tobytes()


def pickled(content: dict[str, Any], protocol: int = 2) -> bytes:
    return pickle.dumps({key.encode(): value for key, value in content.items()}, protocol)


def cifar10(kind: str) -> dict[str, bytes]:
    if kind == "binary":
        return {f"{name}.bin": binary(i, COARSE) for i, name in enumerate(NAMES)}
    return {name: pickled({"data": PIXELS[i], "labels": COARSE[i].tolist()}) for i, name in enumerate(NAMES)}


def cifar100(kind: str) -> dict[str, bytes]:
    if kind == "binary":
        return {"train.bin": binary(0, COARSE, FINE), "test.bin": binary(5, COARSE, FINE)}
    content = {
        i: {"data": PIXELS[i], "fine_labels": FINE[i].tolist(), "coarse_labels": COARSE[i].tolist()}
        for i in (0, 5)
    }
    return {"train": pickled(content[0]), "test": pickled(content[5], 5)}


def write(directory: Path, files: dict[str, bytes]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


def archive(files: dict[str, bytes], folder: str = "somewhere") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {**files, "readme.html": b"not needed", "../evil": b"x"}.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def image(pixels: np.ndarray) -> np.ndarray:
    return np.stack([plane.reshape(32, 32) for plane in pixels.reshape(3, 1024)], -1)


def check10(source: CIFAR10Source) -> None:
    images, labels = source.arrays["train"]
    assert images.shape == (15, 32, 32, 3)
    np.testing.assert_array_equal(images[6], image(PIXELS[1, 2]))
    np.testing.assert_array_equal(labels, COARSE[:5].ravel()[:15])
    np.testing.assert_array_equal(source.arrays["val"][1], COARSE[:5].ravel()[15:])
    np.testing.assert_array_equal(source.arrays["test"][0][3], image(PIXELS[5, 3]))
    np.testing.assert_array_equal(source.arrays["test"][1], COARSE[5])


def ready(work_dir: Path, **options: Any) -> CIFAR10Source:
    source = CIFAR10Source(work_dir=str(work_dir), **{"num_val": 5, **options})
    source.setup()
    return source


FOLDERS = {"binary": "cifar-10-batches-bin", "python": "cifar-10-batches-py"}


@pytest.mark.parametrize("kind", FOLDERS)
def test_cifar10_lies_in_the_folder_of_its_archive_or_beside(tmp_path: Path, kind: str) -> None:
    check10(ready(write(tmp_path / "a" / FOLDERS[kind], cifar10(kind)).parent))
    check10(ready(write(tmp_path / "b", cifar10(kind)), format=kind))


@pytest.mark.parametrize("kind", FOLDERS)
def test_an_archive_is_unpacked_without_what_is_not_needed(tmp_path: Path, kind: str) -> None:
    write(tmp_path, {f"cifar-10-{kind}.tar.gz": archive(cifar10(kind))})
    for _ in range(2):
        check10(ready(tmp_path))
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {f"cifar-10-{kind}.tar.gz", *(f"{FOLDERS[kind]}/{name}" for name in cifar10(kind))}


@pytest.mark.parametrize("at", ["", "/cifar-10-python.tar.gz"])
def test_an_archive_is_downloaded(tmp_path: Path, server: LocalServer, at: str) -> None:
    packed = {kind: archive(cifar10(kind)) for kind in FOLDERS}
    server.files = {f"/cifar-10-{kind}.tar.gz": content for kind, content in packed.items()}
    kind = "python" if at else "binary"
    check10(ready(tmp_path, url=server.url + at, sha256=hashlib.sha256(packed[kind]).hexdigest()))
    assert [path for path, _ in server.asked] == [f"/cifar-10-{kind}.tar.gz"]


def test_a_wrong_checksum_is_an_error(tmp_path: Path, server: LocalServer) -> None:
    server.files = {"/cifar-10-binary.tar.gz": b"x"}
    with pytest.raises(DataError, match=r"checksum of http.*cifar-10-binary.tar.gz is wrong"):
        ready(tmp_path, url=server.url, sha256="00")


@pytest.mark.parametrize("kind", ["binary", "python"])
@pytest.mark.parametrize("labels", ["fine", "coarse", "both"])
def test_cifar100_has_fine_and_coarse_labels(tmp_path: Path, kind: str, labels: str) -> None:
    write(tmp_path, cifar100(kind))
    source = CIFAR100Source(labels, work_dir=str(tmp_path), num_val=1)  # type: ignore[arg-type]
    source.setup()
    expected = {"fine": [FINE], "coarse": [COARSE], "both": [FINE, COARSE]}[labels]
    images, *found = source.arrays["test"]
    np.testing.assert_array_equal(images[1], image(PIXELS[5, 1]))
    assert len(found) == len(expected)
    for have, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(have, want[5])


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        ready(tmp_path)
    assert str(caught.value) == (
        f"CIFAR10Source: put these files into {tmp_path} (work_dir), or give the url to download them from:\n"
        "  cifar-10-binary.tar.gz: the binary format, 170,052,171 bytes\n"
        "  or cifar-10-python.tar.gz: the python format, 170,498,071 bytes\n"
        "The files of it may lie there unpacked: cifar-10-batches-bin/data_batch_1.bin ... test_batch.bin"
    )
    write(tmp_path, cifar10("binary"))
    (tmp_path / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"cifar-10-binary.tar.gz \(or only data_batch_3.bin, which is missing\)"):
        ready(tmp_path)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


DAMAGES: dict[str, tuple[str, bytes, str]] = {
    "size": (
        "test_batch.bin",
        binary(5, COARSE)[:-1],
        "has 12,291 bytes, which is no multiple of a record's 3,073",
    ),
    "empty": ("test_batch.bin", b"", "has 0 bytes, which is no multiple of a record's 3,073"),
    "label": ("test_batch.bin", b"\x0c" + binary(5, COARSE)[1:], "has a class label 12, but there are 10 classes"),
    "code": (
        "test_batch",
        pickle.dumps({b"data": Evil()}, 2),
        r"is no pickle of arrays \(UnpicklingError: it refers to posix.mkdir, which",
    ),
    "codec": (
        "test_batch",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.",
        "is no pickle of arrays .*bytes in the encoding 'zip'",
    ),
    "no pickle": ("test_batch", b"<html>", r"is no pickle of arrays \(UnpicklingError"),
    "truncated": ("test_batch", cifar10("python")["test_batch"][:-50], r"is no pickle of arrays \("),
    "a list": ("test_batch", pickle.dumps([1]), r"is no pickle of arrays \(AttributeError"),
    "keys": ("test_batch", pickled({"data": PIXELS[5]}), "lacks labels; it has data"),
    "dtype": (
        "test_batch",
        pickled({"data": PIXELS[5].astype(float), "labels": [1] * 4}),
        r"should hold bytes \[images, 3072\], but holds float64 \[4, 3072\]",
    ),
    "counts": ("test_batch", pickled({"data": PIXELS[5], "labels": [1]}), "holds 1 class labels for 4 images"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_named_and_run_nothing(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, content, message = DAMAGES[damage]
    write(tmp_path, {**cifar10("binary" if name.endswith("bin") else "python"), name: content})
    with pytest.raises(DataError, match=f"{name} {message}.*Delete it; then put a good copy there"):
        ready(tmp_path)
    assert not (tmp_path / "evil").exists()


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    name = "cifar-10-binary.tar.gz"
    write(tmp_path, {name: archive(cifar10("binary"))[:-3000]})
    with pytest.raises(DataError, match=f"{name} is a truncated or damaged archive"):
        ready(tmp_path)
    less = write(tmp_path / "less", {name: archive({"data_batch_1.bin": binary(0, COARSE)})})
    with pytest.raises(DataError, match=f"{name} lacks data_batch_2.bin, .*test_batch.bin. Delete it"):
        ready(less, format="binary")


def test_an_archive_in_a_directory_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **options: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    write(tmp_path, {"cifar-10-binary.tar.gz": archive(cifar10("binary"))})
    monkeypatch.setattr(Path, "mkdir", refuse)
    message = "binary.tar.gz cannot be unpacked into .*cifar-10-batches-bin: Read-only file system. It is mounted"
    with pytest.raises(DataError, match=message):
        ready(tmp_path)


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, cifar10(kind))

    def refuse(path: Path, *options: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(np, "fromfile", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"data_batch_1.* cannot be read: Permission denied. Give the user"):
        ready(tmp_path)


def test_unknown_formats_and_labels_are_refused() -> None:
    with pytest.raises(DataError, match=r"CIFAR10Source: format must be one of .*Did you mean 'binary'.*'binay'"):
        CIFAR10Source(format="binay")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"CIFAR100Source: labels must be one of .*Did you mean 'coarse'"):
        CIFAR100Source("corse")  # type: ignore[arg-type]
