"""Which run of a tracker a run directory belongs to: noted there, so that it is one across restarts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from akid.runs.run_dir import RunDir, read_json, write_json


class Identities:
    """``trackers.json``: a mapping for every tracker, as `akid.trackers` notes it. Threads may share it.

    Args:
        run_dir: of the run.
    """

    def __init__(self, run_dir: RunDir) -> None:
        self.run_dir, self._lock = run_dir, threading.Lock()

    def noted(self, tracker: str) -> Mapping[str, Any]:
        """What was noted; empty if nothing.

        Raises:
            DamagedFileError: it cannot be understood.
        """
        return (read_json(self.run_dir.trackers) or {}).get(tracker) or {}

    def note(self, tracker: str, identity: Mapping[str, Any]) -> None:
        """Note something in place of what was.

        Raises:
            StorageError: it cannot be written.
            SupersededError: a newer generation has taken over.
        """
        with self._lock:
            known = read_json(self.run_dir.trackers) or {}
            write_json(self.run_dir.trackers, {**known, tracker: dict(identity)}, self.run_dir.check_newest)
