"""The CRD is changed under jobs that run: nothing of theirs ends or stalls for it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from cluster.api import ApiError
from cluster.control import Cluster
from cluster.waiting import wait_for
from conftest import CRD
from hosted import Hosted
from jobs import Jobs, job

pytestmark = pytest.mark.cluster

PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/akidjobs.akid.dev"
TWO = {"name": "multi_worker", "workers": 2}
Schema = dict[str, Any]


class Crd:
    """The CRD of the shared control plane, as long as the test runs."""

    def __init__(self, cluster: Cluster) -> None:
        self._api = cluster.admin
        self._version = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]
        self.ours: Schema = self._version["schema"]["openAPIV3Schema"]

    def change(self, schema: Schema, *, selectable: int | None = None) -> None:
        """Have another schema (and fewer fields to select by), and wait until the server goes by it."""
        there = self._api.get(PATH)
        title = f"after version {there['metadata']['resourceVersion']}"
        there["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema | {"title": title}
        there["spec"]["versions"][0]["selectableFields"] = self._version["selectableFields"][:selectable]
        self._api.request("PUT", PATH, there)
        wait_for(lambda: title in str(self._published()), "the server goes by the new schema", 60)

    def _published(self) -> Any:
        try:
            return self._api.get("/openapi/v3/apis/akid.dev/v1alpha1")
        except ApiError:
            return {}


@pytest.fixture
def crd(akid_cluster: Cluster) -> Iterator[Crd]:
    crd = Crd(akid_cluster)
    yield crd
    crd.change(crd.ours)


def part(schema: Schema, path: str) -> Schema:
    for name in path.split("."):
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    return schema


def uids(jobs: Jobs) -> dict[str, str]:
    return {name: pod["metadata"]["uid"] for name, pod in jobs.pods().items()}


def test_a_newer_crd_ends_no_job_that_runs_and_may_be_rolled_back(jobs: Jobs, hosted: Hosted, crd: Crd) -> None:
    jobs.create(job(engine=TWO, policy={"maxRestarts": 5}))
    jobs.reach("Running")
    before = uids(jobs)
    newer = copy.deepcopy(crd.ours)
    elastic = {"type": "object", "default": {"min": 1}, "properties": {"min": {"type": "integer"}}}
    part(newer, "spec.runPolicy")["properties"]["elastic"] = elastic
    part(newer, "spec.engine")["properties"]["topology"] = {"type": "string", "default": "ring"}
    part(newer, "status.conditions.[].type")["enum"].append("Elastic")
    crd.change(newer)
    wait_for(lambda: jobs.get()["spec"]["runPolicy"].get("elastic") == {"min": 1}, "the default is there")
    jobs.patch({"runPolicy": {"maxRestarts": 4, "elastic": {"min": 2}}})
    jobs.annotate_pod("digits-worker-1", {"run-for": "10ms", "exit-code": "137"})
    wait_for(lambda: jobs.status().get("restarts") == 1, "the failure is counted")
    wait_for(lambda: uids(jobs).get("digits-worker-1") not in (None, before["digits-worker-1"]), "it is replaced")
    jobs.reach("Running")
    crd.change(crd.ours)
    jobs.patch({"runPolicy": {"maxRestarts": 3}})
    wait_for(lambda: jobs.status()["observedGeneration"] == jobs.get()["metadata"]["generation"], "it is seen")
    assert jobs.state() == "Running"
    assert uids(jobs)["digits-worker-0"] == before["digits-worker-0"]


def test_a_value_of_another_version_leaves_a_job_as_it_is(jobs: Jobs, hosted: Hosted, crd: Crd) -> None:
    jobs.create(job(engine=TWO))
    jobs.reach("Running")
    before = uids(jobs)
    newer = copy.deepcopy(crd.ours)
    part(newer, "spec.runPolicy.cleanPodPolicy")["enum"].append("Later")
    crd.change(newer)
    jobs.patch({"runPolicy": {"cleanPodPolicy": "Later"}})
    wait_for(lambda: jobs.condition("Queued").get("reason") == "UnreadableSpec", "it is told")
    assert "spec.runPolicy.cleanPodPolicy" in jobs.condition("Queued")["message"]
    jobs.patch({"runPolicy": {"cleanPodPolicy": "All"}})
    wait_for(lambda: jobs.condition("Queued").get("status") == "False", "it is read again")
    assert (jobs.state(), uids(jobs)) == ("Running", before)


def test_an_older_crd_takes_what_it_knows_of_a_status(jobs: Jobs, host: Callable[..., Hosted], crd: Crd) -> None:
    older = copy.deepcopy(crd.ours)
    del part(older, "status")["properties"]["ready"]
    del part(older, "status.replicaStatuses")["additionalProperties"]["properties"]["ready"]
    part(older, "status.conditions.[].type")["enum"].remove("Restarting")
    part(older, "status.state")["enum"].remove("Restarting")
    crd.change(older, selectable=1)
    with host() as operator:
        jobs.create(job(engine=TWO))
        jobs.reach("Running")
        jobs.annotate_pod("digits-worker-1", {"run-for": "10ms", "exit-code": "137"})
        wait_for(lambda: jobs.status().get("restarts") == 1, "the failure is counted")
        jobs.reach("Running")
        assert {condition["type"] for condition in jobs.status()["conditions"]} >= {"Created", "Running"}
        assert "Restarting" not in str(jobs.status())
        calls = [(call, answer) for call, answer in operator.api.calls if call.path.endswith("/status")]
        assert [answer.status for _, answer in calls if answer.status == 400] == []
        assert sum(answer.status == 422 for _, answer in calls) == 1
        assert len(calls) < 15
    crd.change(crd.ours)
    with host():
        jobs.annotate_pod("digits-worker-1", {"run-for": "10ms", "exit-code": "137"})
        wait_for(lambda: jobs.condition("Restarting") != {}, "the newer CRD takes it all")
        jobs.reach("Running")
