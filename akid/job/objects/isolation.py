"""Who may connect to the pods of a job: its own members, and whoever reads the status."""

from __future__ import annotations

from typing import Any

from akid.job.api.job import AkidJob
from akid.job.names import JOB_LABEL, job_labels

Manifest = dict[str, Any]


def isolation(job: AkidJob, status_peers: tuple[Manifest, ...]) -> Manifest:
    """The spec of a NetworkPolicy; connections that pods of the job begin are left alone.

    Args:
        job: the job.
        status_peers: NetworkPolicyPeers that may read its status and metrics, the operator among them.
    """
    members = {"matchLabels": {JOB_LABEL: job_labels(job)[JOB_LABEL]}}
    readers: list[Manifest] = [{"from": list(status_peers), "ports": [{"protocol": "TCP", "port": "metrics"}]}]
    return {
        "podSelector": members,
        "policyTypes": ["Ingress"],
        # Without a peer a rule would let everybody in.
        "ingress": [{"from": [{"podSelector": members}]}, *(readers if status_peers else [])],
    }
