"""Where a run directory keeps what its members said: ``logs/<member>-<start>.log``, starts from 0."""

from __future__ import annotations

import re
from pathlib import Path

_LOG = re.compile(r"(?P<member>[a-z]+-\d+)-(?P<start>\d+)\.log")


def logs_of(log_dir: Path) -> dict[str, dict[int, Path]]:
    """The logs of a run directory by member and start, both in order."""
    found: dict[str, dict[int, Path]] = {}
    for path in log_dir.glob("logs/*.log"):
        if match := _LOG.fullmatch(path.name):
            found.setdefault(match["member"], {})[int(match["start"])] = path
    return {member: dict(sorted(found[member].items())) for member in sorted(found, key=_role_and_index)}


def next_log(log_dir: Path, member: str) -> Path:
    """The file for a member's next start; earlier ones, also of earlier runs, stay.

    Raises:
        OSError: there can be none.
    """
    directory = log_dir / "logs"
    directory.mkdir(parents=True, exist_ok=True)
    return directory / f"{member}-{max(logs_of(log_dir).get(member, {}), default=-1) + 1}.log"


def _role_and_index(member: str) -> tuple[str, int]:
    role, _, index = member.rpartition("-")
    return role, int(index)
