"""Claims that several pods may write to, without GlusterFS: a directory that all nodes of the sandbox share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cluster.reach import CORE, Reach
from e2e.prepare import OWNER


def shared_claim(cluster: Reach, namespace: str, name: str = "shared") -> Path:
    """Make a ReadWriteMany claim of a directory; that directory, which outlives both."""
    directory = Path(os.environ["AKID_SANDBOX"]) / "claims" / namespace / name
    directory.mkdir(parents=True)
    os.chown(directory, OWNER, OWNER)
    made_claim(cluster, namespace, name, {"hostPath": {"path": str(directory), "type": "Directory"}})
    return directory


def made_claim(cluster: Reach, namespace: str, name: str, source: dict[str, Any]) -> None:
    """Make a ReadWriteMany claim with its volume, which outlives it."""
    about: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    volume = {
        "metadata": {"name": f"{namespace}-{name}"},
        "spec": about
        | source
        | {
            "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": namespace, "name": name},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }
    claim = {
        "metadata": {"name": name},
        "spec": about | {"volumeName": f"{namespace}-{name}", "resources": {"requests": {"storage": "1Gi"}}},
    }
    cluster.admin.create(f"{CORE}/persistentvolumes", volume)
    cluster.admin.create(f"{CORE}/namespaces/{namespace}/persistentvolumeclaims", claim)
