"""Snapshots: the newest state of a training in memory that belongs to its supervisor. Standard library only.

Two *slots*, files in memory without a name, are written in turn, so one is whole whenever the writer is killed.
They outlive the training process, which inherits them, and go with the supervisor. A slot is a header and then

    {"step": 57, "generation": 2, ..., "tensors": [[name, dtype, shape], ...]}   its length in the first 8 bytes
    the tensors' bytes, one after another

The header has the length and the SHA-256 of all that follows; it is written last.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

#: Descriptors of the slots, with commas between them.
FDS = "AKID_SNAPSHOT_FDS"
#: Largest state that is taken from another member, in bytes.
MAX_SIZE = 1 << 36
_CHUNK = 1 << 18
_NAME = "akid-snapshot-"
_MAGIC = b"akid\0s\0\1"
_FORM = struct.Struct("<8sQQQ32s")


@dataclass(frozen=True)
class Header:
    """What stands at the beginning of a slot.

    Attributes:
        step: of the training.
        generation: that made it.
        size: bytes after the header.
        digest: their SHA-256.
    """

    step: int
    generation: int
    size: int
    digest: bytes

    LENGTH = _FORM.size

    def to_bytes(self) -> bytes:
        """`LENGTH` bytes."""
        return _FORM.pack(_MAGIC, self.step, self.generation, self.size, self.digest)

    @staticmethod
    def of(data: bytes) -> Header | None:
        """The header in the first bytes of a slot; None if there is none."""
        if len(data) < Header.LENGTH:
            return None
        magic, step, generation, size, digest = _FORM.unpack(data[: Header.LENGTH])
        return Header(step, generation, size, digest) if magic == _MAGIC and size <= MAX_SIZE else None


@dataclass(frozen=True)
class Slot:
    """A state that is kept.

    Args:
        fd: descriptor of its slot.
        header: what it is; whether it is whole has yet to be seen.
    """

    fd: int
    header: Header

    @property
    def whole(self) -> bool:
        """Whether its hash is right."""
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return digest.digest() == self.header.digest

    def read(self) -> bytearray:
        """What follows the header."""
        data = bytearray()
        for piece in self.pieces():
            data += piece
        return data

    def pieces(self) -> Iterator[bytes]:
        """What follows the header, in pieces."""
        place, end = Header.LENGTH, Header.LENGTH + self.header.size
        while place < end and (piece := os.pread(self.fd, min(_CHUNK, end - place), place)):
            yield piece
            place += len(piece)


class Slots:
    """The places for states.

    Args:
        fds: their descriptors; none: nothing is kept.
    """

    def __init__(self, fds: Sequence[int] = ()) -> None:
        self.fds = tuple(fds)

    @classmethod
    def make(cls) -> Slots:
        """Two new ones; none if the system has no such files."""
        try:
            return cls([os.memfd_create(f"{_NAME}{number}") for number in (0, 1)])
        except (AttributeError, OSError):
            return cls()

    @classmethod
    def of_this_process(cls, environment: Mapping[str, str] = os.environ) -> Slots:
        """Those of the supervisor that started this process."""
        fds = [int(fd) for fd in environment.get(FDS, "").split(",") if fd.isdecimal()]
        return cls(fds if all(map(_is_slot, fds)) else ())

    @property
    def environment(self) -> dict[str, str]:
        """What tells a training process of them."""
        return {FDS: ",".join(map(str, self.fds))} if self.fds else {}

    def kept(self) -> list[Slot]:
        """The states there are, newest first."""
        headers = [(fd, Header.of(os.pread(fd, Header.LENGTH, 0))) for fd in self.fds]
        slots = [Slot(fd, header) for fd, header in headers if header is not None]
        return sorted(slots, key=lambda slot: (slot.header.step, slot.header.generation), reverse=True)

    @property
    def spare(self) -> int:
        """Where the next state goes: what is there is the oldest, or nothing."""
        kept = {slot.fd: place for place, slot in enumerate(self.kept())}
        return max(self.fds, key=lambda fd: kept.get(fd, len(self.fds)))


def write(
    fd: int, step: int, generation: int, parts: Iterable[bytes | memoryview], expected: bytes | None = None
) -> None:
    """Put a state into a slot.

    Args:
        fd: of the slot.
        step, generation: see `Header`.
        parts: what follows the header, in pieces of bytes.
        expected: what their SHA-256 must be; None if it is not known.

    Raises:
        OSError: there is no memory for it; the slot has no state then.
        ValueError: it is another one; as well.
    """
    os.pwrite(fd, bytes(Header.LENGTH), 0)
    digest, place = hashlib.sha256(), Header.LENGTH
    for part in parts:
        rest = memoryview(part)
        digest.update(rest)
        while rest:
            written = os.pwrite(fd, rest, place)
            rest, place = rest[written:], place + written
    if expected not in (None, digest.digest()):
        raise ValueError("its hash is wrong")
    os.ftruncate(fd, place)
    os.pwrite(fd, Header(step, generation, place - Header.LENGTH, digest.digest()).to_bytes(), 0)


def _is_slot(fd: int) -> bool:
    """Whether a descriptor is one of a slot: a process further down may have the variable, and other files."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith(f"/memfd:{_NAME}")
    except OSError:
        return False
