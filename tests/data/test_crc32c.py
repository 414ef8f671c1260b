"""The checksum of TFRecord files, against TensorFlow's writer and known values."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from akid.backend import tf
from akid.sources.formats.crc32c import masked_crc32c


@pytest.mark.parametrize(
    ("message", "crc"),  # RFC 3720, B.4
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_known_values(message: bytes, crc: int):
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c([message]).tolist() == [masked]


def test_messages_of_any_length_at_once_have_the_checksums_that_tensorflow_writes(tmp_path: Path):
    random = np.random.default_rng(0)
    messages = [random.bytes(n) for n in (*range(130), 1000, 4093, 70_001)]
    path = str(tmp_path / "a")
    with tf.io.TFRecordWriter(path) as writer:
        for message in messages:
            writer.write(message)
    content, at, written = Path(path).read_bytes(), 0, []
    for message in messages:
        at += 12 + len(message)
        written += struct.unpack_from("<I", content, at)
        at += 4
    np.testing.assert_array_equal(masked_crc32c(messages), np.array(written, np.uint32))
    assert masked_crc32c([]).tolist() == []
