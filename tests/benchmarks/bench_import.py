"""What it costs to import akid: no TensorFlow, in a fresh process, the interpreter's own start taken off."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.benchmarks.rows import Row

ROUNDS = 7


def run() -> list[Row]:
    """Seconds of ``import akid`` and of ``import akid.job``."""
    times: dict[str, list[float]] = {"import akid": [], "import akid.job": []}
    for _ in range(ROUNDS):
        empty = _seconds("pass")
        for statement, seconds in times.items():
            seconds.append(_seconds(statement) - empty)
    targets = {"import akid": 0.15, "import akid.job": 0.5}
    return [Row(s, values, targets[s], at_least=False, unit="s") for s, values in times.items()]


def _seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(*run(), sep="\n")
