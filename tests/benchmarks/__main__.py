"""``make bench``: every benchmark of this directory, and whether its targets are reached."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from tests.benchmarks.rows import Row


def main() -> int:
    """Print the table; the exit code says whether every target was reached."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", help=f"which ones: {', '.join(m[6:] for m in modules)}")
    wanted = parser.parse_args().names
    print(f"load average at the start: {os.getloadavg()[0]:.1f}; ratios are medians of rounds that take turns")
    rows: list[Row] = []
    for module in modules:
        if not wanted or module[6:] in wanted:
            for row in importlib.import_module(f"tests.benchmarks.{module}").run():
                print(row, flush=True)
                rows.append(row)
    aimed = [row for row in rows if row.target is not None]
    missed = [row for row in aimed if not row.reached]
    print(f"{len(aimed) - len(missed)} of {len(aimed)} targets reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
