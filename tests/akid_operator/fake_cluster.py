"""The server in memory with what a cluster adds: watches, nodes that run pods, a garbage collector, users."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from akid_operator.serve.metrics import kind_of
from akid_operator.work.resync import LIVE_JOBS, LIVE_PODS
from fake_server import FakeServer, labelled, selected

from akid.job.api.base import format_time
from akid.job.names import JOB_LABEL

Json = dict[str, Any]
NAMESPACE = "lab"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
JOBS = f"/apis/akid.dev/v1alpha1/namespaces/{NAMESPACE}/akidjobs"
NODES = ("node-0", "node-1", "node-2")
#: What is watched: the collection, and which of it by its fields and labels.
WATCHES = {JOBS: (LIVE_JOBS, ""), f"{CORE}/pods": (LIVE_PODS, JOB_LABEL)}


class Change(NamedTuple):
    """What happened to an object, at a version; None where it was not there, or is not any more."""

    version: str
    path: str
    old: Json | None
    new: Json | None
    at: datetime

    def event(self, collection: str) -> Json | None:
        """What a watch tells of it; what it does not select any more it tells as it was before."""
        fields, labels = WATCHES[collection]
        if not self.path.startswith(f"{collection}/"):
            return None
        both = (self.old, self.new)
        before, after = (item and selected(item, fields) and labelled(item, labels) for item in both)
        if after:
            return {"type": "MODIFIED" if before else "ADDED", "object": self.new}
        if before and self.old is not None:
            metadata = self.old["metadata"] | {"resourceVersion": self.version}
            return {"type": "DELETED", "object": self.old | {"metadata": metadata}}
        return None


class FakeCluster(FakeServer):
    """One namespace of a cluster.

    Args:
        now: its clock.

    Attributes:
        history: every change since the beginning.
        changed: set at each.
        dead: nodes that are silent, since when.
        own_failures: the UIDs of pods whose trainers failed by themselves.
        successes: the UIDs of those whose trainers succeeded.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.history: list[Change] = []
        self.changed = asyncio.Event()
        self.dead: dict[str, datetime] = {}
        self.own_failures: set[str] = set()
        self.successes: set[str] = set()

    def put(self, path: str, manifest: Json) -> Json:
        """Have an object, and tell the watches."""
        born = {"creationTimestamp": format_time(self.now())}
        old = self.objects.get(path)
        new = super().put(path, manifest | {"metadata": born | manifest["metadata"]})
        self._told(Change(new["metadata"]["resourceVersion"], path, old, new, self.now()))
        return new

    def remove(self, path: str) -> Json:
        """Have it no more, and tell the watches."""
        old = self.objects[path]
        last = super().remove(path)
        self._told(Change(last["metadata"]["resourceVersion"], path, old, None, self.now()))
        return last

    def _told(self, change: Change) -> None:
        self.history.append(change)
        self.changed.set()
        self.changed = asyncio.Event()

    def items(self, kind: str) -> dict[str, Json]:
        """The objects of a kind by path."""
        return {path: item for path, item in self.objects.items() if kind_of(path) == kind}

    def jobs(self) -> dict[str, Json]:
        """The jobs by UID."""
        return {job["metadata"]["uid"]: job for job in self.items("akidjobs").values()}

    # -- nodes

    def alive(self, pod: Json) -> bool:
        return pod["spec"].get("nodeName") not in self.dead

    def told(self, path: str, **status: Any) -> None:
        """A pod's status, by its node."""
        pod = self.objects[path]
        self.put(path, pod | {"status": pod["status"] | status})

    def bind(self, path: str, node: str) -> None:
        pod = self.objects[path]
        if not pod["spec"].get("nodeName"):
            self.put(path, pod | {"spec": pod["spec"] | {"nodeName": node}})

    def start(self, path: str) -> None:
        pod = self.objects[path]
        if pod["spec"].get("nodeName") and pod["status"]["phase"] == "Pending" and self.alive(pod):
            states = [{"name": c["name"], "state": {"running": {}}} for c in pod["spec"]["containers"]]
            self.told(path, phase="Running", containerStatuses=states, conditions=[condition("Ready")])

    def finish(self, path: str, code: int, *, outlived: bool = False) -> None:
        """The trainer of a pod ends by itself; a side-car may run on."""
        pod = self.objects[path]
        states = pod["status"].get("containerStatuses", [])
        if pod["status"]["phase"] != "Running" or "terminated" in str(states) or not self.alive(pod):
            return
        reason = "Error" if code else "Completed"
        ended = {"exitCode": code, "reason": reason, "finishedAt": format_time(self.now())}
        phase = "Running" if outlived else "Failed" if code else "Succeeded"
        uid = pod["metadata"]["uid"]
        if not code:
            self.successes.add(uid)
        elif "deletionTimestamp" not in pod["metadata"]:
            self.own_failures.add(uid)
        self.told(path, phase=phase, containerStatuses=[{"name": "trainer", "state": {"terminated": ended}}])

    def evict(self, path: str) -> None:
        """The node ends a pod for its own sake."""
        pod = self.objects[path]
        over = pod["status"]["phase"] not in ("Pending", "Running") or "terminated" in str(pod["status"])
        if not over and self.alive(pod) and pod["spec"].get("nodeName"):
            target = condition("DisruptionTarget", "EvictionByEvictionAPI")
            self.told(path, phase="Failed", reason="Evicted", conditions=[target])

    def let_go(self, path: str) -> None:
        """The node has ended a pod that was deleted."""
        pod = self.objects[path]
        if "deletionTimestamp" in pod["metadata"] and self.alive(pod):
            self.remove(path)

    # -- controllers of the cluster

    def collect_garbage(self) -> None:
        """Whatever belongs to no job is deleted."""
        known = self.jobs()
        for path, item in list(self.objects.items()):
            owners = [owner["uid"] for owner in item["metadata"].get("ownerReferences", ())]
            if owners and not known.keys() & set(owners):
                self.take_away(path)

    def give_up(self, path: str) -> None:
        """A pod's node was silent for too long: the pod is to be deleted, which nobody does there."""
        pod = self.objects[path]
        if "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] in ("Pending", "Running"):
            self.told(path, conditions=[condition("DisruptionTarget", "DeletionByTaintManager")])
            self.take_away(path)

    # -- users

    def edit(self, name: str, part: str, **values: Any) -> None:
        """Somebody changes a part of a job's spec."""
        job = self.objects.get(f"{JOBS}/{name}")
        if job is not None:
            spec = job["spec"] | {part: job["spec"].get(part, {}) | values}
            metadata = job["metadata"] | {"generation": job["metadata"]["generation"] + 1}
            self.put(f"{JOBS}/{name}", job | {"spec": spec, "metadata": metadata})


def condition(kind: str, reason: str = "") -> Json:
    """A condition that is true."""
    return {"type": kind, "status": "True", "reason": reason}
