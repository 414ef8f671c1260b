"""What the operator does not hear of: watches that are cut, forgotten or silent; clocks that are wrong."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import kopf
import pytest
from akid_operator.kube.api import Answer, Call
from akid_operator.kube.clock import ServerClock
from akid_operator.kube.errors import NotLeaderError
from akid_operator.serve import process
from akid_operator.work.controller import Controller
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted, Watched
from jobs import Jobs, job
from proxy import Line

pytestmark = pytest.mark.cluster

TWO = {"name": "multi_worker", "workers": 2}
HOUR = 3600.0


@pytest.fixture
def line(akid_cluster: Cluster) -> Iterator[Line]:
    """The operator's line to the API server."""
    with Line(akid_cluster.layout.api_port) as line:
        yield line


def forget(cluster: Cluster) -> None:
    """The server forgets all of its past: whoever asks for what happened since is told 410 Gone."""
    etcd = f"http://127.0.0.1:{cluster.layout.etcd_port}/v3/kv"

    def ask(what: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(f"{etcd}/{what}", json.dumps(body).encode())
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)

    revision = ask("range", {"key": "AA=="})["header"]["revision"]
    ask("compaction", {"revision": revision, "physical": True})
    cluster.restart_api_server()


def test_what_vanished_before_410_gone_is_missed(
    jobs: Jobs, kubeconfig: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps: list[str] = []
    resync_now = Controller.resync_now
    monkeypatch.setattr(Controller, "resync_now", lambda self: (gaps.append("gap"), resync_now(self)))
    with Hosted(line.kubeconfig(kubeconfig), jobs.namespace) as operator:
        for name in ("kept", "gone"):
            jobs.create(job(name, engine=TWO))
            jobs.reach("Running", name)
        with line.cut():
            jobs.delete("gone")
            jobs.delete_pod("kept-worker-1", grace=0)
            wait_for(lambda: len(jobs.pods("kept")) == 1, "the pod is gone")
            jobs.create(job("new", engine=TWO))
            forget(jobs.cluster)
        wait_for(lambda: len(jobs.pods("kept")) == 2, "the pod is replaced", 60)
        jobs.reach("Running", "new", 30)
        jobs.reach("Running", "kept", 30)
        assert gaps
        assert operator.replica is not None
        controller = operator.replica.controller
        assert controller is not None
        wait_for(lambda: {key.name for key, _ in controller.store} == {"kept", "new"}, "the other is forgotten")
    assert not jobs.status("kept").get("restarts")


def uids(jobs: Jobs) -> set[str]:
    return {pod["metadata"]["uid"] for pod in jobs.pods().values()}


class Impatient(Watched):
    """Waits for no answer longer than a second."""

    async def exchange(self, call: Call) -> Answer:
        return await super().exchange(call._replace(timeout=1.0))


def test_a_watch_that_falls_silent_is_begun_anew(
    jobs: Jobs, kubeconfig: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure = process.configure

    def quickly(settings: kopf.OperatorSettings) -> None:
        configure(settings)
        assert settings.watching.inactivity_timeout < 120, "kopf's default has changed"
        settings.watching.inactivity_timeout = 1

    monkeypatch.setattr(process, "configure", quickly)
    with Hosted(line.kubeconfig(kubeconfig), jobs.namespace, api=Impatient):
        jobs.create(job(engine=TWO))
        jobs.reach("Running")
        old = uids(jobs)
        line.silence()
        jobs.delete_pod("digits-worker-1", grace=0)
        wait_for(lambda: len(uids(jobs) - old) == 1 and len(uids(jobs)) == 2, "the pod is replaced", 30)
        jobs.create(job("other", plays={"run-for": "100ms"}))
        jobs.reach("Succeeded", "other")


class Skewed(Watched):
    """Has a clock that is wrong."""

    def __init__(self, wrong: float, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.clock = ServerClock(lambda: datetime.now(UTC) + timedelta(seconds=wrong))


@pytest.mark.serial  # seconds are counted
@pytest.mark.parametrize("wrong", [-HOUR, HOUR], ids=["an hour behind", "an hour ahead"])
def test_with_a_wrong_clock_deadlines_are_kept(jobs: Jobs, host: Callable[..., Hosted], wrong: float) -> None:
    with host(api=partial(Skewed, wrong)) as operator:
        jobs.create(job("stuck", engine=TWO, plays={"stop": "never"}))
        jobs.reach("Running", "stuck")
        jobs.delete_pod("stuck-worker-1", grace=20)
        jobs.create(job("late", policy={"activeDeadlineSeconds": 2}))
        jobs.create(job("expires", plays={"run-for": "100ms"}, policy={"ttlSecondsAfterFinished": 2}))
        status = jobs.reach("Failed", "late", 6)
        wait_for(lambda: jobs.find("expires") is None, "it has expired", 6)
        created = jobs.get("late")["metadata"]["creationTimestamp"]
        times = [datetime.fromisoformat(text) for text in (created, status["startTime"], status["completionTime"])]
        told = datetime.fromisoformat(jobs.events("late")[-1]["lastTimestamp"])
        assert abs(times[1] - times[0]) <= timedelta(seconds=2)
        assert timedelta(seconds=2) <= times[2] - times[1] <= timedelta(seconds=4)
        assert abs(told - times[2]) <= timedelta(seconds=2)
        forced = [c.path for c, _ in operator.api.calls if c.body and c.body.get("gracePeriodSeconds") == 0]
        assert forced == [], "a pod that had time to end was deleted by force"


class Blinking(Watched):
    """A leader whose lease was renewed too late: its first writes are held back."""

    held_back = 0

    async def request(self, call: Call, **options: Any) -> dict[str, Any]:
        if call.writes and self.held_back < 3:
            self.held_back += 1
            raise NotLeaderError("the lease has run out")
        return await super().request(call, **options)


def test_a_job_whose_writes_were_held_back_is_not_forgotten(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    with host(api=Blinking):
        jobs.create(job(plays={"run-for": "100ms"}))
        jobs.reach("Succeeded")


@pytest.mark.parametrize("strategy", ["InPlace", "Recreate"])
def test_a_failure_while_no_operator_runs_is_counted(
    jobs: Jobs, host: Callable[..., Hosted], strategy: str
) -> None:
    policy = {"maxRestarts": 1, "restartStrategy": strategy}
    with host():
        jobs.create(job(policy=policy))
        jobs.reach("Running")
    jobs.annotate_pod("digits-worker-0", {"run-for": "10ms", "exit-code": "137"})
    wait_for(lambda: jobs.phases()["digits-worker-0"] == "Failed", "the pod has failed")
    with host():
        wait_for(lambda: jobs.status().get("restarts") == 1 and jobs.state() == "Running", "it is counted", 15)
        assert jobs.status()["lastFailure"]["exitCode"] == 137


@pytest.mark.parametrize(("strategy", "workers"), [("Recreate", 2), ("InPlace", 1)])
def test_pods_that_vanish_while_no_operator_runs_are_made_again(
    jobs: Jobs, host: Callable[..., Hosted], strategy: str, workers: int
) -> None:
    with host():
        jobs.create(job(engine=TWO, policy={"restartStrategy": strategy}))
        jobs.reach("Running")
    for name in jobs.pods():
        jobs.delete_pod(name, grace=0)
    jobs.patch({"engine": {"workers": workers}})
    with host():
        wait_for(lambda: len(jobs.pods()) == workers, "its pods are made again", 15)
        jobs.reach("Running")
        assert jobs.status()["attempt"] == 1


def test_a_restart_writes_nothing_for_three_hundred_jobs(jobs: Jobs, host: Callable[..., Hosted]) -> None:
    path = f"/apis/akid.dev/v1alpha1/namespaces/{jobs.namespace}/akidjobs"

    def at_rest() -> bool:
        statuses = [item.get("status", {}) for item in jobs.api.get(path)["items"]]
        return all(s.get("ready") in ("1/1", "2/2") and s["state"] == "Running" for s in statuses)

    with host():
        for number in range(300):
            jobs.create(job(f"job-{number}", **({} if number % 10 else {"engine": TWO})))
        wait_for(at_rest, "all is at rest", 120, every=0.5)
    with host(resync=1) as operator:
        wait_for(lambda: reconciled(operator) >= 300, "every job was looked at", 60)
        lists = operator.api.reads().count("GET pods")
        wait_for(lambda: operator.api.reads().count("GET pods") > lists + 1, "another resync", 60)
        assert operator.api.writes() == []
        objects = tuple(f"/{jobs.namespace}/{kind}/" for kind in ("configmaps", "services", "pods"))
        assert [call.path for call, _ in operator.api.calls if any(o in call.path for o in objects)] == []


def reconciled(operator: Hosted) -> float:
    """How many keys it has worked on, without an error."""
    assert operator.replica is not None
    text = operator.replica.metrics.text().decode()
    found = text.partition('akid_operator_reconcile_seconds_count{result="ok"} ')[2]
    return float(found.split()[0]) if found else 0.0
