"""The size of a picture, from its header: no TensorFlow, whose threads must not start before they are settled."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

from akid.errors import DataError
from akid.sources.files import shown, unreadable


def damaged_picture(path: str | Path) -> DataError:
    """What to say of a picture that cannot be decoded."""
    return DataError(
        f"{shown(path)} cannot be read: it is damaged, or no PNG, JPEG, GIF or BMP. Mend it, or take it away."
    )


def picture_size(path: str | Path) -> tuple[int, int]:
    """``(height, width)`` in pixels of a PNG, JPEG, GIF or BMP.

    Raises:
        DataError: it cannot be read, or is none of these.
    """
    try:
        with open(path, "rb") as file:
            return _size(file)
    except OSError as error:
        raise unreadable(path, error) from None
    except (struct.error, IndexError, ValueError):
        raise damaged_picture(path) from None


def size_in_header(content: bytes) -> tuple[int, int] | None:
    """The same of the bytes of a picture; None if they are none of these."""
    try:
        return _size(io.BytesIO(content))
    except (struct.error, IndexError, ValueError):
        return None


def _size(file: BinaryIO) -> tuple[int, int]:
    head = file.read(26)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", head[16:24])
    elif head.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack("<HH", head[6:10])
    elif head.startswith(b"BM"):
        width, height = struct.unpack("<ii", head[18:26])
    elif head.startswith(b"\xff\xd8"):
        height, width = _jpeg_size(file)
    else:
        raise ValueError("unknown")
    return abs(height), width


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """From the start-of-frame segment: 0xC0 to 0xCF but for three others (ITU-T T.81, table B.1)."""
    file.seek(2)
    while True:
        marker = file.read(2)
        while marker[1] == 0xFF:  # fill bytes
            marker = marker[1:] + file.read(1)
        (length,) = struct.unpack(">H", file.read(2))
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            return height, width
        if marker[0] != 0xFF:
            raise ValueError("no marker")
        file.seek(length - 2, 1)
