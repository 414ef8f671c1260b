"""TensorBoard's event files: records of a step each, framed as in TFRecord files."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from akid.backend import tf
from akid.runs.run_dir import replace_atomically
from akid.sources.formats.crc32c import masked_crc32c

#: The length of what follows; before its checksum, which is followed by the data and theirs.
_LENGTH = struct.Struct("<Q")
_SUM = 4
_numbers = itertools.count()


def new_event_file(directory: Path) -> Path:
    """The path of a file of this process: TensorBoard reads one after another, in the order of their names."""
    host, number = socket.gethostname(), next(_numbers)
    return directory / f"events.out.tfevents.{int(time.time()):010d}.{host}.{os.getpid()}.{number:06d}"


def event_files(directory: Path) -> list[Path]:
    """Those there are, in the order in which they were begun."""
    return sorted(directory.glob("*tfevents*")) if directory.is_dir() else []


def record(event: bytes) -> bytes:
    """An event as it stands in a file."""
    length = _LENGTH.pack(len(event))
    sums = masked_crc32c([length, event]).astype("<u4")
    return length + sums[:1].tobytes() + event + sums[1:].tobytes()


def forget_events_after(directory: Path, step: int, check: Callable[[], None]) -> None:
    """Drop what was noted after a step, and what a kill has cut.

    Another file takes the place of each one: whoever still has the old one open writes for nobody.

    Args:
        directory: of the files.
        step: the last one that stays.
        check: called before a file takes its place; may raise.
    """
    for path in event_files(directory):
        data = path.read_bytes()
        kept = b"".join(piece for number, piece in _records(data) if number <= step)
        replace_atomically(path, kept, check)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The step of each record and all its bytes; what is cut at the end is left out."""
    place, head = 0, _LENGTH.size + _SUM
    while place + head <= len(data):
        size = _LENGTH.unpack_from(data, place)[0]
        end = place + head + size + _SUM
        if end > len(data):
            return
        event = tf.compat.v1.Event.FromString(data[place + head : end - _SUM])
        yield event.step, data[place:end]
        place = end
