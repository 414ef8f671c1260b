"""What akid prints. A reader that goes away, as `head` does, costs no run."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def say(text: str, stream: TextIO | None = None, end: str = "\n") -> None:
    """Print, at once; to nobody once the reader of the stream is gone.

    Args:
        text: a line.
        stream: standard output if left out.
        end: what follows it.
    """
    out = stream or sys.stdout
    try:
        print(text + end, file=out, flush=True, end="")  # in one piece: others may write to the same file
    except BrokenPipeError:
        # What is still in the buffer would raise again when the process ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
