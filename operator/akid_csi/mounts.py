"""mount(2), umount(2) and the kernel's list of what is mounted where."""

from __future__ import annotations

import ctypes
import os
import re
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

RDONLY, NOSUID, NODEV, REMOUNT, BIND, PRIVATE = 1, 2, 4, 32, 4096, 1 << 18
DETACH, NOFOLLOW = 2, 8

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, flags: int, kind: str | None = None) -> None:
    """mount(2).

    Raises:
        OSError: as the kernel says.
    """
    kind_bytes = kind.encode() if kind else None
    if _libc.mount(os.fsencode(source), os.fsencode(target), kind_bytes, ctypes.c_ulong(flags), None):
        raise OSError(ctypes.get_errno(), f"mount {source}: {os.strerror(ctypes.get_errno())}", target)


def unmount(target: str) -> None:
    """Take the uppermost mount off a path, at once: what still uses it keeps it.

    Raises:
        OSError: as the kernel says.
    """
    if _libc.umount2(os.fsencode(target), DETACH | NOFOLLOW):
        raise OSError(ctypes.get_errno(), f"unmount: {os.strerror(ctypes.get_errno())}", target)


def points(mountinfo: str) -> Iterator[tuple[str, str]]:
    """(mount point, file system type) of each line of a mountinfo, which writes spaces in octal."""
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        point = fields.split()[4]
        yield re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point), rest.split()[0]


def layers(target: str) -> list[str]:
    """The types of the file systems mounted on a path, the lowest first. Touches none of them: they may hang."""
    return [kind for point, kind in points(Path("/proc/self/mountinfo").read_text()) if point == target]


def unmount_down_to(target: str, kept: int) -> None:
    """Take mounts off a path until so many are left."""
    for _ in layers(target)[kept:]:
        unmount(target)


def private_directory() -> Path:
    """A new directory among the temporary ones, whose mounts no other namespace gets to see."""
    directory = tempfile.mkdtemp(prefix="akid-csi-")
    mount("tmpfs", directory, NOSUID | NODEV, "tmpfs")
    mount("none", directory, PRIVATE)
    return Path(directory)


@contextmanager
def staged(descriptor: int, directory: Path, *, read_only: bool) -> Generator[str]:
    """The directory behind a descriptor, bound with its flags at a private place, for as long as it is needed.

    A remount that sets flags is not seen in other mount namespaces, the node's for one. A bind takes over its
    source's flags: so they are set here first, and this place is bound to the target.
    """
    place = str(directory / str(descriptor))
    os.mkdir(place, 0o700)
    try:
        mount(f"/proc/self/fd/{descriptor}", place, BIND)
        try:
            # Else the pods' mounts are peers: what covers a dead one would appear in all that hold its directory.
            mount("none", place, PRIVATE)
            mount("none", place, BIND | REMOUNT | NOSUID | NODEV | (RDONLY if read_only else 0))
            yield place
        finally:
            unmount(place)
    finally:
        os.rmdir(place)
