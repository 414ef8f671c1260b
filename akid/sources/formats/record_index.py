"""Where the records of TFRecord files lie, so that any of them can be read by itself."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from akid.errors import DataError
from akid.sources.files import damaged
from akid.sources.formats.crc32c import masked_crc32c

logger = logging.getLogger(__name__)
_VERSION = 1
#: A record: length (8 bytes), its checksum (4), the data, their checksum (4).
_HEADER, _FRAME = 12, 16


@dataclass(frozen=True)
class RecordIndex:
    """The records of some files, in order.

    Attributes:
        files: the paths.
        file: int32 ``[records]``, number of the file a record is in.
        offset: int64 ``[records]``, where its data begin.
        length: int64 ``[records]``, bytes of data.
    """

    files: tuple[Path, ...]
    file: np.ndarray
    offset: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.file)

    def path(self, number: int) -> Path:
        """The file a record is in."""
        return self.files[self.file[number]]

    def place(self, number: int) -> int:
        """The number of a record in its file."""
        return number - int(np.searchsorted(self.file, self.file[number]))


def record_index(files: Sequence[Path], directory: Path) -> RecordIndex:
    """The index of these files, read from where it was kept the first time, or built and kept.

    It is kept in ``directory`` as ``.akid-index-<hash of the names>.npz`` and is built anew when a file has
    another size or time. A directory that cannot be written costs the building each time, nothing else.

    Raises:
        DataError: a file is damaged or compressed.
    """
    stats = [(os.path.relpath(f, directory), f.stat()) for f in files]
    state = json.dumps([_VERSION, [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]])
    names = hashlib.blake2b(json.dumps([name for name, _ in stats]).encode(), digest_size=8).hexdigest()
    kept = directory / f".akid-index-{names}.npz"
    columns = _load(kept, state)
    if columns is None:
        columns = _build(files)
        _keep(kept, state, columns)
    return RecordIndex(tuple(files), *columns)


Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def _load(path: Path, state: str) -> Columns | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if str(kept["state"]) != state:
                return None
            return kept["number"], kept["offset"], kept["length"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(path: Path, state: str, columns: Columns) -> None:
    arrays = dict(zip(("number", "offset", "length"), columns, strict=True))
    try:
        handle, part = tempfile.mkstemp(prefix=path.stem, suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as out:
            np.savez(out, state=np.array(state), **arrays)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except OSError as error:
        logger.info("the index of the records cannot be kept in %s: %s", path.parent, error.strerror)


def _build(files: Sequence[Path]) -> Columns:
    found = [_scan(path) for path in files]
    counts = [len(offsets) for offsets, _ in found]
    offset, length = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return np.repeat(np.arange(len(files), dtype=np.int32), counts), offset, length


def _scan(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and lengths of the data of a file's records: by the headers alone, whose checksums are verified."""
    size = path.stat().st_size
    headers = bytearray()
    at = 0
    with path.open("rb", buffering=1 << 20) as file:
        while at < size:
            file.seek(at)
            header = file.read(_HEADER)
            if at == 0 and header.startswith(b"\x1f\x8b"):
                raise DataError(
                    f"{path} is gzipped; records are read one by one, so unpack it: gunzip {path.name}"
                )
            if len(header) < _HEADER:
                break
            headers += header
            at += _FRAME + struct.unpack_from("<Q", header)[0]
    table = np.frombuffer(bytes(headers), np.dtype([("length", "<u8"), ("crc", "<u4")]))
    lengths = [bytes(headers[at : at + 8]) for at in range(0, len(headers), _HEADER)]
    wrong = np.flatnonzero(masked_crc32c(lengths) != table["crc"])
    if len(wrong):
        raise damaged(
            path, f"is damaged, or no TFRecord file: the length of record {wrong[0]} has a wrong checksum"
        )
    if at != size:
        raise damaged(path, f"is truncated: it ends within record {len(table) - (at > size)}, at byte {size:,}")
    length = table["length"].astype(np.int64)
    return np.cumsum(length + _FRAME) - length - (_FRAME - _HEADER), length
