"""The newest state in memory: written every second of training, read by whatever replaces a lost process."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from akid.backend import tf
from akid.errors import DamagedFileError, DataError, NotFiniteError
from akid.runs.variables import SavedVariables
from akid.snapshots import Slot, Slots, write

logger = logging.getLogger(__name__)

#: Seconds of training between two snapshots, unless $AKID_SNAPSHOT_SECONDS says otherwise; below 0 for none.
PERIOD = 1.0


class Memory:
    """Keeps what a checkpoint would hold in the slots of the supervisor; without a supervisor it keeps nothing.

    Args:
        slots: where.
        saved: what.
        run_directory: of the run; a state of another one is left alone.
        generation: of this process.
        period: seconds between two snapshots.
    """

    def __init__(
        self, slots: Slots, saved: SavedVariables, run_directory: Path, generation: int, period: float = PERIOD
    ) -> None:
        usable = period >= 0 and tf.string not in saved.dtypes
        self._slots, self._saved, self._period = slots if usable else Slots(), saved, period
        self._run, self._generation = str(run_directory.absolute()), generation
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="akid-snapshot")
        self._writing: Future[None] | None = None
        self._last, self._next = time.monotonic(), -1

    @classmethod
    def of_this_process(cls, saved: SavedVariables, run_directory: Path, generation: int) -> Memory:
        """That of the supervisor which started this process."""
        period = float(os.environ.get("AKID_SNAPSHOT_SECONDS") or PERIOD)
        return cls(Slots.of_this_process(), saved, run_directory, generation, period)

    @property
    def due(self) -> bool:
        """Whether it is time for a snapshot."""
        return bool(self._slots.fds) and time.monotonic() - self._last >= self._period

    def keep(self, step: int, meta: Mapping[str, Any]) -> None:
        """Keep what the variables hold now, in the background; left out while the one before is being written.

        Args:
            step: of the run.
            meta: JSON values to keep beside the variables.
        """
        self._last = time.monotonic()
        if not self._slots.fds or (self._writing is not None and not self._writing.done()):
            return
        try:
            values = self._saved.read()
        except NotFiniteError:
            return  # whoever computes with it will say so
        head = {"step": step, "generation": self._generation, "run": self._run, "meta": dict(meta)}
        self._writing = self._writer.submit(self._write, step, json.dumps(head), values)

    def sync(self) -> None:
        """Wait until it is written."""
        if self._writing is not None:
            self._writing.result()

    def _write(self, step: int, head: str, values: Sequence[tf.Tensor]) -> None:
        arrays = [np.ascontiguousarray(value.numpy()) for value in values]
        forms = [(n, v.dtype.name, v.shape.as_list()) for n, v in zip(self._saved.names, values, strict=True)]
        text = json.dumps({**json.loads(head), "tensors": forms}).encode()
        parts = [len(text).to_bytes(8, "little"), text, *(a.reshape(-1).view(np.uint8).data for a in arrays)]
        fd = self._next if self._next >= 0 else self._slots.spare
        try:
            write(fd, step, self._generation, parts)
        except OSError as error:
            logger.warning("the state cannot be kept in memory: %s", error.strerror)
            os.ftruncate(fd, 0)
            self._slots = Slots()
            return
        self._next = next(other for other in self._slots.fds if other != fd)

    def restore(self, newer_than: int) -> dict[str, Any] | None:
        """Put the newest state into the variables.

        Args:
            newer_than: a step; an older state is of no use.

        Returns:
            Its ``meta`` and ``step``; None if there is none.
        """
        for slot in self._slots.kept():
            if slot.header.step <= newer_than:
                return None
            try:
                head, values = self._read(slot)
            except (DataError, ValueError, KeyError, TypeError) as error:
                logger.warning("the state of step %d in memory is not used (%s)", slot.header.step, error)
                continue
            if head["run"] == self._run and head["step"] == slot.header.step:
                self._saved.assign(values)
                return {"step": head["step"], **head["meta"]}
        return None

    def _read(self, slot: Slot) -> tuple[dict[str, Any], list[np.ndarray]]:
        """What is in a slot.

        Raises:
            DataError: it is damaged, or of another Kid.
        """
        if not slot.whole:
            raise DamagedFileError("its hash is wrong")
        data = slot.read()
        place = 8 + int.from_bytes(data[:8], "little")
        head = json.loads(data[8:place])
        forms = {name: (tuple(shape), tf.as_dtype(dtype)) for name, dtype, shape in head["tensors"]}
        self._saved.check(forms, "in memory")
        found: dict[str, np.ndarray] = {}
        for name, (shape, dtype) in forms.items():
            array = np.frombuffer(data, dtype.as_numpy_dtype, math.prod(shape), place)
            found[name], place = array.reshape(shape), place + array.nbytes
        return head, [found[name] for name in self._saved.names]
