"""What it costs to import akid: no TensorFlow, in a fresh process, the interpreter's own start taken off."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.benchmarks.rows import Row

ROUNDS = 7


def run() -> list[Row]:
    """Seconds of ``import akid``."""
    values = []
    for _ in range(ROUNDS):
        empty = _seconds("pass")
        values.append(_seconds("import akid") - empty)
    return [Row("import akid", values, 0.15, at_least=False, unit="s")]


def _seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(*run(), sep="\n")
