"""SingleEngine: everything on one device."""

from __future__ import annotations

from typing import ClassVar

from akid.engines.replicas import Replicas
from akid.engines.synchronous import SynchronousEngine


class SingleEngine(SynchronousEngine):
    """One device, in one process."""

    name: ClassVar[str] = "single"

    def _make_replicas(self) -> Replicas:
        return Replicas()
