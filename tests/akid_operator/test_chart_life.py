"""The chart on a control plane of its own: installed, upgraded, rolled back and uninstalled while jobs run.

Its pods are simulated, like all; the operator runs beside them as a process, with the arguments and the service
account that the Deployment gives it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart import CHART
from cluster.control import Cluster
from cluster.helm import helm
from cluster.waiting import wait_for
from installation import DEPLOYMENT, LAB, OPS, RESTRICTED, arguments, installed, started
from jobs import Jobs, job

pytestmark = pytest.mark.cluster
LIVE = 200
CRD_FILE = "akidjobs.akid.dev.yaml"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/akidjobs.akid.dev"


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A control plane on which nothing is installed. All that helm and the operator make must be restricted."""
    with Cluster() as cluster:
        for name in (OPS, LAB):
            cluster.admin.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": RESTRICTED}})
            wait_for(lambda name=name: cluster.service_account_exists(name), "pods can be made there")
        yield cluster


def earlier(crd: dict[str, Any]) -> dict[str, Any]:
    """A CRD as an earlier release may have had it: a field less, another one more, a rule of another text."""
    (version,) = crd["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del spec["scheduling"]["properties"]["topologySpread"]
    spec["scheduling"]["properties"]["old"] = {"type": "string"}
    rules = spec["engine"]["x-kubernetes-validations"]
    rules[0]["rule"] = f"{rules[0]['rule']} || false"
    return crd


def spec_of(cluster: Cluster) -> dict[str, Any]:
    return cluster.admin.get(CRD)["spec"]["versions"][0]["schema"]


def test_the_command_of_the_notes_makes_an_earlier_kind_into_this_one(own: Cluster, tmp_path: Path) -> None:
    text = helm("show", "crds", str(CHART))
    release = tmp_path / "earlier"
    shutil.copytree(CHART, release)
    (release / "crds" / CRD_FILE).write_text(yaml.safe_dump(earlier(yaml.safe_load(text))))
    installed(own, "install", "akid", str(release))
    before = spec_of(own)
    own.kubectl("replace", "-f", "-", stdin=text)
    installed(own, "upgrade", "akid", str(CHART))
    assert before != spec_of(own)
    assert spec_of(own) == fresh(own, text)
    installed(own, "uninstall", "akid")
    installed(own, "install", "akid", str(CHART))  # on the kind that was left


def fresh(cluster: Cluster, text: str) -> dict[str, Any]:
    """The schema that the server has of a CRD that it did not know before."""
    other = yaml.safe_load(text)
    other["metadata"]["name"], other["spec"]["group"] = "akidjobs.fresh.dev", "fresh.dev"
    other["spec"]["names"] |= {"shortNames": ["fresh"]}
    cluster.kubectl("create", "-f", "-", stdin=yaml.safe_dump(other))
    return cluster.admin.get(CRD.replace("akid.dev", "fresh.dev"))["spec"]["versions"][0]["schema"]


def alive(jobs: Jobs) -> dict[str, str]:
    """The UIDs of the pods that run."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in jobs.items("pods")}


def undisturbed(own: Cluster, jobs: Jobs, pods: dict[str, str], log: Path) -> None:
    """With the operator as it is installed now, nothing of the jobs changes, and a new one runs."""
    with started(own, log) as operator:
        operator.ready()
        jobs.create(job("new", plays={"run-for": "100ms"}))
        jobs.reach("Succeeded", "new", timeout=60)
        jobs.delete("new")
        # Kubernetes' garbage collector takes it away, which may learn of a new kind only after minutes.
        wait_for(lambda: "new-worker-0" not in alive(jobs), "the pod of the new job is gone", 180)
        assert alive(jobs) == pods
        assert operator.end() == 0
    states = [
        item["status"] for item in jobs.api.get(f"/apis/akid.dev/v1alpha1/namespaces/{LAB}/akidjobs")["items"]
    ]
    assert [(state["state"], state.get("restarts", 0)) for state in states] == [("Running", 0)] * LIVE


def test_live_jobs_do_not_notice_what_helm_does(own: Cluster, tmp_path: Path) -> None:
    jobs = Jobs(own, LAB)
    installed(own, "install", "akid", str(CHART), "--wait")
    with started(own, tmp_path / "first") as operator:
        operator.ready()
        for number in range(LIVE):
            jobs.create(job(f"job-{number}"))
        wait_for(lambda: operator.figure('akid_jobs{state="Running"}') == LIVE, "all jobs run", 240)
        assert operator.end() == 0
    pods = alive(jobs)
    assert len(pods) == LIVE
    installed(own, "upgrade", "akid", str(CHART), "--wait", "--set=jobs.env.A=b,replicas=3")
    assert "--pod-env=A=b" in arguments(own)
    undisturbed(own, jobs, pods, tmp_path / "upgraded")
    installed(own, "rollback", "akid", "1", "--wait")
    assert "--pod-env=A=b" not in arguments(own)
    undisturbed(own, jobs, pods, tmp_path / "rolled back")
    installed(own, "uninstall", "akid", "--wait")
    assert own.admin.find(DEPLOYMENT) is None
    assert alive(jobs) == pods
    installed(own, "install", "akid", str(CHART), "--wait")
    undisturbed(own, jobs, pods, tmp_path / "installed again")
