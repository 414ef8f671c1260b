"""End what members left behind once the runner is gone, even by SIGKILL: ``keeper.py`` reads its standard input.

``+PID`` is a process group that was started, ``-PID`` one that is over; the end of the input is the runner's. The
kernel ends the members themselves (see `akid.trainer.tether`); this ends what they started.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def main(lines: Iterable[str]) -> None:
    """Keep account, then end what is left."""
    groups: set[int] = set()
    for line in lines:
        (groups.add if line.startswith("+") else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(iter(sys.stdin.readline, ""))
