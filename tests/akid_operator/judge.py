"""What must be true of every write of the operator, whatever happens around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from akid_operator.kube.api import Answer, Call
from akid_operator.serve.metrics import kind_of
from akid_operator.work.items import owner_of, uid_of
from fake_cluster import CORE, FakeCluster, Json

from akid.job import parse
from akid.job.api.status import Status
from akid.job.names import ATTEMPT_LABEL, INDEX_LABEL, TEMPLATE_ANNOTATION
from akid.job.planner.conditions import completed_of

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{CORE.rpartition('/')[2]}/leases/akid-operator"


class Judge:
    """Sees the writes of all replicas, and notes what must not be.

    Args:
        cluster: where they go.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self._late: set[str] = set()
        self.problems: list[str] = []
        self.writes: list[str] = []

    def came_late(self, call: Call, answer: Answer) -> None:
        """Nobody can help it, but it must be mended in the end."""
        if answer.status < 400 and call.method == "POST":
            self._late.add(uid_of(answer.body))

    def wrote(self, call: Call, who: str, old: Json | None) -> None:
        """Judge a write that was done just now."""
        kind = kind_of(call.path)
        if kind == "leases":
            return
        self.writes.append(f"{call.method} {call.path.rpartition('/')[2]} by {who}")
        holder = self._cluster.objects.get(LEASE, {}).get("spec", {}).get("holderIdentity")
        self._must(holder == who, "it is not the leader")
        rules = {
            ("POST", "pods"): self._pod_made,
            ("DELETE", "pods"): self._pod_deleted,
            ("PUT", "akidjobs/status"): self._status_written,
            ("DELETE", "akidjobs"): self._job_deleted,
        }
        rule = rules.get((call.method, kind))
        if rule is not None:
            rule(call.body or {}, old or {})

    def _must(self, good: bool, problem: str) -> None:
        if not good:
            self.problems.append(f"{self.writes[-1]}: {problem}")

    def _pod_made(self, pod: Json, old: Json) -> None:
        job = self._job_of(pod)
        if job is None:
            return
        status, name = status_of(job), pod["metadata"]["name"]
        self._must(not status.finished, "its job has ended")
        self._must(attempt_of(pod) == status.attempt, f"it is of another attempt than {status.attempt}")
        done = {f"{job['metadata']['name']}-{member.role}-{member.index}" for member in completed_of(status)}
        self._must(name not in done, "this member is done")
        others = [item for item in self._cluster.items("pods").values() if owner_of(item) == owner_of(pod)]
        foreign = {attempt_of(item) for item in others if uid_of(item) not in self._late} - {attempt_of(pod)}
        self._must(not foreign, f"there are pods of attempts {foreign}")

    def _pod_deleted(self, body: Json, pod: Json) -> None:
        self._must(owner_of(pod) is not None, "it is nobody's we know")
        job = self._job_of(pod)
        if job is None or job["spec"]["runPolicy"].get("suspend") or uid_of(pod) in self._late:
            return
        status, uid = status_of(job), uid_of(pod)
        surplus = int(pod["metadata"]["labels"][INDEX_LABEL]) >= job["spec"]["engine"].get("workers", 1)
        going = "deletionTimestamp" in pod["metadata"]
        if status.finished or attempt_of(pod) != status.attempt or surplus or going:
            return
        counted = uid not in self._cluster.own_failures or uid in status.counted_pods
        self._must(counted, "its failure has not been counted")
        template = pod["metadata"]["annotations"][TEMPLATE_ANNOTATION]
        if template == parse(job).spec.template_hash:
            ill = pod["status"]["phase"] in ("Failed", "Succeeded") or "DisruptionTarget" in str(pod["status"])
            self._must(ill or uid in self._cluster.own_failures, f"nothing is wrong with it: {pod['status']}")

    def _status_written(self, body: Json, job: Json) -> None:
        before, after = status_of(job), status_of(body)
        counted, new = set(after.counted_pods), set(after.counted_pods) - set(before.counted_pods)
        self._must(not before.finished, "the job had ended")
        self._must(before.restarts <= after.restarts, f"{before.restarts} restarts became {after.restarts}")
        self._must(after.restarts - before.restarts <= len(new), f"{after.restarts} restarts, {new} are new")
        limit = job["spec"]["runPolicy"].get("maxRestarts", 3)
        self._must(after.restarts <= max(limit, before.restarts), f"{after.restarts} restarts of {limit}")
        self._must(len(counted) == len(after.counted_pods), "a failure is counted twice")
        self._must(counted <= self._cluster.own_failures, "it counts what was no failure")
        self._must(after.attempt - before.attempt in (0, 1), f"attempt {before.attempt} became {after.attempt}")
        if after.state == "Succeeded":
            self._must(self._chief_succeeded(job), "its chief has not succeeded")

    def _chief_succeeded(self, job: Json) -> bool:
        chief = "chief-0" if job["spec"]["engine"]["name"] == "parameter_server" else "worker-0"
        path, owner = f"{CORE}/pods/{job['metadata']['name']}-{chief}", (job["metadata"]["name"], uid_of(job))
        pods = [change.new for change in self._cluster.history if change.path == path and change.new]
        return any(uid_of(pod) in self._cluster.successes for pod in pods if owner_of(pod) == owner)

    def _job_deleted(self, body: Json, job: Json) -> None:
        status, policy = status_of(job), job["spec"]["runPolicy"]
        self._must(status.finished and not policy.get("suspend"), "it may not go")
        ended, lives = status.completion_time, policy.get("ttlSecondsAfterFinished")
        good = ended is not None and lives is not None and ended + timedelta(seconds=lives) <= self._cluster.now()
        self._must(good, f"its time has not come: it ended at {ended}")

    def _job_of(self, item: Json) -> Json | None:
        owner = owner_of(item)
        return self._cluster.jobs().get(owner[1]) if owner else None


def status_of(job: Json) -> Status:
    """A job's status, parsed."""
    return Status.model_validate(job.get("status") or {})


def attempt_of(pod: Json) -> int:
    """The attempt a pod was made for."""
    return int(pod["metadata"]["labels"][ATTEMPT_LABEL])


def problems_at_rest(cluster: FakeCluster) -> list[str]:
    """What is not as it should be once nothing happens any more."""
    jobs, found = cluster.jobs(), list[str]()
    for uid, job in jobs.items():
        status, policy, name = status_of(job), job["spec"]["runPolicy"], job["metadata"]["name"]
        mine = [item for item in cluster.objects.values() if (owner_of(item) or ("", ""))[1] == uid]
        pods = [item for item in mine if item["status"].get("phase") and "containers" in item.get("spec", {})]
        live = [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]
        clean = policy.get("cleanPodPolicy", "Running")
        if not status.finished and not (policy.get("suspend") and status.state == "Suspended"):
            found.append(f"{name} does not come to an end: {job['status']}")
        if not status.finished or clean == "All":
            found += [f"{name} has pods: {status.state}, {clean}"] * bool(pods)
        elif clean == "Running":
            found += [f"{name} has pods that run"] * bool(live)
        services = [item for item in mine if "publishNotReadyAddresses" in item.get("spec", {})]
        found += [f"{name} has Services"] * bool(services and status.finished)
        if status.finished and "ttlSecondsAfterFinished" in policy and not policy.get("suspend"):
            found.append(f"{name} has not expired")
    owners: list[Any] = [(path, owner_of(item)) for path, item in cluster.objects.items()]
    return found + [f"{path} belongs to nobody" for path, owner in owners if owner and owner[1] not in jobs]
