"""A small cluster in memory, with all that goes wrong in one, and an operator that may die at any write.

The server's rules are kept: resourceVersions, UIDs, names taken until an object is gone, finished pods
deleted at once, running ones after their node let them go (never, if the node is dead, unless by force).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from akid.job import Decision, Delete, ObjectRole, Observed, PodDefaults, decide, gang_state, member_state
from akid.job.api.base import format_time
from akid.job.names import ATTEMPT_LABEL, HASH_ANNOTATION, JOB_LABEL, TEMPLATE_ANNOTATION

Object = dict[str, Any]
GRACE = 5


class CrashError(Exception):
    """The operator died."""


class Cluster:
    """The truth: one job, its pods, its objects, the clock."""

    def __init__(self, manifest: Object, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.job: Object | None = copy.deepcopy(manifest)
        self.job["metadata"] |= {"resourceVersion": "1", "creationTimestamp": format_time(start)}
        self.now = start
        self.pods: dict[str, Object] = {}
        self.objects: dict[ObjectRole, Object] = {}
        self.dead_nodes: set[str] = set()
        self.own_failures: dict[str, int] = {}
        self.numbers = itertools.count(2)
        self.log: list[str] = []

    # -- the server ---------------------------------------------------------------------------------------
    def number(self) -> str:
        return str(next(self.numbers))

    def write_status(self, status: Object, version: str) -> bool:
        if self.job is None or self.job["metadata"]["resourceVersion"] != version:
            return False
        self.job["status"] = copy.deepcopy(status)
        self.job["metadata"]["resourceVersion"] = self.number()
        return True

    def edit(self, path: tuple[str, ...], value: Any) -> None:
        """A user's change of the spec."""
        if self.job is None:
            return
        place = self.job["spec"]
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
        self.job["metadata"]["generation"] += 1
        self.job["metadata"]["resourceVersion"] = self.number()

    def create_pod(self, pod: Object) -> Object:
        """The pod under this name: the new one, or the one that has it already (409)."""
        name = pod["metadata"]["name"]
        if name not in self.pods:
            number = int(self.number())
            pod = copy.deepcopy(pod)
            pod["metadata"] |= {"uid": f"uid-{number}", "creationTimestamp": format_time(self.now)}
            pod["spec"]["nodeName"] = f"node-{number % 3}"
            pod["status"] = {"phase": "Pending"}
            self.pods[name] = pod
        return self.pods[name]

    def leave_stray(self, name: str, *, deleted: bool) -> None:
        """A pod that a job of this name left an hour ago; nobody else deletes it, or somebody has."""
        assert self.job is not None
        owner = {"kind": "AkidJob", "name": self.job["metadata"]["name"], "uid": "an-earlier-job"}
        labels = {JOB_LABEL: owner["name"], ATTEMPT_LABEL: "0"}
        metadata = {"name": name, "labels": labels, "ownerReferences": [owner | {"controller": True}]}
        pod = self.create_pod({"metadata": metadata, "spec": {"containers": [{"name": "trainer"}]}})
        pod["metadata"]["creationTimestamp"] = format_time(self.now - timedelta(hours=1))
        self.run(pod)
        if deleted:
            self.delete_pod(name, pod["metadata"]["uid"])

    def delete_pod(self, name: str, uid: str, *, force: bool = False) -> None:
        pod = self.pods.get(name)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        if force or pod["status"]["phase"] in ("Succeeded", "Failed"):
            del self.pods[name]
        elif "deletionTimestamp" not in pod["metadata"]:
            due = self.now + timedelta(seconds=GRACE)
            pod["metadata"] |= {"deletionTimestamp": format_time(due), "deletionGracePeriodSeconds": GRACE}

    # -- nodes and processes ------------------------------------------------------------------------------
    def alive(self, pod: Object) -> bool:
        return pod["spec"]["nodeName"] not in self.dead_nodes

    def run(self, pod: Object) -> None:
        if pod["status"]["phase"] == "Pending" and self.alive(pod):
            pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

    def finish(self, pod: Object, code: int, *, outlived: bool = False) -> None:
        """The trainer ends by itself; a side-car may run on for ever."""
        if pod["status"]["phase"] != "Running" or _ended(pod) or not self.alive(pod):
            return
        ended = {"exitCode": code, "finishedAt": format_time(self.now), "message": f"ended with {code}"}
        statuses = [{"name": "trainer", "state": {"terminated": ended}}]
        phase = "Running" if outlived else "Succeeded" if code == 0 else "Failed"
        pod["status"] = {"phase": phase, "containerStatuses": statuses}
        if code != 0 and "deletionTimestamp" not in pod["metadata"]:
            self.own_failures[pod["metadata"]["uid"]] = code

    def evict(self, pod: Object) -> None:
        if pod["status"]["phase"] in ("Pending", "Running") and not _ended(pod) and self.alive(pod):
            target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
            pod["status"] = {"phase": "Failed", "reason": "Evicted", "conditions": [target]}

    def let_go(self, pod: Object) -> None:
        """The node ends a pod that is being deleted."""
        if "deletionTimestamp" in pod["metadata"] and self.alive(pod):
            del self.pods[pod["metadata"]["name"]]


class Operator:
    """One operator: a store that follows the cluster with a delay, and writes that may be its last.

    The store knows its own writes at once and otherwise lags; pods' news arrive in any order between pods.
    It looks at the job when there are news, and when the last plan said so: its own writes are no news.
    """

    def __init__(self, cluster: Cluster, check: Callable[[Cluster, Delete], None]) -> None:
        self.cluster = cluster
        self.check = check
        self.writes = 0
        self.seed()

    def seed(self) -> None:
        """What a new leader does first: LIST everything."""
        self.job = copy.deepcopy(self.cluster.job)
        self.pods = copy.deepcopy(self.cluster.pods)
        self.due: datetime | None = self.cluster.now

    def hear(self, name: str) -> None:
        """News of one pod arrive."""
        pod = self.cluster.pods.get(name)
        if pod == self.pods.get(name):
            return
        self.due = self.cluster.now
        if pod is None:
            del self.pods[name]
        else:
            self.pods[name] = copy.deepcopy(pod)

    def hear_job(self) -> None:
        if self.job != self.cluster.job:
            self.due = self.cluster.now
        self.job = copy.deepcopy(self.cluster.job)

    def observed(self) -> Observed:
        objects, pods = self.cluster.objects, self.pods.values()
        gang = objects.get(ObjectRole.GANG)
        return Observed(
            members=tuple(member_state(pod) for pod in pods if not is_stray(pod)),
            strays=tuple(member_state(pod) for pod in pods if is_stray(pod)),
            objects={kind: item["uid"] for kind, item in objects.items() if kind is not ObjectRole.GANG},
            contents={
                kind: hash_of(item["manifest"]) for kind, item in objects.items() if hash_of(item["manifest"])
            },
            gang=gang_state(gang["manifest"]) if gang else None,
            gangs=frozenset({"scheduling.x-k8s.io/v1alpha1", "scheduling.k8s.io/v1beta1"}),
        )

    def reconcile(self, crash_after: int | None = None) -> Decision | None:
        """One reconcile; the operator dies before the write of that number."""
        if self.job is None:
            return None
        decision = decide(self.job, self.observed(), self.cluster.now, PodDefaults())
        wait = decision.plan.requeue_after
        self.due = None if wait is None else self.cluster.now + timedelta(seconds=wait)
        budget = itertools.count()

        def write() -> None:
            if crash_after is not None and next(budget) >= crash_after:
                raise CrashError
            self.writes += 1

        try:
            self._apply(decision, write)
        except CrashError:
            self.seed()
        return decision

    def _apply(self, decision: Decision, write: Callable[[], None]) -> None:
        plan, job = decision.plan, self.job
        assert job is not None
        if plan.status is not None:
            write()
            if not self.cluster.write_status(plan.status, job["metadata"]["resourceVersion"]):
                self.hear_job()
                return
            self.job = copy.deepcopy(self.cluster.job)
        for delete in plan.delete:
            write()
            self._delete(delete)
        for create, manifest in zip(plan.create, decision.manifests, strict=True):
            write()
            if create.kind is ObjectRole.MEMBER:
                pod = self.cluster.create_pod(manifest)
                if pod["metadata"]["labels"] != manifest["metadata"]["labels"]:
                    self.due = self.cluster.now  # not the one that was wanted
                self.pods[pod["metadata"]["name"]] = copy.deepcopy(pod)
            elif create.kind not in self.cluster.objects:
                uid = f"uid-{self.cluster.number()}"
                manifest["metadata"]["uid"] = uid
                self.cluster.objects[create.kind] = {"uid": uid, "manifest": manifest}

    def _delete(self, delete: Delete) -> None:
        cluster = self.cluster
        if delete.kind is ObjectRole.JOB:
            assert cluster.job is not None
            if cluster.job["metadata"]["resourceVersion"] != delete.version:
                self.hear_job()
                return
            self.check(cluster, delete)
            cluster.job = self.job = None
        elif delete.kind is ObjectRole.MEMBER:
            self.check(cluster, delete)
            cluster.delete_pod(delete.name, delete.uid, force=delete.force)
            if delete.name not in cluster.pods:
                self.pods.pop(delete.name, None)
                self.due = cluster.now
        elif cluster.objects.get(delete.kind, {}).get("uid") == delete.uid:
            del cluster.objects[delete.kind]


def settle(cluster: Cluster, operator: Operator, *, steps: int = 400) -> int:
    """Let things calm down: no more faults, every pod that can run runs and ends well. Steps it took."""
    for step in range(steps):
        for name in [*operator.pods, *cluster.pods]:
            operator.hear(name)
        operator.hear_job()
        before = operator.writes
        if operator.due is not None and operator.due <= cluster.now:
            operator.reconcile()
        quiet = operator.writes == before
        moved = _let_run(cluster)
        if cluster.job is None:
            return step
        if quiet and not moved:
            if operator.due is None:
                return step
            cluster.now = max(cluster.now, operator.due)
    raise AssertionError(f"no fixed point after {steps} steps: {cluster.job}")


def _let_run(cluster: Cluster) -> bool:
    """Every pod goes one step further; whether any did."""
    before = copy.deepcopy(cluster.pods)
    for pod in list(cluster.pods.values()):
        if "deletionTimestamp" in pod["metadata"]:
            cluster.let_go(pod)
        elif pod["status"]["phase"] == "Pending":
            if not cluster.alive(pod):
                pod["spec"]["nodeName"] = "node-new"
            cluster.run(pod)
        elif pod["status"]["phase"] == "Running" and cluster.alive(pod):
            cluster.finish(pod, 0)
        elif pod["status"]["phase"] == "Running":
            # The cluster gives up the node: its pods are to be deleted, and nobody answers.
            cluster.delete_pod(pod["metadata"]["name"], pod["metadata"]["uid"])
    return before != cluster.pods


def template_of(pod: Object) -> str:
    """The hash of the template a pod was made from."""
    return pod["metadata"]["annotations"][TEMPLATE_ANNOTATION]


def hash_of(item: Object) -> str:
    """The hash of what an object was made from."""
    return item["metadata"].get("annotations", {}).get(HASH_ANNOTATION, "")


def _ended(pod: Object) -> bool:
    """Whether its trainer has ended."""
    return "containerStatuses" in pod["status"]


def is_stray(pod: Object) -> bool:
    """Whether it belongs to an earlier job."""
    return any(owner["uid"] == "an-earlier-job" for owner in pod["metadata"].get("ownerReferences", ()))


def attempt_of(pod: Object) -> int:
    """The attempt a pod was made for."""
    return int(pod["metadata"]["labels"][ATTEMPT_LABEL])
