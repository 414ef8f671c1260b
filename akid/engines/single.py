"""SingleEngine: everything on one device."""

from __future__ import annotations

from typing import ClassVar

from akid.engines.replicas import Replicas
from akid.engines.replicated import ReplicatedEngine


class SingleEngine(ReplicatedEngine):
    """One device, in one process."""

    name: ClassVar[str] = "single"

    def _make_replicas(self) -> Replicas:
        return Replicas()
