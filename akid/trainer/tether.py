"""Become a program that the kernel kills when its starter dies: ``tether.py STARTERS_PID PROGRAM [ARGUMENT ...]``.

A script of its own, run before the program: Python code between fork and exec is not safe beside threads. The
request (PR_SET_PDEATHSIG) outlives exec. A starter that died before it was made is told by the parent's pid.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(starter: int) -> None:
    """Ask for SIGKILL when the parent ends, which has to be this process.

    Args:
        starter: pid of the process whose end is meant; if it is gone already, this process ends too.
    """
    import ctypes  # not needed by whoever only knows this file's name

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != starter:
        os._exit(128 + signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Become the program; 127 if there is no such program, as in a shell."""
    die_with(int(arguments[0]))
    try:
        os.execvp(arguments[1], arguments[1:])
    except OSError as error:
        print(f"{arguments[1]} cannot be run: {error.strerror}.", file=sys.stderr, flush=True)
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
