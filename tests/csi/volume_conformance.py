"""What a run directory needs of a volume, whatever it is: a program for one or two places of the same volume.

`python volume_conformance.py HERE [THERE]`: HERE may be written; THERE is the same directory in another pod, or at
another mount. It prints what does not hold, and exits 1 then. Standard library only: it runs in any image.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

#: Other clients may keep an older directory for so long.
STALE_SECONDS = 5.0


def replaces_files_whole(here: Path, there: Path) -> None:
    """A checkpoint's index is replaced by renaming: a reader has the old one or the new one."""
    for number in range(20):
        beside = here / "index.tmp"
        with beside.open("w") as file:
            file.write(f"{number}" * 1000)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(here / "index")
        assert (here / "index").read_text() == f"{number}" * 1000
    _until(lambda: (there / "index").read_text() == "19" * 1000)


def shows_new_files_elsewhere(here: Path, there: Path) -> None:
    """What one pod makes the others find."""
    (here / "a" / "b").mkdir(parents=True)
    (here / "a" / "b" / "new").write_text("x")
    _until(lambda: (there / "a" / "b" / "new").read_text() == "x")
    (here / "a" / "b" / "new").unlink()
    _until(lambda: not (there / "a" / "b" / "new").exists())


def appends_lines(here: Path, there: Path) -> None:
    """metrics.jsonl grows line by line."""
    with (here / "metrics.jsonl").open("a") as file:
        for number in range(100):
            file.write(f"{number}\n")
            file.flush()
    _until(lambda: (there / "metrics.jsonl").read_text().split() == [str(number) for number in range(100)])


def locks(here: Path, there: Path) -> None:
    """Who writes a run directory holds a lock on a file of it."""
    with (here / "lock").open("w") as first, (here / "lock").open("w") as second:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    raise AssertionError("two had the lock")


def keeps_what_is_removed_while_open(here: Path, there: Path) -> None:
    """A checkpoint that is being read may be removed."""
    (here / "old").write_text("kept")
    with (here / "old").open() as file:
        (here / "old").unlink()
        assert file.read() == "kept"


def maps_memory(here: Path, there: Path) -> None:
    """TensorFlow maps files of checkpoints and of data."""
    (here / "mapped").write_bytes(bytes(range(256)) * 256)
    with (here / "mapped").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        assert memory[65535] == 255


CHECKS: tuple[Callable[[Path, Path], None], ...] = (
    replaces_files_whole,
    shows_new_files_elsewhere,
    appends_lines,
    locks,
    keeps_what_is_removed_while_open,
    maps_memory,
)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STALE_SECONDS
    while True:
        try:
            if holds():
                return
        except FileNotFoundError:
            pass
        assert time.monotonic() < deadline, f"not seen elsewhere within {STALE_SECONDS:g} s"
        time.sleep(0.05)


def problems(here: Path, there: Path) -> list[str]:
    """What does not hold; an empty list if all does."""
    name = f"conformance-{uuid.uuid4().hex}"
    found: list[str] = []
    for check in CHECKS:
        place = Path(name) / check.__name__
        (here / place).mkdir(parents=True)
        try:
            check(here / place, there / place)
        except (OSError, AssertionError) as error:
            found.append(f"{check.__name__}: {error!r}")
    return found


def main(places: list[str]) -> int:
    """Check, and say what does not hold."""
    if len(places) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    found = problems(Path(places[0]), Path(places[-1]))
    print("\n".join(found) or f"{len(CHECKS)} checks hold on {places[0]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
