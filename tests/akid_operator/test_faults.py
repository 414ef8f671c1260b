"""Whatever breaks, and whenever: the job ends as it should, with the pods it should have had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from akid_operator.kube.api import Answer, Call
from akid_operator.work.controller import Controller
from cluster.control import Cluster
from cluster.waiting import wait_for
from hosted import Hosted, Watched
from jobs import Jobs, job

pytestmark = [
    pytest.mark.cluster,
    # What dies half way through a request leaves its connection to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <(socket|function _Selector)"),
]

TWO = {"name": "multi_worker", "workers": 2}
# More than the writes of any life below: the last one lives.
SITES = range(1, 18)


class Mortal(Watched):
    """Dies at its n-th write, before it is sent or before the answer is read; sends nothing after that."""

    def __init__(self, site: int, sent: bool, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._left = site
        self._sent = sent
        self.dead = False

    async def exchange(self, call: Call) -> Answer:
        self._left -= call.writes
        if self._left > 0:
            return await super().exchange(call)
        if self._left == 0 and call.writes:
            if self._sent:
                await super().exchange(call)
            self.dead = True
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture
def sudden(monkeypatch: pytest.MonkeyPatch) -> None:
    """No farewell: what was to be done is not."""
    monkeypatch.setattr("akid_operator.work.controller.FAREWELL", 0.0)


def life(
    cluster: Cluster, manifest: dict[str, Any], end: str, site: int, sent: bool, pods: int | None = None
) -> dict[str, Any]:
    """A job's life through a crash at a write, until it has so many pods left; what came of it."""
    with cluster.namespace() as namespace:
        jobs = Jobs(cluster, namespace)
        begun = jobs.version()
        with Hosted(cluster.kubeconfig, namespace, api=partial(Mortal, site, sent)) as first:
            jobs.create(manifest)
            mortal = first.api
            assert isinstance(mortal, Mortal)
            wait_for(lambda: mortal.dead or jobs.state() == end, "it dies or ends", 60)
        with Hosted(cluster.kubeconfig, namespace):
            jobs.reach(end, timeout=60)
            wait_for(lambda: not jobs.names("services"), "the Services are gone")
            wait_for(lambda: pods in (None, len(jobs.pods())), "the pods are gone")
            made = jobs.pods_since(begun)
            return {"died": mortal.dead, "pods": made, "restarts": jobs.status().get("restarts", 0)}


def lives(
    cluster: Cluster, manifest: dict[str, Any], end: str, sent: bool, pods: int | None = None
) -> list[dict[str, Any]]:
    """What came of a job's life at every site; every write of it was one at which the operator died."""
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda site: life(cluster, manifest, end, site, sent, pods), SITES))
    died = [one.pop("died") for one in found]
    assert died[0]
    assert not died[-1], "there are more writes than sites"
    return found


def made_pods(api: Watched) -> list[str]:
    return [
        answer.body["metadata"]["name"]
        for call, answer in api.calls
        if call.method == "POST" and call.path.endswith("/pods") and answer.status == 201
    ]


either = pytest.mark.parametrize("sent", [False, True], ids=["before it is sent", "before the answer is read"])


@either
def test_killed_at_any_write_of_a_good_life(akid_cluster: Cluster, sudden: None, sent: bool) -> None:
    manifest = job(engine=TWO, plays={"run-for": "500ms"}, policy={"successPolicy": "AllWorkers"})
    found = lives(akid_cluster, manifest, "Succeeded", sent)
    assert found == [{"pods": 2, "restarts": 0}] * len(SITES)


@either
def test_killed_at_any_write_of_a_bad_life(akid_cluster: Cluster, sudden: None, sent: bool) -> None:
    manifest = job(plays={"run-for": "200ms", "exit-code": "137"}, policy={"maxRestarts": 1})
    found = lives(akid_cluster, manifest, "Failed", sent)
    assert found == [{"pods": 2, "restarts": 1}] * len(SITES)


@either
def test_killed_at_any_write_of_a_life_that_leaves_no_pods(
    akid_cluster: Cluster, sudden: None, sent: bool
) -> None:
    manifest = job(plays={"run-for": "200ms"}, policy={"cleanPodPolicy": "All"})
    found = lives(akid_cluster, manifest, "Succeeded", sent, pods=0)
    assert found == [{"pods": 1, "restarts": 0}] * len(SITES)


class Flaky(Watched):
    """The first time anything is asked for, something goes wrong."""

    def __init__(self, fault: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._fault = fault
        self._asked: set[tuple[str, str, str]] = set()

    async def exchange(self, call: Call) -> Answer:
        what = (call.method, call.path, json.dumps(call.body, sort_keys=True) if call.body else "")
        if what in self._asked:
            return await super().exchange(call)
        self._asked.add(what)
        if self._fault == "500":
            return Answer(500, None, {"message": "oh dear"})
        if self._fault == "429":
            return Answer(429, 0.0, {"message": "later"})
        if self._fault == "answer lost":
            await super().exchange(call)
        raise TimeoutError if self._fault == "timeout" else aiohttp.ClientOSError(104, "reset by peer")


@pytest.mark.parametrize("fault", ["500", "429", "reset", "timeout", "answer lost"])
def test_every_request_fails_once(jobs: Jobs, host: Callable[..., Hosted], fault: str) -> None:
    with host(api=partial(Flaky, fault)) as operator:
        jobs.create(job(engine=TWO, plays={"run-for": "500ms"}))
        jobs.reach("Succeeded", timeout=40)
        wait_for(lambda: "Succeeded" in jobs.reasons(), "the end is told")
    assert len(made_pods(operator.api)) == 2
    assert len(set(jobs.reasons())) == len(jobs.reasons())


def test_a_service_deleted_behind_its_back_is_made_again(
    jobs: Jobs, host: Callable[..., Hosted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid_operator.work.objects.SETTLED", 0.1)
    with host(resync=0.5):
        jobs.create(job(engine=TWO))
        jobs.reach("Running")
        jobs.delete_object("services", "digits-rendezvous")
        wait_for(lambda: jobs.names("services") == ["digits-rendezvous"], "it is there again")
    assert jobs.state() == "Running"


def test_the_kid_deleted_behind_its_back_is_made_before_the_next_pod(
    jobs: Jobs, hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("akid_operator.work.read.TRUST", 0.0)
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    jobs.delete_object("configmaps", "digits-kid")
    jobs.delete_pod("digits-worker-1")
    wait_for(lambda: len(made_pods(hosted.api)) == 3, "the pod is replaced")
    writes = [what for what in hosted.api.writes() if what in ("POST configmaps", "POST pods")]
    assert writes[-2:] == ["POST configmaps", "POST pods"]


def test_a_job_deleted_half_way_leaves_nothing(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(engine={"name": "multi_worker", "workers": 60}))
    wait_for(lambda: len(made_pods(hosted.api)) > 5, "some pods are there")
    jobs.delete()
    wait_for(lambda: jobs.find() is None and not jobs.items("pods"), "all is gone", 30)
    wait_for(lambda: not jobs.names("services") and not jobs.names("configmaps"), "all else too", 30)
    assert hosted.replica is not None
    controller = hosted.replica.controller
    assert controller is not None
    wait_for(lambda: not list(controller.store), "it is forgotten")


def test_a_replaced_job_never_runs_the_old_kid(jobs: Jobs, hosted: Hosted, tmp_path: Path) -> None:
    jobs.create(job(engine=TWO))
    old = jobs.reach("Running") and jobs.get()["metadata"]["uid"]
    manifest = job(engine=TWO)
    manifest["spec"]["kid"] = manifest["spec"]["kid"] | {"max_steps": 4242}
    file = tmp_path / "job.json"
    file.write_text(json.dumps(manifest))
    jobs.cluster.kubectl("replace", "--force", "-n", jobs.namespace, "-f", str(file))
    new = jobs.get()["metadata"]["uid"]
    assert new != old
    jobs.reach("Running")
    made = [
        (call.path.rpartition("/")[2], answer.body)
        for call, answer in hosted.api.calls
        if call.method == "POST" and answer.status == 201 and new in json.dumps(answer.body.get("metadata"))
    ]
    kinds = [kind for kind, _ in made if kind in ("configmaps", "pods")]
    assert kinds == ["configmaps", "pods", "pods"]
    kid = next(body for kind, body in made if kind == "configmaps")
    assert "max_steps: 4242" in str(kid["data"])


def test_without_any_watch_a_job_still_gets_to_its_end(
    jobs: Jobs, host: Callable[..., Hosted], monkeypatch: pytest.MonkeyPatch
) -> None:
    for deaf in ("observe_job", "observe_pod"):
        monkeypatch.setattr(Controller, deaf, lambda *_: None)
    with host(resync=0.5):
        jobs.create(job(engine=TWO, plays={"run-for": "1s"}))
        jobs.reach("Succeeded", timeout=30)


def test_old_news_after_the_end_start_nothing(jobs: Jobs, hosted: Hosted) -> None:
    jobs.create(job(plays={"run-for": "1s"}, policy={"cleanPodPolicy": "All"}))
    jobs.reach("Running")
    stale = jobs.get()
    jobs.reach("Succeeded")
    wait_for(lambda: not jobs.pods(), "its pods are gone")
    store = controller_of(hosted).store
    wait_for(lambda: not list(store), "it is forgotten")
    controller_of(hosted).observe_job({"type": "MODIFIED", "object": stale})
    assert not list(store)


def controller_of(hosted: Hosted) -> Controller:
    assert hosted.replica is not None
    assert hosted.replica.controller is not None
    return hosted.replica.controller
