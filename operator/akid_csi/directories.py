"""The way from a volume's root to a directory of it, and no further: symbolic links are not followed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Generator
from pathlib import Path

from akid_csi.attributes import Wanted
from akid_csi.refusal import Code, Refusal

FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
CLOSED = 0o700
#: Of a directory that is made on the way to what a namespace may use, and stays root's.
PASSABLE = 0o755


def root_of(point: Path) -> int:
    """A descriptor of what is mounted there.

    Returns:
        a descriptor; the caller closes it.

    Raises:
        Refusal: UNAVAILABLE if nothing is: a client unmounts when it ends, and what was made then would be made on
            the node's own disk.
        OSError: as the file system says.
    """
    descriptor = os.open(point, FLAGS)
    with _closed_by_a_failure(descriptor):
        if os.fstat(descriptor).st_dev == point.parent.stat().st_dev:
            raise Refusal(Code.UNAVAILABLE, "the volume's client has just ended; it is tried again.")
    return descriptor


def opened(root: int, wanted: Wanted) -> int:
    """A descriptor of the directory. Those that lack are made, unless it is for reading only.

    They get their owner from the one on that the namespace may use; those above are left to root.

    Args:
        root: a descriptor of the volume's root; it is closed.
        wanted: the directory.

    Returns:
        a descriptor; the caller closes it.

    Raises:
        Refusal: NOT_FOUND, or PERMISSION_DENIED for a component that is no directory.
        OSError: as the file system says.
    """
    descriptor = root
    for depth, name in enumerate(wanted.path, start=1):
        with _closed_by_a_failure(descriptor):
            below = _step(descriptor, name, wanted, depth)
        os.close(descriptor)
        descriptor = below
    return descriptor


@contextlib.contextmanager
def _closed_by_a_failure(descriptor: int) -> Generator[None]:
    """A client may go at any call: then nothing stays open."""
    try:
        yield
    except BaseException:
        os.close(descriptor)
        raise


def _step(parent: int, name: str, wanted: Wanted, depth: int) -> int:
    so_far, theirs = "/".join(wanted.path[:depth]), depth > wanted.above
    try:
        descriptor = os.open(name, FLAGS, dir_fd=parent)
    except FileNotFoundError:
        if wanted.read_only:
            raise Refusal(
                Code.NOT_FOUND,
                f"there is no directory {so_far!r} in {wanted.source}, and for reading only none is made. "
                "It is tried again until somebody makes it.",
            ) from None
        return _made(parent, name, wanted, theirs)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Refusal(
                Code.PERMISSION_DENIED,
                f"{so_far!r} in {wanted.source} is a file or a symbolic link; expected a directory. "
                "Links are not followed: they could lead out of what the namespace may use.",
            ) from None
        raise
    with _closed_by_a_failure(descriptor):
        if theirs and not wanted.read_only and _unfinished(descriptor):
            _give(descriptor, wanted)
    return descriptor


def _made(parent: int, name: str, wanted: Wanted, theirs: bool) -> int:
    """Closed to all until it has its owner, if it is to be the namespace's.

    Another node may make it at the same time. Then it is given away by both: this node's client remembers for a
    second what it has seen, and a pod that starts within that would be refused.
    """
    try:
        os.mkdir(name, CLOSED if theirs else PASSABLE, dir_fd=parent)
        ours = True
    except FileExistsError:
        ours = False
    descriptor = os.open(name, FLAGS, dir_fd=parent)
    with _closed_by_a_failure(descriptor):
        if theirs and (ours or _unfinished(descriptor)):
            _give(descriptor, wanted)
    return descriptor


def _unfinished(descriptor: int) -> bool:
    """Whether it is one that was made and not given away: another node is about to, or was killed just then.

    Below a directory with setgid it has that too.
    """
    found = os.fstat(descriptor)
    closed = found.st_uid == 0 and stat.S_IMODE(found.st_mode) & ~stat.S_ISGID == CLOSED
    return closed and not os.listdir(descriptor)


def _give(descriptor: int, wanted: Wanted) -> None:
    os.fchown(descriptor, wanted.uid, wanted.gid)
    os.fchmod(descriptor, wanted.mode)
