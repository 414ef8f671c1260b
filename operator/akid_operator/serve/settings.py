"""What the operator is set up with, and how kopf is: only its watches are used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import kopf

from akid.job import PodDefaults
from akid.job.api.job import GROUP, PLURAL, VERSION
from akid.job.names import JOB_LABEL
from akid_operator.progress.poller import RATE
from akid_operator.serve.leader import Timing
from akid_operator.watch.stateless import NoDiffBase, NoProgress
from akid_operator.work.resync import INTERVAL, LIVE_JOBS, LIVE_PODS

LEASE = "akid-operator"
WATCHED = frozenset({PLURAL, "pods"})


@dataclass(frozen=True)
class Options:
    """The command line.

    Args:
        kubeconfig: files, separated by colons; None in a pod.
        namespaces: to look after; empty for all.
        host: where metrics and health are served.
        port: of the same; 0 takes a free one.
        elect: whether there may be other replicas.
        lease_namespace: where the Lease is.
        timing: of the election.
        resync: seconds between two resyncs.
        pods: what every pod is set up with.
        progress_rate: progress of jobs is written at most so many times a second; 0 for never.
    """

    kubeconfig: str | None = None
    namespaces: frozenset[str] = frozenset()
    host: str = ""
    port: int = 8080
    elect: bool = True
    lease_namespace: str = "default"
    timing: Timing = field(default_factory=Timing)
    resync: float = INTERVAL
    pods: PodDefaults = field(default_factory=PodDefaults)
    progress_rate: float = RATE


def configure(settings: kopf.OperatorSettings) -> None:
    """Set kopf up so that it watches, and writes nothing."""
    watching: Any = settings.watching
    settings.peering.standalone = True
    settings.scanning.disabled = True  # the kinds are fixed: no watches of CRDs and namespaces
    settings.posting.enabled = False
    watching.label_selectors["v1", "pods"] = JOB_LABEL
    watching.field_selectors["v1", "pods"] = LIVE_PODS
    watching.field_selectors[GROUP, VERSION, PLURAL] = LIVE_JOBS
    watching.chunk_size = 500
    watching.server_timeout = 10 * 60
    watching.client_timeout = 11 * 60
    watching.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.queueing.idle_timeout = 1  # each object that had an event keeps a task so long
    settings.queueing.exit_timeout = 0.1
    settings.process.ultimate_exiting_timeout = 10
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.finalizer = f"{GROUP}/operator"  # never used; if ever by mistake, then by this name
