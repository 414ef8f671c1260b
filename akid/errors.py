"""The errors akid raises.

A message says what is wrong, what was expected, what was received and, where one could be lost, how to mend it.
Add a class only when a caller would want to catch it by itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Generator, Iterable
from contextlib import contextmanager

__all__ = [
    "AkidError",
    "BlockError",
    "DamagedFileError",
    "DataError",
    "InvalidSpecError",
    "MissingDataError",
    "NoSpaceError",
    "NotFiniteError",
    "PeerLostError",
    "StorageError",
    "SupersededError",
    "UnknownArgumentError",
    "UserCodeError",
    "WiringError",
]


class AkidError(Exception):
    """Base class of every error akid raises on purpose.

    Args:
        message: all that a user reads.
        argument: name of the argument that is wrong, if it is one alone.
        hint: the part of the message that says how to mend it, such as a near match.

    Attributes:
        block: full name of the innermost block it came from; empty if it came from none, see `blame`.
    """

    block: str = ""

    def __init__(self, message: str = "", *, argument: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.argument = argument
        self.hint = hint


class InvalidSpecError(AkidError, ValueError):
    """A manifest or a declarative kid is invalid.

    Args:
        path: where the field stands, e.g. ``spec.kid.brain.blocks[2].ksize``.
        problem: what is wrong, what was expected and what was received.
        hint: how to mend it, if that is not plain.
    """

    def __init__(self, path: str, problem: str, hint: str = "") -> None:
        super().__init__(f"{path}: {problem}" + (f" {hint}" if hint else ""), hint=hint)
        self.path = path
        self.problem = problem


class UnknownArgumentError(AkidError, TypeError):
    """A constructor was given an argument it does not have."""


class WiringError(AkidError, ValueError):
    """Blocks are wired in a way that cannot work."""


class BlockError(AkidError, ValueError):
    """A block was given an argument or a signal it cannot use."""


class DataError(AkidError, ValueError):
    """Data are missing, damaged, or do not fit what was asked."""


class DamagedFileError(DataError):
    """A file of a run cannot be understood."""


class MissingDataError(DataError):
    """Data are not where they are looked for; the message says which files to put where."""


class StorageError(AkidError, OSError):
    """Something cannot be written, such as on a disk that is full: nothing is wrong with the kid."""


class NoSpaceError(StorageError):
    """Something cannot be written now, and may be later: a disk is full, a quota used up, a file system read-only.

    Args:
        message: all that a user reads.
        reason: which of these.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class SupersededError(AkidError):
    """A process of a newer generation of the job has taken over the run directory."""


class UserCodeError(AkidError):
    """A script or a module of a manifest raised an exception; it is the cause of this one."""


class NotFiniteError(AkidError, ArithmeticError):
    """A loss, a parameter or a signal became NaN or infinite."""


class PeerLostError(AkidError):
    """A process that learns together with this one is gone; the run can go on from its last checkpoint."""


@contextmanager
def blame(full_name: str) -> Generator[None]:
    """An error in this context is noted to have come from the block with this full name, see `blamed`."""
    try:
        yield
    except Exception as error:
        if not blamed(error):
            vars(error)["block"] = full_name
            if not isinstance(error, AkidError):
                error.add_note(f"(in the block {full_name!r})")
        raise


def blamed(error: BaseException) -> str:
    """Full name of the innermost block an error came from; empty if it came from none."""
    return str(vars(error).get("block", ""))


def near_match(name: str, known: Iterable[str]) -> str:
    """A hint in words for a misspelt name: the nearest known one, else all of them (at most twelve)."""
    names = sorted(set(known))
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if nearest:
        return f"Did you mean {nearest[0]!r}?"
    if not names:
        return ""
    return "Known: " + ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") + "."
