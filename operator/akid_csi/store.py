"""The state in memory and on disk: one writer at a time."""

from __future__ import annotations

import threading
from pathlib import Path

from akid_csi import state as files
from akid_csi.attributes import Wanted
from akid_csi.state import ProcessId, State


class Store:
    """What is published. Each change is on disk before it counts.

    Args:
        file: where it is kept.

    Raises:
        ValueError: the file is damaged.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._state = files.read(file)

    @property
    def state(self) -> State:
        """As it is now: a value, which does not change."""
        return self._state

    def publish(self, target: str, wanted: Wanted | None) -> None:
        """Note what lies at a target; None for nothing."""
        with self._lock:
            self._set(self._state.with_published(target, wanted))

    def serve(self, key: str, client: ProcessId | None) -> None:
        """Note a volume's client; None for none."""
        with self._lock:
            self._set(self._state.with_client(key, client))

    def _set(self, state: State) -> None:
        if state != self._state:
            files.write(self._file, state)
            self._state = state
