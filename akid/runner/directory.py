"""What the local runner has in a run directory: the members' logs, a lock; and the files it serves to members."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from akid.errors import DataError, StorageError, near_match
from akid.job import AkidJob
from akid.job.objects.services_and_config import kid_text
from akid.member_logs import logs_of, next_log
from akid.runs.run_dir import RunDir
from akid.runs.space import writing


def forget_logs(log_dir: Path) -> None:
    """Remove the logs of earlier runs."""
    for attempts in logs_of(log_dir).values():
        for path in attempts.values():
            path.unlink(missing_ok=True)


def new_log(log_dir: Path, member: str) -> Path:
    """The file for a member's next start; earlier ones, also of earlier runs, stay."""
    with writing(log_dir / "logs"):
        return next_log(log_dir, member)


def log_text(log_dir: Path, member: str | None = None, attempt: int | None = None) -> Iterator[str]:
    """The lines of logs, those of several files under a heading each.

    Args:
        log_dir: the run directory.
        member: e.g. ``worker-1``; every member if left out.
        attempt: which start of it, from 0; every one if left out.

    Raises:
        DataError: there is no such log; with what there is.
    """
    logs = logs_of(log_dir)
    if not logs:
        raise DataError(f"There are no logs in {log_dir}; expected the directory of a run with several members.")
    if member is not None and member not in logs:
        raise DataError(f"No member {member!r} has a log. {near_match(member, logs)}")
    files = [
        (f"{name}-{number}", path)
        for name, attempts in logs.items()
        for number, path in attempts.items()
        if member in (None, name) and attempt in (None, number)
    ]
    if not files:
        there = sorted({number for name in logs if member in (None, name) for number in logs[name]})
        raise DataError(f"expected an attempt among {there}, received {attempt}.")
    for name, path in files:
        if len(files) > 1:
            yield f"==> {name} <==\n"
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file


@contextmanager
def held(log_dir: Path) -> Iterator[None]:
    """The context in which no other runner may use a run directory; a kill ends it too.

    Raises:
        StorageError: another one does.
    """
    lock = RunDir(log_dir).path / ".runner.lock"
    with writing(lock):
        file = lock.open("a")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = f"Another `akid run` uses {log_dir}. Wait for its end, or use another --log-dir."
            raise StorageError(problem) from None
        except OSError:
            pass  # a file system without locks
        yield


@contextmanager
def served(job: AkidJob) -> Iterator[dict[str, str]]:
    """The paths of ``kid`` and ``token``, files that only this user can read, and that go with the context."""
    directory = Path(tempfile.mkdtemp(prefix="akid-"))
    try:
        files = {"kid": directory / "job.yaml", "token": directory / "token"}
        files["kid"].write_text(kid_text(job), encoding="utf-8")
        files["token"].write_text(secrets.token_hex(32), encoding="utf-8")
        yield {name: str(path) for name, path in files.items()} | {"data": os.environ.get("AKID_DATA_PATH", "")}
    finally:
        shutil.rmtree(directory, ignore_errors=True)
