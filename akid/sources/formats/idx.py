"""The idx format of MNIST, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from akid.sources.files import damaged

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> np.ndarray:
    """The array of an idx file: two zero bytes, the dtype, the rank, the dimensions, the numbers (big endian).

    Raises:
        DataError: the file is damaged.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES:
        raise damaged(path, f"is no idx file: it begins with the bytes {content[:4].hex(' ') or '(none)'}")
    dtype, rank = np.dtype(_DTYPES[content[2]]), content[3]
    begin = 4 + 4 * rank
    if len(content) < begin:
        raise damaged(path, f"ends within its header of {begin} bytes")
    shape = struct.unpack(f">{rank}I", content[4:begin])
    expected = math.prod(shape) * dtype.itemsize
    if len(content) - begin != expected:
        raise damaged(
            path,
            f"should hold {expected:,} bytes of data by its header, which says shape {list(shape)}, but holds"
            f" {len(content) - begin:,}",
        )
    return np.frombuffer(content, dtype, offset=begin).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise damaged(path, f"is a truncated or damaged gzip file ({error})") from None
