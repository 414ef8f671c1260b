"""Pictures in folders."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from akid.backend import tf
from akid.errors import DataError
from akid.sensors import Sensor
from akid.sources.images import ImageFolderSource

DRAW = np.random.default_rng(0)


def noise(height: int = 6, width: int = 8, channels: int = 3) -> np.ndarray:
    return DRAW.integers(0, 256, (height, width, channels), np.uint8)


def png(image: np.ndarray) -> bytes:
    return tf.io.encode_png(image).numpy()


def bmp(image: np.ndarray) -> bytes:
    height, width, _ = image.shape
    rows = [row[:, ::-1].tobytes().ljust(-(-3 * width // 4) * 4, b"\0") for row in image[::-1]]
    head = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return head + b"".join(rows)


def gif(value: int, height: int = 6, width: int = 8) -> bytes:
    """A picture of one grey: LZW codes of 8 bits with a clear code before every two pixels."""
    codes = [code for _ in range(height * width // 2) for code in (128, 1, 1)] + [129]
    bits = sum(code << (8 * i) for i, code in enumerate(codes)).to_bytes(len(codes), "little")
    blocks = b"".join(bytes([len(b)]) + b for b in (bits[i : i + 255] for i in range(0, len(bits), 255)))
    table = bytes([0, 0, 0, value, value, value]) + bytes(3 * 126)
    head = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0xF6, 0, 0) + table
    return head + struct.pack("<BHHHHBB", 0x2C, 0, 0, width, height, 0, 7) + blocks + b"\0;"


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, np.ndarray]:
    """``{path in tmp_path: image}`` of two classes without splits."""
    images = {f"{c}/{i}.png": noise() for c in ("cat", "dog") for i in range(5)}
    for name, image in images.items():
        write(tmp_path / name, png(image))
    write(tmp_path / "cat" / "notes.txt", b"")
    write(tmp_path / ".cache" / "x.png", b"")
    return images


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def ready(work_dir: Path, **options: object) -> ImageFolderSource:
    source = ImageFolderSource(str(work_dir), **options)  # type: ignore[arg-type]
    source.setup()
    return source


def gathered(source: ImageFolderSource, split: str = "train") -> list[np.ndarray]:
    return [t.numpy() for t in source.gather(split, tf.range(source.size(split), dtype=tf.int64))]


def test_classes_and_pictures_are_in_the_order_of_their_names(
    tmp_path: Path, folders: dict[str, np.ndarray]
) -> None:
    source = ready(tmp_path)
    images, labels = gathered(source)
    assert source.classes == ["cat", "dog"]
    np.testing.assert_array_equal(images, np.stack(list(folders.values())))
    np.testing.assert_array_equal(labels, [0] * 5 + [1] * 5)


def test_some_are_set_aside(tmp_path: Path, folders: dict[str, np.ndarray]) -> None:
    source = ready(tmp_path, num_val=3, num_test=2)
    assert [source.size(s) for s in ("train", "val", "test")] == [5, 3, 2]
    parts = [gathered(source, split)[0] for split in ("train", "val", "test")]
    shown = {i.tobytes() for part in parts for i in part}
    assert shown == {i.tobytes() for i in folders.values()}
    order = np.random.default_rng(0).permutation(10)
    np.testing.assert_array_equal(parts[1], np.stack(list(folders.values()))[np.sort(order[5:8])])


def test_splits_have_folders(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("val", 2)):
        for c in "ab":
            for i in range(count):
                write(tmp_path / split / c / "deep" / f"{i}.PNG", png(noise()))
    source = ready(tmp_path)
    assert [source.size(s) for s in ("train", "val", "test")] == [6, 4, 0]
    np.testing.assert_array_equal(gathered(source, "val")[1], [0, 0, 1, 1])
    with pytest.raises(DataError, match=r"has folders for its splits, so num_val and num_test must be 0.*=2"):
        ready(tmp_path, num_val=2)
    write(tmp_path / "val" / "aa" / "0.png", png(noise()))
    with pytest.raises(DataError, match=r"val has a class 'aa' that train has not. Did you mean 'a'\?"):
        ready(tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
def test_all_kinds_of_pictures_are_converted(tmp_path: Path, channels: int) -> None:
    color, grey, smooth = noise(), noise(channels=1), np.full([6, 8, 3], 77, np.uint8)
    alpha = np.concatenate([color, noise(channels=1)], -1)
    files = {
        "0.png": png(color),
        "1.png": png(alpha),
        "2.png": png(grey),
        "3.png": png(np.concatenate([grey, grey], -1)),
        "4.bmp": bmp(color),
        "5.jpeg": tf.io.encode_jpeg(smooth, quality=100).numpy(),
        "6.gif": gif(77),
        "7.jpg": tf.io.encode_jpeg(smooth[..., :1], quality=100).numpy(),
    }
    for name, content in files.items():
        write(tmp_path / "c" / name, content)
    images, _ = gathered(ready(tmp_path, channels=channels))
    luma = np.rint(color @ np.array([0.299, 0.587, 0.114]))[..., None]
    wanted_color = color if channels == 3 else luma
    wanted_grey = np.repeat(grey, channels, -1)
    wanted = [wanted_color, wanted_color, wanted_grey, wanted_grey, wanted_color, *[smooth[..., :channels]] * 3]
    np.testing.assert_array_equal(images, wanted)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp"])
def test_the_size_comes_from_the_header(tmp_path: Path, kind: str) -> None:
    image = noise(6, 8)
    content = {
        "png": png(image),
        "jpg": tf.io.encode_jpeg(image).numpy(),
        "gif": gif(7),
        "bmp": bmp(image),
    }[kind]
    write(tmp_path / "c" / f"x.{kind}", content)
    assert ready(tmp_path).signature()[0].shape == (None, 6, 8, 3)


def test_pictures_of_other_sizes_are_resized_or_refused(tmp_path: Path) -> None:
    first = noise(6, 8)
    write(tmp_path / "c" / "0.png", png(first))
    write(tmp_path / "c" / "1.png", png(np.full([30, 20, 3], 9, np.uint8)))
    images, _ = gathered(ready(tmp_path, size=[3, 4]))
    assert images.shape == (2, 3, 4, 3)
    np.testing.assert_array_equal(images[1], 9)
    with_tf = tf.image.resize(first, [3, 4], antialias=True)
    np.testing.assert_array_equal(images[0], np.rint(with_tf))
    message = (
        r"1.png has 30 x 20 pixels, the first picture has 6 x 8. Give ImageFolderSource a size=\[height, width\]"
    )
    sensor = Sensor(ImageFolderSource(str(tmp_path)), 2)
    sensor.setup()
    with pytest.raises(DataError, match=message):
        sensor.batch(0)
    with pytest.raises(DataError, match=message):
        next(sensor.batches("train"))


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xd8\xff\xc4", b"\x89PNG\r\n\x1a\n" + bytes(20)])
def test_damaged_pictures_are_named(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "c" / "0.png", content)
    message = r"0.png cannot be read: it is damaged, or no PNG, JPEG, GIF or BMP. Mend it, or take it away."
    with pytest.raises(DataError, match=message):
        gathered(ready(tmp_path))
    with pytest.raises(DataError, match=message):
        gathered(ready(tmp_path, size=4))


def test_a_picture_that_went_away_is_named(tmp_path: Path, folders: dict[str, np.ndarray]) -> None:
    source = ready(tmp_path)
    (tmp_path / "dog" / "3.png").unlink()
    with pytest.raises(DataError, match=r"3.png cannot be read: No such file or directory"):
        gathered(source)


@pytest.mark.parametrize(("where", "problem"), [("nowhere", "no such directory"), ("", "no picture in it")])
def test_missing_pictures_are_asked_for(tmp_path: Path, where: str, problem: str) -> None:
    with pytest.raises(DataError, match=f"there is {problem}: .*Put pictures .*there as <class>/<picture>, or"):
        ready(tmp_path / where)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(DataError, match=r"channels must be one of \[1, 3\]. Received: channels=4"):
        ImageFolderSource("x", channels=4)
    with pytest.raises(DataError, match="ImageFolderSource: size must be an integer"):
        ImageFolderSource("x", size=[1, 2, 3])


def test_pictures_may_lie_under_any_path(tmp_path: Path) -> None:
    image = noise()
    write(tmp_path / "a[0-9]{b,c}*?\\" / "cat" / "[0].png", png(image))
    source = ready(tmp_path / "a[0-9]{b,c}*?\\", num_val=0)
    np.testing.assert_array_equal(gathered(source)[0][0], image)
