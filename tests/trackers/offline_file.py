"""Reads what Weights & Biases wrote offline: records of its protocol in the log format of LevelDB."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Bytes of the file's own header, and of a block; a piece has a checksum, a length and a kind.
FILE_HEADER, BLOCK, PIECE = 7, 1 << 15, struct.Struct("<IHB")


def records(path: Path) -> Iterator[Any]:
    """The records of a file, in order; a record may be cut into pieces."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, whole = path.read_bytes(), FILE_HEADER, b""
    while place + PIECE.size <= len(data):
        if BLOCK - place % BLOCK < PIECE.size:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = PIECE.unpack_from(data, place)
        place += PIECE.size
        whole += data[place : place + length]
        place += length
        if kind in (1, 4):  # whole, or the last piece
            yield Record.FromString(whole)
            whole = b""


def items(updates: Any) -> dict[str, Any]:
    """Items of a record by key; nested ones joined by dots."""
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in updates}
