"""A random cluster always comes to rest, and on the way there nothing is lost, doubled or overdone."""

from __future__ import annotations

import copy
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from job.manifests import manifest
from job.random_jobs import pick, random_spec
from job.simulator import Cluster, Operator, attempt_of, is_stray, settle, template_of

from akid.job import Delete, ObjectRole
from akid.job.api.status import Status
from akid.job.planner.backoff import LONGEST_WAIT
from akid.job.planner.conditions import completed_of

# What may happen, and how often. Endings that are final are rare, or there would be little to see.
ACTIONS = {
    "reconcile": 24, "crash": 10, "restart": 2, "hear": 12, "hear_all": 10,
    "run": 10, "run_all": 8, "finish": 12, "let_go": 10,
    "delete": 3, "evict": 3, "vanish": 2, "kill_node": 1, "revive": 2, "object": 1,
    "clock": 6, "jump_back": 1, "workers": 1, "suspend": 1, "resume": 3,
    "template": 2, "board": 1,
}  # fmt: skip
BOARDS: list[dict[str, Any]] = [
    {"enabled": False}, {"enabled": True}, {"enabled": True, "ttlSecondsAfterFinished": 0},
    {"enabled": True, "ttlSecondsAfterFinished": 60, "image": "boards:1"},
]  # fmt: skip
CODES = {0: 2, 1: 1, 42: 6, 137: 12}


class World:
    """A cluster, an operator, and what must always be true of the two."""

    def __init__(self, spec: dict[str, Any], *, stale: bool = False) -> None:
        self.stale = stale
        self.past: list[dict[str, Any]] = []
        self.cluster = Cluster(manifest(**spec))
        self.operator = Operator(self.cluster, self.on_delete)
        self.elastic = "minWorkers" in spec["engine"]
        self.recreate = spec["runPolicy"].get("restartStrategy") == "Recreate"
        self.restarts = spec["runPolicy"].get("maxRestarts", 3)
        self.last = Status()

    @property
    def status(self) -> Status:
        job = self.cluster.job
        return Status.model_validate(job.get("status", {})) if job else self.last

    def on_delete(self, cluster: Cluster, delete: Delete) -> None:
        """A failure of its own is counted before its pod is deleted; a job that is suspended is not deleted."""
        if delete.kind is ObjectRole.JOB:
            assert cluster.job is not None
            assert not cluster.job["spec"]["runPolicy"].get("suspend"), "a suspended job was deleted"
            return
        pod, status = cluster.pods.get(delete.name), self.status
        if pod is None or pod["metadata"]["uid"] != delete.uid or attempt_of(pod) < status.attempt:
            return
        if is_stray(pod):
            return
        going = "deletionTimestamp" in pod["metadata"]  # with a side-car; it may have been seen as disrupted
        if delete.uid in cluster.own_failures and not status.finished and not going:
            if self.surplus(delete.name):
                seen = self.operator.pods.get(delete.name, {})
                assert seen.get("status", {}).get("phase") != "Failed" or delete.uid in status.counted_pods
                return
            assert delete.uid in status.counted_pods
            assert not backs_off(status, cluster), "a restart did not wait"

    def surplus(self, name: str) -> bool:
        """Whether the operator, as it sees the job, has too many of these: it does not make them again."""
        job = self.operator.job
        return job is not None and int(name.rpartition("-")[2]) >= job["spec"]["engine"].get("workers", 1)

    def act(self, action: str, random: Random) -> None:
        cluster, operator = self.cluster, self.operator
        if self.stale:
            self.past = [*self.past[-10:], copy.deepcopy(cluster.pods)]
            if random.random() < 0.1:
                operator.pods, operator.due = copy.deepcopy(random.choice(self.past)), cluster.now
        names = sorted({*cluster.pods, *operator.pods})
        if action in ("reconcile", "crash"):
            self.reconcile(random.randrange(6) if action == "crash" else None)
        elif action == "restart":
            operator.seed()
        elif action == "hear_all":
            operator.hear_job()
            for name in names:
                operator.hear(name)
        elif action == "run_all":
            for pod in cluster.pods.values():
                cluster.run(pod)
        elif action in ("clock", "jump_back"):
            cluster.now += timedelta(seconds=random.randrange(20) if action == "clock" else -90)
        elif action in ("kill_node", "revive"):
            change = cluster.dead_nodes.add if action == "kill_node" else cluster.dead_nodes.discard
            change(f"node-{random.randrange(3)}")
        elif action in ("workers", "suspend", "resume", "template", "board"):
            self.edit(action, random)
        elif action == "object" and cluster.objects:
            cluster.objects.pop(random.choice(sorted(cluster.objects)))
        elif names:
            self.act_on_pod(action, random.choice(names), random)

    def edit(self, action: str, random: Random) -> None:
        """A user changes the job."""
        if action == "template":
            # All at once, as an operator that did not look finds it.
            ports = [{"name": "rendezvous", "containerPort": random.randint(3000, 3003)}]
            self.cluster.edit(("runPolicy", "suspend"), True)
            self.cluster.edit(("template",), {"spec": {"containers": [{"name": "trainer", "ports": ports}]}})
            self.cluster.edit(("runPolicy", "suspend"), random.random() < 0.2)
        elif action == "board":
            self.cluster.edit(("tensorboard",), random.choice(BOARDS))
        elif action != "workers":
            self.cluster.edit(("runPolicy", "suspend"), action == "suspend")
        elif self.cluster.job and self.cluster.job["spec"]["engine"]["name"] == "multi_worker":
            least = self.cluster.job["spec"]["engine"].get("minWorkers", 1)
            self.cluster.edit(("engine", "workers"), random.randint(least, 5))

    def act_on_pod(self, action: str, name: str, random: Random) -> None:
        cluster, pod = self.cluster, self.cluster.pods.get(name)
        if action == "hear":
            self.operator.hear(name)
        elif pod is None:
            return
        elif action == "finish":
            cluster.finish(pod, pick(random, CODES), outlived=random.random() < 0.2)
        elif action in ("delete", "vanish"):
            cluster.delete_pod(name, pod["metadata"]["uid"], force=action == "vanish")
        else:
            {"run": cluster.run, "evict": cluster.evict, "let_go": cluster.let_go}.get(action, id)(pod)

    def check_rendezvous(self, pods: list[dict[str, Any]]) -> None:
        """The pods are told the port the Service has."""
        service = self.cluster.objects.get(ObjectRole.RENDEZVOUS)
        for pod in pods:
            environment = {entry["name"]: entry.get("value") for entry in pod["spec"]["containers"][0]["env"]}
            told = environment.get("AKID_RENDEZVOUS")
            if told and service:
                assert told.endswith(f":{service['manifest']['spec']['ports'][0]['port']}")

    def reconcile(self, crash_after: int | None = None) -> None:
        pods = {name: pod["metadata"]["uid"] for name, pod in self.cluster.pods.items()}
        before = self.status
        self.operator.reconcile(crash_after)
        self.judge(before, pods)

    def judge(self, before: Status, pods: dict[str, str]) -> None:
        """What must be true after every reconcile."""
        after, cluster = self.status, self.cluster
        self.last = after
        assert before.restarts <= after.restarts <= self.restarts
        assert len(set(after.counted_pods)) == len(after.counted_pods)
        assert set(after.counted_pods) <= set(cluster.own_failures), "a disruption was counted"
        new = len(after.counted_pods) - len(before.counted_pods)
        if new and not after.finished:
            assert after.restarts - before.restarts == (1 if self.recreate else new)
        if not new:
            assert after.restarts == before.restarts
        told = after.condition("Restarting")
        assert not (self.elastic and told and told.reason == "WorkersChanged"), "scaling replaced everybody"
        if before.finished and cluster.job:
            kept = {"tensorboard": after.tensorboard and before.tensorboard}
            assert after == before.model_copy(update=kept), "a finished job was touched"
        boards = {ObjectRole.BOARD, ObjectRole.BOARD_SERVICE} & set(cluster.objects)
        assert not boards or after.tensorboard or not cluster.job, "nobody knows of a TensorBoard that is there"
        made = [pod for name, pod in cluster.pods.items() if pods.get(name) != pod["metadata"]["uid"]]
        assert not (made and after.finished and before.finished), "a finished job got pods"
        assert not (made and self.recreate and backs_off(after, cluster)), "a restart did not wait"
        if made and not self.stale:
            mine = [pod for pod in cluster.pods.values() if not is_stray(pod)]
            assert len({attempt_of(pod) for pod in mine}) == 1, "two attempts side by side"
            assert len({template_of(pod) for pod in mine}) == 1, "two templates side by side"
            self.check_rendezvous(mine)
        done = completed_of(before) if before.attempt == after.attempt else frozenset()
        again = {f"digits-{m.role}-{m.index}" for m in done} & {pod["metadata"]["name"] for pod in made}
        assert not again, "a member that is done ran again"


@pytest.mark.parametrize("stale", [False, True], ids=["late news", "old views"])
@pytest.mark.parametrize("block", range(6))
def test_a_random_cluster_comes_to_rest(block: int, stale: bool):
    """With news that come late and in any order; and with views of the past, as no good store would give."""
    for seed in range(block * 60, block * 60 + 60):
        random = Random(seed)
        board = {"volumes": {"log": {"claimName": "logs"}}, "tensorboard": random.choice(BOARDS)}
        world = World(random_spec(random) | board, stale=stale)
        if seed % 5 == 0:
            world.cluster.leave_stray(f"digits-worker-{random.choice([0, 1, 7])}", deleted=seed % 2 == 0)
            world.operator.seed()
        try:
            for _ in range(random.randint(10, 150)):
                world.act(pick(random, ACTIONS), random)
            settle(world.cluster, world.operator)
            check_rest(world)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def backs_off(status: Status, cluster: Cluster) -> bool:
    """Whether a counted restart has to wait; not if the clock was set back to long before it was counted."""
    time = status.backoff.next_restart_time if status.backoff else cluster.now
    return cluster.now < time <= cluster.now + LONGEST_WAIT


def check_rest(world: World) -> None:
    """At rest a job is done (its pods cleaned up) or suspended (without pods), and nothing is written."""
    cluster, operator = world.cluster, world.operator
    if cluster.job is None:
        return
    status, policy = world.status, cluster.job["spec"]["runPolicy"]
    assert status.finished or policy.get("suspend"), cluster.job
    assert not any(is_stray(pod) for pod in cluster.pods.values()), "an earlier job's pod is still there"
    phases = {pod["status"]["phase"] for pod in cluster.pods.values()}
    if not status.finished or policy.get("cleanPodPolicy") == "All":
        assert not phases
    if policy.get("cleanPodPolicy", "Running") == "Running":
        assert phases <= {"Succeeded", "Failed"}
    if status.finished:
        assert not {"service", "rendezvous", "gang"} & set(cluster.objects)
        assert sum(status.is_true(kind) for kind in ("Succeeded", "Failed")) == 1
    check_board(world)
    writes = operator.writes
    operator.reconcile()
    assert operator.writes == writes, "a write at the fixed point"


def check_board(world: World) -> None:
    """At rest a TensorBoard that nobody asks for, or whose time has come, is gone."""
    assert world.cluster.job is not None
    asked = world.cluster.job["spec"].get("tensorboard", {"enabled": False})
    over = world.status.finished and "ttlSecondsAfterFinished" in asked
    if not asked["enabled"] or over:
        assert not {"tensorboard", "tensorboard-service"} & set(world.cluster.objects)
        assert world.status.tensorboard is None


@pytest.mark.parametrize("strategy", ["InPlace", "Recreate"])
def test_an_undisturbed_job_takes_few_writes(strategy: str):
    spec = {"engine": {"name": "multi_worker", "workers": 4}, "runPolicy": {"restartStrategy": strategy}}
    world = World(spec)
    world.reconcile()
    for pod in world.cluster.pods.values():
        world.cluster.run(pod)
        world.operator.hear(pod["metadata"]["name"])
    settle(world.cluster, world.operator)
    assert world.status.state == "Succeeded"
    # 4 pods, ConfigMap, Service, in place also Secret; 3 status; the Service is deleted.
    assert world.operator.writes == (11 if strategy == "InPlace" else 10)
