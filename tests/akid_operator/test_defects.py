"""What the best-known operator for TensorFlow does wrong: a test for each defect, by its letter in the list."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from akid_operator.kube.api import Answer, Call
from cluster.control import Cluster
from cluster.waiting import wait_for
from gangs import GANG, GROUP, pod_groups
from hosted import Hosted, Watched
from jobs import Jobs, job
from proxy import Line

pytestmark = pytest.mark.cluster

TWO = {"name": "multi_worker", "workers": 2}
FOUR = {"name": "multi_worker", "workers": 4}


def seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def test_a_an_idle_job_past_its_deadline_fails(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(policy={"activeDeadlineSeconds": 2}))
    status = jobs.reach("Failed")
    assert jobs.condition("Failed")["reason"] == "DeadlineExceeded"
    assert 2 <= seconds(status["startTime"], status["completionTime"]) <= 4
    wait_for(lambda: not jobs.pods(), "its pods are gone")


def test_b_exactly_n_restarts_then_failed(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(plays={"run-for": "100ms", "exit-code": "137"}, policy={"maxRestarts": 2}))
    status = jobs.reach("Failed", timeout=40)
    assert jobs.condition("Failed")["reason"] == "RestartLimitExceeded"
    assert status["restarts"] == 2
    assert hosted.api.writes().count("POST pods") == 3
    assert 9 <= seconds(status["startTime"], status["completionTime"]) <= 30, "the second restart waits"
    assert status["lastFailure"]["exitCode"] == 137


def test_c_the_services_are_gone_when_the_job_is_done(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine=TWO, plays={"run-for": "300ms"}, policy={"cleanPodPolicy": "None"}))
    jobs.reach("Succeeded")
    wait_for(lambda: not jobs.names("services"), "the Services are gone")
    assert len(jobs.pods()) == 2


def test_d_the_evaluator_is_in_its_own_tf_config_only(jobs: Jobs, hosted: Hosted) -> None:
    engine = {"name": "parameter_server", "workers": 1, "parameterServers": 1, "evaluator": True}
    jobs.create(job(engine=engine))
    jobs.reach("Running")
    for name, pod in jobs.pods().items():
        env = {entry["name"]: entry.get("value") for entry in pod["spec"]["containers"][0]["env"]}
        config = json.loads(env["TF_CONFIG"])
        assert ("evaluator" in config["cluster"]) == ("evaluator" in name)
        assert "master" not in config["cluster"]


def resyncs(operator: Hosted, number: int = 4) -> None:
    """Wait until all was listed so many times more."""
    before = operator.api.reads().count("GET akidjobs")
    wait_for(lambda: operator.api.reads().count("GET akidjobs") >= before + number, "some resyncs")


def test_e_a_finished_pod_that_is_deleted_is_not_run_again(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host(resync=0.3) as hosted:
        jobs.create(job(engine=TWO, policy={"successPolicy": "AllWorkers"}))
        jobs.reach("Running")
        jobs.annotate_pod("digits-worker-1", {"run-for": "10ms"})
        wait_for(lambda: jobs.status()["replicaStatuses"]["worker"].get("completedIndexes") == "1", "it is done")
        jobs.delete_pod("digits-worker-1")
        wait_for(lambda: len(jobs.pods()) == 1, "its pod is gone")
        resyncs(hosted)
        assert jobs.state() == "Running"
        jobs.annotate_pod("digits-worker-0", {"run-for": "10ms"})
        jobs.reach("Succeeded")
        jobs.delete_pod("digits-worker-0")
        wait_for(lambda: not jobs.pods(), "its pod is gone, too")
        resyncs(hosted)
        assert (jobs.state(), jobs.pods()) == ("Succeeded", {})
        assert hosted.api.writes().count("POST pods") == 2


def test_f_a_pod_that_hangs_on_a_dead_node_is_replaced(
    jobs: Jobs, hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid.job.planner.deadlines.LINGER", timedelta(seconds=2))
    manifest = job(engine=TWO, plays={"stop": "never"})
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0
    jobs.create(manifest)
    jobs.reach("Running")
    uid = jobs.pods()["digits-worker-1"]["metadata"]["uid"]
    jobs.delete_pod("digits-worker-1", grace=1)
    wait_for(
        lambda: jobs.pods().get("digits-worker-1", {}).get("metadata", {}).get("uid", uid) != uid, "it is new", 45
    )
    jobs.reach("Running")
    assert not jobs.status().get("restarts")


@pytest.mark.parametrize("how", ["deleted", "evicted"])
def test_g_a_disrupted_pod_is_replaced_and_not_counted(jobs: Jobs, hosted: Hosted, how: str) -> None:
    jobs.create(job(engine=TWO, policy={"maxRestarts": 0}))
    jobs.reach("Running")
    old = jobs.pods()["digits-worker-1"]["metadata"]["uid"]
    path = f"/api/v1/namespaces/{jobs.namespace}/pods/digits-worker-1"
    if how == "deleted":
        jobs.api.delete(path)
    else:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "digits-worker-1"}}
        jobs.api.create(f"{path}/eviction", eviction)

    def replaced() -> bool:
        pod = jobs.pods().get("digits-worker-1")
        return pod is not None and pod["metadata"]["uid"] != old

    wait_for(replaced, "there is a new pod", 20)
    jobs.reach("Running")
    assert not jobs.status().get("restarts")
    assert jobs.phases()["digits-worker-0"] == "Running"


def test_h_nothing_is_written_after_the_end(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host(resync=0.3) as operator:
        jobs.create(job(engine=TWO, plays={"run-for": "100ms"}))
        jobs.reach("Succeeded")
        wait_for(lambda: "Succeeded" in jobs.reasons() and not jobs.names("services"), "all is told and done")
        before = len(operator.api.writes())
        resyncs(operator)
        assert operator.api.writes()[before:] == []


def test_h_of_a_gang_that_has_ended_no_group_is_made_again(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with pod_groups(jobs.cluster), host(resync=0.3) as operator:
        wait_for(lambda: jobs.cluster.admin.find(f"/apis/{GROUP}/v1alpha1") is not None, "PodGroups are served")
        jobs.create(job(engine=TWO, plays={"run-for": "100ms"}, scheduling=GANG))
        jobs.reach("Succeeded", timeout=40)
        wait_for(lambda: "DELETE podgroups" in operator.api.writes(), "the group is deleted")
        wait_for(lambda: "Succeeded" in jobs.reasons() and not jobs.names("services"), "all is told and done")
        before = len(operator.api.writes())
        resyncs(operator)
        assert operator.api.writes()[before:] == []
        assert operator.api.writes().count("POST podgroups") == 1


def test_a_pod_that_comes_late_to_a_job_that_ended_is_taken_away(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host(resync=0.3):
        jobs.create(job(plays={"run-for": "100ms"}))
        jobs.reach("Succeeded")
        pod = jobs.pods()["digits-worker-0"]
        jobs.delete_pod("digits-worker-0")
        wait_for(lambda: not jobs.pods(), "its pod is gone")
        metadata = {name: pod["metadata"][name] for name in ("name", "namespace", "labels", "ownerReferences")}
        spec = {name: value for name, value in pod["spec"].items() if name != "nodeName"}
        again = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        jobs.api.create(f"/api/v1/namespaces/{jobs.namespace}/pods", again)
        wait_for(lambda: not jobs.pods(), "the late one is gone, too", 20)
        assert jobs.state() == "Succeeded"


def test_i_a_storm_of_news_makes_no_duplicates(jobs: Jobs, hosted: Hosted) -> None:
    for number in range(10):
        jobs.create(job(f"job-{number}", engine=FOUR))
        for value in "abc":
            path = f"/apis/akid.dev/v1alpha1/namespaces/{jobs.namespace}/akidjobs/job-{number}"
            jobs.api.patch(path, {"metadata": {"labels": {"touched": value}}})
    for number in range(10):
        jobs.reach("Running", f"job-{number}", 40)
    assert Counter(hosted.api.writes())["POST pods"] == 40
    conflicts = [call for call, answer in hosted.api.calls if answer.status == 409 and call.method == "POST"]
    assert conflicts == []


class Slow(Watched):
    """The watch tells of every write long before its answer is here."""

    async def exchange(self, call: Call) -> Answer:
        answer = await super().exchange(call)
        await asyncio.sleep(0.3 * call.writes)
        return answer


def test_i_answers_that_lag_behind_the_watch_make_no_duplicates(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host(api=Slow) as operator:
        jobs.create(job(engine=FOUR))
        jobs.reach("Running", timeout=40)
        jobs.delete_pod("digits-worker-1", grace=0)
        wait_for(lambda: operator.api.writes().count("POST pods") == 5, "it is replaced")
        jobs.reach("Running", timeout=40)
        assert operator.api.writes().count("POST pods") == 5


def test_j_pods_of_a_job_are_made_side_by_side(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    flying: list[int] = []

    class Counted(Watched):
        now = 0

        async def exchange(self, call: Call) -> Answer:
            pod = (call.method, call.path.rpartition("/")[2]) == ("POST", "pods")
            self.now += pod
            flying.append(self.now)
            try:
                return await super().exchange(call)
            finally:
                self.now -= pod

    with host(api=Counted):
        jobs.create(job(engine={"name": "multi_worker", "workers": 60}))
        wait_for(lambda: len(jobs.pods()) == 60, "there are 60 pods", 30)
    assert max(flying) >= 16


def test_k_many_jobs_at_once_all_start(jobs: Jobs, hosted: Hosted) -> None:
    count = 40
    for number in range(count):
        jobs.create(job(f"job-{number}"))
    wait_for(lambda: len(jobs.items("pods")) == count, "every job has its pod", 30)
    wait_for(
        lambda: all(jobs.state(f"job-{n}") == "Running" for n in range(count)), "all are Running", 30, every=0.5
    )


def test_l_discovery_that_fails_does_not_end_the_operator(jobs: Jobs, kubeconfig: Path) -> None:
    with Hosted(kubeconfig, jobs.namespace, resync=0.3) as operator:
        with jobs.cluster.api_server_down():
            asked = len(operator.api.sent)
            wait_for(lambda: len(operator.api.sent) >= asked + 6, "it has asked in vain, some times")
            assert operator.alive()
        jobs.create(job(plays={"run-for": "200ms"}))
        jobs.reach("Succeeded", timeout=40)
        assert operator.alive()


def test_l_an_operator_that_starts_while_nothing_answers_waits(
    jobs: Jobs, kubeconfig: Path, akid_cluster: Cluster
) -> None:
    with Line(akid_cluster.layout.api_port) as line:
        operator = Hosted(line.kubeconfig(kubeconfig), jobs.namespace)
        with line.cut():
            operator.start()
            wait_for(
                lambda: operator.made_api is not None and len(operator.api.sent) >= 2, "it asks what is served"
            )
            assert operator.alive()
        try:
            operator.started()
            jobs.create(job(plays={"run-for": "200ms"}))
            jobs.reach("Succeeded", timeout=40)
        finally:
            operator.stop()


def test_n_scaling_down_does_not_fail_the_job(jobs: Jobs, hosted: Hosted, akid_cluster: Cluster) -> None:
    jobs.create(job(engine={"name": "multi_worker", "workers": 3}))
    jobs.reach("Running")
    akid_cluster.kubectl("scale", "-n", jobs.namespace, "akidjob/digits", "--replicas=2")
    wait_for(lambda: len(jobs.pods()) == 2 and jobs.state() == "Running", "two workers run", 20)
    assert not jobs.status().get("restarts")


def test_o_names_resolve_before_pods_are_ready(jobs: Jobs, hosted: Hosted) -> None:
    program = {"spec": {"containers": [{"name": "trainer", "command": ["python", "train.py"]}]}}
    jobs.create(job(engine=TWO, template=program))
    wait_for(lambda: len(jobs.pods()) == 2, "the pods are there")
    services = {service["metadata"]["name"]: service["spec"] for service in jobs.items("services")}
    assert services["digits"]["clusterIP"] == "None"
    assert all(spec["publishNotReadyAddresses"] for spec in services.values())
    order = [what for what in hosted.api.writes() if what in ("POST services", "POST pods")]
    assert order == ["POST services"] * 2 + ["POST pods"] * 2


def test_p_a_job_that_never_gets_to_run_fails_in_time(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine={"name": "single", "gpusPerWorker": 9}, policy={"pendingDeadlineSeconds": 3}))
    jobs.reach("Failed")
    assert jobs.condition("Failed")["reason"] == "PendingDeadlineExceeded"


def test_q_finished_jobs_are_neither_listed_nor_watched(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host():
        for number in range(5):
            jobs.create(job(f"old-{number}", plays={"run-for": "10ms"}))
        for number in range(5):
            jobs.reach("Succeeded", f"old-{number}")
    with host() as operator:
        jobs.create(job("new", plays={"run-for": "10ms"}))
        jobs.reach("Succeeded", "new")
        listed = [answer.body["items"] for _, answer in operator.api.calls if "items" in answer.body]
        assert [len(items or []) for items in listed] == [0] * len(listed)
        assert not any("old" in call.path for call, _ in operator.api.calls)
        assert {key.name for key, _ in operator.controller.store} <= {"new"}
